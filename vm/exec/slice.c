// One slice of an actor: what the scheduler runs.
#include "vm/exec/slice.h"
#include "vm/exec/aside.h"
#include "vm/exec/exec.h"

#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"

#include "vm/base/check.h"

// Numbers that others may read without asking.
static void publish(VmWorker *w, Actor *a)
{
    int64_t left = w->reductions_left;
    uint64_t used = (uint64_t)(w->reductions_published - MAX(left, -1000000000));
    uint64_t sum = atomic_load_explicit(&a->reductions, memory_order_relaxed) + used;

    atomic_store_explicit(&a->reductions, sum, memory_order_relaxed);
    sum = atomic_load_explicit(&w->reductions_sum, memory_order_relaxed) + used;
    atomic_store_explicit(&w->reductions_sum, sum, memory_order_relaxed);
    w->reductions_published = left;
    size_t words = heap_words(&a->heap);
    atomic_store_explicit(&a->heap_words, (uint32_t)MIN(words, UINT32_MAX), memory_order_relaxed);
}

static void borrow(VmWorker *w, Actor *a)
{
    w->running = a;
    a->heap.scratch = &w->scratch;
}

static void let_go(VmWorker *w, Actor *a, ActorStatus status)
{
    publish(w, a);
    a->heap.scratch = NULL;
    w->running = NULL;
    atomic_store_explicit(&a->status, status, memory_order_relaxed);
}

// An actor that was told of its limit has an eighth more until it is well below it again.
static void use_reserve(VmWorker *w, Actor *a)
{
    if (actor_below_limit(a)) a->own &= ~(uint32_t)OWN_LIMIT_HIT;
    w->cache.reserve = a->own & OWN_LIMIT_HIT ? RESERVE_USED : RESERVE_NONE;
}

// Messages alone have brought the actor to its limit.
static bool is_flooded(Actor *a)
{
    if (value_true(a->callee)) return false; // it waits in a call, where nothing can be raised
    return a->ext && a->ext->mail_words > 0 && !a->heap.scratch->ops->may_grow(&a->heap, 0);
}

// Interrupts, and the error of messages that are too many. False when the actor ends by it.
static bool raise_pending(Actor *a)
{
    if (UNLIKELY(a->own & OWN_INTERRUPTED) && !value_true(a->callee) && !exec_interrupt(a))
        return false;
    return LIKELY(!a->heap.max_words) || !is_flooded(a) || exec_raise_limit(a);
}

// Module data that came with the spawn.
static void install_birth_data(Actor *a)
{
    Value cells = a->reason;

    a->own &= ~(uint32_t)OWN_BORN;
    a->reason = V_FALSE;
    if (value_is_pair(cells) && !cells_install(a, cells))
        actor_set_exit(a, actor_vm(a)->symbol[SYM_heap_limit]);
}

static SliceEnd end_slice(VmWorker *w, Actor *a)
{
    bool main_actor = (a->own & OWN_MAIN) != 0;
    Vm *vm = w->vm;

    sig_copy_drop(vm, w, a);
    if (main_actor && atomic_load_explicit(&a->status, memory_order_relaxed) != ACTOR_EXITING)
        vm->main_ended(vm, a);
    if (!exit_slice(w, a)) {
        a->heap.scratch = NULL;
        w->running = NULL;
        return SLICE_AGAIN;
    }
    w->running = NULL;
    w->actor_ended = true;
    actor_retire(w, a);
    if (main_actor) sched_stop(&vm->sched);
    return SLICE_DONE;
}

SliceEnd slice_run(Worker *worker, Task *t)
{
    VmWorker *w = worker->context;
    Actor *a = container_of(t, Actor, task);

    borrow(w, a);
    uint64_t slices = atomic_load_explicit(&w->slices, memory_order_relaxed);
    atomic_store_explicit(&w->slices, slices + 1, memory_order_relaxed);
    w->scratch.collections = 0;
    w->scratch.root_count = 0;
    // Who is alone keeps nobody waiting.
    w->scratch.bounded = atomic_load_explicit(&w->vm->actor_count, memory_order_relaxed) > 1;
    w->scratch.fault.irritant_count = 0;
    w->reductions_left = w->reductions_published = w->vm->budget;
    w->cache.reserve = RESERVE_NONE;
    if (UNLIKELY(a->own & OWN_LIMIT_HIT)) use_reserve(w, a);
    if (UNLIKELY(a->own & OWN_BORN)) install_birth_data(a);
    for (;;) {
        if (atomic_load_explicit(&a->inbox, memory_order_relaxed) != 0 && !(a->own & OWN_EXITING))
            signals_take(a);
        if (UNLIKELY(a->own & OWN_EXITING)) return end_slice(w, a);
        if (UNLIKELY(a->own & OWN_SUSPENDED)) {
            let_go(w, a, ACTOR_SUSPENDED);
            if (inbox_sleep(a)) return SLICE_DONE;
            borrow(w, a);
            continue;
        }
        if (UNLIKELY(a->own & OWN_ASIDE)) {
            // None of its code comes between the copy and the native that asked for it.
            if (sig_copy_pending(a)) sig_copy_aside(a); // no thread was to be had
        } else if (!raise_pending(a)) {
            continue;
        }
        // Until here the status told who asked by a signal what the actor did before.
        atomic_store_explicit(&a->status, ACTOR_RUNNING, memory_order_relaxed);
        RunEnd end = interp_run(w, a);
        if (UNLIKELY(a->own & OWN_ASIDE) && !sig_copy_pending(a)) sig_copy_drop(w->vm, w, a);
        if (end == RUN_EXIT || (a->own & OWN_EXITING)) continue;
        if (UNLIKELY(aside_is_due(w, a))) {
            let_go(w, a, ACTOR_ASIDE);
            if (aside_begin(w->vm, a)) return SLICE_DONE;
            borrow(w, a);
            if (a->own & OWN_ASIDE) continue;
        }
        if (end == RUN_YIELD || w->reductions_left <= 0) {
            if (atomic_load_explicit(&a->inbox, memory_order_relaxed) != 0) {
                signals_take(a);
                if (a->own & OWN_EXITING) continue;
            }
            let_go(w, a, ACTOR_RUNNABLE);
            return SLICE_AGAIN;
        }
        if (!mailbox_arm(a)) {
            actor_set_exit(a, w->vm->symbol[SYM_heap_limit]);
            continue;
        }
        let_go(w, a, ACTOR_WAITING);
        if (inbox_sleep(a)) return SLICE_DONE; // from here on the actor may run elsewhere
        borrow(w, a);
    }
}
