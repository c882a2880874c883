// TCP and UDP of the internet, for protocols that are not nng's. Descriptors live in files (files.h): what
// owns, closes, reads, writes and waits for them is there. A connection is two files, one to read and one to
// write; closing the second tells the peer that nothing more will come.
//
// Errors are negative: an errno, or below INET_RESOLVER the resolver's.
//
// Threads: functions that wait say so and run on dirty threads; the others are the owner's.
#ifndef RUNTIME_NET_INET_H
#define RUNTIME_NET_INET_H

#include "runtime/files.h"

#define INET_RESOLVER (-65536)

const char *inet_error_text(int error, char *space, size_t size);

// Waits for the connection, at most until the deadline (0: none).
int inet_connect(File *in, File *out, const char *host, unsigned port, uint64_t deadline_ns);
// An empty host is every interface. May wait for the resolver.
int inet_listen(File *f, const char *host, unsigned port);
// Makes `f` another way to the same listener, with a life of its own.
int inet_share(const File *listener, File *f);
// -EAGAIN: nobody has connected.
int inet_accept(const File *listener, File *in, File *out);
// The port of this end.
int inet_port(const File *f);

int inet_open_datagrams(File *f, unsigned port);
// May wait for the resolver, unless `host` is an address.
int inet_send(const File *f, const char *host, unsigned port, const void *data, size_t size);
bool inet_is_address(const char *host);

typedef struct {
    char host[64];
    unsigned port;
} InetPeer;

// Appends a datagram. Its size, or -EAGAIN: none has come.
int64_t inet_recv(const File *f, Buf *out, InetPeer *from);

#endif
