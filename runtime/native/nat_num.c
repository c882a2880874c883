// Natives of numbers that the interpreter does not do inline. The work is vm/data/num.h's.
#include "runtime/native/natives.h"

#include <math.h>

// ---- predicates -----------------------------------------------------------------------------------

NATIVE_FN(number_p)
{
    (void)a, (void)count;
    return value_bool(value_is_number(args[0]));
}

NATIVE_FN(exact_p)
{
    (void)count;
    if (!value_is_number(args[0])) return fail_type(HEAP(a), "exact?", "a number", args[0]);
    return value_bool(num_is_exact(args[0]));
}

NATIVE_FN(integer_p)
{
    (void)a, (void)count;
    return value_bool(value_is_number(args[0]) && num_is_integer(args[0]));
}

NATIVE_FN(rational_p)
{
    (void)a, (void)count;
    return value_bool(value_is_number(args[0]) && num_is_rational(args[0]));
}

NATIVE_FN(exact_integer_p)
{
    (void)a, (void)count;
    return value_bool(value_is_exact_integer(args[0]));
}

NATIVE_FN(nan_p)
{
    (void)count;
    if (!value_is_number(args[0])) return fail_type(HEAP(a), "nan?", "a number", args[0]);
    return value_bool(value_is_flo(args[0]) && isnan(value_double(args[0])));
}

NATIVE_FN(infinite_p)
{
    (void)count;
    if (!value_is_number(args[0])) return fail_type(HEAP(a), "infinite?", "a number", args[0]);
    return value_bool(value_is_flo(args[0]) && isinf(value_double(args[0])));
}

// ---- exact and generic ------------------------------------------------------------------------------

#define UNARY(id, name, fn)                                                                        \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        return fn(HEAP(a), name, &args[0]);                                                        \
    }

#define BINARY(id, name, fn)                                                                       \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        return fn(HEAP(a), name, &args[0], &args[1]);                                              \
    }

UNARY(negate, "-", num_negate)
UNARY(abs, "abs", num_abs)
BINARY(floor_quotient, "floor-quotient", num_floor_quotient)
BINARY(gcd, "gcd", num_gcd)
BINARY(lcm, "lcm", num_lcm)
BINARY(expt, "expt", num_expt)
UNARY(sqrt, "sqrt", num_sqrt)
UNARY(exact_integer_sqrt, "exact-integer-sqrt", num_exact_integer_sqrt)
UNARY(numerator, "numerator", num_numerator)
UNARY(denominator, "denominator", num_denominator)
BINARY(rationalize, "rationalize", num_rationalize)
UNARY(exact, "exact", num_exact)
UNARY(inexact, "inexact", num_inexact)
UNARY(bit_not, "bitwise-not", num_bit_not)
BINARY(shift, "arithmetic-shift", num_shift)
UNARY(bit_count, "bit-count", num_bit_count)
UNARY(bit_length, "integer-length", num_bit_length)

#define ROUNDING(id, name, how)                                                                    \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        return num_round(HEAP(a), name, &args[0], how);                                            \
    }

ROUNDING(floor, "floor", NUM_FLOOR)
ROUNDING(ceiling, "ceiling", NUM_CEILING)
ROUNDING(truncate, "truncate", NUM_TRUNCATE)
ROUNDING(round, "round", NUM_ROUND)

// ---- transcendental -----------------------------------------------------------------------------------

static Value flonum(Actor *a, double d)
{
    return heap_reserve(HEAP(a), 2) ? heap_flonum(HEAP(a), d) : V_FAIL;
}

// Exact 0 (or 1) gives an exact result where R7RS allows it, as in (exp 0) => 1.
#define FLOAT_FN(id, name, fn, at, exact_result)                                                   \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        if (!value_is_number(args[0])) return fail_type(HEAP(a), name, "a number", args[0]);       \
        if (value_is(args[0], value_fix(at))) return value_fix(exact_result);                      \
        return flonum(a, fn(num_to_double(args[0])));                                              \
    }

