// See vm.h. Order of set-up: memory, symbols, code, actors' cells, scheduler; taken apart backwards.
#include "vm/vm.h"

#include "vm/actor/mailbox.h"
#include "vm/actor/shared.h"
#include "vm/base/check.h"
#include "vm/exec/exec.h"
#include "vm/exec/home.h"
#include "vm/exec/slice.h"
#include "vm/sched/dirty.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

// Actors there may be: 2^24 cells are 15 GiB of addresses.
#define CELLS_MAX ((uint32_t)1 << 24)

static void worker_start(Worker *worker)
{
    Vm *vm = worker->sched->context;
    VmWorker *w = &vm->workers[worker->index];

    worker->context = w;
    w->vm = vm;
    w->worker = worker;
    w->scratch = (HeapScratch){
        .ops = &actor_heap_ops, .space = &vm->space, .cache = &w->cache, .bounded = true};
    w->text = (Buf)BUF_INIT;
}

static void worker_idle(Worker *worker)
{
    Vm *vm = worker->sched->context;

    // Nothing of what has ended here stays behind while the worker sleeps, unless another still runs.
    for (int i = 0; i < 2; i++) {
        sched_advance_epoch(worker->sched);
    }
    actor_reclaim(worker->context, UINT_MAX);
    if (vm->idle) vm->idle(vm);
}

// At the REPL an interrupt stops what is being evaluated.
static void post_interrupt(Vm *vm, VmWorker *w)
{
    if (atomic_exchange_explicit(&vm->interrupted, 0, memory_order_relaxed) == 0) return;
    Sig *s = sig_plain(vm, w, SIG_INTERRUPT, V_UNSPECIFIED, V_FALSE, V_FALSE);
    if (s) sig_send(vm, w, vm->main_pid, s);
}

// An interrupt ends the main actor like an exit signal, once.
static void worker_poll(Worker *worker)
{
    Vm *vm = worker->sched->context;
    VmWorker *w = worker->context;
    uint32_t expected = 0;

    if (UNLIKELY(w->retired != NULL)) actor_reclaim(w, 4);
    uint32_t signal = atomic_load_explicit(&vm->interrupted, memory_order_relaxed);
    if (LIKELY(signal == 0)) return;
    if (vm->interrupt && signal == SIGINT) {
        post_interrupt(vm, w);
        return;
    }
    if (!atomic_compare_exchange_strong_explicit(&vm->interrupt_sent, &expected, 1,
                                                 memory_order_relaxed, memory_order_relaxed))
        return;
    Sig *s = sig_plain(vm, worker->context, SIG_EXIT, vm->symbol[SYM_interrupt], vm->main_pid,
                       V_FALSE);
    if (s) sig_send(vm, worker->context, vm->main_pid, s);
}

static const SchedOps sched_ops = {.run = slice_run, .idle = worker_idle, .poll = worker_poll};
static const SchedOps home_ops = {.run = homes_run, .idle = worker_idle, .poll = worker_poll};

// ---- set-up ---------------------------------------------------------------------------------------

static void *allocate_shared(void *context, size_t bytes)
{
    Space *s = context;

    // Symbols stay for good: half of the memory is for what comes and goes.
    size_t used = atomic_load_explicit(&s->used[REGION_SHARED], memory_order_relaxed) +
                  mem_used(MEM_SYMBOLS);
    if (s->limit != 0 && used + bytes > s->limit / 2) return NULL;
    return space_shared(s, bytes);
}

static bool make_symbols(Vm *vm, uint32_t limit)
{
    static const char *const names[SYM_COUNT] = {
#define SYMBOL(id, text) text,
#include "vm/value/symbol.def"
    };

    symbols_init(&vm->symbols, allocate_shared, &vm->space, limit);
    for (int i = 0; i < SYM_COUNT; i++) {
        vm->symbol[i] = symbol_named(&vm->symbols, names[i]);
        if (value_is(vm->symbol[i], V_FAIL)) return false;
    }
    return true;
}

static bool make_cells(Vm *vm)
{
    for (vm->cell_limit = CELLS_MAX; vm->cell_limit >= 65536; vm->cell_limit /= 2) {
        vm->cells = plat_reserve((size_t)ALIGN_UP((size_t)vm->cell_limit * CELL_BYTES, 65536));
        if (vm->cells) return true;
    }
    return false;
}

static bool init(Vm *vm, const VmOptions *o)
{
    const uint64_t *conf = o->conf.values;
    uint64_t memory = conf[CONF_MEMORY] ? conf[CONF_MEMORY] : plat_memory_limit() / 4 * 3;
    uint32_t workers = conf[CONF_SCHEDULERS] ? (uint32_t)conf[CONF_SCHEDULERS] : plat_cpu_count();

    vm->start_ns = plat_now_ns();
    vm->type_key = plat_random();
    vm->node_identity = plat_random();
    vm->budget = (uint32_t)conf[CONF_BUDGET];
    vm->dirty_kept = (uint32_t)conf[CONF_DIRTY];
    vm->idle = o->idle;
    vm->runtime = o->runtime;
    if (!space_init(&vm->space, memory)) return false;
    vm->space.other_units = &vm->actor_count;
    vm->space.other_unit_bytes = CELL_BYTES;
    if (!(vm->space.given = block_new(&vm->space, 0))) return false;
    if (!make_symbols(vm, (uint32_t)conf[CONF_SYMBOLS])) return false;
    atomic_init(&vm->node_name, vm->symbol[SYM_nonode].bits);
    if (!code_init(&vm->code, &vm->space, &vm->symbols, o->natives)) return false;
    if (!make_cells(vm)) return false;
    vm->registry = registry_new();
    vm->aliases = aliases_new();
    vm->tables = shared_tables_new();
    if (!vm->registry || !vm->aliases || !vm->tables) return false;
    if (o->conf.thread_per_actor && !(vm->homes = homes_new())) return false;
    const SchedOps *ops = vm->homes ? &home_ops : &sched_ops;
    if (!sched_init(&vm->sched, ops, vm, workers, o->seed)) return false;
    for (uint32_t i = 0; i < vm->sched.worker_count; i++) {
        worker_start(vm->sched.workers[i]);
    }
    return true;
}

