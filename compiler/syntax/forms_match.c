// match, match-let, match-let*, match-lambda, match-lambda*: clauses of patterns (pattern.c),
// compiled to tests (tree.c). std.match exports them; in %core their names begin with %.
//
//   (match value (pattern [(when guard)] expression ...) ...)
#include "compiler/syntax/clauses.h"

#include <string.h>

// ---- clauses -----------------------------------------------------------------------------------

// (when test), of one operand, directly behind the pattern. A use of the form has more operands.
static Stx *guard_of(Expander *x, Stx *body)
{
    uint32_t count;

    if (!stx_is_pair(body) || !stx_is_pair(stx_car(x, body))) return NULL;
    Stx **parts = stx_list(x, stx_car(x, body), &count);
    return parts && count == 2 && is_auxiliary(x, parts[0], FORM_when) ? parts[1] : NULL;
}

static Core *leaf_clause(PatTree *t, PatRow *row, Core *no)
{
    MatchClause *c = row->context;
    Core *body = c->matched ? c->matched(c, t, c->body) : c->body;

    if (c->guard) body = core_if(t->x, c->guard, body, no, row->span);
    return tree_bind(t, row, &c->reader.vars, body);
}

bool match_clause_read(MatchClause *c, Stx *stx, Var *value, PatTree *t)
{
    Expander *x = c->reader.x;
    uint32_t count;
    Stx **parts = stx_list(x, stx, &count);

    if (!parts || count < 2) {
        syntax_error(x, stx_span(stx), "%s: expected a clause (pattern expression ...), got %s",
                     c->reader.what, stx_text(x, stx));
        return false;
    }
    c->row = (PatRow){.leaf = leaf_clause, .context = c, .span = stx_span(stx)};
    c->reader.scope = scope_new(x);
    c->pattern = pattern_read(&c->reader, parts[0]);
    Stx *body = stx_add_scope(x, stx_cdr(x, stx), c->reader.scope);
    Stx *guard = guard_of(x, body);
    if (guard) {
        body = stx_cdr(x, body);
        uint32_t outer = x->where.frame;
        x->where.frame = c->reader.scope;
        c->guard = expand(x, guard);
        x->where.frame = outer;
        c->reader.user_code = true;
    }
    c->body = expand_body(x, body, c->reader.scope, stx_span(stx), c->reader.what);
    tree_add(t, &c->row, value, c->pattern);
    return true;
}

// (%match-failed 'form value)
static Core *no_match(PatTree *t, const char *what, Var *value)
{
    Expander *x = t->x;
    Core *args[] = {core_symbol(x, sym_named(x->c, what), t->span), core_local(x, value, t->span)};
    return core_kernel(x, KERNEL_match_failed, args, 2, t->span);
}

// The value is in a variable; `failed` is what happens when no clause matches.
static Core *match_clauses(PatTree *t, Stx **clauses, uint32_t count, Var *value, const char *what)
{
    Expander *x = t->x;
    uint32_t depth = x->where.depth;
    PatRow *rows = NULL, **end = &rows;

    for (uint32_t i = 0; i < count && enter_level(x, stx_span(clauses[i])); i++) {
        MatchClause *c = arena_new(unit_arena(x), MatchClause);
        c->reader = (PatReader){.x = x, .what = what};
        if (!match_clause_read(c, clauses[i], value, t)) continue;
        *end = &c->row;
        end = &c->row.next;
    }
    x->where.depth = depth;
    Var *label = var_new(x, sym_named(x->c, "no-match"), t->span);
    Core *tests = tree_compile(t, rows, tree_jump(t, label, NULL, 0));
    return tree_label(t, label, NULL, 0, no_match(t, what, value), tests);
}

Core *form_match(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(match value (pattern expression ...) ...)", &count);
    PatTree t = {x, stx_span(form)};

    if (!operands) return NULL;
    Core *init = expand(x, operands[0]);
    Var *value = var_new(x, sym_named(x->c, "value"), stx_span(operands[0]));
    Core *core = match_clauses(&t, operands + 1, count - 1, value, "match");
    return core_let1(x, value, init, core, t.span);
}

static Core *match_procedure(Expander *x, Stx *form, const char *what, bool rest)
{
    uint32_t count;
    Stx **clauses = form_operands(x, form, 1, UINT32_MAX, "clauses (pattern expression ...)",
                                  &count);
    PatTree t = {x, stx_span(form)};

    if (!clauses) return NULL;
    Var *value = var_new(x, sym_named(x->c, "value"), t.span);
    Core *body = match_clauses(&t, clauses, count, value, what);
    Core *core = core_lambda(x, NULL, &value, 1, body, t.span);
    core->u.lambda->clauses[0].rest = rest;
    core->u.lambda->clauses[0].required = rest ? 0 : 1;
    return core;
}

Core *form_match_lambda(Expander *x, Stx *form)
{
    return match_procedure(x, form, "match-lambda", false);
}

