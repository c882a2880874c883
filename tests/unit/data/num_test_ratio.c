// Rationals and flonums against GMP's mpq: arithmetic, order, rounding, and the way between exact
// and inexact, whose results are compared with the points half way to the neighbouring doubles.
#include "tests/unit/data/num_test.h"

#include "vm/base/ieee.h"

#include <math.h>

// ---- between values and mpq -----------------------------------------------------------------

Value test_ratio_of(NumTest *t, mpq_srcptr q)
{
    Heap *h = &t->heap.heap;
    unsigned mark = heap_root_mark(h);
    Value *n = heap_root(h, test_value_of(t, mpq_numref(q)));
    Value *d = heap_root(h, test_value_of(t, mpq_denref(q)));
    Value v = num_div(h, "test", n, d);
    heap_unroot(h, mark);
    return v;
}

bool test_rational_of(mpq_ptr q, Value v)
{
    if (!value_is_ratio(v)) {
        mpz_set_ui(mpq_denref(q), 1);
        return test_int_of(mpq_numref(q), v);
    }
    bool is_good = test_int_of(mpq_numref(q), object_ref(v, 0)) &&
                   test_int_of(mpq_denref(q), object_ref(v, 1));
    mpz_t gcd;
    mpz_init(gcd);
    mpz_gcd(gcd, mpq_numref(q), mpq_denref(q));
    is_good = is_good && mpz_cmp_ui(gcd, 1) == 0 && mpz_cmp_ui(mpq_denref(q), 1) > 0;
    mpz_clear(gcd);
    return is_good;
}

// Half way from a double to the next one away from zero; from the largest one, half way to what
// would be the next power of two.
static void halfway_up(mpq_ptr out, double d)
{
    IeeeParts parts = ieee_split(d);
    mpz_set_ui(mpq_numref(out), 2 * parts.mantissa + 1);
    mpz_set_ui(mpq_denref(out), 1);
    if (parts.exponent - 1 >= 0) {
        mpz_mul_2exp(mpq_numref(out), mpq_numref(out), (mp_bitcnt_t)(parts.exponent - 1));
    } else {
        mpz_mul_2exp(mpq_denref(out), mpq_denref(out), (mp_bitcnt_t)(1 - parts.exponent));
    }
}

bool test_is_nearest(double d, mpq_srcptr q)
{
    double magnitude = fabs(d);
    bool is_even = !(ieee_bits(magnitude) & 1), is_good = true;
    mpq_t exact, half;

    if (ieee_is_nan(d) || (mpq_sgn(q) != 0 && (mpq_sgn(q) < 0) != ieee_is_negative(d)))
        return false;
    mpq_inits(exact, half, NULL);
    mpq_abs(exact, q);
    if (magnitude != HUGE_VAL) {
        halfway_up(half, magnitude);
        int order = mpq_cmp(exact, half);
        is_good = order < 0 || (order == 0 && is_even);
    }
    if (is_good && magnitude > 0) {
        halfway_up(half, nextafter(magnitude, 0));
        int order = mpq_cmp(exact, half);
        is_good = order > 0 || (order == 0 && is_even);
    }
    mpq_clears(exact, half, NULL);
    return is_good;
}

static void random_ratio(NumTest *t, mpq_ptr q, size_t limbs)
{
    test_random_int(t, mpq_numref(q), limbs);
    do {
        test_random_int(t, mpq_denref(q), limbs);
    } while (mpz_sgn(mpq_denref(q)) == 0);
    if (rng_below(&t->rng, 8) == 0) mpz_set_ui(mpq_denref(q), 1);
    mpq_canonicalize(q);
}

// ---- rationals ------------------------------------------------------------------------------

typedef Value Binary(Heap *h, const char *who, const Value *x, const Value *y);
typedef void Oracle(mpq_ptr out, mpq_srcptr x, mpq_srcptr y);

