// See refusal.h. A search from the root, breadth first, so that the path is a shortest one.
#include "runtime/native/refusal.h"

#include "vm/base/map.h"
#include "vm/code/print.h"

#include <string.h>

// A value found further away than this is named without a path.
#define NODES_MAX 20000

typedef struct {
    Value value;
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

static void add(Search *s, Value v, uint32_t parent, uint32_t step)
{
    bool made;

    if (s->found || s->count == NODES_MAX || !value_is_pointer(v)) return;
    if (!map_add(&s->seen, MEM_SCRATCH, v.bits, &made) || !made) return;
    s->nodes[s->count] = (Node){v, parent, step};
    if (value_is(v, s->wanted)) s->found = s->count;
    s->count++;
}

// A list's elements are parts of the list: "element 3", not three times "tail".
static void expand_list(Search *s, uint32_t index)
{
    Value rest = s->nodes[index].value;
    uint32_t step = 0;

    for (; value_is_pair(rest) && step < NODES_MAX; rest = value_cdr(rest)) {
        add(s, value_car(rest), index, step++);
    }
    if (!value_is_null(rest)) add(s, rest, index, UINT32_MAX);
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
    size_t first = kind == KIND_PROC || kind == KIND_RECORD ? 1 : 0;
    for (size_t i = first; i < object_count(v) && !s->found; i++) {
        add(s, object_ref(v, i), index, (uint32_t)(i - first));
    }
}

static void put_step(Buf *out, Value parent, uint32_t step)
{
    Kind kind = value_is_pair(parent) ? KIND_COUNT : header_kind(value_header(parent));

    if (kind == KIND_RECORD) {
        Value names = object_ref(object_ref(parent, RECORD_TYPE_SLOT), RTYPE_FIELDS);
        buf_text(out, "field ");
        print_value(out, object_ref(names, step), PRINT_DISPLAY, 40);
    } else if (step == UINT32_MAX) {
        buf_text(out, "tail");
    } else {
        buf_printf(out, kind == KIND_PROC ? "upvalue[%u]" : "element %u", step);
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
        put_step(out, s->nodes[node->parent].value, node->step);
        buf_text(out, n > 1 ? " -> " : "");
    }
}

Value fail_refused(Actor *a, const char *who, Value root, Value refused)
{
    Search s = {.nodes = mem_alloc(MEM_SCRATCH, NODES_MAX * sizeof(Node)), .wanted = refused};
    Buf path = BUF_INIT;

    if (s.nodes && value_is_pointer(root) && !value_is(root, refused)) {
        add(&s, root, 0, 0);
        for (uint32_t i = 0; i < s.count && !s.found; i++) {
            expand(&s, i);
        }
        if (s.found) put_path(&s, &path);
    }
    const char *text = path.size > 0 && path.size < 120 ? buf_cstr(&path) : "the value";
    Value v = fail_text(HEAP(a), ERR_BADARG, who, "%s cannot travel:", text);
    actor_worker(a)->scratch.fault.irritants[0] = refused;
    actor_worker(a)->scratch.fault.irritant_count = 1;
    actor_charge(a, s.count / 8);
    buf_free(&path);
    map_free(&s.seen, MEM_SCRATCH);
    mem_free(MEM_SCRATCH, s.nodes, NODES_MAX * sizeof(Node));
    return v;
}
