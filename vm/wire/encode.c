// The encoder. See wire.h.
#include "vm/wire/seen.h"

#include "vm/base/utf8.h"
#include "vm/data/hamt.h"
#include "vm/data/num.h"
#include "vm/data/table.h"

#include <string.h>

enum { PHASE_MARK, PHASE_WRITE, PHASE_DONE };

// How a frame gives its parts. The nodes of a map lie in frames of their own, which are no nesting.
enum { HOW_LIST, HOW_SLOTS, HOW_MAP, HOW_SET, HOW_MAP_NODE, HOW_SET_NODE, HOW_TABLE };

#define PIECE_BYTES    ((size_t)1 << 20) // of what is written before a new piece begins
#define SHARE_MIN      16384             // payloads of so many bytes are not copied
#define RUN_MAX        65536             // elements of a list before it goes on as a tail
#define TEXT_STEP      65536             // characters looked at in one step
#define BYTES_PER_WORK 64

void wire_encode_begin(WireEncoder *e, const WireNode *node, Value v)
{
    memset(e, 0, sizeof *e);
    e->node = node;
    e->root = v;
    e->refused = e->text = V_NONE;
}

void wire_encode_end(WireEncoder *e)
{
    if (!e->node) return;
    for (size_t i = 0; i < e->piece_count; i++) {
        WirePiece *p = &e->pieces[i];
        if (p->block) {
            block_release(e->node->space, p->block);
        } else {
            mem_free(MEM_BUFFER, (void *)p->data, p->capacity);
        }
    }
    mem_free(MEM_BUFFER, e->pieces, e->piece_capacity * sizeof *e->pieces);
    mem_free(MEM_SCRATCH, e->stack, e->capacity * sizeof *e->stack);
    buf_free(&e->out);
    seen_free(&e->seen);
    map_free(&e->labels, MEM_SCRATCH);
    map_free(&e->types, MEM_SCRATCH);
    map_free(&e->nodes, MEM_SCRATCH);
    memset(e, 0, sizeof *e);
}

size_t wire_encode_size(const WireEncoder *e)
{
    size_t n = 0;

    for (size_t i = 0; i < e->piece_count; i++) {
        n += e->pieces[i].size;
    }
    return n;
}

// ---- pieces -------------------------------------------------------------------------------------

static WireState add_piece(WireEncoder *e, WirePiece piece)
{
    if (e->piece_count == e->piece_capacity) {
        size_t more = e->piece_capacity ? 2 * e->piece_capacity : 4;
        WirePiece *pieces = mem_realloc(MEM_BUFFER, e->pieces, e->piece_capacity * sizeof *pieces,
                                        more * sizeof *pieces);
        if (!pieces) return WIRE_NO_MEMORY;
        e->pieces = pieces;
        e->piece_capacity = more;
    }
    e->pieces[e->piece_count++] = piece;
    return WIRE_DONE;
}

// What has been written becomes a piece of its own.
static WireState cut_piece(WireEncoder *e)
{
    if (e->out.failed) return WIRE_NO_MEMORY;
    if (e->out.size == 0) return WIRE_DONE;
    WireState s = add_piece(e, (WirePiece){e->out.data, e->out.size, e->out.capacity, NULL});
    if (s == WIRE_DONE) e->out = (Buf)BUF_INIT;
    return s;
}

static WireState share_payload(WireEncoder *e, Block *block, size_t size)
{
    WireState s = cut_piece(e);

    if (s != WIRE_DONE) return s;
    s = add_piece(e, (WirePiece){block->bytes, size, 0, block});
    if (s == WIRE_DONE) block_retain(block);
    return s;
}

static Block *payload_block(Bytes *b)
{
    if (!bytes_is_indirect(b) || header_kind(value_header(b->u.body)) != KIND_BLOCKREF) return NULL;
    return ((BlockRef *)value_words(b->u.body))->block;
}

// ---- the stack ------------------------------------------------------------------------------------

static bool is_node(const WireOpen *o)
{
    return o->how == HOW_MAP_NODE || o->how == HOW_SET_NODE;
}

static WireState refuse(WireEncoder *e, Value v)
{
    e->refused = v;
    return WIRE_REFUSED;
}