Vm *vm_new(const VmOptions *options, char *why, size_t why_size)
{
    Vm *vm = mem_zalloc_aligned(MEM_VM, _Alignof(Vm), sizeof *vm);
    const char *bad;

    snprintf(why, why_size, "the system refuses the memory that a VM needs");
    if (!vm) return NULL;
    if (!init(vm, options)) {
        vm_free(vm);
        return NULL;
    }
    if (!code_add_library(&vm->code, options->stdlib, options->stdlib_size, true, &bad)) {
        snprintf(why, why_size, "standard library: %s", bad);
        vm_free(vm);
        return NULL;
    }
    return vm;
}

bool vm_boot(Vm *vm, RunList *list, char *why, size_t why_size)
{
    static const char *const names[KERNEL_COUNT] = {[KERNEL_RAISE_FAULT] = "%raise-fault"};
    static const char kernel[] = "std.kernel";

    if (!code_require(&vm->code, kernel, strlen(kernel), list, why, why_size)) return false;
    for (int i = 0; i < KERNEL_COUNT; i++) {
        vm->kernel[i] = cell_find(&vm->code, symbol_named(&vm->symbols, kernel),
                                  symbol_named(&vm->symbols, names[i]));
        if (vm->kernel[i]) continue;
        snprintf(why, why_size, "the standard library has no %s", names[i]);
        return false;
    }
    return true;
}

// ---- running --------------------------------------------------------------------------------------

int vm_run(Vm *vm, Value thunk)
{
    SpawnOptions options = {.priority = PRIORITY_NORMAL, .name = V_FALSE, .give = V_NIL};
    VmWorker *w = &vm->workers[0];
    Spawned spawned;

    if (actor_spawn(w, NULL, thunk, &options, &spawned) != SPAWNED) return 1;
    vm->main = actor_of_pid(vm, spawned.pid);
    vm->main->own |= OWN_MAIN;
    vm->main_pid = spawned.pid;
    sched_run(&vm->sched);
    return vm->exit_status;
}

void vm_interrupt(Vm *vm, int signal)
{
    atomic_store_explicit(&vm->interrupted, (uint32_t)signal, memory_order_relaxed);
    sched_poke(&vm->sched);
}

// ---- taking apart -----------------------------------------------------------------------------------

static void drop_owned(Vm *vm, VmWorker *w, ActorExt *x)
{
    MAP_EACH(&x->options, e)
    {
        if (e->b) sig_free(vm, w, (Sig *)e->b); // NOLINT: stored as a word
    }
    for (uint32_t i = 0; i < x->doomed_count; i++) {
        shared_release(vm, x->doomed[i]);
    }
    mem_free(MEM_TABLES, x->doomed, x->doomed_capacity * sizeof *x->doomed);
}

// Actors that were still there when the program ended, without running any of their code.
static void drop_actors(Vm *vm)
{
    VmWorker *w = &vm->workers[0];
    uint32_t begun = atomic_load_explicit(&vm->cells_begun, memory_order_acquire);

    for (uint32_t i = 0; i < begun; i++) {
        Actor *a = actor_at(vm, i);
        if (!(atomic_load_explicit(&a->flags, memory_order_relaxed) & ACTOR_LIVE)) continue;
        uint64_t word = atomic_exchange_explicit(&a->inbox, INBOX_DEAD, memory_order_acq_rel);
        for (Sig *s = (word & INBOX_PTR_MASK) > INBOX_DEAD ? inbox_signals(word) : NULL, *next; s;
             s = next) {
            next = sig_next(s);
            sig_free(vm, w, s);
        }
        mailbox_free(vm, w, a);
        if (a->ext) {
            if (timer_is_armed(&a->ext->timer)) (void)wheel_cancel(&a->ext->timer);
            if (a->ext->reply) sig_free(vm, w, a->ext->reply);
            drop_owned(vm, w, a->ext);
            sig_copy_drop(vm, w, a);
        }
        actor_retire(w, a);
    }
}

void vm_free(Vm *vm)
{
    if (!vm) return;
    if (vm->dirty) dirty_free(vm->dirty);
    homes_free(vm->homes);
    if (vm->cells && vm->sched.workers[0]) drop_actors(vm);
    for (uint32_t i = 0; i < SCHED_WORKERS_MAX; i++) {
        actor_free_retired(&vm->workers[i]);
        buf_free(&vm->workers[i].text);
    }
    sched_fini(&vm->sched);
    code_fini(&vm->code);
    registry_free(vm->registry);
    aliases_free(vm->aliases);
    shared_tables_free(vm, vm->tables);
    symbols_fini(&vm->symbols);
    if (vm->cells)
        plat_release(vm->cells, (size_t)ALIGN_UP((size_t)vm->cell_limit * CELL_BYTES, 65536));
    if (vm->space.given) block_release(&vm->space, vm->space.given);
    space_fini(&vm->space);
    mem_free(MEM_VM, vm, sizeof *vm);
}
