// Shared by the files of the decoder: frames, room for objects, and making a persistent map of its
// entries.
#ifndef VM_WIRE_DECODE_INT_H
#define VM_WIRE_DECODE_INT_H

#include "vm/wire/wire.h"

typedef enum { FRAME_LIST, FRAME_SLOTS, FRAME_MAP, FRAME_SET, FRAME_TABLE } FrameKind;

#define NO_FRAME SIZE_MAX
#define NO_LABEL SIZE_MAX

// An object under construction.
struct WireFrame {
    FrameKind kind;
    bool tail, ended; // the tail of a list, which is no nesting; a list whose tail is being read
    bool has_tail;
    Value object;
    size_t start;         // offset of its term: frames with the same are the same
    size_t index, count;  // of its parts
    Value *at;            // next slot or pair,
    size_t room;          // so many pairs
    Value *link;          // of a list: where the next pair goes
    size_t label;         // or NO_LABEL
    size_t low;           // outermost open frame that something in here refers to, or NO_FRAME
    size_t outer_key;     // key_depth when it was opened
    WireEntries *entries; // of a map or set
};

struct WireLabel {
    Value value;
    size_t frame, start;   // its frame, while stack[frame].start == start
    size_t low, low_start; // likewise the outermost frame that it refers to
};

// Words in the fragment; NULL without memory.
Value *wire_take(WireDecoder *d, size_t words);
// The decoder has failed at the term that it reads.
WireState wire_fail(WireDecoder *d, const char *fmt, ...) PRINTF_LIKE(2, 3);
// Doubles an array. False without memory.
MUST_USE bool wire_grow(void **items, size_t *capacity, size_t item_bytes);

WireState wire_fail_end(WireDecoder *d, const char *what);
// An object whose payload is still to be filled; NULL without memory.
Value *wire_object(WireDecoder *d, Kind kind, size_t payload);
// A part of the innermost object is complete (or known by reference).
WireState wire_deliver(WireDecoder *d, Value v);
// Gives the value of this term its label, if it stands behind a LABEL.
WireState wire_label(WireDecoder *d, Value v, size_t frame, size_t *label);

// ---- terms without parts (decode_atom.c), behind their tags ------------------------------------------

// V_NONE: *state says why not.
Value wire_read_integer(WireDecoder *d, uint8_t tag, WireState *state);
WireState wire_read_ratio(WireDecoder *d);
WireState wire_read_flonum(WireDecoder *d);
WireState wire_read_char(WireDecoder *d);
WireState wire_read_symbol(WireDecoder *d, uint8_t tag, Value *out);
WireState wire_read_id(WireDecoder *d, bool pid, Value *out);
WireState wire_read_text(WireDecoder *d, uint8_t tag);
// Goes on with a string or bytevector.
WireState wire_text_step(WireDecoder *d, int64_t *work);

// ---- entries of a map (decode_map.c) --------------------------------------------------------------

typedef struct {
    Value key, value;
    uint64_t order; // digits of the hash, the one of the root first
} WireEntry;

WireEntries *entries_new(void);
void entries_free(WireEntries *x);
// The entry's value is a set's #t or comes later (entries_value).
WireState entries_key(WireDecoder *d, WireEntries *x, Value key);
void entries_value(WireEntries *x, Value v);
// Makes the trie, in steps; at the end (WIRE_DONE) its root.
WireState entries_build(WireDecoder *d, WireEntries *x, Value *root, int64_t *work);

#endif
