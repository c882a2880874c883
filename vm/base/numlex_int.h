// Digits, for those who take a scanned number apart: numlex_double.c and vm/data/num_read.c.
#ifndef VM_BASE_NUMLEX_INT_H
#define VM_BASE_NUMLEX_INT_H

#include "vm/base/base.h"

// 0 to 35; 255 for what is no digit in any radix.
static inline unsigned numlex_digit(char c)
{
    unsigned byte = (unsigned char)c;
    if (byte - '0' < 10) return byte - '0';
    unsigned letter = (byte | 32) - 'a';
    return letter < 26 ? letter + 10 : 255;
}

// *n = *n with the digits appended; false, and *n as it was, when it does not fit.
MUST_USE bool numlex_add_digits(uint64_t *n, const char *digits, size_t count, unsigned radix);

#endif
