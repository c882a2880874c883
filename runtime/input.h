// Standard input of the program.
//
// One buffer for all actors: bytes are read from descriptor 0 by threads of the dirty pool and wait here
// until an actor takes them, so that an actor that is killed while it waits loses nobody's input. A
// taker gets what it asked for whole (a line, so many characters or bytes) or nothing yet.
//
// Text is UTF-8. What is not cannot be taken as text, only as bytes, unless input_replace has been asked
// for: then each part of it is a U+FFFD.
//
// Threads: any.
#ifndef RUNTIME_INPUT_H
#define RUNTIME_INPUT_H

#include "vm/base/buf.h"

typedef struct Input Input;

Input *input_new(void);
void input_free(Input *in);
// Ends all waiting, now and later; before the threads of the dirty pool are waited for.
void input_stop(Input *in);

typedef enum { INPUT_LINE, INPUT_CHARS, INPUT_BYTES } InputUnit;

typedef struct {
    InputUnit unit;
    size_t count; // of characters or bytes; fewer only at the end of input
    bool peek;    // they stay
} InputWish;

typedef enum { TAKE_DONE, TAKE_END, TAKE_WAIT, TAKE_FAILED, TAKE_INVALID } TakeResult;

typedef struct {
    uint64_t generation; // of TAKE_WAIT
    uint64_t offset;     // of TAKE_INVALID: bytes from the beginning of the input
    int error;           // of TAKE_FAILED: the system's number
} TakeReport;

// Appends what is wished for to `out`, a line without its newline. TAKE_WAIT: it has not come yet;
// input_wait with the generation, then again. TAKE_INVALID: it is no UTF-8, and stays.
TakeResult input_take(Input *in, const InputWish *wish, Buf *out, TakeReport *report);

// From now on invalid UTF-8 is replaced, or not.
void input_replace(Input *in, bool on);

// Reads until there is more than there was at `generation`, or nothing more will come. Blocks: not on
// a worker.
void input_wait(Input *in, uint64_t generation);

// Would input_take for one character or byte give something else than TAKE_WAIT?
bool input_is_ready(Input *in);

#endif
