// Actor cells, and how an actor begins and leaves its memory behind. See life.h.
//
// Cells come from one reservation in steps of 64 KiB that are populated at once (the first touch of a
// page costs ten times as much as everything else in a spawn). Ended actors' cells are reused last in,
// first out, but only when two epochs have passed: until then a sender may still hold the address.
#include "vm/actor/life.h"
#include "vm/actor/limit.h"
#include "vm/actor/mailbox.h"
#include "vm/actor/priv.h"
#include "vm/actor/trace.h"

#include "vm/base/check.h"

#include <string.h>

#define CELLS_PER_STEP (65536 / CELL_BYTES)
#define COMMIT_BYTES   ((size_t)4 << 20)
// A worker keeps this many free cells to itself.
#define FREE_KEPT 256

// ---- cells --------------------------------------------------------------------------------------

// Memory behind the cells below `end`.
static bool commit_cells(Vm *vm, uint32_t end)
{
    size_t need = (size_t)end * CELL_BYTES;

    if (need <= vm->cells_committed) return true;
    size_t size = (size_t)ALIGN_UP((size_t)vm->cell_limit * CELL_BYTES, SPACE_PAGE_BYTES);
    size_t more = MIN(MAX(COMMIT_BYTES, need - vm->cells_committed), size - vm->cells_committed);
    more = (size_t)ALIGN_UP(more, SPACE_PAGE_BYTES);
    if (!plat_commit(vm->cells + vm->cells_committed, more)) return false;
    vm->cells_committed += more;
    return true;
}

// A step of cells that were never used, for one worker.
static bool begin_cells(VmWorker *w)
{
    Vm *vm = w->vm;

    if (!limit_allows_spawn(vm)) return false;
    plat_lock(&vm->cells_lock);
    uint32_t begun = atomic_load_explicit(&vm->cells_begun, memory_order_relaxed);
    uint32_t n = MIN((uint32_t)CELLS_PER_STEP, vm->cell_limit - begun);
    bool ok = n > 0 && commit_cells(vm, begun + n);
    if (ok) {
        w->fresh_index = begun;
        w->fresh_end = begun + n;
        for (uint32_t i = begun; i < begun + n; i++) {
            // Serials are set before anybody can name the cells.
            atomic_store_explicit(&actor_at(vm, i)->inbox, INBOX_DEAD, memory_order_relaxed);
            atomic_store_explicit(&actor_at(vm, i)->serial, 1, memory_order_relaxed);
            actor_at(vm, i)->index = i;
        }
        atomic_store_explicit(&vm->cells_begun, begun + n, memory_order_release);
    }
    plat_unlock(&vm->cells_lock);
    return ok;
}

static void populate(Vm *vm, uint32_t begin, uint32_t end)
{
    size_t from = (size_t)begin * CELL_BYTES / SPACE_PAGE_BYTES * SPACE_PAGE_BYTES;
    size_t to = (size_t)ALIGN_UP((size_t)end * CELL_BYTES, SPACE_PAGE_BYTES);
    plat_populate(vm->cells + from, to - from);
}

// What nobody but the owner looks at.
static void free_tables(ActorExt *x)
{
    map_free(&x->links, MEM_ACTOR);
    map_free(&x->monitors, MEM_ACTOR);
    map_free(&x->watchers, MEM_ACTOR);
    map_free(&x->options, MEM_ACTOR);
    map_free(&x->suspenders, MEM_ACTOR);
    map_free(&x->sockets, MEM_ACTOR);
}

static void free_ext(Actor *a)
{
    ActorExt *x = a->ext;

    if (!x) return;
    free_tables(x);
    mem_free(MEM_ACTOR, x, sizeof *x);
    a->ext = NULL;
}

// The oldest retired cell, when nobody can hold its address any more.
static Actor *reclaim(VmWorker *w, bool anyway)
{
    Actor *a = w->retired;

    if (!a || (!anyway && !sched_epoch_passed(&w->vm->sched, a->deadline_ns))) return NULL;
    w->retired = (Actor *)a->task.next;
    if (!w->retired) w->retired_last = NULL;
    free_ext(a);
    return a;
}

// The shared list, under the lock.
static Actor *shared_cells(Vm *vm)
{
    return atomic_load_explicit(&vm->free_cells, memory_order_relaxed);
}

static void set_shared_cells(Vm *vm, Actor *first)
{
    atomic_store_explicit(&vm->free_cells, first, memory_order_relaxed);
}

