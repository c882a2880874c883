// The scheduler with tasks of the test's own and real threads: every wake-up is served, nothing runs twice
// at once, sleepers wake, epochs protect what readers hold, the dirty pool runs every job.
#include "tests/unit/unit.h"

#include "vm/base/mem.h"
#include "vm/sched/dirty.h"
#include "vm/sched/sched.h"
#include "vm/sched/wheel.h"

#include <string.h>

enum { WORKERS = 4 };

typedef struct {
    Task task;
    _Atomic uint32_t running; // 1 while a slice runs
    _Atomic uint32_t wanted;  // wake-ups not yet served; who raises it from 0 enqueues
    _Atomic uint32_t served;
    uint32_t slices_left; // owner
} Unit;

static Sched sched;
static _Atomic uint64_t served_total;
static uint64_t served_goal;

static SliceEnd serve(Worker *w, Task *t)
{
    Unit *u = container_of(t, Unit, task);

    (void)w;
    EXPECT(atomic_exchange_explicit(&u->running, 1, memory_order_acq_rel) == 0);
    uint32_t n = atomic_load_explicit(&u->wanted, memory_order_acquire);
    atomic_fetch_add_explicit(&u->served, n, memory_order_relaxed);
    atomic_store_explicit(&u->running, 0, memory_order_release);
    // Before the last decrement: from then on it may be enqueued elsewhere.
    if (atomic_fetch_add_explicit(&served_total, n, memory_order_relaxed) + n == served_goal)
        sched_stop(&sched);
    return atomic_fetch_sub_explicit(&u->wanted, n, memory_order_acq_rel) == n ? SLICE_DONE
                                                                               : SLICE_AGAIN;
}

static void want(Worker *w, Unit *u)
{
    if (atomic_fetch_add_explicit(&u->wanted, 1, memory_order_acq_rel) == 0)
        sched_enqueue(&sched, w, &u->task);
}

// ---- wake-ups from other threads ----------------------------------------------------------------------

enum { UNITS = 50, WAKES = 20000, PRODUCERS = 3 };
static Unit units[UNITS];

static void *producer_main(void *argument)
{
    unsigned seed = (unsigned)(uintptr_t)argument;

    for (unsigned i = 0; i < WAKES; i++) {
        want(NULL, &units[(i * 7 + seed) % UNITS]);
        // Pauses, so that the workers go to sleep in between.
        if (i % 1000 == 0) {
            _Atomic uint32_t nobody = 0;
            plat_wait(&nobody, 0, plat_now_ns() + 300000);
        }
    }
    return NULL;
}

static void test_wakes(uint32_t workers)
{
    static const SchedOps ops = {.run = serve};
    PlatThread *threads[PRODUCERS];

    memset(units, 0, sizeof units);
    for (unsigned i = 0; i < UNITS; i++) {
        units[i].task.priority = (uint8_t)(i % PRIORITIES);
    }
    served_total = 0;
    served_goal = (uint64_t)WAKES * PRODUCERS;
    EXPECT(sched_init(&sched, &ops, NULL, workers, workers));
    for (uintptr_t i = 0; i < PRODUCERS; i++) {
        threads[i] = plat_thread_start(producer_main, (void *)i, 0, "producer"); // NOLINT
    }
    sched_run(&sched);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        plat_thread_join(threads[i]);
    }
    EXPECT_U64(served_total, served_goal);
    sched_fini(&sched);
}

// ---- tasks that wake each other -----------------------------------------------------------------------

static _Atomic uint64_t hops;

static SliceEnd hop(Worker *w, Task *t)
{
    Unit *u = container_of(t, Unit, task);

    EXPECT(atomic_exchange_explicit(&u->running, 1, memory_order_acq_rel) == 0);
    uint64_t n = atomic_fetch_add_explicit(&hops, 1, memory_order_relaxed) + 1;
    Unit *next = &units[(unsigned)(u - units + 1) % UNITS];
    if (n >= 300000) sched_stop(&sched);
    atomic_store_explicit(&u->running, 0, memory_order_release);
    atomic_fetch_sub_explicit(&u->wanted, 1, memory_order_acq_rel);
    want(w, next);
    return SLICE_DONE;
}

