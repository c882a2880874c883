// Natives of tracing. See vm/actor/trace.h.
#include "runtime/native/natives.h"

#include "vm/actor/trace.h"

// (pid tracer flags #f): flags 0 end it. #t, #f when another traces it; of the dead (); of the end a number.
NATIVE_FN(trace_actor)
{
    VmWorker *w = actor_worker(a);
    size_t flags;

    (void)count;
    if (value_is_local_ref(args[3])) {
        Value v = reply_take(a, args[3]);
        return value_is(v, V_NONE) ? V_WAIT : v;
    }
    if (!value_is_local_pid(args[0]) || !value_is_local_pid(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "trace", "expected a pid, got",
                         value_is_local_pid(args[0]) ? args[1] : args[0]);
    if (!native_index(args[2], TRACE_ALL + 1, &flags))
        return fail_with(HEAP(a), ERR_BADARG, "trace", "expected flags, got", args[2]);
    if (flags != 0 && value_is(args[0], args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "trace", "an actor cannot trace itself:", args[0]);
    if (value_is(args[0], actor_pid(a))) return trace_set(a, args[1], (uint32_t)flags);
    Value ref = reply_await(a);
    Sig *s = value_is(ref, V_FAIL) ? NULL : sig_new(w->vm, w, SIG_TRACE, SIG_FROM_WORDS + 1);
    if (!s) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "trace", "out of memory");
    s->value = args[2];
    s->words[0] = actor_pid(a);
    s->words[1] = ref;
    s->words[2] = args[1];
    if (!sig_send(w->vm, w, args[0], s)) return V_NIL;
    args[3] = ref;
    return V_WAIT;
}
