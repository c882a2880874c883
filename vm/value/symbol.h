// The symbol table of a VM: one Symbol per name, in SHARED, so that symbols are eq? across actors
// and travel without a copy.
//
// Threads: any; one lock per shard.
#ifndef VM_VALUE_SYMBOL_H
#define VM_VALUE_SYMBOL_H

#include "vm/plat/plat.h"
#include "vm/value/object.h"

#define SYMBOL_SHARDS 16

typedef struct {
    PlatLock lock;
    Symbol **buckets;
    uint32_t bucket_count; // a power of two
    uint32_t count;
} SymbolShard;

typedef struct {
    // Memory that is never moved or freed, zeroed; NULL when there is none (SHARED).
    void *(*allocate)(void *context, size_t bytes);
    void *context;
    uint64_t seed;
    uint32_t limit; // of symbols, 0: none
    _Atomic uint32_t count;
    SymbolShard shards[SYMBOL_SHARDS];
} SymbolTable;

void symbols_init(SymbolTable *t, void *(*allocate)(void *, size_t), void *context, uint32_t limit);
void symbols_fini(SymbolTable *t);

// The symbol of a name in valid UTF-8. V_FAIL when the limit is reached or memory is out.
MUST_USE Value symbol_intern(SymbolTable *t, const char *utf8, size_t size);

static inline Value symbol_named(SymbolTable *t, const char *text)
{
    return symbol_intern(t, text, strlen(text));
}

// The name as an immutable shared string, made on first use. V_FAIL without memory.
MUST_USE Value symbol_string(SymbolTable *t, Value symbol);

#endif
