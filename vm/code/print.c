// See print.h.
//
// Cycles: a structure that unfolds to fewer than CHECK_NODES nodes cannot be cyclic, so the common
// case is one counting walk. Only what is larger is walked again with a table of addresses, which
// finds what is met while it is still open (cyclic) or met twice (shared).
#include "vm/code/print.h"

#include "vm/data/bytes.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"
#include "vm/base/numlex.h"
#include "vm/base/utf8.h"
#include "vm/code/code.h"
#include "vm/data/hamt.h"
#include "vm/data/num.h"

#include <string.h>

#define CHECK_NODES 2000

// ---- atoms --------------------------------------------------------------------------------------

static const struct {
    uint32_t scalar;
    const char *name;
} char_names[] = {{' ', "space"},     {'\n', "newline"}, {'\t', "tab"},     {'\r', "return"},
                  {0, "null"},        {7, "alarm"},      {8, "backspace"},  {0x7f, "delete"},
                  {0x1b, "escape"}};

// Characters that would not be seen if they were printed as themselves.
static bool is_invisible(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa1) || c == 0xad || (c >= 0x2000 && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202f) || (c >= 0x205f && c <= 0x206f) || c == 0x3000 ||
           c == 0x1680 ||
           c == 0xfeff || (c >= 0xe000 && c <= 0xf8ff) || (c >= 0xfff0 && c <= 0xfffb) ||
           (c & 0xfffe) == 0xfffe || c >= 0xe0000;
}

// Those most common; they would be put on top of what stands before.
static bool is_combining(uint32_t c)
{
    return c >= 0x300 && c < 0x370;
}

static bool is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0);
}

static void write_char(Buf *out, uint32_t c)
{
    buf_text(out, "#\\");
    for (size_t i = 0; i < countof(char_names); i++) {
        if (char_names[i].scalar == c) {
            buf_text(out, char_names[i].name);
            return;
        }
    }
    if (is_invisible(c) || is_combining(c)) {
        buf_printf(out, "x%x", c);
    } else {
        buf_char(out, c);
    }
}

static void write_string(Buf *out, Value v)
{
    size_t n = string_length(v);

    buf_u8(out, '"');
    for (size_t i = 0; i < n; i++) {
        uint32_t c = string_scalar(v, i);
        switch (c) {
        case '"':
            buf_text(out, "\\\"");
            break;
        case '\\':
            buf_text(out, "\\\\");
            break;
        case '\n':
            buf_text(out, "\\n");
            break;
        case '\t':
            buf_text(out, "\\t");
            break;
        case '\r':
            buf_text(out, "\\r");
            break;
        case 7:
            buf_text(out, "\\a");
            break;
        case 8:
            buf_text(out, "\\b");
            break;
        default:
            if (is_control(c)) {
                buf_printf(out, "\\x%x;", c);
            } else {
                buf_char(out, c);
            }
        }
    }
    buf_u8(out, '"');
}

