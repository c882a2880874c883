// Reading patterns: see pattern.h. The words of patterns (list, cons, ?, ...) are spelled, whatever
// they are bound to where the pattern stands; quotes, _ and ... are what they are bound to.
#include "compiler/syntax/pattern.h"

#include <string.h>

// Quoted data up to this size are taken apart, so that clauses share their tests.
#define QUOTED_MAX 64

static Pat *read_pattern(PatReader *r, Stx *stx);

static Pat *pat_new(PatReader *r, PatKind kind, Span span)
{
    Pat *p = arena_new(unit_arena(r->x), Pat);

    p->kind = (uint8_t)kind;
    p->span = span;
    return p;
}

static Pat *any(PatReader *r, Span span)
{
    return pat_new(r, PAT_ANY, span);
}

static Pat *constant(PatReader *r, Stx *datum)
{
    Pat *p = pat_new(r, PAT_CONST, stx_span(datum));

    p->datum = datum;
    return p;
}

static Pat *nil(PatReader *r, Span span)
{
    return constant(r, stx_new(r->x, STX_NIL, span));
}

static Pat *pair(PatReader *r, Pat *a, Pat *b, Span span)
{
    Pat *p = pat_new(r, PAT_PAIR, span);

    p->a = a;
    p->b = b;
    return p;
}

static bool is_ellipsis(PatReader *r, Stx *stx)
{
    return is_auxiliary(r->x, stx, FORM_ellipsis);
}

static Pat *bad(PatReader *r, Stx *stx, const char *shape)
{
    syntax_error(r->x, stx_span(stx), "%s: expected %s, got %s", r->what, shape,
                 stx_text(r->x, stx));
    return any(r, stx_span(stx));
}

// ---- variables ---------------------------------------------------------------------------------

static void warn_shadowed(PatReader *r, Stx *id)
{
    const Binding *b = r->may_shadow ? NULL : resolve(r->x, id);
    const char *name = id->u.symbol->text;

    if (!b || b->kind != BIND_LOCAL) return;
    diag_at(
        r->x->c->diag, DIAG_WARNING, stx_span(id),
        "%s: the pattern %s matches anything and shadows the local variable %s; to compare with "
        "its value write (== %s)",
        r->what, name, name, name);
}

static Pat *variable(PatReader *r, Stx *id)
{
    Pat *p = pat_new(r, PAT_BIND, stx_span(id));

    if (is_auxiliary(r->x, id, FORM_underscore)) return any(r, p->span);
    if (is_ellipsis(r, id)) return bad(r, id, "a pattern before ...");
    p->var = bind_local(r->x, stx_add_scope(r->x, id, r->scope), r->what);
    if (!p->var) return any(r, p->span);
    warn_shadowed(r, id);
    vec_push(unit_arena(r->x), &r->vars, p->var);
    return p;
}

static void copy_vars(PatReader *r, Pat *p, uint32_t from)
{
    p->var_count = r->vars.count - from;
    p->vars = arena_array(unit_arena(r->x), Var *, p->var_count);
    for (uint32_t i = 0; i < p->var_count; i++) {
        p->vars[i] = r->vars.items[from + i];
    }
}

// ---- data --------------------------------------------------------------------------------------

static bool counts_out(PatReader *r, Stx *stx, uint32_t *left)
{
    for (;; stx = stx_cdr(r->x, stx)) {
        if (stx->cyclic || *left == 0) return false;
        --*left;
        if (stx->kind == STX_VECTOR) {
            for (size_t i = 0; i < stx->u.vector.count; i++) {
                if (!counts_out(r, stx_items(r->x, stx)[i], left)) return false;
            }
            return true;
        }
        if (stx->kind != STX_PAIR) return true;
        if (!counts_out(r, stx_car(r->x, stx), left)) return false;
    }
}

static Pat *datum(PatReader *r, Stx *stx)
{
    if (stx->kind == STX_PAIR) {
        return pair(r, datum(r, stx_car(r->x, stx)), datum(r, stx_cdr(r->x, stx)), stx_span(stx));
    }
    if (stx->kind != STX_VECTOR) return constant(r, stx);
    Pat *p = pat_new(r, PAT_VECTOR, stx_span(stx));
    p->count = (uint32_t)stx->u.vector.count;
    p->items = arena_array(unit_arena(r->x), Pat *, p->count);
    for (uint32_t i = 0; i < p->count; i++) {
        p->items[i] = datum(r, stx_items(r->x, stx)[i]);
    }
    return p;
}

static Pat *quoted(PatReader *r, Stx *stx)
{
    uint32_t left = QUOTED_MAX;

    return counts_out(r, stx, &left) ? datum(r, stx) : constant(r, stx);
}

