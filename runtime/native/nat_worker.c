// Natives of workers: peers (runtime/net/nng_peer.c), and what spawning one needs to know of the program.
#include "runtime/native/natives.h"
#include "runtime/child.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

static Value fail_socket(Actor *a, Value v)
{
    return fail_type(HEAP(a), "nng", "an nng socket", v);
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// ---- the program --------------------------------------------------------------------------------------

// (): what the parent has told this worker, #f in a program that is none
NATIVE_FN(worker_told)
{
    const Buf *told = &runtime_of(a)->link.told;

    (void)args, (void)count;
    return told->size ? string_from_utf8(HEAP(a), told->data, told->size) : V_FALSE;
}

// (): where modules are looked for, folders with colons between
NATIVE_FN(worker_folders)
{
    const Buf *folders = &runtime_of(a)->folders;

    (void)args, (void)count;
    return string_from_utf8(HEAP(a), folders->data, folders->size);
}

// (): the file of the running program that runs programs
NATIVE_FN(worker_executable)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path);

    (void)args, (void)count;
    return n > 0 ? string_from_utf8(HEAP(a), path, (size_t)n) : V_FALSE;
}

// ---- peers --------------------------------------------------------------------------------------------

// (handle role token): 0 or a negated error
NATIVE_FN(peer_begin)
{
    NetSocket *s = net_of(args[0]);
    size_t role;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!native_index(args[1], NET_PROCESS + 1, &role))
        return fail_type(HEAP(a), "peer", "a role", args[1]);
    if (!value_is_kind(args[2], KIND_BYTEVECTOR) ||
        bytes_length(value_bytes(args[2])) != NET_TOKEN_BYTES)
        return fail_type(HEAP(a), "peer", "a token", args[2]);
    const char *token = (const char *)bytes_data(value_bytes(args[2]));
    return value_fix(-net_peer_begin(s, (NetRole)role, token));
}

// (handle): NetPeerState
NATIVE_FN(peer_state)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    return s ? value_fix(net_peer_state(s)) : fail_socket(a, args[0]);
}

// (handle): why it has crashed, as it told
NATIVE_FN(peer_reason)
{
    NetSocket *s = net_of(args[0]);
    Buf *text = &actor_worker(a)->text;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (net_peer_state(s) == PEER_NONE) return V_FALSE;
    buf_clear(text);
    net_peer_reason(s, text);
    return text->failed ? fail_memory(a) : string_from_utf8(HEAP(a), text->data, text->size);
}

// (handle): from now on any number of messages may wait
NATIVE_FN(peer_lift)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (net_peer_state(s) != PEER_NONE) net_peer_lift(s);
    return V_TRUE;
}

// (handle child-or-#f milliseconds #f): NetPeerState, of one that is to be joined
NATIVE_FN(peer_join)
{
    NetSocket *s = net_of(args[0]);
    Child *c = child_of(args[1]);
    size_t ms;
    int code;

    (void)count;
    if (!s || net_peer_state(s) == PEER_NONE) return fail_socket(a, args[0]);
    if (!native_size(args[2], &ms) || ms > 60000)
        return fail_type(HEAP(a), "peer", "milliseconds", args[2]);
    bool late = false;
    if (value_is_local_ref(args[3])) {
        Value answer = reply_take(a, args[3]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        if (c) child_stop_waiting(c);
        late = true;
    }
    net_peer_kick(s);
    if (late || net_peer_state(s) != PEER_OPENING || (c && child_is_done(c, &code)))
        return value_fix(net_peer_state(s));
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    // Whatever comes first answers: what came of the other does not matter.
    if (c && !child_wait(c, actor_pid(a), ref)) return value_fix(net_peer_state(s));
    if (!net_recv_start(s, (int)ms, actor_pid(a), ref)) {
        struct nng_msg *m;
        if (c) child_stop_waiting(c);
        if (net_recv_result(s, &m) == 0) net_message_free(m); // not before it is joined
        return value_fix(net_peer_state(s));
    }
    args[3] = ref;
    return V_WAIT;
}
