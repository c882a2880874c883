// Bodies: definitions mixed with expressions, in procedures and in modules.
//
// Two passes. The first goes through the forms, uses the macros at their heads, splices `begin` and
// its kin, and binds every name that is defined; what is an expression or the value of a definition
// stays syntax, with the place it was found in. The second expands those, now that all names of the
// body are known. A procedure's body becomes a letrec* in which expressions between definitions are
// dummy bindings; a module's becomes a sequence.
#include "compiler/syntax/expand_int.h"

#include <string.h>

// ---- collecting --------------------------------------------------------------------------------

static FormDefiner *const definers[] = {
#define FORM(id, name, expression, definition) definition,
#include "compiler/syntax/forms.def"
};

Item *add_item(Expander *x, Context *cx, ItemKind kind, Span span)
{
    Item *item = arena_new(unit_arena(x), Item);

    item->kind = (uint8_t)kind;
    item->span = span;
    item->where = x->where;
    vec_push(unit_arena(x), &cx->items, item);
    return item;
}

void collect_expression(Expander *x, Context *cx, Stx *form)
{
    add_item(x, cx, ITEM_EXPRESSION, stx_span(form))->form = form;
}

static void collect_form(Expander *x, Context *cx, Stx *form)
{
    const Expansion *outer = x->where.expansion;

    for (;;) {
        const Binding *b = head_binding(x, form);
        if (b && b->kind == BIND_MACRO) {
            form = expand_macro(x, b->u.macro, form);
            if (form) continue;
        } else if (b && b->kind == BIND_FORM) {
            definers[b->u.form](x, cx, form);
        } else {
            collect_expression(x, cx, form);
        }
        break;
    }
    x->where.expansion = outer;
}

// `begin` splices by calling this again, so nesting is bounded like that of expressions.
void collect_forms(Expander *x, Context *cx, Stx *forms)
{
    bool outermost = cx->module_level && !x->where.expansion;

    if (!enter_level(x, stx_span(forms))) return;
    for (; stx_is_pair(forms) && !x->fatal; forms = stx_cdr(x, forms)) {
        if (outermost) x->nodes = 0;
        collect_form(x, cx, stx_car(x, forms));
    }
    leave_level(x);
}

void collect_begin(Expander *x, Context *cx, Stx *form)
{
    uint32_t count;

    if (!stx_list(x, form, &count)) {
        syntax_error(x, stx_span(form), "begin: expected a proper list, got %s", stx_text(x, form));
        return;
    }
    collect_forms(x, cx, stx_cdr(x, form));
}

// ---- binding what is defined -------------------------------------------------------------------

// Checks that a module-level name may be defined. Gives the entry to reuse in *entry, if any.
static bool may_define(Expander *x, const Stx *id, uint32_t set, Entry **entry)
{
    Entry *e = *entry = entry_find(x, id->u.symbol, set);
    const char *name = id->u.symbol->text;

    if (x->module->iface->fixed) {
        syntax_error(x, stx_span(id), "cannot define %s: this environment cannot be changed", name);
        return false;
    }
    if (!e || x->module->iface->open) return true;
    if (e->origin == ENTRY_IMPORTED) {
        // What every script sees anyway under this name gives way.
        Binding *shadowed = default_binding(x, x->module->iface, e->symbol);
        if (shadowed && shadowed == entry_binding(x, e)) return true;
        syntax_error(x, stx_span(id),
                     "imported name '%s' conflicts with local define in module '%s'", name,
                     module_label(x));
        return false;
    }
    syntax_error(x, stx_span(id), "%s is defined twice", name);
    diag_at(x->c->diag, DIAG_NOTE, e->span, "the first definition of %s", name);
    return false;
}

// A name for a new variable or macro of the module: its own, unless a macro introduced it or it is
// taken. Made-up names are counted per module, so the same text gets the same names. In an
// interactive module a name defined again is the same variable.
static Sym *unique_name(Expander *x, const Stx *id, uint32_t set)
{
    Iface *iface = x->module->iface;
    Sym *name = id->u.symbol;
    bool introduced = set & UNIT_BIT;

    if (iface->open && !introduced) return name;
    while (introduced || names_get(&iface->definitions, name, 0)) {
        const char *text = arena_printf(unit_arena(x), "%s~%u", id->u.symbol->text,
                                        ++iface->invented);
        name = sym_named(x->c, text);
        introduced = false;
    }
    return name;
}

