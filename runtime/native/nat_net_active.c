// Natives of active sockets: for the owner, and for the reader that receives for it (nng_active.c).
#include "runtime/native/natives.h"
#include "runtime/native/net_message.h"
#include "runtime/native/refusal.h"

static Value fail_socket(Actor *a, Value v)
{
    return fail_type(HEAP(a), "nng", "an nng socket", v);
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// ---- the owner ------------------------------------------------------------------------------------

// (handle socket): (handle for the reader . reference of the activation), #f when there is a reader, or a
// negated error
NATIVE_FN(nng_activate)
{
    NetSocket *s = net_of(args[0]);
    bool made;
    int error;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    ActorExt *x = actor_ext(a);
    if (!x) return fail_memory(a);
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    Block *b = net_activate(s, &error);
    if (!b) return error ? value_fix(-(int64_t)error) : V_FALSE;
    Value v = heap_handle(HEAP(a), b);
    if (value_is(v, V_FAIL)) return v;
    args[0] = v;
    Value ref = actor_make_ref(a);
    MapEntry *e = map_add(&x->sockets, MEM_ACTOR, ref.bits, &made);
    if (!e) return fail_memory(a);
    e->a = args[1].bits;
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    return heap_cons(HEAP(a), args[0], ref);
}

// (handle #f): #t once there is no reader, and all that it has received is on its way
NATIVE_FN(nng_passivate)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (heap_is_given(HEAP(a), args[0])) return V_TRUE; // there is nothing to end
    if (!s) return fail_socket(a, args[0]);
    if (value_is_local_ref(args[1])) {
        Value answer = reply_take(a, args[1]);
        return value_is(answer, V_NONE) ? V_WAIT : answer;
    }
    if (!net_is_active(s)) return V_TRUE;
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    if (!net_passivate(s, actor_pid(a), ref)) return V_TRUE;
    args[1] = ref;
    return V_WAIT;
}

// (handle limit): #t
NATIVE_FN(nng_set_active)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!value_is_fix(args[1]) || value_int(args[1]) < -1 || value_int(args[1]) == 0)
        return fail_type(HEAP(a), "nng-set-option", "a number of messages", args[1]);
    net_set_active(s, value_int(args[1]));
    return V_TRUE;
}

// (handle): how many messages it will take; -1: any number, 0: it is passive
NATIVE_FN(nng_active_left)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    return s ? value_fix(net_active_left(s)) : fail_socket(a, args[0]);
}

// ---- the reader -----------------------------------------------------------------------------------

// (handle #f): a bytevector, #t when the number of the activation is over, #f when it is to end without a
// word, or a negated error
NATIVE_FN(nng_read)
{
    NetSocket *s = net_of_reader(args[0]);
    struct nng_msg *m;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (value_is_local_ref(args[1])) {
        if (value_is(reply_take(a, args[1]), V_NONE)) return V_WAIT;
        args[1] = V_FALSE;
    }
    for (;;) {
        int result = net_read_now(s, &m);
        if (result == 0) return give_message(a, m);
        if (result == NET_STOPPED) return V_FALSE;
        if (result == NET_PASSIVE) return V_TRUE;
        if (result != NET_AGAIN) return value_fix(-(int64_t)result);
        Value ref = reply_await(a);
        if (value_is(ref, V_FAIL)) return fail_memory(a);
        if (net_read_await(s, actor_pid(a), ref)) {
            args[1] = ref;
            return V_WAIT;
        }
    }
}

// The last of an activation comes even to a full mailbox, and so does all when the owner waits for it.
static bool must_wait(const Actor *a, const Actor *to, const Value *args)
{
    NetSocket *s = net_of_reader(args[4]);

    if (!to || value_true(args[3]) || (a->own & OWN_ASIDE)) return false;
    return mailbox_is_full(to) && s && !net_is_stopping(s);
}

// (pid ref list last? handle): tells the owner; the second element of the list, of which there is none when
// it is #f, becomes the socket. #t, 0 when the mailbox is full, #f when nobody is there.
NATIVE_FN(nng_tell)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    if (!value_is_local_pid(args[0]) || !value_is_local_ref(args[1]))
        return fail_type(HEAP(a), "nng-tell", "a pid and a reference", args[0]);
    if (value_is_pair(args[2]) &&
        (copy_is_free(HEAP(a), args[2]) || !value_is_pair(value_cdr(args[2])) ||
         copy_is_free(HEAP(a), value_cdr(args[2]))))
        return fail_type(HEAP(a), "nng-tell", "a new list", args[2]);
    Actor *to = actor_of_pid(w->vm, args[0]);
    if (must_wait(a, to, args)) return value_fix(0);
    switch (sig_copy_long(a, SIG_SOCKET, args[2], &s, &refused)) {
    case SEND_OK:
        break;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        return fail_refused(a, "recv!", args[2], refused);
    case SEND_NO_MEMORY:
        return fail_memory(a);
    }
    s->words[0] = actor_pid(a);
    s->words[1] = args[1];
    if (value_true(args[3])) s->flags |= SIGF_LAST;
    if (to && sig_post(w->vm, w, to, s)) return V_TRUE;
    sig_free(w->vm, w, s);
    return V_FALSE;
}
