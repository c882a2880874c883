// The platform layer: memory, waiting and waking, locks, threads, time.
#include "tests/unit/unit.h"

#include "vm/plat/plat.h"

#include <string.h>

static void test_memory(void)
{
    size_t page = plat_page_bytes(), size = 64 * page;
    char *p = plat_reserve((size_t)1 << 33);

    EXPECT(p != NULL && page >= 4096);
    EXPECT(plat_commit(p, size));
    EXPECT(p[0] == 0 && p[size - 1] == 0);
    memset(p, 7, size);
    plat_populate(p, size);
    EXPECT(p[0] == 7 && p[size - 1] == 7);
    plat_discard(p + page, page);
    EXPECT(p[page - 1] == 7 && p[page] == 0 && p[2 * page - 1] == 0 && p[2 * page] == 7);
    p[page] = 1; // still usable
    EXPECT(plat_commit(p + size, page) && p[size] == 0);
    plat_release(p, (size_t)1 << 33);
    EXPECT(plat_memory_limit() > (uint64_t)1 << 20);
    EXPECT(plat_resident_bytes() > 10000);
}

static void test_time(void)
{
    uint64_t a = plat_now_ns(), b = plat_now_ns();
    _Atomic uint32_t word = 0;

    EXPECT(b >= a);
    EXPECT(plat_wall_ns() > 1600000000ull * 1000000000);
    // Nobody wakes: the deadline ends it, not before.
    for (int i = 0; i < 5; i++) {
        uint64_t until = plat_now_ns() + 2000000;
        while (plat_now_ns() < until) {
            plat_wait(&word, 0, until);
        }
        EXPECT(plat_now_ns() >= until);
    }
    // Another value: returns at once.
    plat_wait(&word, 1, 0);
    EXPECT(plat_cpu_count() >= 1);
    EXPECT(plat_random() != plat_random());
}

// Two threads hand a word back and forth.
enum { TURNS = 20000 };
static _Atomic uint32_t turn;

static void *pong(void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < TURNS; i++) {
        uint32_t now;
        while ((now = atomic_load_explicit(&turn, memory_order_acquire)) != 2 * i + 1) {
            plat_wait(&turn, now, 0);
        }
        atomic_store_explicit(&turn, 2 * i + 2, memory_order_release);
        plat_wake(&turn, 1);
    }
    return NULL;
}

static void test_waiting(void)
{
    PlatThread *t = plat_thread_start(pong, NULL, 0, "pong");

    EXPECT(t != NULL);
    for (uint32_t i = 0; i < TURNS; i++) {
        uint32_t now;
        atomic_store_explicit(&turn, 2 * i + 1, memory_order_release);
        plat_wake(&turn, 1);
        while ((now = atomic_load_explicit(&turn, memory_order_acquire)) != 2 * i + 2) {
            plat_wait(&turn, now, 0);
        }
    }
    plat_thread_join(t);
    EXPECT_U64(turn, 2 * TURNS);
}

// A counter that only the lock protects.
enum { LOCKERS = 4, ROUNDS = 50000 };
static PlatLock lock;
static uint64_t counter;

static void *locker(void *argument)
{
    (void)argument;
    for (int i = 0; i < ROUNDS; i++) {
        plat_lock(&lock);
        counter++;
        plat_unlock(&lock);
    }
    return NULL;
}

static void test_lock(void)
{
    PlatThread *threads[LOCKERS];

    for (int i = 0; i < LOCKERS; i++) {
        threads[i] = plat_thread_start(locker, NULL, i % 2 ? 256 * 1024 : 0, "locker");
        EXPECT(threads[i] != NULL);
    }
    for (int i = 0; i < LOCKERS; i++) {
        plat_thread_join(threads[i]);
    }
    EXPECT_U64(counter, (uint64_t)LOCKERS * ROUNDS);
    EXPECT_U64(atomic_load_explicit(&lock.state, memory_order_relaxed), 0);
}

int main(void)
{
    test_memory();
    test_time();
    test_waiting();
    test_lock();
    return unit_finish();
}
