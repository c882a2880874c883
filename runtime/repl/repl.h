// The C side of the REPL: what is typed, compiled and linked. The loop itself is std.repl.
#ifndef RUNTIME_REPL_REPL_H
#define RUNTIME_REPL_REPL_H

#include "runtime/repl/docs.h"
#include "runtime/runtime.h"

typedef struct Repl Repl;

// A terminal for `r`, which must outlive it and have an evaluator. NULL without memory. `docs`: what it
// knows about names.
Repl *repl_new(Runtime *r, const DocEntry *docs);
void repl_free(Repl *repl);

// The program ends: a thread may still wait for the user, so nothing is freed.
void repl_leave(Repl *repl);

#endif
