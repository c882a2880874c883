// Natives of standard input.
#include "runtime/native/natives.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include "vm/base/utf8.h"

#include <string.h>

// What %console-read gives.
typedef enum {
    READ_LINE,
    READ_STRING,
    READ_BYTES,
    READ_CHAR,
    PEEK_CHAR,
    READ_U8,
    PEEK_U8,
    READ_KINDS
} ReadKind;

// ---- waiting ------------------------------------------------------------------------------------

typedef struct {
    ActorJob job;
    Input *input;
    uint64_t generation;
} InputJob;

static Value run_input(ActorJob *base)
{
    InputJob *job = container_of(base, InputJob, job);

    input_wait(job->input, job->generation);
    return V_TRUE;
}

static void free_input(ActorJob *base)
{
    mem_free(MEM_IO, container_of(base, InputJob, job), sizeof(InputJob));
}

static Value start_waiting(Actor *a, uint64_t generation)
{
    InputJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    job->job.run = run_input;
    job->job.free = free_input;
    job->input = runtime_of(a)->input;
    job->generation = generation;
    return job_start(a, &job->job);
}

// ---- taking -------------------------------------------------------------------------------------

static InputWish wish_of(ReadKind kind, size_t count)
{
    switch (kind) {
    case READ_LINE:
        return (InputWish){INPUT_LINE, 0, false};
    case READ_STRING:
        return (InputWish){INPUT_CHARS, count, false};
    case READ_BYTES:
        return (InputWish){INPUT_BYTES, count, false};
    case READ_CHAR:
    case PEEK_CHAR:
        return (InputWish){INPUT_CHARS, 1, kind == PEEK_CHAR};
    case READ_U8:
    case PEEK_U8:
    case READ_KINDS:
        break;
    }
    return (InputWish){INPUT_BYTES, 1, kind == PEEK_U8};
}

static Value result_of(Actor *a, ReadKind kind, Buf *text)
{
    const uint8_t *p = text->data;

    if (text->failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, "read", "out of memory");
    native_charge_bytes(a, text->size);
    switch (kind) {
    case READ_CHAR:
    case PEEK_CHAR:
        return value_char(utf8_decode(&p, p + text->size));
    case READ_U8:
    case PEEK_U8:
        return value_fix(*p);
    case READ_BYTES:
        break;
    default:
        return string_from_utf8(HEAP(a), text->data, text->size);
    }
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, text->size, 0);
    if (!value_is(v, V_FAIL)) memcpy(bytes_data(value_bytes(v)), text->data, text->size);
    return v;
}

// (kind count state). While it waits, the third argument is the reference of the job.
NATIVE_FN(console_read)
{
    VmWorker *w = actor_worker(a);
    size_t kind, n;
    TakeReport report;

    (void)count;
    if (!native_index(args[0], READ_KINDS, &kind))
        return fail_type(HEAP(a), "read", "a kind", args[0]);
    if (!native_size(args[1], &n)) return fail_type(HEAP(a), "read", "a count", args[1]);
    if (value_is_local_ref(args[2])) {
        Value answer = reply_take(a, args[2]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        args[2] = V_FALSE;
    }
    InputWish wish = wish_of((ReadKind)kind, n);
    buf_clear(&w->text);
    switch (input_take(runtime_of(a)->input, &wish, &w->text, &report)) {
    case TAKE_DONE:
        return result_of(a, (ReadKind)kind, &w->text);
    case TAKE_END:
        return V_EOF;
    case TAKE_FAILED:
        return fail_text(HEAP(a), ERR_IO, NULL, "standard input: %s", strerror(report.error));
    case TAKE_INVALID:
        return fail_text(HEAP(a), ERR_IO, "read", "standard input: invalid UTF-8 at byte %llu",
                         (unsigned long long)report.offset);
    case TAKE_WAIT:
        break;
    }
    Value ref = start_waiting(a, report.generation);
    if (value_is(ref, V_FAIL)) return ref;
    args[2] = ref;
    return V_WAIT;
}

// (on?): is invalid UTF-8 replaced from now on?
NATIVE_FN(console_replace)
{
    (void)count;
    input_replace(runtime_of(a)->input, value_true(args[0]));
    return V_UNSPECIFIED;
}

NATIVE_FN(console_ready_p)
{
    (void)args, (void)count;
    return value_bool(input_is_ready(runtime_of(a)->input));
}
