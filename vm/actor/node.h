// This VM as a node: what terms mean to it, and messages made of terms.
//
// Threads: any.
#ifndef VM_ACTOR_NODE_H
#define VM_ACTOR_NODE_H

#include "vm/actor/signal.h"
#include "vm/wire/wire.h"

// Procedures do not travel; the layer of nodes sets what lets them.
static inline WireNode vm_wire_node(Vm *vm)
{
    return (WireNode){.identity = vm->node_identity,
                      .type_key = vm->type_key,
                      .name = vm->node_name,
                      .space = &vm->space,
                      .symbols = &vm->symbols};
}

// A signal whose value is what a decoder has made (WIRE_DONE), which it takes over. NULL without memory.
MUST_USE Sig *sig_of_term(Vm *vm, VmWorker *w, SigKind kind, WireDecoder *d);

// ---- pids of other nodes ----------------------------------------------------------------------------
// The one place that knows how to reach them: what follows acts as for a node that is not joined.

// `a` links itself to an external pid: a trapping caller gets the exit noconnection as a message, any
// other one ends by it. False without memory.
MUST_USE bool node_link(Actor *a, Value pid);
// Watches an external pid: its DOWN, with noconnection, is on the way. V_FAIL without memory.
Value node_monitor(Actor *a, Value pid, Value name) MAY_GC;

#endif
