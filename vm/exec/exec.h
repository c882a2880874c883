// Running bytecode: the interpreter's face, faults, and what natives may ask of it.
#ifndef VM_EXEC_EXEC_H
#define VM_EXEC_EXEC_H

#include "vm/actor/actor.h"
#include "vm/actor/priv.h"

typedef enum {
    RUN_YIELD, // reductions are used up, or a native wants others to run first
    RUN_WAIT,  // waits for a signal or the deadline; the instruction is run again then
    RUN_EXIT,  // the thunk has returned, or the actor's reason is set
} RunEnd;

// The number of arguments that says: the required ones stand in the slots, behind them the rest list.
#define ARGC_LISTED UINT32_MAX

// Runs the actor until its slice of w->reductions_left ends.
RunEnd interp_run(VmWorker *w, Actor *a);

// The running instruction has failed: arranges that the kernel's %raise-fault is called on top of it
// with what the fault says. False when not even that has room: the actor must end.
MUST_USE bool exec_raise_fault(Actor *a) MAY_GC;
// The same for a failure on entry to a procedure (arguments in slots 0 on, a->argc of them): it is
// reported as the caller's.
MUST_USE bool exec_raise_entry_fault(Actor *a) MAY_GC;
// Between slices: raises the heap limit in an actor that has been sent too much. False: it ends.
MUST_USE bool exec_raise_limit(Actor *a) MAY_GC;
// Between slices: arranges that Vm.interrupt is called on top of the instruction that comes next. False
// when there is no room: the actor ends.
MUST_USE bool exec_interrupt(Actor *a) MAY_GC;

// The fault as a message ("car: expected a pair, got 42").
void fault_message(const Fault *f, Buf *out);

// Frames of the running actor as a list of (name file line column end-line end-column), newest
// first. V_FAIL at the heap limit.
Value exec_trace(Actor *a, size_t max) MAY_GC;

// (define name v) and (set! name v) of module variables. V_FAIL, or anything else.
Value exec_define(Actor *a, Cell *c, const Value *v) MAY_GC;
Value exec_set_global(Actor *a, Cell *c, const Value *v) MAY_GC;
// Slow half of reading one: private or unbound.
Value exec_global(Actor *a, Cell *c) MAY_GC;

#endif
