// Modules: `module` and `define-library` forms, the program of a file, interactive modules.
//
// A file's modules are found first, then expanded one after the other; an import of one that is not
// done yet expands it there and then, so every module is complete before those that import it. What
// remains of the file is the program.
#include "compiler/syntax/expand_int.h"

#include "compiler/read/reader.h"
#include "vm/base/hash.h"

#include <string.h>

// Modules of one file may wait for each other this deep.
#define FILE_MODULES_MAX 1000

typedef enum { FILE_WAITING, FILE_RUNNING, FILE_DONE } FileState;

typedef struct {
    Sym *name;
    Stx *form;
    bool library; // define-library
    FileState state;
    Iface *iface;
} FileModule;

// ---- one module --------------------------------------------------------------------------------

// What a name may see of the session's defaults.
static void set_visibility(Expander *x, Iface *iface, bool library)
{
    library |= iface->closed;
    iface->privileged = x->c->privileged;
    iface->sees_core = !library;
    iface->defaults = library || x->c->privileged ? NULL : x->c->defaults;
}

static void begin_module(Expander *x, ModuleState *m, Iface *iface, Span span)
{
    *m = (ModuleState){.outer = x->module, .iface = iface};
    m->out = arena_new(unit_arena(x), Module);
    m->out->name = iface->name;
    m->out->span = span;
    m->out->iface = iface;
    m->out->open = iface->open;
    iface->state = IFACE_EXPANDING;
    x->module = m;
    x->where = (Where){.frame = iface->scopes[0]};
    // A module whose names are used is needed, not all that might be (core_global).
    if (iface->defaults && iface->defaults != iface->name)
        (void)iface_require(x->c, iface->defaults, SPAN_NONE);
}

// Notes which variables are procedures that never change.
static void note_procedures(const Module *out)
{
    Core *body = out->body;
    Core **items = body->kind == CORE_SEQ ? body->u.seq.items : &body;
    uint32_t count = body->kind == CORE_SEQ ? body->u.seq.count : 1;

    for (uint32_t i = 0; i < out->global_count; i++) {
        out->globals[i]->lambda = NULL;
        out->globals[i]->min_args = out->globals[i]->max_args = -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (items[i]->kind != CORE_DEFINE || items[i]->u.set_global.value->kind != CORE_LAMBDA) {
            continue;
        }
        Global *g = items[i]->u.set_global.global;
        Lambda *lambda = items[i]->u.set_global.value->u.lambda;
        if (g->assigned || g->open || lambda->clause_count == 0) continue;
        g->lambda = lambda;
        g->min_args = INT32_MAX;
        for (uint32_t k = 0; k < lambda->clause_count; k++) {
            const Clause *c = &lambda->clauses[k];
            g->min_args = MIN(g->min_args, (int32_t)c->required);
            bool unbounded = c->rest || (k > 0 && g->max_args == -1);
            g->max_args = unbounded ? -1 : MAX(g->max_args, (int32_t)c->required);
        }
    }
}

static Global *find_main(Expander *x, const Iface *iface)
{
    const Entry *e = entry_find(x, sym_named(x->c, "main"), set_add(x, 0, iface->scopes[0]));
    bool own = e && e->origin == ENTRY_DEFINED && e->binding->kind == BIND_GLOBAL;

    return own ? e->binding->u.global : NULL;
}

// Expands the collected forms and hands the module over.
static void finish_module(Expander *x, ModuleState *m, Context *cx, unsigned errors)
{
    Module *out = m->out;

    process_exports(x);
    out->body = with_objects(x, expand_module_items(x, cx, out->span));
    out->imports = (Sym **)m->imports.items;
    out->import_count = m->imports.count;
    out->globals = (Global **)m->globals.items;
    out->global_count = m->globals.count;
    bool good = x->c->diag->errors == errors && !x->fatal;
    if (good) note_procedures(out);
    if (good || !m->iface->open) seal_module(x, m);
    m->iface->state = good ? IFACE_READY : IFACE_FAILED;
    if (m->iface->open) {
        m->iface->state = IFACE_READY;
    } else {
        x->some_failed |= !good;
    }
    vec_push(unit_arena(x), &x->unit->done, out);
}

