// A table from 64-bit keys (never 0) to two words. Small: linear search up to eight entries without
// any hashing; then open addressing. Order of iteration depends on keys and history only, never on
// addresses.
#ifndef VM_BASE_MAP_H
#define VM_BASE_MAP_H

#include "vm/base/mem.h"

typedef struct {
    uint64_t key; // 0: free
    uint64_t a, b;
} MapEntry;

typedef struct {
    MapEntry *entries;
    uint32_t count;
    uint32_t capacity; // a power of two, or 0
} Map;

void map_free(Map *m, MemClass class);
// Gives memory back when it is nearly empty; entries move.
void map_trim(Map *m, MemClass class);
// What the next map_add of a new key will take.
size_t map_growth_bytes(const Map *m);
MapEntry *map_find(const Map *m, uint64_t key); // NULL when absent
// The entry of a key, made with zero words when it is new (*made). NULL without memory.
MUST_USE MapEntry *map_add(Map *m, MemClass class, uint64_t key, bool *made);
bool map_remove(Map *m, uint64_t key);
// Any entry, to empty a table one by one; NULL when it is empty.
MapEntry *map_any(const Map *m, uint32_t *hint);

#define MAP_EACH(m, e)                                                                             \
    for (MapEntry *e = (m)->entries; e && e < (m)->entries + (m)->capacity; e++)                   \
        if (e->key != 0)

#endif
