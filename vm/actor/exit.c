// The end of an actor. It runs as the actor itself, in slices, after its code has stopped for good;
// each step is complete before the next one shows: whoever sees a DOWN or an EXIT finds the name free,
// the pid dead and the timers gone.
#include "vm/actor/life.h"
#include "vm/actor/trace.h"
#include "vm/actor/mailbox.h"
#include "vm/actor/shared.h"

#include "vm/base/check.h"

#include <limits.h>
#include <string.h>

// Signals sent in one slice.
#define SIGNALS_PER_SLICE 100

void actor_set_exit(Actor *a, Value reason)
{
    if (a->own & OWN_EXITING) return; // of two exits the first decides
    a->own |= OWN_EXITING;
    a->reason = reason;
}

void signal_to_dead(VmWorker *w, Value pid, Sig *s)
{
    Vm *vm = w->vm;
    Value noproc = vm->symbol[SYM_noproc], from = V_FALSE, ref = V_FALSE;
    Sig *answer = NULL;

    if (s->kind != SIG_MESSAGE) {
        from = s->words[0];
        ref = s->words[1];
    }
    switch ((SigKind)s->kind) {
    case SIG_LINK:
        answer = sig_plain(vm, w, SIG_LINK_EXIT, noproc, pid, V_FALSE);
        break;
    case SIG_UNLINK:
        answer = sig_plain(vm, w, SIG_UNLINK_ACK, V_UNSPECIFIED, pid, ref);
        break;
    case SIG_MONITOR:
        answer = sig_plain(vm, w, SIG_DOWN, noproc, pid, ref);
        break;
    case SIG_TRACE:
    case SIG_USES:
    case SIG_INFO:
        answer = sig_plain(vm, w, SIG_REPLY, V_FALSE, pid, ref);
        break;
    default:
        break;
    }
    if (answer) sig_send(vm, w, from, answer);
    sig_free(vm, w, s);
}

// ---- first step -----------------------------------------------------------------------------------

// The serial after this one; 0 is never used, so that no pid is all zero bits.
static uint32_t next_serial(uint32_t serial)
{
    return serial + 1 ? serial + 1 : 1;
}

// Closes the inbox; what was in it, oldest first.
static Sig *close_inbox(Actor *a)
{
    uint64_t word = atomic_exchange_explicit(&a->inbox, INBOX_DEAD, memory_order_acq_rel);
    bool any = (word & INBOX_PTR_MASK) > INBOX_DEAD;
    Sig *s = any ? inbox_signals(word) : NULL, *oldest = NULL;

    while (s) {
        Sig *next = sig_next(s);
        sig_set_next(s, oldest);
        oldest = s;
        s = next;
    }
    return oldest;
}

// The pid that the actor had before actor_close.
static Value last_pid(const Actor *a)
{
    uint32_t serial = atomic_load_explicit(&a->serial, memory_order_relaxed);
    return value_pid(a->index, serial > 1 ? serial - 1 : UINT32_MAX);
}

// In the queue of an actor that was closed: messages, what was taken from the inbox behind the signal
// that ended it, what was still in the inbox. False when the budget is used up.
static bool answer_some(VmWorker *w, Actor *a, unsigned *budget)
{
    Value pid = last_pid(a);

    while (a->mail) {
        if ((*budget)-- == 0) return false;
        Sig *s = a->mail;
        a->mail = sig_next(s);
        signal_to_dead(w, pid, s);
    }
    return true;
}

// Nobody is told that it is dead before all of this is so.
static void close_for_good(Actor *a)
{
    *a->mail_tail = close_inbox(a);
    uint32_t serial = atomic_load_explicit(&a->serial, memory_order_relaxed);
    atomic_store_explicit(&a->serial, next_serial(serial), memory_order_release);
}

void actor_close(VmWorker *w, Actor *a)
{
    unsigned budget = UINT_MAX;

    close_for_good(a);
    (void)answer_some(w, a, &budget);
}

static bool is_abnormal(const Vm *vm, Value reason)
{
    if (value_is_pair(reason)) reason = value_car(reason);
    return !value_is(reason, vm->symbol[SYM_normal]) && !value_is(reason, vm->symbol[SYM_shutdown]);
}

