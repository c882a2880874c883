// Numbers to text and back: the syntax, a million doubles of all bit patterns against strtod and
// snprintf, points half way between doubles, long inputs, and integers in all radixes against GMP.
#include "tests/unit/data/num_test.h"

#include "vm/base/ieee.h"
#include "vm/base/numlex.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// ---- the syntax -----------------------------------------------------------------------------

typedef struct {
    const char *text;
    unsigned radix;
    const char *expected; // printed in radix 10; "#f"
} SyntaxRow;

static const SyntaxRow syntax[] = {
    {"0", 10, "0"},
    {"-0", 10, "0"},
    {"+5", 10, "5"},
    {"-17", 10, "-17"},
    {"007", 10, "7"},
    {"1/2", 10, "1/2"},
    {"-1/2", 10, "-1/2"},
    {"+6/4", 10, "3/2"},
    {"6/3", 10, "2"},
    {"0/5", 10, "0"},
    {"1/0", 10, "#f"},
    {"0/0", 10, "#f"},
    {"#e1/0", 10, "#f"},
    {"#i1/0", 10, "+inf.0"},
    {"#i-1/0", 10, "-inf.0"},
    {"#i0/0", 10, "+nan.0"},
    {"1/-2", 10, "#f"},
    {"1/+2", 10, "#f"},
    {"1/2/3", 10, "#f"},
    {"1/", 10, "#f"},
    {"/2", 10, "#f"},
    {"1/2.5", 10, "#f"},
    {"1/2e3", 10, "#f"},
    {"1.5/2", 10, "#f"},
    {"1e3", 10, "1000.0"},
    {"1E3", 10, "1000.0"},
    {"1e+3", 10, "1000.0"},
    {"1e-3", 10, "0.001"},
    {"1.", 10, "1.0"},
    {".5", 10, "0.5"},
    {"-.5", 10, "-0.5"},
    {"+.5e1", 10, "5.0"},
    {"1.e2", 10, "100.0"},
    {"-0.0", 10, "-0.0"},
    {"-0e5", 10, "-0.0"},
    {"0e1000000000000000000000", 10, "0.0"},
    {"1e1000000000000000000000", 10, "+inf.0"},
    {"-1e1000000000000000000000", 10, "-inf.0"},
    {"1e-1000000000000000000000", 10, "0.0"},
    {"1e309", 10, "+inf.0"},
    {".", 10, "#f"},
    {"+.", 10, "#f"},
    {"-.", 10, "#f"},
    {"+", 10, "#f"},
    {"-", 10, "#f"},
    {"...", 10, "#f"},
    {"..5", 10, "#f"},
    {"1.2.3", 10, "#f"},
    {"1+", 10, "#f"},
    {"-i", 10, "#f"},
    {"+i", 10, "#f"},
    {"1+2i", 10, "#f"},
    {"1@2", 10, "#f"},
    {"--1", 10, "#f"},
    {"+-1", 10, "#f"},
    {"", 10, "#f"},
    {"e", 10, "#f"},
    {"e5", 10, "#f"},
    {".e5", 10, "#f"},
    {"1e", 10, "#f"},
    {"1e+", 10, "#f"},
    {"1e-", 10, "#f"},
    {"1e5.", 10, "#f"},
    {"1e1e1", 10, "#f"},
    {"1f3", 10, "#f"},
    {"1ea", 10, "#f"},
    {"1e1a", 10, "#f"},
    {"1.a", 10, "#f"},
    {"1.5a", 10, "#f"},
    {"1d3", 10, "#f"},
    {"1_000", 10, "#f"},
    {"1,000", 10, "#f"},
    {" 1", 10, "#f"},
    {"1 ", 10, "#f"},
    {"1x", 10, "#f"},
    {"\xc3\xa9", 10, "#f"},
    {"1\xff", 10, "#f"},
    {"1\x0e"
     "5",
     10, "#f"}, // a point, a plus sign, an e, digits but for one bit
    {"\x0b"
     "5",
     10, "#f"},
    {"1\x05"
     "5",
     10, "#f"},
    {"1\x10"
     "5",
     10, "#f"},
    {"1@5", 16, "#f"},
    {"1[5", 16, "#f"},
    {"+inf.0", 10, "+inf.0"},
    {"-inf.0", 10, "-inf.0"},
    {"+nan.0", 10, "+nan.0"},
    {"-nan.0", 10, "+nan.0"},
    {"+INF.0", 10, "+inf.0"},
    {"-NaN.0", 10, "+nan.0"},
    {"inf.0", 10, "#f"},
    {"nan.0", 10, "#f"},
    {"+inf", 10, "#f"},
    {"+inf.", 10, "#f"},
    {"+inf.00", 10, "#f"},
    {"+inf.0i", 10, "#f"},
    {"+inf.0e1", 10, "#f"},
    {"#i+inf.0", 10, "+inf.0"},
    {"#e+inf.0", 10, "#f"},
    {"#e-nan.0", 10, "#f"},
    {"#x+inf.0", 10, "+inf.0"},
    {"+inf.0", 16, "+inf.0"},
    {"#e1.5", 10, "3/2"},
    {"#e-1.25e-2", 10, "-1/80"},
    {"#e1.50e1", 10, "15"},
    {"#e1e20", 10, "100000000000000000000"},
    {"#e.5", 10, "1/2"},
    {"#e12345678901234567890.000000000000000000005e21", 10,
     "12345678901234567890000000000000000000005"},
    {"#e000.00000000000000000000000100000000000000000001e44", 10, "100000000000000000001"},
    {"#e0.00000000000000000000", 10, "0"},
    {"#e0.0e-5", 10, "0"},
    {"#e123", 10, "123"},
    {"#E1E2", 10, "100"},
    {"#i1/3", 10, "0.3333333333333333"},
    {"#i5", 10, "5.0"},
    {"#I-7", 10, "-7.0"},
    {"#i1.5", 10, "1.5"},
    {"#i#xff", 10, "255.0"},
    {"#x#iff", 10, "255.0"},
    {"#x#e-Ff", 10, "-255"},
    {"#e#x1/2", 10, "1/2"},
    {"#b101", 10, "5"},
    {"#B-101/11", 10, "-5/3"},
    {"#o17", 10, "15"},
    {"#d17", 16, "17"},
    {"#d1.5", 16, "1.5"},
    {"#X1F", 10, "31"},
    {"#x1e3", 10, "483"},
    {"1e3", 16, "483"},
    {"#x1.5", 10, "#f"},
    {"1.5", 16, "#f"},
    {".5", 8, "#f"},
    {"#b102", 10, "#f"},
    {"#b", 10, "#f"},
    {"#", 10, "#f"},
    {"#e", 10, "#f"},
    {"#q1", 10, "#f"},
    {"##x1", 10, "#f"},
    {"#x#x1", 10, "#f"},
    {"#x#d1", 10, "#f"},
    {"#e#i1", 10, "#f"},
    {"#e#e1", 10, "#f"},
    {"#e#x#e1", 10, "#f"},
    {"#x#e#b1", 10, "#f"},
    {"-#x1", 10, "#f"},
    {"#x", 10, "#f"},
    {"#x-", 10, "#f"},
    {"#xg", 10, "#f"},
    {"zZ", 36, "1295"},
    {"-z", 36, "-35"},
    {"z", 35, "#f"},
    {"12", 3, "5"},
    {"3", 3, "#f"},
    {"1152921504606846975", 10, "1152921504606846975"},
    {"1152921504606846976", 10, "1152921504606846976"},
    {"-1152921504606846976", 10, "-1152921504606846976"},
    {"18446744073709551615", 10, "18446744073709551615"},
    {"18446744073709551616", 10, "18446744073709551616"},
    {"#x-ffffffffffffffffffffffff", 10, "-79228162514264337593543950335"},
    {"000000000000000000000000000000000000000000012", 10, "12"},
    {"18446744073709551616/36893488147419103232", 10, "1/2"},
    {"9007199254740993.", 10, "9007199254740992.0"},
    {"9007199254740993.00000000000000000000000000001", 10, "9007199254740994.0"},
    {"9007199254740995.", 10, "9007199254740996.0"},
    {"#i9007199254740993", 10, "9007199254740992.0"},
    {"#i#x20000000000001", 10, "9007199254740992.0"},
    {"#i#x20000000000003", 10, "9007199254740996.0"},
    {"#i27021597764222979/3", 10, "9007199254740992.0"},
    {"#i27021597764222980/3", 10, "9007199254740994.0"},
    // Beside a half by less than 1e-22, the sides of the comparison on either side of 10^38.
    {"#i100000000000000000000000000000000000000/11102230246251564171641", 10, "9007199254740994.0"},
    {"#i99999999999999999999999999999999999999/11102230246251564171642", 10, "9007199254740992.0"},
    {"#i5/100000000000000000000000000", 10, "5e-26"},
    {"#i0/100000000000000000000000000", 10, "0.0"},
    {"#i100000000000000000000000000/0", 10, "+inf.0"},
    {"5e-324", 10, "5e-324"},
    {"2.4703282292062327e-324", 10, "0.0"},
    {"2.4703282292062328e-324", 10, "5e-324"},
    {"2.2250738585072011e-308", 10, "2.225073858507201e-308"},
    {"2.2250738585072014e-308", 10, "2.2250738585072014e-308"},
    {"1.7976931348623157e308", 10, "1.7976931348623157e308"},
    {"1.7976931348623158e308", 10, "1.7976931348623157e308"},
    {"1.7976931348623159e308", 10, "+inf.0"},
    {"1e23", 10, "1e23"},
    {"8.5e22", 10, "8.5e22"},
    {"123456789012345678901234567890e-30", 10, "0.12345678901234568"},
    {"0.000000000000000000000000000000000000001e39", 10, "1.0"},
};

