// See poller.h. Descriptors are in the epoll set while an entry waits for them, and out of it
// otherwise: a set of descriptors that nobody waits for would wake the thread for nothing.
#include "runtime/poller.h"
#include "runtime/jobs.h"

#include "vm/base/check.h"
#include "vm/base/map.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EVENTS_MAX 64

typedef struct Entry {
    uint64_t ticket;
    int fd;
    Value pid, ref;
    void (*back)(void *context, bool ready); // NULL: an actor is answered
    void *context;
    uint64_t deadline_ns;      // 0: none
    struct Entry *next, *prev; // of those with a deadline
} Entry;

struct Poller {
    Vm *vm;
    PlatLock lock;
    Map entries;          // ticket -> Entry; lock
    Entry *timed;         // lock
    uint64_t last_ticket; // lock
    PlatThread *thread;   // NULL until the first entry; lock
    bool stopped;         // lock
    int set, wake;        // epoll and eventfd; const once the thread runs
};

Poller *poller_new(Vm *vm)
{
    Poller *p = mem_zalloc(MEM_IO, sizeof *p);

    if (!p) return NULL;
    p->vm = vm;
    p->set = p->wake = -1;
    return p;
}

// ---- entries, under the lock
// ------------------------------------------------------------------------

static void leave(Poller *p, Entry *e)
{
    map_remove(&p->entries, e->ticket);
    if (e->fd >= 0) (void)epoll_ctl(p->set, EPOLL_CTL_DEL, e->fd, NULL);
    if (!e->deadline_ns) return;
    if (e->next) e->next->prev = e->prev;
    if (e->prev) {
        e->prev->next = e->next;
    } else {
        p->timed = e->next;
    }
}

static bool enter(Poller *p, Entry *e, PollFor what)
{
    struct epoll_event event = {.events = what == POLL_READ ? EPOLLIN : EPOLLOUT,
                                .data.u64 = e->ticket};
    bool made;
    MapEntry *m = map_add(&p->entries, MEM_IO, e->ticket, &made);

    if (!m) {
        errno = ENOMEM;
        return false;
    }
    if (e->fd >= 0 && epoll_ctl(p->set, EPOLL_CTL_ADD, e->fd, &event) != 0) {
        map_remove(&p->entries, e->ticket);
        return false;
    }
    m->a = (uint64_t)e;
    if (!e->deadline_ns) return true;
    e->next = p->timed;
    if (e->next) e->next->prev = e;
    p->timed = e;
    return true;
}

// Takes out what has its ticket; NULL when it is gone.
static Entry *take(Poller *p, uint64_t ticket)
{
    MapEntry *m = map_find(&p->entries, ticket);
    Entry *e = m ? (Entry *)m->a : NULL;

    if (e) leave(p, e);
    return e;
}

// ---- the thread
// -------------------------------------------------------------------------------------

// Without the lock.
static void fire(Poller *p, Entry *e, bool ready)
{
    if (e->back) {
        e->back(e->context, ready);
    } else {
        job_answer(p->vm, e->pid, e->ref, value_bool(ready));
    }
    mem_free(MEM_IO, e, sizeof *e);
}

static void fire_late(Poller *p)
{
    uint64_t now = plat_now_ns();

    for (;;) {
        plat_lock(&p->lock);
        Entry *e = p->timed;
        while (e && e->deadline_ns > now) {
            e = e->next;
        }
        if (e) leave(p, e);
        plat_unlock(&p->lock);
        if (!e) return;
        fire(p, e, false);
    }
}

// Milliseconds until something is due; -1: never.
static int time_left(Poller *p, bool *stopped)
{
    uint64_t first = UINT64_MAX, now = plat_now_ns();

    plat_lock(&p->lock);
    for (const Entry *e = p->timed; e; e = e->next) {
        first = MIN(first, e->deadline_ns);
    }
    *stopped = p->stopped;
    plat_unlock(&p->lock);
    if (first == UINT64_MAX) return -1;
    if (first <= now) return 0;
    return (int)MIN((first - now) / 1000000 + 1, (uint64_t)1000000);
}

