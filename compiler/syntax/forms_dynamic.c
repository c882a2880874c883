// Forms that need the run-time system: delay, parameterize, guard, catch, assert. They become calls
// of kernel operations (kernel.def) with thunks.
#include "compiler/syntax/expand_int.h"

static Core *promise(Expander *x, Stx *form, KernelId operation)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, 1, "one expression", &count);

    if (!operands) return NULL;
    Core *thunk = core_lambda(x, NULL, NULL, 0, expand(x, operands[0]), stx_span(form));
    return core_kernel(x, operation, &thunk, 1, stx_span(form));
}

Core *form_delay(Expander *x, Stx *form)
{
    return promise(x, form, KERNEL_delay);
}

Core *form_delay_force(Expander *x, Stx *form)
{
    return promise(x, form, KERNEL_delay_force);
}

// (%parameterize (list (cons parameter value) ...) thunk)
Core *form_parameterize(Expander *x, Stx *form)
{
    uint32_t count, pairs;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(parameterize ((parameter expression) ...) expression ...)",
                                   &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    Stx **bindings = stx_list(x, operands[0], &pairs);
    if (!bindings) {
        return syntax_error(x, stx_span(operands[0]),
                            "parameterize: expected a list of (parameter expression), got %s",
                            stx_text(x, operands[0]));
    }
    Core **cells = arena_array(unit_arena(x), Core *, pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        uint32_t parts_count;
        Stx **parts = stx_list(x, bindings[i], &parts_count);
        if (!parts || parts_count != 2) {
            return syntax_error(x, stx_span(bindings[i]),
                                "parameterize: expected (parameter expression), got %s",
                                stx_text(x, bindings[i]));
        }
        Core *parameter = expand(x, parts[0]);
        Core *args[] = {parameter, expand(x, parts[1])};
        cells[i] = core_kernel(x, KERNEL_cons, args, 2, stx_span(bindings[i]));
    }
    Core *thunk = thunk_of_body(x, stx_cdr(x, stx_cdr(x, form)), span, "parameterize");
    Core *args[] = {core_kernel(x, KERNEL_list, cells, pairs, span), thunk};
    return core_kernel(x, KERNEL_parameterize, args, 2, span);
}

// The handler of a guard: (lambda (name [reraise]) clause ...), where falling off the clauses calls
// reraise. *otherwise: there is an else clause, so it takes no reraise.
static Core *guard_handler(Expander *x, Stx *name, Stx **clauses, uint32_t count, bool *otherwise)
{
    uint32_t scope = scope_new(x), frame = x->where.frame;
    Span span = stx_span(name);
    Var *condition = bind_local(x, stx_add_scope(x, name, scope), "guard");
    Var *reraise = var_new(x, sym_named(x->c, "reraise"), span);
    Core *fallback = NULL;

    if (!condition) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        clauses[i] = stx_add_scope(x, clauses[i], scope);
    }
    *otherwise = has_else(x, clauses, count);
    if (!*otherwise) fallback = core_call(x, core_local(x, reraise, span), NULL, 0, span);
    x->where.frame = scope;
    Core *body = expand_cond_clauses(x, clauses, count, fallback, "guard");
    x->where.frame = frame;
    Var *params[] = {condition, reraise};
    return core_lambda(x, NULL, params, *otherwise ? 1 : 2, body, span);
}

Core *form_guard(Expander *x, Stx *form)
{
    uint32_t count, clause_count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(guard (name clause ...) expression ...)", &count);
    Span span = stx_span(form);
    bool otherwise;

    if (!operands) return NULL;
    Stx **clauses = stx_list(x, operands[0], &clause_count);
    if (!clauses || clause_count == 0 || !stx_is_symbol(clauses[0])) {
        return syntax_error(x, stx_span(operands[0]), "guard: expected (name clause ...), got %s",
                            stx_text(x, operands[0]));
    }
    Core *thunk = thunk_of_body(x, stx_cdr(x, stx_cdr(x, form)), span, "guard");
    Core *handler = guard_handler(x, clauses[0], clauses + 1, clause_count - 1, &otherwise);
    if (!handler) return NULL;
    Core *args[] = {thunk, handler};
    return core_kernel(x, otherwise ? KERNEL_guard_else : KERNEL_guard, args, 2, span);
}

// The symbol of (quote symbol), else NULL.
static Sym *quoted_symbol(Expander *x, Stx *stx)
{
    uint32_t count;
    const Binding *b = head_binding(x, stx);

    if (!b || b->kind != BIND_FORM || b->u.form != FORM_quote) return NULL;
    Stx **parts = stx_list(x, stx, &count);
    return parts && count == 2 && stx_is_symbol(parts[1]) ? parts[1]->u.symbol : NULL;
}

Core *form_catch(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, UINT32_MAX, "(catch 'tag expression ...)", &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    Sym *tag = count > 1 ? quoted_symbol(x, operands[0]) : NULL;
    Stx *body = stx_cdr(x, form);
    if (tag) body = stx_cdr(x, body);
    Core *thunk = thunk_of_body(x, body, span, "catch");
    Core *args[] = {tag ? core_symbol(x, tag, stx_span(operands[0])) : core_boolean(x, false, span),
                    thunk};
    return core_kernel(x, KERNEL_catch, args, 2, span);
}

// (if test unspecified (%assert-failed 'test irritant ...))
Core *form_assert(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, UINT32_MAX, "(assert expression irritant ...)",
                                   &count);
    Span span = stx_span(form);

    if (!operands) return NULL;
    Core *test = expand(x, operands[0]);
    Core **args = arena_array(unit_arena(x), Core *, count);
    args[0] = core_constant(x, operands[0]);
    for (uint32_t i = 1; i < count; i++) {
        args[i] = expand(x, operands[i]);
    }
    Core *failed = core_kernel(x, KERNEL_assert_failed, args, count, span);
    return core_if(x, test, core_unspecified(x, span), failed, span);
}