static bool is_plain_symbol_char(uint32_t c)
{
    return c >= 0x80 ? !is_invisible(c)
                     : (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           (c != 0 && strchr("!$%&*/:<=>?^_~+-.@", (int)c) != NULL);
}

// May a name begin with it? A digit may not, and @ would make another form of a comma before it.
static bool is_plain_start(uint32_t c)
{
    return is_plain_symbol_char(c) && !is_combining(c) && !(c >= '0' && c <= '9') && c != '@';
}

// Would the name be read as it is?
static bool is_plain_symbol(const uint8_t *name, size_t size)
{
    const uint8_t *p = name, *end = name + size;
    NumLex number;

    if (size == 0 || (size == 1 && *name == '.')) return false;
    if (!is_plain_start(utf8_decode(&p, end))) return false;
    while (p < end) {
        if (!is_plain_symbol_char(utf8_decode(&p, end))) return false;
    }
    return numlex_scan((const char *)name, size, 10, &number) == NUMLEX_NONE;
}

void print_symbol(Buf *out, const char *utf8, size_t size)
{
    const uint8_t *p = (const uint8_t *)utf8, *end = p + size;

    if (is_plain_symbol(p, size)) {
        buf_bytes(out, utf8, size);
        return;
    }
    buf_u8(out, '|');
    while (p < end) {
        uint32_t c = utf8_decode(&p, end);
        if (c == '|' || c == '\\') {
            buf_u8(out, '\\');
            buf_char(out, c);
        } else if (is_control(c)) {
            buf_printf(out, "\\x%x;", c);
        } else {
            buf_char(out, c);
        }
    }
    buf_u8(out, '|');
}

static void print_immediate(Buf *out, Value v, PrintStyle style)
{
    if (value_is_char(v)) {
        if (style == PRINT_DISPLAY) {
            buf_char(out, value_scalar(v));
        } else {
            write_char(out, value_scalar(v));
        }
    } else if (value_is_null(v)) {
        buf_text(out, "()");
    } else if (value_is_boolean(v)) {
        buf_text(out, value_true(v) ? "#t" : "#f");
    } else if (value_is(v, V_EOF)) {
        buf_text(out, "#<eof>");
    } else if (value_is(v, V_DEFAULT)) {
        buf_text(out, "#<default>");
    } else {
        buf_text(out, "#<unspecified>");
    }
}

static void print_id(Buf *out, Value v)
{
    if (value_is_local_pid(v)) {
        buf_printf(out, "#<pid 0.%u.%u>", value_pid_index(v), value_pid_serial(v));
    } else {
        buf_printf(out, "#<ref 0.%llu>", (unsigned long long)value_ref_number(v));
    }
}

static void print_external(Buf *out, Value v)
{
    const External *x = value_external(v);

    if (value_is_external_pid(v)) {
        buf_printf(out, "#<pid %s.%u.%u>", value_symbol(x->name)->utf8, (uint32_t)x->number,
                   (uint32_t)(x->number >> 32));
    } else {
        buf_printf(out, "#<ref %s.%llu>", value_symbol(x->name)->utf8, (unsigned long long)x->number);
    }
}

// #[pid alpha "00ff00ff00ff00ff" 12]: name and identity of the node, then its own number.
static void print_text_id(Buf *out, Value v, uint64_t identity, Value node)
{
    bool pid = value_is_pid(v);
    uint64_t number;

    if (value_is_external(v)) {
        identity = value_external(v)->node;
        node = value_external(v)->name;
        number = value_external(v)->number;
    } else {
        number = pid ? (uint64_t)value_pid_serial(v) << 32 | value_pid_index(v) : value_ref_number(v);
    }
    buf_text(out, pid ? "#[pid " : "#[ref ");
    print_symbol(out, value_symbol(node)->utf8, value_symbol(node)->utf8_bytes);
    buf_printf(out, " \"%016llx\" %llu]", (unsigned long long)identity, (unsigned long long)number);
}

static void print_proc(Buf *out, Value v)
{
    Value name = proc_code(value_proc(v))->name;

    buf_text(out, "#<procedure");
    if (value_is_symbol(name)) buf_printf(out, " %s", value_symbol(name)->utf8);
    buf_u8(out, '>');
}

static void print_bytes(Buf *out, Value v)
{
    Bytes *b = value_bytes(v);
    const uint8_t *data = bytes_data(b);

    buf_text(out, "#u8(");
    for (size_t i = 0; i < bytes_length(b); i++) {
        buf_printf(out, i ? " %u" : "%u", data[i]);
    }
    buf_text(out, ")");
}

static const char *symbol_text(Value v)
{
    return value_is_symbol(v) ? value_symbol(v)->utf8 : "?";
}

// Objects without parts that are printed.
static void print_atom(Buf *out, Value v, PrintStyle style)
{
    switch (header_kind(value_header(v))) {
    case KIND_BIGNUM:
    case KIND_RATIO:
        num_print(out, v, 10);
        break;
    case KIND_STRING:
        if (style == PRINT_DISPLAY) {
            string_to_utf8(v, out);
        } else {
            write_string(out, v);
        }
        break;
    case KIND_SYMBOL:
        if (style == PRINT_DISPLAY) {
            buf_bytes(out, value_symbol(v)->utf8, value_symbol(v)->utf8_bytes);
        } else {
            print_symbol(out, value_symbol(v)->utf8, value_symbol(v)->utf8_bytes);
        }
        break;
    case KIND_BYTEVECTOR:
        print_bytes(out, v);
        break;
    case KIND_RECORD_TYPE:
        buf_printf(out, "#<record-type %s>", symbol_text(object_ref(v, RTYPE_NAME)));
        break;
    case KIND_EXTERNAL_PID:
    case KIND_EXTERNAL_REF:
        print_external(out, v);
        break;
    case KIND_TABLE:
        buf_printf(out, "#<hash-table %lld>", (long long)value_int(object_ref(v, TABLE_COUNT)));
        break;
    case KIND_WEAK:
        buf_text(out, "#<weak ref>");
        break;
    default:
        buf_printf(out, "#<%s>", kind_text(header_kind(value_header(v))));
    }
}

// ---- structure ----------------------------------------------------------------------------------

// What is being printed: a pair (the rest of its list), or parts of an object.
typedef struct {
    Value v;
    size_t index; // of the next part
} Open;

// Addresses met by the checking walk. `label` is 0 while nothing needs one.
typedef struct {
    Value key;
    uint32_t label; // 1 + number, once printed; UINT32_MAX: wants one
    bool open, cyclic;
} Seen;

typedef struct {
    Buf *out;
    PrintStyle style;
    size_t max; // of out->size; 0: none
    Open *stack;
    size_t depth, capacity;
    Seen *table;
    size_t slots, used;
    uint32_t labels;
    size_t brace; // out->size behind the last "#hashmap{" or "#hashset{": the next entry is its first
    PrintObject *object; // for what does not read back; NULL: print it
    void *context;
    bool failed;
    uint64_t identity; // of the node, for PRINT_TEXT
    Value node;
} Printer;

static bool is_compound(Value v)
{
    if (value_tag(v) != TAG_OBJ) return value_is_pair(v);
    switch (header_kind(value_header(v))) {
    case KIND_VECTOR:
    case KIND_RECORD:
    case KIND_VALUES:
    case KIND_BOX:
    case KIND_HASHMAP:
    case KIND_HASHSET:
    case KIND_HASHNODE:
        return true;
    default:
        return false;
    }
}

static size_t part_count(Value v)
{
    return value_is_pair(v) ? 2 : object_count(v);
}

static bool push(Printer *p, Value v, size_t index)
{
    if (p->depth == p->capacity) {
        size_t more = p->capacity ? p->capacity * 2 : 64;
        Open *stack = mem_realloc(MEM_SCRATCH, p->stack, p->capacity * sizeof *stack,
                                  more * sizeof *stack);
        if (!stack) {
            p->failed = true;
            return false;
        }
        p->stack = stack;
        p->capacity = more;
    }
    p->stack[p->depth++] = (Open){v, index};
    return true;
}

static Seen *find(Printer *p, Value v)
{
    size_t i = hash_word(v.bits) & (p->slots - 1);
    while (p->table[i].key.bits != 0 && !value_is(p->table[i].key, v)) {
        i = (i + 1) & (p->slots - 1);
    }
    return &p->table[i];
}

static bool grow_table(Printer *p)
{
    size_t slots = p->slots ? p->slots * 2 : 4096, old_slots = p->slots;
    Seen *old = p->table, *table = mem_zalloc(MEM_SCRATCH, slots * sizeof *table);

    if (!table) {
        p->failed = true;
        return false;
    }
    p->table = table;
    p->slots = slots;
    for (size_t i = 0; i < old_slots; i++) {
        if (old[i].key.bits) *find(p, old[i].key) = old[i];
    }
    mem_free(MEM_SCRATCH, old, old_slots * sizeof *old);
    return true;
}

// Notes that `v` was met; true when its parts have to be walked.
static bool meet(Printer *p, Value v)
{
    if (2 * (p->used + 1) > p->slots && !grow_table(p)) return false;
    Seen *s = find(p, v);
    if (s->key.bits == 0) {
        *s = (Seen){.key = v, .open = true};
        p->used++;
        return true;
    }
    if (s->open || p->style == PRINT_SHARED || p->style == PRINT_TEXT) s->label = UINT32_MAX;
    s->cyclic |= s->open;
    return false;
}

// True when the structure is too large for the quick check.
static bool is_large(Printer *p, Value v)
{
    size_t nodes = 0;

    push(p, v, 0);
    while (p->depth > 0 && nodes < CHECK_NODES) {
        Open *o = &p->stack[p->depth - 1];
        if (o->index == part_count(o->v)) {
            p->depth--;
            continue;
        }
        Value part = value_words(o->v)[o->index++ + !value_is_pair(o->v)];
        nodes++;
        if (!is_compound(part)) continue;
        if (o->index == part_count(o->v)) p->depth--; // the last part: no need to come back
        if (!push(p, part, 0)) break;
    }
    bool large = p->depth > 0;
    p->depth = 0;
    return large;
}

static void find_cycles(Printer *p, Value v)
{
    if (meet(p, v)) push(p, v, 0);
    while (p->depth > 0 && !p->failed) {
        Open *o = &p->stack[p->depth - 1];
        if (o->index == part_count(o->v)) {
            find(p, o->v)->open = false;
            p->depth--;
            continue;
        }
        Value part = value_words(o->v)[o->index++ + !value_is_pair(o->v)];
        if (is_compound(part) && meet(p, part)) push(p, part, 0);
    }
    p->depth = 0;
}

// Prints `#n#` and gives true when v was printed before under a label; prints `#n=` when it now gets
// one.
static bool print_label(Printer *p, Value v)
{
    if (!p->table) return false;
    Seen *s = find(p, v);
    if (s->key.bits == 0 || s->label == 0) return false;
    if (p->object && s->cyclic) {
        p->object(p->context, p->out, v, true);
        return true;
    }
    if (s->label == UINT32_MAX) {
        s->label = ++p->labels;
        buf_printf(p->out, "#%u=", s->label - 1);
        return false;
    }
    buf_printf(p->out, "#%u#", s->label - 1);
    return true;
}

static bool wants_label(Printer *p, Value v)
{
    return p->table && find(p, v)->key.bits != 0 && find(p, v)->label != 0;
}

static const char *quote_prefix(Value v)
{
    static const struct {
        const char *name, *prefix;
    } quotes[] = {{"quote", "'"}, {"quasiquote", "`"}, {"unquote", ","}, {"unquote-splicing", ",@"}};

    if (!value_is_symbol(value_car(v)) || !value_is_pair(value_cdr(v)) ||
        !value_is_null(value_cdr(value_cdr(v))))
        return NULL;
    for (size_t i = 0; i < countof(quotes); i++) {
        if (!strcmp(value_symbol(value_car(v))->utf8, quotes[i].name)) return quotes[i].prefix;
    }
    return NULL;
}

static void open_compound(Printer *p, Value v)
{
    if (print_label(p, v)) return;
    if (value_is_pair(v)) {
        const char *quote = wants_label(p, value_cdr(v)) ? NULL : quote_prefix(v);
        if (quote) {
            buf_text(p->out, quote);
            push(p, value_cdr(v), 3); // 3: its car, without brackets
        } else {
            buf_u8(p->out, '(');
            push(p, v, 0);
        }
        return;
    }
    switch (header_kind(value_header(v))) {
    case KIND_VECTOR:
        buf_text(p->out, "#(");
        push(p, v, 0);
        break;
    case KIND_RECORD:
        buf_printf(p->out, "#<%s",
                   symbol_text(object_ref(object_ref(v, RECORD_TYPE_SLOT), RTYPE_NAME)));
        push(p, v, RECORD_FIELDS);
        break;
    case KIND_HASHMAP:
    case KIND_HASHSET:
        buf_text(p->out, header_kind(value_header(v)) == KIND_HASHSET ? "#hashset{" : "#hashmap{");
        p->brace = p->out->size;
        push(p, v, 0);
        break;
    default:
        buf_printf(p->out, "#<%s", header_kind(value_header(v)) == KIND_VALUES ? "values " : "box");
        push(p, v, 0);
    }
}

static bool reads_back(Value v)
{
    switch (value_tag(v)) {
    case TAG_FIX:
    case TAG_FLO:
    case TAG_PAIR:
        return true;
    case TAG_OBJ:
        break;
    case TAG_PROC:
    case TAG_ID:
        return false;
    default:
        return value_is_char(v) || value_is_null(v) || value_is(v, V_TRUE) || value_is(v, V_FALSE);
    }
    switch (header_kind(value_header(v))) {
    case KIND_VECTOR:
    case KIND_STRING:
    case KIND_SYMBOL:
    case KIND_BYTEVECTOR:
    case KIND_BIGNUM:
    case KIND_RATIO:
    case KIND_FLONUM:
        return true;
    default:
        return false;
    }
}

// What the text form writes in its own way.
static bool print_special(Printer *p, Value v)
{
    if (value_tag(v) == TAG_ID || value_is_external(v)) {
        print_text_id(p->out, v, p->identity, p->node);
    } else if (value_is(v, V_EOF) || value_is(v, V_UNSPECIFIED)) {
        buf_text(p->out, value_is(v, V_EOF) ? "#[eof]" : "#[unspecified]");
    } else {
        return false;
    }
    return true;
}

static void print_any(Printer *p, Value v)
{
    if (p->object && !reads_back(v)) {
        p->object(p->context, p->out, v, false);
        return;
    }
    if (is_compound(v)) {
        open_compound(p, v);
        return;
    }
    if (p->style == PRINT_TEXT && print_special(p, v)) return;
    switch (value_tag(v)) {
    case TAG_FIX:
        buf_decimal(p->out, value_int(v));
        break;
    case TAG_FLO:
        num_print(p->out, v, 10);
        break;
    case TAG_PROC:
        print_proc(p->out, v);
        break;
    case TAG_ID:
        print_id(p->out, v);
        break;
    case TAG_OBJ:
        print_atom(p->out, v, p->style);
        break;
    default:
        print_immediate(p->out, v, p->style);
    }
}

// The next part of a list: index 0 prints the car, 1 goes on with the cdr.
static void step_pair(Printer *p, Open *o)
{
    if (o->index == 3) {
        Value v = value_car(o->v);
        p->depth--;
        print_any(p, v);
        return;
    }
    if (o->index == 0) {
        o->index = 1;
        print_any(p, value_car(o->v));
        return;
    }
    Value rest = value_cdr(o->v);
    if (value_is_null(rest)) {
        buf_u8(p->out, ')');
        p->depth--;
    } else if (value_is_pair(rest) && !wants_label(p, rest)) {
        buf_u8(p->out, ' ');
        o->v = rest;
        o->index = 0;
    } else if (o->index == 1) {
        buf_text(p->out, " . ");
        o->index = 2;
        print_any(p, rest);
    } else {
        buf_u8(p->out, ')');
        p->depth--;
    }
}

static Value field_name(Value record, size_t i)
{
    Value fields = object_ref(object_ref(record, RECORD_TYPE_SLOT), RTYPE_FIELDS);
    return value_is_kind(fields, KIND_VECTOR) && i < object_count(fields) ? object_ref(fields, i)
                                                                        : V_FALSE;
}

// Fields whose names begin with % are the library's own business.
static bool is_hidden(Value name)
{
    return value_is_symbol(name) && value_symbol(name)->utf8[0] == '%';
}

static void step_object(Printer *p, Open *o)
{
    bool vector = header_kind(value_header(o->v)) == KIND_VECTOR;

    if (o->index == object_count(o->v)) {
        buf_u8(p->out, vector ? ')' : '>');
        p->depth--;
        return;
    }
    size_t i = o->index++;
    if (header_kind(value_header(o->v)) == KIND_RECORD) {
        Value name = field_name(o->v, i - RECORD_FIELDS);
        if (is_hidden(name)) return;
        buf_printf(p->out, value_is_symbol(name) ? " %s: " : " ", symbol_text(name));
    } else if (i > 0) {
        buf_u8(p->out, ' ');
    }
    print_any(p, object_ref(o->v, i));
}

// A node's entries, then its children, which are no objects to the reader. `index` counts keys and
// values; an odd one is a value that is to be printed.
static void step_node(Printer *p, Open *o)
{
    // The map that the innermost open nodes belong to.
    size_t map = p->depth - 1;
    while (header_kind(value_header(p->stack[map].v)) == KIND_HASHNODE) {
        map--;
    }
    bool set = value_is_kind(p->stack[map].v, KIND_HASHSET);
    size_t i = o->index++, words = 2 * hamt_entry_count(o->v);
    if (i >= words) {
        Value child = i - words < hamt_child_count(o->v) ? hamt_child(o->v, i - words) : V_FALSE;
        if (value_true(child)) {
            push(p, child, 0);
        } else {
            p->depth--;
        }
        return;
    }
    if (i % 2 == 1) {
        if (set) return; // the value of an element is #t
        buf_u8(p->out, ' ');
    } else if (p->out->size != p->brace) {
        buf_text(p->out, set ? " " : ", ");
    }
    print_any(p, object_ref(o->v, NODE_FIRST + i));
}

static void step_map(Printer *p, Open *o)
{
    if (o->index++ == 0) {
        push(p, object_ref(o->v, HASHMAP_ROOT), 0);
        return;
    }
    buf_u8(p->out, '}');
    p->depth--;
}

static void print_structure(Printer *p, Value v)
{
    print_any(p, v);
    while (p->depth > 0 && !p->failed) {
        if (p->max && p->out->size > p->max) return;
        Open *o = &p->stack[p->depth - 1];
        Kind kind = value_is_pair(o->v) ? KIND_COUNT : header_kind(value_header(o->v));
        if (kind == KIND_COUNT) {
            step_pair(p, o);
        } else if (kind == KIND_HASHNODE) {
            step_node(p, o);
        } else if (kind == KIND_HASHMAP || kind == KIND_HASHSET) {
            step_map(p, o);
        } else {
            step_object(p, o);
        }
    }
}

// Cuts a text at `max` bytes, between characters.
static void cut(Buf *out, size_t max)
{
    if (out->size <= max) return;
    size_t at = max > 3 ? max - 3 : 0;
    while (at > 0 && (out->data[at] & 0xC0) == 0x80) {
        at--;
    }
    out->size = at;
    buf_text(out, "...");
}

static void finish(Printer *p)
{
    if (p->failed) p->out->failed = true;
    mem_free(MEM_SCRATCH, p->stack, p->capacity * sizeof *p->stack);
    mem_free(MEM_SCRATCH, p->table, p->slots * sizeof *p->table);
}

void print_value(Buf *out, Value v, PrintStyle style, size_t max_bytes)
{
    Printer p = {.out = out, .style = style, .max = max_bytes ? out->size + max_bytes : 0};

    if (is_compound(v) && (style == PRINT_SHARED || is_large(&p, v)))
        find_cycles(&p, v);
    print_structure(&p, v);
    if (p.max) cut(out, p.max);
    finish(&p);
}

void print_text(Buf *out, Value v, uint64_t identity, Value node)
{
    Printer p = {.out = out, .style = PRINT_TEXT, .identity = identity, .node = node};

    if (is_compound(v)) find_cycles(&p, v);
    print_structure(&p, v);
    finish(&p);
}

void print_datum(Buf *out, Value v, PrintObject *object, void *context)
{
    Printer p = {.out = out, .style = PRINT_SHARED, .object = object, .context = context};

    if (is_compound(v)) find_cycles(&p, v);
    print_structure(&p, v);
    finish(&p);
}