// Interactive modules get theirs when the unit has succeeded (seal.c).
static void note_definition(Expander *x, Sym *name, Binding *binding)
{
    Iface *iface = x->module->iface;

    if (!iface->open) iface_add_definition(x, iface, name, binding);
}

static Global *make_global(Expander *x, const Stx *id, uint32_t set)
{
    ModuleState *m = x->module;
    Global *g = global_of(x, m->iface->name, unique_name(x, id, set));

    if (!g->here) vec_push(unit_arena(x), &m->globals, g);
    if (!m->iface->open) { // may be there from an earlier run of the same file
        *g = (Global){.module = g->module, .name = g->name, .min_args = -1, .max_args = -1};
    }
    g->span = stx_span(id);
    g->here = true;
    g->defined = true;
    g->open = m->iface->open;
    g->type = false;
    note_definition(x, g->name, binding_of_global(g));
    return g;
}

static void bind_in_module(Expander *x, Stx *id, uint32_t set, Entry *entry, Binding *binding)
{
    if (entry) {
        entry_rebind(entry, binding, ENTRY_DEFINED, stx_span(id));
    } else {
        entry = entry_add(x, id, set, binding, ENTRY_DEFINED);
    }
    entry->owner = x->module->iface;
}

static bool define_in_body(Expander *x, Stx *id, uint32_t set, Binding *binding)
{
    Entry *e = entry_find(x, id->u.symbol, set);

    if (e && e->origin == ENTRY_DEFINED) {
        syntax_error(x, stx_span(id), "%s is defined twice in this body", id->u.symbol->text);
        return false;
    }
    // A parameter of the procedure has the body's scope too: the definition takes its place.
    if (e) {
        entry_rebind(e, binding, ENTRY_DEFINED, stx_span(id));
    } else {
        entry_add(x, id, set, binding, ENTRY_DEFINED);
    }
    return true;
}

static bool check_name(Expander *x, const Stx *id)
{
    if (stx_is_symbol(id)) return true;
    syntax_error(x, stx_span(id), "expected a name to define, got %s", stx_text(x, id));
    return false;
}

bool define_variable(Expander *x, Context *cx, Stx *id, Target *out)
{
    Entry *entry;

    *out = (Target){0};
    if (!check_name(x, id)) return false;
    uint32_t set = set_without_use_sites(x, id->scopes, cx->frame);
    if (!cx->module_level) {
        out->var = var_new(x, id->u.symbol, stx_span(id));
        return define_in_body(x, id, set, binding_of_var(x, out->var));
    }
    if (!may_define(x, id, set, &entry)) return false;
    out->global = make_global(x, id, set);
    bind_in_module(x, id, set, entry, binding_of_global(out->global));
    return true;
}

// A macro of the module, which may outlive the unit (seal.c).
static Binding *keep_macro(Expander *x, const Macro *local, Sym *name)
{
    Macro *macro = arena_new(&x->c->permanent, Macro);

    *macro = *local;
    macro->binding.u.macro = macro;
    macro->home = x->module->iface;
    macro->name = name;
    note_definition(x, name, &macro->binding);
    return &macro->binding;
}

bool define_keyword(Expander *x, Context *cx, Stx *id, Binding *binding)
{
    Entry *entry;
    bool own = binding->kind == BIND_MACRO && binding->u.macro->frame == 0; // else an alias

    if (!check_name(x, id)) return false;
    uint32_t set = set_without_use_sites(x, id->scopes, cx->frame);
    if (own) binding->u.macro->frame = cx->frame;
    if (!cx->module_level) return define_in_body(x, id, set, binding);
    if (!may_define(x, id, set, &entry)) return false;
    if (own) binding = keep_macro(x, binding->u.macro, unique_name(x, id, set));
    bind_in_module(x, id, set, entry, binding);
    return true;
}

