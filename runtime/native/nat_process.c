// Natives of child processes. What the system refuses is a negative fixnum, the negated errno.
//
// The handle's block holds the owner's reference to the child.
#include "runtime/native/natives.h"
#include "runtime/child.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include "vm/base/utf8.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

// What %process-spawn is told, in a vector.
enum {
    SPEC_PROGRAM,
    SPEC_ARGUMENTS,              // list of strings, the program's name first
    SPEC_VARIABLES,              // list of NAME=VALUE
    SPEC_REPLACE,                // are these all
    SPEC_FOLDER,                 // string or #f
    SPEC_MODES,                  // of three streams
    SPEC_INPUT = SPEC_MODES + 3, // string, bytevector or #f
    SPEC_OWNED,                  // is it killed when the handle goes
    SPEC_SLOTS
};

typedef struct {
    Child *child;
    Space *space;
} Owner;

static Owner owner_of_block(const Block *b)
{
    Owner o;
    memcpy(&o, b->bytes, sizeof o);
    return o;
}

static void drop(Block *b)
{
    Owner o = owner_of_block(b);

    child_disown(o.child);
    block_free(o.space, b);
}

static Child *child_of(Value v)
{
    if (!value_is_kind(v, KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(v))->block;
    return b->drop == drop ? owner_of_block(b).child : NULL;
}

static Value fail_child(Actor *a, Value v)
{
    if (heap_is_given(HEAP(a), v))
        return fail_text(HEAP(a), ERR_BADARG, "process", "it was given to another actor");
    return fail_type(HEAP(a), "process", "a process handle", v);
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// ---- what is to be run
// ------------------------------------------------------------------------------

static bool put_string(Buf *out, Value v, char must_have)
{
    size_t from = out->size;

    if (!value_is_string(v)) return false;
    string_to_utf8(v, out);
    if (out->failed) return true; // looked at in the end
    size_t size = out->size - from;
    if (memchr(out->data + from, 0, size)) return false;
    if (must_have && !memchr(out->data + from, must_have, size)) return false;
    buf_u8(out, 0);
    return true;
}

static bool put_strings(Buf *out, Value list, char must_have)
{
    for (; value_is_pair(list); list = value_cdr(list)) {
        if (!put_string(out, value_car(list), must_have)) return false;
    }
    return value_is_null(list);
}

// Nothing here allocates in the heap.
static bool take_spec(Actor *a, Child *c, Value spec)
{
    Value folder, input;

    if (!value_is_kind(spec, KIND_VECTOR) || object_count(spec) != SPEC_SLOTS) return false;
    folder = object_ref(spec, SPEC_FOLDER);
    input = object_ref(spec, SPEC_INPUT);
    if (value_is(object_ref(spec, SPEC_REPLACE), V_FALSE))
        environ_all(&runtime_of(a)->environ, &c->variables);
    c->has_folder = !value_is(folder, V_FALSE);
    c->kill_with_owner = !value_is(object_ref(spec, SPEC_OWNED), V_FALSE);
    for (unsigned i = 0; i < 3; i++) {
        size_t mode;
        if (!native_index(object_ref(spec, SPEC_MODES + i), STREAM_MODES, &mode)) return false;
        if (mode == STREAM_MERGE && i != 2) return false;
        c->modes[i] = (StreamMode)mode;
    }
    if (value_is_string(input)) {
        string_to_utf8(input, &c->input);
    } else if (value_is_kind(input, KIND_BYTEVECTOR)) {
        buf_bytes(&c->input, bytes_data(value_bytes(input)), bytes_length(value_bytes(input)));
    } else if (!value_is(input, V_FALSE)) {
        return false;
    }
    return put_string(&c->program, object_ref(spec, SPEC_PROGRAM), 0) &&
           put_strings(&c->arguments, object_ref(spec, SPEC_ARGUMENTS), 0) &&
           put_strings(&c->variables, object_ref(spec, SPEC_VARIABLES), '=') &&
           (!c->has_folder || put_string(&c->folder, folder, 0));
}

static bool has_failed(const Child *c)
{
    return c->program.failed || c->arguments.failed || c->variables.failed || c->folder.failed ||
           c->input.failed;
}

// A handle of a child that has not been started; V_FAIL.
static Value new_handle(Actor *a, Value spec)
{
    Runtime *r = runtime_of(a);
    Child *c = child_new(r->vm, r->poller, r->console);
    Block *b = c ? block_new(&r->vm->space, sizeof(Owner)) : NULL;

    if (!b) {
        if (c) child_release(c);
        return fail_memory(a);
    }
    Owner o = {c, &r->vm->space};
    b->drop = drop;
    memcpy(b->bytes, &o, sizeof o);
    bool ok = take_spec(a, c, spec);
    if (ok && !has_failed(c)) return heap_handle(HEAP(a), b);
    bool failed = has_failed(c);
    block_release(&r->vm->space, b);
    return failed ? fail_memory(a)
                  : fail_type(HEAP(a), "process", "a description of a process", spec);
}

// ---- starting
// ---------------------------------------------------------------------------------------

typedef struct {
    ActorJob job;
    Child *child;
} SpawnJob;

static Value run_spawn(ActorJob *base)
{
    return value_fix(-child_start(container_of(base, SpawnJob, job)->child));
}

static void free_spawn(ActorJob *base)
{
    SpawnJob *job = container_of(base, SpawnJob, job);

    child_release(job->child);
    mem_free(MEM_IO, job, sizeof *job);
}

// (spec state handle again): a handle or a negated errno
NATIVE_FN(process_spawn)
{
    (void)count;
    if (value_is_local_ref(args[1])) {
        Value answer = reply_take(a, args[1]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        if (value_is(answer, value_fix(0))) return args[2];
        bool exhausted = value_is(answer, value_fix(-EMFILE)) ||
                         value_is(answer, value_fix(-ENFILE));
        if (!exhausted || !value_is(args[3], V_FALSE)) return answer;
        // Ports that the program has forgotten may stand for open files.
        args[2] = V_FALSE;
        args[3] = V_TRUE;
        if (!gc_collect(HEAP(a), 0, true)) return answer;
    }
    Value handle = new_handle(a, args[0]);
    if (value_is(handle, V_FAIL)) return handle;
    args[2] = handle;
    SpawnJob *job = mem_zalloc(MEM_IO, sizeof *job);
    if (!job) return fail_memory(a);
    job->job.run = run_spawn;
    job->job.free = free_spawn;
    job->child = child_of(handle);
    child_retain(job->child);
    Value ref = job_start(a, &job->job);
    if (value_is(ref, V_FAIL)) return ref;
    args[1] = ref;
    return V_WAIT;
}

// (handle stream): a handle for the pipe, which it gives once; #f when there is none
NATIVE_FN(process_stream)
{
    static const char *const names[3] = {"standard input", "standard output", "standard error"};
    Child *c = child_of(args[0]);
    size_t i;

    (void)count;
    if (!c) return fail_child(a, args[0]);
    if (!native_index(args[1], 3, &i)) return fail_type(HEAP(a), "process", "a stream", args[1]);
    File *f = file_new(&runtime_of(a)->files, names[i], strlen(names[i]));
    Value handle = f ? heap_handle(HEAP(a), f->block) : fail_memory(a);
    if (value_is(handle, V_FAIL)) return handle;
    plat_lock(&c->lock);
    int fd = c->modes[i] == STREAM_PIPE ? c->fds[i] : -1;
    if (fd >= 0) c->fds[i] = -1;
    plat_unlock(&c->lock);
    if (fd < 0) return V_FALSE;
    file_adopt(f, fd, i == 0 ? FILE_WRITE : FILE_READ);
    return handle;
}

// ---- waiting
// ----------------------------------------------------------------------------------------

// (handle milliseconds-or-#f state): the exit status, #f when the time is over
NATIVE_FN(process_wait)
{
    Child *c = child_of(args[0]);
    Poller *poller = runtime_of(a)->poller;
    size_t ms = 0;
    int code;

    (void)count;
    if (!c) return fail_child(a, args[0]);
    bool limited = !value_is(args[1], V_FALSE);
    if (limited && !native_size(args[1], &ms))
        return fail_type(HEAP(a), "process:wait", "a non-negative integer", args[1]);
    bool late = limited && ms == 0;
    if (value_is_local_ref(args[2])) {
        Value answer = reply_take(a, args[2]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        late = value_is(answer, V_FALSE);
        child_stop_waiting(c);
        (void)poller_cancel(poller, c->ticket);
        c->ticket = 0;
    }
    if (child_is_done(c, &code)) return value_fix(code);
    if (late) return V_FALSE;
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    uint64_t deadline = plat_now_ns() + (uint64_t)MIN(ms, (size_t)1000000000000) * 1000000;
    (void)poller_cancel(poller, c->ticket); // of a wait that was interrupted
    c->ticket = limited ? poller_wait(poller, -1, POLL_READ, deadline, actor_pid(a), ref) : 0;
    if (limited && c->ticket == 0) return fail_memory(a);
    if (!child_wait(c, actor_pid(a), ref)) {
        (void)child_is_done(c, &code);
        return value_fix(code);
    }
    args[2] = ref;
    return V_WAIT;
}

// (handle): the exit status, or #f while it runs
NATIVE_FN(process_exit_code)
{
    Child *c = child_of(args[0]);

    (void)count;
    if (!c) return fail_child(a, args[0]);
    plat_lock(&c->lock);
    Value v = c->exited ? value_fix(c->code) : V_FALSE;
    plat_unlock(&c->lock);
    return v;
}

NATIVE_FN(process_pid)
{
    Child *c = child_of(args[0]);

    (void)count;
    if (!c) return fail_child(a, args[0]);
    plat_lock(&c->lock);
    Value v = value_fix(c->pid);
    plat_unlock(&c->lock);
    return v;
}

// (handle kill?): false when it has ended
NATIVE_FN(process_signal)
{
    Child *c = child_of(args[0]);

    (void)count;
    if (!c) return fail_child(a, args[0]);
    return value_bool(child_signal(c, value_is(args[1], V_FALSE) ? SIGTERM : SIGKILL));
}

// (handle stream): what was captured, a bytevector, of a child that %process-wait has seen end
NATIVE_FN(process_output)
{
    Child *c = child_of(args[0]);
    size_t i;
    int code;

    (void)count;
    if (!c) return fail_child(a, args[0]);
    if (!native_index(args[1], 3, &i)) return fail_type(HEAP(a), "process", "a stream", args[1]);
    if (!child_is_done(c, &code)) return V_FALSE;
    const Buf *b = &c->captured[i];
    if (b->failed) return fail_memory(a);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, b->size, 0);
    if (value_is(v, V_FAIL)) return v;
    if (b->size > 0) memcpy(bytes_data(value_bytes(v)), b->data, b->size);
    native_charge_bytes(a, b->size);
    return v;
}

// (bytevector): text with U+FFFD for what is not UTF-8
NATIVE_FN(utf8_repair)
{
    Buf *out = &actor_worker(a)->text;

    (void)count;
    if (!value_is_kind(args[0], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "utf8->string", "a bytevector", args[0]);
    const uint8_t *p = bytes_data(value_bytes(args[0])),
                  *end = p + bytes_length(value_bytes(args[0]));
    buf_clear(out);
    while (p < end) {
        size_t valid = utf8_validate(p, (size_t)(end - p));
        buf_bytes(out, p, valid);
        p += valid;
        if (p == end) break;
        (void)utf8_decode(&p, end);
        buf_char(out, 0xFFFD);
    }
    if (out->failed) return fail_memory(a);
    native_charge_bytes(a, out->size);
    return string_from_utf8(HEAP(a), out->data, out->size);
}

// (bytevector): the index of the first byte that is not UTF-8, or #f
NATIVE_FN(utf8_invalid)
{
    (void)count;
    if (!value_is_kind(args[0], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "utf8->string", "a bytevector", args[0]);
    size_t size = bytes_length(value_bytes(args[0]));
    size_t valid = utf8_validate(bytes_data(value_bytes(args[0])), size);
    native_charge_bytes(a, size);
    return valid < size ? value_fix((int64_t)valid) : V_FALSE;
}
