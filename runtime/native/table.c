// The natives by primitive.
#include "runtime/native/natives.h"

const NativeFn native_table[PRIM_COUNT] = {
#define VALUE(...)
#define EFFECT(...)
#define TEST(...)
#define COMPARE(...)
#define BITS(...)
#define KINDP(...)
#define WINDOW(...)
#define SPECIAL(...)
#define NATIVE(id, name, min, max, flags, doc) [PRIM_ID_##id] = native_##id,
#include "vm/image/prim.def"
};
