// Natives of aliases: references that messages can be sent to, and monitors that are aliases too.
#include "runtime/native/natives.h"
#include "runtime/native/refusal.h"

#include "vm/actor/life.h"
#include "vm/actor/limit.h"
#include "vm/actor/trace.h"

static Value fail_memory(Actor *a, const char *who)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, who, "out of memory");
}

NATIVE_FN(make_alias)
{
    size_t mode;

    (void)count;
    if (!native_index(args[0], ALIAS_MODES, &mode) || mode == ALIAS_NONE)
        return fail_with(HEAP(a), ERR_BADARG, "make-alias", "there is no such mode:", args[0]);
    Value ref = actor_make_ref(a);
    return alias_add(a, ref, (AliasMode)mode, NULL) ? ref : fail_memory(a, "make-alias");
}

NATIVE_FN(unalias)
{
    (void)count;
    if (!value_is_local_ref(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "unalias", "expected a reference, got", args[0]);
    // What has come already has been delivered: it counts.
    signals_take(a);
    if (a->own & OWN_EXITING) return V_WAIT;
    return value_bool(alias_remove(a, args[0]));
}

// A copy of the tag into *out; false with the fault set.
static bool copy_tag(Actor *a, Value tag, Sig **out)
{
    Value refused;

    switch (sig_copy(a, SIG_MESSAGE, tag, out, &refused)) {
    case SEND_OK:
        return true;
    case SEND_REFUSED:
        (void)fail_refused(a, "monitor", tag, refused);
        return false;
    case SEND_ASIDE:
    case SEND_NO_MEMORY:
        break;
    }
    (void)fail_memory(a, "monitor");
    return false;
}

// (pid-or-#f name mode tag)
NATIVE_FN(monitor_with)
{
    VmWorker *w = actor_worker(a);
    size_t mode;
    Sig *tag = NULL;

    (void)count;
    if (!value_is_local_pid(args[0]) && value_true(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "monitor", "expected a pid, got", args[0]);
    if (!native_index(args[2], ALIAS_MODES, &mode))
        return fail_with(HEAP(a), ERR_BADARG, "monitor", "there is no such alias:", args[2]);
    if (!value_is(args[3], V_DEFAULT) && !copy_tag(a, args[3], &tag)) return V_FAIL;
    Value ref = actor_monitor(a, args[0], value_is_symbol(args[1]) ? args[1] : V_FALSE);
    if (value_is(ref, V_FAIL)) {
        if (tag) sig_free(w->vm, w, tag);
        return fail_memory(a, "monitor");
    }
    if ((tag || mode != ALIAS_NONE) && !alias_add(a, ref, (AliasMode)mode, tag)) {
        if (tag) sig_free(w->vm, w, tag);
        (void)actor_demonitor(a, ref);
        return fail_memory(a, "monitor");
    }
    mailbox_mark(a, ref);
    return ref;
}

// (reference message): the message
NATIVE_FN(send_alias)
{
    VmWorker *w = actor_worker(a);
    Value refused;
    Sig *s;

    (void)count;
    if (!value_is_local_ref(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "send", "expected a reference, got", args[0]);
    Value pid = alias_owner(w->vm, args[0]);
    Actor *to = value_true(pid) ? actor_of_pid(w->vm, pid) : NULL;
    if (to && mailbox_is_full(to))
        return fail_with(HEAP(a), ERR_MAILBOX_FULL, "send", "the mailbox is full:", pid);
    if (to && UNLIKELY(!limit_allows_send(w->vm, to))) return fail_memory(a, "send");
    // What cannot travel is an error whether anybody is there or not.
    switch (sig_copy_long(a, SIG_ANSWER, args[1], &s, &refused)) {
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
    s->flags |= SIGF_ALIAS;
    s->words[0] = actor_pid(a);
    s->words[1] = args[0];
    if (!to || !sig_post(w->vm, w, to, s)) sig_free(w->vm, w, s);
    return args[1];
}
