// Natives of receive-case (compiler/syntax/forms_receive.c).
//
// The tests of the clauses are the program's code, on a message in its heap. Moving every message
// that is passed over there would cost copies in each collection, so a filter that the compiler
// made of the patterns refuses most of them where their senders have put them: a vector of three
// words for each clause, or #f when some clause may want anything. The words are what the first
// element of a list must be, how many elements it must have (n: so many; -1 - n: at least n
// pairs; #f: the message itself is the first word), and what the second element must be; default
// stands for anything.
#include "runtime/native/natives.h"
#include "runtime/native/receive.h"

enum { FILTER_FIRST, FILTER_COUNT, FILTER_SECOND, FILTER_WORDS };

// Messages looked at for one reduction.
#define LOOKS_PER_REDUCTION 16

static bool may_be(Value have, Value want)
{
    if (value_is(want, V_DEFAULT) || value_is(have, want)) return true;
    // Structures are the program's to compare.
    return value_is_pointer(want) && !value_is_symbol(want) && value_tag(have) == value_tag(want);
}

static bool has_count(Value list, int64_t want)
{
    int64_t pairs = want < 0 ? -1 - want : want;

    for (; pairs > 0; pairs--) {
        if (!value_is_pair(list)) return false;
        list = value_cdr(list);
    }
    return want < 0 || value_is_null(list);
}

static bool passes(const Value *words, Value message)
{
    if (value_is(words[FILTER_COUNT], V_FALSE)) return may_be(message, words[FILTER_FIRST]);
    if (!value_is_pair(message) || !may_be(value_car(message), words[FILTER_FIRST])) return false;
    if (!value_is_fix(words[FILTER_COUNT]) || !has_count(message, value_int(words[FILTER_COUNT])))
        return false;
    if (value_is(words[FILTER_SECOND], V_DEFAULT)) return true;
    Value rest = value_cdr(message);
    return value_is_pair(rest) && may_be(value_car(rest), words[FILTER_SECOND]);
}

static bool passes_some(Value filter, Value message)
{
    if (!value_is_kind(filter, KIND_VECTOR)) return true;
    for (size_t i = 0; i + FILTER_WORDS <= object_count(filter); i += FILTER_WORDS) {
        if (passes(object_slot(filter, i), message)) return true;
    }
    return false;
}

// Every clause wants that reference: a message from before it was made can pass none of them.
static bool all_want(Value filter, Value ref)
{
    size_t n = value_is_kind(filter, KIND_VECTOR) ? object_count(filter) : 0;

    for (size_t i = 0; i + FILTER_WORDS <= n; i += FILTER_WORDS) {
        const Value *words = object_slot(filter, i);
        bool first = value_is(words[FILTER_FIRST], ref);
        bool second = !value_is(words[FILTER_COUNT], V_FALSE) && value_is(words[FILTER_SECOND], ref);
        if (!first && !second) return false;
    }
    return n > 0;
}

// Moves the cursor to the next message that passes: V_TRUE, or what the native is to return.
static Value seek(Actor *a, const Value *args)
{
    VmWorker *w = actor_worker(a);
    unsigned looked = 0;
    Value ref = mailbox_marked(a);

    if (!value_is(ref, V_NONE) && all_want(args[0], ref)) mailbox_restart_at_mark(a, ref);
    for (;;) {
        const Sig *s = mailbox_peek(a);
        if (s && passes_some(args[0], s->value)) return V_TRUE;
        if (!s) {
            Value v = receive_wait(a, args[1]);
            if (!value_is(v, V_NONE)) return v;
            continue;
        }
        mailbox_skip(a);
        if (++looked % LOOKS_PER_REDUCTION == 0 && --w->reductions_left < 0) return V_YIELD;
    }
}

NATIVE_FN(receive_show)
{
    Value v = seek(a, args), message;

    (void)count;
    if (!value_is(v, V_TRUE)) return v;
    return mailbox_expose(a, &message) ? message : V_FAIL;
}

NATIVE_FN(receive_offer)
{
    Value v = seek(a, args), message;

    (void)count;
    if (!value_is(v, V_TRUE)) return v;
    Sig *s = mailbox_lift(a);
    mailbox_note_taken(a, s);
    return message_take(a, s, &message) ? message : V_FAIL;
}

NATIVE_FN(receive_return)
{
    (void)count;
    return mailbox_put_back(a, args[0]) ? V_UNSPECIFIED : V_FAIL;
}

// ---- messages that stay while the program looks at them
// ------------------------------------------------

// The place of the message under the cursor, to be told which of equal ones it was.
NATIVE_FN(receive_mark)
{
    (void)args, (void)count;
    return value_fix((int64_t)((uintptr_t)mailbox_peek(a) >> 3));
}

static bool is_marked(const Sig *s, const Value *args)
{
    return value_is(args[1], value_fix((int64_t)((uintptr_t)s >> 3))) &&
           value_is(s->value, args[0]);
}

// Guards and predicates may have received messages themselves: the cursor goes back to the one that
// they were about. False when they took it.
static bool find_marked(Actor *a, const Value *args)
{
    size_t looked = 0;

    if (mailbox_peek(a) && is_marked(mailbox_peek(a), args)) return true;
    mailbox_restart(a);
    while (mailbox_peek(a) && !is_marked(mailbox_peek(a), args)) {
        mailbox_skip(a);
        looked++;
    }
    actor_charge(a, looked / LOOKS_PER_REDUCTION);
    if (mailbox_peek(a)) return true;
    mailbox_restart(a);
    return false;
}

NATIVE_FN(receive_skip_marked)
{
    (void)count;
    if (find_marked(a, args)) mailbox_skip(a);
    return V_UNSPECIFIED;
}

NATIVE_FN(receive_take_marked)
{
    Value message;

    (void)count;
    if (!find_marked(a, args)) return V_FALSE;
    Sig *s = mailbox_take(a);
    mailbox_note_taken(a, s);
    return message_take(a, s, &message) ? V_TRUE : V_FAIL;
}
