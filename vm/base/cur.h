// A bounded reader for untrusted bytes: images, terms, frames. Errors are sticky: after the first
// one every read gives zero and `ok` is false, so a decoder tests once where it matters. Nothing is
// allocated here, and a length is never trusted beyond the bytes that are there.
#ifndef VM_BASE_CUR_H
#define VM_BASE_CUR_H

#include "vm/base/base.h"

typedef struct {
    const uint8_t *at;
    const uint8_t *end;
    bool ok;
} Cur;

static inline Cur cur_make(const void *p, size_t n)
{
    return (Cur){(const uint8_t *)p, (const uint8_t *)p + n, true};
}

static inline size_t cur_left(const Cur *c)
{
    return (size_t)(c->end - c->at);
}

void cur_fail(Cur *c); // leaves nothing to read

uint8_t cur_u8(Cur *c);
uint32_t cur_u32(Cur *c); // little-endian
uint64_t cur_u64(Cur *c);
uint64_t cur_varint(Cur *c); // LEB128, at most 64 bits
int64_t cur_svarint(Cur *c);

// A varint that must not exceed `max`: a count or an index.
uint64_t cur_count(Cur *c, uint64_t max);

// n bytes in place, NULL when they are not there.
const uint8_t *cur_bytes(Cur *c, size_t n);

// A varint length and that many bytes.
const uint8_t *cur_block(Cur *c, size_t *size);

#endif
