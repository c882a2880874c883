// letrec* to let, fix and assignment (after Waddell, Sarkar and Dybvig, "Fixing Letrec", and Ghuloum
// and Dybvig, "Fixing Letrec (reloaded)").
//
// The bindings form a graph: one depends on another when its init names it, and an init that may have
// an effect also depends on every earlier one of that kind, because letrec* evaluates in order. The
// strongly connected components, dependencies first, become: a let when it is one binding that does
// not name itself; a fix when all are lambdas; else boxes that are filled in order, whose reads are
// checked.
#include "compiler/pass/pass.h"

#include "vm/base/check.h"

typedef struct Group {
    Compiler *c;
    Core *n;
    uint32_t count;
    uint32_t *edges;      // adjacency lists: count + total
    uint32_t *edge_start; // per binding, count + 1
    uint32_t edge_count, edge_capacity;
    // Tarjan's algorithm
    uint32_t *index, *low, *stack, *component;
    bool *on_stack;
    uint32_t next_index, stack_size, components;
    uint32_t current; // whose references are being collected
    uint32_t *mark;   // last binding that noted a reference to this one
} Group;

static bool is_lambda(const Group *g, uint32_t i)
{
    return g->n->u.let.inits[i]->kind == CORE_LAMBDA && !g->n->u.let.vars[i]->assigned;
}

// When it is evaluated can be told from nothing else. Not so for a constant: who reads its variable
// before its turn is to be caught.
static bool is_simple(const Core *init)
{
    return init->kind == CORE_LAMBDA;
}

// ---- the graph ------------------------------------------------------------------------------------

static void add_edge(Group *g, uint32_t to)
{
    if (g->mark[to] == g->current + 1) return;
    g->mark[to] = g->current + 1;
    if (g->edge_count == g->edge_capacity) {
        uint32_t more = g->edge_capacity ? g->edge_capacity * 2 : 16;
        uint32_t *edges = arena_array(&g->c->unit, uint32_t, more);
        for (uint32_t i = 0; i < g->edge_count; i++) {
            edges[i] = g->edges[i];
        }
        g->edges = edges;
        g->edge_capacity = more;
    }
    g->edges[g->edge_count++] = to;
}

static void collect(void *context, Core **child)
{
    Group *g = context;
    Core *n = *child;
    Var *v = n->kind == CORE_LOCAL ? n->u.local : n->kind == CORE_SET_LOCAL ? n->u.set_local.var : NULL;

    // Var.info is 1 + the binding's number while its group is worked on.
    if (v && v->info) add_edge(g, (uint32_t)(uintptr_t)v->info - 1);
    node_each_child(n, collect, g);
}

static void build_graph(Group *g)
{
    uint32_t last_complex = UINT32_MAX;

    for (uint32_t i = 0; i < g->count; i++) {
        g->current = i;
        g->edge_start[i] = g->edge_count;
        collect(g, &g->n->u.let.inits[i]);
        if (!is_simple(g->n->u.let.inits[i])) {
            if (last_complex != UINT32_MAX) add_edge(g, last_complex);
            last_complex = i;
        }
    }
    g->edge_start[g->count] = g->edge_count;
}

static void connect(Group *g, uint32_t i)
{
    g->index[i] = g->low[i] = ++g->next_index;
    g->stack[g->stack_size++] = i;
    g->on_stack[i] = true;
    for (uint32_t e = g->edge_start[i]; e < g->edge_start[i + 1]; e++) {
        uint32_t to = g->edges[e];
        if (g->index[to] == 0) {
            connect(g, to);
            g->low[i] = MIN(g->low[i], g->low[to]);
        } else if (g->on_stack[to]) {
            g->low[i] = MIN(g->low[i], g->index[to]);
        }
    }
    if (g->low[i] != g->index[i]) return;
    uint32_t member;
    do {
        member = g->stack[--g->stack_size];
        g->on_stack[member] = false;
        g->component[member] = g->components;
    } while (member != i);
    g->components++;
}

static bool names_itself(const Group *g, uint32_t i)
{
    for (uint32_t e = g->edge_start[i]; e < g->edge_start[i + 1]; e++) {
        if (g->edges[e] == i) return true;
    }
    return false;
}

// ---- the result -----------------------------------------------------------------------------------

