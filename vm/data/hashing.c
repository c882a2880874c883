// See hashing.h. Compound values are walked in order with a small stack; both the number of parts
// and the size of the stack are bounded, in the same way for values that are equal?.
#include "vm/data/hashing.h"

#include "vm/base/hash.h"
#include "vm/data/bytes.h"
#include "vm/data/hamt.h"
#include "vm/data/num.h"

#define PARTS_MAX   48

#define PAIR_SEED   0x2545f4914f6cdd1du
#define VECTOR_SEED 0x9e6c63d0876a9a99u
#define MAP_SEED    0xc2b2ae3d27d4eb4fu

static inline uint64_t mix(uint64_t h, uint64_t part)
{
    return hash_word(h ^ (part + PAIR_SEED + (h << 6) + (h >> 2)));
}

// A record by its type and by those numbers, symbols and the like in it that can never change.
static uint64_t hash_record(Value v)
{
    enum { FIELDS = 8 };
    Value type = object_ref(v, RECORD_TYPE_SLOT), modifiers = object_ref(type, RTYPE_MODIFIERS);
    uint64_t h = mix(KIND_RECORD, object_ref(type, RTYPE_UID).bits);
    size_t n = MIN(object_count(v) - RECORD_FIELDS, (size_t)FIELDS);

    for (size_t i = 0; i < n && i < object_count(modifiers); i++) {
        Value field = object_ref(v, RECORD_FIELDS + i);
        if (value_true(object_ref(modifiers, i))) continue;
        if (!value_is_pointer(field)) h = mix(h, field.bits);
        if (value_is_symbol(field)) h = mix(h, value_symbol(field)->hash);
        if (value_is_number(field)) h = mix(h, num_hash(field));
    }
    return h;
}

static uint64_t hash_identity(Hasher *s, Value v)
{
    if (s->heap) {
        Motion motion = heap_motion(s->heap, v);
        if (motion > s->motion) s->motion = motion;
        return hash_word(v.bits ^ s->seed);
    }
    if (value_is_pair(v)) return PAIR_SEED;
    Kind kind = header_kind(value_header(v));
    if (kind == KIND_RECORD) return hash_record(v);
    if (kind == KIND_RECORD_TYPE) return mix(kind, object_ref(v, RTYPE_UID).bits);
    if (kind != KIND_STRING && kind != KIND_VECTOR && kind != KIND_BYTEVECTOR &&
        kind != KIND_HASHMAP && kind != KIND_HASHSET)
        s->refused = v;
    return hash_word(kind);
}

uint64_t hash_eqv(Hasher *s, Value v)
{
    if (!value_is_pointer(v)) return hash_word(v.bits ^ s->seed);
    if (value_is_symbol(v)) return value_symbol(v)->hash;
    if (value_is_number(v)) return num_hash(v);
    if (value_is_external(v)) return mix(value_external(v)->node, value_external(v)->number);
    return hash_identity(s, v);
}

typedef struct {
    Value v;
    size_t next; // part to be hashed
} Part;

typedef struct {
    Part stack[PARTS_MAX];
    unsigned depth;
    unsigned budget;
} Walk;

static void push(Walk *w, Value v)
{
    if (w->depth < PARTS_MAX) w->stack[w->depth++] = (Part){v, 0};
}

// A value without what is inside it, which is pushed.
static uint64_t hash_shallow(Hasher *s, Walk *w, Value v)
{
    if (value_is_pair(v)) {
        push(w, v);
        return PAIR_SEED;
    }
    if (value_tag(v) != TAG_OBJ) return hash_eqv(s, v);
    switch (header_kind(value_header(v))) {
    case KIND_STRING:
    case KIND_BYTEVECTOR:
        return bytes_hash(v, s->seed);
    case KIND_VECTOR:
        push(w, v);
        return VECTOR_SEED + object_count(v);
    case KIND_HASHMAP:
    case KIND_HASHSET:
        push(w, object_ref(v, HASHMAP_ROOT));
        return mix(MAP_SEED + header_kind(value_header(v)), object_ref(v, HASHMAP_COUNT).bits);
    case KIND_HASHNODE:
        push(w, v);
        return MAP_SEED;
    default:
        return hash_eqv(s, v);
    }
}

// The next part of the innermost open value; V_NONE after its last one.
static Value next_part(Walk *w)
{
    Part *p = &w->stack[w->depth - 1];

    if (value_is_pair(p->v)) {
        if (p->next++ == 0) return value_car(p->v);
        Value rest = value_cdr(p->v);
        w->depth--; // the last part: lists of any length need one place
        return rest;
    }
    if (header_kind(value_header(p->v)) == KIND_HASHNODE && hamt_is_bucket(p->v)) {
        w->depth--; // its order is no part of what it means
        return V_NONE;
    }
    if (p->next == object_count(p->v)) {
        w->depth--;
        return V_NONE;
    }
    return object_ref(p->v, p->next++);
}

uint64_t hash_equal(Hasher *s, Value v)
{
    Walk w;

    if (!value_is_pointer(v)) return hash_word(v.bits ^ s->seed);
    w.depth = 0;
    w.budget = PARTS_MAX;
    uint64_t h = hash_shallow(s, &w, v);
    while (w.depth > 0 && w.budget > 0) {
        Value part = next_part(&w);
        if (value_is(part, V_NONE)) continue;
        h = mix(h, hash_shallow(s, &w, part));
        w.budget--;
    }
    return h;
}
