// Flonums and the way between them and exact numbers: correctly rounded one way, exact the other,
// and comparisons that round neither.
//
// Model: ieee.h. An exact number is rounded from its leading 64 bits and from what lies below them;
// for a ratio the leading bits of the quotient are an estimate, and where that cannot decide
// between two doubles, the number is compared exactly with the point half way between them, which
// takes one pass over the limbs (limbs_compare_scaled) and neither memory nor a long division.
#include "vm/data/num_int.h"

#include <math.h>

bool flo_is_integer(double d)
{
    return ieee_is_finite(d) && trunc(d) == d;
}

// ---- exact to inexact -----------------------------------------------------------------------

double flo_from_int(IntView x, int64_t exponent, bool has_more)
{
    if (x.count == 0) return 0.0;
    unsigned __int128 top = limbs_top(x.limbs, x.count);
    uint64_t bits = int_bits(x);
    IeeeCut cut = ieee_cut((uint64_t)(top >> 64), (int64_t)bits - 64 + exponent);
    int order = cut.past_half < 0 ? -1 : cut.past_half > 0;
    if (order == 0) {
        has_more = has_more || (uint64_t)top != 0 ||
                   (bits > 128 && limbs_any_below(x.limbs, bits - 128));
        order = has_more;
    }
    return ieee_compose(cut.kept, cut.lsb, order, x.negative);
}

// Leading 64 bits of p / q, to within IEEE_QUOTIENT_ERROR.
static uint64_t quotient_top(IntView p, IntView q, int64_t *exponent)
{
    unsigned __int128 n = limbs_top(p.limbs, p.count), d = limbs_top(q.limbs, q.count);
    uint64_t top = ieee_quotient(n, (uint64_t)(d >> 64), exponent);

    *exponent += (int64_t)int_bits(p) - 128 - ((int64_t)int_bits(q) - 64);
    return top;
}

static double ratio_to_double(IntView p, IntView q)
{
    int64_t exponent;
    uint64_t top = quotient_top(p, q, &exponent);
    IeeeCut cut = ieee_cut(top, exponent);
    int order = cut.past_half > 0 ? 1 : -1;

    if (cut.lsb <= IEEE_LSB_MAX && cut.past_half <= IEEE_QUOTIENT_ERROR &&
        cut.past_half >= -IEEE_QUOTIENT_ERROR) {
        order = -limbs_compare_scaled(2 * cut.kept + 1, q, cut.lsb - 1, p);
    }
    return ieee_compose(cut.kept, cut.lsb, order, p.negative);
}

double num_to_double(Value x)
{
    uint64_t spare[2];

    switch (num_class(x)) {
    case NUM_CLASS_FIX:
        return (double)value_int(x);
    case NUM_CLASS_BIG:
        return flo_from_int(int_view(x, &spare[0]), 0, false);
    case NUM_CLASS_RATIO:
        return ratio_to_double(int_view(ratio_numerator(x), &spare[0]),
                               int_view(ratio_denominator(x), &spare[1]));
    case NUM_CLASS_FLO:
        return value_double(x);
    case NUM_CLASS_NONE:
        break;
    }
    PANIC("num_to_double of what is no number");
}

Value num_inexact(Heap *h, const char *who, const Value *x)
{
    if (value_is_flo(*x)) return *x;
    if (!value_is_number(*x)) return fail_type(h, who, "a number", *x);
    return flo_make(h, num_to_double(*x));
}

double flo_frexp(Value x, int64_t *exponent)
{
    uint64_t spare[2];
    IntView p = int_view(ratio_numerator(x), &spare[0]);
    IntView q = int_view(ratio_denominator(x), &spare[1]);

    uint64_t top = quotient_top(p, q, exponent);
    *exponent += 63;
    double mantissa = (double)top * 0x1p-63;
    return p.negative ? -mantissa : mantissa;
}

// ---- inexact to exact -----------------------------------------------------------------------

// mantissa / 2^shift, the mantissa odd.
static Value make_dyadic(Heap *h, const char *who, int64_t mantissa, uint64_t shift)
{
    unsigned mark = heap_root_mark(h);
    Value n = value_fix(mantissa);
    Value *d = heap_root(h, int_from_shifted(h, who, 1, shift, false));
    Value result = value_is(*d, V_FAIL) ? V_FAIL : ratio_make(h, &n, d);

    heap_unroot(h, mark);
    return result;
}

