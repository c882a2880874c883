// Patterns to tests: the code that finds the first row that matches.
//
// A row is a list of tests (a variable and the pattern its value must match) with what to do when
// all succeed. The first test of the first row is made once for all rows that follow in one run and
// test the same variable for something that either is the same or excludes it (the mixture rule of
// Wadler, "Efficient compilation of pattern-matching", 1987, on tests by variable as in Jacobs,
// "How to compile pattern matching", 2021): on success the rows with the same test go on with its
// parts, on failure the others do. Rows behind the run are a label to which all failures jump. So
// each row becomes code exactly once, and a test is repeated only behind a row that has none of its
// kind.
#include "compiler/syntax/pattern.h"

#include <string.h>

// ---- small code --------------------------------------------------------------------------------

static Var *temporary(PatTree *t, const char *name)
{
    return var_new(t->x, sym_named(t->x->c, name), t->span);
}

static Core *local(PatTree *t, Var *var)
{
    return core_local(t->x, var, t->span);
}

static Core *integer(PatTree *t, int64_t value)
{
    Stx *stx = stx_new(t->x, STX_INT, t->span);

    stx->u.integer = value;
    return core_constant(t->x, stx);
}

static Core *kernel1(PatTree *t, KernelId id, Core *a)
{
    return core_kernel(t->x, id, &a, 1, t->span);
}

static Core *kernel2(PatTree *t, KernelId id, Core *a, Core *b)
{
    Core *args[] = {a, b};
    return core_kernel(t->x, id, args, 2, t->span);
}

static Core *branch(PatTree *t, Core *test, Core *yes, Core *no)
{
    return core_if(t->x, test, yes, no, t->span);
}

// A failure may be used in several places: it is a constant or the call of a label.
static Core *again(PatTree *t, const Core *no)
{
    Core *copy = core_new(t->x, (CoreKind)no->kind, no->span);

    copy->u = no->u;
    if (no->kind == CORE_CALL) copy->u.call.fn = local(t, no->u.call.fn->u.local);
    return copy;
}

Core *tree_jump(PatTree *t, Var *label, Core **args, uint32_t count)
{
    return core_call(t->x, local(t, label), args, count, t->span);
}

Core *tree_label(PatTree *t, Var *label, Var **params, uint32_t count, Core *body, Core *rest)
{
    Var **vars = arena_new(unit_arena(t->x), Var *);
    Core **inits = arena_new(unit_arena(t->x), Core *);

    vars[0] = label;
    inits[0] = core_lambda(t->x, label->name, params, count, body, t->span);
    return core_let(t->x, CORE_LETREC, vars, inits, 1, rest, t->span);
}

// ---- rows --------------------------------------------------------------------------------------

void tree_add(PatTree *t, PatRow *row, Var *at, Pat *pat)
{
    PatTest **end = &row->tests;

    if (pat->kind == PAT_ANY) return;
    if (pat->kind == PAT_BIND) {
        PatBound *b = arena_new(unit_arena(t->x), PatBound);
        *b = (PatBound){pat->var, at, row->bound};
        row->bound = b;
        return;
    }
    if (pat->kind == PAT_AND) {
        for (uint32_t i = 0; i < pat->count; i++) {
            tree_add(t, row, at, pat->items[i]);
        }
        return;
    }
    while (*end) {
        end = &(*end)->next;
    }
    *end = arena_new(unit_arena(t->x), PatTest);
    **end = (PatTest){at, pat, NULL};
}

// Takes a test out of a row, which keeps the others.
static void drop_test(PatRow *row, const PatTest *test)
{
    PatTest **at = &row->tests;

    while (*at != test) {
        at = &(*at)->next;
    }
    *at = test->next;
}

// Puts a row's former tests behind those that it got since.
static void append_tests(PatRow *row, PatTest *former)
{
    PatTest **end = &row->tests;

    while (*end) {
        end = &(*end)->next;
    }
    *end = former;
}

static Var *bound_at(const PatRow *row, const Var *var)
{
    for (const PatBound *b = row->bound; b; b = b->next) {
        if (b->var == var) return b->at;
    }
    return NULL;
}

static void bind_at(PatTree *t, PatRow *row, Var *var, Var *at)
{
    PatBound *b = arena_new(unit_arena(t->x), PatBound);

    *b = (PatBound){var, at, row->bound};
    row->bound = b;
}

