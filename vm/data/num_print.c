// Numbers to text.
//
// A flonum in radix 10 is its shortest digits (flo_shortest.c), placed as ECMAScript places them:
// plainly where the point falls within or near the digits, 1e21 and 1e-7 and beyond with an
// exponent; and always with a point or an exponent, which is what makes it read as inexact.
#include "vm/data/num_int.h"

// ---- integers -------------------------------------------------------------------------------

static const char digit_chars[] = "0123456789abcdefghijklmnopqrstuvwxyz";

// Writes the digits so that they end before `end`, and returns where they begin.
static char *write_decimal(char *end, uint64_t n)
{
    while (n >= 10) {
        *--end = (char)('0' + n % 10);
        n /= 10;
    }
    *--end = (char)('0' + n);
    return end;
}

static char *write_radix(char *end, uint64_t n, unsigned radix)
{
    if (radix == 10) return write_decimal(end, n);
    do {
        *--end = digit_chars[n % radix];
        n /= radix;
    } while (n > 0);
    return end;
}

static void print_limbs(Buf *out, uint64_t *limbs, size_t count, unsigned radix)
{
    if (!buf_reserve(out, limbs_text_size(count, radix))) return;
    uint8_t *at = out->data + out->size;
    size_t digits = limbs_to_digits(at, limbs, count, radix);
    for (size_t i = 0; i < digits; i++) {
        at[i] = (uint8_t)digit_chars[at[i]];
    }
    out->size += digits;
}

static void print_int(Buf *out, Value x, unsigned radix)
{
    uint64_t spare;
    IntView view = int_view(x, &spare);
    char text[LIMB_BITS];

    if (view.negative) buf_u8(out, '-');
    if (view.count <= 1) {
        char *end = text + sizeof text;
        char *start = write_radix(end, view.count ? view.limbs[0] : 0, radix);
        buf_bytes(out, start, (size_t)(end - start));
        return;
    }
    Scratch copy; // destroyed by the conversion, which wants a limb more
    if (scratch_open(&copy, view.count + 1) && limbs_have_room(view.count)) {
        memcpy(copy.limbs, view.limbs, view.count * sizeof(uint64_t));
        print_limbs(out, copy.limbs, view.count, radix);
    } else {
        out->failed = true;
    }
    scratch_close(&copy);
}

// ---- flonums in radix 10 ----------------------------------------------------------------------

#define PLAIN_MAX 21 // digits before the point
#define PLAIN_MIN (-5)

static char *put_zeros(char *at, int n)
{
    memset(at, '0', (size_t)n);
    return at + n;
}

static char *put_digits(char *at, const char *digits, int n)
{
    memcpy(at, digits, (size_t)n);
    return at + n;
}

// d.ddde-xx; `point` is where the point stands, counted from before the first digit.
static char *put_scientific(char *at, const char *digits, int count, int point)
{
    char text[8];
    char *end = text + sizeof text;
    int exponent = point - 1;

    *at++ = digits[0];
    if (count > 1) {
        *at++ = '.';
        at = put_digits(at, digits + 1, count - 1);
    }
    *at++ = 'e';
    if (exponent < 0) *at++ = '-';
    char *start = write_decimal(end, (uint64_t)(exponent < 0 ? -exponent : exponent));
    return put_digits(at, start, (int)(end - start));
}

static char *put_plain(char *at, const char *digits, int count, int point)
{
    if (point <= 0) {
        at = put_digits(at, "0.", 2);
        at = put_zeros(at, -point);
        return put_digits(at, digits, count);
    }
    if (point >= count) {
        at = put_digits(at, digits, count);
        at = put_zeros(at, point - count);
        return put_digits(at, ".0", 2);
    }
    at = put_digits(at, digits, point);
    *at++ = '.';
    return put_digits(at, digits + point, count - point);
}

static void print_double(Buf *out, double d)
{
    char text[40], digits[20];
    char *at = text, *end = digits + sizeof digits;

    if (ieee_is_negative(d)) *at++ = '-';
    Decimal shortest = flo_shortest(ieee_from_bits(ieee_bits(d) & ~IEEE_SIGN));
    char *start = write_decimal(end, shortest.digits);
    int count = (int)(end - start), point = count + shortest.exponent;
    bool is_plain = point >= PLAIN_MIN && point <= PLAIN_MAX;
    at = is_plain ? put_plain(at, start, count, point) : put_scientific(at, start, count, point);
    buf_bytes(out, text, (size_t)(at - text));
}

// ---- flonums in other radixes -----------------------------------------------------------------

// A double's fraction, as limbs with the binary point before the most significant one: the next
// digit is what a multiplication with the radix carries out.
#define FRACTION_LIMBS 17 // 1074 bits and a quarter of the last one