static WireState push(WireEncoder *e, WireOpen o)
{
    if (e->depth == e->capacity) {
        size_t more = e->capacity ? 2 * e->capacity : 32;
        WireOpen *stack = mem_realloc(MEM_SCRATCH, e->stack, e->capacity * sizeof *stack,
                                      more * sizeof *stack);
        if (!stack) return WIRE_NO_MEMORY;
        e->stack = stack;
        e->capacity = more;
    }
    if (!is_node(&o) && ++e->nesting > WIRE_DEPTH_MAX) {
        e->too_deep = true;
        return refuse(e, o.v);
    }
    e->stack[e->depth++] = o;
    return WIRE_DONE;
}

static void pop(WireEncoder *e)
{
    if (!is_node(&e->stack[--e->depth])) e->nesting--;
}

// ---- what travels ---------------------------------------------------------------------------------

// Records that are the private business of their actor.
static bool is_at_home(Value type)
{
    static const char *const types[][2] = {{"std.kernel", "promise"},
                                           {"std.atom", "atom"},
                                           {"std.regex", "regex"},
                                           {"std.log", "logger"},
                                           {"std.base.port", "port"}};
    Value origin = object_ref(type, RTYPE_ORIGIN), name = object_ref(type, RTYPE_NAME);

    if (!value_is_symbol(origin) || !value_is_symbol(name)) return false;
    for (size_t i = 0; i < countof(types); i++) {
        if (!strcmp(value_symbol(origin)->utf8, types[i][0]) &&
            !strcmp(value_symbol(name)->utf8, types[i][1]))
            return true;
    }
    return false;
}

static bool is_sound_type(Value type)
{
    return value_is_kind(type, KIND_RECORD_TYPE) && object_count(type) == RTYPE_SLOTS &&
           value_is_kind(object_ref(type, RTYPE_FIELDS), KIND_VECTOR) && !is_at_home(type);
}

// The frame of a compound object; false when it does not travel.
static bool frame_of(WireEncoder *e, Value v, WireOpen *o)
{
    *o = (WireOpen){v, 0, 0, HOW_SLOTS};
    if (e->as_text && (value_is_kind(v, KIND_RECORD) || value_is_kind(v, KIND_TABLE))) return false;
    if (value_is_pair(v)) {
        o->how = HOW_LIST;
        return true;
    }
    Kind kind = header_kind(value_header(v));
    o->count = object_count(v);
    switch (kind) {
    case KIND_VECTOR:
        return true;
    case KIND_RECORD:
        o->index = RECORD_FIELDS;
        return is_sound_type(object_ref(v, RECORD_TYPE_SLOT)) &&
               object_count(v) - RECORD_FIELDS ==
                   object_count(object_ref(object_ref(v, RECORD_TYPE_SLOT), RTYPE_FIELDS));
    case KIND_HASHMAP:
    case KIND_HASHSET:
        o->how = kind == KIND_HASHMAP ? HOW_MAP : HOW_SET;
        return true;
    case KIND_TABLE:
        o->how = HOW_TABLE;
        o->count = 2 * table_number(v, TABLE_USED);
        return table_number(v, TABLE_TEST) != TEST_CUSTOM;
    case KIND_PROC:
        o->index = 1;
        return e->node->describe != NULL;
    case KIND_BOX:
        return e->node->describe != NULL;
    default:
        return false;
    }
}

// Values without parts that are not tracked: nobody can tell two equal ones apart but by eq?.
static bool is_atom(Value v)
{
    if (!value_is_pointer(v) || value_is_flo(v)) return true;
    if (value_tag(v) != TAG_OBJ) return false;
    Kind kind = header_kind(value_header(v));
    return kind == KIND_SYMBOL || kind == KIND_BIGNUM || kind == KIND_RATIO ||
           kind == KIND_EXTERNAL_PID || kind == KIND_EXTERNAL_REF;
}

static bool is_text(Value v)
{
    return value_is_string(v) || value_is_kind(v, KIND_BYTEVECTOR);
}

// ---- parts: the same for both readings --------------------------------------------------------------

// The next part of the innermost frame. False: it has no more, and is closed; or it was a map, and
// the next one is that of its nodes.
static bool next_slot(WireEncoder *e, WireOpen *o, Value *part)
{
    if (o->index == o->count) {
        pop(e);
        return false;
    }
    *part = object_ref(o->v, o->index++);
    return true;
}