Core *tree_bind(PatTree *t, const PatRow *row, const PtrVec *vars, Core *body)
{
    Var **names = arena_array(unit_arena(t->x), Var *, vars->count);
    Core **inits = arena_array(unit_arena(t->x), Core *, vars->count);
    uint32_t n = 0;

    for (uint32_t i = 0; i < vars->count; i++) {
        Var *at = bound_at(row, vars->items[i]);
        if (!at) continue; // after an error in the pattern
        names[n] = vars->items[i];
        inits[n++] = local(t, at);
    }
    return core_let(t->x, CORE_LET, names, inits, n, body, t->span);
}

// ---- kinds of tests ----------------------------------------------------------------------------

typedef enum { SAME, EXCLUDES, UNRELATED } Relation;

static bool is_atom(const Pat *p)
{
    return p->kind == PAT_CONST && p->datum->kind != STX_PAIR && p->datum->kind != STX_VECTOR;
}

static bool is_structure(const Pat *p)
{
    return is_atom(p) || p->kind == PAT_PAIR || p->kind == PAT_VECTOR || p->kind == PAT_RECORD;
}

static Relation relate_atoms(const Stx *a, const Stx *b)
{
    bool same;

    if (a->kind != b->kind) return EXCLUDES;
    switch ((StxKind)a->kind) {
    case STX_BOOL:
        same = a->u.boolean == b->u.boolean;
        break;
    case STX_CHAR:
        same = a->u.scalar == b->u.scalar;
        break;
    case STX_INT:
        same = a->u.integer == b->u.integer;
        break;
    case STX_SYMBOL:
        same = a->u.symbol == b->u.symbol;
        break;
    case STX_STRING:
        same = a->u.text.size == b->u.text.size &&
               memcmp(a->u.text.text, b->u.text.text, a->u.text.size) == 0;
        break;
    case STX_NIL:
        same = true;
        break;
    default:
        return UNRELATED;
    }
    return same ? SAME : EXCLUDES;
}

static Relation relate(const Pat *a, const Pat *b)
{
    if (!is_structure(a) || !is_structure(b)) return UNRELATED;
    if (a->kind != b->kind) return EXCLUDES;
    switch ((PatKind)a->kind) {
    case PAT_CONST:
        return relate_atoms(a->datum, b->datum);
    case PAT_VECTOR:
        return a->count == b->count ? SAME : EXCLUDES;
    case PAT_RECORD:
        return a->type == b->type ? SAME : UNRELATED; // two names may mean one type
    default:
        return SAME;
    }
}

// The test of a row that is about `at` and a structure; NULL when it has none.
static PatTest *structure_test(const PatRow *row, const Var *at)
{
    for (PatTest *test = row->tests; test; test = test->next) {
        if (test->at == at && is_structure(test->pat)) return test;
    }
    return NULL;
}

// ---- structures --------------------------------------------------------------------------------

static bool is_immediate(const Stx *datum)
{
    return datum->kind == STX_NIL || datum->kind == STX_BOOL || datum->kind == STX_CHAR ||
           datum->kind == STX_INT || datum->kind == STX_SYMBOL;
}

static Core *type_ref(PatTree *t, const Binding *type)
{
    if (type->kind == BIND_LOCAL) return local(t, type->u.var);
    return core_global(t->x, type->u.global, t->span);
}

static Core *structure_code(PatTree *t, Var *at, const Pat *p)
{
    Core *value = local(t, at);

    switch ((PatKind)p->kind) {
    case PAT_PAIR:
        return kernel1(t, KERNEL_pair_p, value);
    case PAT_RECORD:
        return kernel2(t, KERNEL_record_of, value, type_ref(t, p->type));
    case PAT_VECTOR:
        return branch(t, kernel1(t, KERNEL_vector_p, value),
                      kernel2(t, KERNEL_num_eq, kernel1(t, KERNEL_vector_length, local(t, at)),
                              integer(t, p->count)),
                      core_boolean(t->x, false, t->span));
    default:
        return kernel2(t, is_immediate(p->datum) ? KERNEL_eqv : KERNEL_equal, value,
                       core_constant(t->x, p->datum));
    }
}

static uint32_t part_count(const Pat *p)
{
    return p->kind == PAT_PAIR ? 2 : p->kind == PAT_CONST ? 0 : p->count;
}

static Pat *part(const Pat *p, uint32_t i)
{
    if (p->kind != PAT_PAIR) return p->items[i];
    return i == 0 ? p->a : p->b;
}

