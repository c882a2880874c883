// Weak references and guardians (vm/heap/weak.c).
#include "runtime/native/natives.h"

NATIVE_FN(weak_make)
{
    (void)count;
    return heap_weak(HEAP(a), &args[0], NULL);
}

NATIVE_FN(weak_object)
{
    (void)count;
    if (!value_is_kind(args[0], KIND_WEAK))
        return fail_type(HEAP(a), "weak-reference-value", "a weak reference", args[0]);
    return ((Weak *)value_words(args[0]))->object;
}

NATIVE_FN(guard_track)
{
    (void)count;
    if (!value_is_pair(args[0]) || heap_is_shared(HEAP(a), args[0]))
        return fail_type(HEAP(a), "guardian-track!", "a pair that is no literal", args[0]);
    Value v = heap_weak(HEAP(a), &args[1], &args[0]);
    return value_is(v, V_FAIL) ? v : V_TRUE;
}
