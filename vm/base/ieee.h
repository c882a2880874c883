// Doubles taken apart and put together, with the one rounding (to nearest, ties to even) that the
// reader of numbers and the conversion of exact numbers share.
//
// Model: a positive real number is known by its leading 64 bits, top * 2^exponent with the top bit
// of `top` set, and by what lies below them. ieee_cut separates the bits that a double keeps (fewer
// near zero: subnormals) from the rest and says where the rest stands to one half; the caller
// decides what lies below, and ieee_compose rounds. No intermediate result is ever rounded.
#ifndef VM_BASE_IEEE_H
#define VM_BASE_IEEE_H

#include "vm/base/base.h"

#include <string.h>

#define IEEE_HIDDEN    ((uint64_t)1 << 52) // the bit that is not stored
#define IEEE_SIGN      ((uint64_t)1 << 63)
#define IEEE_INFINITY  ((uint64_t)0x7ff << 52)
#define IEEE_NAN       ((uint64_t)0xfff << 51) // the quiet one, positive
#define IEEE_LSB_MIN   (-1074)                 // exponent of the last bit of the smallest doubles
#define IEEE_LSB_MAX   971                     // and of the largest
#define IEEE_EXACT_INT ((int64_t)1 << 53)      // every integer up to here is a double

static inline uint64_t ieee_bits(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static inline double ieee_from_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static inline bool ieee_is_negative(double d) // -0.0 too
{
    return ieee_bits(d) >> 63;
}

static inline bool ieee_is_finite(double d)
{
    return (ieee_bits(d) & IEEE_INFINITY) != IEEE_INFINITY;
}

static inline bool ieee_is_nan(double d)
{
    return (ieee_bits(d) & ~IEEE_SIGN) > IEEE_INFINITY;
}

// |d| = mantissa * 2^exponent, for finite d.
typedef struct {
    uint64_t mantissa; // below 2^53
    int exponent;      // IEEE_LSB_MIN to IEEE_LSB_MAX
} IeeeParts;

static inline IeeeParts ieee_split(double d)
{
    uint64_t bits = ieee_bits(d);
    uint64_t fraction = bits & (IEEE_HIDDEN - 1);
    int biased = (int)(bits >> 52 & 0x7ff);

    if (biased == 0) return (IeeeParts){fraction, IEEE_LSB_MIN};
    return (IeeeParts){fraction | IEEE_HIDDEN, biased - 1075};
}

typedef struct {
    uint64_t kept;     // what a double keeps, in units of 2^lsb
    int64_t lsb;       // above IEEE_LSB_MAX: too large for a double
    int64_t past_half; // what was cut off, less half a unit, in units of the last bit of `top`
} IeeeCut;

// `top` has its top bit set.
static inline IeeeCut ieee_cut(uint64_t top, int64_t exponent)
{
    int64_t lsb = MAX(exponent + 11, IEEE_LSB_MIN);
    int64_t cut = lsb - exponent;

    if (cut > 65) return (IeeeCut){0, lsb, INT64_MIN}; // less than a quarter of a unit
    // Half a unit is 2^64 or 2^63 here: subtracting it changes nothing, or the top bit, of `top`.
    if (cut == 65) return (IeeeCut){0, lsb, (int64_t)top};
    if (cut == 64) return (IeeeCut){0, lsb, (int64_t)(top ^ IEEE_SIGN)};
    uint64_t unit = (uint64_t)1 << cut;
    return (IeeeCut){top >> cut, lsb, (int64_t)((top & (unit - 1)) - unit / 2)};
}

// Rounds `kept` units of 2^lsb. `order` tells how what was cut off compares to half a unit: below
// (negative), equal, above. A carry out of the mantissa lands in the exponent, where it belongs,
// and from the largest exponent in infinity.
static inline double ieee_compose(uint64_t kept, int64_t lsb, int order, bool negative)
{
    uint64_t sign = negative ? IEEE_SIGN : 0;

    if (lsb > IEEE_LSB_MAX) return ieee_from_bits(IEEE_INFINITY | sign);
    if (order > 0 || (order == 0 && (kept & 1))) kept++;
    return ieee_from_bits((((uint64_t)(lsb - IEEE_LSB_MIN) << 52) + kept) | sign);
}

// Leading 64 bits of n / d, off by less than IEEE_QUOTIENT_ERROR either way, for n of 128 bits and
// d of 64 bits that have their top bits set and may lack something below the last bit. *exponent
// gets what the result must be multiplied with, as a power of two.
//
// With q the quotient below: rounding down loses less than 1 and the half bit of n next to nothing;
// what d lacks, less than 1 of at least 2^63, makes q too large by less than 2. The shift doubles
// it.
#define IEEE_QUOTIENT_ERROR 4
static inline uint64_t ieee_quotient(unsigned __int128 n, uint64_t d, int64_t *exponent)
{
    uint64_t quotient = (uint64_t)((n >> 1) / d); // 63 or 64 bits
    int shift = __builtin_clzll(quotient);

    *exponent = 1 - shift;
    return quotient << shift;
}

#endif
