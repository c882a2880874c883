// See prim.h: the rows of prim.def as an array, and a lookup by name.
#include "vm/image/prim.h"

#include "vm/base/hash.h"
#include "vm/image/op.h"
#include "vm/image/tags.h"

#include <string.h>

#define P PRIMF_PURE
#define N PRIMF_NOFAIL
#define F (PRIMF_FOLD | PRIMF_PURE)
#define R PRIMF_NORETURN

static const PrimInfo prims[PRIM_COUNT] = {
#define VALUE(id, name, args, op, flags, doc) {name, args, args, PRIM_VALUE, flags, OP_##op, 0, doc},
#define EFFECT(id, name, args, op, flags, doc)                                                     \
    {name, args, args, PRIM_EFFECT, flags, OP_##op, 0, doc},
#define TEST(id, name, args, yes, no, doc)                                                         \
    {name, args, args, PRIM_TEST, F | N, OP_##yes, OP_##no, doc},
#define COMPARE(id, name, yes, no, yes_i, no_i, doc)                                               \
    {name, 2, 2, PRIM_COMPARE, F, OP_##yes, OP_##yes_i, doc},
#define BITS(id, name, mask, bits, doc)                                                            \
    {name, 1, 1, PRIM_BITS, F | N, (mask) << 8 | (bits), 0, doc},
#define KINDP(id, name, kind, doc)                                                                 \
    {name, 1, 1, PRIM_KIND, F | N, KIND_##kind, 0, doc},
#define WINDOW(id, name, min, max, op, flags, doc)                                                 \
    {name, min, max, PRIM_WINDOW, flags, OP_##op, 0, doc},
#define SPECIAL(id, name, min, max, flags, doc) {name, min, max, PRIM_SPECIAL, flags, 0, 0, doc},
#define NATIVE(id, name, min, max, flags, doc)  {name, min, max, PRIM_NATIVE, flags, 0, 0, doc},
#include "vm/image/prim.def"
};

// A scan: only the standard library's own build asks by name, and the linker through its own index.
int prim_find(const char *name, size_t size)
{
    for (int i = 0; i < PRIM_COUNT; i++) {
        const char *row = prims[i].name;
        if (row[1] == name[1] && strlen(row) == size && memcmp(row, name, size) == 0) return i;
    }
    return -1;
}

const PrimInfo *prim_info(int index)
{
    return &prims[index];
}
