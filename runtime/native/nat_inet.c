// Natives of TCP and UDP. What the system refuses is a negative fixnum (runtime/net/inet.h).
//
// A connection is a pair of handles of files, to read and to write.
#include "runtime/native/natives.h"
#include "runtime/jobs.h"
#include "runtime/net/inet.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <string.h>

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

static Value fail_handle(Actor *a, Value v)
{
    return fail_type(HEAP(a), "tcp", "an open socket", v);
}

static Value new_file(Actor *a, const char *name)
{
    File *f = file_new(&runtime_of(a)->files, name, strlen(name));
    return f ? heap_handle(HEAP(a), f->block) : fail_memory(a);
}

// A pair of handles for a connection, in the slot. False: the fault is set.
static bool new_pair(Actor *a, Value *slot)
{
    Value v = new_file(a, "tcp");

    if (value_is(v, V_FAIL)) return false;
    *slot = v;
    if (!heap_reserve(HEAP(a), 2)) return false;
    *slot = heap_cons(HEAP(a), *slot, V_FALSE);
    v = new_file(a, "tcp");
    if (value_is(v, V_FAIL)) return false;
    heap_store(HEAP(a), *slot, value_words(*slot) + 1, v);
    return true;
}

static bool is_exhausted(Value answer)
{
    return value_is(answer, value_fix(-EMFILE)) || value_is(answer, value_fix(-ENFILE));
}

// Ports and sockets that the program has forgotten may stand for open files. True: it is worth another
// attempt, of which `tried` notes that there was one.
static bool collect_for(Actor *a, Value answer, Value *tried)
{
    if (!is_exhausted(answer) || !value_is(*tried, V_FALSE)) return false;
    *tried = V_TRUE;
    return gc_collect(HEAP(a), 0, true);
}

// ---- jobs -----------------------------------------------------------------------------------------

typedef enum { JOB_CONNECT, JOB_LISTEN, JOB_SEND } InetJobKind;

typedef struct {
    ActorJob job;
    InetJobKind kind;
    File *file, *out; // out: NULL, or the second of a connection
    unsigned port;
    uint64_t deadline_ns;
    Buf host, data; // the host with a NUL
} InetJob;

static Value run_inet(ActorJob *base)
{
    InetJob *job = container_of(base, InetJob, job);
    const char *host = (const char *)job->host.data;
    int result = -EINVAL;

    switch (job->kind) {
    case JOB_CONNECT:
        result = inet_connect(job->file, job->out, host, job->port, job->deadline_ns);
        break;
    case JOB_LISTEN:
        result = inet_listen(job->file, host, job->port);
        break;
    case JOB_SEND:
        plat_lock(&job->file->lock); // it stays open
        result = inet_send(job->file, host, job->port, job->data.data, job->data.size);
        plat_unlock(&job->file->lock);
        break;
    }
    return value_fix(result);
}

static void free_inet(ActorJob *base)
{
    InetJob *job = container_of(base, InetJob, job);
    Space *space = &job->file->files->vm->space;
    Block *blocks[2] = {job->file->block, job->out ? job->out->block : NULL};

    buf_free(&job->host);
    buf_free(&job->data);
    mem_free(MEM_IO, job, sizeof *job);
    for (int i = 0; i < 2; i++) {
        if (blocks[i]) block_release(space, blocks[i]);
    }
}

static Value start(Actor *a, InetJobKind kind, File *file, File *out, Value host, unsigned port,
                   uint64_t deadline_ns, Value data, Value *slot)
{
    InetJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_memory(a);
    job->job.run = run_inet;
    job->job.free = free_inet;
    job->kind = kind;
    job->file = file;
    job->out = out;
    job->port = port;
    job->deadline_ns = deadline_ns;
    block_retain(file->block);
    if (out) block_retain(out->block);
    string_to_utf8(host, &job->host);
    buf_u8(&job->host, 0);
    if (value_is_kind(data, KIND_BYTEVECTOR))
        buf_bytes(&job->data, bytes_data(value_bytes(data)), bytes_length(value_bytes(data)));
    if (job->host.failed || job->data.failed) {
        free_inet(&job->job);
        return fail_memory(a);
    }
    Value ref = job_start(a, &job->job);
    if (value_is(ref, V_FAIL)) return ref;
    *slot = ref;
    return V_WAIT;
}