FLOAT_FN(exp, "exp", exp, 0, 1)
FLOAT_FN(sin, "sin", sin, 0, 0)
FLOAT_FN(cos, "cos", cos, 0, 1)
FLOAT_FN(tan, "tan", tan, 0, 0)
FLOAT_FN(asin, "asin", asin, 0, 0)
FLOAT_FN(acos, "acos", acos, 1, 0)

// The logarithm of a number that may exceed the range of doubles.
static double log_of(Value v)
{
    double d = num_to_double(v);

    if (!isinf(d) || !value_is_big(v)) return log(d);
    // ln(top limbs) + 64 ln 2 for each limb left out
    size_t limbs = object_count(v);
    double top = 0;
    for (size_t i = limbs; i > limbs - 3; i--) {
        top = top * 18446744073709551616.0 + (double)object_ref(v, i - 1).bits;
    }
    if (value_header(v) & HEADER_NEGATIVE) top = -top;
    return log(top) + (double)(limbs - 3) * 64 * 0.693147180559945309417232121458;
}

NATIVE_FN(log)
{
    for (unsigned i = 0; i < count; i++) {
        if (!value_is_number(args[i])) return fail_type(HEAP(a), "log", "a number", args[i]);
        if (value_is(args[i], value_fix(0))) return fail_div(HEAP(a), "log");
    }
    if (count == 1 && value_is(args[0], value_fix(1))) return value_fix(0);
    double d = log_of(args[0]);
    return flonum(a, count == 2 ? d / log_of(args[1]) : d);
}

NATIVE_FN(atan)
{
    for (unsigned i = 0; i < count; i++) {
        if (!value_is_number(args[i])) return fail_type(HEAP(a), "atan", "a number", args[i]);
    }
    if (value_is(args[0], value_fix(0)) &&
        (count == 1 || (num_is_exact(args[1]) && num_sign(HEAP(a), "atan", &args[1]) > 0)))
        return value_fix(0);
    if (count == 1) return flonum(a, atan(num_to_double(args[0])));
    if (value_is(args[0], value_fix(0)) && value_is(args[1], value_fix(0)))
        return fail_div(HEAP(a), "atan");
    return flonum(a, atan2(num_to_double(args[0]), num_to_double(args[1])));
}

// ---- text ---------------------------------------------------------------------------------------------

static bool radix_of(Actor *a, const char *who, Value *args, unsigned count, unsigned *out)
{
    *out = 10;
    if (count < 2 || value_is(args[1], V_DEFAULT)) return true;
    int64_t radix = value_is_fix(args[1]) ? value_int(args[1]) : 0;
    if (radix < 2 || radix > 36) {
        (void)fail_type(HEAP(a), who, "a radix from 2 to 36", args[1]);
        return false;
    }
    *out = (unsigned)radix;
    return true;
}

NATIVE_FN(number_to_string)
{
    VmWorker *w = actor_worker(a);
    unsigned radix;

    if (!value_is_number(args[0])) return fail_type(HEAP(a), "number->string", "a number", args[0]);
    if (!radix_of(a, "number->string", args, count, &radix)) return V_FAIL;
    actor_charge(a, num_cost(NUM_COST_TEXT, args[0], args[0]) / 1000);
    buf_clear(&w->text);
    num_print(&w->text, args[0], radix);
    if (w->text.failed)
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, "number->string", "out of memory");
    return string_from_utf8(HEAP(a), w->text.data, w->text.size);
}

NATIVE_FN(string_to_number)
{
    VmWorker *w = actor_worker(a);
    unsigned radix;

    if (!value_is_string(args[0])) return fail_type(HEAP(a), "string->number", "a string", args[0]);
    if (!radix_of(a, "string->number", args, count, &radix)) return V_FAIL;
    buf_clear(&w->text);
    string_to_utf8(args[0], &w->text);
    native_charge_bytes(a, w->text.size);
    return num_read(HEAP(a), (const char *)w->text.data, w->text.size, radix);
}
