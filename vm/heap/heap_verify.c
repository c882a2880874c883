// heap_verify: walks every word of a heap and aborts at the first one that breaks an invariant. Run
// after each collection in debug and stress builds, so that a fault shows at the collection that made
// it and not a million instructions later.
//
//   [H1] nursery and chunks are objects one after another, up to hp and top
//   [H2] every header names a kind that lives in heaps, with a size inside its block
//   [H3] every pointer leads to the nursery, to a chunk or large object of this heap, to one of its
//        fragments, or into SHARED
//   [H4] an old slot that points to a young object is in the remembered set
//   [H9] weak references have live objects or #f; the old ones of them refer to nothing young
#include "vm/heap/heap_int.h"

#include <stdlib.h>

#define LARGE_OLD_WORDS ((size_t)1 << 16)

typedef struct {
    Heap *h;
    Space *space;
    bool old;           // walking an old object
    Value **remembered; // sorted; NULL: not all of them are known
} Walk;

static bool in_fragments(const Heap *h, const Value *p)
{
    for (const Frag *f = h->frags; f; f = f->next) {
        if ((size_t)((const char *)p - (const char *)f) < f->bytes) return true;
    }
    return false;
}

static bool in_chunks(const HeapExt *e, const Value *p)
{
    for (const Chunk *c = e ? e->old : NULL; c; c = c->next) {
        if (p >= c->words && p < c->top) return true;
    }
    return false;
}

static bool in_large(const HeapExt *e, const Value *p)
{
    for (int i = 0; e && i < 2; i++) {
        for (const Large *l = i ? e->large_old : e->large_young; l; l = l->next) {
            if (p == l->object) return true;
        }
    }
    return false;
}

static int compare_slots(const void *x, const void *y)
{
    uintptr_t a = (uintptr_t) * (Value *const *)x, b = (uintptr_t) * (Value *const *)y;
    return (a > b) - (a < b);
}

static void sort_remembered(Walk *w, const HeapExt *e)
{
    if (!e || e->remembered_overflow) return;
    // Room for one more: an empty list is a list, too.
    w->remembered = malloc((e->remembered_count + 1) * sizeof *w->remembered);
    if (!w->remembered) return;
    for (uint32_t i = 0; i < e->remembered_count; i++) {
        w->remembered[i] = e->remembered[i];
    }
    qsort(w->remembered, e->remembered_count, sizeof *w->remembered, compare_slots);
}

static bool is_remembered(const Walk *w, const Value *slot)
{
    return !w->remembered || bsearch(&slot, w->remembered, w->h->ext->remembered_count,
                                     sizeof *w->remembered, compare_slots) != NULL;
}

static void check_slot(Walk *w, const Value *slot)
{
    Value v = *slot;

    CHECK(value_tag(v) != TAG_HEADER, "heap: header word in slot %p", (const void *)slot);
    if (!value_is_pointer(v)) return;
    const Value *p = value_words(v);
    if (space_is_shared(w->space, p)) return;
    if (p >= w->h->nursery && p < w->h->hp) {
        CHECK(!w->old || is_remembered(w, slot), "heap: old slot %p not remembered",
              (const void *)slot); // [H4]
        return;
    }
    bool known = space_is_settled(w->space, p) ? in_chunks(w->h->ext, p)
                 : space_is_large(w->space, p) ? in_large(w->h->ext, p)
                                               : in_fragments(w->h, p);
    CHECK(known, "heap: slot %p points to %p, which is nowhere", (const void *)slot,
          (const void *)p); // [H3]
}

static const Value *check_object(Walk *w, const Value *p, const Value *end)
{
    if ((p->bits & TAG_MASK) != TAG_HEADER) {
        check_slot(w, p);
        check_slot(w, p + 1);
        return p + 2;
    }
    size_t words = header_words(p->bits);
    Kind kind = header_kind(p->bits);
    CHECK(kind < KIND_COUNT && kind_layout[kind] != LAYOUT_SHARED, "heap: bad kind %d", (int)kind);
    CHECK(words < (size_t)(end - p), "heap: object at %p is cut off", (const void *)p); // [H2]
    switch ((Layout)kind_layout[kind]) {
    case LAYOUT_VALUES:
        for (size_t i = 1; i <= words; i++) {
            check_slot(w, p + i);
        }
        break;
    case LAYOUT_BYTES:
        if (bytes_is_indirect((const Bytes *)p)) check_slot(w, p + 2);
        break;
    case LAYOUT_RAW:
    case LAYOUT_STACK:
    case LAYOUT_SHARED:
        break;
    }
    return p + 1 + words;
}

static void check_range(Walk *w, const Value *p, const Value *end)
{
    while (p < end) {
        p = check_object(w, p, end);
    }
    CHECK(p == end, "heap: walk ends at %p instead of %p", (const void *)p, (const void *)end);
}

// [H9]
static void check_weak(Walk *w, Value chain, bool old)
{
    bool was_old = w->old;

    w->old = false;
    for (; !value_is_null(chain); chain = ((Weak *)value_words(chain))->next) {
        const Weak *weak = (Weak *)value_words(chain);
        CHECK(header_kind(weak->header) == KIND_WEAK, "heap: %p is chained as weak", (const void *)weak);
        check_slot(w, &weak->object);
        check_slot(w, &weak->queue);
        CHECK(!old || (weak_is_settled(w->space, chain) && weak_is_settled(w->space, weak->object) &&
                       weak_is_settled(w->space, weak->queue)),
              "heap: weak reference %p should be young", (const void *)weak);
    }
    w->old = was_old;
}

void heap_verify(Heap *h)
{
    Walk w = {.h = h, .space = h->scratch->space};
    HeapExt *e = h->ext;

    CHECK(h->nursery <= h->mark && h->mark <= h->hp && h->hp <= h->nursery_end,
          "heap: nursery pointers out of order");
    check_range(&w, h->nursery, h->hp); // [H1]
    if (!e) return;
    // A large old generation would be walked more often than it changes.
    if (e->old_words > LARGE_OLD_WORDS && e->minor_count % 16 != 0) return;
    sort_remembered(&w, e);
    w.old = true;
    for (Chunk *c = e->old; c; c = c->next) {
        check_range(&w, c->words, c->top);
    }
    check_weak(&w, e->weak_young, false);
    check_weak(&w, e->weak_old, true);
    for (Large *l = e->large_old; l; l = l->next) {
        (void)check_object(&w, l->object, (const Value *)((char *)l + l->bytes));
    }
    w.old = false;
    for (Large *l = e->large_young; l; l = l->next) {
        (void)check_object(&w, l->object, (const Value *)((char *)l + l->bytes));
    }
    free(w.remembered);
}
