// See node.h.
#include "vm/actor/node.h"

#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"

Sig *sig_of_term(Vm *vm, VmWorker *w, SigKind kind, WireDecoder *d)
{
    size_t head = kind == SIG_MESSAGE ? 0 : SIG_FROM_WORDS;
    Sig *s = sig_new(vm, w, kind, head + SIG_EXTRA_WORDS);

    if (!s) return NULL;
    s->value = d->result;
    s->flags |= SIGF_EXTRA;
    *sig_extra(s) = (SigExtra){d->first, d->blocks, V_NIL};
    wire_decode_take(d);
    return s;
}

// ---- pids of other nodes ----------------------------------------------------------------------------

// A signal in the actor's own inbox, with the reason noconnection and a copy of the pid it is from.
static bool no_connection(Actor *a, SigKind kind, unsigned flags, Value pid, Value ref)
{
    VmWorker *w = actor_worker(a);
    Sig *s = sig_new(w->vm, w, kind, SIG_FROM_WORDS + EXTERNAL_WORDS);

    if (!s) return false;
    External *x = (External *)(s->words + SIG_FROM_WORDS);
    *x = *value_external(pid);
    s->frag.used = EXTERNAL_WORDS;
    s->flags |= flags;
    s->value = w->vm->symbol[SYM_noconnection];
    s->words[0] = value_from_words(x, TAG_OBJ);
    s->words[1] = ref;
    if (!sig_post(w->vm, w, a, s)) sig_free(w->vm, w, s);
    return true;
}

bool node_link(Actor *a, Value pid)
{
    return no_connection(a, SIG_LINK_EXIT, SIGF_NOPROC, pid, V_FALSE);
}

Value node_monitor(Actor *a, Value pid, Value name)
{
    ActorExt *x = actor_ext(a);
    Value ref = actor_make_ref(a);
    bool made;
    MapEntry *e = x ? map_add(&x->monitors, MEM_ACTOR, ref.bits, &made) : NULL;

    if (!e) return V_FAIL;
    e->a = V_FALSE.bits;
    e->b = name.bits;
    if (no_connection(a, SIG_DOWN, 0, pid, ref)) return ref;
    map_remove(&x->monitors, ref.bits);
    return V_FAIL;
}
