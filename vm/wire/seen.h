// The set of addresses that an encoder has met, with a bit for those that it has met again.
//
// Open addressing by address, in such an order that objects made one after another lie in one cache
// line. A large set is cut into parts, which grow one at a time, so that no step takes long.
//
// Threads: as the encoder.
#ifndef VM_WIRE_SEEN_H
#define VM_WIRE_SEEN_H

#include "vm/wire/wire.h"

void seen_free(Seen *s);
// Notes that an object was met: *again tells whether it was met before. False without memory.
MUST_USE bool seen_meet(Seen *s, Value v, bool *again);
bool seen_is_shared(const Seen *s, Value v);

#endif