static void run_syntax(NumTest *t)
{
    for (size_t i = 0; i < countof(syntax); i++) {
        const SyntaxRow *r = &syntax[i];
        // From memory of just that size: a sanitizer sees a step beyond.
        size_t n = strlen(r->text);
        char *copy = malloc(n ? n : 1);
        memcpy(copy, r->text, n);
        Value v = num_read(&t->heap.heap, copy, n, r->radix);
        const char *got = test_text(v, 10);
        EXPECT(strcmp(got, r->expected) == 0, "\"%s\" in radix %u reads as %s, not %s", r->text,
               r->radix, got, r->expected);
        EXPECT(t->heap.scratch.root_count == 0, "\"%s\" leaves roots", r->text);
        free(copy);
    }
    static const char nul[] = "1\0"
                              "2";
    EXPECT(value_is(num_read(&t->heap.heap, nul, 3, 10), V_FALSE), "a zero byte is no digit");
}

static void test_int64(void)
{
    static const struct {
        const char *text;
        bool is_int;
        int64_t n;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999999", false, 0},
        {"#x-8000000000000000", true, INT64_MIN},
        {"#i5", false, 0},
        {"5.", false, 0},
        {"#e5.", true, 5},
        {"#e1.5e1", true, 15},
        {"#e-1500e-2", true, -15},
        {"#e15.00e-1", false, 0},
        {"#e150.00e-1", true, 15},
        {"#e0.000e99", true, 0},
        {"#e1e18", true, 1000000000000000000},
        {"#e1e19", false, 0},
        {"#e99e18", false, 0},
        {"#e1e999999999999", false, 0},
        {"4/2", true, 2},
        {"-4/2", true, -2},
        {"1/2", false, 0},
        {"1/0", false, 0},
        {"5/99999999999999999999", false, 0},
        {"99999999999999999999/5", false, 0},
        {"+inf.0", false, 0},
        {"abc", false, 0},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        NumLex x;
        int64_t n = 0;
        numlex_scan(cases[i].text, strlen(cases[i].text), 10, &x);
        bool is_int = numlex_int64(&x, &n);
        EXPECT(is_int == cases[i].is_int && n == cases[i].n, "numlex_int64 of %s: %d, %lld",
               cases[i].text, is_int, (long long)n);
    }
}

