// Forms that bind variables: lambda, the let family, and the definition forms.
#include "compiler/syntax/expand_int.h"

#include <string.h>

Stx **form_operands(Expander *x, Stx *form, uint32_t min, uint32_t max, const char *shape,
                    uint32_t *count)
{
    Stx **items = stx_list(x, form, count);

    if (items && *count > min && *count - 1 <= max) {
        *count -= 1;
        return items + 1;
    }
    Stx *head = stx_car(x, form);
    return syntax_error(x, stx_span(form), "%s: expected %s, got %s", stx_text(x, head), shape,
                        stx_text(x, form));
}

// ---- lambda ------------------------------------------------------------------------------------

bool expand_clause(Expander *x, Stx *formals, Stx *body, Span span, Clause *out)
{
    uint32_t scope = scope_new(x), count;
    Stx *tail;
    Stx **params = stx_dotted(x, formals, &count, &tail);
    bool good = true;

    out->rest = tail->kind != STX_NIL;
    out->required = count;
    out->params = arena_array(unit_arena(x), Var *, count + 1);
    for (uint32_t i = 0; i < count + out->rest; i++) {
        Stx *id = stx_add_scope(x, i < count ? params[i] : tail, scope);
        out->params[i] = bind_local(x, id, "parameters");
        good &= out->params[i] != NULL;
        if (!out->params[i]) out->params[i] = var_new(x, sym_named(x->c, "_"), stx_span(id));
    }
    out->body = expand_body(x, stx_add_scope(x, body, scope), scope, span, "procedure");
    return good;
}

Core *expand_procedure(Expander *x, Sym *name, Stx *formals, Stx *body, Span span)
{
    Core *core = core_lambda(x, name, NULL, 0, NULL, span);

    expand_clause(x, formals, body, span, core->u.lambda->clauses);
    return core;
}

Core *thunk_of_body(Expander *x, Stx *forms, Span span, const char *what)
{
    uint32_t scope = scope_new(x);
    Core *body = expand_body(x, stx_add_scope(x, forms, scope), scope, span, what);

    return core_lambda(x, NULL, NULL, 0, body, span);
}

Core *form_lambda(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(lambda (parameter ...) expression ...)", &count);

    if (!operands) return NULL;
    Stx *body = stx_cdr(x, stx_cdr(x, form));
    return expand_procedure(x, NULL, operands[0], body, stx_span(form));
}

Core *form_case_lambda(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **clauses = form_operands(x, form, 0, UINT32_MAX,
                                  "(case-lambda ((parameter ...) expression ...) ...)", &count);

    if (!clauses) return NULL;
    Core *core = core_lambda(x, NULL, NULL, 0, NULL, stx_span(form));
    core->u.lambda->clauses = arena_array(unit_arena(x), Clause, count);
    core->u.lambda->clause_count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (!stx_is_pair(clauses[i])) {
            return syntax_error(
                x, stx_span(clauses[i]),
                "case-lambda: expected a clause ((parameter ...) expression ...), got %s",
                stx_text(x, clauses[i]));
        }
        expand_clause(x, stx_car(x, clauses[i]), stx_cdr(x, clauses[i]), stx_span(clauses[i]),
                      &core->u.lambda->clauses[i]);
    }
    return core;
}

// ---- let and its kin ---------------------------------------------------------------------------

typedef struct {
    const char *what; // the form's name
    Stx **names, **inits;
    Stx **bindings;
    uint32_t count;
} Bindings;

// Checks one (name expression).
static bool parse_binding(Expander *x, Bindings *b, uint32_t i, bool values)
{
    uint32_t count;
    Stx **parts = stx_list(x, b->bindings[i], &count);

    if (!parts || count != 2) {
        syntax_error(x, stx_span(b->bindings[i]), "%s: expected a binding (%s expression), got %s",
                     b->what, values ? "(name ...)" : "name", stx_text(x, b->bindings[i]));
        return false;
    }
    b->names[i] = parts[0];
    b->inits[i] = parts[1];
    return true;
}

