// See carrier.h.
//
// Life of a stream: `busy` counts its operations that run or whose callback does. While it is open at least
// one does (dialling, then reading), so the end is always met in a callback: the one that leaves none busy.
// Taking apart may wait for nng and is left to a thread of its own making.
#include "runtime/node/carrier.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"
#include "vm/plat/plat.h"

#include <limits.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/supplemental/util/platform.h>
#include <stdio.h>
#include <string.h>

#define READ_BYTES ((size_t)64 << 10)

struct Carrier {
    const CarrierOps *ops;
    void *owner;
    nng_stream_dialer *dialer;            // of a dial, until the end
    nng_stream *stream;                   // set before `opened`
    nng_aio *reading, *writing, *ticking; // reading also dials
    nng_iov out[CARRIER_PIECES_MAX];      // what is still to be written
    unsigned out_count;
    unsigned tick_ms;
    PlatLock lock;
    unsigned busy;       // lock
    bool closing, ticks; // lock
    bool was_open;       // lock
    const char *why;     // lock
    uint8_t buffer[READ_BYTES];
};

struct CarrierListener {
    const CarrierOps *ops;
    void *(*accepted)(void *context);
    void *context;
    nng_stream_listener *listener;
    nng_aio *accepting;
    _Atomic bool closing;
    char url[NNG_MAXADDRLEN + 32];
};

// ---- the end of a stream ----------------------------------------------------------------------------

static _Atomic uint32_t live; // streams that are not freed yet

static void free_parts(Carrier *c)
{
    if (c->reading) nng_aio_free(c->reading);
    if (c->writing) nng_aio_free(c->writing);
    if (c->ticking) nng_aio_free(c->ticking);
    if (c->stream) nng_stream_free(c->stream);
    if (c->dialer) nng_stream_dialer_free(c->dialer);
    mem_free(MEM_IO, c, sizeof *c);
    atomic_fetch_sub_explicit(&live, 1, memory_order_release);
    plat_wake(&live, UINT_MAX);
}

void carrier_drain(void)
{
    uint32_t n;

    while ((n = atomic_load_explicit(&live, memory_order_acquire)) != 0) {
        plat_wait(&live, n, 0);
    }
}

static void *bury(void *argument)
{
    free_parts(argument);
    return NULL;
}

// Frees a stream from one of its own callbacks, where nng must not be waited for.
static void free_later(Carrier *c)
{
    PlatThread *t = plat_thread_start(bury, c, 0, "eta-carrier");
    if (t) {
        plat_thread_detach(t);
        return;
    }
    // nng frees its operations later by itself; the stream's own call does not wait in a callback of tcp.
    nng_aio_reap(c->reading);
    nng_aio_reap(c->writing);
    nng_aio_reap(c->ticking);
    c->reading = c->writing = c->ticking = NULL;
    free_parts(c);
}

static void shut(Carrier *c)
{
    plat_lock(&c->lock);
    nng_stream *stream = c->stream;
    plat_unlock(&c->lock);
    if (stream) nng_stream_close(stream);
    if (c->dialer) nng_stream_dialer_close(c->dialer);
    nng_aio_abort(c->ticking, NNG_ECLOSED);
}

// Begins an operation; false when the stream is closing.
static bool enter(Carrier *c)
{
    plat_lock(&c->lock);
    bool open = !c->closing;
    if (open) c->busy++;
    plat_unlock(&c->lock);
    return open;
}

// The end of a callback. `why`: the stream has failed.
static void leave(Carrier *c, const char *why)
{
    plat_lock(&c->lock);
    bool closes = why && !c->closing;
    if (closes) {
        c->closing = true;
        c->why = why;
    }
    plat_unlock(&c->lock);
    if (closes) shut(c);
    plat_lock(&c->lock);
    bool last = --c->busy == 0;
    bool unreachable = !c->was_open;
    plat_unlock(&c->lock);
    if (!last) return;
    c->ops->closed(c->owner, c->why, unreachable);
    free_later(c);
}

bool carrier_hold(Carrier *c)
{
    return enter(c);
}

