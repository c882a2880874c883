// Imports and exports.
//
//   import set: module | (module-part ...)            all exports
//               (only set name ...) (except set name ...)
//               (prefix set prefix) (rename set (old new) ...)
//
// nested in any order. Where Eta puts a module first and R7RS an import set, it is the same thing.
// Imported names get the scopes of the import set's own names, so that an import form a macro makes
// binds for that macro.
#include "compiler/syntax/expand_int.h"

#include <stdio.h>
#include <string.h>

// ---- names of modules --------------------------------------------------------------------------

// (a b 1) and a.b.1 are the same module.
Sym *module_name(Expander *x, Stx *stx)
{
    Buf text = BUF_INIT;
    uint32_t count;
    Stx **parts;

    if (stx_is_symbol(stx)) return stx->u.symbol;
    if (!stx_is_pair(stx) || !(parts = stx_list(x, stx, &count))) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) buf_u8(&text, '.');
        if (stx_is_symbol(parts[i])) {
            buf_bytes(&text, parts[i]->u.symbol->text, parts[i]->u.symbol->size);
        } else if (parts[i]->kind == STX_INT && parts[i]->u.integer >= 0) {
            buf_printf(&text, "%lld", (long long)parts[i]->u.integer);
        } else {
            buf_free(&text);
            return NULL;
        }
    }
    Sym *name = sym_intern(x->c, (const char *)text.data, text.size);
    buf_free(&text);
    return name;
}

// ---- import sets -------------------------------------------------------------------------------

typedef struct {
    Sym *local, *name;
} ImportedName;

typedef struct {
    Iface *from;
    ImportedName *names;
    uint32_t count, capacity;
    Expander *x;
} ImportSet;

static bool add_import(void *context, Sym *name, ExportKind kind)
{
    ImportSet *s = context;

    (void)kind;
    if (s->count == s->capacity) {
        uint32_t want = s->capacity ? s->capacity * 2 : 64;
        ImportedName *names = arena_array(unit_arena(s->x), ImportedName, want);
        if (s->count) memcpy(names, s->names, s->count * sizeof *names);
        s->names = names;
        s->capacity = want;
    }
    s->names[s->count++] = (ImportedName){name, name};
    return true;
}

static ImportedName *find_name(const ImportSet *s, const Sym *local)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->names[i].local == local) return &s->names[i];
    }
    return NULL;
}

static bool not_exported(ImportSet *s, const char *what, const Stx *id)
{
    syntax_error(s->x, stx_span(id), "import %s: name '%s' is not exported by module '%s'%s", what,
                 id->u.symbol->text, s->from->name->text,
                 suggest_export(s->x, s->from, id->u.symbol));
    return false;
}

static bool expect_name(Expander *x, const char *what, const Stx *stx)
{
    if (stx_is_symbol(stx)) return true;
    syntax_error(x, stx_span(stx), "import %s: expected a name, got %s", what, stx_text(x, stx));
    return false;
}

static bool apply_only(ImportSet *s, Stx **names, uint32_t count)
{
    ImportedName *kept = arena_array(unit_arena(s->x), ImportedName, count);
    bool good = true;
    uint32_t n = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!expect_name(s->x, "only", names[i])) return false;
        const ImportedName *found = find_name(s, names[i]->u.symbol);
        if (found) {
            kept[n++] = *found;
        } else {
            good = not_exported(s, "only", names[i]);
        }
    }
    s->names = kept;
    s->count = s->capacity = n;
    return good;
}

static bool apply_except(ImportSet *s, Stx **names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (!expect_name(s->x, "except", names[i])) return false;
        ImportedName *found = find_name(s, names[i]->u.symbol);
        if (found) {
            *found = s->names[--s->count];
        } else {
            diag_at(s->x->c->diag, DIAG_WARNING, stx_span(names[i]),
                    "import except: name '%s' is not exported by module '%s'",
                    names[i]->u.symbol->text, s->from->name->text);
        }
    }
    return true;
}

static bool apply_prefix(ImportSet *s, Stx *prefix)
{
    if (!expect_name(s->x, "prefix", prefix)) return false;
    for (uint32_t i = 0; i < s->count; i++) {
        const Sym *p = prefix->u.symbol, *local = s->names[i].local;
        char *text = arena_alloc(unit_arena(s->x), (size_t)p->size + local->size);
        memcpy(text, p->text, p->size);
        memcpy(text + p->size, local->text, local->size);
        s->names[i].local = sym_intern(s->x->c, text, (size_t)p->size + local->size);
    }
    return true;
}

