// The carrier of links between nodes: ordered byte streams over nng (tcp, ipc, ws, tls+tcp). This is the
// only file pair of the node layer that knows nng.
//
// Model: a stream calls its owner back from nng's threads: `opened` once, `read` and `written` as often as
// there is something, `tick` now and then, `closed` once, as the last of all, after which the stream is gone.
// Whatever ends it, that is how the owner hears of it.
//
// Threads: callbacks of one stream may come from several threads at a time (reading and writing go on side by
// side), the functions may be called from any.
#ifndef RUNTIME_NODE_CARRIER_H
#define RUNTIME_NODE_CARRIER_H

#include "vm/base/base.h"

typedef struct Carrier Carrier;
typedef struct CarrierListener CarrierListener;

typedef struct {
    // Connected, by either side. Reading begins when it returns.
    void (*opened)(void *owner, Carrier *c);
    // The bytes are the callee's only during the call.
    void (*read)(void *owner, const uint8_t *data, size_t size);
    // What carrier_write was given has been handed to the system.
    void (*written)(void *owner);
    void (*tick)(void *owner);
    // `why` is a short text, NULL when this side has closed it; true: the dial itself has failed.
    void (*closed)(void *owner, const char *why, bool unreachable);
} CarrierOps;

typedef struct {
    const char *certificate; // file with certificate and key, or NULL
    const char *authority;   // file with the certificates that are believed, or NULL
} CarrierTls;

typedef struct {
    const void *data;
    size_t size;
} CarrierPiece;

#define CARRIER_PIECES_MAX 4

// Begins to connect; gives up after timeout_ms. NULL: the URL is none or memory is short, *why tells, and the
// owner hears nothing.
Carrier *carrier_dial(const char *url, const CarrierTls *tls, unsigned timeout_ms,
                      const CarrierOps *ops, void *owner, const char **why);

// Writes some pieces, at most CARRIER_PIECES_MAX, which stay as they are until `written` or `closed`. One
// write at a time.
void carrier_write(Carrier *c, const CarrierPiece *pieces, size_t count);
// Calls tick every so many milliseconds, from now on. Once.
void carrier_tick(Carrier *c, unsigned every_ms);
// Ends the stream, soon; what has not been written is lost. Any number of times, until `closed`.
void carrier_close(Carrier *c);
// Keeps it from being freed until carrier_release; false when it is closing. By whoever knows that it has not
// been `closed` yet.
bool carrier_hold(Carrier *c);
void carrier_release(Carrier *c);
// All streams that have ended are freed when it returns. Of the process.
void carrier_drain(void);
// "127.0.0.1:4711" and the like of the other side, into `space`.
const char *carrier_peer(const Carrier *c, char *space, size_t size);

// Accepts streams. `accepted` gives the owner of each, which then hears `opened`, or NULL: it is closed at
// once. On failure NULL and *why.
CarrierListener *carrier_listen(const char *url, const CarrierTls *tls, const CarrierOps *ops,
                                void *(*accepted)(void *context), void *context, const char **why);
// The URL with the port that the system chose for port 0.
const char *carrier_listener_url(const CarrierListener *l);
// Accepts nothing more; waits for callbacks that run.
void carrier_listener_close(CarrierListener *l);

// Is it a URL of this machine only? Does its traffic travel encrypted?
bool carrier_is_local(const char *url);
bool carrier_is_encrypted(const char *url);

#endif
