// See nng_socket.h: life, connecting, messages.
#include "runtime/net/nng_priv.h"
#include "runtime/jobs.h"

#include "vm/base/check.h"

#include <nng/protocol/bus0/bus.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/protocol/pubsub0/pub.h>
#include <nng/protocol/pubsub0/sub.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/respond.h>
#include <nng/protocol/survey0/survey.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#define WAIT_MS        1000 // default time-outs
#define REPLY_MS       10
#define PEERS_NS       5000000000ull // for their acknowledgements, at the end of a program
#define RETRY_FIRST_NS 2000000ull
#define RETRY_MAX_NS   50000000ull
// nng drops the connection of who sends more; its own default, 1 MiB, loses what people do send. Memory
// is only touched as the message comes.
#define MESSAGE_MAX_BYTES ((size_t)1 << 30)

const int net_timed_out = NNG_ETIMEDOUT, net_closed = NNG_ECLOSED, net_no_memory = NNG_ENOMEM,
          net_busy = NNG_EBUSY;

const char *net_error_text(int error)
{
    if (error == NET_ENDED || error == NET_CRASHED) return "the peer has ended";
    return nng_strerror(error);
}

bool net_is_exhausted(int error)
{
    return error == NNG_ENOFILES || error == NNG_ENOMEM;
}

// ---- life -----------------------------------------------------------------------------------------

static void enter(NetSocket *s)
{
    Net *net = s->net;

    plat_lock(&net->lock);
    s->next = net->first;
    if (s->next) s->next->prev = s;
    net->first = s;
    plat_unlock(&net->lock);
}

static void leave(NetSocket *s)
{
    Net *net = s->net;

    plat_lock(&net->lock);
    if (s->next) s->next->prev = s->prev;
    if (s->prev) {
        s->prev->next = s->next;
    } else if (net->first == s) {
        net->first = s->next;
    }
    plat_unlock(&net->lock);
}

void net_retain(NetSocket *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
}

static void free_operation(Operation *o)
{
    if (o->aio) nng_aio_free(o->aio); // waits for its call-back
    if (o->now) nng_aio_free(o->now);
    if (o->message) nng_msg_free(o->message);
    if (o->next) nng_msg_free(o->next);
}

static void destroy(NetSocket *s)
{
    NetSocket *parent = s->parent;

    net_close(s);
    leave(s);
    free_operation(&s->send);
    free_operation(&s->recv);
    net_free_options(s);
    if (s->peer) net_peer_free(s->peer);
    mem_free(MEM_IO, s, sizeof *s);
    if (parent) net_release(parent);
}

void net_release(NetSocket *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) destroy(s);
}

static void stop_dialing(NetSocket *s)
{
    plat_lock(&s->lock);
    atomic_fetch_add_explicit(&s->dial_number, 1, memory_order_seq_cst);
    nng_dialer d = s->dialing;
    s->dialing.id = 0;
    plat_unlock(&s->lock);
    plat_wake(&s->dial_number, UINT32_MAX);
    if (d.id != 0) (void)nng_dialer_close(d);
}

static void leave_peer(NetSocket *s, bool crashed, const char *reason)
{
    if (s->peer) net_peer_leave(s, crashed, reason);
}

bool net_has_peer(const NetSocket *s)
{
    return s->peer != NULL;
}

bool net_leave(NetSocket *s, const char *crash)
{
    leave_peer(s, crash != NULL, crash ? crash : "");
    return s->peer != NULL;
}

void net_close(NetSocket *s)
{
    leave_peer(s, false, "");
    stop_dialing(s);
    if (s->parent) {
        if (s->context.id != 0) (void)nng_ctx_close(s->context);
    } else if (s->id.id != 0) {
        (void)nng_close(s->id);
    }
}

// All peers at once: none waits for another.
static void leave_peers(Net *net, int status)
{
    uint64_t deadline = plat_now_ns() + PEERS_NS;
    char reason[40];

    snprintf(reason, sizeof reason, "exit status %d", status);
    for (NetSocket *s = net->first; s; s = s->next) {
        if (s->peer) (void)net_peer_say_bye(s, s->mailbox && status != 0, s->mailbox ? reason : "");
    }
    for (NetSocket *s = net->first; s; s = s->next) {
        if (s->peer) net_peer_await(s, deadline);
    }
}

