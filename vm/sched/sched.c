// The scheduler's life, guests, statistics. See sched.h.
#include "vm/sched/sched_int.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"

#include <string.h>

static Worker *worker_new(Sched *s, uint32_t index)
{
    // Cache-line aligned: the queue heads must not share lines with anything.
    Worker *w = mem_zalloc_aligned(MEM_SCHED, _Alignof(Worker), sizeof *w);

    if (!w) return NULL;
    w->index = index;
    w->sched = s;
    w->spin_ns = 20000;
    w->now_ns = plat_now_ns();
    rng_seed(&w->rng, s->seed + index);
    w->wheel = wheel_new(w->now_ns);
    if (w->wheel) return w;
    mem_free(MEM_SCHED, w, sizeof *w);
    return NULL;
}

bool sched_init(Sched *s, const SchedOps *ops, void *context, uint32_t workers, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->ops = ops;
    s->context = context;
    s->worker_count = MIN(MAX(workers, 1u), (uint32_t)SCHED_WORKERS_MAX);
    s->seed = seed;
    atomic_store_explicit(&s->epoch, 2, memory_order_relaxed);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        s->workers[i] = worker_new(s, i);
        if (!s->workers[i]) return false;
    }
    atomic_store_explicit(&s->started, 1, memory_order_release);
    return true;
}

void sched_fini(Sched *s)
{
    for (uint32_t i = 0; i < SCHED_WORKERS_MAX && s->workers[i]; i++) {
        wheel_free(s->workers[i]->wheel);
        mem_free(MEM_SCHED, s->workers[i], sizeof(Worker));
    }
}

void sched_run(Sched *s)
{
    worker_loop(s->workers[0]);
    plat_lock(&s->start_lock); // nobody starts one behind our back
    uint32_t n = atomic_load_explicit(&s->started, memory_order_relaxed);
    plat_unlock(&s->start_lock);
    for (uint32_t i = 1; i < n; i++) {
        sched_wake_worker(s, i);
        if (s->workers[i]->thread) plat_thread_join(s->workers[i]->thread);
        s->workers[i]->thread = NULL;
    }
}

void sched_stop(Sched *s)
{
    atomic_store_explicit(&s->stopping, 1, memory_order_seq_cst);
    sched_poke(s);
}

void sched_poke(Sched *s)
{
    // A worker that has polled and is about to sleep sees the count; one that sleeps is woken.
    atomic_fetch_add_explicit(&s->pokes, 1, memory_order_seq_cst);
    for (uint32_t i = 0; i < s->worker_count; i++) {
        sched_wake_worker(s, i);
    }
}

uint32_t sched_queued_at(const Sched *s, uint32_t worker)
{
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire);
    return worker < n ? worker_queued(s->workers[worker]) : 0;
}

uint32_t sched_queued(const Sched *s)
{
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire), total = 0;

    for (uint32_t i = 0; i < n; i++) {
        total += worker_queued(s->workers[i]);
    }
    return total;
}

unsigned sched_guest_enter(Sched *s)
{
    for (unsigned i = 0;; i = (i + 1) % countof(s->guest_epochs)) {
        uint64_t free_slot = 0;
        uint64_t epoch = atomic_load_explicit(&s->epoch, memory_order_acquire);
        if (atomic_compare_exchange_strong_explicit(&s->guest_epochs[i], &free_slot, epoch,
                                                    memory_order_seq_cst, memory_order_relaxed))
            return i;
        plat_cpu_relax();
    }
}

void sched_guest_leave(Sched *s, unsigned slot)
{
    atomic_store_explicit(&s->guest_epochs[slot], 0, memory_order_release);
}
