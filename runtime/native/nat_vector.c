// Natives of vectors, bytevectors, records, and equal?.
#include "runtime/native/natives.h"

#include "vm/data/equal.h"
#include "vm/exec/ops.h"

#include <string.h>

// Elements a native moves before it lets others run.
#define STEP_WORDS 65536

static Value new_vector(Actor *a, size_t n)
{
    if (n > ((size_t)1 << 40)) return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "object too large");
    Value *p = heap_alloc(HEAP(a), header_make(KIND_VECTOR, n));
    return p ? value_from_words(p, TAG_OBJ) : V_FAIL;
}

static bool is_vector(Value v)
{
    return value_is_kind(v, KIND_VECTOR);
}

NATIVE_FN(make_vector)
{
    size_t n;

    (void)count;
    if (!native_size(args[0], &n)) return fail_type(HEAP(a), "make-vector", "a length", args[0]);
    Value v = new_vector(a, n);
    if (value_is(v, V_FAIL)) return v;
    Value *slots = value_words(v) + 1;
    for (size_t i = 0; i < n; i++) {
        slots[i] = args[1];
    }
    native_charge_bytes(a, n * sizeof(Value));
    return v;
}

NATIVE_FN(vector_copy)
{
    size_t start, end;

    if (!is_vector(args[0])) return fail_type(HEAP(a), "vector-copy", "a vector", args[0]);
    if (!native_range(a, "vector-copy", "a vector", args, count, 1, object_count(args[0]), &start, &end))
        return V_FAIL;
    Value v = new_vector(a, end - start);
    if (value_is(v, V_FAIL)) return v;
    memcpy(value_words(v) + 1, value_words(args[0]) + 1 + start, (end - start) * sizeof(Value));
    native_charge_bytes(a, (end - start) * sizeof(Value));
    return v;
}

// (to at from start end): moves in steps, noting in the arguments how far it came. Overlapping moves
// towards higher indexes go from the end.
NATIVE_FN(vector_copy_to)
{
    size_t at, start, end;

    if (!is_vector(args[0])) return fail_type(HEAP(a), "vector-copy!", "a vector", args[0]);
    if (!is_vector(args[2])) return fail_type(HEAP(a), "vector-copy!", "a vector", args[2]);
    if (!native_index(args[1], object_count(args[0]) + 1, &at))
        return fail_index(HEAP(a), "vector-copy!", args[1], "a vector", object_count(args[0]));
    if (!native_range(a, "vector-copy!", "a vector", args, count, 3, object_count(args[2]), &start, &end))
        return V_FAIL;
    if (end - start > object_count(args[0]) - at)
        return fail_index(HEAP(a), "vector-copy!", value_fix((int64_t)(at + end - start)), "a vector",
                          object_count(args[0]));
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_literal(a, "vector-copy!", args[0]);
    bool down = value_is(args[0], args[2]) && at > start;
    size_t n = end - start;
    for (size_t i = 0; i < n; i++) {
        size_t k = down ? n - 1 - i : i;
        heap_store(HEAP(a), args[0], object_slot(args[0], at + k), object_ref(args[2], start + k));
    }
    native_charge_bytes(a, n * sizeof(Value));
    return V_UNSPECIFIED;
}

NATIVE_FN(vector_fill)
{
    size_t start, end;

    if (!is_vector(args[0])) return fail_type(HEAP(a), "vector-fill!", "a vector", args[0]);
    if (!native_range(a, "vector-fill!", "a vector", args, count, 2, object_count(args[0]), &start, &end))
        return V_FAIL;
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_literal(a, "vector-fill!", args[0]);
    size_t stop = count > 2 ? MIN(end, start + STEP_WORDS) : end;
    for (size_t i = start; i < stop; i++) {
        heap_store(HEAP(a), args[0], object_slot(args[0], i), args[1]);
    }
    native_charge_bytes(a, (stop - start) * sizeof(Value));
    if (stop == end) return V_UNSPECIFIED;
    args[2] = value_fix((int64_t)stop);
    return V_YIELD;
}

