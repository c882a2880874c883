// The passes between the expander and the code generator. Each takes a module's tree and returns the
// tree to go on with; core_check states what must hold after each.
//
//   letrec    letrec* becomes let, fix (mutually recursive lambdas) and, where it must, assignment
//   simplify  constants, copies, known calls, small and single-use procedures; runs twice, and in
//             between small procedures are made available for inlining elsewhere
//   box       assigned variables become boxes
//   loops     procedures that are only ever tail-called from one place become labels
//   closure   nested procedures become Functions with captured values, direct calls where known
#ifndef COMPILER_PASS_PASS_H
#define COMPILER_PASS_PASS_H

#include "compiler/core/node.h"
#include "vm/image/prim.h"

Core *pass_letrec(Compiler *c, Core *n);
Core *pass_simplify(Compiler *c, Core *n, bool first);
Core *pass_box(Compiler *c, Core *n);
Core *pass_loops(Compiler *c, Core *n);

// Counts references: Var.refs and calls, Global.uses.
void pass_census(Core *n);

// Notes what is known about the module's variables: which are procedures, with how many arguments.
void pass_note_globals(Module *m);
// Makes the module's small procedures available for inlining (Global.inline_core).
void pass_offer_inlines(Compiler *c, Module *m);

// ---- after closure conversion ---------------------------------------------------------------------

typedef struct Function Function;

// One procedure of the module, closed: its body names its own variables and its captured values only.
struct Function {
    Sym *name;
    Span span;
    Clause *clauses; // parameters; of a lifted function the added ones are last of the required
    uint32_t clause_count;
    uint32_t free_count; // captured values; with any, the procedure itself is passed along
    Var *self;           // the running procedure, in its body
    uint32_t index;      // of its code in the image
    Function *next;
    // The code generator's: word index of each clause's ENTER, and calls that wait for it.
    uint32_t *enter;
    struct CallFixup **fixups;
};

typedef struct {
    Function *init;  // the module's body
    Function *first; // all of them, by index
    uint32_t count;
} Program;

Program *pass_closure(Compiler *c, Module *m, Core *body);

#endif
