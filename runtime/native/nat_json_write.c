// The writer of JSON: values to text.
//
// Model: a machine without recursion that keeps its whole state in the argument slots of its
// native, so that it stops between two elements when the slice of its actor is over and goes on in
// the next one. What it has written by then is a string in a list of pieces, the last one first,
// which is also what it gives in the end. What is open is a container and the place in it: a list,
// or a vector and an index; an object is a vector of its keys and values, sorted by key, and a
// negative index.
//
// The state comes from Scheme code, which may be forged: what is read from it is checked.
#include "runtime/native/natives.h"

#include "vm/base/mem.h"
#include "vm/data/hamt.h"

#include <stdlib.h>
#include <string.h>

enum {
    WRITE_VALUE,     // what is to be written; the default mark when there is nothing to write now
    WRITE_INDENT,    // spaces per level, or #f: all on one line
    WRITE_DEPTH_MAX, // how many arrays and objects may be open
    WRITE_CONTAINER, // the innermost one, or #f
    WRITE_INDEX,
    WRITE_OUTER, // list of container, index and so on
    WRITE_DEPTH,
    WRITE_PIECES,
};

#define PIECE_BYTES 32768
#define INDENT_MAX  16

typedef struct {
    Actor *a;
    Value *args;
    Buf *out;
} Writer;

static const char who[] = "json:write";

static bool refuse(Writer *w, const char *expected, Value got)
{
    (void)fail_type(HEAP(w->a), who, expected, got);
    return false;
}

// ---- strings and numbers
// ----------------------------------------------------------------------------

