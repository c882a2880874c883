// The numeric tower: fixnum, bignum, rational, flonum; exactness as R7RS says, nothing silently
// loses precision. The interpreter handles fixnums and flonums inline and comes here for the rest.
//
// Arguments are pointers to slots that the collector knows (frame slots or roots): they may be read
// again after a collection. Every function that returns a Value may collect, and returns V_FAIL
// with the fault set when an argument has the wrong type, a divisor is zero or memory is out. `who`
// is the name a message begins with.
//
// Results are canonical: the smallest representation that holds them (a bignum never fits a fixnum,
// a rational has a denominator above 1 and lowest terms).
//
// A flonum argument makes the result a flonum, also next to an exact zero: (* 0 1.5) is 0.0. Where
// rounding the exact argument would hide something (comparison, integer division, gcd) the work is
// done exactly and the result rounded. There are no complex numbers: the root of a negative number
// is +nan.0.
#ifndef VM_DATA_NUM_H
#define VM_DATA_NUM_H

#include "vm/heap/heap.h"

// Exact integers are limited to this many bits; a larger result is a heap-limit failure, before any
// work is done.
#define NUM_BITS_MAX ((uint64_t)1 << 32)

// ---- arithmetic -----------------------------------------------------------------------------
Value num_add(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_sub(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_mul(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
// Exact by exact is exact. An exact zero divides nothing, 0.0 as IEEE says.
Value num_div(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
// Integer division takes integers of both kinds; a divisor that is zero, even 0.0, is an error. A
// zero result among flonums has the sign that the rounded real function has.
Value num_quotient(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_remainder(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_modulo(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_floor_quotient(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_negate(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_abs(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_gcd(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_lcm(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
// Exact for exact arguments with an integer exponent, or one of n/2 when the root of x is exact.
Value num_expt(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_sqrt(Heap *h, const char *who, const Value *x) MAY_GC; // exact when the root is exact
// Floor of the root of a non-negative exact integer, and the rest: (values s r) as a pair (s . r).
Value num_exact_integer_sqrt(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_numerator(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_denominator(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_rationalize(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;

typedef enum { NUM_FLOOR, NUM_CEILING, NUM_TRUNCATE, NUM_ROUND } NumRounding;
Value num_round(Heap *h, const char *who, const Value *x, NumRounding how) MAY_GC;

// ---- comparison -----------------------------------------------------------------------------
typedef enum {
    NUM_LESS = -1,
    NUM_EQUAL = 0,
    NUM_GREATER = 1,
    NUM_UNORDERED = 2, // one of them is a NaN
    NUM_FAILED = 3     // not real numbers; the fault is set
} NumOrder;
// Exact: comparing a flonum with an exact number never rounds either. Takes no heap; memory for
// large rationals may be refused, which is a failure like a wrong type.
NumOrder num_compare(Heap *h, const char *who, const Value *x, const Value *y);
// Of numbers: same exactness and same value. 0.0 and -0.0 differ, all NaNs are one.
bool num_eqv(Value x, Value y);
uint64_t num_hash(Value x); // equal for eqv numbers; independent of addresses

// ---- predicates and conversion ----------------------------------------------------------------
bool num_is_integer(Value x);  // 3, 3.0
bool num_is_rational(Value x); // any number but infinities and NaN
bool num_is_exact(Value x);
Value num_exact(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_inexact(Heap *h, const char *who, const Value *x) MAY_GC; // correctly rounded
// -1, 0, 1; 2 when x is a NaN; 3 (fault set) when x is not a real number.
int num_sign(Heap *h, const char *who, const Value *x);
double num_to_double(Value x); // of any number, correctly rounded; no allocation
Value num_from_int64(Heap *h, int64_t n) MAY_GC;
Value num_from_uint64(Heap *h, uint64_t n) MAY_GC;
// False when x is no exact integer in the range.
MUST_USE bool num_to_int64(Value x, int64_t *out);
MUST_USE bool num_to_uint64(Value x, uint64_t *out);

// ---- bits: exact integers as two's complement of infinite width (SRFI 151) --------------------
Value num_bit_and(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_bit_or(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_bit_xor(Heap *h, const char *who, const Value *x, const Value *y) MAY_GC;
Value num_bit_not(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_shift(Heap *h, const char *who, const Value *x, const Value *count) MAY_GC; // left if > 0
Value num_bit_count(Heap *h, const char *who, const Value *x) MAY_GC;
Value num_bit_length(Heap *h, const char *who, const Value *x) MAY_GC;

// ---- text -----------------------------------------------------------------------------------
#include "vm/base/buf.h"
// Appends the external representation: integers and rationals in any radix from 2 to 36, flonums as
// the shortest decimal digits that read back to the same double (radix 10 only; other radixes print
// the exact value of the double with a point; odd ones, in which it has no end, as many digits as
// tell it from its neighbours). "+inf.0", "-inf.0", "+nan.0", "-0.0", "1e100", "0.1". When memory
// is out, out->failed.
void num_print(Buf *out, Value x, unsigned radix);
// The number that the text denotes, V_FALSE when it denotes none; V_FAIL when it is beyond the
// limit. The text must lie outside the heap, and so must the bytes below.
Value num_read(Heap *h, const char *text, size_t n, unsigned radix) MAY_GC;
// From syntax that the compiler has scanned already, and to bytes and back for literals and
// messages: sign byte (1: negative), then the magnitude of any exact integer, least significant
// byte first, without zeros at its end.
void num_big_to_bytes(Buf *out, Value x);
Value num_from_bytes(Heap *h, bool negative, const uint8_t *magnitude, size_t n) MAY_GC;

// ---- cost -----------------------------------------------------------------------------------
// Rough work of x op y in limb operations, so that the caller can charge reductions or move large
// products to another thread; 0 for small operands.
typedef enum { NUM_COST_LINEAR, NUM_COST_PRODUCT, NUM_COST_DIVISION, NUM_COST_TEXT } NumCost;
uint64_t num_cost(NumCost what, Value x, Value y);

#endif
