// See runtime.h: set-up, loading, running.
#include "runtime/runtime.h"
#include "runtime/eval/evaluator.h"
#include "runtime/native/natives.h"
#include "runtime/node/nodes.h"

#include "vm/base/check.h"
#include "vm/exec/native.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

// The embedded image (tools/dev/stdlib_image.S).
extern const uint8_t eta_stdlib_image[], eta_stdlib_image_end[];

static const char boot_module[] = "std.boot";

// ---- hooks ------------------------------------------------------------------------------------------

static void idle(Vm *vm)
{
    console_flush_some(((Runtime *)vm->runtime)->console);
}

// ---- set-up -----------------------------------------------------------------------------------------

static bool init(Runtime *r, const Conf *conf, char *why, size_t why_size)
{
    VmOptions options = {.conf = *conf,
                         .natives = native_table,
                         .stdlib = eta_stdlib_image,
                         .stdlib_size = (size_t)(eta_stdlib_image_end - eta_stdlib_image),
                         .idle = idle,
                         .runtime = r,
                         .seed = plat_random()};

    snprintf(why, why_size, "out of memory");
    r->console = console_new();
    r->input = input_new();
    r->timers = timers_new();
    if (!r->console || !r->input || !r->timers || !environ_init(&r->environ)) return false;
    r->vm = vm_new(&options, why, why_size);
    if (!r->vm) return false;
    r->nodes = nodes_new(r->vm);
    if (!r->nodes) return false;
    r->poller = poller_new(r->vm);
    if (!r->poller) return false;
    r->files.vm = r->vm;
    r->files.poller = r->poller;
    r->files.console = r->console;
    r->net.vm = r->vm;
    r->net.poller = r->poller;
    r->vm->report = runtime_actor_ended;
    r->vm->main_ended = runtime_main_ended;
    r->vm->info = info_actor;
    r->vm->target_ended = timers_target_ended;
    r->vm->remote = &proxy_remote_ops;
    return info_init(r) && vm_boot(r->vm, &r->program, why, why_size);
}

bool runtime_init(Runtime *r, const Conf *conf, char *why, size_t why_size)
{
    memset(r, 0, sizeof *r);
    r->link.fd = r->link.timer_fd = -1;
    if (init(r, conf, why, why_size)) return true;
    runtime_fini(r);
    return false;
}

void runtime_fini(Runtime *r)
{
    run_list_free(&r->program);
    nodes_stop(r->nodes);
    evaluator_free(r->evaluator);
    input_stop(r->input);
    if (r->vm) timers_free(r->vm, r->timers);
    poller_stop(r->poller);
    vm_free(r->vm);
    poller_free(r->poller);
    nodes_free(r->nodes);
    console_free(r->console);
    input_free(r->input);
    environ_fini(&r->environ);
    runtime_free_texts(r);
    buf_free(&r->link.told);
    buf_free(&r->folders);
    memset(r, 0, sizeof *r);
}

// ---- the program ------------------------------------------------------------------------------------

bool runtime_load(Runtime *r, Buf *image, bool own, char *why, size_t why_size)
{
    if (own) {
        r->own = image->data;
        r->own_size = image->size;
    }
    return code_load(&r->vm->code, image, &r->program, why, why_size);
}

// The procedure that calls a module's main, if the program's end of loading is to call it.
static Value main_of(const Runtime *r, LoadedModule *m)
{
    Cell *main = module_main(m);
    bool own = m == r->repl_module || m == r->worker_module || (size_t)(m->view.base - r->own) < r->own_size;

    if (!main || !own) return V_FALSE;
    return value_from_words(&main->stub, TAG_PROC);
}

Value runtime_program_modules(Actor *a)
{
    Runtime *r = runtime_of(a);
    Value list = V_NIL;

    if (!heap_reserve(HEAP(a), 4 * (size_t)r->program.count)) return V_FAIL;
    for (uint32_t i = r->program.count; i > 0; i--) {
        LoadedModule *m = r->program.modules[i - 1];
        Value entry = heap_cons(HEAP(a), module_init_proc(m), main_of(r, m));
        list = heap_cons(HEAP(a), entry, list);
    }
    return list;
}

bool runtime_load_repl(Runtime *r, char *why, size_t why_size)
{
    static const char name[] = "std.repl";
    Vm *vm = r->vm;

    if (!code_require(&vm->code, name, strlen(name), &r->program, why, why_size)) return false;
    r->repl_module = r->program.modules[r->program.count - 1];
    vm->interrupt = cell_find(&vm->code, symbol_named(&vm->symbols, name),
                              symbol_named(&vm->symbols, "%interrupted"));
    vm->evaluator_ended = runtime_evaluator_ended;
    snprintf(why, why_size, "std.repl has no %%interrupted");
    return vm->interrupt != NULL;
}

// The procedure that the main actor runs: the body of std.boot, which runs the others.
static Value boot_proc(Runtime *r, char *why, size_t why_size)
{
    RunList list = {0};
    Value proc = V_NONE;

    if (code_require(&r->vm->code, boot_module, strlen(boot_module), &list, why, why_size) &&
        list.count > 0)
        proc = module_init_proc(list.modules[list.count - 1]);
    run_list_free(&list);
    return proc;
}

int runtime_run(Runtime *r)
{
    char why[200] = "std.boot is missing";
    int error;
    Value boot = boot_proc(r, why, sizeof why);

    if (value_is(boot, V_NONE)) {
        fprintf(stderr, "error: %s\n", why);
        return 1;
    }
    int status = vm_run(r->vm, boot);
    net_finish(&r->net, status);
    if (files_finish(&r->files) > 0 && status == 0) status = 1;
    if (!console_flush_all(r->console, &error) && !console_was_told(r->console)) {
        fprintf(stderr, "error: standard output: %s\n", strerror(error));
        if (status == 0) status = 1;
    }
    return status;
}
