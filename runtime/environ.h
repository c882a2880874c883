// The environment of the program and of the processes it starts: a copy of what the program was
// given, which the program may change. The C library's own is never written to, for other threads
// read it.
//
// Threads: any.
#ifndef RUNTIME_ENVIRON_H
#define RUNTIME_ENVIRON_H

#include "vm/base/buf.h"
#include "vm/plat/plat.h"

typedef struct Environ {
    PlatLock lock;
    char **entries; // NAME=VALUE, NULL at the end; lock
    size_t count, capacity;
} Environ;

MUST_USE bool environ_init(Environ *e);
void environ_fini(Environ *e);

// Appends the value to out. False when there is none.
bool environ_get(Environ *e, const char *name, Buf *out);
// NULL removes it. False without memory.
MUST_USE bool environ_set(Environ *e, const char *name, const char *value);
// All entries, each with its NUL.
void environ_all(Environ *e, Buf *out);

#endif
