// See numlex.h. The grammar is that of R7RS 7.1.1:
//
//   number   = prefix (sign? digits | sign? digits "/" digits | sign? decimal | infnan)
//   prefix   = at most one of #e #i and at most one of #b #o #d #x, in either order
//   decimal  = digits+ | "." digits+ | digits+ "." digits*, each with an exponent or not; radix 10
//   exponent = "e" sign? digits+
//   infnan   = sign ("inf.0" | "nan.0")
//
// Letters in either case. The scanner looks at each byte once, copies nothing and allocates
// nothing. numlex_double is in numlex_double.c.
#include "vm/base/numlex.h"

#include "vm/base/digits.h"

#define EXPONENT_MAX 1000000000

typedef struct {
    const char *at;
    const char *end;
} Scan;

static bool take(Scan *s, char wanted) // `wanted` in lower case, or no letter
{
    if (s->at == s->end) return false;
    char c = *s->at;
    if (c >= 'A' && c <= 'Z') c = (char)(c | 32);
    if (c != wanted) return false;
    s->at++;
    return true;
}

static bool take_sign(Scan *s, bool *negative)
{
    if (take(s, '+')) return true;
    if (!take(s, '-')) return false;
    *negative = true;
    return true;
}

// Digits of the radix, possibly none.
static const char *take_digits(Scan *s, unsigned radix, size_t *count)
{
    const char *start = s->at;
    while (s->at < s->end && digit_value(*s->at) < radix) {
        s->at++;
    }
    *count = (size_t)(s->at - start);
    return start;
}

static bool take_word(Scan *s, const char *word) // the whole rest
{
    Scan rest = *s;
    while (*word) {
        if (!take(&rest, *word++)) return false;
    }
    if (rest.at != rest.end) return false;
    *s = rest;
    return true;
}

static unsigned take_radix(Scan *s) // 0 when there is none
{
    if (take(s, 'b')) return 2;
    if (take(s, 'o')) return 8;
    if (take(s, 'd')) return 10;
    if (take(s, 'x')) return 16;
    return 0;
}

// False when something else follows a #, or one kind comes twice.
static bool take_prefixes(Scan *s, NumLex *out)
{
    bool has_radix = false;

    while (take(s, '#')) {
        char exactness = take(s, 'e') ? 'e' : take(s, 'i') ? 'i' : 0;
        unsigned radix = exactness ? 0 : take_radix(s);
        if (exactness ? out->exactness != 0 : radix == 0 || has_radix) return false;
        if (exactness) {
            out->exactness = exactness;
        } else {
            out->radix = radix;
            has_radix = true;
        }
    }
    return true;
}

static bool take_exponent(Scan *s, int64_t *exponent)
{
    bool negative = false;
    size_t count;
    int64_t n = 0;

    take_sign(s, &negative);
    const char *digits = take_digits(s, 10, &count);
    if (count == 0) return false;
    for (size_t i = 0; i < count; i++) {
        n = n * 10 + (digits[i] - '0');
        if (n > EXPONENT_MAX) n = EXPONENT_MAX;
    }
    *exponent = negative ? -n : n;
    return true;
}

// What follows the digits of a number in radix 10, up to the end: fraction and exponent.
static NumForm scan_decimal(Scan *s, NumLex *out)
{
    if (take(s, '.')) out->fraction = take_digits(s, 10, &out->fraction_count);
    if (out->digit_count + out->fraction_count == 0) return NUMLEX_NONE;
    if (take(s, 'e') && !take_exponent(s, &out->exponent)) return NUMLEX_NONE;
    return s->at == s->end ? NUMLEX_DECIMAL : NUMLEX_NONE;
}

static NumForm scan_ratio(Scan *s, NumLex *out)
{
    out->denominator = take_digits(s, out->radix, &out->denominator_count);
    if (out->digit_count == 0 || out->denominator_count == 0) return NUMLEX_NONE;
    return s->at == s->end ? NUMLEX_RATIO : NUMLEX_NONE;
}

static NumForm scan_real(Scan *s, NumLex *out)
{
    bool has_sign = take_sign(s, &out->negative);

    if (has_sign && take_word(s, "inf.0")) return NUMLEX_INF;
    if (has_sign && take_word(s, "nan.0")) return NUMLEX_NAN;
    out->digits = take_digits(s, out->radix, &out->digit_count);
    if (s->at == s->end) return out->digit_count ? NUMLEX_INTEGER : NUMLEX_NONE;
    if (take(s, '/')) return scan_ratio(s, out);
    return out->radix == 10 ? scan_decimal(s, out) : NUMLEX_NONE;
}

NumForm numlex_scan(const char *text, size_t n, unsigned radix, NumLex *out)
{
    Scan s = {text, text + n};

    *out = (NumLex){
        .form = NUMLEX_NONE, .radix = radix, .digits = text, .denominator = text, .fraction = text};
    if (take_prefixes(&s, out)) out->form = scan_real(&s, out);
    return out->form;
}

// ---- as an int64 ----------------------------------------------------------------------------

static size_t count_without_zeros(const char *digits, size_t count) // at the end
{
    while (count > 0 && digits[count - 1] == '0') {
        count--;
    }
    return count;
}

// The magnitude of an exact decimal such as #e1.5e3; false when it is no integer or too large.
static bool decimal_magnitude(const NumLex *x, uint64_t *out)
{
    size_t fraction_count = count_without_zeros(x->fraction, x->fraction_count);
    size_t digit_count = x->digit_count;
    uint64_t n = 0;

    if (fraction_count == 0) digit_count = count_without_zeros(x->digits, x->digit_count);
    int64_t zeros = x->exponent - (int64_t)fraction_count + (int64_t)(x->digit_count - digit_count);
    if (!digits_append(&n, x->digits, digit_count, 10)) return false;
    if (!digits_append(&n, x->fraction, fraction_count, 10)) return false;
    *out = n;
    if (n == 0) return true;
    if (zeros < 0 || zeros > 19) return false; // the last digit is not zero
    while (zeros-- > 0) {
        if (__builtin_mul_overflow(n, 10u, &n)) return false;
    }
    *out = n;
    return true;
}

static bool ratio_magnitude(const NumLex *x, uint64_t *out)
{
    uint64_t n = 0, d = 0;

    if (!digits_append(&n, x->digits, x->digit_count, x->radix)) return false;
    if (!digits_append(&d, x->denominator, x->denominator_count, x->radix)) return false;
    if (d == 0 || n % d != 0) return false;
    *out = n / d;
    return true;
}

static bool exact_magnitude(const NumLex *x, uint64_t *out)
{
    if (x->exactness == 'i') return false;
    switch (x->form) {
    case NUMLEX_INTEGER:
        *out = 0;
        return digits_append(out, x->digits, x->digit_count, x->radix);
    case NUMLEX_RATIO:
        return ratio_magnitude(x, out);
    case NUMLEX_DECIMAL:
        return x->exactness == 'e' && decimal_magnitude(x, out);
    case NUMLEX_NONE:
    case NUMLEX_INF:
    case NUMLEX_NAN:
        break;
    }
    return false;
}

bool numlex_int64(const NumLex *x, int64_t *out)
{
    uint64_t n = 0;

    if (!exact_magnitude(x, &n)) return false;
    if (n > (uint64_t)INT64_MAX + x->negative) return false;
    *out = (int64_t)(x->negative ? 0 - n : n);
    return true;
}
