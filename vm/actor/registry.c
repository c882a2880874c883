// Registered names. See life.h.
//
// One lock: names are looked up by one actor at a time for some tens of nanoseconds. Two tables, name to
// pid and pid to name, because an actor has at most one name and must find it when it ends.
#include "vm/actor/limit.h"
#include "vm/actor/life.h"

struct Registry {
    PlatLock lock;
    Map by_name; // symbol word -> {pid}; lock
    Map by_pid;  // pid word -> {symbol}; lock
};

Registry *registry_new(void)
{
    return mem_zalloc(MEM_VM, sizeof(Registry));
}

void registry_free(Registry *r)
{
    if (!r) return;
    map_free(&r->by_name, MEM_VM);
    map_free(&r->by_pid, MEM_VM);
    mem_free(MEM_VM, r, sizeof *r);
}

static NameResult add(Vm *vm, Registry *r, Value name, Value pid)
{
    Actor *a = actor_of_pid(vm, pid);
    bool made;

    if (!a) return NAME_DEAD;
    if (map_find(&r->by_name, name.bits)) return NAME_TAKEN;
    if (map_find(&r->by_pid, pid.bits)) return NAME_HAS_ONE;
    MapEntry *e = map_add(&r->by_name, MEM_VM, name.bits, &made);
    if (!e) return NAME_NO_MEMORY;
    e->a = pid.bits;
    e = map_add(&r->by_pid, MEM_VM, pid.bits, &made);
    if (!e) {
        map_remove(&r->by_name, name.bits);
        return NAME_NO_MEMORY;
    }
    e->a = name.bits;
    // An actor that ends sets DYING first and then looks for NAMED, in the same word: one of the two
    // sees the other.
    if (!(atomic_fetch_or_explicit(&a->flags, ACTOR_NAMED, memory_order_acq_rel) & ACTOR_DYING))
        return NAME_OK;
    map_remove(&r->by_pid, pid.bits);
    map_remove(&r->by_name, name.bits);
    return NAME_DEAD;
}

static void trim(Registry *r)
{
    map_trim(&r->by_name, MEM_VM);
    map_trim(&r->by_pid, MEM_VM);
}

NameResult registry_add(Vm *vm, Value name, Value pid)
{
    Registry *r = vm->registry;

    plat_lock(&r->lock);
    NameResult result = limit_allows_more(vm, &r->by_name) ? add(vm, r, name, pid) : NAME_NO_MEMORY;
    plat_unlock(&r->lock);
    return result;
}

bool registry_remove(Vm *vm, Value name)
{
    Registry *r = vm->registry;
    bool found = false;

    plat_lock(&r->lock);
    MapEntry *e = map_find(&r->by_name, name.bits);
    if (e) {
        Value pid = {e->a};
        Actor *a = actor_of_pid(vm, pid);
        if (a) atomic_fetch_and_explicit(&a->flags, ~(uint32_t)ACTOR_NAMED, memory_order_relaxed);
        map_remove(&r->by_pid, pid.bits);
        map_remove(&r->by_name, name.bits);
        trim(r);
        found = true;
    }
    plat_unlock(&r->lock);
    return found;
}

Value registry_find(Vm *vm, Value name)
{
    Registry *r = vm->registry;

    plat_lock(&r->lock);
    MapEntry *e = map_find(&r->by_name, name.bits);
    Value pid = e ? (Value){e->a} : V_FALSE;
    plat_unlock(&r->lock);
    return pid;
}

Value registry_name_of(Vm *vm, Value pid)
{
    Registry *r = vm->registry;

    plat_lock(&r->lock);
    MapEntry *e = map_find(&r->by_pid, pid.bits);
    Value name = e ? (Value){e->a} : V_FALSE;
    plat_unlock(&r->lock);
    return name;
}

void registry_forget(Vm *vm, Actor *a)
{
    Registry *r = vm->registry;
    Value pid = actor_pid(a);

    plat_lock(&r->lock);
    MapEntry *e = map_find(&r->by_pid, pid.bits);
    if (e) {
        map_remove(&r->by_name, e->a);
        map_remove(&r->by_pid, pid.bits);
        trim(r);
    }
    plat_unlock(&r->lock);
}

size_t registry_names(Vm *vm, Value *out, size_t max)
{
    Registry *r = vm->registry;
    size_t n = 0;

    plat_lock(&r->lock);
    MAP_EACH(&r->by_name, e)
    {
        if (n < max) out[n] = (Value){e->key};
        n++;
    }
    plat_unlock(&r->lock);
    return n;
}
