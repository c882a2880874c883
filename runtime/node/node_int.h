// Shared by nodes.c, link.c and take.c: what Nodes and Link are made of.
#ifndef RUNTIME_NODE_NODE_INT_H
#define RUNTIME_NODE_NODE_INT_H

#include "runtime/node/link.h"
#include "runtime/node/phi.h"

#include "vm/base/map.h"

typedef enum { SLOT_NONE, SLOT_DIALLING, SLOT_ACCEPTED, SLOT_UP } SlotState;

// An actor that waits for an answer (reply_await).
typedef struct Asker {
    struct Asker *next;
    uint64_t identity; // of the slot that it waits for
    Value pid, ref;
} Asker;

// Who wants to know about a node.
typedef struct Watch {
    struct Watch *next;
    Value pid, ref;
    Value name; // #f: all nodes
} Watch;

// A node that is known from the mesh.
typedef struct Known {
    struct Known *next;
    uint64_t identity;
    Value name;
    char url[]; // where it listens
} Known;

struct Nodes {
    Vm *vm;
    PlatLock lock;
    NodeSelf self; // name: "nonode" while it has none
    bool named, accept_code, leaving;
    uint8_t *cookie;
    size_t cookie_size;
    char *certificate, *authority;
    unsigned heartbeat_ms;
    double phi_threshold;
    size_t link_buffer, max_frame;
    Map slots;   // identity -> {Link, SlotState}
    Link *links; // all, by next
    uint32_t link_count, half_open;
    CarrierListener *listeners[8];
    unsigned listener_count;
    Asker *askers; // of slots
    Watch *watches;
    Known *known;
};

typedef enum { LINK_BEGINS, LINK_JOINED, LINK_ENDED } LinkState;

// A long frame that comes in parts.
typedef struct Assembly {
    struct Assembly *next;
    uint64_t number;
    size_t whole; // of the frame, once its header is there; else 0
    Buf data;
} Assembly;

struct Link {
    Nodes *nodes;
    Link *next, *prev; // the nodes' lock
    _Atomic uint32_t refs;
    bool dialler;     // const
    Carrier *carrier; // until it is closed
    WireNode wire;    // const
    // The reader's.
    Handshake handshake;
    Buf in;
    Assembly *assemblies;
    size_t assembled; // bytes of all
    // The lock's.
    PlatLock lock;
    LinkState state;
    bool writing, leaving; // leaving: closed when all is written
    bool lost;             // its end has been told
    NodeSelf peer;
    Value peer_name;
    Outbox box;
    Asker *waiting; // for room
    Asker *asker;   // of node-connect, or NULL
    char why[64];   // it ended, for nodedown; "" : noconnection
    uint64_t begun_ns;
    Phi phi;
    uint64_t beat, beat_ns, round_trip_ns;
    uint64_t frames_in, bytes_in;
    void *relations; // proxy.c's
    char url[];
};

// What an actor that asked is told: the other node's name, or a fixnum: a HandshakeReason or one of these.
enum { ANSWER_UNREACHABLE = 100, ANSWER_TIMEOUT = 101 };

// link.c
Link *link_new(Nodes *n, bool dialler, const char *url);
extern const CarrierOps link_carrier_ops;
void link_pump(Link *l);
// take.c: frames of a link that is up. False: it must be closed, *why tells.
bool link_take_frame(Link *l, const FrameHeader *h, const uint8_t *payload, const char **why);
void link_free_assemblies(Link *l);

// nodes.c: decisions of the table of slots.
typedef enum { SLOT_GO_ON, SLOT_GIVE_UP, SLOT_REJECT } SlotVerdict;
SlotVerdict nodes_slot_known(Nodes *n, Link *l);
SlotVerdict nodes_slot_proved(Nodes *n, Link *l, HandshakeReason *why);
bool nodes_slot_up(Nodes *n, Link *l); // false: superseded
// The link has ended: its slot is free, whoever waits is told, nodedown is sent if it was up.
void nodes_link_ended(Nodes *n, Link *l, HandshakeReason why, bool unreachable);
void nodes_answer(Nodes *n, Asker *asker, Value answer); // frees it
void nodes_log(Nodes *n, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
