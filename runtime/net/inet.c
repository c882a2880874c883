// See inet.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // accept4
#endif
#include "runtime/net/inet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG            512
#define LOOK_MS            50 // how often a connection is asked whether anybody still wants it
#define DATAGRAM_MAX_BYTES 65536

const char *inet_error_text(int error, char *space, size_t size)
{
    if (error > INET_RESOLVER) return strerror_r(-error, space, size);
    return gai_strerror(error - INET_RESOLVER);
}

// ---- addresses ------------------------------------------------------------------------------------

// 0 or a negative error; *list is to be freed.
static int resolve(const char *host, unsigned port, int type, int flags, struct addrinfo **list)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = flags | AI_NUMERICSERV};
    char service[16];

    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(*host ? host : NULL, service, &hints, list);
    if (error == EAI_SYSTEM) return -errno;
    // Resolver errors are negative already.
    return error ? INET_RESOLVER + error : 0;
}

bool inet_is_address(const char *host)
{
    uint8_t space[16];
    return inet_pton(AF_INET, host, space) == 1 || inet_pton(AF_INET6, host, space) == 1;
}

// ---- connections ----------------------------------------------------------------------------------

// Gives the two files a descriptor each.
static int adopt(int fd, File *in, File *out)
{
    int on = 1, other = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    if (other < 0) {
        int error = -errno;
        (void)close(fd);
        return error;
    }
    // What a port writes is a message to be sent now.
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    out->stream = true;
    file_adopt(in, fd, FILE_READ);
    file_adopt(out, other, FILE_WRITE);
    return 0;
}

static bool is_wanted(const File *f)
{
    return atomic_load_explicit(&f->block->refs, memory_order_relaxed) > 1 &&
           atomic_load_explicit(&f->files->closing, memory_order_relaxed) == 0;
}

// Waits until fd is connected.
static int finish_connect(int fd, const File *f, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t size = sizeof error;

    for (;;) {
        int n = poll(&p, 1, LOOK_MS);
        if (n > 0) break;
        if (n < 0 && errno != EINTR) return -errno;
        if (!is_wanted(f)) return -ECANCELED;
        if (deadline_ns != 0 && plat_now_ns() >= deadline_ns) return -ETIMEDOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return -errno;
    return -error;
}

static int connect_to(const struct addrinfo *a, const File *f, uint64_t deadline_ns)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) return -errno;
    int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : -errno;
    if (error == -EINPROGRESS) error = finish_connect(fd, f, deadline_ns);
    if (!error) return fd;
    (void)close(fd);
    return error;
}

int inet_connect(File *in, File *out, const char *host, unsigned port, uint64_t deadline_ns)
{
    struct addrinfo *list;
    int fd = resolve(host, port, SOCK_STREAM, 0, &list);

    if (fd) return fd;
    fd = -EADDRNOTAVAIL;
    for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = connect_to(a, in, deadline_ns);
        if (fd == -ETIMEDOUT || fd == -ECANCELED) break;
    }
    freeaddrinfo(list);
    return fd < 0 ? fd : adopt(fd, in, out);
}

static int listen_at(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, off = 0;

    if (fd < 0) return -errno;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6) (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0) return fd;
    int error = -errno;
    (void)close(fd);
    return error;
}

int inet_listen(File *f, const char *host, unsigned port)
{
    struct addrinfo *list;
    int fd = resolve(host, port, SOCK_STREAM, AI_PASSIVE, &list);

    if (fd) return fd;
    fd = -EADDRNOTAVAIL;
    // With every interface wanted, the family that takes both comes first.
    for (int pass = *host ? 1 : 0; pass < 2 && fd < 0; pass++) {
        for (const struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
            if (pass == 1 || a->ai_family == AF_INET6) fd = listen_at(a);
            if (fd == -EADDRINUSE || fd == -EACCES) pass = 2;
        }
    }
    freeaddrinfo(list);
    if (fd < 0) return fd;
    file_adopt(f, fd, FILE_READ);
    return 0;
}

int inet_share(const File *listener, File *f)
{
    int fd = fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0) return -errno;
    file_adopt(f, fd, FILE_READ);
    return 0;
}

int inet_accept(const File *listener, File *in, File *out)
{
    for (;;) {
        int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) return adopt(fd, in, out);
        // Who has gone again does not matter.
        if (errno != EINTR && errno != ECONNABORTED) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    }
}

// ---- sockets' own addresses -----------------------------------------------------------------------

typedef union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
} Address;

static unsigned port_of(const Address *a)
{
    return ntohs(a->any.sa_family == AF_INET6 ? a->v6.sin6_port : a->v4.sin_port);
}

int inet_port(const File *f)
{
    Address a;
    socklen_t size = sizeof a;

    return getsockname(f->fd, &a.any, &size) == 0 ? (int)port_of(&a) : -errno;
}

static void put_host(const Address *a, char *host, size_t size)
{
    host[0] = '\0';
    if (a->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a->v4.sin_addr, host, (socklen_t)size);
    } else if (IN6_IS_ADDR_V4MAPPED(&a->v6.sin6_addr)) {
        (void)inet_ntop(AF_INET, &a->v6.sin6_addr.s6_addr[12], host, (socklen_t)size);
    } else {
        (void)inet_ntop(AF_INET6, &a->v6.sin6_addr, host, (socklen_t)size);
    }
}

// ---- datagrams ------------------------------------------------------------------------------------

int inet_open_datagrams(File *f, unsigned port)
{
    int off = 0, fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    Address a = {.v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)}};
    socklen_t size = sizeof a.v6;

    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    } else {
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        a = (Address){.v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)}};
        size = sizeof a.v4;
    }
    if (fd < 0) return -errno;
    if (bind(fd, &a.any, size) != 0) {
        int error = -errno;
        (void)close(fd);
        return error;
    }
    file_adopt(f, fd, FILE_READ);
    return 0;
}

// The family of an open descriptor.
static int family_of(int fd)
{
    Address a;
    socklen_t size = sizeof a;

    return getsockname(fd, &a.any, &size) == 0 ? a.any.sa_family : AF_UNSPEC;
}

int inet_send(const File *f, const char *host, unsigned port, const void *data, size_t size)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_family = family_of(f->fd)}, *list;
    char service[16];

    if (hints.ai_family == AF_INET6) hints.ai_flags = AI_V4MAPPED;
    snprintf(service, sizeof service, "%u", port);
    int error = getaddrinfo(host, service, &hints, &list);
    if (error) return error == EAI_SYSTEM ? -errno : INET_RESOLVER + error;
    ssize_t n;
    do {
        n = sendto(f->fd, data, size, 0, list->ai_addr, list->ai_addrlen);
    } while (n < 0 && errno == EINTR);
    error = n < 0 ? -errno : 0;
    freeaddrinfo(list);
    return error;
}

int64_t inet_recv(const File *f, Buf *out, InetPeer *from)
{
    Address a;
    socklen_t size = sizeof a;
    ssize_t n;

    if (!buf_reserve(out, DATAGRAM_MAX_BYTES)) return -ENOMEM;
    do {
        n = recvfrom(f->fd, out->data + out->size, DATAGRAM_MAX_BYTES, 0, &a.any, &size);
        // What was sent earlier was refused: nothing that a receiver can do about.
    } while (n < 0 && (errno == EINTR || errno == ECONNREFUSED));
    if (n < 0) return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    out->size += (size_t)n;
    from->port = port_of(&a);
    put_host(&a, from->host, sizeof from->host);
    return n;
}