static void test_limits(NumTest *t)
{
    static const char *const refused[] = {
        "#e1e1000000000",           "#e1e-1000000000",
        "#e1e99999999999999",       "#e-1.5e-99999999999999",
        "#e123456789e999999999999", "#e99999999999999999999999999999999e999999999999"};
    for (size_t i = 0; i < countof(refused); i++) {
        Value v = num_read(&t->heap.heap, refused[i], strlen(refused[i]), 10);
        EXPECT(value_is(v, V_FAIL) && t->heap.scratch.fault.kind == ERR_HEAP_LIMIT,
               "%s is not refused", refused[i]);
        EXPECT(t->heap.scratch.root_count == 0, "%s leaves roots", refused[i]);
    }
}

// ---- doubles: reading -----------------------------------------------------------------------

static double read_double(const char *text, size_t n, unsigned radix)
{
    NumLex x;
    if (numlex_scan(text, n, radix, &x) == NUMLEX_NONE) return -12345.678;
    return numlex_double(&x);
}

static void expect_double(const char *text, double expected)
{
    double d = read_double(text, strlen(text), 10);
    EXPECT(ieee_bits(d) == ieee_bits(expected), "%.100s reads as %.17g, not %.17g", text, d,
           expected);
}

// Random digits with random exponents, of which strtod knows the value.
static void test_random_decimals(NumTest *t)
{
    char text[1000];

    for (uint64_t i = test_count(t, 200000); i > 0; i--) {
        size_t digits = 1 + rng_below(&t->rng, i % 64 == 0 ? 800 : 25);
        size_t point = rng_below(&t->rng, digits + 1), n = 0;
        for (size_t j = 0; j < digits; j++) {
            if (j == point) text[n++] = '.';
            text[n++] = (char)('0' + rng_below(&t->rng, 10));
        }
        int range = i % 2 ? 30 : 700;
        snprintf(text + n, sizeof text - n, "e%d",
                 (int)rng_below(&t->rng, (uint64_t)range) - range / 2);
        expect_double(text, strtod(text, NULL));
    }
}

