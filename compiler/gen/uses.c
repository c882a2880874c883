// Counting uses: how often each variable is still to be read, in all and in each branch of each if.
//
// Counts are gathered in lists that are nested like the branches. A variable knows the innermost list
// that has it; when a branch is done its entries hand the variable back to the list outside.
#include "compiler/gen/gen.h"

#include <string.h>

// An entry of a list, with what the variable belonged to before.
typedef struct {
    Use use;
    uint32_t acc, at;
} Entry;

typedef struct {
    Entry *items;
    uint32_t count, capacity;
    uint32_t id;
} Acc;

typedef struct {
    Gen *g;
    Acc *acc;
    uint32_t next_id;
} Count;

static void add_use(Count *c, Var *v, int32_t n)
{
    VarState *s = v->info;
    Acc *acc = c->acc;

    if (s->acc == acc->id) {
        acc->items[s->at].use.count += n;
        return;
    }
    if (acc->count == acc->capacity) {
        uint32_t more = acc->capacity ? acc->capacity * 2 : 8;
        Entry *items = arena_array(&c->g->c->unit, Entry, more);
        if (acc->count) memcpy(items, acc->items, acc->count * sizeof *items);
        acc->items = items;
        acc->capacity = more;
    }
    acc->items[acc->count] = (Entry){{v, n}, s->acc, s->at};
    s->acc = acc->id;
    s->at = acc->count++;
}

static void bind(Count *c, Var **vars, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        VarState *s = arena_new(&c->g->c->unit, VarState);
        s->slot = NO_SLOT;
        vars[i]->info = s;
    }
}

static void walk(void *context, Core **child);

// Counts a subtree on its own; the result also counts in the list around.
static UseList *branch_uses(Count *c, Core **tree)
{
    Acc inner = {.id = ++c->next_id}, *outer = c->acc;
    UseList *list = arena_new(&c->g->c->unit, UseList);

    c->acc = &inner;
    walk(c, tree);
    c->acc = outer;
    for (uint32_t i = inner.count; i > 0; i--) {
        VarState *s = inner.items[i - 1].use.var->info;
        s->acc = inner.items[i - 1].acc;
        s->at = inner.items[i - 1].at;
    }
    list->items = arena_array(&c->g->c->unit, Use, inner.count);
    list->count = inner.count;
    for (uint32_t i = 0; i < inner.count; i++) {
        list->items[i] = inner.items[i].use;
        add_use(c, inner.items[i].use.var, inner.items[i].use.count);
    }
    return list;
}

// ---- labels -------------------------------------------------------------------------------------

// What the bodies of labels read from around them.
typedef struct {
    Count *count;
    Core *node;
    UseList *pins;
    uint32_t mark; // VarState.acc of variables that are in, or bound inside
} Pins;

static void mark_bound(Pins *p, Var **vars, uint32_t count)
{
    bind(p->count, vars, count);
    for (uint32_t i = 0; i < count; i++) {
        ((VarState *)vars[i]->info)->acc = p->mark;
    }
}

static void pin(Pins *p, Var *v)
{
    VarState *s = v->info;
    UseList *pins = p->pins;

    if (s->acc == p->mark) return;
    if (pins->count == pins->capacity) {
        uint32_t more = pins->capacity ? pins->capacity * 2 : 8;
        Use *items = arena_array(&p->count->g->c->unit, Use, more);
        if (pins->count) memcpy(items, pins->items, pins->count * sizeof *items);
        pins->items = items;
        pins->capacity = more;
    }
    // The old membership is kept in the count until the search is over.
    pins->items[pins->count++] = (Use){v, (int32_t)s->acc};
    s->acc = p->mark;
}

// A jump to labels further out needs what their bodies need.
static void pin_outer(Pins *p, const Core *jump)
{
    LabelRef *ref = jump->u.jump.label->info;

    if (!ref || ref->group->node == p->node) return;
    for (uint32_t i = 0; i < ref->group->pins.count; i++) {
        pin(p, ref->group->pins.items[i].var);
    }
}

