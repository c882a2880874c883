// Syntax: what the reader makes, the expander consumes and quote keeps. A datum with a place and,
// for the expander, scopes.
//
// Sharing: a node may be reached from several places (a macro argument used twice, a datum label),
// so nothing but the expander's own bookkeeping is ever changed in a node after the reader has made
// it. Constants reach the passes as they are: their `scopes` and `pending` mean nothing there.
#ifndef COMPILER_SYNTAX_STX_H
#define COMPILER_SYNTAX_STX_H

#include "compiler/source.h"

// An interned name of this compilation session. Compared by pointer.
typedef struct Sym {
    const char *text; // UTF-8, NUL-terminated (a name may also hold NUL bytes: use size)
    uint32_t size;
    uint32_t id; // dense, in order of interning
    struct Sym *next;
    uint64_t hash;
    uint32_t locals;  // expander: bindings of the name in local scopes of the running units
    uint32_t version; // expander: changes with every binding, so that cached resolutions die
} Sym;

typedef enum {
    STX_NIL,
    STX_BOOL,
    STX_CHAR,
    STX_INT,    // exact integer that fits a fixnum (61 bits)
    STX_FLOAT,  // double
    STX_NUMBER, // any other exact number, kept as its text (numlex syntax, always with #x or #e if
                // needed)
    STX_STRING, // UTF-8
    STX_SYMBOL,
    STX_PAIR,
    STX_VECTOR,
    STX_BYTES,
    STX_EOF,         // only inside constants made by the compiler
    STX_UNSPECIFIED, // likewise
    STX_DEFAULT,     // likewise: the marker of an omitted optional argument
    STX_OBJECT,      // in what eval was given: an object that was not written out, by its number
} StxKind;

typedef struct Stx Stx;

struct Stx {
    uint8_t kind;
    uint8_t bracket;     // of a list: '(' or '[', or the character of a quote form: ' ` , @; else 0
    bool cyclic;         // a datum label inside refers back to this node; OBJECT: it is such a datum
    uint32_t scopes;     // symbols: interned scope set; the expander's business
    uint32_t pending;    // pairs and vectors: scope changes not yet pushed to the children
    uint32_t start, end; // span
    const Source *source; // span
    union {
        bool boolean;
        uint32_t scalar;
        int64_t integer;
        double real;
        struct {
            const char *text; // STRING, NUMBER
            size_t size;
        } text;
        Sym *symbol;
        struct {
            Stx *car, *cdr;
        } pair;
        struct {
            Stx **items;
            size_t count;
        } vector;
        struct {
            const uint8_t *data;
            size_t size;
        } bytes;
    } u;
};

// The exact integers that are STX_INT.
#define STX_INT_MAX (((int64_t)1 << 60) - 1)
#define STX_INT_MIN (-((int64_t)1 << 60))

static inline Span stx_span(const Stx *x)
{
    return (Span){x->source, x->start, x->end};
}

#endif
