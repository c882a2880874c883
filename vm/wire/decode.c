// The decoder: frames and what goes into them. See wire.h.
//
// A reference may lead to an object that is still under construction; but not from inside a key of a
// persistent map to what the key is part of, whose hash would be that of half an object. For that,
// each frame knows the outermost unfinished object that something in it refers to, and hands it on to
// its label and to the frame around it.
#include "vm/wire/decode_int.h"

#include "vm/base/hash.h"
#include "vm/code/code.h"
#include "vm/data/hamt.h"
#include "vm/data/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES_FIRST 256
#define PIECE_BYTES_MAX   ((size_t)1 << 20)
#define RUN_MAX           1024 // pairs made at once
#define SEGMENT_ENTRIES   ((size_t)1 << TABLE_SEGMENT_BITS)

void wire_decode_begin(WireDecoder *d, const WireNode *node, const void *bytes, size_t size)
{
    memset(d, 0, sizeof *d);
    d->node = node;
    d->start = bytes;
    d->cur = cur_make(bytes, size);
    d->compared = 1000000 + 100 * (int64_t)size;
    d->blocks = V_NIL;
    d->result = d->text = V_NONE;
}

void wire_decode_end(WireDecoder *d)
{
    if (!d->node) return;
    for (size_t i = 0; i < d->depth; i++) {
        entries_free(d->stack[i].entries);
    }
    while (!value_is_null(d->blocks)) {
        BlockRef *ref = (BlockRef *)value_words(d->blocks);
        d->blocks = ref->next;
        block_release(d->node->space, ref->block);
    }
    frag_free(d->node->space, NULL, d->first);
    mem_free(MEM_SCRATCH, d->stack, d->capacity * sizeof *d->stack);
    mem_free(MEM_SCRATCH, d->labels, d->label_capacity * sizeof *d->labels);
    mem_free(MEM_SCRATCH, d->symbols, d->symbol_capacity * sizeof *d->symbols);
    mem_free(MEM_SCRATCH, d->types, d->type_capacity * sizeof *d->types);
    mem_free(MEM_SCRATCH, d->nodes, d->node_capacity * 2 * sizeof *d->nodes);
    memset(d, 0, sizeof *d);
    d->blocks = V_NIL;
}

WireState wire_fail(WireDecoder *d, const char *fmt, ...)
{
    int n = snprintf(d->error, sizeof d->error, "byte %zu: ", d->term);
    va_list args;

    va_start(args, fmt);
    vsnprintf(d->error + n, sizeof d->error - (size_t)n, fmt, args);
    va_end(args);
    return WIRE_REFUSED;
}

WireState wire_fail_end(WireDecoder *d, const char *what)
{
    return wire_fail(d, "the input ends inside %s, or that is malformed", what);
}

bool wire_grow(void **items, size_t *capacity, size_t item_bytes)
{
    size_t more = *capacity ? 2 * *capacity : 16;
    void *p = mem_realloc(MEM_SCRATCH, *items, *capacity * item_bytes, more * item_bytes);

    if (!p) return false;
    *items = p;
    *capacity = more;
    return true;
}

// ---- room -----------------------------------------------------------------------------------------

static COLD Value *next_piece(WireDecoder *d, size_t words)
{
    size_t bytes = d->last ? MIN((size_t)d->last->bytes * 2, PIECE_BYTES_MAX) : PIECE_BYTES_FIRST;

    bytes = MAX(bytes, sizeof(Frag) + words * sizeof(Value));
    Frag *f = bytes <= UINT32_MAX ? space_alloc(d->node->space, NULL, REGION_YOUNG, &bytes) : NULL;
    if (!f) return NULL;
    *f = (Frag){NULL, (uint32_t)bytes, 0};
    if (d->last) {
        d->last->next = f;
    } else {
        d->first = f;
    }
    d->last = f;
    d->hp = (Value *)(f + 1);
    d->end = (Value *)((char *)f + bytes);
    return d->hp;
}

