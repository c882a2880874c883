// See reload.h.
//
// One module is reloaded at a time, by the *owner* of the reloader. A thread of the dirty pool compiles;
// the owner links, runs the body and tells how that ended. If the owner ends before, the next one puts
// the compiler's state right.
#include "runtime/repl/reload.h"
#include "runtime/eval/evaluator.h"
#include "runtime/jobs.h"
#include "runtime/native/natives.h"

#include "vm/actor/priv.h"
#include "vm/base/mem.h"
#include "vm/data/bytes.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES_MAX 500
#define PATH_BYTES_MAX 4096

struct Reloader {
    Runtime *runtime;
    Builder *builder;
    PlatLock lock;
    bool busy, compiling; // lock
    Value owner;          // pid; lock
    // The owner's, and the compiling thread's while it compiles.
    char module[NAME_BYTES_MAX + 1];
    char path[PATH_BYTES_MAX]; // of the source that the running version came from; "": not known
    Buf image, said;
    bool compiled;
};

typedef struct {
    ActorJob job;
    Reloader *reloader;
} ReloadJob;

// ---- compiling ------------------------------------------------------------------------------------

static void set_state(Reloader *l, bool busy, bool compiling)
{
    plat_lock(&l->lock);
    l->busy = busy;
    l->compiling = compiling;
    plat_unlock(&l->lock);
}

static Value run_compile(ActorJob *base)
{
    Reloader *l = container_of(base, ReloadJob, job)->reloader;
    Builder *b = l->builder;

    buf_free(&l->image);
    buf_free(&l->said);
    plat_lock(&b->lock);
    l->compiled = builder_reload(b, l->module, l->path[0] ? l->path : NULL, &l->image);
    buf_text(&l->said, buf_cstr(&b->diag.text));
    plat_unlock(&b->lock);
    set_state(l, true, false);
    return V_TRUE;
}

static void free_compile(ActorJob *base)
{
    mem_free(MEM_IO, container_of(base, ReloadJob, job), sizeof(ReloadJob));
}

static void tell_builder(Reloader *l, bool loaded)
{
    plat_lock(&l->builder->lock);
    builder_reloaded(l->builder, l->module, loaded);
    plat_unlock(&l->builder->lock);
}

// Becomes the owner. False while there is another.
static bool claim(Actor *a, Reloader *l)
{
    plat_lock(&l->lock);
    bool lost = l->busy && !l->compiling && !actor_is_alive(actor_vm(a), l->owner);
    bool ok = !l->busy || lost;
    if (ok) {
        l->busy = true;
        l->owner = actor_pid(a);
    }
    plat_unlock(&l->lock);
    if (lost) tell_builder(l, false);
    return ok;
}

static bool is_owner(Actor *a, Reloader *l)
{
    plat_lock(&l->lock);
    bool own = l->busy && value_is(l->owner, actor_pid(a));
    plat_unlock(&l->lock);
    return own;
}

// The source of the running version.
static void note_path(Reloader *l, const LoadedModule *m)
{
    size_t size = 0;
    const char *path = m ? image_text(&m->view, m->view.head->source_path, &size) : NULL;

    l->path[0] = '\0';
    if (path && size > 0 && size < sizeof l->path)
        snprintf(l->path, sizeof l->path, "%.*s", (int)size, path);
}

static Value start_compile(Actor *a, Reloader *l, Value name)
{
    ReloadJob *job = mem_zalloc(MEM_IO, sizeof *job);

    snprintf(l->module, sizeof l->module, "%s", value_symbol(name)->utf8);
    note_path(l, code_current(&actor_vm(a)->code, name));
    set_state(l, true, true);
    if (job) {
        *job = (ReloadJob){.job = {.run = run_compile, .free = free_compile}, .reloader = l};
        Value ref = job_start(a, &job->job);
        if (!value_is(ref, V_FAIL)) return ref;
    } else {
        (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "reload-module", "out of memory");
    }
    set_state(l, true, false);
    return V_FAIL;
}

// ---- linking --------------------------------------------------------------------------------------

// The name of an image's first module; false when it has none.
static bool is_loaded(CodeSpace *cs, const Buf *image)
{
    ImageView view;
    ModuleView m;
    const char *why;
    size_t size;

    if (!image_open(&view, image->data, image->size, false, &why) ||
        !image_module(&view, 0, &m, &why))
        return false;
    const char *text = image_text(&m, m.head->name, &size);
    Value name = text ? symbol_intern(cs->symbols, text, size) : V_FAIL;
    return value_is_symbol(name) && code_current(cs, name) != NULL;
}