static void share_free_cells(VmWorker *w)
{
    Vm *vm = w->vm;

    plat_lock(&vm->cells_lock);
    while (w->free_count > FREE_KEPT / 2) {
        Actor *a = w->free_cells;
        w->free_cells = (Actor *)a->task.next;
        w->free_count--;
        a->task.next = (Task *)shared_cells(vm);
        set_shared_cells(vm, a);
    }
    plat_unlock(&vm->cells_lock);
}

static Actor *take_shared_cell(Vm *vm)
{
    if (!shared_cells(vm)) return NULL; // worth a look before the lock
    plat_lock(&vm->cells_lock);
    Actor *a = shared_cells(vm);
    if (a) set_shared_cells(vm, (Actor *)a->task.next);
    plat_unlock(&vm->cells_lock);
    return a;
}

void actor_reclaim(VmWorker *w, unsigned max)
{
    for (; max > 0; max--) {
        Actor *a = reclaim(w, false);
        if (!a) break;
        a->task.next = (Task *)w->free_cells;
        w->free_cells = a;
        w->free_count++;
    }
    if (w->free_count > FREE_KEPT) share_free_cells(w);
}

static Actor *take_cell(VmWorker *w)
{
    // A few at a time, so that no spawn has to wait for many.
    actor_reclaim(w, 2);
    Actor *a = w->free_cells;
    if (a) {
        w->free_cells = (Actor *)a->task.next;
        w->free_count--;
        return a;
    }
    if (w->fresh_index == w->fresh_end) {
        a = take_shared_cell(w->vm);
        if (a) return a;
        if (!begin_cells(w)) return take_shared_cell(w->vm);
        populate(w->vm, w->fresh_index, w->fresh_end);
    }
    return actor_at(w->vm, w->fresh_index++);
}

static void put_cell(VmWorker *w, Actor *a)
{
    a->deadline_ns = sched_epoch(&w->vm->sched);
    a->task.next = NULL;
    if (w->retired_last) {
        w->retired_last->task.next = &a->task;
    } else {
        w->retired = a;
    }
    w->retired_last = a;
}

void actor_free_retired(VmWorker *w)
{
    while (reclaim(w, true)) {
    }
}

// ---- what the collector asks ------------------------------------------------------------------------

static void visit_roots(Heap *h, Gc *gc)
{
    Actor *a = container_of(h, Actor, heap);

    actor_stack_ops->visit(a, gc);
    gc_visit(gc, &a->handlers);
    gc_visit(gc, &a->winders);
    gc_visit(gc, &a->params);
    gc_visit(gc, &a->priv);
    gc_visit(gc, &a->reason);
    mailbox_visit(a, gc);
    if (UNLIKELY(a->own & OWN_ASIDE)) {
        gc_visit(gc, &a->ext->copy->value);
        gc_visit(gc, &a->ext->copy->refused);
    }
}

static void visit_stack(Gc *gc, Value *object)
{
    actor_stack_ops->visit_piece(container_of(gc_heap(gc), Actor, heap), gc, object);
}

size_t actor_words(const Actor *a)
{
    return heap_words(&a->heap) + (a->ext ? a->ext->mail_words : 0);
}

// An actor at its limit is told once (exec_raise_fault), with an eighth more to handle it.
static bool may_grow(Heap *h, size_t more_words)
{
    Actor *a = container_of(h, Actor, heap);

    if (h->max_words == 0) return true;
    size_t total = actor_words(a) + more_words;
    size_t limit = (size_t)h->max_words << 10;
    if (a->own & OWN_LIMIT_HIT) limit = MAX(limit, heap_told_words(h)) + limit / 8;
    return total <= limit;
}

bool actor_below_limit(const Actor *a)
{
    const Space *space = a->heap.scratch->space;
    size_t words = actor_words(a), limit = (size_t)a->heap.max_words << 10;

    return (limit == 0 || words < limit - limit / 8) &&
           (space->limit == 0 || space_used(space) < space->limit - space->limit / 8);
}

bool actor_tell_limit(Actor *a)
{
    // One request that was too large is told again; who is still at the limit ends.
    if ((a->own & OWN_LIMIT_HIT) && !actor_below_limit(a)) return false;
    a->own |= OWN_LIMIT_HIT;
    a->heap.scratch->cache->reserve = RESERVE_USED;
    heap_note_told(&a->heap, actor_words(a));
    return true;
}

static bool use_reserve(Heap *h)
{
    return limit_use_reserve(container_of(h, Actor, heap));
}

const HeapOwnerOps actor_heap_ops = {visit_roots, visit_stack, may_grow, use_reserve};

// ---- birth --------------------------------------------------------------------------------------