void net_finish(Net *net, int status)
{
    atomic_store_explicit(&net->closing, 1, memory_order_seq_cst);
    plat_lock(&net->lock);
    leave_peers(net, status);
    // What is still being closed may take for ever (nng 1.5.2, after a peer that broke off).
    if (atomic_load_explicit(&net->leaving, memory_order_relaxed) > 0)
        atomic_store_explicit(&net->stays_open, true, memory_order_relaxed);
    if (atomic_load_explicit(&net->stays_open, memory_order_relaxed)) {
        plat_unlock(&net->lock);
        return;
    }
    for (NetSocket *s = net->first; s; s = s->next) {
        net_close(s);
        if (s->send.aio) nng_aio_stop(s->send.aio);
        if (s->recv.aio) nng_aio_stop(s->recv.aio);
    }
    NetSocket *kept = net->kept;
    net->kept = NULL;
    plat_unlock(&net->lock);
    if (kept) net_release(kept);
}

// ---- handles

typedef struct {
    NetSocket *socket;
    Space *space;
    uint64_t reader; // number of the activation whose reader's handle it is; 0: the owner's
} Owner;

static Owner owner_of(const Block *b)
{
    Owner o;
    memcpy(&o, b->bytes, sizeof o);
    return o;
}

typedef struct {
    Job job;
    NetSocket *socket;
    uint64_t reader;
} DropJob;

// Of a socket's owner, or of its reader.
static void end_handle(NetSocket *s, uint64_t reader)
{
    if (reader) {
        net_active_ended(s, reader);
    } else {
        net_close(s);
    }
    net_release(s);
}

static void run_drop(Job *base)
{
    DropJob *job = container_of(base, DropJob, job);
    NetSocket *s = job->socket;
    Net *net = s->net;
    uint64_t reader = job->reader;

    mem_free(MEM_IO, job, sizeof *job);
    if (!reader) leave_peer(s, true, "it was ended");
    end_handle(s, reader);
    if (atomic_fetch_sub_explicit(&net->leaving, 1, memory_order_acq_rel) == 1)
        plat_wake(&net->leaving, UINT32_MAX);
}

// The process tells how it ended when it has: until then its mailbox stays open.
static bool keep_mailbox(NetSocket *s, Block *b, bool closing)
{
    Net *net = s->net;

    if (!s->mailbox || closing) return false;
    block_free(owner_of(b).space, b);
    plat_lock(&net->lock);
    net->kept = s;
    plat_unlock(&net->lock);
    return true;
}

// The block's drop: its actor has no use for it any more.
static void drop(Block *b)
{
    Owner o = owner_of(b);
    Net *net = o.socket->net;
    bool closing = atomic_load_explicit(&net->closing, memory_order_acquire) != 0;

    if (keep_mailbox(o.socket, b, closing)) return;
    DropJob *job = closing ? NULL : mem_zalloc(MEM_IO, sizeof *job);

    block_free(o.space, b);
    if (!o.reader) {
        (void)poller_cancel(net->poller, o.socket->recv_ticket);
        (void)poller_cancel(net->poller, o.socket->send_ticket);
    }
    if (!job) {
        end_handle(o.socket, o.reader);
        return;
    }
    atomic_fetch_add_explicit(&net->leaving, 1, memory_order_relaxed);
    job->job.run = run_drop;
    job->socket = o.socket;
    job->reader = o.reader;
    job_detach(net->vm, &job->job);
}

