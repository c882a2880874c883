// The core loop: one form to core, using macros on the way.
//
// expand() is the only recursion over nested forms; enter_level bounds it. A chain of macro uses
// (the result of one being the use of the next) is a loop, bounded by limits.steps.
#include "compiler/syntax/expand_int.h"

#include "vm/base/mem.h"
#include "vm/image/prim.h"

#include <string.h>

// ---- macros ------------------------------------------------------------------------------------

Stx *expand_macro(Expander *x, Macro *macro, Stx *form)
{
    const Expansion *outer = x->where.expansion;
    Expansion *e = arena_new(unit_arena(x), Expansion);

    if (x->fatal) return NULL;
    *e = (Expansion){macro, stx_span(form), outer ? outer->count + 1 : 1, outer,
                     outer ? outer->outermost : e};
    // What a macro made has its user's place, so this names what the user wrote all along.
    if (e->count > x->limits.steps) {
        return syntax_fatal(
            x, e->use, "expansion depth exceeded: macro %s is still being expanded after %u steps",
            macro->name->text, x->limits.steps);
    }
    // Used where it is defined: lest what the operands bind capture what the template introduces.
    if (macro->frame == x->where.frame) {
        form = stx_add_scope(x, form, scope_new_use_site(x, macro->frame));
    }
    // A procedural transformer (er-macro-transformer) would be called here, through a host
    // function, with `form` and a fresh scope_new(x) for what its rename procedure makes.
    Stx *result = rules_apply(x, macro, form);
    if (result) x->where.expansion = e;
    return result;
}

Binding *head_binding(Expander *x, Stx *form)
{
    if (!stx_is_pair(form)) return NULL;
    Stx *head = stx_car(x, form);
    return stx_is_symbol(head) ? resolve(x, head) : NULL;
}

// ---- names -------------------------------------------------------------------------------------

// The primitive a name stands for when it is bound to nothing, -1 when none: only names written in
// the standard library mean primitives.
static int primitive_of(Expander *x, const Stx *id)
{
    const Sym *s = id->u.symbol;
    const Iface *module = set_node(x, id->scopes)->module;

    if (s->size < 2 || s->text[0] != '%' || !module || !module->privileged) return -1;
    return prim_find(s->text, s->size);
}

Core *expand_unbound(Expander *x, Stx *id)
{
    ModuleState *m = x->module;
    const char *name = id->u.symbol->text;
    Span span = stx_span(id);

    if (primitive_of(x, id) >= 0) {
        syntax_error(x, span, "%s is a primitive: it can only be called", name);
    } else if (m->iface->open) {
        diag_at(x->c->diag, DIAG_WARNING, span, "unbound name: %s%s", name, suggest_name(x, id));
        Global *g = global_of(x, m->iface->name, id->u.symbol);
        g->open = true;
        return core_global(x, g, span);
    } else if (!m->broken) {
        syntax_error(x, span, "unbound name: %s%s", name, suggest_name(x, id));
    }
    return core_unspecified(x, span);
}

// A macro's name as a value: what its rule for that says.
static Core *expand_macro_name(Expander *x, Macro *macro, Stx *id)
{
    const Expansion *outer = x->where.expansion;
    Stx *result = expand_macro(x, macro, id);
    Core *core = result ? expand(x, result) : core_unspecified(x, stx_span(id));

    x->where.expansion = outer;
    return core;
}

static Core *expand_name(Expander *x, Stx *id)
{
    const Binding *b = resolve(x, id);
    Span span = stx_span(id);

    if (!b) return expand_unbound(x, id);
    switch ((BindKind)b->kind) {
    case BIND_LOCAL:
        return core_local(x, b->u.var, span);
    case BIND_GLOBAL:
        return core_global(x, b->u.global, span);
    case BIND_MACRO:
        if (rules_have_name(x, b->u.macro)) return expand_macro_name(x, b->u.macro, id);
        // fall through
    case BIND_FORM:
        syntax_error(x, span, "%s is syntax: it cannot be used as a value", id->u.symbol->text);
        break;
    case BIND_BROKEN:
        break;
    }
    return core_unspecified(x, span);
}

// ---- calls -------------------------------------------------------------------------------------

static Core *expand_primitive(Expander *x, int prim, Stx **items, uint32_t count, Span span)
{
    const PrimInfo *info = prim_info(prim);
    Core *core = core_new(x, CORE_PRIM, span);
    uint32_t args = count - 1;

    if ((int64_t)args < info->min_args || (info->max_args >= 0 && (int64_t)args > info->max_args)) {
        syntax_error(x, span, "%s: expected %d%s operand%s, got %u", info->name, info->min_args,
                     info->max_args == info->min_args ? "" : " or more",
                     info->min_args == 1 && info->max_args == 1 ? "" : "s", args);
        return core_unspecified(x, span);
    }
    core->u.prim.prim = (uint16_t)prim;
    core->u.prim.count = args;
    core->u.prim.args = arena_array(unit_arena(x), Core *, args);
    for (uint32_t i = 0; i < args; i++) {
        core->u.prim.args[i] = expand(x, items[i + 1]);
    }
    return core;
}

static Core *expand_call(Expander *x, Stx *form)
{
    Span span = stx_span(form);
    uint32_t count;
    Stx **items = stx_list(x, form, &count);

    if (!items) {
        syntax_error(x, span, "expected a call or a form, a proper list, got %s",
                     stx_text(x, form));
        return core_unspecified(x, span);
    }
    Stx *head = items[0];
    if (stx_is_symbol(head) && !resolve(x, head)) {
        int prim = primitive_of(x, head);
        if (prim >= 0) return expand_primitive(x, prim, items, count, span);
    }
    Core *fn = expand(x, head);
    Core **args = arena_array(unit_arena(x), Core *, count - 1);
    for (uint32_t i = 1; i < count; i++) {
        args[i - 1] = expand(x, items[i]);
    }
    return core_call(x, fn, args, count - 1, span);
}

