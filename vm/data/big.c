// Exact integers of any size: add, subtract, multiply, divide, gcd, square root, shifts, and their
// digits. The only file that knows GMP, of which it uses the mpn layer: functions on limbs in
// memory that is ours, so that bignums live in the actor's heap like everything else.
//
// Model: a value is a fixnum or a KIND_BIGNUM object, sign and magnitude (num_int.h, IntView). Each
// operation looks at its arguments, takes room for the result (which may move the arguments),
// looks at them again, and lets mpn write the result in place. int_finish then drops leading zeros
// and turns what fits into a fixnum: [B1] a bignum never fits a fixnum and has no leading zero
// limb.
//
// Memory: what mpn wants besides the result comes from a Scratch. mpn takes temporary memory of its
// own for large operands and aborts when there is none; limbs_have_room is asked before.
#include "vm/data/num_int.h"

#include "vm/base/mem.h"

#include <gmp.h>
#include <math.h>

STATIC_ASSERT(GMP_LIMB_BITS == LIMB_BITS && GMP_NAIL_BITS == 0, "limbs are full 64-bit words");
STATIC_ASSERT(sizeof(mp_limb_t) == sizeof(Value), "a payload word is a limb");

// ---- memory and failures --------------------------------------------------------------------

Value fail_too_large(Heap *h, const char *who)
{
    return fail_text(h, ERR_HEAP_LIMIT, who, "the result would have more than %llu bits",
                     (unsigned long long)NUM_BITS_MAX);
}

Value fail_no_memory(Heap *h, const char *who)
{
    return fail_text(h, ERR_HEAP_LIMIT, who, "out of memory");
}

bool scratch_open(Scratch *s, size_t limbs)
{
    s->count = limbs;
    s->limbs = limbs <= SCRATCH_LOCAL ? s->local : mem_alloc(MEM_SCRATCH, limbs * sizeof(uint64_t));
    return s->limbs != NULL;
}

void scratch_close(Scratch *s)
{
    if (s->limbs != s->local) mem_free(MEM_SCRATCH, s->limbs, s->count * sizeof(uint64_t));
}

// What mpn (GMP 6.2.1) takes on its own was measured from 4,096 to 900,000 limbs: up to 3.8 times
// the limbs of a product, 5.1 those of a dividend, 3.4 of a square, 6.2 of a number turned to
// digits, 5.3 of one made from them, 7.3 of the larger argument of gcd. Fewer limbs are not worth
// the question: they are work for longer than the two system calls take.
bool limbs_have_room(size_t limbs)
{
    if (limbs < 4096) return true;
    size_t bytes = limbs * sizeof(uint64_t) * 8;
    void *p = mem_alloc(MEM_SCRATCH, bytes);
    mem_free(MEM_SCRATCH, p, bytes);
    return p != NULL;
}

// ---- values ---------------------------------------------------------------------------------

uint64_t *int_begin(Heap *h, size_t limbs)
{
    Value *object = heap_alloc(h, header_make(KIND_BIGNUM, limbs));
    return object ? &object[1].bits : NULL;
}

Value int_finish(Heap *h, const char *who, uint64_t *limbs, size_t count, bool negative)
{
    Value *object = container_of(limbs, Value, bits) - 1;
    uint64_t top = 0;

    count = limbs_normalize(limbs, count);
    if (count > LIMBS_MAX) return fail_too_large(h, who);
    if (count > 0) top = limbs[count - 1];
    if (count <= 1 && top <= (uint64_t)FIX_MAX + negative) {
        heap_trim(h, object, 0); // [B1]
        return value_fix((int64_t)(negative ? 0 - top : top));
    }
    if (negative) object->bits |= HEADER_NEGATIVE; // the header may have flags of its own
    if (count < header_words(object->bits)) heap_trim(h, object, count);
    return value_from_words(object, TAG_OBJ);
}

Value int_from_magnitude(Heap *h, uint64_t n, bool negative)
{
    if (n <= (uint64_t)FIX_MAX + negative) return value_fix((int64_t)(negative ? 0 - n : n));
    uint64_t *limbs = int_begin(h, 1);
    if (!limbs) return V_FAIL;
    limbs[0] = n;
    return int_finish(h, "", limbs, 1, negative);
}