static bool parse_bindings(Expander *x, Stx *form, Stx *list, bool values, Bindings *b)
{
    bool good = true;

    b->what = stx_text(x, stx_car(x, form));
    b->bindings = stx_list(x, list, &b->count);
    if (!b->bindings) {
        syntax_error(x, stx_span(list), "%s: expected a list of bindings (%s expression), got %s",
                     b->what, values ? "(name ...)" : "name", stx_text(x, list));
        return false;
    }
    b->names = arena_array(unit_arena(x), Stx *, b->count);
    b->inits = arena_array(unit_arena(x), Stx *, b->count);
    for (uint32_t i = 0; i < b->count; i++) {
        good &= parse_binding(x, b, i, values);
    }
    return good;
}

// Binds the names in a scope. Names that cannot be bound (reported) get a variable nothing refers
// to.
static Var **bind_names(Expander *x, const Bindings *b, uint32_t scope)
{
    Var **vars = arena_array(unit_arena(x), Var *, b->count);

    for (uint32_t i = 0; i < b->count; i++) {
        Stx *id = stx_add_scope(x, b->names[i], scope);
        vars[i] = bind_local(x, id, b->what);
        if (!vars[i]) vars[i] = var_new(x, sym_named(x->c, "_"), stx_span(id));
    }
    return vars;
}

static Core **expand_inits(Expander *x, const Bindings *b, uint32_t scope)
{
    Core **inits = arena_array(unit_arena(x), Core *, b->count);

    for (uint32_t i = 0; i < b->count; i++) {
        Stx *init = scope ? stx_add_scope(x, b->inits[i], scope) : b->inits[i];
        inits[i] = expand(x, init);
        if (stx_is_symbol(b->names[i])) core_name(inits[i], b->names[i]->u.symbol);
    }
    return inits;
}

// (let name ((variable init) ...) body ...): the inits do not see `name`.
static Core *named_let(Expander *x, Stx *form, Stx *name)
{
    Stx *rest = stx_cdr(x, stx_cdr(x, form));
    Bindings b;

    if (!stx_is_pair(stx_cdr(x, rest))) {
        return syntax_error(
            x, stx_span(form),
            "let: expected (let name ((name expression) ...) expression ...), got %s",
            stx_text(x, form));
    }
    if (!parse_bindings(x, form, stx_car(x, rest), false, &b)) return NULL;
    Core **inits = expand_inits(x, &b, 0);
    uint32_t outer = scope_new(x), scope = scope_new(x);
    Var *loop = bind_local(x, stx_add_scope(x, name, outer), "let");
    uint32_t both = set_add(x, set_add(x, 0, outer), scope);
    for (uint32_t i = 0; i < b.count; i++) {
        b.names[i] = stx_add_scope(x, b.names[i], outer);
    }
    Var **vars = bind_names(x, &b, scope);
    Core *body = expand_body(x, stx_add(x, stx_cdr(x, rest), both), scope, stx_span(form), "let");
    Core *procedure = core_lambda(x, name->u.symbol, vars, b.count, body, stx_span(form));
    Core *call = core_call(x, core_local(x, loop, stx_span(name)), inits, b.count, stx_span(form));
    Core *core = core_let1(x, loop, procedure, call, stx_span(form));
    core->kind = CORE_LETREC;
    return core;
}

Core *form_let(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(let ((name expression) ...) expression ...)", &count);
    Bindings b;

    if (!operands) return NULL;
    if (stx_is_symbol(operands[0])) return named_let(x, form, operands[0]);
    if (!parse_bindings(x, form, operands[0], false, &b)) return NULL;
    Core **inits = expand_inits(x, &b, 0);
    uint32_t scope = scope_new(x);
    Var **vars = bind_names(x, &b, scope);
    Stx *forms = stx_add_scope(x, stx_cdr(x, stx_cdr(x, form)), scope);
    Core *body = expand_body(x, forms, scope, stx_span(form), "let");
    return core_let(x, CORE_LET, vars, inits, b.count, body, stx_span(form));
}

