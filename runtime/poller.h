// Waiting for descriptors that may be slow (pipes, terminals, ends of child processes): one thread
// with epoll for the whole program, so that any number of actors may wait.
//
// Who waits has a ticket, which names the entry until it has fired or is cancelled. An entry either
// answers an actor (true: ready, false: too late) or calls back on the poller's thread.
//
// Threads: any.
#ifndef RUNTIME_POLLER_H
#define RUNTIME_POLLER_H

#include "vm/actor/life.h"

typedef struct Poller Poller;

Poller *poller_new(Vm *vm); // NULL without memory
// Stops the thread; what waits with a call-back is called with ready false. Nothing fires
// afterwards.
void poller_stop(Poller *p);
void poller_free(Poller *p); // after poller_stop

typedef enum { POLL_READ, POLL_WRITE } PollFor;

// The actor that waits for `ref` is answered once fd is ready or the deadline (0: none) has come;
// fd -1 waits for the deadline alone. Gives the ticket, 0 when it cannot be done (errno).
MUST_USE uint64_t poller_wait(Poller *p, int fd, PollFor what, uint64_t deadline_ns, Value pid,
                              Value ref);
// Calls back once. A descriptor has one entry at a time.
MUST_USE uint64_t poller_call(Poller *p, int fd, PollFor what,
                              void (*back)(void *context, bool ready), void *context);
// Forgets a ticket, 0 included, before its descriptor is closed. False when it has fired or is
// about to.
bool poller_cancel(Poller *p, uint64_t ticket);

#endif