// Exact, where the radix is even: each digit takes a factor of two out of the denominator.
static void print_fraction_exact(Buf *out, uint64_t *fraction, size_t count, unsigned radix)
{
    while (limbs_normalize(fraction, count) > 0) {
        buf_u8(out, (uint8_t)digit_chars[limbs_mul_1(fraction, count, radix)]);
    }
}

static bool sum_carries(const uint64_t *x, const uint64_t *y, size_t count)
{
    bool carry = false;

    for (size_t i = 0; i < count; i++) {
        uint64_t sum;
        bool first = __builtin_add_overflow(x[i], y[i], &sum);
        carry = __builtin_add_overflow(sum, (uint64_t)carry, &sum) || first;
    }
    return carry;
}

// In an odd radix no number of digits is exact. As many as tell the double from its neighbours, the
// last one rounded, which carries nowhere: algorithm (FP)^3 of G. Steele and J. White, How to Print
// Floating-Point Numbers Accurately, PLDI 1990. `half` is half the distance to the next double;
// neither of its comparisons can be a tie, because half a unit times odd numbers is not a whole
// one.
static void print_fraction_shortest(Buf *out, uint64_t *fraction, uint64_t *half, size_t count,
                                    unsigned radix)
{
    for (;;) {
        uint64_t digit = limbs_mul_1(fraction, count, radix);
        bool is_wide = limbs_mul_1(half, count, radix) != 0; // half a unit is a whole digit by now
        IntView rest = {fraction, limbs_normalize(fraction, count), false};
        IntView close = {half, limbs_normalize(half, count), false};
        bool down = is_wide || int_compare_magnitudes(rest, close) < 0;
        bool up = is_wide || sum_carries(fraction, half, count);
        bool is_upper_half = fraction[count - 1] >> (LIMB_BITS - 1);
        if (up && (!down || is_upper_half)) digit++;
        buf_u8(out, (uint8_t)digit_chars[digit]);
        if (down || up) return;
    }
}

static void print_fraction(Buf *out, uint64_t mantissa, unsigned shift, unsigned radix)
{
    uint64_t fraction[FRACTION_LIMBS + 1] = {0}, half[FRACTION_LIMBS] = {0};
    size_t count = (shift + 1 + LIMB_BITS) / LIMB_BITS;
    unsigned unit = (unsigned)count * LIMB_BITS - shift;       // the bit worth 2^-shift; 2 at least
    unsigned half_unit = unit - 1 - (mantissa == IEEE_HIDDEN); // below a power of two, a quarter
    uint64_t m = shift < LIMB_BITS ? mantissa & (((uint64_t)1 << shift) - 1) : mantissa;

    if (m == 0) {
        buf_u8(out, '0');
        return;
    }
    limbs_shift_left(fraction, &m, 1, unit);
    half[half_unit / LIMB_BITS] = (uint64_t)1 << (half_unit % LIMB_BITS);
    if (radix % 2 == 0) {
        print_fraction_exact(out, fraction, count, radix);
    } else {
        print_fraction_shortest(out, fraction, half, count, radix);
    }
}

static void print_double_radix(Buf *out, double d, unsigned radix)
{
    IeeeParts parts = ieee_split(d);
    char text[LIMB_BITS];
    char *end = text + sizeof text;

    if (ieee_is_negative(d)) buf_u8(out, '-');
    if (parts.exponent >= 0) {
        uint64_t limbs[FRACTION_LIMBS + 1];
        size_t count = limbs_shift_left(limbs, &parts.mantissa, 1, (uint64_t)parts.exponent);
        print_limbs(out, limbs, count, radix);
        buf_text(out, ".0");
        return;
    }
    unsigned shift = (unsigned)-parts.exponent;
    char *start = write_radix(end, shift < LIMB_BITS ? parts.mantissa >> shift : 0, radix);
    buf_bytes(out, start, (size_t)(end - start));
    buf_u8(out, '.');
    print_fraction(out, parts.mantissa, shift, radix);
}

// ---- all ------------------------------------------------------------------------------------

static void print_flo(Buf *out, double d, unsigned radix)
{
    if (ieee_is_nan(d)) {
        buf_text(out, "+nan.0");
    } else if (!ieee_is_finite(d)) {
        buf_text(out, d < 0 ? "-inf.0" : "+inf.0");
    } else if (d == 0) {
        buf_text(out, ieee_is_negative(d) ? "-0.0" : "0.0");
    } else if (radix == 10) {
        print_double(out, d);
    } else {
        print_double_radix(out, d, radix);
    }
}

void num_print(Buf *out, Value x, unsigned radix)
{
    ASSERT(radix >= 2 && radix <= 36);
    if (value_is_flo(x)) {
        print_flo(out, value_double(x), radix);
        return;
    }
    print_int(out, ratio_numerator(x), radix);
    if (!value_is_ratio(x)) return;
    buf_u8(out, '/');
    print_int(out, ratio_denominator(x), radix);
}
