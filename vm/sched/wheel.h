// A timer wheel: one per worker, eight levels of 64 slots, ticks of 65.5 microseconds.
//
// Arming, cancelling and firing are O(1); a timer never fires early. Any thread may arm or cancel
// (under the wheel's lock); the worker that owns the wheel fires.
#ifndef VM_SCHED_WHEEL_H
#define VM_SCHED_WHEEL_H

#include "vm/sched/sched.h"

typedef struct Wheel Wheel;

// Embedded in whatever is to happen. `wheel` is NULL while it is not armed.
typedef struct Timer {
    struct Timer *next, *prev;    // lock
    uint64_t deadline_ns;         // const while armed
    Wheel *_Atomic wheel;         // atomic: rel arm, fire, cancel / acq timer_is_armed
    void (*fire)(Worker *w, struct Timer *t); // on the wheel's worker, without the lock; t is idle
} Timer;

Wheel *wheel_new(uint64_t now_ns); // NULL without memory
void wheel_free(Wheel *w);

// Arms an idle timer.
void wheel_arm(Wheel *w, Timer *t, uint64_t deadline_ns);
// True when it was armed and now is not: its fire will not be called. False: it has fired, is just
// firing, or never was armed.
bool wheel_cancel(Timer *t);

static inline bool timer_is_armed(const Timer *t)
{
    return atomic_load_explicit(&t->wheel, memory_order_acquire) != NULL;
}

// Fires what is due. Returns how many fired.
unsigned wheel_advance(Worker *worker, Wheel *w, uint64_t now_ns);

// When to look again: the next deadline, rounded down to a slot; 0 when nothing is armed.
uint64_t wheel_next(Wheel *w);

#endif
