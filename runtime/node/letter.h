// What goes over a link in one frame, as its sender makes it: kind, processes and payload.
//
// Threads: any one at a time.
#ifndef RUNTIME_NODE_LETTER_H
#define RUNTIME_NODE_LETTER_H

#include "runtime/node/frame.h"
#include "vm/wire/wire.h"

typedef struct Letter {
    struct Letter *next;
    FrameType type;
    uint64_t from, to; // process numbers; 0: the node
    bool sealed;       // the payload is the frame's; else it is that of one record
    bool packed;       // compressed
    Buf payload;
} Letter;

// An empty one, NULL without memory; the parts are appended to its payload in the order of frame.def.
MUST_USE Letter *letter_new(FrameType type, uint64_t from, uint64_t to);
void letter_free(Letter *t);
// Appends a term. WIRE_DONE, WIRE_REFUSED (*refused cannot travel) or WIRE_NO_MEMORY. The value must not
// change meanwhile. *work is raised by what it cost, in objects.
WireState letter_put_term(Letter *t, const WireNode *node, Value v, Value *refused, int64_t *work);
// Makes the payload that of a whole frame, compressed if that pays. False without memory.
MUST_USE bool letter_seal(Letter *t);
// Bytes that it counts for while it waits.
size_t letter_weight(const Letter *t);

#endif
