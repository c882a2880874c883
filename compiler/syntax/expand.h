// The expander: syntax to core trees and module interfaces.
//
// What the driver does, for a file and for a REPL line alike:
//
//     UnitFrame frame;
//     unit_begin(c, &frame);
//     Expanded e;
//     if (expand_source(c, &source, &e)) {
//         for each e.modules[i], in order: passes, code; then iface_write for its image
//     }
//     unit_end(c, &frame);
//
// An import of a module that the session does not know asks host->find; for FOUND_SOURCE the
// expander calls host->require, which does the above for that other file (units nest) and thereby
// makes the module known. Nothing of the outer unit is touched meanwhile.
#ifndef COMPILER_SYNTAX_EXPAND_H
#define COMPILER_SYNTAX_EXPAND_H

#include "compiler/session.h"

typedef struct Iface Iface;

typedef struct {
    Module **modules; // each behind those it imports, else as written; the program last
    uint32_t count;
    bool has_program; // the last one is the file's top-level forms (there were some)
} Expanded;

// Expands a whole file. True when no error was reported; the modules are valid only then.
MUST_USE bool expand_source(Compiler *c, const Source *source, Expanded *out);

// Expands the next forms (a proper list from the reader, or one built by eval) for the interactive
// module `module`, which begins to exist with the first call. Definitions, imports and macros stay
// when the result is true; when it is false nothing of these forms does (end the unit then, before
// any further ones). The last module of *out is the interactive one (open = true) with a body of
// those forms; `module` and `define-library` forms among them come before it. The value of the last
// form is the value of the body.
//
// What eval adds: a `closed` module sees nothing but its imports, a `fixed` one lets nothing be
// defined from now on; with `imports` the form is an import form, whatever the word means there;
// `locals` are variables around the forms, which must then be one expression.
typedef struct {
    bool closed, fixed, imports;
    Sym *const *locals; // their values are the last ones of the session's objects
    uint32_t local_count;
} OpenInput;
MUST_USE bool expand_open(Compiler *c, Sym *module, Stx *forms, const OpenInput *in, Expanded *out);

// The one object that stands for a module's variable in this session; made when it is new. Facts
// come from the module's interface when the session knows it.
Global *expand_global(Compiler *c, Sym *module, Sym *name);

// What tests and fuzzers may tighten before the first expansion. 0 keeps the default.
typedef struct {
    uint32_t depth;       // nested forms (10,000)
    uint32_t steps;       // macro uses at one place, one inside the result of another (100,000)
    uint64_t nodes;       // syntax made by macros at one place (10,000,000)
    uint32_t suggestions; // unbound names that get a suggestion, per unit (20)
} ExpandLimits;
void expand_set_limits(Compiler *c, ExpandLimits limits);

// For session.c.
void expander_init(Compiler *c);
void expander_free(Compiler *c);
void expander_enter_unit(Compiler *c);
void expander_leave_unit(Compiler *c);

#endif