Value *wire_take(WireDecoder *d, size_t words)
{
    Value *p = d->hp;

    if (UNLIKELY((size_t)(d->end - p) < words)) {
        p = next_piece(d, words);
        if (!p) return NULL;
    }
    d->hp = p + words;
    d->last->used += (uint32_t)words;
    d->words += words;
    return p;
}

Value *wire_object(WireDecoder *d, Kind kind, size_t payload)
{
    Value *p = wire_take(d, 1 + payload);

    if (p) p->bits = header_make(kind, payload);
    return p;
}

// ---- frames ---------------------------------------------------------------------------------------

static WireFrame *top(const WireDecoder *d)
{
    return &d->stack[d->depth - 1];
}

static bool is_open(const WireDecoder *d, size_t frame, size_t start)
{
    return frame < d->depth && d->stack[frame].start == start;
}

// A label for the value of this term, if it stands behind a LABEL.
WireState wire_label(WireDecoder *d, Value v, size_t frame, size_t *label)
{
    *label = NO_LABEL;
    if (!d->label_next) return WIRE_DONE;
    d->label_next = false;
    if (d->label_count == d->label_capacity &&
        !wire_grow((void **)&d->labels, &d->label_capacity, sizeof *d->labels))
        return WIRE_NO_MEMORY;
    *label = d->label_count;
    d->labels[d->label_count++] = (WireLabel){v, frame, d->term, NO_FRAME, 0};
    return WIRE_DONE;
}

static WireState push(WireDecoder *d, FrameKind kind, Value object, size_t count, Value *at)
{
    size_t label;
    // The tail of a list stands beside it.
    bool tail = d->depth > 0 && top(d)->kind == FRAME_LIST && top(d)->ended;

    if (!tail && ++d->nesting > WIRE_DEPTH_MAX)
        return wire_fail(d, "nested more than %d levels deep", WIRE_DEPTH_MAX);
    if (d->depth == d->capacity && !wire_grow((void **)&d->stack, &d->capacity, sizeof *d->stack))
        return WIRE_NO_MEMORY;
    WireState s = wire_label(d, object, d->depth, &label);
    if (s != WIRE_DONE) return s;
    d->stack[d->depth++] = (WireFrame){.kind = kind,
                                       .tail = tail,
                                       .object = object,
                                       .start = d->term,
                                       .count = count,
                                       .at = at,
                                       .label = label,
                                       .low = NO_FRAME,
                                       .outer_key = d->key_depth};
    d->owed += count;
    return WIRE_DONE;
}

static WireState list_filled(WireDecoder *d, WireFrame *f, Value v)
{
    if (f->ended) {
        *f->link = v;
        f->index = f->count + 1;
        return WIRE_DONE;
    }
    f->at[0] = v;
    f->at[1] = V_NIL;
    if (f->link) *f->link = value_from_words(f->at, TAG_PAIR);
    f->link = &f->at[1];
    f->at += 2;
    f->index++;
    f->ended = f->index == f->count && f->has_tail;
    if (--f->room > 0 || f->index == f->count) return WIRE_DONE;
    f->room = MIN(f->count - f->index, (size_t)RUN_MAX);
    f->at = wire_take(d, 2 * f->room);
    return f->at ? WIRE_DONE : WIRE_NO_MEMORY;
}

// Makes room for the entry that comes next.
static WireState next_segment(WireDecoder *d, WireFrame *f, size_t i)
{
    if (f->room > 0) {
        f->room--;
        return WIRE_DONE;
    }
    size_t n = MIN(f->count / 2 - i, SEGMENT_ENTRIES);
    Value *p = wire_object(d, KIND_VECTOR, n * TABLE_ENTRY_WORDS);
    if (!p) return WIRE_NO_MEMORY;
    Value directory = object_ref(f->object, TABLE_ENTRIES);
    *object_slot(directory, i >> TABLE_SEGMENT_BITS) = value_from_words(p, TAG_OBJ);
    f->at = p + 1;
    f->room = n - 1;
    return WIRE_DONE;
}

