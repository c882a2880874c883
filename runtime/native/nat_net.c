// Natives of nng's sockets. What nng refuses is a negative fixnum, its negated error: the standard library
// makes conditions of them.
//
// A native that waits keeps the reference of the answer in an argument slot.
#include "runtime/native/natives.h"
#include "runtime/native/net_message.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include <poll.h>
#include <string.h>

#define DIAL_GRACE_NS 20000000ull // for an attempt to end by itself

static Value fail_socket(Actor *a, Value v)
{
    return fail_type(HEAP(a), "nng", "an nng socket", v);
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

static Value error_value(int error)
{
    return value_fix(-(int64_t)error);
}

// ---- opening and closing --------------------------------------------------------------------------

// Sockets that the program has forgotten may hold what is missing. True: it is worth another attempt.
static bool collect_for(Actor *a, int error)
{
    return net_is_exhausted(error) && gc_collect(HEAP(a), 0, true);
}

// (type): a handle
NATIVE_FN(nng_open)
{
    Net *net = &runtime_of(a)->net;
    size_t type;
    int error;

    (void)count;
    if (!native_index(args[0], NET_TYPES, &type))
        return fail_type(HEAP(a), "nng-socket", "a type", args[0]);
    Block *b = net_open(net, (NetType)type, &error);
    if (!b && collect_for(a, error)) b = net_open(net, (NetType)type, &error);
    return b ? heap_handle(HEAP(a), b) : error_value(error);
}

// (handle): a handle
NATIVE_FN(nng_context)
{
    NetSocket *s = net_of(args[0]);
    int error;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    Block *b = net_open_context(s, &error);
    return b ? heap_handle(HEAP(a), b) : error_value(error);
}

// ---- jobs

typedef enum { JOB_LISTEN, JOB_DIAL, JOB_CLOSE } NetJobKind;

typedef struct {
    ActorJob job;
    NetJobKind kind;
    NetSocket *socket;
    char *url;
    size_t url_size;
    bool background, await_closing;
    uint64_t deadline_ns;
    uint32_t number;
} NetJob;

// Sockets that a collection has found are closed by other threads.
static void await_closing(Net *net)
{
    uint64_t deadline = plat_now_ns() + 1000000000;

    for (;;) {
        uint32_t n = atomic_load_explicit(&net->leaving, memory_order_acquire);
        if (n == 0 || plat_now_ns() >= deadline) return;
        plat_wait(&net->leaving, n, plat_now_ns() + 5000000);
    }
}

static Value run_net(ActorJob *base)
{
    NetJob *job = container_of(base, NetJob, job);
    NetSocket *s = job->socket;

    if (job->await_closing) await_closing(&((Runtime *)base->vm->runtime)->net);
    switch (job->kind) {
    case JOB_LISTEN:
        return error_value(net_listen(s, job->url));
    case JOB_DIAL: {
        NetDial dial = {s, job->url, job->background, job->deadline_ns, job->number};
        return error_value(net_dial(&dial));
    }
    case JOB_CLOSE:
        net_close(s);
        break;
    }
    return V_TRUE;
}

static void free_net(ActorJob *base)
{
    NetJob *job = container_of(base, NetJob, job);

    net_release(job->socket);
    if (job->url) mem_free(MEM_IO, job->url, job->url_size);
    mem_free(MEM_IO, job, sizeof *job);
}

// A job for the socket; NULL without memory (fault set).
static NetJob *new_job(Actor *a, NetSocket *s, NetJobKind kind, Value url)
{
    Buf *text = &actor_worker(a)->text;
    NetJob *job = mem_zalloc(MEM_IO, sizeof *job);

    buf_clear(text);
    if (value_is_string(url)) string_to_utf8(url, text);
    buf_u8(text, 0);
    char *copy = job && !text->failed ? mem_alloc(MEM_IO, text->size) : NULL;
    if (!copy) {
        if (job) mem_free(MEM_IO, job, sizeof *job);
        (void)fail_memory(a);
        return NULL;
    }
    memcpy(copy, text->data, text->size);
    job->job.run = run_net;
    job->job.free = free_net;
    job->kind = kind;
    job->socket = s;
    job->url = copy;
    job->url_size = text->size;
    net_retain(s);
    return job;
}

static Value start_job(Actor *a, NetJob *job, Value *slot)
{
    Value ref = job_start(a, &job->job);

    if (value_is(ref, V_FAIL)) return ref;
    *slot = ref;
    return V_WAIT;
}

// (handle #f): #t
NATIVE_FN(nng_close)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (value_is_local_ref(args[1])) {
        Value answer = reply_take(a, args[1]);
        return value_is(answer, V_NONE) ? V_WAIT : answer;
    }
    NetJob *job = new_job(a, s, JOB_CLOSE, V_FALSE);
    return job ? start_job(a, job, &args[1]) : V_FAIL;
}

