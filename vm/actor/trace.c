// See trace.h.
#include "vm/actor/trace.h"

#include "vm/actor/ext.h"
#include "vm/actor/mailbox.h"

#define VALUES_MAX 2

static void stop(Actor *a)
{
    a->own &= ~(uint32_t)OWN_TRACED;
    a->ext->traced = 0;
    a->ext->tracer = V_FALSE;
    a->ext->untold = 0;
}

static bool has_room(const Actor *to)
{
    uint64_t word = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    return mailbox_length(to) + inbox_count(word) < TRACE_WAITING_MAX;
}

static bool tell(Actor *a, Actor *to, const char *what, const Value *values, size_t n)
{
    VmWorker *w = actor_worker(a);
    SymbolTable *symbols = &w->vm->symbols;
    Value items[3 + VALUES_MAX] = {symbol_named(symbols, "trace"), actor_pid(a),
                                   symbol_named(symbols, what)};

    for (size_t i = 0; i < n; i++) {
        items[3 + i] = values[i];
    }
    Sig *s = sig_report(a, items, 3 + n);
    if (!s) return false;
    if (!sig_post(w->vm, w, to, s)) sig_free(w->vm, w, s);
    return true;
}

static void event(Actor *a, uint32_t kind, const char *what, const Value *values, size_t n)
{
    ActorExt *x = a->ext;

    if (!(x->traced & kind)) return;
    const Vm *vm = actor_vm(a);
    if (!actor_is_alive(vm, x->tracer)) {
        stop(a);
        return;
    }
    Actor *to = actor_of_pid(vm, x->tracer);
    Value untold = value_fix((int64_t)x->untold);
    if (!to || !has_room(to) || (x->untold > 0 && !tell(a, to, "dropped", &untold, 1))) {
        x->untold++;
        return;
    }
    x->untold = tell(a, to, what, values, n) ? 0 : 1;
}

void trace_sent(Actor *a, Value message, Value to)
{
    event(a, TRACE_SEND, "send", (Value[]){message, to}, 2);
}

void trace_received(Actor *a, const Sig *s)
{
    if (!(s->flags & SIGF_TRACE)) event(a, TRACE_RECEIVE, "receive", &s->value, 1);
}

void trace_exited(Actor *a)
{
    event(a, TRACE_EXITS, "exit", &a->reason, 1);
}

void trace_spawned(Actor *a, Actor *child)
{
    Value pid = actor_pid(child);

    event(a, TRACE_SPAWNS, "spawn", &pid, 1);
    // Without memory it goes untraced.
    if (!(a->own & OWN_TRACED) || !(a->ext->traced & TRACE_ON_SPAWN) || !actor_ext(child)) return;
    child->ext->tracer = a->ext->tracer;
    child->ext->traced = a->ext->traced;
    child->own |= OWN_TRACED;
}

Value trace_set(Actor *a, Value tracer, uint32_t flags)
{
    ActorExt *x = actor_ext(a);

    if (!x) return V_FALSE;
    if (flags == 0) {
        Value untold = value_fix((int64_t)x->untold);
        stop(a);
        return untold;
    }
    bool other = (a->own & OWN_TRACED) && !value_is(x->tracer, tracer) &&
                 actor_is_alive(actor_vm(a), x->tracer);
    if (other) return V_FALSE;
    x->tracer = tracer;
    x->traced = flags;
    a->own |= OWN_TRACED;
    return V_TRUE;
}

void trace_take(Actor *a, Sig *s)
{
    VmWorker *w = actor_worker(a);
    Value answer = trace_set(a, s->words[2], (uint32_t)value_int(s->value));
    Sig *reply = sig_plain(w->vm, w, SIG_REPLY, answer, actor_pid(a), s->words[1]);

    if (reply) sig_send(w->vm, w, s->words[0], reply);
    sig_free(w->vm, w, s);
}
