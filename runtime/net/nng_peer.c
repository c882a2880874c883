// Peers: PAIR sockets whose other end is known, a worker that was spawned or who spawned it.
//
// Beside data they exchange control messages, which begin with a zero byte (no value does; raw bytes that do
// are sent behind another): hello with the token that proves the worker, welcome, bye, and that a bye was
// heard. An operation that always runs, the pump, takes messages from nng into a queue, so that a bye is
// acknowledged whether the program receives or not: nng does not linger, and what was sent before a close
// would be lost. The pump pauses while the queue holds QUEUE_MAX_BYTES; senders then wait.
//
// Threads: call-backs of nng's fill the queue, the owner empties it; all fields that are not const are under
// the socket's lock. Invariants: [P1] `paused` means that no pump runs, and who clears it starts one.
// [P2] nothing but the pipe that the hello came on delivers data.
#include "runtime/net/nng_priv.h"

#include "vm/base/check.h"

#include <errno.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define QUEUE_MAX_BYTES ((size_t)8 << 20)
#define BYE_MS          5000
#define SILENT_NS       500000000ull // for who connects without a hello
#define RECONNECT_MS    20
#define NEVER_MS        86400000
#define REASON_BYTES    400

typedef enum { CONTROL_DATA, CONTROL_HELLO, CONTROL_WELCOME, CONTROL_BYE, CONTROL_ACK } Control;

// Messages of our own may be under way at the same time: each kind has its operation.
typedef enum { AIO_GREETING, AIO_BYE, AIO_ACK, AIOS } ControlAio;

struct NetPeer {
    NetSocket *socket;           // const
    bool spawner;                // const: the other end is the worker
    char token[NET_TOKEN_BYTES]; // const
    nng_aio *pump, *control[AIOS];
    int event_fd;       // readable while there is something to receive; const
    uint32_t pipe;      // after the hello, the one that counts
    uint32_t candidate; // before: the newest
    uint64_t candidate_ns;
    nng_msg **ring;
    size_t first, count, capacity, bytes;
    bool joined, paused, unlimited, signaled;
    bool said_bye, acked;
    bool bye,
        gone; // the end: it has said so; or its connection is lost, and all that came is queued
    bool crashed;
    char reason[REASON_BYTES];
    _Atomic uint32_t changed;
};

// ---- what waits for news ----------------------------------------------------------------------------

static bool has_ended(const NetPeer *p)
{
    return p->bye || p->gone;
}

// Under the lock: the descriptor agrees with what there is.
static void note(NetPeer *p)
{
    bool ready = p->count > 0 || has_ended(p);
    uint64_t n = 1;

    if (ready == p->signaled) return;
    p->signaled = ready;
    ssize_t done = ready ? write(p->event_fd, &n, sizeof n) : read(p->event_fd, &n, sizeof n);
    (void)done; // an eventfd that is in step neither blocks nor fails
}

static void tell(NetPeer *p)
{
    NetSocket *s = p->socket;

    plat_lock(&s->lock);
    note(p);
    bool receives = s->recv.state == OPERATION_RUNS;
    bool sends = s->send.state == OPERATION_RUNS && has_ended(p);
    plat_unlock(&s->lock);
    atomic_fetch_add_explicit(&p->changed, 1, memory_order_seq_cst);
    plat_wake(&p->changed, UINT32_MAX);
    if (receives) nng_aio_cancel(s->recv.aio);
    if (sends) nng_aio_cancel(s->send.aio);
}

// ---- control messages -------------------------------------------------------------------------------

static void on_controlled(void *context)
{
    nng_aio *const *aio = context;

    if (nng_aio_result(*aio) == 0) return;
    nng_msg *m = nng_aio_get_msg(*aio);
    if (m) nng_msg_free(m);
    nng_aio_set_msg(*aio, NULL);
}

static void send_control(NetPeer *p, ControlAio which, Control kind, const void *data, size_t size)
{
    uint8_t head[2] = {0, (uint8_t)kind};
    nng_aio *aio = p->control[which];
    nng_msg *m;

    if (nng_msg_alloc(&m, 0) != 0) return;
    if (nng_msg_append(m, head, sizeof head) != 0 || nng_msg_append(m, data, size) != 0) {
        nng_msg_free(m);
        return;
    }
    nng_aio_wait(aio); // of a greeting on a connection that was refused
    nng_aio_set_msg(aio, m);
    nng_aio_set_timeout(aio, BYE_MS);
    nng_send_aio(p->socket->id, aio);
}