// ---- connecting -----------------------------------------------------------------------------------

static bool is_exhausted(Value answer)
{
    return value_is_fix(answer) && net_is_exhausted((int)-value_int(answer));
}

// (handle url #f #f)
NATIVE_FN(nng_listen)
{
    NetSocket *s = net_of(args[0]);
    Value answer = V_NONE;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!value_is_string(args[1])) return fail_type(HEAP(a), "nng-listen", "a string", args[1]);
    if (value_is_local_ref(args[2])) {
        answer = reply_take(a, args[2]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        if (!is_exhausted(answer) || !value_is(args[3], V_FALSE)) return answer;
        args[3] = V_TRUE;
        if (!gc_collect(HEAP(a), 0, true)) return answer;
    }
    NetJob *job = new_job(a, s, JOB_LISTEN, args[1]);
    if (!job) return V_FAIL;
    job->await_closing = !value_is(args[3], V_FALSE);
    return start_job(a, job, &args[2]);
}

static Value start_dial(Actor *a, NetSocket *s, Value *args)
{
    Poller *poller = runtime_of(a)->poller;
    NetJob *job = new_job(a, s, JOB_DIAL, args[1]);
    int ms = net_dial_ms(s);

    if (!job) return V_FAIL;
    job->background = !value_is(args[2], V_FALSE);
    job->await_closing = !value_is(args[4], V_FALSE);
    job->deadline_ns = ms < 0 ? 0 : plat_now_ns() + (uint64_t)ms * 1000000;
    job->number = net_dial_begin(s);
    uint64_t *ticket = net_poll_ticket(s, POLL_READ), deadline = job->deadline_ns;
    Value v = start_job(a, job, &args[3]);
    if (!value_is(v, V_WAIT) || deadline == 0) return v;
    (void)poller_cancel(poller, *ticket);
    *ticket = poller_wait(poller, -1, POLL_READ, deadline + DIAL_GRACE_NS, actor_pid(a), args[3]);
    return v;
}

// What an attempt has ended with, or that none has.
static Value give_up(NetSocket *s)
{
    int error = net_dial_error(s);

    (void)net_dial_begin(s);
    return error_value(error ? error : net_timed_out);
}

// (handle url background? #f #f)
NATIVE_FN(nng_dial)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!value_is_string(args[1])) return fail_type(HEAP(a), "nng-dial", "a string", args[1]);
    if (value_is_local_ref(args[3])) {
        Value answer = reply_take(a, args[3]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        uint64_t *ticket = net_poll_ticket(s, POLL_READ);
        (void)poller_cancel(runtime_of(a)->poller, *ticket);
        *ticket = 0;
        if (value_is(answer, V_FALSE)) return give_up(s);
        if (!is_exhausted(answer) || !value_is(args[4], V_FALSE)) return answer;
        args[4] = V_TRUE;
        if (!gc_collect(HEAP(a), 0, true)) return answer;
    }
    return start_dial(a, s, args);
}

// ---- messages -------------------------------------------------------------------------------------

// A time-out of the program's: milliseconds, -1 for ever, #f for the socket's own.
static bool milliseconds(Value v, int own, int *ms)
{
    *ms = own;
    if (value_is(v, V_FALSE)) return true;
    *ms = (int)value_int(v);
    return value_is_fix(v) && value_int(v) >= -1 && value_int(v) <= INT32_MAX;
}

// (handle bytevector milliseconds #f): 0 or a negated error
NATIVE_FN(nng_send)
{
    NetSocket *s = net_of(args[0]);
    int ms;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!value_is_kind(args[1], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "send-bytes!", "a bytevector", args[1]);
    if (!milliseconds(args[2], net_send_ms(s), &ms))
        return fail_type(HEAP(a), "send!", "milliseconds", args[2]);
    if (value_is_local_ref(args[3])) {
        Value answer = reply_take(a, args[3]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        return error_value(net_send_result(s));
    }
    Bytes *bytes = value_bytes(args[1]);
    size_t size = bytes_length(bytes);
    native_charge_bytes(a, size);
    int error = net_send_now(s, bytes_data(bytes), size);
    if (error != NET_AGAIN) return error_value(error);
    if (ms == 0) ms = net_send_least_ms(s);
    if (ms == 0) return error_value(net_timed_out);
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    if (!net_send_start(s, bytes_data(bytes), size, ms, actor_pid(a), ref))
        return error_value(net_no_memory);
    args[3] = ref;
    return V_WAIT;
}

Value give_message(Actor *a, struct nng_msg *m)
{
    size_t size;
    const void *data = net_message(m, &size);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, size, 0);

    if (!value_is(v, V_FAIL) && size > 0) memcpy(bytes_data(value_bytes(v)), data, size);
    net_message_free(m);
    native_charge_bytes(a, size);
    return v;
}

