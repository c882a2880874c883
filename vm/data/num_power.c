// Powers and square roots: exact where the result is, else a flonum.
//
// Exact powers are made by squaring, without the factors of two of the base, which become one shift
// at the end: (expt 10 n) costs a power of 5. The size of the result is known from the logarithm of
// the base, so that one beyond the limit is refused before any work.
#include "vm/data/num_int.h"

#include <math.h>

// ---- exact powers ---------------------------------------------------------------------------

// Does |x|^n for x != 0 exceed the limit? The logarithm is good to some 2^-20 bits at the limit
// itself, where the shift or the last product decides.
static bool power_is_too_large(Value x, uint64_t n)
{
    int64_t exponent;
    double mantissa = fabs(flo_frexp(x, &exponent));
    double bits = (double)n * ((double)exponent + log2(mantissa));
    return bits >= (double)NUM_BITS_MAX;
}

// x^n for n > 0 and the limit checked; `odd` is a slot. Bits of n from the top: square, and
// multiply where the bit is set.
static Value *power_by_squaring(Heap *h, const char *who, const Value *odd, uint64_t n)
{
    Value *power = heap_root(h, *odd);

    for (int bit = 62 - __builtin_clzll(n); bit >= 0; bit--) {
        Value v = int_mul(h, who, power, power);
        if (value_is(v, V_FAIL)) return NULL;
        *power = v;
        if (!(n >> bit & 1)) continue;
        v = int_mul(h, who, power, odd);
        if (value_is(v, V_FAIL)) return NULL;
        *power = v;
    }
    return power;
}

// x^n in a root, for x != 0 and n > 0; NULL when it failed.
static const Value *int_power(Heap *h, const char *who, Value x, uint64_t n)
{
    uint64_t spare;
    IntView view = int_view(x, &spare);
    size_t zero_limbs = 0;

    while (view.limbs[zero_limbs] == 0) {
        zero_limbs++;
    }
    uint64_t zeros = zero_limbs * LIMB_BITS + (uint64_t)__builtin_ctzll(view.limbs[zero_limbs]);
    Value *odd = heap_root(h, x);
    Value v = int_shift(h, who, odd, -(int64_t)zeros);
    if (value_is(v, V_FAIL)) return NULL;
    *odd = v;
    Value *power = power_by_squaring(h, who, odd, n);
    if (!power || zeros == 0) return power;
    v = int_shift(h, who, power, (int64_t)(zeros * n));
    return value_is(v, V_FAIL) ? NULL : heap_root(h, v);
}

// x^n for a ratio or integer other than 0, 1 and -1.
static Value exact_power(Heap *h, const char *who, const Value *x, uint64_t n, bool invert)
{
    Value numerator = ratio_numerator(*x), denominator = ratio_denominator(*x);
    bool is_one = value_is(denominator, value_fix(1));

    if (power_is_too_large(numerator, n)) return fail_too_large(h, who);
    if (!is_one && power_is_too_large(denominator, n)) return fail_too_large(h, who);
    Value *root = heap_root(h, denominator);
    const Value *p = int_power(h, who, numerator, n);
    const Value *q = !p ? NULL : is_one ? root : int_power(h, who, *root, n);
    if (!p || !q) return V_FAIL;
    if (!invert) return ratio_make(h, p, q);
    return ratio_div(h, who, q, p); // coprime; moves the sign
}

static Value expt_exact(Heap *h, const char *who, const Value *x, const Value *y)
{
    bool is_odd = int_is_odd(*y), invert = int_is_negative(*y);

    if (value_is(*y, value_fix(0)) || value_is(*x, value_fix(1))) return value_fix(1);
    if (value_is(*x, value_fix(-1))) return value_fix(is_odd ? -1 : 1);
    if (value_is(*x, value_fix(0))) return invert ? fail_div(h, who) : value_fix(0);
    if (!value_is_fix(*y)) return fail_too_large(h, who); // 2^60 squarings and more
    int64_t n = value_int(*y);
    unsigned mark = heap_root_mark(h);
    Value result = exact_power(h, who, x, (uint64_t)(n < 0 ? -n : n), invert);
    heap_unroot(h, mark);
    return result;
}

