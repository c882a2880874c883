// Exact rationals: numerator and denominator, coprime, the denominator above one ([R1]; ratio_make
// is the only place that makes one).
//
// Model: arithmetic on rationals is a chain of operations on exact integers. Each intermediate
// result stands in a root; ratio_step makes it, or passes a failure on as NULL, so that a chain
// reads like the formula and is tested once at its end. Integers take part as n/1.
//
// Sums and products take their common factors out before multiplying, so that the numbers stay
// small: D. Knuth, The Art of Computer Programming 2, section 4.5.1.
#include "vm/data/num_int.h"

Value *ratio_step(Heap *h, const char *who, BinaryOp *op, const Value *x, const Value *y)
{
    if (!x || !y) return NULL;
    Value v = op(h, who, x, y);
    return value_is(v, V_FAIL) ? NULL : heap_root(h, v);
}

Value ratio_make(Heap *h, const Value *n, const Value *d)
{
    if (!n || !d) return V_FAIL;
    if (value_is(*d, value_fix(1))) return *n;
    if (!heap_reserve(h, 3)) return V_FAIL;
    Value *p = heap_take(h, 3);
    p[0].bits = header_make(KIND_RATIO, 2);
    p[1] = *n;
    p[2] = *d;
    return value_from_words(p, TAG_OBJ);
}

static bool is_one(const Value *x)
{
    return x && value_is(*x, value_fix(1));
}

// x / factor, where that leaves no rest.
static const Value *take_out(Heap *h, const char *who, const Value *x, const Value *factor)
{
    if (is_one(factor)) return x;
    return ratio_step(h, who, int_quotient, x, factor);
}

// ---- arithmetic -----------------------------------------------------------------------------

// a/b + c/d with g = gcd(b, d), t = a (d/g) + c (b/g): t and (b/g)(d/g) have no common factor, so
// only gcd(t, g) is left to take out. For g = 1, the most frequent case, nothing is.
static Value add_or_sub(Heap *h, const char *who, const Value *x, const Value *y, BinaryOp *op)
{
    unsigned mark = heap_root_mark(h);
    const Value *a = heap_root(h, ratio_numerator(*x)), *b = heap_root(h, ratio_denominator(*x));
    const Value *c = heap_root(h, ratio_numerator(*y)), *d = heap_root(h, ratio_denominator(*y));
    const Value *g = ratio_step(h, who, int_gcd, b, d);

    b = take_out(h, who, b, g);
    const Value *left = ratio_step(h, who, int_mul, a, take_out(h, who, d, g));
    const Value *right = ratio_step(h, who, int_mul, c, b);
    const Value *t = ratio_step(h, who, op, left, right);
    const Value *common = is_one(g) ? g : ratio_step(h, who, int_gcd, t, g);
    const Value *n = take_out(h, who, t, common);
    d = ratio_step(h, who, int_mul, b, take_out(h, who, d, common));
    Value result = ratio_make(h, n, d);
    heap_unroot(h, mark);
    return result;
}

Value ratio_add(Heap *h, const char *who, const Value *x, const Value *y)
{
    return add_or_sub(h, who, x, y, int_add);
}

Value ratio_sub(Heap *h, const char *who, const Value *x, const Value *y)
{
    return add_or_sub(h, who, x, y, int_sub);
}

// (a/b) (c/d): a and d lose their common factor, and so do c and b.
static Value multiply(Heap *h, const char *who, const Value *a, const Value *b, const Value *c,
                      const Value *d)
{
    const Value *ad = ratio_step(h, who, int_gcd, a, d);
    const Value *cb = ratio_step(h, who, int_gcd, c, b);
    const Value *n = ratio_step(h, who, int_mul, take_out(h, who, a, ad), take_out(h, who, c, cb));

    d = ratio_step(h, who, int_mul, take_out(h, who, b, cb), take_out(h, who, d, ad));
    if (n && d && int_is_negative(*d)) { // a division by a negative number
        Value zero = value_fix(0);
        n = ratio_step(h, who, int_sub, &zero, n);
        d = ratio_step(h, who, int_sub, &zero, d);
    }
    return ratio_make(h, n, d);
}