// The import forms of a module's top level come first, wherever they stand.
static void collect_imports(Expander *x, Stx *forms)
{
    for (; stx_is_pair(forms); forms = stx_cdr(x, forms)) {
        Stx *form = stx_car(x, forms);
        if (!stx_is_pair(form) || !stx_is_spelled(stx_car(x, form), "import")) continue;
        if (!is_auxiliary(x, stx_car(x, form), FORM_import)) continue;
        import_forms(x, form);
        vec_push(unit_arena(x), &x->module->imported, form);
    }
}

// ---- define-library ----------------------------------------------------------------------------

static void library_declarations(Expander *x, Context *cx, Stx *forms, bool imports);

static void include_declarations(Expander *x, Context *cx, Stx *form, bool imports)
{
    Stx *forms = include_forms(x, form, false);

    if (!forms) return;
    x->where.includes++;
    library_declarations(x, cx, forms, imports);
    x->where.includes--;
}

// One declaration. Imports are done in a first pass, all else in a second. The words are spelled,
// for nothing is bound yet.
static void library_declaration(Expander *x, Context *cx, Stx *form, bool imports)
{
    Stx *head = stx_is_pair(form) ? stx_car(x, form) : form;

    if (stx_is_spelled(head, "import")) {
        if (imports) import_forms(x, form);
    } else if (stx_is_spelled(head, "cond-expand")) {
        Stx *chosen = cond_expand_choice(x, form);
        if (chosen) library_declarations(x, cx, chosen, imports);
    } else if (stx_is_spelled(head, "include-library-declarations")) {
        include_declarations(x, cx, form, imports);
    } else if (imports) {
        return;
    } else if (stx_is_spelled(head, "export")) {
        collect_export(x, cx, form);
    } else if (stx_is_spelled(head, "begin")) {
        collect_begin(x, cx, form);
    } else if (stx_is_spelled(head, "include") || stx_is_spelled(head, "include-ci")) {
        Stx *forms = include_forms(x, form, stx_is_spelled(head, "include-ci"));
        if (!forms) return;
        x->where.includes++;
        collect_forms(x, cx, forms);
        x->where.includes--;
    } else {
        syntax_error(x, stx_span(form),
                     "define-library: expected export, import, begin, include, include-ci, "
                     "include-library-declarations or cond-expand, got %s",
                     stx_text(x, form));
    }
}

static void library_declarations(Expander *x, Context *cx, Stx *forms, bool imports)
{
    if (!enter_level(x, stx_span(forms))) return;
    for (; stx_is_pair(forms) && !x->fatal; forms = stx_cdr(x, forms)) {
        library_declaration(x, cx, stx_car(x, forms), imports);
    }
    leave_level(x);
}

// ---- modules of a file -------------------------------------------------------------------------

static bool is_module_form(Expander *x, Stx *form, bool *library)
{
    if (!stx_is_pair(form) || !stx_is_pair(stx_cdr(x, form))) return false;
    *library = stx_is_spelled(stx_car(x, form), "define-library");
    return *library || stx_is_spelled(stx_car(x, form), "module");
}

static void expand_file_module(Expander *x, FileModule *f)
{
    ModuleState m;
    Where outer = x->where;
    Iface *iface = iface_new(x, f->name);
    Context cx = {.module_level = true, .frame = iface->scopes[0]};
    unsigned errors = x->c->diag->errors;

    f->state = FILE_RUNNING;
    f->iface = iface;
    set_visibility(x, iface, f->library);
    begin_module(x, &m, iface, stx_span(f->form));
    Stx *forms = stx_add_scope(x, stx_cdr(x, stx_cdr(x, f->form)), iface->scopes[0]);
    if (f->library) {
        library_declarations(x, &cx, forms, true);
        library_declarations(x, &cx, forms, false);
    } else {
        collect_imports(x, forms);
        collect_forms(x, &cx, forms);
        m.out->main = find_main(x, iface);
    }
    finish_module(x, &m, &cx, errors);
    f->state = FILE_DONE;
    x->module = m.outer;
    x->where = outer;
}

static FileModule *find_file_module(const Expander *x, const Sym *name)
{
    for (uint32_t i = 0; i < x->unit->files.count; i++) {
        FileModule *f = x->unit->files.items[i];
        if (f->name == name) return f;
    }
    return NULL;
}

bool file_has_module(const Expander *x, const Sym *name)
{
    return find_file_module(x, name) != NULL;
}

