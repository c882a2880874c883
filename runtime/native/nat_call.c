// Natives of calls from actor to actor: a request is a monitor and a message that names its
// reference; the answer is a signal that counts only while that monitor is there, so that what
// comes after the caller has given up never reaches its mailbox. Awaiting it looks only at messages
// that are younger than the monitor.
#include "runtime/native/natives.h"
#include "runtime/native/receive.h"
#include "runtime/native/remote.h"

#include "vm/actor/node.h"

#include "vm/actor/life.h"
#include "vm/actor/trace.h"

// The fourth argument is what stays when a long copy has to be waited for: (reference . message).
static bool begin_request(Actor *a, Value *args)
{
    Value ref, message = V_NIL;

    if (value_is_local_pid(args[0])) {
        ref = actor_monitor(a, args[0], V_FALSE);
        if (value_is(ref, V_FAIL)) {
            (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "call", "out of memory");
            return false;
        }
        mailbox_mark(a, ref);
    } else {
        ref = remote_monitor(a, "call", args[0]);
        if (value_is(ref, V_FAIL)) return false;
    }
    if (!heap_reserve(HEAP(a), 10)) {
        (void)actor_demonitor(a, ref);
        return false;
    }
    Value items[4] = {args[1], actor_pid(a), ref, args[2]};
    for (size_t i = countof(items); i > 0; i--) {
        message = heap_cons(HEAP(a), items[i - 1], message);
    }
    args[3] = heap_cons(HEAP(a), ref, message);
    return true;
}

NATIVE_FN(request)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    bool away = remote_is_dest(args[0]);
    if (!value_is_pid(args[0]) && !away) return fail_type(HEAP(a), "call", "a pid", args[0]);
    if (!value_is_pair(args[3]) && !begin_request(a, args)) return V_FAIL;
    Value ref = value_car(args[3]);
    if (away) {
        if (remote_post(a, "call", FRAME_MESSAGES, args[0], value_cdr(args[3]))) return ref;
        (void)actor_demonitor(a, ref);
        return V_FAIL;
    }
    switch (sig_copy_long(a, SIG_MESSAGE, value_cdr(args[3]), &s, &refused)) {
    case SEND_OK:
        if (UNLIKELY(a->own & OWN_TRACED)) trace_sent(a, s->value, args[0]);
        sig_send(w->vm, w, args[0], s);
        return ref;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        (void)fail_with(HEAP(a), ERR_BADARG, "call", "cannot be sent:", refused);
        break;
    case SEND_NO_MEMORY:
        (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "call", "out of memory");
        break;
    }
    (void)actor_demonitor(a, ref);
    return V_FAIL;
}

NATIVE_FN(answer)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    if (!value_is_pid(args[0])) return fail_type(HEAP(a), "reply", "a pid", args[0]);
    if (!value_is_ref(args[1])) return fail_type(HEAP(a), "reply", "a reference", args[1]);
    bool away = value_is_external_pid(args[0]);
    if (away != !value_is_local_ref(args[1])) return V_TRUE; // nobody waits for that
    if (!heap_reserve(HEAP(a), 4)) return V_FAIL;
    Value message = heap_cons(HEAP(a), args[2], V_NIL);
    message = heap_cons(HEAP(a), args[1], message);
    if (away) return remote_post(a, "reply", FRAME_ANSWER, args[0], message) ? V_TRUE : V_FAIL;
    switch (sig_copy_long(a, SIG_ANSWER, message, &s, &refused)) {
    case SEND_OK:
        break;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        return fail_with(HEAP(a), ERR_BADARG, "reply", "cannot be sent:", refused);
    case SEND_NO_MEMORY:
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "reply", "out of memory");
    }
    s->words[0] = actor_pid(a);
    s->words[1] = args[1];
    if (UNLIKELY(a->own & OWN_TRACED)) trace_sent(a, s->value, args[0]);
    sig_send(w->vm, w, args[0], s);
    return V_TRUE;
}

// A list that begins with ref or token, or a DOWN of one of them.
static bool answers(const Vm *vm, Value message, Value ref, Value token)
{
    if (!value_is_pair(message)) return false;
    Value head = value_car(message), rest = value_cdr(message);
    if (value_is(head, ref) || value_is(head, token)) return true;
    return value_is(head, vm->symbol[SYM_DOWN]) && value_is_pair(rest) &&
           (value_is(value_car(rest), ref) || value_is(value_car(rest), token));
}

// The fourth argument is true once the deadline has been made of the third and the cursor stands.
NATIVE_FN(await_answer)
{
    VmWorker *w = actor_worker(a);
    unsigned looked = 0;
    Value message;
    Sig *s;

    (void)count;
    if (!value_true(args[3])) {
        args[2] = receive_deadline(a, args[2]);
        if (value_is(args[2], V_FAIL)) return V_FAIL;
        mailbox_restart_at_mark(a, args[0]);
        args[3] = V_TRUE;
    }
    for (;;) {
        while ((s = mailbox_peek(a)) == NULL) {
            Value v = receive_wait(a, args[2]);
            if (!value_is(v, V_NONE)) return v;
        }
        if (answers(w->vm, s->value, args[0], args[1])) break;
        mailbox_skip(a);
        if (++looked % 16 == 0 && --w->reductions_left < 0) return V_YIELD;
    }
    s = mailbox_take(a);
    mailbox_note_taken(a, s);
    return message_take(a, s, &message) ? message : V_FAIL;
}

NATIVE_FN(pid_number)
{
    (void)count;
    if (!value_is_local_pid(args[0])) return fail_type(HEAP(a), "pid-number", "a pid", args[0]);
    return value_fix((int64_t)((uint64_t)value_pid_serial(args[0]) << ACTOR_INDEX_BITS |
                               value_pid_index(args[0])));
}
