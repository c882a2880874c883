// Natives of random numbers: xoshiro256** (Blackman, Vigna: Scrambled linear pseudorandom number
// generators, 2019). The state is a bytevector of 32 bytes that the caller keeps, so that every
// actor has its own; it is seeded through splitmix64, or from the system. Not for secrets.
#include "runtime/native/natives.h"

#include "vm/exec/ops.h"

#include <string.h>
#include <sys/random.h>

#define STATE_BYTES 32
#define RANDOM_BITS 60 // of %random-bits: a non-negative fixnum

typedef struct {
    uint64_t s[4];
} RandomState;

// The state in args[0], which becomes the object's own. False with the fault set when it is none.
static bool state_read(Actor *a, const char *who, Value *args, RandomState *out)
{
    if (!value_is_kind(args[0], KIND_BYTEVECTOR) ||
        bytes_length(value_bytes(args[0])) != STATE_BYTES) {
        (void)fail_type(HEAP(a), who, "the state of a random source", args[0]);
        return false;
    }
    if (value_header(args[0]) & HEADER_IMMUTABLE) {
        (void)fail_literal(a, who, args[0]);
        return false;
    }
    if (!bytes_own(HEAP(a), &args[0])) return false;
    memcpy(out, bytes_data(value_bytes(args[0])), STATE_BYTES);
    return true;
}

// All zeros is the one state that never leaves itself.
static void state_write(Value *args, RandomState *r)
{
    if ((r->s[0] | r->s[1] | r->s[2] | r->s[3]) == 0) r->s[0] = 1;
    memcpy(bytes_data(value_bytes(args[0])), r, STATE_BYTES);
}

static uint64_t rotate(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

static uint64_t next(RandomState *r)
{
    uint64_t result = rotate(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotate(r->s[3], 45);
    return result;
}

static uint64_t splitmix(uint64_t *x)
{
    *x += 0x9E3779B97F4A7C15u;
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

NATIVE_FN(random_seed)
{
    RandomState r;
    uint64_t seed[2] = {0, 0};

    for (unsigned i = 1; i < count; i++) {
        if (!value_is_fix(args[i])) return fail_type(HEAP(a), "random seed", "a fixnum", args[i]);
        seed[i - 1] = (uint64_t)value_int(args[i]);
    }
    if (!state_read(a, "random seed", args, &r)) return V_FAIL;
    uint64_t other = seed[1];
    uint64_t x = seed[0] ^ rotate(splitmix(&other), 32);
    if (seed[1] == 0) x = seed[0];
    for (unsigned i = 0; i < 4; i++) {
        r.s[i] = splitmix(&x);
    }
    state_write(args, &r);
    return V_UNSPECIFIED;
}

NATIVE_FN(random_randomize)
{
    RandomState r;

    (void)count;
    if (!state_read(a, "random randomize", args, &r)) return V_FAIL;
    // Up to 256 bytes come whole once the system's generator is ready.
    if (getrandom(&r, sizeof r, 0) != (ssize_t)sizeof r)
        return fail_text(HEAP(a), ERR_INTERNAL, "random randomize",
                         "the system gives no random bytes");
    state_write(args, &r);
    return V_UNSPECIFIED;
}

NATIVE_FN(random_bits)
{
    RandomState r;

    (void)count;
    if (!state_read(a, "random-integer", args, &r)) return V_FAIL;
    uint64_t x = next(&r) >> (64 - RANDOM_BITS);
    state_write(args, &r);
    return value_fix((int64_t)x);
}

// Without bias: a product of two 64-bit numbers whose low half is in the incomplete part is refused
// (Lemire: Fast random integer generation in an interval, 2019).
NATIVE_FN(random_below)
{
    RandomState r;

    (void)count;
    if (!value_is_fix(args[1]) || value_int(args[1]) <= 0)
        return fail_type(HEAP(a), "random-integer", "a positive integer", args[1]);
    if (!state_read(a, "random-integer", args, &r)) return V_FAIL;
    uint64_t n = (uint64_t)value_int(args[1]);
    uint64_t refused = (0 - n) % n;
    unsigned __int128 product;
    do {
        product = (unsigned __int128)next(&r) * n;
    } while ((uint64_t)product < refused);
    state_write(args, &r);
    return value_fix((int64_t)(product >> 64));
}

// In (0, 1): never 0, as SRFI 27 wants it.
NATIVE_FN(random_real)
{
    RandomState r;
    uint64_t x;

    (void)count;
    if (!state_read(a, "random-real", args, &r)) return V_FAIL;
    do {
        x = next(&r) >> 11;
    } while (x == 0);
    state_write(args, &r);
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    return heap_flonum(HEAP(a), (double)x * 0x1p-53);
}
