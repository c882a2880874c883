// Primitives: what the standard library may call by a %name and the compiler turns into one
// instruction or one call of a native. One table (prim.def) for the expander (names, arguments), the
// compiler (shape, opcode, what may be assumed), and the VM (the C function).
#ifndef VM_IMAGE_PRIM_H
#define VM_IMAGE_PRIM_H

#include "vm/base/base.h"

typedef enum {
    PRIM_VALUE,   // x: opcode with a destination and min_args sources
    PRIM_EFFECT,  // x: opcode with min_args sources and no result
    PRIM_TEST,    // x, y: branch opcodes taken when true / when false, min_args slots and a label
    PRIM_COMPARE, // x: first of the six slot branches' pair; y: first of the immediate ones' pair
    PRIM_BITS,    // x: mask << 8 | bits, for BBITS
    PRIM_KIND,    // x: kind, for BKIND
    PRIM_WINDOW,  // x: opcode with a window of arguments
    PRIM_SPECIAL, // the code generator knows it by name (gen/special.c)
    PRIM_NATIVE,  // a C function
} PrimShape;

enum {
    PRIMF_PURE = 1,   // changes nothing: may be dropped when unused, if it cannot fail either
    PRIMF_NOFAIL = 2, // cannot raise
    PRIMF_FOLD = 4,   // depends on its arguments only and they are immutable: folds, moves freely
    PRIMF_NORETURN = 8,
};

typedef struct {
    const char *name; // with the %
    int8_t min_args, max_args; // max -1: no bound
    uint8_t shape;
    uint8_t flags;
    uint16_t x, y;
    const char *doc;
} PrimInfo;

typedef enum {
#define VALUE(id, ...)   PRIM_ID_##id,
#define EFFECT(id, ...)  PRIM_ID_##id,
#define TEST(id, ...)    PRIM_ID_##id,
#define COMPARE(id, ...) PRIM_ID_##id,
#define BITS(id, ...)    PRIM_ID_##id,
#define KINDP(id, ...)   PRIM_ID_##id,
#define WINDOW(id, ...)  PRIM_ID_##id,
#define SPECIAL(id, ...) PRIM_ID_##id,
#define NATIVE(id, ...)  PRIM_ID_##id,
#include "vm/image/prim.def"
    PRIM_COUNT
} PrimId;

// Index of a primitive, -1 when there is none of that name.
int prim_find(const char *name, size_t size);
const PrimInfo *prim_info(int index);

#endif
