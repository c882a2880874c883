// Magnitudes as arrays of limbs, least significant first: comparisons and looks at single bits,
// none of which needs memory. The arithmetic is in big.c.
#include "vm/data/num_int.h"

typedef unsigned __int128 Wide;

int int_compare_magnitudes(IntView x, IntView y)
{
    if (x.count != y.count) return x.count < y.count ? -1 : 1;
    for (size_t i = x.count; i-- > 0;) {
        if (x.limbs[i] != y.limbs[i]) return x.limbs[i] < y.limbs[i] ? -1 : 1;
    }
    return 0;
}

int int_compare(Value x, Value y)
{
    uint64_t spare[2];
    IntView a = int_view(x, &spare[0]), b = int_view(y, &spare[1]);

    if (a.negative != b.negative) return a.negative ? -1 : 1;
    int order = int_compare_magnitudes(a, b);
    return a.negative ? -order : order;
}

bool limbs_any_below(const uint64_t *limbs, uint64_t bits)
{
    size_t whole = (size_t)(bits / LIMB_BITS);
    unsigned rest = (unsigned)(bits % LIMB_BITS);

    for (size_t i = 0; i < whole; i++) {
        if (limbs[i] != 0) return true;
    }
    return rest != 0 && limbs[whole] << (LIMB_BITS - rest) != 0;
}

Wide limbs_top(const uint64_t *limbs, size_t count)
{
    uint64_t third = count > 2 ? limbs[count - 3] : 0;
    Wide top = (Wide)limbs[count - 1] << 64 | (count > 1 ? limbs[count - 2] : 0);
    int shift = __builtin_clzll(limbs[count - 1]);

    if (shift == 0) return top;
    return top << shift | third >> (64 - shift);
}

// Limb i of x * 2^bits.
static uint64_t shifted_limb(IntView x, uint64_t bits, size_t i)
{
    size_t zeros = (size_t)(bits / LIMB_BITS);
    unsigned rest = (unsigned)(bits % LIMB_BITS);

    if (i < zeros || i > zeros + x.count) return 0;
    i -= zeros;
    uint64_t high = i < x.count ? x.limbs[i] << rest : 0;
    uint64_t low = rest && i > 0 ? x.limbs[i - 1] >> (LIMB_BITS - rest) : 0;
    return high | low;
}

int limbs_compare_scaled(uint64_t m, IntView q, int64_t exponent, IntView p)
{
    // The product has `bits` bits or one less.
    int64_t bits = (int64_t)(limbs_bits(&m, 1) + int_bits(q)) + exponent;
    if (bits < (int64_t)int_bits(p)) return -1;
    if (bits - 1 > (int64_t)int_bits(p)) return 1;

    // So neither side is shifted further than the other is long.
    uint64_t left_shift = exponent > 0 ? (uint64_t)exponent : 0;
    uint64_t right_shift = exponent < 0 ? 0 - (uint64_t)exponent : 0;
    size_t left_count = q.count + (size_t)(left_shift / LIMB_BITS) + 2;
    size_t right_count = p.count + (size_t)(right_shift / LIMB_BITS) + 1;
    uint64_t carry = 0;
    int order = 0;
    for (size_t i = 0; i < MAX(left_count, right_count); i++) {
        Wide left = (Wide)m * shifted_limb(q, left_shift, i) + carry;
        uint64_t right = shifted_limb(p, right_shift, i);
        carry = (uint64_t)(left >> 64);
        if ((uint64_t)left != right) order = (uint64_t)left < right ? -1 : 1;
    }
    return order;
}