// ---- the queue --------------------------------------------------------------------------------------

// Under the lock.
static bool grow(NetPeer *p)
{
    size_t capacity = p->capacity ? 2 * p->capacity : 16;
    nng_msg **ring = mem_alloc(MEM_IO, capacity * sizeof(nng_msg *));

    if (!ring) return false;
    for (size_t i = 0; i < p->count; i++) {
        ring[i] = p->ring[(p->first + i) % p->capacity];
    }
    mem_free(MEM_IO, p->ring, p->capacity * sizeof(nng_msg *));
    p->ring = ring;
    p->first = 0;
    p->capacity = capacity;
    return true;
}

// Under the lock.
static void push(NetPeer *p, nng_msg *m)
{
    if (p->said_bye || (p->count == p->capacity && !grow(p))) {
        // Without memory what follows must not be taken for all: the worker counts as lost.
        if (!p->said_bye) {
            p->gone = p->crashed = true;
            snprintf(p->reason, sizeof p->reason, "out of memory for its messages");
        }
        nng_msg_free(m);
        return;
    }
    p->ring[(p->first + p->count++) % p->capacity] = m;
    p->bytes += nng_msg_len(m);
}

// Under the lock; NULL: there is none.
static nng_msg *pop(NetPeer *p)
{
    if (p->count == 0) return NULL;
    nng_msg *m = p->ring[p->first];
    p->first = (p->first + 1) % p->capacity;
    p->count--;
    p->bytes -= nng_msg_len(m);
    return m;
}

static void empty(NetPeer *p)
{
    nng_msg *m;

    while ((m = pop(p)) != NULL) {
        nng_msg_free(m);
    }
}

// ---- the pump ---------------------------------------------------------------------------------------

static bool same_token(const char *a, const char *b)
{
    uint8_t differs = 0;

    for (size_t i = 0; i < NET_TOKEN_BYTES; i++) {
        differs |= (uint8_t)(a[i] ^ b[i]);
    }
    return differs == 0;
}

// The first message on a connection.
static void greet(NetPeer *p, const uint8_t *body, size_t size, nng_pipe pipe)
{
    NetSocket *s = p->socket;
    bool hello = size == 2 + NET_TOKEN_BYTES && body[0] == 0 && body[1] == CONTROL_HELLO;
    bool welcome = size == 2 && body[0] == 0 && body[1] == CONTROL_WELCOME;

    if (p->spawner ? !(hello && same_token((const char *)body + 2, p->token)) : !welcome) {
        (void)nng_pipe_close(pipe);
        return;
    }
    plat_lock(&s->lock);
    p->pipe = pipe.id;
    p->joined = true;
    nng_dialer dialer = s->dialer;
    plat_unlock(&s->lock);
    if (p->spawner) send_control(p, AIO_GREETING, CONTROL_WELCOME, "", 0);
    if (dialer.id != 0) (void)nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, NEVER_MS);
    tell(p);
}

static void hear_bye(NetPeer *p, const uint8_t *body, size_t size)
{
    NetSocket *s = p->socket;

    plat_lock(&s->lock);
    p->bye = true;
    p->crashed = size > 2 && body[2] != 0;
    size_t n = size > 3 ? MIN(size - 3, sizeof p->reason - 1) : 0;
    if (n > 0) memcpy(p->reason, body + 3, n);
    p->reason[n] = 0;
    plat_unlock(&s->lock);
    send_control(p, AIO_ACK, CONTROL_ACK, "", 0);
}

static void take(NetPeer *p, nng_msg *m)
{
    NetSocket *s = p->socket;
    const uint8_t *body = nng_msg_body(m);
    size_t size = nng_msg_len(m);
    nng_pipe pipe = nng_msg_get_pipe(m);
    bool data = size == 0 || body[0] != 0;

    plat_lock(&s->lock);
    bool joined = p->joined, ours = pipe.id == p->pipe;
    plat_unlock(&s->lock);
    if (!joined) {
        greet(p, body, size, pipe);
    } else if (ours && !data && size >= 2) {
        if (body[1] == CONTROL_BYE) hear_bye(p, body, size);
        data = body[1] == CONTROL_DATA && nng_msg_trim(m, 2) == 0;
    }
    plat_lock(&s->lock);
    if (joined && ours && data) {
        push(p, m);
        m = NULL;
    } else if (joined && ours && size >= 2 && body[1] == CONTROL_ACK) {
        p->acked = true;
    }
    plat_unlock(&s->lock);
    if (m) nng_msg_free(m);
    if (joined) tell(p);
}

