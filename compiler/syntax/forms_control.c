// Forms of control that core can say directly: quote, if, set!, begin, and, or, when, unless, cond,
// case, do.
//
// A chain (clauses, operands of and/or) becomes core nested as deep as it is long, so each link
// counts as a level of nesting.
#include "compiler/syntax/expand_int.h"

#include <string.h>

// More data than this in a clause of case are looked for in a constant list.
#define CASE_TESTS_MAX 8

Core *form_quote(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, 1, "(quote datum)", &count);

    return operands ? core_constant(x, operands[0]) : NULL;
}

// Words that mean something inside other forms only.
Core *form_misplaced(Expander *x, Stx *form)
{
    Stx *head = stx_car(x, form);
    const char *where = "define-syntax, let-syntax or letrec-syntax";

    switch ((FormId)resolve(x, head)->u.form) {
    case FORM_unquote:
    case FORM_unquote_splicing:
        where = "quasiquote";
        break;
    case FORM_else:
    case FORM_arrow:
        where = "a clause of cond, case or guard";
        break;
    case FORM_ellipsis:
    case FORM_underscore:
        where = "syntax-rules";
        break;
    default:
        break;
    }
    return syntax_error(x, stx_span(form), "%s is only allowed inside %s", head->u.symbol->text,
                        where);
}

Core *form_if(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, 3, "(if test then else)", &count);

    if (!operands) return NULL;
    Core *test = expand(x, operands[0]);
    Core *then = expand(x, operands[1]);
    Core *otherwise = count == 3 ? expand(x, operands[2]) : core_unspecified(x, stx_span(form));
    return core_if(x, test, then, otherwise, stx_span(form));
}

// ---- set! --------------------------------------------------------------------------------------

// A module may assign to its own variables; a macro of a module to that module's, wherever it is
// used, when the module says so (seal.c looks for such macros).
static bool may_assign(Expander *x, const Stx *id, const Global *g)
{
    const Iface *here = x->module->iface, *from = set_node(x, id->scopes)->module;

    if (g->module == here->name) return true;
    return from && from->name == g->module && g->assigned;
}

Core *form_set(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, 2, "(set! name expression)", &count);

    if (!operands) return NULL;
    Stx *id = operands[0];
    if (!stx_is_symbol(id)) {
        return syntax_error(x, stx_span(id), "set!: expected a name, got %s", stx_text(x, id));
    }
    const Binding *b = resolve(x, id);
    Core *value = expand(x, operands[1]);
    Core *core = core_new(x, CORE_SET_GLOBAL, stx_span(form));
    core->u.set_global.value = value;
    if (!b) {
        Core *name = expand_unbound(x, id);
        if (name->kind != CORE_GLOBAL) return name;
        core->u.set_global.global = name->u.global;
        name->u.global->assigned = true;
        return core;
    }
    switch ((BindKind)b->kind) {
    case BIND_LOCAL:
        core->kind = CORE_SET_LOCAL;
        core->u.set_local.var = b->u.var;
        core->u.set_local.value = value;
        b->u.var->assigned = true;
        return core;
    case BIND_GLOBAL:
        core->u.set_global.global = b->u.global;
        if (may_assign(x, id, b->u.global)) {
            b->u.global->assigned = true;
            return core;
        }
        return syntax_error(x, stx_span(id), "cannot assign to imported name '%s' of module '%s'",
                            id->u.symbol->text, b->u.global->module->text);
    case BIND_FORM:
    case BIND_MACRO:
        return syntax_error(x, stx_span(id), "set!: %s is syntax, not a variable",
                            id->u.symbol->text);
    case BIND_BROKEN:
        break;
    }
    return NULL;
}

// ---- sequences and logic -----------------------------------------------------------------------

Core *form_begin(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 0, UINT32_MAX, "a proper list", &count);

    return operands ? expand_sequence(x, operands, count, stx_span(form)) : NULL;
}

// Expands the operands of a chain, each one level deeper than the one before it.
static Core **expand_chain(Expander *x, Stx **operands, uint32_t count)
{
    uint32_t depth = x->where.depth;
    Core **cores = arena_array(unit_arena(x), Core *, count);

    for (uint32_t i = 0; i < count; i++) {
        cores[i] = expand(x, operands[i]);
        if (enter_level(x, stx_span(operands[i]))) continue;
        for (uint32_t k = i + 1; k < count; k++) {
            cores[k] = cores[i];
        }
        break;
    }
    x->where.depth = depth;
    return cores;
}