static void test_ring(uint32_t workers)
{
    static const SchedOps ops = {.run = hop};

    memset(units, 0, sizeof units);
    hops = 0;
    EXPECT(sched_init(&sched, &ops, NULL, workers, 9));
    want(NULL, &units[0]); // one token goes round
    sched_run(&sched);
    EXPECT(hops >= 300000);
    sched_fini(&sched);
}

// ---- long slices: all workers take part ---------------------------------------------------------------

static _Atomic uint64_t by_worker[WORKERS];

static SliceEnd toil(Worker *w, Task *t)
{
    Unit *u = container_of(t, Unit, task);

    EXPECT(atomic_exchange_explicit(&u->running, 1, memory_order_acq_rel) == 0);
    for (int i = 0; i < 2000; i++) {
        plat_cpu_relax();
    }
    atomic_fetch_add_explicit(&by_worker[w->index], 1, memory_order_relaxed);
    bool again = u->slices_left-- > 1;
    atomic_store_explicit(&u->running, 0, memory_order_release);
    if (!again && atomic_fetch_add_explicit(&served_total, 1, memory_order_relaxed) + 1 == UNITS)
        sched_stop(&sched);
    return again ? SLICE_AGAIN : SLICE_DONE;
}

static void test_spread(void)
{
    static const SchedOps ops = {.run = toil};
    uint64_t total = 0;
    unsigned busy = 0;

    memset(units, 0, sizeof units);
    served_total = 0;
    EXPECT(sched_init(&sched, &ops, NULL, WORKERS, 13));
    for (unsigned i = 0; i < UNITS; i++) {
        units[i].slices_left = 200;
        units[i].task.priority = PRIORITY_NORMAL;
        sched_enqueue(&sched, NULL, &units[i].task);
    }
    sched_run(&sched);
    for (unsigned i = 0; i < WORKERS; i++) {
        total += by_worker[i];
        busy += by_worker[i] > 0;
    }
    EXPECT_U64(total, (uint64_t)UNITS * 200);
    EXPECT(busy > 1);
    sched_fini(&sched);
}

// ---- timers wake sleepers -----------------------------------------------------------------------------

typedef struct {
    Timer timer;
    unsigned left;
} Tick;

static uint64_t due_ns;
static void tick(Worker *w, Timer *t)
{
    Tick *k = container_of(t, Tick, timer);
    uint64_t now = plat_now_ns();

    EXPECT(now >= due_ns);
    if (k->left-- == 0) {
        sched_stop(w->sched);
        return;
    }
    due_ns = now + 500000;
    wheel_arm(w->wheel, t, due_ns);
}

static void test_timers(void)
{
    static const SchedOps ops = {.run = serve};
    static Tick k = {.timer.fire = tick, .left = 200};

    EXPECT(sched_init(&sched, &ops, NULL, 2, 21));
    due_ns = plat_now_ns() + 1000000;
    wheel_arm(sched.workers[0]->wheel, &k.timer, due_ns);
    uint64_t cpu = plat_cpu_ns(), start = plat_now_ns();
    sched_run(&sched);
    // It slept in between: a small part of the time was spent running, whatever the machine does.
    EXPECT(plat_cpu_ns() - cpu < (plat_now_ns() - start) / 2 + 20000000);
    sched_fini(&sched);
}

// ---- epochs -------------------------------------------------------------------------------------------

static _Atomic(uint64_t *) published;
static _Atomic uint64_t reads;

// Each slice looks at what is published, and now and then puts something new there; the old one is reused
// when two epochs have passed.
typedef struct Retired {
    uint64_t *cell;
    uint64_t epoch;
} Retired;
static Retired retired[WORKERS][64];
static unsigned retired_count[WORKERS];

