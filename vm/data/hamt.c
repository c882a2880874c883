// See hamt.h. Changing a map copies the nodes on the way to the key: their sizes are added up
// first, and one reservation serves them all. Recursion is as deep as the trie, which has
// HAMT_LEVELS levels.
#include "vm/data/hamt.h"

#include "vm/data/equal.h"
#include "vm/data/hashing.h"

#include <string.h>

#define SHIFT_MAX (HAMT_BITS * HAMT_LEVELS)
// What one level may need beyond a copy of its node: two entries and a header.
#define LEVEL_WORDS (1 + NODE_FIRST + 4)
// Words copied that are worth one part compared.
#define WORDS_PER_STEP 16

typedef struct {
    Heap *h;
    Value key, value;
    uint64_t hash;
    uint64_t *work;
    bool changed; // the number of entries
} Edit;

static uint32_t data_map(Value node)
{
    return (uint32_t)value_int(object_ref(node, NODE_DATA));
}

static uint32_t child_map(Value node)
{
    return (uint32_t)value_int(object_ref(node, NODE_CHILDREN));
}

size_t hamt_child_count(Value node)
{
    return hamt_is_bucket(node) ? 0 : (size_t)__builtin_popcount(child_map(node));
}

size_t hamt_entry_count(Value node)
{
    if (hamt_is_bucket(node)) return (object_count(node) - NODE_FIRST) / 2;
    return (size_t)__builtin_popcount(data_map(node));
}

static uint32_t bit_of(uint64_t hash, unsigned shift)
{
    return (uint32_t)1 << (hash >> shift & 31);
}

static size_t rank(uint32_t map, uint32_t bit)
{
    return (size_t)__builtin_popcount(map & (bit - 1));
}

bool hamt_hash(Value key, uint64_t *hash, Value *refused)
{
    Hasher s = hasher_by_content();

    *hash = hash_equal(&s, key) >> (64 - SHIFT_MAX);
    *refused = s.refused;
    return value_is(s.refused, V_NONE);
}

static uint64_t hash_again(Value key)
{
    uint64_t hash;
    Value refused;

    (void)hamt_hash(key, &hash, &refused);
    return hash;
}

// ---- looking up -------------------------------------------------------------------------------

static bool same_key(Value x, Value key, uint64_t *work)
{
    ++*work;
    return value_is(x, key) || (value_is_pointer(key) && value_equal_steps(x, key, work));
}

// Index of a key in a bucket, or how many entries it has.
static size_t find_in_bucket(Value node, Value key, uint64_t *work)
{
    size_t n = hamt_entry_count(node), i = 0;

    while (i < n && !same_key(hamt_entry(node, i)[0], key, work)) {
        i++;
    }
    return i;
}

Value hamt_ref(Value map, Value key, uint64_t hash, uint64_t *work)
{
    Value node = object_ref(map, HASHMAP_ROOT);

    for (unsigned shift = 0;; shift += HAMT_BITS) {
        if (hamt_is_bucket(node)) {
            size_t i = find_in_bucket(node, key, work);
            return i < hamt_entry_count(node) ? hamt_entry(node, i)[1] : V_NONE;
        }
        uint32_t bit = bit_of(hash, shift);
        if (data_map(node) & bit) {
            const Value *e = hamt_entry(node, rank(data_map(node), bit));
            return same_key(e[0], key, work) ? e[1] : V_NONE;
        }
        if (!(child_map(node) & bit)) return V_NONE;
        node = hamt_child(node, rank(child_map(node), bit));
    }
}

// Words that copies of the nodes on the way to a key take, and what is made beside them.
static size_t path_words(Value map, uint64_t hash)
{
    Value node = object_ref(map, HASHMAP_ROOT);
    size_t words = 1 + HASHMAP_SLOTS + (HAMT_LEVELS + 1) * LEVEL_WORDS;

    for (unsigned shift = 0;; shift += HAMT_BITS) {
        words += object_count(node) + LEVEL_WORDS;
        if (hamt_is_bucket(node)) return words;
        uint32_t bit = bit_of(hash, shift);
        if (!(child_map(node) & bit)) return words;
        node = hamt_child(node, rank(child_map(node), bit));
    }
}

// ---- nodes: from reserved words -----------------------------------------------------------------

