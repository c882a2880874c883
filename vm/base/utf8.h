// UTF-8 without Unicode tables: encode, decode, validate, count. Scalar values only: surrogates,
// overlong forms and values above U+10FFFF are invalid.
#ifndef VM_BASE_UTF8_H
#define VM_BASE_UTF8_H

#include "vm/base/base.h"

#define UTF8_INVALID 0xFFFFFFFFu

static inline bool utf8_is_scalar(uint64_t c)
{
    return c < 0xD800 || (c >= 0xE000 && c <= 0x10FFFF);
}

// Writes 1 to 4 bytes, returns how many. `scalar` must be one.
size_t utf8_encode(uint8_t out[4], uint32_t scalar);

static inline size_t utf8_length(uint32_t scalar)
{
    return scalar < 0x80 ? 1 : scalar < 0x800 ? 2 : scalar < 0x10000 ? 3 : 4;
}

// Decodes the scalar at *p (p < end) and moves past it. On an invalid sequence: UTF8_INVALID, and
// *p moves past the longest part of it that could have begun a scalar (at least one byte), which
// is what Unicode recommends to replace with one U+FFFD.
uint32_t utf8_decode(const uint8_t **p, const uint8_t *end);

// Offset of the first invalid byte, or n when all of it is valid.
size_t utf8_validate(const uint8_t *p, size_t n);

// Number of scalars in valid UTF-8.
size_t utf8_count(const uint8_t *p, size_t n);

// True when no byte has its top bit set.
bool utf8_is_ascii(const uint8_t *p, size_t n);

#endif