Value ratio_mul(Heap *h, const char *who, const Value *x, const Value *y)
{
    unsigned mark = heap_root_mark(h);
    const Value *a = heap_root(h, ratio_numerator(*x)), *b = heap_root(h, ratio_denominator(*x));
    const Value *c = heap_root(h, ratio_numerator(*y)), *d = heap_root(h, ratio_denominator(*y));
    Value result = multiply(h, who, a, b, c, d);

    heap_unroot(h, mark);
    return result;
}

Value ratio_div(Heap *h, const char *who, const Value *x, const Value *y)
{
    unsigned mark = heap_root_mark(h);
    const Value *a = heap_root(h, ratio_numerator(*x)), *b = heap_root(h, ratio_denominator(*x));
    const Value *c = heap_root(h, ratio_numerator(*y)), *d = heap_root(h, ratio_denominator(*y));
    Value result = multiply(h, who, a, b, d, c);

    heap_unroot(h, mark);
    return result;
}

Value ratio_negate(Heap *h, const char *who, const Value *x)
{
    unsigned mark = heap_root_mark(h);
    const Value *n = heap_root(h, ratio_numerator(*x)), *d = heap_root(h, ratio_denominator(*x));
    Value *negated = heap_root(h, int_negate(h, who, n));
    Value result = value_is(*negated, V_FAIL) ? V_FAIL : ratio_make(h, negated, d);

    heap_unroot(h, mark);
    return result;
}

// ---- comparison -----------------------------------------------------------------------------

// Sign of |a d| - |c b|, of which neither is zero. NUM_FAILED without memory.
static NumOrder compare_products(IntView a, IntView d, IntView c, IntView b)
{
    uint64_t left_bits = int_bits(a) + int_bits(d), right_bits = int_bits(c) + int_bits(b);

    if (left_bits + 1 < right_bits) return NUM_LESS;
    if (right_bits + 1 < left_bits) return NUM_GREATER;
    if (MAX(MAX(a.count, b.count), MAX(c.count, d.count)) == 1) {
        unsigned __int128 left = (unsigned __int128)a.limbs[0] * d.limbs[0];
        unsigned __int128 right = (unsigned __int128)c.limbs[0] * b.limbs[0];
        return left < right ? NUM_LESS : left > right ? NUM_GREATER : NUM_EQUAL;
    }
    Scratch left, right;
    NumOrder order = NUM_FAILED;
    bool has_left = scratch_open(&left, a.count + d.count);
    bool has_right = scratch_open(&right, c.count + b.count);
    if (has_left && has_right && limbs_have_room(left.count + right.count)) {
        limbs_mul(left.limbs, a, d);
        limbs_mul(right.limbs, c, b);
        IntView x = {left.limbs, limbs_normalize(left.limbs, left.count), false};
        IntView y = {right.limbs, limbs_normalize(right.limbs, right.count), false};
        order = (NumOrder)int_compare_magnitudes(x, y);
    }
    scratch_close(&right);
    scratch_close(&left);
    return order;
}

NumOrder ratio_compare(Heap *h, const char *who, Value x, Value y)
{
    uint64_t spare[4];
    IntView a = int_view(ratio_numerator(x), &spare[0]);
    IntView b = int_view(ratio_denominator(x), &spare[1]);
    IntView c = int_view(ratio_numerator(y), &spare[2]);
    IntView d = int_view(ratio_denominator(y), &spare[3]);

    if (a.negative != c.negative) return a.negative ? NUM_LESS : NUM_GREATER;
    if (a.count == 0) return NUM_LESS; // the other is not zero: at least one is a ratio
    if (c.count == 0) return NUM_GREATER;
    NumOrder order = compare_products(a, d, c, b);
    if (order == NUM_FAILED) {
        fail_no_memory(h, who);
        return order;
    }
    return a.negative ? (NumOrder) - (int)order : order;
}

