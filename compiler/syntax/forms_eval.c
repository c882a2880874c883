// What eval needs of the expander.
//
// (%here) is the name of the module that it stands in, as a symbol; the module then exports all that
// its top level sees, to eval alone (seal.c, iface.c). (%here 'datum) is a list (module (name ...)
// value ...) instead when local variables of its place occur in the datum.
//
// Objects: what eval is given may hold values that have no written form (a procedure, a record). They
// reach the compiler as numbers (STX_OBJECT); a constant with such a number in it becomes an
// expression that takes the object from a vector, which the body fetches before anything else and
// which procedures that it makes keep.
#include "compiler/syntax/expand_int.h"

// ---- objects -----------------------------------------------------------------------------------

static Core *object_ref(Expander *x, int64_t number, Span span)
{
    Stx *index = stx_new(x, STX_INT, span);

    if (!x->objects) x->objects = var_new(x, sym_named(x->c, "objects"), span);
    index->u.integer = number;
    Core *args[] = {core_local(x, x->objects, span), core_constant(x, index)};
    return core_kernel(x, KERNEL_vector_ref, args, 2, span);
}

Core *with_objects(Expander *x, Core *value)
{
    if (!x->objects) return value;
    Var *var = x->objects;
    Core *fetch = core_kernel(x, KERNEL_eval_objects, NULL, 0, value->span);
    x->objects = NULL;
    return core_let1(x, var, fetch, value, value->span);
}

static bool has_objects(Expander *x, Stx *datum)
{
    bool found = false;

    if (x->fatal || !enter_level(x, stx_span(datum))) return false;
    if (x->nodes++ > x->limits.nodes) {
        syntax_fatal(x, stx_span(datum), "this datum is too large to hold objects of the program");
        leave_level(x);
        return false;
    }
    for (; datum->kind == STX_PAIR && !datum->cyclic && !found; datum = stx_cdr(x, datum)) {
        found = has_objects(x, stx_car(x, datum));
    }
    if (datum->kind == STX_PAIR && !found) {
        // A datum that contains itself has no objects: eval does not write it so.
    } else if (datum->kind == STX_VECTOR && !datum->cyclic) {
        for (size_t i = 0; i < datum->u.vector.count && !found; i++) {
            found = has_objects(x, stx_items(x, datum)[i]);
        }
    }
    leave_level(x);
    return found || datum->kind == STX_OBJECT;
}

#define CHUNK 60 // elements that one call adds: the core nests by one level for each

// (%cons* part ... (%cons* part ... tail)), made from its end.
static Core *list_constant(Expander *x, Stx *datum)
{
    PtrVec items = {0};
    Stx *rest = datum;

    for (; stx_is_pair(rest); rest = stx_cdr(x, rest)) {
        vec_push(unit_arena(x), &items, stx_car(x, rest));
    }
    Core *list = core_constant(x, rest);
    for (uint32_t left = items.count; left > 0;) {
        Core *args[CHUNK + 1];
        uint32_t n = left % CHUNK ? left % CHUNK : CHUNK;
        left -= n;
        for (uint32_t i = 0; i < n; i++) {
            args[i] = core_constant(x, items.items[left + i]);
        }
        args[n] = list;
        list = core_kernel(x, KERNEL_cons_star, args, n + 1, stx_span(datum));
    }
    return list;
}

static Core *vector_constant(Expander *x, Stx *datum)
{
    Stx *list = stx_new(x, STX_NIL, stx_span(datum));

    for (size_t i = datum->u.vector.count; i-- > 0;) {
        Stx *pair = stx_new(x, STX_PAIR, stx_span(datum));
        pair->u.pair.car = stx_items(x, datum)[i];
        pair->u.pair.cdr = list;
        list = pair;
    }
    Core *items = list_constant(x, list);
    return core_kernel(x, KERNEL_list_to_vector, &items, 1, stx_span(datum));
}

