// The numbers of the value representation that code words contain: tags, immediates, kinds. The
// compiler writes them into instructions (IMM, BBITS, BKIND) and vm/value builds on them.
#ifndef VM_IMAGE_TAGS_H
#define VM_IMAGE_TAGS_H

#include "vm/base/base.h"

enum {
    TAG_FIX = 0,
    TAG_PAIR = 1,
    TAG_FLO = 2,
    TAG_PROC = 3,
    TAG_OBJ = 4,
    TAG_ID = 5,
    TAG_IMM = 6,
    TAG_HEADER = 7,
    TAG_MASK = 7,
};

// An immediate: {56-bit payload, 5-bit class, tag}.
enum { IMM_CONST = 0, IMM_CHAR = 1 };

#define IMM_BITS(sub, payload) ((uint64_t)(payload) << 8 | (uint64_t)(sub) << 3 | TAG_IMM)

enum {
    IMM_NIL,
    IMM_FALSE,
    IMM_TRUE,
    IMM_EOF,
    IMM_UNSPECIFIED,
    IMM_DEFAULT, // an optional argument that was not given
    // Never seen by a program.
    IMM_PRIVATE = 16, // in module cells; PRIVATE, UNBOUND in this order: one compare tests both
    IMM_UNBOUND = 17,
    IMM_FAIL = 24, // what natives return instead of a value
    IMM_YIELD = 25,
    IMM_WAIT = 26,
    IMM_NONE = 27,
};

// Low bits of local pids and references; see vm/value/value.h.
enum { ID_PID = TAG_ID, ID_REF = 8 | TAG_ID, ID_MASK = 15, CHAR_LOW = IMM_CHAR << 3 | TAG_IMM };

typedef enum {
#define KIND(name, layout, text) KIND_##name,
#include "vm/image/kind.def"
    KIND_COUNT
} Kind;

#endif