Value int_from_shifted(Heap *h, const char *who, uint64_t n, uint64_t shift, bool negative)
{
    if (limbs_bits(&n, 1) + shift > NUM_BITS_MAX) return fail_too_large(h, who);
    size_t count = (size_t)(shift / LIMB_BITS) + 2;
    uint64_t *limbs = int_begin(h, count);
    if (!limbs) return V_FAIL;
    return int_finish(h, who, limbs, limbs_shift_left(limbs, &n, 1, shift), negative);
}

Value num_from_int64(Heap *h, int64_t n)
{
    return int_from_magnitude(h, n < 0 ? 0 - (uint64_t)n : (uint64_t)n, n < 0);
}

Value num_from_uint64(Heap *h, uint64_t n)
{
    return int_from_magnitude(h, n, false);
}

Value num_from_bytes(Heap *h, bool negative, const uint8_t *magnitude, size_t n)
{
    while (n > 0 && magnitude[n - 1] == 0) {
        n--;
    }
    if (n > NUM_BITS_MAX / 8) return fail_too_large(h, "bytes->integer");
    size_t count = (n + sizeof(uint64_t) - 1) / sizeof(uint64_t);
    if (count == 0) return value_fix(0);
    uint64_t *limbs = int_begin(h, count);
    if (!limbs) return V_FAIL;
    limbs[count - 1] = 0;
    memcpy(limbs, magnitude, n); // both are little-endian
    return int_finish(h, "bytes->integer", limbs, count, negative);
}

void num_big_to_bytes(Buf *out, Value x)
{
    uint64_t spare;
    IntView view = int_view(x, &spare);

    buf_u8(out, view.negative);
    buf_bytes(out, view.limbs, (size_t)((int_bits(view) + 7) / 8));
}

Value int_negate(Heap *h, const char *who, const Value *x)
{
    if (value_is_fix(*x)) return num_from_int64(h, -value_int(*x));
    size_t count = header_words(value_header(*x));
    uint64_t *limbs = int_begin(h, count);
    if (!limbs) return V_FAIL;
    uint64_t spare;
    IntView view = int_view(*x, &spare);
    mpn_copyi(limbs, view.limbs, (mp_size_t)count);
    return int_finish(h, who, limbs, count, !view.negative);
}

// ---- addition -------------------------------------------------------------------------------

// |x| + |y| with x the longer one, y not zero.
static Value add_magnitudes(Heap *h, const char *who, const Value *x, const Value *y, bool negative)
{
    uint64_t spare[2], top;
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    uint64_t b_top = a.count == b.count ? b.limbs[b.count - 1] : 0;
    // A limb for the carry only where one may come: it would have to be given back.
    bool may_carry = __builtin_add_overflow(a.limbs[a.count - 1], b_top, &top) || top == UINT64_MAX;
    size_t count = a.count + may_carry;
    uint64_t *sum = int_begin(h, count);

    if (!sum) return V_FAIL;
    a = int_view(*x, &spare[0]);
    b = int_view(*y, &spare[1]);
    uint64_t carry = mpn_add(sum, a.limbs, (mp_size_t)a.count, b.limbs, (mp_size_t)b.count);
    if (may_carry) sum[a.count] = carry;
    return int_finish(h, who, sum, count, negative);
}

// |x| - |y| with |x| > |y| > 0.
static Value sub_magnitudes(Heap *h, const char *who, const Value *x, const Value *y, bool negative)
{
    uint64_t spare[2];
    size_t count = int_view(*x, &spare[0]).count;
    uint64_t *difference = int_begin(h, count);

    if (!difference) return V_FAIL;
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    mpn_sub(difference, a.limbs, (mp_size_t)a.count, b.limbs, (mp_size_t)b.count);
    return int_finish(h, who, difference, count, negative);
}

static Value add_signed(Heap *h, const char *who, const Value *x, const Value *y, bool subtract)
{
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    bool b_negative = b.negative != subtract;

    if (b.count == 0) return *x;
    if (a.count == 0) return subtract ? int_negate(h, who, y) : *y;
    if (a.negative == b_negative) {
        if (a.count < b.count) return add_magnitudes(h, who, y, x, b_negative);
        return add_magnitudes(h, who, x, y, a.negative);
    }
    int order = int_compare_magnitudes(a, b);
    if (order == 0) return value_fix(0);
    if (order < 0) return sub_magnitudes(h, who, y, x, b_negative);
    return sub_magnitudes(h, who, x, y, a.negative);
}

