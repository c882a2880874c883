// A small primitive table, so that expected dumps do not change with the real one.
#include "vm/image/prim.h"

#include <string.h>

static const PrimInfo prims[] = {
    {.name = "%cons", .min_args = 2, .max_args = 2},
    {.name = "%car", .min_args = 1, .max_args = 1},
    {.name = "%cdr", .min_args = 1, .max_args = 1},
    {.name = "%eqv?", .min_args = 2, .max_args = 2},
    {.name = "%make-record", .min_args = 1, .max_args = -1},
    {.name = "%record-of?", .min_args = 2, .max_args = 2},
    {.name = "%record-ref", .min_args = 3, .max_args = 3},
    {.name = "%record-set!", .min_args = 4, .max_args = 4},
    {.name = "%values", .min_args = 0, .max_args = -1},
    {.name = "%+", .min_args = 2, .max_args = 2},
};

int prim_find(const char *name, size_t size)
{
    for (int i = 0; i < (int)countof(prims); i++) {
        if (strlen(prims[i].name) == size && memcmp(prims[i].name, name, size) == 0) return i;
    }
    return -1;
}

const PrimInfo *prim_info(int index)
{
    return &prims[index];
}