static bool next_in_node(WireEncoder *e, WireOpen *o, Value *part, WireState *state)
{
    size_t words = 2 * hamt_entry_count(o->v), i = o->index;
    bool set = o->how == HOW_SET_NODE;

    if (i < words) {
        *part = object_ref(o->v, NODE_FIRST + i);
        o->index += set ? 2 : 1;
        return true;
    }
    if (i - words < hamt_child_count(o->v)) {
        Value child = hamt_child(o->v, i - words);
        o->index++;
        *state = push(e, (WireOpen){child, 0, 0, o->how});
    } else {
        pop(e);
    }
    return false;
}

static bool next_in_table(WireEncoder *e, WireOpen *o, Value *part, int64_t *work)
{
    while (o->index < o->count && o->index % 2 == 0 &&
           value_is(*table_entry(o->v, o->index / 2), TABLE_DELETED)) {
        o->index += 2;
        --*work;
    }
    if (o->index == o->count) {
        pop(e);
        return false;
    }
    *part = table_entry(o->v, o->index / 2)[o->index % 2];
    o->index++;
    return true;
}

static bool next_part(WireEncoder *e, Value *part, WireState *state, int64_t *work)
{
    WireOpen *o = &e->stack[e->depth - 1];

    switch (o->how) {
    case HOW_MAP:
    case HOW_SET:
        if (o->index++ > 0) {
            pop(e);
        } else {
            uint32_t how = o->how == HOW_SET ? HOW_SET_NODE : HOW_MAP_NODE;
            *state = push(e, (WireOpen){object_ref(o->v, HASHMAP_ROOT), 0, 0, how});
        }
        return false;
    case HOW_MAP_NODE:
    case HOW_SET_NODE:
        return next_in_node(e, o, part, state);
    case HOW_TABLE:
        return next_in_table(e, o, part, work);
    default:
        return next_slot(e, o, part);
    }
}

// ---- the first reading --------------------------------------------------------------------------------

// A value that was come to: objects are noted, and opened the first time.
static WireState mark(WireEncoder *e, Value v)
{
    WireOpen o;
    bool again;

    if (is_atom(v)) return e->as_text && value_is(v, V_DEFAULT) ? refuse(e, v) : WIRE_DONE;
    bool text = is_text(v);
    if (!text && !frame_of(e, v, &o)) return refuse(e, v);
    if (!seen_meet(&e->seen, v, &again)) return WIRE_NO_MEMORY;
    return again || text ? WIRE_DONE : push(e, o);
}

// A list goes along its pairs until one is no pair, or was met before.
static WireState mark_list(WireEncoder *e, WireOpen *o)
{
    Value pair = o->v, rest = value_cdr(pair);
    bool again = false;

    if (o->index == 0) {
        o->index = 1;
        return mark(e, value_car(pair));
    }
    if (!value_is_pair(rest)) {
        pop(e);
        return mark(e, rest);
    }
    if (!seen_meet(&e->seen, rest, &again)) return WIRE_NO_MEMORY;
    o->v = rest;
    o->index = 0;
    if (again) pop(e);
    return WIRE_DONE;
}

static WireState mark_step(WireEncoder *e, int64_t *work)
{
    WireOpen *o = &e->stack[e->depth - 1];
    WireState state = WIRE_DONE;
    Value part;

    if (o->how == HOW_LIST) return mark_list(e, o);
    if (next_part(e, &part, &state, work)) return mark(e, part);
    return state;
}

// ---- writing: atoms ---------------------------------------------------------------------------------

static void put_fixed(Buf *out, uint64_t v)
{
    v = __builtin_bswap64(v);
    buf_bytes(out, &v, sizeof v);
}

static void put_symbol(WireEncoder *e, Value v)
{
    const Symbol *s = value_symbol(v);
    WireCached *c = &e->symbols[s->hash >> 58];

    if (value_is(c->object, v)) {
        buf_u8(&e->out, WIRE_SYMBOL_AGAIN);
        buf_varint(&e->out, c->number);
        return;
    }
    *c = (WireCached){v, e->symbol_count++};
    buf_u8(&e->out, WIRE_SYMBOL);
    buf_block(&e->out, s->utf8, s->utf8_bytes);
}

static void put_integer(Buf *out, Value v)
{
    if (value_is_fix(v)) {
        int64_t n = value_int(v);
        if (n >= 0 && n < 128) {
            buf_u8(out, (uint8_t)(WIRE_SMALL + n));
        } else {
            buf_u8(out, WIRE_INTEGER);
            buf_svarint(out, n);
        }
        return;
    }
    Buf bytes = BUF_INIT;
    num_big_to_bytes(&bytes, v);
    if (bytes.failed) {
        out->failed = true;
    } else {
        buf_u8(out, bytes.data[0] ? WIRE_NEGATIVE : WIRE_POSITIVE);
        buf_block(out, bytes.data + 1, bytes.size - 1);
    }
    buf_free(&bytes);
}

