// Natives of persistent hash maps and sets. The work is vm/data/hamt.h's; walks over whole maps are
// the library's, node by node, so that they can be preempted.
//
// The library has checked which of the two it deals with: here a set is as good as a map.
#include "runtime/native/natives.h"

#include "vm/data/hamt.h"

#define WORK_PER_REDUCTION 16

static bool is_map(Value v)
{
    return value_is_kind(v, KIND_HASHMAP) || value_is_kind(v, KIND_HASHSET);
}

static bool check_map(Actor *a, const char *who, Value v)
{
    if (is_map(v)) return true;
    (void)fail_type(HEAP(a), who, "a hash map", v);
    return false;
}

static void charge(Actor *a, uint64_t work)
{
    if (work >= WORK_PER_REDUCTION) actor_charge(a, work / WORK_PER_REDUCTION);
}

// The hash of a key; false when it can be none (fault set).
static bool key_hash(Actor *a, const char *who, Value key, uint64_t *hash)
{
    Value refused;

    if (value_is_string(key)) native_charge_bytes(a, string_length(key));
    if (hamt_hash(key, hash, &refused)) return true;
    (void)fail_type(HEAP(a), who, "a key that can be hashed", refused);
    return false;
}

NATIVE_FN(hashmap_make)
{
    (void)count;
    return hamt_make(HEAP(a), value_true(args[0]) ? KIND_HASHSET : KIND_HASHMAP);
}

NATIVE_FN(hashmap_ref)
{
    uint64_t hash, work = 0;

    (void)count;
    if (!check_map(a, "hash-map-ref", args[0])) return V_FAIL;
    if (!key_hash(a, "hash-map-ref", args[1], &hash)) return V_FAIL;
    Value v = hamt_ref(args[0], args[1], hash, &work);
    charge(a, work);
    return value_is(v, V_NONE) ? args[2] : v;
}

NATIVE_FN(hashmap_assoc)
{
    uint64_t hash, work = 0;

    (void)count;
    if (!check_map(a, "hash-map-assoc", args[0])) return V_FAIL;
    if (!key_hash(a, "hash-map-assoc", args[1], &hash)) return V_FAIL;
    Value v = hamt_assoc(HEAP(a), &args[0], &args[1], &args[2], hash, &work);
    charge(a, work);
    return v;
}

NATIVE_FN(hashmap_dissoc)
{
    uint64_t hash, work = 0;

    (void)count;
    if (!check_map(a, "hash-map-dissoc", args[0])) return V_FAIL;
    if (!key_hash(a, "hash-map-dissoc", args[1], &hash)) return V_FAIL;
    Value v = hamt_dissoc(HEAP(a), &args[0], &args[1], hash, &work);
    charge(a, work);
    return v;
}

NATIVE_FN(hashmap_count)
{
    (void)count;
    if (!check_map(a, "hash-map-size", args[0])) return V_FAIL;
    return object_ref(args[0], HASHMAP_COUNT);
}

// (map-or-node index): the root of a map; the child of a node, #f behind its last one.
NATIVE_FN(hashmap_node)
{
    size_t i;

    (void)count;
    if (is_map(args[0])) return object_ref(args[0], HASHMAP_ROOT);
    if (!value_is_kind(args[0], KIND_HASHNODE))
        return fail_type(HEAP(a), "hash-map->list", "a hash map", args[0]);
    return native_index(args[1], hamt_child_count(args[0]), &i) ? hamt_child(args[0], i) : V_FALSE;
}

// (node what items): conses onto items what the node's own entries have, the last one first.
NATIVE_FN(hashmap_items)
{
    size_t what;

    (void)count;
    if (!value_is_kind(args[0], KIND_HASHNODE))
        return fail_type(HEAP(a), "hash-map->list", "a hash map", args[0]);
    if (!native_index(args[1], 3, &what))
        return fail_index(HEAP(a), "hash-map->list", args[1], "an entry", 3);
    size_t n = hamt_entry_count(args[0]);
    if (!heap_reserve(HEAP(a), 4 * n)) return V_FAIL;
    Value items = args[2];
    for (size_t i = n; i > 0; i--) {
        const Value *e = hamt_entry(args[0], i - 1);
        Value item = what == 2 ? heap_cons(HEAP(a), e[0], e[1]) : e[what];
        items = heap_cons(HEAP(a), item, items);
    }
    native_charge_bytes(a, n * sizeof(Value));
    return items;
}