// ---- rounding -------------------------------------------------------------------------------

// n/d to the nearest integer, ties to even. In lowest terms a tie has the denominator 2.
static Value round_to_even(Heap *h, const char *who, const Value *n, const Value *d)
{
    Value one = value_fix(1), two = value_fix(2);

    if (value_is(*d, two)) {
        const Value *floor = ratio_step(h, who, int_floor, n, d);
        if (!floor) return V_FAIL;
        return int_is_odd(*floor) ? int_add(h, who, floor, &one) : *floor;
    }
    const Value *twice = ratio_step(h, who, int_mul, n, &two);
    const Value *sum = ratio_step(h, who, int_add, twice, d);
    const Value *by = ratio_step(h, who, int_mul, d, &two);
    return sum && by ? int_floor(h, who, sum, by) : V_FAIL;
}

static Value round_parts(Heap *h, const char *who, const Value *n, const Value *d, NumRounding how)
{
    Value one = value_fix(1);
    const Value *floor;

    switch (how) {
    case NUM_FLOOR:
        return int_floor(h, who, n, d);
    case NUM_CEILING: // never an integer itself
        floor = ratio_step(h, who, int_floor, n, d);
        return floor ? int_add(h, who, floor, &one) : V_FAIL;
    case NUM_TRUNCATE:
        return int_quotient(h, who, n, d);
    case NUM_ROUND:
        return round_to_even(h, who, n, d);
    }
    UNREACHABLE();
}

Value ratio_round(Heap *h, const char *who, const Value *x, NumRounding how)
{
    unsigned mark = heap_root_mark(h);
    const Value *n = heap_root(h, ratio_numerator(*x)), *d = heap_root(h, ratio_denominator(*x));
    Value result = round_parts(h, who, n, d, how);

    heap_unroot(h, mark);
    return result;
}

// ---- rationalize ----------------------------------------------------------------------------

// The simplest number between a/b and c/d, 0 < a/b <= c/d, is found by walking down the continued
// fraction that both have in common (the tree of M. Stern and A. Brocot: R. Graham, D. Knuth and
// O. Patashnik, Concrete Mathematics, section 4.5): the integer a/b, if that is one; the next
// integer above a/b, if c/d reaches it; else their common integral part f plus one over the
// simplest number between d/(c - f d) and b/(a - f b). p/q and p_before/q_before are the last two
// convergents of what has been walked.
typedef struct {
    Value *a, *b, *c, *d;
    Value *p, *q, *p_before, *q_before;
} Simplest;

// p_before, p = p, term * p + p_before
static bool append_term(Heap *h, const char *who, const Value *term, Value *p, Value *p_before)
{
    const Value *product = ratio_step(h, who, int_mul, term, p);
    const Value *next = ratio_step(h, who, int_add, product, p_before);

    if (!next) return false;
    *p_before = *p;
    *p = *next;
    return true;
}

// The next term; *is_last when the walk ends with it.
static const Value *next_term(Heap *h, const char *who, Simplest *s, bool *is_last)
{
    Value one = value_fix(1);
    const Value *floor = ratio_step(h, who, int_floor, s->a, s->b);
    const Value *a_rest = ratio_step(h, who, int_modulo, s->a, s->b);
    const Value *high = ratio_step(h, who, int_floor, s->c, s->d);

    if (!floor || !a_rest || !high) return NULL;
    *is_last = true;
    if (value_is(*a_rest, value_fix(0))) return floor;
    if (int_compare(*floor, *high) < 0) return ratio_step(h, who, int_add, floor, &one);
    *is_last = false;
    const Value *c_rest = ratio_step(h, who, int_modulo, s->c, s->d);
    if (!c_rest) return NULL;
    Value b = *s->b;
    *s->a = *s->d;
    *s->b = *c_rest;
    *s->c = b;
    *s->d = *a_rest;
    return floor;
}