static bool apply_rename(ImportSet *s, Stx **renames, uint32_t count)
{
    Expander *x = s->x;
    NameTable seen = {0};
    bool good = true;
    ImportedName **renamed = arena_array(unit_arena(x), ImportedName *, count);
    Sym **locals = arena_array(unit_arena(x), Sym *, count);

    for (uint32_t i = 0; i < count && good; i++) {
        uint32_t parts_count;
        Stx **parts = stx_list(x, renames[i], &parts_count);
        if (!parts || parts_count != 2 || !stx_is_symbol(parts[0]) || !stx_is_symbol(parts[1])) {
            syntax_error(x, stx_span(renames[i]), "import rename: expected (old new), got %s",
                         stx_text(x, renames[i]));
            return false;
        }
        renamed[i] = find_name(s, parts[0]->u.symbol);
        locals[i] = parts[1]->u.symbol;
        if (!renamed[i]) good = not_exported(s, "rename", parts[0]);
    }
    // All at once, for (rename m (a b) (b a)) swaps.
    for (uint32_t i = 0; i < count && good; i++) {
        renamed[i]->local = locals[i];
    }
    for (uint32_t i = 0; i < s->count && good && count > 0; i++) {
        if (names_get(&seen, s->names[i].local, 0)) {
            syntax_error(x, stx_span(renames[0]), "rename produces duplicate local name '%s'",
                         s->names[i].local->text);
            good = false;
        }
        names_put(&seen, s->names[i].local, 0, s);
    }
    names_free(&seen);
    return good;
}

// A module by name: of this file, known, or to be fetched.
static Iface *import_module(Expander *x, Sym *name, Span span)
{
    bool in_file = false;
    Iface *iface = file_module(x, name, span, &in_file);

    if (in_file) return iface;
    return name == x->core->name ? x->core : iface_require(x->c, name, span);
}

// (%inside module): what its own top level sees. For eval, which imports nothing else that way.
static bool inside_module(Expander *x, Stx *name, ImportSet *s)
{
    s->from = stx_is_symbol(name) ? import_module(x, name->u.symbol, stx_span(name)) : NULL;
    if (!s->from) {
        x->module->broken = true;
        return false;
    }
    iface_each_inside(x->c, s->from, add_import, s);
    for (uint32_t i = 0; i < s->count; i++) {
        const Sym *marked = s->names[i].name;
        s->names[i].local = sym_intern(x->c, marked->text + 1, marked->size - 1);
    }
    module_needs(x, s->from->name);
    return true;
}

static bool whole_module(Expander *x, Stx *stx, ImportSet *s)
{
    Sym *name = module_name(x, stx);

    if (!name) {
        syntax_error(x, stx_span(stx),
                     "import: expected the name of a module or an import set, got %s",
                     stx_text(x, stx));
        return false;
    }
    s->from = import_module(x, name, stx_span(stx));
    if (!s->from) {
        x->module->broken = true;
        return false;
    }
    if (s->from->state == IFACE_FAILED) x->module->broken = true;
    iface_each_export(x->c, s->from, add_import, s);
    module_needs(x, s->from->name);
    return true;
}

// only, except, prefix and rename are words here, whatever they are bound to; a library may have
// one of them as its name's first part, but then a symbol or list does not follow.
static bool is_modifier(Stx **parts, uint32_t count)
{
    static const char *const words[] = {"only", "except", "prefix", "rename"};

    if (count < 2 || !(stx_is_symbol(parts[1]) || stx_is_pair(parts[1]))) return false;
    for (size_t i = 0; i < countof(words); i++) {
        if (stx_is_spelled(parts[0], words[i])) return true;
    }
    return false;
}

static bool parse_import_set(Expander *x, Stx *stx, ImportSet *s)
{
    uint32_t count;
    Stx **parts = stx_is_pair(stx) ? stx_list(x, stx, &count) : NULL;

    if (parts && count == 2 && stx_is_spelled(parts[0], "%inside"))
        return inside_module(x, parts[1], s);
    if (!parts || !is_modifier(parts, count)) return whole_module(x, stx, s);
    if (!enter_level(x, stx_span(stx))) return false;
    bool good = parse_import_set(x, parts[1], s);
    leave_level(x);
    if (!good) return false;
    if (stx_is_spelled(parts[0], "only")) return apply_only(s, parts + 2, count - 2);
    if (stx_is_spelled(parts[0], "except")) return apply_except(s, parts + 2, count - 2);
    if (stx_is_spelled(parts[0], "rename")) return apply_rename(s, parts + 2, count - 2);
    if (count == 3) return apply_prefix(s, parts[2]);
    syntax_error(x, stx_span(stx), "import prefix: expected (prefix set name), got %s",
                 stx_text(x, stx));
    return false;
}

