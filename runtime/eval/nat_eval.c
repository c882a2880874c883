// Natives of eval: data as text, asking the evaluator, claiming bodies.
#include "runtime/eval/evaluator.h"
#include "runtime/jobs.h"
#include "runtime/native/natives.h"

#include "vm/base/mem.h"
#include "vm/code/print.h"

#include <string.h>

// ---- data as text -------------------------------------------------------------------------------

typedef struct {
    int64_t count;
    Value *found; // NULL: they are only counted
} Objects;

static void put_object(void *context, Buf *out, Value v, bool cyclic)
{
    Objects *o = context;

    if (o->found) o->found[o->count] = v;
    buf_printf(out, cyclic ? "#!cyclic-%lld" : "#!object-%lld", (long long)o->count++);
}

// (datum): (text . vector of the objects in it that have no text)
NATIVE_FN(datum_text)
{
    Buf *text = &actor_worker(a)->text;
    Objects objects = {0};

    (void)count;
    buf_clear(text);
    print_datum(text, args[0], put_object, &objects);
    if (text->failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, "eval", "out of memory");
    native_charge_bytes(a, text->size);
    Value string = string_from_utf8(HEAP(a), text->data, text->size);
    if (value_is(string, V_FAIL)) return string;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *root = heap_root(HEAP(a), string);
    Value *words = heap_alloc(HEAP(a), header_make(KIND_VECTOR, (size_t)objects.count));
    if (words) {
        // Once more, now that nothing moves any more.
        objects = (Objects){.found = words + 1};
        buf_clear(text);
        print_datum(text, args[0], put_object, &objects);
    }
    Value vector = words ? value_from_words(words, TAG_OBJ) : V_FAIL;
    if (words) {
        Value *kept = heap_root(HEAP(a), vector);
        vector = heap_reserve(HEAP(a), 2) ? heap_cons(HEAP(a), *root, *kept) : V_FAIL;
    }
    heap_unroot(HEAP(a), mark);
    return vector;
}

// ---- asking -------------------------------------------------------------------------------------

enum { ARG_MODULE, ARG_PATH, ARG_TEXT, ARG_OBJECTS, ARG_LOCALS, ARG_ENVIRONMENT };

static size_t list_length(Value list)
{
    size_t n = 0;

    for (; value_is_pair(list); list = value_cdr(list)) {
        if (!value_is_symbol(value_car(list))) return SIZE_MAX;
        n++;
    }
    return value_is_null(list) ? n : SIZE_MAX;
}

// The texts of a request one after the other, each with a NUL behind it; then where they begin.
static void put_texts(EvalJob *job, const Value *args)
{
    size_t path, text, locals;
    Buf *b = &job->texts;

    buf_text(b, value_symbol(args[ARG_MODULE])->utf8);
    buf_u8(b, 0);
    path = b->size;
    string_to_utf8(args[ARG_PATH], b);
    buf_u8(b, 0);
    text = b->size;
    string_to_utf8(args[ARG_TEXT], b);
    job->input.size = b->size - text;
    buf_u8(b, 0);
    locals = b->size;
    for (Value rest = args[ARG_LOCALS]; value_is_pair(rest); rest = value_cdr(rest)) {
        buf_text(b, value_symbol(value_car(rest))->utf8);
        buf_u8(b, 0);
    }
    if (b->failed) return;
    const char *base = (const char *)b->data;
    job->input.module = base;
    job->input.path = base + path;
    job->input.text = base + text;
    base += locals;
    for (uint32_t i = 0; i < job->input.local_count; i++) {
        job->locals[i] = base;
        base += strlen(base) + 1;
    }
}

static EvalJob *make_job(const Value *args, size_t locals)
{
    EvalJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return NULL;
    job->ref = V_FALSE;
    job->input.objects = (uint32_t)value_int(args[ARG_OBJECTS]);
    job->input.environment = value_true(args[ARG_ENVIRONMENT]);
    if (locals > 0) {
        job->locals = mem_alloc(MEM_IO, locals * sizeof *job->locals);
        job->input.local_count = job->locals ? (uint32_t)locals : 0;
        job->input.locals = job->locals;
    }
    if (locals == 0 || job->locals) put_texts(job, args);
    if (!job->texts.failed && (locals == 0 || job->locals)) return job;
    eval_job_free(job);
    return NULL;
}