static Value simplest_between(Heap *h, const char *who, const Value *low, const Value *high)
{
    Value zero = value_fix(0), one = value_fix(1);
    Simplest s = {
        .a = heap_root(h, ratio_numerator(*low)),
        .b = heap_root(h, ratio_denominator(*low)),
        .c = heap_root(h, ratio_numerator(*high)),
        .d = heap_root(h, ratio_denominator(*high)),
        .p = heap_root(h, one),
        .q = heap_root(h, zero),
        .p_before = heap_root(h, zero),
        .q_before = heap_root(h, one),
    };
    unsigned mark = heap_root_mark(h);
    bool is_last = false;

    while (!is_last) {
        const Value *term = next_term(h, who, &s, &is_last);
        if (!term || !append_term(h, who, term, s.p, s.p_before) ||
            !append_term(h, who, term, s.q, s.q_before)) {
            return V_FAIL;
        }
        heap_unroot(h, mark); // what is needed stands in the slots of `s`
    }
    return ratio_make(h, s.p, s.q);
}

static Value rationalize_between(Heap *h, const char *who, const Value *low, const Value *high)
{
    int low_sign = num_sign(h, who, low), high_sign = num_sign(h, who, high);

    if (low_sign <= 0 && high_sign >= 0) return value_fix(0);
    if (low_sign > 0) return simplest_between(h, who, low, high);
    Value zero = value_fix(0);
    const Value *from = ratio_step(h, who, num_sub, &zero, high);
    const Value *to = ratio_step(h, who, num_sub, &zero, low);
    if (!from || !to) return V_FAIL;
    const Value *positive = heap_root(h, simplest_between(h, who, from, to));
    return value_is(*positive, V_FAIL) ? V_FAIL : num_sub(h, who, &zero, positive);
}

static Value rationalize_exact(Heap *h, const char *who, const Value *x, const Value *y)
{
    Value magnitude = num_abs(h, who, y);
    if (value_is(magnitude, V_FAIL)) return V_FAIL;
    const Value *by = heap_root(h, magnitude);
    const Value *low = ratio_step(h, who, num_sub, x, by);
    const Value *high = ratio_step(h, who, num_add, x, by);
    return low && high ? rationalize_between(h, who, low, high) : V_FAIL;
}

static Value rationalize_inexact(Heap *h, const char *who, const Value *x, const Value *y)
{
    double dx = num_to_double(*x), dy = num_to_double(*y);

    if (ieee_is_nan(dx) || ieee_is_nan(dy)) return flo_make(h, ieee_from_bits(IEEE_NAN));
    if (value_is_flo(*y) && !ieee_is_finite(dy)) {
        bool both = value_is_flo(*x) && !ieee_is_finite(dx);
        return flo_make(h, both ? ieee_from_bits(IEEE_NAN) : 0.0);
    }
    if (value_is_flo(*x) && !ieee_is_finite(dx)) return *x;
    Value exact = num_exact(h, who, x);
    if (value_is(exact, V_FAIL)) return V_FAIL;
    const Value *by_x = heap_root(h, exact);
    exact = num_exact(h, who, y);
    if (value_is(exact, V_FAIL)) return V_FAIL;
    const Value *by_y = heap_root(h, exact);
    Value result = rationalize_exact(h, who, by_x, by_y);
    return value_is(result, V_FAIL) ? V_FAIL : flo_make(h, num_to_double(result));
}

Value num_rationalize(Heap *h, const char *who, const Value *x, const Value *y)
{
    if (!value_is_number(*x)) return fail_type(h, who, "a real number", *x);
    if (!value_is_number(*y)) return fail_type(h, who, "a real number", *y);
    unsigned mark = heap_root_mark(h);
    bool is_exact = num_is_exact(*x) && num_is_exact(*y);
    Value result = is_exact ? rationalize_exact(h, who, x, y) : rationalize_inexact(h, who, x, y);
    heap_unroot(h, mark);
    return result;
}
