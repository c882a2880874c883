// Run queues: an owner and thieves; every task comes out once, in order for whoever takes them.
#include "tests/unit/unit.h"

#include "vm/base/mem.h"
#include "vm/base/rng.h"
#include "vm/sched/runq.h"

#include <string.h>

typedef struct {
    Task task;
    uint64_t number;
    _Atomic uint32_t taken;
} Item;

static RunQueue *queue_new(void)
{
    return mem_zalloc_aligned(MEM_SCHED, _Alignof(RunQueue), sizeof(RunQueue));
}

static void queue_free(RunQueue *q)
{
    mem_free(MEM_SCHED, q, sizeof *q);
}

static Item *item_of(Task *t)
{
    return container_of(t, Item, task);
}

// ---- one thread ---------------------------------------------------------------------------------------

static void test_fifo(unsigned n)
{
    RunQueue *q = queue_new();
    Item *items = mem_zalloc(MEM_SCHED, n * sizeof *items);

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < n; i++) {
            items[i].number = i;
            runq_push(q, &items[i].task);
        }
        EXPECT_U64(runq_length(q), n);
        for (unsigned i = 0; i < n; i++) {
            Task *t = runq_pop(q);
            EXPECT(t && item_of(t)->number == i);
        }
        EXPECT(runq_pop(q) == NULL);
        EXPECT_U64(runq_length(q), 0);
    }
    mem_free(MEM_SCHED, items, n * sizeof *items);
    queue_free(q);
}

// Pushes and pops mixed, with and without overflow: always the oldest.
static void test_mixed(void)
{
    enum { N = 100000 };
    RunQueue *q = queue_new();
    Item *items = mem_zalloc(MEM_SCHED, N * sizeof *items);
    uint64_t in = 0, out = 0;
    Rng rng;

    rng_seed(&rng, 11);
    while (out < N) {
        uint64_t burst = rng_below(&rng, 400);
        for (uint64_t i = 0; i < burst && in < N; i++, in++) {
            items[in].number = in;
            runq_push(q, &items[in].task);
        }
        burst = rng_below(&rng, 410);
        for (uint64_t i = 0; i < burst; i++) {
            Task *t = runq_pop(q);
            if (!t) break;
            EXPECT_U64(item_of(t)->number, out);
            out++;
        }
        EXPECT_U64(runq_length(q), in - out);
    }
    mem_free(MEM_SCHED, items, N * sizeof *items);
    queue_free(q);
}

static void test_steal_shares(void)
{
    RunQueue *from = queue_new(), *to = queue_new();
    Item items[10] = {0};

    EXPECT(runq_steal(from, to) == NULL);
    for (unsigned i = 0; i < 10; i++) {
        items[i].number = i;
        runq_push(from, &items[i].task);
    }
    Task *t = runq_steal(from, to);
    EXPECT(t && item_of(t)->number == 0);
    EXPECT_U64(runq_length(to), 4);
    EXPECT_U64(runq_length(from), 5);
    for (unsigned i = 1; i < 5; i++) {
        EXPECT_U64(item_of(runq_pop(to))->number, i);
    }
    for (unsigned i = 5; i < 10; i++) {
        EXPECT_U64(item_of(runq_pop(from))->number, i);
    }
    // A lone task can be stolen too.
    runq_push(from, &items[0].task);
    EXPECT(runq_steal(from, to) == &items[0].task);
    EXPECT(runq_pop(from) == NULL && runq_pop(to) == NULL);
    queue_free(from);
    queue_free(to);
}

// ---- threads ------------------------------------------------------------------------------------------

enum { TASKS = 200000, THIEVES = 3 };

typedef struct {
    RunQueue *queue;
    Item *items;
    _Atomic uint32_t done;
    _Atomic uint64_t taken;
} Shared;

static void take(Shared *s, Task *t)
{
    EXPECT(atomic_fetch_add_explicit(&item_of(t)->taken, 1, memory_order_relaxed) == 0);
    atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed);
}

static void *thief_main(void *argument)
{
    Shared *s = argument;
    RunQueue *own = queue_new();

    for (;;) {
        bool last = atomic_load_explicit(&s->done, memory_order_acquire);
        Task *t = runq_steal(s->queue, own);
        if (t) {
            take(s, t);
            while ((t = runq_pop(own)) != NULL) {
                take(s, t);
            }
        } else if (last) {
            break;
        }
    }
    queue_free(own);
    return NULL;
}

// What the owner pops comes in the order it was pushed, whatever is stolen in between.
static void test_threads(unsigned ahead)
{
    Shared s = {.queue = queue_new(), .items = mem_zalloc(MEM_SCHED, TASKS * sizeof(Item))};
    PlatThread *thieves[THIEVES];
    uint64_t last = 0;
    bool ordered = true;
    Rng rng;

    rng_seed(&rng, ahead);
    for (unsigned i = 0; i < THIEVES; i++) {
        thieves[i] = plat_thread_start(thief_main, &s, 0, "thief");
    }
    for (unsigned i = 0; i < TASKS;) {
        for (uint64_t burst = rng_below(&rng, ahead); burst-- > 0 && i < TASKS; i++) {
            s.items[i].number = i + 1;
            runq_push(s.queue, &s.items[i].task);
        }
        for (uint64_t burst = rng_below(&rng, ahead); burst-- > 0;) {
            Task *t = runq_pop(s.queue);
            if (!t) break;
            ordered &= item_of(t)->number > last;
            last = item_of(t)->number;
            take(&s, t);
        }
    }
    for (Task *t; (t = runq_pop(s.queue)) != NULL;) {
        take(&s, t);
    }
    atomic_store_explicit(&s.done, 1, memory_order_release);
    for (unsigned i = 0; i < THIEVES; i++) {
        plat_thread_join(thieves[i]);
    }
    EXPECT(ordered);
    EXPECT_U64(s.taken, TASKS);
    mem_free(MEM_SCHED, s.items, TASKS * sizeof(Item));
    queue_free(s.queue);
}

int main(void)
{
    test_fifo(1);
    test_fifo(RUNQ_SLOTS);
    test_fifo(RUNQ_SLOTS + 1);
    test_fifo(5000);
    test_mixed();
    test_steal_shares();
    test_threads(4);
    test_threads(100);
    test_threads(2000);
    EXPECT_U64(mem_used(MEM_SCHED), 0);
    return unit_finish();
}
