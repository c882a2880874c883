// See evaluator.h.
#include "runtime/eval/evaluator.h"
#include "runtime/jobs.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"
#include "vm/exec/native.h"

#include <stdio.h>
#include <string.h>

// A module whose body has not come to its end.
typedef struct {
    LoadedModule *module;
    Value claimant; // pid of who runs it; V_FALSE: nobody
} Unfinished;

#define RECALLED       1024 // slots; a power of two
#define RECALLED_BYTES 2048 // of a text

// Code by what it was compiled from: EvalJob.texts and the number of objects.
typedef struct {
    Buf texts;
    uint32_t objects, generation;
    LoadedModule *own; // NULL: the slot is free
} Recalled;

struct Evaluator {
    Runtime *runtime;
    Builder *builder;
    PlatThread *thread; // lock; NULL: not needed yet
    PlatLock lock;
    EvalJob *first, *last;  // lock: to be done
    EvalJob *done;          // lock: to be taken
    bool stopping;          // lock
    _Atomic uint32_t work;  // changes when there is something to do
    Unfinished *unfinished; // lock: in the order of loading
    uint32_t unfinished_count, unfinished_capacity;
    Recalled *recalled;  // lock
    uint32_t generation; // lock: changes when a text may have got another meaning
};

// ---- texts that come again ----------------------------------------------------------------------

// Under the lock. NULL for what is not remembered.
static Recalled *recalled_slot(Evaluator *e, const EvalJob *job)
{
    const Buf *t = &job->texts;

    if (!e->recalled || t->size > RECALLED_BYTES || job->input.environment) return NULL;
    return &e->recalled[hash_bytes(t->data, t->size, job->input.objects) & (RECALLED - 1)];
}

bool evaluator_recall(Evaluator *e, EvalJob *job)
{
    plat_lock(&e->lock);
    const Recalled *r = recalled_slot(e, job);
    bool same = r && r->own && r->generation == e->generation && r->objects == job->input.objects &&
                r->texts.size == job->texts.size &&
                memcmp(r->texts.data, job->texts.data, r->texts.size) == 0;
    if (same) {
        job->own = r->own;
        job->result = INPUT_COMPILED;
    }
    plat_unlock(&e->lock);
    return same;
}

void evaluator_forget(Evaluator *e)
{
    plat_lock(&e->lock);
    e->generation++;
    plat_unlock(&e->lock);
}

static uint32_t generation_of(Evaluator *e)
{
    plat_lock(&e->lock);
    uint32_t generation = e->generation;
    plat_unlock(&e->lock);
    return generation;
}

// Under the lock. `generation` is that in which it was compiled.
static void remember(Evaluator *e, const EvalJob *job, bool changed, uint32_t generation)
{
    Recalled *r = recalled_slot(e, job);
    bool late = e->generation != generation;

    e->generation += changed;
    if (!r || changed || late || !job->own || job->said.size > 0) return;
    buf_clear(&r->texts);
    buf_bytes(&r->texts, job->texts.data, job->texts.size);
    r->objects = job->input.objects;
    r->generation = e->generation;
    r->own = r->texts.failed ? NULL : job->own;
}

// ---- the thread ---------------------------------------------------------------------------------

// Under the lock.
static bool add_unfinished(Evaluator *e, LoadedModule *m)
{
    if (e->unfinished_count == e->unfinished_capacity) {
        uint32_t more = e->unfinished_capacity ? e->unfinished_capacity * 2 : 16;
        Unfinished *grown = mem_realloc(
            MEM_CODE, e->unfinished, e->unfinished_capacity * sizeof *grown, more * sizeof *grown);
        if (!grown) return false;
        e->unfinished = grown;
        e->unfinished_capacity = more;
    }
    e->unfinished[e->unfinished_count++] = (Unfinished){m, V_FALSE};
    return true;
}

// Links the files that were compiled on the way, then the image.
static bool link_all(Evaluator *e, Buf *image, RunList *list, char *why, size_t why_size)
{
    CodeSpace *cs = &e->runtime->vm->code;
    Builder *b = e->builder;

    while (b->files_loaded < b->file_count) {
        Buf *file = &b->files[b->files_loaded++].image;
        // What could not be compiled left nothing to link.
        if (file->size > 0 && !code_load(cs, file, list, why, why_size)) return false;
    }
    return code_load(cs, image, list, why, why_size);
}

