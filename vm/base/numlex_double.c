// The nearest double to a number in text, correctly rounded whatever its length and radix.
//
// Three steps, each for what the one before cannot decide:
//
// 1. Clinger's fast path: a numerator and a power of ten (or a denominator) that are both exact
//    doubles need one multiplication or division, which rounds once. (W. Clinger, How to Read
//    Floating Point Numbers Accurately, PLDI 1990.)
// 2. An estimate of the leading 64 bits with a known error. A double keeps 53 of them, so the rest
//    decides the rounding unless it lies within the error of one half. For decimals the estimate is
//    one product with a tabulated power of ten (D. Lemire, Number Parsing at a Gigabyte per Second,
//    2021, from an idea of M. Eisel); for others it is a quotient of 128-bit floating numbers.
// 3. An exact comparison with the point half way between two doubles. Both sides of
//    n * 2^a <=> d * m * 2^b are produced as streams of digits in the radix of the text, least
//    significant first, by multiplying the digits in the text with a factor of at most 18 words:
//    time linear in the text, constant memory, no conversion to binary of n or d.
//
// Rounding follows ieee.h.
#include "vm/base/numlex.h"

#include "vm/base/check.h"
#include "vm/base/digits.h"
#include "vm/base/ieee.h"
#include "vm/base/pow10.h"

typedef unsigned __int128 Wide;

// A natural number in text: the digits of two pieces, one after the other, then zeros.
typedef struct {
    const char *piece[2];
    size_t count[2];
    size_t zeros;
    unsigned radix;
} Digits;

static size_t digits_count(const Digits *d)
{
    return d->count[0] + d->count[1] + d->zeros;
}

// Counted from the most significant one; without the zeros at the end.
static unsigned digit_from_top(const Digits *d, size_t i)
{
    if (i < d->count[0]) return digit_value(d->piece[0][i]);
    return digit_value(d->piece[1][i - d->count[0]]);
}

// Counted from the least significant one; zero beyond the most significant one.
static unsigned digit_from_bottom(const Digits *d, size_t i)
{
    size_t written = d->count[0] + d->count[1];

    if (i < d->zeros || i >= written + d->zeros) return 0;
    return digit_from_top(d, written - 1 - (i - d->zeros));
}

static void drop_leading_zeros(Digits *d) // none are appended yet
{
    for (int i = 0; i < 2; i++) {
        while (d->count[i] > 0 && *d->piece[i] == '0') {
            d->piece[i]++;
            d->count[i]--;
        }
        if (d->count[i] > 0) return;
    }
}

// ---- step 3: the exact comparison -----------------------------------------------------------

// A factor is m * 2^shift with m below 2^54 and a shift of at most 1075.
#define FACTOR_WORDS 18

// The digits of `digits` * factor, least significant first, in chunks of digits: a chunk is a digit
// in radix `base`, the largest power of the radix that fits a word. The carry stays below the
// factor, as carry + chunk * factor < base * factor.
typedef struct {
    const Digits *digits;
    size_t position; // of the next digit, from the bottom
    unsigned chunk_digits;
    uint64_t base;
    unsigned factor_words, carry_words;
    uint64_t factor[FACTOR_WORDS];
    uint64_t carry[FACTOR_WORDS + 1];
} Product;

static void product_init(Product *p, const Digits *digits, uint64_t m, unsigned shift)
{
    unsigned word = shift / 64, bit = shift % 64;

    *p = (Product){.digits = digits, .chunk_digits = 1, .base = digits->radix};
    while (p->base <= UINT64_MAX / digits->radix) {
        p->base *= digits->radix;
        p->chunk_digits++;
    }
    CHECK(word + 2 <= FACTOR_WORDS, "a factor of 2^%u", shift);
    p->factor[word] = m << bit;
    p->factor[word + 1] = bit ? m >> (64 - bit) : 0;
    p->factor_words = word + 1 + (p->factor[word + 1] != 0);
}

static bool product_is_done(const Product *p)
{
    return p->position >= digits_count(p->digits) && p->carry_words == 0;
}

static uint64_t next_chunk(Product *p)
{
    uint64_t chunk = 0;

    for (unsigned i = p->chunk_digits; i-- > 0;) {
        chunk = chunk * p->digits->radix + digit_from_bottom(p->digits, p->position + i);
    }
    p->position += p->chunk_digits;
    return chunk;
}

static void add_to_carry(Product *p, uint64_t chunk)
{
    uint64_t over = 0;

    for (unsigned i = 0; i < p->factor_words; i++) {
        Wide sum = (Wide)chunk * p->factor[i] + p->carry[i] + over;
        p->carry[i] = (uint64_t)sum;
        over = (uint64_t)(sum >> 64);
    }
    p->carry[p->factor_words] = over;
    p->carry_words = p->factor_words + 1;
}

