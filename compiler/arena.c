// See arena.h. Blocks are zeroed when they are made and never reused, so arena_alloc need not clear.
#include "compiler/arena.h"

#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define BLOCK_BYTES (256 * 1024)

struct ArenaBlock {
    ArenaBlock *next;
    size_t bytes;
};

void arena_free(Arena *a)
{
    while (a->blocks) {
        ArenaBlock *b = a->blocks;
        a->blocks = b->next;
        mem_free(MEM_COMPILER, b, b->bytes);
    }
    *a = (Arena)ARENA_INIT;
}

void *arena_grow(Arena *a, size_t bytes)
{
    size_t size = MAX(sizeof(ArenaBlock) + bytes, a->used < BLOCK_BYTES ? 16 * 1024 : BLOCK_BYTES);
    ArenaBlock *b = mem_must_alloc(MEM_COMPILER, size);

    memset(b, 0, size);
    b->next = a->blocks;
    b->bytes = size;
    a->blocks = b;
    a->used += size;
    char *p = (char *)(b + 1);
    // A request larger than a block gets one of its own and the current block stays in use.
    if (bytes <= BLOCK_BYTES / 4 || !a->at) {
        a->at = p + bytes;
        a->end = (char *)b + size;
    }
    return p;
}

char *arena_text(Arena *a, const char *text, size_t n)
{
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, text, n);
    return copy;
}

char *arena_printf(Arena *a, const char *fmt, ...)
{
    va_list args, again;

    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = arena_alloc(a, (size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
    va_end(again);
    return text;
}
