// Orders: what one actor has another do. They arrive as SIG_INFO and are answered like questions, so that
// who gave one knows that it has been obeyed.
//
// Who has suspended an actor is watched by it: the end of the suspender resumes it.
//
// Threads: the owner.
#include "vm/actor/life.h"

static bool suspend(Actor *a, Value from)
{
    ActorExt *x = actor_ext(a);
    bool made;
    MapEntry *e = x ? map_add(&x->suspenders, MEM_ACTOR, from.bits, &made) : NULL;

    if (!e) return false;
    if (made) {
        Value ref = actor_monitor(a, from, MONITOR_SUSPENDER);
        if (value_is(ref, V_FAIL)) {
            map_remove(&x->suspenders, from.bits);
            return false;
        }
        e->b = ref.bits;
    }
    e->a++;
    a->own |= OWN_SUSPENDED;
    return true;
}

static void forget(Actor *a, Value from)
{
    map_remove(&a->ext->suspenders, from.bits);
    if (a->ext->suspenders.count == 0) a->own &= ~(uint32_t)OWN_SUSPENDED;
}

static bool resume(Actor *a, Value from)
{
    MapEntry *e = a->ext ? map_find(&a->ext->suspenders, from.bits) : NULL;

    if (!e) return false;
    if (--e->a > 0) return true;
    (void)actor_demonitor(a, (Value){e->b});
    forget(a, from);
    return true;
}

bool order_suspender_gone(Actor *a, const MapEntry *monitor)
{
    Value from = {monitor->a};

    if (monitor->b != MONITOR_SUSPENDER.bits) return false;
    map_remove(&a->ext->monitors, monitor->key);
    forget(a, from);
    return true;
}

Value order_obey(Actor *a, ActorOrder order, Value from)
{
    switch (order) {
    case ORDER_COLLECT:
        return value_bool(gc_collect(&a->heap, 0, true));
    case ORDER_SUSPEND:
        return value_bool(suspend(a, from));
    case ORDER_RESUME:
        return value_bool(resume(a, from));
    case ORDERS:
        break;
    }
    return V_FALSE;
}
