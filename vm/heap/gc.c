// The copying collector (Cheney's scan, two generations). See gc.h for the model.
//
// Moved objects: a pair's car becomes the new address with tag HEADER, which no car can have; an
// object's header becomes the new tagged value, which no header can be.
//
// Nothing here can run out of memory half way: the new nursery holds all that may stay young, the
// chunk for promotion all that may be promoted, and both are there before anything moves.
#include "vm/heap/heap_int.h"

#include "vm/base/mem.h"

#include <string.h>

// Heaps whose nursery is smaller keep survivors in it instead of making an old generation.
#define PROMOTE_WORDS_MIN 2048
// Nurseries grow up to this size: what fits a second-level cache.
#define NURSERY_WORDS_MAX ((size_t)1 << 17)
#define NURSERY_WORDS_MIN 64
// The size that a large heap's nursery falls back to at the limit.
#define NURSERY_WORDS_LOW 512

// ---- moving ---------------------------------------------------------------------------------

static ALWAYS_INLINE Value *take_space(Gc *gc, const Value *from, size_t words)
{
    Value *p;

    if (gc->into_old || (size_t)((const char *)from - gc->promote_at) < gc->promote_bytes) {
        p = gc->to_chunk->top;
        gc->to_chunk->top = p + words;
        ASSERT(gc->to_chunk->top <= chunk_end(gc->to_chunk));
    } else {
        p = gc->to_hp;
        gc->to_hp = p + words;
        ASSERT(gc->to_hp <= gc->to_end);
    }
    return p;
}

static void mark_large(Gc *gc, Value *object)
{
    if (object->bits & HEADER_MARKED) return;
    if (!gc->major && (object->bits & HEADER_OLD)) return;
    object->bits |= HEADER_MARKED;
    Large *l = large_of(object);
    l->grey = gc->grey;
    gc->grey = l;
}

static ALWAYS_INLINE Value move(Gc *gc, Value v)
{
    Value *p = value_words(v);
    size_t offset = (size_t)((char *)p - gc->base);

    if (offset < gc->skip_end) return v;
    if (UNLIKELY(offset - gc->large_at < gc->large_bytes)) {
        mark_large(gc, p);
        return v;
    }
    uint64_t first = p->bits;
    if (value_tag(v) == TAG_PAIR) {
        if ((first & TAG_MASK) == TAG_HEADER) return (Value){first - TAG_HEADER + TAG_PAIR};
        Value *q = take_space(gc, p, 2);
        q[0].bits = first;
        q[1] = p[1];
        p->bits = (uint64_t)q | TAG_HEADER;
        return value_from_words(q, TAG_PAIR);
    }
    if ((first & TAG_MASK) != TAG_HEADER) return (Value){first};
    size_t words = header_words(first) + 1;
    Value *q = take_space(gc, p, words);
    q->bits = first;
    for (size_t i = 1; i < words; i++) {
        q[i] = p[i];
    }
    *p = value_from_words(q, value_tag(v));
    return *p;
}

// The slot of an object that is old if `in_old`: what still points to a young object is noted.
static ALWAYS_INLINE void visit(Gc *gc, Value *slot, bool in_old)
{
    Value v = *slot;

    if (!value_is_pointer(v)) return;
    v = move(gc, v);
    *slot = v;
    if (in_old) {
        size_t offset = (size_t)((char *)value_words(v) - gc->base);
        if (offset >= gc->old_end && offset - gc->large_at >= gc->large_bytes)
            heap_remember(gc->h, slot);
    }
}

void gc_visit(Gc *gc, Value *slot)
{
    visit(gc, slot, gc->in_old);
}

Heap *gc_heap(const Gc *gc)
{
    return gc->h;
}

// ---- scanning -------------------------------------------------------------------------------

// Scans the object whose header is at p; returns what lies behind it.
static ALWAYS_INLINE Value *scan_object(Gc *gc, Value *p, bool in_old)
{
    uint64_t header = p->bits;
    size_t words = header_words(header);

    switch ((Layout)kind_layout[header_kind(header)]) {
    case LAYOUT_VALUES:
        for (size_t i = 1; i <= words; i++) {
            visit(gc, p + i, in_old);
        }
        break;
    case LAYOUT_BYTES:
        if (bytes_is_indirect((Bytes *)p)) gc_visit(gc, &((Bytes *)p)->u.body);
        break;
    case LAYOUT_STACK:
        gc->ops->visit_stack(gc, p);
        break;
    case LAYOUT_RAW:
    case LAYOUT_SHARED:
        break;
    }
    return p + 1 + words;
}