Core *form_match_lambda_star(Expander *x, Stx *form)
{
    return match_procedure(x, form, "match-lambda*", true);
}

// ---- let ---------------------------------------------------------------------------------------

typedef struct {
    PatReader reader;
    PatRow row;
    Var *value;
    Core *init;
    Core *then; // what its leaf does
} LetPattern;

static Core *leaf_let(PatTree *t, PatRow *row, Core *no)
{
    LetPattern *p = row->context;

    (void)no;
    return tree_bind(t, row, &p->reader.vars, p->then);
}

// Reads (pattern expression), whose names get `scope`. False after an error.
static bool read_let_pattern(PatTree *t, Stx *binding, uint32_t scope, const char *what,
                             LetPattern *p)
{
    Expander *x = t->x;
    uint32_t count;
    Stx **parts = stx_list(x, binding, &count);

    if (!parts || count != 2) {
        syntax_error(x, stx_span(binding), "%s: expected a binding (pattern expression), got %s",
                     what, stx_text(x, binding));
        return false;
    }
    // A mere name is what let has, too.
    p->reader = (PatReader){
        .x = x, .what = what, .scope = scope, .may_shadow = stx_is_symbol(parts[0])};
    p->row = (PatRow){.leaf = leaf_let, .context = p, .span = stx_span(binding)};
    p->init = expand(x, parts[1]);
    p->value = var_new(x, sym_named(x->c, "value"), stx_span(parts[1]));
    tree_add(t, &p->row, p->value, pattern_read(&p->reader, parts[0]));
    return true;
}

// The tests of one binding around what follows.
static Core *match_one(PatTree *t, LetPattern *p, const char *what, Core *then)
{
    Var *label = var_new(t->x, sym_named(t->x->c, "no-match"), t->span);

    p->then = then;
    Core *tests = tree_compile(t, &p->row, tree_jump(t, label, NULL, 0));
    return tree_label(t, label, NULL, 0, no_match(t, what, p->value), tests);
}

static Stx **let_operands(Expander *x, Stx *form, const char *what, uint32_t *count, Stx **body)
{
    Stx **operands = form_operands(x, form, 2, UINT32_MAX, "((pattern expression) ...) and a body",
                                   count);

    if (!operands) return NULL;
    Stx **bindings = stx_list(x, operands[0], count);
    *body = stx_cdr(x, stx_cdr(x, form));
    if (bindings) return bindings;
    return syntax_error(x, stx_span(operands[0]),
                        "%s: expected a list of (pattern expression), got %s", what,
                        stx_text(x, operands[0]));
}

Core *form_match_let(Expander *x, Stx *form)
{
    uint32_t count, scope = scope_new(x), n = 0;
    Stx *body, **bindings = let_operands(x, form, "match-let", &count, &body);
    PatTree t = {x, stx_span(form)};

    if (!bindings) return NULL;
    LetPattern *patterns = arena_array(unit_arena(x), LetPattern, count);
    Var **vars = arena_array(unit_arena(x), Var *, count);
    Core **inits = arena_array(unit_arena(x), Core *, count);
    for (; n < count; n++) {
        if (!read_let_pattern(&t, bindings[n], scope, "match-let", &patterns[n])) return NULL;
        vars[n] = patterns[n].value;
        inits[n] = patterns[n].init;
    }
    Core *core = expand_body(x, stx_add_scope(x, body, scope), scope, t.span, "match-let");
    while (n-- > 0) {
        core = match_one(&t, &patterns[n], "match-let", core);
    }
    return core_let(x, CORE_LET, vars, inits, count, core, t.span);
}

// Each pattern is in the scope of those before it.
Core *form_match_let_star(Expander *x, Stx *form)
{
    uint32_t count, depth = x->where.depth, n = 0, scope = scope_new(x);
    Stx *body, **bindings = let_operands(x, form, "match-let*", &count, &body);
    PatTree t = {x, stx_span(form)};

    if (!bindings) return NULL;
    LetPattern *patterns = arena_array(unit_arena(x), LetPattern, count);
    body = stx_add_scope(x, body, scope);
    for (; n < count && enter_level(x, stx_span(bindings[n])); n++) {
        Stx *binding = bindings[n];
        for (uint32_t k = 0; k < n; k++) {
            binding = stx_add_scope(x, binding, patterns[k].reader.scope);
        }
        uint32_t own = scope_new(x);
        if (!read_let_pattern(&t, binding, own, "match-let*", &patterns[n])) break;
        body = stx_add_scope(x, body, own);
        scope = own;
    }
    bool good = n == count;
    Core *core = good ? expand_body(x, body, scope, t.span, "match-let*") : NULL;
    x->where.depth = depth;
    while (good && n-- > 0) {
        core = match_one(&t, &patterns[n], "match-let*", core);
        core = core_let1(x, patterns[n].value, patterns[n].init, core, t.span);
    }
    return core;
}
