// One link to another node: a carrier, the handshake, then frames both ways until one side or the carrier ends.
//
// Threads: callbacks of the carrier read and write; link_send from any. A link is held (link_hold) by whoever
// keeps a pointer to it; it ends once, whoever holds it.
#ifndef RUNTIME_NODE_LINK_H
#define RUNTIME_NODE_LINK_H

#include "runtime/node/nodes.h"
#include "runtime/node/outbox.h"

void link_hold(Link *l);
void link_release(Link *l);

uint64_t link_peer(const Link *l);   // identity; of a link that is or was up
Value link_peer_name(const Link *l); // symbol

// Puts a letter, which the link takes over, into the queue. False: the link has ended, the letter is freed.
bool link_send(Link *l, Letter *t);
// After link_send: is more than the buffer waiting? Then the actor that waits for `ref` (reply_await) is told
// when it no longer is (job_answer V_TRUE), at once if that is so already.
bool link_is_congested(Link *l);
void link_await_room(Link *l, Value pid, Value ref);
// Ends it; `why` is told to the other side, and to those who watch the node as `reason`.
void link_close(Link *l, const char *why);

// ---- what a link does with frames, by kind ----------------------------------------------------------

// A frame of a link that is up, parts already taken apart. On a thread of nng, inside a guest section.
typedef struct {
    Link *link;
    Vm *vm;
    FrameType type;
    uint64_t from, to; // process numbers
    uint64_t number;
    const char *text; // or bytes
    size_t text_size;
    WireDecoder *term; // WIRE_DONE: sig_of_term makes a signal of it; NULL: the kind has none
} Arrival;

// proxy.c: links, monitors and exits. False: the frame makes no sense, the link is closed.
bool proxy_take(const Arrival *in);
// The link is gone: noconnection for whoever had relations over it. Once, after the last proxy_take.
void proxy_link_lost(Link *l);

#endif
