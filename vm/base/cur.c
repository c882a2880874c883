// See cur.h.
#include "vm/base/cur.h"

#include <string.h>

void cur_fail(Cur *c)
{
    c->ok = false;
    c->at = c->end;
}

const uint8_t *cur_bytes(Cur *c, size_t n)
{
    if (n > cur_left(c)) {
        cur_fail(c);
        return NULL;
    }
    const uint8_t *p = c->at;
    c->at += n;
    return p;
}

uint8_t cur_u8(Cur *c)
{
    const uint8_t *p = cur_bytes(c, 1);
    return p ? *p : 0;
}

uint32_t cur_u32(Cur *c)
{
    uint32_t v = 0;
    const uint8_t *p = cur_bytes(c, sizeof v);
    if (p) memcpy(&v, p, sizeof v);
    return v;
}

uint64_t cur_u64(Cur *c)
{
    uint64_t v = 0;
    const uint8_t *p = cur_bytes(c, sizeof v);
    if (p) memcpy(&v, p, sizeof v);
    return v;
}

uint64_t cur_varint(Cur *c)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cur_u8(c);
        if (shift == 63 && byte > 1) break;
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) return v;
    }
    cur_fail(c);
    return 0;
}

int64_t cur_svarint(Cur *c)
{
    uint64_t v = cur_varint(c);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

uint64_t cur_count(Cur *c, uint64_t max)
{
    uint64_t v = cur_varint(c);
    if (v <= max) return v;
    cur_fail(c);
    return 0;
}

const uint8_t *cur_block(Cur *c, size_t *size)
{
    *size = (size_t)cur_count(c, cur_left(c));
    const uint8_t *p = c->ok ? cur_bytes(c, *size) : NULL;
    if (!p) *size = 0;
    return p;
}