// Points half way between two doubles, with all their digits, and numbers a bit beside them.
static void test_halves(NumTest *t)
{
    char text[1200];
    mpz_t n;

    mpz_init(n);
    for (uint64_t i = test_count(t, 3000); i > 0; i--) {
        double d = fabs(test_random_double(t));
        if (i % 2) d = ldexp(frexp(d, &(int){0}), (int)rng_below(&t->rng, 200) - 100);
        if (i % 16 == 0) d = ldexp(1, (int)rng_below(&t->rng, 2098) - 1074);
        if (i % 64 == 0) d = ieee_from_bits(IEEE_INFINITY - 1);
        IeeeParts parts = ieee_split(d);
        double up = ieee_from_bits(ieee_bits(d) + 1);
        double even = ieee_bits(d) & 1 ? up : d;
        int exponent = parts.exponent - 1; // (2m + 1) * 2^exponent
        mpz_set_ui(n, 2 * parts.mantissa + 1);
        if (exponent >= 0) {
            mpz_mul_2exp(n, n, (mp_bitcnt_t)exponent);
            exponent = 0;
        } else { // 2^-e = 5^e * 10^-e
            mpz_t five;
            mpz_init(five);
            mpz_ui_pow_ui(five, 5, (unsigned long)-exponent);
            mpz_mul(n, n, five);
            mpz_clear(five);
        }
        gmp_snprintf(text, sizeof text, "%Zde%d", n, exponent);
        expect_double(text, even);
        gmp_snprintf(text, sizeof text, "%Zd.00000000000000000000000000000000001e%d", n, exponent);
        expect_double(text, up);
        mpz_sub_ui(n, n, 1);
        gmp_snprintf(text, sizeof text, "%Zd.99999999999999999999999999999999999e%d", n, exponent);
        expect_double(text, d);
    }
    mpz_clear(n);
}