static const struct {
    const char *name;
    Binary *op;
    Oracle *oracle;
} pairs[] = {
    {"+", num_add, mpq_add},
    {"-", num_sub, mpq_sub},
    {"*", num_mul, mpq_mul},
    {"/", num_div, mpq_div},
};

static void report(int line, const char *name, mpq_srcptr x, mpq_srcptr y, Value got)
{
    char text[2][80];
    gmp_snprintf(text[0], sizeof text[0], "%Qd", x);
    gmp_snprintf(text[1], sizeof text[1], "%Qd", y);
    test_report(__FILE__, line, "(%s %s %s) gives %.80s", name, text[0], text[1],
                test_text(got, 10));
}

#define EXPECT_RATIONAL(got, expected, name, x, y)                                                 \
    do {                                                                                           \
        Value got_ = (got);                                                                        \
        if (test_rational_of(out, got_) && mpq_equal(out, expected)) {                             \
            test_passed++;                                                                         \
        } else {                                                                                   \
            report(__LINE__, name, x, y, got_);                                                    \
        }                                                                                          \
    } while (0)

static void check_pair(NumTest *t, mpq_srcptr x, mpq_srcptr y)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
    mpq_t expected, out;

    mpq_inits(expected, out, NULL);
    *a = test_ratio_of(t, x);
    *b = test_ratio_of(t, y);
    EXPECT_RATIONAL(*a, x, "value", x, y);
    for (size_t i = 0; i < countof(pairs); i++) {
        if (pairs[i].oracle == mpq_div && mpq_sgn(y) == 0) continue;
        pairs[i].oracle(expected, x, y);
        EXPECT_RATIONAL(pairs[i].op(h, "test", a, b), expected, pairs[i].name, x, y);
    }
    mpq_neg(expected, x);
    EXPECT_RATIONAL(num_negate(h, "test", a), expected, "negate", x, x);
    int order = mpq_cmp(x, y);
    NumOrder got = num_compare(h, "test", a, b);
    EXPECT((order > 0) - (order < 0) == (int)got, "compare gives %d", (int)got);
    EXPECT(num_eqv(*a, *b) == (order == 0), "eqv");
    *b = test_ratio_of(t, x);
    EXPECT(num_eqv(*a, *b) && num_hash(*a) == num_hash(*b), "hashes of equal numbers differ");
    EXPECT(t->heap.scratch.root_count == 0, "roots are left");
    mpq_clears(expected, out, NULL);
}

// Rounds by adding one half and looking at the tie by hand.
static void round_even(mpz_ptr out, mpq_srcptr x)
{
    mpz_t twice, d;
    mpz_inits(twice, d, NULL);
    mpz_mul_2exp(twice, mpq_numref(x), 1);
    mpz_add(twice, twice, mpq_denref(x));
    mpz_mul_2exp(d, mpq_denref(x), 1);
    bool is_tie = mpz_divisible_p(twice, d);
    mpz_fdiv_q(out, twice, d);
    if (is_tie && mpz_odd_p(out)) mpz_sub_ui(out, out, 1);
    mpz_clears(twice, d, NULL);
}

static void check_rounding(NumTest *t, mpq_srcptr x)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0];
    static const NumRounding how[] = {NUM_FLOOR, NUM_CEILING, NUM_TRUNCATE, NUM_ROUND};
    mpq_t expected, out;

    mpq_inits(expected, out, NULL);
    *a = test_ratio_of(t, x);
    for (size_t i = 0; i < countof(how); i++) {
        mpz_ptr n = mpq_numref(expected);
        if (how[i] == NUM_FLOOR) mpz_fdiv_q(n, mpq_numref(x), mpq_denref(x));
        if (how[i] == NUM_CEILING) mpz_cdiv_q(n, mpq_numref(x), mpq_denref(x));
        if (how[i] == NUM_TRUNCATE) mpz_tdiv_q(n, mpq_numref(x), mpq_denref(x));
        if (how[i] == NUM_ROUND) round_even(n, x);
        EXPECT_RATIONAL(num_round(h, "test", a, how[i]), expected, "round", x, x);
    }
    mpq_clears(expected, out, NULL);
}

