// Loading new versions of modules while actors run the old: the compiler's side. What a version is, and
// how one takes the other's place, is vm/code/reload.c; who waits for whom is std.reload.
#ifndef RUNTIME_REPL_RELOAD_H
#define RUNTIME_REPL_RELOAD_H

#include "compiler/builder.h"
#include "runtime/runtime.h"

typedef struct Reloader Reloader;

// Compiles with `builder`; both it and `r` must outlive it. NULL without memory.
Reloader *reloader_new(Runtime *r, Builder *builder);
// After the VM has gone.
void reloader_free(Reloader *reloader);

#endif
