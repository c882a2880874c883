// See object.h: what kinds are, as data, and names of types for messages.
#include "vm/value/object.h"

#include "vm/base/hash.h"

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
        return value_is_local_pid(v) ? "a pid" : "a reference"; // of others: kind_text
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

bool external_eqv(Value a, Value b)
{
    if (!value_is_external(a) || !value_is_external(b)) return false;
    const External *x = value_external(a), *y = value_external(b);
    return header_kind(x->header) == header_kind(y->header) && x->node == y->node &&
           x->number == y->number;
}

static uint64_t add_part(uint64_t key, uint64_t hash, Value v)
{
    if (value_is_symbol(v)) return hash_keyed(value_symbol(v)->utf8, value_symbol(v)->utf8_bytes, key, hash);
    if (!value_is_external(v)) return hash_keyed(&v.bits, sizeof v.bits, key, ~hash);
    uint64_t words[2] = {value_external(v)->node, value_external(v)->number};
    return hash_keyed(words, sizeof words, key, hash + 1);
}

int64_t record_uid(uint64_t key, Value origin, Value name, Value fields)
{
    uint64_t hash = add_part(key, add_part(key, key, origin), name);

    for (size_t i = 0; i < object_count(fields); i++) {
        hash = add_part(key, hash, object_ref(fields, i));
    }
    return (int64_t)(hash >> 5);
}
