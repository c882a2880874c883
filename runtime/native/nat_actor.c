// Natives of actors: spawning, sending, links, monitors, names, information.
#include "runtime/native/natives.h"
#include "runtime/native/refusal.h"
#include "runtime/native/remote.h"
#include "runtime/runtime.h"

#include "vm/actor/limit.h"
#include "vm/actor/mailbox.h"
#include "vm/actor/node.h"
#include "vm/actor/trace.h"

#include "vm/code/print.h"

#define EXPECT_PID(a, who, v)                                                                      \
    do {                                                                                           \
        if (!value_is_pid(v))                                                                      \
            return fail_with(HEAP(a), ERR_BADARG, who, "expected a pid, got", v);                  \
    } while (0)

static Value fail_memory(Actor *a, const char *who)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, who, "out of memory or actors");
}

// ---- spawn and send -----------------------------------------------------------------------------

NATIVE_FN(self)
{
    (void)args, (void)count;
    return actor_pid(a);
}

// (thunk link? monitor? name priority max-heap-words [give [min-heap-words]])
NATIVE_FN(spawn)
{
    size_t priority, max_heap, min_heap = 0;
    Spawned spawned;

    if (!value_is_proc(args[0]))
        return fail_type(HEAP(a), "spawn", "a procedure without arguments", args[0]);
    if (!native_index(args[4], PRIORITIES, &priority))
        return fail_type(HEAP(a), "spawn", "a priority", args[4]);
    if (!native_size(args[5], &max_heap))
        return fail_type(HEAP(a), "spawn", "a number of words", args[5]);
    if (count > 7 && !native_size(args[7], &min_heap))
        return fail_type(HEAP(a), "spawn", "a number of words", args[7]);
    SpawnOptions options = {.link = value_true(args[1]),
                            .monitor = value_true(args[2]),
                            .priority = (uint8_t)priority,
                            .name = value_is_symbol(args[3]) ? args[3] : V_FALSE,
                            .max_heap = (uint32_t)MIN((max_heap + 1023) >> 10, UINT32_MAX),
                            .min_heap = min_heap,
                            .give = count > 6 ? args[6] : V_NIL};
    if (options.monitor && !heap_reserve(HEAP(a), 2)) return V_FAIL;
    switch (actor_spawn(actor_worker(a), a, args[0], &options, &spawned)) {
    case SPAWNED:
        break;
    case SPAWN_REFUSED:
        return fail_refused(a, "spawn", args[0], spawned.refused);
    case SPAWN_NO_MEMORY:
        return fail_memory(a, "spawn");
    case SPAWN_NAME_TAKEN:
        return fail_with(HEAP(a), ERR_BADARG, "spawn", "the name is taken:", args[3]);
    }
    actor_charge(a, 50);
    if (options.monitor) mailbox_mark(a, spawned.ref);
    return options.monitor ? heap_cons(HEAP(a), spawned.pid, spawned.ref) : spawned.pid;
}

NATIVE_FN(send)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    EXPECT_PID(a, "send", args[0]);
    if (value_is_external_pid(args[0]))
        return remote_post(a, "send", FRAME_MESSAGES, args[0], args[1]) ? args[1] : V_FAIL;
    Actor *to = value_is_local_pid(args[0]) ? actor_of_pid(w->vm, args[0]) : NULL;
    if (to && UNLIKELY(mailbox_is_full(to)))
        return fail_with(HEAP(a), ERR_MAILBOX_FULL, "send", "the mailbox is full:", args[0]);
    if (to && UNLIKELY(!limit_allows_send(w->vm, to))) return fail_memory(a, "send");
    // The copy is made even for the dead: what cannot travel is an error whoever the receiver is.
    switch (sig_copy_long(a, SIG_MESSAGE, args[1], &s, &refused)) {
    case SEND_OK:
        break;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        return fail_refused(a, "send", args[1], refused);
    case SEND_NO_MEMORY:
        return fail_memory(a, "send");
    }
    if (UNLIKELY(a->own & OWN_TRACED)) trace_sent(a, s->value, args[0]);
    if (!to || !sig_post(w->vm, w, to, s)) sig_free(w->vm, w, s);
    return args[1];
}

// ---- links and monitors -------------------------------------------------------------------------

// To a dead pid: a trapping caller gets the exit as a message, any other an error.
static Value link_noproc(Actor *a, Value pid)
{
    VmWorker *w = actor_worker(a);
    Value noproc = w->vm->symbol[SYM_noproc];

    if (!(a->own & OWN_TRAP_EXIT))
        return fail_with(HEAP(a), ERR_NOPROC, "link", "there is no such actor:", pid);
    Sig *s = sig_plain(w->vm, w, SIG_LINK_EXIT, noproc, pid, V_FALSE);
    if (!s) return fail_memory(a, "link");
    s->flags |= SIGF_NOPROC;
    if (!sig_post(w->vm, w, a, s)) sig_free(w->vm, w, s);
    return V_TRUE;
}

