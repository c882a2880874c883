// Natives of files. What the system refuses is a negative fixnum, the negated errno: the standard
// library makes conditions of them, which name the path.
//
// A native that waits keeps the reference of its job, or of the poller's answer, in an argument
// slot.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // strerror_r
#endif
#include "runtime/native/natives.h"
#include "runtime/files.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include "vm/base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES 65536 // worth a write
// Beyond errnos: -(BAD_UTF8 + offset) tells where text is invalid.
#define BAD_UTF8 65536

// ---- jobs
// -------------------------------------------------------------------------------------------

typedef enum { OP_NONE, OP_OPEN, OP_FILL, OP_FLUSH, OP_CLOSE, OP_SEEK } FileOp;

typedef struct {
    ActorJob job;
    File *file;
    FileOp op;
    int64_t number;
    int detail; // mode or whence
} FileJob;

static int64_t run_op(const FileJob *job)
{
    switch (job->op) {
    case OP_OPEN:
        return -file_open(job->file, (FileMode)job->detail);
    case OP_FILL:
        return -file_fill(job->file);
    case OP_FLUSH:
        return -file_flush(job->file);
    case OP_CLOSE:
        return -file_close(job->file);
    case OP_SEEK:
        return file_seek(job->file, job->number, job->detail);
    case OP_NONE:
        break;
    }
    plat_lock(&job->file->lock); // until the job before has ended
    plat_unlock(&job->file->lock);
    return 0;
}

static Value run_file(ActorJob *base)
{
    FileJob *job = container_of(base, FileJob, job);
    int64_t result = run_op(job);

    atomic_fetch_sub_explicit(&job->file->busy, 1, memory_order_release);
    return value_fix(result);
}

static void free_file(ActorJob *base)
{
    FileJob *job = container_of(base, FileJob, job);
    Space *space = &job->file->files->vm->space;
    Block *block = job->file->block;

    mem_free(MEM_IO, job, sizeof *job);
    block_release(space, block);
}

// Starts a job whose reference goes into the slot. V_WAIT or V_FAIL.
static Value start(Actor *a, File *f, FileOp op, int64_t number, int detail, Value *slot)
{
    FileJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    job->job.run = run_file;
    job->job.free = free_file;
    job->file = f;
    job->op = op;
    job->number = number;
    job->detail = detail;
    block_retain(f->block);
    atomic_fetch_add_explicit(&f->busy, 1, memory_order_relaxed);
    Value ref = job_start(a, &job->job);
    if (value_is(ref, V_FAIL)) {
        atomic_fetch_sub_explicit(&f->busy, 1, memory_order_relaxed);
        return ref;
    }
    *slot = ref;
    return V_WAIT;
}

// Waits until the descriptor is ready. V_WAIT, or a negated errno.
static Value await(Actor *a, File *f, PollFor what, Value *slot)
{
    Value ref = reply_await(a);

    if (value_is(ref, V_FAIL)) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    (void)poller_cancel(f->files->poller, f->ticket);
    f->ticket = poller_wait(f->files->poller, f->fd, what, 0, actor_pid(a), ref);
    if (f->ticket == 0) return value_fix(-errno);
    *slot = ref;
    return V_WAIT;
}

// What came of the wait that the slot tells of: V_NONE when there was none, V_WAIT when it goes on.
static Value resume(Actor *a, Value *slot)
{
    if (!value_is_local_ref(*slot)) return V_NONE;
    Value answer = reply_take(a, *slot);
    if (value_is(answer, V_NONE)) return V_WAIT;
    *slot = V_FALSE;
    return answer;
}

static bool is_error(Value answer)
{
    return value_is(answer, V_FAIL) || (value_is_fix(answer) && value_int(answer) < 0);
}

static bool is_busy(const File *f)
{
    return atomic_load_explicit(&f->busy, memory_order_acquire) != 0;
}

static Value fail_handle(Actor *a, Value v)
{
    if (heap_is_given(HEAP(a), v))
        return fail_text(HEAP(a), ERR_IO, "port", "it was given to another actor");
    return fail_type(HEAP(a), "port", "an open file", v);
}

// ---- opening
// ----------------------------------------------------------------------------------------

// The file that is being opened, in a handle in the slot.
static Value new_handle(Actor *a, Value path)
{
    VmWorker *w = actor_worker(a);

    buf_clear(&w->text);
    string_to_utf8(path, &w->text);
    File *f = w->text.failed ? NULL : file_new(&runtime_of(a)->files, w->text.data, w->text.size);
    if (!f) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    return heap_handle(HEAP(a), f->block);
}

