// See timers.h. One table by reference, under one lock; the wheels keep the order of time.
#include "runtime/timers.h"
#include "runtime/runtime.h"

#include "vm/base/check.h"

typedef struct {
    Timer timer;
    Value ref, dest;
    Sig *message;
} MessageTimer;

struct Timers {
    PlatLock lock;
    Map by_ref; // lock
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
    mem_free(MEM_SCHED, t, sizeof *t);
}

// On the wheel's worker. The entry leaves the table only when the message has been sent: who finds it
// there but no longer armed knows that it is being sent just now.
static void fire(Worker *worker, Timer *timer)
{
    VmWorker *w = worker->context;
    Vm *vm = w->vm;
    Timers *t = timers_of(vm);
    MessageTimer *m = container_of(timer, MessageTimer, timer);
    Value dest = value_is_symbol(m->dest) ? registry_find(vm, m->dest) : m->dest;

    if (value_is_local_pid(dest)) {
        sig_send(vm, w, dest, m->message);
    } else {
        sig_free(vm, w, m->message);
    }
    plat_lock(&t->lock);
    map_remove(&t->by_ref, m->ref.bits);
    plat_unlock(&t->lock);
    mem_free(MEM_SCHED, m, sizeof *m);
}

bool timers_start(VmWorker *w, Value ref, Value dest, Sig *message, uint64_t deadline_ns)
{
    Timers *t = timers_of(w->vm);
    MessageTimer *m = mem_zalloc(MEM_SCHED, sizeof *m);
    bool made;

    if (!m) return false;
    m->timer.fire = fire;
    m->ref = ref;
    m->dest = dest;
    m->message = message;
    plat_lock(&t->lock);
    MapEntry *e = map_add(&t->by_ref, MEM_SCHED, ref.bits, &made);
    if (e && made) {
        e->a = (uint64_t)m;
        wheel_arm(w->worker->wheel, &m->timer, deadline_ns);
    }
    plat_unlock(&t->lock);
    if (e && made) return true;
    mem_free(MEM_SCHED, m, sizeof *m);
    return false;
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
            map_remove(&t->by_ref, ref.bits);
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
