// Terms without parts: numbers, characters, names, pids and references, strings and bytevectors.
// See wire.h and decode_int.h.
#include "vm/wire/decode_int.h"

#include "vm/base/utf8.h"
#include "vm/data/bytes.h"
#include "vm/data/num_int.h"

#include <string.h>

#define TEXT_STEP      65536
#define BYTES_PER_WORK 64
#define RATIO_CHECKED  4096 // limbs: larger rationals are taken to be in lowest terms

// ---- numbers and the like -----------------------------------------------------------------------------

static uint64_t read_fixed(WireDecoder *d)
{
    return __builtin_bswap64(cur_u64(&d->cur));
}

static Value make_int(WireDecoder *d, bool negative, const uint8_t *magnitude, size_t n)
{
    uint64_t low = 0;

    while (n > 0 && magnitude[n - 1] == 0) {
        n--;
    }
    memcpy(&low, magnitude, MIN(n, sizeof low));
    if (n <= 8 && low <= (uint64_t)FIX_MAX)
        return value_fix(negative ? -(int64_t)low : (int64_t)low);
    if (n <= 8 && negative && low == (uint64_t)FIX_MAX + 1) return value_fix(FIX_MIN);
    size_t limbs = (n + 7) / 8;
    Value *p = wire_object(d, KIND_BIGNUM, limbs);
    if (!p) return V_NONE;
    if (negative) p->bits |= HEADER_NEGATIVE;
    p[limbs].bits = 0;
    memcpy(p + 1, magnitude, n);
    return value_from_words(p, TAG_OBJ);
}

// An integer behind its tag; V_NONE: *state says why not.
Value wire_read_integer(WireDecoder *d, uint8_t tag, WireState *state)
{
    Value v = V_NONE;

    *state = WIRE_DONE;
    if (tag >= WIRE_SMALL) return value_fix(tag - WIRE_SMALL);
    if (tag == WIRE_INTEGER) {
        int64_t n = cur_svarint(&d->cur);
        uint64_t magnitude = n < 0 ? -(uint64_t)n : (uint64_t)n;
        if (d->cur.ok) v = make_int(d, n < 0, (const uint8_t *)&magnitude, sizeof magnitude);
    } else if (tag == WIRE_POSITIVE || tag == WIRE_NEGATIVE) {
        size_t n;
        const uint8_t *p = cur_block(&d->cur, &n);
        if (d->cur.ok && n <= NUM_BITS_MAX / 8) {
            v = make_int(d, tag == WIRE_NEGATIVE, p, n);
        } else {
            cur_fail(&d->cur);
        }
    } else {
        cur_fail(&d->cur);
    }
    if (!d->cur.ok) {
        *state = wire_fail_end(d, "an integer");
    } else if (value_is(v, V_NONE)) {
        *state = WIRE_NO_MEMORY;
    }
    return v;
}

WireState wire_read_ratio(WireDecoder *d)
{
    Value parts[2];
    WireState state;

    for (int i = 0; i < 2; i++) {
        parts[i] = wire_read_integer(d, cur_u8(&d->cur), &state);
        if (state != WIRE_DONE) return state;
    }
    bool positive = value_is_fix(parts[1]) ? value_int(parts[1]) > 1
                                           : !(value_header(parts[1]) & HEADER_NEGATIVE);
    bool ok = positive && !value_is(parts[0], value_fix(0));
    size_t limbs = value_is_big(parts[0]) ? object_count(parts[0]) : 1;
    if (value_is_big(parts[1])) limbs = MAX(limbs, object_count(parts[1]));
    if (ok && limbs <= RATIO_CHECKED) ok = int_coprime(parts[0], parts[1]);
    if (!ok) return wire_fail(d, "a rational that is not in lowest terms");
    Value *p = wire_object(d, KIND_RATIO, 2);
    if (!p) return WIRE_NO_MEMORY;
    p[1] = parts[0];
    p[2] = parts[1];
    return wire_deliver(d, value_from_words(p, TAG_OBJ));
}

WireState wire_read_flonum(WireDecoder *d)
{
    uint64_t bits = read_fixed(d);
    double x;

    if (!d->cur.ok) return wire_fail_end(d, "a flonum");
    memcpy(&x, &bits, sizeof x);
    if (x != x) bits = (uint64_t)0x7ff8 << 48;
    Value *p = wire_object(d, KIND_FLONUM, 1);
    if (!p) return WIRE_NO_MEMORY;
    p[1].bits = bits;
    return wire_deliver(d, value_from_words(p, TAG_FLO));
}

