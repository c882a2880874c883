// The VM as a whole: made, given code, run, taken apart. What embeds it needs this header only.
#ifndef VM_VM_H
#define VM_VM_H

#include "vm/actor/life.h"
#include "vm/base/conf.h"

typedef struct {
    Conf conf;
    const NativeFn *natives;   // by PrimId
    const void *stdlib;        // the embedded library image; trusted
    size_t stdlib_size;
    void (*idle)(Vm *vm);      // a worker is about to sleep
    void *runtime;
    uint64_t seed;
} VmOptions;

// NULL, and a message in `why`, when the system refuses what it needs.
Vm *vm_new(const VmOptions *options, char *why, size_t why_size);
// Gives everything back. Not while it runs.
void vm_free(Vm *vm);

// Links the kernel and notes its procedures. Call after vm_new, before anything runs; what it needs run
// is appended to *list.
MUST_USE bool vm_boot(Vm *vm, RunList *list, char *why, size_t why_size);

// Runs until the main actor, which calls `thunk` (a shared procedure), has ended. Gives the exit status.
int vm_run(Vm *vm, Value thunk);

// Asks the running program to end, from any thread or a signal handler: the main actor gets an exit.
void vm_interrupt(Vm *vm, int signal);

#endif
