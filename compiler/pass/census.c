// Counting references, and what is known about a module's variables before anything is transformed.
#include "compiler/pass/pass.h"

static void reset(Var **vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vars[i]->refs = vars[i]->calls = 0;
    }
}

static void count(void *context, Core **child)
{
    Core *n = *child;

    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        n->u.local->refs++;
        break;
    case CORE_GLOBAL:
        n->u.global->uses++;
        break;
    case CORE_CALL:
        if (n->u.call.fn->kind == CORE_LOCAL) n->u.call.fn->u.local->calls++;
        break;
    case CORE_LET:
    case CORE_LETREC:
    case CORE_FIX:
    case CORE_LABELS:
        reset(n->u.let.vars, n->u.let.count);
        break;
    case CORE_LET_VALUES:
        reset(n->u.let_values.vars, n->u.let_values.count);
        break;
    case CORE_LAMBDA:
        for (uint32_t i = 0; i < n->u.lambda->clause_count; i++) {
            Clause *clause = &n->u.lambda->clauses[i];
            reset(clause->params, clause->required + clause->rest);
        }
        break;
    default:
        break;
    }
    node_each_child(n, count, context);
}

void pass_census(Core *n)
{
    count(NULL, &n);
}

// ---- globals ------------------------------------------------------------------------------------

static void note_arity(Global *g, const Lambda *l)
{
    int32_t min = INT32_MAX, max = 0;

    for (uint32_t i = 0; i < l->clause_count; i++) {
        const Clause *c = &l->clauses[i];
        min = MIN(min, (int32_t)c->required);
        if (c->rest) {
            max = -1;
        } else if (max >= 0) {
            max = MAX(max, (int32_t)c->required);
        }
    }
    g->min_args = min;
    g->max_args = max;
}

static void note_definition(void *context, Core **child)
{
    Core *n = *child;

    (void)context;
    if (n->kind == CORE_DEFINE) {
        Global *g = n->u.set_global.global;
        Core *value = n->u.set_global.value;
        g->lambda = NULL;
        if (value->kind == CORE_LAMBDA && !g->assigned && !g->open) {
            g->lambda = value->u.lambda;
            note_arity(g, value->u.lambda);
        }
    } else if (n->kind == CORE_SEQ) {
        node_each_child(n, note_definition, context);
    }
}

void pass_note_globals(Module *m)
{
    for (uint32_t i = 0; i < m->global_count; i++) {
        m->globals[i]->min_args = -1;
        m->globals[i]->max_args = -1;
        m->globals[i]->lambda = NULL;
        m->globals[i]->uses = 0;
    }
    note_definition(NULL, &m->body);
}
