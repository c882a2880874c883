// Sockets of nng, the only place that knows that library.
//
// A socket belongs to the actor that holds its handle (KIND_HANDLE); when the actor has ended or has
// collected the handle, the socket is closed. A context is an independent exchange on a socket; it has a
// handle of its own and ends with the socket.
//
// No call here waits, but those that say so: what cannot be done at once is an asynchronous operation of
// nng, of which there is one of each direction. Its call-back, on a thread of nng's, answers the actor that
// waits. An actor that stops waiting leaves the operation behind: what comes of it is kept for the next
// receive, and a send is cancelled by the next.
//
// Threads: `lock` guards the operations. The owner starts them; call-backs end them; dirty threads listen,
// dial and close. References: the handle, each job, each context. The last one is given up on a dirty
// thread, because freeing an operation waits for its call-back.
// Invariants: [N1] a call-back that runs sees its socket: it is freed after nng_aio_free. [N2] after
// net_finish no call-back runs.
#ifndef RUNTIME_NET_NNG_SOCKET_H
#define RUNTIME_NET_NNG_SOCKET_H

#include "runtime/poller.h"
#include "vm/base/buf.h"

typedef struct NetSocket NetSocket;
struct nng_msg;

// All sockets of a program.
typedef struct Net {
    Vm *vm;
    Poller *poller;
    PlatLock lock;
    NetSocket *first;         // lock
    _Atomic uint32_t closing; // the program ends
    _Atomic uint32_t used;    // a socket has been opened
    _Atomic uint32_t leaving; // sockets whose closing has been asked for and has not ended
} Net;

// The order in which std.base.net names them.
typedef enum {
    NET_PAIR,
    NET_REQ,
    NET_REP,
    NET_PUB,
    NET_SUB,
    NET_PUSH,
    NET_PULL,
    NET_SURVEYOR,
    NET_RESPONDENT,
    NET_BUS,
    NET_TYPES
} NetType;

// Errors are nng's numbers; 0 is none. This one is ours: it cannot be done at once.
#define NET_AGAIN (-1)

const char *net_error_text(int error);
// Does nng lack memory or descriptors?
bool net_is_exhausted(int error);
extern const int net_timed_out, net_closed, net_no_memory, net_busy;

// ---- life -----------------------------------------------------------------------------------------

// A block for heap_handle whose socket is new; NULL with *error.
MUST_USE Block *net_open(Net *net, NetType type, int *error);
MUST_USE Block *net_open_context(NetSocket *s, int *error);
// The socket of a handle, or NULL.
NetSocket *net_of(Value handle);
NetType net_type(const NetSocket *s);
bool net_is_context(const NetSocket *s);
void net_retain(NetSocket *s);
void net_release(NetSocket *s); // on a dirty thread
// Waits until it is closed; not on a worker.
void net_close(NetSocket *s);
// The program ends: closes all.
void net_finish(Net *net);

// ---- connecting; these wait: not on a worker ---------------------------------------------------------

int net_listen(NetSocket *s, const char *url);

typedef struct {
    NetSocket *socket;
    const char *url;
    bool background;      // do not wait for the peer
    uint64_t deadline_ns; // for how long an absent peer is tried again; 0: for ever
    uint32_t number;      // of net_dial_number when it was asked for
} NetDial;

int net_dial(const NetDial *d);
// By the owner: a new dial is about to begin; dials of earlier numbers stop. Gives the number.
uint32_t net_dial_begin(NetSocket *s);
// What the last attempt of the dial ended with; 0: none has ended.
int net_dial_error(NetSocket *s);

// ---- messages, by the owner ---------------------------------------------------------------------------

// For how long a send that must not wait may wait all the same.
int net_send_least_ms(const NetSocket *s);
// 0, an error or NET_AGAIN.
int net_send_now(NetSocket *s, const void *data, size_t size);
// Sends as soon as it can; the actor is answered when that is done, or ms milliseconds (-1: none) are over.
// False without memory.
MUST_USE bool net_send_start(NetSocket *s, const void *data, size_t size, int ms, Value pid,
                             Value ref);
// What came of it.
int net_send_result(NetSocket *s);

// A message is to be given back by net_message_free.
int net_recv_now(NetSocket *s, struct nng_msg **m);
// False: it is done already.
MUST_USE bool net_recv_start(NetSocket *s, int ms, Value pid, Value ref);
// NET_AGAIN: what was waited for was started for somebody who waited less.
int net_recv_result(NetSocket *s, struct nng_msg **m);
const void *net_message(struct nng_msg *m, size_t *size);
void net_message_free(struct nng_msg *m);

int net_subscribe(NetSocket *s, const void *topic, size_t size, bool on);

// ---- active sockets -----------------------------------------------------------------------------------
// A reader, an actor of its own, receives for the owner. It has a handle of another kind, which does not
// keep the socket open; when that is dropped the activation has ended. Contexts can be active, too.

// By the owner. A block for heap_handle, for the reader; NULL with *error, which is 0 when there is a
// reader already.
MUST_USE Block *net_activate(NetSocket *s, int *error);
bool net_is_active(NetSocket *s);
// How many messages it takes before it is passive again; -1: any number. An activation begins to count
// anew.
void net_set_active(NetSocket *s, int64_t limit);
// How many are left; 0: it is passive.
int64_t net_active_left(NetSocket *s);
// Asks the reader to end; the actor is answered when it has. False: there is none.
MUST_USE bool net_passivate(NetSocket *s, Value pid, Value ref);

bool net_is_stopping(NetSocket *s); // has its owner asked?

// By the reader. NULL when the handle is not one of its.
NetSocket *net_of_reader(Value handle);
// The number of its activation is over: it is to say so.
#define NET_PASSIVE (-2)
// It is to end without a word.
#define NET_STOPPED (-3)
// A message, or why there is none: an error, NET_AGAIN, NET_PASSIVE or NET_STOPPED. An error ends it.
int net_read_now(NetSocket *s, struct nng_msg **m);
// After NET_AGAIN. False: look again at once.
MUST_USE bool net_read_await(NetSocket *s, Value pid, Value ref);

// ---- polling, by the owner ------------------------------------------------------------------------------

// A descriptor that is readable while the socket can be received from, or sent to.
int net_poll_fd(NetSocket *s, PollFor what, int *fd);
// Where the owner keeps the poller's ticket of a wait for it.
uint64_t *net_poll_ticket(NetSocket *s, PollFor what);

// ---- options, by the owner --------------------------------------------------------------------------------

typedef enum { NET_MS, NET_INT, NET_SIZE, NET_FLAG, NET_TEXT, NET_AUTH, NET_ADDRESS } NetKind;
typedef enum { NET_SOCKET, NET_LOCAL, NET_ENDPOINT, NET_READ } NetAccess;

typedef struct {
    const char *key, *name;
    NetKind kind;
    NetAccess access;
} NetOption;

const NetOption *net_option(const char *key); // NULL: there is none
// Numbers, flags and authentication modes (0 none, 1 optional, 2 required).
int net_set_number(NetSocket *s, const NetOption *o, int64_t value);
int net_get_number(NetSocket *s, const NetOption *o, int64_t *value);
// Text and addresses. Getting appends to `out`: nothing where there is none.
int net_set_text(NetSocket *s, const NetOption *o, const char *text);
int net_get_text(NetSocket *s, const NetOption *o, Buf *out);

// LOCAL options, which the natives need.
int net_recv_ms(const NetSocket *s);
int net_send_ms(const NetSocket *s);
int net_dial_ms(const NetSocket *s);

#endif