Core *form_and(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 0, UINT32_MAX, "(and expression ...)", &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    if (count == 0) return core_boolean(x, true, span);
    Core **cores = expand_chain(x, operands, count);
    Core *core = cores[count - 1];
    for (uint32_t i = count - 1; i-- > 0;) {
        core = core_if(x, cores[i], core, core_boolean(x, false, span), span);
    }
    return core;
}

// (let ((t value)) (if t t otherwise))
static Core *value_or(Expander *x, Core *value, Core *otherwise, Span span)
{
    Var *t = var_new(x, sym_named(x->c, "t"), span);
    Core *branch = core_if(x, core_local(x, t, span), core_local(x, t, span), otherwise, span);

    return core_let1(x, t, value, branch, span);
}

Core *form_or(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 0, UINT32_MAX, "(or expression ...)", &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    if (count == 0) return core_boolean(x, false, span);
    Core **cores = expand_chain(x, operands, count);
    Core *core = cores[count - 1];
    for (uint32_t i = count - 1; i-- > 0;) {
        core = value_or(x, cores[i], core, span);
    }
    return core;
}

static Core *when_unless(Expander *x, Stx *form, bool when)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX, "a test and at least one expression",
                                   &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    Core *test = expand(x, operands[0]);
    Core *body = expand_sequence(x, operands + 1, count - 1, span);
    Core *nothing = core_unspecified(x, span);
    return core_if(x, test, when ? body : nothing, when ? nothing : body, span);
}

Core *form_when(Expander *x, Stx *form)
{
    return when_unless(x, form, true);
}

Core *form_unless(Expander *x, Stx *form)
{
    return when_unless(x, form, false);
}

// ---- clauses of cond, guard and case -----------------------------------------------------------

typedef enum {
    CLAUSE_BAD,
    CLAUSE_TEST,
    CLAUSE_BODY,
    CLAUSE_ARROW,
    CLAUSE_ELSE,
    CLAUSE_ELSE_ARROW
} ClauseKind;

typedef struct {
    ClauseKind kind;
    Span span;
    Stx **parts;
    uint32_t count;
    Core *test, *body; // body: the procedure, of an arrow
} CondClause;

bool has_else(Expander *x, Stx **clauses, uint32_t count)
{
    if (count == 0 || !stx_is_pair(clauses[count - 1])) return false;
    return is_auxiliary(x, stx_car(x, clauses[count - 1]), FORM_else);
}

// `data`: a clause of case, whose head is a list of data.
static CondClause parse_clause(Expander *x, Stx *stx, bool last, bool data, const char *what)
{
    CondClause c = {.kind = CLAUSE_BAD, .span = stx_span(stx)};
    const char *head = data ? "(datum ...)" : "test";

    c.parts = stx_list(x, stx, &c.count);
    if (!c.parts || c.count == 0 || (data && c.count == 1)) {
        syntax_error(x, c.span, "%s: expected a clause (%s expression ...), got %s", what, head,
                     stx_text(x, stx));
        return c;
    }
    bool otherwise = is_auxiliary(x, c.parts[0], FORM_else);
    bool arrow = c.count > 1 && is_auxiliary(x, c.parts[1], FORM_arrow);
    if (otherwise && !last) {
        syntax_error(x, c.span, "%s: expected the else clause to be the last one", what);
    } else if (otherwise && c.count == 1) {
        syntax_error(x, c.span, "%s: expected an expression behind else", what);
    } else if (arrow && (c.count != 3 || (otherwise && !data))) {
        syntax_error(x, c.span, "%s: expected a clause (%s => procedure), got %s", what, head,
                     stx_text(x, stx));
    } else if (otherwise) {
        c.kind = arrow ? CLAUSE_ELSE_ARROW : CLAUSE_ELSE;
    } else {
        c.kind = arrow ? CLAUSE_ARROW : c.count == 1 ? CLAUSE_TEST : CLAUSE_BODY;
    }
    return c;
}

static Core *clause_body(Expander *x, const CondClause *c)
{
    if (c->kind == CLAUSE_ARROW || c->kind == CLAUSE_ELSE_ARROW) return expand(x, c->parts[2]);
    if (c->kind == CLAUSE_TEST || c->kind == CLAUSE_BAD) return core_unspecified(x, c->span);
    return expand_sequence(x, c->parts + 1, c->count - 1, c->span);
}