static Core *part_code(PatTree *t, Var *at, const Pat *p, uint32_t i)
{
    Core *value = local(t, at);

    if (p->kind == PAT_PAIR) return kernel1(t, i == 0 ? KERNEL_car : KERNEL_cdr, value);
    if (p->kind == PAT_VECTOR) return kernel2(t, KERNEL_vector_ref, value, integer(t, i));
    Core *args[] = {value, type_ref(t, p->type), integer(t, i)};
    return core_kernel(t->x, KERNEL_record_ref, args, 3, t->span);
}

// Rows that begin with the same test, once it has succeeded: it is replaced by tests of the parts,
// which are put into variables where some row wants them.
static Core *inside_structure(PatTree *t, PatRow *rows, Var *at, const Pat *shape, Core *no)
{
    uint32_t parts = 0, n = 0;

    for (PatRow *row = rows; row; row = row->next) {
        parts = MAX(parts, part_count(structure_test(row, at)->pat));
    }
    Var **vars = arena_array(unit_arena(t->x), Var *, parts),
        **used = arena_array(unit_arena(t->x), Var *, parts);
    Core **inits = arena_array(unit_arena(t->x), Core *, parts);
    for (PatRow *row = rows; row; row = row->next) {
        PatTest *test = structure_test(row, at);
        drop_test(row, test);
        PatTest *others = row->tests;
        row->tests = NULL;
        for (uint32_t i = 0; i < part_count(test->pat); i++) {
            Pat *p = part(test->pat, i);
            if (p->kind == PAT_ANY) continue;
            if (!vars[i]) {
                vars[i] = temporary(t, "part");
                inits[n] = part_code(t, at, shape, i);
                used[n++] = vars[i];
            }
            tree_add(t, row, vars[i], p);
        }
        append_tests(row, others);
    }
    return core_let(t->x, CORE_LET, used, inits, n, tree_compile(t, rows, no), t->span);
}

// The run of rows from the first one on that test the same variable for related structures: those
// with the same test go to *same, the others to *different. Gives the rows behind.
static PatRow *take_run(PatRow *rows, const PatTest *first, PatRow **same, PatRow **different)
{
    PatRow *row = rows;

    while (row) {
        const PatTest *test = structure_test(row, first->at);
        Relation relation = test ? relate(first->pat, test->pat) : UNRELATED;
        PatRow *next = row->next;
        if (relation == UNRELATED && row != rows) break;
        if (relation == EXCLUDES) {
            *different = row;
            different = &row->next;
        } else {
            *same = row;
            same = &row->next;
        }
        row = next;
    }
    *same = *different = NULL;
    return row;
}

static Core *compile_structure(PatTree *t, PatRow *same, PatRow *different, const PatTest *first,
                               Core *no)
{
    Var *at = first->at;
    const Pat *shape = first->pat;
    Core *test = structure_code(t, at, shape);
    Core *yes = inside_structure(t, same, at, shape, no);

    return branch(t, test, yes, tree_compile(t, different, no));
}

// ---- alternatives ------------------------------------------------------------------------------

// The leaf of a part of a pattern: goes on at a label, with what was bound as arguments.
typedef struct {
    Var *label;
    Var **vars;
    uint32_t count;
    Core **extra; // further arguments, before them
    uint32_t extra_count;
    Var **lists; // of a repetition: what was collected so far, to be extended by the value
} Onward;

static Core *leaf_onward(PatTree *t, PatRow *row, Core *no)
{
    const Onward *o = row->context;
    Core **args = arena_array(unit_arena(t->x), Core *, o->extra_count + o->count);

    (void)no;
    for (uint32_t i = 0; i < o->extra_count; i++) {
        args[i] = o->extra[i];
    }
    for (uint32_t i = 0; i < o->count; i++) {
        Var *at = bound_at(row, o->vars[i]);
        Core *value = at ? local(t, at) : core_unspecified(t->x, t->span);
        if (o->lists) value = kernel2(t, KERNEL_cons, value, local(t, o->lists[i]));
        args[o->extra_count + i] = value;
    }
    return tree_jump(t, o->label, args, o->extra_count + o->count);
}

static PatRow *part_row(PatTree *t, PatLeaf *leaf, void *context, Var *at, Pat *pat)
{
    PatRow *row = arena_new(unit_arena(t->x), PatRow);

    *row = (PatRow){.leaf = leaf, .context = context, .span = pat->span};
    tree_add(t, row, at, pat);
    return row;
}

