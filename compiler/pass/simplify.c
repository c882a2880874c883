// The simplifier: one walk that replaces variables by constants and copies, calls of known procedures
// by their bodies, and tests of known outcome by a branch.
//
// A variable's substitute stands in Var.info: a constant, another variable, a module variable, or,
// for a procedure that is called once, its lambda, which moves to the call.
#include "compiler/pass/simplify.h"

#include "compiler/diag.h"

#include <string.h>

// ---- what may be assumed --------------------------------------------------------------------------

// Reading it cannot fail and always gives the same value.
static bool is_stable_global(const Global *g)
{
    return g->defined && !g->assigned && !g->open && (!g->here || g->lambda);
}

static bool all_effect_free(Core *const *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!is_effect_free(items[i])) return false;
    }
    return true;
}

bool is_effect_free(const Core *n)
{
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
    case CORE_LAMBDA:
        return true;
    case CORE_LOCAL:
        return !n->u.local->checked;
    case CORE_GLOBAL:
        return is_stable_global(n->u.global);
    case CORE_PRIM: {
        uint8_t flags = prim_info(n->u.prim.prim)->flags;
        return (flags & PRIMF_PURE) && (flags & PRIMF_NOFAIL) &&
               all_effect_free(n->u.prim.args, n->u.prim.count);
    }
    case CORE_IF:
        return is_effect_free(n->u.branch.test) && is_effect_free(n->u.branch.then) &&
               is_effect_free(n->u.branch.otherwise);
    case CORE_SEQ:
        return all_effect_free(n->u.seq.items, n->u.seq.count);
    default:
        return false;
    }
}

// 1: never #f, 0: always #f, -1: unknown.
static int truth(const Core *n)
{
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
        return !node_is_false(n);
    case CORE_LAMBDA:
        return 1;
    case CORE_PRIM:
        return n->u.prim.prim == PRIM_ID_cons || n->u.prim.prim == PRIM_ID_void ? 1 : -1;
    case CORE_SEQ:
        return truth(n->u.seq.items[n->u.seq.count - 1]);
    default:
        return -1;
    }
}

// ---- sequences ------------------------------------------------------------------------------------

// `first` for its effect, then `second`.
static Core *sequence(Simplify *s, Core *first, Core *second)
{
    return is_effect_free(first) ? second : node_seq2(s->c, first, second);
}

static Core *simplify_seq(Simplify *s, Core *n, Context ctx)
{
    uint32_t kept = 0, count = n->u.seq.count;

    for (uint32_t i = 0; i < count; i++) {
        bool last = i + 1 == count;
        Core *item = simplify(s, n->u.seq.items[i], last ? ctx : CTX_EFFECT);
        if (last || !is_effect_free(item)) n->u.seq.items[kept++] = item;
    }
    n->u.seq.count = kept;
    return kept == 1 ? n->u.seq.items[0] : n;
}

// ---- variables ------------------------------------------------------------------------------------

static Core *simplify_local(Simplify *s, Core *n)
{
    Core *with = n->u.local->info;

    if (!with) return n;
    if (with->kind == CORE_LAMBDA) { // its only use
        n->u.local->info = NULL;
        return simplify(s, with, CTX_VALUE);
    }
    Core *copy = node_new(s->c, (CoreKind)with->kind, n->span);
    copy->u = with->u;
    return copy;
}

// True when the variable can be replaced by its init everywhere.
static bool is_copy(const Core *init)
{
    return init->kind == CORE_CONST || (init->kind == CORE_LOCAL && !init->u.local->assigned) ||
           (init->kind == CORE_GLOBAL && is_stable_global(init->u.global));
}

static bool may_move(const Var *v, const Core *init)
{
    return init->kind == CORE_LAMBDA && v->refs == 1 && v->calls == 1;
}

// ---- let ----------------------------------------------------------------------------------------