// ---- binding imports ---------------------------------------------------------------------------

static void fill_import(Expander *x, Entry *e, const ImportSet *s, const ImportedName *name)
{
    e->origin = ENTRY_IMPORTED;
    e->owner = x->module->iface;
    e->binding = NULL;
    e->from = s->from;
    e->from_name = name->name;
}

static void bind_import(Expander *x, uint32_t set, const ImportSet *s, const ImportedName *name,
                        Span span)
{
    Entry *e = entry_find(x, name->local, set);
    Stx id = {.kind = STX_SYMBOL,
              .scopes = set,
              .source = span.source,
              .start = span.start,
              .end = span.end,
              .u.symbol = name->local};

    if (!e) {
        fill_import(x, entry_add(x, &id, set, NULL, ENTRY_IMPORTED), s, name);
        return;
    }
    if (x->module->iface->open) {
        entry_rebind(e, NULL, ENTRY_IMPORTED, span);
        fill_import(x, e, s, name);
        return;
    }
    if (e->from == s->from && e->from_name == name->name) return;
    Binding *binding = iface_exported(x, s->from, name->name);
    if (!binding || entry_binding(x, e) == binding) return;
    if (e->origin == ENTRY_IMPORTED) {
        syntax_error(x, span, "conflicting imports for '%s' from '%s' and '%s'", name->local->text,
                     e->from ? e->from->name->text : "?", s->from->name->text);
    } else if (default_binding(x, x->module->iface, name->local) != binding) {
        syntax_error(x, e->span, "imported name '%s' conflicts with local define in module '%s'",
                     name->local->text, module_label(x));
    }
}

void import_forms(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **sets = form_operands(x, form, 0, UINT32_MAX, "(import set ...)", &count);

    if (x->module->iface->fixed) {
        syntax_error(x, stx_span(form), "import: this environment cannot be changed");
        return;
    }
    for (uint32_t i = 0; sets && i < count; i++) {
        ImportSet s = {.x = x};
        if (!parse_import_set(x, sets[i], &s)) continue;
        uint32_t set = set_without_use_sites(x, stx_first_set(x, sets[i]), x->where.frame);
        for (uint32_t k = 0; k < s.count; k++) {
            bind_import(x, set, &s, &s.names[k], stx_span(sets[i]));
        }
    }
}

void module_needs(Expander *x, Sym *name)
{
    ModuleState *m = x->module;

    if (name == x->core->name || name == m->iface->name) return;
    for (uint32_t i = 0; i < m->imports.count; i++) {
        if (m->imports.items[i] == name) return;
    }
    vec_push(unit_arena(x), &m->imports, name);
}

// ---- exports -----------------------------------------------------------------------------------

static void export_one(Expander *x, const Stx *id, Sym *name)
{
    Iface *iface = x->module->iface;
    Binding *b = resolve(x, id), *known = names_get(&iface->exports, name, 0);

    if (!b && x->module->broken) return;
    if (!b) {
        syntax_error(x, stx_span(id), "export of unknown name '%s' in module %s%s",
                     id->u.symbol->text, iface->name->text, suggest_name(x, id));
    } else if (known && known != b) {
        syntax_error(x, stx_span(id), "module %s exports two things as '%s'", iface->name->text,
                     name->text);
    } else if (!known && b->kind != BIND_BROKEN) {
        iface_add_export(x, iface, name, b);
    }
}

void process_exports(Expander *x)
{
    const PtrVec *exports = &x->module->exports;

    for (uint32_t i = 0; i < exports->count; i++) {
        Stx *spec = exports->items[i];
        uint32_t count;
        if (stx_is_symbol(spec)) {
            export_one(x, spec, spec->u.symbol);
            continue;
        }
        Stx **parts = stx_list(x, spec, &count);
        bool rename = parts && count == 3 && stx_is_spelled(parts[0], "rename") &&
                      stx_is_symbol(parts[1]) && stx_is_symbol(parts[2]);
        if (rename) {
            export_one(x, parts[1], parts[2]->u.symbol);
        } else {
            syntax_error(x, stx_span(spec),
                         "export: expected a name or (rename name exported), got %s",
                         stx_text(x, spec));
        }
    }
}