// ---- forms -------------------------------------------------------------------------------------

static FormExpander *const expanders[] = {
#define FORM(id, name, expression, definition) expression,
#include "compiler/syntax/forms.def"
};

static Core *expand_pair(Expander *x, Stx *form)
{
    const Expansion *outer = x->where.expansion;
    Core *core = NULL;

    while (!core) {
        const Binding *b = head_binding(x, form);
        if (b && b->kind == BIND_FORM) {
            core = expanders[b->u.form](x, form);
            if (!core) core = core_unspecified(x, stx_span(form));
        } else if (b && b->kind == BIND_MACRO) {
            Stx *result = expand_macro(x, b->u.macro, form);
            if (!result) {
                core = core_unspecified(x, stx_span(form));
            } else if (!stx_is_pair(result)) {
                core = expand(x, result);
            }
            form = result;
        } else {
            core = expand_call(x, form);
        }
    }
    x->where.expansion = outer;
    return core;
}

Core *expand(Expander *x, Stx *form)
{
    Core *core;

    if (!enter_level(x, stx_span(form))) return core_unspecified(x, stx_span(form));
    if (stx_is_symbol(form)) {
        core = expand_name(x, form);
    } else if (stx_is_pair(form)) {
        core = expand_pair(x, form);
    } else if (form->kind == STX_PAIR || (form->kind == STX_OBJECT && form->cyclic)) {
        syntax_error(x, stx_span(form), "a datum that contains itself must be quoted");
        core = core_unspecified(x, stx_span(form));
    } else {
        core = core_constant(x, form);
    }
    leave_level(x);
    return core;
}

Core *expand_sequence(Expander *x, Stx **items, uint32_t count, Span span)
{
    Core **cores = arena_array(unit_arena(x), Core *, count);

    for (uint32_t i = 0; i < count; i++) {
        cores[i] = expand(x, items[i]);
    }
    return core_seq(x, cores, count, span);
}

// ---- setting up --------------------------------------------------------------------------------

static const ExpandLimits default_limits = {10000, 100000, 10000000, 20};

void expand_set_limits(Compiler *c, ExpandLimits limits)
{
    Expander *x = expander_of(c);

    x->limits = default_limits;
    if (limits.depth) x->limits.depth = limits.depth;
    if (limits.steps) x->limits.steps = limits.steps;
    if (limits.nodes) x->limits.nodes = limits.nodes;
    if (limits.suggestions) x->limits.suggestions = limits.suggestions;
}

// The module of the core forms: known from the start, under a name no file can have.
static void make_core_module(Expander *x)
{
    x->core = iface_new(x, sym_named(x->c, "%core"));
    x->core->state = IFACE_READY;
    for (uint32_t i = 0; i < FORM_COUNT; i++) {
        x->forms[i] = (Binding){.kind = BIND_FORM, .u.form = i};
        Sym *name = sym_named(x->c, form_name((FormId)i));
        iface_add_export(x, x->core, name, &x->forms[i]);
        iface_add_definition(x, x->core, name, &x->forms[i]);
    }
}

void expander_init(Compiler *c)
{
    Expander *x = arena_new(&c->permanent, Expander);

    c->expander = x;
    x->c = c;
    x->limits = default_limits;
    x->broken.kind = BIND_BROKEN;
    sets_init(&x->sets);
    x->scopes = mem_must_alloc(MEM_COMPILER, sizeof(ScopeInfo)); // [0] is no scope
    x->scopes[0] = (ScopeInfo){0};
    x->scope_count = x->scope_capacity = 1;
    for (size_t i = 0; i < KERNEL_COUNT; i++) {
        x->kernel_prims[i] = -2;
    }
    make_core_module(x);
}

void expander_free(Compiler *c)
{
    Expander *x = expander_of(c);

    iface_free_all(x);
    names_free(&x->modules);
    names_free(&x->globals);
    scopes_free(x);
}

// The outer unit's expansion waits meanwhile; nothing of it may be seen from the inner one.
void expander_enter_unit(Compiler *c)
{
    Expander *x = expander_of(c);
    Running outer = {x->module, x->where, x->fatal, x->nodes, x->suggestions};

    scopes_enter_unit(x);
    x->unit->waiting = outer;
    x->module = NULL;
    x->where = (Where){0};
    x->fatal = false;
    x->nodes = 0;
    x->suggestions = x->limits.suggestions;
}

// What the unit's trees held of its variables goes with them [X2].
static void release_globals(const Module *m)
{
    for (uint32_t i = 0; i < m->global_count; i++) {
        m->globals[i]->here = false;
        m->globals[i]->lambda = NULL;
        m->globals[i]->info = NULL;
        m->globals[i]->span = SPAN_NONE;
    }
}

// The next unit may try the modules that could not be had again.
static void forget_failed(Expander *x)
{
    for (Iface *i = x->ifaces; i; i = i->next) {
        if (i->state == IFACE_FAILED && names_get(&x->modules, i->name, 0) == i) {
            iface_forget(x->c, i->name);
        }
    }
    x->some_failed = false;
}

void expander_leave_unit(Compiler *c)
{
    Expander *x = expander_of(c);
    Running outer = x->unit->waiting;

    for (uint32_t i = 0; i < x->unit->done.count; i++) {
        release_globals(x->unit->done.items[i]);
    }
    if (x->some_failed) forget_failed(x);
    scopes_leave_unit(x);
    x->module = outer.module;
    x->where = outer.where;
    x->fatal = outer.fatal;
    x->nodes = outer.nodes;
    x->suggestions = outer.suggestions;
}
