// Powers of ten to 128 bits, for printing and reading doubles.
#ifndef VM_BASE_POW10_H
#define VM_BASE_POW10_H

#include "vm/base/base.h"

// 10^k = (high * 2^64 + low + rest) * 2^(pow10_log2(k) - 127) with 0 <= rest < 1; the top bit of
// `high` is set. The rest is zero for 0 <= k <= POW10_EXACT_MAX.
typedef struct {
    uint64_t high, low;
} Pow10;

#define POW10_MIN       (-342)
#define POW10_MAX       324
#define POW10_EXACT_MAX 55

extern const Pow10 pow10_table[POW10_MAX - POW10_MIN + 1];

static inline Pow10 pow10_get(int k)
{
    return pow10_table[k - POW10_MIN];
}

// floor(log2(10^k)), from the first bits of log2(10); right for |k| <= 1233.
static inline int pow10_log2(int k)
{
    return (k * 1741647) >> 19;
}

#endif
