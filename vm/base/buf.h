// A growable byte buffer with sticky failure: writers need no check after each call, `failed` is
// looked at once at the end.
#ifndef VM_BASE_BUF_H
#define VM_BASE_BUF_H

#include "vm/base/base.h"

typedef struct {
    uint8_t *data;
    size_t size;
    size_t capacity;
    bool failed; // memory ran out; what was written since is lost
} Buf;

#define BUF_INIT {NULL, 0, 0, false}

void buf_free(Buf *b);
void buf_clear(Buf *b); // forgets the content, keeps the memory
bool buf_reserve(Buf *b, size_t more);

void buf_bytes(Buf *b, const void *p, size_t n);
void buf_text(Buf *b, const char *text);
void buf_printf(Buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_decimal(Buf *b, int64_t n);
void buf_u8(Buf *b, uint8_t v);
void buf_u32(Buf *b, uint32_t v); // little-endian
void buf_u64(Buf *b, uint64_t v);
void buf_varint(Buf *b, uint64_t v); // LEB128
void buf_svarint(Buf *b, int64_t v); // zigzag, then LEB128
void buf_char(Buf *b, uint32_t scalar); // as UTF-8
void buf_align(Buf *b, size_t to);      // zero bytes up to a multiple of `to`
void buf_block(Buf *b, const void *p, size_t n); // varint length, then the bytes

// Overwrites four bytes written before.
void buf_patch_u32(Buf *b, size_t at, uint32_t v);

// NUL-terminates (the NUL is not counted in size) and returns the text, "" after a failure.
const char *buf_cstr(Buf *b);

#endif