static void put_flonum(Buf *out, double d)
{
    uint64_t bits;

    memcpy(&bits, &d, sizeof bits);
    if (d != d) bits = (uint64_t)0x7ff8 << 48;
    buf_u8(out, WIRE_FLONUM);
    put_fixed(out, bits);
}

// The number of something that is described when it comes for the first time.
static bool number_of(WireEncoder *e, Map *map, uint64_t key, uint64_t *number)
{
    bool made;
    MapEntry *entry = map_add(map, MEM_SCRATCH, key, &made);

    if (!entry) {
        e->out.failed = true;
        return false;
    }
    if (made) entry->a = map->count - 1;
    *number = entry->a;
    buf_varint(&e->out, entry->a);
    return made;
}

static void put_identity(WireEncoder *e, WireTag tag, uint64_t node, Value name, uint64_t number)
{
    uint64_t n;

    buf_u8(&e->out, (uint8_t)tag);
    if (number_of(e, &e->nodes, node ? node : 1, &n)) {
        put_fixed(&e->out, node);
        buf_block(&e->out, value_symbol(name)->utf8, value_symbol(name)->utf8_bytes);
    }
    put_fixed(&e->out, number);
}

static void put_id(WireEncoder *e, Value v)
{
    const WireNode *n = e->node;

    if (value_is_local_pid(v)) {
        uint64_t number = (uint64_t)value_pid_serial(v) << 32 | value_pid_index(v);
        put_identity(e, WIRE_PID, n->identity, n->name, number);
    } else if (value_is_local_ref(v)) {
        put_identity(e, WIRE_REF, n->identity, n->name, value_ref_number(v));
    } else {
        const External *x = value_external(v);
        put_identity(e, value_is_external_pid(v) ? WIRE_PID : WIRE_REF, x->node, x->name,
                     x->number);
    }
}

static WireState put_immediate(WireEncoder *e, Value v)
{
    static const struct {
        Value v;
        uint8_t tag;
    } constants[] = {{V_FALSE, WIRE_FALSE}, {V_TRUE, WIRE_TRUE},
                     {V_NIL, WIRE_NIL},     {V_UNSPECIFIED, WIRE_UNSPECIFIED},
                     {V_EOF, WIRE_EOF},     {V_DEFAULT, WIRE_DEFAULT}};

    if (value_is_char(v)) {
        buf_u8(&e->out, WIRE_CHAR);
        buf_varint(&e->out, value_scalar(v));
        return WIRE_DONE;
    }
    for (size_t i = 0; i < countof(constants); i++) {
        if (!value_is(constants[i].v, v)) continue;
        buf_u8(&e->out, constants[i].tag);
        return WIRE_DONE;
    }
    return refuse(e, v);
}

static WireState put_atom(WireEncoder *e, Value v, int64_t *work)
{
    if (value_is_fix(v)) {
        put_integer(&e->out, v);
    } else if (value_is_flo(v)) {
        put_flonum(&e->out, value_double(v));
    } else if (value_is_big(v)) {
        *work -= (int64_t)object_count(v) / 8;
        put_integer(&e->out, v);
    } else if (value_is_ratio(v)) {
        buf_u8(&e->out, WIRE_RATIO);
        put_integer(&e->out, object_ref(v, 0));
        put_integer(&e->out, object_ref(v, 1));
    } else if (value_is_symbol(v)) {
        put_symbol(e, v);
    } else if (value_tag(v) == TAG_IMM) {
        return put_immediate(e, v);
    } else {
        put_id(e, v);
    }
    return WIRE_DONE;
}

// ---- writing: strings and bytevectors -----------------------------------------------------------------

static WireState put_payload(WireEncoder *e, Bytes *b, size_t size)
{
    Block *block = payload_block(b);

    if (block && size >= SHARE_MIN) return share_payload(e, block, size);
    buf_bytes(&e->out, bytes_data(b), size);
    return WIRE_DONE;
}

static WireState put_bytes(WireEncoder *e, Value v)
{
    Bytes *b = value_bytes(v);

    buf_u8(&e->out, WIRE_BYTES);
    buf_varint(&e->out, bytes_length(b));
    return put_payload(e, b, bytes_length(b));
}

