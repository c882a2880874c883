// Natives of std.bytes: numbers in bytevectors, and hexadecimal and base64 text.
//
// Integers have any number of bytes and are two's complement when signed; flonums are IEEE 754 of
// 2, 4 or 8 bytes, correctly rounded.
#include "runtime/native/natives.h"

#include "vm/base/ieee.h"

#include <math.h>
#include <string.h>

// How a number is laid out: bits of the argument `how`.
enum { HOW_SIGNED = 1, HOW_LITTLE = 2, HOW_FLOAT = 4, HOW_ALL = 7 };

// No number of more bytes than this.
#define NUMBER_BYTES_MAX 65536

// Who uses a layout, as programs know it.
static const char *const ref_names[] = {"bytes-uint-ref", "bytes-int-ref", "bytes-float-ref"};
static const char *const set_names[] = {"bytes-uint-set!", "bytes-int-set!", "bytes-float-set!"};

static const char *user(const char *const *names, Value how)
{
    int64_t bits = value_is_fix(how) ? value_int(how) : 0;

    return names[bits & HOW_FLOAT ? 2 : bits & HOW_SIGNED];
}

typedef struct {
    size_t at, size;
    unsigned how;
} Place;

// The place in args[0] that args[1] (index), args[2] (size) and args[3] (how) tell. Fault set when
// there is none.
static bool get_place(Actor *a, const char *who, Value *args, Place *p)
{
    size_t how;

    if (!value_is_kind(args[0], KIND_BYTEVECTOR)) {
        (void)fail_type(HEAP(a), who, "a bytevector", args[0]);
        return false;
    }
    if (!native_index(args[3], HOW_ALL + 1, &how)) {
        (void)fail_type(HEAP(a), who, "a layout", args[3]);
        return false;
    }
    p->how = (unsigned)how;
    bool is_float = (how & HOW_FLOAT) != 0;
    if (!native_index(args[2], NUMBER_BYTES_MAX + 1, &p->size) || p->size == 0 ||
        (is_float && p->size != 2 && p->size != 4 && p->size != 8)) {
        (void)fail_type(HEAP(a), who, is_float ? "a size of 2, 4 or 8" : "a size from 1 to 65536",
                        args[2]);
        return false;
    }
    size_t length = bytes_length(value_bytes(args[0]));
    if (!native_index(args[1], length + 1, &p->at) || length - p->at < p->size) {
        (void)fail_index(HEAP(a), who, args[1], "a bytevector", length);
        return false;
    }
    return true;
}

// Copies between a bytevector and bytes that begin with the least significant one.
static void copy_ordered(uint8_t *to, const uint8_t *from, const Place *p)
{
    for (size_t i = 0; i < p->size; i++) {
        to[i] = from[p->how & HOW_LITTLE ? i : p->size - 1 - i];
    }
}

// ---- flonums
// ----------------------------------------------------------------------------------------

static double half_to_double(uint16_t bits)
{
    unsigned exponent = bits >> 10 & 31, fraction = bits & 1023;
    double d = exponent == 0   ? ldexp(fraction, -24)
               : exponent < 31 ? ldexp(fraction + 1024, (int)exponent - 25)
               : fraction == 0 ? HUGE_VAL
                               : ieee_from_bits(IEEE_NAN);

    return bits & 0x8000 ? -d : d;
}

// To nearest, ties to even. The fraction may round up into the exponent, which is right.
static uint16_t half_from_double(double d)
{
    unsigned sign = ieee_is_negative(d) ? 0x8000 : 0;
    int exponent;

    if (d != d) return 0x7e00;
    d = fabs(d);
    if (d >= 65520) return (uint16_t)(sign | 0x7c00);
    if (d < 0x1p-14) return (uint16_t)(sign | (unsigned)nearbyint(ldexp(d, 24)));
    double fraction = nearbyint(ldexp(frexp(d, &exponent), 11));
    return (uint16_t)(sign | (((unsigned)(exponent + 13) << 10) + (unsigned)fraction));
}

static double double_from_bits(uint64_t bits, size_t size)
{
    if (size == 2) return half_to_double((uint16_t)bits);
    if (size == 8) return ieee_from_bits(bits);
    uint32_t low = (uint32_t)bits;
    float f;
    memcpy(&f, &low, sizeof f);
    return (double)f;
}

static uint64_t bits_from_double(double d, size_t size)
{
    uint32_t low;
    float f = (float)d;

    if (size == 2) return half_from_double(d);
    if (size == 8) return ieee_bits(d);
    memcpy(&low, &f, sizeof low);
    return low;
}

// ---- reading
// ----------------------------------------------------------------------------------------