// What the new version is the first to import comes before it.
static bool link_all(Reloader *l, Value owner, RunList *list, char *why, size_t why_size)
{
    CodeSpace *cs = &l->runtime->vm->code;
    Builder *b = l->builder;
    bool ok = true;

    plat_lock(&b->lock);
    while (ok && b->files_loaded < b->file_count) {
        Buf *image = &b->files[b->files_loaded++].image;
        if (image->size > 0 && !is_loaded(cs, image))
            ok = code_load(cs, image, list, why, why_size);
    }
    plat_unlock(&b->lock);
    return ok && code_stage(cs, &l->image, l->module, owner, list, why, why_size);
}

static Value bodies_of(Actor *a, const RunList *list)
{
    Value bodies = V_NIL;

    if (!heap_reserve(HEAP(a), 2 * (size_t)list->count)) return V_FAIL;
    for (uint32_t i = list->count; i > 0; i--) {
        bodies = heap_cons(HEAP(a), module_init_proc(list->modules[i - 1]), bodies);
    }
    return bodies;
}

static Value link_compiled(Actor *a, Reloader *l)
{
    char why[300] = "";
    RunList list = {0};
    Value result = V_NONE;

    if (!l->compiled) {
        buf_text(&l->said, "");
    } else if (link_all(l, actor_pid(a), &list, why, sizeof why)) {
        result = bodies_of(a, &list);
        if (value_is(result, V_FAIL))
            code_abandon(&actor_vm(a)->code, list.modules[list.count - 1]);
    } else {
        buf_free(&l->said);
        buf_text(&l->said, why);
    }
    run_list_free(&list);
    if (value_is_pair(result)) return result;
    if (l->compiled) tell_builder(l, false);
    return value_is(result, V_FAIL) ? V_FAIL : string_from_text(HEAP(a), buf_cstr(&l->said));
}

// ---- natives --------------------------------------------------------------------------------------

static Value fail_here(Actor *a)
{
    return fail_text(HEAP(a), ERR_BADARG, "reload-module", "there is no compiler here");
}

NATIVE_FN(reload_claim)
{
    Reloader *l = runtime_of(a)->reloader;

    (void)count;
    if (!l) return fail_here(a);
    if (value_true(args[0])) return value_bool(claim(a, l));
    if (is_owner(a, l)) set_state(l, false, false);
    return V_TRUE;
}

NATIVE_FN(reload_begin)
{
    Reloader *l = runtime_of(a)->reloader;

    (void)count;
    if (!value_is_symbol(args[0])) return fail_type(HEAP(a), "reload-module", "a symbol", args[0]);
    if (!l || !is_owner(a, l) || value_symbol(args[0])->utf8_bytes > NAME_BYTES_MAX)
        return fail_here(a);
    if (!value_is_local_ref(args[1])) {
        args[1] = start_compile(a, l, args[0]);
        return value_is(args[1], V_FAIL) ? V_FAIL : V_WAIT;
    }
    Value answer = reply_take(a, args[1]);
    if (value_is(answer, V_NONE)) return V_WAIT;
    args[1] = V_FALSE;
    return link_compiled(a, l);
}

// The version whose body this procedure is, if it is this actor's to finish.
static LoadedModule *staged_by(Actor *a, Value body)
{
    if (!value_is_proc(body)) return NULL;
    LoadedModule *m = proc_code(value_proc(body))->module;
    if (module_role(m) != ROLE_STAGED) return NULL;
    return value_is(code_owner(&actor_vm(a)->code, m), actor_pid(a)) ? m : NULL;
}

// The compiler learns of the new version while nothing is being compiled: what others evaluate is compiled
// and linked against the one or the other.
static void commit(Actor *a, Reloader *l, LoadedModule *m)
{
    CodeSpace *cs = &actor_vm(a)->code;

    plat_lock(&l->builder->lock);
    module_set_state(cs, m, MODULE_DONE);
    code_commit(cs, m);
    builder_reloaded(l->builder, l->module, true);
    if (l->runtime->evaluator) evaluator_forget(l->runtime->evaluator);
    plat_unlock(&l->builder->lock);
}

NATIVE_FN(reload_end)
{
    Reloader *l = runtime_of(a)->reloader;
    CodeSpace *cs = &actor_vm(a)->code;
    LoadedModule *m = staged_by(a, args[0]);
    bool ok = value_true(args[1]);

    (void)count;
    if (!l || !m)
        return fail_with(HEAP(a), ERR_BADARG, "reload-module", "nothing to be finished:", args[0]);
    bool kept = !ok || priv_snapshot(a, m);
    if (ok && kept) {
        commit(a, l, m);
    } else {
        code_abandon(cs, m);
        tell_builder(l, false);
    }
    if (!kept)
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    return V_UNSPECIFIED;
}

