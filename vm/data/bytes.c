// See bytes.h.
#include "vm/data/bytes.h"

#include "vm/base/hash.h"
#include "vm/base/utf8.h"
#include "vm/heap/space.h"

#include <string.h>

// ---- making -------------------------------------------------------------------------------------

static Value make_small(Heap *h, Kind kind, size_t length, unsigned width_log2, size_t bytes)
{
    size_t words = MAX((size_t)1, (bytes + 7) / 8);
    Value *p = heap_alloc(h, header_make(kind, 1 + words));

    if (!p) return V_FAIL;
    p[1].bits = bytes_info(length, width_log2, false);
    p[words + 1].bits = 0; // the last word may not be filled to its end
    return value_from_words(p, TAG_OBJ);
}

// Header object, reference object, block: both objects from one reservation.
static Value make_shared(Heap *h, Kind kind, size_t length, unsigned width_log2, size_t bytes)
{
    size_t ref_words = sizeof(BlockRef) / sizeof(Value);

    if (!heap_reserve(h, 3 + ref_words)) return V_FAIL;
    if (!h->scratch->ops->may_grow(h, bytes / sizeof(Value))) goto full;
    Block *block = block_new(h->scratch->space, bytes);
    if (!block) goto full;
    BlockRef *ref = (BlockRef *)heap_take(h, ref_words);
    ref->header = header_make(KIND_BLOCKREF, ref_words - 1);
    ref->block = block;
    Value body = value_from_words(ref, TAG_OBJ);
    if (!heap_note_blockref(h, body)) {
        block_release(h->scratch->space, block);
        ref->header = header_make(KIND_BYTES, ref_words - 1);
        goto full;
    }
    Value *p = heap_take(h, 3);
    p[0].bits = header_make(kind, 2);
    p[1].bits = bytes_info(length, width_log2, true);
    p[2] = body;
    return value_from_words(p, TAG_OBJ);

full:
    return fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
}

Value bytes_make(Heap *h, Kind kind, size_t length, unsigned width_log2)
{
    if (length > ((size_t)1 << 40)) return fail_text(h, ERR_HEAP_LIMIT, NULL, "object too large");
    size_t bytes = length << width_log2;
    return bytes <= BYTES_SHARE_MIN ? make_small(h, kind, length, width_log2, bytes)
                                    : make_shared(h, kind, length, width_log2, bytes);
}

// A payload object of its own for an object that has to move its text.
static Value new_body(Heap *h, size_t bytes)
{
    size_t ref_words = sizeof(BlockRef) / sizeof(Value);

    if (bytes <= BYTES_SHARE_MIN) {
        Value *p = heap_alloc(h, header_make(KIND_BYTES, MAX((size_t)1, (bytes + 7) / 8)));
        return p ? value_from_words(p, TAG_OBJ) : V_FAIL;
    }
    if (!heap_reserve(h, ref_words)) return V_FAIL;
    Block *block = h->scratch->ops->may_grow(h, bytes / sizeof(Value))
                       ? block_new(h->scratch->space, bytes)
                       : NULL;
    if (!block) return fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    BlockRef *ref = (BlockRef *)heap_take(h, ref_words);
    ref->header = header_make(KIND_BLOCKREF, ref_words - 1);
    ref->block = block;
    Value body = value_from_words(ref, TAG_OBJ);
    if (heap_note_blockref(h, body)) return body;
    ref->header = header_make(KIND_BYTES, ref_words - 1);
    block_release(h->scratch->space, block);
    return fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
}

// Moves the payload of *v into one of its own, with the given width.
static bool replace_body(Heap *h, const Value *v, unsigned width_log2)
{
    size_t length = bytes_length(value_bytes(*v));
    Value body = new_body(h, length << width_log2);

    if (value_is(body, V_FAIL)) return false;
    Bytes *b = value_bytes(*v);
    uint8_t *to = header_kind(value_header(body)) == KIND_BYTES
                      ? (uint8_t *)(value_words(body) + 1)
                      : ((BlockRef *)value_words(body))->block->bytes;
    bytes_copy_units(to, width_log2, 0, bytes_data(b), bytes_width_log2(b), 0, length);
    b->info = bytes_info(length, width_log2, true);
    heap_store(h, *v, &b->u.body, body);
    return true;
}

static bool is_shared_payload(Bytes *b)
{
    if (!bytes_is_indirect(b)) return false;
    Value body = b->u.body;
    if (header_kind(value_header(body)) != KIND_BLOCKREF) return false;
    Block *block = ((BlockRef *)value_words(body))->block;
    return atomic_load_explicit(&block->refs, memory_order_acquire) > 1;
}

bool bytes_own(Heap *h, const Value *v)
{
    Bytes *b = value_bytes(*v);
    return !is_shared_payload(b) || replace_body(h, v, bytes_width_log2(b));
}

// ---- units --------------------------------------------------------------------------------------

