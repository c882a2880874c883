// The inbox: where everything that reaches an actor arrives, and at once its scheduling state.
//
// One atomic word, {16-bit count, 48-bit state or pointer}:
//   0         owned, nothing there
//   pointer   owned; the newest of a list of signals, each linked to the one before it
//   WAITING   nobody owns the actor; the next push makes the pusher responsible for enqueueing it
//   DEAD      the actor is gone
//
// Because the same word says both, no wake-up can be lost: the owner goes to sleep by changing 0 to
// WAITING, which fails if anything was pushed, and of several pushers exactly one finds WAITING.
//
// Memory order: pushes are acquire-release. Release hands the signal over; acquire, on WAITING, hands
// the last owner's writes on to whoever runs the actor next.
//
// *Claim*: anyone may change WAITING to 0 and is then the owner for a moment; to let go it changes 0
// back, and if that fails enqueues the actor.
#ifndef VM_ACTOR_INBOX_H
#define VM_ACTOR_INBOX_H

#include "vm/actor/actor.h"

typedef enum {
#define SIG(name, text) SIG_##name,
#include "vm/actor/sig.def"
    SIG_KINDS
} SigKind;

enum {
    SIGF_EXTRA = 1,   // a SigExtra precedes the payload
    SIGF_EXPOSED = 2, // its value belongs to the receiver's heap already
    SIGF_TRACE = 16,  // tells a tracer of something: is not traced itself
    SIGF_ALIAS = 8,   // an ANSWER that was sent to an alias: it counts only while that is on
    SIGF_LAST = 32,   // a SOCKET behind which none of its activation comes
    SIGF_NOPROC = 4,  // a LINK_EXIT that counts without a link: there never was anybody
};

// A signal. The block is a fragment: its words behind this header hold the value's objects.
struct Sig {
    Frag frag; // next: link of the list it is in; bytes: of the block
    Value value;
    uint32_t kind;
    uint32_t flags;
    Value words[]; // from, ref; of a MESSAGE: objects
};

// What only large or unusual signals have, in front of their payload.
typedef struct {
    Frag *more;   // further pieces of the value
    Value blocks; // chain of the shared payloads in it
    Value cells;  // module data that came along: list of (identity . value)
} SigExtra;

#define SIG_FROM_WORDS   2 // from and ref, in all but messages
#define SIG_EXTRA_WORDS  (sizeof(SigExtra) / sizeof(Value))

static inline SigExtra *sig_extra(Sig *s)
{
    return (SigExtra *)(s->words + (s->kind == SIG_MESSAGE ? 0 : SIG_FROM_WORDS));
}

static inline Sig *sig_next(const Sig *s)
{
    return (Sig *)s->frag.next;
}

static inline void sig_set_next(Sig *s, Sig *next)
{
    s->frag.next = (Frag *)next;
}

// The second element of a SOCKET's list. Once it is filled in it refers to the receiver's heap.
static inline Value *sig_socket_slot(const Sig *s)
{
    return value_words(value_cdr(s->value));
}

#define INBOX_WAITING   1u
#define INBOX_DEAD      2u
#define INBOX_PTR_MASK  (((uint64_t)1 << 48) - 1)
#define INBOX_COUNT_ONE ((uint64_t)1 << 48)
#define INBOX_COUNT_MAX ((uint64_t)0xffff << 48)

static inline Sig *inbox_signals(uint64_t word)
{
    return (Sig *)(word & INBOX_PTR_MASK); // NOLINT
}

static inline uint32_t inbox_count(uint64_t word)
{
    return (uint32_t)(word >> 48);
}

typedef enum { PUSHED, PUSHED_WAKES, PUSH_DEAD } PushResult;

// Adds a signal. PUSHED_WAKES: the caller must enqueue the actor. PUSH_DEAD: it was not taken.
static inline PushResult inbox_push(Actor *to, Sig *s)
{
    uint64_t was = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    uint64_t now;

    do {
        uint64_t state = was & INBOX_PTR_MASK;
        if (state == INBOX_DEAD) return PUSH_DEAD;
        sig_set_next(s, state == INBOX_WAITING ? NULL : inbox_signals(was));
        uint64_t count = was & INBOX_COUNT_MAX;
        if (state == INBOX_WAITING) count = 0;
        if (count != INBOX_COUNT_MAX) count += INBOX_COUNT_ONE;
        now = count | (uint64_t)s;
    } while (!atomic_compare_exchange_weak_explicit(&to->inbox, &was, now, memory_order_acq_rel,
                                                    memory_order_relaxed));
    return (was & INBOX_PTR_MASK) == INBOX_WAITING ? PUSHED_WAKES : PUSHED;
}

// By the owner: takes everything, newest first.
static inline Sig *inbox_take(Actor *a)
{
    if (atomic_load_explicit(&a->inbox, memory_order_relaxed) == 0) return NULL;
    return inbox_signals(atomic_exchange_explicit(&a->inbox, 0, memory_order_acq_rel));
}

// By the owner: to sleep. False when something has arrived.
static inline bool inbox_sleep(Actor *a)
{
    uint64_t empty = 0;
    return atomic_compare_exchange_strong_explicit(&a->inbox, &empty, INBOX_WAITING,
                                                   memory_order_acq_rel, memory_order_relaxed);
}

// Becomes the owner of a sleeping actor. Let go with inbox_sleep; if that fails, enqueue it.
static inline bool inbox_claim(Actor *a)
{
    uint64_t waiting = INBOX_WAITING;
    return atomic_compare_exchange_strong_explicit(&a->inbox, &waiting, 0, memory_order_acq_rel,
                                                   memory_order_relaxed);
}

#endif
