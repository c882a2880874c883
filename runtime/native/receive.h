// What the natives of receive share.
#ifndef RUNTIME_NATIVE_RECEIVE_H
#define RUNTIME_NATIVE_RECEIVE_H

#include "vm/exec/native.h"

// No message is left to look at: takes signals, then looks at the deadline (a fixnum; 0: none).
// V_NONE: there are new messages; V_DEFAULT: time-out; V_WAIT: the native is to return that.
Value mailbox_wait_for_more(Actor *a, Value deadline);

#endif
