// Links and monitors. See life.h.
//
// A link is an entry on both sides. Unlinking is a small protocol, because both sides may act at
// once: who unlinks keeps its entry, marked with a number, until the other side acknowledges that
// number; meanwhile exits through the link do not count and a LINK that crossed on the way is known to
// be older. Linking anew clears the mark, and the late acknowledgement finds another number.
#include "vm/actor/life.h"
#include "vm/actor/limit.h"

#include "vm/base/check.h"

ActorExt *actor_ext(Actor *a)
{
    if (!a->ext) {
        a->ext = mem_zalloc(MEM_ACTOR, sizeof *a->ext);
        if (!a->ext) return NULL;
        a->ext->actor = a;
        a->ext->serial = atomic_load_explicit(&a->serial, memory_order_relaxed);
        a->ext->parent = a->ext->leader = V_FALSE;
    }
    return a->ext;
}

Value actor_make_ref(Actor *a)
{
    VmWorker *w = actor_worker(a);
    return value_ref((uint64_t)w->worker->index << 50 | ++w->next_ref);
}

// A signal to a local pid. False when it is gone.
static bool send_plain(Actor *a, Value to, SigKind kind, Value value, Value ref, bool *no_memory)
{
    VmWorker *w = actor_worker(a);
    Sig *s = sig_plain(w->vm, w, kind, value, actor_pid(a), ref);

    *no_memory = s == NULL;
    return s && sig_send(w->vm, w, to, s);
}

// ---- links --------------------------------------------------------------------------------------

LinkResult actor_link(Actor *a, Value pid)
{
    ActorExt *x;
    MapEntry *e;
    bool made, no_memory;

    if (value_is(pid, actor_pid(a))) return LINK_DONE;
    x = actor_ext(a);
    if (x && !limit_allows_more(actor_vm(a), &x->links)) return LINK_NO_MEMORY;
    e = x ? map_add(&x->links, MEM_ACTOR, pid.bits, &made) : NULL;
    if (!e) return LINK_NO_MEMORY;
    if (!made && e->a == 0) return LINK_DONE;
    e->a = 0;
    if (send_plain(a, pid, SIG_LINK, V_UNSPECIFIED, V_FALSE, &no_memory)) return LINK_DONE;
    map_remove(&x->links, pid.bits);
    return no_memory ? LINK_NO_MEMORY : LINK_NOPROC;
}

bool actor_unlink(Actor *a, Value pid)
{
    MapEntry *e = a->ext ? map_find(&a->ext->links, pid.bits) : NULL;
    bool no_memory;

    if (!e || e->a != 0) return true;
    uint64_t number = ++a->ext->next_unlink;
    e->a = number;
    if (send_plain(a, pid, SIG_UNLINK, V_UNSPECIFIED, value_fix((int64_t)number), &no_memory))
        return true;
    if (no_memory) {
        e->a = 0;
        return false;
    }
    map_remove(&a->ext->links, pid.bits); // nobody will acknowledge
    return true;
}

static void take_link(Actor *a, Value from)
{
    ActorExt *x = actor_ext(a);
    bool made, no_memory;

    // An entry that is there, linked or unlinking, is newer than this signal.
    if (x && map_add(&x->links, MEM_ACTOR, from.bits, &made)) return;
    // No memory to be linked in: to the other side that is as if this actor were gone.
    Value reason = actor_vm(a)->symbol[SYM_noproc];
    (void)send_plain(a, from, SIG_LINK_EXIT, reason, V_FALSE, &no_memory);
}

static void take_unlink(Actor *a, Value from, Value number)
{
    MapEntry *e = a->ext ? map_find(&a->ext->links, from.bits) : NULL;
    bool no_memory;

    // If this side is unlinking too, its own entry waits for its own acknowledgement.
    if (e && e->a == 0) map_remove(&a->ext->links, from.bits);
    (void)send_plain(a, from, SIG_UNLINK_ACK, V_UNSPECIFIED, number, &no_memory);
}

static void take_unlink_ack(Actor *a, Value from, Value number)
{
    MapEntry *e = a->ext ? map_find(&a->ext->links, from.bits) : NULL;
    if (e && e->a == (uint64_t)value_int(number)) map_remove(&a->ext->links, from.bits);
}

// ---- monitors -----------------------------------------------------------------------------------

// A DOWN with reason noproc in the watcher's own inbox, like one that the dead would have sent.
static bool down_to_self(Actor *a, Value ref, Value from)
{
    VmWorker *w = actor_worker(a);
    Sig *s = sig_plain(w->vm, w, SIG_DOWN, w->vm->symbol[SYM_noproc], from, ref);

    return s && sig_post(w->vm, w, a, s);
}

Value actor_monitor(Actor *a, Value pid, Value name)
{
    ActorExt *x = actor_ext(a);
    Value ref = actor_make_ref(a);
    bool made, no_memory = false;
    if (x && !limit_allows_more(actor_vm(a), &x->monitors)) return V_FAIL;
    MapEntry *e = x ? map_add(&x->monitors, MEM_ACTOR, ref.bits, &made) : NULL;

    if (!e) return V_FAIL;
    e->a = pid.bits;
    e->b = name.bits;
    if (value_is(pid, actor_pid(a))) return ref; // watching oneself never fires
    if (value_is_local_pid(pid) &&
        send_plain(a, pid, SIG_MONITOR, name, ref, &no_memory))
        return ref;
    if (!no_memory && down_to_self(a, ref, pid)) return ref;
    map_remove(&x->monitors, ref.bits);
    return V_FAIL;
}

bool actor_demonitor(Actor *a, Value ref)
{
    MapEntry *e = a->ext ? map_find(&a->ext->monitors, ref.bits) : NULL;
    bool no_memory;

    if (!e) return false;
    Value target = {e->a};
    map_remove(&a->ext->monitors, ref.bits);
    Sig *tag = alias_monitor_gone(a, ref);
    if (tag) sig_free(actor_vm(a), actor_worker(a), tag);
    // Without memory the target keeps a watcher too many; the DOWN it sends finds no monitor.
    if (value_is_local_pid(target))
        (void)send_plain(a, target, SIG_DEMONITOR, V_UNSPECIFIED, ref, &no_memory);
    return true;
}

static void take_monitor(Actor *a, Value from, Value ref, Value name)
{
    ActorExt *x = actor_ext(a);
    bool made, no_memory;
    MapEntry *e = x ? map_add(&x->watchers, MEM_ACTOR, ref.bits, &made) : NULL;

    if (e) {
        e->a = from.bits;
        e->b = name.bits;
    } else {
        Value reason = actor_vm(a)->symbol[SYM_noproc];
        (void)send_plain(a, from, SIG_DOWN, reason, ref, &no_memory);
    }
}

void link_signal(Actor *a, Sig *s)
{
    Value from = s->words[0], ref = s->words[1];

    switch ((SigKind)s->kind) {
    case SIG_LINK:
        take_link(a, from);
        break;
    case SIG_UNLINK:
        take_unlink(a, from, ref);
        break;
    case SIG_UNLINK_ACK:
        take_unlink_ack(a, from, ref);
        break;
    case SIG_MONITOR:
        take_monitor(a, from, ref, s->value);
        break;
    case SIG_DEMONITOR:
        if (a->ext) map_remove(&a->ext->watchers, ref.bits);
        break;
    default:
        UNREACHABLE();
    }
    sig_free(actor_vm(a), actor_worker(a), s);
}
