// C memory: malloc with accounting per class and fault injection. Actor heaps do not come from
// here (vm/heap has its own regions); everything else does.
//
// Threads: any. Counters are relaxed atomics.
#ifndef VM_BASE_MEM_H
#define VM_BASE_MEM_H

#include "vm/base/base.h"

typedef enum {
#define MEM(name, text) MEM_##name,
#include "vm/base/mem.def"
    MEM_CLASSES
} MemClass;

// NULL when the system has no more or a fault was injected. Sizes are bytes; zero gives a unique
// block. mem_free takes the size that was asked for: the caller always knows it.
MUST_USE void *mem_alloc(MemClass class, size_t bytes);
MUST_USE void *mem_zalloc(MemClass class, size_t bytes);
// The same for objects that must begin at a multiple of `align`, a power of two.
MUST_USE void *mem_zalloc_aligned(MemClass class, size_t align, size_t bytes);
MUST_USE void *mem_realloc(MemClass class, void *p, size_t old_bytes, size_t new_bytes);
void mem_free(MemClass class, void *p, size_t bytes);

// The same, for what the program cannot go on without (boot, compiler): ends the process with one
// line on standard error and status 1 when memory has run out.
MUST_USE void *mem_must_alloc(MemClass class, size_t bytes);
MUST_USE void *mem_must_realloc(MemClass class, void *p, size_t old_bytes, size_t new_bytes);

// Bytes live in a class.
size_t mem_used(MemClass class);
size_t mem_total(void); // of all classes
const char *mem_class_name(MemClass class);

// Fault injection for tests: the nth allocation from now fails, once; 0 switches it off.
void mem_fail_at(uint64_t nth);

#endif
