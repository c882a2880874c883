// Values: one 64-bit word each, told apart by the low three bits.
//
//   000  fixnum      61 bits, the number shifted left by three
//   001  pair        two headerless words: car, cdr
//   010  flonum      header word, then the double
//   011  procedure   header word, code pointer, free values
//   100  object      header word, then what its kind says (vm/image/kind.def)
//   101  identity    a local pid or reference, all of it in the word
//   110  immediate   (), #t, #f, characters and the like
//   111  header      the first word of an object; never a value
//
// Pointers are 8-aligned. A header word can stand nowhere but at the front of an object, so a block
// of objects and pairs can be walked word by word, and a collector can mark a moved pair by putting
// a word with tag 111 in its car and a moved object by putting anything else in its header.
//
// A Value is a struct so that no plain integer slips in.
// See vm/doc/values.md.
#ifndef VM_VALUE_VALUE_H
#define VM_VALUE_VALUE_H

#include "vm/base/base.h"
#include "vm/image/tags.h"

#include <string.h>

typedef struct {
    uint64_t bits;
} Value;

static inline unsigned value_tag(Value v)
{
    return (unsigned)(v.bits & TAG_MASK);
}

// Identity of the word: what eq? compares.
static inline bool value_is(Value a, Value b)
{
    return a.bits == b.bits;
}

// ---- immediates -----------------------------------------------------------------------------

#define IMM_VALUE(n)           ((Value){IMM_BITS(IMM_CONST, n)})

#define V_NIL         IMM_VALUE(IMM_NIL)
#define V_FALSE       IMM_VALUE(IMM_FALSE)
#define V_TRUE        IMM_VALUE(IMM_TRUE)
#define V_EOF         IMM_VALUE(IMM_EOF)
#define V_UNSPECIFIED IMM_VALUE(IMM_UNSPECIFIED)
#define V_DEFAULT     IMM_VALUE(IMM_DEFAULT)

// Never seen by a program. PRIVATE and UNBOUND stand in module cells. The others are what a native
// returns instead of a value.
#define V_PRIVATE     IMM_VALUE(IMM_PRIVATE)
#define V_UNBOUND     IMM_VALUE(IMM_UNBOUND)
#define V_FAIL        IMM_VALUE(IMM_FAIL)  // the actor's fault says why
#define V_YIELD       IMM_VALUE(IMM_YIELD) // run me again, other actors first
#define V_WAIT        IMM_VALUE(IMM_WAIT)  // run me again once a signal or the deadline has come
#define V_NONE        IMM_VALUE(IMM_NONE)  // "nothing here", between C functions

static inline Value value_bool(bool b)
{
    return b ? V_TRUE : V_FALSE;
}

static inline bool value_true(Value v) // everything but #f
{
    return v.bits != V_FALSE.bits;
}

static inline bool value_is_char(Value v)
{
    return (v.bits & 0xff) == CHAR_LOW;
}

static inline Value value_char(uint32_t scalar)
{
    return (Value){IMM_BITS(IMM_CHAR, scalar)};
}

static inline uint32_t value_scalar(Value v)
{
    return (uint32_t)(v.bits >> 8);
}

static inline bool value_is_boolean(Value v)
{
    return value_is(v, V_TRUE) || value_is(v, V_FALSE);
}

static inline bool value_is_null(Value v)
{
    return value_is(v, V_NIL);
}

// ---- fixnums --------------------------------------------------------------------------------

#define FIX_BITS 61
#define FIX_MAX  (((int64_t)1 << 60) - 1)
#define FIX_MIN  (-((int64_t)1 << 60))

static inline bool value_is_fix(Value v)
{
    return value_tag(v) == TAG_FIX;
}

static inline bool value_both_fix(Value a, Value b)
{
    return ((a.bits | b.bits) & TAG_MASK) == 0;
}

static inline bool value_fits_fix(int64_t n)
{
    return n >= FIX_MIN && n <= FIX_MAX;
}