static ALWAYS_INLINE Value *scan_one(Gc *gc, Value *p, bool in_old)
{
    if ((p->bits & TAG_MASK) == TAG_HEADER) return scan_object(gc, p, in_old);
    visit(gc, p, in_old);
    visit(gc, p + 1, in_old);
    return p + 2;
}

void gc_scan(Gc *gc)
{
    Value *scan_to = gc->scan_to, *scan_chunk = gc->scan_chunk;

    for (;;) {
        gc->in_old = false;
        while (scan_to < gc->to_hp) {
            scan_to = scan_one(gc, scan_to, false);
        }
        gc->in_old = true;
        if (gc->to_chunk && scan_chunk < gc->to_chunk->top) {
            do {
                scan_chunk = scan_one(gc, scan_chunk, true);
            } while (scan_chunk < gc->to_chunk->top);
        } else if (gc->grey) {
            Large *l = gc->grey;
            gc->grey = l->grey;
            (void)scan_object(gc, l->object, true);
        } else {
            break;
        }
    }
    gc->in_old = false;
    gc->scan_to = scan_to;
    gc->scan_chunk = scan_chunk;
}

// Does the slot hold an object that this collection has moved, but not to the old generation? Then the
// slot was listed twice and has been visited.
static bool is_visited(const Gc *gc, const Value *slot)
{
    size_t offset = (size_t)((const char *)value_words(*slot) - (const char *)gc->to);
    return value_is_pointer(*slot) &&
           offset < (size_t)((const char *)gc->to_hp - (const char *)gc->to);
}

// Slots of old objects that were written since the last collection. gc_visit lists those again that
// still point to a young object; at most one for one, so the list is rewritten in place. A slot may
// stand there more than once: what it holds has been moved by the first visit.
static void visit_remembered(Gc *gc)
{
    uint32_t n = gc->ext->remembered_count;

    gc->ext->remembered_count = 0;
    if (gc->major) return;
    gc->in_old = true;
    for (uint32_t i = 0; i < n; i++) {
        Value *slot = gc->ext->remembered[i];
        if (!is_visited(gc, slot)) gc_visit(gc, slot);
    }
    gc->in_old = false;
}

// ---- what does not move -----------------------------------------------------------------------

static void sweep_large_list(Gc *gc, Large *l)
{
    HeapExt *e = gc->ext;
    HeapScratch *s = gc->h->scratch;

    while (l) {
        Large *next = l->next;
        if (l->object[0].bits & HEADER_MARKED) {
            l->object[0].bits = (l->object[0].bits & ~(uint64_t)HEADER_MARKED) | HEADER_OLD;
            l->next = e->large_old;
            e->large_old = l;
        } else {
            e->large_words -= header_words(l->object[0].bits) + 1;
            space_free(s->space, s->cache, REGION_LARGE, l, l->bytes);
        }
        l = next;
    }
}

static void sweep_large(Gc *gc)
{
    Large *young = gc->ext->large_young, *old = gc->ext->large_old;

    gc->ext->large_young = NULL;
    gc->ext->large_young_words = 0;
    if (gc->major) {
        gc->ext->large_old = NULL;
        sweep_large_list(gc, old);
    }
    sweep_large_list(gc, young);
}

// Drops the references of shared blocks whose objects died and chains up the others anew.
static void sweep_blockrefs(Gc *gc, Value chain)
{
    HeapExt *e = gc->ext;
    Space *space = gc->h->scratch->space;

    while (!value_is_null(chain)) {
        BlockRef *was = (BlockRef *)value_words(chain);
        if ((was->header & TAG_MASK) == TAG_HEADER) { // not moved
            e->block_bytes -= was->block->capacity;
            block_release(space, was->block);
            chain = was->next;
            continue;
        }
        Value moved = {was->header};
        BlockRef *is = (BlockRef *)value_words(moved);
        Value next = is->next;
        Value *list = space_is_settled(space, is) ? &e->blocks_old : &e->blocks_young;
        is->next = *list;
        *list = moved;
        chain = next;
    }
}