// (path mode state handle again)
NATIVE_FN(file_open)
{
    size_t mode;

    (void)count;
    if (!value_is_string(args[0])) return fail_type(HEAP(a), "open-file", "a string", args[0]);
    if (!native_index(args[1], FILE_MODES, &mode))
        return fail_type(HEAP(a), "open-file", "a mode", args[1]);
    Value answer = resume(a, &args[2]);
    if (value_is(answer, V_WAIT) || value_is(answer, V_FAIL)) return answer;
    bool exhausted = value_is(answer, value_fix(-EMFILE)) || value_is(answer, value_fix(-ENFILE));
    if (exhausted && value_is(args[4], V_FALSE)) {
        // Ports that the program has forgotten may stand for open files.
        args[4] = V_TRUE;
        if (!gc_collect(HEAP(a), 0, true)) return answer;
        answer = V_NONE;
    }
    if (!value_is(answer, V_NONE)) return is_error(answer) ? answer : args[3];
    if (!file_of(args[3])) {
        Value handle = new_handle(a, args[0]);
        if (value_is(handle, V_FAIL)) return handle;
        args[3] = handle;
    }
    return start(a, file_of(args[3]), OP_OPEN, 0, (int)mode, &args[2]);
}

// ---- reading
// ----------------------------------------------------------------------------------------

typedef enum { AS_TEXT, AS_REPAIRED_TEXT, AS_BYTES, READ_FORMS } ReadForm;

// Is [p, p + size) the beginning of one character whose rest may still come?
static bool is_cut_off(const uint8_t *p, size_t size)
{
    uint8_t whole[4] = {0, 0x80, 0x80, 0x80};
    size_t want = *p >= 0xF0 ? 4 : *p >= 0xE0 ? 3 : *p >= 0xC0 ? 2 : 1;

    if (size >= want) return false;
    memcpy(whole, p, size);
    // The second byte decides about overlong forms, surrogates and the end of Unicode.
    if (size == 1 && (*p == 0xE0 || *p == 0xF0)) whole[1] = 0xBF;
    return utf8_validate(whole, want) == want;
}

static void deliver(File *f, size_t size)
{
    f->taken += size;
    f->delivered += size;
}

// Text with U+FFFD for what is invalid, into `out`; a character that is cut off waits for its rest.
static void repair(File *f, Buf *out)
{
    const uint8_t *from = f->in.data + f->taken, *p = from, *end = f->in.data + f->in.size;

    while (p < end) {
        size_t valid = utf8_validate(p, (size_t)(end - p));
        buf_bytes(out, p, valid);
        p += valid;
        if (p == end || (!f->end && is_cut_off(p, (size_t)(end - p)))) break;
        (void)utf8_decode(&p, end);
        buf_char(out, 0xFFFD);
        f->replaced = true;
    }
    deliver(f, (size_t)(p - from));
}

static Value give_bytes(Actor *a, File *f)
{
    size_t size = f->in.size - f->taken;
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, size, 0);

    if (value_is(v, V_FAIL)) return v;
    memcpy(bytes_data(value_bytes(v)), f->in.data + f->taken, size);
    deliver(f, size);
    native_charge_bytes(a, size);
    return v;
}

// What has been read, if it is enough for anything; else V_NONE.
static Value give(Actor *a, File *f, ReadForm form)
{
    const uint8_t *p = f->in.data + f->taken;
    size_t size = f->in.size - f->taken;
    Buf *out = &actor_worker(a)->text;

    if (size == 0) return V_NONE;
    if (form == AS_BYTES) return give_bytes(a, f);
    buf_clear(out);
    if (form == AS_REPAIRED_TEXT) {
        repair(f, out);
    } else {
        size_t valid = utf8_validate(p, size);
        if (valid == 0 && (f->end || !is_cut_off(p, size)))
            return value_fix(-(int64_t)(BAD_UTF8 + f->delivered));
        buf_bytes(out, p, valid);
        deliver(f, valid);
    }
    if (out->failed) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    if (out->size == 0) return V_NONE;
    native_charge_bytes(a, out->size);
    return string_from_utf8(HEAP(a), out->data, out->size);
}

// (handle form state): a string or bytevector that is not empty, eof, a negated errno
NATIVE_FN(file_read)
{
    File *f = file_of(args[0]);
    size_t form;

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    if (!native_index(args[1], READ_FORMS, &form))
        return fail_type(HEAP(a), "read", "a form", args[1]);
    Value answer = resume(a, &args[2]);
    if (value_is(answer, V_WAIT) || is_error(answer)) return answer;
    if (is_busy(f)) return start(a, f, OP_NONE, 0, 0, &args[2]);
    for (;;) {
        Value v = give(a, f, (ReadForm)form);
        if (!value_is(v, V_NONE)) return v;
        if (f->end) {
            f->end = false; // more may have come when it is asked again
            return V_EOF;
        }
        if (f->fd >= 0 && f->regular) return start(a, f, OP_FILL, 0, 0, &args[2]);
        int error = file_fill(f);
        if (error == EAGAIN) return await(a, f, POLL_READ, &args[2]);
        if (error) return value_fix(-error);
    }
}

