// See worker.h.
#include "runtime/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define GRACE_SECONDS 1
#define TOLD_MAX      8192

static const char module[] = "std.base.worker";

// ---- before the program starts ------------------------------------------------------------------------

// An address and a token, each with a new line behind it.
static bool is_complete(const Buf *told)
{
    const uint8_t *end = told->size ? memchr(told->data, '\n', told->size) : NULL;
    return end && memchr(end + 1, '\n', told->size - (size_t)(end + 1 - told->data));
}

bool worker_open(Runtime *r, int fd)
{
    WorkerLink *link = &r->link;

    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return false;
    while (!is_complete(&link->told)) {
        if (link->told.size > TOLD_MAX || !buf_reserve(&link->told, 512)) return false;
        ssize_t n = recv(fd, link->told.data + link->told.size, 512, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        link->told.size += (size_t)n;
    }
    link->fd = fd;
    return true;
}

void worker_fail(const Runtime *r, const char *why)
{
    size_t size = strlen(why);

    while (size > 0) {
        ssize_t n = send(r->link.fd, why, size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        why += n;
        size -= (size_t)n;
    }
}

// ---- the end of the parent ----------------------------------------------------------------------------

// Calls back after the grace. False when that cannot be had.
static bool call_later(Runtime *r, void (*back)(void *, bool))
{
    WorkerLink *link = &r->link;
    struct itimerspec grace = {.it_value = {.tv_sec = GRACE_SECONDS}};

    if (link->timer_fd < 0) link->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    return link->timer_fd >= 0 && timerfd_settime(link->timer_fd, 0, &grace, NULL) == 0 &&
           poller_call(r->poller, link->timer_fd, POLL_READ, back, r);
}

static void end_now(void *context, bool ready)
{
    (void)context;
    if (ready) _exit(128 + SIGTERM);
}

static void end_in_order(void *context, bool ready)
{
    Runtime *r = context;

    if (!ready) return;
    vm_interrupt(r->vm, SIGTERM);
    if (!call_later(r, end_now)) _exit(128 + SIGTERM);
}

static void on_link(void *context, bool ready)
{
    Runtime *r = context;
    char byte;

    if (!ready) return;
    ssize_t n = recv(r->link.fd, &byte, 1, MSG_DONTWAIT);
    bool goes_on = n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
    if (goes_on && poller_call(r->poller, r->link.fd, POLL_READ, on_link, r)) return;
    if (!call_later(r, end_in_order)) _exit(128 + SIGTERM);
}

bool worker_watch(Runtime *r, char *why, size_t why_size)
{
    if (!code_require(&r->vm->code, module, strlen(module), &r->program, why, why_size))
        return false;
    r->worker_module = r->program.modules[r->program.count - 1];
    if (poller_call(r->poller, r->link.fd, POLL_READ, on_link, r)) return true;
    snprintf(why, why_size, "out of memory");
    return false;
}