Value int_add(Heap *h, const char *who, const Value *x, const Value *y)
{
    if (value_both_fix(*x, *y)) return num_from_int64(h, value_int(*x) + value_int(*y));
    return add_signed(h, who, x, y, false);
}

Value int_sub(Heap *h, const char *who, const Value *x, const Value *y)
{
    if (value_both_fix(*x, *y)) return num_from_int64(h, value_int(*x) - value_int(*y));
    return add_signed(h, who, x, y, true);
}

// ---- multiplication -------------------------------------------------------------------------

void limbs_mul(uint64_t *out, IntView x, IntView y)
{
    IntView a = x.count >= y.count ? x : y, b = x.count >= y.count ? y : x;

    if (b.count == 1) {
        out[a.count] = mpn_mul_1(out, a.limbs, (mp_size_t)a.count, b.limbs[0]);
    } else if (a.limbs == b.limbs && a.count == b.count) {
        mpn_sqr(out, a.limbs, (mp_size_t)a.count);
    } else {
        mpn_mul(out, a.limbs, (mp_size_t)a.count, b.limbs, (mp_size_t)b.count);
    }
}

uint64_t limbs_mul_1(uint64_t *limbs, size_t count, uint64_t by)
{
    return mpn_mul_1(limbs, limbs, (mp_size_t)count, by);
}

Value int_mul(Heap *h, const char *who, const Value *x, const Value *y)
{
    int64_t product;
    if (value_both_fix(*x, *y) && !__builtin_mul_overflow(value_int(*x), value_int(*y), &product)) {
        return num_from_int64(h, product);
    }
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    if (a.count == 0 || b.count == 0) return value_fix(0);
    // The product has this many bits or one more, which int_finish sees.
    if (int_bits(a) + int_bits(b) - 1 > NUM_BITS_MAX) return fail_too_large(h, who);
    size_t count = a.count + b.count;
    if (!limbs_have_room(count)) return fail_no_memory(h, who);
    uint64_t *out = int_begin(h, count);
    if (!out) return V_FAIL;
    a = int_view(*x, &spare[0]);
    b = int_view(*y, &spare[1]);
    limbs_mul(out, a, b);
    return int_finish(h, who, out, count, a.negative != b.negative);
}

// ---- division -------------------------------------------------------------------------------

static Value divide_fix(Heap *h, int64_t x, int64_t y, DivideKind kind)
{
    int64_t quotient = x / y, rest = x % y;
    bool adjust = rest != 0 && (rest < 0) != (y < 0);

    switch (kind) {
    case DIVIDE_QUOTIENT:
        return num_from_int64(h, quotient); // FIX_MIN / -1 is no fixnum
    case DIVIDE_REMAINDER:
        return value_fix(rest);
    case DIVIDE_FLOOR:
        return num_from_int64(h, quotient - adjust);
    case DIVIDE_MODULO:
        return value_fix(adjust ? rest + y : rest);
    }
    UNREACHABLE();
}

// |x| < |y|: the quotient is zero and the remainder x, before floor adjusts them.
static Value divide_by_larger(Heap *h, const char *who, const Value *x, const Value *y,
                              DivideKind kind)
{
    bool adjust = !value_is(*x, value_fix(0)) && int_is_negative(*x) != int_is_negative(*y);

    switch (kind) {
    case DIVIDE_QUOTIENT:
        return value_fix(0);
    case DIVIDE_REMAINDER:
        return *x;
    case DIVIDE_FLOOR:
        return value_fix(adjust ? -1 : 0);
    case DIVIDE_MODULO:
        return adjust ? int_add(h, who, x, y) : *x;
    }
    UNREACHABLE();
}

static Value divide_to_quotient(Heap *h, const char *who, const Value *x, const Value *y,
                                bool floor)
{
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    size_t count = a.count - b.count + 1;
    Value result = V_FAIL;
    Scratch rest;

    if (!scratch_open(&rest, b.count)) {
        result = fail_no_memory(h, who);
        goto out;
    }
    uint64_t *quotient = int_begin(h, count + floor); // (2^128 - 1) / -2^64 floors to -2^64
    if (!quotient) goto out;
    a = int_view(*x, &spare[0]);
    b = int_view(*y, &spare[1]);
    bool negative = a.negative != b.negative;
    mpn_tdiv_qr(quotient, rest.limbs, 0, a.limbs, (mp_size_t)a.count, b.limbs, (mp_size_t)b.count);
    if (floor) {
        bool adjust = negative && limbs_normalize(rest.limbs, b.count) > 0;
        quotient[count] = mpn_add_1(quotient, quotient, (mp_size_t)count, adjust);
    }
    result = int_finish(h, who, quotient, count + floor, negative);
out:
    scratch_close(&rest);
    return result;
}