static Core *call1(Expander *x, Core *fn, Core *arg, Span span)
{
    Core **args = arena_new(unit_arena(x), Core *);

    args[0] = arg;
    return core_call(x, fn, args, 1, span);
}

// (let ((t test)) (if t (procedure t) otherwise))
static Core *arrow_clause(Expander *x, const CondClause *c, Core *otherwise)
{
    Var *t = var_new(x, sym_named(x->c, "t"), c->span);
    Core *call = call1(x, c->body, core_local(x, t, c->span), c->span);
    Core *branch = core_if(x, core_local(x, t, c->span), call, otherwise, c->span);

    return core_let1(x, t, c->test, branch, c->span);
}

Core *expand_cond_clauses(Expander *x, Stx **clauses, uint32_t count, Core *fallback,
                          const char *what)
{
    uint32_t depth = x->where.depth, n = 0;
    CondClause *all = arena_array(unit_arena(x), CondClause, count);
    Core *core = fallback;

    for (; n < count && enter_level(x, stx_span(clauses[n])); n++) {
        CondClause *c = &all[n];
        *c = parse_clause(x, clauses[n], n + 1 == count, false, what);
        if (c->kind == CLAUSE_TEST || c->kind == CLAUSE_BODY || c->kind == CLAUSE_ARROW) {
            c->test = expand(x, c->parts[0]);
        }
        c->body = clause_body(x, c);
    }
    x->where.depth = depth;
    if (!core) core = core_unspecified(x, count ? stx_span(clauses[count - 1]) : SPAN_NONE);
    while (n-- > 0) {
        const CondClause *c = &all[n];
        if (c->kind == CLAUSE_ELSE) core = c->body;
        if (c->kind == CLAUSE_TEST) core = value_or(x, c->test, core, c->span);
        if (c->kind == CLAUSE_BODY) core = core_if(x, c->test, c->body, core, c->span);
        if (c->kind == CLAUSE_ARROW) core = arrow_clause(x, c, core);
    }
    return core;
}

Core *form_cond(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **clauses = form_operands(x, form, 1, UINT32_MAX, "(cond (test expression ...) ...)",
                                  &count);

    return clauses ? expand_cond_clauses(x, clauses, count, NULL, "cond") : NULL;
}

// ---- case --------------------------------------------------------------------------------------

// Whether the key is one of the data of a clause: a chain of eqv?, or a search in a constant list.
static Core *case_test(Expander *x, Var *key, CondClause *c)
{
    uint32_t count;
    Stx **data = stx_list(x, c->parts[0], &count);

    if (!data) {
        syntax_error(x, stx_span(c->parts[0]), "case: expected a list of data (datum ...), got %s",
                     stx_text(x, c->parts[0]));
        return core_boolean(x, false, c->span);
    }
    if (count > CASE_TESTS_MAX) {
        Core *args[] = {core_local(x, key, c->span), core_constant(x, c->parts[0])};
        return core_kernel(x, KERNEL_memv, args, 2, c->span);
    }
    Core *test = NULL;
    for (uint32_t i = count; i-- > 0;) {
        Span span = stx_span(data[i]);
        Core *args[] = {core_local(x, key, span), core_constant(x, data[i])};
        Core *same = core_kernel(x, KERNEL_eqv, args, 2, span);
        test = test ? core_if(x, same, core_boolean(x, true, span), test, span) : same;
    }
    return test ? test : core_boolean(x, false, c->span);
}

static Core *case_clause(Expander *x, Var *key, const CondClause *c, Core *otherwise)
{
    Core *body = c->body;

    if (c->kind == CLAUSE_BAD) return otherwise;
    if (c->kind == CLAUSE_ARROW || c->kind == CLAUSE_ELSE_ARROW) {
        body = call1(x, body, core_local(x, key, c->span), c->span);
    }
    if (c->kind == CLAUSE_ELSE || c->kind == CLAUSE_ELSE_ARROW) return body;
    return core_if(x, c->test, body, otherwise, c->span);
}

