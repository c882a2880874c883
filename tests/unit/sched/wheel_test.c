// The timer wheel: order, nothing early, nothing lost, cancelling against firing.
#include "tests/unit/unit.h"

#include "vm/base/rng.h"
#include "vm/sched/wheel.h"

#include <string.h>

#define MS      1000000ull
#define TICK_NS 65536ull
#define TIMERS  2000

typedef struct {
    Timer timer;
    uint64_t fired_at; // 0: not yet
    unsigned fired;
} Entry;

static Entry entries[TIMERS];
static uint64_t now;
static uint64_t last_deadline;
static bool in_order;

static void fire(Worker *w, Timer *t)
{
    Entry *e = container_of(t, Entry, timer);

    (void)w;
    e->fired++;
    e->fired_at = now;
    EXPECT(!timer_is_armed(t));
    // Within one tick the order is free.
    if (t->deadline_ns + TICK_NS < last_deadline) in_order = false;
    last_deadline = MAX(last_deadline, t->deadline_ns);
}

static void arm(Wheel *w, Entry *e, uint64_t deadline)
{
    *e = (Entry){.timer.fire = fire};
    wheel_arm(w, &e->timer, deadline);
    EXPECT(timer_is_armed(&e->timer));
}

// Deadlines over many orders of magnitude; time moves in jumps of all sizes.
static void test_random(uint64_t seed, uint64_t start, unsigned spread_bits)
{
    Worker worker = {0};
    Rng rng;

    rng_seed(&rng, seed);
    now = start;
    Wheel *w = wheel_new(now);
    for (int i = 0; i < TIMERS; i++) {
        arm(w, &entries[i], now + rng_below(&rng, (uint64_t)1 << (1 + rng_below(&rng, spread_bits))));
    }
    last_deadline = 0;
    in_order = true;
    for (unsigned left = TIMERS, turns = 0; left > 0 && turns < 1000000; turns++) {
        uint64_t next = wheel_next(w);
        EXPECT(next != 0);
        // Sometimes exactly when the wheel asks to be looked at, sometimes late, sometimes for nothing.
        if (rng_below(&rng, 3) == 0) {
            now += rng_below(&rng, 100000);
        } else {
            now = MAX(now, next) + (rng_below(&rng, 4) ? 0 : rng_below(&rng, 10 * MS));
        }
        left -= wheel_advance(&worker, w, now);
    }
    EXPECT(in_order);
    EXPECT_U64(wheel_next(w), 0);
    for (int i = 0; i < TIMERS; i++) {
        EXPECT_U64(entries[i].fired, 1);
        EXPECT(entries[i].fired_at >= entries[i].timer.deadline_ns);
    }
    wheel_free(w);
}

// Looked at when it asks for it, a timer is late by two ticks at most.
static void test_lateness(void)
{
    Worker worker = {0};
    Rng rng;

    rng_seed(&rng, 5);
    now = 123456789;
    Wheel *w = wheel_new(now);
    for (int i = 0; i < TIMERS; i++) {
        arm(w, &entries[i], now + rng_below(&rng, 3600000 * MS));
    }
    for (unsigned left = TIMERS, turns = 0; left > 0 && turns < 1000000; turns++) {
        now = MAX(now, wheel_next(w));
        left -= wheel_advance(&worker, w, now);
    }
    for (int i = 0; i < TIMERS; i++) {
        EXPECT(entries[i].fired_at >= entries[i].timer.deadline_ns);
        EXPECT(entries[i].fired_at <= entries[i].timer.deadline_ns + 2 * TICK_NS);
    }
    wheel_free(w);
}

static void test_cancel(void)
{
    Worker worker = {0};

    now = 1000 * MS;
    Wheel *w = wheel_new(now);
    for (int i = 0; i < TIMERS; i++) {
        arm(w, &entries[i], now + (uint64_t)i * MS);
    }
    for (int i = 0; i < TIMERS; i += 2) {
        EXPECT(wheel_cancel(&entries[i].timer));
        EXPECT(!wheel_cancel(&entries[i].timer));
    }
    now += 10 * TIMERS * MS;
    EXPECT_U64(wheel_advance(&worker, w, now), TIMERS / 2);
    for (int i = 0; i < TIMERS; i++) {
        EXPECT_U64(entries[i].fired, i % 2);
        EXPECT(!wheel_cancel(&entries[i].timer));
    }
    // The past and the far future.
    arm(w, &entries[0], 1);
    arm(w, &entries[1], UINT64_MAX);
    arm(w, &entries[2], UINT64_MAX - 1);
    EXPECT_U64(wheel_advance(&worker, w, now), 1);
    EXPECT_U64(entries[0].fired, 1);
    now += 1000000000000 * MS;
    EXPECT_U64(wheel_advance(&worker, w, now), 0);
    EXPECT(wheel_cancel(&entries[1].timer));
    EXPECT(wheel_cancel(&entries[2].timer));
    wheel_free(w);
}

