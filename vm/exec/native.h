// What natives use: checking arguments, ranges, and waiting.
//
// A native gets its arguments in frame slots, checks every one of them (images may be forged: even
// natives that only the standard library names are called with anything), and reads them from their
// slots again after whatever may collect.
#ifndef VM_EXEC_NATIVE_H
#define VM_EXEC_NATIVE_H

#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"
#include "vm/data/bytes.h"
#include "vm/data/num.h"
#include "vm/exec/exec.h"

#define NATIVE_FN(id) Value native_##id(Actor *a, Value *args, unsigned count)
#define HEAP(a)       (&(a)->heap)

// An index below `limit` as an integer; false when it is none.
static inline bool native_index(Value v, size_t limit, size_t *out)
{
    *out = (size_t)(v.bits >> 3);
    return value_is_fix(v) && *out < limit;
}

// A non-negative fixnum.
static inline bool native_size(Value v, size_t *out)
{
    *out = (size_t)value_int(v);
    return value_is_fix(v) && value_int(v) >= 0;
}

// [start, end) from the arguments at `at` and `at` + 1, which may be missing or default. On failure the
// fault is set.
static inline bool native_range(Actor *a, const char *who, const char *what, Value *args,
                                unsigned count, unsigned at, size_t length, size_t *start,
                                size_t *end)
{
    *start = 0;
    *end = length;
    if (count > at + 1 && !value_is(args[at + 1], V_DEFAULT) &&
        !native_index(args[at + 1], length + 1, end)) {
        (void)fail_index(HEAP(a), who, args[at + 1], what, length);
        return false;
    }
    if (count > at && !value_is(args[at], V_DEFAULT) && !native_index(args[at], *end + 1, start)) {
        (void)fail_index(HEAP(a), who, args[at], what, *end);
        return false;
    }
    return true;
}

// What is worth this much copying counts as one reduction.
#define CHARGE_BYTES 256

static inline void native_charge_bytes(Actor *a, size_t bytes)
{
    actor_charge(a, bytes / CHARGE_BYTES);
}

#endif
