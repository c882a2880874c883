// See lz.h.
#include "runtime/node/lz.h"

#include "vm/base/cur.h"

#include <lz4.h>
#include <string.h>

// Of a long payload this much is tried first: what does not shrink there is left alone.
#define SAMPLE_BYTES 4096

static bool shrinks(const char *data, size_t size)
{
    char out[LZ4_COMPRESSBOUND(SAMPLE_BYTES)];

    if (size <= 4 * SAMPLE_BYTES) return true;
    // From the middle: the front is rarely like the rest.
    int n = LZ4_compress_default(data + size / 2 - SAMPLE_BYTES / 2, out, SAMPLE_BYTES,
                                 (int)sizeof out);
    return n > 0 && n < SAMPLE_BYTES * 7 / 8;
}

bool lz_pack(Buf *b, size_t start)
{
    size_t size = b->size - start;
    Buf out = BUF_INIT;

    if (size > LZ4_MAX_INPUT_SIZE || !shrinks((const char *)b->data + start, size)) return false;
    buf_varint(&out, size);
    size_t head = out.size;
    if (!buf_reserve(&out, size)) {
        buf_free(&out);
        return false;
    }
    int n = LZ4_compress_default((const char *)b->data + start, (char *)out.data + head, (int)size,
                                 (int)(size - head));
    bool shorter = n > 0 && head + (size_t)n < size;
    if (shorter) {
        memcpy(b->data + start, out.data, head + (size_t)n);
        b->size = start + head + (size_t)n;
    }
    buf_free(&out);
    return shorter;
}

bool lz_unpack(const uint8_t *data, size_t size, size_t most, Buf *out)
{
    Cur c = cur_make(data, size);
    uint64_t whole = cur_varint(&c);

    // LZ4 makes at most 255 bytes of one: a claim beyond that is none.
    if (!c.ok || whole > most || whole > 255 * (uint64_t)size + 64 ||
        !buf_reserve(out, (size_t)whole))
        return false;
    int n = LZ4_decompress_safe((const char *)c.at, (char *)out->data + out->size,
                                (int)cur_left(&c), (int)whole);
    if (n < 0 || (uint64_t)n != whole) return false;
    out->size += (size_t)whole;
    return true;
}
