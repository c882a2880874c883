// give!: moving what belongs to one actor (handles: open files, child processes, sockets) to another.
#include "runtime/native/natives.h"
#include "runtime/native/refusal.h"

#include "vm/actor/signal.h"

// (x pid any?)
NATIVE_FN(give)
{
    Value refused = V_NONE;

    (void)count;
    if (!value_is_local_pid(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "give!", "expected a pid, got", args[1]);
    if (!heap_reserve(HEAP(a), 6)) return V_FAIL;
    Value message = heap_cons(HEAP(a), actor_pid(a), V_NIL);
    message = heap_cons(HEAP(a), args[0], message);
    message = heap_cons(HEAP(a), actor_vm(a)->symbol[SYM_given], message);
    switch (actor_give(a, message, args[1], value_true(args[2]), &refused)) {
    case GIVEN:
        return V_TRUE;
    case GIVE_REFUSED:
        return fail_refused(a, "give!", args[0], refused);
    case GIVE_NO_MEMORY:
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "give!", "out of memory");
    case GIVE_DEAD:
        return fail_with(HEAP(a), ERR_BADARG, "give!", "there is no such actor:", args[1]);
    case GIVE_NOTHING:
        break;
    }
    return fail_with(HEAP(a), ERR_BADARG, "give!", "nothing in it belongs to the caller:", args[0]);
}
