// Sending signals and handling those that have come.
//
// Threads: the send functions from any worker (w) or, with w NULL, from inside a guest section; the
// rest by the owner.
#ifndef VM_ACTOR_SIGNAL_H
#define VM_ACTOR_SIGNAL_H

#include "vm/actor/inbox.h"

// ---- making and sending ---------------------------------------------------------------------------

// A signal with room for `words` words. NULL when memory is out.
MUST_USE Sig *sig_new(Vm *vm, VmWorker *w, SigKind kind, size_t words);
// The same for what must not be lost, and grows nothing: it has more of the reserve.
MUST_USE Sig *sig_vital(Vm *vm, VmWorker *w, SigKind kind, size_t words);
// One that carries two values that need no copy (pids, references, symbols, immediates).
MUST_USE Sig *sig_plain(Vm *vm, VmWorker *w, SigKind kind, Value value, Value from, Value ref);
// Frees a signal and all that came with it.
void sig_free(Vm *vm, VmWorker *w, Sig *s);

// Hands a signal to an actor; wakes it if it sleeps. False when it is dead: the signal is still the
// caller's.
MUST_USE bool sig_post(Vm *vm, VmWorker *w, Actor *to, Sig *s);
// The same by pid; a signal nobody takes is freed. True when it was taken.
bool sig_send(Vm *vm, VmWorker *w, Value pid, Sig *s);

// Puts an actor that this thread owns into a run queue.
void actor_wake(Vm *vm, VmWorker *w, Actor *a);

typedef enum {
    SEND_OK,
    SEND_REFUSED,
    SEND_NO_MEMORY,
    SEND_ASIDE, // it takes long: the native is to yield and will find the copy when it is run again
} SendResult;

// A value copied out of an actor's heap, with the module data that it may touch there.
typedef struct {
    Value cells;   // list of (cell . value), cells as raw words
    Frag *more;    // memory beyond the caller's room
    Value blocks;  // chain of shared payloads that it refers to
    size_t used;   // words of the room
    Value refused; // after SEND_REFUSED: what cannot travel
    Value *given;  // handles that are in the copy too: see copied_give
    size_t given_count, given_capacity;
} Copied;

// Copies n values, which are replaced by their copies; what they share stays shared. Fills [room,
// room + words) first, then pieces of its own. The handles in the first `give` of them travel, too;
// afterwards they are to be given or kept.
SendResult copy_for_other(Actor *sender, Value *values, size_t n, size_t give, Value *room,
                          size_t words, Copied *out);
// The copy has reached another actor: the handles in it are the sender's no more.
void copied_give(Actor *sender, Copied *c);
// It has not: they stay the sender's.
void copied_keep(Copied *c);

// A message, exit reason or the like, copied out of the sender's heap into a new signal. `words` are
// kept free for from and ref. On SEND_REFUSED *refused is the value that cannot travel.
SendResult sig_copy(Actor *sender, SigKind kind, Value v, Sig **out, Value *refused);
// A copy that was too long for a slice.
typedef struct SigCopy {
    SigKind kind;
    SendResult result; // SEND_ASIDE: not made yet
    Value value;       // what is to be copied, until it is
    Value refused;
    Sig *sig;
} SigCopy;

// The same for natives that can be run again from their beginning: may be SEND_ASIDE.
SendResult sig_copy_long(Actor *sender, SigKind kind, Value v, Sig **out, Value *refused);
// Makes the copy that was too long; on a thread that may take its time, the actor not running.
void sig_copy_aside(Actor *sender);
// Is a copy asked for that has not been made yet?
bool sig_copy_pending(const Actor *sender);
// The native did not want its copy after all, or the actor has ended.
void sig_copy_drop(Vm *vm, VmWorker *w, Actor *sender);

// A message that is a list of n values (at most 8), of which those that are long or cannot travel are
// replaced by a symbol. Collects nothing. NULL without memory.
Sig *sig_report(Actor *sender, const Value *items, size_t n);
// Sends (given x sender) to an actor, with the handles in x, which are the sender's no more. *handles
// is how many there were. GIVE_DEAD: nobody is there, and nothing was given; likewise when there is no
// handle and `any` is false.
typedef enum { GIVEN, GIVE_REFUSED, GIVE_NO_MEMORY, GIVE_DEAD, GIVE_NOTHING } GiveResult;
GiveResult actor_give(Actor *sender, Value message, Value pid, bool any, Value *refused);

// ---- receiving ------------------------------------------------------------------------------------

// Handles everything in the inbox: messages go to the queue, other signals take effect. Afterwards
// the actor may be exiting (OWN_EXITING).
void signals_take(Actor *a);

// The answer (SIG_REPLY) to what was asked under `ref`; V_NONE while there is none, V_FAIL at the heap
// limit.
MUST_USE Value reply_take(Actor *a, Value ref) MAY_GC;
// A fresh reference, whose reply the actor waits for from now on, without a time-out. V_FAIL without
// memory (no fault is set).
MUST_USE Value reply_await(Actor *a);

// Asks another actor by SIG_INFO, and waits: `slot` is an argument of the native, which holds the
// reference of the question once it is asked. The answer (#f: the actor is dead), V_WAIT or V_FAIL.
MUST_USE Value actor_ask(Actor *a, Value pid, Value what, Value *slot) MAY_GC;

// Moves the value of a message into the receiver's heap and gives it; the signal is used up. The value
// is to be put into a slot before anything else happens.
MUST_USE bool message_take(Actor *a, Sig *s, Value *v) MAY_GC;

#endif
