// The mailbox: messages in order of arrival, and the cursor of the receive that looks through them.
//
// A message stays where its sender copied it until it is taken or shown to a program. The cursor
// remembers what the current receive has refused, so that waiting does not look at it again.
//
// Threads: the owner.
#ifndef VM_ACTOR_MAILBOX_H
#define VM_ACTOR_MAILBOX_H

#include "vm/actor/ext.h"
#include "vm/actor/signal.h"

static inline void mailbox_init(Actor *a)
{
    a->mail = NULL;
    a->mail_tail = a->mail_cursor = &a->mail;
}

void mailbox_append(Actor *a, Sig *s);
// Keeps any signal at the end of the queue of an actor that ends, to be answered when it has.
void mailbox_keep(Actor *a, Sig *s);
// The message under the cursor; NULL when all have been looked at.
static inline Sig *mailbox_peek(const Actor *a)
{
    return *a->mail_cursor;
}
static inline void mailbox_skip(Actor *a)
{
    a->mail_cursor = (Sig **)&(*a->mail_cursor)->frag.next;
}
static inline void mailbox_restart(Actor *a)
{
    a->mail_cursor = &a->mail;
}
// Remembers the end of the queue under a reference that has just been made; a receive of what names
// that reference may start there. Only the last mark is kept.
void mailbox_mark(Actor *a, Value ref);
// The same where a mark pays: with many messages in the queue.
void mailbox_mark_long(Actor *a, Value ref);
// The marked reference if the cursor stands at the front and the mark does not; else V_NONE.
static inline Value mailbox_marked(const Actor *a)
{
    const ActorExt *x = a->ext;
    bool behind = x && x->mark && x->mark != &a->mail && a->mail_cursor == &a->mail;
    return behind ? x->marked_ref : V_NONE;
}
// Puts the cursor to the mark of that reference, else to the front.
void mailbox_restart_at_mark(Actor *a, Value ref);
// Takes the message under the cursor out; the cursor goes back to the front.
Sig *mailbox_take(Actor *a);
// Makes the message under the cursor part of the actor's heap and leaves it in the queue, so that a
// program may look at it. False at the heap limit.
MUST_USE bool mailbox_expose(Actor *a, Value *v) MAY_GC;
// Takes the message under the cursor out for a look; the cursor stays where it was.
Sig *mailbox_lift(Actor *a);
// Puts a message that was lifted, and is part of the heap by now, back under the cursor, which moves behind
// it. False without memory (fault set).
MUST_USE bool mailbox_put_back(Actor *a, Value v);
// To be called with a message that mailbox_take or mailbox_lift gave, before its memory goes.
void mailbox_note_taken(Actor *a, const Sig *s);
// Values of exposed messages, and active sockets, for the collector.
void mailbox_visit(Actor *a, Gc *gc);
void mailbox_free(Vm *vm, VmWorker *w, Actor *a);
size_t mailbox_length(const Actor *a);
// For senders: do as many messages wait, or are on their way, as the actor allows?
static inline bool mailbox_is_full(const Actor *to)
{
    uint32_t limit = atomic_load_explicit(&to->mailbox_limit, memory_order_relaxed);
    if (LIKELY(limit == 0)) return false;
    uint64_t word = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    return mailbox_length(to) + inbox_count(word) >= limit;
}
// Sets the heap limit of the running actor, in words of 1,024; 0: none. Gives what it was.
uint32_t mailbox_set_heap_limit(Actor *a, uint32_t limit);

// Makes sure that the actor is looked at when its deadline comes. False without memory.
MUST_USE bool mailbox_arm(Actor *a);

#endif