static Value divide_to_rest(Heap *h, const char *who, const Value *x, const Value *y, bool modulo)
{
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    Value result = V_FAIL;
    Scratch quotient;

    if (!scratch_open(&quotient, a.count - b.count + 1)) {
        result = fail_no_memory(h, who);
        goto out;
    }
    uint64_t *rest = int_begin(h, b.count);
    if (!rest) goto out;
    a = int_view(*x, &spare[0]);
    b = int_view(*y, &spare[1]);
    bool negative = a.negative;
    mpn_tdiv_qr(quotient.limbs, rest, 0, a.limbs, (mp_size_t)a.count, b.limbs, (mp_size_t)b.count);
    if (modulo && a.negative != b.negative && limbs_normalize(rest, b.count) > 0) {
        mpn_sub_n(rest, b.limbs, rest, (mp_size_t)b.count);
        negative = b.negative;
    }
    result = int_finish(h, who, rest, b.count, negative);
out:
    scratch_close(&quotient);
    return result;
}

// A divisor of one limb needs no room for the quotient.
static Value rest_by_limb(Heap *h, IntView a, IntView b, bool modulo)
{
    uint64_t rest = mpn_mod_1(a.limbs, (mp_size_t)a.count, b.limbs[0]);

    if (modulo && rest != 0 && a.negative != b.negative) {
        return int_from_magnitude(h, b.limbs[0] - rest, b.negative);
    }
    return int_from_magnitude(h, rest, a.negative);
}

Value int_divide(Heap *h, const char *who, const Value *x, const Value *y, DivideKind kind)
{
    if (value_both_fix(*x, *y)) return divide_fix(h, value_int(*x), value_int(*y), kind);
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    if (int_compare_magnitudes(a, b) < 0) return divide_by_larger(h, who, x, y, kind);
    if (!limbs_have_room(a.count)) return fail_no_memory(h, who);
    bool floor = kind == DIVIDE_FLOOR || kind == DIVIDE_MODULO;
    if (kind == DIVIDE_QUOTIENT || kind == DIVIDE_FLOOR) {
        return divide_to_quotient(h, who, x, y, floor);
    }
    if (b.count == 1) return rest_by_limb(h, a, b, floor);
    return divide_to_rest(h, who, x, y, floor);
}

Value int_quotient(Heap *h, const char *who, const Value *x, const Value *y)
{
    return int_divide(h, who, x, y, DIVIDE_QUOTIENT);
}

Value int_remainder(Heap *h, const char *who, const Value *x, const Value *y)
{
    return int_divide(h, who, x, y, DIVIDE_REMAINDER);
}

Value int_floor(Heap *h, const char *who, const Value *x, const Value *y)
{
    return int_divide(h, who, x, y, DIVIDE_FLOOR);
}

Value int_modulo(Heap *h, const char *who, const Value *x, const Value *y)
{
    return int_divide(h, who, x, y, DIVIDE_MODULO);
}

// ---- greatest common divisor ------------------------------------------------------------------

// mpn_gcd wants one odd argument: both lose their factors of two, of which the smaller number is
// put back.
static Value gcd_long(Heap *h, const char *who, IntView a, IntView b)
{
    uint64_t a_zeros = mpn_scan1(a.limbs, 0), b_zeros = mpn_scan1(b.limbs, 0);
    uint64_t zeros = MIN(a_zeros, b_zeros);
    Value result = V_FAIL;
    Scratch work;

    if (!scratch_open(&work, a.count + 2 * b.count) || !limbs_have_room(a.count)) {
        result = fail_no_memory(h, who);
        goto out;
    }
    uint64_t *u = work.limbs, *v = u + a.count, *gcd = v + b.count;
    size_t u_count = limbs_shift_right(u, a.limbs, a.count, a_zeros);
    size_t v_count = limbs_shift_right(v, b.limbs, b.count, b_zeros);
    size_t count = (size_t)(u_count >= v_count
                                ? mpn_gcd(gcd, u, (mp_size_t)u_count, v, (mp_size_t)v_count)
                                : mpn_gcd(gcd, v, (mp_size_t)v_count, u, (mp_size_t)u_count));
    uint64_t *out = int_begin(h, count + (size_t)(zeros / LIMB_BITS) + 1);
    if (!out) goto out;
    result = int_finish(h, who, out, limbs_shift_left(out, gcd, count, zeros), false);
out:
    scratch_close(&work);
    return result;
}

