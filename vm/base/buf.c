// See buf.h.
#include "vm/base/buf.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"
#include "vm/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void buf_free(Buf *b)
{
    mem_free(MEM_BUFFER, b->data, b->capacity);
    *b = (Buf)BUF_INIT;
}

void buf_clear(Buf *b)
{
    b->size = 0;
    b->failed = false;
}

bool buf_reserve(Buf *b, size_t more)
{
    if (b->failed) return false;
    if (more <= b->capacity - b->size) return true;
    size_t want = b->capacity ? b->capacity : 64;
    while (want - b->size < more) {
        if (want > SIZE_MAX / 2) {
            b->failed = true;
            return false;
        }
        want *= 2;
    }
    uint8_t *data = mem_realloc(MEM_BUFFER, b->data, b->capacity, want);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = want;
    return true;
}

void buf_bytes(Buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_reserve(b, n)) return;
    memcpy(b->data + b->size, p, n);
    b->size += n;
}

void buf_text(Buf *b, const char *text)
{
    buf_bytes(b, text, strlen(text));
}

void buf_printf(Buf *b, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, fmt, again);
        b->size += (size_t)n;
    }
    va_end(again);
}

void buf_decimal(Buf *b, int64_t n)
{
    char digits[20], *end = digits + sizeof digits, *at = end;
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (n < 0) *--at = '-';
    buf_bytes(b, at, (size_t)(end - at));
}

void buf_u8(Buf *b, uint8_t v)
{
    buf_bytes(b, &v, 1);
}

void buf_u32(Buf *b, uint32_t v)
{
    buf_bytes(b, &v, sizeof v);
}

void buf_u64(Buf *b, uint64_t v)
{
    buf_bytes(b, &v, sizeof v);
}

void buf_varint(Buf *b, uint64_t v)
{
    uint8_t bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    buf_bytes(b, bytes, n);
}

void buf_svarint(Buf *b, int64_t v)
{
    buf_varint(b, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void buf_char(Buf *b, uint32_t scalar)
{
    uint8_t bytes[4];
    buf_bytes(b, bytes, utf8_encode(bytes, scalar));
}

void buf_align(Buf *b, size_t to)
{
    static const uint8_t zero[64];
    ASSERT(to <= sizeof zero);
    buf_bytes(b, zero, (size_t)ALIGN_UP(b->size, to) - b->size);
}

void buf_block(Buf *b, const void *p, size_t n)
{
    buf_varint(b, n);
    buf_bytes(b, p, n);
}

void buf_patch_u32(Buf *b, size_t at, uint32_t v)
{
    if (b->failed) return;
    CHECK(at + 4 <= b->size, "patch at %zu of %zu bytes", at, b->size);
    memcpy(b->data + at, &v, sizeof v);
}

const char *buf_cstr(Buf *b)
{
    if (!buf_reserve(b, 1)) return "";
    b->data[b->size] = 0;
    return (const char *)b->data;
}