static WireState table_filled(WireDecoder *d, WireFrame *f, Value v)
{
    bool key = f->index % 2 == 0;

    if (key) {
        if (table_number(f->object, TABLE_TEST) == TEST_STRING && !value_is_string(v))
            return wire_fail(d, "a key of a string table that is no string");
        WireState s = next_segment(d, f, f->index / 2);
        if (s != WIRE_DONE) return s;
        f->at[0] = v;
    } else {
        f->at[1] = v;
        f->at[2] = value_fix(0);
        f->at += TABLE_ENTRY_WORDS;
    }
    f->index++;
    return WIRE_DONE;
}

// A part of the innermost object is complete (or known by reference).
WireState wire_deliver(WireDecoder *d, Value v)
{
    if (d->depth == 0) {
        d->result = v;
        return WIRE_DONE;
    }
    WireFrame *f = top(d);
    switch (f->kind) {
    case FRAME_LIST:
        return list_filled(d, f, v);
    case FRAME_SLOTS:
        *f->at++ = v;
        f->index++;
        return WIRE_DONE;
    case FRAME_TABLE:
        return table_filled(d, f, v);
    case FRAME_MAP:
        if (f->index++ % 2 == 1) {
            entries_value(f->entries, v);
            d->key_depth = d->depth;
            return WIRE_DONE;
        }
        d->key_depth = f->outer_key;
        return entries_key(d, f->entries, v);
    case FRAME_SET:
        f->index++;
        return entries_key(d, f->entries, v);
    }
    UNREACHABLE();
}

static size_t parts_of(const WireFrame *f)
{
    return f->count + (f->has_tail ? 1 : 0);
}

// The innermost object has all its parts.
static WireState close_frame(WireDecoder *d, int64_t *work)
{
    WireFrame *f = top(d);

    if (f->entries) {
        WireState s = entries_build(d, f->entries, object_slot(f->object, HASHMAP_ROOT), work);
        if (s != WIRE_DONE) return s;
        entries_free(f->entries);
        f->entries = NULL;
    }
    WireFrame was = *f;
    d->depth--;
    if (!was.tail) d->nesting--;
    d->key_depth = was.outer_key;
    if (was.low != NO_FRAME && was.low < d->depth) {
        if (was.label != NO_LABEL) {
            d->labels[was.label].low = was.low;
            d->labels[was.label].low_start = d->stack[was.low].start;
        }
        top(d)->low = MIN(top(d)->low, was.low);
    }
    return wire_deliver(d, was.object);
}

// ---- objects ------------------------------------------------------------------------------------------

// Bytes that are left for the parts of a new object, once those around it have theirs: what is claimed is
// there, and memory bounded by the input, however deep objects nest.
static size_t spare(const WireDecoder *d)
{
    size_t left = cur_left(&d->cur);
    return left > d->owed ? left - d->owed : 0;
}

// A count of parts, each of which takes `least` bytes or more.
static bool read_count(WireDecoder *d, size_t least, size_t *n)
{
    uint64_t count = cur_varint(&d->cur);

    *n = (size_t)count;
    return d->cur.ok && count <= spare(d) / least;
}

static WireState open_list(WireDecoder *d, bool has_tail)
{
    size_t n;

    if (!read_count(d, 1, &n) || n == 0) return wire_fail_end(d, "a list");
    size_t room = MIN(n, (size_t)RUN_MAX);
    Value *p = wire_take(d, 2 * room);
    if (!p) return WIRE_NO_MEMORY;
    WireState s = push(d, FRAME_LIST, value_from_words(p, TAG_PAIR), n, p);
    if (s != WIRE_DONE) return s;
    top(d)->room = room;
    top(d)->has_tail = has_tail;
    d->owed += has_tail;
    return WIRE_DONE;
}

static WireState open_vector(WireDecoder *d)
{
    size_t n;

    if (!read_count(d, 1, &n)) return wire_fail_end(d, "a vector");
    Value *p = wire_object(d, KIND_VECTOR, n);
    return p ? push(d, FRAME_SLOTS, value_from_words(p, TAG_OBJ), n, p + 1) : WIRE_NO_MEMORY;
}