Value int_gcd(Heap *h, const char *who, const Value *x, const Value *y)
{
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);

    if (a.count == 0) return b.negative ? int_negate(h, who, y) : *y;
    if (b.count == 0) return a.negative ? int_negate(h, who, x) : *x;
    if (a.count < b.count) {
        IntView shorter = a;
        a = b;
        b = shorter;
    }
    if (b.count == 1) {
        return int_from_magnitude(h, mpn_gcd_1(a.limbs, (mp_size_t)a.count, b.limbs[0]), false);
    }
    return gcd_long(h, who, a, b);
}

// No result on a heap, and so none that may be refused.
bool int_coprime(Value x, Value y)
{
    uint64_t spare[2];
    IntView a = int_view(x, &spare[0]), b = int_view(y, &spare[1]);
    Scratch work;
    bool coprime = false;

    if (!scratch_open(&work, a.count + 2 * b.count)) return false;
    uint64_t a_zeros = mpn_scan1(a.limbs, 0), b_zeros = mpn_scan1(b.limbs, 0);
    if (MIN(a_zeros, b_zeros) == 0 && limbs_have_room(MAX(a.count, b.count))) {
        uint64_t *u = work.limbs, *v = u + a.count, *gcd = v + b.count;
        size_t u_count = limbs_shift_right(u, a.limbs, a.count, a_zeros);
        size_t v_count = limbs_shift_right(v, b.limbs, b.count, b_zeros);
        size_t count = (size_t)(u_count >= v_count
                                    ? mpn_gcd(gcd, u, (mp_size_t)u_count, v, (mp_size_t)v_count)
                                    : mpn_gcd(gcd, v, (mp_size_t)v_count, u, (mp_size_t)u_count));
        coprime = count == 1 && gcd[0] == 1;
    }
    scratch_close(&work);
    return coprime;
}

// ---- square root ----------------------------------------------------------------------------

static Value int_from_limbs(Heap *h, const char *who, const uint64_t *limbs, size_t count)
{
    if (count == 0) return value_fix(0);
    uint64_t *out = int_begin(h, count);
    if (!out) return V_FAIL;
    mpn_copyi(out, limbs, (mp_size_t)count);
    return int_finish(h, who, out, count, false);
}

static Value sqrt_long(Heap *h, const char *who, const Value *x, Value *rest)
{
    uint64_t spare;
    IntView a = int_view(*x, &spare);
    unsigned mark = heap_root_mark(h);
    Value result = V_FAIL;
    Scratch work;

    if (!scratch_open(&work, a.count) || !limbs_have_room(a.count)) {
        result = fail_no_memory(h, who);
        goto out;
    }
    size_t count = (a.count + 1) / 2;
    uint64_t *root = int_begin(h, count);
    if (!root) goto out;
    a = int_view(*x, &spare);
    size_t rest_count = (size_t)mpn_sqrtrem(root, work.limbs, a.limbs, (mp_size_t)a.count);
    Value *slot = heap_root(h, int_finish(h, who, root, count, false));
    if (rest) {
        *rest = int_from_limbs(h, who, work.limbs, rest_count);
        if (value_is(*rest, V_FAIL)) goto out;
    }
    result = *slot;
out:
    heap_unroot(h, mark);
    scratch_close(&work);
    return result;
}

Value int_sqrt(Heap *h, const char *who, const Value *x, Value *rest)
{
    uint64_t spare;
    IntView a = int_view(*x, &spare);

    if (a.count > 1) return sqrt_long(h, who, x, rest);
    mp_limb_t root = 0, left = 0;
    if (a.count > 0) mpn_sqrtrem(&root, &left, a.limbs, 1);
    if (rest) *rest = value_fix((int64_t)left); // at most twice the root
    return value_fix((int64_t)root);
}

