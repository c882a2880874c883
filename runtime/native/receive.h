// What the natives that receive share.
#ifndef RUNTIME_NATIVE_RECEIVE_H
#define RUNTIME_NATIVE_RECEIVE_H

#include "vm/actor/mailbox.h"

// A time-out (milliseconds or 'wait) as the fixnum deadline, 0 for none; V_FAIL with the fault set
// when it is neither.
Value receive_deadline(Actor *a, Value timeout);

// The cursor is behind the last message: signals, then the deadline, then sleep. V_NONE: there are
// new messages; V_DEFAULT: the time is up; V_WAIT: nothing yet.
Value receive_wait(Actor *a, Value deadline);

#endif