// Each binding is in the scope of those before it, so each makes a scope. The core nests one level
// per binding, and so does the level count.
Core *form_let_star(Expander *x, Stx *form)
{
    uint32_t count, depth = x->where.depth, entered = 0, scopes = 0;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(let* ((name expression) ...) expression ...)", &count);
    Bindings b;

    if (!operands || !parse_bindings(x, form, operands[0], false, &b)) return NULL;
    Core **inits = arena_array(unit_arena(x), Core *, b.count);
    Var **vars = arena_array(unit_arena(x), Var *, b.count);
    for (; entered < b.count && enter_level(x, stx_span(b.bindings[entered])); entered++) {
        uint32_t i = entered;
        inits[i] = expand(x, stx_add(x, b.inits[i], scopes));
        if (stx_is_symbol(b.names[i])) core_name(inits[i], b.names[i]->u.symbol);
        scopes = set_add(x, scopes, scope_new(x));
        vars[i] = bind_local(x, stx_add(x, b.names[i], scopes), b.what);
        if (!vars[i]) vars[i] = var_new(x, sym_named(x->c, "_"), stx_span(b.names[i]));
    }
    uint32_t scope = scope_new(x);
    Stx *forms = stx_add(x, stx_cdr(x, stx_cdr(x, form)), set_add(x, scopes, scope));
    Core *core = expand_body(x, forms, scope, stx_span(form), "let*");
    while (entered-- > 0) {
        core = core_let1(x, vars[entered], inits[entered], core, stx_span(form));
    }
    x->where.depth = depth;
    return core;
}

// letrec and letrec*: one of the two evaluation orders is the other's, too.
Core *form_letrec(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "a list of bindings (name expression) and a body", &count);
    Bindings b;

    if (!operands || !parse_bindings(x, form, operands[0], false, &b)) return NULL;
    uint32_t scope = scope_new(x);
    Var **vars = bind_names(x, &b, scope);
    uint32_t outer = x->where.frame;
    x->where.frame = scope;
    Core **inits = expand_inits(x, &b, scope);
    x->where.frame = outer;
    Stx *forms = stx_add_scope(x, stx_cdr(x, stx_cdr(x, form)), scope);
    Core *body = expand_body(x, forms, scope, stx_span(form), b.what);
    return core_let(x, CORE_LETREC, vars, inits, b.count, body, stx_span(form));
}

// ---- several values ----------------------------------------------------------------------------

// Binds the formals of a let-values clause and begins its core node.
static Core *values_node(Expander *x, Stx *formals, uint32_t scopes, Core *init, const char *what)
{
    uint32_t count;
    Stx *tail;
    Stx **names = stx_dotted(x, formals, &count, &tail);
    Core *core = core_new(x, CORE_LET_VALUES, init->span);
    bool rest = tail->kind != STX_NIL;

    core->u.let_values.vars = arena_array(unit_arena(x), Var *, count + 1);
    for (uint32_t i = 0; i < count + rest; i++) {
        Stx *id = stx_add(x, i < count ? names[i] : tail, scopes);
        Var *var = bind_local(x, id, what);
        core->u.let_values.vars[i] = var ? var : var_new(x, sym_named(x->c, "_"), stx_span(id));
    }
    core->u.let_values.count = count + rest;
    core->u.let_values.rest = rest;
    core->u.let_values.init = init;
    return core;
}