static size_t utf8_bytes(const Bytes *b, const uint8_t *data, size_t from, size_t to)
{
    unsigned width = bytes_width_log2(b);
    size_t n = 0;

    if (width == 0) {
        for (size_t i = from; i < to; i++) {
            n += data[i] >> 7;
        }
        return n + to - from;
    }
    for (size_t i = from; i < to; i++) {
        n += utf8_length(bytes_scalar_at(data, width, i));
    }
    return n;
}

// A string is counted and then written, both in pieces.
static WireState text_step(WireEncoder *e, int64_t *work)
{
    Bytes *b = value_bytes(e->text);
    size_t n = bytes_length(b), counted = MIN(e->text_at, n);
    size_t from = e->text_at < n ? counted : e->text_at - n, to = MIN(n, from + TEXT_STEP);
    const uint8_t *data = bytes_data(b);

    *work -= (int64_t)((to - from) / BYTES_PER_WORK);
    if (e->text_at < n) {
        e->text_bytes += utf8_bytes(b, data, from, to);
        e->text_at = to;
        if (to < n) return WIRE_DONE;
    }
    if (e->text_at == n) { // all is counted
        buf_u8(&e->out, WIRE_STRING);
        buf_varint(&e->out, e->text_bytes);
        if (e->text_bytes == n && bytes_width_log2(b) == 0) {
            e->text = V_NONE;
            return put_payload(e, b, n);
        }
        from = 0, to = MIN(n, (size_t)TEXT_STEP);
    }
    for (size_t i = from; i < to; i++) {
        buf_char(&e->out, bytes_scalar_at(data, bytes_width_log2(b), i));
    }
    e->text_at = n + to;
    if (to == n) e->text = V_NONE;
    return WIRE_DONE;
}

static void begin_text(WireEncoder *e, Value v)
{
    e->text = v;
    e->text_at = e->text_bytes = 0;
}

// ---- writing: objects -----------------------------------------------------------------------------------

// The elements of a list that are written as one; the rest, when it is shared or long, is its tail.
static WireState open_list(WireEncoder *e, Value v, int64_t *work)
{
    size_t n = 1;
    Value rest = value_cdr(v);

    while (value_is_pair(rest) && n < RUN_MAX && !seen_is_shared(&e->seen, rest)) {
        rest = value_cdr(rest);
        n++;
    }
    *work -= (int64_t)n / 4;
    buf_u8(&e->out, value_is_null(rest) ? WIRE_LIST : WIRE_LIST_TAIL);
    buf_varint(&e->out, n);
    return push(e, (WireOpen){v, 0, n, HOW_LIST});
}

static bool has_names(Value type)
{
    Value fields = object_ref(type, RTYPE_FIELDS), origin = object_ref(type, RTYPE_ORIGIN);
    bool ok = value_is_symbol(object_ref(type, RTYPE_NAME)) &&
              value_is_fix(object_ref(type, RTYPE_UID));

    for (size_t i = 0; ok && i < object_count(fields); i++) {
        ok = value_is_symbol(object_ref(fields, i));
    }
    return ok && (value_is_symbol(origin) || value_is_ref(origin));
}

static WireState put_type(WireEncoder *e, Value type)
{
    Value fields = object_ref(type, RTYPE_FIELDS), origin = object_ref(type, RTYPE_ORIGIN);
    uint64_t n;

    buf_u8(&e->out, WIRE_RECORD);
    if (!number_of(e, &e->types, (uint64_t)value_int(object_ref(type, RTYPE_UID)) + 1, &n))
        return WIRE_DONE;
    if (!has_names(type)) return refuse(e, type);
    if (value_is_symbol(origin)) {
        put_symbol(e, origin);
    } else {
        put_id(e, origin);
    }
    put_symbol(e, object_ref(type, RTYPE_NAME));
    buf_varint(&e->out, object_count(fields));
    for (size_t i = 0; i < object_count(fields); i++) {
        put_symbol(e, object_ref(fields, i));
    }
    return WIRE_DONE;
}

static WireState put_proc(WireEncoder *e, Value v)
{
    Buf description = BUF_INIT;
    bool ok = e->node->describe(e->node, v, &description);

    buf_u8(&e->out, WIRE_PROC);
    buf_block(&e->out, description.data, description.size);
    buf_varint(&e->out, object_count(v) - 1);
    if (description.failed) e->out.failed = true;
    buf_free(&description);
    return ok ? WIRE_DONE : refuse(e, v);
}

