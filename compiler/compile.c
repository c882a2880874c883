// See compile.h.
#include "compiler/compile.h"

#include "compiler/gen/gen.h"
#include "compiler/pass/pass.h"
#include "compiler/syntax/iface.h"
#include "vm/base/map.h"
#include "vm/base/mem.h"

#include <string.h>

// ---- interfaces -----------------------------------------------------------------------------------

struct Interfaces {
    Map by_name; // address of the Sym -> the two words of the hash
};

static void note(Driver *d, Sym *name, ContentHash hash)
{
    bool made;
    MapEntry *e = map_add(&d->interfaces->by_name, MEM_COMPILER, (uint64_t)name, &made);

    if (!e) return;
    e->a = hash.low;
    e->b = hash.high;
}

void driver_note_interface(Driver *d, const char *module, ContentHash hash)
{
    note(d, sym_named(&d->session, module), hash);
}

ContentHash driver_interface(const Driver *d, const char *module)
{
    Sym *name = sym_named((Compiler *)&d->session, module);
    const MapEntry *e = map_find(&d->interfaces->by_name, (uint64_t)name);
    return e ? (ContentHash){.low = e->a, .high = e->b} : (ContentHash){0};
}

Interfaces *driver_copy_interfaces(const Driver *d)
{
    Interfaces *copy = mem_must_alloc(MEM_COMPILER, sizeof *copy);

    memset(copy, 0, sizeof *copy);
    MAP_EACH(&d->interfaces->by_name, e)
    {
        bool made;
        MapEntry *to = map_add(&copy->by_name, MEM_COMPILER, e->key, &made);
        if (!to) continue;
        to->a = e->a;
        to->b = e->b;
    }
    return copy;
}

void driver_restore_interfaces(Driver *d, Interfaces *copy)
{
    // What was compiled for others meanwhile stays.
    MAP_EACH(&copy->by_name, e)
    {
        bool made;
        MapEntry *to = map_add(&d->interfaces->by_name, MEM_COMPILER, e->key, &made);
        if (!to) continue;
        to->a = e->a;
        to->b = e->b;
    }
    interfaces_free(copy);
}

void interfaces_free(Interfaces *i)
{
    if (!i) return;
    map_free(&i->by_name, MEM_COMPILER);
    mem_free(MEM_COMPILER, i, sizeof *i);
}

void driver_init(Driver *d, const CompilerHost *host, Diag *diag, bool privileged)
{
    session_init(&d->session, host, diag);
    d->session.privileged = privileged;
    d->session.kernel = sym_named(&d->session, "std.kernel");
    d->session.defaults = privileged ? NULL : sym_named(&d->session, "std.defaults");
    d->interfaces = mem_must_alloc(MEM_COMPILER, sizeof *d->interfaces);
    memset(d->interfaces, 0, sizeof *d->interfaces);
}

void driver_free(Driver *d)
{
    interfaces_free(d->interfaces);
    session_free(&d->session);
}

// ---- one module -----------------------------------------------------------------------------------

static void dump(const CompileOptions *options, DumpStage stage, const Module *m, Core *body)
{
    if (!options || options->stage != stage) return;
    buf_printf(options->out, ";; module %s\n", m->name->text);
    core_dump(body, options->out);
    buf_text(options->out, "\n");
}

static Core *run_passes(Driver *d, Module *m, const CompileOptions *options)
{
    Compiler *c = &d->session;
    Core *body = m->body;

    dump(options, DUMP_EXPAND, m, body);
    body = pass_letrec(c, body);
    m->body = body;
    pass_note_globals(m);
    body = pass_simplify(c, body, true);
    m->body = body;
    pass_note_globals(m);
    if (!m->open) pass_offer_inlines(c, m);
    body = pass_simplify(c, body, false);
    dump(options, DUMP_SIMPLE, m, body);
    body = pass_box(c, body);
    body = pass_loops(c, body);
    dump(options, DUMP_CORE, m, body);
    // A module may be reloaded while its importers run: nothing of it may be inside them.
    for (uint32_t i = 0; i < m->global_count && !c->privileged; i++) {
        m->globals[i]->inline_core = NULL;
    }
    return body;
}

static void write_imports(Driver *d, const Module *m, ModuleWriter *out)
{
    for (uint32_t i = 0; i < m->import_count; i++) {
        const MapEntry *e = map_find(&d->interfaces->by_name, (uint64_t)m->imports[i]);
        ImageImport row = {.name = module_writer_text(out, m->imports[i]->text, m->imports[i]->size)};
        if (e) row.interface = (ContentHash){e->a, e->b};
        buf_bytes(&out->sections[SECTION_IMPORTS], &row, sizeof row);
    }
}

static void write_interface(Driver *d, const Module *m, ModuleWriter *out)
{
    Buf *section = &out->sections[SECTION_INTERFACE];

    if (!m->iface) return;
    iface_write(&d->session, m->iface, section);
    out->head.interface = hash_content(section->data, section->size);
    note(d, m->name, out->head.interface);
}

static bool compile_module(Driver *d, Module *m, const CompileOptions *options, ModuleWriter *out)
{
    Core *body = run_passes(d, m, options);
    Program *p = pass_closure(&d->session, m, body);

    module_writer_init(out);
    if (!gen_module(&d->session, m, p, out)) return false;
    write_imports(d, m, out);
    write_interface(d, m, out);
    return true;
}

// A unit may consist of several modules: only one's own variables are known by their code.
static void set_here(const Module *m, bool here)
{
    for (uint32_t i = 0; i < m->global_count; i++) {
        m->globals[i]->here = here;
    }
}

static bool compile_modules(Driver *d, const Expanded *e, const CompileOptions *options, Buf *image)
{
    ModuleWriter *writers = mem_must_alloc(MEM_COMPILER, (e->count + 1) * sizeof *writers);
    ModuleWriter **order = mem_must_alloc(MEM_COMPILER, (e->count + 1) * sizeof *order);
    uint32_t done = 0;
    bool ok = true;

    for (uint32_t i = 0; i < e->count; i++) {
        set_here(e->modules[i], false);
    }
    for (; ok && done < e->count; done++) {
        Module *m = e->modules[done];
        order[done] = &writers[done];
        set_here(m, true);
        ok = compile_module(d, m, options, &writers[done]);
        set_here(m, false);
    }
    if (ok && !image_write(image, order, e->count)) {
        diag_at(d->session.diag, DIAG_ERROR, SPAN_NONE, "out of memory");
        ok = false;
    }
    for (uint32_t i = 0; i < done; i++) {
        module_writer_free(&writers[i]);
    }
    mem_free(MEM_COMPILER, writers, (e->count + 1) * sizeof *writers);
    mem_free(MEM_COMPILER, order, (e->count + 1) * sizeof *order);
    return ok;
}

// ---- units ----------------------------------------------------------------------------------------

bool compile_source(Driver *d, const Source *source, const CompileOptions *options, Buf *image)
{
    UnitFrame frame;
    Expanded e;

    unit_begin(&d->session, &frame);
    bool ok = expand_source(&d->session, source, &e) && compile_modules(d, &e, options, image);
    unit_end(&d->session, &frame);
    return ok && d->session.diag->errors == 0;
}

bool compile_forms(Driver *d, const char *module, Stx *forms, const OpenInput *in, Buf *image)
{
    Expanded e;

    return expand_open(&d->session, sym_named(&d->session, module), forms, in, &e) &&
           compile_modules(d, &e, NULL, image);
}
