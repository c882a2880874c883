// Contification: local procedures that are only ever called in tail position, from each other or from
// one place, all return to that place. They become labels: calls are jumps, nothing is captured.
//
// A named let is the common case. When the first call is not in tail position of the fix but the only
// one from outside, the fix moves there: (reverse (let loop ...)) is still a loop.
#include "compiler/pass/pass.h"

// ---- looking ------------------------------------------------------------------------------------

typedef struct {
    Core *fix;
    bool ok;          // so far every reference is a tail call that fits
    uint32_t outside; // references from the body
    Core **site;      // the only call from the body, when there is one
} Look;

static bool is_member(const Look *l, const Var *v)
{
    for (uint32_t i = 0; i < l->fix->u.let.count; i++) {
        if (l->fix->u.let.vars[i] == v) return true;
    }
    return false;
}

static const Lambda *lambda_of(const Core *fix, const Var *v)
{
    for (uint32_t i = 0; i < fix->u.let.count; i++) {
        if (fix->u.let.vars[i] == v) return fix->u.let.inits[i]->u.lambda;
    }
    return NULL;
}

static bool fits(const Core *fix, const Core *call)
{
    const Lambda *l = lambda_of(fix, call->u.call.fn->u.local);
    return l->clause_count == 1 && !l->clauses[0].rest && l->clauses[0].required == call->u.call.count;
}

static void look(Look *l, Core **child, bool tail, bool outside);

typedef struct {
    Look *look;
    bool outside;
} LookInto;

static void look_not_tail(void *context, Core **child)
{
    LookInto *into = context;
    look(into->look, child, false, into->outside);
}

static void look_items(Look *l, Core **items, uint32_t count, bool outside)
{
    for (uint32_t i = 0; i < count; i++) {
        look(l, &items[i], false, outside);
    }
}

static void look_call(Look *l, Core **child, bool tail, bool outside)
{
    Core *n = *child;

    look_items(l, n->u.call.args, n->u.call.count, outside);
    if (n->u.call.fn->kind != CORE_LOCAL || !is_member(l, n->u.call.fn->u.local)) {
        look(l, &n->u.call.fn, false, outside);
        return;
    }
    if (!fits(l->fix, n)) l->ok = false;
    if (outside) {
        l->outside += tail ? 1 : 1000; // more than one that is not tail: no single place
        l->site = child;
    } else if (!tail) {
        l->ok = false;
    }
}

static void look(Look *l, Core **child, bool tail, bool outside)
{
    Core *n = *child;
    LookInto into = {l, outside};

    if (!l->ok) return;
    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        if (is_member(l, n->u.local)) l->ok = false; // escapes
        break;
    case CORE_CALL:
        look_call(l, child, tail, outside);
        break;
    case CORE_IF:
        look(l, &n->u.branch.test, false, outside);
        look(l, &n->u.branch.then, tail, outside);
        look(l, &n->u.branch.otherwise, tail, outside);
        break;
    case CORE_SEQ:
        look_items(l, n->u.seq.items, n->u.seq.count - 1, outside);
        look(l, &n->u.seq.items[n->u.seq.count - 1], tail, outside);
        break;
    case CORE_LET:
        look_items(l, n->u.let.inits, n->u.let.count, outside);
        look(l, &n->u.let.body, tail, outside);
        break;
    case CORE_FIX:
        // Inner procedures return somewhere else.
        look_items(l, n->u.let.inits, n->u.let.count, outside);
        look(l, &n->u.let.body, tail, outside);
        break;
    case CORE_LABELS:
        // Labels return where the whole expression does.
        for (uint32_t i = 0; i < n->u.let.count; i++) {
            look(l, &n->u.let.inits[i]->u.lambda->clauses[0].body, tail, outside);
        }
        look(l, &n->u.let.body, tail, outside);
        break;
    case CORE_LET_VALUES:
        look(l, &n->u.let_values.init, false, outside);
        look(l, &n->u.let_values.body, tail, outside);
        break;
    default:
        node_each_child(n, look_not_tail, &into);
        break;
    }
}

static void look_inside(Look *l)
{
    for (uint32_t i = 0; i < l->fix->u.let.count && l->ok; i++) {
        Lambda *lambda = l->fix->u.let.inits[i]->u.lambda;
        if (lambda->clause_count != 1 || lambda->clauses[0].rest) {
            l->ok = false;
        } else {
            look(l, &lambda->clauses[0].body, true, false);
        }
    }
}

// ---- changing -------------------------------------------------------------------------------------

typedef struct {
    Compiler *c;
    Core *fix;
} Change;

static void change_calls(void *context, Core **child)
{
    Change *ch = context;
    Core *n = *child;

    node_each_child(n, change_calls, ch);
    if (n->kind != CORE_CALL || n->u.call.fn->kind != CORE_LOCAL ||
        !lambda_of(ch->fix, n->u.call.fn->u.local))
        return;
    Core *jump = node_new(ch->c, CORE_JUMP, n->span);
    jump->u.jump.label = n->u.call.fn->u.local;
    jump->u.jump.args = n->u.call.args;
    jump->u.jump.count = n->u.call.count;
    *child = jump;
}

static void make_labels(Compiler *c, Core *fix)
{
    Change change = {c, fix};

    fix->kind = CORE_LABELS;
    for (uint32_t i = 0; i < fix->u.let.count; i++) {
        change_calls(&change, &fix->u.let.inits[i]->u.lambda->clauses[0].body);
    }
    change_calls(&change, &fix->u.let.body);
}

static Core *convert_fix(Compiler *c, Core *fix)
{
    Look l = {.fix = fix, .ok = true};

    look_inside(&l);
    look(&l, &fix->u.let.body, true, true);
    if (!l.ok || l.outside == 0) return fix;
    if (l.outside < 1000) {
        make_labels(c, fix);
        return fix;
    }
    if (l.outside > 1000) return fix;
    // One call, not in tail position: the fix moves around it.
    Core *body = fix->u.let.body, *call = *l.site;
    Core *moved = node_let(c, CORE_FIX, fix->u.let.vars, fix->u.let.inits, fix->u.let.count, call,
                           fix->span);
    if (l.site == &fix->u.let.body) body = moved;
    *l.site = moved;
    make_labels(c, moved);
    return body;
}

// Procedures bound by a let are a fix of their own each, so that their calls are known too.
static Core *split_let(Compiler *c, Core *n)
{
    uint32_t kept = 0;
    Core *body = n->u.let.body;

    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Var *v = n->u.let.vars[i];
        Core *init = n->u.let.inits[i];
        if (init->kind != CORE_LAMBDA) {
            n->u.let.vars[kept] = v;
            n->u.let.inits[kept++] = init;
            continue;
        }
        Core *fix = node_let1(c, v, init, body);
        fix->kind = CORE_FIX;
        body = fix;
    }
    n->u.let.count = kept;
    n->u.let.body = body;
    return kept > 0 ? n : body;
}

static void walk(void *context, Core **child)
{
    Compiler *c = context;

    if ((*child)->kind == CORE_LET) *child = split_let(c, *child);
    node_each_child(*child, walk, c);
    if ((*child)->kind == CORE_FIX) *child = convert_fix(c, *child);
}

Core *pass_loops(Compiler *c, Core *n)
{
    walk(c, &n);
    return n;
}
