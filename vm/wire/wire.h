// Terms: values as bytes, for other nodes, for sockets, for whoever reads docs/wire-format.md.
//
// Both directions are machines with a stack of their own that stop after a piece of work and go on
// later; neither recurses on data.
//
// The encoder reads a value twice: first it finds what must be refused and which objects are met more
// than once, then it writes. While it is at work the value must neither move nor change: its owner
// does nothing else, and no collection happens (the caller looks at heap_epoch and begins anew).
// Large payloads are not copied; the result is a list of pieces, some of them blocks that it shares.
//
// The decoder trusts nothing. It makes its objects in fragments, like a copy for a message (heap/copy.h):
// no actor is needed, so that any thread can decode for a receiver. What it allocates is at most a
// constant times the bytes that it has read.
//
// Threads: any one at a time.
#ifndef VM_WIRE_WIRE_H
#define VM_WIRE_WIRE_H

#include "vm/base/buf.h"
#include "vm/base/cur.h"
#include "vm/base/map.h"
#include "vm/heap/gc.h"
#include "vm/heap/space.h"
#include "vm/value/symbol.h"

typedef enum {
#define TAG(name, byte, follows) WIRE_##name = (byte),
#include "vm/wire/wire.def"
    WIRE_SMALL = 0x80
} WireTag;

// Objects inside objects, but for the tails of lists.
#define WIRE_DEPTH_MAX 100000

struct Code;

// What terms mean here.
typedef struct WireNode {
    uint64_t identity; // of this VM
    uint64_t type_key; // see record_uid
    Value name;        // symbol: what it is called
    Space *space;
    SymbolTable *symbols;
    // Procedures: NULL where they do not travel. `describe` appends what names a procedure's code,
    // false: this one does not travel. `resolve` finds it again, for so many captured values; NULL:
    // it is not here.
    bool (*describe)(const struct WireNode *n, Value proc, Buf *out);
    struct Code *(*resolve)(const struct WireNode *n, const uint8_t *description, size_t size,
                            size_t captured);
    void *context; // theirs
} WireNode;

typedef enum {
    WIRE_DONE,
    WIRE_LATER,   // the work is used up: call again
    WIRE_REFUSED, // encoder: see `refused`. decoder: see `error`
    WIRE_MISSING, // decoder: `resolve` does not know the code; see `missing`
    WIRE_NO_MEMORY
} WireState;

// ---- encoding -----------------------------------------------------------------------------------

typedef struct {
    const uint8_t *data;
    size_t size;
    size_t capacity; // of memory that belongs to the piece (MEM_BUFFER); 0: it is in `block`
    Block *block;    // held
} WirePiece;

typedef struct {
    Value v;
    size_t index, count; // of its parts
    uint32_t how;
} WireOpen;

typedef struct {
    Value object;
    uint64_t number;
} WireCached;

// Addresses met, and whether more than once.
typedef struct {
    uint64_t *slots;
    size_t count, size; // a power of two
} SeenPart;

typedef struct {
    SeenPart *parts;
    size_t part_count; // 0, 1 or SEEN_PARTS
    bool any_shared;
} Seen;

typedef struct {
    const WireNode *node;
    Value root;
    unsigned phase;
    WireOpen *stack;
    size_t depth, capacity;
    size_t nesting;
    Seen seen;
    Map labels; // of shared objects written: number + 1
    uint64_t label_count, symbol_count;
    Map types; // uid -> number
    Map nodes; // identity -> number
    WireCached symbols[64];
    Buf out; // the piece that is being written
    WirePiece *pieces;
    size_t piece_count, piece_capacity;
    // A long string that is being written: so many bytes of it are counted, characters written.
    Value text;
    size_t text_at, text_bytes;
    Value refused; // after WIRE_REFUSED
    bool too_deep; // that is why
    bool as_text;  // set after the beginning: only looks whether the value has a text form
} WireEncoder;

void wire_encode_begin(WireEncoder *e, const WireNode *node, Value v);
// Does work worth about `*work` objects and lowers it by what it did.
WireState wire_encode_step(WireEncoder *e, int64_t *work);
size_t wire_encode_size(const WireEncoder *e); // of all pieces, once done
// Frees everything, pieces included. Always, whatever the state; a second time it does nothing.
void wire_encode_end(WireEncoder *e);

// ---- decoding -----------------------------------------------------------------------------------

typedef struct WireFrame WireFrame;
typedef struct WireLabel WireLabel;
typedef struct WireEntries WireEntries;

typedef struct {
    const WireNode *node;
    const uint8_t *start;
    Cur cur;
    size_t term; // offset of the term that is being read
    WireFrame *stack;
    size_t depth, capacity, nesting;
    size_t owed;      // parts that the open frames still wait for: a byte each at least
    size_t key_depth; // frame of the innermost map whose key is being read, + 1; 0: none
    WireLabel *labels;
    size_t label_count, label_capacity;
    Value *symbols;
    size_t symbol_count, symbol_capacity;
    Value *types;
    size_t type_count, type_capacity;
    uint64_t *nodes; // identity, name by turns
    size_t node_count, node_capacity;
    bool label_next;  // the term stands behind a LABEL
    int64_t compared; // what comparing keys may still cost
    // Text that is being copied.
    Value text;
    size_t text_at, text_size, text_count, text_from;
    uint32_t text_all;
    unsigned text_phase;
    // The result, as in heap/copy.h: pieces and blocks are the caller's once it is done.
    Value *hp, *end;
    Frag *first, *last;
    size_t words;
    Value blocks;
    Value result;
    const uint8_t *missing; // after WIRE_MISSING: the description
    size_t missing_size;
    bool no_memory;
    char error[200]; // after WIRE_REFUSED: "byte 12: ..."
} WireDecoder;

// The bytes must stay where they are until the end.
void wire_decode_begin(WireDecoder *d, const WireNode *node, const void *bytes, size_t size);
WireState wire_decode_step(WireDecoder *d, int64_t *work);
// Frees what belongs to the decoder. Unless the result was taken (wire_decode_take), that as well.
void wire_decode_end(WireDecoder *d);
// After WIRE_DONE: fragments and blocks are the caller's from now on.
static inline void wire_decode_take(WireDecoder *d)
{
    d->first = d->last = NULL;
    d->blocks = V_NIL;
}

#endif