Core *form_case(Expander *x, Stx *form)
{
    uint32_t count, depth = x->where.depth, n = 0;
    Stx **operands = form_operands(x, form, 1, UINT32_MAX,
                                   "(case key ((datum ...) expression ...) ...)", &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    Core *value = expand(x, operands[0]);
    Var *key = var_new(x, sym_named(x->c, "key"), stx_span(operands[0]));
    Stx **clauses = operands + 1;
    count--;
    CondClause *all = arena_array(unit_arena(x), CondClause, count);
    for (; n < count && enter_level(x, stx_span(clauses[n])); n++) {
        CondClause *c = &all[n];
        *c = parse_clause(x, clauses[n], n + 1 == count, true, "case");
        if (c->kind == CLAUSE_BODY || c->kind == CLAUSE_ARROW) c->test = case_test(x, key, c);
        c->body = clause_body(x, c);
    }
    x->where.depth = depth;
    Core *core = core_unspecified(x, span);
    while (n-- > 0) {
        core = case_clause(x, key, &all[n], core);
    }
    return core_let1(x, key, value, core, span);
}

// ---- do ----------------------------------------------------------------------------------------

typedef struct {
    uint32_t count;
    Var **vars;
    Core **inits;
    Stx **names, **steps; // step: the name itself when none is given
} DoVariables;

static bool parse_do_variables(Expander *x, Stx *list, DoVariables *d)
{
    Stx **specs = stx_list(x, list, &d->count);

    if (!specs) {
        syntax_error(x, stx_span(list), "do: expected a list of variables (name init step), got %s",
                     stx_text(x, list));
        return false;
    }
    d->vars = arena_array(unit_arena(x), Var *, d->count);
    d->inits = arena_array(unit_arena(x), Core *, d->count);
    d->names = arena_array(unit_arena(x), Stx *, d->count);
    d->steps = arena_array(unit_arena(x), Stx *, d->count);
    for (uint32_t i = 0; i < d->count; i++) {
        uint32_t count;
        Stx **parts = stx_list(x, specs[i], &count);
        if (!parts || count < 2 || count > 3) {
            syntax_error(x, stx_span(specs[i]), "do: expected a variable (name init step), got %s",
                         stx_text(x, specs[i]));
            return false;
        }
        d->names[i] = parts[0];
        d->inits[i] = expand(x, parts[1]);
        d->steps[i] = count == 3 ? parts[2] : parts[0];
    }
    return true;
}

// The next round: (loop step ...)
static Core *do_steps(Expander *x, const DoVariables *d, Var *loop, uint32_t scope, Span span)
{
    Core **args = arena_array(unit_arena(x), Core *, d->count);

    for (uint32_t i = 0; i < d->count; i++) {
        args[i] = expand(x, stx_add_scope(x, d->steps[i], scope));
    }
    return core_call(x, core_local(x, loop, span), args, d->count, span);
}

// (let loop ((name init) ...) (if test (begin result ...) (begin command ... (loop step ...))))
Core *form_do(Expander *x, Stx *form)
{
    uint32_t count, ends;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(do ((name init step) ...) (test result ...) command ...)",
                                   &count);
    Span span = stx_span(form);
    DoVariables d;

    if (!operands) return NULL;
    Stx **end = stx_list(x, operands[1], &ends);
    if (!end || ends == 0) {
        return syntax_error(x, stx_span(operands[1]), "do: expected (test result ...), got %s",
                            stx_text(x, operands[1]));
    }
    if (!parse_do_variables(x, operands[0], &d)) return NULL;
    uint32_t scope = scope_new(x), frame = x->where.frame;
    x->where.frame = scope;
    for (uint32_t i = 0; i < d.count; i++) {
        Stx *id = stx_add_scope(x, d.names[i], scope);
        d.vars[i] = bind_local(x, id, "do");
        if (!d.vars[i]) d.vars[i] = var_new(x, sym_named(x->c, "_"), stx_span(id));
    }
    Var *loop = var_new(x, sym_named(x->c, "loop"), span);
    for (uint32_t i = 0; i < ends; i++) {
        end[i] = stx_add_scope(x, end[i], scope);
    }
    Core *test = expand(x, end[0]);
    Core *result = expand_sequence(x, end + 1, ends - 1, span);
    Core **round = arena_array(unit_arena(x), Core *, count - 1);
    for (uint32_t i = 2; i < count; i++) {
        round[i - 2] = expand(x, stx_add_scope(x, operands[i], scope));
    }
    round[count - 2] = do_steps(x, &d, loop, scope, span);
    x->where.frame = frame;
    Core *body = core_if(x, test, result, core_seq(x, round, count - 1, span), span);
    Core *procedure = core_lambda(x, loop->name, d.vars, d.count, body, span);
    Core *start = core_call(x, core_local(x, loop, span), d.inits, d.count, span);
    Core *core = core_let1(x, loop, procedure, start, span);
    core->kind = CORE_LETREC;
    return core;
}
