// The tower: looks at the classes of both arguments and calls the layer that does the work.
//
// Fixnums and flonums among themselves come first in each operation: the interpreter handles them
// inline, but natives and mixed code come here too. A flonum makes the result a flonum: the exact
// argument is rounded to the nearest double, then IEEE arithmetic rounds the result; exact zero is
// no exception ((* 0 1.5) is 0.0, (* 0 +inf.0) a NaN), so that code on unboxed flonums may convert
// first. Where rounding the argument would hide something (comparison, integer division, gcd) the
// work is done exactly instead.
#include "vm/data/num_int.h"

#include <math.h>

typedef struct {
    BinaryOp *on_ints;
    BinaryOp *on_ratios;
    double (*on_flos)(double, double);
} Arithmetic;

static Value apply(Heap *h, const char *who, const Arithmetic *op, const Value *x, const Value *y)
{
    NumClass a = num_class(*x), b = num_class(*y);

    if (a == NUM_CLASS_NONE) return fail_type(h, who, "a number", *x);
    if (b == NUM_CLASS_NONE) return fail_type(h, who, "a number", *y);
    if (a == NUM_CLASS_FLO || b == NUM_CLASS_FLO) {
        return flo_make(h, op->on_flos(num_to_double(*x), num_to_double(*y)));
    }
    if (a == NUM_CLASS_RATIO || b == NUM_CLASS_RATIO) return op->on_ratios(h, who, x, y);
    return op->on_ints(h, who, x, y);
}

static bool both_flo(Value x, Value y)
{
    return value_is_flo(x) && value_is_flo(y);
}

static bool is_exact_zero(Value x)
{
    return value_is(x, value_fix(0));
}

// ---- + - * / --------------------------------------------------------------------------------

static double add_doubles(double x, double y)
{
    return x + y;
}

static double sub_doubles(double x, double y)
{
    return x - y;
}

static double mul_doubles(double x, double y)
{
    return x * y;
}

static double div_doubles(double x, double y)
{
    return x / y;
}

Value num_add(Heap *h, const char *who, const Value *x, const Value *y)
{
    static const Arithmetic add = {int_add, ratio_add, add_doubles};

    if (value_both_fix(*x, *y)) return num_from_int64(h, value_int(*x) + value_int(*y));
    if (both_flo(*x, *y)) return flo_make(h, value_double(*x) + value_double(*y));
    return apply(h, who, &add, x, y);
}

Value num_sub(Heap *h, const char *who, const Value *x, const Value *y)
{
    static const Arithmetic sub = {int_sub, ratio_sub, sub_doubles};

    if (value_both_fix(*x, *y)) return num_from_int64(h, value_int(*x) - value_int(*y));
    if (both_flo(*x, *y)) return flo_make(h, value_double(*x) - value_double(*y));
    return apply(h, who, &sub, x, y);
}

Value num_mul(Heap *h, const char *who, const Value *x, const Value *y)
{
    static const Arithmetic mul = {int_mul, ratio_mul, mul_doubles};

    if (value_both_fix(*x, *y)) return int_mul(h, who, x, y);
    if (both_flo(*x, *y)) return flo_make(h, value_double(*x) * value_double(*y));
    return apply(h, who, &mul, x, y);
}

Value num_div(Heap *h, const char *who, const Value *x, const Value *y)
{
    static const Arithmetic div = {ratio_div, ratio_div, div_doubles};

    if (both_flo(*x, *y)) return flo_make(h, value_double(*x) / value_double(*y));
    if (is_exact_zero(*y) && value_is_number(*x)) return fail_div(h, who);
    if (value_both_fix(*x, *y) && value_int(*x) % value_int(*y) == 0) {
        return num_from_int64(h, value_int(*x) / value_int(*y));
    }
    return apply(h, who, &div, x, y);
}

Value num_negate(Heap *h, const char *who, const Value *x)
{
    switch (num_class(*x)) {
    case NUM_CLASS_FIX:
    case NUM_CLASS_BIG:
        return int_negate(h, who, x);
    case NUM_CLASS_RATIO:
        return ratio_negate(h, who, x);
    case NUM_CLASS_FLO:
        return flo_make(h, -value_double(*x));
    case NUM_CLASS_NONE:
        break;
    }
    return fail_type(h, who, "a number", *x);
}

Value num_abs(Heap *h, const char *who, const Value *x)
{
    if (value_is_flo(*x)) return flo_make(h, fabs(value_double(*x)));
    int sign = num_sign(h, who, x);
    if (sign == NUM_FAILED) return V_FAIL;
    return sign < 0 ? num_negate(h, who, x) : *x;
}

// ---- integer division -----------------------------------------------------------------------

static Value divide(Heap *h, const char *who, const Value *x, const Value *y, BinaryOp *op,
                    ZeroSign zero)
{
    if (!num_is_integer(*x)) return fail_type(h, who, "an integer", *x);
    if (!num_is_integer(*y)) return fail_type(h, who, "an integer", *y);
    if (is_exact_zero(*y) || (value_is_flo(*y) && value_double(*y) == 0)) return fail_div(h, who);
    if (value_is_flo(*x) || value_is_flo(*y)) return flo_integer_op(h, who, x, y, op, zero);
    return op(h, who, x, y);
}

