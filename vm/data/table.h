// Mutable hash tables that keep their entries in the order in which keys were first put in.
//
// Model: entries (key, value, hash) lie in segments in the order of their making; an index with
// open addressing leads from hashes to numbers of entries. Segments are never copied once they have
// their full size, so that a table grows in small steps; the index is built anew when it doubles.
//
//   [T1] the index holds each entry that is not deleted exactly once, under the hash it notes
//   [T2] a deleted entry has TABLE_DELETED as its key; TABLE_COUNT of the TABLE_USED entries are not
//   [T3] the index has at least a quarter of its slots free
//   [T4] hashes of entries made by address are those of the addresses at TABLE_EPOCH
//
// Work on large tables (a new index, closing the gaps of deleted entries, hashing again what a
// collection has moved) is done in steps: table_settle returns TABLE_LATER until all is done, and
// the native yields. Nobody sees a table that is not settled but natives, and they settle it first.
//
// Threads: the one that runs the heap's owner.
#ifndef VM_DATA_TABLE_H
#define VM_DATA_TABLE_H

#include "vm/data/hashing.h"

typedef enum {
    TEST_EQV,    // eq? and eqv?
    TEST_EQUAL,  // equal?
    TEST_STRING, // string=?: keys are strings
    TEST_CUSTOM, // the program's: hashes come from it
    TEST_COUNT
} TableTest;

// HASH: the entries came from elsewhere without hashes.
typedef enum {
    PHASE_READY, PHASE_COMPACT, PHASE_HASH, PHASE_CLEAR, PHASE_FILL, PHASE_MOVED
} TablePhase;

typedef enum { TABLE_OK, TABLE_LATER, TABLE_FAILED } TableState; // FAILED: the fault is set

// A new table with room for `size` entries. V_FAIL at the heap limit.
Value table_make(Heap *h, TableTest test, size_t size) MAY_GC;

// Does a step of the work that is due, worth about `*work` entries, and lowers *work by what it
// did.
TableState table_settle(Heap *h, Value table, int64_t *work);

// What is due so that one more entry has room, and settles. `table` is a rooted slot.
TableState table_make_room(Heap *h, const Value *table, int64_t *work) MAY_GC;

// The key's hash in a settled table that is not CUSTOM, and when it may change.
uint32_t table_hash(Heap *h, Value table, Value key, Motion *motion);

// Position in the index of a key; -1 when it is not there. Counts parts compared.
int64_t table_find(Value table, Value key, uint32_t hash, uint64_t *steps);
// Position of the next entry with a hash, after position `after` (-1: from the first on).
int64_t table_probe(Value table, uint32_t hash, int64_t after);
// The entry at a position of the index, -1 when there is none.
int64_t table_entry_at(Value table, int64_t position);

// Puts in a key that is not there; table_make_room has made room. False without memory for what
// moving keys need (fault set).
MUST_USE bool table_add(Heap *h, Value table, Value key, Value value, uint32_t hash, Motion motion);
void table_set_value(Heap *h, Value table, int64_t entry, Value value);
void table_delete_at(Value table, int64_t position);
// Removes all. Gives the memory back as far as there is memory for a small index.
MUST_USE bool table_clear(Heap *h, const Value *table) MAY_GC;

// After deletions: begins closing the gaps when they are most of a table.
void table_shrink(Heap *h, const Value *table) MAY_GC;

#define TABLE_NO_ENTRY     ((size_t)1 << 40) // TABLE_YOUNG when no entry is young
#define TABLE_SEGMENT_BITS 9
#define TABLE_ENTRY_WORDS  3
// Never seen by a program, and not V_NONE, which to those who copy values means that it failed.
#define TABLE_DELETED      V_UNBOUND

// First of the three slots of an entry.
static inline Value *table_entry(Value table, size_t i)
{
    Value segment = object_ref(object_ref(table, TABLE_ENTRIES), i >> TABLE_SEGMENT_BITS);
    return object_slot(segment, (i & ((1u << TABLE_SEGMENT_BITS) - 1)) * TABLE_ENTRY_WORDS);
}

static inline size_t table_number(Value table, unsigned slot)
{
    return (size_t)value_int(object_ref(table, slot));
}

#endif