static bool check(Actor *a, const Value *args, size_t *locals)
{
    *locals = list_length(args[ARG_LOCALS]);
    if (!value_is_symbol(args[ARG_MODULE])) {
        (void)fail_type(HEAP(a), "eval", "a module", args[ARG_MODULE]);
    } else if (!value_is_kind(args[ARG_PATH], KIND_STRING)) {
        (void)fail_type(HEAP(a), "eval", "a string", args[ARG_PATH]);
    } else if (!value_is_kind(args[ARG_TEXT], KIND_STRING)) {
        (void)fail_type(HEAP(a), "eval", "a string", args[ARG_TEXT]);
    } else if (!value_is_fix(args[ARG_OBJECTS]) || value_int(args[ARG_OBJECTS]) < 0 ||
               value_int(args[ARG_OBJECTS]) >= UINT32_MAX) {
        (void)fail_type(HEAP(a), "eval", "a number of objects", args[ARG_OBJECTS]);
    } else if (*locals > (size_t)value_int(args[ARG_OBJECTS])) {
        (void)fail_type(HEAP(a), "eval", "a list of names", args[ARG_LOCALS]);
    } else {
        return true;
    }
    return false;
}

// What the program gets of a job that is done.
static Value answer_of(Actor *a, Evaluator *e, Value *args, EvalJob *job)
{
    Value result = string_from_utf8(HEAP(a), job->said.data, job->said.size);

    if (!value_is(result, V_FAIL) && job->result != INPUT_FAILED &&
        job->result != INPUT_INCOMPLETE) {
        args[ARG_TEXT] = result;
        args[ARG_PATH] = evaluator_bodies(e, a, job);
        bool ok = !value_is(args[ARG_PATH], V_FAIL) && heap_reserve(HEAP(a), 2);
        result = ok ? heap_cons(HEAP(a), args[ARG_TEXT], args[ARG_PATH]) : V_FAIL;
    }
    eval_job_free(job);
    return result;
}

static Value ask(Actor *a, Evaluator *e, Value *args)
{
    size_t locals;

    if (!check(a, args, &locals)) return V_FAIL;
    EvalJob *job = make_job(args, locals);
    if (job && evaluator_recall(e, job)) return answer_of(a, e, args, job);
    Value ref = job ? reply_await(a) : V_FAIL;
    if (value_is(ref, V_FAIL)) {
        if (job) eval_job_free(job);
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "eval", "out of memory");
    }
    job->pid = actor_pid(a);
    job->ref = ref;
    if (!evaluator_submit(e, job)) {
        eval_job_free(job);
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "eval", "no thread can be started to compile");
    }
    args[ARG_MODULE] = ref;
    return V_WAIT;
}

// Gives (warnings body ...), or the errors as a string. The first argument becomes the reference of the
// answer.
NATIVE_FN(evaluate)
{
    Evaluator *e = runtime_of(a)->evaluator;

    (void)count;
    if (!e) return fail_text(HEAP(a), ERR_BADARG, "eval", "there is no compiler here");
    if (!value_is_local_ref(args[ARG_MODULE])) return ask(a, e, args);
    Value answer = reply_take(a, args[ARG_MODULE]);
    if (value_is(answer, V_NONE)) return V_WAIT;
    EvalJob *job = value_is(answer, V_FAIL) ? NULL : evaluator_take(e, args[ARG_MODULE]);
    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "eval", "the answer was lost");
    return answer_of(a, e, args, job);
}

// ---- bodies -------------------------------------------------------------------------------------

static Value run_pause(ActorJob *job)
{
    _Atomic uint32_t nobody_wakes = 0;

    (void)job;
    plat_wait(&nobody_wakes, 0, plat_now_ns() + 2000000);
    return V_TRUE;
}

static void free_pause(ActorJob *job)
{
    mem_free(MEM_IO, job, sizeof *job);
}

static Value pause_job(Actor *a)
{
    ActorJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "eval", "out of memory");
    job->run = run_pause;
    job->free = free_pause;
    return job_start(a, job);
}

static LoadedModule *module_of(Value body)
{
    LoadedModule *m = value_is_proc(body) ? proc_code(value_proc(body))->module : NULL;
    return m && m->view.head ? m : NULL;
}

// (body #f): is the caller to run it. Waits while another actor runs it.
NATIVE_FN(module_claim)
{
    Evaluator *e = runtime_of(a)->evaluator;
    LoadedModule *m = module_of(args[0]);

    (void)count;
    if (!e || !m) return fail_type(HEAP(a), "module-claim", "a module's body", args[0]);
    if (value_is_local_ref(args[1])) {
        Value answer = reply_take(a, args[1]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        if (value_is(answer, V_FAIL)) return V_FAIL;
        args[1] = V_FALSE;
    }
    Claim claim = evaluator_claim(e, a, m);
    if (claim != CLAIM_LATER) return value_bool(claim == CLAIM_RUN);
    args[1] = pause_job(a);
    return value_is(args[1], V_FAIL) ? V_FAIL : V_WAIT;
}

NATIVE_FN(module_release)
{
    Evaluator *e = runtime_of(a)->evaluator;
    LoadedModule *m = module_of(args[0]);

    (void)count;
    if (!e || !m) return fail_type(HEAP(a), "module-release", "a module's body", args[0]);
    evaluator_release(e, m);
    return V_UNSPECIFIED;
}