static WireState open_map(WireDecoder *d, bool set)
{
    size_t n;

    if (!read_count(d, set ? 1 : 2, &n)) return wire_fail_end(d, set ? "a set" : "a map");
    Value *p = wire_object(d, set ? KIND_HASHSET : KIND_HASHMAP, HASHMAP_SLOTS);
    if (!p) return WIRE_NO_MEMORY;
    p->bits |= HEADER_IMMUTABLE;
    p[1 + HASHMAP_COUNT] = value_fix((int64_t)n);
    p[1 + HASHMAP_ROOT] = V_FALSE;
    WireState s = push(d, set ? FRAME_SET : FRAME_MAP, value_from_words(p, TAG_OBJ),
                       set ? n : 2 * n, NULL);
    if (s != WIRE_DONE) return s;
    top(d)->entries = entries_new();
    d->key_depth = d->depth;
    return top(d)->entries ? WIRE_DONE : WIRE_NO_MEMORY;
}

static WireState open_table(WireDecoder *d)
{
    uint8_t test = cur_u8(&d->cur);
    size_t n, slots = 16;

    if (!read_count(d, 2, &n) || n >= UINT32_MAX / 2) return wire_fail_end(d, "a hash table");
    if (test >= TEST_CUSTOM) return wire_fail(d, "a hash table with the unknown test %u", test);
    while (slots * 3 / 4 < n + 1) {
        slots *= 2;
    }
    size_t segments = n / SEGMENT_ENTRIES + 1;
    Value *index = wire_object(d, KIND_BYTES, slots);
    Value *directory = index ? wire_object(d, KIND_VECTOR, segments) : NULL;
    Value *p = directory ? wire_object(d, KIND_TABLE, TABLE_SLOTS) : NULL;
    if (!p) return WIRE_NO_MEMORY;
    for (size_t i = 0; i < segments; i++) {
        directory[1 + i] = V_FALSE;
    }
    for (unsigned i = 1; i <= TABLE_SLOTS; i++) {
        p[i] = value_fix(0);
    }
    p[1 + TABLE_TEST] = value_fix(test);
    p[1 + TABLE_SEED] = value_fix(
        (int64_t)(hash_word(d->node->type_key ^ (uint64_t)p ^ d->term) >> 4));
    p[1 + TABLE_COUNT] = p[1 + TABLE_USED] = value_fix((int64_t)n);
    p[1 + TABLE_INDEX] = value_from_words(index, TAG_OBJ);
    p[1 + TABLE_ENTRIES] = value_from_words(directory, TAG_OBJ);
    p[1 + TABLE_EPOCH] = V_NIL;
    p[1 + TABLE_YOUNG] = value_fix(TABLE_NO_ENTRY);
    p[1 + TABLE_PHASE] = value_fix(PHASE_HASH);
    p[1 + TABLE_EQUAL_PROC] = p[1 + TABLE_HASH_PROC] = V_FALSE;
    return push(d, FRAME_TABLE, value_from_words(p, TAG_OBJ), 2 * n, NULL);
}

static Value *take_names(WireDecoder *d, size_t n)
{
    Value *p = wire_object(d, KIND_VECTOR, n);

    for (size_t i = 1; p && i <= n; i++) {
        p[i] = V_FALSE;
    }
    return p;
}

// A record type that comes for the first time. Its number in this VM is that of the type of the same
// origin, name and fields, whether that is there or not.
static WireState read_type(WireDecoder *d, Value *type)
{
    Value origin = V_NONE, name = V_NONE;
    uint8_t tag = cur_u8(&d->cur);
    WireState s = tag == WIRE_REF ? wire_read_id(d, false, &origin)
                                  : wire_read_symbol(d, tag, &origin);
    size_t n;

    if (s == WIRE_DONE) s = wire_read_symbol(d, cur_u8(&d->cur), &name);
    if (s != WIRE_DONE) return s;
    if (!read_count(d, 1, &n)) return wire_fail_end(d, "a record type");
    Value *fields = take_names(d, n), *none = fields ? take_names(d, n) : NULL;
    Value *p = none ? wire_object(d, KIND_RECORD_TYPE, RTYPE_SLOTS) : NULL;
    if (!p) return WIRE_NO_MEMORY;
    for (size_t i = 0; i < n && s == WIRE_DONE; i++) {
        s = wire_read_symbol(d, cur_u8(&d->cur), &fields[1 + i]);
    }
    if (s != WIRE_DONE) return s;
    p[1 + RTYPE_NAME] = name;
    p[1 + RTYPE_FIELDS] = value_from_words(fields, TAG_OBJ);
    p[1 + RTYPE_ACCESSORS] = p[1 + RTYPE_MODIFIERS] = value_from_words(none, TAG_OBJ);
    p[1 + RTYPE_PREDICATE] = V_FALSE;
    p[1 + RTYPE_ORIGIN] = origin;
    p[1 + RTYPE_UID] = value_fix(record_uid(d->node->type_key, origin, name, p[1 + RTYPE_FIELDS]));
    *type = value_from_words(p, TAG_OBJ);
    if (d->type_count == d->type_capacity &&
        !wire_grow((void **)&d->types, &d->type_capacity, sizeof *d->types))
        return WIRE_NO_MEMORY;
    d->types[d->type_count++] = *type;
    return WIRE_DONE;
}

