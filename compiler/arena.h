// Memory of one compilation: everything is carved from blocks that go away together.
#ifndef COMPILER_ARENA_H
#define COMPILER_ARENA_H

#include "vm/base/base.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct {
    ArenaBlock *blocks;
    char *at, *end;
    size_t used; // bytes of all blocks
} Arena;

#define ARENA_INIT {NULL, NULL, NULL, 0}

void arena_free(Arena *a);

// Slow half of arena_alloc; ends the process when memory has run out.
COLD void *arena_grow(Arena *a, size_t bytes);

// Zeroed, 8-aligned; never NULL.
static inline void *arena_alloc(Arena *a, size_t bytes)
{
    bytes = (size_t)ALIGN_UP(bytes, 8);
    if (UNLIKELY((size_t)(a->end - a->at) < bytes)) return arena_grow(a, bytes);
    void *p = a->at;
    a->at += bytes;
    return p;
}

#define arena_new(a, T)      ((T *)arena_alloc((a), sizeof(T)))
#define arena_array(a, T, n) ((T *)arena_alloc((a), sizeof(T) * (size_t)(n)))

char *arena_text(Arena *a, const char *text, size_t n); // NUL-terminated copy
char *arena_printf(Arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