static void sweep_blocks(Gc *gc)
{
    Value young = gc->ext->blocks_young, old = gc->ext->blocks_old;

    gc->ext->blocks_young = V_NIL;
    if (gc->major) {
        gc->ext->blocks_old = V_NIL;
        sweep_blockrefs(gc, old);
    }
    sweep_blockrefs(gc, young);
}

// ---- sizing ---------------------------------------------------------------------------------

typedef struct {
    bool major;
    bool into_old;
    bool promote;
    bool eager;           // everything in the nursery is promoted
    size_t young_words;   // bound on what may go to the new nursery
    size_t old_words;     // bound on what may go to the old generation
    size_t nursery_words; // of the new nursery
    size_t least_words;   // what it must have at least
} Plan;

static bool is_major_due(const HeapExt *e)
{
    return e && (e->remembered_overflow || e->old_words + e->large_words > e->old_limit);
}

// Collecting so much takes about a millisecond: beyond it a collection is put off where others wait, until
// there is twice as much as when it fell due.
#define LONG_WORDS ((size_t)1 << (BUILD_STRESS ? 10 : 17))

static bool is_long_full_due(const Heap *h)
{
    const HeapExt *e = h->ext;
    return is_major_due(e) && e->old_words + e->large_words > LONG_WORDS;
}

bool heap_is_due(const Heap *h)
{
    bool stuck = h->ext && h->ext->stuck;
    return !stuck && (h->frag_words > LONG_WORDS || is_long_full_due(h));
}

static bool may_put_off_full(const Heap *h)
{
    const HeapExt *e = h->ext;
    return h->scratch->bounded && is_long_full_due(h) && !e->remembered_overflow &&
           e->old_words + e->large_words < 2 * e->old_limit;
}

// Large fragments are left alone while the nursery has room without them.
static bool may_put_off(Heap *h, size_t words)
{
    if (!h->scratch->bounded || h->frag_words <= LONG_WORDS) return false;
    if ((size_t)(h->nursery_end - h->hp) < words) return false;
    h->limit = h->nursery_end;
    return true;
}

typedef enum { GC_MINOR, GC_WHEN_DUE, GC_FULL } Extent;

static void make_plan(const Heap *h, Extent extent, Plan *p)
{
    const HeapExt *e = h->ext;
    size_t size = (size_t)(h->nursery_end - h->nursery);
    size_t used = (size_t)(h->hp - h->nursery) + h->frag_words;
    size_t survived = (size_t)(h->mark - h->nursery);
    bool eager = e && e->eager && size >= NURSERY_WORDS_MAX;

    memset(p, 0, sizeof *p);
    p->major = extent == GC_FULL || (extent == GC_WHEN_DUE && is_major_due(e));
    if (p->major) {
        size_t total = used + (e ? e->old_words : 0);
        p->into_old = total > PROMOTE_WORDS_MIN;
        p->young_words = p->into_old ? 0 : total;
        p->old_words = p->into_old ? total : 0;
    } else {
        p->eager = eager;
        p->promote = eager || (size >= PROMOTE_WORDS_MIN && survived > 0);
        if (eager) survived = (size_t)(h->hp - h->nursery);
        p->old_words = p->promote ? survived : 0;
        p->young_words = used - p->old_words;
    }
    bool busy = h->scratch->collections >= 2 || survived > size / 4;
    size_t keep = MIN(size, NURSERY_WORDS_MAX);
    p->nursery_words = MAX(busy && keep < NURSERY_WORDS_MAX ? keep * 2 : keep, NURSERY_WORDS_MIN);
    if (e && e->least_words > 0)
        p->nursery_words = MAX(p->nursery_words, MIN(e->least_words, NURSERY_WORDS_MAX));
    p->nursery_words = MAX(p->nursery_words, p->young_words);
    p->least_words = MAX(MIN(p->nursery_words, size), p->young_words);
}

