// Finding work elsewhere, sleeping and being woken.
//
// Sleeping loses no wake-up because of [C2]: the parked bit is set by a read-modify-write, then all
// queues are looked at once more, then the worker waits on its own word, which a waker changes before
// it wakes. The injection path does the opposite: push, then read the parked bits.
#include "vm/sched/sched_int.h"

#include "vm/base/check.h"

// A lone task is left to its worker for this long.
#define LONE_TASK_NS   10000
#define SPIN_NS_MAX    50000
#define SPIN_NS_MIN    2000

static Task *steal_from(Worker *w, Worker *victim, bool lone_too)
{
    for (int p = 0; p < PRIORITIES; p++) {
        RunQueue *q = &victim->queues[p];
        uint32_t n = runq_length(q);
        if (n == 0 || (n == 1 && !lone_too)) continue;
        Task *t = runq_steal(q, &w->queues[p]);
        if (t) {
            uint64_t steals = atomic_load_explicit(&w->steals, memory_order_relaxed) + 1;
            atomic_store_explicit(&w->steals, steals, memory_order_relaxed);
            return t;
        }
    }
    return NULL;
}

static Task *steal_any(Worker *w, bool lone_too)
{
    Sched *s = w->sched;
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire);
    uint32_t first = (uint32_t)rng_below(&w->rng, n);

    for (uint32_t i = 0; i < n; i++) {
        Worker *victim = s->workers[(first + i) % n];
        if (victim == w) continue;
        Task *t = steal_from(w, victim, lone_too);
        if (t) return t;
    }
    return NULL;
}

// A lone task of a peer does not count: its worker runs it next.
static bool is_anything_queued(const Worker *w)
{
    const Sched *s = w->sched;
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire);

    if (atomic_load_explicit(&s->injected, memory_order_seq_cst)) return true;
    for (uint32_t i = 0; i < n; i++) {
        if (worker_queued(s->workers[i]) > (s->workers[i] == w ? 0 : 1)) return true;
    }
    return false;
}

// Victims with one task in a queue, and where its head stood: one that has not moved since is stuck
// behind a long slice.
typedef struct {
    uint64_t since_ns;
    uint32_t heads[SCHED_WORKERS_MAX];
} Lone;

static uint32_t heads_of(const Worker *v)
{
    uint32_t sum = 0;
    for (int p = 0; p < PRIORITIES; p++) {
        sum += atomic_load_explicit(&v->queues[p].head, memory_order_relaxed);
    }
    return sum;
}

static Task *steal_stuck(Worker *w, Lone *lone, uint64_t now)
{
    Sched *s = w->sched;
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire);
    bool ripe = now - lone->since_ns > LONE_TASK_NS;
    Task *t = NULL;

    if (lone->since_ns != 0 && !ripe) return NULL;
    for (uint32_t i = 0; i < n && !t; i++) {
        uint32_t heads = heads_of(s->workers[i]);
        if (ripe && heads == lone->heads[i] && s->workers[i] != w)
            t = steal_from(w, s->workers[i], true);
        lone->heads[i] = heads;
    }
    lone->since_ns = now;
    return t;
}