static void check_power(NumTest *t, mpq_srcptr x)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *n = &t->heap.frame[1];
    int64_t exponent = (int64_t)rng_below(&t->rng, 20) - 10;
    uint64_t times = (uint64_t)(exponent < 0 ? -exponent : exponent);
    mpq_t expected, out;

    if (mpq_sgn(x) == 0) return;
    mpq_inits(expected, out, NULL);
    mpz_pow_ui(mpq_numref(expected), mpq_numref(x), times);
    mpz_pow_ui(mpq_denref(expected), mpq_denref(x), times);
    if (exponent < 0) mpq_inv(expected, expected);
    *a = test_ratio_of(t, x);
    *n = value_fix(exponent);
    EXPECT_RATIONAL(num_expt(h, "test", a, n), expected, "expt", x, x);

    mpq_mul(expected, x, x);
    *a = test_ratio_of(t, expected);
    mpq_abs(expected, x);
    EXPECT_RATIONAL(num_sqrt(h, "test", a), expected, "sqrt", x, x);
    mpq_clears(expected, out, NULL);
}

// No simpler fraction may lie in the interval: all smaller denominators are tried.
static void check_rationalize(NumTest *t)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
    int64_t d = 1 + (int64_t)rng_below(&t->rng, 300), n = (int64_t)rng_below(&t->rng, 2000) - 1000;
    int64_t within = 1 + (int64_t)rng_below(&t->rng, 2000);
    mpq_t x, y, low, high, out;
    mpz_t least, most;

    mpq_inits(x, y, low, high, out, NULL);
    mpz_inits(least, most, NULL);
    mpq_set_si(x, n, (unsigned long)d);
    mpq_set_si(y, 1, (unsigned long)within);
    mpq_canonicalize(x);
    *a = test_ratio_of(t, x);
    *b = test_ratio_of(t, y);
    Value v = num_rationalize(h, "test", a, b);
    mpq_sub(low, x, y);
    mpq_add(high, x, y);
    EXPECT(test_rational_of(out, v) && mpq_cmp(low, out) <= 0 && mpq_cmp(out, high) <= 0,
           "(rationalize %lld/%lld 1/%lld) gives %s", (long long)n, (long long)d, (long long)within,
           test_text(v, 10));
    for (unsigned long q = 1; mpz_cmp_ui(mpq_denref(out), q) > 0; q++) {
        // Does a p exist with low <= p/q <= high?
        mpz_mul_ui(least, mpq_numref(low), q);
        mpz_cdiv_q(least, least, mpq_denref(low));
        mpz_mul_ui(most, mpq_numref(high), q);
        mpz_fdiv_q(most, most, mpq_denref(high));
        EXPECT(mpz_cmp(least, most) > 0, "(rationalize %lld/%lld 1/%lld): %lu is simpler than %s",
               (long long)n, (long long)d, (long long)within, q, test_text(v, 10));
    }
    mpz_clears(least, most, NULL);
    mpq_clears(x, y, low, high, out, NULL);
}

void test_ratios(NumTest *t)
{
    mpq_t x, y;

    mpq_inits(x, y, NULL);
    for (uint64_t i = test_count(t, 10000); i > 0; i--) {
        size_t limbs = i % 16 == 0 ? 60 : 4;
        random_ratio(t, x, limbs);
        random_ratio(t, y, limbs);
        if (i % 4 == 0) { // nearly or quite equal
            mpq_set(y, x);
            if (i % 8 == 0) mpz_add_ui(mpq_numref(y), mpq_numref(y), 1);
            mpq_canonicalize(y);
        }
        check_pair(t, x, y);
        check_rounding(t, x);
        if (i % 8 == 0) check_power(t, x);
        if (i % 8 == 0) check_rationalize(t);
        if (i % 4 == 1) mpz_set_ui(mpq_denref(x), 2); // ties
        mpq_canonicalize(x);
        check_rounding(t, x);
    }
    mpq_clears(x, y, NULL);
}

