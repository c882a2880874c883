// Shared by nodes.c, slots.c, link.c, take.c and proxy.c: what Nodes and Link are made of.
#ifndef RUNTIME_NODE_PARTS_H
#define RUNTIME_NODE_PARTS_H

#include "runtime/node/link.h"
#include "runtime/node/phi.h"

#include "vm/base/map.h"
#include "vm/base/utf8.h"

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

// A node that was met once, or heard of from another one.
typedef struct Known {
    struct Known *next;
    uint64_t identity;
    Value name;
    char *url; // where it listens
} Known;

#define NODE_LISTENERS_MAX 8
// Settings that a link keeps from when it began.
typedef struct {
    unsigned heartbeat_ms;
    double phi_threshold;
    size_t link_buffer, max_frame;
} LinkSettings;

typedef struct {
    struct Proxy *proxy; // NULL: free
    uint32_t serial, next_free;
} ProxySlot;

struct Nodes {
    Vm *vm;
    PlatLock lock; // of all that follows
    NodeSelf self; // name: "nonode" while it has none
    bool named, leaving;
    uint8_t *cookie;
    size_t cookie_size;
    char *certificate, *authority;
    LinkSettings settings;
    Map slots;   // identity -> {Link, SlotState}
    Link *links; // all, by next
    uint32_t half_open;
    _Atomic uint32_t link_count; // written under the lock; whoever ends the VM waits for 0
    CarrierListener *listeners[NODE_LISTENERS_MAX];
    unsigned listener_count;
    Asker *askers; // of slots
    Watch *watches;
    size_t watch_count, watch_limit; // beyond it the dead are looked for
    Known *known;
    size_t known_count;
    // proxy.c
    PlatLock proxy_lock; // of all that follows and of all relations
    ProxySlot *proxies;
    uint32_t proxy_count, proxy_capacity, free_proxy; // index + 1 of the first free one; 0: none
    uint64_t refs;
};

typedef enum { LINK_BEGINS, LINK_JOINED, LINK_ENDED } LinkState;

// How it was asked to end, at the end of the VM.
typedef enum { ENDING_NOT, ENDING_IN_ORDER, ENDING_AT_ONCE } LinkEnding;

// A long frame that comes in parts.
typedef struct Assembly {
    struct Assembly *next;
    uint64_t number;
    size_t whole; // bytes of the frame, once its header is there; else 0
    Buf data;
} Assembly;

struct Link {
    Nodes *nodes;
    LinkSettings settings; // const
    bool dialler;          // const
    uint64_t deadline_ns;  // const: of the handshake
    Link *next, *prev;     // the nodes' lock
    bool up;               // the nodes' lock: its slot is UP
    LinkEnding ending;     // the nodes' lock
    char *peer_url;        // the nodes' lock: where the other side listens, or NULL
    _Atomic uint32_t refs;
    // The reader's.
    WireNode wire;
    Handshake handshake;
    Buf in;
    Assembly *assemblies;
    size_t assembled; // bytes of all
    // Written by the reader before the link is up, then const.
    NodeSelf peer;
    Value peer_name;
    char address[64]; // of the other side
    Asker *asker;     // of node-connect, or NULL; the reader's, then on_closed's
    // The lock's.
    PlatLock lock;
    Carrier *carrier; // until it is closed
    LinkState state;
    bool writing, leaving; // leaving: nothing more is put, it ends when all is written
    uint64_t leaving_ns;   // since then
    Outbox box;
    Asker *waiting;      // for room
    const char *failure; // this side has closed it because of that; log
    char why[64];        // it ended, for nodedown; "": noconnection
    Phi phi;
    uint64_t beat, beat_ns, round_trip_ns;
    uint64_t probe_ns; // since then it is being probed; 0: it is not
    uint64_t frames_in, bytes_in;
    // The nodes' proxy_lock.
    struct Relations *relations;
    bool relations_lost;
    char url[]; // of a dial
};

// What an actor that asked is told: the other node's name, or a fixnum: a HandshakeReason or one of these.
enum { ANSWER_UNREACHABLE = 100, ANSWER_TIMEOUT = 101 };

// link.c
Link *link_new(Nodes *n, bool dialler, const char *url, unsigned timeout_ms);
extern const CarrierOps link_carrier_ops;
// Looks whether the other side is still there: one that does not answer within a second is closed.
void link_probe(Link *l);
void link_echoed(Link *l, uint64_t number);
void link_set_why(Link *l, const char *why, size_t size);

// take.c: frames of a link that is up. False: it must be closed, *why tells.
bool link_take_frame(Link *l, const FrameHeader *h, const uint8_t *payload, const char **why);
void link_free_assemblies(Link *l);

// A frame of a link that is up, taken apart. On a thread of nng.
typedef struct {
    Link *link;
    Vm *vm;
    FrameType type;
    External from; // who sent it
    uint64_t to;   // process number
    uint64_t number;
    const char *text; // or bytes
    size_t text_size;
    WireDecoder *term; // WIRE_DONE: sig_of_term makes a signal of it; NULL: the kind has none
} Arrival;

// proxy.c: links, monitors and exits. False: no memory, the link is to be closed.
bool proxy_take(const Arrival *in);
// The link is gone: noconnection for whoever had relations over it. Once, after the last proxy_take.
void proxy_link_lost(Link *l);

// nodes.c
void nodes_answer(Nodes *n, Asker *asker, Value answer); // frees it
void nodes_log(Nodes *n, const char *fmt, ...) PRINTF_LIKE(2, 3);
void nodes_heard_of(Nodes *n, Link *l, const uint8_t *data, size_t size); // PEERS
void nodes_introduce(Nodes *n, Link *l);
// Sends (what ref name value) for each watch of the node; with V_NONE its identity is the value.
void nodes_tell_watches(Nodes *n, Value what, Value name, uint64_t identity, Value last);
void nodes_remember(Nodes *n, uint64_t identity, Value name, const char *url); // lock

// slots.c: decisions of the table of slots.
bool slot_known(Nodes *n, Link *l);             // a dial that has met its node: is it to go on?
HandshakeReason slot_proved(Nodes *n, Link *l); // REASON_NONE: it is accepted
bool slot_up(Nodes *n, Link *l);                // false: superseded
// Both sides know that it is up: whoever waits for the slot is told.
void slot_answers(Nodes *n, Link *l);
// The link has ended: its slot is free, whoever waits is told, nodedown is sent if it was up.
void slot_ended(Nodes *n, Link *l, HandshakeReason why, bool unreachable);

// A signal to an actor from a thread that is no worker. False when nobody took it.
static inline bool node_post(Vm *vm, Value pid, Sig *s)
{
    unsigned guest = sched_guest_enter(&vm->sched);
    bool taken = sig_send(vm, NULL, pid, s);
    sched_guest_leave(&vm->sched, guest);
    return taken;
}

#endif
