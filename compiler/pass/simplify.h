// Shared by the files of the simplifier.
#ifndef COMPILER_PASS_SIMPLIFY_H
#define COMPILER_PASS_SIMPLIFY_H

#include "compiler/pass/pass.h"

// What becomes of an expression's value.
typedef enum {
    CTX_VALUE,
    CTX_TEST,   // only whether it is #f
    CTX_EFFECT, // nothing
} Context;

typedef struct {
    Compiler *c;
    bool first;       // warnings are given once
    unsigned depth;   // of procedures inlined into each other
    unsigned growth;  // nodes added by inlining so far, in this module
} Simplify;

Core *simplify(Simplify *s, Core *n, Context ctx);

// A call of a lambda: arguments become bindings. NULL when no clause fits.
Core *apply_lambda(Simplify *s, Lambda *l, Core *call);

// Folds a primitive whose arguments are simplified; gives n back when there is nothing to fold.
Core *fold_prim(Simplify *s, Core *n, Context ctx);

// Evaluating it changes nothing and cannot fail: it may be dropped, or done at another time.
bool is_effect_free(const Core *n);

// The procedure, with the clause for `count` arguments, that a call at `span` of a module variable may
// be replaced by: a new copy; or NULL.
Lambda *inlinable(Simplify *s, Global *g, uint32_t count, Span span);

#endif
