// Interfaces in memory, and the registry of the modules a session knows.
//
// What came as bytes is decoded into the same tables when it is first wanted (iface_read.c), so the
// functions here look in the tables first and then in the bytes.
#include "compiler/syntax/expand_int.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

// Imports may wait for each other's files this deep.
#define UNITS_MAX 200

// ---- tables by name ----------------------------------------------------------------------------

static struct NameSlot *name_slot(const NameTable *t, const Sym *symbol, uint32_t number)
{
    uint32_t mask = t->capacity - 1;
    uint32_t i = (uint32_t)hash_word((uint64_t)symbol->id << 32 | number) & mask;

    while (t->slots[i].symbol && !(t->slots[i].symbol == symbol && t->slots[i].number == number)) {
        i = (i + 1) & mask;
    }
    return &t->slots[i];
}

void *names_get(const NameTable *t, const Sym *symbol, uint32_t number)
{
    return t->capacity ? name_slot(t, symbol, number)->value : NULL;
}

void names_put(NameTable *t, Sym *symbol, uint32_t number, void *value)
{
    if (t->count * 2 >= t->capacity) {
        NameTable old = *t;
        t->capacity = old.capacity ? old.capacity * 2 : 16;
        t->slots = mem_must_alloc(MEM_COMPILER, t->capacity * sizeof *t->slots);
        memset(t->slots, 0, t->capacity * sizeof *t->slots);
        for (uint32_t i = 0; i < old.capacity; i++) {
            struct NameSlot *s = &old.slots[i];
            if (s->symbol) *name_slot(t, s->symbol, s->number) = *s;
        }
        mem_free(MEM_COMPILER, old.slots, old.capacity * sizeof *old.slots);
    }
    struct NameSlot *slot = name_slot(t, symbol, number);
    if (!slot->symbol) t->count++;
    *slot = (struct NameSlot){symbol, number, value};
}

void names_free(NameTable *t)
{
    mem_free(MEM_COMPILER, t->slots, t->capacity * sizeof *t->slots);
    *t = (NameTable){0};
}

// ---- one interface -----------------------------------------------------------------------------

Iface *iface_new(Expander *x, Sym *name)
{
    Iface *iface = arena_new(&x->c->permanent, Iface);

    iface->name = name;
    iface->state = IFACE_EXPANDING;
    iface->next = x->ifaces;
    x->ifaces = iface;
    names_put(&x->modules, name, 0, iface);
    scope_of_module(x, iface, 0);
    return iface;
}

void iface_free_all(Expander *x)
{
    for (Iface *i = x->ifaces; i; i = i->next) {
        names_free(&i->exports);
        names_free(&i->rows);
        names_free(&i->definitions);
        mem_free(MEM_COMPILER, i->scopes, i->scope_capacity * sizeof(uint32_t));
    }
    x->ifaces = NULL;
}

Binding *iface_exported(Expander *x, Iface *iface, Sym *name)
{
    Binding *b = names_get(&iface->exports, name, 0);

    if (!b && iface->loaded) b = loaded_export(x, iface, name);
    return b;
}

Binding *iface_definition(Expander *x, Iface *iface, Sym *name)
{
    Binding *b = names_get(&iface->definitions, name, 0);

    if (!b && iface->loaded) b = loaded_definition(x, iface, name);
    return b;
}

PermEntry *iface_row(Expander *x, Iface *iface, Sym *symbol, uint32_t number)
{
    static const PermEntry none; // stands for "there is none", so that the bytes are asked once
    PermEntry *row = names_get(&iface->rows, symbol, number);

    if (!row && iface->loaded) {
        loaded_rows(x, iface, symbol, number);
        row = names_get(&iface->rows, symbol, number);
        if (!row) names_put(&iface->rows, symbol, number, (void *)&none);
    }
    return row == &none ? NULL : row;
}

