// Natives of group leaders: who takes what an actor writes to standard output.
#include "runtime/native/natives.h"

static Value console_name(Actor *a)
{
    return symbol_named(&actor_vm(a)->symbols, "console");
}

NATIVE_FN(group_leader)
{
    (void)args, (void)count;
    return a->ext && value_true(a->ext->leader) ? a->ext->leader : console_name(a);
}

static Value fail_no_actor(Actor *a, Value v)
{
    if (!value_is_local_pid(v))
        return fail_with(HEAP(a), ERR_BADARG, "group-leader!", "expected a pid, got", v);
    return fail_with(HEAP(a), ERR_BADARG, "group-leader!", "there is no such actor:", v);
}

// (leader pid): the leader
NATIVE_FN(set_group_leader)
{
    VmWorker *w = actor_worker(a);
    bool console = value_is(args[0], console_name(a));
    Value leader = console ? V_FALSE : args[0];

    (void)count;
    if (!console && !(value_is_local_pid(leader) && actor_of_pid(w->vm, leader)))
        return fail_no_actor(a, leader);
    if (!value_is_local_pid(args[1])) return fail_no_actor(a, args[1]);
    if (value_is(args[1], actor_pid(a))) {
        if (!actor_ext(a))
            return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "group-leader!", "out of memory");
        a->ext->leader = leader;
        return args[0];
    }
    Sig *s = sig_plain(w->vm, w, SIG_LEADER, leader, actor_pid(a), V_FALSE);
    if (!s) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "group-leader!", "out of memory");
    return sig_send(w->vm, w, args[1], s) ? args[0] : fail_no_actor(a, args[1]);
}
