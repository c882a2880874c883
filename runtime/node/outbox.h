// What is to be sent over a link, in order: small letters are put into frames at once, long ones wait their
// turn in pieces.
//
// Model: a first-in-first-out queue of letters. Each write takes as many as fit; messages for one receiver
// that follow each other share a header. A long letter is sent in PART frames, one in each write, in turns
// with the other long ones. What the same process sends later stays behind its long letter: order holds for
// each sender.
//
// Threads: the owner's lock around everything.
#ifndef RUNTIME_NODE_OUTBOX_H
#define RUNTIME_NODE_OUTBOX_H

#include "runtime/node/carrier.h"
#include "runtime/node/letter.h"

// Longest payload of a frame that is sent whole; a longer one goes in parts of this size.
#define OUTBOX_FRAME_BYTES ((size_t)64 << 10)

typedef struct Bulk Bulk;

typedef struct {
    uint64_t here, there; // identities
    Letter *first, **last;
    Bulk *bulks, *turn; // of long letters; the next to be served
    uint64_t bulk_count;
    Buf filling, writing; // the next write and the one that is under way
    CarrierPiece part;    // of a bulk, behind `writing`
    Bulk *part_of;
    size_t
        record_at; // of the last frame of `filling`, + 1, while records may be added to it; else 0
    uint64_t record_from, record_to;
    size_t waiting;         // weight of all letters
    uint64_t frames, bytes; // sent so far
    bool failed;
} Outbox;

void outbox_init(Outbox *o, uint64_t here);
void outbox_free(Outbox *o);

// Puts a letter at the end. It belongs to the outbox. One that is longer than a frame has been sealed.
void outbox_put(Outbox *o, Letter *t);
// Frames that stand already, of the handshake: before all else.
void outbox_put_raw(Outbox *o, const Buf *frames);
// There was no memory: what was to be sent is lost, and so is the link.
bool outbox_failed(const Outbox *o);
// Makes the next write: pieces for carrier_write, which stay until outbox_written. 0: there is nothing now.
size_t outbox_fill(Outbox *o, CarrierPiece pieces[2]);
void outbox_written(Outbox *o);
// Bytes that wait, whatever they are in.
size_t outbox_size(const Outbox *o);

#endif