// Integers and quotients in any radix, near halves too; num_to_double of the exact value is tested
// elsewhere, but shares no code beyond ieee.h with numlex_double.
static void test_radix_doubles(NumTest *t)
{
    mpq_t q;
    char *text = malloc(40000);

    mpq_init(q);
    for (uint64_t i = test_count(t, 20000); i > 0; i--) {
        int radix = 2 + (int)rng_below(&t->rng, 35);
        double d = ldexp(test_random_double(t), 0);
        if (i % 4) d = ldexp(frexp(d, &(int){0}), (int)rng_below(&t->rng, 300) - 100);
        mpq_set_d(q, d);
        if (i % 2) { // half a unit more, and a little beside
            IeeeParts parts = ieee_split(d);
            mpq_set_d(q, ldexp((double)parts.mantissa, 0));
            mpz_mul_2exp(mpq_numref(q), mpq_numref(q), 1);
            mpz_add_ui(mpq_numref(q), mpq_numref(q), 1);
            if (parts.exponent > 0) mpq_mul_2exp(q, q, (mp_bitcnt_t)parts.exponent - 1);
            if (parts.exponent <= 0) mpq_div_2exp(q, q, (mp_bitcnt_t)(1 - parts.exponent));
            if (i % 3 == 0) {
                mpz_mul_2exp(mpq_numref(q), mpq_numref(q), 90);
                mpz_mul_2exp(mpq_denref(q), mpq_denref(q), 90);
                mpz_add_ui(mpq_numref(q), mpq_numref(q), 1);
                if (i % 5 < 2) mpz_sub_ui(mpq_numref(q), mpq_numref(q), 2);
            }
        }
        if (i % 7 == 0) mpz_set_ui(mpq_denref(q), 1);
        char *end = text + strlen(mpz_get_str(text, radix, mpq_numref(q)));
        if (mpz_cmp_ui(mpq_denref(q), 1) != 0) {
            *end++ = '/';
            end += strlen(mpz_get_str(end, radix, mpq_denref(q)));
        }
        double got = read_double(text, (size_t)(end - text), (unsigned)radix);
        EXPECT(test_is_nearest(got, q), "%.200s in radix %d reads as %.17g", text, radix, got);
    }
    mpq_clear(q);
    free(text);
}

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// Least time of a few to read n digits of which only the last one tells the direction from a half.
static double time_to_read(char *text, size_t n)
{
    double least = 1e9;

    memset(text, '0', n);
    memcpy(text, "9007199254740993.", 17);
    text[n - 1] = '1';
    for (int i = 0; i < 3; i++) {
        double start = cpu_seconds();
        double d = read_double(text, n, 10);
        least = MIN(least, cpu_seconds() - start);
        EXPECT(d == 9007199254740994.0, "%zu digits read as %.17g", n, d);
    }
    return least;
}

// Sixteen times the digits: quadratic work would take 256 times as long.
static void test_linear_time(void)
{
    size_t n = 800000;
    char *text = malloc(n);
    double little = time_to_read(text, n / 16), much = time_to_read(text, n);

    EXPECT(much < 64 * little, "%zu digits take %.6f s, %zu take %.6f s", n / 16, little, n, much);
    free(text);
}