// When nothing can stay young the nursery itself is used again: it is in the cache.
static bool get_nursery(Gc *gc, const Plan *plan)
{
    Heap *h = gc->h;
    HeapScratch *s = h->scratch;
    size_t bytes = plan->nursery_words * sizeof(Value);

    if (plan->eager && plan->young_words == 0) {
        gc->to = gc->to_hp = h->nursery;
        gc->to_end = h->nursery_end;
        return true;
    }
    gc->to = space_alloc(s->space, s->cache, REGION_YOUNG, &bytes);
    if (!gc->to && plan->nursery_words > plan->least_words) {
        bytes = plan->least_words * sizeof(Value);
        gc->to = space_alloc(s->space, s->cache, REGION_YOUNG, &bytes);
    }
    if (!gc->to) return false;
    gc->to_hp = gc->to;
    gc->to_end = gc->to + bytes / sizeof(Value);
    return true;
}

static bool get_chunk(Gc *gc, size_t words)
{
    HeapExt *e = gc->ext;
    HeapScratch *s = gc->h->scratch;

    if (words == 0) return true;
    if (!gc->major && e->old && (size_t)(chunk_end(e->old) - e->old->top) >= words) {
        gc->to_chunk = e->old;
        return true;
    }
    size_t room = gc->major ? 0 : MIN(e->old_words / 4, (size_t)1 << 17);
    size_t bytes = sizeof(Chunk) + (words + room) * sizeof(Value);
    Chunk *c = space_alloc(s->space, s->cache, REGION_OLD, &bytes);
    if (!c) return false;
    c->bytes = bytes;
    c->top = c->words;
    c->next = NULL;
    gc->to_chunk = c;
    return true;
}

static void give_back_nursery(HeapScratch *s, Value *nursery, size_t words)
{
    if (space_is_young_block(s->space, nursery)) {
        space_free(s->space, s->cache, REGION_YOUNG, nursery, words * sizeof(Value));
    } else { // the first one, part of the owner's cell
        MEMORY_UNUSED(nursery, words * sizeof(Value));
    }
}

static void free_chunks(HeapScratch *s, Chunk *c)
{
    while (c) {
        Chunk *next = c->next;
        space_free(s->space, s->cache, REGION_OLD, c, c->bytes);
        c = next;
    }
}

// ---- a collection -----------------------------------------------------------------------------

static void prepare(Gc *gc, Heap *h, const Plan *plan)
{
    Space *space = h->scratch->space;

    memset(gc, 0, sizeof *gc);
    gc->h = h;
    gc->ext = h->ext;
    gc->ops = h->scratch->ops;
    gc->base = space->base;
    gc->skip_end = plan->major ? space->shared_end : space->old_end;
    gc->old_end = space->old_end;
    gc->large_at = space->old_end;
    gc->large_bytes = space->large_end - space->old_end;
    gc->major = plan->major;
    gc->eager = plan->eager;
    gc->into_old = plan->into_old;
    gc->promote_at = (char *)h->nursery;
    const Value *promote_end = plan->eager ? h->hp : h->mark;
    gc->promote_bytes = plan->promote ? (size_t)((char *)promote_end - (char *)h->nursery) : 0;
}

// Whether most of what is made lives on: then the second copy that ageing costs is not worth it.
static void adapt_promotion(Gc *gc, bool was_eager, size_t promoted)
{
    size_t size = (size_t)(gc->h->nursery_end - gc->h->nursery);
    size_t young = (size_t)(gc->to_hp - gc->to);

    gc->ext->eager = was_eager ? promoted > size / 4 : young > size / 2;
}

// The old generation after the copy.
static void settle_old(Gc *gc, Value *scan_chunk)
{
    HeapExt *e = gc->ext;
    Chunk *c = gc->to_chunk;

    if (gc->major) {
        free_chunks(gc->h->scratch, e->old);
        e->old = c;
        e->old_words = c ? (size_t)(c->top - c->words) : 0;
        if (c) {
            size_t used = (size_t)((char *)c->top - (char *)c);
            size_t keep = used + MIN(used / 4, (size_t)1 << 20);
            c->bytes = space_shrink(gc->h->scratch->space, REGION_OLD, c, c->bytes, keep);
        }
        e->old_limit = MAX(2 * (e->old_words + e->large_words), (size_t)8192);
        e->remembered_overflow = false;
        e->major_count++;
    } else {
        if (c && c != e->old) {
            c->next = e->old;
            e->old = c;
        }
        size_t promoted = c ? (size_t)(c->top - scan_chunk) : 0;
        e->old_words += promoted;
        adapt_promotion(gc, gc->eager, promoted);
        e->minor_count++;
    }
}

