// Persistent hash maps and sets: hash array mapped tries in their canonical form. A set is a map
// from its elements to #t.
//
// (Steindorfer, Vinju: Optimizing hash-array mapped tries for fast and lean immutable JVM
// collections, OOPSLA 2015.)
//
// Node: two fixnums, the bit maps of places that hold entries and of those that hold children; then
// the entries, key and value, then the children. A bucket, for keys whose hashes are the same, has
// -1 in place of the first bit map.
//
//   [M1] below the root each node has at least two entries in its subtree
//   [M2] a bucket stands at depth HAMT_LEVELS and nowhere else, and has two entries or more
// so that maps with the same keys have the same shape, up to the order in buckets.
//
// Hashes are made of content only (hash_equal by content): a map can be copied, moved and shared as
// it is. Keys that are compared by identity have the hash of their type.
//
// Threads: any for reading; the one that runs the heap's owner for the rest.
#ifndef VM_DATA_HAMT_H
#define VM_DATA_HAMT_H

#include "vm/heap/heap.h"

enum { NODE_DATA, NODE_CHILDREN, NODE_FIRST };

#define HAMT_BITS   5
#define HAMT_LEVELS 7

static inline bool hamt_is_bucket(Value node)
{
    return value_int(object_ref(node, NODE_DATA)) < 0;
}

size_t hamt_entry_count(Value node); // of the node itself
size_t hamt_child_count(Value node);

static inline Value *hamt_entry(Value node, size_t i) // key, then value
{
    return object_slot(node, NODE_FIRST + 2 * i);
}

static inline Value hamt_child(Value node, size_t i)
{
    return object_ref(node, NODE_FIRST + 2 * hamt_entry_count(node) + i);
}

Value hamt_make(Heap *h, Kind kind) MAY_GC;
// The hash of a key; false when it can be none: *refused is the part that has no hash.
bool hamt_hash(Value key, uint64_t *hash, Value *refused);
// The value of a key; V_NONE when it is not there. All three add to *work the parts compared, and
// what is worth as much.
Value hamt_ref(Value map, Value key, uint64_t hash, uint64_t *work);
// Of rooted slots. V_FAIL at the heap limit.
Value hamt_assoc(Heap *h, const Value *map, const Value *key, const Value *value, uint64_t hash,
                 uint64_t *work) MAY_GC;
Value hamt_dissoc(Heap *h, const Value *map, const Value *key, uint64_t hash,
                  uint64_t *work) MAY_GC;

#endif
