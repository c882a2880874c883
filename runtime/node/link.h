// One link to another node: a carrier, the handshake, then frames both ways until one side or the carrier
// ends.
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
bool link_is_hidden(const Link *l);  // the other side
Value link_peer_name(const Link *l); // symbol

// Puts a letter, which the link takes over, into the queue. False: the link has ended, the letter is freed.
bool link_send(Link *l, Letter *t);
// After link_send: does more wait than the buffer holds? If so the actor that waits for `ref` (reply_await)
// is told V_TRUE when that is over.
bool link_await_room(Link *l, Value pid, Value ref);
bool link_is_congested(Link *l);
// Ends it in order: what was sent before is sent, then the other side is told `why`, and so are those who
// watch the node.
void link_close(Link *l, const char *why);
// The same at once, without a word.
void link_break(Link *l);

// Not when it is about to end.
bool link_is_open(Link *l);
// The actor that waits for ref is told when the link, which is about to end, has ended. False: it has.
bool slot_await_end(Nodes *n, Link *l, Value pid, Value ref);

// What is known about a link, for node-info.
typedef struct {
    uint64_t bytes_in, bytes_out, frames_in, frames_out, queued, round_trip_ns;
} LinkNumbers;
void link_numbers(Link *l, LinkNumbers *out);

#endif