static WireState open_object(WireEncoder *e, Value v, int64_t *work)
{
    WireState state = WIRE_DONE;
    WireOpen o;

    if (value_is_pair(v)) return open_list(e, v, work);
    if (!frame_of(e, v, &o)) return refuse(e, v);
    switch (header_kind(value_header(v))) {
    case KIND_VECTOR:
        buf_u8(&e->out, WIRE_VECTOR);
        buf_varint(&e->out, o.count);
        break;
    case KIND_RECORD:
        state = put_type(e, object_ref(v, RECORD_TYPE_SLOT));
        break;
    case KIND_HASHMAP:
    case KIND_HASHSET:
        buf_u8(&e->out, o.how == HOW_MAP ? WIRE_MAP : WIRE_SET);
        buf_varint(&e->out, (uint64_t)value_int(object_ref(v, HASHMAP_COUNT)));
        break;
    case KIND_TABLE:
        buf_u8(&e->out, WIRE_TABLE);
        buf_u8(&e->out, (uint8_t)table_number(v, TABLE_TEST));
        buf_varint(&e->out, table_number(v, TABLE_COUNT));
        break;
    case KIND_BOX:
        buf_u8(&e->out, WIRE_BOX);
        break;
    default:
        state = put_proc(e, v);
    }
    return state == WIRE_DONE ? push(e, o) : state;
}

// True when a shared object was written before; otherwise it gets its label.
static bool put_label(WireEncoder *e, Value v)
{
    bool made;

    if (!seen_is_shared(&e->seen, v)) return false;
    MapEntry *entry = map_add(&e->labels, MEM_SCRATCH, (uint64_t)value_words(v), &made);
    if (!entry) {
        e->out.failed = true;
        return true;
    }
    if (made) {
        entry->a = e->label_count++;
        buf_u8(&e->out, WIRE_LABEL);
        return false;
    }
    buf_u8(&e->out, WIRE_AGAIN);
    buf_varint(&e->out, entry->a);
    return true;
}

static WireState write_value(WireEncoder *e, Value v, int64_t *work)
{
    if (is_atom(v)) return put_atom(e, v, work);
    if (put_label(e, v)) return WIRE_DONE;
    if (value_is_string(v)) {
        begin_text(e, v);
        return text_step(e, work);
    }
    return is_text(v) ? put_bytes(e, v) : open_object(e, v, work);
}

static WireState write_list(WireEncoder *e, WireOpen *o, int64_t *work)
{
    if (o->index < o->count) {
        Value v = value_car(o->v);
        if (++o->index < o->count) o->v = value_cdr(o->v);
        return write_value(e, v, work);
    }
    Value rest = value_cdr(o->v);
    pop(e);
    return value_is_null(rest) ? WIRE_DONE : write_value(e, rest, work);
}

static WireState write_step(WireEncoder *e, int64_t *work)
{
    WireState state = WIRE_DONE;
    Value part;

    if (e->out.size >= PIECE_BYTES) {
        state = cut_piece(e);
        if (state != WIRE_DONE) return state;
    }
    if (!value_is(e->text, V_NONE)) return text_step(e, work);
    WireOpen *o = &e->stack[e->depth - 1];
    if (o->how == HOW_LIST) return write_list(e, o, work);
    if (next_part(e, &part, &state, work)) return write_value(e, part, work);
    return state;
}

WireState wire_encode_step(WireEncoder *e, int64_t *work)
{
    WireState state = WIRE_DONE;

    if (e->phase == PHASE_MARK && value_is(e->text, V_NONE) && e->depth == 0 &&
        e->seen.part_count == 0)
        state = mark(e, e->root);
    while (state == WIRE_DONE && e->phase == PHASE_MARK) {
        if (*work <= 0) return WIRE_LATER;
        if (e->depth == 0 && e->as_text) return WIRE_DONE;
        if (e->depth == 0) {
            e->phase = PHASE_WRITE;
            state = write_value(e, e->root, work);
        } else {
            state = mark_step(e, work);
            --*work;
        }
    }
    while (state == WIRE_DONE && e->phase == PHASE_WRITE) {
        if (e->out.failed) return WIRE_NO_MEMORY;
        if (*work <= 0) return WIRE_LATER;
        if (e->depth == 0 && value_is(e->text, V_NONE)) {
            e->phase = PHASE_DONE;
            return cut_piece(e);
        }
        state = write_step(e, work);
        --*work;
    }
    return state;
}
