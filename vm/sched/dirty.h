// The dirty pool: threads for what blocks or takes long. Jobs, not tasks: a job is a function and its
// argument, and whoever submitted it is told by the job itself (a signal to an actor).
//
// Threads are made when a job finds none free, and go when they have had nothing to do for a second,
// but for `kept` of them.
#ifndef VM_SCHED_DIRTY_H
#define VM_SCHED_DIRTY_H

#include "vm/sched/sched.h"

typedef struct Job {
    struct Job *next;
    void (*run)(struct Job *job);
} Job;

typedef struct DirtyPool DirtyPool;

DirtyPool *dirty_new(uint32_t kept); // NULL without memory
// Waits for the jobs that run; those that have not begun are run too.
void dirty_free(DirtyPool *p);

// From any thread. False when no thread runs and none can be started: the job was not taken.
MUST_USE bool dirty_submit(DirtyPool *p, Job *job);

#endif
