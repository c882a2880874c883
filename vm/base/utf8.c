// See utf8.h. The byte ranges are table 3-7 of the Unicode standard.
#include "vm/base/utf8.h"

#include <string.h>

size_t utf8_encode(uint8_t out[4], uint32_t scalar)
{
    if (scalar < 0x80) {
        out[0] = (uint8_t)scalar;
        return 1;
    }
    if (scalar < 0x800) {
        out[0] = (uint8_t)(0xC0 | scalar >> 6);
        out[1] = (uint8_t)(0x80 | (scalar & 0x3F));
        return 2;
    }
    if (scalar < 0x10000) {
        out[0] = (uint8_t)(0xE0 | scalar >> 12);
        out[1] = (uint8_t)(0x80 | (scalar >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (scalar & 0x3F));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | scalar >> 18);
    out[1] = (uint8_t)(0x80 | (scalar >> 12 & 0x3F));
    out[2] = (uint8_t)(0x80 | (scalar >> 6 & 0x3F));
    out[3] = (uint8_t)(0x80 | (scalar & 0x3F));
    return 4;
}

uint32_t utf8_decode(const uint8_t **p, const uint8_t *end)
{
    const uint8_t *s = *p;
    uint8_t lead = *s++;
    uint8_t low = 0x80, high = 0xBF;
    unsigned more;
    uint32_t c;

    *p = s;
    if (lead < 0x80) return lead;
    if (lead >= 0xC2 && lead <= 0xDF) {
        more = 1;
        c = lead & 0x1F;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        more = 2;
        c = lead & 0x0F;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        more = 3;
        c = lead & 0x07;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return UTF8_INVALID;
    }
    for (; more > 0; more--) {
        if (s == end || *s < low || *s > high) {
            *p = s;
            return UTF8_INVALID;
        }
        c = c << 6 | (*s++ & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    *p = s;
    return c;
}

bool utf8_is_ascii(const uint8_t *p, size_t n)
{
    uint64_t seen = 0;
    size_t i = 0;

    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        seen |= word;
    }
    for (; i < n; i++) {
        seen |= (uint64_t)p[i];
    }
    return (seen & 0x8080808080808080u) == 0;
}

size_t utf8_validate(const uint8_t *p, size_t n)
{
    const uint8_t *s = p, *end = p + n;

    while (s < end) {
        const uint8_t *at = s;
        if (*s < 0x80) {
            s++;
        } else if (utf8_decode(&s, end) == UTF8_INVALID) {
            return (size_t)(at - p);
        }
    }
    return n;
}

size_t utf8_count(const uint8_t *p, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++) {
        count += (p[i] & 0xC0) != 0x80;
    }
    return count;
}