// ---- lists -------------------------------------------------------------------------------------

// Reads one element; both list patterns and templates of quasiquote consist of them.
typedef Pat *ReadElement(PatReader *r, Stx *stx);

// How many pairs a list pattern takes before its end.
static uint32_t pairs_of(const Pat *p)
{
    uint32_t n = 0;

    for (; p->kind == PAT_PAIR; p = p->b) {
        n++;
    }
    return n;
}

// elements[0..count), each perhaps followed by an ellipsis, then `end`.
static Pat *sequence(PatReader *r, Stx **elements, uint32_t count, ReadElement *element, Pat *end,
                     Span span)
{
    Pat **read_ones = arena_array(unit_arena(r->x), Pat *, count);
    uint32_t n = 0, repeats = 0;

    // In the order in which they are written, for errors and warnings.
    for (uint32_t i = 0; i < count; i++) {
        uint32_t vars = r->vars.count;
        Pat *p = element(r, elements[i]);
        if (i + 1 < count && is_ellipsis(r, elements[i + 1])) {
            Pat *repeat = pat_new(r, PAT_REPEAT, p->span);
            repeat->a = p;
            copy_vars(r, repeat, vars);
            p = repeat;
            i++;
            if (++repeats > 1) {
                return bad(r, elements[i], "at most one ... in a list or vector");
            }
        }
        read_ones[n++] = p;
    }
    while (n-- > 0) {
        if (read_ones[n]->kind == PAT_REPEAT && !read_ones[n]->b) {
            read_ones[n]->b = end;
            read_ones[n]->pairs = pairs_of(end);
            end = read_ones[n];
        } else {
            end = pair(r, read_ones[n], end, span);
        }
    }
    return end;
}

static bool has_ellipsis(PatReader *r, Stx **elements, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (is_ellipsis(r, elements[i])) return true;
    }
    return false;
}

static Pat *vector_of(PatReader *r, Stx **elements, uint32_t count, ReadElement *element, Span span)
{
    Pat *p = pat_new(r, PAT_VECTOR, span);

    if (has_ellipsis(r, elements, count)) {
        p->kind = PAT_VECTOR_LIST;
        p->a = sequence(r, elements, count, element, nil(r, span), span);
        return p;
    }
    p->count = count;
    p->items = arena_array(unit_arena(r->x), Pat *, count);
    for (uint32_t i = 0; i < count; i++) {
        p->items[i] = element(r, elements[i]);
    }
    return p;
}

// ---- quasiquote --------------------------------------------------------------------------------

// The operand of (keyword operand), NULL when it is something else.
static Stx *operand_of(PatReader *r, Stx *stx, FormId form)
{
    if (!stx_is_pair(stx) || !is_auxiliary(r->x, stx_car(r->x, stx), form)) return NULL;
    Stx *rest = stx_cdr(r->x, stx);
    if (!stx_is_pair(rest) || stx_cdr(r->x, rest)->kind != STX_NIL) return NULL;
    return stx_car(r->x, rest);
}

static Pat *template(PatReader *r, Stx *stx);

// What follows the elements of a list template: ". ,p", ",@p" or the end of the list.
static Pat *template_end(PatReader *r, Stx *tail)
{
    Stx *rest = operand_of(r, tail, FORM_unquote);

    if (rest) return read_pattern(r, rest);
    if (stx_is_pair(tail))
        return read_pattern(r, operand_of(r, stx_car(r->x, tail), FORM_unquote_splicing));
    return template(r, tail);
}

static bool ends_template(PatReader *r, Stx *at)
{
    if (!stx_is_pair(at) || operand_of(r, at, FORM_unquote)) return true;
    return operand_of(r, stx_car(r->x, at), FORM_unquote_splicing) &&
           stx_cdr(r->x, at)->kind == STX_NIL;
}

static Pat *list_template(PatReader *r, Stx *stx)
{
    PtrVec elements = {0};
    Stx *at = stx;

    for (; !ends_template(r, at); at = stx_cdr(r->x, at)) {
        vec_push(unit_arena(r->x), &elements, stx_car(r->x, at));
    }
    // The end is read first: its variables come late in the list of variables, but that is no
    // matter.
    Pat *end = template_end(r, at);
    return sequence(r, (Stx **)elements.items, elements.count, template, end, stx_span(stx));
}

static Pat *template_inside(PatReader *r, Stx *stx)
{
    Stx *inside;

    if (stx->kind == STX_VECTOR) {
        return vector_of(r, stx_items(r->x, stx), (uint32_t)stx->u.vector.count, template,
                         stx_span(stx));
    }
    if ((inside = operand_of(r, stx, FORM_unquote))) return read_pattern(r, inside);
    if (operand_of(r, stx, FORM_unquote_splicing)) {
        return bad(r, stx, "unquote-splicing at the end of a list");
    }
    if (operand_of(r, stx, FORM_quasiquote)) return bad(r, stx, "no quasiquote inside another");
    return list_template(r, stx);
}

