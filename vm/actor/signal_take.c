// Handling what has come: messages into the queue, everything else at once, in the order of arrival.
// See signal.h.
#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"
#include "vm/actor/node.h"

#include "vm/base/check.h"

// ---- messages made of signals ---------------------------------------------------------------------

// A list of n values, built downwards from its tail into room, which moves on.
static Value list_into(Value **room, const Value *items, size_t n, Value tail)
{
    for (size_t i = n; i > 0; i--) {
        (*room)[0] = items[i - 1];
        (*room)[1] = tail;
        tail = value_from_words(*room, TAG_PAIR);
        *room += 2;
    }
    return tail;
}

// A message that is a list of `head` and then the signal's value, for programs that trap exits or
// watch. With a `name` the last of head, a pid, becomes the list (name node). The signal's memory becomes
// part of the message's. NULL without memory; the signal is freed.
static Sig *message_around(Actor *a, Sig *s, Value *head, size_t n, Value name)
{
    VmWorker *w = actor_worker(a);
    size_t pairs = n + 1 + (value_true(name) ? 2 : 0);
    Sig *m = sig_new(w->vm, w, SIG_MESSAGE, SIG_EXTRA_WORDS + 2 * pairs);

    if (!m) {
        sig_free(w->vm, w, s);
        return NULL;
    }
    SigExtra *x = sig_extra(m);
    Value *room = (Value *)(x + 1);
    if (value_true(name)) {
        Value from = head[n - 1];
        bool away = value_is_external_pid(from);
        Value place[2] = {name, away ? value_external(from)->name : vm_node_name(w->vm)};
        head[n - 1] = list_into(&room, place, 2, V_NIL);
    }
    Value tail = list_into(&room, &s->value, 1, V_NIL);
    m->value = list_into(&room, head, n, tail);
    m->flags = SIGF_EXTRA;
    m->frag.used = (uint32_t)(2 * pairs);
    *x = (SigExtra){NULL, V_NIL, V_NIL};
    if (s->flags & SIGF_EXTRA) {
        *x = *sig_extra(s);
        s->frag.next = x->more;
        x->more = &s->frag;
    } else if (s->frag.used > 0) {
        s->frag.next = NULL;
        x->more = &s->frag;
    } else {
        sig_free(w->vm, w, s);
    }
    return m;
}

static void deliver(Actor *a, Sig *s, Value *head, size_t n, Value name)
{
    Sig *m = message_around(a, s, head, n, name);

    if (m) {
        mailbox_append(a, m);
    } else {
        // An actor that cannot be told of an exit must not go on as if there had been none.
        actor_set_exit(a, actor_vm(a)->symbol[SYM_heap_limit]);
    }
}

// ---- kinds --------------------------------------------------------------------------------------

// The reason moves into the heap of the actor that it ends.
static void die_of(Actor *a, Sig *s)
{
    Vm *vm = actor_vm(a);
    Value reason;

    if (!message_take(a, s, &reason)) reason = vm->symbol[SYM_heap_limit];
    if ((a->own & OWN_MAIN) && vm->evaluator_ended) {
        // At the REPL it is the evaluation that ends.
        vm->evaluator_ended(vm, reason);
        if (a->own & OWN_INTERRUPTIBLE) a->own |= OWN_INTERRUPTED | OWN_SILENTLY;
    } else {
        actor_set_exit(a, reason);
    }
}

static void take_exit(Actor *a, Sig *s)
{
    Vm *vm = actor_vm(a);
    Value from = s->words[0];
    bool by_self = value_is(from, actor_pid(a));

    if (s->kind == SIG_EXIT && value_is(s->value, vm->symbol[SYM_kill])) {
        s->value = vm->symbol[SYM_killed];
        die_of(a, s);
    } else if (a->own & OWN_TRAP_EXIT) {
        Value head[2] = {vm->symbol[SYM_EXIT], from};
        deliver(a, s, head, 2, V_FALSE);
    } else if (value_is(s->value, vm->symbol[SYM_normal]) && !(by_self && s->kind == SIG_EXIT)) {
        sig_free(vm, actor_worker(a), s);
    } else {
        die_of(a, s);
    }
}

// A link's exit counts only while the link is there: what was unlinked is dropped.
static void take_link_exit(Actor *a, Sig *s)
{
    bool away = value_is_local_pid(s->words[1]); // then this is its proxy
    uint64_t partner = s->words[away ? 1 : 0].bits;
    MapEntry *link = a->ext ? map_find(&a->ext->links, partner) : NULL;
    bool linked = link && link->a == 0;

    if (link) map_remove(&a->ext->links, partner);
    if (linked || (s->flags & SIGF_NOPROC)) {
        take_exit(a, s);
    } else {
        sig_free(actor_vm(a), actor_worker(a), s);
    }
}

