// See wheel.h. A timer sits in the level that its distance needs and moves down as the wheel turns
// (Varghese and Lauck's hierarchical wheels). A bitmap per level tells which slots hold anything, so
// idle time is jumped over.
#include "vm/sched/wheel.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"

#define TICK_SHIFT 16
#define SLOT_BITS  6
#define SLOTS      64
#define LEVELS     8

struct Wheel {
    PlatLock lock;
    _Atomic uint64_t next_ns; // what wheel_next gives; lets the worker look without the lock
    uint64_t tick;            // ticks below have been fired
    uint64_t filled[LEVELS];
    Timer slots[LEVELS][SLOTS]; // list heads
};

static uint64_t tick_after(uint64_t ns) // the first tick that is not before ns
{
    return (ns >> TICK_SHIFT) + ((ns & (((uint64_t)1 << TICK_SHIFT) - 1)) != 0); // no overflow
}

Wheel *wheel_new(uint64_t now_ns)
{
    Wheel *w = mem_zalloc(MEM_SCHED, sizeof *w);

    if (!w) return NULL;
    w->tick = now_ns >> TICK_SHIFT;
    for (int level = 0; level < LEVELS; level++) {
        for (int i = 0; i < SLOTS; i++) {
            Timer *head = &w->slots[level][i];
            head->next = head->prev = head;
        }
    }
    return w;
}

void wheel_free(Wheel *w)
{
    mem_free(MEM_SCHED, w, w ? sizeof *w : 0);
}

// ---- under the lock -----------------------------------------------------------------------------

static void insert(Wheel *w, Timer *t)
{
    uint64_t at = MAX(tick_after(t->deadline_ns), w->tick);
    uint64_t differs = at ^ w->tick;
    unsigned level = differs ? (63 - (unsigned)__builtin_clzll(differs)) / SLOT_BITS : 0;

    if (level >= LEVELS) { // beyond 580 years: the last slot that is not now
        level = LEVELS - 1;
        at = w->tick + ((uint64_t)(SLOTS - 1) << (SLOT_BITS * (LEVELS - 1)));
    }
    unsigned slot = at >> (SLOT_BITS * level) & (SLOTS - 1);
    Timer *head = &w->slots[level][slot];
    t->next = head;
    t->prev = head->prev;
    head->prev->next = t;
    head->prev = t;
    w->filled[level] |= (uint64_t)1 << slot;
}

static void unlink_timer(Timer *t)
{
    t->next->prev = t->prev;
    t->prev->next = t->next;
}

// The first tick from w->tick on at which a slot is due or has to be taken apart; UINT64_MAX: none.
static uint64_t next_tick(const Wheel *w)
{
    uint64_t best = UINT64_MAX;

    for (unsigned level = 0; level < LEVELS; level++) {
        if (!w->filled[level]) continue;
        unsigned shift = SLOT_BITS * level;
        unsigned here = w->tick >> shift & (SLOTS - 1);
        uint64_t ahead = w->filled[level] >> here;
        // Slots behind `here` belong to the next turn of this level; its first tick will do.
        uint64_t base = w->tick >> shift << shift;
        uint64_t at = ahead ? base + ((uint64_t)__builtin_ctzll(ahead) << shift)
                            : (w->tick >> (shift + SLOT_BITS) << (shift + SLOT_BITS)) +
                                  ((uint64_t)SLOTS << shift);
        if (at < w->tick) at = w->tick;
        if (at < best) best = at;
    }
    return best;
}

static void note_next(Wheel *w)
{
    uint64_t tick = next_tick(w);
    uint64_t ns = tick == UINT64_MAX ? 0 : MAX(tick << TICK_SHIFT, (uint64_t)1);
    atomic_store_explicit(&w->next_ns, ns, memory_order_relaxed);
}

// Takes the timers of a slot: due ones of level 0 into *due, others down a level.
static void open_slot(Wheel *w, unsigned level, unsigned slot, Timer *due)
{
    Timer *head = &w->slots[level][slot];

    w->filled[level] &= ~((uint64_t)1 << slot);
    while (head->next != head) {
        Timer *t = head->next;
        unlink_timer(t);
        if (tick_after(t->deadline_ns) > w->tick) {
            insert(w, t);
            continue;
        }
        t->next = due;
        t->prev = due->prev;
        due->prev->next = t;
        due->prev = t;
    }
}

// ---- operations ---------------------------------------------------------------------------------

void wheel_arm(Wheel *w, Timer *t, uint64_t deadline_ns)
{
    plat_lock(&w->lock);
    ASSERT(!timer_is_armed(t));
    t->deadline_ns = deadline_ns;
    insert(w, t);
    atomic_store_explicit(&t->wheel, w, memory_order_release);
    note_next(w);
    plat_unlock(&w->lock);
}

bool wheel_cancel(Timer *t)
{
    Wheel *w = atomic_load_explicit(&t->wheel, memory_order_acquire);

    if (!w) return false;
    plat_lock(&w->lock);
    bool armed = atomic_load_explicit(&t->wheel, memory_order_relaxed) == w;
    if (armed) {
        // The slot's bit may stay set; an empty slot is opened in vain, no more.
        unlink_timer(t);
        atomic_store_explicit(&t->wheel, NULL, memory_order_release);
    }
    plat_unlock(&w->lock);
    return armed;
}

uint64_t wheel_next(Wheel *w)
{
    return atomic_load_explicit(&w->next_ns, memory_order_relaxed);
}

static void collect_due(Wheel *w, uint64_t now_tick, Timer *due)
{
    while (w->tick <= now_tick) {
        uint64_t tick = next_tick(w);
        if (tick > now_tick) {
            w->tick = now_tick;
            return;
        }
        w->tick = tick;
        for (unsigned level = LEVELS; level-- > 0;) {
            unsigned slot = tick >> (SLOT_BITS * level) & (SLOTS - 1);
            if (w->filled[level] >> slot & 1) open_slot(w, level, slot, due);
        }
        if (tick == now_tick) return;
        w->tick = tick + 1;
    }
}

unsigned wheel_advance(Worker *worker, Wheel *w, uint64_t now_ns)
{
    Timer due = {.next = &due, .prev = &due};
    unsigned fired = 0;

    plat_lock(&w->lock);
    collect_due(w, now_ns >> TICK_SHIFT, &due);
    // One at a time and disarmed under the lock: a canceller either finds it armed and unlinks it
    // from this very list, or comes too late.
    while (due.next != &due) {
        Timer *t = due.next;
        // Read while it is still armed: an idle timer is its owner's, who may arm it anew at once.
        void (*fire)(Worker *, Timer *) = t->fire;
        unlink_timer(t);
        atomic_store_explicit(&t->wheel, NULL, memory_order_release);
        plat_unlock(&w->lock);
        fire(worker, t);
        fired++;
        plat_lock(&w->lock);
    }
    note_next(w);
    plat_unlock(&w->lock);
    return fired;
}