// 100,000 digits and more, of kinds that the estimate cannot decide.
static void test_long_input(void)
{
    size_t n = 400000;
    char *text = malloc(2 * n + 100);

    memset(text, '0', n);
    memcpy(text, "9007199254740993.", 17);
    text[n] = 0;
    expect_double(text, 9007199254740992.0);
    text[n - 1] = '1';
    expect_double(text, 9007199254740994.0);
    memset(text, '0', n);
    memcpy(text + n, "9007199254740993e-0", 20);
    expect_double(text, 9007199254740992.0);
    memset(text, '9', n);
    memcpy(text + n, "e-399999", 9);
    expect_double(text, 10.0);
    text[0] = '.';
    memcpy(text + n, "e0", 3);
    expect_double(text, 1.0);
    memset(text, '0', n);
    memcpy(text, "0.", 2);
    memcpy(text + n, "1e400000", 9);
    expect_double(text, 10.0);
    memcpy(text + n, "1", 2);
    expect_double(text, 0.0);
    memset(text, '7', n);
    text[n] = 0;
    expect_double(text, HUGE_VAL);
    // 9007199254740993 0...01 / 1 0...0
    memset(text, '0', 2 * n);
    memcpy(text, "9007199254740993", 16);
    text[n - 1] = '1';
    text[n] = '/';
    text[n + 1] = '1';
    text[2 * n - 14] = 0;
    double d = read_double(text, 2 * n - 14, 10);
    EXPECT(d == 9007199254740994.0, "a long quotient reads as %.17g", d);
    text[n - 1] = '0';
    d = read_double(text, 2 * n - 14, 10);
    EXPECT(d == 9007199254740992.0, "a long quotient reads as %.17g", d);
    free(text);
}

void test_reading(NumTest *t)
{
    run_syntax(t);
    test_int64();
    test_limits(t);
    test_random_decimals(t);
    test_halves(t);
    test_radix_doubles(t);
    test_long_input();
    test_linear_time();
}

// ---- doubles: printing ----------------------------------------------------------------------

static const char *print_double(double d, unsigned radix)
{
    static Buf b;
    static Value words[2];

    words[0].bits = header_make(KIND_FLONUM, 1);
    words[1].bits = ieee_bits(d);
    buf_clear(&b);
    num_print(&b, value_from_words(words, TAG_FLO), radix);
    return buf_cstr(&b);
}

static void test_formats(void)
{
    static const struct {
        double d;
        unsigned radix;
        const char *expected;
    } cases[] = {
        {0.1, 10, "0.1"},
        {100, 10, "100.0"},
        {-2.5, 10, "-2.5"},
        {0, 10, "0.0"},
        {-0.0, 10, "-0.0"},
        {1e21, 10, "1e21"},
        {1e20, 10, "100000000000000000000.0"},
        {123456789012345680000.0, 10, "123456789012345680000.0"},
        {1.5e-7, 10, "1.5e-7"},
        {1e-7, 10, "1e-7"},
        {1e-6, 10, "0.000001"},
        {1.25e-6, 10, "0.00000125"},
        {1e100, 10, "1e100"},
        {1.2345e-10, 10, "1.2345e-10"},
        {-1.2345e-300, 10, "-1.2345e-300"},
        {123456.789, 10, "123456.789"},
        {5e-324, 10, "5e-324"},
        {1e-323, 10, "1e-323"},
        {2.2250738585072011e-308, 10, "2.225073858507201e-308"},
        {2.2250738585072014e-308, 10, "2.2250738585072014e-308"},
        {1.7976931348623157e308, 10, "1.7976931348623157e308"},
        {9007199254740992.0, 10, "9007199254740992.0"},
        {9007199254740994.0, 10, "9007199254740994.0"},
        {9007199254740991.0, 10, "9007199254740991.0"},
        {1e23, 10, "1e23"},
        {9.5367431640625e-7, 10, "9.5367431640625e-7"},
        {5.684341886080802e-14, 10, "5.684341886080802e-14"}, // 2^-44
        {9.007199254740993e22, 10, "9.007199254740994e22"},
        {2e-44, 10, "2e-44"},
        {4.8726570057e288, 10, "4.8726570057e288"},
        {0.3, 10, "0.3"},
        {2.0 / 3, 10, "0.6666666666666666"},
        {HUGE_VAL, 10, "+inf.0"},
        {-HUGE_VAL, 2, "-inf.0"},
        {(double)NAN, 10, "+nan.0"},
        {-(double)NAN, 16, "+nan.0"},
        {0, 2, "0.0"},
        {-0.0, 2, "-0.0"},
        {0.5, 2, "0.1"},
        {-5.75, 2, "-101.11"},
        {255.5, 16, "ff.8"},
        {1.0 / 3, 16, "0.55555555555554"},
        {0.1, 8, "0.0631463146314631464"},
        {7, 7, "10.0"},
        {0.5, 6, "0.3"},
        {1e22, 36, "1mmfb877tu0o6ps.0"},
        {36, 36, "10.0"},
        {1.0 / 3, 3, "0.1"},
        {2.0 / 3, 3, "0.2"},
        {3.5, 3, "10.111111111111111111111111111111112"},
        {1048576.0, 2, "100000000000000000000.0"},
        {0.25, 4, "0.1"},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        const char *got = print_double(cases[i].d, cases[i].radix);
        EXPECT(strcmp(got, cases[i].expected) == 0, "%.17g in radix %u prints as %s, not %s",
               cases[i].d, cases[i].radix, got, cases[i].expected);
    }
}