void define_broken(Expander *x, Context *cx, Stx *form)
{
    Stx *rest = stx_cdr(x, form);
    Stx *name = stx_is_pair(rest) ? stx_car(x, rest) : rest;

    if (stx_is_pair(name)) name = stx_car(x, name);
    if (!stx_is_symbol(name)) return;
    uint32_t set = set_without_use_sites(x, name->scopes, cx->frame);
    if (!entry_find(x, name->u.symbol, set)) {
        entry_add(x, name, set, &x->broken, ENTRY_DEFINED);
    }
}

Core *target_ref(Expander *x, const Target *t, Span span)
{
    return t->var ? core_local(x, t->var, span) : core_global(x, t->global, span);
}

// ---- expanding the items -----------------------------------------------------------------------

static Sym *target_name(const Target *t)
{
    return t->var ? t->var->name : t->global ? t->global->name : NULL;
}

// The value of an item; for VALUES the expression of several values.
static Core *expand_item(Expander *x, Item *item)
{
    Where outer = x->where;
    Core *value = item->core;

    uint32_t depth = outer.depth;
    x->where = item->where;
    x->where.depth = depth;
    switch ((ItemKind)item->kind) {
    case ITEM_EXPRESSION:
    case ITEM_VALUES:
        value = expand(x, item->form);
        break;
    case ITEM_DEFINE:
        value = expand(x, item->form);
        core_name(value, target_name(&item->target));
        break;
    case ITEM_PROCEDURE:
        value = expand_procedure(x, target_name(&item->target), item->formals, item->form,
                                 item->span);
        break;
    case ITEM_CORE:
        break;
    }
    x->where = outer;
    return value;
}

typedef struct {
    Var **vars;
    Core **inits;
    uint32_t count;
} Group; // of letrec* bindings

static void group_add(Group *g, Var *var, Core *init)
{
    g->vars[g->count] = var;
    g->inits[g->count++] = init;
}

static Group group_new(Expander *x, uint32_t size)
{
    return (Group){arena_array(unit_arena(x), Var *, size),
                   arena_array(unit_arena(x), Core *, size), 0};
}

static Core *assign_values(Expander *x, const Item *item, Core *value)
{
    uint32_t n = item->target_count;
    Var **vars = arena_array(unit_arena(x), Var *, n);
    Core **sets = arena_array(unit_arena(x), Core *, n);

    for (uint32_t i = 0; i < n; i++) {
        const Target *t = &item->targets[i];
        vars[i] = var_new(x, target_name(t), item->span);
        sets[i] = core_new(x, t->var ? CORE_SET_LOCAL : CORE_DEFINE, item->span);
        if (t->var) {
            t->var->assigned = true;
            sets[i]->u.set_local.var = t->var;
            sets[i]->u.set_local.value = core_local(x, vars[i], item->span);
        } else {
            sets[i]->u.set_global.global = t->global;
            sets[i]->u.set_global.value = core_local(x, vars[i], item->span);
        }
    }
    Core *core = core_new(x, CORE_LET_VALUES, item->span);
    core->u.let_values.vars = vars;
    core->u.let_values.count = n;
    core->u.let_values.rest = item->rest;
    core->u.let_values.init = value;
    core->u.let_values.body = core_seq(x, sets, n, item->span);
    return core;
}

// Whether a variable defined by items[from..] was referred to so far.
static bool referred(const Context *cx, uint32_t from)
{
    for (uint32_t i = from; i < cx->items.count; i++) {
        const Item *item = cx->items.items[i];
        if (item->target.var && item->target.var->refs + item->target.var->assigned > 0) {
            return true;
        }
        for (uint32_t k = 0; item->kind == ITEM_VALUES && k < item->target_count; k++) {
            if (item->targets[k].var->refs + item->targets[k].var->assigned > 0) return true;
        }
    }
    return false;
}

static Core *body_from(Expander *x, Context *cx, uint32_t from, Span span);

// define-values whose variables, and all later ones, nothing so far refers to: it ends the letrec*
// and the rest of the body lies inside it. This spares the assignments.
static Core *nest_values(Expander *x, Context *cx, uint32_t at, Core *value, Span span)
{
    const Item *item = cx->items.items[at];
    Core *core = core_new(x, CORE_LET_VALUES, item->span);

    core->u.let_values.vars = arena_array(unit_arena(x), Var *, item->target_count);
    for (uint32_t i = 0; i < item->target_count; i++) {
        core->u.let_values.vars[i] = item->targets[i].var;
    }
    core->u.let_values.count = item->target_count;
    core->u.let_values.rest = item->rest;
    core->u.let_values.init = value;
    core->u.let_values.body = body_from(x, cx, at + 1, span);
    return core;
}

