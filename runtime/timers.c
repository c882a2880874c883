// See timers.h. One table by reference and one by target, under one lock; the wheels keep the order of
// time.
//
// A timer whose target ends goes with it. Who makes one marks the target (ACTOR_TIMED) and looks whether
// it is ending; who ends says so and looks for the mark, in the same word: one of the two sees the other.
#include "runtime/timers.h"
#include "runtime/runtime.h"

#include "vm/actor/limit.h"
#include "vm/actor/mailbox.h"
#include "vm/base/check.h"

typedef struct MessageTimer {
    Timer timer;
    Value ref, dest;
    Sig *message;
    struct MessageTimer *next, *prev; // of the same target, when that is a pid; lock
} MessageTimer;

struct Timers {
    PlatLock lock;
    Map by_ref;    // lock
    Map by_target; // pid -> first of its timers; lock
};

static Timers *timers_of(Vm *vm)
{
    return ((Runtime *)vm->runtime)->timers;
}

Timers *timers_new(void)
{
    return mem_zalloc(MEM_SCHED, sizeof(Timers));
}

void timers_free(Vm *vm, Timers *t)
{
    if (!t) return;
    MAP_EACH(&t->by_ref, e)
    {
        MessageTimer *m = (MessageTimer *)e->a;
        (void)wheel_cancel(&m->timer);
        sig_free(vm, NULL, m->message);
        mem_free(MEM_SCHED, m, sizeof *m);
    }
    map_free(&t->by_ref, MEM_SCHED);
    map_free(&t->by_target, MEM_SCHED);
    mem_free(MEM_SCHED, t, sizeof *t);
}

// ---- the tables, under the lock -----------------------------------------------------------------

static bool enter(Timers *t, MessageTimer *m)
{
    bool made;
    MapEntry *e = map_add(&t->by_ref, MEM_SCHED, m->ref.bits, &made);

    if (!e || !made) return false;
    e->a = (uint64_t)m;
    if (!value_is_local_pid(m->dest)) return true;
    e = map_add(&t->by_target, MEM_SCHED, m->dest.bits, &made);
    if (!e) {
        map_remove(&t->by_ref, m->ref.bits);
        return false;
    }
    m->next = (MessageTimer *)e->a;
    if (m->next) m->next->prev = m;
    e->a = (uint64_t)m;
    return true;
}

static void leave(Timers *t, MessageTimer *m)
{
    map_remove(&t->by_ref, m->ref.bits);
    map_trim(&t->by_ref, MEM_SCHED);
    if (!value_is_local_pid(m->dest)) return;
    if (m->next) m->next->prev = m->prev;
    if (m->prev) {
        m->prev->next = m->next;
    } else if (m->next) {
        map_find(&t->by_target, m->dest.bits)->a = (uint64_t)m->next;
    } else {
        map_remove(&t->by_target, m->dest.bits);
        map_trim(&t->by_target, MEM_SCHED);
    }
}

// ---- firing -------------------------------------------------------------------------------------

// On the wheel's worker. The entry leaves the table only when the message has been sent: who finds it
// there but no longer armed knows that it is being sent just now.
static void fire(Worker *worker, Timer *timer)
{
    VmWorker *w = worker->context;
    Vm *vm = w->vm;
    Timers *t = timers_of(vm);
    MessageTimer *m = container_of(timer, MessageTimer, timer);
    Value dest = value_is_symbol(m->dest) ? registry_find(vm, m->dest) : m->dest;

    Actor *to = value_is_local_pid(dest) ? actor_of_pid(vm, dest) : NULL;
    if (to && mailbox_is_full(to)) {
        atomic_fetch_add_explicit(&to->dropped, 1, memory_order_relaxed);
        sig_free(vm, w, m->message);
    } else if (to) {
        sig_send(vm, w, dest, m->message);
    } else {
        sig_free(vm, w, m->message);
    }
    plat_lock(&t->lock);
    leave(t, m);
    plat_unlock(&t->lock);
    mem_free(MEM_SCHED, m, sizeof *m);
}

// ---- operations ---------------------------------------------------------------------------------

// Marks the target; false when it has ended or is ending.
static bool mark_target(Vm *vm, Value dest)
{
    Actor *a = actor_of_pid(vm, dest);
    uint32_t had = a ? atomic_fetch_or_explicit(&a->flags, ACTOR_TIMED, memory_order_acq_rel) : 0;

    return a && !(had & ACTOR_DYING);
}

bool timers_start(VmWorker *w, Value ref, Value dest, Sig *message, uint64_t deadline_ns)
{
    Timers *t = timers_of(w->vm);
    MessageTimer *m = mem_zalloc(MEM_SCHED, sizeof *m);

    if (!m) return false;
    m->timer.fire = fire;
    m->ref = ref;
    m->dest = dest;
    m->message = message;
    plat_lock(&t->lock);
    bool to_dead = value_is_local_pid(dest) && !mark_target(w->vm, dest);
    bool ok = to_dead || (limit_allows_more(w->vm, &t->by_ref) && enter(t, m));
    if (ok && !to_dead) wheel_arm(w->worker->wheel, &m->timer, deadline_ns);
    plat_unlock(&t->lock);
    if (to_dead) sig_free(w->vm, w, message); // like one that has fired
    if (to_dead || !ok) mem_free(MEM_SCHED, m, sizeof *m);
    return ok;
}

bool timers_cancel(VmWorker *w, Value ref, uint64_t *deadline_ns)
{
    Timers *t = timers_of(w->vm);

    for (;;) {
        plat_lock(&t->lock);
        MapEntry *e = map_find(&t->by_ref, ref.bits);
        MessageTimer *m = e ? (MessageTimer *)e->a : NULL;
        bool cancelled = m && wheel_cancel(&m->timer);
        if (cancelled) {
            *deadline_ns = m->timer.deadline_ns;
            leave(t, m);
        }
        plat_unlock(&t->lock);
        if (cancelled) {
            sig_free(w->vm, w, m->message);
            mem_free(MEM_SCHED, m, sizeof *m);
            return true;
        }
        if (!m) return false;
        plat_cpu_relax(); // it is being sent: a matter of a microsecond
    }
}

bool timers_read(VmWorker *w, Value ref, uint64_t *deadline_ns)
{
    Timers *t = timers_of(w->vm);

    plat_lock(&t->lock);
    MapEntry *e = map_find(&t->by_ref, ref.bits);
    if (e) *deadline_ns = ((MessageTimer *)e->a)->timer.deadline_ns;
    plat_unlock(&t->lock);
    return e != NULL;
}

size_t timers_count(Vm *vm)
{
    Timers *t = timers_of(vm);

    plat_lock(&t->lock);
    size_t n = t->by_ref.count;
    plat_unlock(&t->lock);
    return n;
}

void timers_target_ended(VmWorker *w, Value pid)
{
    Timers *t = timers_of(w->vm);
    MessageTimer *cancelled = NULL, *next;

    plat_lock(&t->lock);
    MapEntry *e = map_find(&t->by_target, pid.bits);
    for (MessageTimer *m = e ? (MessageTimer *)e->a : NULL; m; m = next) {
        next = m->next;
        if (!wheel_cancel(&m->timer)) continue; // it is being sent; who sends it frees it
        leave(t, m);
        m->next = cancelled;
        cancelled = m;
    }
    plat_unlock(&t->lock);
    for (; cancelled; cancelled = next) {
        next = cancelled->next;
        sig_free(w->vm, w, cancelled->message);
        mem_free(MEM_SCHED, cancelled, sizeof *cancelled);
    }
}