void carrier_release(Carrier *c)
{
    leave(c, NULL);
}

void carrier_close(Carrier *c)
{
    plat_lock(&c->lock);
    bool first = !c->closing;
    c->closing = true;
    if (first) c->busy++; // until it has been shut it is there
    plat_unlock(&c->lock);
    if (!first) return;
    shut(c);
    leave(c, NULL);
}

// ---- reading ----------------------------------------------------------------------------------------

static void read_more(Carrier *c)
{
    nng_iov iov = {.iov_buf = c->buffer, .iov_len = READ_BYTES};

    nng_aio_set_timeout(c->reading, NNG_DURATION_INFINITE);
    (void)nng_aio_set_iov(c->reading, 1, &iov);
    nng_stream_recv(c->stream, c->reading);
}

// The operation of reading goes from callback to callback: it stays busy.
static bool is_closing(Carrier *c)
{
    plat_lock(&c->lock);
    bool closing = c->closing;
    plat_unlock(&c->lock);
    return closing;
}

static void open_stream(Carrier *c, nng_stream *stream)
{
    plat_lock(&c->lock);
    c->stream = stream;
    c->was_open = true;
    bool closing = c->closing;
    plat_unlock(&c->lock);
    // Who closed it a moment ago saw no stream.
    if (closing) {
        nng_stream_close(stream);
    } else {
        (void)nng_stream_set_bool(stream, NNG_OPT_TCP_NODELAY, true);
        c->ops->opened(c->owner, c);
    }
}

static void on_read(void *argument)
{
    Carrier *c = argument;
    int result = nng_aio_result(c->reading);

    if (result != 0) {
        leave(c, result == NNG_ECONNSHUT || result == NNG_ECLOSED ? "closed by the other side"
                                                                  : nng_strerror(result));
        return;
    }
    if (!c->stream) {
        open_stream(c, nng_aio_get_output(c->reading, 0));
    } else {
        c->ops->read(c->owner, c->buffer, nng_aio_count(c->reading));
    }
    if (is_closing(c)) {
        leave(c, NULL);
    } else {
        read_more(c);
    }
}

// ---- writing ----------------------------------------------------------------------------------------

static void write_more(Carrier *c)
{
    (void)nng_aio_set_iov(c->writing, c->out_count, c->out);
    nng_stream_send(c->stream, c->writing);
}

// Takes what was written off the front.
static void advance(Carrier *c, size_t count)
{
    unsigned done = 0;

    while (done < c->out_count && count >= c->out[done].iov_len) {
        count -= c->out[done++].iov_len;
    }
    c->out_count -= done;
    memmove(c->out, c->out + done, c->out_count * sizeof *c->out);
    if (c->out_count == 0) return;
    c->out[0].iov_buf = (char *)c->out[0].iov_buf + count;
    c->out[0].iov_len -= count;
}

static void on_written(void *argument)
{
    Carrier *c = argument;
    int result = nng_aio_result(c->writing);

    if (result == 0) {
        advance(c, nng_aio_count(c->writing));
        if (c->out_count > 0 && !is_closing(c)) {
            write_more(c);
            return;
        }
        if (c->out_count == 0) c->ops->written(c->owner);
    }
    leave(c, result == 0 || result == NNG_ECLOSED ? NULL : nng_strerror(result));
}

void carrier_write(Carrier *c, const CarrierPiece *pieces, size_t count)
{
    ASSERT(count > 0 && count <= CARRIER_PIECES_MAX);
    if (!enter(c)) return;
    for (size_t i = 0; i < count; i++) {
        c->out[i] = (nng_iov){.iov_buf = (void *)(uintptr_t)pieces[i].data,
                              .iov_len = pieces[i].size};
    }
    c->out_count = (unsigned)count;
    write_more(c);
}

// ---- ticking ----------------------------------------------------------------------------------------

static void on_tick(void *argument)
{
    Carrier *c = argument;

    if (nng_aio_result(c->ticking) != 0 || is_closing(c)) {
        leave(c, NULL);
        return;
    }
    c->ops->tick(c->owner);
    if (is_closing(c)) {
        leave(c, NULL);
    } else {
        nng_sleep_aio((nng_duration)c->tick_ms, c->ticking);
    }
}

