// What the natives of sockets share.
#ifndef RUNTIME_NATIVE_NET_MESSAGE_H
#define RUNTIME_NATIVE_NET_MESSAGE_H

#include "runtime/net/nng_socket.h"
#include "vm/actor/actor.h"

// A message as a bytevector of the actor's; it is given back.
Value give_message(Actor *a, struct nng_msg *m) MAY_GC;

#endif
