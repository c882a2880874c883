// Diagnostics: what the compiler tells the user, with the place, the line and a caret.
//
//   sum.eta:3:9: error: unbound name: lenght; did you mean 'length'?
//      3 |   (+ 1 (lenght x)))
//        |         ^~~~~~
#ifndef COMPILER_DIAG_H
#define COMPILER_DIAG_H

#include "compiler/source.h"
#include "vm/base/buf.h"

typedef enum { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE } Severity;

// Collects formatted diagnostics. After DIAG_ERRORS_MAX errors further ones are only counted, and
// likewise warnings.
#define DIAG_ERRORS_MAX   20
#define DIAG_WARNINGS_MAX 50
typedef struct {
    Buf text;
    unsigned errors;
    unsigned warnings;
    bool incomplete; // the (first) error is that the input ended inside a datum: a REPL reads on
    bool dropping;   // the last error or warning was only counted: so are its notes
} Diag;

void diag_init(Diag *d);
void diag_free(Diag *d);

// Adds one diagnostic with its place, source line and caret. A note belongs to the one before it.
void diag_at(Diag *d, Severity severity, Span span, const char *fmt, ...) PRINTF_LIKE(4, 5);

// Adds the source line of a place and the line that underlines it.
void diag_excerpt(Buf *out, Span span);

#endif