static void *thread_main(void *argument)
{
    struct epoll_event events[EVENTS_MAX];
    Poller *p = argument;
    uint64_t count;
    bool stopped;

    for (;;) {
        int ms = time_left(p, &stopped);
        if (stopped) return NULL;
        int n = epoll_wait(p->set, events, EVENTS_MAX, ms);
        for (int i = 0; i < n; i++) {
            if (events[i].data.u64 == 0) { // never a ticket
                (void)!read(p->wake, &count, sizeof count);
                continue;
            }
            plat_lock(&p->lock);
            Entry *e = take(p, events[i].data.u64);
            plat_unlock(&p->lock);
            if (e) fire(p, e, true);
        }
        fire_late(p);
    }
}

static void wake(Poller *p)
{
    uint64_t one = 1;
    (void)!write(p->wake, &one, sizeof one);
}

// Under the lock.
static bool start(Poller *p)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};

    if (p->stopped) errno = ECANCELED;
    if (p->thread || p->stopped) return !p->stopped;
    if (p->set < 0) p->set = epoll_create1(EPOLL_CLOEXEC);
    if (p->set < 0) return false;
    if (p->wake < 0) {
        p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (p->wake < 0) return false;
        if (epoll_ctl(p->set, EPOLL_CTL_ADD, p->wake, &event) != 0) return false;
    }
    p->thread = plat_thread_start(thread_main, p, 0, "eta-poll");
    if (!p->thread) errno = EAGAIN;
    return p->thread != NULL;
}

// ---- operations
// -------------------------------------------------------------------------------------

// Takes a copy of what the entry is to be.
static uint64_t add(Poller *p, const Entry *like, PollFor what)
{
    Entry *e = mem_alloc(MEM_IO, sizeof *e);

    if (!e) {
        errno = ENOMEM;
        return 0;
    }
    *e = *like;
    plat_lock(&p->lock);
    uint64_t ticket = e->ticket = ++p->last_ticket;
    bool ok = start(p) && enter(p, e, what);
    plat_unlock(&p->lock);
    if (!ok) {
        int error = errno;
        mem_free(MEM_IO, e, sizeof *e);
        errno = error;
        return 0;
    }
    if (like->deadline_ns) wake(p);
    return ticket;
}

uint64_t poller_wait(Poller *p, int fd, PollFor what, uint64_t deadline_ns, Value pid, Value ref)
{
    Entry e = {.fd = fd, .pid = pid, .ref = ref, .deadline_ns = deadline_ns};
    return add(p, &e, what);
}

uint64_t poller_call(Poller *p, int fd, PollFor what, void (*back)(void *context, bool ready),
                     void *context)
{
    Entry e = {.fd = fd, .back = back, .context = context};
    return add(p, &e, what);
}

bool poller_cancel(Poller *p, uint64_t ticket)
{
    if (ticket == 0) return false;
    plat_lock(&p->lock);
    Entry *e = take(p, ticket);
    plat_unlock(&p->lock);
    if (e) mem_free(MEM_IO, e, sizeof *e);
    return e != NULL;
}

void poller_stop(Poller *p)
{
    uint32_t hint = 0;
    MapEntry *m;

    if (!p) return;
    plat_lock(&p->lock);
    p->stopped = true;
    PlatThread *thread = p->thread;
    p->thread = NULL;
    plat_unlock(&p->lock);
    if (thread) {
        wake(p);
        plat_thread_join(thread);
    }
    for (;;) {
        plat_lock(&p->lock);
        m = map_any(&p->entries, &hint);
        Entry *e = m ? take(p, m->key) : NULL;
        plat_unlock(&p->lock);
        if (!e) return;
        if (e->back) e->back(e->context, false);
        mem_free(MEM_IO, e, sizeof *e);
    }
}

void poller_free(Poller *p)
{
    if (!p) return;
    map_free(&p->entries, MEM_IO);
    if (p->set >= 0) (void)close(p->set);
    if (p->wake >= 0) (void)close(p->wake);
    mem_free(MEM_IO, p, sizeof *p);
}