static void begin_exit(VmWorker *w, Actor *a)
{
    Vm *vm = w->vm;
    ActorExt *x = a->ext;
    Value pid = actor_pid(a);
    bool alone = !x || (x->links.count == 0 && x->watchers.count == 0);

    if (UNLIKELY(a->own & OWN_TRACED)) trace_exited(a);
    atomic_store_explicit(&a->status, ACTOR_EXITING, memory_order_relaxed);
    if (alone && is_abnormal(vm, a->reason) && !(a->own & (OWN_LOGGED | OWN_MAIN)) && vm->report)
        vm->report(vm, a);
    if (x) {
        x->pid = pid;
        if (timer_is_armed(&x->timer)) (void)wheel_cancel(&x->timer);
        if (x->reply) sig_free(vm, w, x->reply);
        x->reply = NULL;
    }
    uint32_t had = atomic_fetch_or_explicit(&a->flags, ACTOR_DYING, memory_order_acq_rel);
    if (had & ACTOR_NAMED) registry_forget(vm, a);
    if (had & ACTOR_TABLES) shared_owner_ended(w, a);
    if ((had & ACTOR_TIMED) && vm->target_ended) vm->target_ended(w, pid);
    close_for_good(a);
}

// ---- telling others -------------------------------------------------------------------------------

// What cannot travel becomes, in place, the string that `write` makes of it. Nothing of the actor's code
// runs any more and its heap is not collected again, so only those who get the reason see the change.
static void become_text(Actor *a, Value v)
{
    bool handle = header_kind(value_header(v)) == KIND_HANDLE;
    bool weak = header_kind(value_header(v)) == KIND_WEAK;
    const char *text = handle ? "#<port>" : weak ? "#<weak ref>" : "#<continuation>";
    size_t size = strlen(text);
    Bytes *b = value_bytes(v);
    size_t words = header_words(b->header);

    ASSERT(words * sizeof(Value) >= sizeof b->info + size);
    if (handle) heap_forget_handle(&a->heap, v);
    b->header = header_make(KIND_STRING, words) | HEADER_IMMUTABLE | (b->header & HEADER_LARGE);
    b->info = bytes_info(size, 0, false);
    memcpy(b->u.bytes, text, size);
}

// A signal with the reason, from the dead pid. A reason that cannot be copied for want of memory is
// told as heap-limit: an exit is never left untold.
static void tell(Actor *a, Value to, SigKind kind, Value ref)
{
    VmWorker *w = actor_worker(a);
    SendResult result;
    Value refused;
    Sig *s;

    while ((result = sig_copy(a, kind, a->reason, &s, &refused)) == SEND_REFUSED) {
        become_text(a, refused);
    }
    if (result != SEND_OK) {
        s = sig_plain(w->vm, w, kind, w->vm->symbol[SYM_heap_limit], V_FALSE, V_FALSE);
        if (!s) return;
    }
    s->words[0] = a->ext->pid;
    s->words[1] = ref;
    sig_send(w->vm, w, to, s);
}

static bool tell_watchers(Actor *a, unsigned *budget)
{
    ActorExt *x = a->ext;
    MapEntry *e;

    while ((e = map_any(&x->watchers, &x->empty_hint)) != NULL) {
        if ((*budget)-- == 0) return false;
        Value ref = {e->key}, watcher = {e->a};
        map_remove(&x->watchers, e->key);
        tell(a, watcher, SIG_DOWN, ref);
    }
    return true;
}

static bool tell_linked(Actor *a, unsigned *budget)
{
    ActorExt *x = a->ext;
    MapEntry *e;

    while ((e = map_any(&x->links, &x->empty_hint)) != NULL) {
        if ((*budget)-- == 0) return false;
        Value partner = {e->key};
        bool linked = e->a == 0;
        map_remove(&x->links, e->key);
        if (linked) tell(a, partner, SIG_LINK_EXIT, V_FALSE);
    }
    return true;
}

static bool drop_monitors(Actor *a, unsigned *budget)
{
    VmWorker *w = actor_worker(a);
    ActorExt *x = a->ext;
    MapEntry *e;

    while ((e = map_any(&x->monitors, &x->empty_hint)) != NULL) {
        if ((*budget)-- == 0) return false;
        Value ref = {e->key}, target = {e->a};
        map_remove(&x->monitors, e->key);
        Sig *s = value_is_local_pid(target)
                     ? sig_plain(w->vm, w, SIG_DEMONITOR, V_UNSPECIFIED, x->pid, ref)
                     : NULL;
        if (s) sig_send(w->vm, w, target, s);
    }
    return true;
}

bool exit_slice(VmWorker *w, Actor *a)
{
    unsigned budget = SIGNALS_PER_SLICE;

    if (atomic_load_explicit(&a->status, memory_order_relaxed) != ACTOR_EXITING) begin_exit(w, a);
    if (a->ext &&
        !(tell_watchers(a, &budget) && tell_linked(a, &budget) && drop_monitors(a, &budget) &&
          aliases_drop(a, &budget) && shared_owner_drain(w, a, &budget)))
        return false;
    return answer_some(w, a, &budget);
}