static Pat *template(PatReader *r, Stx *stx)
{
    if (stx->cyclic) return bad(r, stx, "a template that does not contain itself");
    if (stx->kind != STX_PAIR && stx->kind != STX_VECTOR) {
        return is_ellipsis(r, stx) ? bad(r, stx, "a pattern before ...") : constant(r, stx);
    }
    if (!enter_level(r->x, stx_span(stx))) return any(r, stx_span(stx));
    Pat *p = template_inside(r, stx);
    leave_level(r->x);
    return p;
}

// ---- compound patterns -------------------------------------------------------------------------

typedef struct {
    PatReader *r;
    Stx *stx;
    Stx **parts; // behind the word
    uint32_t count;
} Compound;

static Pat *read_list(const Compound *c)
{
    Span span = stx_span(c->stx);
    return sequence(c->r, c->parts, c->count, read_pattern, nil(c->r, span), span);
}

static Pat *read_cons(const Compound *c)
{
    if (c->count != 2) return bad(c->r, c->stx, "(cons pattern pattern)");
    Pat *a = read_pattern(c->r, c->parts[0]);
    return pair(c->r, a, read_pattern(c->r, c->parts[1]), stx_span(c->stx));
}

static Pat *read_vector(const Compound *c)
{
    return vector_of(c->r, c->parts, c->count, read_pattern, stx_span(c->stx));
}

static Pat *read_value(const Compound *c)
{
    PatReader *r = c->r;
    Pat *p = pat_new(r, PAT_VALUE, stx_span(c->stx));

    if (c->count != 1) return bad(r, c->stx, "(== expression)");
    p->core = expand(r->x, c->parts[0]);
    if (!r->hoisted) return p;
    Hoisted *h = arena_new(unit_arena(r->x), Hoisted);
    *h = (Hoisted){var_new(r->x, sym_named(r->x->c, "value"), p->span), p->core};
    vec_push(unit_arena(r->x), r->hoisted, h);
    p->var = h->var;
    p->core = NULL;
    return p;
}

static Pat **read_all(const Compound *c, uint32_t from)
{
    Pat **items = arena_array(unit_arena(c->r->x), Pat *, c->count);

    for (uint32_t i = from; i < c->count; i++) {
        items[i - from] = read_pattern(c->r, c->parts[i]);
    }
    return items;
}

static Pat *read_and(const Compound *c)
{
    Pat *p = pat_new(c->r, PAT_AND, stx_span(c->stx));

    p->items = read_all(c, 0);
    p->count = c->count;
    return p;
}

// (? predicate pattern ...)
static Pat *read_test(const Compound *c)
{
    PatReader *r = c->r;
    Pat *all = pat_new(r, PAT_AND, stx_span(c->stx)), *test = pat_new(r, PAT_TEST, all->span);

    if (c->count == 0) return bad(r, c->stx, "(? predicate pattern ...)");
    test->core = expand(r->x, c->parts[0]);
    test->guarded = r->guarded;
    r->user_code = true;
    all->count = c->count;
    all->items = arena_array(unit_arena(r->x), Pat *, c->count);
    all->items[0] = test;
    for (uint32_t i = 1; i < c->count; i++) {
        all->items[i] = read_pattern(r, c->parts[i]);
    }
    return all;
}

// The variables of all alternatives are one: those of the first are known under their names.
static bool same_variables(const Pat *first, const Pat *other)
{
    if (first->var_count != other->var_count) return false;
    for (uint32_t i = 0; i < first->var_count; i++) {
        uint32_t k = 0;
        while (k < other->var_count && other->vars[k]->name != first->vars[i]->name) {
            k++;
        }
        if (k == other->var_count) return false;
    }
    return true;
}

static void rename_variable(Pat *p, Var *from, Var *to)
{
    if (p->kind == PAT_BIND && p->var == from) p->var = to;
    for (uint32_t i = 0; i < p->var_count; i++) {
        if (p->vars[i] == from) p->vars[i] = to;
    }
    for (uint32_t i = 0; i < p->count; i++) {
        rename_variable(p->items[i], from, to);
    }
    if (p->a) rename_variable(p->a, from, to);
    if (p->b) rename_variable(p->b, from, to);
}

// One alternative, read in a scope of its own so that it may bind what others bind.
static Pat *read_alternative(PatReader *r, Stx *stx, Pat *frame)
{
    uint32_t scope = r->scope, from = r->vars.count;
    bool quiet = r->may_shadow;

    r->scope = scope_new(r->x);
    r->may_shadow = true; // the first alternative's names were looked at
    Pat *p = read_pattern(r, stx);
    r->scope = scope;
    r->may_shadow = quiet;
    copy_vars(r, frame, from);
    r->vars.count = from;
    return p;
}

