// Inside of the numeric tower: shared by the files of vm/data that implement num.h, nobody else.
//
// Model: each number belongs to one NumClass. The tower (tower.c) looks at the classes of both
// arguments and calls one layer:
//
//   int_*    exact integers, fixnum or bignum       big.c, big_bits.c
//   ratio_*  exact numbers, at least one a ratio    ratio.c (integers are taken as n/1)
//   flo_*    flonums                                flo.c
//
// limbs_* work on magnitudes in plain memory; big.c and nothing else knows that GMP does the work.
//
// Collections: functions that return a Value may collect; they read their arguments from the slots
// again after each allocation. An IntView and a `const uint64_t *` into a heap object are dead
// after a MAY_GC call like any Value. Intermediate results stand in roots; a failed step leaves a
// NULL slot that the steps after it pass on (ratio_step), so a computation is tested once at its
// end.
#ifndef VM_DATA_NUM_INT_H
#define VM_DATA_NUM_INT_H

#include "vm/base/ieee.h"
#include "vm/data/num.h"

// In the order of the tower: everything up to NUM_CLASS_BIG is an integer, up to NUM_CLASS_RATIO
// exact, up to NUM_CLASS_FLO a number.
typedef enum {
    NUM_CLASS_FIX,
    NUM_CLASS_BIG,
    NUM_CLASS_RATIO,
    NUM_CLASS_FLO,
    NUM_CLASS_NONE
} NumClass;

static inline NumClass num_class(Value v)
{
    if (value_is_fix(v)) return NUM_CLASS_FIX;
    if (value_is_flo(v)) return NUM_CLASS_FLO;
    if (value_is_big(v)) return NUM_CLASS_BIG;
    return value_is_ratio(v) ? NUM_CLASS_RATIO : NUM_CLASS_NONE;
}

#define LIMB_BITS 64
#define LIMBS_MAX (NUM_BITS_MAX / LIMB_BITS)

typedef Value BinaryOp(Heap *h, const char *who, const Value *x, const Value *y);

COLD Value fail_too_large(Heap *h, const char *who); // beyond NUM_BITS_MAX
COLD Value fail_no_memory(Heap *h, const char *who);

bool int_coprime(Value x, Value y); // not zero; false without memory, too

// ---- exact integers as limbs ----------------------------------------------------------------

// A fixnum or a bignum, seen as sign and magnitude. Zero has no limbs, others no leading zero limb.
typedef struct {
    const uint64_t *limbs;
    size_t count;
    bool negative;
} IntView;

// `spare` holds the limb of a fixnum.
static inline IntView int_view(Value v, uint64_t *spare)
{
    if (value_is_fix(v)) {
        int64_t n = value_int(v);
        *spare = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
        return (IntView){spare, n != 0, n < 0};
    }
    uint64_t header = value_header(v);
    return (IntView){&value_words(v)[1].bits, header_words(header),
                     (header & HEADER_NEGATIVE) != 0};
}

static inline uint64_t limbs_bits(const uint64_t *limbs, size_t count) // bit length
{
    if (count == 0) return 0;
    return (uint64_t)count * LIMB_BITS - (uint64_t)__builtin_clzll(limbs[count - 1]);
}

static inline uint64_t int_bits(IntView x)
{
    return limbs_bits(x.limbs, x.count);
}

static inline size_t limbs_normalize(const uint64_t *limbs, size_t count)
{
    while (count > 0 && limbs[count - 1] == 0) {
        count--;
    }
    return count;
}

static inline bool int_is_odd(Value x)
{
    uint64_t spare;
    IntView view = int_view(x, &spare);
    return view.count > 0 && (view.limbs[0] & 1);
}

static inline bool int_is_negative(Value x)
{
    uint64_t spare;
    return int_view(x, &spare).negative;
}

// Room for the limbs of a result (at least one): NULL with the fault set when there is none. The
// caller fills all of it and calls int_finish before anything else is allocated; int_finish gives
// leading zeros back and makes the value canonical, or fails when it is beyond the limit.
MUST_USE uint64_t *int_begin(Heap *h, size_t limbs) MAY_GC;
Value int_finish(Heap *h, const char *who, uint64_t *limbs, size_t count, bool negative);

// n * 2^shift, for n > 0.
Value int_from_shifted(Heap *h, const char *who, uint64_t n, uint64_t shift, bool negative) MAY_GC;
Value int_from_magnitude(Heap *h, uint64_t n, bool negative) MAY_GC;

BinaryOp int_add, int_sub, int_mul, int_gcd;
typedef enum { DIVIDE_QUOTIENT, DIVIDE_REMAINDER, DIVIDE_FLOOR, DIVIDE_MODULO } DivideKind;
// The divisor is not zero.
Value int_divide(Heap *h, const char *who, const Value *x, const Value *y, DivideKind kind) MAY_GC;
BinaryOp int_quotient, int_remainder, int_floor, int_modulo; // the same, by kind
Value int_negate(Heap *h, const char *who, const Value *x) MAY_GC;
Value int_shift(Heap *h, const char *who, const Value *x, int64_t count) MAY_GC; // floors
// Floor of the root, and what is left over in *rest unless it is NULL (a root of the caller).
Value int_sqrt(Heap *h, const char *who, const Value *x, Value *rest) MAY_GC;
bool int_is_square(IntView x);
int int_compare(Value x, Value y); // -1, 0, 1
int int_compare_magnitudes(IntView x, IntView y);