// ---- inexact powers ---------------------------------------------------------------------------

static bool is_odd_double(double y)
{
    return flo_is_integer(y) && fabs(y) <= (double)IEEE_EXACT_INT && fmod(y, 2) != 0;
}

// x^y for an exact x out of a double's range: (m * 2^e)^y = m^y * 2^f * 2^k, where k + f is e * y
// without a rounding error (the second part of the product comes from fma).
static double power_scaled(Value x, double y)
{
    int64_t e;
    double m = flo_frexp(x, &e);
    bool negate = m < 0 && is_odd_double(y);

    if (m < 0 && ieee_is_finite(y) && !flo_is_integer(y)) return ieee_from_bits(IEEE_NAN);
    double product = (double)e * y;
    double rest = fma((double)e, y, -product);
    // |e| is above 1000, so m^y is nothing against 2^(e*y) when that is out of range.
    if (!(fabs(product) < 100000)) return (product > 0 ? HUGE_VAL : 0.0) * (negate ? -1 : 1);
    double k = rint(product);
    double power = ldexp(pow(fabs(m), y) * exp2(product - k + rest), (int)k);
    return negate ? -power : power;
}

static double power_of_exact(Value x, double y)
{
    double d = num_to_double(x);
    double magnitude = fabs(d);

    if (ieee_is_nan(y) || y == 0 || value_is(x, value_fix(0))) return pow(d, y);
    // A subnormal is not as exact as a double should be.
    if (magnitude < 0x1p-1000 || !ieee_is_finite(d)) return power_scaled(x, y);
    return pow(d, y);
}

// The sign comes from the exact exponent: as a double, a large one is always even.
static double power_of_double(double x, Value y)
{
    double d = num_to_double(y);

    if (value_is_ratio(y)) return pow(x, d);
    double power = pow(fabs(x), d);
    return ieee_is_negative(x) && int_is_odd(y) ? -power : power;
}

// x^(n/2) is the power of a root, and exact when that is; other roots are flonums.
static Value expt_ratio(Heap *h, const char *who, const Value *x, const Value *y)
{
    if (value_is(*x, value_fix(0))) {
        return int_is_negative(ratio_numerator(*y)) ? fail_div(h, who) : *x;
    }
    if (!value_is(ratio_denominator(*y), value_fix(2))) {
        return flo_make(h, power_of_exact(*x, num_to_double(*y)));
    }
    unsigned mark = heap_root_mark(h);
    Value *n = heap_root(h, ratio_numerator(*y));
    Value *root = heap_root(h, num_sqrt(h, who, x));
    Value result = V_FAIL;
    if (value_is_flo(*root)) {
        result = flo_make(h, power_of_exact(*x, num_to_double(*y)));
    } else if (!value_is(*root, V_FAIL)) {
        result = expt_exact(h, who, root, n);
    }
    heap_unroot(h, mark);
    return result;
}

Value num_expt(Heap *h, const char *who, const Value *x, const Value *y)
{
    NumClass a = num_class(*x), b = num_class(*y);

    if (a == NUM_CLASS_NONE) return fail_type(h, who, "a number", *x);
    if (b == NUM_CLASS_NONE) return fail_type(h, who, "a number", *y);
    if (a == NUM_CLASS_FLO && b == NUM_CLASS_FLO) {
        return flo_make(h, pow(value_double(*x), value_double(*y)));
    }
    if (a == NUM_CLASS_FLO) return flo_make(h, power_of_double(value_double(*x), *y));
    if (b == NUM_CLASS_FLO) return flo_make(h, power_of_exact(*x, value_double(*y)));
    if (b == NUM_CLASS_RATIO) return expt_ratio(h, who, x, y);
    return expt_exact(h, who, x, y);
}

