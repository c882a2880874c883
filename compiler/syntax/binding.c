// Bindings and resolution: what a name means where it stands.
//
// The unit's bindings are indexed by (name, newest scope of the binding's set). A reference walks
// its own set from the newest scope to the oldest and looks each up, so its cost is the nesting
// depth at worst, however often the name is bound elsewhere. Names without local bindings go
// straight to the module part of the set. Results are cached by (name, set); a new binding of the
// name changes Sym.version and so drops them.
#include "compiler/syntax/expand_int.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

struct GlobalCell {
    Binding binding; // first: found from the Global
    Global global;
    GlobalCell *next; // same name, another module
};

// ---- the unit's table --------------------------------------------------------------------------

static uint32_t entry_slot(const UnitScopes *u, const Sym *symbol, uint32_t scope)
{
    return (uint32_t)hash_word((uint64_t)symbol->id << 32 | scope) & (u->slot_count - 1);
}

Entry *entry_find(const Expander *x, const Sym *symbol, uint32_t set)
{
    Entry *e = x->unit->slots[entry_slot(x->unit, symbol, set_node(x, set)->scope)];

    while (e && !(e->symbol == symbol && e->set == set)) {
        e = e->next;
    }
    return e;
}

static void grow_entries(UnitScopes *u)
{
    mem_free(MEM_COMPILER, u->slots, u->slot_count * sizeof(Entry *));
    u->slot_count *= 2;
    u->slots = mem_must_alloc(MEM_COMPILER, u->slot_count * sizeof(Entry *));
    memset(u->slots, 0, u->slot_count * sizeof(Entry *));
    for (Entry *e = u->newest; e; e = e->older) {
        Entry **slot = &u->slots[entry_slot(u, e->symbol, e->scope)];
        e->next = *slot;
        *slot = e;
    }
}

Entry *entry_add(Expander *x, const Stx *id, uint32_t set, Binding *binding, EntryOrigin origin)
{
    UnitScopes *u = x->unit;
    Entry *e = arena_new(unit_arena(x), Entry);

    if (u->entry_count++ == u->slot_count) grow_entries(u);
    *e = (Entry){.symbol = id->u.symbol,
                 .set = set,
                 .scope = set_node(x, set)->scope,
                 .origin = (uint8_t)origin,
                 .binding = binding,
                 .span = stx_span(id),
                 .older = u->newest};
    u->newest = e;
    Entry **slot = &u->slots[entry_slot(u, e->symbol, e->scope)];
    e->next = *slot;
    *slot = e;
    if (e->scope & UNIT_BIT) e->symbol->locals++;
    e->symbol->version++;
    return e;
}

void entry_rebind(Entry *e, Binding *binding, EntryOrigin origin, Span span)
{
    e->binding = binding;
    e->origin = (uint8_t)origin;
    e->from = NULL;
    e->from_name = NULL;
    e->span = span;
    e->symbol->version++;
}

Binding *entry_binding(Expander *x, Entry *e)
{
    if (!e->binding) {
        Binding *found = iface_exported(x, e->from, e->from_name);
        e->binding = found ? found : &x->broken; // a damaged interface
    }
    return e->binding;
}

// ---- resolution --------------------------------------------------------------------------------

typedef struct {
    Binding *binding;
    uint32_t set;
    bool ambiguous;
} Best;

// Takes another binding whose set is within the reference's into account.
static void consider(const Expander *x, Best *best, uint32_t set, Binding *binding)
{
    if (!best->binding) {
        *best = (Best){binding, set, false};
    } else if (set_within(x, best->set, set)) {
        *best = (Best){binding, set, false};
    } else if (!set_within(x, set, best->set)) {
        best->ambiguous = true;
    }
}

// Looks among the bindings whose newest scope is that of node `part` of the reference's set. True
// when nothing older can matter: the binding has all scopes up to here.
static bool look_at(Expander *x, const Sym *symbol, uint32_t part, uint32_t whole, Best *best)
{
    uint32_t scope = set_node(x, part)->scope;
    bool complete = false;
    Entry *e = x->unit->slots[entry_slot(x->unit, symbol, scope)];

    for (; e; e = e->next) {
        if (e->symbol != symbol || e->scope != scope) continue;
        if (e->set == part) {
            consider(x, best, part, entry_binding(x, e));
            complete = true;
        } else if (set_within(x, e->set, whole)) {
            consider(x, best, e->set, entry_binding(x, e));
        }
    }
    if (complete || scope & UNIT_BIT) return complete;
    const ScopeInfo *info = &x->scopes[scope];
    PermEntry *row = iface_row(x, info->owner, (Sym *)symbol, info->number);
    for (; row; row = row->next) {
        if (row->binding && set_within(x, row->set, whole)) {
            consider(x, best, row->set, row->binding);
            complete |= row->set == part;
        }
    }
    return complete;
}

Binding *default_binding(Expander *x, const Iface *module, Sym *symbol)
{
    Binding *found = NULL;

    if (module->defaults && module->defaults != module->name) {
        Iface *defaults = iface_require(x->c, module->defaults, SPAN_NONE);
        if (defaults) found = iface_exported(x, defaults, symbol);
    }
    if (!found && module->sees_core) found = iface_exported(x, x->core, symbol);
    return found;
}

