// Shared by the parts of the test of the numeric tower (num_test.c has main).
#ifndef TESTS_UNIT_DATA_NUM_TEST_H
#define TESTS_UNIT_DATA_NUM_TEST_H

#include "tests/unit/data/heap_double.h"
#include "vm/base/buf.h"
#include "vm/base/rng.h"
#include "vm/data/num.h"

#include <gmp.h>

typedef struct {
    HeapDouble heap;
    Rng rng;
    uint64_t scale; // percent of the usual number of random cases
} NumTest;

extern uint64_t test_passed, test_failed;

// One line per failure; a flood is cut off.
void test_report(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define EXPECT(cond, ...)                                                                          \
    do {                                                                                           \
        if (cond) {                                                                                \
            test_passed++;                                                                         \
        } else {                                                                                   \
            test_report(__FILE__, __LINE__, __VA_ARGS__);                                          \
        }                                                                                          \
    } while (0)

static inline uint64_t test_count(const NumTest *t, uint64_t usual)
{
    return MAX(usual * t->scale / 100, 1);
}

// A number from text, which must be one; prints v into one of a few static buffers.
Value test_number(NumTest *t, const char *text);
const char *test_text(Value v, unsigned radix);

// Between values and GMP. test_int_of checks that the value is canonical.
Value test_value_of(NumTest *t, mpz_srcptr z);
Value test_ratio_of(NumTest *t, mpq_srcptr q);
bool test_int_of(mpz_ptr z, Value v);
bool test_rational_of(mpq_ptr q, Value v);
bool test_is_nearest(double d, mpq_srcptr q); // is d what q rounds to
void test_random_int(NumTest *t, mpz_ptr z, size_t limbs_max);
double test_random_double(NumTest *t);

void test_ints(NumTest *t);         // num_test_int.c
void test_ratios(NumTest *t);       // num_test_ratio.c
void test_flonums(NumTest *t);      // num_test_ratio.c
void test_reading(NumTest *t);      // num_test_text.c
void test_printing(NumTest *t);     // num_test_text.c
void test_text_of_ints(NumTest *t); // num_test_text.c

#endif