static void init_cell(VmWorker *w, Actor *a, const SpawnOptions *o)
{
    a->task.next = NULL;
    a->task.priority = o->priority;
    atomic_store_explicit(&a->flags, ACTOR_LIVE, memory_order_relaxed);
    atomic_store_explicit(&a->status, ACTOR_RUNNABLE, memory_order_relaxed);
    atomic_store_explicit(&a->reductions, 0, memory_order_relaxed);
    atomic_store_explicit(&a->heap_words, 0, memory_order_relaxed);
    atomic_store_explicit(&a->mailbox_length, 0, memory_order_relaxed);
    atomic_store_explicit(&a->mailbox_limit, 0, memory_order_relaxed);
    atomic_store_explicit(&a->dropped, 0, memory_order_relaxed);
    heap_init(&a->heap, a->nursery_words, CELL_NURSERY_WORDS);
    a->heap.max_words = o->max_heap;
    a->heap.scratch = &w->scratch;
    actor_stack_ops->init(a, V_UNSPECIFIED);
    a->own = OWN_BORN;
    mailbox_init(a);
    a->handlers = a->winders = a->params = V_NIL;
    a->priv = a->reason = V_FALSE;
    a->deadline_ns = 0;
    a->ext = NULL;
    a->initial = NULL;
}

// Takes the bindings that are not for others out of a list copied for a new actor.
static Value inherited_params(Value params)
{
    Value kept = params, last = V_NIL;

    for (Value at = params; value_is_pair(at); at = value_cdr(at)) {
        Value number = value_car(value_car(at));
        if (value_is_fix(number) && value_int(number) >= 0) {
            last = at;
        } else if (value_is_null(last)) {
            kept = value_cdr(at);
        } else {
            *value_cdr_slot(last) = value_cdr(at);
        }
    }
    return kept;
}

// A pair of the parent's list of parameters that skips some for the time of a copy.
typedef struct {
    Value pair, rest;
} Skip;

static bool travels(Actor *parent, Value v)
{
    VmWorker *w = actor_worker(parent);
    Value refused;
    Sig *s;

    if (sig_copy(parent, SIG_MESSAGE, v, &s, &refused) != SEND_OK) return false;
    sig_free(w->vm, w, s);
    return true;
}

// Copies the thunk with those parameters whose values can travel; in the child the others have their
// initial values. The parent's list is changed and put right again: nothing looks at it meanwhile.
static SendResult copy_what_travels(Actor *parent, Actor *a, Value given[3], Copied *c)
{
    size_t n = 0, skips = 0;
    Value head = parent->params, last = V_NIL, next;

    for (Value at = head; value_is_pair(at); at = value_cdr(at)) {
        n++;
    }
    Skip *skipped = mem_alloc(MEM_SCRATCH, n * sizeof *skipped);
    if (!skipped) return SEND_NO_MEMORY;
    for (Value at = head; value_is_pair(at); at = next) {
        next = value_cdr(at);
        if (travels(parent, value_car(at))) {
            last = at;
        } else if (value_is_null(last)) {
            head = next;
        } else {
            skipped[skips++] = (Skip){last, value_cdr(last)};
            *value_cdr_slot(last) = next;
        }
    }
    given[2] = head;
    SendResult r = copy_for_other(parent, given, 3, 1, a->nursery_words, CELL_NURSERY_WORDS, c);
    while (skips-- > 0) {
        *value_cdr_slot(skipped[skips].pair) = skipped[skips].rest;
    }
    mem_free(MEM_SCRATCH, skipped, n * sizeof *skipped);
    return r;
}

// The thunk and the parameters, copied into the new actor's first nursery and what follows it.
static SpawnResult give_start(Actor *parent, Actor *a, Value thunk, Value give, Copied *c)
{
    Value given[3] = {give, thunk, parent->params};

    SendResult r = copy_for_other(parent, given, 3, 1, a->nursery_words, CELL_NURSERY_WORDS, c);
    if (r == SEND_REFUSED && value_is_pair(parent->params)) {
        given[0] = give;
        given[1] = thunk;
        r = copy_what_travels(parent, a, given, c);
    }
    if (r == SEND_NO_MEMORY) return SPAWN_NO_MEMORY;
    if (r == SEND_REFUSED) return SPAWN_REFUSED;
    a->heap.hp += c->used;
    a->fp[0] = given[1];
    a->params = inherited_params(given[2]);
    a->reason = c->cells; // installed when it runs first: that may collect its heap
    if (c->more) heap_adopt(&a->heap, c->more);
    while (!value_is_null(c->blocks)) {
        Value next = ((BlockRef *)value_words(c->blocks))->next;
        if (!heap_note_blockref(&a->heap, c->blocks)) return SPAWN_NO_MEMORY;
        c->blocks = next;
    }
    return SPAWNED;
}

