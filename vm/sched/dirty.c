// See dirty.h.
#include "vm/sched/dirty.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"

#define THREADS_MAX 256
#define LINGER_NS   1000000000ull

struct DirtyPool {
    PlatLock lock;
    Job *first, *last;      // lock
    uint32_t queued;        // jobs that no thread has taken; lock
    uint32_t threads, idle; // idle: wait, or have been woken and not come yet; lock
    uint32_t kept;
    bool closing;           // lock
    _Atomic uint32_t wake;  // changes with every job and at the end
    _Atomic uint32_t gone;  // changes when a thread ends
};

static Job *take_job(DirtyPool *p) // lock
{
    Job *job = p->first;
    if (!job) return NULL;
    p->first = job->next;
    if (!p->first) p->last = NULL;
    p->queued--;
    return job;
}

static void *thread_main(void *argument)
{
    DirtyPool *p = argument;

    plat_lock(&p->lock);
    for (;;) {
        Job *job = take_job(p);
        if (job) {
            plat_unlock(&p->lock);
            job->run(job);
            plat_lock(&p->lock);
            continue;
        }
        if (p->closing) break;
        uint32_t seen = atomic_load_explicit(&p->wake, memory_order_relaxed);
        p->idle++;
        plat_unlock(&p->lock);
        uint64_t until = plat_now_ns() + LINGER_NS;
        plat_wait(&p->wake, seen, until);
        bool late = plat_now_ns() >= until;
        plat_lock(&p->lock);
        p->idle--;
        if (late && !p->first && p->threads > p->kept) break;
    }
    p->threads--;
    atomic_fetch_add_explicit(&p->gone, 1, memory_order_release);
    plat_wake(&p->gone, 1);
    plat_unlock(&p->lock);
    return NULL;
}

DirtyPool *dirty_new(uint32_t kept)
{
    DirtyPool *p = mem_zalloc(MEM_SCHED, sizeof *p);
    if (p) p->kept = kept;
    return p;
}

bool dirty_submit(DirtyPool *p, Job *job)
{
    job->next = NULL;
    plat_lock(&p->lock);
    // Started under the lock: a count of threads that could not be would hold others' jobs back.
    bool wants = p->queued + 1 > p->idle && p->threads < THREADS_MAX;
    PlatThread *t = wants ? plat_thread_start(thread_main, p, 0, "eta-dirty") : NULL;
    if (t) {
        // Detached in effect: the pool counts its threads and waits for the count.
        plat_thread_detach(t);
        p->threads++;
    } else if (p->threads == 0) {
        plat_unlock(&p->lock);
        return false;
    }
    p->queued++;
    if (p->last) {
        p->last->next = job;
    } else {
        p->first = job;
    }
    p->last = job;
    atomic_fetch_add_explicit(&p->wake, 1, memory_order_release);
    plat_unlock(&p->lock);
    if (!t) plat_wake(&p->wake, 1);
    return true;
}

void dirty_free(DirtyPool *p)
{
    if (!p) return;
    plat_lock(&p->lock);
    p->closing = true;
    atomic_fetch_add_explicit(&p->wake, 1, memory_order_release);
    plat_wake(&p->wake, THREADS_MAX);
    while (p->threads > 0) {
        uint32_t seen = atomic_load_explicit(&p->gone, memory_order_acquire);
        plat_unlock(&p->lock);
        plat_wait(&p->gone, seen, 0);
        plat_lock(&p->lock);
    }
    plat_unlock(&p->lock);
    mem_free(MEM_SCHED, p, sizeof *p);
}