// What the alternatives have bound are the parameters of the code behind them.
static Core *compile_or(PatTree *t, PatRow *row, Var *at, const Pat *p, Core *no)
{
    Onward *o = arena_new(unit_arena(t->x), Onward);
    Var **params = arena_array(unit_arena(t->x), Var *, p->var_count);
    PatRow *first = NULL, **end = &first;

    *o = (Onward){.label = temporary(t, "matched"), .vars = p->vars, .count = p->var_count};
    for (uint32_t i = 0; i < p->count; i++) {
        *end = part_row(t, leaf_onward, o, at, p->items[i]);
        end = &(*end)->next;
    }
    for (uint32_t i = 0; i < p->var_count; i++) {
        params[i] = temporary(t, "part");
        bind_at(t, row, p->vars[i], params[i]);
    }
    Core *rest = tree_compile(t, row, again(t, no));
    return tree_label(t, o->label, params, p->var_count, rest, tree_compile(t, first, no));
}

static Core *leaf_fail(PatTree *t, PatRow *row, Core *no)
{
    (void)no;
    return again(t, row->context);
}

static Core *compile_not(PatTree *t, PatRow *row, Var *at, const Pat *p, Core *no)
{
    Var *label = temporary(t, "differs");
    Core *rest = tree_compile(t, row, again(t, no));

    return tree_label(
        t, label, NULL, 0, rest,
        tree_compile(t, part_row(t, leaf_fail, no, at, p->a), tree_jump(t, label, NULL, 0)));
}

// ---- repetitions -------------------------------------------------------------------------------

// (p ... end): the whole list when p binds it or says nothing and nothing follows.
static bool is_whole_list(const Pat *p)
{
    bool plain = p->a->kind == PAT_ANY || p->a->kind == PAT_BIND;
    return plain && p->b->kind == PAT_CONST && p->b->datum->kind == STX_NIL;
}

// After the loop: the collected lists are turned round, and what follows is matched.
static Core *after_repeat(PatTree *t, PatRow *row, const Pat *p, Var *rest, Var **lists, Core *no)
{
    Var **vars = arena_array(unit_arena(t->x), Var *, p->var_count);
    Core **inits = arena_array(unit_arena(t->x), Core *, p->var_count);

    for (uint32_t i = 0; i < p->var_count; i++) {
        vars[i] = temporary(t, "part");
        inits[i] = kernel1(t, KERNEL_match_reverse, local(t, lists[i]));
        bind_at(t, row, p->vars[i], vars[i]);
    }
    PatTest *others = row->tests;
    row->tests = NULL;
    tree_add(t, row, rest, p->b);
    append_tests(row, others);
    return core_let(t->x, CORE_LET, vars, inits, p->var_count, tree_compile(t, row, no), t->span);
}

// (let loop ((rest at) (left n) (list '()) ...)
//   (if (> left 0) match (car rest), then (loop (cdr rest) (- left 1) (cons part list) ...)
//       after))
static Core *repeat_loop(PatTree *t, PatRow *row, Var *at, const Pat *p, Core *count, Core *no)
{
    uint32_t n = p->var_count;
    Var *loop = temporary(t, "repeat"), *element = temporary(t, "element");
    Var **params = arena_array(unit_arena(t->x), Var *, n + 2);
    Core **first = arena_array(unit_arena(t->x), Core *, n + 2);
    Core **extra = arena_array(unit_arena(t->x), Core *, 2);
    Onward *o = arena_new(unit_arena(t->x), Onward);

    params[0] = temporary(t, "rest");
    params[1] = temporary(t, "left");
    first[0] = local(t, at);
    first[1] = count;
    for (uint32_t i = 0; i < n; i++) {
        params[i + 2] = temporary(t, "list");
        first[i + 2] = core_constant(t->x, stx_new(t->x, STX_NIL, t->span));
    }
    extra[0] = kernel1(t, KERNEL_cdr, local(t, params[0]));
    extra[1] = kernel2(t, KERNEL_sub, local(t, params[1]), integer(t, 1));
    *o = (Onward){loop, p->vars, n, extra, 2, params + 2};
    Core *turn = tree_compile(t, part_row(t, leaf_onward, o, element, p->a), again(t, no));
    turn = core_let1(t->x, element, kernel1(t, KERNEL_car, local(t, params[0])), turn, t->span);
    Core *more = kernel2(t, KERNEL_num_gt, local(t, params[1]), integer(t, 0));
    Core *after = after_repeat(t, row, p, params[0], params + 2, again(t, no));
    return tree_label(t, loop, params, n + 2, branch(t, more, turn, after),
                      tree_jump(t, loop, first, n + 2));
}

