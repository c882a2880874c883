// Handling what has come: messages into the queue, everything else at once, in the order of arrival.
// See signal.h.
#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"
#include "vm/actor/trace.h"

#include "vm/base/check.h"

static Value join_blocks(Value chain, Value rest)
{
    if (value_is_null(chain)) return rest;
    BlockRef *last = (BlockRef *)value_words(chain);
    while (!value_is_null(last->next)) {
        last = (BlockRef *)value_words(last->next);
    }
    last->next = rest;
    return chain;
}

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

static Value join_lists(Value list, Value rest)
{
    Value last = list;

    if (value_is_null(list)) return rest;
    while (value_is_pair(value_cdr(last))) {
        last = value_cdr(last);
    }
    *value_cdr_slot(last) = rest; // outside every heap: no barrier
    return list;
}

// Makes the memory of a signal, or of a copied value, part of a message's.
static void merge(Actor *a, SigExtra *x, Sig *s)
{
    Frag **end = &s->frag.next;

    s->frag.next = NULL;
    if (s->flags & SIGF_EXTRA) {
        SigExtra *y = sig_extra(s);
        *end = y->more;
        x->blocks = join_blocks(y->blocks, x->blocks);
        x->cells = join_lists(y->cells, x->cells);
    } else if (s->frag.used == 0) {
        sig_free(actor_vm(a), actor_worker(a), s);
        return;
    }
    while (*end) {
        end = &(*end)->next;
    }
    *end = x->more;
    x->more = &s->frag;
}

// A message that is a list of `head` and then the signal's value, for programs that trap exits or
// watch. With a `name` the last of head becomes the list (name node). The signal's memory becomes
// part of the message's. NULL without memory; the signal is freed.
static Sig *message_around(Actor *a, Sig *s, Value *head, size_t n, Value name)
{
    VmWorker *w = actor_worker(a);
    size_t pairs = n + 1 + (value_true(name) ? 2 : 0);
    Sig *m = sig_vital(w->vm, w, SIG_MESSAGE, SIG_EXTRA_WORDS + 2 * pairs);

    if (!m) {
        sig_free(w->vm, w, s);
        return NULL;
    }
    SigExtra *x = sig_extra(m);
    Value *room = (Value *)(x + 1);
    if (value_true(name)) {
        Value place[2] = {name, w->vm->symbol[SYM_nonode]};
        head[n - 1] = list_into(&room, place, 2, V_NIL);
    }
    Value tail = list_into(&room, &s->value, 1, V_NIL);
    m->value = list_into(&room, head, n, tail);
    m->flags = SIGF_EXTRA;
    m->frag.used = (uint32_t)(2 * pairs);
    *x = (SigExtra){NULL, V_NIL, V_NIL};
    merge(a, x, s);
    return m;
}

// `tag` is NULL, or a copied value whose memory goes with the message.
static void deliver(Actor *a, Sig *s, Value *head, size_t n, Value name, Sig *tag)
{
    Sig *m = message_around(a, s, head, n, name);

    if (tag && m) {
        merge(a, sig_extra(m), tag);
    } else if (tag) {
        sig_free(actor_vm(a), actor_worker(a), tag);
    }

    if (m) {
        if (UNLIKELY(a->own & OWN_TRACED)) trace_received(a, m);
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
        deliver(a, s, head, 2, V_FALSE, NULL);
    } else if (value_is(s->value, vm->symbol[SYM_normal]) && !(by_self && s->kind == SIG_EXIT)) {
        sig_free(vm, actor_worker(a), s);
    } else {
        die_of(a, s);
    }
}

