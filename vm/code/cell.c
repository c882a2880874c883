// Module variables. See struct Cell in code.h.
//
// A value that all actors can share (immutable all the way down) is moved to SHARED when it is
// defined, and its cell holds it for everybody; anything else is private to the actor that defined
// it, and travels to others by the rules of reach.c. No program can tell the difference.
#include "vm/code/code_int.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

// How deep and large a value may be and still be tried for sharing. Others are private, which is
// always right.
#define SHARE_DEPTH_MAX 64
#define SHARE_NODES_MAX 4096

static uint64_t cell_hash(Value module, Value name)
{
    return hash_word(module.bits ^ name.bits << 1);
}

Cell *cell_lookup(CodeSpace *cs, Value module, Value name)
{
    if (cs->cell_bucket_count == 0) return NULL;
    Cell *c = cs->cell_buckets[cell_hash(module, name) & (cs->cell_bucket_count - 1)];
    while (c && !(value_is(c->name, name) && value_is(c->module->name, module))) {
        c = c->next;
    }
    return c;
}

Cell *cell_find(CodeSpace *cs, Value module, Value name)
{
    plat_lock(&cs->lock);
    Cell *c = cell_lookup(cs, module, name);
    plat_unlock(&cs->lock);
    return c;
}

static bool grow_buckets(CodeSpace *cs)
{
    uint32_t more = cs->cell_bucket_count ? cs->cell_bucket_count * 2 : 1024;
    Cell **buckets = mem_zalloc(MEM_CODE, more * sizeof *buckets);

    if (!buckets) return cs->cell_bucket_count > 0;
    for (uint32_t i = 0; i < cs->cell_bucket_count; i++) {
        for (Cell *c = cs->cell_buckets[i], *next; c; c = next) {
            Cell **home = &buckets[cell_hash(c->module->name, c->name) & (more - 1)];
            next = c->next;
            c->next = *home;
            *home = c;
        }
    }
    mem_free(MEM_CODE, cs->cell_buckets, cs->cell_bucket_count * sizeof *buckets);
    cs->cell_buckets = buckets;
    cs->cell_bucket_count = more;
    return true;
}

static Cell *new_cell(CodeSpace *cs, LoadedModule *module, Value name, uint32_t flags)
{
    Cell *c = space_shared(cs->space, sizeof *c);

    if (!c) return NULL;
    c->stub.header = header_make(KIND_PROC, 2);
    c->stub.code = &cs->stub_codes[1];
    c->stub_cell.bits = (uint64_t)c;
    c->callee = value_from_words(&c->stub, TAG_PROC);
    c->value = V_UNBOUND;
    c->snapshot = V_NONE;
    c->id = ++cs->cell_count;
    c->flags = flags;
    c->module = module;
    c->name = name;
    return c;
}

static bool insert(CodeSpace *cs, Cell *c)
{
    if (cs->cell_count >= cs->cell_bucket_count && !grow_buckets(cs)) return false;
    Cell **home = &cs->cell_buckets[cell_hash(c->module->name, c->name) & (cs->cell_bucket_count - 1)];
    c->next = *home;
    *home = c;
    return true;
}

Cell *cell_intern(CodeSpace *cs, LoadedModule *module, Value name, uint32_t flags)
{
    Cell *c = cell_lookup(cs, module->name, name);

    if (c) {
        c->flags |= flags;
        return c;
    }
    c = new_cell(cs, module, name, flags);
    return c && insert(cs, c) ? c : NULL;
}

Cell *cell_stage(CodeSpace *cs, LoadedModule *m, Value name, uint32_t flags)
{
    Cell *c = new_cell(cs, m, name, flags);

    if (!c) return NULL;
    c->staged = true;
    c->real = cell_lookup(cs, m->name, name);
    return c;
}

bool cell_promote(CodeSpace *cs, Cell *c)
{
    c->staged = false;
    return insert(cs, c);
}

void cell_publish(CodeSpace *cs, Cell *c, Value v)
{
    Value callee = value_is_proc(v) ? v : value_from_words(&c->stub, TAG_PROC);

    __atomic_store_n(&c->value.bits, v.bits, __ATOMIC_RELEASE);
    __atomic_store_n(&c->callee.bits, callee.bits, __ATOMIC_RELEASE);
    atomic_fetch_add_explicit(&cs->epoch, 1, memory_order_release);
}

// ---- sharing ------------------------------------------------------------------------------------

// First payload slot that holds a value, for kinds that are shared slot by slot.
static size_t first_slot(Kind kind)
{
    return kind == KIND_PROC ? 1 : 0; // slot 0 of a procedure is its code
}

static bool can_share(CodeSpace *cs, Value v, unsigned depth, unsigned *budget)
{
    if (!value_is_pointer(v) || space_is_shared(cs->space, value_words(v))) return true;
    if (value_is_pair(v) || depth > SHARE_DEPTH_MAX || *budget == 0) return false;
    --*budget;
    uint64_t header = value_header(v);
    Kind kind = header_kind(header);
    switch (kind) {
    case KIND_FLONUM:
    case KIND_BIGNUM:
        return true;
    case KIND_STRING:
        return (header & HEADER_IMMUTABLE) && !bytes_is_indirect(value_bytes(v));
    case KIND_VECTOR:
    case KIND_RECORD:
    case KIND_HASHMAP:
    case KIND_HASHSET:
    case KIND_HASHNODE:
        if (!(header & HEADER_IMMUTABLE)) return false;
        break;
    case KIND_RATIO:
    case KIND_PARAMETER:
    case KIND_RECORD_TYPE:
    case KIND_PROC:
        break;
    default:
        return false;
    }
    for (size_t i = first_slot(kind); i < header_words(header); i++) {
        if (!can_share(cs, object_ref(v, i), depth + 1, budget)) return false;
    }
    return true;
}

// Of a value that can be shared: depth and size are bounded.
static Value share(CodeSpace *cs, Value v)
{
    if (!value_is_pointer(v) || space_is_shared(cs->space, value_words(v))) return v;
    size_t words = header_words(value_header(v)) + 1;
    Kind kind = header_kind(value_header(v));
    Value *q = space_shared(cs->space, words * sizeof(Value));
    if (!q) return V_FAIL;
    memcpy(q, value_words(v), words * sizeof(Value));
    q->bits = (q->bits & ~(uint64_t)(HEADER_LARGE | HEADER_OLD | HEADER_MARKED)) | HEADER_IMMUTABLE;
    if (kind_layout[kind] == LAYOUT_VALUES) {
        for (size_t i = first_slot(kind); i < words - 1; i++) {
            q[1 + i] = share(cs, q[1 + i]);
            if (value_is(q[1 + i], V_FAIL)) return V_FAIL;
        }
    }
    return value_from_words(q, value_tag(v));
}

Value code_share(CodeSpace *cs, Value v)
{
    unsigned budget = SHARE_NODES_MAX;
    return can_share(cs, v, 0, &budget) ? share(cs, v) : V_NONE;
}