Iface *file_module(Expander *x, Sym *name, Span span, bool *known)
{
    FileModule *f = find_file_module(x, name);
    uint32_t waiting = 0;

    *known = f != NULL;
    if (!f) return NULL;
    if (f->state == FILE_RUNNING) return iface_require(x->c, name, span); // reports the cycle
    for (const ModuleState *m = x->module; m; m = m->outer) {
        waiting++;
    }
    if (f->state == FILE_WAITING && waiting > FILE_MODULES_MAX) {
        return syntax_fatal(x, span, "modules wait for each other deeper than %d levels",
                            FILE_MODULES_MAX);
    }
    if (f->state == FILE_WAITING) expand_file_module(x, f);
    return f->iface;
}

static void add_file_module(Expander *x, Stx *form, bool library, bool interactive)
{
    Stx *name_stx = stx_car(x, stx_cdr(x, form));
    Sym *name = module_name(x, name_stx);

    if (!name) {
        syntax_error(x, stx_span(name_stx), "%s: expected the name of a module, got %s",
                     library ? "define-library" : "module", stx_text(x, name_stx));
        return;
    }
    if (interactive && !find_file_module(x, name)) iface_forget(x->c, name);
    if (x->c->replaced && x->c->units == 1 && !find_file_module(x, name)) iface_replace(x->c, name);
    if (find_file_module(x, name) || names_get(&x->modules, name, 0)) {
        syntax_error(x, stx_span(name_stx), "duplicate module: %s", name->text);
        return;
    }
    FileModule *f = arena_new(unit_arena(x), FileModule);
    *f = (FileModule){.name = name, .form = form, .library = library};
    vec_push(unit_arena(x), &x->unit->files, f);
}

// Takes the modules out of a list of forms and expands them. Gives the list of the other forms.
static Stx *take_modules(Expander *x, Stx *forms, bool interactive)
{
    Stx *rest = stx_new(x, STX_NIL, SPAN_NONE), **hole = &rest;
    bool library;

    for (; stx_is_pair(forms); forms = stx_cdr(x, forms)) {
        Stx *form = stx_car(x, forms);
        if (is_module_form(x, form, &library)) {
            add_file_module(x, form, library, interactive);
            continue;
        }
        Stx *pair = stx_new(x, STX_PAIR, stx_span(form));
        pair->u.pair.car = form;
        pair->u.pair.cdr = *hole;
        *hole = pair;
        hole = &pair->u.pair.cdr;
    }
    for (uint32_t i = 0; i < x->unit->files.count; i++) {
        FileModule *f = x->unit->files.items[i];
        if (f->state == FILE_WAITING) expand_file_module(x, f);
    }
    return rest;
}

// ---- declarations where they are not expected --------------------------------------------------

Core *form_declaration(Expander *x, Stx *form)
{
    return syntax_error(x, stx_span(form),
                        "%s is only allowed at the top level of a file or module",
                        stx_text(x, stx_car(x, form)));
}

void collect_module(Expander *x, Context *cx, Stx *form)
{
    (void)cx;
    form_declaration(x, form);
}

void collect_import(Expander *x, Context *cx, Stx *form)
{
    ModuleState *m = x->module;

    if (!cx->module_level) {
        form_declaration(x, form);
    } else if (m->imported_seen < m->imported.count &&
               m->imported.items[m->imported_seen] == form) {
        m->imported_seen++;
    } else {
        import_forms(x, form);
    }
}

void collect_export(Expander *x, Context *cx, Stx *form)
{
    uint32_t count;

    if (!cx->module_level || x->module->iface->open || x->module->out->program) {
        syntax_error(x, stx_span(form), "export is only allowed in a module");
        return;
    }
    Stx **specs = form_operands(x, form, 0, UINT32_MAX, "(export name ...)", &count);
    for (uint32_t i = 0; specs && i < count; i++) {
        vec_push(unit_arena(x), &x->module->exports, specs[i]);
    }
}

// ---- files -------------------------------------------------------------------------------------

// "hello~1c9d03af" for dir/hello.eta: readable in messages, different for another file.
static Sym *program_name(Expander *x, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *stem = slash ? slash + 1 : path;
    const char *dot = strrchr(stem, '.');
    int size = dot && dot > stem ? (int)(dot - stem) : (int)strlen(stem);
    uint32_t hash = (uint32_t)hash_bytes(path, strlen(path), 0);

    return sym_named(x->c, arena_printf(unit_arena(x), "%.*s~%08x", size, stem, hash));
}

