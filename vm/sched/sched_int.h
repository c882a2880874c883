// Shared by the files of vm/sched.
#ifndef VM_SCHED_SCHED_INT_H
#define VM_SCHED_SCHED_INT_H

#include "vm/sched/runq.h"
#include "vm/sched/sched.h"
#include "vm/sched/wheel.h"

void worker_loop(Worker *w);
uint32_t worker_queued(const Worker *w); // tasks in its queues

// A worker without tasks: steals, looks around for a while, sleeps. NULL after a sleep.
Task *worker_find_work(Worker *w);

// Wakes one sleeping worker, or starts one, unless somebody is looking for work already.
void sched_wake_one(Sched *s, Worker *w);
// Wakes a particular worker when it sleeps.
void sched_wake_worker(Sched *s, uint32_t index);

#endif