static Value make_long(Actor *a, const uint8_t *data, const Place *p)
{
    Buf *b = &actor_worker(a)->text;

    buf_clear(b);
    if (!buf_reserve(b, p->size))
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, "bytes-int-ref", "out of memory");
    copy_ordered(b->data, data, p);
    bool negative = p->how & HOW_SIGNED && b->data[p->size - 1] & 0x80;
    unsigned carry = 1;
    for (size_t i = 0; negative && i < p->size; i++) {
        carry += (uint8_t)~b->data[i];
        b->data[i] = (uint8_t)carry;
        carry >>= 8;
    }
    size_t n = p->size;
    while (n > 0 && b->data[n - 1] == 0) {
        n--;
    }
    native_charge_bytes(a, p->size);
    return num_from_bytes(HEAP(a), negative, b->data, n);
}

// (bytevector index size how): how is the sum of 1 signed, 2 least byte first, 4 a flonum
NATIVE_FN(bytes_number_ref)
{
    uint8_t ordered[8] = {0};
    uint64_t bits = 0;
    Place p;

    (void)count;
    if (!get_place(a, user(ref_names, args[3]), args, &p)) return V_FAIL;
    const uint8_t *data = bytes_data(value_bytes(args[0])) + p.at;
    if (p.size > 8) return make_long(a, data, &p);
    copy_ordered(ordered, data, &p);
    for (size_t i = 0; i < p.size; i++) {
        bits |= (uint64_t)ordered[i] << 8 * i;
    }
    if (p.how & HOW_FLOAT) {
        if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
        return heap_flonum(HEAP(a), double_from_bits(bits, p.size));
    }
    if (!(p.how & HOW_SIGNED)) return num_from_uint64(HEAP(a), bits);
    unsigned spare = 64 - 8 * (unsigned)p.size;
    return num_from_int64(HEAP(a), (int64_t)(bits << spare) >> spare);
}

// ---- writing
// ----------------------------------------------------------------------------------------

// The two's complement of an exact integer in size bytes, the least significant one first, behind
// the buffer's old content. False when it does not fit, or there is no memory.
static bool put_integer(Buf *b, Value v, const Place *p)
{
    buf_clear(b);
    num_big_to_bytes(b, v);
    if (b->failed) return false;
    bool negative = b->data[0] != 0;
    size_t n = b->size - 1;
    if (n > p->size || (negative && !(p->how & HOW_SIGNED)) || !buf_reserve(b, p->size))
        return false;
    uint8_t *bytes = b->data + 1;
    memset(bytes + n, 0, p->size - n);
    unsigned carry = 1;
    for (size_t i = 0; negative && i < p->size; i++) {
        carry += (uint8_t)~bytes[i];
        bytes[i] = (uint8_t)carry;
        carry >>= 8;
    }
    // The sign must come out as it went in.
    bool top = (bytes[p->size - 1] & 0x80) != 0;
    return !(p->how & HOW_SIGNED) || top == negative || n == 0;
}

// (bytevector index size how number)
NATIVE_FN(bytes_number_set)
{
    Buf *b = &actor_worker(a)->text;
    Place p;

    (void)count;
    const char *who = user(set_names, args[3]);
    if (!get_place(a, who, args, &p)) return V_FAIL;
    if (value_header(args[0]) & HEADER_IMMUTABLE)
        return fail_with(HEAP(a), ERR_TYPE, who,
                         "a literal cannot be changed; make a copy:", args[0]);
    if (p.how & HOW_FLOAT) {
        if (!value_is_number(args[4])) return fail_type(HEAP(a), who, "a number", args[4]);
        uint64_t bits = bits_from_double(num_to_double(args[4]), p.size);
        buf_clear(b);
        buf_u8(b, 0);
        buf_u64(b, bits);
    } else if (!value_is_exact_integer(args[4])) {
        return fail_type(HEAP(a), who, "an exact integer", args[4]);
    } else if (!put_integer(b, args[4], &p) && !b->failed) {
        return fail_type(HEAP(a), who,
                         p.how & HOW_SIGNED ? "an integer that fits the signed field"
                                            : "an integer that fits the unsigned field",
                         args[4]);
    }
    if (b->failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, who, "out of memory");
    if (!bytes_own(HEAP(a), &args[0])) return V_FAIL;
    copy_ordered(bytes_data(value_bytes(args[0])) + p.at, b->data + 1, &p);
    native_charge_bytes(a, p.size);
    return V_UNSPECIFIED;
}

// ---- text
// -------------------------------------------------------------------------------------------

typedef enum { CODE_HEX, CODE_BASE64, CODE_BASE64_URL, CODE_COUNT } TextCode;

static const char *const code_who[CODE_COUNT] = {"hex->bytes", "base64->bytes", "base64url->bytes"};

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static char base64_digit(TextCode code, unsigned six)
{
    if (code == CODE_BASE64_URL && six == 62) return '-';
    if (code == CODE_BASE64_URL && six == 63) return '_';
    return base64_digits[six];
}

static void encode_hex(uint8_t *to, const uint8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = (uint8_t)hex_digits[from[i] >> 4];
        to[2 * i + 1] = (uint8_t)hex_digits[from[i] & 15];
    }
}

