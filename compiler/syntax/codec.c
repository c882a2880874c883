// The rules of a macro as bytes: what an interface holds of it. Self-contained, so that the same
// bytes serve a later unit of this session and, in an image, any other session.
//
//   names: count, then a block each
//   sets:  count, then each: size, then (name number of the module, scope number) of each scope
//   the node: a tag byte and what belongs to it, recursively
//
// Places are not kept: whatever a macro makes takes the place of its use.
#include "compiler/syntax/iface_bytes.h"

#include "vm/base/cur.h"

#include <string.h>

typedef enum {
    TAG_NIL,
    TAG_FALSE,
    TAG_TRUE,
    TAG_CHAR,   // varint
    TAG_INT,    // svarint
    TAG_FLOAT,  // 8 bytes
    TAG_NUMBER, // block
    TAG_STRING, // block
    TAG_SYMBOL, // name number, set number
    TAG_LIST,   // count > 0, items, tail
    TAG_VECTOR, // count, items
    TAG_BYTES,  // block
    TAG_UNSPECIFIED,
} Tag;

// ---- writing -----------------------------------------------------------------------------------

typedef struct {
    Expander *x;
    Iface *owner;      // of the scopes that become permanent here
    NameTable numbers; // 1 + index
    uint32_t name_count;
    Buf names;
    uint32_t *sets; // unit's numbers, in order
    uint32_t set_count, set_capacity;
    Buf nodes;
    bool failed;
} Encoder;

static uint32_t name_number(Encoder *e, Sym *s)
{
    uintptr_t known = (uintptr_t)names_get(&e->numbers, s, 0);

    if (!known) {
        known = ++e->name_count;
        names_put(&e->numbers, s, 0, (void *)known);
        buf_block(&e->names, s->text, s->size);
    }
    return (uint32_t)known - 1;
}

// Nearly all names of a macro have the same set, so the last one is looked at first.
static uint32_t set_number(Encoder *e, uint32_t set)
{
    for (uint32_t i = e->set_count; i-- > 0;) {
        if (e->sets[i] == set) return i;
    }
    if (e->set_count == e->set_capacity) {
        uint32_t want = e->set_capacity ? e->set_capacity * 2 : 8;
        uint32_t *sets = arena_array(unit_arena(e->x), uint32_t, want);
        if (e->set_count) memcpy(sets, e->sets, e->set_count * sizeof *sets);
        e->sets = sets;
        e->set_capacity = want;
    }
    e->sets[e->set_count] = set;
    return e->set_count++;
}

static void write_node(Encoder *e, Stx *stx);

static void write_list(Encoder *e, Stx *stx)
{
    uint32_t count;
    Stx *tail;
    Stx **items = stx_dotted(e->x, stx, &count, &tail);

    if (tail->kind == STX_PAIR) e->failed = true; // contains itself
    buf_u8(&e->nodes, TAG_LIST);
    buf_varint(&e->nodes, count);
    for (uint32_t i = 0; i < count && !e->failed; i++) {
        write_node(e, items[i]);
    }
    if (!e->failed) write_node(e, tail);
}

static void write_vector(Encoder *e, Stx *stx)
{
    Stx **items = stx_items(e->x, stx);

    buf_u8(&e->nodes, TAG_VECTOR);
    buf_varint(&e->nodes, stx->u.vector.count);
    for (size_t i = 0; i < stx->u.vector.count && !e->failed; i++) {
        write_node(e, items[i]);
    }
}

static void write_atom(Encoder *e, const Stx *stx)
{
    Buf *b = &e->nodes;

    switch ((StxKind)stx->kind) {
    case STX_NIL:
        buf_u8(b, TAG_NIL);
        break;
    case STX_BOOL:
        buf_u8(b, stx->u.boolean ? TAG_TRUE : TAG_FALSE);
        break;
    case STX_CHAR:
        buf_u8(b, TAG_CHAR);
        buf_varint(b, stx->u.scalar);
        break;
    case STX_INT:
        buf_u8(b, TAG_INT);
        buf_svarint(b, stx->u.integer);
        break;
    case STX_FLOAT:
        buf_u8(b, TAG_FLOAT);
        buf_bytes(b, &stx->u.real, sizeof stx->u.real);
        break;
    case STX_NUMBER:
    case STX_STRING:
        buf_u8(b, stx->kind == STX_NUMBER ? TAG_NUMBER : TAG_STRING);
        buf_block(b, stx->u.text.text, stx->u.text.size);
        break;
    case STX_SYMBOL:
        buf_u8(b, TAG_SYMBOL);
        buf_varint(b, name_number(e, stx->u.symbol));
        buf_varint(b, set_number(e, stx->scopes));
        break;
    case STX_BYTES:
        buf_u8(b, TAG_BYTES);
        buf_block(b, stx->u.bytes.data, stx->u.bytes.size);
        break;
    case STX_OBJECT: // belongs to one evaluation, the macro may be used in others
        e->failed = true;
        break;
    case STX_EOF:
    case STX_UNSPECIFIED:
    case STX_DEFAULT:
    case STX_PAIR:
    case STX_VECTOR:
        buf_u8(b, TAG_UNSPECIFIED);
        break;
    }
}