// (handle milliseconds #f): a bytevector or a negated error
NATIVE_FN(nng_recv)
{
    NetSocket *s = net_of(args[0]);
    struct nng_msg *m;
    int ms, error;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!milliseconds(args[1], net_recv_ms(s), &ms))
        return fail_type(HEAP(a), "recv!", "milliseconds", args[1]);
    if (value_is_local_ref(args[2])) {
        if (value_is(reply_take(a, args[2]), V_NONE)) return V_WAIT;
        args[2] = V_FALSE;
        error = net_recv_result(s, &m);
    } else {
        error = net_recv_now(s, &m);
    }
    if (error == NET_AGAIN && ms != 0) {
        Value ref = reply_await(a);
        if (value_is(ref, V_FAIL)) return fail_memory(a);
        if (net_recv_start(s, ms, actor_pid(a), ref)) {
            args[2] = ref;
            return V_WAIT;
        }
        error = net_recv_result(s, &m);
    }
    if (error == NET_AGAIN) error = net_timed_out;
    return error ? error_value(error) : give_message(a, m);
}

// (handle bytevector on?): 0 or a negated error
NATIVE_FN(nng_subscribe)
{
    NetSocket *s = net_of(args[0]);

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!value_is_kind(args[1], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "nng-subscribe", "a bytevector", args[1]);
    Bytes *b = value_bytes(args[1]);
    return error_value(
        net_subscribe(s, bytes_data(b), bytes_length(b), !value_is(args[2], V_FALSE)));
}

// ---- polling --------------------------------------------------------------------------------------

// The vector of (%nng-poll): a handle, is it to be sent to, and where the answer goes, for each.
enum { ITEM_HANDLE, ITEM_SEND, ITEM_READY, ITEM_WORDS };

static PollFor item_what(Value items, size_t i)
{
    return value_is(object_ref(items, i + ITEM_SEND), V_FALSE) ? POLL_READ : POLL_WRITE;
}

static bool are_items(Value items)
{
    if (!value_is_kind(items, KIND_VECTOR) || object_count(items) % ITEM_WORDS != 0) return false;
    for (size_t i = 0; i < object_count(items); i += ITEM_WORDS) {
        if (!net_of(object_ref(items, i + ITEM_HANDLE))) return false;
    }
    return true;
}

static bool is_readable(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) > 0;
}

// Notes which are ready; their number, or a negated error.
static int64_t look(Actor *a, Value items)
{
    int64_t ready = 0;
    int fd;

    for (size_t i = 0; i < object_count(items); i += ITEM_WORDS) {
        int error = net_poll_fd(net_of(object_ref(items, i + ITEM_HANDLE)), item_what(items, i),
                                &fd);
        if (error) return -error;
        bool is = is_readable(fd);
        heap_store(HEAP(a), items, object_slot(items, i + ITEM_READY), value_bool(is));
        ready += is;
    }
    return ready;
}

static void cancel_all(Poller *poller, Value items)
{
    for (size_t i = 0; i < object_count(items); i += ITEM_WORDS) {
        uint64_t *ticket = net_poll_ticket(net_of(object_ref(items, i + ITEM_HANDLE)),
                                           item_what(items, i));
        (void)poller_cancel(poller, *ticket);
        *ticket = 0;
    }
}

// The first that is ready answers. A negated error of nng, or 0.
static int64_t wait_for_all(Actor *a, Value items, uint64_t deadline, Value ref)
{
    Poller *poller = runtime_of(a)->poller;
    int fd;

    for (size_t i = 0; i < object_count(items); i += ITEM_WORDS) {
        NetSocket *s = net_of(object_ref(items, i + ITEM_HANDLE));
        PollFor what = item_what(items, i);
        uint64_t *ticket = net_poll_ticket(s, what);
        if (*ticket != 0) continue; // it is there twice
        int error = net_poll_fd(s, what, &fd);
        if (error) return -error;
        *ticket = poller_wait(poller, fd, POLL_READ, deadline, actor_pid(a), ref);
        if (*ticket == 0) return -net_no_memory;
    }
    return 0;
}