WireState wire_read_char(WireDecoder *d)
{
    uint64_t c = cur_varint(&d->cur);

    if (!d->cur.ok) return wire_fail_end(d, "a character");
    if (!utf8_is_scalar(c))
        return wire_fail(d, "no character has this number: %llu", (unsigned long long)c);
    return wire_deliver(d, value_char((uint32_t)c));
}

// A name of n bytes UTF-8 as a symbol.
static WireState read_name(WireDecoder *d, Value *out)
{
    size_t n;
    const uint8_t *p = cur_block(&d->cur, &n);

    if (!d->cur.ok) return wire_fail_end(d, "a name");
    if (n > UINT32_MAX / 2) return wire_fail(d, "a symbol that is too long");
    if (utf8_validate(p, n) != n) return wire_fail(d, "a name that is not UTF-8");
    *out = symbol_intern(d->node->symbols, (const char *)p, n);
    return value_is(*out, V_FAIL) ? wire_fail(d, "the VM has no room for more symbols") : WIRE_DONE;
}

WireState wire_read_symbol(WireDecoder *d, uint8_t tag, Value *out)
{
    if (tag == WIRE_SYMBOL_AGAIN) {
        uint64_t n = cur_varint(&d->cur);
        if (!d->cur.ok) return wire_fail_end(d, "a symbol");
        if (n >= d->symbol_count)
            return wire_fail(d, "no symbol has the number %llu yet", (unsigned long long)n);
        *out = d->symbols[n];
        return WIRE_DONE;
    }
    if (tag != WIRE_SYMBOL) return wire_fail(d, "expected a symbol");
    WireState s = read_name(d, out);
    if (s != WIRE_DONE) return s;
    if (d->symbol_count == d->symbol_capacity &&
        !wire_grow((void **)&d->symbols, &d->symbol_capacity, sizeof *d->symbols))
        return WIRE_NO_MEMORY;
    d->symbols[d->symbol_count++] = *out;
    return WIRE_DONE;
}

// ---- pids and references ------------------------------------------------------------------------------

static WireState read_node(WireDecoder *d, uint64_t *identity, Value *name)
{
    uint64_t n = cur_varint(&d->cur);

    if (d->cur.ok && n < d->node_count) {
        *identity = d->nodes[2 * n];
        name->bits = d->nodes[2 * n + 1];
        return WIRE_DONE;
    }
    if (d->cur.ok && n > d->node_count)
        return wire_fail(d, "no node has the number %llu yet", (unsigned long long)n);
    *identity = read_fixed(d);
    WireState s = read_name(d, name);
    if (s != WIRE_DONE) return s;
    if (d->node_count == d->node_capacity &&
        !wire_grow((void **)&d->nodes, &d->node_capacity, 2 * sizeof *d->nodes))
        return WIRE_NO_MEMORY;
    d->nodes[2 * d->node_count] = *identity;
    d->nodes[2 * d->node_count + 1] = name->bits;
    d->node_count++;
    return WIRE_DONE;
}

WireState wire_read_id(WireDecoder *d, bool pid, Value *out)
{
    uint64_t identity = 0, number;
    Value name = V_NONE;
    WireState s = read_node(d, &identity, &name);

    if (s != WIRE_DONE) return s;
    number = read_fixed(d);
    if (!d->cur.ok) return wire_fail_end(d, pid ? "a pid" : "a reference");
    if (pid ? (number & 0xf0000000u) != 0 : number >> 60 != 0)
        return wire_fail(d, pid ? "a pid that cannot be one" : "a reference that cannot be one");
    if (identity == d->node->identity) {
        *out = pid ? value_pid((uint32_t)number, (uint32_t)(number >> 32)) : value_ref(number);
        return WIRE_DONE;
    }
    External *x = (External *)wire_object(d, pid ? KIND_EXTERNAL_PID : KIND_EXTERNAL_REF,
                                          EXTERNAL_WORDS - 1);
    if (!x) return WIRE_NO_MEMORY;
    x->node = identity;
    x->name = name;
    x->number = number;
    *out = value_from_words(x, TAG_OBJ);
    return WIRE_DONE;
}

// ---- strings and bytevectors --------------------------------------------------------------------------

