// Which shared tables there are, whose they are, and what becomes of them. See shared.h.
#include "vm/actor/ext.h"
#include "vm/actor/limit.h"
#include "vm/actor/life.h"
#include "vm/actor/shared.h"

#include "vm/base/check.h"

#include <string.h>

// Entries that are freed for one signal's worth of an ending actor's budget.
#define ENTRIES_PER_UNIT 64

struct SharedTables {
    PlatLock lock;
    Map by_id;   // reference -> {SharedTable *}; lock
    Map by_name; // symbol -> {SharedTable *}; lock
};

SharedTables *shared_tables_new(void)
{
    return mem_zalloc(MEM_TABLES, sizeof(SharedTables));
}

static SharedTable *table_of(const MapEntry *e)
{
    return e ? (SharedTable *)e->a : NULL; // NOLINT: stored as a word
}

// ---- making and finding -----------------------------------------------------------------------------

static size_t table_bytes(uint32_t shards)
{
    return sizeof(SharedTable) + shards * sizeof(Shard);
}

static void free_table(SharedTable *t)
{
    for (uint32_t i = 0; i < t->shard_count; i++) {
        Shard *s = &t->shards[i];
        if (s->buckets) mem_free(MEM_TABLES, s->buckets, sizeof *s->buckets << s->bits);
    }
    mem_free(MEM_TABLES, t, table_bytes(t->shard_count));
}

static SharedTable *alloc_table(Actor *owner, Value name, SharedType type, SharedAccess access)
{
    uint32_t shards = type == SHARED_ORDERED ? 1 : SHARDS;
    SharedTable *t = mem_zalloc(MEM_TABLES, table_bytes(shards));

    if (!t) return NULL;
    atomic_store_explicit(&t->refs, 1, memory_order_relaxed);
    t->type = type;
    t->access = access;
    t->id = actor_make_ref(owner);
    t->name = name;
    atomic_store_explicit(&t->owner, actor_pid(owner).bits, memory_order_relaxed);
    t->heir = V_FALSE;
    t->shard_count = shards;
    for (uint32_t i = 0; i < shards; i++) {
        t->shards[i].buckets = mem_zalloc(MEM_TABLES, sizeof(Entry *));
        if (t->shards[i].buckets) continue;
        free_table(t);
        return NULL;
    }
    return t;
}

static bool enter(SharedTables *all, SharedTable *t, bool *taken)
{
    bool named = value_true(t->name), made;

    *taken = named && map_find(&all->by_name, t->name.bits);
    if (*taken) return false;
    MapEntry *e = map_add(&all->by_id, MEM_TABLES, t->id.bits, &made);
    if (!e) return false;
    e->a = (uint64_t)t;
    if (!named) return true;
    e = map_add(&all->by_name, MEM_TABLES, t->name.bits, &made);
    if (e) {
        e->a = (uint64_t)t;
    } else {
        map_remove(&all->by_id, t->id.bits);
    }
    return e != NULL;
}

SharedTable *shared_new(Actor *owner, Value name, SharedType type, SharedAccess access, bool *taken)
{
    SharedTables *all = actor_vm(owner)->tables;
    *taken = false;
    SharedTable *t = alloc_table(owner, name, type, access);
    if (!t || !actor_ext(owner)) {
        if (t) free_table(t);
        return NULL;
    }
    atomic_fetch_or_explicit(&owner->flags, ACTOR_TABLES, memory_order_acq_rel);
    plat_lock(&all->lock);
    bool ok = limit_allows_more(actor_vm(owner), &all->by_id) && enter(all, t, taken);
    plat_unlock(&all->lock);
    if (ok) return t;
    free_table(t);
    return NULL;
}

SharedTable *shared_acquire(Vm *vm, Value id_or_name)
{
    SharedTables *all = vm->tables;
    const Map *m = value_is_symbol(id_or_name) ? &all->by_name : &all->by_id;

    plat_lock(&all->lock);
    SharedTable *t = table_of(map_find(m, id_or_name.bits));
    if (t) atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
    plat_unlock(&all->lock);
    return t;
}

