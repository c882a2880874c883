// Where extended grapheme clusters begin and end in UTF-8 text.
#ifndef RUNTIME_NATIVE_GRAPHEME_H
#define RUNTIME_NATIVE_GRAPHEME_H

#include "vm/base/base.h"

// Is there a boundary before the byte `at` of valid UTF-8, where a character begins or the text ends?
// Adds to *steps how many characters it had to look at.
bool grapheme_is_boundary(const uint8_t *text, size_t size, size_t at, size_t *steps);

#endif
