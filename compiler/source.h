// Source texts and positions in them.
#ifndef COMPILER_SOURCE_H
#define COMPILER_SOURCE_H

#include "vm/base/base.h"

typedef struct {
    const char *path; // as the user named it; "<repl 3>", "-e" for text that is no file
    const char *text; // not NUL-terminated
    size_t size;
    const uint32_t *line_starts; // byte offset of each line, filled by source_init
    uint32_t line_count;
    struct SourceBlocks *own; // memory, when the source owns its text
} Source;

// A stretch of one source: [start, end) byte offsets.
typedef struct {
    const Source *source; // NULL: no place (made by the compiler)
    uint32_t start, end;
} Span;

typedef struct {
    uint32_t line;   // from 1
    uint32_t column; // from 1, in characters
} Place;

#define SPAN_NONE ((Span){NULL, 0, 0})

// Wraps a text that the caller keeps alive. Finds the line starts.
void source_init(Source *s, const char *path, const char *text, size_t size);

// Reads a file (or standard input for "-"). On failure returns false and says in *why, a static
// text or strerror's, what went wrong; a directory, a NUL byte and invalid UTF-8 are failures too,
// the latter two with their byte offset in *where.
MUST_USE bool source_read(Source *s, const char *path, const char **why, size_t *where);
void source_free(Source *s);

Place source_place(const Source *s, uint32_t offset);

// The stretch between two places, both from 1; what lies outside the text is cut off.
Span source_span(const Source *s, uint32_t line, uint32_t column, uint32_t end_line,
                 uint32_t end_column);

// The line's text without its newline.
const char *source_line(const Source *s, uint32_t line, size_t *size);

#endif
