// Work that blocks, done for an actor by a thread of the dirty pool while the actor waits.
//
// A native that must wait submits a job, keeps the reference in one of its argument slots and returns
// V_WAIT; when it is run again, reply_take tells whether the answer has come. An actor that is killed
// meanwhile is gone at once: the job ends for nobody.
#ifndef RUNTIME_JOBS_H
#define RUNTIME_JOBS_H

#include "vm/actor/life.h"

typedef struct ActorJob {
    Job job;
    Vm *vm;
    Value pid, ref;
    // On a dirty thread. Gives what the actor is told: an immediate value.
    Value (*run)(struct ActorJob *job);
    void (*free)(struct ActorJob *job); // after the answer was sent, on the dirty thread
} ActorJob;

// Starts the job; the actor must wait next. Gives the reference of the answer; V_FAIL (fault set, job
// freed) when no thread can be had.
Value job_start(Actor *a, ActorJob *job);

// Answers an actor that waits for `ref`, from a thread that is no worker.
void job_answer(Vm *vm, Value pid, Value ref, Value answer);

// Runs a job for nobody, on a dirty thread; here when there is none to be had.
void job_detach(Vm *vm, Job *job);

#endif