Core *object_constant(Expander *x, Stx *datum)
{
    Core *core = NULL;

    if (datum->kind == STX_OBJECT) return object_ref(x, datum->u.integer, stx_span(datum));
    if (datum->kind != STX_PAIR && datum->kind != STX_VECTOR) return NULL;
    if (!has_objects(x, datum) || !enter_level(x, stx_span(datum))) return NULL;
    core = datum->kind == STX_PAIR ? list_constant(x, datum) : vector_constant(x, datum);
    leave_level(x);
    return core;
}

// ---- locals ------------------------------------------------------------------------------------

Core *expand_with_locals(Expander *x, Stx *forms, const OpenInput *in)
{
    uint32_t scope = scope_new(x), n = in->local_count;
    Span span = stx_span(forms);
    Var **vars = arena_array(unit_arena(x), Var *, n);
    Core **inits = arena_array(unit_arena(x), Core *, n);

    uint32_t set = set_add(x, set_add(x, 0, x->module->iface->scopes[0]), scope);
    for (uint32_t i = 0; i < n; i++) {
        Stx *id = stx_symbol(x, in->locals[i], set, span);
        vars[i] = var_new(x, in->locals[i], span);
        inits[i] = object_ref(x, (int64_t)x->c->objects - n + i, span);
        entry_add(x, id, set, binding_of_var(x, vars[i]), ENTRY_PARAMETER);
    }
    Core *body = expand_body(x, stx_add_scope(x, forms, scope), scope, span, "eval");
    return core_let(x, CORE_LET, vars, inits, n, body, span);
}

// The local variables that symbols of a datum mean where it stands, each once.
static void find_locals(Expander *x, Stx *datum, PtrVec *out)
{
    if (!enter_level(x, stx_span(datum))) return;
    for (; stx_is_pair(datum); datum = stx_cdr(x, datum)) {
        find_locals(x, stx_car(x, datum), out);
    }
    if (datum->kind == STX_VECTOR && !datum->cyclic) {
        for (size_t i = 0; i < datum->u.vector.count; i++) {
            find_locals(x, stx_items(x, datum)[i], out);
        }
    }
    const Binding *b = stx_is_symbol(datum) ? resolve(x, datum) : NULL;
    bool known = !b || b->kind != BIND_LOCAL;
    for (uint32_t i = 0; i < out->count && !known; i++) {
        known = ((Stx *)out->items[i])->u.symbol == datum->u.symbol;
    }
    if (!known) vec_push(unit_arena(x), out, datum);
    leave_level(x);
}

// ---- (%here [expression]) ----------------------------------------------------------------------

static Stx *quoted_datum(Expander *x, Stx *stx)
{
    uint32_t count;
    const Binding *b = head_binding(x, stx);

    if (!b || b->kind != BIND_FORM || b->u.form != FORM_quote) return NULL;
    Stx **parts = stx_list(x, stx, &count);
    return parts && count == 2 ? parts[1] : NULL;
}

Core *form_here(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 0, 1, "(%here [expression])", &count);
    Span span = stx_span(form);
    PtrVec locals = {0};

    if (!operands) return NULL;
    x->module->evaluates = true;
    Core *name = core_symbol(x, x->module->iface->name, span);
    Stx *datum = count > 0 ? quoted_datum(x, operands[0]) : NULL;
    if (datum) find_locals(x, datum, &locals);
    if (locals.count == 0) return name;
    Stx *names = stx_new(x, STX_NIL, span);
    Core *values = core_constant(x, names);
    for (uint32_t i = locals.count; i-- > 0;) {
        const Stx *id = locals.items[i];
        Stx *pair = stx_new(x, STX_PAIR, span);
        pair->u.pair.car = stx_symbol(x, id->u.symbol, 0, span);
        pair->u.pair.cdr = names;
        names = pair;
        Core *args[] = {expand(x, (Stx *)id), values};
        values = core_kernel(x, KERNEL_cons, args, 2, span);
    }
    Core *args[] = {core_constant(x, names), values};
    args[1] = core_kernel(x, KERNEL_cons, args, 2, span);
    args[0] = name;
    return core_kernel(x, KERNEL_cons, args, 2, span);
}