static Value *take_node(Heap *h, int64_t data, uint32_t children, size_t payload)
{
    Value *p = heap_take(h, 1 + payload);

    p[0].bits = header_make(KIND_HASHNODE, payload) | HEADER_IMMUTABLE;
    p[1 + NODE_DATA] = value_fix(data);
    p[1 + NODE_CHILDREN] = value_fix(children);
    return p + 1 + NODE_FIRST;
}

static Value node_of(Value *first_entry)
{
    return value_from_words(first_entry - 1 - NODE_FIRST, TAG_OBJ);
}

static Value *copy_words(Value *to, const Value *from, size_t n)
{
    if (n > 0) memcpy(to, from, n * sizeof *to); // from may be NULL when there is nothing
    return to + n;
}

// A copy whose payload word at `at` is `v`.
static Value with_word(Heap *h, Value node, size_t at, Value v)
{
    size_t n = object_count(node);
    Value *p = heap_take(h, 1 + n);

    p[0].bits = header_make(KIND_HASHNODE, n) | HEADER_IMMUTABLE;
    copy_words(p + 1, value_words(node) + 1, n);
    p[1 + at] = v;
    return value_from_words(p, TAG_OBJ);
}

// A copy with `drop` words at payload index `at` replaced by those of `put`.
static Value spliced(Heap *h, Value node, int64_t data, uint32_t children, size_t at, size_t drop,
                     const Value *put, size_t put_count)
{
    size_t n = object_count(node);
    const Value *from = value_words(node) + 1;
    Value *first = take_node(h, data, children, n - drop + put_count);
    Value *to = copy_words(first, from + NODE_FIRST, at - NODE_FIRST);

    to = copy_words(to, put, put_count);
    copy_words(to, from + at + drop, n - at - drop);
    return node_of(first);
}

static size_t entry_place(size_t i)
{
    return NODE_FIRST + 2 * i;
}

// ---- putting in -------------------------------------------------------------------------------

// The subtree of two keys that differ.
static Value pair_up(Edit *e, Value key, Value value, uint64_t hash, unsigned shift)
{
    if (shift == SHIFT_MAX) {
        Value *to = take_node(e->h, -1, 0, NODE_FIRST + 4);
        to[0] = key, to[1] = value, to[2] = e->key, to[3] = e->value;
        return node_of(to);
    }
    uint32_t a = bit_of(hash, shift), b = bit_of(e->hash, shift);
    if (a == b) {
        Value child = pair_up(e, key, value, hash, shift + HAMT_BITS);
        Value *to = take_node(e->h, 0, a, NODE_FIRST + 1);
        to[0] = child;
        return node_of(to);
    }
    Value *to = take_node(e->h, (int64_t)(a | b), 0, NODE_FIRST + 4);
    Value *first = a < b ? to : to + 2, *second = a < b ? to + 2 : to;
    first[0] = key, first[1] = value, second[0] = e->key, second[1] = e->value;
    return node_of(to);
}

static Value assoc_in_bucket(Edit *e, Value node)
{
    size_t n = hamt_entry_count(node), i = find_in_bucket(node, e->key, e->work);
    Value entry[2] = {e->key, e->value};

    if (i < n) return with_word(e->h, node, entry_place(i) + 1, e->value);
    e->changed = true;
    return spliced(e->h, node, -1, 0, entry_place(n), 0, entry, 2);
}

// An entry whose place is taken by another key: both go into a child.
static Value push_down(Edit *e, Value node, uint32_t bit, unsigned shift)
{
    size_t i = rank(data_map(node), bit);
    const Value *at = hamt_entry(node, i);
    Value child = pair_up(e, at[0], at[1], hash_again(at[0]), shift + HAMT_BITS);
    uint32_t data = data_map(node) & ~bit, children = child_map(node) | bit;

    e->changed = true;
    Value without = spliced(e->h, node, data, children, entry_place(i), 2, NULL, 0);
    size_t place = entry_place((size_t)__builtin_popcount(data)) + rank(children, bit);
    return spliced(e->h, without, data, children, place, 0, &child, 1);
}

static Value assoc_in(Edit *e, Value node, unsigned shift)
{
    if (hamt_is_bucket(node)) return assoc_in_bucket(e, node);
    uint32_t bit = bit_of(e->hash, shift), data = data_map(node), children = child_map(node);
    if (children & bit) {
        size_t i = rank(children, bit);
        Value child = assoc_in(e, hamt_child(node, i), shift + HAMT_BITS);
        return with_word(e->h, node, entry_place(hamt_entry_count(node)) + i, child);
    }
    size_t i = rank(data, bit);
    if (!(data & bit)) {
        Value entry[2] = {e->key, e->value};
        e->changed = true;
        return spliced(e->h, node, data | bit, children, entry_place(i), 0, entry, 2);
    }
    if (same_key(hamt_entry(node, i)[0], e->key, e->work))
        return with_word(e->h, node, entry_place(i) + 1, e->value);
    return push_down(e, node, bit, shift);
}