static void pump(NetPeer *p)
{
    NetSocket *s = p->socket;

    plat_lock(&s->lock);
    p->paused = p->bytes >= QUEUE_MAX_BYTES && !p->unlimited;
    bool paused = p->paused;
    plat_unlock(&s->lock);
    if (!paused) nng_recv_aio(s->id, p->pump);
}

static void on_pumped(void *context)
{
    NetPeer *p = context;
    int error = nng_aio_result(p->pump);

    if (!error) take(p, nng_aio_get_msg(p->pump));
    if (!error) {
        pump(p);
        return;
    }
    plat_lock(&p->socket->lock);
    p->gone = true;
    if (!p->bye) p->crashed = true;
    plat_unlock(&p->socket->lock);
    tell(p);
}

// Under the lock: clears `paused`; true: the caller is to start the pump.
static bool unpause(NetPeer *p)
{
    bool paused = p->paused;
    p->paused = false;
    return paused;
}

// ---- connections ------------------------------------------------------------------------------------

static void on_added(NetPeer *p, nng_pipe pipe)
{
    NetSocket *s = p->socket;

    atomic_store_explicit(&s->pipe, pipe.id, memory_order_relaxed);
    plat_lock(&s->lock);
    bool joined = p->joined;
    p->candidate = pipe.id;
    p->candidate_ns = plat_now_ns();
    plat_unlock(&s->lock);
    if (!p->spawner && !joined)
        send_control(p, AIO_GREETING, CONTROL_HELLO, p->token, NET_TOKEN_BYTES);
}

// What the pump still brings is taken. Who ends in order has had its bye acknowledged, so nothing is missing.
static void on_removed(NetPeer *p, nng_pipe pipe)
{
    NetSocket *s = p->socket;

    plat_lock(&s->lock);
    if (p->candidate == pipe.id) p->candidate = 0;
    bool lost = p->joined && p->pipe == pipe.id;
    bool start = lost && unpause(p);
    if (lost) {
        p->gone = p->unlimited = true;
        if (!p->bye) p->crashed = true;
    }
    plat_unlock(&s->lock);
    if (start) pump(p);
    if (lost) tell(p);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    NetPeer *p = context;
    NetSocket *s = p->socket;

    if (event == NNG_PIPE_EV_ADD_PRE) {
        plat_lock(&s->lock);
        bool refused = p->joined;
        plat_unlock(&s->lock);
        if (refused) (void)nng_pipe_close(pipe);
    } else if (event == NNG_PIPE_EV_ADD_POST) {
        on_added(p, pipe);
    } else {
        on_removed(p, pipe);
    }
}

void net_peer_kick(NetSocket *s)
{
    NetPeer *p = s->peer;
    nng_pipe pipe = {0};

    plat_lock(&s->lock);
    if (!p->joined && p->candidate && plat_now_ns() - p->candidate_ns > SILENT_NS)
        pipe.id = p->candidate;
    plat_unlock(&s->lock);
    if (pipe.id != 0) (void)nng_pipe_close(pipe);
}

// ---- life -------------------------------------------------------------------------------------------

void net_peer_free(NetPeer *p)
{
    if (p->pump) nng_aio_free(p->pump);
    for (int i = 0; i < AIOS; i++) {
        if (p->control[i]) nng_aio_free(p->control[i]);
    }
    empty(p);
    mem_free(MEM_IO, p->ring, p->capacity * sizeof(nng_msg *));
    if (p->event_fd >= 0) (void)close(p->event_fd);
    mem_free(MEM_IO, p, sizeof *p);
}

static int prepare(NetPeer *p)
{
    nng_socket id = p->socket->id;
    int error = nng_aio_alloc(&p->pump, on_pumped, p);

    for (int i = 0; !error && i < AIOS; i++) {
        error = nng_aio_alloc(&p->control[i], on_controlled, &p->control[i]);
    }
    p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!error && p->event_fd < 0) error = errno == EMFILE ? NNG_ENOFILES : NNG_ENOMEM;
    for (nng_pipe_ev e = NNG_PIPE_EV_ADD_PRE; !error && e <= NNG_PIPE_EV_REM_POST; e++) {
        error = nng_pipe_notify(id, e, on_pipe, p);
    }
    if (!error) error = nng_socket_set_ms(id, NNG_OPT_RECONNMINT, RECONNECT_MS);
    if (!error) error = nng_socket_set_ms(id, NNG_OPT_RECONNMAXT, RECONNECT_MS);
    return error;
}