// ---- square roots ---------------------------------------------------------------------------

// The root of p / q, no square of a rational and so irrational: the root of the floor of
// p * 2^(2e) / q, 128 bits and more, is the floor of the root times 2^e, of 64 bits and more, and
// what is missing is never nothing nor one half.
static Value sqrt_inexact(Heap *h, const char *who, const Value *p, const Value *q)
{
    uint64_t spare[2];
    int64_t p_bits = (int64_t)int_bits(int_view(*p, &spare[0]));
    int64_t q_bits = (int64_t)int_bits(int_view(*q, &spare[1]));
    int64_t shift = 130 - p_bits + q_bits;

    shift += shift & 1;
    Value v = int_shift(h, who, p, shift);
    if (value_is(v, V_FAIL)) return V_FAIL;
    Value *scaled = heap_root(h, v);
    if (!value_is(*q, value_fix(1))) scaled = ratio_step(h, who, int_quotient, scaled, q);
    if (!scaled) return V_FAIL;
    Value root = int_sqrt(h, who, scaled, NULL);
    if (value_is(root, V_FAIL)) return V_FAIL;
    return flo_make(h, flo_from_int(int_view(root, &spare[0]), -shift / 2, true));
}

static Value sqrt_exact(Heap *h, const char *who, const Value *p, const Value *q)
{
    uint64_t spare[2];
    IntView p_view = int_view(*p, &spare[0]), q_view = int_view(*q, &spare[1]);

    if (!limbs_have_room(MAX(p_view.count, q_view.count))) return fail_no_memory(h, who);
    if (!int_is_square(p_view) || !int_is_square(q_view)) return sqrt_inexact(h, who, p, q);
    Value *p_root = heap_root(h, int_sqrt(h, who, p, NULL));
    if (value_is(*p_root, V_FAIL)) return V_FAIL;
    Value *q_root = heap_root(h, int_sqrt(h, who, q, NULL));
    if (value_is(*q_root, V_FAIL)) return V_FAIL;
    return ratio_make(h, p_root, q_root);
}

// Of an integer that is a double: the machine's root is rounded correctly.
static Value sqrt_small(Heap *h, int64_t n)
{
    double root = sqrt((double)n);
    int64_t whole = (int64_t)root;
    return whole * whole == n ? value_fix(whole) : flo_make(h, root);
}

Value num_sqrt(Heap *h, const char *who, const Value *x)
{
    if (!value_is_number(*x)) return fail_type(h, who, "a number", *x);
    if (num_sign(h, who, x) < 0) return flo_make(h, ieee_from_bits(IEEE_NAN));
    if (value_is_flo(*x)) return flo_make(h, sqrt(value_double(*x)));
    if (value_is_fix(*x) && value_int(*x) <= IEEE_EXACT_INT) return sqrt_small(h, value_int(*x));
    unsigned mark = heap_root_mark(h);
    const Value *p = heap_root(h, ratio_numerator(*x)), *q = heap_root(h, ratio_denominator(*x));
    Value result = sqrt_exact(h, who, p, q);
    heap_unroot(h, mark);
    return result;
}

Value num_exact_integer_sqrt(Heap *h, const char *who, const Value *x)
{
    if (!value_is_exact_integer(*x) || int_is_negative(*x)) {
        return fail_type(h, who, "a non-negative exact integer", *x);
    }
    unsigned mark = heap_root_mark(h);
    Value *rest = heap_root(h, value_fix(0));
    Value *root = heap_root(h, int_sqrt(h, who, x, rest));
    Value result = V_FAIL;
    if (!value_is(*root, V_FAIL) && heap_reserve(h, 2)) result = heap_cons(h, *root, *rest);
    heap_unroot(h, mark);
    return result;
}
