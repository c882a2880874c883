// Tracing: an actor that is traced tells another, its tracer, what it does, by messages (trace pid what
// x ...): send message to, receive message, spawn pid, exit reason.
//
// Who is not traced pays a test of one bit of its own where these things happen. What is told is bounded:
// while about TRACE_WAITING_MAX messages wait for the tracer, events are counted instead, and the next that
// has room is preceded by (trace pid dropped n). Long or untransferable parts are shown as the symbol
// not-shown. Messages to a tracer are not traced when they come, so two actors may trace each other. A
// tracer's end ends the tracing.
//
// Threads: the traced actor's.
#ifndef VM_ACTOR_TRACE_H
#define VM_ACTOR_TRACE_H

#include "vm/actor/signal.h"

enum {
    TRACE_SEND = 1,
    TRACE_RECEIVE = 2,
    TRACE_EXITS = 4,
    TRACE_SPAWNS = 8,
    TRACE_ON_SPAWN = 16, // what it spawns is traced likewise
    TRACE_ALL = 31
};

#define TRACE_WAITING_MAX 10000

// Of an actor that is OWN_TRACED.
void trace_sent(Actor *a, Value message, Value to);
void trace_received(Actor *a, const Sig *s);
void trace_exited(Actor *a);
void trace_spawned(Actor *a, Actor *child); // a child that has not been woken yet

// SIG_TRACE; the answer is #t, #f when another traces the actor already, or without memory; when tracing
// is ended the number of events that were dropped and not told of.
void trace_take(Actor *a, Sig *s);
// The same by the actor itself.
Value trace_set(Actor *a, Value tracer, uint32_t flags);

#endif
