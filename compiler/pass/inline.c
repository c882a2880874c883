// Which procedures calls are replaced by, and how arguments become bindings.
//
// A module variable's procedure is inlined when it is small and its body needs nothing that other
// modules may not name. What is exported that way is kept as bytes (core_io), also for the module
// itself: each use decodes a fresh copy whose places are those of the call.
#include "compiler/core/core_io.h"
#include "compiler/pass/simplify.h"

#define INLINE_SIZE_MAX  16    // nodes of a clause's body
#define INLINE_DEPTH_MAX 6     // inlined into each other
#define GROWTH_MAX       60000 // nodes that inlining may add to a module

// ---- offering -----------------------------------------------------------------------------------

static void offer(Compiler *c, Global *g)
{
    Buf bytes = BUF_INIT;
    // A program's procedure in which something can fail stays a frame of its own, for traces to show.
    InlineRules rules = {INLINE_SIZE_MAX, c->privileged};

    g->inline_core = NULL;
    g->inline_size = 0;
    if (g->lambda && core_write(&bytes, g, &rules)) {
        // Interfaces outlive the unit.
        g->inline_core = (const uint8_t *)arena_text(&c->permanent, (const char *)bytes.data, bytes.size);
        g->inline_size = (uint32_t)bytes.size;
    }
    buf_free(&bytes);
}

void pass_offer_inlines(Compiler *c, Module *m)
{
    for (uint32_t i = 0; i < m->global_count; i++) {
        offer(c, m->globals[i]);
    }
}

// ---- using --------------------------------------------------------------------------------------

Lambda *inlinable(Simplify *s, Global *g, uint32_t count, Span span)
{
    if (!g->inline_core || g->assigned || g->open) return NULL;
    if (s->depth >= INLINE_DEPTH_MAX || s->growth > GROWTH_MAX) return NULL;
    Lambda *l = core_read(s->c, g->inline_core, g->inline_size, count, span);
    if (!l) return NULL;
    s->growth += node_size(l->clauses[0].body, INLINE_SIZE_MAX * 4);
    pass_census(l->clauses[0].body); // a fresh tree: nobody has counted it yet
    return l;
}

static Clause *choose_clause(Lambda *l, uint32_t count)
{
    for (uint32_t i = 0; i < l->clause_count; i++) {
        Clause *c = &l->clauses[i];
        if (count == c->required || (c->rest && count > c->required)) return c;
    }
    return NULL;
}

Core *apply_lambda(Simplify *s, Lambda *l, Core *call)
{
    uint32_t count = call->u.call.count;
    Clause *clause = choose_clause(l, count);

    if (!clause) return NULL;
    uint32_t params = clause->required + clause->rest;
    if (params == 0) return clause->body;
    Core **inits = arena_array(&s->c->unit, Core *, params);
    for (uint32_t i = 0; i < clause->required; i++) {
        inits[i] = call->u.call.args[i];
    }
    if (clause->rest) {
        Core *list = node_nil(s->c, call->span);
        for (uint32_t i = count; i > clause->required; i--) {
            list = node_prim(s->c, PRIM_ID_cons, 2, call->span, call->u.call.args[i - 1], list);
        }
        inits[clause->required] = list;
    }
    return node_let(s->c, CORE_LET, clause->params, inits, params, clause->body, call->span);
}
