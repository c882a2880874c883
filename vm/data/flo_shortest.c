// The shortest decimal that reads back as the same double, and among those of that length the
// nearest to it: Schubfach (R. Giulietti, The Schubfach way to render doubles, 2020).
//
// Model: v = c * 2^q. All reals between v_low and v_high, half way to the neighbours, read as v;
// the ends do when c is even. With 10^k the largest power of ten that is not above their distance,
// the interval holds at least one multiple of 10^k and at most one of 10^(k+1). So the shortest
// decimal is the multiple of 10^(k+1), less its zeros, if there is one, and else the multiple of
// 10^k next to v: the pigeonholes of the name.
//
// The three numbers are divided by 10^k with a power of ten of 128 bits (pow10.h), rounded up. The
// products are cut to 64 bits and a sticky last bit ("rounding to odd"), which orders them against
// multiples of 1/4 as the exact values are: the paper proves that no product comes near enough to
// one for the error to matter. Everything is scaled by 4, so that halves and the quarter below a
// power of two are integers.
#include "vm/data/num_int.h"

#include "vm/base/pow10.h"

typedef unsigned __int128 Wide;

// floor(log10(2^q)), and floor(log10(3/4 * 2^q)) below a power of two, where the neighbour below is
// at half the distance. Right for |q| <= 1500: the constants are log10(2) and log10(4/3) in units
// of 2^-22.
static int log10_of_distance(int q, bool is_power)
{
    return (q * 1262611 - (is_power ? 524031 : 0)) >> 22;
}

static Pow10 power_rounded_up(int k)
{
    Pow10 g = pow10_get(k);

    if (k < 0 || k > POW10_EXACT_MAX) {
        g.low++;
        g.high += g.low == 0;
    }
    return g;
}

// Leading 64 bits of g * c; the last bit also tells of anything below, but one unit: g is rounded
// up.
static uint64_t multiply_to_odd(Pow10 g, uint64_t c)
{
    Wide low = (Wide)g.low * c;
    Wide high = (Wide)g.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

static Decimal without_zeros(uint64_t digits, int exponent)
{
    while (digits % 100 == 0) {
        digits /= 100;
        exponent += 2;
    }
    if (digits % 10 == 0) return (Decimal){digits / 10, exponent + 1};
    return (Decimal){digits, exponent};
}

static Decimal shortest(uint64_t c, int q, bool is_power)
{
    bool is_odd = c & 1;
    int k = log10_of_distance(q, is_power);
    int shift = q + pow10_log2(-k) + 1;
    Pow10 g = power_rounded_up(-k);
    uint64_t low = multiply_to_odd(g, (4 * c - 2 + is_power) << shift) + is_odd;
    uint64_t value = multiply_to_odd(g, (4 * c) << shift);
    uint64_t high = multiply_to_odd(g, (4 * c + 2) << shift) - is_odd;
    uint64_t below = value / 4; // multiples of 10^k at or below v, and above it

    if (below >= 10) {
        uint64_t tens = below / 10;
        bool has_below = low <= 40 * tens, has_above = 40 * tens + 40 <= high;
        if (has_below != has_above) return without_zeros(tens + has_above, k + 1);
    }
    bool has_below = low <= 4 * below, has_above = 4 * below + 4 <= high;
    bool above = has_above;
    if (has_below == has_above) { // both: the nearer one, or the even one
        uint64_t middle = 4 * below + 2;
        above = value > middle || (value == middle && (below & 1));
    }
    return without_zeros(below + above, k);
}

Decimal flo_shortest(double d)
{
    IeeeParts parts = ieee_split(d);
    uint64_t c = parts.mantissa;
    int q = parts.exponent;

    // An integer below 2^53 is all its digits: other decimals of no more digits are 1 away at
    // least.
    if (q <= 0 && q > -53 && (c & (((uint64_t)1 << -q) - 1)) == 0) {
        return without_zeros(c >> -q, 0);
    }
    return shortest(c, q, c == IEEE_HIDDEN && q > IEEE_LSB_MIN);
}
