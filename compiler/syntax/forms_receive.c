// receive-case: the clauses of match over the mailbox. std.actor exports it.
//
//   (receive-case (pattern [(when guard)] expression ...) ... [(after ms expression ...)])
//
//   (let ((value expr) ...)                 ; of (== expr) patterns
//     (let ((filter #(head count second ...) or #f) (deadline (%receive-begin ms)))
//       (let next ()
//         (let ((message (%receive-offer filter deadline)))
//           (if (eq? message default) after ...
//               tests of the message; a clause that matches is left for its body,
//               no clause: (%receive-return message) (next))))))
//
// The filter lets the VM refuse most messages where they lie (nat_receive.c). %receive-offer takes
// the message out of the mailbox at once and %receive-return puts it back: cheapest when it
// matches. Where guards or predicates run in between it stays in the mailbox (%receive-show,
// %receive-mark) until it is taken or skipped, because they may receive themselves.
#include "compiler/syntax/clauses.h"

typedef struct {
    PatTree tree;
    PtrVec hoisted; // Hoisted
    PtrVec clauses; // MatchClause
    Var *message, *mark, *deadline, *filter, *next;
    bool user_code;
    Stx *after; // the clause; NULL: none
} Receive;

static Core *local(Receive *r, Var *var)
{
    return core_local(r->tree.x, var, r->tree.span);
}

static Core *operation(Receive *r, KernelId id, Var *a, Var *b)
{
    Core *args[] = {local(r, a), b ? local(r, b) : NULL};
    return core_kernel(r->tree.x, id, args, b ? 2 : 1, r->tree.span);
}

// ---- clauses -----------------------------------------------------------------------------------

// A guard that raises does not match: (%match-satisfies? (lambda (x) guard) #f).
static Core *guarded(Receive *r, Core *guard)
{
    Expander *x = r->tree.x;
    Var *unused = var_new(x, sym_named(x->c, "_"), r->tree.span);

    if (guard->kind == CORE_CONST || guard->kind == CORE_LOCAL) return guard;
    Core *args[] = {core_lambda(x, NULL, &unused, 1, guard, guard->span),
                    core_boolean(x, false, guard->span)};
    return core_kernel(x, KERNEL_match_satisfies, args, 2, guard->span);
}

// Takes a message that stayed in the mailbox; when it is no longer there, looks on.
static Core *take_message(MatchClause *c, PatTree *t, Core *body)
{
    Receive *r = c->context;

    if (!r->user_code) return body;
    return core_if(t->x, operation(r, KERNEL_receive_take, r->message, r->mark), body,
                   tree_jump(t, r->next, NULL, 0), t->span);
}

static bool is_after(Expander *x, Stx *clause)
{
    return stx_is_pair(clause) && stx_is_spelled(stx_car(x, clause), "after");
}

static bool read_clauses(Receive *r, Stx **clauses, uint32_t count)
{
    Expander *x = r->tree.x;
    uint32_t depth = x->where.depth;
    bool good = true;

    for (uint32_t i = 0; i < count && enter_level(x, stx_span(clauses[i])); i++) {
        if (is_after(x, clauses[i])) {
            if (i + 1 == count) {
                r->after = clauses[i];
                continue;
            }
            syntax_error(x, stx_span(clauses[i]),
                         "receive-case: the after clause must be the last one");
            good = false;
            continue;
        }
        MatchClause *c = arena_new(unit_arena(x), MatchClause);
        c->reader = (PatReader){
            .x = x, .what = "receive-case", .hoisted = &r->hoisted, .guarded = true};
        c->matched = take_message;
        c->context = r;
        if (!match_clause_read(c, clauses[i], r->message, &r->tree)) {
            good = false;
            continue;
        }
        if (c->guard) c->guard = guarded(r, c->guard);
        r->user_code |= c->reader.user_code;
        vec_push(unit_arena(x), &r->clauses, c);
    }
    x->where.depth = depth;
    return good;
}

// ---- the filter --------------------------------------------------------------------------------

static Core *integer(Receive *r, int64_t value)
{
    Stx *stx = stx_new(r->tree.x, STX_INT, r->tree.span);

    stx->u.integer = value;
    return core_constant(r->tree.x, stx);
}

static Core *anything(Receive *r)
{
    return core_constant(r->tree.x, stx_new(r->tree.x, STX_DEFAULT, r->tree.span));
}

// What an element must be, as far as the filter can tell.
static Core *element_filter(Receive *r, const Pat *p)
{
    if (p->kind == PAT_VALUE && p->var) return local(r, p->var);
    if (p->kind == PAT_CONST) {
        StxKind kind = (StxKind)p->datum->kind;
        bool word = kind == STX_SYMBOL || kind == STX_INT || kind == STX_CHAR || kind == STX_BOOL;
        if (word) return core_constant(r->tree.x, p->datum);
    }
    return anything(r);
}

static bool says_nothing(const Core *c)
{
    return c->kind == CORE_CONST && c->u.constant->kind == STX_DEFAULT;
}

// Three words for one clause: the first element, how many there are (n: exactly; -1 - n: at least;
// #f: the message itself is the first word), the second element. False: the clause may want
// anything.
static bool clause_filter(Receive *r, const Pat *p, Core **words)
{
    int64_t n = 0;

    words[0] = element_filter(r, p->kind == PAT_PAIR ? p->a : p);
    words[2] = anything(r);
    if (p->kind != PAT_PAIR) {
        words[1] = core_boolean(r->tree.x, false, r->tree.span);
        return !says_nothing(words[0]);
    }
    if (p->b->kind == PAT_PAIR) words[2] = element_filter(r, p->b->a);
    for (; p->kind == PAT_PAIR; p = p->b) {
        n++;
    }
    bool exact = p->kind == PAT_CONST && p->datum->kind == STX_NIL;
    words[1] = integer(r, exact ? n : -1 - n);
    return true;
}

