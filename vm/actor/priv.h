// Private module data: the values of module variables that this actor has for itself.
//
// Threads: the owner.
#ifndef VM_ACTOR_PRIV_H
#define VM_ACTOR_PRIV_H

#include "vm/actor/actor.h"

// The actor's own value; V_NONE when it has none. No memory is needed.
Value priv_find(const Actor *a, const Cell *c);
// The same; a marker (private kind . owner) for one that was left out when the others came.
Value priv_find_any(const Actor *a, const Cell *c);
// True for a variable that was left out: the kind of what could not travel, and whose it is.
bool priv_absent(const Actor *a, const Cell *c, Kind *kind, Value *owner);
// The same, but what a library's snapshot has is taken from there. V_NONE, V_FAIL at the heap limit.
Value priv_get(Actor *a, Cell *c) MAY_GC;
// `v` is a rooted slot.
MUST_USE bool priv_set(Actor *a, Cell *c, const Value *v) MAY_GC;

// Keeps a copy of what a library's private variables hold after its body has run, for actors that
// come to them without a value of their own.
MUST_USE bool priv_snapshot(Actor *a, LoadedModule *m);

// Data that came with a message or a spawn, as a list of (cell . value) whose cells are raw words:
// what the actor has no value of is installed. The list is in the actor's heap.
MUST_USE bool cells_install(Actor *a, Value list) MAY_GC;

#endif
