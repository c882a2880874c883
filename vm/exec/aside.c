// See aside.h.
#include "vm/exec/aside.h"

#include "vm/actor/ext.h"
#include "vm/actor/life.h"
#include "vm/base/mem.h"
#include "vm/sched/dirty.h"

typedef struct {
    Job job;
    Actor *actor;
    VmWorker worker; // what code that works for an actor expects; no scheduler's
} Aside;

DirtyPool *vm_dirty_pool(Vm *vm)
{
    plat_lock(&vm->dirty_lock);
    if (!vm->dirty) vm->dirty = dirty_new(vm->dirty_kept);
    DirtyPool *pool = vm->dirty;
    plat_unlock(&vm->dirty_lock);
    return pool;
}

bool aside_is_due(const VmWorker *w, const Actor *a)
{
    return (a->own & OWN_ASIDE) || (w->scratch.bounded && heap_is_due(&a->heap));
}

static void work(Actor *a)
{
    if (a->own & OWN_ASIDE) {
        sig_copy_aside(a);
    } else {
        heap_collect_due(&a->heap);
    }
}

static void run(Job *job)
{
    Aside *x = container_of(job, Aside, job);
    Actor *a = x->actor;
    VmWorker *w = &x->worker;

    a->heap.scratch = &w->scratch;
    w->running = a;
    w->cache.reserve = a->own & OWN_LIMIT_HIT ? RESERVE_USED : RESERVE_NONE;
    work(a);
    atomic_store_explicit(&a->heap_words, (uint32_t)MIN(heap_words(&a->heap), UINT32_MAX),
                          memory_order_relaxed);
    a->heap.scratch = NULL;
    atomic_store_explicit(&a->status, ACTOR_RUNNABLE, memory_order_relaxed);
    Vm *vm = w->vm;
    atomic_fetch_add_explicit(&vm->minors_aside, w->scratch.minors, memory_order_relaxed);
    atomic_fetch_add_explicit(&vm->majors_aside, w->scratch.majors, memory_order_relaxed);
    space_flush(&vm->space, &w->cache);
    buf_free(&w->text);
    mem_free(MEM_SCHED, x, sizeof *x);
    sched_enqueue(&vm->sched, NULL, &a->task); // from here on the actor may run
}

bool aside_begin(Vm *vm, Actor *a)
{
    DirtyPool *pool = vm_dirty_pool(vm);
    Aside *x = pool ? mem_zalloc(MEM_SCHED, sizeof *x) : NULL;

    if (!x) return false;
    x->job.run = run;
    x->actor = a;
    x->worker.vm = vm;
    x->worker.scratch = (HeapScratch){
        .ops = &actor_heap_ops, .space = &vm->space, .cache = &x->worker.cache};
    x->worker.text = (Buf)BUF_INIT;
    if (dirty_submit(pool, &x->job)) return true;
    mem_free(MEM_SCHED, x, sizeof *x);
    return false;
}