// ---- old versions -----------------------------------------------------------------------------------

#define VERSIONS_MAX 16

static Value module_value(const LoadedModule *m)
{
    return (Value){(uint64_t)m}; // an address, which reads as a fixnum
}

// What module_value gave, of this VM; NULL for anything else.
static LoadedModule *module_of(Actor *a, Value v)
{
    LoadedModule *m = (LoadedModule *)v.bits; // NOLINT: compared, not followed
    return value_is_fix(v) && v.bits != 0 && code_is_module(&actor_vm(a)->code, m) ? m : NULL;
}

static bool is_being_staged(const Actor *a, const LoadedModule *m)
{
    Vm *vm = actor_vm(a);
    return module_role(m) == ROLE_STAGED && actor_is_alive(vm, code_owner(&vm->code, m));
}

NATIVE_FN(module_versions)
{
    LoadedModule *old[VERSIONS_MAX];
    Value list = V_NIL;

    (void)count;
    if (!value_is_symbol(args[0])) return fail_type(HEAP(a), "purge-module", "a symbol", args[0]);
    CodeSpace *cs = &actor_vm(a)->code;
    if (!code_current(cs, args[0])) return V_FALSE;
    size_t n = code_old_versions(cs, args[0], old, VERSIONS_MAX);
    if (!heap_reserve(HEAP(a), 2 * n)) return V_FAIL;
    for (size_t i = 0; i < n; i++) {
        if (!is_being_staged(a, old[i])) list = heap_cons(HEAP(a), module_value(old[i]), list);
    }
    return list;
}

NATIVE_FN(module_user_p)
{
    VmWorker *w = actor_worker(a);
    LoadedModule *m = module_of(a, args[1]);

    (void)count;
    if (!value_is_local_pid(args[0]) || !m)
        return fail_with(HEAP(a), ERR_BADARG, "purge-module", "expected a pid, got", args[0]);
    if (value_is(args[0], actor_pid(a))) return value_bool(actor_stack_ops->runs(a, m));
    if (value_is_local_ref(args[2])) {
        Value v = reply_take(a, args[2]);
        return value_is(v, V_NONE) ? V_WAIT : v;
    }
    Value ref = reply_await(a);
    Sig *s = value_is(ref, V_FAIL) ? NULL
                                   : sig_plain(w->vm, w, SIG_USES, args[1], actor_pid(a), ref);
    if (!s) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "purge-module", "out of memory");
    if (!sig_send(w->vm, w, args[0], s)) return V_FALSE;
    args[2] = ref;
    return V_WAIT;
}

// #t; #f when there is nothing to be purged any more; 0 while another actor does it.
static Value begin_purge(Actor *a, LoadedModule *m)
{
    CodeSpace *cs = &actor_vm(a)->code;

    if (is_being_staged(a, m)) return value_fix(0);
    if (module_role(m) == ROLE_PURGING) {
        if (actor_is_alive(actor_vm(a), code_owner(cs, m))) return value_fix(0);
        (void)code_purge_cancel(cs, m);
    }
    return value_bool(code_purge_begin(cs, m, actor_pid(a)));
}

NATIVE_FN(module_purge)
{
    CodeSpace *cs = &actor_vm(a)->code;
    LoadedModule *m = module_of(a, args[0]);

    (void)count;
    if (!m)
        return fail_with(HEAP(a), ERR_BADARG, "purge-module", "expected a version, got", args[0]);
    bool ours = value_is(code_owner(cs, m), actor_pid(a));
    if (value_is(args[1], value_fix(0))) return begin_purge(a, m);
    if (value_is(args[1], value_fix(1))) return value_bool(ours && code_purge_cancel(cs, m));
    if (value_is(args[1], value_fix(2))) return value_bool(ours && code_purge_end(cs, m));
    return fail_with(HEAP(a), ERR_BADARG, "purge-module", "expected 0, 1 or 2, got", args[1]);
}

// ---- life -----------------------------------------------------------------------------------------

Reloader *reloader_new(Runtime *r, Builder *builder)
{
    Reloader *l = mem_zalloc(MEM_IO, sizeof *l);

    if (!l) return NULL;
    l->runtime = r;
    l->builder = builder;
    return l;
}

void reloader_free(Reloader *l)
{
    if (!l) return;
    buf_free(&l->image);
    buf_free(&l->said);
    mem_free(MEM_IO, l, sizeof *l);
}
