// See runq.h. The ring is the one of the Go scheduler: the owner alone moves the tail, everybody
// moves the head with a compare-and-swap after having read the slots, so a slot that was read but
// already taken is thrown away by the failing swap.
//
// First in, first out also across the overflow: while it holds anything, new tasks go behind it.
#include "vm/sched/runq.h"

#include "vm/base/check.h"

static void overflow_push(RunQueue *q, Task *t)
{
    t->next = NULL;
    plat_lock(&q->lock);
    if (q->overflow_last) {
        q->overflow_last->next = t;
    } else {
        q->overflow_first = t;
    }
    q->overflow_last = t;
    atomic_fetch_add_explicit(&q->overflow_count, 1, memory_order_relaxed);
    plat_unlock(&q->lock);
}

static Task *overflow_pop(RunQueue *q) // under the lock
{
    Task *t = q->overflow_first;
    if (!t) return NULL;
    q->overflow_first = t->next;
    if (!t->next) q->overflow_last = NULL;
    atomic_fetch_sub_explicit(&q->overflow_count, 1, memory_order_relaxed);
    return t;
}

static bool ring_push(RunQueue *q, Task *t)
{
    uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
    uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);

    if (tail - head >= RUNQ_SLOTS) return false;
    atomic_store_explicit(&q->slots[tail % RUNQ_SLOTS], t, memory_order_relaxed);
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return true;
}

void runq_push(RunQueue *q, Task *t)
{
    if (atomic_load_explicit(&q->overflow_count, memory_order_relaxed) == 0 && ring_push(q, t))
        return;
    overflow_push(q, t);
}

static Task *ring_pop(RunQueue *q)
{
    uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);

    for (;;) {
        uint32_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);
        if (head == tail) return NULL;
        Task *t = atomic_load_explicit(&q->slots[head % RUNQ_SLOTS], memory_order_relaxed);
        if (atomic_compare_exchange_weak_explicit(&q->head, &head, head + 1, memory_order_acq_rel,
                                                  memory_order_acquire))
            return t;
    }
}

// Moves what waits behind the ring into it.
static void refill(RunQueue *q)
{
    plat_lock(&q->lock);
    for (unsigned i = 0; i < RUNQ_SLOTS / 2; i++) {
        Task *t = overflow_pop(q);
        if (!t) break;
        CHECK(ring_push(q, t), "ring full while it is refilled");
    }
    plat_unlock(&q->lock);
}

Task *runq_pop(RunQueue *q)
{
    Task *t = ring_pop(q);

    if (UNLIKELY(!t) && atomic_load_explicit(&q->overflow_count, memory_order_relaxed) > 0) {
        refill(q);
        t = ring_pop(q);
    }
    return t;
}

static Task *steal_overflow(RunQueue *q, RunQueue *to)
{
    plat_lock(&q->lock);
    Task *first = overflow_pop(q);
    for (unsigned i = 0; first && i < RUNQ_SLOTS / 2; i++) {
        Task *t = overflow_pop(q);
        if (!t) break;
        runq_push(to, t);
    }
    plat_unlock(&q->lock);
    return first;
}

Task *runq_steal(RunQueue *q, RunQueue *to)
{
    Task *taken[RUNQ_SLOTS / 2];

    if (atomic_load_explicit(&q->overflow_count, memory_order_relaxed) > 0) {
        Task *t = steal_overflow(q, to);
        if (t) return t;
    }
    uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);
    for (;;) {
        uint32_t tail = atomic_load_explicit(&q->tail, memory_order_acquire);
        uint32_t n = tail - head;
        n -= n / 2;
        if (n == 0) return NULL;
        if (n > RUNQ_SLOTS / 2) { // head and tail were read apart
            head = atomic_load_explicit(&q->head, memory_order_acquire);
            continue;
        }
        for (uint32_t i = 0; i < n; i++) {
            taken[i] = atomic_load_explicit(&q->slots[(head + i) % RUNQ_SLOTS],
                                            memory_order_relaxed);
        }
        if (!atomic_compare_exchange_weak_explicit(&q->head, &head, head + n, memory_order_acq_rel,
                                                   memory_order_acquire))
            continue;
        for (uint32_t i = 1; i < n; i++) {
            runq_push(to, taken[i]);
        }
        return taken[0];
    }
}
