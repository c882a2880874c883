// What is to be sent over a link, in order: small things are put into frames at once, long ones wait their
// turn in pieces.
//
// Model: a first-in-first-out queue of letters. A letter's term lies in a signal, a copy that belongs to the
// letter, so that it can be encoded by whoever has the time: small ones by the thread that fills the next
// write, long ones by a thread of the dirty pool, whose result is sent in PART frames, in turns with everything
// else. What the same process sends later stays behind its long letter: order holds for each sender.
//
// Records for one receiver that follow each other share a header. Payloads above a KiB are compressed when that
// makes them smaller.
//
// Threads: the owner's lock around everything but where a function says otherwise.
#ifndef RUNTIME_NODE_OUTBOX_H
#define RUNTIME_NODE_OUTBOX_H

#include "runtime/node/carrier.h"
#include "runtime/node/frame.h"
#include "vm/actor/node.h"

// Longest payload of a frame that is sent whole; a longer one goes in parts of this size.
#define OUTBOX_FRAME_BYTES ((size_t)64 << 10)

typedef struct Letter {
    struct Letter *next;
    FrameType type;
    uint64_t from, to; // process numbers; 0: the node
    uint64_t number;
    Sig *sig;      // its value is the term; NULL: none
    size_t weight; // bytes that it counts for while it waits
    size_t size;   // of text or bytes
    char text[];
} Letter;

// A letter with a copy of a text or bytes. NULL without memory. From any thread.
MUST_USE Letter *letter_new(FrameType type, uint64_t from, uint64_t to, uint64_t number,
                            const void *text, size_t size);
// Gives it a term, which it takes over.
void letter_put_term(Letter *t, Sig *sig);
void letter_free(Vm *vm, Letter *t);

typedef struct Bulk Bulk;

typedef struct {
    Vm *vm;
    PlatLock *lock;
    uint64_t here, there; // identities
    WireNode node;
    Letter *first, **last;
    Bulk *bulks, *turn; // of long letters, in a ring's order; the next to be served
    uint64_t bulk_count;
    Buf filling, writing; // the next write and the one that is under way
    CarrierPiece part;    // of a bulk, behind `writing`
    Bulk *part_of;
    size_t record_at; // of the last frame of `filling` while records may be added to it; else 0
    uint64_t record_from, record_to;
    size_t waiting;               // weight of all letters
    uint64_t frames, bytes;       // sent so far
    void (*ready)(void *context); // a long letter has been encoded; without the lock
    void *context;
    uint32_t encoding; // jobs that run
    bool closed;
} Outbox;

// `lock` is the owner's. The identity of the other side (`there`) is set when it is known.
void outbox_init(Outbox *o, Vm *vm, PlatLock *lock, const WireNode *node,
                 void (*ready)(void *context), void *context);
// Frees all but what jobs have; false while there are some: again when `ready` has been called.
bool outbox_close(Outbox *o);

// Puts a letter at the end. It belongs to the outbox.
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
