// Allocation, remembering old slots, fragments and failures. The collector is gc.c.
#include "vm/heap/heap_int.h"

#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void heap_init(Heap *h, Value *nursery, size_t words)
{
    MEMORY_USABLE(nursery, words * sizeof(Value));
    h->hp = h->nursery = h->mark = nursery;
    h->limit = h->nursery_end = nursery + words;
    h->frags = NULL;
    h->ext = NULL;
    h->scratch = NULL;
    h->frag_words = 0;
    h->max_words = 0;
}

HeapExt *heap_ext(Heap *h)
{
    if (!h->ext) {
        h->ext = mem_zalloc(MEM_HEAP, sizeof *h->ext);
        if (!h->ext) return NULL;
        h->ext->blocks_young = h->ext->blocks_old = V_NIL;
        h->ext->weak_young = h->ext->weak_old = V_NIL;
        h->ext->old_limit = 8192; // 64 KiB
    }
    return h->ext;
}

// ---- allocation -----------------------------------------------------------------------------

static bool is_at_limit(Heap *h)
{
    HeapScratch *s = h->scratch;
    if (!s->ops->may_grow(h, 0)) return true;
    if (s->cache->reserve || !space_is_full(s->space)) return false;
    return !(s->ops->use_reserve && s->ops->use_reserve(h));
}

