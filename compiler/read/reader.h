// The reader: text to syntax, one datum at a time.
//
// All of R7RS section 2 and 7.1.1, plus [ ] as ( ). Data are made in the unit's arena. Every error
// is reported through the session's diagnostics with its place; after one the reader goes on behind
// the bad token, so that one run finds several. When the text ends inside a datum,
// diag->incomplete is set, if that is the first error: a REPL then reads another line.
#ifndef COMPILER_READ_READER_H
#define COMPILER_READ_READER_H

#include "compiler/session.h"

// Data nested deeper than this are refused; the reader itself uses no C stack for them.
#define READER_DEPTH_MAX 100000

typedef enum {
    READ_DATUM, // *datum is set
    READ_END,   // nothing but white space and comments was left
    READ_FAILED // an error was reported; the reader stands behind the bad datum
} ReadResult;

typedef struct {
    Compiler *c;
    const Source *source;
    uint32_t at;              // byte offset of what is to be read next; a REPL may keep it
    bool fold_case;           // #!fold-case is in force
    struct ReadFrame *frames; // open brackets and prefixes, innermost last
    uint32_t depth, capacity;
    struct ReadLabels *labels; // of the datum being read
    uint32_t suspect;          // offset + 1 of a bracket in column 1 inside another datum
    bool unfinished;           // that the text ends too early was reported
    Buf scratch;               // text with escapes resolved
} Reader;

// `from` is a byte offset: 0, or Reader.at of an earlier reader over the same text.
void reader_init(Reader *r, Compiler *c, const Source *source, uint32_t from);
void reader_free(Reader *r);

MUST_USE ReadResult reader_next(Reader *r, Stx **datum);

// All data of a text as a proper list (empty when there are none). Look at c->diag->errors for
// failure: the list holds whatever could be read.
Stx *reader_all(Compiler *c, const Source *source, bool fold_case);

#endif