void carrier_tick(Carrier *c, unsigned every_ms)
{
    if (!enter(c)) return;
    c->tick_ms = every_ms;
    nng_sleep_aio((nng_duration)every_ms, c->ticking);
}

// ---- set-up -----------------------------------------------------------------------------------------

static Carrier *new_carrier(const CarrierOps *ops, void *owner)
{
    Carrier *c = mem_zalloc(MEM_IO, sizeof *c);

    if (!c) return NULL;
    atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    c->ops = ops;
    c->owner = owner;
    if (nng_aio_alloc(&c->reading, on_read, c) == 0 &&
        nng_aio_alloc(&c->writing, on_written, c) == 0 &&
        nng_aio_alloc(&c->ticking, on_tick, c) == 0)
        return c;
    free_parts(c);
    return NULL;
}

// Both sides show a certificate and believe only what the authority has signed.
static int tls_config(const CarrierTls *tls, bool dialler, const char *url, nng_tls_config **out)
{
    nng_url *parts = NULL;
    int result = nng_tls_config_alloc(out, dialler ? NNG_TLS_MODE_CLIENT : NNG_TLS_MODE_SERVER);

    if (result == 0) result = nng_tls_config_auth_mode(*out, NNG_TLS_AUTH_MODE_REQUIRED);
    if (result == 0 && tls->certificate)
        result = nng_tls_config_cert_key_file(*out, tls->certificate, NULL);
    if (result == 0 && tls->authority) result = nng_tls_config_ca_file(*out, tls->authority);
    if (result == 0 && dialler && (result = nng_url_parse(&parts, url)) == 0) {
        result = nng_tls_config_server_name(*out, parts->u_hostname);
        nng_url_free(parts);
    }
    return result;
}

bool carrier_is_encrypted(const char *url)
{
    return strncmp(url, "tls+", 4) == 0 || strncmp(url, "wss:", 4) == 0;
}

bool carrier_is_local(const char *url)
{
    nng_url *parts;
    bool local = strncmp(url, "ipc:", 4) == 0 || strncmp(url, "unix:", 5) == 0;

    if (local || nng_url_parse(&parts, url) != 0) return local;
    const char *host = parts->u_hostname;
    local = strncmp(host, "127.", 4) == 0 || strcmp(host, "localhost") == 0 ||
            strcmp(host, "::1") == 0;
    nng_url_free(parts);
    return local;
}

static int secure_dialer(Carrier *c, const char *url, const CarrierTls *tls)
{
    nng_tls_config *config = NULL;

    if (!carrier_is_encrypted(url)) return 0;
    int result = tls_config(tls, true, url, &config);
    if (result == 0) result = nng_stream_dialer_set_ptr(c->dialer, NNG_OPT_TLS_CONFIG, config);
    if (config) nng_tls_config_free(config);
    return result;
}

Carrier *carrier_dial(const char *url, const CarrierTls *tls, unsigned timeout_ms,
                      const CarrierOps *ops, void *owner, const char **why)
{
    Carrier *c = new_carrier(ops, owner);

    *why = nng_strerror(NNG_ENOMEM);
    if (!c) return NULL;
    int result = nng_stream_dialer_alloc(&c->dialer, url);
    if (result == 0) result = secure_dialer(c, url, tls);
    if (result != 0) {
        *why = nng_strerror(result);
        free_parts(c);
        return NULL;
    }
    c->busy = 1;
    nng_aio_set_timeout(c->reading, (nng_duration)timeout_ms);
    nng_stream_dialer_dial(c->dialer, c->reading);
    return c;
}