static void write_node(Encoder *e, Stx *stx)
{
    Expander *x = e->x;
    bool compound = stx->kind == STX_PAIR || stx->kind == STX_VECTOR;

    if (!compound && x->nodes++ < x->limits.nodes) {
        write_atom(e, stx);
    } else if (!compound || stx->cyclic) {
        e->failed = true;
    } else if (!enter_level(x, SPAN_NONE)) {
        e->failed = true;
    } else {
        if (stx->kind == STX_PAIR) {
            write_list(e, stx);
        } else {
            write_vector(e, stx);
        }
        leave_level(x);
    }
}

static void write_sets(Encoder *e, Buf *out)
{
    Expander *x = e->x;

    buf_varint(out, e->set_count);
    for (uint32_t i = 0; i < e->set_count; i++) {
        uint32_t set = set_promote(x, e->sets[i], e->owner);
        buf_varint(out, set_node(x, set)->size);
        uint32_t size = set_node(x, set)->size;
        uint32_t *scopes = arena_array(unit_arena(x), uint32_t, size);
        for (uint32_t k = size; k > 0; set = set_node(x, set)->parent) {
            scopes[--k] = set_node(x, set)->scope;
        }
        for (uint32_t k = 0; k < size; k++) { // oldest first: the order in which adding is cheap
            const ScopeInfo *info = &x->scopes[scopes[k]];
            buf_varint(out, name_number(e, info->owner->name));
            buf_varint(out, info->number);
        }
    }
}

bool codec_write(Expander *x, Iface *owner, Stx *spec, Buf *out)
{
    Encoder e = {.x = x, .owner = owner, .names = BUF_INIT, .nodes = BUF_INIT};
    Buf sets = BUF_INIT;

    write_node(&e, spec);
    write_sets(&e, &sets); // adds the modules' names
    buf_varint(out, e.name_count);
    buf_bytes(out, e.names.data, e.names.size);
    buf_bytes(out, sets.data, sets.size);
    buf_bytes(out, e.nodes.data, e.nodes.size);
    names_free(&e.numbers);
    buf_free(&e.names);
    buf_free(&e.nodes);
    buf_free(&sets);
    return !e.failed;
}

// ---- reading -----------------------------------------------------------------------------------

typedef struct {
    Expander *x;
    Cur c;
    Sym **names;
    uint64_t name_count;
    uint32_t *sets;
    uint64_t set_count;
} Decoder;

static bool read_names(Decoder *d)
{
    d->name_count = cur_count(&d->c, cur_left(&d->c));
    d->names = arena_array(unit_arena(d->x), Sym *, d->name_count);
    for (uint64_t i = 0; i < d->name_count; i++) {
        size_t size;
        const uint8_t *text = cur_block(&d->c, &size);
        if (!text) return false;
        d->names[i] = sym_intern(d->x->c, (const char *)text, size);
    }
    return d->c.ok;
}

static bool read_scope(Decoder *d, uint32_t *scope)
{
    uint64_t name = cur_varint(&d->c);
    uint32_t number = (uint32_t)cur_count(&d->c, IFACE_SCOPES_MAX);

    if (!d->c.ok || name >= d->name_count) return false;
    Iface *owner = names_get(&d->x->modules, d->names[name], 0);
    if (!owner) owner = iface_require(d->x->c, d->names[name], SPAN_NONE);
    if (!owner) return false;
    *scope = scope_of_module(d->x, owner, number);
    return true;
}

static bool read_sets(Decoder *d)
{
    d->set_count = cur_count(&d->c, cur_left(&d->c));
    d->sets = arena_array(unit_arena(d->x), uint32_t, d->set_count);
    for (uint64_t i = 0; i < d->set_count; i++) {
        uint64_t size = cur_count(&d->c, IFACE_SET_MAX);
        for (uint64_t k = 0; k < size; k++) {
            uint32_t scope;
            if (!read_scope(d, &scope)) return false;
            d->sets[i] = set_add(d->x, d->sets[i], scope);
        }
    }
    return d->c.ok;
}

static Stx *read_node(Decoder *d);

