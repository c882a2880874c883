// Making and walking core trees, for the passes.
#ifndef COMPILER_CORE_NODE_H
#define COMPILER_CORE_NODE_H

#include "compiler/core/core.h"
#include "compiler/session.h"

Core *node_new(Compiler *c, CoreKind kind, Span span);
Core *node_const(Compiler *c, Stx *datum, Span span);
Core *node_bool(Compiler *c, bool b, Span span);
Core *node_unspecified(Compiler *c, Span span);
Core *node_nil(Compiler *c, Span span);
Core *node_int(Compiler *c, int64_t n, Span span);
Core *node_symbol(Compiler *c, Sym *name, Span span);
Core *node_local(Compiler *c, Var *var, Span span);
Core *node_if(Compiler *c, Core *test, Core *then, Core *otherwise, Span span);
Core *node_seq2(Compiler *c, Core *first, Core *second);
Core *node_prim(Compiler *c, int prim, uint32_t count, Span span, ...); // Core * each
Core *node_let(Compiler *c, CoreKind kind, Var **vars, Core **inits, uint32_t count, Core *body,
               Span span);
Core *node_let1(Compiler *c, Var *var, Core *init, Core *body);
Var *node_var(Compiler *c, Sym *name, Span span);

// Calls `visit` with the address of every direct child, in the order of evaluation.
void node_each_child(Core *n, void (*visit)(void *context, Core **child), void *context);

// A copy of a tree in which every variable bound inside is a new one.
Core *node_copy(Compiler *c, Core *n);
Lambda *lambda_copy(Compiler *c, Lambda *l);

// Number of nodes, counting stops at `max`.
uint32_t node_size(Core *n, uint32_t max);

static inline bool node_is_false(const Core *n)
{
    return n->kind == CORE_CONST && n->u.constant->kind == STX_BOOL && !n->u.constant->u.boolean;
}

static inline bool node_is_small_int(const Core *n, int64_t *out)
{
    if (n->kind != CORE_CONST || n->u.constant->kind != STX_INT) return false;
    *out = n->u.constant->u.integer;
    return true;
}

#endif
