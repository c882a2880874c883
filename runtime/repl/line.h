// Lines typed on a terminal, with editing and a history, by libedit.
//
// libedit is loaded when a REPL starts, so that scripts do not pay for it. One editor, used by one
// thread at a time.
#ifndef RUNTIME_REPL_LINE_H
#define RUNTIME_REPL_LINE_H

#include "vm/base/buf.h"

typedef struct LineEditor LineEditor;

typedef enum {
    LINE_READ,      // a line, without its newline, was appended
    LINE_CANCELLED, // Ctrl-C
    LINE_END,       // end of input
} LineResult;

// NULL without memory. When libedit is not there lines are read as the terminal gives them, and the
// user is told so. `history`: a file where lines are kept, or NULL.
LineEditor *line_editor_new(const char *history);
void line_editor_free(LineEditor *e);

LineResult line_read(LineEditor *e, const char *prompt, Buf *out);
// Notes an input of one or several lines.
void line_remember(LineEditor *e, const char *text);
// Gives the terminal back as it was; from any thread, when the program ends.
void line_restore_terminal(LineEditor *e);

#endif
