// Sending to other nodes, for natives: a destination is an external pid, or a pair (name . node) of symbols.
#ifndef RUNTIME_NATIVE_REMOTE_H
#define RUNTIME_NATIVE_REMOTE_H

#include "runtime/node/link.h"
#include "vm/exec/native.h"

static inline bool remote_is_dest(Value v)
{
    return value_is_external_pid(v) ||
           (value_is_pair(v) && value_is_symbol(value_car(v)) && value_is_symbol(value_cdr(v)));
}

// Is this the reference of an answer that the actor waits for?
static inline bool remote_awaits(const Actor *a, Value ref)
{
    return value_is_local_ref(ref) && a->ext && value_is(a->ext->awaited, ref);
}

// The link to where it is, held; NULL: not joined.
Link *remote_link(const Actor *a, Value dest);

// Sends a value in a frame of this type; FRAME_MESSAGES becomes FRAME_NAMED for a name. Dropped when the node
// is not joined. False: the value cannot travel or memory is short, the fault is set.
MUST_USE bool remote_post(Actor *a, const char *who, FrameType type, Value dest, Value v);

// (dest message last-try?): the message; V_DEFAULT when the node is not joined and this is not the last try;
// V_WAIT, the third being a reference then, while the link has no room for more.
Value remote_send(Actor *a, Value *args);

// Watches the destination; its DOWN is on the way when the node is not joined. V_FAIL with the fault set.
Value remote_monitor(Actor *a, const char *who, Value dest) MAY_GC;

#endif
