// Commands to the REPL itself: a line that begins with a comma.
#ifndef RUNTIME_REPL_COMMAND_H
#define RUNTIME_REPL_COMMAND_H

#include "runtime/repl/docs.h"
#include "vm/base/buf.h"

typedef enum {
    COMMAND_NONE,   // the line is none
    COMMAND_SAID,   // what there is to say is all
    COMMAND_INPUT,  // `input` is to be read instead of the line
    COMMAND_TIMED,  // likewise, and its evaluation timed
    COMMAND_ACTORS, // the actors are to be listed
    COMMAND_QUIT,
} Command;

// `line`: without its newline. Appends to both buffers.
Command command_read(const DocEntry *docs, const char *line, Buf *said, Buf *input);

#endif