static void encode_base64(uint8_t *to, const uint8_t *from, size_t n, TextCode code)
{
    for (size_t i = 0; i < n; i += 3) {
        size_t left = MIN(n - i, (size_t)3);
        unsigned bits = (unsigned)from[i] << 16 | (left > 1 ? (unsigned)from[i + 1] << 8 : 0) |
                        (left > 2 ? from[i + 2] : 0u);
        for (size_t k = 0; k <= left; k++) {
            *to++ = (uint8_t)base64_digit(code, bits >> (18 - 6 * k) & 63);
        }
        for (size_t k = left; code == CODE_BASE64 && k < 3; k++) {
            *to++ = '=';
        }
    }
}

static size_t encoded_length(TextCode code, size_t n)
{
    if (code == CODE_HEX) return 2 * n;
    return code == CODE_BASE64 ? (n + 2) / 3 * 4 : n / 3 * 4 + (n % 3 ? n % 3 + 1 : 0);
}

static const char *const encoder_names[] = {"bytes->hex", "bytes->base64", "bytes->base64url"};

// (bytevector code start end): codes 0 hexadecimal, 1 base64, 2 base64 for URLs
NATIVE_FN(bytes_encode)
{
    size_t start, end, code;

    if (!native_index(args[1], CODE_COUNT, &code))
        return fail_type(HEAP(a), "bytes->hex", "a code", args[1]);
    const char *who = encoder_names[code];
    if (!value_is_kind(args[0], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), who, "a bytevector", args[0]);
    if (!native_range(a, who, "a bytevector", args, count, 2,
                      bytes_length(value_bytes(args[0])), &start, &end))
        return V_FAIL;
    Value v = bytes_make(HEAP(a), KIND_STRING, encoded_length((TextCode)code, end - start), 0);
    if (value_is(v, V_FAIL)) return v;
    const uint8_t *from = bytes_data(value_bytes(args[0])) + start;
    uint8_t *to = bytes_data(value_bytes(v));
    if (code == CODE_HEX) {
        encode_hex(to, from, end - start);
    } else {
        encode_base64(to, from, end - start, (TextCode)code);
    }
    actor_charge(a, (end - start) / 64);
    return v;
}

// The value of a digit, or -1.
static int digit_of(TextCode code, uint32_t c)
{
    if (c >= '0' && c <= '9') return (int)c - '0' + (code == CODE_HEX ? 0 : 52);
    if (code == CODE_HEX) {
        c |= 0x20;
        return c >= 'a' && c <= 'f' ? (int)c - 'a' + 10 : -1;
    }
    if (c >= 'A' && c <= 'Z') return (int)c - 'A';
    if (c >= 'a' && c <= 'z') return (int)c - 'a' + 26;
    if (c == (code == CODE_BASE64 ? '+' : '-')) return 62;
    if (c == (code == CODE_BASE64 ? '/' : '_')) return 63;
    return -1;
}

// Appends what n digits stand for; gives the index of the first character that is wrong, n if none
// is.
static size_t decode_digits(Buf *out, Value s, TextCode code, size_t n)
{
    unsigned width = code == CODE_HEX ? 4 : 6, bits = 0, have = 0;

    for (size_t i = 0; i < n; i++) {
        int digit = digit_of(code, string_scalar(s, i));
        if (digit < 0) return i;
        bits = (bits << width | (unsigned)digit) & 0xffff;
        have += width;
        if (have < 8) continue;
        have -= 8;
        buf_u8(out, (uint8_t)(bits >> have));
    }
    // What is left over must be less than a digit, and zero.
    bool whole = have < width && (bits & ((1u << have) - 1)) == 0;
    return whole || n == 0 ? n : n - 1;
}

// (string code): a bytevector
NATIVE_FN(bytes_decode)
{
    Buf *out = &actor_worker(a)->text;
    size_t code, padding = 0;

    (void)count;
    if (!native_index(args[1], CODE_COUNT, &code))
        return fail_type(HEAP(a), "text->bytes", "a code", args[1]);
    if (!value_is_string(args[0])) return fail_type(HEAP(a), code_who[code], "a string", args[0]);
    size_t length = string_length(args[0]);
    // Padding may be missing in URLs only.
    bool padded = code == CODE_BASE64 || (code == CODE_BASE64_URL && length % 4 == 0);
    if (padded && length % 4)
        return fail_text(HEAP(a), ERR_TYPE, code_who[code], "the length is no multiple of 4");
    while (padded && padding < 2 && padding < length &&
           string_scalar(args[0], length - 1 - padding) == '=') {
        padding++;
    }
    buf_clear(out);
    size_t bad = decode_digits(out, args[0], (TextCode)code, length - padding);
    if (bad < length - padding)
        return fail_text(HEAP(a), ERR_TYPE, code_who[code], "wrong character or end at index %zu",
                         bad);
    if (out->failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, code_who[code], "out of memory");
    actor_charge(a, length / 64);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, out->size, 0);
    if (value_is(v, V_FAIL)) return v;
    if (out->size > 0) memcpy(bytes_data(value_bytes(v)), out->data, out->size);
    return v;
}
