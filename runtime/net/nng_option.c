// Options of sockets. See nng_socket.h, and option.def for what there is.
#include "runtime/net/nng_priv.h"

#include <nng/protocol/reqrep0/req.h>
#include <nng/protocol/survey0/survey.h>
#include <nng/supplemental/tls/tls.h>

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const NetOption options[] = {
#define OPTION(key, name, kind, access) {key, name, NET_##kind, NET_##access},
#include "runtime/net/option.def"
};

const NetOption *net_option(const char *key)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        if (strcmp(options[i].key, key) == 0) return &options[i];
    }
    return NULL;
}

int net_recv_ms(const NetSocket *s)
{
    return s->recv_ms;
}

int net_send_ms(const NetSocket *s)
{
    return s->send_ms;
}

int net_dial_ms(const NetSocket *s)
{
    return s->dial_ms;
}

// ---- numbers --------------------------------------------------------------------------------------

// Where we keep it; NULL: nng does.
static int *kept_number(NetSocket *s, const NetOption *o)
{
    static const struct {
        const char *key;
        size_t offset;
    } places[] = {
        {"recv-timeout", offsetof(NetSocket, recv_ms)},
        {"send-timeout", offsetof(NetSocket, send_ms)},
        {"dial-timeout", offsetof(NetSocket, dial_ms)},
        {"tcp-nodelay", offsetof(NetSocket, options.nodelay)},
        {"tcp-keepalive", offsetof(NetSocket, options.keepalive)},
        {"tls-auth-mode", offsetof(NetSocket, options.auth_mode)},
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].key, o->key) == 0)
            return (int *)(void *)((char *)s + places[i].offset);
    }
    return NULL;
}

int net_set_number(NetSocket *s, const NetOption *o, int64_t value)
{
    int *kept = kept_number(s, o);

    if (o->access == NET_READ) return NNG_EREADONLY;
    if (value < (o->kind == NET_MS ? -1 : 0) || value > INT32_MAX) return NNG_EINVAL;
    if (kept) {
        plat_lock(&s->lock);
        *kept = (int)value;
        plat_unlock(&s->lock);
        return 0;
    }
    if (s->parent && o->kind == NET_MS)
        return nng_ctx_set_ms(s->context, o->name, (nng_duration)value);
    if (s->parent) return NNG_ENOTSUP;
    switch (o->kind) {
    case NET_MS:
        return nng_socket_set_ms(s->id, o->name, (nng_duration)value);
    case NET_SIZE:
        return nng_socket_set_size(s->id, o->name, (size_t)value);
    default:
        return nng_socket_set_int(s->id, o->name, (int)value);
    }
}

// What nng does unless it is told otherwise.
static int64_t usual(const NetOption *o, int kept)
{
    if (kept >= 0 || o->access == NET_LOCAL) return kept;
    if (o->kind == NET_AUTH) return NNG_TLS_AUTH_MODE_REQUIRED;
    return strcmp(o->key, "tcp-nodelay") == 0;
}

int net_get_number(NetSocket *s, const NetOption *o, int64_t *value)
{
    const int *kept = kept_number(s, o);
    nng_duration ms = 0;
    size_t size = 0;
    int n = 0, error;

    if (kept) {
        *value = usual(o, *kept);
        return 0;
    }
    switch (o->kind) {
    case NET_MS:
        error = s->parent ? nng_ctx_get_ms(s->context, o->name, &ms)
                          : nng_socket_get_ms(s->id, o->name, &ms);
        *value = ms;
        return error;
    case NET_SIZE:
        error = nng_socket_get_size(s->id, o->name, &size);
        *value = (int64_t)size;
        return error;
    default:
        error = nng_socket_get_int(s->id, o->name, &n);
        *value = n;
        return error;
    }
}

// ---- text -----------------------------------------------------------------------------------------

static char **kept_text(NetSocket *s, const NetOption *o)
{
    if (strcmp(o->key, "tls-cert-key-file") == 0) return &s->options.cert_key_file;
    if (strcmp(o->key, "tls-ca-file") == 0) return &s->options.ca_file;
    if (strcmp(o->key, "tls-server-name") == 0) return &s->options.server_name;
    return NULL;
}

static void free_text(char *text)
{
    if (text) mem_free(MEM_IO, text, strlen(text) + 1);
}

int net_set_text(NetSocket *s, const NetOption *o, const char *text)
{
    char **kept = kept_text(s, o);
    size_t size = strlen(text) + 1;
    char *copy = kept ? mem_alloc(MEM_IO, size) : NULL;

    if (!kept) return NNG_EREADONLY;
    if (!copy) return NNG_ENOMEM;
    memcpy(copy, text, size);
    plat_lock(&s->lock);
    free_text(*kept);
    *kept = copy;
    plat_unlock(&s->lock);
    return 0;
}

void net_free_options(NetSocket *s)
{
    free_text(s->options.cert_key_file);
    free_text(s->options.ca_file);
    free_text(s->options.server_name);
}

static void put_address(const nng_sockaddr *a, Buf *out)
{
    char text[INET6_ADDRSTRLEN] = "";

    switch (a->s_family) {
    case NNG_AF_INET:
        (void)inet_ntop(AF_INET, &a->s_in.sa_addr, text, sizeof text);
        buf_printf(out, "%s:%u", text, ntohs(a->s_in.sa_port));
        break;
    case NNG_AF_INET6:
        (void)inet_ntop(AF_INET6, a->s_in6.sa_addr, text, sizeof text);
        buf_printf(out, "[%s]:%u", text, ntohs(a->s_in6.sa_port));
        break;
    case NNG_AF_IPC:
        buf_text(out, a->s_ipc.sa_path);
        break;
    case NNG_AF_INPROC:
        buf_text(out, a->s_inproc.sa_name);
        break;
    default:
        break;
    }
}