static Value new_map(Heap *h, Kind kind, int64_t count, Value root)
{
    Value *p = heap_take(h, 1 + HASHMAP_SLOTS);

    p[0].bits = header_make(kind, HASHMAP_SLOTS) | HEADER_IMMUTABLE;
    p[1 + HASHMAP_COUNT] = value_fix(count);
    p[1 + HASHMAP_ROOT] = root;
    return value_from_words(p, TAG_OBJ);
}

Value hamt_make(Heap *h, Kind kind)
{
    if (!heap_reserve(h, 2 + NODE_FIRST + HASHMAP_SLOTS)) return V_FAIL;
    return new_map(h, kind, 0, node_of(take_node(h, 0, 0, NODE_FIRST)));
}

Value hamt_assoc(Heap *h, const Value *map, const Value *key, const Value *value, uint64_t hash,
                 uint64_t *work)
{
    // Twice: an entry that is pushed down copies its node in two steps.
    size_t words = 2 * path_words(*map, hash);
    if (!heap_reserve(h, words)) return V_FAIL;
    *work += words / WORDS_PER_STEP;
    Edit e = {h, *key, *value, hash, work, false};
    Value root = assoc_in(&e, object_ref(*map, HASHMAP_ROOT), 0);
    return new_map(h, header_kind(value_header(*map)),
                   value_int(object_ref(*map, HASHMAP_COUNT)) + e.changed, root);
}

// ---- taking out -------------------------------------------------------------------------------

// A node that its parent takes in as an entry.
static bool is_single(Value node)
{
    return object_count(node) == NODE_FIRST + 2 && hamt_entry_count(node) == 1;
}

static Value dissoc_in_bucket(Edit *e, Value node)
{
    size_t n = hamt_entry_count(node), i = find_in_bucket(node, e->key, e->work);

    if (i == n) return node;
    e->changed = true;
    // Of two one is left: the parent takes it, whatever its place here.
    return spliced(e->h, node, n == 2 ? 1 : -1, 0, entry_place(i), 2, NULL, 0);
}

// The child at `bit` has one entry left, which comes up into the node.
static Value pull_up(Edit *e, Value node, uint32_t bit, Value child)
{
    uint32_t data = data_map(node), children = child_map(node);
    size_t place = entry_place(hamt_entry_count(node)) + rank(children, bit);
    Value without = spliced(e->h, node, data, children & ~bit, place, 1, NULL, 0);

    return spliced(e->h, without, data | bit, children & ~bit, entry_place(rank(data, bit)), 0,
                   hamt_entry(child, 0), 2);
}

static Value dissoc_in(Edit *e, Value node, unsigned shift)
{
    if (hamt_is_bucket(node)) return dissoc_in_bucket(e, node);
    uint32_t bit = bit_of(e->hash, shift), data = data_map(node), children = child_map(node);
    if (data & bit) {
        size_t i = rank(data, bit);
        if (!same_key(hamt_entry(node, i)[0], e->key, e->work)) return node;
        e->changed = true;
        return spliced(e->h, node, data & ~bit, children, entry_place(i), 2, NULL, 0);
    }
    if (!(children & bit)) return node;
    size_t i = rank(children, bit);
    Value child = dissoc_in(e, hamt_child(node, i), shift + HAMT_BITS);
    if (!e->changed) return node;
    if (is_single(child)) return pull_up(e, node, bit, child);
    return with_word(e->h, node, entry_place(hamt_entry_count(node)) + i, child);
}

Value hamt_dissoc(Heap *h, const Value *map, const Value *key, uint64_t hash, uint64_t *work)
{
    size_t words = 2 * path_words(*map, hash);
    if (!heap_reserve(h, words)) return V_FAIL;
    *work += words / WORDS_PER_STEP;
    Edit e = {h, *key, V_FALSE, hash, work, false};
    Value root = dissoc_in(&e, object_ref(*map, HASHMAP_ROOT), 0);
    if (!e.changed) return *map;
    return new_map(h, header_kind(value_header(*map)),
                   value_int(object_ref(*map, HASHMAP_COUNT)) - 1, root);
}
