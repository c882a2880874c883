// See grapheme.h. Most boundaries are told by the characters on both sides. Where these are two regional
// indicators, or a joiner and a pictograph, it depends on what stands before: the automaton of utf8proc
// then starts further back.
#include "runtime/native/grapheme.h"

#include "vm/base/utf8.h"

#include <utf8proc.h>

static unsigned class_of(uint32_t c)
{
    return utf8proc_get_property((utf8proc_int32_t)c)->boundclass;
}

static uint32_t char_before(const uint8_t **p, const uint8_t *end)
{
    do {
        --*p;
    } while ((**p & 0xC0) == 0x80);
    const uint8_t *next = *p;
    return utf8_decode(&next, end);
}

// Back from p over characters of either class; to the one before them if `further`.
static const uint8_t *back_over(const uint8_t *text, const uint8_t *p, const uint8_t *end,
                                unsigned a, unsigned b, bool further)
{
    while (p > text) {
        const uint8_t *before = p;
        unsigned class = class_of(char_before(&before, end));
        if (class != a && class != b) return further ? before : p;
        p = before;
    }
    return p;
}

// Where the automaton must start to be right about the characters `last` and `c` before and behind p.
static const uint8_t *start_of(const uint8_t *text, const uint8_t *p, const uint8_t *end,
                               uint32_t last, uint32_t c)
{
    const unsigned flag = UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR, joiner = UTF8PROC_BOUNDCLASS_ZWJ;

    if (class_of(last) == flag && class_of(c) == flag)
        return back_over(text, p, end, flag, flag, false);
    if (class_of(last) == joiner)
        return back_over(text, p, end, joiner, UTF8PROC_BOUNDCLASS_EXTEND, true);
    (void)char_before(&p, end);
    return p;
}

bool grapheme_is_boundary(const uint8_t *text, size_t size, size_t at, size_t *steps)
{
    const uint8_t *target = text + at, *end = text + size, *before = target, *behind = target;
    utf8proc_int32_t state = 0;
    bool boundary = true;

    ++*steps;
    if (at == 0 || at == size) return true;
    uint32_t last = char_before(&before, end);
    uint32_t c = utf8_decode(&behind, end);
    const uint8_t *p = start_of(text, target, end, last, c);
    last = utf8_decode(&p, end);
    while (p <= target) {
        c = utf8_decode(&p, end);
        boundary = utf8proc_grapheme_break_stateful((utf8proc_int32_t)last, (utf8proc_int32_t)c,
                                                    &state);
        last = c;
        ++*steps;
    }
    return boundary;
}
