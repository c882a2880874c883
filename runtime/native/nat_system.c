// Natives of the console, time and the machine.
#include "runtime/native/natives.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include "vm/base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// ---- the console ----------------------------------------------------------------------------------

typedef struct {
    ActorJob job;
    Console *console;
    bool all; // everything is to be written, not just enough for there to be room
} DrainJob;

static Value run_drain(ActorJob *base)
{
    DrainJob *job = container_of(base, DrainJob, job);
    int error = 0;

    if (job->all) {
        (void)console_flush_all(job->console, &error);
    } else {
        console_drain(job->console);
    }
    return value_fix(error);
}

static void free_drain(ActorJob *base)
{
    mem_free(MEM_IO, container_of(base, DrainJob, job), sizeof(DrainJob));
}

static Value start_drain(Actor *a, bool all)
{
    DrainJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    job->job.run = run_drain;
    job->job.free = free_drain;
    job->console = runtime_of(a)->console;
    job->all = all;
    return job_start(a, &job->job);
}

static Value fail_output(Actor *a, int fd, int error)
{
    return fail_text(HEAP(a), ERR_IO, NULL, "%s: %s", fd == 1 ? "standard output" : "standard error",
                     strerror(error));
}

// Text or bytes to be written, out of the heap.
static bool is_output(Actor *a, Value v, Buf *out)
{
    buf_clear(out);
    if (value_is_kind(v, KIND_STRING)) {
        string_to_utf8(v, out);
    } else if (value_is_kind(v, KIND_BYTEVECTOR)) {
        buf_bytes(out, bytes_data(value_bytes(v)), bytes_length(value_bytes(v)));
    } else {
        (void)fail_type(HEAP(a), "write-string", "a string", v);
        return false;
    }
    if (out->failed) (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    return !out->failed;
}

// Somebody else takes what the actor writes. Who is its own leader writes itself.
static bool has_leader(const Actor *a)
{
    return a->ext && value_is_local_pid(a->ext->leader) && !value_is(a->ext->leader, actor_pid(a));
}

// (fd text), fd 0 being standard output or, when the caller has one, its group leader: then nothing is
// written and its pid is the value. While it waits for room, the first argument is the reference of the
// job.
NATIVE_FN(console_write)
{
    VmWorker *w = actor_worker(a);
    int error = 0;

    (void)count;
    if (value_is_local_ref(args[0])) {
        Value answer = reply_take(a, args[0]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        args[0] = value_fix(1);
    }
    int fd = value_is(args[0], value_fix(2)) ? 2 : 1;
    if (value_is(args[0], value_fix(0)) && has_leader(a)) return a->ext->leader;
    if (!is_output(a, args[1], &w->text)) return V_FAIL;
    native_charge_bytes(a, w->text.size);
    switch (console_write(runtime_of(a)->console, fd, w->text.data, w->text.size, &error)) {
    case CONSOLE_OK:
        return V_UNSPECIFIED;
    case CONSOLE_FAILED:
        return fail_output(a, fd, error);
    case CONSOLE_FULL:
        break;
    }
    Value ref = start_drain(a, false);
    if (value_is(ref, V_FAIL)) return ref;
    args[0] = ref;
    return V_WAIT;
}

// (fd)
NATIVE_FN(console_flush)
{
    (void)count;
    if (value_is(args[0], value_fix(2))) return V_UNSPECIFIED; // never buffered
    if (value_is_local_ref(args[0])) {
        Value answer = reply_take(a, args[0]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        if (value_is_fix(answer) && value_int(answer) != 0) return fail_output(a, 1, (int)value_int(answer));
        return V_UNSPECIFIED;
    }
    int error = 0;
    console_flush_some(runtime_of(a)->console);
    if (console_is_empty(runtime_of(a)->console, &error))
        return error ? fail_output(a, 1, error) : V_UNSPECIFIED;
    Value ref = start_drain(a, true);
    if (value_is(ref, V_FAIL)) return ref;
    args[0] = ref;
    return V_WAIT;
}

// ---- time -----------------------------------------------------------------------------------------

NATIVE_FN(current_jiffy)
{
    (void)args, (void)count;
    return value_fix((int64_t)(plat_now_ns() - actor_vm(a)->start_ns));
}

NATIVE_FN(current_second)
{
    (void)args, (void)count;
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    return heap_flonum(HEAP(a), (double)plat_wall_ns() / 1e9);
}

// ---- the machine ------------------------------------------------------------------------------------

// Text from outside: what is not UTF-8 is replaced by U+FFFD.
static Value outside_part(Actor *a, const char *text, size_t size)
{
    Buf clean = BUF_INIT;
    const uint8_t *at = (const uint8_t *)text, *end = at + size;

    while (at < end) {
        uint32_t scalar = utf8_decode(&at, end);
        buf_char(&clean, scalar == UTF8_INVALID ? 0xFFFD : scalar);
    }
    Value v = clean.failed ? fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory")
                           : string_from_utf8(HEAP(a), clean.data, clean.size);
    buf_free(&clean);
    return v;
}

static Value outside_text(Actor *a, const char *text)
{
    return outside_part(a, text, strlen(text));
}

NATIVE_FN(command_line)
{
    char **arguments = runtime_of(a)->arguments;
    unsigned mark = heap_root_mark(HEAP(a)), n = 0;
    Value *list = heap_root(HEAP(a), V_NIL);
    bool ok = true;

    (void)args, (void)count;
    while (arguments && arguments[n]) {
        n++;
    }
    for (; ok && n > 0; n--) {
        Value v = outside_text(a, arguments[n - 1]);
        Value *text = heap_root(HEAP(a), v);
        ok = !value_is(v, V_FAIL) && heap_reserve(HEAP(a), 2);
        if (ok) *list = heap_cons(HEAP(a), *text, *list);
        heap_unroot(HEAP(a), mark + 1);
    }
    Value result = *list;
    heap_unroot(HEAP(a), mark);
    return ok ? result : V_FAIL;
}

// A string that is a variable's name or value, NUL-terminated behind what is in the buffer.
static bool is_variable(Actor *a, const char *who, Value v, bool name, Buf *out)
{
    size_t from = out->size;

    if (!value_is_string(v)) {
        (void)fail_type(HEAP(a), who, "a string", v);
        return false;
    }
    string_to_utf8(v, out);
    size_t size = out->size - from;
    buf_u8(out, 0);
    if (out->failed) {
        (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
        return false;
    }
    bool bad = memchr(out->data + from, 0, size) || (name && memchr(out->data + from, '=', size));
    if (bad || (name && size == 0))
        (void)fail_type(HEAP(a), who, name ? "the name of a variable" : "a string without NUL", v);
    return !bad && !(name && size == 0);
}

NATIVE_FN(getenv)
{
    VmWorker *w = actor_worker(a);

    (void)count;
    if (!value_is_string(args[0])) return fail_type(HEAP(a), "getenv", "a string", args[0]);
    buf_clear(&w->text);
    string_to_utf8(args[0], &w->text);
    buf_u8(&w->text, 0);
    if (w->text.failed) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    size_t at = w->text.size;
    Buf value = BUF_INIT;
    if (memchr(w->text.data, '=', at) || !environ_get(&runtime_of(a)->environ, (char *)w->text.data, &value))
        return V_FALSE;
    Value v = value.failed ? fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory")
                           : outside_part(a, (const char *)value.data, value.size);
    buf_free(&value);
    return v;
}

// (name value-or-#f)
NATIVE_FN(setenv)
{
    const char *who = value_is(args[1], V_FALSE) ? "unsetenv!" : "setenv!";
    Buf *text = &actor_worker(a)->text;

    (void)count;
    buf_clear(text);
    if (!is_variable(a, who, args[0], true, text)) return V_FAIL;
    size_t at = text->size;
    if (!value_is(args[1], V_FALSE) && !is_variable(a, who, args[1], false, text)) return V_FAIL;
    const char *value = value_is(args[1], V_FALSE) ? NULL : (const char *)text->data + at;
    if (environ_set(&runtime_of(a)->environ, (const char *)text->data, value)) return V_UNSPECIFIED;
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// Puts (name . value) in front of the rooted list. Without an = there is no value.
static bool add_variable(Actor *a, Value *list, const char *entry)
{
    const char *equals = strchr(entry, '=');
    unsigned mark = heap_root_mark(HEAP(a));

    if (!equals) return true;
    Value *name = heap_root(HEAP(a), outside_part(a, entry, (size_t)(equals - entry)));
    bool ok = !value_is(*name, V_FAIL);
    Value *value = heap_root(HEAP(a), ok ? outside_text(a, equals + 1) : V_FALSE);
    ok = ok && !value_is(*value, V_FAIL) && heap_reserve(HEAP(a), 4);
    if (ok) *list = heap_cons(HEAP(a), heap_cons(HEAP(a), *name, *value), *list);
    heap_unroot(HEAP(a), mark);
    return ok;
}

NATIVE_FN(environment)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    Buf all = BUF_INIT;

    (void)args, (void)count;
    environ_all(&runtime_of(a)->environ, &all);
    bool ok = !all.failed;
    if (!ok) (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    for (size_t at = 0; ok && at < all.size; at += strlen((char *)all.data + at) + 1) {
        ok = add_variable(a, list, (char *)all.data + at);
    }
    buf_free(&all);
    Value result = *list;
    heap_unroot(HEAP(a), mark);
    return ok ? result : V_FAIL;
}

NATIVE_FN(hostname)
{
    char name[256];

    (void)args, (void)count;
    if (gethostname(name, sizeof name - 1) != 0)
        return fail_text(HEAP(a), ERR_IO, "hostname", "%s", strerror(errno));
    name[sizeof name - 1] = '\0';
    return outside_text(a, name);
}

NATIVE_FN(statistics)
{
    (void)count;
    Value v = info_statistics(a, args[0]);
    if (value_is(v, V_NONE))
        return fail_with(HEAP(a), ERR_BADARG, "statistics", "there is no such key:", args[0]);
    return v;
}

NATIVE_FN(system_info)
{
    (void)count;
    Value v = info_system(a, args[0]);
    if (value_is(v, V_NONE))
        return fail_with(HEAP(a), ERR_BADARG, "system-info", "there is no such key:", args[0]);
    return v;
}