static void find_pins(void *context, Core **child)
{
    Pins *p = context;
    Core *n = *child;

    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        pin(p, n->u.local);
        return;
    case CORE_FREE:
        pin(p, p->count->g->fn->self);
        return;
    case CORE_JUMP:
        pin_outer(p, n);
        break;
    case CORE_LET:
    case CORE_FIX:
        mark_bound(p, n->u.let.vars, n->u.let.count);
        break;
    case CORE_LABELS:
        for (uint32_t i = 0; i < n->u.let.count; i++) {
            Clause *clause = &n->u.let.inits[i]->u.lambda->clauses[0];
            mark_bound(p, clause->params, clause->required);
            n->u.let.vars[i]->info = NULL; // further in: no group yet
            find_pins(p, &clause->body);
        }
        find_pins(p, &n->u.let.body);
        return;
    case CORE_LET_VALUES:
        mark_bound(p, n->u.let_values.vars, n->u.let_values.count);
        break;
    default:
        break;
    }
    node_each_child(n, find_pins, p);
}

static LabelGroup *new_group(Count *c, Core *n)
{
    Arena *arena = &c->g->c->unit;
    LabelGroup *group = arena_new(arena, LabelGroup);
    uint32_t count = n->u.let.count;

    group->node = n;
    group->labels = arena_array(arena, Label, count);
    group->at = arena_array(arena, uint32_t, count);
    group->params = arena_array(arena, uint32_t *, count);
    group->uses = arena_array(arena, UseList *, count);
    for (uint32_t i = 0; i < count; i++) {
        LabelRef *ref = arena_new(arena, LabelRef);
        *ref = (LabelRef){group, i};
        n->u.let.vars[i]->info = ref;
        group->at[i] = UINT32_MAX;
    }
    n->u.let.info = group;
    return group;
}

static void walk_labels(Count *c, Core *n)
{
    LabelGroup *group = new_group(c, n);
    Pins pins = {c, n, &group->pins, ++c->next_id};

    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Clause *clause = &n->u.let.inits[i]->u.lambda->clauses[0];
        mark_bound(&pins, clause->params, clause->required);
    }
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        find_pins(&pins, &n->u.let.inits[i]->u.lambda->clauses[0].body);
    }
    for (uint32_t i = 0; i < group->pins.count; i++) {
        Use *use = &group->pins.items[i];
        ((VarState *)use->var->info)->acc = (uint32_t)use->count;
        use->count = 1; // each jump is one use
    }
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Clause *clause = &n->u.let.inits[i]->u.lambda->clauses[0];
        bind(c, clause->params, clause->required);
        group->uses[i] = branch_uses(c, &clause->body);
    }
    walk(c, &n->u.let.body);
}

// ---- the walk -----------------------------------------------------------------------------------

static void walk(void *context, Core **child)
{
    Count *c = context;
    Core *n = *child;

    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        add_use(c, n->u.local, 1);
        return;
    case CORE_FREE:
        add_use(c, c->g->fn->self, 1);
        return;
    case CORE_IF:
        walk(c, &n->u.branch.test);
        n->u.branch.then_uses = branch_uses(c, &n->u.branch.then);
        n->u.branch.else_uses = branch_uses(c, &n->u.branch.otherwise);
        return;
    case CORE_LABELS:
        walk_labels(c, n);
        return;
    case CORE_JUMP: {
        LabelRef *ref = n->u.jump.label->info;
        for (uint32_t i = 0; i < ref->group->pins.count; i++) {
            add_use(c, ref->group->pins.items[i].var, 1);
        }
        break;
    }
    case CORE_LET:
    case CORE_FIX:
        bind(c, n->u.let.vars, n->u.let.count);
        break;
    case CORE_LET_VALUES:
        bind(c, n->u.let_values.vars, n->u.let_values.count);
        break;
    default:
        break;
    }
    node_each_child(n, walk, c);
}

void gen_count_uses(Gen *g, Function *f, Clause *clause)
{
    Acc all = {.id = 1};
    Count c = {.g = g, .acc = &all, .next_id = 1};

    bind(&c, clause->params, clause->required + clause->rest);
    if (f->free_count > 0) bind(&c, &f->self, 1);
    walk(&c, &clause->body);
    for (uint32_t i = 0; i < all.count; i++) {
        VarState *s = all.items[i].use.var->info;
        s->uses = all.items[i].use.count;
    }
}
