// Digits of numbers in text, in any radix from 2 to 36.
#ifndef VM_BASE_DIGITS_H
#define VM_BASE_DIGITS_H

#include "vm/base/base.h"

// 0 to 35; 255 for what is no digit in any radix.
static inline unsigned digit_value(char c)
{
    unsigned byte = (unsigned char)c;
    if (byte - '0' < 10) return byte - '0';
    unsigned letter = (byte | 32) - 'a';
    return letter < 26 ? letter + 10 : 255;
}

// Appends digits to *n; false, and *n as it was, when the result does not fit.
MUST_USE static inline bool digits_append(uint64_t *n, const char *digits, size_t count,
                                          unsigned radix)
{
    uint64_t sum = *n;

    for (size_t i = 0; i < count; i++) {
        if (__builtin_mul_overflow(sum, radix, &sum)) return false;
        if (__builtin_add_overflow(sum, digit_value(digits[i]), &sum)) return false;
    }
    *n = sum;
    return true;
}

#endif