// The digits of a printed double without sign, point, exponent and outer zeros.
static int significant_digits(const char *text, char out[64])
{
    int n = 0;
    for (; *text && *text != 'e'; text++) {
        if (*text >= '0' && *text <= '9' && (n > 0 || *text != '0')) out[n++] = *text;
    }
    while (n > 0 && out[n - 1] == '0') {
        n--;
    }
    out[n] = 0;
    return n;
}

// The nearest decimal of n digits, or the ones beside it, if one reads as d; *out gets the nearest
// of those.
static bool has_decimal(double d, int n, char out[64])
{
    char text[64], next[64];

    snprintf(text, sizeof text, "%.*e", n - 1, d);
    if (strtod(text, NULL) == d) {
        significant_digits(text, out);
        return true;
    }
    // Only below a power of two is the interval so uneven that a neighbour can be inside.
    if (ieee_bits(d) << 12) return false;
    for (int step = -1; step <= 1; step += 2) {
        mpz_t digits;
        char *exponent = strchr(text, 'e');
        char plain[64];
        int count = 0;
        for (char *p = text; p < exponent; p++) {
            if (*p != '.') plain[count++] = *p;
        }
        plain[count] = 0;
        mpz_init_set_str(digits, plain, 10);
        mpz_add_ui(digits, digits, 1);
        if (step < 0) mpz_sub_ui(digits, digits, 2);
        gmp_snprintf(next, sizeof next, "%Zde%d", digits, atoi(exponent + 1) - (n - 1));
        mpz_clear(digits);
        if (strtod(next, NULL) == d) {
            significant_digits(next, out);
            return true;
        }
    }
    return false;
}

static void check_print(double d)
{
    char digits[64], nearest[64];
    const char *text = print_double(d, 10);
    size_t length = strlen(text);
    double ours = read_double(text, length, 10);

    EXPECT(strtod(text, NULL) == d, "%.17g prints as %s", d, text);
    EXPECT(ieee_bits(ours) == ieee_bits(d), "%s reads as %.17g", text, ours);
    EXPECT(strpbrk(text, ".e") != NULL, "%.17g prints as %s", d, text);
    if (d == 0) return;
    double magnitude = fabs(d);
    int n = significant_digits(text, digits);
    EXPECT(n <= 17 && (n == 1 || !has_decimal(magnitude, n - 1, nearest)),
           "%.17g prints as %s, but there is a shorter %s", d, text, nearest);
    has_decimal(magnitude, n, nearest);
    EXPECT(strcmp(digits, nearest) == 0, "%.17g prints as %s, but %s is nearer", d, text, nearest);
}

