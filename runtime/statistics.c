// What (statistics key) tells: sums of what the workers count, each for itself, and memory by kind.
#include "runtime/runtime.h"

#include "vm/exec/native.h"

#include <string.h>

static uint64_t load(const _Atomic uint64_t *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

// Puts (name . number) in front of the rooted list.
static bool add_number(Actor *a, Value *list, const char *name, uint64_t n)
{
    Value key = symbol_named(&actor_vm(a)->symbols, name);

    if (value_is(key, V_FAIL) || !heap_reserve(HEAP(a), 4)) return false;
    Value entry = heap_cons(HEAP(a), key, value_fix((int64_t)n));
    *list = heap_cons(HEAP(a), entry, *list);
    return true;
}

// The list is whole, or V_FAIL; ends the rooting since mark.
static Value finish(Actor *a, const Value *list, unsigned mark, bool ok)
{
    Value v = ok ? *list : V_FAIL;
    heap_unroot(HEAP(a), mark);
    return v;
}

static Value stat_reductions(Actor *a)
{
    const Vm *vm = actor_vm(a);
    uint64_t n = 0;

    for (uint32_t i = 0; i < vm->sched.worker_count; i++) {
        n += load(&vm->workers[i].reductions_sum);
    }
    return value_fix((int64_t)n);
}

static Value stat_context_switches(Actor *a)
{
    const Vm *vm = actor_vm(a);
    uint64_t n = 0;

    for (uint32_t i = 0; i < vm->sched.worker_count; i++) {
        n += load(&vm->workers[i].slices);
    }
    return value_fix((int64_t)n);
}

static Value stat_collections(Actor *a)
{
    const Vm *vm = actor_vm(a);
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    uint64_t minors = load(&vm->minors_aside), majors = load(&vm->majors_aside);

    for (uint32_t i = 0; i < vm->sched.worker_count; i++) {
        minors += load(&vm->workers[i].scratch.minors);
        majors += load(&vm->workers[i].scratch.majors);
    }
    bool ok = add_number(a, list, "major", majors) && add_number(a, list, "minor", minors);
    return finish(a, list, mark, ok);
}

static Value stat_run_queue(Actor *a)
{
    return value_fix(sched_queued(&actor_vm(a)->sched));
}

static Value stat_run_queue_lengths(Actor *a)
{
    const Sched *s = &actor_vm(a)->sched;
    Value list = V_NIL;

    if (!heap_reserve(HEAP(a), 2 * (size_t)s->worker_count)) return V_FAIL;
    for (uint32_t i = s->worker_count; i > 0; i--) {
        list = heap_cons(HEAP(a), value_fix(sched_queued_at(s, i - 1)), list);
    }
    return list;
}

static Value stat_runtime(Actor *a)
{
    (void)a;
    return value_fix((int64_t)(plat_cpu_ns() / 1000000));
}

static Value stat_wall_clock(Actor *a)
{
    return value_fix((int64_t)((plat_now_ns() - actor_vm(a)->start_ns) / 1000000));
}

// "ports and files" as "ports-and-files".
static void dashed(char *out, size_t size, const char *text)
{
    size_t i = 0;

    for (; text[i] && i + 1 < size; i++) {
        out[i] = text[i] == ' ' ? '-' : text[i];
    }
    out[i] = '\0';
}

static Value stat_memory(Actor *a)
{
    static const char *const regions[REGION_COUNT] = {"shared", "old-heaps", "large-objects",
                                                      "young-heaps"};
    const Vm *vm = actor_vm(a);
    uint64_t cells = (uint64_t)atomic_load_explicit(&vm->actor_count, memory_order_relaxed) *
                     CELL_BYTES;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    uint64_t total = cells;
    bool ok = true;
    char name[40];

    for (int i = MEM_CLASSES; ok && i > 0; i--) {
        size_t used = mem_used((MemClass)(i - 1));
        dashed(name, sizeof name, mem_class_name((MemClass)(i - 1)));
        total += used;
        ok = add_number(a, list, name, used);
    }
    for (int i = REGION_COUNT; ok && i > 0; i--) {
        size_t used = atomic_load_explicit(&vm->space.used[i - 1], memory_order_relaxed);
        total += used;
        ok = add_number(a, list, regions[i - 1], used);
    }
    ok = ok && add_number(a, list, "actors", cells) && add_number(a, list, "total", total);
    return finish(a, list, mark, ok);
}

static const struct {
    const char *name;
    InfoFn fn;
} keys[] = {
    {"reductions", stat_reductions},
    {"context-switches", stat_context_switches},
    {"garbage-collections", stat_collections},
    {"run-queue", stat_run_queue},
    {"run-queue-lengths", stat_run_queue_lengths},
    {"runtime", stat_runtime},
    {"wall-clock", stat_wall_clock},
    {"memory-by-kind", stat_memory},
};

STATIC_ASSERT(countof(keys) <= countof(((Runtime *)0)->statistic_keys), "room for the keys");

bool statistics_init(Runtime *r)
{
    bool ok = true;

    for (size_t i = 0; i < countof(keys); i++) {
        r->statistic_keys[i] = symbol_named(&r->vm->symbols, keys[i].name);
        ok = ok && !value_is(r->statistic_keys[i], V_FAIL);
    }
    return ok;
}

bool statistics_entries(Actor *a, Value *list)
{
    const Runtime *r = runtime_of(a);
    bool ok = true;

    for (size_t i = countof(keys); ok && i > 0; i--) {
        ok = info_add_entry(a, list, r->statistic_keys[i - 1], keys[i - 1].fn);
    }
    return ok;
}

Value info_statistics(Actor *a, Value key)
{
    const Runtime *r = runtime_of(a);

    if (value_is(key, V_FALSE)) {
        unsigned mark = heap_root_mark(HEAP(a));
        Value *list = heap_root(HEAP(a), V_NIL);
        return finish(a, list, mark, statistics_entries(a, list));
    }
    for (size_t i = 0; i < countof(keys); i++) {
        if (value_is(key, r->statistic_keys[i])) return keys[i].fn(a);
    }
    return V_NONE;
}