// (let ((v e)) (if v a b)) where v occurs nowhere else: the init becomes the test.
static bool is_test_only(const Core *n, Context ctx, bool *or_form)
{
    const Core *body = n->u.let.body;
    const Var *v = n->u.let.vars[0];

    if (n->u.let.count != 1 || v->assigned || body->kind != CORE_IF ||
        body->u.branch.test->kind != CORE_LOCAL || body->u.branch.test->u.local != v)
        return false;
    *or_form = ctx == CTX_TEST && v->refs == 2 && body->u.branch.then->kind == CORE_LOCAL &&
               body->u.branch.then->u.local == v;
    return v->refs == 1 || *or_form;
}

static Core *merge_test(Simplify *s, Core *n, Context ctx, bool or_form)
{
    Core *body = n->u.let.body;

    body->u.branch.test = n->u.let.inits[0];
    if (or_form) body->u.branch.then = node_bool(s->c, true, n->span);
    return simplify(s, body, ctx);
}

// (let ((v e)) (p v)), as inlining makes it of (not e): e takes the place of v.
static bool is_argument_only(const Core *n)
{
    const Core *body = n->u.let.body;
    const Var *v = n->u.let.vars[0];

    return n->u.let.count == 1 && v->refs == 1 && !v->assigned && body->kind == CORE_PRIM &&
           body->u.prim.count == 1 && body->u.prim.args[0]->kind == CORE_LOCAL &&
           body->u.prim.args[0]->u.local == v;
}

static Core *simplify_let(Simplify *s, Core *n, Context ctx)
{
    Core *effects = NULL;
    uint32_t kept = 0;
    bool or_form;

    if (is_test_only(n, ctx, &or_form)) return merge_test(s, n, ctx, or_form);
    if (is_argument_only(n)) {
        n->u.let.body->u.prim.args[0] = n->u.let.inits[0];
        return simplify(s, n->u.let.body, ctx);
    }
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Var *v = n->u.let.vars[i];
        bool unused = v->refs == 0 && !v->assigned;
        // A lambda that will move is simplified where it goes.
        bool moves = !v->assigned && may_move(v, n->u.let.inits[i]);
        Core *init = n->u.let.inits[i];
        if (!moves) init = simplify(s, init, unused ? CTX_EFFECT : CTX_VALUE);
        if (unused) {
            if (is_effect_free(init)) continue;
            effects = effects ? node_seq2(s->c, effects, init) : init;
        } else if (moves || (!v->assigned && is_copy(init))) {
            v->info = init;
        } else {
            v->info = NULL;
            n->u.let.vars[kept] = v;
            n->u.let.inits[kept++] = init;
        }
    }
    n->u.let.count = kept;
    n->u.let.body = simplify(s, n->u.let.body, ctx);
    Core *result = kept > 0 ? n : n->u.let.body;
    return effects ? node_seq2(s->c, effects, result) : result;
}

typedef struct {
    const Var *var;
    bool found;
} Search;

static void search(void *context, Core **child)
{
    Search *f = context;
    if ((*child)->kind == CORE_LOCAL && (*child)->u.local == f->var) f->found = true;
    if (!f->found) node_each_child(*child, search, f);
}

static bool names(Core *n, const Var *v)
{
    Search f = {v, false};
    search(&f, &n);
    return f.found;
}

// Procedures nobody names any more go; one that is called once, and not by itself, moves.
static Core *simplify_fix(Simplify *s, Core *n, Context ctx)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Var *v = n->u.let.vars[i];
        if (v->refs == 0) continue;
        n->u.let.vars[kept] = v;
        n->u.let.inits[kept++] = n->u.let.inits[i];
    }
    n->u.let.count = kept;
    if (kept == 1 && n->u.let.vars[0]->refs == 1) {
        // One reference in all: if it is in the body, the procedure does not name itself.
        Core *let = node_let1(s->c, n->u.let.vars[0], n->u.let.inits[0], n->u.let.body);
        if (!names(n->u.let.inits[0], n->u.let.vars[0])) return simplify_let(s, let, ctx);
    }
    for (uint32_t i = 0; i < kept; i++) {
        n->u.let.vars[i]->info = NULL;
        n->u.let.inits[i] = simplify(s, n->u.let.inits[i], CTX_VALUE);
    }
    n->u.let.body = simplify(s, n->u.let.body, ctx);
    return kept > 0 ? n : n->u.let.body;
}

