// The C side of the REPL: what is typed, compiled and linked. The loop itself is std.repl.
#ifndef RUNTIME_REPL_REPL_H
#define RUNTIME_REPL_REPL_H

#include "compiler/builder.h"
#include "runtime/repl/docs.h"
#include "runtime/runtime.h"

typedef struct Repl Repl;

// A terminal for `r`, which compiles with `builder`; both must outlive it. NULL without memory.
// `docs`: what it knows about names.
Repl *repl_new(Runtime *r, Builder *builder, const DocEntry *docs);
void repl_free(Repl *repl);

// The program ends: a thread may still wait for the user, so nothing is freed.
void repl_leave(Repl *repl);

#endif
