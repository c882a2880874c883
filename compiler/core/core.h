// The core language: the small closed tree that the expander produces and the passes transform.
//
// Every name is resolved: a variable is a Var (local) or a Global (a module's). The tree is owned
// by the unit's arena; passes rewrite it in place or build new nodes. core_check states what must
// hold between passes.
#ifndef COMPILER_CORE_CORE_H
#define COMPILER_CORE_CORE_H

#include "compiler/syntax/stx.h"
#include "vm/base/buf.h"

typedef struct Core Core;
typedef struct Var Var;
typedef struct Global Global;
typedef struct Lambda Lambda;

typedef enum {
    CORE_CONST,      // a datum
    CORE_LOCAL,      // value of a local variable
    CORE_GLOBAL,     // value of a module variable
    CORE_SET_LOCAL,  // (set! local e); its value is unspecified
    CORE_SET_GLOBAL, // (set! global e)
    CORE_DEFINE, // gives a Global its value; only at module level, in the body's CORE_SEQ or, for
                 // define-values, in a CORE_LET_VALUES that is an item of it
    CORE_IF,
    CORE_SEQ,    // at least one item; the value of the last
    CORE_LAMBDA, // one clause, or several (case-lambda)
    CORE_CALL,
    CORE_PRIM,       // a primitive (native.def), called with a number of arguments it accepts
    CORE_LET,        // inits evaluated in any order, all before the body
    CORE_LETREC,     // letrec*: evaluated and bound left to right; all in scope everywhere
    CORE_LET_VALUES, // one expression of several values, bound to the variables

    // Made by passes, never by the expander:
    CORE_FIX,     // letrec whose inits are all lambdas and whose variables are never assigned
    CORE_LABELS,  // local functions that are only ever jumped to (vars, lambdas, body)
    CORE_JUMP,    // to a label, with arguments
    CORE_FREE,    // value i of the closure that is running
    CORE_CLOSURE, // makes a procedure of a Function and captured values
    CORE_CALLK,   // calls a Function of this module directly
    CORE_KINDS
} CoreKind;

struct Var {
    Sym *name;
    Span span;
    uint32_t id;   // unique in the unit
    bool assigned; // some CORE_SET_LOCAL names it
    bool checked;  // may be read before its initialization: reads are checked
    // The rest belongs to the passes.
    uint32_t refs;  // references counted by the last census
    uint32_t calls; // of them, in operator position
    Var *renamed;   // its copy, while a tree is being copied
    void *info;     // whatever the running pass keeps
};

// A variable of a module, of this unit or imported. One object per variable and session.
struct Global {
    Sym *module;
    Sym *name;        // unique in its module (a macro-made definition may carry a made-up name)
    Span span;        // of the definition
    bool here;        // defined by the unit that is being expanded, the module that is being compiled
    bool defined;     // a definition was seen (here) or the interface says so
    bool assigned;    // some set! in its module names it
    bool open;        // of an interactive module: may be redefined, assume nothing about its value
    bool type;        // its value is a record type made by define-record-type
    bool needed;      // exported, or named by a macro that is: other modules may refer to it
    int32_t min_args; // -1: not known to be a procedure
    int32_t max_args; // -1: no upper bound
    const uint8_t *inline_core; // of an import, or once compiled: the procedure as core_io bytes,
    uint32_t inline_size;       // NULL when it is not to be inlined
    Lambda *lambda;             // here, defined once by a lambda and never assigned: that lambda
    uint32_t uses;
    void *info;
};

typedef struct {
    Var **params; // required ones, then the rest parameter when there is one
    uint32_t required;
    bool rest;
    Core *body;
} Clause;

struct Lambda {
    Sym *name; // for messages; NULL when anonymous
    Clause *clauses;
    uint32_t clause_count;
    void *info;
};

struct Core {
    uint8_t kind;
    Span span;
    union {
        Stx *constant;
        Var *local;
        Global *global;
        struct {
            Var *var;
            Core *value;
        } set_local;
        struct {
            Global *global;
            Core *value;
        } set_global; // and CORE_DEFINE
        struct {
            Core *test, *then, *otherwise;
            void *then_uses, *else_uses; // the code generator's
        } branch;
        struct {
            Core **items;
            uint32_t count;
        } seq;
        Lambda *lambda;
        struct {
            Core *fn;
            Core **args;
            uint32_t count;
        } call;
        struct {
            uint16_t prim; // index into the primitive table
            Core **args;
            uint32_t count;
        } prim;
        struct {
            Var **vars;
            Core **inits;
            uint32_t count;
            Core *body;
            void *info; // of CORE_LABELS: the code generator's
        } let; // CORE_LET, CORE_LETREC, CORE_FIX, CORE_LABELS (inits: CORE_LAMBDA)
        struct {
            Var **vars; // the last one takes the rest as a list when `rest`
            uint32_t count;
            bool rest;
            Core *init, *body;
        } let_values;
        struct {
            Var *label;
            Core **args;
            uint32_t count;
        } jump;
        struct {
            uint32_t index;
            Var *var; // which variable it is, for dumps
        } free;
        struct {
            struct Function *fn;
            Core **captures;
            uint32_t count;
        } closure;
        struct {
            struct Function *fn;
            Core **args;
            uint32_t count;
            Core *self; // the closure, when the function has free variables; else NULL
            uint32_t clause;
        } callk;
    } u;
};

// ---- what the expander hands over -------------------------------------------------------------

// One module of a unit, expanded. The program (a file's top-level forms) is a module too.
typedef struct {
    Sym *name;
    Span span;
    bool program;  // the top-level forms of a file
    bool open;     // interactive: definitions may be replaced later
    Sym **imports; // names of the modules to be run before, in order, each once
    uint32_t import_count;
    Core *body;       // CORE_SEQ of definitions and expressions, in order
    Global **globals; // defined here
    uint32_t global_count;
    Global *main;        // to be called after the body; NULL when there is none
    struct Iface *iface; // exports and macros, for importers (expander's)
} Module;

// ---- dumps (core_dump.c) -----------------------------------------------------------------------

// A tree as S-expressions. Locals are printed as name.id, variables of modules as module:name,
// calls as (call f x ...), primitives by their names.
void core_dump(const Core *core, Buf *out);
void core_dump_module(const Module *m, Buf *out);

#endif
