// Natives of receive and timers.
//
// A receive is: %receive-begin sets the cursor and gives the deadline (0: none), which the program
// hands back, so that a receive inside a predicate disturbs nothing; %receive-scan moves the cursor
// over messages that no clause wants and stops at the first that one may. Clauses that compare are
// decided here, on the message where its sender copied it; only a predicate of the program's makes
// the message part of the heap.
#include "runtime/native/natives.h"
#include "runtime/native/receive.h"
#include "runtime/native/refusal.h"
#include "runtime/timers.h"

#include "vm/data/equal.h"

// A clause is a record of these fields, made by std.actor.
enum { CLAUSE_KIND, CLAUSE_A, CLAUSE_B, CLAUSE_HANDLER, CLAUSE_FIELDS };
enum {
    MATCH_LIST,      // a list that begins with a
    MATCH_LIST_N,    // ... and has exactly b further elements
    MATCH_SYMBOL,    // the symbol a
    MATCH_PREDICATE, // the program decides
    MATCH_ANY,
};

// Milliseconds from now as a time of the monotonic clock; saturates.
static uint64_t deadline_after(uint64_t ms)
{
    uint64_t now = plat_now_ns(), ns;

    if (__builtin_mul_overflow(ms, 1000000, &ns) || __builtin_add_overflow(now, ns, &ns))
        return UINT64_MAX;
    return ns;
}

Value receive_deadline(Actor *a, Value timeout)
{
    if (value_is(timeout, actor_vm(a)->symbol[SYM_wait])) return value_fix(0);
    if (value_is_big(timeout) && !(value_header(timeout) & HEADER_NEGATIVE)) return value_fix(0);
    if (!value_is_fix(timeout) || value_int(timeout) < 0)
        return fail_with(HEAP(a), ERR_BADARG, "receive",
                         "the time-out must be a non-negative exact integer or 'wait, not", timeout);
    return value_fix((int64_t)MIN(deadline_after((uint64_t)value_int(timeout)), (uint64_t)FIX_MAX));
}

NATIVE_FN(receive_begin)
{
    (void)count;
    mailbox_restart(a);
    return receive_deadline(a, args[0]);
}

Value receive_wait(Actor *a, Value deadline)
{
    a->deadline_ns = value_is_fix(deadline) ? (uint64_t)value_int(deadline) : 0;
    if (atomic_load_explicit(&a->inbox, memory_order_relaxed) != 0) {
        signals_take(a);
        if (a->own & OWN_EXITING) return V_WAIT;
        if (mailbox_peek(a)) return V_NONE;
    }
    if (a->deadline_ns != 0 && plat_now_ns() >= a->deadline_ns) {
        // What came between the last look and the clock is looked at once more.
        signals_take(a);
        if (a->own & OWN_EXITING) return V_WAIT;
        if (mailbox_peek(a)) return V_NONE;
        a->deadline_ns = 0;
        return V_DEFAULT;
    }
    return V_WAIT;
}

// -1: not a list.
static int64_t further_elements(Value list)
{
    Value behind = list;
    int64_t n = 0;

    for (list = value_cdr(list); value_is_pair(list); list = value_cdr(list)) {
        if (value_is(list, behind)) return -1; // it has no end
        if (++n % 2 == 0) behind = value_cdr(behind);
    }
    return value_is_null(list) ? n : -1;
}

typedef enum { NO_MATCH, MATCHES, MUST_LOOK, BAD_CLAUSE } Verdict;

static Verdict judge(Value clause, Value message)
{
    if (!value_is_kind(clause, KIND_RECORD) || object_count(clause) != 1 + CLAUSE_FIELDS)
        return BAD_CLAUSE;
    Value kind = object_ref(clause, 1 + CLAUSE_KIND), x = object_ref(clause, 1 + CLAUSE_A);
    switch (value_is_fix(kind) ? value_int(kind) : -1) {
    case MATCH_LIST:
    case MATCH_LIST_N:
        if (!value_is_pair(message) || !value_equal(value_car(message), x)) return NO_MATCH;
        if (value_int(kind) == MATCH_LIST)
            return further_elements(message) >= 0 ? MATCHES : NO_MATCH;
        return value_is(value_fix(further_elements(message)), object_ref(clause, 1 + CLAUSE_B))
                   ? MATCHES
                   : NO_MATCH;
    case MATCH_SYMBOL:
        return value_is(message, x) ? MATCHES : NO_MATCH;
    case MATCH_PREDICATE:
        return MUST_LOOK;
    case MATCH_ANY:
        return MATCHES;
    default:
        return BAD_CLAUSE;
    }
}

// The first clause in the list that has something to say about the message.
static Verdict judge_all(Value clauses, Value message, Value *which)
{
    for (; value_is_pair(clauses); clauses = value_cdr(clauses)) {
        Verdict v = judge(value_car(clauses), message);
        *which = value_car(clauses);
        if (v != NO_MATCH) return v;
    }
    return NO_MATCH;
}

static Value take_for(Actor *a, Value *args, Value clause)
{
    Value message;

    // The answer first: nothing may be lost once the message is out of the queue.
    args[0] = clause;
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    args[0] = heap_cons(HEAP(a), args[0], V_FALSE);
    Sig *s = mailbox_take(a);
    mailbox_note_taken(a, s);
    if (!message_take(a, s, &message)) return V_FAIL;
    heap_store(HEAP(a), args[0], value_words(args[0]) + 1, message);
    return args[0];
}

