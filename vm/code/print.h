// The one writer of values: display, write, and the short form that messages use.
//
// Appends UTF-8 to a Buf and never allocates on a heap, so values stay where they are. No C stack is
// used for nesting. Cyclic data get datum labels and never loop.
#ifndef VM_CODE_PRINT_H
#define VM_CODE_PRINT_H

#include "vm/base/buf.h"
#include "vm/value/object.h"

typedef enum {
    PRINT_DISPLAY, // strings and characters as themselves
    PRINT_WRITE,   // so that it reads back; labels where data are cyclic
    PRINT_SHARED,  // labels wherever something occurs twice
    PRINT_SIMPLE,  // as write: labels are for cycles only, which nothing else could end
    PRINT_TEXT,    // as SHARED; print_text only
} PrintStyle;

// `max_bytes` 0: all of it; else the text is cut there and ends in "...".
void print_value(Buf *out, Value v, PrintStyle style, size_t max_bytes);

// A datum for eval: as PRINT_SHARED, but `object` is called for whatever has no text that reads back and for
// lists and vectors that contain themselves (`cyclic`), and puts something in their place.
typedef void PrintObject(void *context, Buf *out, Value v, bool cyclic);
void print_datum(Buf *out, Value v, PrintObject *object, void *context);

// A name as a symbol that reads back, with bars when it needs them.
void print_symbol(Buf *out, const char *utf8, size_t size);

// The text form of a value for sockets: what has one only (wire.h). A local pid or reference is shown as
// that of the node, of the given identity.
void print_text(Buf *out, Value v, uint64_t identity, Value node);

#endif