// A link's exit counts only while the link is there: what was unlinked is dropped.
static void take_link_exit(Actor *a, Sig *s)
{
    MapEntry *link = a->ext ? map_find(&a->ext->links, s->words[0].bits) : NULL;
    bool linked = link && link->a == 0;

    if (link) map_remove(&a->ext->links, s->words[0].bits);
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

    if (!monitor || order_suspender_gone(a, monitor)) {
        sig_free(vm, actor_worker(a), s);
        return;
    }
    Value name = {monitor->b};
    map_remove(&a->ext->monitors, ref.bits);
    Sig *tag = alias_monitor_gone(a, ref);
    Value head[4] = {tag ? tag->value : vm->symbol[SYM_DOWN], ref, vm->symbol[SYM_process], from};
    deliver(a, s, head, 4, value_is_symbol(name) ? name : V_FALSE, tag);
}

// A message to an alias, or the answer to a request. Who gave up waiting for one has ended its monitor,
// and never sees the answer.
static void take_answer(Actor *a, Sig *s)
{
    if (alias_accepts(a, s->words[1], (s->flags & SIGF_ALIAS) != 0)) {
        if (UNLIKELY(a->own & OWN_TRACED)) trace_received(a, s);
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
    Value answer = value_is_fix(s->value) ? order_obey(a, (ActorOrder)value_int(s->value), requester)
                                          : vm->info(a, s->value);
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

static void take_uses(Actor *a, Sig *s)
{
    VmWorker *w = actor_worker(a);
    Value uses = value_bool(actor_stack_ops->runs(a, (const LoadedModule *)s->value.bits)); // NOLINT
    Sig *reply = sig_plain(w->vm, w, SIG_REPLY, uses, actor_pid(a), s->words[1]);

    if (reply) sig_send(w->vm, w, s->words[0], reply);
    sig_free(w->vm, w, s);
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

Value actor_ask(Actor *a, Value pid, Value what, Value *slot)
{
    VmWorker *w = actor_worker(a);

    if (value_is_local_ref(*slot)) {
        Value v = reply_take(a, *slot);
        return value_is(v, V_NONE) ? V_WAIT : v;
    }
    Value ref = reply_await(a);
    Sig *s = value_is(ref, V_FAIL) ? NULL : sig_plain(w->vm, w, SIG_INFO, what, actor_pid(a), ref);
    if (!s) return fail_text(&a->heap, ERR_SYSTEM_LIMIT, NULL, "out of memory");
    if (!sig_send(w->vm, w, pid, s)) return V_FALSE;
    *slot = ref;
    return V_WAIT;
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

// From the reader of an active socket. The receiver's own object for it goes into the message; a signal
// without a list only ends the activation.
static void take_socket(Actor *a, Sig *s)
{
    ActorExt *x = a->ext;
    MapEntry *e = x ? map_find(&x->sockets, s->words[1].bits) : NULL;
    Value socket = e ? (Value){e->a} : V_NONE;

    if (e && (s->flags & SIGF_LAST)) map_remove(&x->sockets, s->words[1].bits);
    if (!e || !value_is_pair(s->value)) {
        sig_free(actor_vm(a), actor_worker(a), s);
        return;
    }
    *sig_socket_slot(s) = socket;
    x->exposed++;
    if (UNLIKELY(a->own & OWN_TRACED)) trace_received(a, s);
    mailbox_append(a, s);
}

// Without memory it keeps the one it had.
static void take_leader(Actor *a, Sig *s)
{
    ActorExt *x = actor_ext(a);

    if (x) x->leader = s->value;
    sig_free(actor_vm(a), actor_worker(a), s);
}

static void take_one(Actor *a, Sig *s)
{
    switch ((SigKind)s->kind) {
    case SIG_MESSAGE:
        if (UNLIKELY(a->own & OWN_TRACED)) trace_received(a, s);
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
    case SIG_SOCKET:
        take_socket(a, s);
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
    case SIG_TRACE:
        trace_take(a, s);
        break;
    case SIG_USES:
        take_uses(a, s);
        break;
    case SIG_REPLY:
        take_reply(a, s);
        break;
    case SIG_LEADER:
        take_leader(a, s);
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