size_t shared_ids(Vm *vm, Value *out, size_t max)
{
    SharedTables *all = vm->tables;
    size_t n = 0;

    plat_lock(&all->lock);
    MAP_EACH(&all->by_id, e)
    {
        if (n < max) out[n++] = (Value){e->key};
    }
    n = all->by_id.count;
    plat_unlock(&all->lock);
    return n;
}

// ---- emptying ---------------------------------------------------------------------------------------

// Takes at most `max` entries out of the front bucket that has any. True when none is left.
static bool drain_shard(Vm *vm, SharedTable *t, Shard *s, size_t *max)
{
    bool ordered = t->type == SHARED_ORDERED;
    size_t n = (size_t)1 << s->bits;

    plat_lock(&s->lock);
    s->dead = true;
    // Nobody looks for anything in it any more but who has come before it was withdrawn.
    for (; s->empty < n && s->count > 0 && *max > 0; s->empty += *max > 0) {
        Entry **link = ordered ? &t->heads[0] : &s->buckets[s->empty];
        if (ordered) memset(&t->heads[1], 0, (LEVELS_MAX - 1) * sizeof t->heads[0]);
        while (*link && *max > 0) {
            Entry *e = *link;
            *link = e->next;
            s->count--;
            (*max)--;
            entry_release(vm, e);
        }
    }
    bool empty = s->count == 0;
    plat_unlock(&s->lock);
    return empty;
}

bool shared_drain(Vm *vm, SharedTable *t, size_t max)
{
    for (; t->drained < t->shard_count; t->drained++) {
        if (!drain_shard(vm, t, &t->shards[t->drained], &max) || max == 0)
            return t->drained == t->shard_count;
    }
    return true;
}

void shared_release(Vm *vm, SharedTable *t)
{
    if (atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1) return;
    t->drained = 0;
    (void)shared_drain(vm, t, SIZE_MAX);
    free_table(t);
}

static Sig *take_bequest(SharedTable *t)
{
    Sig *s = t->bequest;

    t->bequest = NULL;
    t->heir = V_FALSE;
    return s;
}

// By lock.
static bool withdraw(SharedTables *all, SharedTable *t)
{
    if (table_of(map_find(&all->by_id, t->id.bits)) != t) return false;
    map_remove(&all->by_id, t->id.bits);
    if (value_true(t->name)) map_remove(&all->by_name, t->name.bits);
    map_trim(&all->by_id, MEM_TABLES);
    map_trim(&all->by_name, MEM_TABLES);
    return true;
}

bool shared_withdraw(Vm *vm, SharedTable *t)
{
    SharedTables *all = vm->tables;

    plat_lock(&all->lock);
    bool ours = withdraw(all, t);
    Sig *bequest = ours ? take_bequest(t) : NULL;
    plat_unlock(&all->lock);
    if (bequest) sig_free(vm, NULL, bequest);
    return ours;
}

void shared_tables_free(Vm *vm, SharedTables *all)
{
    if (!all) return;
    MAP_EACH(&all->by_id, e)
    {
        SharedTable *t = table_of(e);
        if (t->bequest) sig_free(vm, NULL, t->bequest);
        shared_release(vm, t);
    }
    map_free(&all->by_id, MEM_TABLES);
    map_free(&all->by_name, MEM_TABLES);
    mem_free(MEM_TABLES, all, sizeof *all);
}

// ---- owners -----------------------------------------------------------------------------------------

// An actor that ends sets DYING first and then looks for TABLES, in the same word: one of the two sees
// the other. By lock.
static bool make_owner(Vm *vm, SharedTable *t, Value pid)
{
    Actor *a = actor_of_pid(vm, pid);

    if (!a) return false;
    if (atomic_fetch_or_explicit(&a->flags, ACTOR_TABLES, memory_order_acq_rel) & ACTOR_DYING)
        return false;
    atomic_store_explicit(&t->owner, pid.bits, memory_order_release);
    return true;
}

bool shared_give(VmWorker *w, SharedTable *t, Value pid, Sig *message)
{
    SharedTables *all = w->vm->tables;

    plat_lock(&all->lock);
    bool ok = make_owner(w->vm, t, pid);
    // Before anybody can do what only the owner may: the message comes first.
    if (ok) sig_send(w->vm, w, pid, message);
    plat_unlock(&all->lock);
    return ok;
}

