// The handshake of two nodes, without any input or output of its own: frames go in, frames come out.
//
//   dialler                                   listener
//   HELLO      versions, nonce, identity, name  ->
//              <-  CHALLENGE  version, nonce, identity, name
//   PROOF      over all of the above            ->
//              <-  ACCEPT     the listener's own proof
//   READY                                       ->      the link is up on both sides
//
// A proof is HMAC-SHA-256 with the cookie as key over the role of who proves, both nonces, identities and
// names: the transcript, byte for byte as it went over the wire. So it can be neither replayed (nonces) nor
// reflected (roles, identities), and nobody learns the cookie from it but by guessing; the dialler proves
// itself first, so that whoever merely connects is given nothing to guess with.
//
// Two nodes that dial each other at the same time end with one link: HANDSHAKE_KNOWN and HANDSHAKE_PROVED
// are the moments at which the table of nodes decides (nodes.h).
//
// Threads: any one at a time.
#ifndef RUNTIME_NODE_HANDSHAKE_H
#define RUNTIME_NODE_HANDSHAKE_H

#include "runtime/node/frame.h"

#define HANDSHAKE_NONCE_BYTES 32
#define HANDSHAKE_PROOF_BYTES 32
// Of a node's name, in bytes of UTF-8.
#define NODE_NAME_BYTES 255

enum { NODE_HIDDEN = 1 }; // flags of a node: it joins only whom it is told to

typedef struct {
    uint64_t identity;
    uint8_t flags;
    char name[NODE_NAME_BYTES + 1];
} NodeSelf;

typedef enum {
    HANDSHAKE_WAITS,  // for more frames
    HANDSHAKE_KNOWN,  // dialler: `peer` is who answered, not yet proved; handshake_prove or reject
    HANDSHAKE_PROVED, // listener: the peer has proved itself; handshake_accept or reject
    HANDSHAKE_UP,     // the link stands; after a dialler's UP handshake_ready has been written
    HANDSHAKE_FAILED, // `reason` tells why; what was written is to be sent before the stream is closed
} HandshakeStep;

// Why there is no link: names of what node-connect answers.
typedef enum {
    REASON_NONE,
    REASON_BAD_COOKIE,
    REASON_NAME_CONFLICT,
    REASON_VERSION,
    REASON_SELF,
    REASON_ALREADY,      // there is a link to that node
    REASON_SIMULTANEOUS, // the other side's dial goes on instead
    REASON_BAD_FRAME,
} HandshakeReason;

typedef struct {
    bool dialler;
    uint8_t state;
    HandshakeReason reason;
    bool refused; // by the other side
    NodeSelf self, peer;
    uint8_t key[32]; // hash of the cookie
    Buf transcript;  // payloads of HELLO and CHALLENGE
} Handshake;

// A dialler writes its HELLO. `cookie` is not kept.
void handshake_begin(Handshake *h, const NodeSelf *self, bool dialler, const void *cookie,
                     size_t cookie_size, Buf *out);
HandshakeStep handshake_take(Handshake *h, const FrameHeader *frame, const uint8_t *payload,
                             Buf *out);
// After HANDSHAKE_KNOWN and HANDSHAKE_PROVED.
void handshake_prove(Handshake *h, Buf *out);
void handshake_accept(Handshake *h, Buf *out);
void handshake_reject(Handshake *h, HandshakeReason why, Buf *out);
void handshake_end(Handshake *h);                 // forgets its secrets
void handshake_forget(void *secret, size_t size); // overwrites it

const char *handshake_reason_name(HandshakeReason r);
// Is it a name that a node may have: UTF-8 without control characters, not empty, not too long?
bool node_name_is_good(const char *name, size_t size);

#endif
