// A worker's loop: choose a task, run a slice, look after timers and peers. See sched.h for the
// model.
#include "vm/sched/sched_int.h"

#include "vm/base/check.h"

// The injection stack and a look at low priorities come at least this often.
#define INJECT_EVERY    61
#define LOW_EVERY       8
#define SERVE_ALL_NS    (10 * 1000 * 1000ull)
// Reading the clock costs a fifth of a short slice: it is read at most this many slices late, and for
// each slice when one was long or a timer is near.
#define CLOCK_EVERY     16
#define TIMER_NEAR_NS   (1000 * 1000ull)
// Memory of retired cells is reused a little later, so that epochs need not move with each slice.
#define EPOCH_EVERY     8

// ---- choosing -----------------------------------------------------------------------------------

// Everything that other threads have put on the stack, oldest first, into the queues.
static bool take_injected(Worker *w)
{
    Sched *s = w->sched;
    Task *stack, *list = NULL;

    if (atomic_load_explicit(&s->injected, memory_order_relaxed) == NULL) return false;
    stack = atomic_exchange_explicit(&s->injected, NULL, memory_order_acquire);
    while (stack) {
        Task *next = stack->next;
        stack->next = list;
        list = stack;
        stack = next;
    }
    bool any = list != NULL;
    while (list) {
        Task *next = list->next; // before the push: the task may run elsewhere at once
        runq_push(&w->queues[list->priority], list);
        list = next;
    }
    return any;
}

// Low is served one time in eight, and every queue at least each 10 ms.
static Task *pop_own(Worker *w)
{
    bool low_first = w->dispatches % LOW_EVERY == 0 || w->now_ns - w->low_served_ns > SERVE_ALL_NS;
    Task *t = NULL;

    if (UNLIKELY(low_first)) {
        w->low_served_ns = w->now_ns;
        t = runq_pop(&w->queues[PRIORITY_LOW]);
        if (!t && w->dispatches % (2 * LOW_EVERY) == 0) t = runq_pop(&w->queues[PRIORITY_NORMAL]);
    }
    for (int p = 0; !t && p < PRIORITIES; p++) {
        if (runq_length(&w->queues[p]) > 0) t = runq_pop(&w->queues[p]);
    }
    return t;
}

static Task *next_task(Worker *w)
{
    if (w->dispatches++ % INJECT_EVERY == 0) take_injected(w);
    Task *t = pop_own(w);
    if (!t && take_injected(w)) t = pop_own(w);
    return t;
}

uint32_t worker_queued(const Worker *w)
{
    uint32_t n = 0;
    for (int p = 0; p < PRIORITIES; p++) {
        n += runq_length(&w->queues[p]);
    }
    return n;
}

// ---- running ------------------------------------------------------------------------------------

static void enter_epoch(Worker *w)
{
    uint64_t epoch = atomic_load_explicit(&w->sched->epoch, memory_order_acquire);
    // A read-modify-write: the store must be visible before the slice reads anything.
    if (atomic_load_explicit(&w->epoch, memory_order_relaxed) != epoch)
        atomic_exchange_explicit(&w->epoch, epoch, memory_order_seq_cst);
}

void sched_advance_epoch(Sched *s)
{
    uint64_t epoch = atomic_load_explicit(&s->epoch, memory_order_acquire);
    uint32_t n = atomic_load_explicit(&s->started, memory_order_acquire);

    for (uint32_t i = 0; i < n; i++) {
        uint64_t at = atomic_load_explicit(&s->workers[i]->epoch, memory_order_acquire);
        if (at != 0 && at != epoch) return;
    }
    for (unsigned i = 0; i < countof(s->guest_epochs); i++) {
        uint64_t at = atomic_load_explicit(&s->guest_epochs[i], memory_order_acquire);
        if (at != 0 && at != epoch) return;
    }
    atomic_compare_exchange_strong_explicit(&s->epoch, &epoch, epoch + 1, memory_order_acq_rel,
                                            memory_order_relaxed);
}

static void run_slice(Worker *w, Task *t)
{
    Sched *s = w->sched;

    enter_epoch(w);
    uint64_t slices = atomic_load_explicit(&w->slices, memory_order_relaxed) + 1;
    atomic_store_explicit(&w->slices, slices, memory_order_relaxed);
    SliceEnd end = s->ops->run(w, t);
    if (end == SLICE_AGAIN) {
        w->clock_in = 0; // a whole slice: time has passed
        bool surplus = worker_queued(w) > 0;
        runq_push(&w->queues[t->priority], t);
        if (surplus) sched_wake_one(s, w);
    } else if (worker_queued(w) > 1) {
        sched_wake_one(s, w);
    }
    if (slices % EPOCH_EVERY == 0) sched_advance_epoch(s);
}

// Timers are looked at when the clock says that one may be due.
static void serve_timers(Worker *w)
{
    uint64_t next = wheel_next(w->wheel);

    if (w->clock_in > 0 && (next == 0 || next > w->now_ns + TIMER_NEAR_NS)) {
        w->clock_in--;
        return;
    }
    w->clock_in = CLOCK_EVERY;
    w->now_ns = plat_now_ns();
    if (UNLIKELY(next != 0 && next <= w->now_ns)) {
        enter_epoch(w);
        wheel_advance(w, w->wheel, w->now_ns);
    }
}

void worker_loop(Worker *w)
{
    Sched *s = w->sched;

    if (s->ops->start) s->ops->start(w);
    plat_exact_timeouts();
    while (!sched_is_stopping(s)) {
        serve_timers(w);
        w->pokes_seen = atomic_load_explicit(&s->pokes, memory_order_seq_cst);
        if (s->ops->poll) s->ops->poll(w);
        Task *t = next_task(w);
        if (!t) {
            atomic_store_explicit(&w->epoch, 0, memory_order_release);
            t = worker_find_work(w);
            w->clock_in = 0;
        }
        if (t) run_slice(w, t);
    }
    atomic_store_explicit(&w->epoch, 0, memory_order_release);
    if (s->ops->stop) s->ops->stop(w);
}
