// See home.h.
#include "vm/exec/home.h"
#include "vm/exec/slice.h"

#include "vm/actor/life.h"
#include "vm/base/map.h"

// Interpreted code does not use it, natives use little.
#define HOME_STACK_BYTES ((size_t)512 << 10)

enum { HOME_IDLE, HOME_ASKED, HOME_LEAVING };

typedef struct {
    PlatLock lock; // of the worker that hands over
    PlatThread *thread;
    _Atomic uint32_t state; // atomic: a worker asks, the thread answers by HOME_IDLE
    Worker *worker;         // in whose place it runs
    Task *task;
    SliceEnd end;
    bool ended; // the actor has
} Home;

struct Homes {
    PlatLock lock;
    Map by_actor; // index + 1 -> Home; lock
};

static void *live(void *argument)
{
    Home *home = argument;

    while (!home->ended) {
        while (atomic_load_explicit(&home->state, memory_order_acquire) == HOME_IDLE) {
            plat_wait(&home->state, HOME_IDLE, 0);
        }
        if (atomic_load_explicit(&home->state, memory_order_acquire) == HOME_LEAVING) return NULL;
        VmWorker *w = home->worker->context;
        w->actor_ended = false;
        home->end = slice_run(home->worker, home->task);
        home->ended = w->actor_ended;
        atomic_store_explicit(&home->state, HOME_IDLE, memory_order_release);
        plat_wake(&home->state, 1);
    }
    return NULL;
}

static Home *new_home(void)
{
    Home *home = mem_zalloc(MEM_SCHED, sizeof *home);

    if (!home) return NULL;
    home->thread = plat_thread_start(live, home, HOME_STACK_BYTES, "eta-actor");
    if (home->thread) return home;
    mem_free(MEM_SCHED, home, sizeof *home);
    return NULL;
}

// The actor's home, made at its first slice.
static Home *home_of(Homes *h, const Actor *a)
{
    uint64_t key = (uint64_t)a->index + 1;
    bool made;

    plat_lock(&h->lock);
    MapEntry *e = map_add(&h->by_actor, MEM_SCHED, key, &made);
    if (e && made) {
        e->a = (uint64_t)new_home();
        if (e->a == 0) {
            map_remove(&h->by_actor, key);
            e = NULL;
        }
    }
    Home *home = e ? (Home *)e->a : NULL;
    plat_unlock(&h->lock);
    return home;
}

static void free_home(Home *home)
{
    plat_thread_join(home->thread);
    mem_free(MEM_SCHED, home, sizeof *home);
}

static void forget(Homes *h, uint32_t index, Home *home)
{
    plat_lock(&h->lock);
    map_remove(&h->by_actor, (uint64_t)index + 1);
    plat_unlock(&h->lock);
    free_home(home);
}

SliceEnd homes_run(Worker *w, Task *t)
{
    Actor *a = container_of(t, Actor, task);
    Vm *vm = ((VmWorker *)w->context)->vm;
    uint32_t index = a->index;
    Home *home = home_of(vm->homes, a);

    if (!home) {
        a->heap.scratch = &((VmWorker *)w->context)->scratch;
        a->own &= ~(uint32_t)OWN_BORN; // what it was born with goes with its heap
        actor_set_exit(a, vm->symbol[SYM_system_limit]);
        return slice_run(w, t);
    }
    plat_lock(&home->lock);
    home->worker = w;
    home->task = t;
    atomic_store_explicit(&home->state, HOME_ASKED, memory_order_release);
    plat_wake(&home->state, 1);
    while (atomic_load_explicit(&home->state, memory_order_acquire) != HOME_IDLE) {
        plat_wait(&home->state, HOME_ASKED, 0);
    }
    SliceEnd end = home->end;
    bool ended = home->ended;
    plat_unlock(&home->lock);
    // Nobody else can have it: who has ended is never runnable again, and its cell is still
    // retired.
    if (ended) forget(vm->homes, index, home);
    return end;
}

Homes *homes_new(void)
{
    return mem_zalloc(MEM_SCHED, sizeof(Homes));
}

void homes_free(Homes *h)
{
    if (!h) return;
    MAP_EACH(&h->by_actor, e)
    {
        Home *home = (Home *)e->a;
        atomic_store_explicit(&home->state, HOME_LEAVING, memory_order_release);
        plat_wake(&home->state, 1);
        free_home(home);
    }
    map_free(&h->by_actor, MEM_SCHED);
    mem_free(MEM_SCHED, h, sizeof *h);
}
