// See refusal.h. A search from the root, breadth first, so that the path is a shortest one.
#include "runtime/native/refusal.h"

#include "vm/base/map.h"
#include "vm/code/print.h"
#include "vm/data/hamt.h"
#include "vm/data/table.h"

#include <string.h>

// A value found further away than this is named without a path.
#define NODES_MAX 20000

typedef struct {
    Value value;
    Value key;       // of a map or table whose value it is; V_NONE
    uint32_t parent; // index of the node it was found in
    uint32_t step;   // which part of the parent it is
} Node;

typedef struct {
    Node *nodes;
    uint32_t count;
    Map seen;
    Value wanted;
    uint32_t found; // index; 0: not yet (the root is never wanted)
} Search;

// Steps that are no numbers of elements.
enum { STEP_TAIL = UINT32_MAX, STEP_VALUE = UINT32_MAX - 1, STEP_KEY = UINT32_MAX - 2 };

static void add(Search *s, Value v, uint32_t parent, uint32_t step, Value key)
{
    bool made;

    if (s->found || s->count == NODES_MAX || !value_is_pointer(v)) return;
    if (!map_add(&s->seen, MEM_SCRATCH, v.bits, &made) || !made) return;
    s->nodes[s->count] = (Node){v, key, parent, step};
    if (value_is(v, s->wanted)) s->found = s->count;
    s->count++;
}

// A list's elements are parts of the list: "element 3", not three times "tail".
static void expand_list(Search *s, uint32_t index)
{
    Value rest = s->nodes[index].value;
    uint32_t step = 0;

    for (; value_is_pair(rest) && step < NODES_MAX; rest = value_cdr(rest)) {
        add(s, value_car(rest), index, step++, V_NONE);
    }
    if (!value_is_null(rest)) add(s, rest, index, STEP_TAIL, V_NONE);
}

static void add_entry(Search *s, uint32_t index, Value key, Value value)
{
    add(s, key, index, STEP_KEY, V_NONE);
    add(s, value, index, STEP_VALUE, key);
}

// Recursion is as deep as the trie.
static void expand_trie(Search *s, uint32_t index, Value node, unsigned depth)
{
    for (size_t i = 0; i < hamt_entry_count(node) && !s->found; i++) {
        const Value *entry = hamt_entry(node, i);
        add_entry(s, index, entry[0], entry[1]);
    }
    for (size_t i = 0; depth <= HAMT_LEVELS && i < hamt_child_count(node) && !s->found; i++) {
        expand_trie(s, index, hamt_child(node, i), depth + 1);
    }
}

static void expand_table(Search *s, uint32_t index)
{
    Value table = s->nodes[index].value;
    size_t n = table_number(table, TABLE_USED);

    for (size_t i = 0; i < n && i < NODES_MAX && !s->found; i++) {
        const Value *entry = table_entry(table, i);
        add_entry(s, index, entry[0], entry[1]);
    }
}

static void expand(Search *s, uint32_t index)
{
    Value v = s->nodes[index].value;

    if (value_is_pair(v)) {
        expand_list(s, index);
        return;
    }
    Kind kind = header_kind(value_header(v));
    if (kind_layout[kind] != LAYOUT_VALUES) return;
    if (kind == KIND_HASHMAP || kind == KIND_HASHSET) {
        expand_trie(s, index, object_ref(v, HASHMAP_ROOT), 0);
        return;
    }
    if (kind == KIND_TABLE) {
        expand_table(s, index);
        return;
    }
    size_t first = kind == KIND_PROC || kind == KIND_RECORD ? 1 : 0;
    for (size_t i = first; i < object_count(v) && !s->found; i++) {
        add(s, object_ref(v, i), index, (uint32_t)(i - first), V_NONE);
    }
}

static void put_step(Buf *out, Value parent, const Node *node)
{
    Kind kind = value_is_pair(parent) ? KIND_COUNT : header_kind(value_header(parent));

    if (kind == KIND_RECORD) {
        Value names = object_ref(object_ref(parent, RECORD_TYPE_SLOT), RTYPE_FIELDS);
        buf_text(out, "field ");
        print_value(out, object_ref(names, node->step), PRINT_DISPLAY, 40);
    } else if (node->step == STEP_TAIL) {
        buf_text(out, "tail");
    } else if (node->step == STEP_KEY) {
        buf_text(out, kind == KIND_HASHSET ? "an element" : "a key");
    } else if (node->step == STEP_VALUE) {
        buf_text(out, value_is_symbol(node->key) ? "key '" : "key ");
        print_value(out, node->key, PRINT_WRITE, 40);
    } else {
        buf_printf(out, kind == KIND_PROC ? "upvalue[%u]" : "element %u", node->step);
    }
}

static void put_path(const Search *s, Buf *out)
{
    uint32_t steps[32], n = 0;

    for (uint32_t i = s->found; i != 0 && n < countof(steps); i = s->nodes[i].parent) {
        steps[n++] = i;
    }
    for (; n > 0; n--) {
        const Node *node = &s->nodes[steps[n - 1]];
        put_step(out, s->nodes[node->parent].value, node);
        buf_text(out, n > 1 ? " -> " : "");
    }
}

uint32_t refusal_path(Buf *out, Value root, Value refused)
{
    Search s = {.nodes = mem_alloc(MEM_SCRATCH, NODES_MAX * sizeof(Node)), .wanted = refused};

    if (s.nodes && value_is_pointer(root) && !value_is(root, refused)) {
        add(&s, root, 0, 0, V_NONE);
        for (uint32_t i = 0; i < s.count && !s.found; i++) {
            expand(&s, i);
        }
        if (s.found) put_path(&s, out);
    }
    if (out->failed || out->size == 0 || out->size >= 110) {
        buf_clear(out);
        buf_text(out, "the value");
    }
    map_free(&s.seen, MEM_SCRATCH);
    mem_free(MEM_SCRATCH, s.nodes, NODES_MAX * sizeof(Node));
    return s.count;
}

Value fail_refused(Actor *a, const char *who, Value root, Value refused)
{
    Buf path = BUF_INIT;
    uint32_t work = refusal_path(&path, root, refused);
    Value v = fail_text(HEAP(a), ERR_BADARG, who, "%s cannot travel:", buf_cstr(&path));

    actor_worker(a)->scratch.fault.irritants[0] = refused;
    actor_worker(a)->scratch.fault.irritant_count = 1;
    actor_charge(a, work / 8);
    buf_free(&path);
    return v;
}