// ---- flonums --------------------------------------------------------------------------------

double test_random_double(NumTest *t)
{
    for (;;) {
        double d = ieee_from_bits(rng_next(&t->rng));
        if (rng_below(&t->rng, 4) == 0) d = ldexp(d, -(int)rng_below(&t->rng, 2100));
        if (ieee_is_finite(d)) return d;
    }
}

// q: a double, the point half way to its neighbour, or a bit beside one of them.
static void random_near_double(NumTest *t, mpq_ptr q)
{
    double d = test_random_double(t);
    uint64_t kind = rng_below(&t->rng, 6);
    mpq_t little;

    if (rng_below(&t->rng, 4) == 0) d = ldexp(frexp(d, &(int){0}), (int)rng_below(&t->rng, 160));
    if (rng_below(&t->rng, 16) == 0) d = ieee_from_bits(IEEE_INFINITY - 1); // the largest
    if (rng_below(&t->rng, 16) == 0) d = ldexp(1, (int)rng_below(&t->rng, 2098) - 1074);
    mpq_init(little);
    mpq_set_d(q, d);
    if (kind >= 2) halfway_up(q, d);
    if (kind >= 4) { // relative to q, so small that only an exact comparison sees it
        mpq_set(little, q);
        mpq_div_2exp(little, little, 60 + rng_below(&t->rng, 200));
        if (kind == 4) mpq_neg(little, little);
        mpq_add(q, q, little);
    }
    if (rng_below(&t->rng, 2)) mpq_neg(q, q);
    mpq_clear(little);
}

static void check_inexact(NumTest *t, mpq_srcptr q)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0];
    char text[100];

    *a = test_ratio_of(t, q);
    double d = num_to_double(*a);
    gmp_snprintf(text, sizeof text, "%Qd", q);
    EXPECT(test_is_nearest(d, q), "(inexact %s) gives %.17g", text, d);
    Value v = num_inexact(h, "test", a);
    EXPECT(value_is_flo(v) && ieee_bits(value_double(v)) == ieee_bits(d), "(inexact %s)", text);

    mpq_t square;
    mpq_init(square);
    if (mpq_sgn(q) > 0) { // the root of q lies within the halves around the result, squared
        v = num_sqrt(h, "test", a);
        double root = num_to_double(v);
        if (value_is_flo(v)) {
            bool is_above = root == 0, is_below = root == HUGE_VAL;
            if (!is_below) {
                halfway_up(square, root);
                mpq_mul(square, square, square);
                is_below = mpq_cmp(q, square) < 0;
            }
            if (!is_above) {
                halfway_up(square, nextafter(root, 0));
                mpq_mul(square, square, square);
                is_above = mpq_cmp(q, square) > 0;
            }
            EXPECT(is_above && is_below, "(sqrt %s) gives %.17g", text, root);
        }
    }
    mpq_clear(square);
}

static void check_against_double(NumTest *t, mpq_srcptr q, double d)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
    mpq_t exact, out;

    if (!ieee_is_finite(d)) return;
    mpq_inits(exact, out, NULL);
    mpq_set_d(exact, d);
    *a = test_ratio_of(t, q);
    *b = heap_reserve(h, 2) ? heap_flonum(h, d) : V_FAIL;
    int order = mpq_cmp(q, exact);
    order = (order > 0) - (order < 0);
    EXPECT((int)num_compare(h, "test", a, b) == order, "compare %s %.17g", test_text(*a, 10), d);
    EXPECT((int)num_compare(h, "test", b, a) == -order, "compare %.17g %s", d, test_text(*a, 10));
    EXPECT_RATIONAL(num_exact(h, "test", b), exact, "exact", exact, exact);
    mpq_clears(exact, out, NULL);
}

