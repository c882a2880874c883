// The scheduler: workers that run tasks. It knows tasks, not actors.
//
// Model: one worker per processor, each with its own run queues by priority; a worker without work
// takes from others, looks for a while and then sleeps. Worker 0 is the thread that called
// sched_run; the others are started when there is more than it can do. What a task is and how it
// runs is the owner's: SchedOps.run gives it one slice.
//
// Waking: a wake-up costs as much as a thousand messages, so putting a task into a queue wakes
// nobody. A worker wakes a sleeping peer when it sees a surplus: its slice ended with a task still
// runnable, or its queue holds two or more. Thieves leave a lone task alone until it has waited for
// 10 microseconds, so two actors that talk to each other stay together.
//
// Epochs: whoever follows a pointer that another thread may retire does so inside a slice (or a
// guest section, for threads that are no workers). Memory retired in epoch e is reused when the
// global epoch has reached e + 2: every worker has then begun a slice after it was retired.
//
// Threads: sched_enqueue from a worker goes to its own queue, from elsewhere to the injection
// stack.
// Invariants: [C1] a task is in at most one queue or running on one worker; [C2] a worker sets its
// parked bit before it looks at the queues for the last time, and who puts work where a sleeper must
// see it reads the parked bits after: one of the two sees the other.
#ifndef VM_SCHED_SCHED_H
#define VM_SCHED_SCHED_H

#include "vm/base/rng.h"
#include "vm/plat/plat.h"

#define SCHED_WORKERS_MAX 64
#define RUNQ_SLOTS        256u

typedef enum { PRIORITY_MAX, PRIORITY_HIGH, PRIORITY_NORMAL, PRIORITY_LOW, PRIORITIES } Priority;

typedef struct Task {
    struct Task *next; // owner: the list it is in (overflow, injection)
    uint8_t priority;
} Task;

// A ring that its worker fills and anybody empties, and a list behind it for what does not fit.
typedef struct {
    _Atomic uint32_t head CACHE_ALIGNED; // atomic: cas by takers
    _Atomic uint32_t tail;               // owner: the worker
    _Atomic uint32_t overflow_count;
    PlatLock lock;
    Task *overflow_first, *overflow_last; // lock
    Task *_Atomic slots[RUNQ_SLOTS];
} RunQueue;

typedef struct Sched Sched;
typedef struct Worker Worker;

typedef enum {
    SLICE_AGAIN, // still runnable: goes to the back of the queue
    SLICE_DONE,  // somebody else's now: waiting, ended, or in a queue already
} SliceEnd;

typedef struct {
    SliceEnd (*run)(Worker *w, Task *t);
    void (*start)(Worker *w); // on the worker's thread, before its first task; sets Worker.context
    void (*stop)(Worker *w);
    void (*poll)(Worker *w); // between slices
    void (*idle)(Worker *w); // before it sleeps: flush what others should see
} SchedOps;

struct Worker {
    RunQueue queues[PRIORITIES];
    _Atomic uint64_t epoch CACHE_ALIGNED; // 0: outside any slice
    _Atomic uint32_t park;                // futex: 1 while it sleeps or is about to
    uint32_t index;
    Sched *sched;
    void *context; // the owner's, of this worker
    struct Wheel *wheel;
    PlatThread *thread; // NULL for worker 0
    Rng rng;
    uint64_t dispatches;
    uint32_t pokes_seen; // Sched.pokes before the owner's poll
    uint64_t now_ns; // of the slice that runs or of one a few before
    uint32_t clock_in; // slices until the clock is read again
    uint64_t low_served_ns;
    uint64_t spin_ns;   // how long to look for work before sleeping; adapts
    _Atomic uint64_t slices, steals, parks; // statistics
};

struct Sched {
    const SchedOps *ops;
    void *context;
    uint32_t worker_count;              // that there may be
    _Atomic uint32_t started;           // that there are
    Worker *workers[SCHED_WORKERS_MAX]; // published by `started`
    PlatLock start_lock;
    _Atomic uint64_t parked CACHE_ALIGNED; // a bit per sleeping worker
    _Atomic uint32_t spinning;             // workers that look for work
    _Atomic uint32_t surplus;              // tells the one that does that lone tasks wait
    _Atomic uint32_t stopping;
    _Atomic uint32_t pokes; // number of sched_poke calls
    _Atomic uint64_t epoch CACHE_ALIGNED;
    _Atomic uint64_t guest_epochs[8]; // threads that are no workers; 0: free
    Task *_Atomic injected CACHE_ALIGNED; // stack of tasks from outside
    struct DirtyPool *dirty;
    uint64_t seed;
};

MUST_USE bool sched_init(Sched *s, const SchedOps *ops, void *context, uint32_t workers,
                         uint64_t seed);
void sched_fini(Sched *s);

// Runs tasks on the calling thread, as worker 0, until sched_stop; then waits for the other workers.
void sched_run(Sched *s);
// Ends sched_run soon. From any thread, and from a signal handler.
void sched_stop(Sched *s);

// Wakes every worker, so that each looks around once. From any thread, and from a signal handler.
void sched_poke(Sched *s);

// Makes a task runnable that is in no queue. `w` is the calling worker, NULL from other threads.
void sched_enqueue(Sched *s, Worker *w, Task *t);

// Tells that the running worker will be busy for long: somebody else should take its queue.
void sched_busy(Worker *w);

static inline bool sched_is_stopping(const Sched *s)
{
    return atomic_load_explicit(&s->stopping, memory_order_relaxed) != 0;
}

// Number of tasks in queues, roughly.
uint32_t sched_queued_at(const Sched *s, uint32_t worker); // of one worker; 0 when it has not started
uint32_t sched_queued(const Sched *s);

// ---- epochs -----------------------------------------------------------------------------------

// Sections of threads that are no workers. May spin when eight are inside.
unsigned sched_guest_enter(Sched *s);
void sched_guest_leave(Sched *s, unsigned slot);
// The epoch to note with something retired now, and whether what was retired in `epoch` is free.
static inline uint64_t sched_epoch(const Sched *s)
{
    return atomic_load_explicit(&s->epoch, memory_order_acquire);
}
// Moves the epoch on if every worker and guest that is inside one has seen the current one.
void sched_advance_epoch(Sched *s);
static inline bool sched_epoch_passed(const Sched *s, uint64_t epoch)
{
    return sched_epoch(s) >= epoch + 2;
}

#endif