Value num_quotient(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divide(h, who, x, y, int_quotient, ZERO_OF_QUOTIENT);
}

Value num_remainder(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divide(h, who, x, y, int_remainder, ZERO_OF_X);
}

Value num_modulo(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divide(h, who, x, y, int_modulo, ZERO_OF_Y);
}

Value num_floor_quotient(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divide(h, who, x, y, int_floor, ZERO_OF_QUOTIENT);
}

static Value int_lcm(Heap *h, const char *who, const Value *x, const Value *y)
{
    if (is_exact_zero(*x) || is_exact_zero(*y)) return value_fix(0);
    unsigned mark = heap_root_mark(h);
    const Value *gcd = ratio_step(h, who, int_gcd, x, y);
    const Value *part = ratio_step(h, who, int_quotient, x, gcd);
    const Value *product = ratio_step(h, who, int_mul, part, y);
    Value result = product ? num_abs(h, who, product) : V_FAIL;
    heap_unroot(h, mark);
    return result;
}

static Value divisor_op(Heap *h, const char *who, const Value *x, const Value *y, BinaryOp *op)
{
    if (value_is_exact_integer(*x) && value_is_exact_integer(*y)) return op(h, who, x, y);
    return flo_integer_op(h, who, x, y, op, ZERO_POSITIVE);
}

Value num_gcd(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divisor_op(h, who, x, y, int_gcd);
}

Value num_lcm(Heap *h, const char *who, const Value *x, const Value *y)
{
    return divisor_op(h, who, x, y, int_lcm);
}

// ---- parts and rounding -----------------------------------------------------------------------

static double round_double(double d, NumRounding how)
{
    switch (how) {
    case NUM_FLOOR:
        return floor(d);
    case NUM_CEILING:
        return ceil(d);
    case NUM_TRUNCATE:
        return trunc(d);
    case NUM_ROUND:
        return rint(d); // ties to even: the rounding mode is never changed
    }
    UNREACHABLE();
}

Value num_round(Heap *h, const char *who, const Value *x, NumRounding how)
{
    switch (num_class(*x)) {
    case NUM_CLASS_FIX:
    case NUM_CLASS_BIG:
        return *x;
    case NUM_CLASS_RATIO:
        return ratio_round(h, who, x, how);
    case NUM_CLASS_FLO:
        return flo_make(h, round_double(value_double(*x), how));
    case NUM_CLASS_NONE:
        break;
    }
    return fail_type(h, who, "a real number", *x);
}

static Value part_of(Heap *h, const char *who, const Value *x, Value (*part)(Value))
{
    if (!num_is_rational(*x)) return fail_type(h, who, "a rational number", *x);
    if (!value_is_flo(*x)) return part(*x);
    Value exact = flo_to_exact(h, who, x);
    return value_is(exact, V_FAIL) ? V_FAIL : flo_make(h, num_to_double(part(exact)));
}

Value num_numerator(Heap *h, const char *who, const Value *x)
{
    return part_of(h, who, x, ratio_numerator);
}

Value num_denominator(Heap *h, const char *who, const Value *x)
{
    return part_of(h, who, x, ratio_denominator);
}

// ---- cost -----------------------------------------------------------------------------------

static size_t int_limbs(Value x)
{
    return value_is_big(x) ? header_words(value_header(x)) : 1;
}

static size_t limb_count(Value x)
{
    if (!value_is_ratio(x)) return int_limbs(x);
    return int_limbs(object_ref(x, 0)) + int_limbs(object_ref(x, 1));
}

// A product of n and m limbs, n >= m: n / m squares of size m. A square takes m^2 steps up to some
// 32 limbs (schoolbook), from there m^1.4 (Toom), and beyond 1,024 limbs m^1.2 (towards FFT): a
// step then is 0.3 to 0.5 ns at all sizes, as measured.
static uint64_t product_cost(size_t n, size_t m)
{
    double square = (double)m * (double)m;

    if (m > 32) square = 1024 * pow((double)MIN(m, 1024) / 32, 1.4);
    if (m > 1024) square *= pow((double)m / 1024, 1.2);
    return (uint64_t)(square * ((double)n / (double)m));
}

uint64_t num_cost(NumCost what, Value x, Value y)
{
    size_t x_count = limb_count(x), y_count = limb_count(y);
    size_t n = MAX(x_count, y_count), m = MIN(x_count, y_count);

    if (n <= 8) return 0;
    switch (what) {
    case NUM_COST_LINEAR:
        return n;
    case NUM_COST_PRODUCT:
        return product_cost(n, m);
    case NUM_COST_DIVISION: // quotient times divisor, and Newton's factor
        return x_count < y_count ? n
                                 : n + 2 * product_cost(MAX(x_count - m, m), MIN(x_count - m, m));
    case NUM_COST_TEXT: // a product at each level of halving
        return product_cost(x_count, x_count) * 4;
    }
    UNREACHABLE();
}
