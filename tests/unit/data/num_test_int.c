// Exact integers against GMP's mpz: random numbers of 1 to 200 limbs with long runs of equal bits,
// and numbers around the powers of two where representations change, in all combinations of sign.
#include "tests/unit/data/num_test.h"

#include "vm/base/ieee.h"

#include <string.h>

#define LIMBS 200

// ---- between values and mpz -----------------------------------------------------------------

Value test_value_of(NumTest *t, mpz_srcptr z)
{
    return num_from_bytes(&t->heap.heap, mpz_sgn(z) < 0, (const uint8_t *)mpz_limbs_read(z),
                          mpz_size(z) * sizeof(mp_limb_t));
}

bool test_int_of(mpz_ptr z, Value v)
{
    if (value_is_fix(v)) {
        mpz_set_si(z, value_int(v));
        return true;
    }
    mpz_set_ui(z, 0);
    if (!value_is_big(v)) return false;
    uint64_t header = value_header(v);
    const uint64_t *limbs = &value_words(v)[1].bits;
    size_t count = header_words(header);
    bool negative = header & HEADER_NEGATIVE;
    mpz_import(z, count, -1, sizeof *limbs, 0, 0, limbs);
    if (negative) mpz_neg(z, z);
    if (count == 0 || limbs[count - 1] == 0) return false;
    // Not what a fixnum holds, and in the large-object space if and only if it was made there.
    return count > 1 || limbs[0] > (uint64_t)FIX_MAX + negative;
}

// A bit length first, so that small numbers are as frequent as large ones.
void test_random_int(NumTest *t, mpz_ptr z, size_t limbs_max)
{
    Rng *r = &t->rng;
    uint64_t kind = rng_below(r, 8);
    mp_limb_t limbs[LIMBS];

    if (kind < 3) { // 2^k and its neighbours, mostly where fixnums and limbs end
        uint64_t k = rng_below(r, 2) ? 56 + rng_below(r, 10) : rng_below(r, 200);
        mpz_set_ui(z, 1);
        mpz_mul_2exp(z, z, k);
        if (rng_below(r, 2)) {
            mpz_add_ui(z, z, rng_below(r, 4));
        } else {
            mpz_sub_ui(z, z, rng_below(r, 4));
        }
    } else if (kind == 3) {
        mpz_set_ui(z, rng_below(r, 1000));
    } else {
        size_t max = rng_below(r, 4) ? MIN(limbs_max, 6) : limbs_max;
        size_t count = 1 + rng_below(r, max);
        uint64_t run = 0;
        for (size_t i = 0; i < count; i++) {
            if (rng_below(r, 4) == 0) run = ~run;
            limbs[i] = kind == 4 ? rng_next(r) : run;
        }
        limbs[0] ^= rng_below(r, 2) << rng_below(r, 64);
        mpz_import(z, count, -1, sizeof limbs[0], 0, 0, limbs);
        mpz_fdiv_q_2exp(z, z, rng_below(r, 64));
    }
    if (rng_below(r, 2)) mpz_neg(z, z);
}

// ---- binary operations ------------------------------------------------------------------------

typedef Value Binary(Heap *h, const char *who, const Value *x, const Value *y);
typedef void Oracle(mpz_ptr out, mpz_srcptr x, mpz_srcptr y);

static const struct {
    const char *name;
    Binary *op;
    Oracle *oracle;
    bool divides;
} pairs[] = {
    {"+", num_add, mpz_add, false},
    {"-", num_sub, mpz_sub, false},
    {"*", num_mul, mpz_mul, false},
    {"quotient", num_quotient, mpz_tdiv_q, true},
    {"remainder", num_remainder, mpz_tdiv_r, true},
    {"floor/", num_floor_quotient, mpz_fdiv_q, true},
    {"modulo", num_modulo, mpz_fdiv_r, true},
    {"gcd", num_gcd, mpz_gcd, false},
    {"lcm", num_lcm, mpz_lcm, false},
    {"and", num_bit_and, mpz_and, false},
    {"or", num_bit_or, mpz_ior, false},
    {"xor", num_bit_xor, mpz_xor, false},
};