static NetSocket *socket_of(Value handle, bool reader)
{
    if (!value_is_kind(handle, KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(handle))->block;
    if (b->drop != drop) return NULL;
    Owner o = owner_of(b);
    return (o.reader != 0) == reader ? o.socket : NULL;
}

NetSocket *net_of(Value handle)
{
    return socket_of(handle, false);
}

NetSocket *net_of_reader(Value handle)
{
    return socket_of(handle, true);
}

NetType net_type(const NetSocket *s)
{
    return s->type;
}

bool net_is_context(const NetSocket *s)
{
    return s->parent != NULL;
}

static void on_send_done(void *context);
static void on_recv_done(void *context);

static int new_now(Operation *o)
{
    int error = nng_aio_alloc(&o->now, NULL, NULL);
    if (!error) nng_aio_set_timeout(o->now, NNG_DURATION_ZERO);
    return error;
}

static NetSocket *new_socket(Net *net, NetType type, int *error)
{
    NetSocket *s = mem_zalloc(MEM_IO, sizeof *s);

    *error = NNG_ENOMEM;
    if (!s) return NULL;
    atomic_store_explicit(&s->refs, 1, memory_order_relaxed);
    s->net = net;
    s->type = type;
    s->send.socket = s->recv.socket = s;
    s->recv_ms = s->send_ms = s->dial_ms = WAIT_MS;
    s->active.limit = -1;
    s->options.nodelay = s->options.keepalive = s->options.auth_mode = -1;
    *error = nng_aio_alloc(&s->send.aio, on_send_done, &s->send);
    if (!*error) *error = nng_aio_alloc(&s->recv.aio, on_recv_done, &s->recv);
    if (!*error) *error = new_now(&s->send);
    if (!*error) *error = new_now(&s->recv);
    enter(s);
    return s;
}

Block *net_new_block(NetSocket *s, uint64_t reader, int *error)
{
    Space *space = &s->net->vm->space;
    Block *b = *error ? NULL : block_new(space, sizeof(Owner));
    Owner o = {s, space, reader};

    if (!b) {
        if (!*error) *error = NNG_ENOMEM;
        net_release(s); // nothing runs yet: this does not wait
        return NULL;
    }
    b->drop = drop;
    memcpy(b->bytes, &o, sizeof o);
    return b;
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    NetSocket *s = context;

    (void)event;
    atomic_store_explicit(&s->pipe, pipe.id, memory_order_relaxed);
}

// Each connection is a descriptor: as many as the system lets us have.
static void raise_limit(Net *net)
{
    struct rlimit limit;

    if (atomic_exchange_explicit(&net->used, 1, memory_order_relaxed) != 0) return;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Block *net_open(Net *net, NetType type, int *error)
{
    static int (*const openers[NET_TYPES])(nng_socket *) = {
        [NET_PAIR] = nng_pair0_open,
        [NET_REQ] = nng_req0_open,
        [NET_REP] = nng_rep0_open,
        [NET_PUB] = nng_pub0_open,
        [NET_SUB] = nng_sub0_open,
        [NET_PUSH] = nng_push0_open,
        [NET_PULL] = nng_pull0_open,
        [NET_SURVEYOR] = nng_surveyor0_open,
        [NET_RESPONDENT] = nng_respondent0_open,
        [NET_BUS] = nng_bus0_open,
    };
    raise_limit(net);
    NetSocket *s = new_socket(net, type, error);
    if (!s) return NULL;
    if (!*error) *error = openers[type](&s->id);
    if (!*error) *error = nng_socket_set_size(s->id, NNG_OPT_RECVMAXSZ, MESSAGE_MAX_BYTES);
    if (!*error) *error = nng_pipe_notify(s->id, NNG_PIPE_EV_ADD_POST, on_pipe, s);
    return net_new_block(s, 0, error);
}

Block *net_open_context(NetSocket *parent, int *error)
{
    NetSocket *s = new_socket(parent->net, parent->type, error);

    if (!s) return NULL;
    net_retain(parent);
    s->parent = parent;
    s->id = parent->id;
    s->recv_ms = parent->recv_ms;
    s->send_ms = parent->send_ms;
    if (!*error) *error = nng_ctx_open(&s->context, parent->id);
    return net_new_block(s, 0, error);
}

// ---- connecting -----------------------------------------------------------------------------------

static bool is_tls(const char *url)
{
    return strncmp(url, "tls+", 4) == 0 || strncmp(url, "wss", 3) == 0;
}

int net_listen(NetSocket *s, const char *url)
{
    nng_listener l;
    int error = s->parent ? NNG_ENOTSUP : nng_listener_create(&l, s->id, url);

    if (error) return error;
    error = net_prepare_listener(s, l, is_tls(url));
    if (!error) error = nng_listener_start(l, 0);
    if (error) {
        (void)nng_listener_close(l);
        return error;
    }
    plat_lock(&s->lock);
    s->listener = l;
    plat_unlock(&s->lock);
    return 0;
}

uint32_t net_dial_begin(NetSocket *s)
{
    stop_dialing(s);
    plat_lock(&s->lock);
    s->dial_error = 0;
    plat_unlock(&s->lock);
    return atomic_load_explicit(&s->dial_number, memory_order_relaxed);
}

int net_dial_error(NetSocket *s)
{
    plat_lock(&s->lock);
    int error = s->dial_error;
    plat_unlock(&s->lock);
    return error;
}

// Will somebody be there if one waits?
static bool is_absent(int error)
{
    return error == NNG_ECONNREFUSED || error == NNG_ENOENT || error == NNG_ECONNRESET ||
           error == NNG_ECONNABORTED || error == NNG_ECONNSHUT;
}

static bool is_current(const NetDial *d)
{
    return atomic_load_explicit(&d->socket->dial_number, memory_order_acquire) == d->number;
}

static int dial_once(const NetDial *dial)
{
    NetSocket *s = dial->socket;
    nng_dialer d;
    int error = s->parent ? NNG_ENOTSUP : nng_dialer_create(&d, s->id, dial->url);

    if (error) return error;
    error = net_prepare_dialer(s, d, is_tls(dial->url));
    plat_lock(&s->lock);
    bool current = is_current(dial);
    if (current && !dial->background) s->dialing = d;
    plat_unlock(&s->lock);
    if (!error)
        error = current ? nng_dialer_start(d, dial->background ? NNG_FLAG_NONBLOCK : 0)
                        : NNG_ECLOSED;
    plat_lock(&s->lock);
    current = is_current(dial);
    if (current) {
        s->dialing.id = 0;
        s->dial_error = error;
        if (!error) s->dialer = d;
    }
    plat_unlock(&s->lock);
    if (error || !current) (void)nng_dialer_close(d);
    return error;
}

int net_dial(const NetDial *d)
{
    uint64_t pause = RETRY_FIRST_NS;

    for (;;) {
        int error = dial_once(d);
        if (!is_absent(error) || d->background || !is_current(d)) return error;
        uint64_t now = plat_now_ns();
        if (d->deadline_ns != 0 && now + pause > d->deadline_ns) return error;
        plat_wait(&d->socket->dial_number, d->number, now + pause);
        pause = MIN(2 * pause, RETRY_MAX_NS);
    }
}

// ---- operations -----------------------------------------------------------------------------------

// Under the lock: whom to tell that the operation is done.
static bool end_operation(Operation *o, Value *pid, Value *ref)
{
    bool tell = o->waiting;

    o->state = OPERATION_DONE;
    o->waiting = false;
    *pid = o->pid;
    *ref = o->ref;
    return tell;
}

void net_await(Operation *o, Value pid, Value ref)
{
    o->waiting = true;
    o->pid = pid;
    o->ref = ref;
}

static void submit_send(NetSocket *s, nng_aio *aio)
{
    if (s->parent) {
        nng_ctx_send(s->context, aio);
    } else {
        nng_send_aio(s->id, aio);
    }
}

void net_submit_recv(NetSocket *s, nng_aio *aio)
{
    if (s->parent) {
        nng_ctx_recv(s->context, aio);
    } else {
        nng_recv_aio(s->id, aio);
    }
}

static nng_msg *new_message(const NetSocket *s, const void *data, size_t size)
{
    // Peers speak of themselves in messages that begin with a zero (nng_peer.c).
    size_t mark = s->peer && size > 0 && *(const uint8_t *)data == 0 ? 2 : 0;
    nng_msg *m;

    if (nng_msg_alloc(&m, mark + size) != 0) return NULL;
    memset(nng_msg_body(m), 0, mark);
    if (size > 0) memcpy((uint8_t *)nng_msg_body(m) + mark, data, size);
    return m;
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

// ---- sending --------------------------------------------------------------------------------------

static void start_send(Operation *o, nng_msg *m, int ms)
{
    nng_aio_set_msg(o->aio, m);
    nng_aio_set_timeout(o->aio, ms);
    submit_send(o->socket, o->aio);
}

static void on_send_done(void *context)
{
    Operation *o = context;
    NetSocket *s = o->socket;
    Value pid, ref;
    bool tell = false;

    plat_lock(&s->lock);
    o->result = nng_aio_result(o->aio);
    if (o->result != 0) nng_msg_free(nng_aio_get_msg(o->aio));
    nng_msg *next = o->next;
    o->next = NULL;
    int ms = o->next_ms;
    if (!next) tell = end_operation(o, &pid, &ref);
    plat_unlock(&s->lock);
    net_active_answered(s);
    if (next) start_send(o, next, ms);
    if (tell) job_answer(s->net->vm, pid, ref, V_TRUE);
}

static bool is_running(NetSocket *s, const Operation *o)
{
    plat_lock(&s->lock);
    bool runs = o->state == OPERATION_RUNS;
    plat_unlock(&s->lock);
    return runs;
}

// nng 1.5.2 forgets whom a reply is for when it cannot be sent at once: those always take the time.
bool net_replies(const NetSocket *s)
{
    return s->type == NET_REP || s->type == NET_RESPONDENT;
}

int net_send_least_ms(const NetSocket *s)
{
    return net_replies(s) ? REPLY_MS : 0;
}

int net_send_now(NetSocket *s, const void *data, size_t size)
{
    if (net_replies(s)) return NET_AGAIN;
    if (is_running(s, &s->send)) return NET_AGAIN; // of a wait that was interrupted
    int ended = s->peer ? net_peer_ended(s) : 0;
    if (ended) return ended;
    nng_msg *m = new_message(s, data, size);
    if (!m) return NNG_ENOMEM;
    nng_aio *aio = s->send.now;
    nng_aio_set_msg(aio, m);
    submit_send(s, aio);
    nng_aio_wait(aio);
    int error = nng_aio_result(aio);
    if (error) nng_msg_free(m);
    return error == NNG_ETIMEDOUT || error == NNG_EAGAIN ? NET_AGAIN : error;
}

bool net_send_start(NetSocket *s, const void *data, size_t size, int ms, Value pid, Value ref)
{
    Operation *o = &s->send;
    nng_msg *m = new_message(s, data, size);

    if (!m) return false;
    plat_lock(&s->lock);
    bool runs = o->state == OPERATION_RUNS;
    net_await(o, pid, ref);
    o->state = OPERATION_RUNS;
    if (runs) {
        if (o->next) nng_msg_free(o->next);
        o->next = m;
        o->next_ms = ms;
    }
    plat_unlock(&s->lock);
    if (runs) {
        nng_aio_cancel(o->aio);
    } else {
        start_send(o, m, ms);
    }
    if (s->peer && net_peer_ended(s)) nng_aio_cancel(o->aio); // before there was something to cancel
    return true;
}

int net_send_result(NetSocket *s)
{
    plat_lock(&s->lock);
    s->send.state = OPERATION_IDLE;
    int result = s->send.result;
    plat_unlock(&s->lock);
    int ended = result == NNG_ECANCELED && s->peer ? net_peer_ended(s) : 0;
    return ended ? ended : result;
}

// ---- receiving ------------------------------------------------------------------------------------

static void on_recv_done(void *context)
{
    Operation *o = context;
    NetSocket *s = o->socket;
    Value pid, ref;

    plat_lock(&s->lock);
    o->result = nng_aio_result(o->aio);
    o->message = o->result == 0 && !s->peer ? nng_aio_get_msg(o->aio) : NULL;
    bool tell = end_operation(o, &pid, &ref);
    plat_unlock(&s->lock);
    if (tell) job_answer(s->net->vm, pid, ref, V_TRUE);
}

// A peer's messages are in its queue; the operation of a receive is but the wait for them.
static int peer_recv_result(NetSocket *s, nng_msg **m)
{
    plat_lock(&s->lock);
    bool late = s->recv.result != NNG_ECANCELED && !s->recv.inherited && !s->for_ever;
    s->recv.inherited = false;
    s->recv.state = OPERATION_IDLE;
    plat_unlock(&s->lock);
    int error = net_peer_take(s, m);
    return error == NET_AGAIN && late ? NNG_ETIMEDOUT : error;
}

int net_recv_result(NetSocket *s, nng_msg **m)
{
    if (s->peer) return peer_recv_result(s, m);
    Operation *o = &s->recv;

    plat_lock(&s->lock);
    int result = o->result;
    *m = o->message;
    if (result == NNG_ETIMEDOUT && o->inherited) result = NET_AGAIN;
    o->message = NULL;
    o->inherited = false;
    o->state = OPERATION_IDLE;
    plat_unlock(&s->lock);
    return result;
}

int net_recv_now(NetSocket *s, nng_msg **m)
{
    nng_aio *aio = s->recv.now;

    if (s->peer) return net_peer_take(s, m);
    plat_lock(&s->lock);
    OperationState state = s->recv.state;
    bool active = s->active.on;
    plat_unlock(&s->lock);
    if (active) return NNG_EBUSY;
    if (state == OPERATION_RUNS) return NET_AGAIN;
    // Of a wait that was interrupted: a message is kept, an error comes again.
    if (state == OPERATION_DONE && net_recv_result(s, m) == 0) return 0;
    net_submit_recv(s, aio);
    nng_aio_wait(aio);
    int error = nng_aio_result(aio);
    if (!error) *m = nng_aio_get_msg(aio);
    return error == NNG_ETIMEDOUT || error == NNG_EAGAIN ? NET_AGAIN : error;
}

static void start_recv(NetSocket *s, int ms)
{
    nng_aio *aio = s->recv.aio;

    if (!s->peer) {
        nng_aio_set_timeout(aio, ms);
        net_submit_recv(s, aio);
        return;
    }
    s->for_ever = ms < 0;
    nng_aio_set_timeout(aio, NNG_DURATION_INFINITE);
    nng_sleep_aio(ms < 0 ? INT32_MAX : ms, aio);
    // What came before there was something to cancel?
    if (is_readable(net_peer_fd(s))) nng_aio_cancel(aio);
}

bool net_recv_start(NetSocket *s, int ms, Value pid, Value ref)
{
    Operation *o = &s->recv;

    plat_lock(&s->lock);
    OperationState state = o->state;
    if (s->peer && state == OPERATION_DONE) state = OPERATION_IDLE; // of a wait that was interrupted
    if (state != OPERATION_DONE) {
        net_await(o, pid, ref);
        o->inherited = state == OPERATION_RUNS;
        o->state = OPERATION_RUNS;
    }
    plat_unlock(&s->lock);
    if (state == OPERATION_IDLE) start_recv(s, ms);
    return state != OPERATION_DONE;
}

const void *net_message(nng_msg *m, size_t *size)
{
    *size = nng_msg_len(m);
    return nng_msg_body(m);
}

void net_message_free(nng_msg *m)
{
    nng_msg_free(m);
}

int net_subscribe(NetSocket *s, const void *topic, size_t size, bool on)
{
    if (s->parent) return NNG_ENOTSUP;
    return nng_socket_set(s->id, on ? NNG_OPT_SUB_SUBSCRIBE : NNG_OPT_SUB_UNSUBSCRIBE, topic, size);
}

// ---- polling --------------------------------------------------------------------------------------

int net_poll_fd(NetSocket *s, PollFor what, int *fd)
{
    if (s->parent) return NNG_ENOTSUP;
    if (s->peer && what == POLL_READ) {
        *fd = net_peer_fd(s);
        return 0;
    }
    return nng_socket_get_int(s->id, what == POLL_READ ? NNG_OPT_RECVFD : NNG_OPT_SENDFD, fd);
}

uint64_t *net_poll_ticket(NetSocket *s, PollFor what)
{
    return what == POLL_READ ? &s->recv_ticket : &s->send_ticket;
}