static WireState open_record(WireDecoder *d)
{
    uint64_t number = cur_varint(&d->cur);
    Value type = V_NONE;

    if (!d->cur.ok) return wire_fail_end(d, "a record");
    if (number > d->type_count)
        return wire_fail(d, "no record type has the number %llu yet", (unsigned long long)number);
    if (number == d->type_count) {
        WireState s = read_type(d, &type);
        if (s != WIRE_DONE) return s;
    } else {
        type = d->types[number];
    }
    size_t n = object_count(object_ref(type, RTYPE_FIELDS));
    if (n > spare(d)) return wire_fail_end(d, "a record");
    Value *p = wire_object(d, KIND_RECORD, RECORD_FIELDS + n);
    if (!p) return WIRE_NO_MEMORY;
    p[1] = type;
    return push(d, FRAME_SLOTS, value_from_words(p, TAG_OBJ), n, p + 1 + RECORD_FIELDS);
}

static WireState open_proc(WireDecoder *d)
{
    size_t size, n;

    if (!d->node->resolve) return wire_fail(d, "a procedure, which does not travel here");
    const uint8_t *description = cur_block(&d->cur, &size);
    if (!read_count(d, 1, &n)) return wire_fail_end(d, "a procedure");
    struct Code *code = d->node->resolve(d->node, description, size, n);
    if (!code) {
        d->missing = description;
        d->missing_size = size;
        return WIRE_MISSING;
    }
    Value *p = wire_object(d, KIND_PROC, 1 + n);
    if (!p) return WIRE_NO_MEMORY;
    p[1].bits = (uint64_t)code;
    return push(d, FRAME_SLOTS, value_from_words(p, TAG_PROC), n, p + 2);
}

static WireState open_box(WireDecoder *d)
{
    if (!d->node->resolve)
        return wire_fail(d, "a variable of a procedure, which does not travel here");
    Value *p = wire_object(d, KIND_BOX, 1);
    return p ? push(d, FRAME_SLOTS, value_from_words(p, TAG_OBJ), 1, p + 1) : WIRE_NO_MEMORY;
}

static WireState read_again(WireDecoder *d)
{
    uint64_t n = cur_varint(&d->cur);

    if (!d->cur.ok) return wire_fail_end(d, "a reference to an object");
    if (n >= d->label_count)
        return wire_fail(d, "no object has the label %llu yet", (unsigned long long)n);
    const WireLabel *l = &d->labels[n];
    size_t reach = is_open(d, l->frame, l->start)     ? l->frame
                   : is_open(d, l->low, l->low_start) ? l->low
                                                      : NO_FRAME;
    if (reach < d->key_depth) return wire_fail(d, "a key that refers to what it is part of");
    if (d->depth > 0) top(d)->low = MIN(top(d)->low, reach);
    return wire_deliver(d, l->value);
}

// ---- terms --------------------------------------------------------------------------------------------

static bool may_have_label(uint8_t tag)
{
    return (tag >= WIRE_LIST && tag <= WIRE_RECORD) || tag == WIRE_STRING || tag == WIRE_PROC ||
           tag == WIRE_BOX;
}

