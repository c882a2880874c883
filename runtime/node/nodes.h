// This VM as a node among others: who it is, whom it is joined to, who wants to know.
//
// Model: one Nodes for each VM. It has links (link.h); the table of slots (slots.c) makes sure that there
// is at most one for each other node. Nodes that were met once stay known, so that what is sent to them
// later can connect anew.
//
// Threads: any; the lock is held for moments. Order of locks: proxy_lock, nodes, link.
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
} NodeOptions;

Nodes *nodes_new(Vm *vm);  // NULL without memory
void nodes_stop(Nodes *n); // ends all links and waits until they have; while the VM is still there
void nodes_free(Nodes *n); // after nodes_stop
Nodes *nodes_of(const Vm *vm);
extern const RemoteOps proxy_remote_ops; // proxy.c

typedef enum { NODES_DONE, NODES_OTHER_NAME, NODES_NO_MEMORY } NodesResult;
NodesResult nodes_set(Nodes *n, const NodeOptions *o);
bool nodes_has_cookie(Nodes *n);
bool nodes_is_hidden(Nodes *n);

// Begins to connect. The actor that waits for ref (reply_await) is told: the other node's name, a symbol, or
// why not, a fixnum. False: *why tells, and nobody is told anything.
bool nodes_dial(Nodes *n, const char *url, unsigned timeout_ms, Value pid, Value ref,
                const char **why);
// Text of such a fixnum.
const char *nodes_reason_name(int64_t reason);
// Listens; the URL, with the real port, lives as long as the node. On failure NULL and *why.
const char *nodes_listen(Nodes *n, const char *url, const char **why);

// The link that is up to a node, held; NULL: there is none.
Link *nodes_link(Nodes *n, uint64_t identity);
Link *nodes_link_named(Nodes *n, Value name);
// All links that are up, held; at most so many. Gives how many.
size_t nodes_links(Nodes *n, Link **out, size_t most);
// Where a node that is not joined was last heard of: a copy for mem_free(MEM_IO, .., strlen + 1), or NULL. By
// name if that is a symbol, else by identity.
char *nodes_url(Nodes *n, Value name, uint64_t identity);

// An actor is told when the node with that name, or with #f any, comes and goes: (nodeup ref name identity),
// (nodedown ref name reason). By name also how it is now. False without memory.
bool nodes_watch(Nodes *n, Value pid, Value ref, Value name);
bool nodes_unwatch(Nodes *n, Value ref);

// A local pid as the number of a process in frames, and back.
static inline Value pid_of_number(uint64_t number)
{
    return value_pid((uint32_t)number, (uint32_t)(number >> 32));
}

static inline uint64_t number_of_pid(Value pid)
{
    return (uint64_t)value_pid_serial(pid) << 32 | value_pid_index(pid);
}

#endif