static Core *compile_repeat(PatTree *t, PatRow *row, Var *at, const Pat *p, Core *no)
{
    if (is_whole_list(p)) {
        if (p->a->kind == PAT_BIND) bind_at(t, row, p->a->var, at);
        Core *rest = tree_compile(t, row, again(t, no));
        return branch(t, kernel1(t, KERNEL_match_list_p, local(t, at)), rest, again(t, no));
    }
    Var *length = temporary(t, "length");
    Core *count = kernel2(t, KERNEL_sub, local(t, length), integer(t, p->pairs));
    Core *enough = kernel2(t, KERNEL_num_ge, local(t, length), integer(t, p->pairs));
    Core *body = branch(t, enough, repeat_loop(t, row, at, p, count, again(t, no)), again(t, no));
    return core_let1(t->x, length, kernel1(t, KERNEL_match_length, local(t, at)), body, t->span);
}

// ---- the tree ----------------------------------------------------------------------------------

// A predicate of the program's. One that raises does not match where that was asked for.
static Core *test_code(PatTree *t, const Pat *p, Core *value)
{
    Core **args = arena_new(unit_arena(t->x), Core *);

    if (p->guarded) return kernel2(t, KERNEL_match_satisfies, p->core, value);
    args[0] = value;
    return core_call(t->x, p->core, args, 1, p->span);
}

// A row by itself: its first test decides whether it goes on.
static Core *compile_single(PatTree *t, PatRow *row, Core *no)
{
    PatTest *test = row->tests;
    Pat *p = test->pat;
    Var *at = test->at, *list;
    Core *value = NULL, *arg = local(t, at);

    drop_test(row, test);
    switch ((PatKind)p->kind) {
    case PAT_OR:
        return compile_or(t, row, at, p, no);
    case PAT_NOT:
        return compile_not(t, row, at, p, no);
    case PAT_REPEAT:
        return compile_repeat(t, row, at, p, no);
    case PAT_VECTOR_LIST:
        list = temporary(t, "elements");
        tree_add(t, row, list, p->a);
        value = core_let1(t->x, list, kernel1(t, KERNEL_match_elements, arg),
                          tree_compile(t, row, again(t, no)), t->span);
        return branch(t, kernel1(t, KERNEL_vector_p, local(t, at)), value, again(t, no));
    case PAT_TEST:
        value = test_code(t, p, arg);
        break;
    case PAT_VALUE:
        value = kernel2(t, KERNEL_equal, arg, p->core ? p->core : local(t, p->var));
        break;
    default: // data that are compared as a whole
        value = kernel2(t, KERNEL_equal, arg, core_constant(t->x, p->datum));
        break;
    }
    return branch(t, value, tree_compile(t, row, no), again(t, no));
}

static Core *compile_rows(PatTree *t, PatRow *rows, Core *no)
{
    PatRow *same = NULL, *different = NULL, *behind;
    PatTest *first = rows->tests;

    if (!first) {
        PatRow *next = rows->next;
        rows->next = NULL;
        if (!next) return rows->leaf(t, rows, no);
        // It may still fail, by its guard.
        Var *label = temporary(t, "next");
        Core *leaf = rows->leaf(t, rows, tree_jump(t, label, NULL, 0));
        return tree_label(t, label, NULL, 0, tree_compile(t, next, no), leaf);
    }
    bool structure = is_structure(first->pat);
    if (structure) {
        behind = take_run(rows, first, &same, &different);
    } else {
        behind = rows->next;
        rows->next = NULL;
    }
    if (!behind) {
        return structure ? compile_structure(t, same, different, first, no)
                         : compile_single(t, rows, no);
    }
    Var *label = temporary(t, "next");
    Core *jump = tree_jump(t, label, NULL, 0);
    Core *code = structure ? compile_structure(t, same, different, first, jump)
                           : compile_single(t, rows, jump);
    return tree_label(t, label, NULL, 0, tree_compile(t, behind, no), code);
}

Core *tree_compile(PatTree *t, PatRow *rows, Core *no)
{
    if (!rows || !enter_level(t->x, t->span)) return again(t, no);
    Core *code = compile_rows(t, rows, no);
    leave_level(t->x);
    return code;
}
