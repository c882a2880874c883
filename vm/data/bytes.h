// Making and changing strings and bytevectors: payload in place, in a payload object, or in a shared
// block. See Bytes in vm/value/object.h.
#ifndef VM_DATA_BYTES_H
#define VM_DATA_BYTES_H

#include "vm/base/buf.h"
#include "vm/heap/gc.h"

// Payloads of more bytes than this live in shared blocks: they are passed to other actors without a
// copy and never moved by a collection.
#define BYTES_SHARE_MIN 2048

// A new object of `length` units; its payload is undefined and must be filled before anything else
// is allocated. V_FAIL at the heap limit.
Value bytes_make(Heap *h, Kind kind, size_t length, unsigned width_log2) MAY_GC;

// Makes the payload the object's own, so that it may be written. `v` is a rooted slot. False at the
// heap limit.
MUST_USE bool bytes_own(Heap *h, const Value *v) MAY_GC;

// Strings. Text is valid UTF-8.
Value string_from_utf8(Heap *h, const void *utf8, size_t size) MAY_GC;
Value string_from_text(Heap *h, const char *text) MAY_GC; // NUL-terminated
void string_to_utf8(Value s, Buf *out);
// Stores a character, widening the payload if it must. `s` is a rooted slot and mutable.
MUST_USE bool string_set(Heap *h, const Value *s, size_t index, uint32_t scalar) MAY_GC;
// Copies units from one payload to another of at least its width.
void bytes_copy_units(uint8_t *to, unsigned to_width, size_t to_at, const uint8_t *from,
                      unsigned from_width, size_t from_at, size_t n);
// The narrowest width that holds characters [from, to).
unsigned string_width(Value s, size_t from, size_t to);
int string_compare(Value a, Value b); // by scalar values: -1, 0, 1
bool bytes_equal(Value a, Value b);   // strings or bytevectors of equal content
// Equal for equal content, whatever the width. Who does not know the seed cannot make many of one hash.
uint64_t bytes_hash(Value v, uint64_t seed);

#endif
