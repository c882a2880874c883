// See node.h.
#include "vm/actor/node.h"

#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"

// ---- signals of other nodes -------------------------------------------------------------------------

Sig *sig_of_term(Vm *vm, VmWorker *w, SigKind kind, WireDecoder *d)
{
    size_t head = kind == SIG_MESSAGE ? 0 : SIG_FROM_WORDS + EXTERNAL_WORDS;
    Sig *s = sig_new(vm, w, kind, head + SIG_EXTRA_WORDS);

    if (!s) return NULL;
    s->value = d->result;
    s->flags |= SIGF_EXTRA;
    *sig_extra(s) = (SigExtra){d->first, d->blocks, V_NIL};
    wire_decode_take(d);
    if (kind != SIG_MESSAGE) s->words[0] = s->words[1] = V_FALSE;
    return s;
}

void sig_set_from(Sig *s, const External *from)
{
    size_t extra = s->flags & SIGF_EXTRA ? SIG_EXTRA_WORDS : 0;
    External *x = (External *)(s->words + SIG_FROM_WORDS + extra);

    *x = *from;
    s->frag.used = EXTERNAL_WORDS;
    s->words[0] = value_from_words(x, TAG_OBJ);
}

Sig *sig_of_node(Vm *vm, SigKind kind, Value value, const External *from, Value ref)
{
    Sig *s = sig_new(vm, NULL, kind, SIG_FROM_WORDS + EXTERNAL_WORDS);

    if (!s) return NULL;
    s->value = value;
    s->words[1] = ref;
    sig_set_from(s, from);
    return s;
}

// ---- nodes that are not joined ----------------------------------------------------------------------

// A signal in the actor's own inbox, with the reason noconnection and a copy of the pid it is from.
static bool no_connection(Actor *a, SigKind kind, unsigned flags, Value pid, Value ref)
{
    VmWorker *w = actor_worker(a);
    Sig *s = sig_of_node(w->vm, kind, w->vm->symbol[SYM_noconnection], value_external(pid), ref);

    if (!s) return false;
    s->flags |= flags;
    if (!sig_post(w->vm, w, a, s)) sig_free(w->vm, w, s);
    return true;
}

// ---- processes of other nodes -----------------------------------------------------------------------

static Value proxy_of(Actor *a, Value pid)
{
    Vm *vm = actor_vm(a);
    const External *x = value_external(pid);

    return vm->remote ? vm->remote->proxy(vm, x->node, x->number) : V_FALSE;
}

Value node_visible(Actor *a, Value pid)
{
    Vm *vm = actor_vm(a);
    External x;

    if (!value_is_local_pid(pid) || !pid_is_proxy(pid)) return pid;
    if (!vm->remote || !vm->remote->external(vm, pid, &x)) return V_FALSE;
    External *made = (External *)heap_take(&a->heap, EXTERNAL_WORDS);
    *made = x;
    return value_from_words(made, TAG_OBJ);
}

bool node_link(Actor *a, Value pid)
{
    Value proxy = proxy_of(a, pid);

    if (value_is(proxy, V_FAIL)) return false;
    if (value_is(proxy, V_FALSE)) return no_connection(a, SIG_LINK_EXIT, SIGF_NOPROC, pid, V_FALSE);
    LinkResult r = actor_link(a, proxy);
    actor_vm(a)->remote->release(actor_vm(a), proxy);
    if (r == LINK_NOPROC) return no_connection(a, SIG_LINK_EXIT, SIGF_NOPROC, pid, V_FALSE);
    return r == LINK_DONE;
}

bool node_unlink(Actor *a, Value pid)
{
    Value proxy = proxy_of(a, pid);

    if (value_is(proxy, V_FAIL)) return false;
    if (value_is(proxy, V_FALSE)) return true; // the link has gone with the node
    bool done = actor_unlink(a, proxy);
    actor_vm(a)->remote->release(actor_vm(a), proxy);
    return done;
}

// Watches by the proxy; without one, or when its link has just been lost, there is no connection.
static Value watch(Actor *a, Value pid, Value proxy, Value name)
{
    VmWorker *w = actor_worker(a);
    ActorExt *x = actor_ext(a);
    Value ref = actor_make_ref(a);
    bool made;
    MapEntry *e = x ? map_add(&x->monitors, MEM_ACTOR, ref.bits, &made) : NULL;
    Sig *s = e ? sig_plain(w->vm, w, SIG_MONITOR, name, actor_pid(a), ref) : NULL;

    if (e) {
        e->a = proxy.bits;
        e->b = name.bits;
    }
    if (s && value_true(proxy)) {
        if (sig_send(w->vm, w, proxy, s)) return ref;
    } else if (s) {
        sig_free(w->vm, w, s);
    }
    if (s && no_connection(a, SIG_DOWN, 0, pid, ref)) return ref;
    if (e) map_remove(&x->monitors, ref.bits);
    return V_FAIL;
}

Value node_monitor(Actor *a, Value pid, Value name)
{
    Value proxy = proxy_of(a, pid);

    if (value_is(proxy, V_FAIL)) return V_FAIL;
    Value ref = watch(a, pid, proxy, name);
    if (value_true(proxy)) actor_vm(a)->remote->release(actor_vm(a), proxy);
    return ref;
}