// let-values (one scope for all names, none for the inits) and let*-values (one after the other).
static Core *let_values(Expander *x, Stx *form, bool star)
{
    uint32_t count, depth = x->where.depth, scopes = 0;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "a list of bindings ((name ...) expression) and a body", &count);
    Core **hole, *core = NULL;
    Bindings b;

    if (!operands || !parse_bindings(x, form, operands[0], true, &b)) return NULL;
    Core **inits = arena_array(unit_arena(x), Core *, b.count);
    for (uint32_t i = 0; !star && i < b.count; i++) {
        inits[i] = expand(x, b.inits[i]);
    }
    uint32_t scope = scope_new(x);
    if (!star) scopes = set_add(x, 0, scope);
    hole = &core;
    for (uint32_t i = 0; i < b.count && enter_level(x, stx_span(b.bindings[i])); i++) {
        if (star) {
            inits[i] = expand(x, stx_add(x, b.inits[i], scopes));
            scopes = set_add(x, scopes, scope_new(x));
        }
        *hole = values_node(x, b.names[i], scopes, inits[i], b.what);
        hole = &(*hole)->u.let_values.body;
    }
    if (star) {
        scope = scope_new(x);
        scopes = set_add(x, scopes, scope);
    }
    Stx *forms = stx_add(x, stx_cdr(x, stx_cdr(x, form)), scopes);
    *hole = expand_body(x, forms, scope, stx_span(form), b.what);
    x->where.depth = depth;
    return core;
}

Core *form_let_values(Expander *x, Stx *form)
{
    return let_values(x, form, false);
}

Core *form_let_star_values(Expander *x, Stx *form)
{
    return let_values(x, form, true);
}

// ---- definitions -------------------------------------------------------------------------------

Core *form_definition(Expander *x, Stx *form)
{
    return syntax_error(x, stx_span(form),
                        "%s: a definition is not allowed here, where an expression is expected",
                        stx_text(x, stx_car(x, form)));
}

static void collect_procedure(Expander *x, Context *cx, Stx *form, Stx *name, Stx *formals,
                              Stx *body)
{
    Target target;

    if (!define_variable(x, cx, name, &target)) return;
    Item *item = add_item(x, cx, ITEM_PROCEDURE, stx_span(form));
    item->target = target;
    item->formals = formals;
    item->form = body;
}

void collect_define(Expander *x, Context *cx, Stx *form)
{
    uint32_t count;
    Target target;
    Stx **operands = form_operands(
        x, form, 2, UINT32_MAX,
        "(define name expression) or (define (name parameter ...) expression ...)", &count);

    if (!operands) {
        define_broken(x, cx, form);
        return;
    }
    if (stx_is_pair(operands[0])) {
        collect_procedure(x, cx, form, stx_car(x, operands[0]), stx_cdr(x, operands[0]),
                          stx_cdr(x, stx_cdr(x, form)));
        return;
    }
    if (count > 2) {
        syntax_error(x, stx_span(operands[2]),
                     "%s: expected one expression as the value, got another one: %s",
                     stx_text(x, stx_car(x, form)), stx_text(x, operands[2]));
        define_broken(x, cx, form);
        return;
    }
    if (!define_variable(x, cx, operands[0], &target)) return;
    Item *item = add_item(x, cx, ITEM_DEFINE, stx_span(form));
    item->target = target;
    item->form = operands[1];
}

void collect_defun(Expander *x, Context *cx, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 3, UINT32_MAX,
                                   "(defun name (parameter ...) expression ...)", &count);

    if (!operands) {
        define_broken(x, cx, form);
        return;
    }
    Stx *body = stx_cdr(x, stx_cdr(x, stx_cdr(x, form)));
    collect_procedure(x, cx, form, operands[0], operands[1], body);
}

void collect_define_values(Expander *x, Context *cx, Stx *form)
{
    uint32_t operand_count, count;
    Stx *tail;
    Stx **operands = form_operands(x, form, 2, 2, "(define-values (name ...) expression)",
                                   &operand_count);

    if (!operands) return;
    Stx **names = stx_dotted(x, operands[0], &count, &tail);
    bool rest = tail->kind != STX_NIL;
    Target *targets = arena_array(unit_arena(x), Target, count + 1);
    for (uint32_t i = 0; i < count + rest; i++) {
        if (!define_variable(x, cx, i < count ? names[i] : tail, &targets[i])) return;
    }
    Item *item = add_item(x, cx, ITEM_VALUES, stx_span(form));
    item->form = operands[1];
    item->targets = targets;
    item->target_count = count + rest;
    item->rest = rest;
}