static Core *simplify_let_values(Simplify *s, Core *n, Context ctx)
{
    Core *init = n->u.let_values.init = simplify(s, n->u.let_values.init, CTX_VALUE);
    uint32_t count = n->u.let_values.count;

    for (uint32_t i = 0; i < count; i++) {
        n->u.let_values.vars[i]->info = NULL;
    }
    bool known = init->kind == CORE_PRIM && init->u.prim.prim == PRIM_ID_values;
    if (known && !n->u.let_values.rest && init->u.prim.count == count) {
        Core *let = node_let(s->c, CORE_LET, n->u.let_values.vars, init->u.prim.args, count,
                             n->u.let_values.body, n->span);
        return simplify_let(s, let, ctx);
    }
    // (call-with-values producer (lambda (a b) ...)): the list of values is only applied.
    Core *body = n->u.let_values.body;
    if (n->u.let_values.rest && count == 1 && body->kind == CORE_PRIM &&
        body->u.prim.prim == PRIM_ID_apply && body->u.prim.count == 2 &&
        body->u.prim.args[1]->kind == CORE_LOCAL &&
        body->u.prim.args[1]->u.local == n->u.let_values.vars[0] &&
        n->u.let_values.vars[0]->refs == 1) {
        Core *fn = simplify(s, body->u.prim.args[0], CTX_VALUE);
        if (fn->kind == CORE_LAMBDA && fn->u.lambda->clause_count == 1) {
            Clause *clause = &fn->u.lambda->clauses[0];
            n->u.let_values.vars = clause->params;
            n->u.let_values.count = clause->required + clause->rest;
            n->u.let_values.rest = clause->rest;
            n->u.let_values.body = clause->body;
            return n;
        }
        body->u.prim.args[0] = fn;
        return n;
    }
    n->u.let_values.body = simplify(s, body, ctx);
    return n;
}

// ---- if -----------------------------------------------------------------------------------------

static bool is_prim(const Core *n, PrimId prim)
{
    return n->kind == CORE_PRIM && n->u.prim.prim == prim;
}

static Core *simplify_if(Simplify *s, Core *n, Context ctx)
{
    Core *test = simplify(s, n->u.branch.test, CTX_TEST);

    while (is_prim(test, PRIM_ID_not)) {
        Core *then = n->u.branch.then;
        n->u.branch.then = n->u.branch.otherwise;
        n->u.branch.otherwise = then;
        test = test->u.prim.args[0];
    }
    int known = truth(test);
    if (known >= 0) {
        Core *taken = simplify(s, known ? n->u.branch.then : n->u.branch.otherwise, ctx);
        return sequence(s, test, taken);
    }
    n->u.branch.test = test;
    n->u.branch.then = simplify(s, n->u.branch.then, ctx);
    n->u.branch.otherwise = simplify(s, n->u.branch.otherwise, ctx);
    if (ctx == CTX_EFFECT && is_effect_free(n->u.branch.then) &&
        is_effect_free(n->u.branch.otherwise))
        return test;
    return n;
}

// ---- calls --------------------------------------------------------------------------------------

static void simplify_items(Simplify *s, Core **items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        items[i] = simplify(s, items[i], CTX_VALUE);
    }
}