static WireState read_constant(WireDecoder *d, uint8_t tag)
{
    static const Value constants[] = {[WIRE_FALSE] = {IMM_BITS(IMM_CONST, IMM_FALSE)},
                                      [WIRE_TRUE] = {IMM_BITS(IMM_CONST, IMM_TRUE)},
                                      [WIRE_NIL] = {IMM_BITS(IMM_CONST, IMM_NIL)},
                                      [WIRE_UNSPECIFIED] = {IMM_BITS(IMM_CONST, IMM_UNSPECIFIED)},
                                      [WIRE_EOF] = {IMM_BITS(IMM_CONST, IMM_EOF)},
                                      [WIRE_DEFAULT] = {IMM_BITS(IMM_CONST, IMM_DEFAULT)}};

    return wire_deliver(d, constants[tag]);
}

static WireState read_object(WireDecoder *d, uint8_t tag)
{
    switch (tag) {
    case WIRE_STRING:
    case WIRE_BYTES:
        return wire_read_text(d, tag);
    case WIRE_LIST:
    case WIRE_LIST_TAIL:
        return open_list(d, tag == WIRE_LIST_TAIL);
    case WIRE_VECTOR:
        return open_vector(d);
    case WIRE_MAP:
    case WIRE_SET:
        return open_map(d, tag == WIRE_SET);
    case WIRE_TABLE:
        return open_table(d);
    case WIRE_RECORD:
        return open_record(d);
    case WIRE_PROC:
        return open_proc(d);
    case WIRE_BOX:
        return open_box(d);
    default:
        return wire_fail(d, "the unknown tag %u", tag);
    }
}

static WireState read_atom(WireDecoder *d, uint8_t tag)
{
    WireState s;
    Value v;

    switch (tag) {
    case WIRE_RATIO:
        return wire_read_ratio(d);
    case WIRE_FLONUM:
        return wire_read_flonum(d);
    case WIRE_CHAR:
        return wire_read_char(d);
    case WIRE_SYMBOL:
    case WIRE_SYMBOL_AGAIN:
        s = wire_read_symbol(d, tag, &v);
        break;
    case WIRE_PID:
    case WIRE_REF:
        s = wire_read_id(d, tag == WIRE_PID, &v);
        break;
    case WIRE_AGAIN:
        return read_again(d);
    default:
        v = wire_read_integer(d, tag, &s);
    }
    return s == WIRE_DONE ? wire_deliver(d, v) : s;
}

static WireState read_term(WireDecoder *d)
{
    d->term = (size_t)(d->cur.at - d->start);
    if (cur_left(&d->cur) == 0) return wire_fail(d, "the input ends where a value should be");
    if (d->depth > 0) d->owed--;
    uint8_t tag = cur_u8(&d->cur);
    if (tag == WIRE_LABEL) {
        tag = cur_u8(&d->cur);
        d->label_next = true;
        if (!d->cur.ok || !may_have_label(tag)) return wire_fail(d, "a label without an object");
    }
    if (tag >= WIRE_FALSE && tag <= WIRE_DEFAULT) return read_constant(d, tag);
    if (may_have_label(tag) || (tag < WIRE_SMALL && tag > WIRE_PROC) || tag == 0)
        return read_object(d, tag);
    return read_atom(d, tag);
}

WireState wire_decode_step(WireDecoder *d, int64_t *work)
{
    WireState state = WIRE_DONE;

    while (state == WIRE_DONE) {
        if (*work <= 0) return WIRE_LATER;
        if (!value_is(d->text, V_NONE)) {
            state = wire_text_step(d, work);
        } else if (d->depth > 0 && top(d)->index >= parts_of(top(d))) {
            state = close_frame(d, work);
        } else if (d->depth > 0 || value_is(d->result, V_NONE)) {
            state = read_term(d);
        } else {
            d->term = (size_t)(d->cur.at - d->start);
            size_t left = cur_left(&d->cur);
            return left ? wire_fail(d, "%zu more %s than the value has", left,
                                    left == 1 ? "byte" : "bytes")
                        : WIRE_DONE;
        }
        --*work;
    }
    return state;
}