static void expand_program(Expander *x, const Source *source, Stx *forms)
{
    ModuleState m;
    Sym *name = program_name(x, source->path);
    unsigned errors = x->c->diag->errors;

    iface_forget(x->c, name); // of an earlier run of the same file
    Iface *iface = iface_new(x, name);
    Context cx = {.module_level = true, .frame = iface->scopes[0]};
    set_visibility(x, iface, false);
    begin_module(x, &m, iface, (Span){source, 0, 0});
    m.out->program = true;
    forms = stx_add_scope(x, forms, iface->scopes[0]);
    collect_imports(x, forms);
    collect_forms(x, &cx, forms);
    finish_module(x, &m, &cx, errors);
    x->module = NULL;
}

// What an expansion begins with. A unit may have had others before.
typedef struct {
    unsigned errors;
    uint32_t done; // modules of the unit
} Start;

static Start begin_expansion(Expander *x, Expanded *out)
{
    CHECK(x->c->units > 0, "no unit is open");
    *out = (Expanded){0};
    x->module = NULL;
    x->where = (Where){0};
    x->fatal = false;
    x->nodes = 0;
    x->suggestions = x->limits.suggestions;
    x->unit->files = (PtrVec){0};
    return (Start){x->c->diag->errors, x->unit->done.count};
}

// Hands the new modules over, or takes them back when something failed.
static bool hand_over(Expander *x, Expanded *out, Start start)
{
    bool good = x->c->diag->errors == start.errors && !x->fatal;

    out->count = x->unit->done.count - start.done;
    if (out->count) out->modules = (Module **)x->unit->done.items + start.done;
    for (uint32_t i = 0; i < out->count && !good; i++) {
        Module *m = out->modules[i];
        if (!m->open) iface_forget(x->c, m->name);
    }
    return good;
}

bool expand_source(Compiler *c, const Source *source, Expanded *out)
{
    Expander *x = expander_of(c);
    Start start = begin_expansion(x, out);
    bool incomplete = c->diag->incomplete;

    Stx *forms = reader_all(c, source, false);
    // An imported file that ends too early is no reason for a REPL to wait for more.
    if (c->units > 1) c->diag->incomplete = incomplete;
    // What the reader could not make sense of would only lead to errors that are none.
    if (c->diag->errors > start.errors) return false;
    Stx *rest = take_modules(x, forms, false);
    if (stx_is_pair(rest)) {
        expand_program(x, source, rest);
        out->has_program = true;
    }
    return hand_over(x, out, start);
}

// ---- interactive modules -----------------------------------------------------------------------

// `errors`: how many there were before the line; with a further one nothing is kept.
static void expand_chunk(Expander *x, Iface *iface, Stx *forms, const OpenInput *in,
                         unsigned errors)
{
    ModuleState m;
    Context cx = {.module_level = true, .frame = iface->scopes[0]};

    begin_module(x, &m, iface, stx_span(forms));
    forms = stx_add_scope(x, forms, iface->scopes[0]);
    if (in->local_count > 0) {
        Item *item = add_item(x, &cx, ITEM_CORE, stx_span(forms));
        item->core = expand_with_locals(x, forms, in);
    } else if (in->imports) {
        import_forms(x, stx_car(x, forms));
    } else {
        collect_forms(x, &cx, forms);
    }
    finish_module(x, &m, &cx, errors);
    x->module = NULL;
}

bool expand_open(Compiler *c, Sym *module, Stx *forms, const OpenInput *in, Expanded *out)
{
    static const OpenInput plain;
    Expander *x = expander_of(c);
    Start start = begin_expansion(x, out);
    Iface *iface = names_get(&x->modules, module, 0);

    if (!in) in = &plain;
    if (!iface) {
        iface = iface_new(x, module);
        iface->open = true;
        iface->closed = in->closed;
    }
    CHECK(iface->open, "module %s is not interactive", module->text);
    set_visibility(x, iface, false);
    Stx *rest = take_modules(x, forms, true);
    expand_chunk(x, iface, rest, in, start.errors);
    bool good = hand_over(x, out, start);
    iface->fixed |= good && in->fixed;
    if (good && in->imports) iface->imported_at = x->c->reloads + 1;
    return good;
}
