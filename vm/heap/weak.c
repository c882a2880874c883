// Weak references and guardians.
//
// Model: both are KIND_WEAK objects, whose content the collector does not see, in two chains per heap.
// One with a queue stands for an object that is guarded: nothing but the chain refers to it, and it lives
// as long as the queue, a pair. After everything that is reachable has been moved (weak_settle):
//
//   1. What is guarded, dead, and has a live queue is moved after all, with what hangs on it; again until
//      nothing new is found, for a queue may have been reachable through it only. (Dybvig, Bruggeman and
//      Eby, "Guardians in a generation-based garbage collector", 1993.)
//   2. The KIND_WEAK object of each becomes the pairs (object . rest) and (() . ()), and the first one the
//      head of the list in the queue's car. Not earlier, as a slot must not be visited twice [H8].
//   3. References to what is still dead become #f.
//
// A young collection looks at the young chain only. In the old one is what stands, with object and queue,
// where such a collection changes nothing; checked by heap_verify.
#include "vm/heap/heap_int.h"

enum { WEAK_WORDS = sizeof(Weak) / sizeof(Value) };

Value heap_weak(Heap *h, Value *object, Value *queue)
{
    HeapExt *e = heap_ext(h);

    if (!e) return fail_text(h, ERR_SYSTEM_LIMIT, NULL, "out of memory");
    if (!heap_reserve(h, WEAK_WORDS)) return V_FAIL;
    Weak *w = (Weak *)heap_take(h, WEAK_WORDS);
    w->header = header_make(KIND_WEAK, WEAK_WORDS - 1);
    w->object = *object;
    w->queue = queue ? *queue : V_NIL;
    w->next = e->weak_young;
    e->weak_young = value_from_words(w, TAG_OBJ);
    return e->weak_young;
}

static Weak *weak_of(Value v)
{
    return (Weak *)value_words(v);
}

static size_t offset_of(const Gc *gc, Value v)
{
    return (size_t)((char *)value_words(v) - gc->base);
}

// Where a value is after the collection; V_NONE when it is dead. Not for what has been looked up before.
static Value survivor(const Gc *gc, Value v)
{
    if (!value_is_pointer(v) || offset_of(gc, v) < gc->skip_end) return v;
    uint64_t first = value_words(v)->bits;
    if (offset_of(gc, v) - gc->large_at < gc->large_bytes)
        return (first & HEADER_MARKED) || (!gc->major && (first & HEADER_OLD)) ? v : V_NONE;
    bool header = (first & TAG_MASK) == TAG_HEADER;
    if (value_is_pair(v)) return header ? (Value){first - TAG_HEADER + TAG_PAIR} : V_NONE;
    return header ? V_NONE : (Value){first};
}

static bool is_dead(const Gc *gc, Value v)
{
    return value_is(survivor(gc, v), V_NONE);
}

bool weak_is_settled(const Space *space, Value v)
{
    return !value_is_pointer(v) || space_is_settled(space, value_words(v)) ||
           space_is_large(space, value_words(v));
}

static void chain(Gc *gc, Value v)
{
    const Space *space = gc->h->scratch->space;
    Weak *w = weak_of(v);
    bool settled = weak_is_settled(space, v) && weak_is_settled(space, w->object) &&
                   weak_is_settled(space, w->queue);
    Value *list = settled ? &gc->ext->weak_old : &gc->ext->weak_young;

    w->next = *list;
    *list = v;
}

// Moves the object that keeps a guarded one in view, which nothing refers to.
static Weak *move_entry(Gc *gc, Value *v)
{
    gc->in_old = false;
    gc_visit(gc, v);
    return weak_of(*v);
}

static void remember(Gc *gc, Value holder, Value *slot)
{
    const Space *space = gc->h->scratch->space;
    if (space_is_settled(space, value_words(holder)) && !weak_is_settled(space, *slot))
        heap_remember(gc->h, slot);
}

// Moves the objects of a list of guarded ones that are dead but wanted. Those are put into *ready, the
// others stay in the list. True if there were some.
static bool revive(Gc *gc, Value *list, Value *ready)
{
    Value rest = V_NIL, next;
    bool any = false;

    for (Value v = *list; !value_is_null(v); v = next) {
        next = weak_of(v)->next;
        if (is_dead(gc, weak_of(v)->queue) || !is_dead(gc, weak_of(v)->object)) {
            weak_of(v)->next = rest;
            rest = v;
            continue;
        }
        Weak *w = move_entry(gc, &v);
        w->queue = survivor(gc, w->queue);
        gc->in_old = space_is_settled(gc->h->scratch->space, w);
        gc_visit(gc, &w->object);
        gc->in_old = false;
        w->next = *ready;
        *ready = v;
        any = true;
    }
    *list = rest;
    return any;
}

static void enqueue(Gc *gc, Value ready)
{
    Value next;

    for (Value v = ready; !value_is_null(v); v = next) {
        Weak *w = weak_of(v);
        Value *p = value_words(v), object = w->object, queue = w->queue;
        Value head = value_from_words(p, TAG_PAIR);

        next = w->next;
        p[0] = object; // listed already if it has to be
        p[1] = value_car(queue);
        p[2] = p[3] = V_NIL;
        remember(gc, head, &p[0]);
        remember(gc, head, &p[1]);
        *value_car_slot(queue) = head;
        remember(gc, queue, value_car_slot(queue));
    }
}

static void settle_guarded(Gc *gc, Value guarded)
{
    Value ready = V_NIL, next;

    while (revive(gc, &guarded, &ready)) {
        gc_scan(gc);
    }
    for (Value v = guarded; !value_is_null(v); v = next) {
        next = weak_of(v)->next;
        if (is_dead(gc, weak_of(v)->queue)) continue;
        Weak *w = move_entry(gc, &v);
        w->queue = survivor(gc, w->queue);
        w->object = survivor(gc, w->object);
        chain(gc, v);
    }
    enqueue(gc, ready);
}

static void settle_references(Gc *gc, Value references)
{
    Value next;

    for (Value v = references; !value_is_null(v); v = next) {
        next = weak_of(v)->next;
        Value now = survivor(gc, v);
        if (value_is(now, V_NONE)) continue;
        Weak *w = weak_of(now);
        Value object = survivor(gc, w->object);
        w->object = value_is(object, V_NONE) ? V_FALSE : object;
        if (!value_is(object, V_NONE)) chain(gc, now);
    }
}

// Puts a chain into two lists, of those that are guarded and of those that are not.
static void split(Value weak, Value *guarded, Value *references)
{
    Value next;

    for (Value v = weak; !value_is_null(v); v = next) {
        next = weak_of(v)->next;
        Value *list = value_is_null(weak_of(v)->queue) ? references : guarded;
        weak_of(v)->next = *list;
        *list = v;
    }
}

void weak_settle(Gc *gc)
{
    HeapExt *e = gc->ext;
    Value guarded = V_NIL, references = V_NIL;

    split(e->weak_young, &guarded, &references);
    e->weak_young = V_NIL;
    if (gc->major) {
        split(e->weak_old, &guarded, &references);
        e->weak_old = V_NIL;
    }
    settle_guarded(gc, guarded);
    settle_references(gc, references);
}