static Value show(Actor *a)
{
    Value message;

    if (!heap_reserve(HEAP(a), 2) || !mailbox_expose(a, &message)) return V_FAIL;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *root = heap_root(HEAP(a), message);
    bool ok = heap_reserve(HEAP(a), 2);
    message = *root;
    heap_unroot(HEAP(a), mark);
    if (!ok) return V_FAIL;
    Value *p = heap_take(HEAP(a), 2);
    p[0].bits = header_make(KIND_VECTOR, 1);
    p[1] = message;
    return value_from_words(p, TAG_OBJ);
}

NATIVE_FN(receive_scan)
{
    VmWorker *w = actor_worker(a);
    unsigned looked = 0;

    (void)count;
    for (;;) {
        Sig *s = mailbox_peek(a);
        if (!s) {
            Value v = receive_wait(a, args[1]);
            if (value_is(v, V_NONE)) continue;
            return v;
        }
        Value clause = V_FALSE;
        switch (judge_all(args[0], s->value, &clause)) {
        case MATCHES:
            return take_for(a, args, clause);
        case MUST_LOOK:
            return show(a);
        case BAD_CLAUSE:
            return fail_with(HEAP(a), ERR_BADARG, "receive",
                             "expected a list of (match-case matcher handler), got", clause);
        case NO_MATCH:
            mailbox_skip(a);
            if (++looked % 16 == 0 && --w->reductions_left < 0) return V_YIELD;
        }
    }
}

NATIVE_FN(receive_next)
{
    Value message;

    (void)count;
    while (!mailbox_peek(a)) {
        Value v = receive_wait(a, args[0]);
        if (!value_is(v, V_NONE)) return v;
    }
    Sig *s = mailbox_take(a);
    mailbox_note_taken(a, s);
    return message_take(a, s, &message) ? message : V_FAIL;
}

// A predicate may have received messages itself, and moved the cursor: then all is looked at again.
static bool shows(Actor *a, Value message)
{
    Sig *s = mailbox_peek(a);

    if (s && value_is(s->value, message)) return true;
    mailbox_restart(a);
    return false;
}

NATIVE_FN(receive_skip)
{
    (void)count;
    if (shows(a, args[0])) mailbox_skip(a);
    return V_UNSPECIFIED;
}

NATIVE_FN(receive_take)
{
    Value message;

    (void)count;
    if (!shows(a, args[0])) return V_FALSE;
    Sig *s = mailbox_take(a);
    mailbox_note_taken(a, s);
    return message_take(a, s, &message) ? V_TRUE : V_FAIL;
}

NATIVE_FN(mailbox_length)
{
    (void)args, (void)count;
    signals_take(a);
    if (a->own & OWN_EXITING) return V_WAIT;
    return value_fix((int64_t)mailbox_length(a));
}

// ---- timers -------------------------------------------------------------------------------------

NATIVE_FN(timer_start)
{
    Value refused;
    Sig *s;

    (void)count;
    if (!value_is_fix(args[0]) || value_int(args[0]) < 0)
        return fail_with(HEAP(a), ERR_BADARG, "timer",
                         "the time must be a non-negative exact integer, not", args[0]);
    if (!value_is_local_pid(args[1]) && !value_is_symbol(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "timer", "expected a pid or a name, got", args[1]);
    if (!value_is_local_ref(args[3]))
        return fail_with(HEAP(a), ERR_BADARG, "timer", "expected a reference, got", args[3]);
    switch (sig_copy_long(a, SIG_MESSAGE, args[2], &s, &refused)) {
    case SEND_OK:
        break;
    case SEND_ASIDE:
        return V_YIELD;
    case SEND_REFUSED:
        return fail_refused(a, "timer", args[2], refused);
    case SEND_NO_MEMORY:
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "timer", "out of memory");
    }
    uint64_t deadline = deadline_after((uint64_t)value_int(args[0]));
    if (timers_start(actor_worker(a), args[3], args[1], s, deadline)) return args[3];
    sig_free(actor_vm(a), actor_worker(a), s);
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, "timer", "out of memory");
}

// Milliseconds left, rounded up, so that a timer that has not fired never has 0 left.
static Value milliseconds_left(uint64_t deadline)
{
    uint64_t now = plat_now_ns();
    return value_fix(deadline > now ? (int64_t)((deadline - now + 999999) / 1000000) : 0);
}

NATIVE_FN(timer_cancel)
{
    uint64_t deadline;

    (void)count;
    if (!value_is_local_ref(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "cancel-timer", "expected a timer, got", args[0]);
    return timers_cancel(actor_worker(a), args[0], &deadline) ? milliseconds_left(deadline)
                                                              : V_FALSE;
}

NATIVE_FN(timer_read)
{
    uint64_t deadline;

    (void)count;
    if (!value_is_local_ref(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "read-timer", "expected a timer, got", args[0]);
    return timers_read(actor_worker(a), args[0], &deadline) ? milliseconds_left(deadline) : V_FALSE;
}