static uint64_t product_next(Product *p)
{
    uint64_t chunk = next_chunk(p);
    uint64_t rest = 0;

    if (chunk != 0) add_to_carry(p, chunk);
    for (unsigned i = p->carry_words; i-- > 0;) {
        Wide n = (Wide)rest << 64 | p->carry[i];
        uint64_t quotient = (uint64_t)(n / p->base);
        rest = (uint64_t)n - quotient * p->base;
        p->carry[i] = quotient;
    }
    while (p->carry_words > 0 && p->carry[p->carry_words - 1] == 0) {
        p->carry_words--;
    }
    return rest;
}

// Sign of n / d - m * 2^exponent.
static int compare_exactly(const Digits *n, const Digits *d, uint64_t m, int64_t exponent)
{
    Product left, right;
    int order = 0;

    product_init(&left, n, 1, exponent < 0 ? (unsigned)-exponent : 0);
    product_init(&right, d, m, exponent > 0 ? (unsigned)exponent : 0);
    while (!product_is_done(&left) || !product_is_done(&right)) {
        uint64_t a = product_next(&left), b = product_next(&right);
        if (a != b) order = a < b ? -1 : 1;
    }
    return order;
}

// n / d, known to be top * 2^exponent with `top` off by at most `error` either way.
static double round_estimate(const Digits *n, const Digits *d, uint64_t top, int64_t exponent,
                             int64_t error)
{
    IeeeCut cut = ieee_cut(top, exponent);
    int order = cut.past_half > 0 ? 1 : -1;

    if (cut.lsb <= IEEE_LSB_MAX && cut.past_half <= error && cut.past_half >= -error) {
        order = compare_exactly(n, d, 2 * cut.kept + 1, cut.lsb - 1);
    }
    return ieee_compose(cut.kept, cut.lsb, order, false);
}

// ---- step 2 for any quotient: floating numbers of 128 bits --------------------------------------

// mantissa * 2^exponent, the top bit of the mantissa set. Operations round down.
typedef struct {
    Wide mantissa;
    int64_t exponent;
} Float128;

static Float128 float_make(Wide n)
{
    uint64_t high = (uint64_t)(n >> 64);
    int shift = high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)n);
    return (Float128){n << shift, -shift};
}

static Float128 float_mul(Float128 x, Float128 y)
{
    uint64_t x1 = (uint64_t)(x.mantissa >> 64), x0 = (uint64_t)x.mantissa;
    uint64_t y1 = (uint64_t)(y.mantissa >> 64), y0 = (uint64_t)y.mantissa;
    Wide middle = (Wide)x1 * y0, low = (Wide)x0 * y0;
    Wide high = (Wide)x1 * y1 + (middle >> 64);

    middle = (uint64_t)middle + (Wide)x0 * y1 + (low >> 64);
    high += middle >> 64;
    int64_t exponent = x.exponent + y.exponent + 128;
    if (high >> 127) return (Float128){high, exponent};
    return (Float128){high << 1 | ((uint64_t)middle >> 63), exponent - 1};
}

static Float128 float_power(unsigned radix, uint64_t n)
{
    Float128 power = float_make(1), square = float_make(radix);

    for (; n > 0; n >>= 1) {
        if (n & 1) power = float_mul(power, square);
        square = float_mul(square, square);
    }
    return power;
}

// The leading digits, as many as 120 bits hold; *rest gets the number of those that are left.
static Float128 leading_digits(const Digits *d, size_t *rest)
{
    size_t written = d->count[0] + d->count[1];
    size_t i = 0;
    Wide n = 0;

    while (i < written && (n >> 114) == 0) {
        n = n * d->radix + digit_from_top(d, i++);
    }
    *rest = digits_count(d) - i;
    return float_make(n);
}

// n / d for positive numbers. What is lost: less than 2^-113 of each by leaving digits out, and
// 2^-127 at each of the multiplications behind the power, which count up to its exponent times. All
// that is far below the error of the quotient.
static double round_quotient(const Digits *n, const Digits *d)
{
    size_t n_rest, d_rest;
    Float128 x = leading_digits(n, &n_rest), y = leading_digits(d, &d_rest);

    // Radix 2 at least: beyond these exponents nothing of a double's range is left.
    if (n_rest > d_rest && n_rest - d_rest > 1200) return ieee_from_bits(IEEE_INFINITY);
    if (d_rest > n_rest && d_rest - n_rest > 1300) return 0.0;
    if (n_rest > d_rest) x = float_mul(x, float_power(n->radix, n_rest - d_rest));
    if (d_rest > n_rest) y = float_mul(y, float_power(d->radix, d_rest - n_rest));
    int64_t exponent;
    uint64_t top = ieee_quotient(x.mantissa, (uint64_t)(y.mantissa >> 64), &exponent);
    exponent += x.exponent - y.exponent - 64;
    return round_estimate(n, d, top, exponent, IEEE_QUOTIENT_ERROR);
}

// ---- decimals: steps 1 and 2 ----------------------------------------------------------------

