// Declarations of all natives, from the table.
#ifndef RUNTIME_NATIVE_NATIVES_H
#define RUNTIME_NATIVE_NATIVES_H

#include "vm/exec/native.h"
#include "vm/image/prim.h"

#define VALUE(...)
#define EFFECT(...)
#define TEST(...)
#define COMPARE(...)
#define BITS(...)
#define KINDP(...)
#define WINDOW(...)
#define SPECIAL(...)
#define NATIVE(id, name, min, max, flags, doc) NATIVE_FN(id);
#include "vm/image/prim.def"

// C functions by PrimId; NULL where the primitive is no native.
extern const NativeFn native_table[PRIM_COUNT];

#endif