// Of a proper list whose length has been counted.
NATIVE_FN(list_to_vector)
{
    size_t n;

    (void)count;
    if (!native_size(args[1], &n)) return fail_type(HEAP(a), "list->vector", "a length", args[1]);
    Value v = new_vector(a, n);
    if (value_is(v, V_FAIL)) return v;
    Value *slot = value_words(v) + 1, list = args[0];
    for (size_t i = 0; i < n; i++) {
        slot[i] = value_is_pair(list) ? value_car(list) : V_UNSPECIFIED;
        if (value_is_pair(list)) list = value_cdr(list);
    }
    native_charge_bytes(a, n * sizeof(Value));
    return v;
}

// ---- bytevectors ----------------------------------------------------------------------------------

#define EXPECT_BYTES(a, who, v)                                                                    \
    do {                                                                                           \
        if (!value_is_kind(v, KIND_BYTEVECTOR)) return fail_type(HEAP(a), who, "a bytevector", v); \
    } while (0)

NATIVE_FN(make_bytevector)
{
    size_t n, byte;

    (void)count;
    if (!native_size(args[0], &n)) return fail_type(HEAP(a), "make-bytevector", "a length", args[0]);
    if (!native_index(args[1], 256, &byte))
        return fail_type(HEAP(a), "make-bytevector", "a byte", args[1]);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, n, 0);
    if (value_is(v, V_FAIL)) return v;
    memset(bytes_data(value_bytes(v)), (int)byte, n);
    native_charge_bytes(a, n);
    return v;
}

NATIVE_FN(bytevector_copy)
{
    size_t start, end;

    EXPECT_BYTES(a, "bytevector-copy", args[0]);
    if (!native_range(a, "bytevector-copy", "a bytevector", args, count, 1,
                      bytes_length(value_bytes(args[0])), &start, &end))
        return V_FAIL;
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, end - start, 0);
    if (value_is(v, V_FAIL)) return v;
    memcpy(bytes_data(value_bytes(v)), bytes_data(value_bytes(args[0])) + start, end - start);
    native_charge_bytes(a, end - start);
    return v;
}

NATIVE_FN(bytevector_copy_to)
{
    size_t at, start, end;

    EXPECT_BYTES(a, "bytevector-copy!", args[0]);
    EXPECT_BYTES(a, "bytevector-copy!", args[2]);
    size_t room = bytes_length(value_bytes(args[0]));
    if (!native_index(args[1], room + 1, &at))
        return fail_index(HEAP(a), "bytevector-copy!", args[1], "a bytevector", room);
    if (!native_range(a, "bytevector-copy!", "a bytevector", args, count, 3,
                      bytes_length(value_bytes(args[2])), &start, &end))
        return V_FAIL;
    if (end - start > room - at)
        return fail_index(HEAP(a), "bytevector-copy!", value_fix((int64_t)(at + end - start)),
                          "a bytevector", room);
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_literal(a, "bytevector-copy!", args[0]);
    if (!bytes_own(HEAP(a), &args[0])) return V_FAIL;
    memmove(bytes_data(value_bytes(args[0])) + at, bytes_data(value_bytes(args[2])) + start, end - start);
    native_charge_bytes(a, end - start);
    return V_UNSPECIFIED;
}

NATIVE_FN(bytevector_append)
{
    size_t length = 0;

    for (unsigned i = 0; i < count; i++) {
        EXPECT_BYTES(a, "bytevector-append", args[i]);
        length += bytes_length(value_bytes(args[i]));
    }
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, length, 0);
    if (value_is(v, V_FAIL)) return v;
    uint8_t *to = bytes_data(value_bytes(v));
    for (unsigned i = 0; i < count; i++) {
        Bytes *b = value_bytes(args[i]);
        memcpy(to, bytes_data(b), bytes_length(b));
        to += bytes_length(b);
    }
    native_charge_bytes(a, length);
    return v;
}

// ---- records --------------------------------------------------------------------------------------