void iface_add_row(Expander *x, Iface *iface, Sym *symbol, uint32_t number, uint32_t set,
                   Binding *binding, bool imported)
{
    PermEntry *first = names_get(&iface->rows, symbol, number), *row = first;

    while (row && row->set != set) {
        row = row->next;
    }
    if (!row) {
        row = arena_new(&x->c->permanent, PermEntry);
        *row = (PermEntry){.symbol = symbol, .number = number, .set = set, .next = first};
        names_put(&iface->rows, symbol, number, row);
        vec_push(&x->c->permanent, &iface->row_order, row);
    }
    row->binding = binding;
    row->imported = imported;
    iface->changes++;
    symbol->version++;
}

void iface_add_export(Expander *x, Iface *iface, Sym *name, Binding *binding)
{
    vec_push(&x->c->permanent, &iface->exported, name);
    names_put(&iface->exports, name, 0, binding);
}

void iface_add_definition(Expander *x, Iface *iface, Sym *name, Binding *binding)
{
    if (!names_get(&iface->definitions, name, 0)) {
        vec_push(&x->c->permanent, &iface->defined, name);
    }
    names_put(&iface->definitions, name, 0, binding);
}

// ---- the registry ------------------------------------------------------------------------------

Iface *iface_find(Compiler *c, Sym *module)
{
    Iface *iface = names_get(&expander_of(c)->modules, module, 0);

    return iface && iface->state == IFACE_READY ? iface : NULL;
}

bool iface_is_open(const Iface *iface)
{
    return iface->open;
}

bool iface_is_fresh(const Compiler *c, const Iface *iface)
{
    return iface->imported_at == c->reloads + 1;
}

void iface_thaw(Iface *iface)
{
    iface->fixed = false;
}

uint32_t iface_changes(const Iface *iface)
{
    return iface->changes;
}

bool iface_sees_defaults(const Iface *iface)
{
    return iface->sees_core;
}

void iface_forget(Compiler *c, Sym *module)
{
    names_put(&expander_of(c)->modules, module, 0, NULL);
}

void iface_replace(Compiler *c, Sym *module)
{
    ReplacedModules *r = c->replaced;
    Iface *old = iface_known(c, module);

    if (!old) return;
    if (r->count == r->capacity) {
        size_t more = r->capacity ? r->capacity * 2 : 8;
        r->items = mem_must_realloc(MEM_COMPILER, r->items, r->capacity * sizeof *r->items,
                                    more * sizeof *r->items);
        r->capacity = more;
    }
    r->items[r->count++] = (ReplacedModule){module, old};
    iface_forget(c, module);
}

void iface_restore(Compiler *c, Sym *module, Iface *iface)
{
    names_put(&expander_of(c)->modules, module, 0, iface);
}

Iface *iface_known(Compiler *c, Sym *module)
{
    return names_get(&expander_of(c)->modules, module, 0);
}

Binding *iface_target(Expander *x, Sym *module, Sym *name)
{
    Iface *iface = names_get(&x->modules, module, 0);

    if (!iface) iface = iface_require(x->c, module, SPAN_NONE);
    return iface ? iface_definition(x, iface, name) : NULL;
}

// The module that waits for this one, across units.
static const ModuleState *waiting_module(const ModuleState *m, const UnitScopes **unit)
{
    if (m && m->outer) return m->outer;
    for (; *unit; *unit = (*unit)->outer) {
        if ((*unit)->waiting.module) {
            m = (*unit)->waiting.module;
            *unit = (*unit)->outer;
            return m;
        }
    }
    return NULL;
}

static void report_cycle(Expander *x, const Iface *iface, Span span)
{
    PtrVec names = {0};
    Buf text = BUF_INIT;
    const UnitScopes *unit = x->unit;

    for (const ModuleState *m = x->module; m; m = waiting_module(m, &unit)) {
        vec_push(unit_arena(x), &names, m->iface->name);
        if (m->iface == iface) break;
    }
    for (uint32_t i = names.count; i-- > 0;) {
        buf_printf(&text, "%s -> ", ((Sym *)names.items[i])->text);
    }
    syntax_error(x, span, "circular module dependency: %s%s", buf_cstr(&text), iface->name->text);
    buf_free(&text);
}

// The file an import stands in; NULL for what was typed ("<repl 3>").
const char *importer_path(Span span)
{
    return span.source && span.source->path[0] != '<' ? span.source->path : NULL;
}

