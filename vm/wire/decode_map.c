// Persistent maps from their entries, in a fragment: see decode_int.h and data/hamt.h.
//
// Entries are sorted by the digits of their hashes, the root's first, by seven passes of a radix sort
// whose counts were taken when the entries came; then each child of the root is built from its range
// at once. Passes and children are the steps. Recursion is as deep as the trie.
#include "vm/wire/decode_int.h"

#include "vm/data/equal.h"
#include "vm/data/hamt.h"

#include <string.h>

enum { DIGITS = 1 << HAMT_BITS };

struct WireEntries {
    WireEntry *items, *sorted; // sorted: room for a pass
    size_t count, capacity;
    unsigned pass; // HAMT_LEVELS: all are done
    size_t cursor;
    unsigned child;          // of the root that is built next
    uint32_t data, children; // of the root
    Value made[DIGITS];      // children
    size_t counts[HAMT_LEVELS][DIGITS];
};

WireEntries *entries_new(void)
{
    return mem_zalloc(MEM_SCRATCH, sizeof(WireEntries));
}

void entries_free(WireEntries *x)
{
    if (!x) return;
    mem_free(MEM_SCRATCH, x->items, x->capacity * sizeof *x->items);
    mem_free(MEM_SCRATCH, x->sorted, x->capacity * sizeof *x->sorted);
    mem_free(MEM_SCRATCH, x, sizeof *x);
}

static unsigned digit_at(const WireEntry *e, unsigned level)
{
    return (unsigned)(e->order >> HAMT_BITS * (HAMT_LEVELS - 1 - level)) & (DIGITS - 1);
}

WireState entries_key(WireDecoder *d, WireEntries *x, Value key)
{
    uint64_t hash;
    Value refused;
    WireEntry e = {key, V_TRUE, 0};

    if (!hamt_hash(key, &hash, &refused)) return wire_fail(d, "a key that cannot be hashed");
    if (x->count == x->capacity && !wire_grow((void **)&x->items, &x->capacity, sizeof e))
        return WIRE_NO_MEMORY;
    for (unsigned i = 0; i < HAMT_LEVELS; i++) {
        e.order = e.order << HAMT_BITS | (hash >> HAMT_BITS * i & (DIGITS - 1));
    }
    for (unsigned i = 0; i < HAMT_LEVELS; i++) {
        x->counts[i][digit_at(&e, i)]++;
    }
    x->items[x->count++] = e;
    return WIRE_DONE;
}

void entries_value(WireEntries *x, Value v)
{
    x->items[x->count - 1].value = v;
}

// ---- sorting --------------------------------------------------------------------------------------

// Goes on with a pass, by the digit of `level`; true at its end.
static bool pass_step(WireEntries *x, unsigned level, int64_t *work)
{
    size_t *at = x->counts[level];

    if (x->cursor == 0) {
        for (size_t i = 0, sum = 0; i < DIGITS; i++) {
            size_t n = at[i];
            at[i] = sum;
            sum += n;
        }
    }
    size_t end = MIN(x->count, x->cursor + 4 * (size_t)MAX(*work, (int64_t)1));
    *work -= (int64_t)((end - x->cursor) / 4);
    for (; x->cursor < end; x->cursor++) {
        const WireEntry *e = &x->items[x->cursor];
        x->sorted[at[digit_at(e, level)]++] = *e;
    }
    if (x->cursor < x->count) return false;
    WireEntry *items = x->items;
    x->items = x->sorted;
    x->sorted = items;
    x->cursor = 0;
    return true;
}

// ---- nodes ----------------------------------------------------------------------------------------

static Value *take_node(WireDecoder *d, int64_t data, uint32_t children, size_t payload)
{
    Value *p = wire_take(d, 1 + NODE_FIRST + payload);

    if (!p) return NULL;
    p[0].bits = header_make(KIND_HASHNODE, NODE_FIRST + payload) | HEADER_IMMUTABLE;
    p[1 + NODE_DATA] = value_fix(data);
    p[1 + NODE_CHILDREN] = value_fix(children);
    return p;
}

