// What (process-info pid key) and (system-info key) tell. An actor is asked by a signal and answers
// for itself, so its own state may be read freely here.
#include "runtime/runtime.h"

#include "runtime/native/natives.h"

#include "vm/actor/mailbox.h"
#include "vm/actor/node.h"
#include "vm/actor/shared.h"
#include "vm/exec/native.h"

#include <string.h>

// ---- lists ------------------------------------------------------------------------------------------

typedef enum { TAKE_KEY, TAKE_A, TAKE_B_OR_A } Part;

static Value part_of(const MapEntry *e, Part part)
{
    Value name = {e->b};

    if (part == TAKE_KEY) return (Value){e->key};
    return part == TAKE_B_OR_A && value_is_symbol(name) ? name : (Value){e->a};
}

static Value list_of(Actor *a, const Map *m, Part part)
{
    Value list = V_NIL;

    if (!heap_reserve(HEAP(a), (2 + EXTERNAL_WORDS) * (size_t)m->count)) return V_FAIL;
    MAP_EACH(m, e)
    {
        if (e->b == MONITOR_SUSPENDER.bits) continue; // the VM's own
        list = heap_cons(HEAP(a), node_visible(a, part_of(e, part)), list);
    }
    return list;
}

// Links that are being undone are none.
static Value info_links(Actor *a)
{
    Value list = V_NIL;

    if (!a->ext) return list;
    if (!heap_reserve(HEAP(a), (2 + EXTERNAL_WORDS) * (size_t)a->ext->links.count)) return V_FAIL;
    MAP_EACH(&a->ext->links, e)
    {
        if (e->a == 0) list = heap_cons(HEAP(a), node_visible(a, (Value){e->key}), list);
    }
    return list;
}

static Value info_monitors(Actor *a)
{
    return a->ext ? list_of(a, &a->ext->monitors, TAKE_B_OR_A) : V_NIL;
}

static Value info_monitored_by(Actor *a)
{
    return a->ext ? list_of(a, &a->ext->watchers, TAKE_A) : V_NIL;
}

// Messages become part of the heap, and stay where they are in the queue.
static Value info_message_queue(Actor *a)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *newest_first = heap_root(HEAP(a), V_NIL);
    size_t looked = 0;
    bool ok = true;

    for (Sig **at = &a->mail; at != a->mail_cursor; at = (Sig **)&(*at)->frag.next) {
        looked++;
    }
    mailbox_restart(a);
    while (ok && mailbox_peek(a)) {
        Value v;
        ok = mailbox_expose(a, &v);
        if (!ok) break;
        Value *message = heap_root(HEAP(a), v);
        ok = heap_reserve(HEAP(a), 2);
        if (ok) *newest_first = heap_cons(HEAP(a), *message, *newest_first);
        heap_unroot(HEAP(a), mark + 1);
        mailbox_skip(a);
    }
    mailbox_restart(a);
    while (looked-- > 0 && mailbox_peek(a)) {
        mailbox_skip(a);
    }
    ok = ok && heap_reserve(HEAP(a), 2 * mailbox_length(a));
    Value list = V_NIL;
    for (Value v = *newest_first; ok && value_is_pair(v); v = value_cdr(v)) {
        list = heap_cons(HEAP(a), value_car(v), list);
    }
    heap_unroot(HEAP(a), mark);
    return ok ? list : V_FAIL;
}

// ---- state ------------------------------------------------------------------------------------------

static Value info_status(Actor *a)
{
    static const SymbolId names[] = {SYM_runnable, SYM_running, SYM_waiting, SYM_exiting,
                                     SYM_garbage_collecting, SYM_suspended};
    uint32_t status = atomic_load_explicit(&a->status, memory_order_relaxed);
    return actor_vm(a)->symbol[names[status]];
}

static Value info_mailbox_limit(Actor *a)
{
    uint32_t limit = atomic_load_explicit(&a->mailbox_limit, memory_order_relaxed);
    return limit ? value_fix(limit) : V_FALSE;
}

static Value info_dropped(Actor *a)
{
    return value_fix(atomic_load_explicit(&a->dropped, memory_order_relaxed));
}

static Value info_mailbox_length(Actor *a)
{
    return value_fix((int64_t)mailbox_length(a));
}

static Value info_registered_name(Actor *a)
{
    return registry_name_of(actor_vm(a), actor_pid(a));
}

static Value info_trap_exit(Actor *a)
{
    return value_bool((a->own & OWN_TRAP_EXIT) != 0);
}