// What the slot's wait has come to: V_NONE: there was none; V_WAIT: it goes on.
static Value resume(Actor *a, Value *slot)
{
    if (!value_is_local_ref(*slot)) return V_NONE;
    Value answer = reply_take(a, *slot);
    if (value_is(answer, V_NONE)) return V_WAIT;
    *slot = V_FALSE;
    return answer;
}

static bool is_target(Value host, Value port, unsigned *number)
{
    size_t n;

    if (!value_is_string(host) || !native_index(port, 65536, &n)) return false;
    *number = (unsigned)n;
    return true;
}

static Value fail_target(Actor *a, Value v)
{
    return fail_type(HEAP(a), "tcp", "a host and a port", v);
}

// ---- connections ----------------------------------------------------------------------------------

// (host port milliseconds-or-#f #f #f #f): a pair of handles or a negative error
NATIVE_FN(tcp_connect)
{
    unsigned port;
    size_t ms = 0;

    (void)count;
    if (!is_target(args[0], args[1], &port)) return fail_target(a, args[1]);
    if (!value_is(args[2], V_FALSE) && !native_size(args[2], &ms))
        return fail_type(HEAP(a), "tcp-connect", "milliseconds", args[2]);
    Value answer = resume(a, &args[3]);
    if (value_is(answer, V_WAIT) || value_is(answer, V_FAIL)) return answer;
    if (collect_for(a, answer, &args[5])) answer = V_NONE;
    if (!value_is(answer, V_NONE)) return value_is(answer, value_fix(0)) ? args[4] : answer;
    if (!new_pair(a, &args[4])) return V_FAIL;
    uint64_t limit = (uint64_t)MIN(ms, (size_t)1000000000000) * 1000000;
    uint64_t deadline = value_is(args[2], V_FALSE) ? 0 : plat_now_ns() + limit;
    return start(a, JOB_CONNECT, file_of(value_car(args[4])), file_of(value_cdr(args[4])), args[0],
                 port, deadline, V_FALSE, &args[3]);
}

// (host port #f #f #f): a handle or a negative error
NATIVE_FN(tcp_listen)
{
    unsigned port;

    (void)count;
    if (!is_target(args[0], args[1], &port)) return fail_target(a, args[1]);
    Value answer = resume(a, &args[2]);
    if (value_is(answer, V_WAIT) || value_is(answer, V_FAIL)) return answer;
    if (collect_for(a, answer, &args[4])) answer = V_NONE;
    if (!value_is(answer, V_NONE)) return value_is(answer, value_fix(0)) ? args[3] : answer;
    Value v = new_file(a, "tcp");
    if (value_is(v, V_FAIL)) return v;
    args[3] = v;
    return start(a, JOB_LISTEN, file_of(v), NULL, args[0], port, 0, V_FALSE, &args[2]);
}

// (handle #f): a handle of the same listener, or a negative error
NATIVE_FN(tcp_share)
{
    (void)count;
    if (!file_of(args[0])) return fail_handle(a, args[0]);
    for (;;) {
        Value v = new_file(a, "tcp");
        if (value_is(v, V_FAIL)) return v;
        const File *f = file_of(args[0]);
        int error = f->fd < 0 ? -EBADF : inet_share(f, file_of(v));
        if (!collect_for(a, value_fix(error), &args[1])) return error ? value_fix(error) : v;
    }
}

// Waits until something has come, at most until the deadline. V_WAIT, or a negative error.
static Value await(Actor *a, File *f, uint64_t deadline_ns, Value *slot)
{
    Value ref = reply_await(a);

    if (value_is(ref, V_FAIL)) return fail_memory(a);
    (void)poller_cancel(f->files->poller, f->ticket);
    f->ticket = poller_wait(f->files->poller, f->fd, POLL_READ, deadline_ns, actor_pid(a), ref);
    if (f->ticket == 0) return value_fix(-errno);
    *slot = ref;
    return V_WAIT;
}

// (handle #f #f #f): a pair of handles or a negative error
NATIVE_FN(tcp_accept)
{
    File *f = file_of(args[0]);

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    Value answer = resume(a, &args[1]);
    if (value_is(answer, V_WAIT) || value_is(answer, V_FAIL)) return answer;
    if (f->fd < 0) return value_fix(-EBADF);
    if (!value_is_pair(args[2]) && !new_pair(a, &args[2])) return V_FAIL;
    for (;;) {
        int error = inet_accept(f, file_of(value_car(args[2])), file_of(value_cdr(args[2])));
        if (error == 0) return args[2];
        if (error == -EAGAIN) return await(a, f, 0, &args[1]);
        if (!collect_for(a, value_fix(error), &args[3])) return value_fix(error);
    }
}

