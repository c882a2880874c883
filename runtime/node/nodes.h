// This VM as a node among others: who it is, whom it is joined to, who wants to know.
//
// Model: one Nodes for each VM, made on first use. It has links (link.h); the table of slots, by the identity of
// the other node, makes sure that there is at most one for each:
//
//   NONE       no link
//   DIALLING   own dial, past the CHALLENGE
//   ACCEPTED   the other side's dial, proved; its READY has not come
//   UP         joined
//
//   own dial, HANDSHAKE_KNOWN    NONE -> DIALLING, prove; ACCEPTED, UP: the dial is given up, its asker waits for the slot
//   listener, HANDSHAKE_PROVED   NONE -> ACCEPTED, accept; UP: reject `already`; DIALLING: the dial of the smaller identity
//                                wins: if that is the peer's -> ACCEPTED, own dial superseded; else reject `simultaneous`
//   own dial, HANDSHAKE_UP       DIALLING by this link -> UP, READY goes out; superseded: closed without it
//   listener, HANDSHAKE_UP       ACCEPTED -> UP
//
// Threads: any; the lock is held for moments and never while a link's lock is waited for (order: link, nodes).
#ifndef RUNTIME_NODE_NODES_H
#define RUNTIME_NODE_NODES_H

#include "runtime/node/handshake.h"
#include "vm/actor/node.h"

typedef struct Nodes Nodes;
typedef struct Link Link;

typedef struct {
    const char *name; // NULL: as it is
    const void *cookie;
    size_t cookie_size;
    const char *certificate, *authority; // files, or NULL
    int hidden;                          // -1: as it is
    unsigned heartbeat_ms;               // 0: as it is, and so on
    double phi_threshold;
    size_t link_buffer; // bytes that may wait before a sender does
    size_t max_frame;   // bytes of the longest frame that is taken
    int accept_code;
} NodeOptions;

// The VM's nodes; NULL without memory.
Nodes *nodes_of(Vm *vm);
void nodes_free(Vm *vm); // ends all links; before the dirty pool is waited for

// The link that is up to a node, held; NULL: there is none.
Link *nodes_link(Nodes *n, uint64_t identity);
Link *nodes_link_named(Nodes *n, Value name);

#endif
