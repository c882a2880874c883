// An actor's life: cells, spawning, links and monitors, names, the end.
//
// Threads: by the owner of the actor concerned, on a worker.
#ifndef VM_ACTOR_LIFE_H
#define VM_ACTOR_LIFE_H

#include "vm/actor/ext.h"
#include "vm/actor/signal.h"

// ---- birth --------------------------------------------------------------------------------------

typedef struct {
    bool link, monitor;
    uint8_t priority;
    Value name;      // symbol or #f
    uint32_t max_heap; // KiB-words, 0: none
    size_t min_heap;   // words, 0: none
    Value give;        // list: the handles in it, as far as the thunk captures them, go to the new actor
} SpawnOptions;

typedef enum { SPAWNED, SPAWN_REFUSED, SPAWN_NO_MEMORY, SPAWN_NAME_TAKEN } SpawnResult;

typedef struct {
    Value pid;
    Value ref;     // of the monitor
    Value refused; // after SPAWN_REFUSED
} Spawned;

// A new actor that will call `start` with a copy of the thunk, already linked and monitored as asked,
// runnable. `parent` runs; NULL for the program's main actor, whose thunk must be shared.
SpawnResult actor_spawn(VmWorker *w, Actor *parent, Value thunk, const SpawnOptions *options,
                        Spawned *out);

// Gives the memory of an ended actor back and puts its cell aside until nobody can be looking at it.
void actor_retire(VmWorker *w, Actor *a);
// From here on the pid is a dead actor's, and what has come is answered as by one.
void actor_close(VmWorker *w, Actor *a);
// Makes at most `max` cells of ended actors ready for use again, as far as nobody can be looking at them.
// Workers do it all along: those that end actors need not be those that spawn.
void actor_reclaim(VmWorker *w, unsigned max);
// Frees what retired cells still hold, at the end of the VM.
void actor_free_retired(VmWorker *w);
// All that counts against its limit: the heap and the messages that wait.
size_t actor_words(const Actor *a);
// The actor is at its heap limit. True when it is to get the error; false when it had it before and
// has used up what it was given to handle it.
bool actor_tell_limit(Actor *a);
bool actor_below_limit(const Actor *a); // well below: an eighth at least
// The collector's and allocator's view of actors.
extern const HeapOwnerOps actor_heap_ops;
// Of the layer above: how stacks are visited, made and given back.
typedef struct {
    void (*init)(Actor *a, Value thunk);
    void (*fini)(Actor *a);
    void (*visit)(Actor *a, Gc *gc);
    void (*visit_piece)(Actor *a, Gc *gc, Value *object);
    // Is there a frame of the module's code, in the stack or in a continuation?
    bool (*runs)(Actor *a, const LoadedModule *m);
} StackOps;
extern const StackOps *const actor_stack_ops;

// ---- links and monitors ---------------------------------------------------------------------------

typedef enum { LINK_DONE, LINK_NOPROC, LINK_NO_MEMORY } LinkResult;

LinkResult actor_link(Actor *a, Value pid);
MUST_USE bool actor_unlink(Actor *a, Value pid);
// A new reference under which `a` watches pid (found by `name`, or #f). V_FAIL without memory. When
// the target is gone, a DOWN with reason noproc is on its way.
Value actor_monitor(Actor *a, Value pid, Value name);
// True when the monitor was still there.
bool actor_demonitor(Actor *a, Value ref);

// Handles the signals of links and monitors; those of messages are mailbox.c's.
void link_signal(Actor *a, Sig *s);

Value actor_make_ref(Actor *a);

// ---- orders ---------------------------------------------------------------------------------------

// What one actor has another do, by SIG_INFO.
typedef enum { ORDER_COLLECT, ORDER_SUSPEND, ORDER_RESUME, ORDERS } ActorOrder;

// #t, or #f when it could not be done.
Value order_obey(Actor *a, ActorOrder order, Value from) MAY_GC;
// Stands for a name in the monitor that watches who has suspended the actor.
#define MONITOR_SUSPENDER value_fix(1)
// If the monitor is one of those: the actor is no longer suspended by who has ended.
bool order_suspender_gone(Actor *a, const MapEntry *monitor);

// ---- aliases --------------------------------------------------------------------------------------

// Until when messages to a reference count: until it is switched off; also until its monitor has ended;
// also until one message has come.
typedef enum { ALIAS_NONE, ALIAS_EXPLICIT, ALIAS_DEMONITOR, ALIAS_REPLY, ALIAS_MODES } AliasMode;

typedef struct Aliases Aliases;

Aliases *aliases_new(void);
void aliases_free(Aliases *t);
// Makes a reference of the actor's an alias. `tag` (or NULL) is a copy of what the DOWN of its monitor
// begins with, which is taken over. False without memory.
MUST_USE bool alias_add(Actor *a, Value ref, AliasMode mode, Sig *tag);
// Switches it off. True when it was on.
bool alias_remove(Actor *a, Value ref);
// The monitor has ended: the alias may end with it. Gives the tag, which is the caller's now, or NULL.
Sig *alias_monitor_gone(Actor *a, Value ref);
// A message to the reference has come: does it count? Afterwards the alias may be off. One that was not
// sent to an alias answers a request, and counts while the monitor is there, which it ends.
bool alias_accepts(Actor *a, Value ref, bool sent_to_alias);
// The actor ends. False when the budget is used up.
bool aliases_drop(Actor *a, unsigned *budget);
// Whose it is, or #f. From any thread.
Value alias_owner(Vm *vm, Value ref);

// ---- names --------------------------------------------------------------------------------------

typedef struct Registry Registry;

Registry *registry_new(void);
void registry_free(Registry *r);

typedef enum { NAME_OK, NAME_TAKEN, NAME_HAS_ONE, NAME_DEAD, NAME_NO_MEMORY } NameResult;

NameResult registry_add(Vm *vm, Value name, Value pid);
bool registry_remove(Vm *vm, Value name);
Value registry_find(Vm *vm, Value name); // pid, or #f
Value registry_name_of(Vm *vm, Value pid); // symbol, or #f
void registry_forget(Vm *vm, Actor *a);    // at the end of one that has a name
// Copies at most `max` names; returns how many there are.
size_t registry_names(Vm *vm, Value *out, size_t max);

// ---- the end ------------------------------------------------------------------------------------

// Ends the actor with a reason in its heap. What happens to others is done by exit_slice.
void actor_set_exit(Actor *a, Value reason);

// What a signal that comes too late is answered with; frees it. `pid` is the dead one's.
void signal_to_dead(VmWorker *w, Value pid, Sig *s);

// One slice of the end, in this order: name, inbox closed, pid dead, DOWNs and EXITs, memory. True when
// nothing is left of the actor.
bool exit_slice(VmWorker *w, Actor *a);

#endif
