// See grapheme.h. A boundary depends on what stands before it back to the last character that is no mark,
// joiner or regional indicator: from there on utf8proc's automaton tells.
#include "runtime/native/grapheme.h"

#include "vm/base/utf8.h"

#include <utf8proc.h>

static bool depends_on_before(uint32_t c)
{
    unsigned class = utf8proc_get_property((utf8proc_int32_t)c)->boundclass;

    return class == UTF8PROC_BOUNDCLASS_EXTEND || class == UTF8PROC_BOUNDCLASS_ZWJ ||
           class == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR;
}

static const uint8_t *before(const uint8_t *p)
{
    do {
        p--;
    } while ((*p & 0xC0) == 0x80);
    return p;
}

bool grapheme_is_boundary(const uint8_t *text, size_t size, size_t at, size_t *steps)
{
    const uint8_t *p = text + at, *end = text + size, *target = p;
    utf8proc_int32_t state = 0;
    bool boundary = true, found = false;

    ++*steps;
    if (at == 0 || at == size) return true;
    while (p > text && !found) {
        p = before(p);
        const uint8_t *next = p;
        found = !depends_on_before(utf8_decode(&next, end));
        ++*steps;
    }
    uint32_t last = utf8_decode(&p, end);
    while (p <= target) {
        uint32_t c = utf8_decode(&p, end);
        boundary = utf8proc_grapheme_break_stateful((utf8proc_int32_t)last, (utf8proc_int32_t)c,
                                                    &state);
        last = c;
    }
    return boundary;
}
