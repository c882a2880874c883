// One worker's queue of one priority. See RunQueue in sched.h.
#ifndef VM_SCHED_RUNQ_H
#define VM_SCHED_RUNQ_H

#include "vm/sched/sched.h"

// By the owner.
void runq_push(RunQueue *q, Task *t);
// By the owner; NULL when it is empty.
Task *runq_pop(RunQueue *q);
// By anybody: takes about half of the ring into `to`, which the caller owns, and returns one more
// task to run now. NULL when there was nothing to take.
Task *runq_steal(RunQueue *q, RunQueue *to);

static inline uint32_t runq_length(const RunQueue *q)
{
    uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);
    uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    return tail - head + atomic_load_explicit(&q->overflow_count, memory_order_relaxed);
}

#endif