static int get_address(NetSocket *s, const NetOption *o, Buf *out)
{
    nng_pipe pipe = {atomic_load_explicit(&s->pipe, memory_order_relaxed)};
    nng_sockaddr address;
    int error = NNG_ENOENT;

    plat_lock(&s->lock);
    nng_listener l = s->listener;
    plat_unlock(&s->lock);
    if (l.id != 0 && strcmp(o->key, "locaddr") == 0)
        error = nng_listener_get_addr(l, o->name, &address);
    if (error && pipe.id != 0) error = nng_pipe_get_addr(pipe, o->name, &address);
    if (!error) put_address(&address, out);
    return error == NNG_ENOENT || error == NNG_ECLOSED ? 0 : error;
}

// The port that a listener has got; 0: it has none.
static unsigned port_of(nng_listener l)
{
    nng_sockaddr address;

    if (l.id == 0 || nng_listener_get_addr(l, NNG_OPT_LOCADDR, &address) != 0) return 0;
    if (address.s_family == NNG_AF_INET) return ntohs(address.s_in.sa_port);
    return address.s_family == NNG_AF_INET6 ? ntohs(address.s_in6.sa_port) : 0;
}

// Some transports leave the port 0 that was asked for as it is.
static void put_url(const char *text, unsigned port, Buf *out)
{
    nng_url *url;

    if (port == 0 || nng_url_parse(&url, text) != 0) {
        buf_text(out, text);
        return;
    }
    if (strcmp(url->u_port, "0") == 0) {
        bool v6 = strchr(url->u_hostname, ':') != NULL;
        buf_printf(out, v6 ? "%s://[%s]:%u" : "%s://%s:%u", url->u_scheme, url->u_hostname, port);
        if (url->u_requri) buf_text(out, url->u_requri);
    } else {
        buf_text(out, text);
    }
    nng_url_free(url);
}

static int get_url(NetSocket *s, Buf *out)
{
    char *text = NULL;
    int error = 0;

    plat_lock(&s->lock);
    nng_listener l = s->listener;
    nng_dialer d = s->dialer;
    plat_unlock(&s->lock);
    if (l.id != 0) {
        error = nng_listener_get_string(l, NNG_OPT_URL, &text);
    } else if (d.id != 0) {
        error = nng_dialer_get_string(d, NNG_OPT_URL, &text);
    }
    if (text) {
        put_url(text, port_of(l), out);
        nng_strfree(text);
    }
    return error == NNG_ENOENT ? 0 : error;
}

int net_get_text(NetSocket *s, const NetOption *o, Buf *out)
{
    char **kept = kept_text(s, o);

    if (o->kind == NET_ADDRESS) return get_address(s->parent ? s->parent : s, o, out);
    if (!kept) return get_url(s->parent ? s->parent : s, out);
    plat_lock(&s->lock);
    if (*kept) buf_text(out, *kept);
    plat_unlock(&s->lock);
    return 0;
}

// ---- endpoints ------------------------------------------------------------------------------------

// Under the lock.
static int make_tls(const EndpointOptions *o, nng_tls_mode mode, nng_tls_config **config)
{
    int error = nng_tls_config_alloc(config, mode);

    if (error) return error;
    if (o->auth_mode >= 0)
        error = nng_tls_config_auth_mode(*config, (nng_tls_auth_mode)o->auth_mode);
    if (!error && o->ca_file) error = nng_tls_config_ca_file(*config, o->ca_file);
    if (!error && o->cert_key_file)
        error = nng_tls_config_cert_key_file(*config, o->cert_key_file, NULL);
    if (!error && o->server_name && mode == NNG_TLS_MODE_CLIENT)
        error = nng_tls_config_server_name(*config, o->server_name);
    if (error) nng_tls_config_free(*config);
    return error;
}

// What a transport does not know does not matter to it.
static int allow_unknown(int error)
{
    return error == NNG_ENOTSUP ? 0 : error;
}

int net_prepare_dialer(NetSocket *s, nng_dialer d, bool tls)
{
    nng_tls_config *config;
    int error = 0;

    plat_lock(&s->lock);
    EndpointOptions *o = &s->options;
    if (o->nodelay >= 0)
        error = allow_unknown(nng_dialer_set_bool(d, NNG_OPT_TCP_NODELAY, o->nodelay));
    if (!error && o->keepalive >= 0)
        error = allow_unknown(nng_dialer_set_bool(d, NNG_OPT_TCP_KEEPALIVE, o->keepalive));
    if (!error && tls) {
        error = make_tls(o, NNG_TLS_MODE_CLIENT, &config);
        if (!error) {
            error = nng_dialer_set_ptr(d, NNG_OPT_TLS_CONFIG, config);
            nng_tls_config_free(config);
        }
    }
    plat_unlock(&s->lock);
    return error;
}

int net_prepare_listener(NetSocket *s, nng_listener l, bool tls)
{
    nng_tls_config *config;
    int error = 0;

    plat_lock(&s->lock);
    EndpointOptions *o = &s->options;
    if (o->nodelay >= 0)
        error = allow_unknown(nng_listener_set_bool(l, NNG_OPT_TCP_NODELAY, o->nodelay));
    if (!error && o->keepalive >= 0)
        error = allow_unknown(nng_listener_set_bool(l, NNG_OPT_TCP_KEEPALIVE, o->keepalive));
    if (!error && tls) {
        error = make_tls(o, NNG_TLS_MODE_SERVER, &config);
        if (!error) {
            error = nng_listener_set_ptr(l, NNG_OPT_TLS_CONFIG, config);
            nng_tls_config_free(config);
        }
    }
    plat_unlock(&s->lock);
    return error;
}
