// The syntax of Scheme numbers, without values: one scanner for the compiler's reader and for
// string->number. R7RS section 7.1.1 without complex numbers.
#ifndef VM_BASE_NUMLEX_H
#define VM_BASE_NUMLEX_H

#include "vm/base/base.h"

typedef enum {
    NUMLEX_NONE,    // not the syntax of a number
    NUMLEX_INTEGER, // digits
    NUMLEX_RATIO,   // digits / denominator
    NUMLEX_DECIMAL, // digits . fraction e exponent (radix 10)
    NUMLEX_INF,     // +inf.0, -inf.0
    NUMLEX_NAN,     // +nan.0, -nan.0
} NumForm;

typedef struct {
    NumForm form;
    char exactness; // 'e', 'i' or 0 when no prefix said so
    bool negative;
    unsigned radix;
    const char *digits; // not NUL-terminated; may be empty in a DECIMAL such as .5
    size_t digit_count;
    const char *denominator; // RATIO
    size_t denominator_count;
    const char *fraction; // DECIMAL, after the point; may be empty
    size_t fraction_count;
    int64_t exponent; // DECIMAL; clamped to +-10^9
} NumLex;

// Scans all n bytes as one number in `radix` (2 to 36; a #b #o #d #x prefix overrides it).
NumForm numlex_scan(const char *text, size_t n, unsigned radix, NumLex *out);

// The value as an int64, when the token is exact, an integer and fits.
MUST_USE bool numlex_int64(const NumLex *x, int64_t *out);

// The value as the nearest double (ties to even), for every form; what inexact syntax denotes.
double numlex_double(const NumLex *x);

#endif
