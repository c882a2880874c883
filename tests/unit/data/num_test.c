// Test of the numeric tower: tables of exact expected results here; random differential tests
// against GMP's mpz and mpq in num_test_int.c and num_test_ratio.c; text in num_test_text.c.
//
// Usage: num_test [percent [seed]]: percent of the usual number of random cases; with 0, only what
// takes gigabytes is tested: numbers at the size limit. Everything random runs on a plain heap, and
// a part of it again on one that moves everything at each reservation.
#include "tests/unit/data/num_test.h"

#include "vm/base/ieee.h"
#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t test_passed, test_failed;

void test_report(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    if (++test_failed > 200) return;
    printf("%s:%d: ", file, line);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

Value test_number(NumTest *t, const char *text)
{
    Value v = num_read(&t->heap.heap, text, strlen(text), 10);
    CHECK(value_is_number(v), "the test expects a number: %s", text);
    return v;
}

const char *test_text(Value v, unsigned radix)
{
    static Buf texts[8];
    static unsigned next;
    Buf *b = &texts[next++ % countof(texts)];

    buf_clear(b);
    if (value_is_number(v)) {
        num_print(b, v, radix);
    } else {
        buf_text(b, value_is(v, V_TRUE)    ? "#t"
                    : value_is(v, V_FALSE) ? "#f"
                    : value_is(v, V_FAIL)  ? "a failure"
                                           : "no number");
    }
    return buf_cstr(b);
}

// ---- tables of operations ---------------------------------------------------------------------

typedef Value Binary(Heap *h, const char *who, const Value *x, const Value *y);
typedef Value Unary(Heap *h, const char *who, const Value *x);

static Value op_compare(Heap *h, const char *who, const Value *x, const Value *y)
{
    static const char signs[] = "<=>?";
    NumOrder order = num_compare(h, who, x, y);
    return order == NUM_FAILED ? V_FAIL : value_char((uint32_t)signs[order + 1]);
}

static Value op_eqv(Heap *h, const char *who, const Value *x, const Value *y)
{
    (void)h;
    (void)who;
    if (num_eqv(*x, *y) && num_hash(*x) != num_hash(*y)) return V_NONE;
    return value_bool(num_eqv(*x, *y));
}

static Value op_sign(Heap *h, const char *who, const Value *x)
{
    int sign = num_sign(h, who, x);
    return sign == NUM_FAILED ? V_FAIL : value_fix(sign);
}

static Value op_floor(Heap *h, const char *who, const Value *x)
{
    return num_round(h, who, x, NUM_FLOOR);
}

static Value op_ceiling(Heap *h, const char *who, const Value *x)
{
    return num_round(h, who, x, NUM_CEILING);
}

static Value op_truncate(Heap *h, const char *who, const Value *x)
{
    return num_round(h, who, x, NUM_TRUNCATE);
}

static Value op_round(Heap *h, const char *who, const Value *x)
{
    return num_round(h, who, x, NUM_ROUND);
}

static Value op_integer_p(Heap *h, const char *who, const Value *x)
{
    (void)h;
    (void)who;
    return value_bool(num_is_integer(*x));
}

static Value op_rational_p(Heap *h, const char *who, const Value *x)
{
    (void)h;
    (void)who;
    return value_bool(num_is_rational(*x));
}

static Value op_exact_p(Heap *h, const char *who, const Value *x)
{
    (void)h;
    (void)who;
    return value_bool(num_is_exact(*x));
}

static const struct {
    const char *name;
    Binary *binary;
    Unary *unary;
} operations[] = {
    {"+", num_add, NULL},
    {"-", num_sub, NULL},
    {"*", num_mul, NULL},
    {"/", num_div, NULL},
    {"quotient", num_quotient, NULL},
    {"remainder", num_remainder, NULL},
    {"modulo", num_modulo, NULL},
    {"floor/", num_floor_quotient, NULL},
    {"gcd", num_gcd, NULL},
    {"lcm", num_lcm, NULL},
    {"expt", num_expt, NULL},
    {"rationalize", num_rationalize, NULL},
    {"and", num_bit_and, NULL},
    {"or", num_bit_or, NULL},
    {"xor", num_bit_xor, NULL},
    {"shift", num_shift, NULL},
    {"compare", op_compare, NULL},
    {"eqv", op_eqv, NULL},
    {"negate", NULL, num_negate},
    {"abs", NULL, num_abs},
    {"sqrt", NULL, num_sqrt},
    {"exact-integer-sqrt", NULL, num_exact_integer_sqrt},
    {"numerator", NULL, num_numerator},
    {"denominator", NULL, num_denominator},
    {"exact", NULL, num_exact},
    {"inexact", NULL, num_inexact},
    {"not", NULL, num_bit_not},
    {"bit-count", NULL, num_bit_count},
    {"bit-length", NULL, num_bit_length},
    {"sign", NULL, op_sign},
    {"floor", NULL, op_floor},
    {"ceiling", NULL, op_ceiling},
    {"truncate", NULL, op_truncate},
    {"round", NULL, op_round},
    {"integer?", NULL, op_integer_p},
    {"rational?", NULL, op_rational_p},
    {"exact?", NULL, op_exact_p},
};

// What came out, as the tables write it: a number, "(s . r)", a character, "!kind expected".
static const char *outcome(NumTest *t, Value v)
{
    static Buf b;
    const Fault *fault = &t->heap.scratch.fault;
    static const char *const kinds[] = {
        [ERR_TYPE] = "type", [ERR_DIV] = "div", [ERR_HEAP_LIMIT] = "limit"};

    buf_clear(&b);
    if (value_is(v, V_FAIL)) {
        buf_printf(&b, "!%s", kinds[fault->kind]);
        if (fault->form == FAULT_EXPECTED) buf_printf(&b, " %s", fault->expected);
    } else if (value_is_pair(v)) {
        buf_printf(&b, "(%s . %s)", test_text(value_car(v), 10), test_text(value_cdr(v), 10));
    } else if (value_is_char(v)) {
        buf_printf(&b, "%c", (char)value_scalar(v));
    } else {
        buf_text(&b, test_text(v, 10));
    }
    return buf_cstr(&b);
}

// A number; a quotation mark stands for what is none, and ^n for 3^n + 1.
static Value argument(NumTest *t, const char *text)
{
    if (*text == '"') return V_TRUE;
    if (*text != '^') return test_number(t, text);
    Heap *h = &t->heap.heap;
    Value base = value_fix(3), exponent = test_number(t, text + 1), one = value_fix(1);
    unsigned mark = heap_root_mark(h);
    Value *power = heap_root(h, num_expt(h, "test", &base, &exponent));
    Value v = num_add(h, "test", power, &one);
    heap_unroot(h, mark);
    return v;
}

static Value run_operation(NumTest *t, const char *name, const Value *x, const Value *y)
{
    for (size_t i = 0; i < countof(operations); i++) {
        if (strcmp(operations[i].name, name) != 0) continue;
        if (operations[i].binary) return operations[i].binary(&t->heap.heap, name, x, y);
        return operations[i].unary(&t->heap.heap, name, x);
    }
    PANIC("no operation %s", name);
}

typedef struct {
    const char *operation, *x, *y, *expected;
} Row;

#define TWO60  "1152921504606846976"
#define TWO61  "2305843009213693952"
#define TWO64  "18446744073709551616"
#define TWO128 "340282366920938463463374607431768211456"
#define MAXFIX "1152921504606846975"
#define TEN30  "1000000000000000000000000000000"

static const Row rows[] = {
    // fixnums at their ends
    {"+", MAXFIX, "1", TWO60},
    {"-", "-" TWO60, "1", "-1152921504606846977"},
    {"+", TWO60, "-1", MAXFIX},
    {"-", "0", "-" TWO60, TWO60},
    {"*", "-" TWO60, "-1", TWO60},
    {"*", "1073741824", "1073741824", TWO60},
    {"*", "1073741824", "-1073741824", "-" TWO60},
    {"*", "-" TWO60, "-" TWO60, "1329227995784915872903807060280344576"},
    {"*", TWO64, "0", "0"},
    {"quotient", "-" TWO60, "-1", TWO60},
    {"floor/", "-" TWO60, "-1", TWO60},
    {"remainder", "-" TWO60, "-1", "0"},
    {"quotient", "-" TWO60, TWO60, "-1"},
    {"modulo", "-" TWO60, TWO60, "0"},
    {"negate", "-" TWO60, NULL, TWO60},
    {"negate", TWO60, NULL, "-" TWO60},
    {"abs", "-" TWO60, NULL, TWO60},
    {"/", "-" TWO60, "-1", TWO60},
    {"/", TWO60, "-1", "-" TWO60},
    {"gcd", "-" TWO60, "0", TWO60},
    {"gcd", "-" TWO60, "-" TWO60, TWO60},
    {"lcm", "-" TWO60, "3", "3458764513820540928"},
    {"+", TWO64, "-18446744073709551615", "1"},
    {"-", TWO64, TWO64, "0"},
    // exactness
    {"/", "6", "4", "3/2"},
    {"/", "6", "3", "2"},
    {"/", "0", "5", "0"},
    {"/", "7", "-21", "-1/3"},
    {"/", "1/2", "-1/2", "-1"},
    {"/", "-3", "-9/2", "2/3"},
    {"/", "1", "2.", "0.5"},
    {"/", "1.", "0", "!div"},
    {"/", "0", "0", "!div"},
    {"/", TWO64, "0", "!div"},
    {"/", "1/2", "0", "!div"},
    {"/", "\"", "0", "!type a number"},
    {"/", "1", "\"", "!type a number"},
    {"/", "1", "0.", "+inf.0"},
    {"/", "-1.", "0.", "-inf.0"},
    {"/", "1", "-0.", "-inf.0"},
    {"/", "0.", "0.", "+nan.0"},
    {"+", "1/2", "0.25", "0.75"},
    {"+", "1.5", "0.25", "1.75"},
    {"-", "1.5", "0.25", "1.25"},
    {"*", "1.5", "0.25", "0.375"},
    {"/", "1.5", "0.25", "6.0"},
    {"+", "18446744073709551616", "0.5", "18446744073709552000.0"},
    {"+", "1/2", "1/2", "1"},
    {"+", "1/2", "-1/2", "0"},
    {"+", "1/6", "1/10", "4/15"},
    {"-", "1/2", "3", "-5/2"},
    {"*", "2/3", "3/2", "1"},
    {"*", "2/3", "0", "0"},
    {"*", "0", "1.5", "0.0"},
    {"*", "0", "+inf.0", "+nan.0"},
    {"+", "\"", "1", "!type a number"},
    {"-", "1", "\"", "!type a number"},
    {"*", "1.5", "\"", "!type a number"},
    {"-", "0", "0.", "0.0"},
    {"negate", "0.", NULL, "-0.0"},
    {"negate", "-1/3", NULL, "1/3"},
    {"negate", "\"", NULL, "!type a number"},
    {"abs", "-0.", NULL, "0.0"},
    {"abs", "-1/3", NULL, "1/3"},
    {"abs", "\"", NULL, "!type a real number"},
    // integer division
    {"quotient", "7", "-2", "-3"},
    {"remainder", "7", "-2", "1"},
    {"modulo", "7", "-2", "-1"},
    {"floor/", "7", "-2", "-4"},
    {"quotient", "-7", "2", "-3"},
    {"remainder", "-7", "2", "-1"},
    {"modulo", "-7", "2", "1"},
    {"floor/", "-7", "2", "-4"},
    {"quotient", "-7", "2.", "-3.0"},
    {"remainder", "-7.", "2", "-1.0"},
    {"modulo", "-7.", "2.", "1.0"},
    {"floor/", "-7.", "2.", "-4.0"},
    {"quotient", "1", "0", "!div"},
    {"quotient", "1.", "0.", "!div"},
    {"modulo", "1", "0.", "!div"},
    {"modulo", "1.", "0", "!div"},
    {"remainder", TWO64, "0", "!div"},
    {"quotient", "1.5", "1", "!type an integer"},
    {"quotient", "1", "1/2", "!type an integer"},
    {"modulo", "+inf.0", "2", "!type an integer"},
    {"modulo", "2", "+nan.0", "!type an integer"},
    {"modulo", "\"", "0", "!type an integer"},
    {"remainder", "-4.", "2.", "-0.0"},
    {"modulo", "-4.", "2.", "0.0"},
    {"modulo", "4.", "-2.", "-0.0"},
    {"quotient", "-1.", "2.", "-0.0"},
    {"quotient", "-0.", "2", "-0.0"},
    {"quotient", "1e300", "3.", "3.3333333333333335e299"},
    {"quotient", "9007199254740993", "1.", "9007199254740992.0"},
    {"remainder", "9007199254740993", "2.", "1.0"},
    {"modulo", "-1", "1152921504606846976.", "1152921504606847000.0"},
    {"modulo", "-1", TWO64, "18446744073709551615"},
    {"floor/", "-1", TWO64, "-1"},
    {"modulo", "1", "-" TWO64, "-18446744073709551615"},
    {"floor/", "340282366920938463463374607431768211455", "-" TWO64, "-" TWO64},
    {"gcd", "12", "-18", "6"},
    {"gcd", "0", "0", "0"},
    {"gcd", "12.", "18", "6.0"},
    {"gcd", "-0.", "-18.", "18.0"},
    {"gcd", "0.", "-0.", "0.0"},
    {"gcd", "1/2", "1", "!type an integer"},
    {"gcd", "1", "0.5", "!type an integer"},
    {"gcd", "\"", "1", "!type an integer"},
    {"lcm", "4", "-6", "12"},
    {"lcm", "0", "5", "0"},
    {"lcm", "4.", "6", "12.0"},
    {"lcm", "0.", "-5.", "0.0"},
    {"lcm", "1/2", "6", "!type an integer"},
    // powers
    {"expt", "2", "10", "1024"},
    {"expt", "2", "-10", "1/1024"},
    {"expt", "-2", "-3", "-1/8"},
    {"expt", "-2/3", "3", "-8/27"},
    {"expt", "-2/3", "-3", "-27/8"},
    {"expt", "2/3", "-2", "9/4"},
    {"expt", "10", "30", TEN30},
    {"expt", "-1", TWO64, "1"},
    {"expt", "-1", "18446744073709551617", "-1"},
    {"expt", "1", TWO64, "1"},
    {"expt", "0", TWO64, "0"},
    {"expt", "0", "0", "1"},
    {"expt", "0", "-1", "!div"},
    {"expt", "0", "-" TWO64, "!div"},
    {"expt", TWO64, "0", "1"},
    {"expt", "2", TWO64, "!limit"},
    {"expt", "1/2", TWO64, "!limit"},
    {"expt", "2", "4294967296", "!limit"},
    {"expt", "3", "4294967295", "!limit"},
    {"expt", "1/3", "4294967295", "!limit"},
    {"expt", "10", "1293913000", "!limit"},
    {"expt", "2", "0.5", "1.4142135623730951"},
    {"expt", "2.", "3", "8.0"},
    {"expt", "2.", "0", "1.0"},
    {"expt", "4", "1/2", "2"},
    {"expt", "4", "-3/2", "1/8"},
    {"expt", "2", "1/2", "1.4142135623730951"},
    {"expt", "1/4", "1/2", "1/2"},
    {"expt", "8", "1/3", "2.0"},
    {"expt", "0", "1/2", "0"},
    {"expt", "0", "-1/2", "!div"},
    {"expt", "0", "-1/3", "!div"},
    {"expt", "0", "1.5", "0.0"},
    {"expt", "-8", "1/3", "+nan.0"},
    {"expt", "-8", "0.5", "+nan.0"},
    {"expt", "-8.", "1/3", "+nan.0"},
    {"expt", "-2.", "9007199254740993", "-inf.0"},
    {"expt", "-1.", "9007199254740993", "-1.0"},
    {"expt", "-1.", "18446744073709551617", "-1.0"},
    {"expt", "-1.", TWO64, "1.0"},
    {"expt", "-2", "3.", "-8.0"},
    {"expt", "0.", "-1", "+inf.0"},
    {"expt", "-0.", "-1", "-inf.0"},
    {"expt", "+nan.0", "0", "1.0"},
    {"expt", "2.", "0.5", "1.4142135623730951"},
    {"expt", "0.", "+nan.0", "+nan.0"},
    {"expt", "\"", "1", "!type a number"},
    {"expt", "2", "\"", "!type a number"},
    // roots
    {"sqrt", "16", NULL, "4"},
    {"sqrt", "16.", NULL, "4.0"},
    {"sqrt", "1/4", NULL, "1/2"},
    {"sqrt", "2", NULL, "1.4142135623730951"},
    {"sqrt", "1/2", NULL, "0.7071067811865476"},
    {"sqrt", "0", NULL, "0"},
    {"sqrt", "-4", NULL, "+nan.0"},
    {"sqrt", "-4.", NULL, "+nan.0"},
    {"sqrt", "-1/4", NULL, "+nan.0"},
    {"sqrt", "-0.", NULL, "-0.0"},
    {"sqrt", "+inf.0", NULL, "+inf.0"},
    {"sqrt", "+nan.0", NULL, "+nan.0"},
    {"sqrt", TWO128, NULL, TWO64},
    {"sqrt", "340282366920938463463374607431768211455", NULL, "18446744073709552000.0"},
    {"sqrt", "4503599761588225", NULL, "67108865"},
    {"sqrt", "4503599761588223", NULL, "67108864.99999999"},
    {"sqrt", "4503599761588224", NULL, "67108865.0"},
    {"sqrt", "4503599761588227", NULL, "67108865.00000001"},
    {"sqrt", "\"", NULL, "!type a number"},
    {"exact-integer-sqrt", "0", NULL, "(0 . 0)"},
    {"exact-integer-sqrt", "17", NULL, "(4 . 1)"},
    {"exact-integer-sqrt", TWO61, NULL, "(1518500249 . 3000631951)"},
    {"exact-integer-sqrt", TWO128, NULL, "(" TWO64 " . 0)"},
    {"exact-integer-sqrt", "340282366920938463463374607431768211455", NULL,
     "(18446744073709551615 . 36893488147419103230)"},
    {"exact-integer-sqrt", "-1", NULL, "!type a non-negative exact integer"},
    {"exact-integer-sqrt", "4.", NULL, "!type a non-negative exact integer"},
    {"exact-integer-sqrt", "-" TWO64, NULL, "!type a non-negative exact integer"},
    // rounding
    {"floor", "-7/2", NULL, "-4"},
    {"ceiling", "-7/2", NULL, "-3"},
    {"truncate", "-7/2", NULL, "-3"},
    {"round", "-7/2", NULL, "-4"},
    {"round", "-5/2", NULL, "-2"},
    {"round", "5/2", NULL, "2"},
    {"round", "7/2", NULL, "4"},
    {"round", "1/2", NULL, "0"},
    {"round", "-1/2", NULL, "0"},
    {"round", "2/3", NULL, "1"},
    {"round", "-2/3", NULL, "-1"},
    {"round", "1/3", NULL, "0"},
    {"round", "2.5", NULL, "2.0"},
    {"round", "-3.5", NULL, "-4.0"},
    {"round", "-0.4", NULL, "-0.0"},
    {"floor", "-4.3", NULL, "-5.0"},
    {"ceiling", "-4.3", NULL, "-4.0"},
    {"truncate", "+inf.0", NULL, "+inf.0"},
    {"round", "7", NULL, "7"},
    {"round", TWO64, NULL, TWO64},
    {"round", "\"", NULL, "!type a real number"},
    {"numerator", "6/4", NULL, "3"},
    {"denominator", "6/4", NULL, "2"},
    {"numerator", "0", NULL, "0"},
    {"denominator", "0", NULL, "1"},
    {"denominator", "0.5", NULL, "2.0"},
    {"numerator", "-0.75", NULL, "-3.0"},
    {"denominator", "1e300", NULL, "1.0"},
    {"numerator", "+inf.0", NULL, "!type a rational number"},
    {"denominator", "\"", NULL, "!type a rational number"},
    {"rationalize", "3/10", "1/10", "1/3"},
    {"rationalize", ".3", "1/10", "0.3333333333333333"},
    {"rationalize", "-3/10", "1/10", "-1/3"},
    {"rationalize", "-3/10", "-1/10", "-1/3"},
    {"rationalize", "3/10", "3/10", "0"},
    {"rationalize", "1/10", "1", "0"},
    {"rationalize", "5", "0", "5"},
    {"rationalize", "22/7", "0", "22/7"},
    {"rationalize", "7/2", "1/2", "3"},
    {"rationalize", "31/10", "1/5", "3"},
    {"rationalize", "+inf.0", "1", "+inf.0"},
    {"rationalize", "1", "+inf.0", "0.0"},
    {"rationalize", "+inf.0", "+inf.0", "+nan.0"},
    {"rationalize", "+nan.0", "1", "+nan.0"},
    {"rationalize", "1", "+nan.0", "+nan.0"},
    {"rationalize", "3.141592653589793", "1e-6", "3.1415929203539825"},
    {"rationalize", "\"", "1", "!type a real number"},
    // comparison
    {"compare", "1", "1.", "="},
    {"compare", "0", "-0.", "="},
    {"compare", "9007199254740993", "9007199254740992.", ">"},
    {"compare", "9007199254740992.", "9007199254740993", "<"},
    {"compare", "-9007199254740993", "-9007199254740992.", "<"},
    {"compare", MAXFIX, "1152921504606846976.", "<"},
    {"compare", TWO60, "1152921504606846976.", "="},
    {"compare", "1152921504606846977", "1152921504606846976.", ">"},
    {"compare", "1/3", "0.3333333333333333", ">"},
    {"compare", "0.3333333333333333", "1/3", "<"},
    {"compare", "1/2", "0.5", "="},
    {"compare", "-1/2", "-0.5", "="},
    {"compare", "1/2", "1/3", ">"},
    {"compare", "-1/2", "-1/3", "<"},
    {"compare", "1/2", "0", ">"},
    {"compare", "0", "1/2", "<"},
    {"compare", "0", "-1/2", ">"},
    {"compare", "1/2", "0.", ">"},
    {"compare", "0.", "-1/2", ">"},
    {"compare", "7/3", "2", ">"},
    {"compare", "2", "7/3", "<"},
    {"compare", TWO64, "+inf.0", "<"},
    {"compare", "-inf.0", "-" TWO64, "<"},
    {"compare", "1/2", "+inf.0", "<"},
    {"compare", "1", "+nan.0", "?"},
    {"compare", "+nan.0", TWO64, "?"},
    {"compare", "+nan.0", "+nan.0", "?"},
    {"compare", "1/2", "+nan.0", "?"},
    {"compare", "\"", "1", "!type a real number"},
    {"compare", "+nan.0", "\"", "!type a real number"},
    {"compare", "5e-324", "0", ">"},
    {"compare", "0", "5e-324", "<"},
    {"eqv", "1", "1.", "#f"},
    {"eqv", "0.", "-0.", "#f"},
    {"eqv", "+nan.0", "-nan.0", "#t"},
    {"eqv", "1/2", "2/4", "#t"},
    {"eqv", "1/2", "0.5", "#f"},
    {"eqv", TWO64, TWO64, "#t"},
    {"eqv", TWO64, "-" TWO64, "#f"},
    {"eqv", "1/" TWO64, "2/36893488147419103232", "#t"},
    {"eqv", "-1/" TWO64, "1/" TWO64, "#f"},
    {"eqv", "1.5", "1.5", "#t"},
    {"sign", "-1/2", NULL, "-1"},
    {"sign", "1/2", NULL, "1"},
    {"sign", "-" TWO64, NULL, "-1"},
    {"sign", TWO64, NULL, "1"},
    {"sign", "-0.", NULL, "0"},
    {"sign", "+nan.0", NULL, "2"},
    {"sign", "-inf.0", NULL, "-1"},
    {"sign", "0", NULL, "0"},
    {"sign", "\"", NULL, "!type a real number"},
    {"integer?", "3", NULL, "#t"},
    {"integer?", "3.", NULL, "#t"},
    {"integer?", "3.5", NULL, "#f"},
    {"integer?", "7/2", NULL, "#f"},
    {"integer?", "+inf.0", NULL, "#f"},
    {"integer?", "1e300", NULL, "#t"},
    {"integer?", "\"", NULL, "#f"},
    {"rational?", "+nan.0", NULL, "#f"},
    {"rational?", "-inf.0", NULL, "#f"},
    {"rational?", "1.5", NULL, "#t"},
    {"rational?", "1/2", NULL, "#t"},
    {"rational?", "\"", NULL, "#f"},
    {"exact?", "1/2", NULL, "#t"},
    {"exact?", "1.", NULL, "#f"},
    {"exact?", "\"", NULL, "#f"},
    // conversion
    {"exact", "1.5", NULL, "3/2"},
    {"exact", "0.1", NULL, "3602879701896397/36028797018963968"},
    {"exact", "-0.", NULL, "0"},
    {"exact", "1e18", NULL, "1000000000000000000"},
    {"exact", "1e23", NULL, "99999999999999991611392"},
    {"exact", "-1152921504606846976.", NULL, "-" TWO60},
    {"exact", "1152921504606846976.", NULL, TWO60},
    {"exact", "1/3", NULL, "1/3"},
    {"exact", "+inf.0", NULL, "!type a finite number"},
    {"exact", "+nan.0", NULL, "!type a finite number"},
    {"exact", "\"", NULL, "!type a number"},
    {"inexact", "1/3", NULL, "0.3333333333333333"},
    {"inexact", "9007199254740993", NULL, "9007199254740992.0"},
    {"inexact", "9007199254740995", NULL, "9007199254740996.0"},
    {"inexact", "-" TWO128, NULL, "-3.402823669209385e38"},
    {"inexact", "\"", NULL, "!type a number"},
    // bits
    {"and", "-1", TWO64, TWO64},
    {"and", "12", "10", "8"},
    {"and", "-" TWO64, "-18446744073709551617", "-36893488147419103232"},
    {"or", "12", "10", "14"},
    {"or", "-" TWO64, "1", "-18446744073709551615"},
    {"xor", "-1", TWO64, "-18446744073709551617"},
    {"xor", "-5", "3", "-8"},
    {"xor", "-1", "18446744073709551615", "-" TWO64},
    {"not", "0", NULL, "-1"},
    {"not", MAXFIX, NULL, "-" TWO60},
    {"not", "-" TWO60, NULL, MAXFIX},
    {"not", TWO60, NULL, "-1152921504606846977"},
    {"shift", "1", "64", TWO64},
    {"shift", "-1", "60", "-" TWO60},
    {"shift", "-5", "-1", "-3"},
    {"shift", "-5", "-100", "-1"},
    {"shift", "5", "-100", "0"},
    {"shift", TWO64, "-64", "1"},
    {"shift", "-18446744073709551617", "-64", "-2"},
    {"shift", "0", TWO64, "0"},
    {"shift", "1", TWO64, "!limit"},
    {"shift", "1", "4294967296", "!limit"},
    {"shift", "-1", "-" TWO64, "-1"},
    {"shift", TWO64, "-" TWO64, "0"},
    {"shift", "1", "1.", "!type an exact integer"},
    {"shift", "1/2", "1", "!type an exact integer"},
    {"and", "1.", "1", "!type an exact integer"},
    {"or", "1", "1/2", "!type an exact integer"},
    {"not", "1.", NULL, "!type an exact integer"},
    {"bit-count", "255", NULL, "8"},
    {"bit-count", "-1", NULL, "0"},
    {"bit-count", "-256", NULL, "8"},
    {"bit-count", "-" TWO64, NULL, "64"},
    {"bit-count", "\"", NULL, "!type an exact integer"},
    {"bit-length", "0", NULL, "0"},
    {"bit-length", "-1", NULL, "0"},
    {"bit-length", "-8", NULL, "3"},
    {"bit-length", "-9", NULL, "4"},
    {"bit-length", "8", NULL, "4"},
    {"bit-length", TWO64, NULL, "65"},
    {"bit-length", "-" TWO64, NULL, "64"},
    {"bit-length", "1.", NULL, "!type an exact integer"},
};

static void run_rows(NumTest *t)
{
    Value *x = &t->heap.frame[0], *y = &t->heap.frame[1];

    for (size_t i = 0; i < countof(rows); i++) {
        const Row *r = &rows[i];
        *x = argument(t, r->x);
        *y = r->y ? argument(t, r->y) : V_UNSPECIFIED;
        const char *got = outcome(t, run_operation(t, r->operation, x, y));
        EXPECT(strcmp(got, r->expected) == 0, "(%s %s %s) gives %s, not %s", r->operation, r->x,
               r->y ? r->y : "", got, r->expected);
        EXPECT(t->heap.scratch.root_count == 0, "(%s %s %s) leaves roots", r->operation, r->x,
               r->y ? r->y : "");
    }
}

// ---- failing allocations ------------------------------------------------------------------------

static const Row failing[] = {
    {"+", "1/3", "1/6", ""},
    {"+", TWO64, "1/6", ""},
    {"*", "1/" TWO64, TWO64 "/3", ""},
    {"/", TWO64, "-6", ""},
    {"quotient", TWO128, TWO64, ""},
    {"modulo", "-" TWO128, "18446744073709551617", ""},
    {"gcd", TWO128, "6000000000000000000000000000000", ""},
    {"lcm", TWO64, TEN30, ""},
    {"expt", "10/7", "-50", ""},
    {"expt", TWO64, "7/2", ""},
    {"sqrt", TEN30, NULL, ""},
    {"sqrt", "1000000000000000000000000000001/7", NULL, ""},
    {"exact-integer-sqrt", "100000000000000000000000000000000000001", NULL, ""},
    {"rationalize", "-0.3333", "1/100", ""},
    {"round", "-" TWO64 "/3", NULL, ""},
    {"round", TWO128 "1/2", NULL, ""},
    {"exact", "1e-300", NULL, ""},
    {"and", "-" TWO64, "-" TWO128, ""},
    {"shift", "-" TWO64, "-3", ""},
    {"quotient", "1e300", "7", ""},
    {"numerator", "1.1e300", NULL, ""},
    {"negate", TWO64 "/3", NULL, ""},
    {"quotient", "^20000", "^9000", ""},
    {"modulo", "^20000", "^9000", ""},
    {"floor/", "^20000", "-12345", ""},
    {"gcd", "^20000", "^9000", ""},
    {"*", "^200000", "^200000", ""},
    {"quotient", "^200000", "^90000", ""},
    {"gcd", "^200000", "^90000", ""},
    {"exact-integer-sqrt", "^20000", NULL, ""},
    {"exact-integer-sqrt", "^200000", NULL, ""},
};

// Lets the first, second, ... reservation fail, then the first, second, ... allocation of scratch
// memory: a failure each time, no crash, no roots left, until nothing fails and the result is
// right.
static void run_failing(NumTest *t, const Row *r, const char *expected, bool of_scratch)
{
    Value *x = &t->heap.frame[0], *y = &t->heap.frame[1];
    size_t before = mem_used(MEM_SCRATCH);

    for (uint64_t n = 1; n < 1000; n++) {
        t->heap.fail_at = 0;
        *x = argument(t, r->x);
        *y = r->y ? argument(t, r->y) : V_UNSPECIFIED;
        if (of_scratch) {
            mem_fail_at(n);
        } else {
            t->heap.fail_at = n;
        }
        Value v = run_operation(t, r->operation, x, y);
        t->heap.fail_at = 0;
        mem_fail_at(0);
        EXPECT(t->heap.scratch.root_count == 0, "(%s %s) leaves roots", r->operation, r->x);
        EXPECT(mem_used(MEM_SCRATCH) == before, "(%s %s) leaks", r->operation, r->x);
        if (!value_is(v, V_FAIL)) {
            const char *got = outcome(t, v);
            EXPECT(strcmp(got, expected) == 0, "(%s %s) gives %.99s", r->operation, r->x, got);
            return;
        }
        EXPECT(t->heap.scratch.fault.kind == ERR_HEAP_LIMIT, "(%s %s) fails in another way",
               r->operation, r->x);
    }
    EXPECT(false, "(%s %s) never succeeds", r->operation, r->x);
}

// Comparing rationals takes memory, but no heap.
static void run_failing_compare(NumTest *t)
{
    Value *x = &t->heap.frame[0], *y = &t->heap.frame[1], *d = &t->heap.frame[2];
    Heap *h = &t->heap.heap;
    uint64_t refused = 0;

    Value three = value_fix(3);
    *x = argument(t, "^20000");
    *d = argument(t, "^9000");
    *y = num_div(h, "test", d, x);
    *x = num_sub(h, "test", x, &three);
    *x = num_div(h, "test", d, x); // a bit larger
    for (uint64_t n = 1; n < 10; n++) {
        mem_fail_at(n);
        NumOrder order = num_compare(h, "test", x, y);
        mem_fail_at(0);
        EXPECT(order == NUM_FAILED || order == NUM_GREATER, "compare gives %d", (int)order);
        refused += order == NUM_FAILED;
        if (order != NUM_FAILED) break;
        EXPECT(t->heap.scratch.fault.kind == ERR_HEAP_LIMIT, "compare fails in another way");
    }
    EXPECT(refused == 2, "compare asks for memory %llu times", (unsigned long long)refused);
}

static void run_failing_text(NumTest *t)
{
    Value *x = &t->heap.frame[0];
    Buf b = BUF_INIT, again = BUF_INIT;
    Value v = V_FAIL;

    *x = argument(t, "^20000");
    num_print(&b, *x, 10);
    for (uint64_t n = 1; n < 20 && value_is(v, V_FAIL); n++) {
        mem_fail_at(n);
        v = num_read(&t->heap.heap, (const char *)b.data, b.size, 10);
        mem_fail_at(0);
        EXPECT((n == 1) == value_is(v, V_FAIL), "failure %llu", (unsigned long long)n);
    }
    EXPECT(num_eqv(v, *x), "3^20000 + 1 does not survive its text");
    for (uint64_t n = 1; n < 20; n++) {
        buf_free(&again);
        mem_fail_at(n);
        num_print(&again, *x, 10);
        mem_fail_at(0);
        if (!again.failed) break;
    }
    EXPECT(again.size == b.size && memcmp(again.data, b.data, b.size) == 0, "text after failures");
    buf_free(&again);
    buf_free(&b);
}

static void test_failures(NumTest *t)
{
    static char expected[200000];

    run_failing_compare(t);
    run_failing_text(t);

    for (size_t i = 0; i < countof(failing); i++) {
        const Row *r = &failing[i];
        t->heap.frame[0] = argument(t, r->x);
        t->heap.frame[1] = r->y ? argument(t, r->y) : V_UNSPECIFIED;
        Value v = run_operation(t, r->operation, &t->heap.frame[0], &t->heap.frame[1]);
        snprintf(expected, sizeof expected, "%s", outcome(t, v));
        run_failing(t, r, expected, false);
        run_failing(t, r, expected, true);
    }
}

// ---- C integers, cost ---------------------------------------------------------------------------

static void test_conversions(NumTest *t)
{
    Heap *h = &t->heap.heap;
    static const struct {
        const char *text;
        bool is_signed, is_unsigned;
    } cases[] = {
        {"0", true, true},
        {"-1", true, false},
        {MAXFIX, true, true},
        {TWO60, true, true},
        {"-1152921504606846977", true, false},
        {"9223372036854775807", true, true},
        {"9223372036854775808", false, true},
        {"-9223372036854775808", true, false},
        {"-9223372036854775809", false, false},
        {"18446744073709551615", false, true},
        {TWO64, false, false},
        {"1.", false, false},
        {"1/2", false, false},
    };
    for (size_t i = 0; i < countof(cases); i++) {
        const char *text = cases[i].text;
        Value *v = &t->heap.frame[0];
        int64_t n = 0;
        uint64_t u = 0;
        *v = test_number(t, text);
        EXPECT(num_to_int64(*v, &n) == cases[i].is_signed, "num_to_int64 %s", text);
        EXPECT(num_to_uint64(*v, &u) == cases[i].is_unsigned, "num_to_uint64 %s", text);
        if (cases[i].is_signed) {
            EXPECT(n == strtoll(text, NULL, 10), "num_to_int64 %s is %lld", text, (long long)n);
            EXPECT(num_eqv(num_from_int64(h, n), *v), "num_from_int64 %s", text);
        }
        if (cases[i].is_unsigned) {
            EXPECT(u == strtoull(text, NULL, 10), "num_to_uint64 %s", text);
            EXPECT(num_eqv(num_from_uint64(h, u), *v), "num_from_uint64 %s", text);
        }
    }
}

static void test_costs(NumTest *t)
{
    Heap *h = &t->heap.heap;
    Value *big = &t->heap.frame[0], *huge = &t->heap.frame[1], *one = &t->heap.frame[2];
    Value count = value_fix(1000);

    *one = value_fix(1);
    *big = num_shift(h, "test", one, &count);
    count = value_fix(1000000);
    *huge = num_shift(h, "test", one, &count);
    EXPECT(num_cost(NUM_COST_PRODUCT, *one, *one) == 0, "cost of 1 * 1");
    EXPECT(num_cost(NUM_COST_LINEAR, *one, *huge) == 15626, "cost of 1 + 2^1000000");
    EXPECT(num_cost(NUM_COST_PRODUCT, *big, *big) == 256, "cost of a square of 16 limbs");
    uint64_t square = num_cost(NUM_COST_PRODUCT, *huge, *huge);
    EXPECT(square > 1000000 && square < 15626ull * 15626, "cost of a large square");
    EXPECT(num_cost(NUM_COST_DIVISION, *big, *huge) == 15626, "cost of small / large");
    EXPECT(num_cost(NUM_COST_TEXT, *huge, *one) > square, "cost of text");
    EXPECT(num_cost(NUM_COST_LINEAR, test_number(t, "1.5"), *one) == 0, "cost of a flonum");
    *big = num_div(h, "test", one, huge);
    EXPECT(num_cost(NUM_COST_LINEAR, *big, *one) == 15627, "cost of 1/2^1000000");
}

// ---- at the limit -----------------------------------------------------------------------------

// 2^32 bits are allowed, a bit more is not. Takes gigabytes and seconds: only when asked for.
static void test_limit(NumTest *t)
{
    Heap *h = &t->heap.heap;
    Value *one = &t->heap.frame[0], *n = &t->heap.frame[1], *x = &t->heap.frame[2];
    Value *y = &t->heap.frame[3];
    const int64_t max = (int64_t)NUM_BITS_MAX;

    *one = value_fix(1);
    *n = value_fix(max - 1);
    *x = num_shift(h, "test", one, n);
    EXPECT(num_eqv(num_bit_length(h, "test", x), value_fix(max)), "2^(2^32 - 1)");
    EXPECT(value_is(num_add(h, "test", x, x), V_FAIL), "2^(2^32) as a sum");
    EXPECT(value_is(num_shift(h, "test", x, one), V_FAIL), "2^(2^32) as a shift");
    *n = num_sub(h, "test", x, one);
    EXPECT(num_eqv(num_bit_length(h, "test", n), value_fix(max - 1)), "2^(2^32 - 1) - 1");
    *n = value_fix(max);
    EXPECT(value_is(num_shift(h, "test", one, n), V_FAIL), "2^(2^32) as a shift");
    *x = *one;
    *n = value_fix(max / 2);
    *x = num_shift(h, "test", one, n);
    EXPECT(value_is(num_mul(h, "test", x, x), V_FAIL), "2^(2^32) as a product");
    *n = value_fix(max / 2 - 1);
    *y = num_shift(h, "test", one, n);
    *y = num_mul(h, "test", x, y);
    EXPECT(num_eqv(num_bit_length(h, "test", y), value_fix(max)), "2^(2^32 - 1) as a product");
    *y = *x = *one;
    *n = value_fix(max - 1);
    Value two = value_fix(2);
    *y = num_expt(h, "test", &two, n);
    EXPECT(num_eqv(num_bit_length(h, "test", y), value_fix(max)), "2^(2^32 - 1) as a power");
    *y = *one;
    heap_double_collect(&t->heap);
    size_t bytes = (size_t)(max / 8) + 1;
    uint8_t *magnitude = calloc(1, bytes);
    CHECK(magnitude, "no memory for the test");
    magnitude[bytes - 2] = 0x80;
    *y = num_from_bytes(h, true, magnitude, bytes);
    EXPECT(num_eqv(num_bit_length(h, "test", y), value_fix(max - 1)), "-2^(2^32 - 1) from bytes");
    magnitude[bytes - 1] = 1;
    EXPECT(value_is(num_from_bytes(h, true, magnitude, bytes), V_FAIL), "too much from bytes");
    free(magnitude);
}

int main(int argc, char **argv)
{
    static NumTest t;
    uint64_t percent = argc > 1 ? strtoull(argv[1], NULL, 10) : 100;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

    if (percent == 0) {
        heap_double_open(&t.heap, false);
        test_limit(&t);
        heap_double_close(&t.heap);
    }
    for (int stress = 0; stress < 2 && percent > 0; stress++) {
        heap_double_open(&t.heap, stress);
        rng_seed(&t.rng, seed);
        t.scale = stress ? MAX(percent / 10, 1) : percent;
        run_rows(&t);
        test_conversions(&t);
        test_costs(&t);
        if (stress) test_failures(&t);
        test_ints(&t);
        test_ratios(&t);
        test_flonums(&t);
        test_reading(&t);
        test_text_of_ints(&t);
        if (!stress) test_printing(&t);
        heap_double_close(&t.heap);
    }
    EXPECT(mem_used(MEM_SCRATCH) == 0, "scratch memory is left: %zu", mem_used(MEM_SCRATCH));
    printf("%llu passed, %llu failed\n", (unsigned long long)test_passed,
           (unsigned long long)test_failed);
    return test_failed != 0;
}
