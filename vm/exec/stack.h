// Stacks: walking frames, growing, and moving frames out to the heap and back.
//
// An actor's block holds data frames from the bottom up and return words from the top down. A return
// word is the address behind a call instruction, whose last word says where the caller's frame begins
// below the callee's, which slots of it live, and where the result goes. A return word with bit 0
// set is a *trap*: the address of an instruction that failed; the word after it is the size of the
// frame part that is kept, the live slots are those of the instruction's safepoint.
//
// A block is bounded. When it is full, or a continuation is captured, everything below the running
// frame moves into a KIND_STACK object on the heap, and the block's oldest return word becomes the
// underflow stub, which brings frames back piece by piece. So deep recursion, continuations and
// bounded scans are one mechanism. Depths are logical: counted from the bottom of the whole stack,
// they stay true wherever frames are.
//
// Invariants: [K1] stack_rest is #f exactly when the block's oldest frame is the actor's first;
// otherwise its oldest return word is the underflow stub. [K2] KIND_STACK objects never change.
// [K3] a block is never smaller than one that frames were moved out of, so they fit when they return.
#ifndef VM_EXEC_STACK_H
#define VM_EXEC_STACK_H

#include "vm/actor/life.h"

// Room that a frame's own check leaves for return words and traps.
#define STACK_SLACK_WORDS 4
// Blocks grow up to this many words; then frames are spilled.
#define STACK_WORDS_MAX 8192

// The payload of a KIND_STACK object: this, then data words, then return words (newest first).
typedef struct {
    uint64_t header;
    uint32_t data_words, return_words;
    Value rest; // the next older piece, or #f
    uint32_t rest_data, rest_returns; // how much of it belongs to this stack
    uint64_t depth_data, depth_returns; // logical depth of this piece's bottom
    Value words[];
} StackPiece;

static inline StackPiece *stack_piece(Value v)
{
    return (StackPiece *)value_words(v);
}

// Makes sure that `words` slots fit above fp. May move the block (fp and rp change) or spill. False:
// heap limit, fault set.
MUST_USE bool stack_grow(Actor *a, size_t words) MAY_GC;

// Gives back what of the block the frames do not need, when that is worth it.
void stack_trim(Actor *a);

// Moves everything below the running frame to the heap and gives it as a continuation; the running
// frame (its first `frame_words` slots) stays. V_FAIL at the heap limit.
MUST_USE Value stack_capture(Actor *a, size_t frame_words) MAY_GC;

// The block is empty and slot 0 holds a value that is being returned: brings back the next frames.
// Afterwards fp and rp are those of a callee that is about to return.
void stack_underflow(Actor *a);

// Drops the stack and puts a continuation in its place: afterwards the state is that of a callee
// about to return slot 0, which holds v.
void stack_reinstate(Actor *a, Value continuation, Value v);

// An escape object for the call that the running frame is about to make, whose return address is
// `next`. Takes 1 + ESCAPE_SLOTS reserved words.
enum { ESCAPE_DATA, ESCAPE_RETURNS, ESCAPE_PC, ESCAPE_SLOTS };
Value stack_make_escape(Actor *a, const uint64_t *next);

// Drops the frames above the call that an escape stands for: afterwards the state is that of its
// callee about to return slot 0, which holds v. False when that call has returned.
MUST_USE bool stack_escape(Actor *a, Value escape, Value v);

// Slots of the running frame that must stay, by its safepoint.
size_t stack_frame_words(const Actor *a);

// ---- walking for messages ---------------------------------------------------------------------

typedef struct {
    Code *code;           // NULL: one of the VM's own
    const uint64_t *pc;   // the instruction that is running or calling
} FrameInfo;

// The newest `max` frames, newest first; returns how many.
size_t stack_trace(const Actor *a, FrameInfo *out, size_t max);

#endif