static bool tie(VmWorker *w, Actor *parent, Actor *a, const SpawnOptions *o, Spawned *out)
{
    ActorExt *x = parent ? actor_ext(parent) : NULL, *y = actor_ext(a);
    Value pid = actor_pid(a);
    MapEntry *e;
    bool made;

    (void)w;
    if (!x || !y) return false;
    y->parent = actor_pid(parent);
    if (o->link) {
        if (!map_add(&x->links, MEM_ACTOR, pid.bits, &made)) return false;
        if (!map_add(&y->links, MEM_ACTOR, y->parent.bits, &made)) return false;
    }
    if (o->monitor) {
        out->ref = actor_make_ref(parent);
        e = map_add(&x->monitors, MEM_ACTOR, out->ref.bits, &made);
        if (!e) return false;
        e->a = pid.bits;
        e->b = V_FALSE.bits;
        e = map_add(&y->watchers, MEM_ACTOR, out->ref.bits, &made);
        if (!e) return false;
        e->a = y->parent.bits;
        e->b = V_FALSE.bits;
    }
    return true;
}

static bool inherit_leader(const Actor *parent, Actor *a)
{
    if (!parent || !parent->ext || !value_true(parent->ext->leader)) return true;
    ActorExt *x = actor_ext(a);
    if (x) x->leader = parent->ext->leader;
    return x != NULL;
}

// Undoes what a spawn has done so far.
static SpawnResult abandon(VmWorker *w, Actor *parent, Actor *a, const Spawned *out, Copied *c,
                           SpawnResult r)
{
    if (parent && parent->ext) {
        map_remove(&parent->ext->links, actor_pid(a).bits);
        if (value_is_local_ref(out->ref)) map_remove(&parent->ext->monitors, out->ref.bits);
    }
    copied_keep(c);
    actor_close(w, a);
    actor_retire(w, a);
    return r;
}

SpawnResult actor_spawn(VmWorker *w, Actor *parent, Value thunk, const SpawnOptions *options,
                        Spawned *out)
{
    Vm *vm = w->vm;
    SpawnResult r = SPAWNED;
    Copied c = {0};

    out->ref = V_FALSE;
    if (UNLIKELY(space_is_tight(&vm->space)) && !limit_allows_spawn(vm)) return SPAWN_NO_MEMORY;
    Actor *a = take_cell(w);
    if (!a) return SPAWN_NO_MEMORY;
    init_cell(w, a, options);
    atomic_fetch_add_explicit(&vm->actor_count, 1, memory_order_relaxed);
    out->pid = actor_pid(a);
    if (parent) {
        r = give_start(parent, a, thunk, options->give, &c);
        out->refused = c.refused;
    } else {
        a->fp[0] = thunk;
    }
    if (r == SPAWNED && (options->link || options->monitor) && !tie(w, parent, a, options, out))
        r = SPAWN_NO_MEMORY;
    size_t was;
    if (r == SPAWNED && options->min_heap > 0 && !heap_set_least(&a->heap, options->min_heap, &was))
        r = SPAWN_NO_MEMORY;
    if (r == SPAWNED && !inherit_leader(parent, a)) r = SPAWN_NO_MEMORY;
    if (r != SPAWNED) return abandon(w, parent, a, out, &c, r);
    a->initial = value_is_proc(a->fp[0]) ? proc_code(value_proc(a->fp[0])) : NULL;
    a->heap.scratch = NULL;
    // Open before the name is there: who finds the actor by it finds it alive.
    atomic_store_explicit(&a->inbox, 0, memory_order_release);
    NameResult named = value_true(options->name) ? registry_add(vm, options->name, out->pid) : NAME_OK;
    if (named != NAME_OK)
        return abandon(w, parent, a, out, &c,
                       named == NAME_NO_MEMORY ? SPAWN_NO_MEMORY : SPAWN_NAME_TAKEN);
    if (UNLIKELY(c.given_count > 0)) copied_give(parent, &c);
    if (UNLIKELY(parent && (parent->own & OWN_TRACED))) trace_spawned(parent, a);
    actor_wake(vm, w, a);
    return SPAWNED;
}

void actor_retire(VmWorker *w, Actor *a)
{
    Vm *vm = w->vm;

    a->heap.scratch = &w->scratch;
    // Who still holds the address must go on seeing that it takes nothing more.
    atomic_store_explicit(&a->flags, ACTOR_DYING, memory_order_release);
    actor_stack_ops->fini(a);
    heap_fini(&a->heap);
    a->heap.scratch = NULL;
    if (a->ext) free_tables(a->ext);
    atomic_fetch_sub_explicit(&vm->actor_count, 1, memory_order_relaxed);
    // The extension goes with the cell: a time-out that is just firing still looks at it.
    put_cell(w, a);
}