static void add_values(Expander *x, Group *g, Item *item, Core *value)
{
    for (uint32_t i = 0; i < item->target_count; i++) {
        group_add(g, item->targets[i].var, core_unspecified(x, item->span));
    }
    Core *assignments = assign_values(x, item, value);
    group_add(g, var_new(x, sym_named(x->c, "_"), item->span), assignments);
}

static uint32_t last_definition(const Context *cx)
{
    uint32_t i = cx->items.count;

    while (i > 0 && ((Item *)cx->items.items[i - 1])->kind == ITEM_EXPRESSION) {
        i--;
    }
    return i;
}

static uint32_t group_size(const Context *cx, uint32_t from, uint32_t to)
{
    uint32_t size = 0;

    for (uint32_t i = from; i < to; i++) {
        const Item *item = cx->items.items[i];
        size += item->kind == ITEM_VALUES ? item->target_count + 1 : 1;
    }
    return size;
}

// The letrec* of items[from..) and what follows it.
static Core *body_from(Expander *x, Context *cx, uint32_t from, Span span)
{
    uint32_t count = cx->items.count, definitions = MAX(last_definition(cx), from);
    Group g = group_new(x, group_size(cx, from, definitions));
    Core *body = NULL;

    if (!enter_level(x, span)) return core_unspecified(x, span);
    for (uint32_t i = from; i < definitions && !body; i++) {
        Item *item = cx->items.items[i];
        Core *value = expand_item(x, item);
        if (item->kind == ITEM_EXPRESSION) {
            group_add(&g, var_new(x, sym_named(x->c, "_"), item->span), value);
        } else if (item->kind != ITEM_VALUES) {
            group_add(&g, item->target.var, value);
        } else if (!referred(cx, i)) {
            body = nest_values(x, cx, i, value, span);
        } else {
            add_values(x, &g, item, value);
        }
    }
    if (!body) {
        Core **rest = arena_array(unit_arena(x), Core *, count - definitions);
        for (uint32_t i = definitions; i < count; i++) {
            rest[i - definitions] = expand_item(x, cx->items.items[i]);
        }
        body = core_seq(x, rest, count - definitions, span);
    }
    leave_level(x);
    return core_let(x, CORE_LETREC, g.vars, g.inits, g.count, body, span);
}

Core *expand_body(Expander *x, Stx *forms, uint32_t scope, Span span, const char *what)
{
    Context cx = {.frame = scope};
    Where outer = x->where;
    uint32_t errors = x->c->diag->errors, count;

    if (!stx_list(x, forms, &count)) {
        syntax_error(x, stx_span(forms), "%s: expected a body, a proper list, got . %s", what,
                     stx_text(x, forms));
        return core_unspecified(x, span);
    }
    x->where.frame = scope;
    collect_forms(x, &cx, forms);
    if (last_definition(&cx) == cx.items.count && x->c->diag->errors == errors) {
        syntax_error(x, span, "%s: expected an expression %s", what,
                     cx.items.count ? "after the definitions of the body" : "in the body");
    }
    Core *body = body_from(x, &cx, 0, span);
    x->where = outer;
    return body;
}

static Core *define_global(Expander *x, Item *item, Core *value)
{
    if (!item->target.global) return value;
    Core *core = core_new(x, CORE_DEFINE, item->span);
    core->u.set_global.global = item->target.global;
    core->u.set_global.value = value;
    return core;
}

Core *expand_module_items(Expander *x, Context *cx, Span span)
{
    Core **cores = arena_array(unit_arena(x), Core *, cx->items.count);

    for (uint32_t i = 0; i < cx->items.count; i++) {
        Item *item = cx->items.items[i];
        x->nodes = 0;
        Core *value = expand_item(x, item);
        if (item->kind == ITEM_VALUES) {
            cores[i] = assign_values(x, item, value);
        } else if (item->kind == ITEM_EXPRESSION) {
            cores[i] = value;
        } else {
            cores[i] = define_global(x, item, value);
        }
    }
    return core_seq(x, cores, cx->items.count, span);
}