// (handle): the port of this end or a negative error
NATIVE_FN(inet_port)
{
    const File *f = file_of(args[0]);

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    return value_fix(f->fd < 0 ? -EBADF : inet_port(f));
}

// ---- datagrams ------------------------------------------------------------------------------------

// (port #f): a handle or a negative error
NATIVE_FN(udp_open)
{
    size_t port;

    (void)count;
    if (!native_index(args[0], 65536, &port)) return fail_target(a, args[0]);
    for (;;) {
        Value v = new_file(a, "udp");
        if (value_is(v, V_FAIL)) return v;
        int error = inet_open_datagrams(file_of(v), (unsigned)port);
        if (!collect_for(a, value_fix(error), &args[1])) return error ? value_fix(error) : v;
    }
}

// (handle host port bytevector #f): 0 or a negative error
NATIVE_FN(udp_send)
{
    File *f = file_of(args[0]);
    Buf *text = &actor_worker(a)->text;
    unsigned port;

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    if (!is_target(args[1], args[2], &port)) return fail_target(a, args[2]);
    if (!value_is_kind(args[3], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "udp-send", "a bytevector", args[3]);
    Value answer = resume(a, &args[4]);
    if (!value_is(answer, V_NONE)) return answer;
    if (f->fd < 0) return value_fix(-EBADF);
    buf_clear(text);
    string_to_utf8(args[1], text);
    const char *host = buf_cstr(text);
    if (text->failed) return fail_memory(a);
    if (!inet_is_address(host))
        return start(a, JOB_SEND, f, NULL, args[1], port, 0, args[3], &args[4]);
    Bytes *b = value_bytes(args[3]);
    native_charge_bytes(a, bytes_length(b));
    return value_fix(inet_send(f, host, port, bytes_data(b), bytes_length(b)));
}

static Value give_datagram(Actor *a, const Buf *data, const InetPeer *from, Value *slot)
{
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, data->size, 0);

    if (value_is(v, V_FAIL)) return v;
    if (data->size > 0) memcpy(bytes_data(value_bytes(v)), data->data, data->size);
    *slot = v;
    v = string_from_text(HEAP(a), from->host);
    if (value_is(v, V_FAIL)) return v;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *host = heap_root(HEAP(a), v);
    bool ok = heap_reserve(HEAP(a), 6);
    v = *host;
    heap_unroot(HEAP(a), mark);
    if (!ok) return V_FAIL;
    native_charge_bytes(a, data->size);
    Value tail = heap_cons(HEAP(a), value_fix(from->port), V_NIL);
    tail = heap_cons(HEAP(a), v, tail);
    return heap_cons(HEAP(a), *slot, tail);
}

// (handle milliseconds-or-#f #f): (bytevector host port), #f when the time is over, a negative error
NATIVE_FN(udp_recv)
{
    File *f = file_of(args[0]);
    Buf *text = &actor_worker(a)->text;
    InetPeer from;
    size_t ms = 0;

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    bool limited = !value_is(args[1], V_FALSE);
    if (limited && !native_size(args[1], &ms))
        return fail_type(HEAP(a), "udp-recv", "milliseconds", args[1]);
    Value answer = resume(a, &args[2]);
    if (value_is(answer, V_WAIT) || value_is(answer, V_FAIL)) return answer;
    if (f->fd < 0) return value_fix(-EBADF);
    buf_clear(text);
    int64_t n = inet_recv(f, text, &from);
    if (n >= 0) return give_datagram(a, text, &from, &args[2]);
    if (n != -EAGAIN) return value_fix(n);
    if (value_is(answer, V_FALSE) || (limited && ms == 0)) return V_FALSE;
    uint64_t deadline = plat_now_ns() + (uint64_t)MIN(ms, (size_t)1000000000000) * 1000000;
    return await(a, f, limited ? deadline : 0, &args[2]);
}

// (error): what it means
NATIVE_FN(inet_text)
{
    char space[128];

    (void)count;
    if (!value_is_fix(args[0])) return fail_type(HEAP(a), "inet-text", "an integer", args[0]);
    return string_from_text(HEAP(a), inet_error_text((int)value_int(args[0]), space, sizeof space));
}