// (handle): would reading not wait
NATIVE_FN(file_ready_p)
{
    File *f = file_of(args[0]);
    struct pollfd p = {.fd = f ? f->fd : -1, .events = POLLIN};

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    if (is_busy(f)) return V_FALSE;
    return value_bool(f->in.size > f->taken || f->regular || f->fd < 0 || poll(&p, 1, 0) > 0);
}

// ---- writing
// ----------------------------------------------------------------------------------------

static Value append(Actor *a, File *f, Value data)
{
    size_t before = f->out.size;

    if (value_is_string(data)) {
        string_to_utf8(data, &f->out);
    } else if (value_is_kind(data, KIND_BYTEVECTOR)) {
        buf_bytes(&f->out, bytes_data(value_bytes(data)), bytes_length(value_bytes(data)));
    } else {
        return fail_type(HEAP(a), "write-string", "a string", data);
    }
    native_charge_bytes(a, f->out.size - before);
    if (!f->out.failed) return V_NONE;
    f->out.failed = false;
    f->out.size = before;
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// (handle data flush? state): data is a string, a bytevector or #f; a negated errno, or 0
NATIVE_FN(file_write)
{
    File *f = file_of(args[0]);

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    Value answer = resume(a, &args[3]);
    if (value_is(answer, V_WAIT) || is_error(answer)) return answer;
    if (is_busy(f)) return start(a, f, OP_NONE, 0, 0, &args[3]);
    if (f->fd < 0) return value_fix(-EBADF);
    if (!value_is(args[1], V_FALSE)) {
        Value failed = append(a, f, args[1]);
        if (!value_is(failed, V_NONE)) return failed;
        args[1] = V_FALSE;
    }
    if (f->out.size == 0) return value_fix(0);
    if (f->regular) {
        if (f->out.size < BUFFER_BYTES && value_is(args[2], V_FALSE)) return value_fix(0);
        return start(a, f, OP_FLUSH, 0, 0, &args[3]);
    }
    int error = file_flush(f);
    return error == EAGAIN ? await(a, f, POLL_WRITE, &args[3]) : value_fix(-error);
}

// ---- closing and places
// -----------------------------------------------------------------------------

// (handle state): a negated errno, or 0
NATIVE_FN(file_close)
{
    File *f = file_of(args[0]);

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    Value answer = resume(a, &args[1]);
    if (!value_is(answer, V_NONE)) return answer;
    if (is_busy(f) || (f->regular && f->mode != FILE_READ))
        return start(a, f, OP_CLOSE, 0, 0, &args[1]);
    return value_fix(-file_close(f));
}

// (handle offset whence state): the new place or a negated errno; whence 0 from the beginning, 1
// from here, 2 from the end
NATIVE_FN(file_seek)
{
    File *f = file_of(args[0]);
    size_t whence;

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    if (!value_is_fix(args[1]))
        return fail_type(HEAP(a), "set-port-position!", "an integer", args[1]);
    if (!native_index(args[2], 3, &whence))
        return fail_type(HEAP(a), "set-port-position!", "0, 1 or 2", args[2]);
    Value answer = resume(a, &args[3]);
    if (!value_is(answer, V_NONE)) return answer;
    if (!is_busy(f) && f->fd >= 0 && !f->regular) return value_fix(-ESPIPE);
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END};
    return start(a, f, OP_SEEK, value_int(args[1]), whences[whence], &args[3]);
}

// (handle unread): the place of an input file of which the program has not used `unread`, a string
// or bytevector; #f when it is not known
NATIVE_FN(file_place)
{
    File *f = file_of(args[0]);
    size_t size = 0;

    (void)count;
    if (!f) return fail_handle(a, args[0]);
    if (value_is_kind(args[1], KIND_BYTEVECTOR)) {
        size = bytes_length(value_bytes(args[1]));
    } else if (value_is_string(args[1])) {
        Buf *text = &actor_worker(a)->text;
        buf_clear(text);
        string_to_utf8(args[1], text);
        size = text->size;
    } else {
        return fail_type(HEAP(a), "port-position", "a string", args[1]);
    }
    if (is_busy(f) || !f->regular || f->replaced || f->delivered < size) return V_FALSE;
    return value_fix((int64_t)(f->delivered - size));
}

// (n): the system's text for an errno
NATIVE_FN(system_text)
{
    (void)count;
    if (!value_is_fix(args[0])) return fail_type(HEAP(a), "system-text", "an integer", args[0]);
    char text[128];
    return string_from_text(HEAP(a), strerror_r((int)value_int(args[0]), text, sizeof text));
}