static Stx *new_node(Decoder *d, StxKind kind)
{
    Stx *stx = arena_new(&d->x->c->permanent, Stx);

    stx->kind = (uint8_t)kind;
    return stx;
}

static Stx *read_list(Decoder *d)
{
    uint64_t count = cur_count(&d->c, cur_left(&d->c));
    Stx *head = NULL, **hole = &head;

    if (count == 0) return NULL;
    for (uint64_t i = 0; i < count; i++) {
        Stx *pair = new_node(d, STX_PAIR);
        pair->u.pair.car = read_node(d);
        if (!pair->u.pair.car) return NULL;
        *hole = pair;
        hole = &pair->u.pair.cdr;
    }
    *hole = read_node(d);
    return *hole ? head : NULL;
}

static Stx *read_vector(Decoder *d)
{
    uint64_t count = cur_count(&d->c, cur_left(&d->c));
    Stx *stx = new_node(d, STX_VECTOR);

    stx->u.vector.count = count;
    stx->u.vector.items = arena_array(&d->x->c->permanent, Stx *, count);
    for (uint64_t i = 0; i < count; i++) {
        stx->u.vector.items[i] = read_node(d);
        if (!stx->u.vector.items[i]) return NULL;
    }
    return d->c.ok ? stx : NULL;
}

static Stx *read_symbol(Decoder *d)
{
    uint64_t name = cur_varint(&d->c), set = cur_varint(&d->c);

    if (!d->c.ok || name >= d->name_count || set >= d->set_count) return NULL;
    Stx *stx = new_node(d, STX_SYMBOL);
    stx->u.symbol = d->names[name];
    stx->scopes = d->sets[set];
    return stx;
}

static Stx *read_text(Decoder *d, StxKind kind)
{
    Stx *stx = new_node(d, kind);
    const uint8_t *bytes = cur_block(&d->c, &stx->u.text.size);

    stx->u.text.text = (const char *)bytes;
    return bytes ? stx : NULL;
}

static Stx *read_bytes(Decoder *d)
{
    Stx *stx = new_node(d, STX_BYTES);

    stx->u.bytes.data = cur_block(&d->c, &stx->u.bytes.size);
    return stx->u.bytes.data ? stx : NULL;
}

static Stx *read_simple(Decoder *d, uint8_t tag)
{
    static const uint8_t kinds[] = {
        [TAG_NIL] = STX_NIL,
        [TAG_FALSE] = STX_BOOL,
        [TAG_TRUE] = STX_BOOL,
        [TAG_CHAR] = STX_CHAR,
        [TAG_INT] = STX_INT,
        [TAG_FLOAT] = STX_FLOAT,
        [TAG_UNSPECIFIED] = STX_UNSPECIFIED,
    };
    Stx *stx = new_node(d, (StxKind)kinds[tag]);

    if (tag == TAG_TRUE) stx->u.boolean = true;
    if (tag == TAG_CHAR) stx->u.scalar = (uint32_t)cur_count(&d->c, 0x10FFFF);
    if (tag == TAG_INT) stx->u.integer = cur_svarint(&d->c);
    if (tag == TAG_FLOAT) {
        uint64_t bits = cur_u64(&d->c);
        memcpy(&stx->u.real, &bits, sizeof bits);
    }
    bool fits = tag != TAG_INT || (stx->u.integer <= STX_INT_MAX && stx->u.integer >= STX_INT_MIN);
    return d->c.ok && fits ? stx : NULL;
}

static Stx *read_node(Decoder *d)
{
    Stx *stx = NULL;

    if (!enter_level(d->x, SPAN_NONE)) return NULL;
    uint8_t tag = cur_u8(&d->c);
    if (!d->c.ok) {
        // nothing there
    } else if (tag == TAG_LIST) {
        stx = read_list(d);
    } else if (tag == TAG_VECTOR) {
        stx = read_vector(d);
    } else if (tag == TAG_SYMBOL) {
        stx = read_symbol(d);
    } else if (tag == TAG_STRING || tag == TAG_NUMBER) {
        stx = read_text(d, tag == TAG_STRING ? STX_STRING : STX_NUMBER);
    } else if (tag == TAG_BYTES) {
        stx = read_bytes(d);
    } else if (tag <= TAG_FLOAT || tag == TAG_UNSPECIFIED) {
        stx = read_simple(d, tag);
    }
    leave_level(d->x);
    return stx;
}

Stx *codec_read(Expander *x, const uint8_t *bytes, size_t size)
{
    Decoder d = {.x = x, .c = cur_make(bytes, size)};

    return read_names(&d) && read_sets(&d) ? read_node(&d) : NULL;
}