static Value info_priority(Actor *a)
{
    static const SymbolId names[PRIORITIES] = {SYM_max, SYM_high, SYM_normal, SYM_low};
    return actor_vm(a)->symbol[names[a->task.priority]];
}

static Value info_reductions(Actor *a)
{
    VmWorker *w = actor_worker(a);
    int64_t slice = (int64_t)w->vm->budget - w->reductions_left;
    uint64_t before = atomic_load_explicit(&a->reductions, memory_order_relaxed);
    return value_fix((int64_t)before + slice);
}

static Value info_heap_size(Actor *a)
{
    return value_fix((int64_t)heap_words(HEAP(a)));
}

static size_t stack_words(const Actor *a)
{
    return (size_t)(a->stack_end - (uint64_t *)a->stack);
}

static Value info_stack_size(Actor *a)
{
    return value_fix((int64_t)stack_words(a));
}

static Value info_memory(Actor *a)
{
    size_t bytes = CELL_BYTES + heap_words(HEAP(a)) * sizeof(Value);
    if (a->stack != a->stack_words) bytes += stack_words(a) * sizeof(Value);
    if (a->heap.nursery == a->nursery_words) bytes -= sizeof a->nursery_words;
    return value_fix((int64_t)bytes);
}

// It stopped in the native that %hibernate is.
static bool hibernates(const Actor *a)
{
    return insn_from_word(*a->pc).op == OP_NATIVE && (NativeFn)a->pc[1] == native_hibernate;
}

static Value info_current_function(Actor *a)
{
    if (hibernates(a)) return symbol_named(&actor_vm(a)->symbols, "hibernate");
    Value trace = exec_trace(a, 1);
    if (!value_is_pair(trace)) return value_is(trace, V_FAIL) ? trace : V_FALSE;
    return value_car(value_car(trace));
}

// (name file line column) per frame.
static Value info_current_stacktrace(Actor *a)
{
    Value trace = exec_trace(a, 32);

    for (Value v = trace; value_is_pair(v); v = value_cdr(v)) {
        Value column = value_cdr(value_cdr(value_cdr(value_car(v))));
        *value_cdr_slot(column) = V_NIL; // just made: no barrier is needed
    }
    return trace;
}

static Value info_group_leader(Actor *a)
{
    if (a->ext && value_true(a->ext->leader)) return a->ext->leader;
    return symbol_named(&actor_vm(a)->symbols, "console");
}

static Value info_initial_call(Actor *a)
{
    return a->initial ? a->initial->name : V_FALSE;
}

// ---- the table --------------------------------------------------------------------------------------

static const struct {
    const char *name;
    InfoFn fn;
    bool always; // part of the alist of everything
} process_keys[] = {
    {"status", info_status, true},
    {"mailbox-length", info_mailbox_length, true},
    {"message-queue-limit", info_mailbox_limit, true},
    {"messages-dropped", info_dropped, true},
    {"links", info_links, true},
    {"monitors", info_monitors, true},
    {"monitored-by", info_monitored_by, true},
    {"registered-name", info_registered_name, true},
    {"trap-exit", info_trap_exit, true},
    {"priority", info_priority, true},
    {"reductions", info_reductions, true},
    {"heap-size", info_heap_size, true},
    {"stack-size", info_stack_size, true},
    {"memory", info_memory, true},
    {"current-function", info_current_function, true},
    {"initial-call", info_initial_call, true},
    {"group-leader", info_group_leader, true},
    {"current-stacktrace", info_current_stacktrace, false},
    {"message-queue", info_message_queue, false},
    {"state", info_status, false},
    {"message-queue-len", info_mailbox_length, false},
};

bool info_is_key(Vm *vm, Value key)
{
    const Runtime *r = vm->runtime;

    if (value_is(key, V_TRUE)) return true;
    for (size_t i = 0; i < countof(process_keys); i++) {
        if (value_is(key, r->info_keys[i])) return true;
    }
    return false;
}

bool info_add_entry(Actor *a, Value *list, Value key, InfoFn fn)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value v = fn(a);
    Value *root = heap_root(HEAP(a), v);
    bool ok = !value_is(v, V_FAIL) && heap_reserve(HEAP(a), 4);

    if (ok) {
        Value entry = heap_cons(HEAP(a), key, *root);
        *list = heap_cons(HEAP(a), entry, *list);
    }
    heap_unroot(HEAP(a), mark);
    return ok;
}

// Everything, as (key . value) pairs.
static Value everything(Actor *a)
{
    const Runtime *r = runtime_of(a);
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    bool ok = true;

    for (size_t i = countof(process_keys); ok && i > 0; i--) {
        if (!process_keys[i - 1].always) continue;
        ok = info_add_entry(a, list, r->info_keys[i - 1], process_keys[i - 1].fn);
    }
    Value result = *list;
    heap_unroot(HEAP(a), mark);
    return ok ? result : V_FAIL;
}

