// See mem.h.
#include "vm/base/mem.h"

#include "vm/base/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic size_t used[MEM_CLASSES];
static _Atomic uint64_t fail_countdown;

static bool fault_due(void)
{
    uint64_t left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
    if (LIKELY(left == 0)) return false;
    return atomic_fetch_sub_explicit(&fail_countdown, 1, memory_order_relaxed) == 1;
}

static void account(MemClass class, size_t bytes)
{
    atomic_fetch_add_explicit(&used[class], bytes, memory_order_relaxed);
}

void *mem_alloc(MemClass class, size_t bytes)
{
    void *p = fault_due() ? NULL : malloc(bytes ? bytes : 1);
    if (p) account(class, bytes);
    return p;
}

void *mem_zalloc(MemClass class, size_t bytes)
{
    void *p = fault_due() ? NULL : calloc(1, bytes ? bytes : 1);
    if (p) account(class, bytes);
    return p;
}

void *mem_zalloc_aligned(MemClass class, size_t align, size_t bytes)
{
    size_t room = (size_t)ALIGN_UP(bytes, align);
    void *p = fault_due() ? NULL : aligned_alloc(align, room);

    if (!p) return NULL;
    account(class, bytes);
    return memset(p, 0, room);
}

void *mem_realloc(MemClass class, void *p, size_t old_bytes, size_t new_bytes)
{
    void *q = fault_due() ? NULL : realloc(p, new_bytes ? new_bytes : 1);
    if (q) account(class, new_bytes - old_bytes);
    return q;
}

void mem_free(MemClass class, void *p, size_t bytes)
{
    if (!p) return;
    account(class, (size_t)0 - bytes);
    free(p);
}

NORETURN static COLD void die_without_memory(size_t bytes)
{
    fprintf(stderr, "error: out of memory (%zu bytes wanted)\n", bytes);
    exit(1);
}

void *mem_must_alloc(MemClass class, size_t bytes)
{
    void *p = mem_alloc(class, bytes);
    if (!p) die_without_memory(bytes);
    return p;
}

void *mem_must_realloc(MemClass class, void *p, size_t old_bytes, size_t new_bytes)
{
    void *q = mem_realloc(class, p, old_bytes, new_bytes);
    if (!q) die_without_memory(new_bytes);
    return q;
}

size_t mem_used(MemClass class)
{
    return atomic_load_explicit(&used[class], memory_order_relaxed);
}

size_t mem_total(void)
{
    size_t total = 0;
    for (int i = 0; i < MEM_CLASSES; i++) {
        total += mem_used((MemClass)i);
    }
    return total;
}

const char *mem_class_name(MemClass class)
{
    static const char *const names[] = {
#define MEM(name, text) text,
#include "vm/base/mem.def"
    };
    return names[class];
}

void mem_fail_at(uint64_t nth)
{
    atomic_store_explicit(&fail_countdown, nth, memory_order_relaxed);
}
