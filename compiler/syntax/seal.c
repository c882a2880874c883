// Sealing: when a module is complete, what others can reach of it is made permanent.
//
// For a module that is its exports and, for every exported macro, each name its rules mention: the
// name's binding goes into the module's rows, with the scopes of both made permanent, and if it is
// another macro of the module, that one is sealed too. An interactive module keeps everything.
#include "compiler/syntax/expand_int.h"

#include <string.h>

typedef struct {
    Expander *x;
    ModuleState *m;
    PtrVec work; // Macro: to be sealed
} Seal;

static void want(Seal *s, Binding *b)
{
    if (b->kind == BIND_GLOBAL && b->u.global->module == s->m->iface->name) {
        b->u.global->needed = true;
    }
    if (b->kind != BIND_MACRO) return;
    Macro *macro = b->u.macro;
    if (macro->home != s->m->iface || macro->sealed || macro->damaged) return;
    macro->sealed = true; // once is enough; its bytes follow
    vec_push(unit_arena(s->x), &s->work, macro);
}

static void keep_entry(Seal *s, Entry *e)
{
    Expander *x = s->x;
    uint32_t set = set_promote(x, e->set, s->m->iface);
    // A copy: the binding may be of a module that is only loaded now, which moves the table.
    const ScopeInfo newest = x->scopes[set_node(x, set)->scope];

    ASSERT(newest.owner == s->m->iface);
    iface_add_row(x, newest.owner, e->symbol, newest.number, set, entry_binding(x, e),
                  e->origin == ENTRY_IMPORTED);
    want(s, e->binding);
}

static void keep_name(Seal *s, const Stx *id)
{
    Entry *e = resolve_entry(s->x, id);

    if (e && e->owner == s->m->iface) keep_entry(s, e);
}

// (set! variable ...) in a template: the variable may be assigned from other modules.
static void note_assignment(Seal *s, Stx *stx)
{
    Expander *x = s->x;
    Stx *rest = stx_cdr(x, stx);

    if (!resolves_to_form(x, stx_car(x, stx), FORM_set) || !stx_is_pair(rest)) return;
    Stx *id = stx_car(x, rest);
    const Binding *b = stx_is_symbol(id) ? resolve(x, id) : NULL;
    if (b && b->kind == BIND_GLOBAL && b->u.global->module == s->m->iface->name) {
        b->u.global->assigned = true;
    }
}

// Everything in the rules that could become a reference. The limits are those of rules_compile,
// which has been through the same tree.
static void keep_names(Seal *s, Stx *stx)
{
    Expander *x = s->x;

    if (!enter_level(x, SPAN_NONE)) return;
    for (; stx_is_pair(stx); stx = stx_cdr(x, stx)) {
        note_assignment(s, stx);
        keep_names(s, stx_car(x, stx));
    }
    if (stx_is_symbol(stx)) {
        keep_name(s, stx);
    } else if (stx->kind == STX_VECTOR && !stx->cyclic) {
        Stx **items = stx_items(x, stx);
        for (size_t i = 0; i < stx->u.vector.count; i++) {
            keep_names(s, items[i]);
        }
    }
    leave_level(x);
}

static void seal_macro(Seal *s, Macro *macro)
{
    Expander *x = s->x;
    Buf bytes = BUF_INIT;

    x->nodes = 0;
    keep_names(s, macro->spec);
    x->nodes = 0;
    macro->damaged = !codec_write(x, s->m->iface, macro->spec, &bytes);
    macro->bytes = (const uint8_t *)arena_text(&x->c->permanent, (const char *)bytes.data,
                                               bytes.size);
    macro->size = bytes.size;
    macro->spec = NULL;
    macro->rules = NULL;
    macro->span = SPAN_NONE;
    buf_free(&bytes);
}

// Macros that nobody can reach any more must not point into the unit.
static void drop_unsealed(Seal *s)
{
    const Iface *iface = s->m->iface;

    for (uint32_t i = 0; i < iface->defined.count; i++) {
        const Binding *b = names_get(&iface->definitions, iface->defined.items[i], 0);
        if (b->kind != BIND_MACRO || b->u.macro->home != iface || b->u.macro->sealed) continue;
        b->u.macro->damaged = true;
        b->u.macro->spec = NULL;
        b->u.macro->rules = NULL;
    }
}

static void keep_interactive(Seal *s)
{
    Expander *x = s->x;
    Iface *iface = s->m->iface;

    for (Entry *e = x->unit->newest; e; e = e->older) {
        if (e->owner != iface) continue;
        keep_entry(s, e);
        Sym *module, *name;
        binding_identity(x, e->binding, &module, &name);
        if (module == iface->name) iface_add_definition(x, iface, name, e->binding);
    }
}

// Exports what the module's own names mean to those who evaluate in it.
static void offer_inside(Seal *s)
{
    Expander *x = s->x;
    Iface *iface = s->m->iface;
    uint32_t own = set_add(x, 0, iface->scopes[0]);

    for (Entry *e = x->unit->newest; e; e = e->older) {
        if (e->owner != iface || e->set != own) continue;
        Binding *b = entry_binding(x, e);
        if (!b || b->kind == BIND_BROKEN || b->kind == BIND_LOCAL) continue;
        iface_add_export(x, iface, inside_name(x, e->symbol), b);
    }
}

void seal_module(Expander *x, ModuleState *m)
{
    Seal s = {.x = x, .m = m};
    Iface *iface = m->iface;
    Where outer = x->where;

    x->where.depth = 0;
    if (iface->open) {
        keep_interactive(&s);
    } else if (m->evaluates) {
        offer_inside(&s);
    }
    for (uint32_t i = 0; i < iface->exported.count; i++) {
        want(&s, names_get(&iface->exports, iface->exported.items[i], 0));
    }
    for (uint32_t i = 0; i < s.work.count; i++) {
        seal_macro(&s, s.work.items[i]);
    }
    if (!iface->open) drop_unsealed(&s);
    x->where = outer;
}
