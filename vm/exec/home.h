// Homes: with ETA_ACTOR_SCHEDULER=thread-per-actor each actor runs on a thread of its own, for
// native code that wants to be called on one thread always.
//
// The scheduler stays what it is: a worker that has chosen an actor hands its place to the actor's
// thread for one slice and waits. So at most as many threads run at a time as there are workers,
// and all that belongs to a worker (caches, timers, queues) has one user.
//
// Threads: homes_run from workers; an actor that was woken while its slice was ending may be handed
// over by two workers, one after the other.
#ifndef VM_EXEC_HOME_H
#define VM_EXEC_HOME_H

#include "vm/actor/actor.h"

typedef struct Homes Homes;

Homes *homes_new(void); // NULL without memory
// The scheduler has stopped: ends and joins the threads of the actors that are left.
void homes_free(Homes *h);

// SchedOps.run: one slice on the actor's own thread. An actor for which no thread can be started
// ends with the reason system-limit.
SliceEnd homes_run(Worker *w, Task *t);

#endif
