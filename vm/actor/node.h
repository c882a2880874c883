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
                      .name = vm_node_name(vm),
                      .space = &vm->space,
                      .symbols = &vm->symbols};
}

// A signal whose value is what a decoder has made (WIRE_DONE), which it takes over. NULL without memory.
MUST_USE Sig *sig_of_term(Vm *vm, VmWorker *w, SigKind kind, WireDecoder *d);

// Such a signal comes from a process of another node: words[0] becomes a pid that lies in its own memory.
// For signals of sig_of_node and sig_of_term that are no messages.
void sig_set_from(Sig *s, const External *from);
// One that carries a value which needs no copy.
MUST_USE Sig *sig_of_node(Vm *vm, SigKind kind, Value value, const External *from, Value ref);

// ---- processes of other nodes -------------------------------------------------------------------------
// A process of another node that local actors are linked to or watch, or that does so, is a *proxy* here: a
// local pid above all actors' indices. Links, monitors and watchers know it by that pid; whatever becomes
// visible shows what it stands for.

#define PROXY_INDEX_BASE ((uint32_t)1 << (ACTOR_INDEX_BITS - 1))

static inline bool pid_is_proxy(Value pid)
{
    return value_pid_index(pid) >= PROXY_INDEX_BASE;
}

// The layer that knows the other nodes.
typedef struct RemoteOps {
    // Takes a signal to a proxy over. False: there is no such proxy, or no way to it.
    bool (*signal)(Vm *vm, VmWorker *w, Value proxy, Sig *s);
    // What a proxy stands for.
    bool (*external)(Vm *vm, Value proxy, External *out);
    // The proxy of a process, with one use more, which `release` gives back; V_FALSE: its node is not joined.
    // V_FAIL: no memory. Number 0: whoever has a name there.
    Value (*proxy)(Vm *vm, uint64_t node, uint64_t number);
    void (*release)(Vm *vm, Value proxy);
} RemoteOps;

// A pid that may be a proxy's, as programs are to see it: makes an object in the actor's heap, for which
// EXTERNAL_WORDS are reserved.
Value node_visible(Actor *a, Value pid);

// `a` links itself to an external pid. When its node is not joined a trapping caller gets the exit
// noconnection as a message, any other one ends by it. False without memory.
MUST_USE bool node_link(Actor *a, Value pid);
MUST_USE bool node_unlink(Actor *a, Value pid);
// Watches an external pid, or with number 0 the process that has `name` there; when the node is not joined
// the DOWN, with noconnection, is on the way. V_FAIL without memory.
Value node_monitor(Actor *a, Value pid, Value name) MAY_GC;

#endif