// w * 10^q without rounding errors but the last, when both are doubles.
static bool decimal_fast(uint64_t w, int64_t q, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

    if (w > (uint64_t)IEEE_EXACT_INT || q < -22 || q > 22) return false;
    *out = q < 0 ? (double)w / powers[-q] : (double)w * powers[q];
    return true;
}

// Leading 64 bits of w * 10^q for w > 0, too small by less than 2: the power is cut, which loses
// less than one unit, and the shift doubles that. The result is to be multiplied with 2^*exponent.
static uint64_t decimal_top(uint64_t w, int q, int64_t *exponent)
{
    Pow10 power = pow10_get(q);
    int shift = __builtin_clzll(w);

    w <<= shift;
    Wide product = (Wide)w * power.high + (((Wide)w * power.low) >> 64);
    int is_short = !(product >> 127);
    *exponent = pow10_log2(q) - 127 - shift + 128 - is_short;
    return (uint64_t)((product << is_short) >> 64);
}

// `digits` without leading zeros, times ten to the `exponent`.
static double round_decimal(const Digits *digits, int64_t exponent)
{
    size_t count = digits->count[0] + digits->count[1];
    size_t taken = MIN(count, 19); // 10^19 < 2^64
    uint64_t w = 0;
    double quick;

    if (count == 0 || exponent + (int64_t)count < -330) return 0.0;
    if (exponent + (int64_t)count > 310) return ieee_from_bits(IEEE_INFINITY);
    for (size_t i = 0; i < taken; i++) {
        w = w * 10 + digit_from_top(digits, i);
    }
    int64_t q = exponent + (int64_t)(count - taken);
    if (taken == count && decimal_fast(w, q, &quick)) return quick;
    if (q < POW10_MIN) return 0.0; // below 10^19 * 10^-343, which is less than half of 2^-1074

    Digits n = *digits, d = {.piece = {"1", ""}, .count = {1, 0}, .radix = 10};
    n.zeros = exponent > 0 ? (size_t)exponent : 0;
    d.zeros = exponent < 0 ? (size_t)-exponent : 0;
    int64_t top_exponent;
    uint64_t top = decimal_top(w, (int)q, &top_exponent);
    // Left out digits make w too small by less than 1 of 10^18 at least: 2^64 / 10^18 < 19, and
    // twice that.
    return round_estimate(&n, &d, top, top_exponent, taken == count ? 2 : 40);
}

// ---- by form --------------------------------------------------------------------------------

static double ratio_value(const NumLex *x)
{
    Digits n = {.piece = {x->digits, ""}, .count = {x->digit_count, 0}, .radix = x->radix};
    Digits d = n;
    uint64_t n_word = 0, d_word = 0;

    d.piece[0] = x->denominator;
    d.count[0] = x->denominator_count;
    if (digits_append(&n_word, x->digits, x->digit_count, x->radix) &&
        digits_append(&d_word, x->denominator, x->denominator_count, x->radix) &&
        MAX(n_word, d_word) <= (uint64_t)IEEE_EXACT_INT) {
        if (n_word == 0 && d_word == 0) return ieee_from_bits(IEEE_NAN);
        return d_word == 0 ? ieee_from_bits(IEEE_INFINITY) : (double)n_word / (double)d_word;
    }
    drop_leading_zeros(&n);
    drop_leading_zeros(&d);
    if (digits_count(&d) == 0) return ieee_from_bits(IEEE_INFINITY);
    if (digits_count(&n) == 0) return 0.0;
    return round_quotient(&n, &d);
}

static double integer_value(const NumLex *x)
{
    Digits n = {.piece = {x->digits, ""}, .count = {x->digit_count, 0}, .radix = x->radix};
    Digits one = {.piece = {"1", ""}, .count = {1, 0}, .radix = x->radix};
    uint64_t word = 0;

    if (digits_append(&word, x->digits, x->digit_count, x->radix)) return (double)word;
    drop_leading_zeros(&n);
    if (x->radix == 10) return round_decimal(&n, 0);
    return round_quotient(&n, &one);
}

static double decimal_value(const NumLex *x)
{
    Digits n = {.piece = {x->digits, x->fraction},
                .count = {x->digit_count, x->fraction_count},
                .radix = 10};

    drop_leading_zeros(&n);
    return round_decimal(&n, x->exponent - (int64_t)x->fraction_count);
}

static double magnitude_value(const NumLex *x)
{
    switch (x->form) {
    case NUMLEX_INTEGER:
        return integer_value(x);
    case NUMLEX_RATIO:
        return ratio_value(x);
    case NUMLEX_DECIMAL:
        return decimal_value(x);
    case NUMLEX_INF:
        return ieee_from_bits(IEEE_INFINITY);
    case NUMLEX_NAN:
    case NUMLEX_NONE:
        break;
    }
    return ieee_from_bits(IEEE_NAN);
}

double numlex_double(const NumLex *x)
{
    double magnitude = magnitude_value(x);
    bool negative = x->negative && !ieee_is_nan(magnitude);
    return negative ? -magnitude : magnitude;
}