int net_peer_begin(NetSocket *s, NetRole role, const char *token)
{
    if (s->type != NET_PAIR || s->parent || s->peer) return NNG_ENOTSUP;
    NetPeer *p = mem_zalloc(MEM_IO, sizeof *p);
    if (!p) return NNG_ENOMEM;
    atomic_store_explicit(&s->net->stays_open, true, memory_order_relaxed);
    p->socket = s;
    p->spawner = role == NET_SPAWNER;
    p->event_fd = -1;
    memcpy(p->token, token, NET_TOKEN_BYTES);
    int error = prepare(p);
    s->peer = p; // freed with the socket
    s->mailbox = role == NET_PROCESS;
    if (!error) pump(p);
    return error;
}

bool net_peer_say_bye(NetSocket *s, bool crashed, const char *reason)
{
    NetPeer *p = s->peer;
    char data[1 + REASON_BYTES];

    plat_lock(&s->lock);
    bool needed = p->joined && !p->said_bye && !has_ended(p);
    p->said_bye = p->unlimited = true;
    empty(p);
    note(p);
    bool start = unpause(p);
    plat_unlock(&s->lock);
    if (start) pump(p);
    if (!needed) return false;
    data[0] = crashed;
    size_t size = MIN(strlen(reason), REASON_BYTES - 1);
    memcpy(data + 1, reason, size);
    send_control(p, AIO_BYE, CONTROL_BYE, data, size + 1);
    return true;
}

void net_peer_await(NetSocket *s, uint64_t deadline_ns)
{
    NetPeer *p = s->peer;

    for (;;) {
        uint32_t n = atomic_load_explicit(&p->changed, memory_order_seq_cst);
        plat_lock(&s->lock);
        bool done = p->acked || has_ended(p) || !p->joined;
        plat_unlock(&s->lock);
        if (done || plat_now_ns() >= deadline_ns) return;
        plat_wait(&p->changed, n, deadline_ns);
    }
}

void net_peer_leave(NetSocket *s, bool crashed, const char *reason)
{
    if (net_peer_say_bye(s, crashed, reason))
        net_peer_await(s, plat_now_ns() + BYE_MS * 1000000ull);
}

// ---- the owner's questions --------------------------------------------------------------------------

NetPeerState net_peer_state(NetSocket *s)
{
    NetPeer *p = s->peer;

    if (!p) return PEER_NONE;
    plat_lock(&s->lock);
    NetPeerState state = !p->joined      ? PEER_OPENING
                         : !has_ended(p) ? PEER_JOINED
                         : p->crashed    ? PEER_CRASHED
                                         : PEER_CLOSED;
    plat_unlock(&s->lock);
    return state;
}

void net_peer_reason(NetSocket *s, Buf *out)
{
    NetPeer *p = s->peer;

    plat_lock(&s->lock);
    buf_text(out, p->reason);
    plat_unlock(&s->lock);
}

int net_peer_fd(const NetSocket *s)
{
    return s->peer->event_fd;
}

void net_peer_lift(NetSocket *s)
{
    NetPeer *p = s->peer;

    plat_lock(&s->lock);
    p->unlimited = true;
    bool start = unpause(p);
    plat_unlock(&s->lock);
    if (start) pump(p);
}

int net_peer_ended(NetSocket *s)
{
    NetPeer *p = s->peer;

    plat_lock(&s->lock);
    int result = p->said_bye                ? net_closed
                 : !has_ended(p)            ? 0
                 : p->spawner && p->crashed ? NET_CRASHED
                                            : NET_ENDED;
    plat_unlock(&s->lock);
    return result;
}

int net_peer_take(NetSocket *s, nng_msg **m)
{
    NetPeer *p = s->peer;
    bool start = false;

    plat_lock(&s->lock);
    *m = pop(p);
    if (*m && p->paused && p->bytes < QUEUE_MAX_BYTES / 2) start = unpause(p);
    note(p);
    plat_unlock(&s->lock);
    if (start) pump(p);
    if (*m) return 0;
    int ended = net_peer_ended(s);
    return ended ? ended : NET_AGAIN;
}