static Binding *resolve_slowly(Expander *x, const Stx *id)
{
    Sym *symbol = id->u.symbol;
    uint32_t whole = id->scopes;
    const Iface *module = set_node(x, whole)->module;
    uint32_t part = symbol->locals > 0 ? whole : set_node(x, whole)->permanent;
    Best best = {0};

    while (part && !look_at(x, symbol, part, whole, &best)) {
        part = set_node(x, part)->parent;
    }
    if (best.ambiguous) {
        syntax_error(x, stx_span(id), "ambiguous name: %s has several bindings here", symbol->text);
    }
    if (!best.binding && module) return default_binding(x, module, symbol);
    return best.binding;
}

Binding *resolve(Expander *x, const Stx *id)
{
    Sym *symbol = id->u.symbol;
    uint64_t key = (uint64_t)symbol->id << 32 | id->scopes;
    Resolved *r = &x->unit->resolved[hash_word(key) % RESOLVED_COUNT];

    if (r->symbol == symbol && r->set == id->scopes && r->version == symbol->version &&
        r->epoch == x->unit->epoch) {
        return r->binding;
    }
    Binding *binding = resolve_slowly(x, id);
    *r = (Resolved){symbol, id->scopes, symbol->version, x->unit->epoch, binding};
    return binding;
}

Entry *resolve_entry(Expander *x, const Stx *id)
{
    const Binding *binding = resolve(x, id);

    for (uint32_t s = id->scopes; binding && s; s = set_node(x, s)->parent) {
        uint32_t scope = set_node(x, s)->scope;
        Entry *e = x->unit->slots[entry_slot(x->unit, id->u.symbol, scope)];
        for (; e; e = e->next) {
            bool same = e->symbol == id->u.symbol && e->binding == binding;
            if (same && set_within(x, e->set, id->scopes)) return e;
        }
    }
    return NULL;
}

bool resolves_to_form(Expander *x, Stx *stx, FormId form)
{
    if (!stx_is_symbol(stx)) return false;
    const Binding *b = resolve(x, stx);
    return b && b->kind == BIND_FORM && b->u.form == (uint32_t)form;
}

bool is_auxiliary(Expander *x, Stx *stx, FormId form)
{
    if (!stx_is_symbol(stx)) return false;
    const Binding *b = resolve(x, stx);
    if (!b) return stx_is_spelled(stx, form_name(form));
    return b->kind == BIND_FORM && b->u.form == (uint32_t)form;
}

// ---- making bindings ---------------------------------------------------------------------------

typedef struct {
    Binding binding; // first
    Var var;
} LocalCell;

Var *var_new(Expander *x, Sym *name, Span span)
{
    LocalCell *cell = arena_new(unit_arena(x), LocalCell);

    cell->binding.kind = BIND_LOCAL;
    cell->binding.u.var = &cell->var;
    cell->var = (Var){.name = name, .span = span, .id = x->c->next_var_id++};
    return &cell->var;
}

Binding *binding_of_var(Expander *x, Var *var)
{
    (void)x;
    return &container_of(var, LocalCell, var)->binding;
}

Var *bind_local(Expander *x, Stx *id, const char *what)
{
    if (!stx_is_symbol(id)) {
        syntax_error(x, stx_span(id), "%s: expected a name to bind, got %s", what, stx_text(x, id));
        return NULL;
    }
    if (entry_find(x, id->u.symbol, id->scopes)) {
        syntax_error(x, stx_span(id), "%s: the name %s is bound twice", what, id->u.symbol->text);
        return NULL;
    }
    Var *var = var_new(x, id->u.symbol, stx_span(id));
    entry_add(x, id, id->scopes, binding_of_var(x, var), ENTRY_PARAMETER);
    return var;
}

Binding *binding_of_global(Global *g)
{
    return &container_of(g, GlobalCell, global)->binding;
}

Global *global_of(Expander *x, Sym *module, Sym *name)
{
    GlobalCell *first = names_get(&x->globals, name, 0);

    for (GlobalCell *cell = first; cell; cell = cell->next) {
        if (cell->global.module == module) return &cell->global;
    }
    GlobalCell *cell = arena_new(&x->c->permanent, GlobalCell);
    cell->binding.kind = BIND_GLOBAL;
    cell->binding.u.global = &cell->global;
    cell->global = (Global){.module = module, .name = name, .min_args = -1, .max_args = -1};
    if (first) {
        cell->next = first->next;
        first->next = cell;
    } else {
        names_put(&x->globals, name, 0, cell);
    }
    return &cell->global;
}

Global *expand_global(Compiler *c, Sym *module, Sym *name)
{
    Expander *x = expander_of(c);
    Iface *iface = iface_find(c, module);
    Binding *b = iface ? iface_definition(x, iface, name) : NULL;

    return b && b->kind == BIND_GLOBAL ? b->u.global : global_of(x, module, name);
}

void binding_identity(const Expander *x, const Binding *b, Sym **module, Sym **name)
{
    *module = *name = NULL;
    if (b->kind == BIND_GLOBAL) {
        *module = b->u.global->module;
        *name = b->u.global->name;
    } else if (b->kind == BIND_MACRO && b->u.macro->home) {
        *module = b->u.macro->home->name;
        *name = b->u.macro->name;
    } else if (b->kind == BIND_FORM) {
        *module = x->core->name;
        *name = sym_named(x->c, form_name((FormId)b->u.form));
    }
}

const char *form_name(FormId form)
{
    static const char *const names[] = {
#define FORM(id, name, expression, definition) name,
#include "compiler/syntax/forms.def"
    };
    return names[form];
}