static SliceEnd look(Worker *w, Task *t)
{
    Unit *u = container_of(t, Unit, task);
    uint64_t *p = atomic_load_explicit(&published, memory_order_acquire);

    (void)u;
    for (int i = 0; i < 20; i++) {
        // Relaxed atomics stand for the reads of a real object; 0 means that it was taken from under us.
        uint64_t v = __atomic_load_n(p, __ATOMIC_RELAXED);
        if (v == 0) {
            EXPECT(v != 0);
            break;
        }
    }
    unsigned me = w->index, n = retired_count[me];
    for (unsigned i = 0; i < n;) {
        if (sched_epoch_passed(&sched, retired[me][i].epoch)) {
            __atomic_store_n(retired[me][i].cell, 0, __ATOMIC_RELAXED);
            mem_free(MEM_SCRATCH, retired[me][i].cell, sizeof(uint64_t));
            retired[me][i] = retired[me][--n];
        } else {
            i++;
        }
    }
    if (n < 64) {
        uint64_t *fresh = mem_alloc(MEM_SCRATCH, sizeof *fresh);
        __atomic_store_n(fresh, 1, __ATOMIC_RELAXED);
        uint64_t *old = atomic_exchange_explicit(&published, fresh, memory_order_acq_rel);
        retired[me][n++] = (Retired){old, sched_epoch(&sched)};
    }
    retired_count[me] = n;
    // A worker that the system has put aside inside a slice holds the epoch up, nobody knows how long.
    uint64_t done = atomic_fetch_add_explicit(&reads, 1, memory_order_relaxed);
    if (done >= 100000 && sched_epoch(&sched) > 10) sched_stop(&sched);
    return SLICE_AGAIN;
}

static void test_epochs(void)
{
    static const SchedOps ops = {.run = look};

    memset(units, 0, sizeof units);
    published = mem_alloc(MEM_SCRATCH, sizeof(uint64_t));
    *published = 1;
    EXPECT(sched_init(&sched, &ops, NULL, WORKERS, 17));
    for (unsigned i = 0; i < 16; i++) {
        units[i].task.priority = PRIORITY_NORMAL;
        sched_enqueue(&sched, NULL, &units[i].task);
    }
    sched_run(&sched);
    EXPECT(sched_epoch(&sched) > 10);
    for (unsigned i = 0; i < WORKERS; i++) {
        for (unsigned j = 0; j < retired_count[i]; j++) {
            mem_free(MEM_SCRATCH, retired[i][j].cell, sizeof(uint64_t));
        }
    }
    mem_free(MEM_SCRATCH, published, sizeof(uint64_t));
    EXPECT_U64(mem_used(MEM_SCRATCH), 0);
    sched_fini(&sched);
}

// ---- the dirty pool -----------------------------------------------------------------------------------

enum { JOBS = 2000 };
typedef struct {
    Job job;
    _Atomic uint32_t runs;
} CountedJob;
static CountedJob jobs[JOBS];

static void run_counted(Job *job)
{
    atomic_fetch_add_explicit(&container_of(job, CountedJob, job)->runs, 1, memory_order_relaxed);
}

static void *submit_main(void *argument)
{
    DirtyPool *pool = argument;

    for (unsigned i = 1; i < JOBS; i += 2) {
        EXPECT(dirty_submit(pool, &jobs[i].job));
    }
    return NULL;
}

static void test_dirty(void)
{
    DirtyPool *pool = dirty_new(0);

    for (unsigned i = 0; i < JOBS; i++) {
        jobs[i].job.run = run_counted;
    }
    PlatThread *t = plat_thread_start(submit_main, pool, 0, "submitter");
    for (unsigned i = 0; i < JOBS; i += 2) {
        EXPECT(dirty_submit(pool, &jobs[i].job));
    }
    plat_thread_join(t);
    dirty_free(pool); // waits for all
    for (unsigned i = 0; i < JOBS; i++) {
        EXPECT_U64(jobs[i].runs, 1);
    }
    dirty_free(dirty_new(3));
}

int main(void)
{
    test_wakes(1);
    test_wakes(2);
    test_wakes(WORKERS);
    test_ring(1);
    test_ring(WORKERS);
    test_spread();
    test_timers();
    test_epochs();
    test_dirty();
    EXPECT_U64(mem_used(MEM_SCHED), 0);
    return unit_finish();
}