// (items milliseconds #f ticket): number of ready items, which are marked, or a negated error
NATIVE_FN(nng_poll)
{
    Poller *poller = runtime_of(a)->poller;
    bool late = false;
    int ms;

    (void)count;
    if (!are_items(args[0])) return fail_type(HEAP(a), "nng-poll", "a vector of items", args[0]);
    if (!milliseconds(args[1], 0, &ms))
        return fail_type(HEAP(a), "nng-poll", "milliseconds", args[1]);
    size_t items = object_count(args[0]);
    actor_charge(a, items);
    if (value_is_local_ref(args[2])) {
        Value answer = reply_take(a, args[2]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        late = value_is(answer, V_FALSE);
    }
    cancel_all(poller, args[0]);
    if (value_is_fix(args[3])) (void)poller_cancel(poller, (uint64_t)value_int(args[3]));
    int64_t ready = look(a, args[0]);
    if (ready != 0 || late || ms == 0) return value_fix(ready);
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    uint64_t deadline = ms < 0 ? 0 : plat_now_ns() + (uint64_t)ms * 1000000;
    int64_t error = wait_for_all(a, args[0], deadline, ref);
    if (items == 0 && deadline != 0) {
        uint64_t ticket = poller_wait(poller, -1, POLL_READ, deadline, actor_pid(a), ref);
        args[3] = value_fix((int64_t)ticket);
        if (ticket == 0) error = -net_no_memory;
    }
    if (error) {
        cancel_all(poller, args[0]);
        return value_fix(error);
    }
    args[2] = ref;
    return V_WAIT;
}

// ---- options and texts -------------------------------------------------------------------------------

static bool is_text(const NetOption *o)
{
    return o->kind == NET_TEXT || o->kind == NET_ADDRESS;
}

// The option that a string names; NULL: there is none.
static const NetOption *option_of(Actor *a, Value key)
{
    Buf *text = &actor_worker(a)->text;

    if (!value_is_string(key)) return NULL;
    buf_clear(text);
    string_to_utf8(key, text);
    const char *name = buf_cstr(text);
    return text->failed || strlen(name) != text->size ? NULL : net_option(name);
}

// (key): NetKind, #f when there is no such option
NATIVE_FN(nng_option_kind)
{
    const NetOption *o = option_of(a, args[0]);

    (void)count;
    return o ? value_fix(o->kind) : V_FALSE;
}

// (handle key value): 0 or a negated error
NATIVE_FN(nng_set)
{
    NetSocket *s = net_of(args[0]);
    const NetOption *o = option_of(a, args[1]);
    Buf *text = &actor_worker(a)->text;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!o) return fail_type(HEAP(a), "nng-set-option", "the name of an option", args[1]);
    if (!is_text(o)) {
        if (!value_is_fix(args[2]))
            return fail_type(HEAP(a), "nng-set-option", "an integer", args[2]);
        return error_value(net_set_number(s, o, value_int(args[2])));
    }
    if (!value_is_string(args[2])) return fail_type(HEAP(a), "nng-set-option", "a string", args[2]);
    buf_clear(text);
    string_to_utf8(args[2], text);
    const char *value = buf_cstr(text);
    return text->failed ? fail_memory(a) : error_value(net_set_text(s, o, value));
}

// (handle key): a number, or for text a string or a negated error. Numbers that cannot be had are #f.
NATIVE_FN(nng_get)
{
    NetSocket *s = net_of(args[0]);
    const NetOption *o = option_of(a, args[1]);
    Buf *text = &actor_worker(a)->text;
    int64_t number;

    (void)count;
    if (!s) return fail_socket(a, args[0]);
    if (!o) return fail_type(HEAP(a), "nng-get-option", "the name of an option", args[1]);
    if (!is_text(o)) return net_get_number(s, o, &number) ? V_FALSE : value_fix(number);
    buf_clear(text);
    int error = net_get_text(s, o, text);
    if (error) return error_value(error);
    return text->failed ? fail_memory(a) : string_from_utf8(HEAP(a), text->data, text->size);
}

// (n): nng's text for an error
NATIVE_FN(nng_text)
{
    (void)count;
    if (!value_is_fix(args[0])) return fail_type(HEAP(a), "nng-text", "an integer", args[0]);
    return string_from_text(HEAP(a), net_error_text((int)value_int(args[0])));
}
