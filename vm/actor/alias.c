// Aliases: references that messages can be sent to, until they are switched off. See life.h.
//
// The owner keeps how each ends in its extension (`options`), together with the tag of a monitor's
// DOWN; who sends finds the owner by the VM's table. A message to an alias travels as SIG_ANSWER, in
// order with everything else from its sender, and counts if the alias is there when it is taken.
//
// Threads: the table has one lock, held for some tens of nanoseconds; the rest by the owner.
#include "vm/actor/life.h"
#include "vm/actor/limit.h"

struct Aliases {
    PlatLock lock;
    Map owners; // reference -> {pid}; lock
};

Aliases *aliases_new(void)
{
    return mem_zalloc(MEM_VM, sizeof(Aliases));
}

void aliases_free(Aliases *t)
{
    if (!t) return;
    map_free(&t->owners, MEM_VM);
    mem_free(MEM_VM, t, sizeof *t);
}

Value alias_owner(Vm *vm, Value ref)
{
    Aliases *t = vm->aliases;

    plat_lock(&t->lock);
    MapEntry *e = map_find(&t->owners, ref.bits);
    Value pid = e ? (Value){e->a} : V_FALSE;
    plat_unlock(&t->lock);
    return pid;
}

static bool enter(Vm *vm, Value ref, Value pid)
{
    Aliases *t = vm->aliases;
    bool made;

    plat_lock(&t->lock);
    MapEntry *e = map_add(&t->owners, MEM_VM, ref.bits, &made);
    if (e) e->a = pid.bits;
    plat_unlock(&t->lock);
    return e != NULL;
}

static void leave(Vm *vm, Value ref)
{
    Aliases *t = vm->aliases;

    plat_lock(&t->lock);
    map_remove(&t->owners, ref.bits);
    map_trim(&t->owners, MEM_VM);
    plat_unlock(&t->lock);
}

bool alias_add(Actor *a, Value ref, AliasMode mode, Sig *tag)
{
    Vm *vm = actor_vm(a);
    ActorExt *x = actor_ext(a);
    bool made;
    if (x && !limit_allows_more(vm, &x->options)) return false;
    MapEntry *e = x ? map_add(&x->options, MEM_ACTOR, ref.bits, &made) : NULL;

    if (!e) return false;
    e->a = mode;
    e->b = (uint64_t)tag;
    if (mode == ALIAS_NONE || enter(vm, ref, actor_pid(a))) return true;
    map_remove(&x->options, ref.bits);
    return false;
}

// The entry goes when neither an alias nor a tag is left in it.
static void drop_if_empty(ActorExt *x, MapEntry *e)
{
    if (e->a == ALIAS_NONE && e->b == 0) map_remove(&x->options, e->key);
}

static bool switch_off(Actor *a, MapEntry *e)
{
    if (e->a == ALIAS_NONE) return false;
    leave(actor_vm(a), (Value){e->key});
    e->a = ALIAS_NONE;
    return true;
}

bool alias_remove(Actor *a, Value ref)
{
    MapEntry *e = a->ext ? map_find(&a->ext->options, ref.bits) : NULL;
    bool was = e && switch_off(a, e);

    if (e) drop_if_empty(a->ext, e);
    return was;
}

Sig *alias_monitor_gone(Actor *a, Value ref)
{
    MapEntry *e = a->ext ? map_find(&a->ext->options, ref.bits) : NULL;

    if (!e) return NULL;
    Sig *tag = (Sig *)e->b; // NOLINT: stored as a word
    e->b = 0;
    if (e->a != ALIAS_EXPLICIT) (void)switch_off(a, e);
    drop_if_empty(a->ext, e);
    return tag;
}

bool alias_accepts(Actor *a, Value ref, bool sent_to_alias)
{
    MapEntry *e = a->ext ? map_find(&a->ext->options, ref.bits) : NULL;
    AliasMode mode = e ? (AliasMode)e->a : ALIAS_NONE;

    if (!sent_to_alias) return a->ext && actor_demonitor(a, ref);
    if (mode == ALIAS_REPLY && !actor_demonitor(a, ref)) (void)alias_remove(a, ref);
    return mode != ALIAS_NONE;
}

bool aliases_drop(Actor *a, unsigned *budget)
{
    VmWorker *w = actor_worker(a);
    ActorExt *x = a->ext;
    MapEntry *e;

    while ((e = map_any(&x->options, &x->empty_hint)) != NULL) {
        if ((*budget)-- == 0) return false;
        Sig *tag = (Sig *)e->b; // NOLINT: stored as a word
        if (tag) sig_free(w->vm, w, tag);
        (void)switch_off(a, e);
        map_remove(&x->options, e->key);
    }
    return true;
}