static void compile(Evaluator *e, EvalJob *job)
{
    Buf image = BUF_INIT;
    RunList list = {0};
    char why[300] = "out of memory";

    // Whoever reloads a module compiles with the same builder.
    plat_lock(&e->builder->lock);
    uint32_t generation = generation_of(e);
    EvalResult done = builder_evaluate(e->builder, &job->input, &image);
    job->result = done.result;
    buf_bytes(&job->said, e->builder->diag.text.data, e->builder->diag.text.size);
    if (job->result == INPUT_COMPILED && !link_all(e, &image, &list, why, sizeof why)) {
        buf_printf(&job->said, "error: %s\n", why);
        job->result = INPUT_FAILED;
    }
    plat_unlock(&e->builder->lock);
    plat_lock(&e->lock);
    for (uint32_t i = 0; i < list.count; i++) {
        LoadedModule *m = list.modules[i];
        bool own = job->result == INPUT_COMPILED && i == list.count - 1;
        if (own) {
            job->own = m;
        } else if (!(m->view.head->flags & MODULE_OPEN) && !add_unfinished(e, m)) {
            job->result = INPUT_FAILED;
        }
    }
    remember(e, job, done.changed, generation);
    plat_unlock(&e->lock);
    run_list_free(&list);
    buf_free(&image);
}

static void finish(Evaluator *e, EvalJob *job)
{
    Vm *vm = e->runtime->vm;

    if (!value_is_local_ref(job->ref)) {
        atomic_store_explicit(&job->done, 1, memory_order_release);
        plat_wake(&job->done, 1);
        return;
    }
    Value pid = job->pid, ref = job->ref;
    plat_lock(&e->lock);
    job->next = e->done;
    e->done = job;
    plat_unlock(&e->lock);
    job_answer(vm, pid, ref, V_TRUE); // the job may be gone now
}

static void *run(void *argument)
{
    Evaluator *e = argument;

    for (;;) {
        uint32_t before = atomic_load_explicit(&e->work, memory_order_acquire);
        plat_lock(&e->lock);
        EvalJob *job = e->first;
        bool stopping = e->stopping;
        if (job && !stopping) {
            e->first = job->next;
            if (!e->first) e->last = NULL;
        }
        plat_unlock(&e->lock);
        if (stopping) return NULL;
        if (job) {
            compile(e, job);
            finish(e, job);
        } else {
            plat_wait(&e->work, before, 0);
        }
    }
}

// ---- jobs ---------------------------------------------------------------------------------------

void eval_job_free(EvalJob *job)
{
    if (job->locals) mem_free(MEM_IO, job->locals, job->input.local_count * sizeof *job->locals);
    buf_free(&job->texts);
    buf_free(&job->said);
    mem_free(MEM_IO, job, sizeof *job);
}

// Under the lock. Jobs of actors that were ended before they could take them.
static void drop_orphans(Evaluator *e)
{
    for (EvalJob **at = &e->done; *at;) {
        EvalJob *job = *at;
        if (actor_of_pid(e->runtime->vm, job->pid)) {
            at = &job->next;
            continue;
        }
        *at = job->next;
        eval_job_free(job);
    }
}

static bool start(Evaluator *e)
{
    for (size_t bytes = BUILDER_STACK_BYTES; !e->thread && bytes >= (size_t)8 << 20; bytes /= 2) {
        e->thread = plat_thread_start(run, e, bytes, "eta-eval");
    }
    return e->thread != NULL;
}

static bool submit(Evaluator *e, EvalJob *job, bool worker)
{
    plat_lock(&e->lock);
    bool ok = start(e);
    if (ok) {
        if (worker) drop_orphans(e);
        job->next = NULL;
        *(e->last ? &e->last->next : &e->first) = job;
        e->last = job;
    }
    plat_unlock(&e->lock);
    if (!ok) return false;
    atomic_fetch_add_explicit(&e->work, 1, memory_order_release);
    plat_wake(&e->work, 1);
    return true;
}

bool evaluator_submit(Evaluator *e, EvalJob *job)
{
    return submit(e, job, true);
}

bool evaluator_run(Evaluator *e, EvalJob *job)
{
    job->ref = V_FALSE;
    atomic_store_explicit(&job->done, 0, memory_order_relaxed);
    if (!submit(e, job, false)) return false;
    while (!atomic_load_explicit(&job->done, memory_order_acquire)) {
        plat_wait(&job->done, 0, 0);
    }
    return true;
}

EvalJob *evaluator_take(Evaluator *e, Value ref)
{
    EvalJob *found = NULL;

    plat_lock(&e->lock);
    for (EvalJob **at = &e->done; *at && !found; at = &(*at)->next) {
        if (!value_is((*at)->ref, ref)) continue;
        found = *at;
        *at = found->next;
        break;
    }
    plat_unlock(&e->lock);
    return found;
}

// ---- bodies -------------------------------------------------------------------------------------

static ModuleState state_of(Evaluator *e, LoadedModule *m)
{
    CodeSpace *cs = &e->runtime->vm->code;

    plat_lock(&cs->lock);
    ModuleState state = m->state;
    plat_unlock(&cs->lock);
    return state;
}