static Core *filter(Receive *r)
{
    Expander *x = r->tree.x;
    Core **words = arena_array(unit_arena(x), Core *, 3 * (size_t)r->clauses.count);
    bool constant = true;

    for (uint32_t i = 0; i < r->clauses.count; i++) {
        const MatchClause *c = r->clauses.items[i];
        if (!clause_filter(r, c->pattern, words + 3 * (size_t)i))
            return core_boolean(x, false, r->tree.span);
    }
    uint32_t count = 3 * r->clauses.count;
    for (uint32_t i = 0; i < count; i++) {
        constant = constant && words[i]->kind == CORE_CONST;
    }
    if (!constant) return core_kernel(x, KERNEL_vector, words, count, r->tree.span);
    Stx *stx = stx_new(x, STX_VECTOR, r->tree.span);
    stx->u.vector.count = count;
    stx->u.vector.items = arena_array(unit_arena(x), Stx *, count);
    for (uint32_t i = 0; i < count; i++) {
        stx->u.vector.items[i] = words[i]->u.constant;
    }
    return core_constant(x, stx);
}

// ---- the loop ----------------------------------------------------------------------------------

// The body of the after clause, and its time.
static bool read_after(Receive *r, Core **time, Core **late)
{
    Expander *x = r->tree.x;
    uint32_t count, scope = scope_new(x);

    *time = core_symbol(x, sym_named(x->c, "wait"), r->tree.span);
    *late = core_unspecified(x, r->tree.span);
    if (!r->after) return true;
    Stx **parts = stx_list(x, r->after, &count);
    if (!parts || count < 3) {
        syntax_error(x, stx_span(r->after),
                     "receive-case: expected (after milliseconds expression ...), got %s",
                     stx_text(x, r->after));
        return false;
    }
    *time = expand(x, parts[1]);
    Stx *body = stx_cdr(x, stx_cdr(x, r->after));
    *late = expand_body(x, stx_add_scope(x, body, scope), scope, stx_span(r->after),
                        "receive-case");
    return true;
}

static Core *scan_loop(Receive *r, Core *late)
{
    Expander *x = r->tree.x;
    Span span = r->tree.span;
    PatRow *rows = NULL, **end = &rows;

    for (uint32_t i = 0; i < r->clauses.count; i++) {
        MatchClause *c = r->clauses.items[i];
        *end = &c->row;
        end = &c->row.next;
    }
    Var *label = var_new(x, sym_named(x->c, "refuse"), span);
    Core *tests = tree_compile(&r->tree, rows, tree_jump(&r->tree, label, NULL, 0));
    Core **steps = arena_array(unit_arena(x), Core *, 2);
    KernelId refuse = r->user_code ? KERNEL_receive_skip : KERNEL_receive_return;
    steps[0] = operation(r, refuse, r->message, r->user_code ? r->mark : NULL);
    steps[1] = tree_jump(&r->tree, r->next, NULL, 0);
    tests = tree_label(&r->tree, label, NULL, 0, core_seq(x, steps, 2, span), tests);
    if (r->user_code) {
        Core *mark = core_kernel(x, KERNEL_receive_mark, NULL, 0, span);
        tests = core_let1(x, r->mark, mark, tests, span);
    }
    Core *same[] = {local(r, r->message), core_kernel(x, KERNEL_default_object, NULL, 0, span)};
    Core *body = core_if(x, core_kernel(x, KERNEL_eq, same, 2, span), late, tests, span);
    KernelId look = r->user_code ? KERNEL_receive_show : KERNEL_receive_offer;
    body = core_let1(x, r->message, operation(r, look, r->filter, r->deadline), body, span);
    return tree_label(&r->tree, r->next, NULL, 0, body, tree_jump(&r->tree, r->next, NULL, 0));
}

Core *form_receive_case(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **clauses = form_operands(
        x, form, 0, UINT32_MAX,
        "(receive-case (pattern expression ...) ... [(after ms expression ...)])", &count);
    Span span = stx_span(form);
    Receive r = {.tree = {x, span}};
    Core *time, *late;

    if (!clauses) return NULL;
    r.message = var_new(x, sym_named(x->c, "message"), span);
    r.mark = var_new(x, sym_named(x->c, "mark"), span);
    r.deadline = var_new(x, sym_named(x->c, "deadline"), span);
    r.filter = var_new(x, sym_named(x->c, "filter"), span);
    r.next = var_new(x, sym_named(x->c, "next"), span);
    bool good = read_clauses(&r, clauses, count);
    good = read_after(&r, &time, &late) && good;
    if (!good) return NULL;
    Core *core = scan_loop(&r, late);
    core = core_let1(x, r.deadline, core_kernel(x, KERNEL_receive_begin, &time, 1, span), core,
                     span);
    core = core_let1(x, r.filter, filter(&r), core, span);
    for (uint32_t i = r.hoisted.count; i-- > 0;) {
        const Hoisted *h = r.hoisted.items[i];
        core = core_let1(x, h->var, h->value, core, span);
    }
    return core;
}