static inline Value value_fix(int64_t n)
{
    return (Value){(uint64_t)n << 3};
}

static inline int64_t value_int(Value v)
{
    return (int64_t)v.bits >> 3;
}

// ---- pids and references --------------------------------------------------------------------

// A local pid is {28-bit index, 32-bit serial}, a local reference a 60-bit number; bit 3 tells them
// apart. Those of other nodes are objects.
static inline bool value_is_local_pid(Value v)
{
    return (v.bits & ID_MASK) == ID_PID;
}

static inline bool value_is_local_ref(Value v)
{
    return (v.bits & ID_MASK) == ID_REF;
}

static inline Value value_pid(uint32_t index, uint32_t serial)
{
    return (Value){(uint64_t)serial << 32 | (uint64_t)index << 4 | TAG_ID};
}

static inline uint32_t value_pid_index(Value v)
{
    return (uint32_t)v.bits >> 4;
}

static inline uint32_t value_pid_serial(Value v)
{
    return (uint32_t)(v.bits >> 32);
}

static inline Value value_ref(uint64_t number)
{
    return (Value){number << 4 | 8 | TAG_ID};
}

static inline uint64_t value_ref_number(Value v)
{
    return v.bits >> 4;
}

// ---- pointers -------------------------------------------------------------------------------

// True for values that point to memory: tags 1 to 4.
static inline bool value_is_pointer(Value v)
{
    return value_tag(v) - 1u < 4u;
}

static inline Value *value_words(Value v) // the first word, header or car
{
    return (Value *)(v.bits & ~(uint64_t)TAG_MASK); // NOLINT: the point of tagging
}

static inline Value value_from_words(const void *p, unsigned tag)
{
    return (Value){(uint64_t)p | tag};
}

// ---- headers --------------------------------------------------------------------------------

// {48-bit payload size in words, 8-bit kind, 5 flag bits, tag}
enum {
    HEADER_IMMUTABLE = 1 << 3, // literals: writing to them is an error
    HEADER_NEGATIVE = 1 << 4, // bignums
    HEADER_LARGE = 1 << 5,   // lives in the large-object space, never moves
    HEADER_MARKED = 1 << 6,  // large objects, during a collection
    HEADER_OLD = 1 << 7      // large objects that have survived a collection
};

static inline uint64_t header_make(Kind kind, uint64_t payload_words)
{
    return payload_words << 16 | (uint64_t)kind << 8 | TAG_HEADER;
}

static inline Kind header_kind(uint64_t header)
{
    return (Kind)(uint8_t)(header >> 8);
}

static inline size_t header_words(uint64_t header) // payload, without the header itself
{
    return (size_t)(header >> 16);
}

static inline uint64_t value_header(Value v) // of a tag 2, 3 or 4 value
{
    return value_words(v)->bits;
}

static inline bool value_is_kind(Value v, Kind kind)
{
    return value_tag(v) == TAG_OBJ && header_kind(value_header(v)) == kind;
}

// ---- pairs ----------------------------------------------------------------------------------

static inline bool value_is_pair(Value v)
{
    return value_tag(v) == TAG_PAIR;
}

static inline Value *value_car_slot(Value pair)
{
    return (Value *)(pair.bits - TAG_PAIR);
}

static inline Value *value_cdr_slot(Value pair)
{
    return (Value *)(pair.bits - TAG_PAIR + sizeof(Value));
}

static inline Value value_car(Value pair)
{
    return *value_car_slot(pair);
}

static inline Value value_cdr(Value pair)
{
    return *value_cdr_slot(pair);
}

// ---- flonums --------------------------------------------------------------------------------

static inline bool value_is_flo(Value v)
{
    return value_tag(v) == TAG_FLO;
}

static inline double value_double(Value v)
{
    double d;
    memcpy(&d, value_words(v) + 1, sizeof d);
    return d;
}

#endif