static void report(const char *file, int line, const char *name, mpz_srcptr x, mpz_srcptr y,
                   Value got)
{
    char text[2][80];
    gmp_snprintf(text[0], sizeof text[0], "%Zd", x);
    gmp_snprintf(text[1], sizeof text[1], "%Zd", y);
    test_report(file, line, "(%s %s %s) gives %.80s", name, text[0], text[1], test_text(got, 10));
}

#define EXPECT_INT(got, expected, name, x, y)                                                      \
    do {                                                                                           \
        Value got_ = (got);                                                                        \
        if (test_int_of(out, got_) && mpz_cmp(out, expected) == 0) {                               \
            test_passed++;                                                                         \
        } else {                                                                                   \
            report(__FILE__, __LINE__, name, x, y, got_);                                          \
        }                                                                                          \
    } while (0)

static void check_pair(NumTest *t, mpz_srcptr x, mpz_srcptr y)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *b = &t->heap.frame[1];
    mpz_t expected, out;

    mpz_inits(expected, out, NULL);
    *a = test_value_of(t, x);
    *b = test_value_of(t, y);
    EXPECT_INT(*a, x, "value", x, y);
    for (size_t i = 0; i < countof(pairs); i++) {
        if (pairs[i].divides && mpz_sgn(y) == 0) {
            EXPECT(value_is(pairs[i].op(h, "test", a, b), V_FAIL), "%s by 0", pairs[i].name);
            continue;
        }
        pairs[i].oracle(expected, x, y);
        EXPECT_INT(pairs[i].op(h, "test", a, b), expected, pairs[i].name, x, y);
        // Both arguments in one slot.
        if (pairs[i].divides && mpz_sgn(x) == 0) continue;
        pairs[i].oracle(expected, x, x);
        EXPECT_INT(pairs[i].op(h, "test", a, a), expected, pairs[i].name, x, x);
    }
    int order = mpz_cmp(x, y);
    NumOrder got = num_compare(h, "test", a, b);
    EXPECT((order > 0) - (order < 0) == (int)got, "compare gives %d", (int)got);
    EXPECT(num_eqv(*a, *b) == (order == 0), "eqv");
    EXPECT(num_sign(h, "test", a) == mpz_sgn(x), "sign");
    EXPECT(t->heap.scratch.root_count == 0, "roots are left");
    mpz_clears(expected, out, NULL);
}

// ---- unary operations, shifts, powers -----------------------------------------------------------

static void bit_count(mpz_ptr out, mpz_srcptr x)
{
    mpz_t flipped;
    mpz_init(flipped);
    mpz_com(flipped, x);
    mpz_set_ui(out, mpz_popcount(mpz_sgn(x) < 0 ? flipped : x));
    mpz_clear(flipped);
}

static void bit_length(mpz_ptr out, mpz_srcptr x)
{
    mpz_t magnitude;
    mpz_init_set(magnitude, x);
    if (mpz_sgn(x) < 0) mpz_com(magnitude, x);
    mpz_set_ui(out, mpz_sgn(magnitude) ? mpz_sizeinbase(magnitude, 2) : 0);
    mpz_clear(magnitude);
}

static const struct {
    const char *name;
    Value (*op)(Heap *h, const char *who, const Value *x);
    void (*oracle)(mpz_ptr out, mpz_srcptr x);
} singles[] = {
    {"negate", num_negate, mpz_neg},
    {"abs", num_abs, mpz_abs},
    {"not", num_bit_not, mpz_com},
    {"bit-count", num_bit_count, bit_count},
    {"bit-length", num_bit_length, bit_length},
};

static void check_root(NumTest *t, mpz_srcptr x)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *pair = &t->heap.frame[1];
    mpz_t root, rest, square, out;

    if (mpz_sgn(x) < 0) return;
    mpz_inits(root, rest, square, out, NULL);
    mpz_sqrtrem(root, rest, x);
    *a = test_value_of(t, x);
    *pair = num_exact_integer_sqrt(h, "test", a);
    EXPECT(value_is_pair(*pair), "exact-integer-sqrt fails");
    EXPECT_INT(value_car(*pair), root, "exact-integer-sqrt", x, root);
    EXPECT_INT(value_cdr(*pair), rest, "exact-integer-sqrt", x, rest);
    mpz_mul(square, x, x);
    *a = test_value_of(t, square);
    EXPECT_INT(num_sqrt(h, "test", a), x, "sqrt", square, x);
    mpz_clears(root, rest, square, out, NULL);
}

