// Writes vm/base/pow10.c: powers of ten cut to their leading 128 bits, by exact arithmetic on
// arrays of 32-bit digits. Run once; the result is committed:
//
//   cc -I. -o /tmp/pow10_table tools/dev/pow10_table.c && /tmp/pow10_table > vm/base/pow10.c
//
// Powers from zero up: 1 multiplied by ten again and again, exactly. Powers below zero: 2^N divided
// by ten again and again; as floor(floor(x / 10) / 10) = floor(x / 100) each quotient is the exact
// floor of 2^N / 10^k, and N is large enough to leave 128 bits of the last one.
#include "vm/base/pow10.h"

#include <stdio.h>
#include <string.h>

enum { DIGITS = 48, TOP_BIT = 32 * (DIGITS - 1) }; // 2^1504 / 10^342 still has 367 bits

static void times_ten(uint32_t *x)
{
    uint64_t carry = 0;
    for (int i = 0; i < DIGITS; i++) {
        carry += (uint64_t)x[i] * 10;
        x[i] = (uint32_t)carry;
        carry >>= 32;
    }
}

static void divide_by_ten(uint32_t *x)
{
    uint64_t rest = 0;
    for (int i = DIGITS - 1; i >= 0; i--) {
        rest = rest << 32 | x[i];
        x[i] = (uint32_t)(rest / 10);
        rest %= 10;
    }
}

static int bit_length(const uint32_t *x)
{
    int i = DIGITS - 1;
    while (i > 0 && x[i] == 0) {
        i--;
    }
    return 32 * i + 32 - __builtin_clz(x[i]);
}

static uint64_t bits_from(const uint32_t *x, int low) // 64 bits; those below bit 0 are zero
{
    uint64_t bits = 0;
    for (int i = 63; i >= 0; i--) {
        int at = low + i;
        bits = bits << 1 | (at < 0 ? 0 : x[at / 32] >> (at % 32) & 1);
    }
    return bits;
}

// Fails when pow10_log2 does not agree with the number: x = 10^k * 2^scale.
static int print_row(const uint32_t *x, int k, int scale)
{
    int length = bit_length(x);
    if (length - 1 - scale != pow10_log2(k)) {
        fprintf(stderr, "pow10_log2(%d) is wrong\n", k);
        return 1;
    }
    printf("    {0x%016llx, 0x%016llx}, // %d\n", (unsigned long long)bits_from(x, length - 64),
           (unsigned long long)bits_from(x, length - 128), k);
    return 0;
}

int main(void)
{
    static uint32_t negative[-POW10_MIN + 1][DIGITS];
    uint32_t x[DIGITS] = {0};
    int failed = 0;

    printf("// See pow10.h. Written by tools/dev/pow10_table.c, by exact arithmetic.\n"
           "#include \"vm/base/pow10.h\"\n\n"
           "// clang-format off\n"
           "const Pow10 pow10_table[POW10_MAX - POW10_MIN + 1] = {\n");
    x[DIGITS - 1] = 1;
    for (int k = 1; k <= -POW10_MIN; k++) {
        divide_by_ten(x);
        memcpy(negative[k], x, sizeof x);
    }
    for (int k = POW10_MIN; k < 0; k++) {
        failed |= print_row(negative[-k], k, TOP_BIT);
    }
    memset(x, 0, sizeof x);
    x[0] = 1;
    for (int k = 0; k <= POW10_MAX; k++) {
        failed |= print_row(x, k, 0);
        times_ten(x);
    }
    printf("};\n// clang-format on\n");
    return failed;
}