static Pat *read_or(const Compound *c)
{
    PatReader *r = c->r;
    Pat *p = pat_new(r, PAT_OR, stx_span(c->stx)), other = {0};
    uint32_t from = r->vars.count;

    p->items = arena_array(unit_arena(r->x), Pat *, c->count);
    p->count = c->count;
    for (uint32_t i = 0; i < c->count; i++) {
        if (i == 0) {
            p->items[0] = read_pattern(r, c->parts[0]);
            copy_vars(r, p, from);
            continue;
        }
        p->items[i] = read_alternative(r, c->parts[i], &other);
        if (!same_variables(p, &other)) {
            return bad(r, c->parts[i], "an alternative that binds the same names as the first one");
        }
        for (uint32_t k = 0; k < p->var_count; k++) {
            for (uint32_t j = 0; j < other.var_count; j++) {
                if (other.vars[j]->name == p->vars[k]->name) {
                    rename_variable(p->items[i], other.vars[j], p->vars[k]);
                }
            }
        }
    }
    return p;
}

static Pat *read_not(const Compound *c)
{
    PatReader *r = c->r;
    Pat *p = pat_new(r, PAT_NOT, stx_span(c->stx));
    uint32_t from = r->vars.count;

    if (c->count != 1) return bad(r, c->stx, "(not pattern)");
    p->a = read_pattern(r, c->parts[0]);
    if (r->vars.count == from) return p;
    r->vars.count = from;
    return bad(r, c->stx, "a pattern that binds no names inside not");
}

// ---- records -----------------------------------------------------------------------------------

// The binding of a record type, named as in the pattern or with < > around it.
static const Binding *record_type(PatReader *r, Stx *id)
{
    const Binding *b = resolve(r->x, id);
    const Sym *name = id->u.symbol;

    if (b && b->kind == BIND_LOCAL) return b;
    if (b && b->kind == BIND_GLOBAL && b->u.global->type) return b;
    if (name->size == 0 || name->text[0] == '<') return NULL;
    Stx *wrapped = stx_symbol(
        r->x, sym_named(r->x->c, arena_printf(unit_arena(r->x), "<%s>", name->text)), id->scopes,
        stx_span(id));
    return record_type(r, wrapped);
}

static Pat *read_record(const Compound *c, Stx *head)
{
    PatReader *r = c->r;
    Pat *p = pat_new(r, PAT_RECORD, stx_span(c->stx));

    p->type = record_type(r, head);
    if (!p->type) {
        (void)read_all(c, 0); // its names are not to be missed as well
        return bad(r, c->stx,
                   "a pattern, which begins with list, cons, vector, ==, ?, and, or, not or "
                   "the name of a record type");
    }
    p->items = read_all(c, 0);
    p->count = c->count;
    return p;
}

// ---- the reader --------------------------------------------------------------------------------

static const struct {
    const char *word;
    Pat *(*read)(const Compound *c);
} words[] = {
    {"list", read_list}, {"cons", read_cons}, {"vector", read_vector}, {"==", read_value},
    {"?", read_test},    {"and", read_and},   {"or", read_or},         {"not", read_not},
};

static Pat *compound(PatReader *r, Stx *stx)
{
    Compound c = {.r = r, .stx = stx};
    Stx *inside;

    if ((inside = operand_of(r, stx, FORM_quote))) return quoted(r, inside);
    if ((inside = operand_of(r, stx, FORM_quasiquote))) return template(r, inside);
    Stx **items = stx_list(r->x, stx, &c.count);
    if (!items || !stx_is_symbol(items[0])) return bad(r, stx, "a pattern");
    c.parts = items + 1;
    c.count--;
    for (size_t i = 0; i < countof(words); i++) {
        if (stx_is_spelled(items[0], words[i].word)) return words[i].read(&c);
    }
    return read_record(&c, items[0]);
}

static Pat *read_pattern(PatReader *r, Stx *stx)
{
    if (stx_is_symbol(stx)) return variable(r, stx);
    if (stx->kind == STX_VECTOR) return quoted(r, stx);
    if (stx->kind != STX_PAIR) return constant(r, stx);
    if (stx->cyclic) return bad(r, stx, "a pattern that does not contain itself");
    if (!enter_level(r->x, stx_span(stx))) return any(r, stx_span(stx));
    Pat *p = compound(r, stx);
    leave_level(r->x);
    return p;
}

Pat *pattern_read(PatReader *r, Stx *stx)
{
    return read_pattern(r, stx);
}
