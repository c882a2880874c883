// Timers that send a message: (send-after ...), (start-timer ...).
//
// Threads: any worker.
#ifndef RUNTIME_TIMERS_H
#define RUNTIME_TIMERS_H

#include "vm/actor/life.h"

typedef struct Timers Timers;

Timers *timers_new(void); // NULL without memory
// Frees the timers that have not fired, with their messages.
void timers_free(Vm *vm, Timers *t);

// Takes the message over. `dest` is a pid, or a name that is looked up when the time has come. False
// without memory.
MUST_USE bool timers_start(VmWorker *w, Value ref, Value dest, Sig *message, uint64_t deadline_ns);
// True when it had not fired and now never will. False: the message is in the receiver's inbox already,
// or there is no such timer.
bool timers_cancel(VmWorker *w, Value ref, uint64_t *deadline_ns);
bool timers_read(VmWorker *w, Value ref, uint64_t *deadline_ns);

size_t timers_count(Vm *vm); // that have not fired

// The actor has ended and was the target of timers: they are cancelled.
void timers_target_ended(VmWorker *w, Value pid);

#endif