NATIVE_FN(make_record_type)
{
    Vm *vm = actor_vm(a);

    if (!value_is_symbol(args[0])) return fail_type(HEAP(a), "make-record-type", "a symbol", args[0]);
    for (unsigned i = 1; i < 4; i++) {
        if (!is_vector(args[i])) return fail_type(HEAP(a), "make-record-type", "a vector", args[i]);
    }
    Value *p = heap_alloc(HEAP(a), header_make(KIND_RECORD_TYPE, RTYPE_SLOTS));
    if (!p) return V_FAIL;
    Value origin = value_is_symbol(args[5]) ? args[5] : actor_make_ref(a);
    int64_t uid = record_uid(vm->type_key, origin, args[0], args[1]);
    p[1 + RTYPE_NAME] = args[0];
    p[1 + RTYPE_UID] = value_fix(uid);
    p[1 + RTYPE_FIELDS] = args[1];
    p[1 + RTYPE_ACCESSORS] = args[2];
    p[1 + RTYPE_MODIFIERS] = args[3];
    p[1 + RTYPE_PREDICATE] = args[4];
    p[1 + RTYPE_ORIGIN] = origin;
    (void)count;
    return value_from_words(p, TAG_OBJ);
}

NATIVE_FN(record_of_any)
{
    (void)a, (void)count;
    return value_bool(is_record_of(args[0], args[1]));
}

static Value fail_record_any(Actor *a, Value v, Value type)
{
    if (!value_is_kind(type, KIND_RECORD_TYPE))
        return fail_type(HEAP(a), "record access", "a record type", type);
    (void)fail_text(HEAP(a), ERR_TYPE, "record access", "expected a %.60s, got",
                    value_symbol(object_ref(type, RTYPE_NAME))->utf8);
    a->heap.scratch->fault.irritants[0] = v;
    a->heap.scratch->fault.irritant_count = 1;
    return V_FAIL;
}

NATIVE_FN(record_ref_any)
{
    size_t i;

    (void)count;
    if (!is_record_of(args[0], args[1])) return fail_record_any(a, args[0], args[1]);
    if (!native_index(args[2], object_count(args[0]) - 1, &i))
        return fail_index(HEAP(a), "record access", args[2], "a record", object_count(args[0]) - 1);
    return object_ref(args[0], RECORD_FIELDS + i);
}

NATIVE_FN(record_set_any)
{
    size_t i;

    (void)count;
    if (!is_record_of(args[0], args[1])) return fail_record_any(a, args[0], args[1]);
    if (!native_index(args[2], object_count(args[0]) - 1, &i))
        return fail_index(HEAP(a), "record access", args[2], "a record", object_count(args[0]) - 1);
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_literal(a, "record access", args[0]);
    heap_store(HEAP(a), args[0], object_slot(args[0], RECORD_FIELDS + i), args[3]);
    return V_UNSPECIFIED;
}

NATIVE_FN(record_type_of)
{
    (void)count;
    if (!value_is_kind(args[0], KIND_RECORD)) return fail_type(HEAP(a), "record type", "a record", args[0]);
    return object_ref(args[0], RECORD_TYPE_SLOT);
}

NATIVE_FN(record_type_name)
{
    (void)count;
    if (!value_is_kind(args[0], KIND_RECORD_TYPE))
        return fail_type(HEAP(a), "record type name", "a record type", args[0]);
    return object_ref(args[0], RTYPE_NAME);
}

NATIVE_FN(seal_record)
{
    (void)count;
    if (!value_is_kind(args[0], KIND_RECORD)) return fail_type(HEAP(a), "seal", "a record", args[0]);
    value_words(args[0])[0].bits |= HEADER_IMMUTABLE;
    return args[0];
}

// ---- equal? ---------------------------------------------------------------------------------------

NATIVE_FN(equal)
{
    uint64_t steps = 0;
    bool equal = value_equal_steps(args[0], args[1], &steps);

    (void)count;
    actor_charge(a, steps / 16);
    return value_bool(equal);
}
