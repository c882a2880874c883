// See node.h.
#include "compiler/core/node.h"

#include "vm/base/check.h"

#include <stdarg.h>

// ---- making -------------------------------------------------------------------------------------

Core *node_new(Compiler *c, CoreKind kind, Span span)
{
    Core *n = arena_new(&c->unit, Core);
    n->kind = (uint8_t)kind;
    n->span = span;
    return n;
}

static Stx *new_datum(Compiler *c, StxKind kind, Span span)
{
    Stx *x = arena_new(&c->unit, Stx);
    x->kind = (uint8_t)kind;
    x->source = span.source;
    x->start = span.start;
    x->end = span.end;
    return x;
}

Core *node_const(Compiler *c, Stx *datum, Span span)
{
    Core *n = node_new(c, CORE_CONST, span);
    n->u.constant = datum;
    return n;
}

Core *node_bool(Compiler *c, bool b, Span span)
{
    Stx *x = new_datum(c, STX_BOOL, span);
    x->u.boolean = b;
    return node_const(c, x, span);
}

Core *node_unspecified(Compiler *c, Span span)
{
    return node_const(c, new_datum(c, STX_UNSPECIFIED, span), span);
}

Core *node_nil(Compiler *c, Span span)
{
    return node_const(c, new_datum(c, STX_NIL, span), span);
}

Core *node_int(Compiler *c, int64_t i, Span span)
{
    Stx *x = new_datum(c, STX_INT, span);
    x->u.integer = i;
    return node_const(c, x, span);
}

Core *node_symbol(Compiler *c, Sym *name, Span span)
{
    Stx *x = new_datum(c, STX_SYMBOL, span);
    x->u.symbol = name;
    return node_const(c, x, span);
}

Core *node_local(Compiler *c, Var *var, Span span)
{
    Core *n = node_new(c, CORE_LOCAL, span);
    n->u.local = var;
    return n;
}

Core *node_if(Compiler *c, Core *test, Core *then, Core *otherwise, Span span)
{
    Core *n = node_new(c, CORE_IF, span);
    n->u.branch.test = test;
    n->u.branch.then = then;
    n->u.branch.otherwise = otherwise;
    return n;
}

Core *node_seq2(Compiler *c, Core *first, Core *second)
{
    Core *n = node_new(c, CORE_SEQ, first->span);
    n->u.seq.items = arena_array(&c->unit, Core *, 2);
    n->u.seq.items[0] = first;
    n->u.seq.items[1] = second;
    n->u.seq.count = 2;
    return n;
}

Core *node_prim(Compiler *c, int prim, uint32_t count, Span span, ...)
{
    Core *n = node_new(c, CORE_PRIM, span);
    va_list args;

    n->u.prim.prim = (uint16_t)prim;
    n->u.prim.count = count;
    n->u.prim.args = arena_array(&c->unit, Core *, count);
    va_start(args, span);
    for (uint32_t i = 0; i < count; i++) {
        n->u.prim.args[i] = va_arg(args, Core *);
    }
    va_end(args);
    return n;
}

Core *node_let(Compiler *c, CoreKind kind, Var **vars, Core **inits, uint32_t count, Core *body,
               Span span)
{
    Core *n = node_new(c, kind, span);
    n->u.let.vars = vars;
    n->u.let.inits = inits;
    n->u.let.count = count;
    n->u.let.body = body;
    return n;
}

Core *node_let1(Compiler *c, Var *var, Core *init, Core *body)
{
    Var **vars = arena_array(&c->unit, Var *, 1);
    Core **inits = arena_array(&c->unit, Core *, 1);
    vars[0] = var;
    inits[0] = init;
    return node_let(c, CORE_LET, vars, inits, 1, body, init->span);
}

Var *node_var(Compiler *c, Sym *name, Span span)
{
    Var *v = arena_new(&c->unit, Var);
    v->name = name;
    v->span = span;
    v->id = ++c->next_var_id;
    return v;
}

// ---- walking ------------------------------------------------------------------------------------

static void visit_all(Core **items, uint32_t count, void (*visit)(void *, Core **), void *context)
{
    for (uint32_t i = 0; i < count; i++) {
        visit(context, &items[i]);
    }
}

void node_each_child(Core *n, void (*visit)(void *context, Core **child), void *context)
{
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
    case CORE_LOCAL:
    case CORE_GLOBAL:
    case CORE_FREE:
    case CORE_KINDS:
        break;
    case CORE_SET_LOCAL:
        visit(context, &n->u.set_local.value);
        break;
    case CORE_SET_GLOBAL:
    case CORE_DEFINE:
        visit(context, &n->u.set_global.value);
        break;
    case CORE_IF:
        visit(context, &n->u.branch.test);
        visit(context, &n->u.branch.then);
        visit(context, &n->u.branch.otherwise);
        break;
    case CORE_SEQ:
        visit_all(n->u.seq.items, n->u.seq.count, visit, context);
        break;
    case CORE_LAMBDA:
        for (uint32_t i = 0; i < n->u.lambda->clause_count; i++) {
            visit(context, &n->u.lambda->clauses[i].body);
        }
        break;
    case CORE_CALL:
        visit(context, &n->u.call.fn);
        visit_all(n->u.call.args, n->u.call.count, visit, context);
        break;
    case CORE_PRIM:
        visit_all(n->u.prim.args, n->u.prim.count, visit, context);
        break;
    case CORE_LET:
    case CORE_LETREC:
    case CORE_FIX:
    case CORE_LABELS:
        visit_all(n->u.let.inits, n->u.let.count, visit, context);
        visit(context, &n->u.let.body);
        break;
    case CORE_LET_VALUES:
        visit(context, &n->u.let_values.init);
        visit(context, &n->u.let_values.body);
        break;
    case CORE_JUMP:
        visit_all(n->u.jump.args, n->u.jump.count, visit, context);
        break;
    case CORE_CLOSURE:
        visit_all(n->u.closure.captures, n->u.closure.count, visit, context);
        break;
    case CORE_CALLK:
        visit_all(n->u.callk.args, n->u.callk.count, visit, context);
        if (n->u.callk.self) visit(context, &n->u.callk.self);
        break;
    }
}