Value flo_to_exact(Heap *h, const char *who, const Value *x)
{
    double d = value_double(*x);

    if (!ieee_is_finite(d)) return fail_type(h, who, "a finite number", *x);
    IeeeParts parts = ieee_split(d);
    if (parts.mantissa == 0) return value_fix(0);
    bool negative = ieee_is_negative(d);
    if (parts.exponent < 0) {
        int zeros = MIN(__builtin_ctzll(parts.mantissa), -parts.exponent);
        parts.mantissa >>= zeros;
        parts.exponent += zeros;
    }
    if (parts.exponent >= 0) {
        return int_from_shifted(h, who, parts.mantissa, (uint64_t)parts.exponent, negative);
    }
    int64_t mantissa = (int64_t)parts.mantissa;
    return make_dyadic(h, who, negative ? -mantissa : mantissa, (uint64_t)-parts.exponent);
}

Value num_exact(Heap *h, const char *who, const Value *x)
{
    if (!value_is_number(*x)) return fail_type(h, who, "a number", *x);
    return value_is_flo(*x) ? flo_to_exact(h, who, x) : *x;
}

// ---- comparison -----------------------------------------------------------------------------

NumOrder flo_order(double x, double y)
{
    if (x < y) return NUM_LESS;
    if (x > y) return NUM_GREATER;
    return x == y ? NUM_EQUAL : NUM_UNORDERED;
}

// |d| = m * 2^e against |x| = p / q: m * q * 2^e against p.
NumOrder flo_compare_exact(double d, Value x)
{
    if (ieee_is_nan(d)) return NUM_UNORDERED;
    if (!ieee_is_finite(d)) return d < 0 ? NUM_LESS : NUM_GREATER;
    if (value_is_fix(x)) {
        int64_t n = value_int(x);
        if (n >= -IEEE_EXACT_INT && n <= IEEE_EXACT_INT) return flo_order(d, (double)n);
    }
    uint64_t spare[2];
    IntView p = int_view(ratio_numerator(x), &spare[0]);
    IntView q = int_view(ratio_denominator(x), &spare[1]);
    if (d == 0) return p.negative ? NUM_GREATER : NUM_LESS; // x is not zero here
    if ((d < 0) != p.negative) return d < 0 ? NUM_LESS : NUM_GREATER;
    IeeeParts parts = ieee_split(d);
    int order = limbs_compare_scaled(parts.mantissa, q, parts.exponent, p);
    return (NumOrder)(p.negative ? -order : order);
}

// ---- integer operations on flonums ------------------------------------------------------------

// The sign of a result that is zero: flonums that are integers behave as the function of real
// numbers, rounded, would: (quotient -1. 2.) is trunc(-0.5), which is -0.0.
static bool zero_is_negative(Value x, Value y, ZeroSign zero)
{
    bool x_negative = ieee_is_negative(num_to_double(x));
    bool y_negative = ieee_is_negative(num_to_double(y));

    switch (zero) {
    case ZERO_POSITIVE:
        return false;
    case ZERO_OF_X:
        return x_negative;
    case ZERO_OF_Y:
        return y_negative;
    case ZERO_OF_QUOTIENT:
        return x_negative != y_negative;
    }
    UNREACHABLE();
}

// Through exact integers, whatever the size: the result is rounded once.
Value flo_integer_op(Heap *h, const char *who, const Value *x, const Value *y, BinaryOp *op,
                     ZeroSign zero)
{
    if (!num_is_integer(*x)) return fail_type(h, who, "an integer", *x);
    if (!num_is_integer(*y)) return fail_type(h, who, "an integer", *y);
    unsigned mark = heap_root_mark(h);
    bool is_negative = zero_is_negative(*x, *y, zero);
    Value *a = heap_root(h, num_exact(h, who, x));
    Value *b = heap_root(h, num_exact(h, who, y));
    Value result = V_FAIL;
    if (!value_is(*a, V_FAIL) && !value_is(*b, V_FAIL)) result = op(h, who, a, b);
    heap_unroot(h, mark);
    if (value_is(result, V_FAIL)) return V_FAIL;
    double d = num_to_double(result);
    return flo_make(h, d == 0 && is_negative ? -0.0 : d);
}
