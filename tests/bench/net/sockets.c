// What sockets.eta does, in C against libnng: round trips over PAIR and one-way messages over PUSH and PULL,
// 16 bytes each, between two threads.
#include <nng/nng.h>
#include <nng/protocol/pair0/pair.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int trips = 20000, messages = 100000;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(int error)
{
    if (error == 0) return;
    fprintf(stderr, "%s\n", nng_strerror(error));
    exit(1);
}

static void connect_pair(nng_socket a, nng_socket b, const char *url)
{
    nng_listener l;
    char *real;

    check(nng_listen(a, url, &l, 0));
    check(nng_listener_get_string(l, NNG_OPT_URL, &real));
    check(nng_dial(b, real, NULL, 0));
    nng_strfree(real);
}

static void *echo(void *argument)
{
    nng_socket s = *(nng_socket *)argument;
    nng_msg *m;

    while (nng_recvmsg(s, &m, 0) == 0) {
        check(nng_sendmsg(s, m, 0));
    }
    return NULL;
}

static void *push(void *argument)
{
    nng_socket s = *(nng_socket *)argument;
    char data[16] = {0};

    for (int i = 0; i < messages; i++) {
        check(nng_send(s, data, sizeof data, 0));
    }
    return NULL;
}

static void measure(const char *name, const char *url, const char *other)
{
    nng_socket a, b;
    pthread_t thread;
    char data[16] = {0};
    size_t size;

    check(nng_pair0_open(&a));
    check(nng_pair0_open(&b));
    connect_pair(a, b, url);
    pthread_create(&thread, NULL, echo, &a);
    double from = now();
    for (int i = 0; i < trips; i++) {
        check(nng_send(b, data, sizeof data, 0));
        size = sizeof data;
        check(nng_recv(b, data, &size, 0));
    }
    printf("net-%s-trip %.2f us\n", name, (now() - from) / trips * 1e6);
    nng_close(a);
    nng_close(b);
    pthread_join(thread, NULL);
    check(nng_pull0_open(&a));
    check(nng_push0_open(&b));
    connect_pair(a, b, other);
    pthread_create(&thread, NULL, push, &b);
    from = now();
    for (int i = 0; i < messages; i++) {
        size = sizeof data;
        check(nng_recv(a, data, &size, 0));
    }
    printf("net-%s-send %.3f us\n", name, (now() - from) / messages * 1e6);
    pthread_join(thread, NULL);
    nng_close(a);
    nng_close(b);
}

int main(void)
{
    char one[64], two[64];

    if (getenv("BENCH_TRIPS")) trips = atoi(getenv("BENCH_TRIPS"));
    if (getenv("BENCH_MESSAGES")) messages = atoi(getenv("BENCH_MESSAGES"));
    measure("inproc", "inproc://trip", "inproc://send");
    snprintf(one, sizeof one, "ipc:///tmp/eta-bench-c-trip-%d", (int)getpid());
    snprintf(two, sizeof two, "ipc:///tmp/eta-bench-c-send-%d", (int)getpid());
    measure("ipc", one, two);
    measure("tcp", "tcp://127.0.0.1:0", "tcp://127.0.0.1:0");
    return 0;
}