static void take_down(Actor *a, Sig *s)
{
    Vm *vm = actor_vm(a);
    Value from = s->words[0], ref = s->words[1];
    MapEntry *monitor = a->ext ? map_find(&a->ext->monitors, ref.bits) : NULL;

    if (!monitor) {
        sig_free(vm, actor_worker(a), s);
        return;
    }
    Value name = {monitor->b};
    map_remove(&a->ext->monitors, ref.bits);
    Value head[4] = {vm->symbol[SYM_DOWN], ref, vm->symbol[SYM_process], from};
    deliver(a, s, head, 4, name);
}

// Who gave up waiting has ended the monitor, and never sees the answer.
static void take_answer(Actor *a, Sig *s)
{
    if (a->ext && actor_demonitor(a, s->words[1])) {
        mailbox_append(a, s);
    } else {
        sig_free(actor_vm(a), actor_worker(a), s);
    }
}

static void take_info(Actor *a, Sig *s)
{
    VmWorker *w = actor_worker(a);
    Vm *vm = w->vm;
    Value requester = s->words[0], ref = s->words[1], refused;
    Value answer = vm->info(a, s->value);
    Sig *reply;

    if (value_is(answer, V_FAIL)) answer = V_FALSE;
    // Who asked waits: it is told something even when memory is short.
    if (sig_copy(a, SIG_REPLY, answer, &reply, &refused) != SEND_OK)
        reply = sig_plain(vm, w, SIG_REPLY, V_FALSE, V_FALSE, V_FALSE);
    if (reply) {
        reply->words[0] = actor_pid(a);
        reply->words[1] = ref;
        sig_send(vm, w, requester, reply);
    }
    sig_free(vm, w, s);
}

static void take_reply(Actor *a, Sig *s)
{
    ActorExt *x = a->ext;

    // What an interrupted request was answered is wanted by nobody.
    if (x && !x->reply && value_is(x->awaited, s->words[1])) {
        x->reply = s;
    } else {
        sig_free(actor_vm(a), actor_worker(a), s);
    }
}

Value reply_await(Actor *a)
{
    ActorExt *x = actor_ext(a);

    if (!x) return V_FAIL;
    if (x->reply) sig_free(actor_vm(a), actor_worker(a), x->reply);
    x->reply = NULL;
    x->awaited = actor_make_ref(a);
    a->deadline_ns = 0;
    return x->awaited;
}

Value reply_take(Actor *a, Value ref)
{
    ActorExt *x = a->ext;
    Value v;

    if (!x || !x->reply || !value_is(x->reply->words[1], ref)) return V_NONE;
    Sig *s = x->reply;
    x->reply = NULL;
    return message_take(a, s, &v) ? v : V_FAIL;
}

static void take_one(Actor *a, Sig *s)
{
    switch ((SigKind)s->kind) {
    case SIG_MESSAGE:
        mailbox_append(a, s);
        break;
    case SIG_EXIT:
        take_exit(a, s);
        break;
    case SIG_LINK_EXIT:
        take_link_exit(a, s);
        break;
    case SIG_DOWN:
        take_down(a, s);
        break;
    case SIG_ANSWER:
        take_answer(a, s);
        break;
    case SIG_LINK:
    case SIG_UNLINK:
    case SIG_UNLINK_ACK:
    case SIG_MONITOR:
    case SIG_DEMONITOR:
        link_signal(a, s);
        break;
    case SIG_INFO:
        take_info(a, s);
        break;
    case SIG_REPLY:
        take_reply(a, s);
        break;
    case SIG_INTERRUPT:
        if (a->own & OWN_INTERRUPTIBLE) a->own |= OWN_INTERRUPTED;
        sig_free(actor_vm(a), actor_worker(a), s);
        break;
    case SIG_WAKE:
    case SIG_KINDS:
        sig_free(actor_vm(a), actor_worker(a), s);
        break;
    }
}

void signals_take(Actor *a)
{
    Sig *newest = inbox_take(a), *oldest = NULL;

    while (newest) {
        Sig *next = sig_next(newest);
        sig_set_next(newest, oldest);
        oldest = newest;
        newest = next;
    }
    while (oldest) {
        Sig *next = sig_next(oldest);
        if (a->own & OWN_EXITING) {
            // Dead already: what is left is answered like what comes to a dead actor, once it is one.
            mailbox_keep(a, oldest);
        } else {
            take_one(a, oldest);
        }
        oldest = next;
    }
}