static void put_escape(Buf *out, uint32_t c)
{
    static const char codes[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *code = c ? strchr(codes, (int)c) : NULL;

    if (code) {
        buf_u8(out, '\\');
        buf_u8(out, (uint8_t)names[code - codes]);
    } else {
        buf_printf(out, "\\u%04x", (unsigned)c);
    }
}

static bool is_plain(uint32_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void put_string(Buf *out, Value s)
{
    Bytes *b = value_bytes(s);
    const uint8_t *data = bytes_data(b);
    unsigned width = bytes_width_log2(b);
    size_t n = bytes_length(b);

    buf_u8(out, '"');
    for (size_t i = 0; i < n; i++) {
        size_t from = i;
        while (width == 0 && i < n && is_plain(data[i]) && data[i] < 0x80) {
            i++;
        }
        buf_bytes(out, data + from, i - from);
        if (i == n) break;
        uint32_t c = bytes_scalar_at(data, width, i);
        if (is_plain(c)) {
            buf_char(out, c);
        } else {
            put_escape(out, c);
        }
    }
    buf_u8(out, '"');
}

// A symbol or a string.
static void put_name(Buf *out, Value name)
{
    if (value_is_string(name)) {
        put_string(out, name);
        return;
    }
    const Symbol *s = value_symbol(name);
    buf_u8(out, '"');
    for (uint32_t i = 0; i < s->utf8_bytes; i++) {
        uint8_t c = (uint8_t)s->utf8[i];
        if (is_plain(c)) {
            buf_u8(out, c);
        } else {
            put_escape(out, c);
        }
    }
    buf_u8(out, '"');
}

static bool put_number(Writer *w, Value v)
{
    if (value_is_ratio(v)) return refuse(w, "a number that JSON can hold", v);
    if (value_is_flo(v) && value_double(v) - value_double(v) != 0)
        return refuse(w, "a finite number", v);
    actor_charge(w->a, num_cost(NUM_COST_TEXT, v, v) / 1000);
    num_print(w->out, v, 10);
    return true;
}

// ---- objects
// ----------------------------------------------------------------------------------------

typedef struct {
    size_t at, size;     // of the key's UTF-8, in `names`
    const uint8_t *name; // the same, once all are there
    Value key, value;
} Member;

typedef struct {
    Member *members;
    size_t count, room;
    Buf names;
    Value refused; // a key that is neither string nor symbol
} Members;

static int compare_members(const void *x, const void *y)
{
    const Member *a = x, *b = y;
    int order = memcmp(a->name, b->name, MIN(a->size, b->size));

    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static void add_member(Members *m, Value key, Value value)
{
    if (m->count == m->room) return;
    Member *member = &m->members[m->count++];
    *member = (Member){m->names.size, 0, NULL, key, value};
    if (value_is_string(key)) {
        string_to_utf8(key, &m->names);
    } else if (value_is_symbol(key)) {
        buf_bytes(&m->names, value_symbol(key)->utf8, value_symbol(key)->utf8_bytes);
    } else {
        m->refused = key;
    }
    member->size = m->names.size - member->at;
}

// Recursion is as deep as the trie.
static void collect(Members *m, Value node, unsigned depth)
{
    for (size_t i = 0; i < hamt_entry_count(node); i++) {
        const Value *entry = hamt_entry(node, i);
        add_member(m, entry[0], entry[1]);
    }
    for (size_t i = 0; depth <= HAMT_LEVELS && i < hamt_child_count(node); i++) {
        collect(m, hamt_child(node, i), depth + 1);
    }
}

// Fills the vector of keys and values, made before: nothing here allocates on the heap.
static bool fill_sorted(Writer *w, Members *m, Value map, Value *slots)
{
    bool done = false;

    m->members = mem_alloc(MEM_SCRATCH, m->room * sizeof *m->members);
    if (m->members) collect(m, object_ref(map, HASHMAP_ROOT), 0);
    if (!m->members || m->names.failed) {
        (void)fail_text(HEAP(w->a), ERR_HEAP_LIMIT, who, "out of memory");
    } else if (!value_is(m->refused, V_NONE)) {
        (void)refuse(w, "a key that is a string or a symbol", m->refused);
    } else {
        for (size_t i = 0; i < m->count; i++) {
            m->members[i].name = m->names.data + m->members[i].at;
        }
        if (m->names.size > 0) qsort(m->members, m->count, sizeof *m->members, compare_members);
        for (size_t i = 0; i < m->count; i++) {
            slots[2 * i] = m->members[i].key;
            slots[2 * i + 1] = m->members[i].value;
        }
        done = true;
    }
    if (m->members) mem_free(MEM_SCRATCH, m->members, m->room * sizeof *m->members);
    buf_free(&m->names);
    return done;
}

// The members of the map in WRITE_VALUE, sorted: a vector. V_FAIL.
static Value sorted_members(Writer *w)
{
    size_t n = (size_t)value_int(object_ref(w->args[WRITE_VALUE], HASHMAP_COUNT));
    Members m = {.room = n, .names = BUF_INIT, .refused = V_NONE};
    Value *words = heap_alloc(HEAP(w->a), header_make(KIND_VECTOR, 2 * n));

    if (!words) return V_FAIL;
    for (size_t i = 0; i < 2 * n; i++) {
        words[1 + i] = V_FALSE;
    }
    if (n > 0 && !fill_sorted(w, &m, w->args[WRITE_VALUE], words + 1)) return V_FAIL;
    actor_charge(w->a, n);
    return value_from_words(words, TAG_OBJ);
}

// ---- containers
// -------------------------------------------------------------------------------------

// Ends and proper: what goes round could be written for ever.
static bool is_list(Actor *a, Value v)
{
    Value slow = v;
    size_t n = 0;

    for (; value_is_pair(v); n++) {
        v = value_cdr(v);
        if (n & 1) slow = value_cdr(slow);
        if (value_is_pair(v) && value_is(v, slow)) return false;
    }
    actor_charge(a, n / 32);
    return value_is_null(v);
}

static bool is_array(Value container, int64_t index)
{
    return value_is_pair(container) || value_is_null(container) || index >= 0;
}

static bool at_end(Value container, int64_t index)
{
    if (!value_is_kind(container, KIND_VECTOR)) return !value_is_pair(container);
    return (uint64_t)(index >= 0 ? index : -index - 1) >= object_count(container);
}

static void put_line(Writer *w, int64_t depth)
{
    if (!value_is_fix(w->args[WRITE_INDENT])) return;
    buf_u8(w->out, '\n');
    for (int64_t i = depth * value_int(w->args[WRITE_INDENT]); i > 0; i--) {
        buf_u8(w->out, ' ');
    }
}

static bool open_container(Writer *w)
{
    Value *args = w->args, v = args[WRITE_VALUE];
    Heap *h = HEAP(w->a);
    bool object = value_is_kind(v, KIND_HASHMAP);
    int64_t depth = value_int(args[WRITE_DEPTH]) + 1;

    if (value_is_pair(v) && !is_list(w->a, v)) return refuse(w, "a proper list", v);
    if (depth > value_int(args[WRITE_DEPTH_MAX])) {
        (void)fail_text(h, ERR_TYPE, who, "the value is nested too deeply");
        return false;
    }
    if (object) {
        v = sorted_members(w);
        if (value_is(v, V_FAIL)) return false;
        args[WRITE_VALUE] = v;
    }
    if (at_end(v, 0)) {
        buf_text(w->out, object ? "{}" : "[]");
        return true;
    }
    if (!heap_reserve(h, 4)) return false;
    Value rest = heap_cons(h, args[WRITE_INDEX], args[WRITE_OUTER]);
    args[WRITE_OUTER] = heap_cons(h, args[WRITE_CONTAINER], rest);
    args[WRITE_CONTAINER] = args[WRITE_VALUE];
    args[WRITE_INDEX] = value_fix(object ? -1 : 0);
    args[WRITE_DEPTH] = value_fix(depth);
    buf_u8(w->out, object ? '{' : '[');
    return true;
}

static bool close_container(Writer *w)
{
    Value *args = w->args, outer = args[WRITE_OUTER];
    int64_t depth = value_int(args[WRITE_DEPTH]) - 1;

    put_line(w, depth);
    buf_u8(w->out, is_array(args[WRITE_CONTAINER], value_int(args[WRITE_INDEX])) ? ']' : '}');
    if (!value_is_pair(outer) || !value_is_pair(value_cdr(outer)) ||
        !value_is_fix(value_car(value_cdr(outer))))
        return refuse(w, "a state", outer);
    args[WRITE_CONTAINER] = value_car(outer);
    args[WRITE_INDEX] = value_car(value_cdr(outer));
    args[WRITE_OUTER] = value_cdr(value_cdr(outer));
    args[WRITE_DEPTH] = value_fix(depth);
    return true;
}

// The next element of the innermost container becomes WRITE_VALUE; at its end it is closed. Its
// last index tells the first element from others: lists count it, too.
static bool next_element(Writer *w)
{
    Value *args = w->args, container = args[WRITE_CONTAINER];
    int64_t index = value_int(args[WRITE_INDEX]);

    if (at_end(container, index)) return close_container(w);
    if (index != 0 && index != -1) buf_u8(w->out, ',');
    put_line(w, value_int(args[WRITE_DEPTH]));
    if (value_is_pair(container)) {
        args[WRITE_VALUE] = value_car(container);
        args[WRITE_CONTAINER] = value_cdr(container);
        args[WRITE_INDEX] = value_fix(1);
    } else if (index >= 0) {
        args[WRITE_VALUE] = object_ref(container, (size_t)index);
        args[WRITE_INDEX] = value_fix(index + 1);
    } else {
        size_t at = (size_t)(-index - 1);
        Value key = object_ref(container, at);
        if (at + 1 >= object_count(container) || !(value_is_string(key) || value_is_symbol(key)))
            return refuse(w, "a state", container);
        put_name(w->out, key);
        buf_text(w->out, value_is_fix(args[WRITE_INDENT]) ? ": " : ":");
        args[WRITE_VALUE] = object_ref(container, at + 1);
        args[WRITE_INDEX] = value_fix(index - 2);
    }
    return true;
}

static bool put_value(Writer *w)
{
    Value v = w->args[WRITE_VALUE];
    bool ok = true;

    if (value_is_string(v) || value_is_symbol(v)) {
        put_name(w->out, v);
    } else if (value_is_number(v)) {
        ok = put_number(w, v);
    } else if (value_is_boolean(v)) {
        buf_text(w->out, value_true(v) ? "true" : "false");
    } else if (value_is_null(v)) {
        buf_text(w->out, "null");
    } else if (value_is_pair(v) || value_is_kind(v, KIND_VECTOR) ||
               value_is_kind(v, KIND_HASHMAP)) {
        ok = open_container(w);
    } else {
        ok = refuse(w, "a value that JSON can hold", v);
    }
    w->args[WRITE_VALUE] = V_DEFAULT;
    return ok;
}

// What has been written becomes a piece.
static bool flush(Writer *w)
{
    Heap *h = HEAP(w->a);

    if (w->out->failed) {
        (void)fail_text(h, ERR_HEAP_LIMIT, who, "out of memory");
        return false;
    }
    Value piece = string_from_utf8(h, w->out->data, w->out->size);
    if (value_is(piece, V_FAIL)) return false;
    unsigned mark = heap_root_mark(h);
    Value *slot = heap_root(h, piece);
    bool ok = heap_reserve(h, 2);
    if (ok) w->args[WRITE_PIECES] = heap_cons(h, *slot, w->args[WRITE_PIECES]);
    heap_unroot(h, mark);
    buf_clear(w->out);
    return ok;
}

static bool check_state(Value *args)
{
    size_t n;

    return native_size(args[WRITE_DEPTH], &n) && native_size(args[WRITE_DEPTH_MAX], &n) &&
           value_is_fix(args[WRITE_INDEX]) &&
           (!value_is_fix(args[WRITE_INDENT]) ||
            native_index(args[WRITE_INDENT], INDENT_MAX + 1, &n)) &&
           (value_is(args[WRITE_CONTAINER], V_FALSE) || value_is_null(args[WRITE_CONTAINER]) ||
            value_is_pair(args[WRITE_CONTAINER]) ||
            value_is_kind(args[WRITE_CONTAINER], KIND_VECTOR));
}

// (value indent depth-max container index outer depth pieces): the pieces, the last one first
NATIVE_FN(json_write)
{
    VmWorker *worker = actor_worker(a);
    Writer w = {a, args, &worker->text};
    size_t charged = 0;
    bool more = true, ok = true;

    (void)count;
    if (!check_state(args)) return fail_type(HEAP(a), who, "a state", args[WRITE_INDEX]);
    buf_clear(w.out);
    while (ok && more && worker->reductions_left > 0 && w.out->size < PIECE_BYTES) {
        ok = value_is(args[WRITE_VALUE], V_DEFAULT) ? next_element(&w) : put_value(&w);
        more = !value_is(args[WRITE_CONTAINER], V_FALSE);
        actor_charge(a, (w.out->size - charged) / 16 + (w.out->size & 1));
        charged = w.out->size;
    }
    if (!ok || !flush(&w)) return V_FAIL;
    return more ? V_YIELD : args[WRITE_PIECES];
}