// Looks for work for a while. One worker at a time: more would only heat the processor.
static Task *spin(Worker *w)
{
    Sched *s = w->sched;
    uint32_t nobody = 0;
    Lone lone = {0};
    Task *t = NULL;

    if (!atomic_compare_exchange_strong_explicit(&s->spinning, &nobody, 1, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return NULL;
    uint64_t start = plat_now_ns(), now = start;
    uint64_t timer = wheel_next(w->wheel);
    while (!t && now - start < w->spin_ns && !sched_is_stopping(s) && !(timer && timer <= now)) {
        for (int i = 0; i < 20; i++) {
            plat_cpu_relax();
        }
        if (atomic_load_explicit(&s->injected, memory_order_relaxed)) break;
        bool surplus = atomic_load_explicit(&s->surplus, memory_order_relaxed) &&
                       atomic_exchange_explicit(&s->surplus, 0, memory_order_relaxed);
        now = plat_now_ns();
        t = steal_any(w, surplus);
        if (!t) t = steal_stuck(w, &lone, now);
        timer = wheel_next(w->wheel);
    }
    atomic_store_explicit(&s->spinning, 0, memory_order_release);
    return t;
}

// Longer after success, shorter after failure, down to not spinning but once in a while.
static void adapt_spin(Worker *w, bool found)
{
    if (found) {
        w->spin_ns = MIN(w->spin_ns * 2 + SPIN_NS_MIN, (uint64_t)SPIN_NS_MAX);
    } else {
        w->spin_ns = MAX(w->spin_ns / 2, (uint64_t)SPIN_NS_MIN);
    }
}

// True when somebody woke it for work that is there.
static bool sleep_until_woken(Worker *w)
{
    Sched *s = w->sched;
    uint64_t bit = (uint64_t)1 << w->index;

    if (s->ops->idle) s->ops->idle(w);
    atomic_store_explicit(&w->park, 1, memory_order_relaxed);
    atomic_fetch_or_explicit(&s->parked, bit, memory_order_seq_cst);
    bool poked = atomic_load_explicit(&s->pokes, memory_order_seq_cst) != w->pokes_seen;
    if (!poked && !is_anything_queued(w) && !sched_is_stopping(s)) {
        uint64_t deadline = wheel_next(w->wheel);
        uint64_t parks = atomic_load_explicit(&w->parks, memory_order_relaxed) + 1;
        atomic_store_explicit(&w->parks, parks, memory_order_relaxed);
        // A deadline that has passed must not turn into "for ever".
        if (deadline == 0 || deadline > plat_now_ns()) plat_wait(&w->park, 1, deadline);
    }
    atomic_fetch_and_explicit(&s->parked, ~bit, memory_order_seq_cst);
    return atomic_exchange_explicit(&w->park, 0, memory_order_acquire) == 0;
}

Task *worker_find_work(Worker *w)
{
    Task *t = steal_any(w, false);

    if (t) return t;
    t = spin(w);
    adapt_spin(w, t != NULL);
    if (t) return t;
    return sleep_until_woken(w) ? steal_any(w, true) : NULL;
}

void sched_wake_worker(Sched *s, uint32_t index)
{
    Worker *w = s->workers[index];

    if (atomic_exchange_explicit(&w->park, 0, memory_order_release) == 1) plat_wake(&w->park, 1);
}

static void *worker_main(void *argument)
{
    worker_loop(argument);
    return NULL;
}

static void start_worker(Sched *s)
{
    plat_lock(&s->start_lock);
    uint32_t n = atomic_load_explicit(&s->started, memory_order_relaxed);
    if (n < s->worker_count && !sched_is_stopping(s)) {
        Worker *w = s->workers[n];
        atomic_store_explicit(&s->started, n + 1, memory_order_release);
        w->thread = plat_thread_start(worker_main, w, 0, "eta-worker");
        // Without a thread the worker exists with empty queues, which harms nobody.
        if (!w->thread) s->worker_count = n;
    }
    plat_unlock(&s->start_lock);
}

void sched_wake_one(Sched *s, Worker *w)
{
    if (atomic_load_explicit(&s->spinning, memory_order_relaxed) != 0) {
        atomic_store_explicit(&s->surplus, 1, memory_order_relaxed);
        return;
    }
    uint64_t parked = atomic_load_explicit(&s->parked, memory_order_seq_cst);
    if (w) parked &= ~((uint64_t)1 << w->index);
    if (parked) {
        sched_wake_worker(s, (uint32_t)__builtin_ctzll(parked));
    } else if (atomic_load_explicit(&s->started, memory_order_relaxed) < s->worker_count) {
        start_worker(s);
    }
}

void sched_busy(Worker *w)
{
    if (worker_queued(w) > 0) sched_wake_one(w->sched, w);
}

void sched_enqueue(Sched *s, Worker *w, Task *t)
{
    if (w) {
        runq_push(&w->queues[t->priority], t);
        return;
    }
    Task *top = atomic_load_explicit(&s->injected, memory_order_relaxed);
    do {
        t->next = top;
    } while (!atomic_compare_exchange_weak_explicit(&s->injected, &top, t, memory_order_seq_cst,
                                                    memory_order_relaxed));
    // Somebody who looks for work will see it; else one sleeper is woken. All awake and busy: they
    // look every 61 dispatches.
    sched_wake_one(s, NULL);
}
