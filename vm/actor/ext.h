// What only some actors have: links, monitors, a name, timers. Made when first needed.
//
// Threads: the owner, except where a field says otherwise.
#ifndef VM_ACTOR_EXT_H
#define VM_ACTOR_EXT_H

#include "vm/actor/signal.h"
#include "vm/base/map.h"

typedef struct ActorExt {
    Map links;    // pid -> {number of the unlink that is not acknowledged yet, 0: linked}
    Map monitors; // own reference -> {target pid, name it was found by or #f}
    Map options;  // own reference -> {AliasMode, copy of what DOWN begins with (Sig *) or 0}
    Map watchers; // reference -> {watcher pid, name}
    uint64_t next_unlink;
    Map suspenders; // pid -> {how often, reference of the monitor that watches it}
    Value awaited; // reference of the reply that the actor waits for
    Sig *reply;    // that reply; NULL
    Value parent; // pid
    Value leader; // pid of who takes what the actor writes to standard output; #f: nobody
    struct SigCopy *copy; // that was too long for a slice; NULL
    // The end of the queue when the monitor marked_ref was made: an answer to it can only be behind.
    // NULL: none yet.
    Sig **mark;
    Value marked_ref;
    // The receive time-out: armed at or before the deadline, re-armed when it fires early, so that a
    // receive that succeeds need not cancel anything.
    Timer timer;
    Actor *actor;
    uint32_t serial;  // of the pid when the extension was made
    size_t mail_words; // of the messages that wait, of an actor with a heap limit
    Map sockets; // reference of an activation -> {the actor's own object for the socket, 0}
    uint32_t exposed; // messages in the queue that refer to the heap already
    Value pid;           // what it was, while the actor ends
    Value tracer;        // pid; of one that is OWN_TRACED
    uint32_t traced;     // TRACE_*
    uint64_t untold;     // events that the tracer had no room for
    struct SharedTable **doomed; // its tables, which are being emptied
    uint32_t doomed_count, doomed_capacity;
    uint32_t empty_hint; // where emptying a table has come to
} ActorExt;

// NULL without memory.
ActorExt *actor_ext(Actor *a);

#endif