static void check_single(NumTest *t, mpz_srcptr x)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *n = &t->heap.frame[1];
    int64_t shift = (int64_t)rng_below(&t->rng, 400) - 200;
    mpz_t expected, out;

    mpz_inits(expected, out, NULL);
    *a = test_value_of(t, x);
    for (size_t i = 0; i < countof(singles); i++) {
        singles[i].oracle(expected, x);
        EXPECT_INT(singles[i].op(h, "test", a), expected, singles[i].name, x, x);
    }
    *n = value_fix(shift);
    if (shift >= 0) {
        mpz_mul_2exp(expected, x, (mp_bitcnt_t)shift);
    } else {
        mpz_fdiv_q_2exp(expected, x, (mp_bitcnt_t)-shift);
    }
    EXPECT_INT(num_shift(h, "test", a, n), expected, "shift", x, x);

    Buf bytes = BUF_INIT;
    num_big_to_bytes(&bytes, *a);
    EXPECT_INT(num_from_bytes(h, bytes.data[0] != 0, bytes.data + 1, bytes.size - 1), x, "bytes", x,
               x);
    EXPECT(bytes.size == 1 || bytes.data[bytes.size - 1] != 0, "bytes with a leading zero");
    buf_free(&bytes);
    *n = test_value_of(t, x);
    EXPECT(num_eqv(*a, *n) && num_hash(*a) == num_hash(*n), "hashes of equal numbers differ");
    mpz_clears(expected, out, NULL);
    check_root(t, x);
}

static void check_power(NumTest *t, mpz_srcptr x)
{
    Heap *h = &t->heap.heap;
    Value *a = &t->heap.frame[0], *n = &t->heap.frame[1];
    uint64_t exponent = rng_below(&t->rng, 1 + 20000 / (mpz_sizeinbase(x, 2) + 10));
    mpz_t expected, out;

    mpz_inits(expected, out, NULL);
    *a = test_value_of(t, x);
    *n = value_fix((int64_t)exponent);
    mpz_pow_ui(expected, x, exponent);
    EXPECT_INT(num_expt(h, "test", a, n), expected, "expt", x, x);
    mpz_clears(expected, out, NULL);
}

// ---- large sizes: where results and arguments are large objects -------------------------------

static void test_large(NumTest *t)
{
    mpz_t x, y, z;

    mpz_inits(x, y, z, NULL);
    for (size_t limbs = 250; limbs < 12000; limbs = limbs * 3 + 1) {
        mpz_set_ui(x, 3);
        mpz_pow_ui(x, x, limbs * 40); // 63.4 bits for each 40
        mpz_set(y, x);
        mpz_tdiv_q_2exp(y, y, limbs * 13);
        mpz_mul(z, x, y);
        mpz_neg(y, y);
        check_pair(t, x, y);
        check_pair(t, z, y);
        check_pair(t, y, z);
        mpz_add_ui(z, z, 1);
        check_pair(t, z, x);
        check_single(t, x);
        check_single(t, y);
        mpz_set(y, x); // a difference of large objects that is a fixnum
        mpz_add_ui(y, y, 1);
        check_pair(t, x, y);
    }
    mpz_clears(x, y, z, NULL);
}

void test_ints(NumTest *t)
{
    mpz_t x, y;

    mpz_inits(x, y, NULL);
    for (uint64_t i = test_count(t, 30000); i > 0; i--) {
        size_t limbs = i % 16 == 0 ? LIMBS : 20;
        test_random_int(t, x, limbs);
        test_random_int(t, y, limbs);
        check_pair(t, x, y);
        check_single(t, x);
        if (i % 8 == 0) check_power(t, x);
    }
    mpz_clears(x, y, NULL);
    test_large(t);
}
