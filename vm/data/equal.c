// See equal.h.
//
// Cyclic data: after many steps, pairs of compound objects that are being compared are taken for
// equal and joined into classes (union-find); what is in one class already need not be compared
// again. Between two joins a number of steps goes without, so that large data that are not cyclic
// cost little more. It ends: each join makes one class less, and without one nothing is pushed.
// (Adams, Dybvig: Efficient nondestructive equality checking for trees and graphs, ICFP 2008.)
#include "vm/data/equal.h"

#include "vm/base/map.h"
#include "vm/base/mem.h"
#include "vm/data/bytes.h"
#include "vm/data/hamt.h"
#include "vm/data/num.h"

// Pairs still to be compared.
typedef struct {
    Value x, y;
} Both;

typedef struct {
    Both *stack;
    size_t depth, capacity;
    Both first[64];
    Map classes;   // object -> {another one of its class, nearer to the one that stands for it}
    uint32_t fast; // steps to go until classes are looked at
    unsigned level; // of comparisons inside comparisons
    bool no_memory;
} Equal;

#define FIRST_STEPS 100000
#define FAST_STEPS  32
// Keys of maps that have the same hash are compared by a comparison of their own, and so on inwards; what
// is nested deeper than this counts as different.
#define LEVELS_MAX 100

static bool compare(Value x, Value y, uint64_t *steps, unsigned level);

static bool push_both(Equal *e, Value x, Value y)
{
    if (e->depth == e->capacity) {
        size_t more = e->capacity * 2;
        Both *stack = mem_alloc(MEM_SCRATCH, more * sizeof *stack);
        if (!stack) {
            e->no_memory = true;
            return false;
        }
        memcpy(stack, e->stack, e->depth * sizeof *stack);
        if (e->stack != e->first) mem_free(MEM_SCRATCH, e->stack, e->capacity * sizeof *stack);
        e->stack = stack;
        e->capacity = more;
    }
    e->stack[e->depth++] = (Both){x, y};
    return true;
}

static uint64_t class_of(Equal *e, Value v)
{
    uint64_t key = v.bits;
    MapEntry *up, *at = map_find(&e->classes, key);

    while (at) {
        up = map_find(&e->classes, at->a);
        key = at->a;
        if (up) at->a = up->a; // half the way for the next time
        at = up;
    }
    return key;
}

// Are two compound objects known to be equal? If not they are from now on.
static bool is_joined(Equal *e, Value x, Value y)
{
    bool made;

    if (e->fast > 0) {
        e->fast--;
        return false;
    }
    uint64_t a = class_of(e, x), b = class_of(e, y);
    if (a == b) return true;
    MapEntry *entry = map_add(&e->classes, MEM_SCRATCH, a, &made);
    if (entry) {
        entry->a = b;
        e->fast = FAST_STEPS;
    } else {
        e->no_memory = true;
    }
    return false;
}

// The entries of buckets have no order: each key looks for its like, then the values are compared.
static bool equal_buckets(Equal *e, Value x, Value y)
{
    size_t n = hamt_entry_count(x);

    if (e->level == LEVELS_MAX || n != hamt_entry_count(y)) return false;
    for (size_t i = 0; i < n; i++) {
        const Value *a = hamt_entry(x, i);
        size_t j = 0;
        while (j < n && !compare(a[0], hamt_entry(y, j)[0], NULL, e->level + 1)) {
            j++;
        }
        if (j == n || !push_both(e, a[1], hamt_entry(y, j)[1])) return false;
    }
    return true;
}

static bool push_slots(Equal *e, Value x, Value y)
{
    for (size_t i = object_count(x); i > 0; i--) {
        if (!push_both(e, object_ref(x, i - 1), object_ref(y, i - 1))) return false;
    }
    return true;
}

// Compared slot by slot; maps with the same keys have the same shape.
static bool has_slots(Kind kind)
{
    return kind == KIND_VECTOR || kind == KIND_HASHMAP || kind == KIND_HASHSET || kind == KIND_HASHNODE;
}

// Equal without looking into compound objects, whose parts are pushed.
static bool equal_shallow(Equal *e, Value x, Value y)
{
    if (value_is(x, y)) return true;
    if (value_tag(x) != value_tag(y)) return false;
    if (value_is_pair(x))
        return is_joined(e, x, y) || (push_both(e, value_cdr(x), value_cdr(y)) &&
                                      push_both(e, value_car(x), value_car(y)));
    if (value_is_number(x)) return value_is_number(y) && num_eqv(x, y);
    if (value_tag(x) != TAG_OBJ) return false;
    Kind kind = header_kind(value_header(x));
    if (kind != header_kind(value_header(y))) return false;
    if (kind == KIND_STRING || kind == KIND_BYTEVECTOR) return bytes_equal(x, y);
    if (kind == KIND_EXTERNAL_PID || kind == KIND_EXTERNAL_REF) return external_eqv(x, y);
    if (!has_slots(kind) || object_count(x) != object_count(y)) return false;
    if (is_joined(e, x, y)) return true;
    if (kind == KIND_HASHNODE && hamt_is_bucket(x) && hamt_is_bucket(y)) return equal_buckets(e, x, y);
    return push_slots(e, x, y);
}

static bool compare(Value x, Value y, uint64_t *steps, unsigned level)
{
    Equal e; // not zeroed: that would cost more than most comparisons
    bool equal = true;

    if (value_is(x, y)) return true;
    e.level = level;
    e.depth = 0;
    e.capacity = countof(e.first);
    e.no_memory = false;
    e.fast = FIRST_STEPS;
    e.classes = (Map){0};
    e.stack = e.first;
    push_both(&e, x, y);
    while (equal && e.depth > 0 && !e.no_memory) {
        Both b = e.stack[--e.depth];
        equal = equal_shallow(&e, b.x, b.y);
        if (steps) ++*steps;
    }
    map_free(&e.classes, MEM_SCRATCH);
    if (e.stack != e.first) mem_free(MEM_SCRATCH, e.stack, e.capacity * sizeof *e.stack);
    return equal && !e.no_memory;
}

bool value_equal_steps(Value x, Value y, uint64_t *steps)
{
    return compare(x, y, steps, 0);
}