const char *carrier_peer(const Carrier *c, char *space, size_t size)
{
    nng_sockaddr a;

    snprintf(space, size, "?");
    if (!c->stream || nng_stream_get_addr(c->stream, NNG_OPT_REMADDR, &a) != 0) return space;
    if (a.s_family == NNG_AF_INET) {
        const uint8_t *ip = (const uint8_t *)&a.s_in.sa_addr,
                      *port = (const uint8_t *)&a.s_in.sa_port;
        snprintf(space, size, "%u.%u.%u.%u:%u", ip[0], ip[1], ip[2], ip[3],
                 port[0] * 256u + port[1]);
    } else if (a.s_family == NNG_AF_IPC) {
        snprintf(space, size, "a local process");
    } else if (a.s_family == NNG_AF_INET6) {
        snprintf(space, size, "an IPv6 host");
    }
    return space;
}

// ---- listening --------------------------------------------------------------------------------------

static void begin_stream(CarrierListener *l, nng_stream *stream)
{
    Carrier *c = new_carrier(l->ops, NULL);
    void *owner = c ? l->accepted(l->context) : NULL;

    if (!owner) {
        nng_stream_free(stream);
        if (c) free_parts(c);
        return;
    }
    c->owner = owner;
    c->busy = 1;
    open_stream(c, stream);
    if (is_closing(c)) {
        leave(c, NULL);
    } else {
        read_more(c);
    }
}

static void on_accepted(void *argument)
{
    CarrierListener *l = argument;
    int result = nng_aio_result(l->accepting);

    if (result == 0) begin_stream(l, nng_aio_get_output(l->accepting, 0));
    if (atomic_load_explicit(&l->closing, memory_order_acquire) || result == NNG_ECLOSED) return;
    // Without descriptors or memory accepting would fail again at once: a pause.
    if (result != 0 && result != NNG_ECANCELED) nng_msleep(10);
    nng_stream_listener_accept(l->listener, l->accepting);
}

static void free_listener(CarrierListener *l)
{
    if (l->listener) nng_stream_listener_close(l->listener);
    if (l->accepting) nng_aio_stop(l->accepting);
    if (l->accepting) nng_aio_free(l->accepting);
    if (l->listener) nng_stream_listener_free(l->listener);
    mem_free(MEM_IO, l, sizeof *l);
}

// For a port that the system chose.
static void note_url(CarrierListener *l, const char *url)
{
    int port = 0;
    const char *colon = strrchr(url, ':');
    bool asked = colon && strncmp(colon, ":0", 2) == 0 && (colon[2] == 0 || colon[2] == '/');

    if (asked && nng_stream_listener_get_int(l->listener, NNG_OPT_TCP_BOUND_PORT, &port) == 0 &&
        port > 0) {
        snprintf(l->url, sizeof l->url, "%.*s:%d%s", (int)(colon - url), url, port, colon + 2);
    } else {
        snprintf(l->url, sizeof l->url, "%s", url);
    }
}

CarrierListener *carrier_listen(const char *url, const CarrierTls *tls, const CarrierOps *ops,
                                void *(*accepted)(void *context), void *context, const char **why)
{
    CarrierListener *l = mem_zalloc(MEM_IO, sizeof *l);
    nng_tls_config *config = NULL;

    *why = nng_strerror(NNG_ENOMEM);
    if (!l) return NULL;
    l->ops = ops;
    l->accepted = accepted;
    l->context = context;
    int result = nng_stream_listener_alloc(&l->listener, url);
    if (result == 0 && carrier_is_encrypted(url) &&
        (result = tls_config(tls, false, url, &config)) == 0)
        result = nng_stream_listener_set_ptr(l->listener, NNG_OPT_TLS_CONFIG, config);
    if (result == 0) result = nng_aio_alloc(&l->accepting, on_accepted, l);
    if (result == 0) result = nng_stream_listener_listen(l->listener);
    if (config) nng_tls_config_free(config);
    if (result != 0) {
        *why = nng_strerror(result);
        free_listener(l);
        return NULL;
    }
    note_url(l, url);
    nng_stream_listener_accept(l->listener, l->accepting);
    return l;
}

const char *carrier_listener_url(const CarrierListener *l)
{
    return l->url;
}

void carrier_listener_close(CarrierListener *l)
{
    atomic_store_explicit(&l->closing, true, memory_order_release);
    free_listener(l);
}