// For statistics.
static void count_collection(HeapScratch *s, bool major)
{
    _Atomic uint64_t *n = major ? &s->majors : &s->minors;
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void collect(Heap *h, Gc *gc)
{
    HeapScratch *s = h->scratch;
    Value *scan_chunk = gc->to_chunk ? gc->to_chunk->top : NULL;
    size_t was_words = (size_t)(h->nursery_end - h->nursery);
    Value *was = h->nursery;

    if (gc->ext) visit_remembered(gc);
    s->ops->visit_roots(h, gc);
    gc_visit_range(gc, s->roots, s->root_count);
    gc_visit_range(gc, s->fault.irritants, s->fault.irritant_count);
    gc->scan_to = gc->to;
    gc->scan_chunk = scan_chunk;
    gc_scan(gc);
    if (gc->ext) {
        weak_settle(gc);
        sweep_large(gc);
        sweep_blocks(gc);
        settle_old(gc, scan_chunk);
        gc->ext->stuck = false;
    }
    if (gc->to != was) give_back_nursery(s, was, was_words);
    frag_free(s->space, s->cache, h->frags);
    h->frags = NULL;
    h->frag_words = 0;
    h->nursery = gc->to;
    h->hp = h->mark = gc->to_hp;
    h->limit = h->nursery_end = gc->to_end;
    s->collections++;
    count_collection(s, gc->major);
#if BUILD_DEBUG || BUILD_STRESS
    heap_verify(h);
#endif
}

// The copies of a collection may for its time go into the reserve: it is what frees memory.
static bool get_room(Gc *gc, const Plan *plan)
{
    BlockCache *cache = gc->h->scratch->cache;
    uint8_t reserve = cache->reserve;

    cache->reserve = MAX(reserve, RESERVE_USED);
    bool ok = get_nursery(gc, plan);
    if (ok && !get_chunk(gc, plan->old_words)) {
        if (gc->to != gc->h->nursery)
            give_back_nursery(gc->h->scratch, gc->to, (size_t)(gc->to_end - gc->to));
        ok = false;
    }
    cache->reserve = reserve;
    return ok;
}

static bool collect_once(Heap *h, Plan *plan)
{
    HeapScratch *s = h->scratch;
    size_t size = (size_t)(h->nursery_end - h->nursery);
    Gc gc;

    if (plan->old_words > 0 && !heap_ext(h)) return false;
    // Near the limit the nursery grows no more than it must: what is left is for what lives.
    if (plan->nursery_words > size && !s->ops->may_grow(h, 4 * (plan->nursery_words - size)))
        plan->nursery_words = plan->least_words;
    if (plan->nursery_words > size && !s->ops->may_grow(h, plan->nursery_words - size))
        return false;
    prepare(&gc, h, plan);
    if (!get_room(&gc, plan)) return false;
    collect(h, &gc);
    return true;
}

// What a collection promoted counts only when it is done. Beyond the limit an empty nursery gives way: so
// little is made between collections then that the limit is met and not jumped over.
static bool meets_limit(Heap *h, size_t words)
{
    HeapScratch *s = h->scratch;
    size_t size = (size_t)(h->nursery_end - h->nursery),
           least = MAX(words, (size_t)NURSERY_WORDS_LOW);
    size_t bytes = least * sizeof(Value);

    if (s->ops->may_grow(h, 0)) return true;
    if (h->hp != h->nursery || size <= 2 * least) return false;
    Value *nursery = space_alloc(s->space, s->cache, REGION_YOUNG, &bytes);
    if (!nursery) return false;
    give_back_nursery(s, h->nursery, size);
    h->nursery = h->hp = h->mark = nursery;
    h->limit = h->nursery_end = nursery + bytes / sizeof(Value);
    return s->ops->may_grow(h, 0);
}

static bool collect_extent(Heap *h, size_t words, Extent extent)
{
    Plan plan;

    make_plan(h, extent, &plan);
    if (!collect_once(h, &plan)) return false;
    if ((size_t)(h->limit - h->hp) >= words) return meets_limit(h, words);
    // What survived and what is asked for need a larger nursery.
    size_t used = (size_t)(h->hp - h->nursery);
    memset(&plan, 0, sizeof plan);
    plan.young_words = used;
    plan.least_words = used + words;
    plan.nursery_words = plan.least_words + used / 2;
    return collect_once(h, &plan) && (size_t)(h->limit - h->hp) >= words;
}

bool gc_collect(Heap *h, size_t words, bool full)
{
    ASSERT(!h->scratch->nogc);
    if (full) return collect_extent(h, words, GC_FULL);
    if (may_put_off(h, words)) return true;
    if (may_put_off_full(h) && collect_extent(h, words, GC_MINOR)) return true;
    // Without room for a full collection that is due, a minor one does.
    return collect_extent(h, words, GC_WHEN_DUE) || collect_extent(h, words, GC_MINOR);
}

void gc_shrink(Heap *h, Value *home, size_t home_words)
{
    Plan plan;
    Gc gc;

    ASSERT(!h->scratch->nogc);
    if (!collect_extent(h, 0, GC_FULL)) return;
    memset(&plan, 0, sizeof plan);
    size_t live = (size_t)(h->hp - h->nursery);
    if (live > home_words || h->nursery == home) {
        plan.young_words = plan.nursery_words = plan.least_words = live;
        if (space_block_bytes(live * sizeof(Value)) < (size_t)((char *)h->nursery_end - (char *)h->nursery))
            (void)collect_once(h, &plan);
        return;
    }
    prepare(&gc, h, &plan);
    MEMORY_USABLE(home, home_words * sizeof(Value));
    gc.to = gc.to_hp = home;
    gc.to_end = home + home_words;
    collect(h, &gc);
}

void heap_collect_due(Heap *h)
{
    if (!gc_collect(h, 0, is_long_full_due(h)) && heap_ext(h)) h->ext->stuck = true;
}

// ---- life -----------------------------------------------------------------------------------

static void release_blocks(HeapScratch *s, Value chain)
{
    while (!value_is_null(chain)) {
        BlockRef *ref = (BlockRef *)value_words(chain);
        chain = ref->next;
        block_release(s->space, ref->block);
    }
}

static void free_large(HeapScratch *s, Large *l)
{
    while (l) {
        Large *next = l->next;
        space_free(s->space, s->cache, REGION_LARGE, l, l->bytes);
        l = next;
    }
}

void heap_fini(Heap *h)
{
    HeapScratch *s = h->scratch;
    HeapExt *e = h->ext;

    if (e) {
        release_blocks(s, e->blocks_young);
        release_blocks(s, e->blocks_old);
        free_large(s, e->large_young);
        free_large(s, e->large_old);
        free_chunks(s, e->old);
        mem_free(MEM_HEAP, e->remembered, e->remembered_capacity * sizeof(Value *));
        mem_free(MEM_HEAP, e, sizeof *e);
        h->ext = NULL;
    }
    give_back_nursery(s, h->nursery, (size_t)(h->nursery_end - h->nursery));
    frag_free(s->space, s->cache, h->frags);
    h->frags = NULL;
    h->nursery = h->nursery_end = h->hp = h->limit = h->mark = NULL;
}

size_t heap_words(const Heap *h)
{
    HeapStats s;

    heap_stats(h, &s);
    return s.young_size + s.old_words + s.large_words + s.frag_words +
           s.block_bytes / sizeof(Value);
}

void heap_note_told(Heap *h, size_t words)
{
    HeapExt *e = heap_ext(h);
    if (e) e->told_words = words;
}

size_t heap_told_words(const Heap *h)
{
    return h->ext ? h->ext->told_words : 0;
}

void heap_stats(const Heap *h, HeapStats *out)
{
    const HeapExt *e = h->ext;

    *out = (HeapStats){.young_words = (size_t)(h->hp - h->nursery),
                       .young_size = (size_t)(h->nursery_end - h->nursery),
                       .frag_words = h->frag_words};
    if (!e) return;
    out->old_words = e->old_words;
    out->large_words = e->large_words;
    out->block_bytes = e->block_bytes;
    out->minor_count = e->minor_count;
    out->major_count = e->major_count;
}