static void warn_arity(Simplify *s, const Core *n, const Global *g)
{
    uint32_t got = n->u.call.count;

    if (!s->first || g->min_args < 0 || g->assigned || g->open) return;
    if (got >= (uint32_t)g->min_args && (g->max_args < 0 || got <= (uint32_t)g->max_args)) return;
    if (g->max_args == g->min_args) {
        diag_at(s->c->diag, DIAG_WARNING, n->span, "%s: expected %d argument%s, got %u",
                g->name->text, g->min_args, g->min_args == 1 ? "" : "s", got);
    } else {
        diag_at(s->c->diag, DIAG_WARNING, n->span, "%s: expected %s %d argument%s, got %u",
                g->name->text, got < (uint32_t)g->min_args ? "at least" : "at most",
                got < (uint32_t)g->min_args ? g->min_args : g->max_args,
                (got < (uint32_t)g->min_args ? g->min_args : g->max_args) == 1 ? "" : "s", got);
    }
}

static Core *simplify_call(Simplify *s, Core *n, Context ctx)
{
    Core *fn = n->u.call.fn;
    Lambda *known = NULL;

    if (fn->kind == CORE_LOCAL && fn->u.local->info) {
        Core *with = fn->u.local->info;
        if (with->kind == CORE_LAMBDA) {
            fn->u.local->info = NULL;
            known = with->u.lambda;
            n->u.call.fn = fn = with;
        } else {
            n->u.call.fn = fn = simplify_local(s, fn);
        }
    } else if (fn->kind == CORE_LAMBDA) {
        known = fn->u.lambda;
    }
    if (fn->kind == CORE_GLOBAL) {
        warn_arity(s, n, fn->u.global);
        known = inlinable(s, fn->u.global, n->u.call.count, n->span);
    }
    if (known) {
        s->depth++;
        Core *applied = apply_lambda(s, known, n);
        Core *result = applied ? simplify(s, applied, ctx) : NULL;
        s->depth--;
        if (result) return result;
    }
    if (fn->kind != CORE_GLOBAL) n->u.call.fn = simplify(s, fn, CTX_VALUE);
    if (n->u.call.fn->kind == CORE_LAMBDA && !known) {
        Core *applied = apply_lambda(s, n->u.call.fn->u.lambda, n);
        if (applied) return simplify(s, applied, ctx);
    }
    simplify_items(s, n->u.call.args, n->u.call.count);
    return n;
}

static Core *simplify_prim(Simplify *s, Core *n, Context ctx)
{
    simplify_items(s, n->u.prim.args, n->u.prim.count);
    return fold_prim(s, n, ctx);
}

// ---- the walk -----------------------------------------------------------------------------------

Core *simplify(Simplify *s, Core *n, Context ctx)
{
    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        return simplify_local(s, n);
    case CORE_SET_LOCAL:
        n->u.set_local.value = simplify(s, n->u.set_local.value, CTX_VALUE);
        return n;
    case CORE_SET_GLOBAL:
    case CORE_DEFINE:
        n->u.set_global.value = simplify(s, n->u.set_global.value, CTX_VALUE);
        return n;
    case CORE_IF:
        return simplify_if(s, n, ctx);
    case CORE_SEQ:
        return simplify_seq(s, n, ctx);
    case CORE_LAMBDA:
        for (uint32_t i = 0; i < n->u.lambda->clause_count; i++) {
            Clause *c = &n->u.lambda->clauses[i];
            c->body = simplify(s, c->body, CTX_VALUE);
        }
        return n;
    case CORE_CALL:
        return simplify_call(s, n, ctx);
    case CORE_PRIM:
        return simplify_prim(s, n, ctx);
    case CORE_LET:
        return simplify_let(s, n, ctx);
    case CORE_FIX:
        return simplify_fix(s, n, ctx);
    case CORE_LET_VALUES:
        return simplify_let_values(s, n, ctx);
    case CORE_CONST:
    case CORE_GLOBAL:
    default:
        return n;
    }
}

Core *pass_simplify(Compiler *c, Core *n, bool first)
{
    Simplify s = {.c = c, .first = first};

    pass_census(n);
    return simplify(&s, n, CTX_VALUE);
}
