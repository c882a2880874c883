// What nng_socket.c and nng_option.c share: what a socket is made of.
#ifndef RUNTIME_NET_NNG_PRIV_H
#define RUNTIME_NET_NNG_PRIV_H

#include "runtime/net/nng_socket.h"

#include <nng/nng.h>

typedef enum { OPERATION_IDLE, OPERATION_RUNS, OPERATION_DONE } OperationState;

// An asynchronous operation and who waits for it. All but `aio` and `socket`: the socket's lock.
typedef struct {
    nng_aio *aio;      // const
    nng_aio *now;      // const; for what is done at once, by whoever may start the operation
    NetSocket *socket; // const
    OperationState state;
    bool waiting, inherited; // an actor waits; it came when the operation ran already
    Value pid, ref;
    int result;
    nng_msg *message; // that was received
    nng_msg *next;    // to be sent when the one that is being cancelled has ended
    int next_ms;
} Operation;

// Options that endpoints are given. -1: as nng has it.
typedef struct {
    int nodelay, keepalive, auth_mode;
    char *cert_key_file, *ca_file, *server_name; // NULL: none
} EndpointOptions;

// Of an active socket: what its reader (nng_active.c) and its owner have agreed on. The socket's lock.
typedef struct {
    uint64_t number; // of the activation; counts them
    bool on;         // it has a reader
    bool stopping;   // which is to end
    bool unanswered; // the peer whose message came last waits for a reply
    bool reader_waits, stopper_waits;
    int64_t limit, left; // messages of an activation, and that it may still take; -1: any number
    Value reader_pid, reader_ref, stopper_pid, stopper_ref;
} Active;

struct NetSocket {
    Net *net;
    _Atomic uint32_t refs;
    NetType type;
    nng_socket id;                 // const
    NetSocket *parent;             // of a context; const
    nng_ctx context;               // const
    struct NetSocket *next, *prev; // of all; the net's lock
    PlatLock lock;
    Operation send, recv;
    Active active;
    _Atomic uint32_t dial_number;
    nng_dialer dialing;                // that is being started; id 0: none; lock
    int dial_error;                    // of the last attempt; lock
    nng_listener listener;             // the newest; id 0: none; lock
    nng_dialer dialer;                 // likewise
    _Atomic uint32_t pipe;             // of the newest connection; 0: none yet
    int recv_ms, send_ms, dial_ms;     // the owner's
    uint64_t recv_ticket, send_ticket; // the owner's, of polling
    EndpointOptions options;           // lock
};

// Hands the ENDPOINT options to one that has not been started; `tls`: it speaks TLS.
int net_prepare_dialer(NetSocket *s, nng_dialer d, bool tls);
int net_prepare_listener(NetSocket *s, nng_listener l, bool tls);
void net_free_options(NetSocket *s);

// Under the lock: the operation will answer that actor.
void net_await(Operation *o, Value pid, Value ref);
void net_submit_recv(NetSocket *s, nng_aio *aio);
// Does each message ask for a reply?
bool net_replies(const NetSocket *s);
// The block of a handle, which takes over a reference; `reader`: number of an activation, 0: the owner's.
Block *net_new_block(NetSocket *s, uint64_t reader, int *error);
// The reader of an activation has ended.
void net_active_ended(NetSocket *s, uint64_t number);
// A message has been sent: the reader of a socket that replies may go on.
void net_active_answered(NetSocket *s);

#endif