Value shared_heir(Vm *vm, SharedTable *t)
{
    plat_lock(&vm->tables->lock);
    Value heir = t->heir;
    plat_unlock(&vm->tables->lock);
    return heir;
}

void shared_set_heir(VmWorker *w, SharedTable *t, Value heir, Sig *message)
{
    SharedTables *all = w->vm->tables;

    plat_lock(&all->lock);
    Sig *old = take_bequest(t);
    t->heir = heir;
    t->bequest = message;
    plat_unlock(&all->lock);
    if (old) sig_free(w->vm, w, old);
}

bool shared_doom(Actor *a, SharedTable *t)
{
    ActorExt *x = actor_ext(a);

    if (!x) return false;
    if (x->doomed_count == x->doomed_capacity) {
        uint32_t more = x->doomed_capacity ? x->doomed_capacity * 2 : 4;
        SharedTable **list = mem_realloc(MEM_TABLES, x->doomed, x->doomed_capacity * sizeof *list,
                                         more * sizeof *list);
        if (!list) return false;
        x->doomed = list;
        x->doomed_capacity = more;
    }
    x->doomed[x->doomed_count++] = t;
    return true;
}

static bool owns(Value pid, const SharedTable *t)
{
    return atomic_load_explicit(&t->owner, memory_order_relaxed) == pid.bits;
}

// Any table of the actor's; by lock.
static SharedTable *owned(SharedTables *all, Value pid)
{
    MAP_EACH(&all->by_id, e)
    {
        if (owns(pid, table_of(e))) return table_of(e);
    }
    return NULL;
}

// Lists all tables of the actor's; by lock. Without memory not all of them.
static void list_owned(SharedTables *all, Actor *a, Value pid)
{
    MAP_EACH(&all->by_id, e)
    {
        if (owns(pid, table_of(e)) && !shared_doom(a, table_of(e))) return;
    }
}

// To the heir, if there is one that lives; by lock.
static bool inherit(VmWorker *w, SharedTable *t, Value pid)
{
    Value heir = t->heir;
    Sig *message = take_bequest(t);

    bool ok = message && !value_is(heir, pid) && make_owner(w->vm, t, heir);
    if (ok) {
        sig_send(w->vm, w, heir, message);
    } else if (message) {
        sig_free(w->vm, w, message);
    }
    return ok;
}

void shared_owner_ended(VmWorker *w, Actor *a)
{
    SharedTables *all = w->vm->tables;
    Value pid = actor_pid(a);
    SharedTable *t;

    plat_lock(&all->lock);
    uint32_t n = a->ext ? a->ext->doomed_count : 0; // those that it has withdrawn itself
    list_owned(all, a, pid);
    for (uint32_t i = n; a->ext && i < a->ext->doomed_count; i++) {
        t = a->ext->doomed[i];
        if (inherit(w, t, pid)) continue;
        (void)withdraw(all, t);
        a->ext->doomed[n++] = t;
    }
    if (a->ext) a->ext->doomed_count = n;
    // Without memory for the list they are emptied at once.
    while ((t = owned(all, pid)) != NULL) {
        if (inherit(w, t, pid)) continue;
        (void)withdraw(all, t);
        shared_release(w->vm, t);
    }
    plat_unlock(&all->lock);
}

bool shared_owner_drain(VmWorker *w, Actor *a, unsigned *budget)
{
    ActorExt *x = a->ext;

    while (x->doomed_count > 0) {
        SharedTable *t = x->doomed[x->doomed_count - 1];
        if (*budget == 0) return false;
        (*budget)--;
        if (!shared_drain(w->vm, t, ENTRIES_PER_UNIT)) continue;
        x->doomed_count--;
        shared_release(w->vm, t);
    }
    mem_free(MEM_TABLES, x->doomed, x->doomed_capacity * sizeof *x->doomed);
    x->doomed = NULL;
    x->doomed_capacity = 0;
    return true;
}