bool heap_collect_for(Heap *h, size_t words)
{
    if (!is_at_limit(h) && gc_collect(h, words, false)) return true;
    if (gc_collect(h, words, true) && !is_at_limit(h)) return true;
    (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    return false;
}

// Large objects do not use the nursery; this much of them is as good a reason to collect.
static bool large_pressure(const HeapExt *e)
{
    return e->large_young_words > MAX((size_t)1 << 17, (e->old_words + e->large_words) / 2);
}

static Value *alloc_large(Heap *h, uint64_t header)
{
    HeapExt *e = heap_ext(h);
    size_t words = header_words(header) + 1;
    size_t bytes = sizeof(Large) + words * sizeof(Value);

    if (!e) return NULL;
    if (large_pressure(e) && !gc_collect(h, 0, false)) return NULL;
    if (words > SIZE_MAX / 16 || !h->scratch->ops->may_grow(h, words)) return NULL;
    Large *l = space_alloc(h->scratch->space, h->scratch->cache, REGION_LARGE, &bytes);
    if (!l) return NULL;
    l->bytes = bytes;
    l->next = e->large_young;
    e->large_young = l;
    e->large_words += words;
    e->large_young_words += words;
    l->object[0].bits = header | HEADER_LARGE;
    return l->object;
}

Value *heap_alloc(Heap *h, uint64_t header)
{
    size_t payload = header_words(header);
    Value *p;

    if (LIKELY(payload <= HEAP_LARGE_WORDS)) {
        if (!heap_reserve(h, payload + 1)) return NULL;
        p = heap_take(h, payload + 1);
        p->bits = header;
        return p;
    }
    ASSERT(!h->scratch->nogc);
#if BUILD_STRESS
    if (!heap_collect_for(h, 0)) return NULL;
#endif
    p = alloc_large(h, header);
    if (!p && gc_collect(h, 0, true)) p = alloc_large(h, header);
    if (!p) (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    return p;
}

void heap_trim(Heap *h, Value *object, size_t payload_words)
{
    size_t have = header_words(object->bits);

    ASSERT(payload_words <= have);
    if (payload_words == have) return;
    object->bits = (object->bits & 0xffff) | (uint64_t)payload_words << 16;
    if (object->bits & HEADER_LARGE) {
        // The block keeps its size; a payload that became small stays where it is.
        h->ext->large_words -= have - payload_words;
        h->ext->large_young_words -= MIN(have - payload_words, h->ext->large_young_words);
    } else if (object + 1 + have == h->hp) {
        h->hp = object + 1 + payload_words;
    } else {
        // Something was made behind it: the gap becomes an object of its own, to keep the nursery
        // walkable.
        object[1 + payload_words].bits = header_make(KIND_BYTES, have - payload_words - 1);
    }
}

// ---- addresses as identities ------------------------------------------------------------------

Motion heap_motion(const Heap *h, Value v)
{
    const Space *space = h->scratch->space;

    if (!value_is_pointer(v)) return MOVES_NEVER;
    const Value *p = value_words(v);
    if (space_is_shared(space, p)) return MOVES_NEVER;
    if (space_is_large(space, p)) return MOVES_COPIED;
    return space_is_settled(space, p) ? MOVES_FULL : MOVES_YOUNG;
}

bool heap_epoch(Heap *h, uint64_t *out)
{
    const HeapExt *e = heap_ext(h); // only a heap that has one counts

    if (!e) return false;
    const uint64_t mask = ((uint64_t)1 << 30) - 1;
    *out = ((uint64_t)e->major_count & mask) << 30 | ((uint64_t)e->minor_count & mask);
    return true;
}

// ---- stores -----------------------------------------------------------------------------------

bool heap_is_shared(const Heap *h, Value v)
{
    return space_is_shared(h->scratch->space, value_words(v));
}

static int compare_slots(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t) * (Value *const *)x, b = (uintptr_t) * (Value *const *)y;
    return (a > b) - (a < b);
}

// A program that keeps writing to the same slots lists them again and again.
static void drop_doubles(HeapExt *e)
{
    uint32_t kept = 0;

    qsort(e->remembered, e->remembered_count, sizeof(Value *), compare_slots);
    for (uint32_t i = 0; i < e->remembered_count; i++) {
        if (kept == 0 || e->remembered[kept - 1] != e->remembered[i])
            e->remembered[kept++] = e->remembered[i];
    }
    e->remembered_count = kept;
}

// Makes room for one more.
static bool remembered_room(HeapExt *e)
{
    if (e->remembered_count < e->remembered_capacity) return true;
    if (e->remembered_count > 0) drop_doubles(e);
    // Half of it must be free again for the sorting to pay.
    if (e->remembered_count < e->remembered_capacity / 2) return true;
    uint32_t more = e->remembered_capacity ? e->remembered_capacity * 2 : 16;
    Value **slots = mem_realloc(MEM_HEAP, e->remembered, e->remembered_capacity * sizeof(Value *),
                                more * sizeof(Value *));
    if (!slots) return e->remembered_count < e->remembered_capacity;
    e->remembered = slots;
    e->remembered_capacity = more;
    return true;
}

void heap_remember(Heap *h, Value *slot)
{
    HeapExt *e = h->ext;
    uint32_t n = e->remembered_count;

    if (n > 0 && e->remembered[n - 1] == slot) return;
    if (remembered_room(e)) {
        e->remembered[e->remembered_count++] = slot;
    } else {
        e->remembered_overflow = true;
    }
}

void heap_store_slow(Heap *h, Value object, Value *slot, Value v)
{
    Space *space = h->scratch->space;
    const Value *words = value_words(object);

    *slot = v;
    // Fragments are young; a large object is scanned whole by the first collection it meets.
    if (space_is_large(space, words) ? !(words->bits & HEADER_OLD) : !space_is_settled(space, words))
        return;
    if (!value_is_pointer(v) || space_is_settled(space, value_words(v))) return;
    heap_remember(h, slot);
}

// ---- fragments and blocks -------------------------------------------------------------------------

void heap_adopt(Heap *h, Frag *frag)
{
    Frag *last = frag;
    size_t words = frag->used;

    for (; last->next; last = last->next) {
        words += last->next->used;
    }
    last->next = h->frags;
    h->frags = frag;
    h->frag_words = (uint32_t)MIN(h->frag_words + words, UINT32_MAX);
    // Fragments count against the nursery, so that the next one need not be larger to hold both.
    size_t room = (size_t)(h->nursery_end - h->hp);
    h->limit = h->frag_words >= room ? h->hp : h->nursery_end - h->frag_words;
}

bool heap_may_adopt(Heap *h, size_t words)
{
    const HeapOwnerOps *ops = h->scratch->ops;
    return ops->may_grow(h, words) || (gc_collect(h, 0, true) && ops->may_grow(h, words));
}

void frag_free(Space *space, BlockCache *cache, Frag *frag)
{
    while (frag) {
        Frag *next = frag->next;
        space_free(space, cache, REGION_YOUNG, frag, frag->bytes);
        frag = next;
    }
}

Block *block_new(Space *space, size_t bytes)
{
    size_t real = sizeof(Block) + bytes;
    Block *b = space_alloc(space, NULL, REGION_LARGE, &real);

    if (!b) return NULL;
    atomic_store_explicit(&b->refs, 1, memory_order_relaxed);
    b->capacity = real - sizeof(Block);
    b->drop = NULL;
    return b;
}

void block_free(Space *space, Block *b)
{
    space_free(space, NULL, REGION_LARGE, b, sizeof(Block) + b->capacity);
}

void block_retain(Block *b)
{
    atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
}

void block_release(Space *space, Block *b)
{
    if (atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1) return;
    if (b->drop) {
        b->drop(b);
    } else {
        block_free(space, b);
    }
}

bool heap_note_blockref(Heap *h, Value blockref)
{
    HeapExt *e = heap_ext(h);
    BlockRef *ref = (BlockRef *)value_words(blockref);

    if (!e) return false;
    ref->next = e->blocks_young;
    e->blocks_young = blockref;
    e->block_bytes += ref->block->capacity;
    return true;
}

bool heap_set_least(Heap *h, size_t words, size_t *was)
{
    HeapExt *e = heap_ext(h);

    if (!e) return false;
    *was = e->least_words;
    e->least_words = words;
    return true;
}

Value heap_handle(Heap *h, Block *b)
{
    size_t words = sizeof(BlockRef) / sizeof(Value);

    if (!heap_reserve(h, words)) {
        block_release(h->scratch->space, b);
        return V_FAIL;
    }
    BlockRef *ref = (BlockRef *)heap_take(h, words);
    ref->header = header_make(KIND_HANDLE, words - 1);
    ref->block = b;
    ref->next = V_NIL;
    Value v = value_from_words(ref, TAG_OBJ);
    if (heap_note_blockref(h, v)) return v;
    ref->header = header_make(KIND_BYTES, words - 1);
    block_release(h->scratch->space, b);
    return fail_text(h, ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

static bool unchain(Value *link, Value blockref)
{
    while (!value_is_null(*link) && !value_is(*link, blockref)) {
        link = &((BlockRef *)value_words(*link))->next;
    }
    if (value_is_null(*link)) return false;
    *link = ((BlockRef *)value_words(blockref))->next;
    return true;
}

void heap_forget_handle(Heap *h, Value handle)
{
    Block *b = ((BlockRef *)value_words(handle))->block;
    bool found = unchain(&h->ext->blocks_young, handle) || unchain(&h->ext->blocks_old, handle);

    CHECK(found, "heap: a handle that is in no chain");
    h->ext->block_bytes -= b->capacity;
    uint64_t *header = &((BlockRef *)value_words(handle))->header;
    *header = header_make(KIND_BYTES, header_words(*header));
    block_release(h->scratch->space, b);
}

void heap_give_handle(Heap *h, Value handle)
{
    BlockRef *ref = (BlockRef *)value_words(handle);
    Space *space = h->scratch->space;
    Block *was = ref->block;

    block_retain(space->given);
    ref->block = space->given;
    h->ext->block_bytes += ref->block->capacity;
    h->ext->block_bytes -= was->capacity;
    block_release(space, was);
}

bool heap_is_given(const Heap *h, Value handle)
{
    return value_is_kind(handle, KIND_HANDLE) &&
           ((BlockRef *)value_words(handle))->block == h->scratch->space->given;
}

// ---- failures ---------------------------------------------------------------------------------

static Fault *new_fault(Heap *h, ErrKind kind, FaultForm form, const char *who)
{
    Fault *f = &h->scratch->fault;

    f->kind = kind;
    f->form = form;
    f->who = who;
    f->irritant_count = 0;
    return f;
}

Value fail_type(Heap *h, const char *who, const char *expected, Value got)
{
    Fault *f = new_fault(h, ERR_TYPE, FAULT_EXPECTED, who);
    f->expected = expected;
    f->irritants[0] = got;
    f->irritant_count = 1;
    return V_FAIL;
}

Value fail_index(Heap *h, const char *who, Value index, const char *what, size_t length)
{
    if (!value_is_exact_integer(index)) return fail_type(h, who, "an index", index);
    Fault *f = new_fault(h, ERR_INDEX, FAULT_INDEX, who);
    f->expected = what;
    f->n = (int64_t)length;
    f->irritants[0] = index;
    f->irritant_count = 1;
    return V_FAIL;
}

Value fail_div(Heap *h, const char *who)
{
    return fail_text(h, ERR_DIV, who, "division by zero");
}

Value fail_text(Heap *h, ErrKind kind, const char *who, const char *fmt, ...)
{
    Fault *f = new_fault(h, kind, FAULT_TEXT, who);
    va_list args;

    va_start(args, fmt);
    vsnprintf(f->text, sizeof f->text, fmt, args);
    va_end(args);
    return V_FAIL;
}

Value fail_with(Heap *h, ErrKind kind, const char *who, const char *text, Value irritant)
{
    (void)fail_text(h, kind, who, "%s", text);
    h->scratch->fault.irritants[0] = irritant;
    h->scratch->fault.irritant_count = 1;
    return V_FAIL;
}
