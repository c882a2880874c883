// Exact integers as rows of bits: two's complement of infinite width, as SRFI 151 sees them, over
// the sign and magnitude in which they are stored.
//
// Model: the two's complement of a negative number is its magnitude with all bits flipped, plus
// one. Both ways are done limb by limb from the least significant end with the carry of that one,
// so nothing is copied. Beyond the last limb a number goes on with limbs of its sign.
#include "vm/data/num_int.h"

typedef enum { BITS_AND, BITS_OR, BITS_XOR } BitOp;

static uint64_t apply(BitOp op, uint64_t a, uint64_t b)
{
    switch (op) {
    case BITS_AND:
        return a & b;
    case BITS_OR:
        return a | b;
    case BITS_XOR:
        return a ^ b;
    }
    UNREACHABLE();
}

// Flips `limb` when the number is negative; *carry begins as one.
static uint64_t complement(bool negative, uint64_t limb, uint64_t *carry)
{
    if (!negative) return limb;
    uint64_t sum = ~limb + *carry;
    *carry = *carry && sum == 0;
    return sum;
}

static uint64_t limb_at(IntView x, size_t i)
{
    return i < x.count ? x.limbs[i] : 0;
}

static Value combine_long(Heap *h, const char *who, const Value *x, const Value *y, BitOp op)
{
    uint64_t spare[2];
    IntView a = int_view(*x, &spare[0]), b = int_view(*y, &spare[1]);
    bool negative = apply(op, a.negative, b.negative);
    // A limb of signs, so that the magnitude of a negative result fits: -2^64 & -2^64 - 1.
    size_t count = MAX(a.count, b.count) + (a.negative || b.negative);
    uint64_t *out = int_begin(h, count);
    uint64_t a_carry = 1, b_carry = 1, out_carry = 1;

    if (!out) return V_FAIL;
    a = int_view(*x, &spare[0]);
    b = int_view(*y, &spare[1]);
    for (size_t i = 0; i < count; i++) {
        uint64_t a_limb = complement(a.negative, limb_at(a, i), &a_carry);
        uint64_t b_limb = complement(b.negative, limb_at(b, i), &b_carry);
        out[i] = complement(negative, apply(op, a_limb, b_limb), &out_carry);
    }
    return int_finish(h, who, out, count, negative);
}

static Value combine(Heap *h, const char *who, const Value *x, const Value *y, BitOp op)
{
    if (!value_is_exact_integer(*x)) return fail_type(h, who, "an exact integer", *x);
    if (!value_is_exact_integer(*y)) return fail_type(h, who, "an exact integer", *y);
    if (value_both_fix(*x, *y)) return (Value){apply(op, x->bits, y->bits)};
    return combine_long(h, who, x, y, op);
}

Value num_bit_and(Heap *h, const char *who, const Value *x, const Value *y)
{
    return combine(h, who, x, y, BITS_AND);
}

Value num_bit_or(Heap *h, const char *who, const Value *x, const Value *y)
{
    return combine(h, who, x, y, BITS_OR);
}

Value num_bit_xor(Heap *h, const char *who, const Value *x, const Value *y)
{
    return combine(h, who, x, y, BITS_XOR);
}

Value num_bit_not(Heap *h, const char *who, const Value *x)
{
    Value minus_one = value_fix(-1);

    if (!value_is_exact_integer(*x)) return fail_type(h, who, "an exact integer", *x);
    return int_sub(h, who, &minus_one, x);
}

Value num_shift(Heap *h, const char *who, const Value *x, const Value *count)
{
    if (!value_is_exact_integer(*x)) return fail_type(h, who, "an exact integer", *x);
    if (!value_is_exact_integer(*count)) return fail_type(h, who, "an exact integer", *count);
    if (value_is_fix(*count)) return int_shift(h, who, x, value_int(*count));
    // More bits than any number has: all go, or the limit is reached.
    return int_shift(h, who, x, int_is_negative(*count) ? INT64_MIN : INT64_MAX);
}

// Of ~x for a negative x, whose magnitude is one less: shorter by a bit when |x| is a power of two.
Value num_bit_length(Heap *h, const char *who, const Value *x)
{
    uint64_t spare;

    if (!value_is_exact_integer(*x)) return fail_type(h, who, "an exact integer", *x);
    IntView a = int_view(*x, &spare);
    uint64_t bits = int_bits(a);
    bool is_shorter = a.negative && !limbs_any_below(a.limbs, bits - 1);
    return value_fix((int64_t)bits - is_shorter);
}

// The ones of a number, the zeros of a negative one.
Value num_bit_count(Heap *h, const char *who, const Value *x)
{
    uint64_t spare;
    int64_t ones = 0;

    if (!value_is_exact_integer(*x)) return fail_type(h, who, "an exact integer", *x);
    IntView a = int_view(*x, &spare);
    bool borrow = a.negative;
    for (size_t i = 0; i < a.count; i++) {
        ones += __builtin_popcountll(a.limbs[i] - borrow);
        borrow = borrow && a.limbs[i] == 0;
    }
    return value_fix(ones);
}