// Keys of one hash: each must differ from those before it.
static WireState make_bucket(WireDecoder *d, const WireEntry *e, size_t n, Value *out)
{
    for (size_t i = 1; i < n; i++) {
        for (size_t j = 0; j < i; j++) {
            uint64_t steps = 1;
            bool same = value_equal_steps(e[i].key, e[j].key, &steps);
            d->compared -= (int64_t)steps;
            if (same) return wire_fail(d, "a key that is there twice");
            if (d->compared < 0) return wire_fail(d, "too many keys with the same hash");
        }
    }
    Value *p = take_node(d, -1, 0, 2 * n);
    if (!p) return WIRE_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        p[1 + NODE_FIRST + 2 * i] = e[i].key;
        p[2 + NODE_FIRST + 2 * i] = e[i].value;
    }
    *out = value_from_words(p, TAG_OBJ);
    return WIRE_DONE;
}

static size_t run_length(const WireEntry *e, size_t n, unsigned level)
{
    size_t i = 1;

    while (i < n && digit_at(&e[i], level) == digit_at(&e[0], level)) {
        i++;
    }
    return i;
}

// The node of n sorted entries, two or more.
static WireState make_node(WireDecoder *d, const WireEntry *e, size_t n, unsigned level, Value *out)
{
    Value made[DIGITS];
    uint32_t data = 0, children = 0;
    size_t singles = 0, nodes = 0;

    if (level == HAMT_LEVELS) return make_bucket(d, e, n, out);
    for (size_t i = 0; i < n;) {
        size_t run = run_length(e + i, n - i, level);
        uint32_t bit = (uint32_t)1 << digit_at(&e[i], level);
        if (run == 1) {
            data |= bit;
            singles++;
        } else {
            WireState s = make_node(d, e + i, run, level + 1, &made[nodes++]);
            if (s != WIRE_DONE) return s;
            children |= bit;
        }
        i += run;
    }
    Value *p = take_node(d, data, children, 2 * singles + nodes);
    if (!p) return WIRE_NO_MEMORY;
    Value *to = p + 1 + NODE_FIRST;
    for (size_t i = 0; i < n;) {
        size_t run = run_length(e + i, n - i, level);
        if (run == 1) {
            *to++ = e[i].key;
            *to++ = e[i].value;
        }
        i += run;
    }
    memcpy(to, made, nodes * sizeof *made);
    *out = value_from_words(p, TAG_OBJ);
    return WIRE_DONE;
}

// The root: after sorting, counts[0][i] is where the range of digit i ends.
static WireState finish_root(WireDecoder *d, WireEntries *x, Value *root)
{
    size_t singles = (size_t)__builtin_popcount(x->data),
           nodes = (size_t)__builtin_popcount(x->children);
    Value *p = take_node(d, x->data, x->children, 2 * singles + nodes);

    if (!p) return WIRE_NO_MEMORY;
    Value *to = p + 1 + NODE_FIRST;
    for (unsigned i = 0; i < DIGITS; i++) {
        if (!(x->data >> i & 1)) continue;
        const WireEntry *e = &x->items[x->counts[0][i] - 1];
        *to++ = e->key;
        *to++ = e->value;
    }
    for (unsigned i = 0; i < DIGITS; i++) {
        if (x->children >> i & 1) *to++ = x->made[i];
    }
    *root = value_from_words(p, TAG_OBJ);
    return WIRE_DONE;
}

WireState entries_build(WireDecoder *d, WireEntries *x, Value *root, int64_t *work)
{
    if (!x->sorted && x->count > 0) {
        x->sorted = mem_alloc(MEM_SCRATCH, x->capacity * sizeof *x->sorted);
        if (!x->sorted) return WIRE_NO_MEMORY;
    }
    for (; x->pass < HAMT_LEVELS && x->count > 0; x->pass++) {
        if (*work <= 0) return WIRE_LATER;
        if (!pass_step(x, HAMT_LEVELS - 1 - x->pass, work)) return WIRE_LATER;
    }
    for (; x->child < DIGITS && x->count > 0; x->child++) {
        if (*work <= 0) return WIRE_LATER;
        size_t from = x->child ? x->counts[0][x->child - 1] : 0, n = x->counts[0][x->child] - from;
        uint32_t bit = (uint32_t)1 << x->child;
        *work -= (int64_t)n;
        if (n == 1) x->data |= bit;
        if (n < 2) continue;
        WireState s = make_node(d, x->items + from, n, 1, &x->made[x->child]);
        if (s != WIRE_DONE) return s;
        x->children |= bit;
    }
    return finish_root(d, x, root);
}