void test_printing(NumTest *t)
{
    test_formats();
    for (int e = -1074; e < 1024; e++) {
        check_print(ldexp(1, e));
        check_print(nextafter(ldexp(1, e), 0));
        check_print(nextafter(ldexp(1, e), HUGE_VAL));
    }
    for (int e = -323; e <= 308; e++) {
        char text[20];
        snprintf(text, sizeof text, "1e%d", e);
        double d = strtod(text, NULL);
        check_print(d);
        check_print(nextafter(d, 0));
        check_print(nextafter(d, HUGE_VAL));
    }
    for (uint64_t i = test_count(t, 1000000); i > 0; i--) {
        double d = ieee_from_bits(rng_next(&t->rng));
        if (i % 16 == 0) d = (double)rng_below(&t->rng, (uint64_t)1 << (i % 64)) / 1000;
        if (i % 16 == 1) d = ieee_from_bits(rng_next(&t->rng) >> (12 + i / 16 % 52)); // subnormal
        if (ieee_is_finite(d)) check_print(d);
    }
}

// ---- integers and fractions of doubles in all radixes ------------------------------------------

static void check_radix_text(NumTest *t, mpz_srcptr n, unsigned radix)
{
    Value *v = &t->heap.frame[0];
    char *expected = mpz_get_str(NULL, (int)radix, n);

    *v = test_value_of(t, n);
    const char *text = test_text(*v, radix);
    EXPECT(strcmp(text, expected) == 0, "%.60s in radix %u prints as %.60s", expected, radix, text);
    Value back = num_read(&t->heap.heap, expected, strlen(expected), radix);
    EXPECT(num_eqv(back, *v), "%.60s in radix %u reads as %.60s", expected, radix,
           test_text(back, radix));
    free(expected);
}

// An even radix gives the exact value: read back as digits / radix^n it is the double. An odd one
// gives a number that rounds to the double, and no other of as many digits is nearer.
static void check_flonum_radix(double d, unsigned radix)
{
    static char digits[3000];
    const char *text = print_double(d, radix);
    const char *point = strchr(text, '.');
    size_t n = 0;
    mpq_t q, exact;

    for (const char *p = text; *p; p++) {
        if (*p != '.') digits[n++] = *p;
    }
    digits[n] = 0;
    mpq_inits(q, exact, NULL);
    mpq_set_d(exact, d);
    mpz_set_str(mpq_numref(q), digits, (int)radix);
    mpz_ui_pow_ui(mpq_denref(q), radix, strlen(point + 1));
    mpq_canonicalize(q);
    if (radix % 2 == 0) {
        EXPECT(mpq_equal(q, exact), "%.17g in radix %u prints as %.80s", d, radix, text);
    } else {
        EXPECT(test_is_nearest(d, q), "%.17g in radix %u prints as %.80s", d, radix, text);
        mpq_sub(q, q, exact);
        mpq_abs(q, q);
        mpz_mul_ui(mpq_numref(q), mpq_numref(q), 2);
        mpz_set_ui(mpq_numref(exact), 1);
        mpz_ui_pow_ui(mpq_denref(exact), radix, strlen(point + 1));
        mpq_canonicalize(q);
        EXPECT(mpq_cmp(q, exact) <= 0, "%.17g in radix %u prints as %.80s", d, radix, text);
    }
    mpq_clears(q, exact, NULL);
}

void test_text_of_ints(NumTest *t)
{
    mpz_t n;

    mpz_init(n);
    for (uint64_t i = test_count(t, 20000); i > 0; i--) {
        unsigned radix = 2 + (unsigned)rng_below(&t->rng, 35);
        test_random_int(t, n, i % 16 == 0 ? 200 : 5);
        check_radix_text(t, n, radix);
        check_radix_text(t, n, 10);
        if (radix == 10) continue;
        if (i % 16 == 0) check_flonum_radix(test_random_double(t), radix);
        if (i % 16 == 0) check_flonum_radix(ldexp(1, (int)rng_below(&t->rng, 2098) - 1074), radix);
        if (i % 16 == 0) check_flonum_radix((double)rng_below(&t->rng, 1 << 20) / 64, radix);
    }
    // Many limbs in all radixes.
    mpz_ui_pow_ui(n, 10, 30000);
    mpz_add_ui(n, n, 1);
    for (unsigned radix = 2; radix <= 36; radix++) {
        check_radix_text(t, n, radix);
    }
    mpz_clear(n);
}
