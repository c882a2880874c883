// See object.h: what kinds are, as data, and names of types for messages.
#include "vm/value/object.h"

const uint8_t kind_layout[KIND_COUNT] = {
#define KIND(name, layout, text) [KIND_##name] = LAYOUT_##layout,
#include "vm/image/kind.def"
};

static const char *const kind_texts[KIND_COUNT] = {
#define KIND(name, layout, text) [KIND_##name] = text,
#include "vm/image/kind.def"
};

const char *kind_text(Kind kind)
{
    return kind_texts[kind];
}

static const char *immediate_text(Value v)
{
    if (value_is_char(v)) return "a character";
    if (value_is_null(v)) return "the empty list";
    if (value_is_boolean(v)) return "a boolean";
    if (value_is(v, V_EOF)) return "the end-of-file object";
    return "the unspecified value";
}

const char *value_type_text(Value v)
{
    switch (value_tag(v)) {
    case TAG_FIX:
        return "an exact integer";
    case TAG_PAIR:
        return "a pair";
    case TAG_ID:
        return value_is_local_pid(v) ? "a pid" : "a reference";
    case TAG_IMM:
        return immediate_text(v);
    case TAG_FLO:
    case TAG_PROC:
    case TAG_OBJ:
        return kind_text(header_kind(value_header(v)));
    default:
        return "a header";
    }
}
