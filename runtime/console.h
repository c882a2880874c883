// Standard output and error of the program.
//
// Standard output is buffered here for all actors: written when the buffer fills, at the end of a line
// on a terminal, when a worker has nothing to do, and at the end. Writing never blocks a worker: what
// a pipe does not take waits, and beyond a limit the writer waits, while a thread of the dirty pool
// writes. Standard error is written at once, after what was written to standard output before.
//
// Threads: any.
#ifndef RUNTIME_CONSOLE_H
#define RUNTIME_CONSOLE_H

#include "vm/actor/life.h"

typedef struct Console Console;

Console *console_new(void);
void console_free(Console *c);

typedef enum { CONSOLE_OK, CONSOLE_FULL, CONSOLE_FAILED } ConsoleResult;

// Appends UTF-8 to what goes to descriptor 1 or 2. CONSOLE_FULL: nothing was taken; console_drain, then
// again. CONSOLE_FAILED: writing failed, now or before; *error is the system's number.
ConsoleResult console_write(Console *c, int fd, const void *text, size_t size, int *error);

// Writes what can be written without waiting.
void console_flush_some(Console *c);
// Waits until there is room again for console_write, or writing has failed. Blocks: not on a worker.
void console_drain(Console *c);
// Is there nothing left to write? Then *error is the number of the error that writing ended with, or 0.
bool console_is_empty(Console *c, int *error);
// Does the last line that was written, on either descriptor, have no end yet?
bool console_in_line(Console *c);
// Has a program been told that writing failed?
bool console_was_told(Console *c);
// Writes everything, waiting as long as it takes. False when writing failed.
bool console_flush_all(Console *c, int *error);

#endif
