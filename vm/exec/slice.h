// One slice of an actor: what the scheduler runs.
#ifndef VM_EXEC_SLICE_H
#define VM_EXEC_SLICE_H

#include "vm/actor/actor.h"

// SchedOps.run.
SliceEnd slice_run(Worker *worker, Task *t);

#endif