WireState wire_read_text(WireDecoder *d, uint8_t tag)
{
    size_t n;
    const uint8_t *p = cur_block(&d->cur, &n);

    if (!p) return wire_fail_end(d, tag == WIRE_STRING ? "a string" : "a bytevector");
    d->text = V_UNSPECIFIED; // under way
    d->text_at = (size_t)(p - d->start);
    d->text_from = 0;
    d->text_size = n;
    d->text_count = d->text_all = 0;
    d->text_phase = tag == WIRE_STRING ? 0 : 1;
    if (tag == WIRE_BYTES) d->text_count = n;
    return WIRE_DONE;
}

static Value make_text(WireDecoder *d, Kind kind, size_t length, unsigned width)
{
    size_t bytes = length << width, words = MAX((size_t)1, (bytes + 7) / 8);

    if (bytes <= BYTES_SHARE_MIN) {
        Value *p = wire_object(d, kind, 1 + words);
        if (!p) return V_NONE;
        p[1].bits = bytes_info(length, width, false);
        p[1 + words].bits = 0;
        return value_from_words(p, TAG_OBJ);
    }
    size_t ref_words = sizeof(BlockRef) / sizeof(Value);
    Value *p = wire_take(d, 3 + ref_words);
    Block *block = p ? block_new(d->node->space, bytes) : NULL;
    if (!block) return V_NONE;
    BlockRef *ref = (BlockRef *)(p + 3);
    *ref = (BlockRef){header_make(KIND_BLOCKREF, ref_words - 1), block, d->blocks};
    d->blocks = value_from_words(ref, TAG_OBJ);
    d->words += words;
    p[0].bits = header_make(kind, 2);
    p[1].bits = bytes_info(length, width, true);
    p[2] = d->blocks;
    return value_from_words(p, TAG_OBJ);
}

// End of a piece of text that begins at `from`: between characters.
static size_t text_cut(const WireDecoder *d, size_t from)
{
    size_t end = d->text_size, to = MIN(end, from + TEXT_STEP);

    for (unsigned i = 0; i < 3 && to < end && (d->start[d->text_at + to] & 0xc0) == 0x80; i++) {
        to--;
    }
    return to;
}

static bool text_scan(WireDecoder *d, size_t from, size_t to)
{
    const uint8_t *p = d->start + d->text_at + from, *end = d->start + d->text_at + to;

    if (utf8_is_ascii(p, to - from)) {
        d->text_count += to - from;
        return true;
    }
    while (p < end) {
        uint32_t c = utf8_decode(&p, end);
        if (c == UTF8_INVALID) return false;
        d->text_all |= c;
        d->text_count++;
    }
    return true;
}

static WireState text_object(WireDecoder *d)
{
    bool string = d->text_phase == 0;
    unsigned width = d->text_all < 0x100 ? 0 : d->text_all < 0x10000 ? 1 : 2;
    size_t label;

    d->text = make_text(d, string ? KIND_STRING : KIND_BYTEVECTOR, d->text_count, width);
    if (value_is(d->text, V_NONE)) return WIRE_NO_MEMORY;
    d->text_phase = string ? 2 : 3;
    d->text_count = 0; // units written
    return wire_label(d, d->text, NO_FRAME, &label);
}

// Goes on with a string or bytevector. Phases: 0 a string is looked at, 1 a bytevector that needs no
// look; 2 and 3 their bytes are copied.
WireState wire_text_step(WireDecoder *d, int64_t *work)
{
    size_t to = text_cut(d, d->text_from);
    WireState s;

    *work -= (int64_t)((to - d->text_from) / BYTES_PER_WORK);
    if (d->text_phase == 0) {
        if (!text_scan(d, d->text_from, to)) return wire_fail(d, "a string that is not UTF-8");
        d->text_from = to;
        if (to < d->text_size) return WIRE_DONE;
    }
    if (d->text_phase < 2) {
        s = text_object(d);
        d->text_from = 0;
        return s;
    }
    Bytes *b = value_bytes(d->text);
    uint8_t *data = bytes_data(b);
    const uint8_t *p = d->start + d->text_at + d->text_from, *end = d->start + d->text_at + to;
    if (d->text_phase == 3 || bytes_length(b) == d->text_size) {
        if (p < end) memcpy(data + d->text_from, p, to - d->text_from);
    } else {
        while (p < end) {
            bytes_set_scalar(data, bytes_width_log2(b), d->text_count++, utf8_decode(&p, end));
        }
    }
    d->text_from = to;
    if (to < d->text_size) return WIRE_DONE;
    Value v = d->text;
    d->text = V_NONE;
    d->text_from = 0;
    return wire_deliver(d, v);
}
