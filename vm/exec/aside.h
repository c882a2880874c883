// Work on one actor's heap that takes long, done by a thread of the dirty pool while that actor alone
// waits: collecting a large heap, copying a large message.
//
// A slice does neither: a collection that would take long is put off (heap_is_due), and a copy gives
// up beyond a bound (SEND_ASIDE). The slice then ends, the actor stands aside as one that runs does
// (its inbox takes signals and wakes nobody), and is put back into a queue by the thread that did the
// work. A copy is kept for the native that wanted it, which is run again as the first thing.
//
// Threads: aside_begin from the worker whose slice ends; it must have let go of the actor.
#ifndef VM_EXEC_ASIDE_H
#define VM_EXEC_ASIDE_H

#include "vm/actor/actor.h"

// Is there such work for the actor, and would anybody gain by its being done elsewhere?
bool aside_is_due(const VmWorker *w, const Actor *a);
// Hands the actor over. False when there is no thread or no memory for it: the actor is still the caller's.
MUST_USE bool aside_begin(Vm *vm, Actor *a);

// The VM's dirty pool, made on first use; NULL without memory. From any thread.
DirtyPool *vm_dirty_pool(Vm *vm);

#endif
