// What happens at the VM's memory limit, so that one who takes all of it does not end the others.
//
// Model: at the limit who is small (heap and mailbox below 2 MB or a 64th of the limit) goes on with
// the reserve; who is large gets the error. What grows without the heap of its owner (spawns, messages to
// an actor that is large already, links, monitors, aliases, timers, names, tables) is refused at the limit
// where there is much of it already; a few are always to be had, so that calls go on.
//
// Threads: the worker that runs the actor.
#ifndef VM_ACTOR_LIMIT_H
#define VM_ACTOR_LIMIT_H

#include "vm/actor/actor.h"

#include "vm/base/map.h"

// The space is full. True when the running actor is small: it may use the reserve until its slice ends.
bool limit_use_reserve(Actor *a);
// May there be one more actor? An eighth of the memory is for those that live already.
bool limit_allows_spawn(Vm *vm);
// May there be one more entry in a table of what an actor, or the VM, has?
bool limit_allows_more(Vm *vm, const Map *m);
// May a message go to that actor? False at the limit when it is large, or has a long queue.
bool limit_allows_send(Vm *vm, const Actor *to);

#endif
