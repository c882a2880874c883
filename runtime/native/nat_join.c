// Joining a list of strings: counted first, then copied into one string of that length, in slices.
#include "runtime/native/natives.h"

#define STEP_PARTS 4096
#define STEP_UNITS ((size_t)1 << 16)

// Slots of the arguments; all but the first two are the native's own state.
enum { LIST, SEPARATOR, REST, UNITS, RESULT };

static unsigned width_of(Value s)
{
    return bytes_width_log2(value_bytes(s));
}

// Adds up a slice of the list. RESULT holds the width meanwhile, REST what is left. V_UNSPECIFIED when that
// is nothing.
static Value count_slice(Actor *a, Value *args)
{
    size_t units, width, parts = 0;

    if (!native_size(args[UNITS], &units) || !native_index(args[RESULT], 3, &width))
        return fail_type(HEAP(a), "string-join", "a length", args[UNITS]);
    width = MAX(width, width_of(args[SEPARATOR]));
    for (; parts < STEP_PARTS && value_is_pair(args[REST]); parts++) {
        Value part = value_words(args[REST])[0];
        if (!value_is_string(part)) return fail_type(HEAP(a), "string-join", "a string", part);
        units += string_length(part);
        width = MAX(width, width_of(part));
        args[REST] = value_words(args[REST])[1];
        if (value_is_pair(args[REST])) units += string_length(args[SEPARATOR]);
    }
    args[UNITS] = value_fix((int64_t)units);
    args[RESULT] = value_fix((int64_t)width);
    native_charge_bytes(a, parts * sizeof(Value));
    return value_is_pair(args[REST]) ? V_YIELD : V_UNSPECIFIED;
}

// Copies all of s to `at`; false when it does not fit, which a caller that keeps the state cannot cause.
static bool put(Value result, size_t *at, Value s)
{
    size_t n = string_length(s);
    unsigned width = width_of(result);

    if (n > string_length(result) - *at || width_of(s) > width) return false;
    bytes_copy_units(bytes_data(value_bytes(result)), width, *at, bytes_data(value_bytes(s)),
                     width_of(s), 0, n);
    *at += n;
    return true;
}

static Value copy_slice(Actor *a, Value *args)
{
    Value result = args[RESULT];
    size_t at, start, parts = 0;

    if (!native_index(args[UNITS], string_length(result) + 1, &at) ||
        (value_header(result) & HEADER_IMMUTABLE))
        return fail_type(HEAP(a), "string-join", "a position", args[UNITS]);
    start = at;
    for (; value_is_pair(args[REST]) && parts < STEP_PARTS && at - start < STEP_UNITS; parts++) {
        Value part = value_words(args[REST])[0];
        args[REST] = value_words(args[REST])[1];
        if (!value_is_string(part) || !put(result, &at, part) ||
            (value_is_pair(args[REST]) && !put(result, &at, args[SEPARATOR])))
            return fail_type(HEAP(a), "string-join", "a string", part);
    }
    native_charge_bytes(a, at - start + parts * sizeof(Value));
    args[UNITS] = value_fix((int64_t)at);
    return value_is_pair(args[REST]) ? V_YIELD : result;
}

// (list separator list 0 0)
NATIVE_FN(string_join)
{
    (void)count;
    if (!value_is_string(args[SEPARATOR]))
        return fail_type(HEAP(a), "string-join", "a string", args[SEPARATOR]);
    if (value_is_string(args[RESULT])) return copy_slice(a, args);
    Value counted = count_slice(a, args);
    if (!value_is(counted, V_UNSPECIFIED)) return counted;

    size_t units, width;
    if (!native_size(args[UNITS], &units) || !native_index(args[RESULT], 3, &width))
        return fail_type(HEAP(a), "string-join", "a length", args[UNITS]);
    Value result = bytes_make(HEAP(a), KIND_STRING, units, (unsigned)width);
    if (value_is(result, V_FAIL)) return result;
    args[RESULT] = result;
    args[REST] = args[LIST];
    args[UNITS] = value_fix(0);
    return copy_slice(a, args);
}
