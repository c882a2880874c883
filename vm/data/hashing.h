// Hashes of values that agree with eqv? and equal?.
//
// The hash of a compound value looks at a bounded number of its parts; what lies behind them does
// not count. What is compared by identity (procedures, records and the like, for eqv? also pairs,
// vectors and strings) is hashed by its address, when the asker can cope with addresses that
// change, or else by its type (and what of a record cannot change) alone.
//
// Threads: any; nothing is allocated.
#ifndef VM_DATA_HASHING_H
#define VM_DATA_HASHING_H

#include "vm/heap/heap.h"

typedef struct {
    const Heap *heap; // NULL: no addresses
    uint64_t seed;
    Motion motion; // out: when the hash may change
    Value refused; // out, without addresses: a part that has no hash (a procedure, a table); V_NONE
} Hasher;

static inline Hasher hasher_by_address(const Heap *h, uint64_t seed)
{
    return (Hasher){h, seed, MOVES_NEVER, V_NONE};
}

static inline Hasher hasher_by_content(void)
{
    return (Hasher){NULL, 0, MOVES_NEVER, V_NONE};
}

uint64_t hash_eqv(Hasher *s, Value v);
uint64_t hash_equal(Hasher *s, Value v);

#endif
