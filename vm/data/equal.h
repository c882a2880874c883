// Structural equality, as equal? has it: iterative; it ends for cyclic data, too.
#ifndef VM_DATA_EQUAL_H
#define VM_DATA_EQUAL_H

#include "vm/value/object.h"

// `steps`, when not NULL, is raised by the number of parts compared. False also when memory for deep
// nesting ran out.
bool value_equal_steps(Value x, Value y, uint64_t *steps);

static inline bool value_equal(Value x, Value y)
{
    if (value_is(x, y)) return true;
    if (!value_is_pointer(x) || value_tag(x) != value_tag(y)) return false;
    // Symbols are the usual head of messages.
    if (value_tag(x) == TAG_OBJ && header_kind(value_header(x)) == KIND_SYMBOL) return false;
    return value_equal_steps(x, y, NULL);
}

#endif