Value info_actor(Actor *a, Value key)
{
    const Runtime *r = runtime_of(a);

    if (value_is(key, V_TRUE)) return everything(a);
    for (size_t i = 0; i < countof(process_keys); i++) {
        if (value_is(key, r->info_keys[i])) return process_keys[i].fn(a);
    }
    return V_FALSE;
}

// ---- the system ---------------------------------------------------------------------------------------

static Value system_schedulers(Actor *a)
{
    return value_fix(actor_vm(a)->sched.worker_count);
}

static Value system_schedulers_online(Actor *a)
{
    return value_fix(atomic_load_explicit(&actor_vm(a)->sched.started, memory_order_relaxed));
}

static Value system_process_count(Actor *a)
{
    return value_fix(atomic_load_explicit(&actor_vm(a)->actor_count, memory_order_relaxed));
}

static Value system_process_limit(Actor *a)
{
    return value_fix(actor_vm(a)->cell_limit);
}

static Value system_memory(Actor *a)
{
    return value_fix((int64_t)space_used(&actor_vm(a)->space));
}

static Value system_uptime(Actor *a)
{
    return value_fix((int64_t)((plat_now_ns() - actor_vm(a)->start_ns) / 1000000));
}

static Value system_budget(Actor *a)
{
    return value_fix(actor_vm(a)->budget);
}

static Value system_symbol_count(Actor *a)
{
    return value_fix(atomic_load_explicit(&actor_vm(a)->symbols.count, memory_order_relaxed));
}

static Value system_timer_count(Actor *a)
{
    return value_fix((int64_t)timers_count(actor_vm(a)));
}

static Value system_table_count(Actor *a)
{
    return value_fix((int64_t)shared_ids(actor_vm(a), NULL, 0));
}

static Value system_version(Actor *a)
{
    return string_from_text(HEAP(a), ETA_VERSION);
}

// Tests ask: what is instrumented is slow.
static Value system_build(Actor *a)
{
    const char *name = BUILD_STRESS  ? "stress"
                       : BUILD_ASAN  ? "asan"
                       : BUILD_TSAN  ? "tsan"
                       : BUILD_DEBUG ? "debug"
                                     : "release";
    return symbol_named(&actor_vm(a)->symbols, name);
}

static const struct {
    const char *name;
    InfoFn fn;
} system_keys[] = {
    {"build", system_build},
    {"version", system_version},
    {"schedulers", system_schedulers},
    {"schedulers-online", system_schedulers_online},
    {"reduction-budget", system_budget},
    {"process-count", system_process_count},
    {"process-limit", system_process_limit},
    {"symbol-count", system_symbol_count},
    {"timer-count", system_timer_count},
    {"table-count", system_table_count},
    {"memory", system_memory},
    {"uptime", system_uptime},
};

static Value system_everything(Actor *a)
{
    const Runtime *r = runtime_of(a);
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    bool ok = true;

    ok = statistics_entries(a, list);
    for (size_t i = countof(system_keys); ok && i > 0; i--) {
        ok = info_add_entry(a, list, r->system_keys[i - 1], system_keys[i - 1].fn);
    }
    Value result = *list;
    heap_unroot(HEAP(a), mark);
    return ok ? result : V_FAIL;
}

Value info_system(Actor *a, Value key)
{
    const Runtime *r = runtime_of(a);

    if (value_is(key, V_FALSE)) return system_everything(a);
    for (size_t i = 0; i < countof(system_keys); i++) {
        if (value_is(key, r->system_keys[i])) return system_keys[i].fn(a);
    }
    return info_statistics(a, key);
}

STATIC_ASSERT(countof(process_keys) <= countof(((Runtime *)0)->info_keys), "room for the keys");
STATIC_ASSERT(countof(system_keys) <= countof(((Runtime *)0)->system_keys), "room for the keys");

bool info_init(Runtime *r)
{
    bool ok = true;

    for (size_t i = 0; i < countof(process_keys); i++) {
        r->info_keys[i] = symbol_named(&r->vm->symbols, process_keys[i].name);
        ok = ok && !value_is(r->info_keys[i], V_FAIL);
    }
    for (size_t i = 0; i < countof(system_keys); i++) {
        r->system_keys[i] = symbol_named(&r->vm->symbols, system_keys[i].name);
        ok = ok && !value_is(r->system_keys[i], V_FAIL);
    }
    return ok && statistics_init(r);
}