static Core *bind(Group *g, CoreKind kind, const uint32_t *members, uint32_t n, Core *body)
{
    Var **vars = arena_array(&g->c->unit, Var *, n);
    Core **inits = arena_array(&g->c->unit, Core *, n);

    for (uint32_t i = 0; i < n; i++) {
        vars[i] = g->n->u.let.vars[members[i]];
        inits[i] = g->n->u.let.inits[members[i]];
    }
    return node_let(g->c, kind, vars, inits, n, body, g->n->span);
}

// Boxes for what is no lambda, a fix for the lambdas, then the inits in order.
static Core *bind_complex(Group *g, const uint32_t *members, uint32_t n, Core *body)
{
    uint32_t *lambdas = arena_array(&g->c->unit, uint32_t, n);
    uint32_t lambda_count = 0;

    for (uint32_t i = n; i > 0; i--) {
        uint32_t m = members[i - 1];
        if (is_lambda(g, m)) continue;
        Core *set = node_new(g->c, CORE_SET_LOCAL, g->n->u.let.inits[m]->span);
        set->u.set_local.var = g->n->u.let.vars[m];
        set->u.set_local.value = g->n->u.let.inits[m];
        body = node_seq2(g->c, set, body);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (is_lambda(g, members[i])) lambdas[lambda_count++] = members[i];
    }
    if (lambda_count > 0) body = bind(g, CORE_FIX, lambdas, lambda_count, body);
    for (uint32_t i = n; i > 0; i--) {
        uint32_t m = members[i - 1];
        if (is_lambda(g, m)) continue;
        Var *v = g->n->u.let.vars[m];
        v->assigned = v->checked = true;
        body = node_let1(g->c, v, node_unspecified(g->c, g->n->span), body);
    }
    return body;
}

static Core *bind_component(Group *g, const uint32_t *members, uint32_t n, Core *body)
{
    bool all_lambdas = true;

    for (uint32_t i = 0; i < n; i++) {
        all_lambdas = all_lambdas && is_lambda(g, members[i]);
    }
    if (all_lambdas) return bind(g, CORE_FIX, members, n, body);
    if (n == 1 && !names_itself(g, members[0])) return bind(g, CORE_LET, members, n, body);
    return bind_complex(g, members, n, body);
}

// Components come out of Tarjan's algorithm dependencies first; the tree is built from the inside.
static Core *bind_components(Group *g)
{
    Core *body = g->n->u.let.body;
    uint32_t *members = arena_array(&g->c->unit, uint32_t, g->count);
    uint32_t *start = arena_array(&g->c->unit, uint32_t, g->components + 1);

    // Members of each component in the order they were written.
    for (uint32_t i = 0; i < g->count; i++) {
        start[g->component[i] + 1]++;
    }
    for (uint32_t k = 0; k < g->components; k++) {
        start[k + 1] += start[k];
    }
    uint32_t *fill = arena_array(&g->c->unit, uint32_t, g->components + 1);
    for (uint32_t i = 0; i < g->count; i++) {
        uint32_t k = g->component[i];
        members[start[k] + fill[k]++] = i;
    }
    for (uint32_t k = g->components; k > 0; k--) {
        body = bind_component(g, members + start[k - 1], start[k] - start[k - 1], body);
    }
    return body;
}

static Core *convert(Compiler *c, Core *n)
{
    uint32_t count = n->u.let.count;
    Group g = {.c = c, .n = n, .count = count};

    if (count == 0) return n->u.let.body;
    g.edge_start = arena_array(&c->unit, uint32_t, count + 1);
    g.index = arena_array(&c->unit, uint32_t, count);
    g.low = arena_array(&c->unit, uint32_t, count);
    g.stack = arena_array(&c->unit, uint32_t, count);
    g.component = arena_array(&c->unit, uint32_t, count);
    g.mark = arena_array(&c->unit, uint32_t, count);
    g.on_stack = arena_array(&c->unit, bool, count);
    for (uint32_t i = 0; i < count; i++) {
        n->u.let.vars[i]->info = (void *)(uintptr_t)(i + 1);
    }
    build_graph(&g);
    for (uint32_t i = 0; i < count; i++) {
        n->u.let.vars[i]->info = NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (g.index[i] == 0) connect(&g, i);
    }
    return bind_components(&g);
}

static void walk(void *context, Core **child)
{
    Compiler *c = context;

    node_each_child(*child, walk, c);
    if ((*child)->kind == CORE_LETREC) *child = convert(c, *child);
}

Core *pass_letrec(Compiler *c, Core *n)
{
    walk(c, &n);
    return n;
}