NATIVE_FN(link)
{
    (void)count;
    EXPECT_PID(a, "link", args[0]);
    if (value_is_external_pid(args[0])) return node_link(a, args[0]) ? V_TRUE : fail_memory(a, "link");
    switch (actor_link(a, args[0])) {
    case LINK_DONE:
        break;
    case LINK_NOPROC:
        return link_noproc(a, args[0]);
    case LINK_NO_MEMORY:
        return fail_memory(a, "link");
    }
    return V_TRUE;
}

NATIVE_FN(unlink)
{
    (void)count;
    EXPECT_PID(a, "unlink", args[0]);
    if (value_is_external_pid(args[0])) return node_unlink(a, args[0]) ? V_TRUE : fail_memory(a, "unlink");
    return actor_unlink(a, args[0]) ? V_TRUE : fail_memory(a, "unlink");
}

NATIVE_FN(monitor)
{
    (void)count;
    if (!value_is_pid(args[0]) && value_true(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "monitor", "expected a pid, got", args[0]);
    Value name = value_is_symbol(args[1]) ? args[1] : V_FALSE;
    if (value_is_external_pid(args[0])) return remote_monitor(a, "monitor", args[0]);
    Value ref = actor_monitor(a, args[0], name);
    if (value_is(ref, V_FAIL)) return fail_memory(a, "monitor");
    mailbox_mark(a, ref);
    return ref;
}

NATIVE_FN(demonitor)
{
    (void)count;
    if (value_is_ref(args[0]) && !value_is_local_ref(args[0])) return V_FALSE;
    if (!value_is_local_ref(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "demonitor", "expected a reference, got", args[0]);
    return value_bool(actor_demonitor(a, args[0]));
}

NATIVE_FN(exit_signal)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    EXPECT_PID(a, "exit", args[0]);
    if (value_is_external_pid(args[0]))
        return remote_post(a, "exit", FRAME_EXIT, args[0], args[1]) ? V_TRUE : V_FAIL;
    switch (sig_copy_long(a, SIG_EXIT, args[1], &s, &refused)) {
    case SEND_OK:
        break;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        return fail_refused(a, "exit", args[1], refused);
    case SEND_NO_MEMORY:
        return fail_memory(a, "exit");
    }
    s->words[0] = actor_pid(a);
    s->words[1] = V_FALSE;
    sig_send(w->vm, w, args[0], s);
    // A signal to oneself takes effect before anything else is done.
    if (value_is(args[0], actor_pid(a))) {
        signals_take(a);
        if (a->own & OWN_EXITING) return V_WAIT;
        if (a->own & OWN_INTERRUPTED) return V_YIELD; // the evaluation at the REPL ends here
    }
    return V_TRUE;
}

NATIVE_FN(trap_exit)
{
    (void)count;
    bool was = (a->own & OWN_TRAP_EXIT) != 0;
    // Signals that have come are judged by the flag as it is now.
    signals_take(a);
    if (a->own & OWN_EXITING) return V_WAIT;
    a->own = value_true(args[0]) ? a->own | OWN_TRAP_EXIT : a->own & ~(uint32_t)OWN_TRAP_EXIT;
    return value_bool(was);
}

// ---- flags --------------------------------------------------------------------------------------

enum { FLAG_PRIORITY, FLAG_MAX_HEAP, FLAG_QUEUE_LIMIT, FLAG_MIN_HEAP, FLAGS };

// (flag value): the previous value. std.actor names the flags and the priorities.
NATIVE_FN(process_flag)
{
    size_t flag, value, was = 0;

    (void)count;
    if (!native_index(args[0], FLAGS, &flag) || !native_size(args[1], &value))
        return fail_with(HEAP(a), ERR_BADARG, "process-flag", "the value cannot be used:", args[1]);
    switch (flag) {
    case FLAG_PRIORITY:
        if (value >= PRIORITIES)
            return fail_with(HEAP(a), ERR_BADARG, "process-flag",
                             "there is no such priority:", args[1]);
        was = a->task.priority;
        a->task.priority = (uint8_t)value;
        break;
    case FLAG_MAX_HEAP:
        value = MIN((value + 1023) >> 10, UINT32_MAX);
        was = (size_t)mailbox_set_heap_limit(a, (uint32_t)value) << 10;
        break;
    case FLAG_MIN_HEAP:
        if (!heap_set_least(HEAP(a), value, &was)) return fail_memory(a, "process-flag");
        break;
    default:
        was = atomic_load_explicit(&a->mailbox_limit, memory_order_relaxed);
        value = MIN(value, (size_t)UINT32_MAX);
        atomic_store_explicit(&a->mailbox_limit, (uint32_t)value, memory_order_relaxed);
        break;
    }
    return value_fix((int64_t)was);
}

// ---- names --------------------------------------------------------------------------------------

NATIVE_FN(register)
{
    (void)count;
    if (!value_is_symbol(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "register", "expected a symbol, got", args[0]);
    if (!value_is_local_pid(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "register", "expected a pid of this node, got", args[1]);
    switch (registry_add(actor_vm(a), args[0], args[1])) {
    case NAME_OK:
        return V_TRUE;
    case NAME_TAKEN:
        return fail_with(HEAP(a), ERR_BADARG, "register", "the name is taken:", args[0]);
    case NAME_HAS_ONE:
        return fail_with(HEAP(a), ERR_BADARG, "register", "the actor has a name already:", args[1]);
    case NAME_DEAD:
        return fail_with(HEAP(a), ERR_BADARG, "register", "there is no such actor:", args[1]);
    case NAME_NO_MEMORY:
        break;
    }
    return fail_memory(a, "register");
}

NATIVE_FN(unregister)
{
    (void)count;
    if (value_is_symbol(args[0]) && registry_remove(actor_vm(a), args[0])) return V_TRUE;
    return fail_with(HEAP(a), ERR_BADARG, "unregister", "nobody has the name", args[0]);
}

NATIVE_FN(whereis)
{
    (void)count;
    if (!value_is_symbol(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "whereis", "expected a symbol, got", args[0]);
    return registry_find(actor_vm(a), args[0]);
}

NATIVE_FN(registered)
{
    Vm *vm = actor_vm(a);
    size_t n = registry_names(vm, NULL, 0), room = n + 16;
    Value *names = mem_alloc(MEM_SCRATCH, room * sizeof *names), list = V_NIL;

    (void)args, (void)count;
    if (!names) return fail_memory(a, "registered");
    n = MIN(registry_names(vm, names, room), room);
    if (heap_reserve(HEAP(a), 2 * n)) {
        for (size_t i = 0; i < n; i++) {
            list = heap_cons(HEAP(a), names[i], list);
        }
    } else {
        list = V_FAIL;
    }
    mem_free(MEM_SCRATCH, names, room * sizeof *names);
    return list;
}

// ---- information --------------------------------------------------------------------------------

NATIVE_FN(make_ref)
{
    (void)args, (void)count;
    Value ref = actor_make_ref(a);
    mailbox_mark_long(a, ref);
    return ref;
}

NATIVE_FN(pid_p)
{
    (void)a, (void)count;
    return value_bool(value_is_pid(args[0]));
}

NATIVE_FN(ref_p)
{
    (void)a, (void)count;
    return value_bool(value_is_ref(args[0]));
}

// (pid key state): asks the actor itself, by a signal, and waits for its answer. The third argument
// is the reference of the question once it has been asked.
NATIVE_FN(process_info)
{
    Vm *vm = actor_vm(a);

    (void)count;
    EXPECT_PID(a, "process-info", args[0]);
    if (value_is_external_pid(args[0])) return V_FALSE;
    if (!info_is_key(vm, args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "process-info", "there is no such key:", args[1]);
    if (value_is(args[0], actor_pid(a))) {
        signals_take(a);
        if (a->own & OWN_EXITING) return V_WAIT;
        return vm->info(a, args[1]);
    }
    return actor_ask(a, args[0], args[1], &args[2]);
}

// (pid order state)
NATIVE_FN(order)
{
    size_t order;

    (void)count;
    if (!value_is_local_pid(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "order", "expected a pid of this node, got", args[0]);
    if (!native_index(args[1], ORDERS, &order))
        return fail_with(HEAP(a), ERR_BADARG, "order", "there is no such order:", args[1]);
    if (!value_is(args[0], actor_pid(a))) return actor_ask(a, args[0], args[1], &args[2]);
    if (order == ORDER_COLLECT) return order_obey(a, ORDER_COLLECT, args[0]);
    return fail_with(HEAP(a), ERR_BADARG, order == ORDER_SUSPEND ? "suspend" : "resume",
                     "an actor cannot suspend itself:", args[0]);
}

NATIVE_FN(processes)
{
    Vm *vm = actor_vm(a);
    uint32_t begun = atomic_load_explicit(&vm->cells_begun, memory_order_acquire);
    size_t n = atomic_load_explicit(&vm->actor_count, memory_order_relaxed) + 64;
    Value list = V_NIL;

    (void)args, (void)count;
    if (!heap_reserve(HEAP(a), 2 * n)) return V_FAIL;
    for (uint32_t i = begun; i > 0 && n > 0; i--) {
        Actor *other = actor_at(vm, i - 1);
        uint32_t flags = atomic_load_explicit(&other->flags, memory_order_relaxed);
        if ((flags & (ACTOR_LIVE | ACTOR_DYING)) != ACTOR_LIVE) continue;
        list = heap_cons(HEAP(a), actor_pid(other), list);
        n--;
    }
    actor_charge(a, begun / 64);
    return list;
}

NATIVE_FN(process_count)
{
    (void)args, (void)count;
    return value_fix(atomic_load_explicit(&actor_vm(a)->actor_count, memory_order_relaxed));
}

NATIVE_FN(garbage_collect)
{
    (void)args, (void)count;
    if (!gc_collect(HEAP(a), 0, true))
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    return V_TRUE;
}
