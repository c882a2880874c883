// Text to numbers: the values of what numlex.h scans.
//
// The text lies outside the heap, so it stays where it is while numbers are made. Small integers
// are read digit by digit; for large ones GMP converts all digits at once, in less than quadratic
// time. What an exponent would make too large is refused before anything is made.
#include "vm/data/num_int.h"

#include "vm/base/digits.h"
#include "vm/base/mem.h"
#include "vm/base/numlex.h"

#include <math.h>

static const char who[] = "string->number";

#define EXPONENT_CLAMP 1000000000 // numlex.h: what is written may be larger

typedef struct {
    const char *at;
    size_t count;
} Piece;

// Digit values of both pieces, one after the other.
static size_t copy_digits(uint8_t *out, Piece a, Piece b)
{
    size_t n = 0;

    for (size_t i = 0; i < a.count; i++) {
        out[n++] = (uint8_t)digit_value(a.at[i]);
    }
    for (size_t i = 0; i < b.count; i++) {
        out[n++] = (uint8_t)digit_value(b.at[i]);
    }
    return n;
}

static Value read_long(Heap *h, Piece a, Piece b, unsigned radix, bool negative)
{
    size_t count = a.count + b.count;
    size_t limbs_max = limbs_from_digits_size(count, radix);
    Value result = V_FAIL;

    if ((double)(count - 1) * log2(radix) > (double)NUM_BITS_MAX) return fail_too_large(h, who);
    uint8_t *digits = mem_alloc(MEM_SCRATCH, count);
    if (!digits || !limbs_have_room(limbs_max)) {
        result = fail_no_memory(h, who);
        goto out;
    }
    copy_digits(digits, a, b);
    uint64_t *limbs = int_begin(h, limbs_max);
    if (!limbs) goto out;
    size_t written = limbs_from_digits(limbs, digits, count, radix);
    result = int_finish(h, who, limbs, written, negative);
out:
    mem_free(MEM_SCRATCH, digits, count);
    return result;
}

static Piece without_leading_zeros(Piece p)
{
    while (p.count > 0 && *p.at == '0') {
        p.at++;
        p.count--;
    }
    return p;
}

// The integer whose digits stand in two pieces.
static Value read_integer(Heap *h, Piece a, Piece b, unsigned radix, bool negative)
{
    uint64_t n = 0;

    if (digits_append(&n, a.at, a.count, radix) && digits_append(&n, b.at, b.count, radix)) {
        return int_from_magnitude(h, n, negative);
    }
    a = without_leading_zeros(a);
    if (a.count == 0) b = without_leading_zeros(b);
    return read_long(h, a, b, radix, negative);
}

static Value read_digits(Heap *h, const NumLex *x)
{
    return read_integer(h, (Piece){x->digits, x->digit_count}, (Piece){x->digits, 0}, x->radix,
                        x->negative);
}

static Value read_ratio(Heap *h, const NumLex *x)
{
    unsigned mark = heap_root_mark(h);
    Value *n = heap_root(h, read_digits(h, x));
    Value *d = heap_root(h, V_FAIL);
    Value result = V_FAIL;

    if (!value_is(*n, V_FAIL)) {
        *d = read_integer(h, (Piece){x->denominator, x->denominator_count},
                          (Piece){x->denominator, 0}, x->radix, false);
    }
    if (value_is(*d, value_fix(0))) {
        result = V_FALSE;
    } else if (!value_is(*d, V_FAIL)) {
        result = ratio_div(h, who, n, d);
    }
    heap_unroot(h, mark);
    return result;
}

// `mantissa` (a slot) times ten to the exponent, exactly.
static Value scale(Heap *h, const Value *mantissa, int64_t exponent)
{
    Value ten = value_fix(10), power = value_fix(exponent < 0 ? -exponent : exponent);
    uint64_t spare;

    if (exponent == 0 || value_is(*mantissa, value_fix(0))) return *mantissa;
    double bits = (double)exponent * log2(10) + (double)int_bits(int_view(*mantissa, &spare)) - 1;
    if (exponent > 0 && bits > (double)NUM_BITS_MAX) return fail_too_large(h, who);
    Value v = num_expt(h, who, &ten, &power);
    if (value_is(v, V_FAIL)) return V_FAIL;
    Value *by = heap_root(h, v);
    return exponent < 0 ? ratio_div(h, who, mantissa, by) : int_mul(h, who, mantissa, by);
}

static Value read_exact_decimal(Heap *h, const NumLex *x)
{
    unsigned mark = heap_root_mark(h);
    Piece digits = {x->digits, x->digit_count}, fraction = {x->fraction, x->fraction_count};
    Value *mantissa = heap_root(h, read_integer(h, digits, fraction, 10, x->negative));
    Value result = V_FAIL;

    if (value_is(*mantissa, V_FAIL)) goto out;
    bool is_clamped = x->exponent >= EXPONENT_CLAMP || x->exponent <= -EXPONENT_CLAMP;
    if (is_clamped && !value_is(*mantissa, value_fix(0))) {
        result = fail_too_large(h, who);
    } else {
        result = scale(h, mantissa, x->exponent - (int64_t)x->fraction_count);
    }
out:
    heap_unroot(h, mark);
    return result;
}

static Value read_exact(Heap *h, const NumLex *x)
{
    switch (x->form) {
    case NUMLEX_INTEGER:
        return read_digits(h, x);
    case NUMLEX_RATIO:
        return read_ratio(h, x);
    case NUMLEX_DECIMAL:
        return read_exact_decimal(h, x);
    case NUMLEX_INF: // no exact number is infinite
    case NUMLEX_NAN:
    case NUMLEX_NONE:
        break;
    }
    return V_FALSE;
}

Value num_read(Heap *h, const char *text, size_t n, unsigned radix)
{
    NumLex x;

    if (numlex_scan(text, n, radix, &x) == NUMLEX_NONE) return V_FALSE;
    bool is_whole = x.form == NUMLEX_INTEGER || x.form == NUMLEX_RATIO;
    bool is_inexact = x.exactness == 0 ? !is_whole : x.exactness == 'i';
    return is_inexact ? flo_make(h, numlex_double(&x)) : read_exact(h, &x);
}