bool int_is_square(IntView x)
{
    return x.count == 0 || mpn_perfect_square_p(x.limbs, (mp_size_t)x.count);
}

// ---- shifts ---------------------------------------------------------------------------------

size_t limbs_shift_left(uint64_t *out, const uint64_t *x, size_t count, uint64_t bits)
{
    size_t zeros = (size_t)(bits / LIMB_BITS);
    unsigned rest = (unsigned)(bits % LIMB_BITS);
    uint64_t carry = 0;

    if (rest) {
        carry = mpn_lshift(out + zeros, x, (mp_size_t)count, rest);
    } else {
        mpn_copyd(out + zeros, x, (mp_size_t)count);
    }
    if (zeros) mpn_zero(out, (mp_size_t)zeros);
    if (carry) out[zeros + count] = carry;
    return zeros + count + (carry != 0);
}

size_t limbs_shift_right(uint64_t *out, const uint64_t *x, size_t count, uint64_t bits)
{
    size_t dropped = (size_t)(bits / LIMB_BITS);
    unsigned rest = (unsigned)(bits % LIMB_BITS);

    count -= dropped;
    if (rest) {
        mpn_rshift(out, x + dropped, (mp_size_t)count, rest);
    } else {
        mpn_copyi(out, x + dropped, (mp_size_t)count);
    }
    return count - (out[count - 1] == 0);
}

static Value shift_left(Heap *h, const char *who, const Value *x, uint64_t bits)
{
    uint64_t spare;
    IntView a = int_view(*x, &spare);

    if (a.count == 0 || bits == 0) return *x;
    if (bits > NUM_BITS_MAX || int_bits(a) + bits > NUM_BITS_MAX) return fail_too_large(h, who);
    uint64_t *out = int_begin(h, (size_t)((int_bits(a) + bits + LIMB_BITS - 1) / LIMB_BITS));
    if (!out) return V_FAIL;
    a = int_view(*x, &spare);
    return int_finish(h, who, out, limbs_shift_left(out, a.limbs, a.count, bits), a.negative);
}

// Floors: -5 >> 1 is -3, one more in magnitude than the shifted magnitude when a bit was lost.
static Value shift_right(Heap *h, const char *who, const Value *x, uint64_t bits)
{
    uint64_t spare;
    IntView a = int_view(*x, &spare);

    if (bits >= int_bits(a)) return value_fix(a.negative ? -1 : 0);
    size_t count = a.count - (size_t)(bits / LIMB_BITS);
    uint64_t *out = int_begin(h, count + a.negative);
    if (!out) return V_FAIL;
    a = int_view(*x, &spare);
    limbs_shift_right(out, a.limbs, a.count, bits);
    if (a.negative) {
        bool adjust = limbs_any_below(a.limbs, bits);
        out[count] = mpn_add_1(out, out, (mp_size_t)count, adjust);
    }
    return int_finish(h, who, out, count + a.negative, a.negative);
}

Value int_shift(Heap *h, const char *who, const Value *x, int64_t count)
{
    if (count >= 0) return shift_left(h, who, x, (uint64_t)count);
    if (value_is_fix(*x)) return value_fix(value_int(*x) >> (count < -63 ? 63 : -count));
    return shift_right(h, who, x, 0 - (uint64_t)count);
}

// ---- digits ---------------------------------------------------------------------------------

// mpn_get_str writes no more digits than the largest number of so many limbs has, plus one.
size_t limbs_text_size(size_t count, unsigned radix)
{
    return (size_t)((double)count * LIMB_BITS / log2(radix)) + 3;
}

size_t limbs_to_digits(uint8_t *out, uint64_t *limbs, size_t count, unsigned radix)
{
    size_t digits = mpn_get_str(out, (int)radix, limbs, (mp_size_t)count);
    size_t zeros = 0;

    while (zeros + 1 < digits && out[zeros] == 0) {
        zeros++;
    }
    memmove(out, out + zeros, digits - zeros);
    return digits - zeros;
}

size_t limbs_from_digits_size(size_t digits, unsigned radix)
{
    return (size_t)((double)digits * log2(radix) / LIMB_BITS) + 2;
}

size_t limbs_from_digits(uint64_t *out, const uint8_t *digits, size_t count, unsigned radix)
{
    size_t written = (size_t)mpn_set_str(out, digits, count, (int)radix);
    return limbs_normalize(out, written);
}
