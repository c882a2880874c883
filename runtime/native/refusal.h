// The error for a value that cannot travel to another actor: it names the path to it.
#ifndef RUNTIME_NATIVE_REFUSAL_H
#define RUNTIME_NATIVE_REFUSAL_H

#include "vm/exec/native.h"

// Sets the fault badarg: "WHO: PATH cannot travel: REFUSED", as in "send: element 2 -> tail cannot
// travel:
// #<a continuation>". `root` is what was to be copied. Gives V_FAIL.
Value fail_refused(Actor *a, const char *who, Value root, Value refused);

// Appends the shortest path from the root to a value in it: "element 2 -> key 'cb"; "the value" when it is
// the root, or too far away. Gives how much was searched.
uint32_t refusal_path(Buf *out, Value root, Value refused);

#endif
