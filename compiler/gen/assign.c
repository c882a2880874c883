// Several values into given slots at once: arguments of calls, tail calls and jumps.
//
// Targets may be slots of variables that the values are computed from (the parameters of a loop). Values
// with calls inside come first; of the others one is always chosen whose target nothing else still
// reads, and when there is none, a value waits in a temporary.
#include "compiler/gen/gen.h"

typedef struct {
    const Var *var;
    bool is_self; // the running procedure: every CORE_FREE reads it
    int32_t count;
} Counting;

static void count_var(void *context, Core **child)
{
    Counting *c = context;
    Core *n = *child;

    if (n->kind == CORE_LOCAL && n->u.local == c->var) c->count++;
    if (n->kind == CORE_FREE && c->is_self) c->count++;
    node_each_child(n, count_var, c);
}

// How often an expression reads a variable.
static int32_t reads(Gen *g, Core *n, const Var *v)
{
    Counting c = {v, v == g->fn->self, 0};

    count_var(&c, &n);
    return c.count;
}

bool gen_is_simple(const Core *n)
{
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
    case CORE_LOCAL:
    case CORE_GLOBAL:
    case CORE_FREE:
        return true;
    case CORE_PRIM:
        switch ((PrimShape)prim_info(n->u.prim.prim)->shape) {
        case PRIM_VALUE:
        case PRIM_TEST:
        case PRIM_COMPARE:
        case PRIM_BITS:
        case PRIM_KIND:
            break;
        default:
            return false; // they need a window, or call
        }
        for (uint32_t i = 0; i < n->u.prim.count; i++) {
            if (!gen_is_simple(n->u.prim.args[i])) return false;
        }
        return true;
    default:
        return false;
    }
}

static int32_t reads_of_all(Gen *g, Core **items, uint32_t count, const Var *v)
{
    int32_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i]) total += reads(g, items[i], v);
    }
    return total;
}

uint32_t gen_base_after(Gen *g, Core **items, uint32_t count)
{
    for (uint32_t slot = gen_highest(g, &g->used); slot > 0; slot--) {
        if (!slot_has(&g->used, slot - 1)) continue;
        Var *v = g->owner[slot - 1];
        if (!v || slot_has(&g->held, slot - 1)) return slot;
        if (gen_var(g, v)->uses > reads_of_all(g, items, count, v)) return slot;
    }
    return 0;
}

// ---- one assignment -------------------------------------------------------------------------------

typedef struct {
    Gen *g;
    Core **items;
    const uint32_t *targets;
    uint32_t count;
    uint32_t *temps; // where a value waits; NO_SLOT
    bool *done;
    bool last; // control leaves: what is not read by these values is not read any more
} Assign;

// Some item other than i still has to read the variable.
static bool is_read_by_others(const Assign *as, uint32_t i, const Var *v)
{
    for (uint32_t k = 0; k < as->count; k++) {
        if (k == i || as->done[k] || as->temps[k] != NO_SLOT) continue;
        if (reads(as->g, as->items[k], v) > 0) return true;
    }
    return false;
}

// Nothing that is still to be read lives in the target of item i.
static bool is_writable(const Assign *as, uint32_t i)
{
    Gen *g = as->g;
    uint32_t slot = as->targets[i];

    if (!slot_has(&g->set, slot)) return true;
    if (as->temps[i] == slot) return true;
    Var *v = g->owner[slot];
    if (!v) return false;
    // Labels around, whose code comes later, have uses of their own, which do not count here.
    if (as->last) return !is_read_by_others(as, i, v);
    int32_t own = as->temps[i] == NO_SLOT ? reads(g, as->items[i], v) : 0;
    return gen_var(g, v)->uses == own;
}

static void finish(Assign *as, uint32_t i)
{
    Gen *g = as->g;
    uint32_t target = as->targets[i], temp = as->temps[i];

    if (temp == NO_SLOT) {
        gen_expr(g, as->items[i], (To){TO_SLOT, target});
    } else if (temp != target) {
        gen_emit(g, OP_MOVE, target, temp, 0);
        gen_free(g, temp);
        gen_occupy(g, target);
        g->owner[target] = NULL;
    }
    as->done[i] = true;
}

static void to_temporary(Assign *as, uint32_t i)
{
    gen_expr(as->g, as->items[i], (To){TO_SLOT, NO_SLOT});
    as->temps[i] = as->g->result;
}

// Each of the values left waits in the target of another: one steps aside, beyond all targets.
static void step_aside(Assign *as)
{
    Gen *g = as->g;
    uint32_t beyond = gen_highest(g, &g->used), i = 0;

    for (uint32_t j = 0; j < as->count; j++) {
        beyond = MAX(beyond, as->targets[j] + 1);
    }
    gen_need_frame(g, beyond + 1);
    if (g->failed) return;
    while (as->done[i]) i++;
    gen_emit(g, OP_MOVE, beyond, as->temps[i], 0);
    gen_free(g, as->temps[i]);
    gen_occupy(g, beyond);
    g->owner[beyond] = NULL;
    as->temps[i] = beyond;
}

// Puts a value that waits for its target into a temporary. False when all that are left wait in one.
static bool set_one_aside(Assign *as)
{
    for (uint32_t i = 0; i < as->count; i++) {
        if (as->done[i] || as->temps[i] != NO_SLOT) continue;
        to_temporary(as, i);
        return true;
    }
    return false;
}

static void assign_complex(Assign *as)
{
    for (uint32_t i = 0; i < as->count && as->g->live && !as->g->failed; i++) {
        if (gen_is_simple(as->items[i])) continue;
        if (is_writable(as, i)) {
            finish(as, i);
        } else {
            to_temporary(as, i);
        }
    }
}

static void assign_rest(Assign *as)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < as->count; i++) {
        left += !as->done[i];
    }
    while (left > 0 && as->g->live && !as->g->failed) {
        bool progress = false;
        for (uint32_t i = 0; i < as->count; i++) {
            if (as->done[i] || !is_writable(as, i)) continue;
            finish(as, i);
            left--;
            progress = true;
        }
        if (!progress && !set_one_aside(as)) step_aside(as);
    }
}

void gen_assign(Gen *g, Core **items, const uint32_t *targets, uint32_t count, bool last)
{
    Assign as = {.g = g, .items = items, .targets = targets, .count = count, .last = last};

    as.temps = arena_array(&g->c->unit, uint32_t, count);
    as.done = arena_array(&g->c->unit, bool, count);
    for (uint32_t i = 0; i < count; i++) {
        as.temps[i] = NO_SLOT;
    }
    assign_complex(&as);
    assign_rest(&as);
}