// ---- limbs in plain memory --------------------------------------------------------------------

// Memory for the duration of a call; small amounts stand in the struct itself, which must therefore
// not be copied. scratch_open is false when memory is out; scratch_close may follow it even so.
#define SCRATCH_LOCAL 48
typedef struct {
    uint64_t *limbs;
    size_t count;
    uint64_t local[SCRATCH_LOCAL];
} Scratch;

MUST_USE bool scratch_open(Scratch *s, size_t limbs);
void scratch_close(Scratch *s);

// GMP takes temporary memory on its own and aborts the process when there is none. So before work
// on many limbs we ask for as much as it may want, and fail in good order if even that is refused.
MUST_USE bool limbs_have_room(size_t limbs);

void limbs_mul(uint64_t *out, IntView x, IntView y); // both not zero; out: x.count + y.count
uint64_t limbs_mul_1(uint64_t *limbs, size_t count, uint64_t by); // in place, returns the carry
// Both return how many limbs they wrote, without leading zeros. x is not zero; right shifts leave
// something of it.
size_t limbs_shift_left(uint64_t *out, const uint64_t *x, size_t count, uint64_t bits);
size_t limbs_shift_right(uint64_t *out, const uint64_t *x, size_t count, uint64_t bits);
bool limbs_any_below(const uint64_t *limbs, uint64_t bits); // is one of the lowest `bits` bits set

// The leading 128 bits, shifted so that the top one is set (those that do not exist are zero); x is
// not zero.
unsigned __int128 limbs_top(const uint64_t *limbs, size_t count);

// Sign of m * q * 2^exponent - p, for magnitudes that are not zero. Needs no memory.
int limbs_compare_scaled(uint64_t m, IntView q, int64_t exponent, IntView p);

// Digit values (0 to radix - 1), most significant first. `out` must hold limbs_text_size of them.
// The limbs are destroyed, and one more must be there to use; count > 0, no leading zero limb.
size_t limbs_text_size(size_t count, unsigned radix);
size_t limbs_to_digits(uint8_t *out, uint64_t *limbs, size_t count, unsigned radix);
// Digit values, the first not zero, to limbs: at most limbs_from_digits_size of them.
size_t limbs_from_digits_size(size_t digits, unsigned radix);
size_t limbs_from_digits(uint64_t *out, const uint8_t *digits, size_t count, unsigned radix);

// ---- rationals ------------------------------------------------------------------------------

// Of any exact number; the denominator of an integer is 1.
static inline Value ratio_numerator(Value x)
{
    return value_is_ratio(x) ? object_ref(x, 0) : x;
}

static inline Value ratio_denominator(Value x)
{
    return value_is_ratio(x) ? object_ref(x, 1) : value_fix(1);
}

// One step of a computation: the result of `op` in a new root, NULL when it fails or an argument is
// NULL because a step before it failed.
Value *ratio_step(Heap *h, const char *who, BinaryOp *op, const Value *x, const Value *y) MAY_GC;
// n / d for coprime integers, d > 0; NULL arguments are failures and pass on.
Value ratio_make(Heap *h, const Value *n, const Value *d) MAY_GC;
BinaryOp ratio_add, ratio_sub, ratio_mul;
BinaryOp ratio_div; // of all exact numbers; the divisor is not zero
Value ratio_negate(Heap *h, const char *who, const Value *x) MAY_GC;
// Sign of x - y for exact numbers that are not both integers. NUM_FAILED when memory is out.
NumOrder ratio_compare(Heap *h, const char *who, Value x, Value y);
Value ratio_round(Heap *h, const char *who, const Value *x, NumRounding how) MAY_GC;

// ---- flonums --------------------------------------------------------------------------------

static inline Value flo_make(Heap *h, double d)
{
    return heap_reserve(h, 2) ? heap_flonum(h, d) : V_FAIL;
}

bool flo_is_integer(double d); // not infinite, no NaN
// x * 2^exponent, correctly rounded; has_more: a bit more than that, by less than 2^exponent.
double flo_from_int(IntView x, int64_t exponent, bool has_more);
NumOrder flo_order(double x, double y);
NumOrder flo_compare_exact(double d, Value x); // x is exact
Value flo_to_exact(Heap *h, const char *who, const Value *x) MAY_GC;
// An exact number that is not zero as mantissa * 2^*exponent with 1 <= |mantissa| <= 2, for those
// that may be out of a double's range. Not correctly rounded, but to within 2^-52.
double flo_frexp(Value x, int64_t *exponent);
// An integer operation on numbers of which at least one is a flonum and all must be integers; the
// result is a flonum.
typedef enum { ZERO_POSITIVE, ZERO_OF_X, ZERO_OF_Y, ZERO_OF_QUOTIENT } ZeroSign;
Value flo_integer_op(Heap *h, const char *who, const Value *x, const Value *y, BinaryOp *op,
                     ZeroSign zero) MAY_GC;

// Shortest decimal digits, without zeros at the end, of a positive finite double: d = digits *
// 10^exponent to reading precision (flo_shortest.c).
typedef struct {
    uint64_t digits;
    int exponent;
} Decimal;
Decimal flo_shortest(double d);

#endif
