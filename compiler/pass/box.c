// Assignment conversion: a variable that is ever assigned becomes a box, made where the variable is
// bound. After this pass variables never change, so values may be captured by copying, and a frame
// that a continuation enters twice still shares its variables.
#include "compiler/pass/pass.h"

static void convert(void *context, Core **child);

static Core *new_box(Compiler *c, const Var *v, Core *init)
{
    if (v->checked) return node_prim(c, PRIM_ID_unset_box, 0, init->span);
    return node_prim(c, PRIM_ID_box, 1, init->span, init);
}

// A parameter arrives as a value: a new variable takes it, the old one becomes the box around it.
static Core *box_params(Compiler *c, Var **params, uint32_t count, Core *body)
{
    for (uint32_t i = count; i > 0; i--) {
        Var *v = params[i - 1];
        if (!v->assigned) continue;
        Var *arrived = node_var(c, v->name, v->span);
        params[i - 1] = arrived;
        body = node_let1(c, v, new_box(c, v, node_local(c, arrived, v->span)), body);
    }
    return body;
}

static Core *convert_ref(Compiler *c, Core *n)
{
    Var *v = n->u.local;

    if (!v->assigned) return n;
    if (v->checked)
        return node_prim(c, PRIM_ID_unbox_checked, 2, n->span, n, node_symbol(c, v->name, n->span));
    return node_prim(c, PRIM_ID_unbox, 1, n->span, n);
}

static void convert(void *context, Core **child)
{
    Compiler *c = context;
    Core *n = *child;

    node_each_child(n, convert, c);
    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        *child = convert_ref(c, n);
        break;
    case CORE_SET_LOCAL:
        *child = node_prim(c, PRIM_ID_set_box, 2, n->span,
                           node_local(c, n->u.set_local.var, n->span), n->u.set_local.value);
        break;
    case CORE_LET:
        for (uint32_t i = 0; i < n->u.let.count; i++) {
            if (n->u.let.vars[i]->assigned)
                n->u.let.inits[i] = new_box(c, n->u.let.vars[i], n->u.let.inits[i]);
        }
        break;
    case CORE_LET_VALUES:
        n->u.let_values.body = box_params(c, n->u.let_values.vars, n->u.let_values.count,
                                          n->u.let_values.body);
        break;
    case CORE_LAMBDA:
        for (uint32_t i = 0; i < n->u.lambda->clause_count; i++) {
            Clause *clause = &n->u.lambda->clauses[i];
            clause->body = box_params(c, clause->params, clause->required + clause->rest,
                                      clause->body);
        }
        break;
    default:
        break;
    }
}

static void settle(Var **vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vars[i]->assigned = vars[i]->checked = false;
    }
}

// From here on the variables hold boxes and are themselves never assigned.
static void settle_all(void *context, Core **child)
{
    Core *n = *child;

    if (n->kind == CORE_LET) settle(n->u.let.vars, n->u.let.count);
    node_each_child(n, settle_all, context);
}

Core *pass_box(Compiler *c, Core *n)
{
    convert(c, &n);
    settle_all(c, &n);
    return n;
}