// Asks the host for a module the session does not know.
static Iface *fetch(Compiler *c, Sym *module, Span span)
{
    Expander *x = expander_of(c);
    const CompilerHost *host = c->host;
    const char *path = NULL, *why = NULL;
    const char *importer = importer_path(span);
    const uint8_t *bytes = NULL;
    size_t size = 0;
    ModuleFound found = FOUND_NOTHING;

    if (host && host->find) {
        found = host->find(host->context, module->text, importer, &path, &bytes, &size, &why);
    }
    if (found == FOUND_INTERFACE) {
        if (iface_load(c, module, bytes, size)) return iface_find(c, module);
        return syntax_error(x, span, "the compiled interface of module %s is damaged",
                            module->text);
    }
    if (found == FOUND_SOURCE && host->require) {
        if (c->units >= UNITS_MAX) {
            return syntax_error(x, span, "imports are nested deeper than %d files", UNITS_MAX);
        }
        unsigned errors = c->diag->errors;
        bool compiled = host->require(host->context, c, module->text, path);
        Iface *iface = iface_find(c, module);
        if (compiled && iface) return iface;
        if (c->diag->errors > errors) return NULL;
        return syntax_error(x, span, "file %s does not define module %s", path ? path : "?",
                            module->text);
    }
    syntax_error(x, span, "unknown module in import: %s", module->text);
    if (why) diag_at(c->diag, DIAG_NOTE, SPAN_NONE, "%s", why);
    return NULL;
}

Iface *iface_require(Compiler *c, Sym *module, Span span)
{
    Expander *x = expander_of(c);
    Iface *iface = names_get(&x->modules, module, 0);

    if (iface && iface->state == IFACE_READY) return iface;
    if (iface && iface->state == IFACE_EXPANDING) {
        report_cycle(x, iface, span);
        return NULL;
    }
    if (!iface) iface = fetch(c, module, span);
    if (iface) return iface;
    // Not again, in this unit (forgotten in expander_leave_unit): it was reported.
    if (!names_get(&x->modules, module, 0)) iface_new(x, module)->state = IFACE_FAILED;
    x->some_failed = true;
    return NULL;
}

// ---- for drivers -------------------------------------------------------------------------------

Global *iface_export(Compiler *c, Iface *iface, Sym *name)
{
    Binding *b = iface_exported(expander_of(c), iface, name);

    return b && b->kind == BIND_GLOBAL ? b->u.global : NULL;
}

static ExportKind kind_of(const Binding *b)
{
    return b->kind == BIND_GLOBAL ? EXPORT_VARIABLE
           : b->kind == BIND_FORM ? EXPORT_FORM
                                  : EXPORT_MACRO;
}

// Names that begin with this byte are offered to eval only (forms_eval.c: inside_name).
#define INSIDE_MARK '\1'

typedef struct {
    bool inside;
    bool (*each)(void *context, Sym *name, ExportKind kind);
    void *context;
} EachExport;

static bool pass_export(void *context, Sym *name, ExportKind kind)
{
    const EachExport *e = context;
    bool inside = name->size > 0 && name->text[0] == INSIDE_MARK;

    return inside != e->inside || e->each(e->context, name, kind);
}

static void each_export(Compiler *c, Iface *iface, EachExport *e)
{
    Expander *x = expander_of(c);

    if (iface->loaded) {
        loaded_each_export(x, iface, pass_export, e);
        return;
    }
    for (uint32_t i = 0; i < iface->exported.count; i++) {
        Sym *name = iface->exported.items[i];
        if (!pass_export(e, name, kind_of(names_get(&iface->exports, name, 0)))) return;
    }
}

void iface_each_export(Compiler *c, Iface *iface,
                       bool (*each)(void *context, Sym *name, ExportKind kind), void *context)
{
    EachExport e = {false, each, context};
    each_export(c, iface, &e);
}

void iface_each_inside(Compiler *c, Iface *iface,
                       bool (*each)(void *context, Sym *name, ExportKind kind), void *context)
{
    EachExport e = {true, each, context};
    each_export(c, iface, &e);
}

Sym *inside_name(Expander *x, const Sym *name)
{
    return sym_named(x->c, arena_printf(unit_arena(x), "%c%s", INSIDE_MARK, name->text));
}
