// This process as a worker: one that another program of Eta has spawned (std.net).
//
// It is joined to its parent by a link, a socket that it has inherited. On it the parent says where to
// connect and with which token; the worker answers only when the program cannot be started, with the reason.
// When the link ends, so has the parent: the program is given a moment to notice by itself, and is then
// ended.
//
// Threads: the poller's after worker_watch; the rest is before the VM runs.
#ifndef RUNTIME_WORKER_H
#define RUNTIME_WORKER_H

#include "runtime/runtime.h"

// Takes the link over and reads what the parent has said. False: it is no link.
MUST_USE bool worker_open(Runtime *r, int fd);
// Tells the parent why the program cannot be started.
void worker_fail(const Runtime *r, const char *why);
// Makes the program connect before it begins, and watches the link. False: the reason is in `why`.
MUST_USE bool worker_watch(Runtime *r, char *why, size_t why_size);

#endif
