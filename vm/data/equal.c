// See equal.h.
#include "vm/data/equal.h"

#include "vm/base/mem.h"
#include "vm/data/bytes.h"
#include "vm/data/num.h"

// Pairs still to be compared.
typedef struct {
    Value x, y;
} Both;

typedef struct {
    Both *stack;
    size_t depth, capacity;
    Both first[64];
    bool no_memory;
} Equal;

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

// Equal without looking into compound objects, whose parts are pushed.
static bool equal_shallow(Equal *e, Value x, Value y)
{
    if (value_is(x, y)) return true;
    if (value_tag(x) != value_tag(y)) return false;
    if (value_is_pair(x)) return push_both(e, value_cdr(x), value_cdr(y)) && push_both(e, value_car(x), value_car(y));
    if (value_is_number(x)) return value_is_number(y) && num_eqv(x, y);
    if (value_tag(x) != TAG_OBJ) return false;
    Kind kind = header_kind(value_header(x));
    if (kind != header_kind(value_header(y))) return false;
    if (kind == KIND_STRING || kind == KIND_BYTEVECTOR) return bytes_equal(x, y);
    if (kind != KIND_VECTOR || object_count(x) != object_count(y)) return false;
    for (size_t i = object_count(x); i > 0; i--) {
        if (!push_both(e, object_ref(x, i - 1), object_ref(y, i - 1))) return false;
    }
    return true;
}

bool value_equal_steps(Value x, Value y, uint64_t *steps)
{
    Equal e; // not zeroed: that would cost more than most comparisons
    bool equal = true;

    e.depth = 0;
    e.capacity = countof(e.first);
    e.no_memory = false;
    e.stack = e.first;
    push_both(&e, x, y);
    while (equal && e.depth > 0) {
        Both b = e.stack[--e.depth];
        equal = equal_shallow(&e, b.x, b.y);
        if (steps) ++*steps;
    }
    if (e.stack != e.first) mem_free(MEM_SCRATCH, e.stack, e.capacity * sizeof *e.stack);
    return equal && !e.no_memory;
}