void bytes_copy_units(uint8_t *to, unsigned to_width, size_t to_at, const uint8_t *from,
                      unsigned from_width, size_t from_at, size_t n)
{
    if (to_width == from_width) {
        memmove(to + (to_at << to_width), from + (from_at << from_width), n << to_width);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        bytes_set_scalar(to, to_width, to_at + i, bytes_scalar_at(from, from_width, from_at + i));
    }
}

static unsigned width_of(uint32_t widest)
{
    return widest < 0x100 ? 0 : widest < 0x10000 ? 1 : 2;
}

unsigned string_width(Value s, size_t from, size_t to)
{
    Bytes *b = value_bytes(s);
    const uint8_t *data = bytes_data(b);
    unsigned width = bytes_width_log2(b);
    uint32_t all = 0;

    if (width == 0) return 0;
    for (size_t i = from; i < to; i++) {
        all |= bytes_scalar_at(data, width, i);
    }
    return width_of(all);
}

// ---- strings ------------------------------------------------------------------------------------

Value string_from_utf8(Heap *h, const void *utf8, size_t size)
{
    const uint8_t *p = utf8, *end = p + size;

    if (utf8_is_ascii(p, size)) {
        Value v = bytes_make(h, KIND_STRING, size, 0);
        if (!value_is(v, V_FAIL) && size > 0) memcpy(bytes_data(value_bytes(v)), p, size);
        return v;
    }
    uint32_t all = 0;
    size_t count = 0;
    for (const uint8_t *q = p; q < end; count++) {
        all |= utf8_decode(&q, end);
    }
    unsigned width = width_of(all);
    Value v = bytes_make(h, KIND_STRING, count, width);
    if (value_is(v, V_FAIL)) return v;
    uint8_t *data = bytes_data(value_bytes(v));
    for (size_t i = 0; i < count; i++) {
        bytes_set_scalar(data, width, i, utf8_decode(&p, end));
    }
    return v;
}

Value string_from_text(Heap *h, const char *text)
{
    return string_from_utf8(h, text, strlen(text));
}

void string_to_utf8(Value s, Buf *out)
{
    Bytes *b = value_bytes(s);
    const uint8_t *data = bytes_data(b);
    size_t n = bytes_length(b);
    unsigned width = bytes_width_log2(b);

    if (width == 0 && utf8_is_ascii(data, n)) {
        buf_bytes(out, data, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        buf_char(out, bytes_scalar_at(data, width, i));
    }
}

bool string_set(Heap *h, const Value *s, size_t index, uint32_t scalar)
{
    unsigned width = bytes_width_log2(value_bytes(*s));

    if (width_of(scalar) > width) {
        if (!replace_body(h, s, width_of(scalar))) return false;
    } else if (!bytes_own(h, s)) {
        return false;
    }
    Bytes *b = value_bytes(*s);
    bytes_set_scalar(bytes_data(b), bytes_width_log2(b), index, scalar);
    return true;
}

int string_compare(Value x, Value y)
{
    size_t nx = string_length(x), ny = string_length(y), n = MIN(nx, ny);
    Bytes *bx = value_bytes(x), *by = value_bytes(y);
    const uint8_t *dx = bytes_data(bx), *dy = bytes_data(by);
    unsigned wx = bytes_width_log2(bx), wy = bytes_width_log2(by);

    if (wx == 0 && wy == 0) {
        int order = memcmp(dx, dy, n);
        if (order) return order < 0 ? -1 : 1;
    } else {
        for (size_t i = 0; i < n; i++) {
            uint32_t cx = bytes_scalar_at(dx, wx, i), cy = bytes_scalar_at(dy, wy, i);
            if (cx != cy) return cx < cy ? -1 : 1;
        }
    }
    return nx < ny ? -1 : nx > ny;
}

bool bytes_equal(Value x, Value y)
{
    Bytes *bx = value_bytes(x), *by = value_bytes(y);
    size_t n = bytes_length(bx);
    unsigned wx = bytes_width_log2(bx), wy = bytes_width_log2(by);

    if (n != bytes_length(by)) return false;
    if (wx == wy) return memcmp(bytes_data(bx), bytes_data(by), n << wx) == 0;
    return string_compare(x, y) == 0;
}

uint64_t bytes_hash(Value v, uint64_t seed)
{
    enum { UNITS = 256 };
    Bytes *b = value_bytes(v);
    size_t n = bytes_length(b);
    unsigned width = bytes_width_log2(b);
    // A payload may be wider than its text needs: the hash is that of the narrowest, in pieces, so
    // that narrowing takes no memory.
    unsigned needed = string_width(v, 0, n);
    uint8_t piece[UNITS * 4];
    uint64_t h = 1 + needed;

    for (size_t i = 0; i < n; i += UNITS) {
        size_t units = MIN(n - i, (size_t)UNITS);
        const uint8_t *p = bytes_data(b) + (i << width);
        if (needed != width) {
            bytes_copy_units(piece, needed, 0, bytes_data(b), width, i, units);
            p = piece;
        }
        h = hash_keyed(p, units << needed, seed, h);
    }
    return h;
}