typedef struct {
    uint32_t count, max;
} Size;

static void add_size(void *context, Core **child)
{
    Size *s = context;
    if (++s->count < s->max) node_each_child(*child, add_size, s);
}

uint32_t node_size(Core *n, uint32_t max)
{
    Size s = {0, max};
    add_size(&s, &n);
    return s.count;
}

// ---- copying ------------------------------------------------------------------------------------

static Var *copy_var(Compiler *c, Var *v)
{
    Var *copy = node_var(c, v->name, v->span);
    copy->assigned = v->assigned;
    copy->checked = v->checked;
    copy->refs = v->refs;
    copy->calls = v->calls;
    v->renamed = copy;
    return copy;
}

static Var **copy_vars(Compiler *c, Var **vars, uint32_t count)
{
    Var **copy = arena_array(&c->unit, Var *, count);
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = copy_var(c, vars[i]);
    }
    return copy;
}

static Core **copy_nodes(Compiler *c, Core **nodes, uint32_t count)
{
    Core **copy = arena_array(&c->unit, Core *, count);
    for (uint32_t i = 0; i < count; i++) {
        copy[i] = node_copy(c, nodes[i]);
    }
    return copy;
}

static Var *renamed(Var *v)
{
    return v->renamed ? v->renamed : v;
}

// Names go out of scope with the tree that binds them.
static void forget_vars(Var **vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vars[i]->renamed = NULL;
    }
}

Lambda *lambda_copy(Compiler *c, Lambda *l)
{
    Lambda *copy = arena_new(&c->unit, Lambda);

    *copy = *l;
    copy->clauses = arena_array(&c->unit, Clause, l->clause_count);
    for (uint32_t i = 0; i < l->clause_count; i++) {
        Clause *from = &l->clauses[i], *to = &copy->clauses[i];
        uint32_t params = from->required + from->rest;
        *to = *from;
        to->params = copy_vars(c, from->params, params);
        to->body = node_copy(c, from->body);
        forget_vars(from->params, params);
    }
    return copy;
}

static void copy_let(Compiler *c, Core *n, Core *copy)
{
    bool recursive = n->kind != CORE_LET;

    if (!recursive) copy->u.let.inits = copy_nodes(c, n->u.let.inits, n->u.let.count);
    copy->u.let.vars = copy_vars(c, n->u.let.vars, n->u.let.count);
    if (recursive) copy->u.let.inits = copy_nodes(c, n->u.let.inits, n->u.let.count);
    copy->u.let.body = node_copy(c, n->u.let.body);
    forget_vars(n->u.let.vars, n->u.let.count);
}

static void copy_child(void *context, Core **child)
{
    *child = node_copy(context, *child);
}

Core *node_copy(Compiler *c, Core *n)
{
    Core *copy = arena_new(&c->unit, Core);

    *copy = *n;
    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        copy->u.local = renamed(n->u.local);
        break;
    case CORE_SET_LOCAL:
        copy->u.set_local.var = renamed(n->u.set_local.var);
        copy->u.set_local.value = node_copy(c, n->u.set_local.value);
        break;
    case CORE_LAMBDA:
        copy->u.lambda = lambda_copy(c, n->u.lambda);
        break;
    case CORE_LET:
    case CORE_LETREC:
    case CORE_FIX:
    case CORE_LABELS:
        copy_let(c, n, copy);
        break;
    case CORE_LET_VALUES:
        copy->u.let_values.init = node_copy(c, n->u.let_values.init);
        copy->u.let_values.vars = copy_vars(c, n->u.let_values.vars, n->u.let_values.count);
        copy->u.let_values.body = node_copy(c, n->u.let_values.body);
        forget_vars(n->u.let_values.vars, n->u.let_values.count);
        break;
    case CORE_SEQ:
        copy->u.seq.items = copy_nodes(c, n->u.seq.items, n->u.seq.count);
        break;
    case CORE_CALL:
        copy->u.call.fn = node_copy(c, n->u.call.fn);
        copy->u.call.args = copy_nodes(c, n->u.call.args, n->u.call.count);
        break;
    case CORE_PRIM:
        copy->u.prim.args = copy_nodes(c, n->u.prim.args, n->u.prim.count);
        break;
    case CORE_JUMP:
        copy->u.jump.label = renamed(n->u.jump.label);
        copy->u.jump.args = copy_nodes(c, n->u.jump.args, n->u.jump.count);
        break;
    case CORE_FREE:
    case CORE_CLOSURE:
    case CORE_CALLK:
    case CORE_KINDS:
        PANIC("core copied after closure conversion");
    case CORE_CONST:
    case CORE_GLOBAL:
    case CORE_SET_GLOBAL:
    case CORE_DEFINE:
    case CORE_IF:
        node_each_child(copy, copy_child, c);
        break;
    }
    return copy;
}