// Integer operations on doubles: the exact result, rounded.
static void check_integer_doubles(NumTest *t)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
    double x = trunc(ldexp(test_random_double(t), 0)), y = trunc(test_random_double(t));
    mpq_t expected;
    mpz_t m, n;

    if (rng_below(&t->rng, 2)) x = (double)(int64_t)rng_below(&t->rng, 1000000) - 500000;
    if (rng_below(&t->rng, 2)) y = (double)(int64_t)rng_below(&t->rng, 1000) - 500;
    if (y == 0) y = 7;
    mpq_init(expected);
    mpz_inits(m, n, NULL);
    mpz_set_d(m, x);
    mpz_set_d(n, y);
    *a = heap_reserve(h, 2) ? heap_flonum(h, x) : V_FAIL;
    *b = heap_reserve(h, 2) ? heap_flonum(h, y) : V_FAIL;
    static const struct {
        Binary *op;
        void (*oracle)(mpz_ptr, mpz_srcptr, mpz_srcptr);
    } ops[] = {{num_quotient, mpz_tdiv_q}, {num_remainder, mpz_tdiv_r},
               {num_modulo, mpz_fdiv_r},   {num_floor_quotient, mpz_fdiv_q},
               {num_gcd, mpz_gcd},         {num_lcm, mpz_lcm}};
    for (size_t i = 0; i < countof(ops); i++) {
        ops[i].oracle(mpq_numref(expected), m, n);
        Value v = ops[i].op(h, "test", a, b);
        EXPECT(value_is_flo(v) && test_is_nearest(value_double(v), expected),
               "operation %zu of %.17g and %.17g gives %s", i, x, y, test_text(v, 10));
    }
    mpz_clears(m, n, NULL);
    mpq_clear(expected);
}

// Powers of exact numbers that are no doubles: 10^400 to the 1/4 is 10^100, and the like.
static void test_scaled_powers(NumTest *t)
{
    static const struct {
        const char *x, *y;
        double expected;
    } cases[] = {
        {"#e1e400", "1/4", 1e100},
        {"#e1e400", "0.25", 1e100},
        {"#e1e-400", "0.25", 1e-100},
        {"#e1e-400", "-0.25", 1e100},
        {"#e1e400", "-1.", 0},
        {"#e1e400", "2.", HUGE_VAL},
        {"#e1e-400", "-2.", HUGE_VAL},
        {"#e-1e400", "0.5", (double)NAN},
        {"#e-1e401", "1.", -HUGE_VAL},
        {"#e-1e401", "2.", HUGE_VAL},
        {"#e-1e401", "-3.", 0},
        {"#e1e400", "+inf.0", HUGE_VAL},
        {"#e1e400", "-inf.0", 0},
        {"#e1e-400", "+inf.0", 0},
        {"#e1e400", "0.", 1},
        {"#e1e400", "+nan.0", (double)NAN},
        {"#e-1e-400", "-1.", -HUGE_VAL},
        {"#e1e5000", "0.001", 1e5},
        {"#e1e5000", "1e-300", 1},
        {"#e1e5000", "1e300", HUGE_VAL},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
        *a = test_number(t, cases[i].x);
        *b = test_number(t, cases[i].y);
        double d = num_to_double(num_expt(&t->heap.heap, "test", a, b));
        double e = cases[i].expected;
        EXPECT((isnan(d) && isnan(e)) || d == e || fabs(d - e) <= 4e-16 * fabs(e),
               "(expt %s %s) gives %.17g", cases[i].x, cases[i].y, d);
    }
}

void test_flonums(NumTest *t)
{
    mpq_t q;

    mpq_init(q);
    for (uint64_t i = test_count(t, 20000); i > 0; i--) {
        random_near_double(t, q);
        check_inexact(t, q);
        double d = mpq_get_d(q); // next to q
        check_against_double(t, q, d);
        check_against_double(t, q, test_random_double(t));
        if (i % 4 == 0) {
            random_ratio(t, q, i % 64 == 0 ? 40 : 4);
            check_inexact(t, q);
            check_against_double(t, q, mpq_get_d(q));
            check_integer_doubles(t);
        }
    }
    mpq_clear(q);
    test_scaled_powers(t);
}