// Re-armed from its own fire, as a periodic timer does.
static Wheel *periodic_wheel;
static void fire_again(Worker *w, Timer *t)
{
    Entry *e = container_of(t, Entry, timer);

    (void)w;
    if (++e->fired < 100) wheel_arm(periodic_wheel, t, t->deadline_ns + 7 * MS);
}

static void test_periodic(void)
{
    Worker worker = {0};
    unsigned fired = 0;

    now = 5 * MS;
    periodic_wheel = wheel_new(now);
    entries[0] = (Entry){.timer.fire = fire_again};
    wheel_arm(periodic_wheel, &entries[0].timer, now + 7 * MS);
    for (unsigned turns = 0; wheel_next(periodic_wheel) && turns < 100000; turns++) {
        now = MAX(now, wheel_next(periodic_wheel));
        fired += wheel_advance(&worker, periodic_wheel, now);
    }
    EXPECT_U64(fired, 100);
    EXPECT(now >= 705 * MS && now <= 705 * MS + 2 * TICK_NS);
    wheel_free(periodic_wheel);
}

// ---- threads: one advances, others arm and cancel: each timer is cancelled or fires, once --------------

#define RACERS 2
#define ROUNDS 20000

typedef struct {
    Wheel *wheel;
    _Atomic uint32_t fired[RACERS];
    _Atomic uint32_t stop;
} Race;

typedef struct {
    Timer timer;
    Race *race;
    unsigned who;
    _Atomic uint32_t fired; // of this timer's arming
    uint32_t cancelled, total_fired;
} Racer;

static void fire_racer(Worker *w, Timer *t)
{
    Racer *r = container_of(t, Racer, timer);

    (void)w;
    atomic_fetch_add_explicit(&r->fired, 1, memory_order_release);
}

static void *race_main(void *argument)
{
    Racer *r = argument;

    for (int i = 0; i < ROUNDS; i++) {
        uint32_t before = atomic_load_explicit(&r->fired, memory_order_acquire);
        wheel_arm(r->race->wheel, &r->timer, plat_now_ns() + (uint64_t)(i % 200) * 1000);
        for (int spin = 0; spin < i % 300; spin++) {
            plat_cpu_relax();
        }
        if (wheel_cancel(&r->timer)) {
            r->cancelled++;
            EXPECT(atomic_load_explicit(&r->fired, memory_order_acquire) == before);
        } else {
            // Being fired: it comes in a moment, once.
            while (atomic_load_explicit(&r->fired, memory_order_acquire) == before) {
                plat_cpu_relax();
            }
            r->total_fired++;
            EXPECT(atomic_load_explicit(&r->fired, memory_order_acquire) == before + 1);
        }
    }
    return NULL;
}

static void *advance_main(void *argument)
{
    Race *race = argument;
    Worker worker = {0};

    while (!atomic_load_explicit(&race->stop, memory_order_acquire)) {
        uint64_t next = wheel_next(race->wheel), time = plat_now_ns();
        if (next && next <= time) wheel_advance(&worker, race->wheel, time);
    }
    return NULL;
}

static void test_race(void)
{
    static Race race;
    static Racer racers[RACERS];
    PlatThread *threads[RACERS], *driver;

    race.wheel = wheel_new(plat_now_ns());
    driver = plat_thread_start(advance_main, &race, 0, "driver");
    for (unsigned i = 0; i < RACERS; i++) {
        racers[i].timer.fire = fire_racer;
        racers[i].race = &race;
        threads[i] = plat_thread_start(race_main, &racers[i], 0, "racer");
    }
    for (unsigned i = 0; i < RACERS; i++) {
        plat_thread_join(threads[i]);
        EXPECT_U64(racers[i].cancelled + racers[i].total_fired, ROUNDS);
    }
    atomic_store_explicit(&race.stop, 1, memory_order_release);
    plat_thread_join(driver);
    wheel_free(race.wheel);
}

int main(void)
{
    for (unsigned bits = 10; bits <= 50; bits += 8) {
        test_random(bits, bits * 1234567, bits);
        test_random(bits + 1, (uint64_t)1 << bits, bits);
        test_random(bits + 2, ((uint64_t)1 << 40) - 5, bits);
    }
    test_lateness();
    test_cancel();
    test_periodic();
    test_race();
    return unit_finish();
}