// Under the lock.
static void drop_finished(Evaluator *e)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < e->unfinished_count; i++) {
        if (state_of(e, e->unfinished[i].module) != MODULE_DONE)
            e->unfinished[kept++] = e->unfinished[i];
    }
    e->unfinished_count = kept;
}

Value evaluator_bodies(Evaluator *e, Actor *a, const EvalJob *job)
{
    Value bodies = V_NIL;
    uint32_t room;

    do {
        plat_lock(&e->lock);
        drop_finished(e);
        room = e->unfinished_count + 1;
        plat_unlock(&e->lock);
        if (!heap_reserve(HEAP(a), 2 * (size_t)room)) return V_FAIL;
        plat_lock(&e->lock);
        if (e->unfinished_count < room) break;
        plat_unlock(&e->lock);
    } while (true);
    if (job->own) bodies = heap_cons(HEAP(a), module_init_proc(job->own), bodies);
    for (uint32_t i = e->unfinished_count; i > 0; i--) {
        bodies = heap_cons(HEAP(a), module_init_proc(e->unfinished[i - 1].module), bodies);
    }
    plat_unlock(&e->lock);
    return bodies;
}

static Unfinished *find_unfinished(Evaluator *e, const LoadedModule *m)
{
    for (uint32_t i = 0; i < e->unfinished_count; i++) {
        if (e->unfinished[i].module == m) return &e->unfinished[i];
    }
    return NULL;
}

Claim evaluator_claim(Evaluator *e, Actor *a, LoadedModule *m)
{
    Claim claim = CLAIM_RUN;

    plat_lock(&e->lock);
    Unfinished *u = find_unfinished(e, m);
    if (m->view.head->flags & MODULE_OPEN) {
        claim = CLAIM_RUN; // every time
    } else if (!u || state_of(e, m) == MODULE_DONE || value_is(u->claimant, actor_pid(a))) {
        claim = CLAIM_DONE; // or this actor is in the middle of it
    } else if (value_true(u->claimant) && actor_of_pid(actor_vm(a), u->claimant)) {
        claim = CLAIM_LATER;
    } else {
        u->claimant = actor_pid(a);
    }
    plat_unlock(&e->lock);
    return claim;
}

void evaluator_release(Evaluator *e, LoadedModule *m)
{
    plat_lock(&e->lock);
    Unfinished *u = find_unfinished(e, m);
    if (u) u->claimant = V_FALSE;
    plat_unlock(&e->lock);
}

// ---- set-up -------------------------------------------------------------------------------------

// The interface of what the VM has loaded already.
static const uint8_t *loaded_interface(void *context, const char *name, size_t *size,
                                       ContentHash *hash)
{
    CodeSpace *cs = &((Evaluator *)context)->runtime->vm->code;
    const uint8_t *bytes = NULL;

    Value symbol = symbol_intern(cs->symbols, name, strlen(name));
    plat_lock(&cs->lock);
    for (LoadedModule *m = cs->modules; m && !bytes; m = m->next) {
        if (!value_is(m->name, symbol) || m->view.head->flags & MODULE_OPEN) continue;
        if (module_role(m) != ROLE_CURRENT) continue;
        bytes = m->view.interface;
        *size = m->view.interface_bytes;
        *hash = m->view.head->interface;
    }
    plat_unlock(&cs->lock);
    return bytes;
}

Evaluator *evaluator_new(Runtime *r, Builder *builder)
{
    Evaluator *e = mem_zalloc(MEM_IO, sizeof *e);

    if (!e) return NULL;
    e->runtime = r;
    e->builder = builder;
    e->recalled = mem_zalloc(MEM_IO, RECALLED * sizeof *e->recalled);
    builder->loaded = loaded_interface;
    builder->loaded_context = e;
    return e;
}

void evaluator_free(Evaluator *e)
{
    if (!e) return;
    plat_lock(&e->lock);
    e->stopping = true;
    plat_unlock(&e->lock);
    atomic_fetch_add_explicit(&e->work, 1, memory_order_release);
    plat_wake(&e->work, 1);
    if (e->thread) plat_thread_join(e->thread);
    for (EvalJob *job = e->first, *next; job; job = next) {
        next = job->next;
        if (value_is_local_ref(job->ref)) eval_job_free(job);
    }
    for (EvalJob *job = e->done, *next; job; job = next) {
        next = job->next;
        eval_job_free(job);
    }
    for (uint32_t i = 0; e->recalled && i < RECALLED; i++) {
        buf_free(&e->recalled[i].texts);
    }
    mem_free(MEM_IO, e->recalled, RECALLED * sizeof *e->recalled);
    mem_free(MEM_CODE, e->unfinished, e->unfinished_capacity * sizeof *e->unfinished);
    mem_free(MEM_IO, e, sizeof *e);
}
