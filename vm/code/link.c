// Linking: from image bytes to code that runs. Code words are copied into SHARED and every index in
// them is replaced by the address of what it names; modules that are imported come first.
//
// Threads: the code space's lock is held from end to end: a module is seen by others only when it
// is complete.
#include "vm/code/code_int.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <stdio.h>
#include <string.h>

#define IMPORT_DEPTH_MAX 1000

COLD bool link_refuse(Link *l, const ModuleView *v, const char *what)
{
    size_t size = 0;
    const char *name = v ? image_text(v, v->head->name, &size) : NULL;

    if (name) {
        snprintf(l->why, l->why_size, "%s (module %.*s)", what, (int)MIN(size, 100), name);
    } else {
        snprintf(l->why, l->why_size, "%s", what);
    }
    return false;
}

// ---- names --------------------------------------------------------------------------------------

static Value text_symbol(CodeSpace *cs, const ModuleView *v, ImageText text)
{
    size_t size;
    const char *p = image_text(v, text, &size);

    if (!p) return V_FAIL;
    if (size == 0) return V_FALSE;
    return symbol_intern(cs->symbols, p, size);
}

LoadedModule *link_find(CodeSpace *cs, Value name)
{
    LoadedModule *m = cs->modules;
    while (m && !(value_is(m->name, name) && module_role(m) == ROLE_CURRENT)) {
        m = m->next;
    }
    return m;
}

// The module row of a library image; false when no library has it.
static bool find_in_libraries(CodeSpace *cs, const char *name, size_t size, ModuleView *view,
                              bool *trusted)
{
    const char *why;

    for (Library *lib = cs->libraries; lib; lib = lib->next) {
        for (uint32_t i = 0; i < lib->view.module_count; i++) {
            size_t have;
            if (!image_module(&lib->view, i, view, &why)) continue;
            const char *text = image_text(view, view->head->name, &have);
            if (text && have == size && memcmp(text, name, size) == 0) {
                *trusted = lib->trusted;
                return true;
            }
        }
    }
    return false;
}

// ---- one module -----------------------------------------------------------------------------------

static bool make_codes(Link *l, LoadedModule *m)
{
    CodeSpace *cs = l->cs;
    uint32_t n = m->view.code_count;

    m->codes = space_shared(cs->space, MAX(n, 1u) * sizeof(Code));
    if (!m->codes) return link_refuse(l, &m->view, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        const ImageCode *row = &m->view.codes[i];
        Code *c = &m->codes[i];
        c->header = header_make(KIND_CODE, sizeof *c / sizeof(Value) - 1);
        c->entry = m->words + row->start;
        c->module = m;
        c->name = text_symbol(cs, &m->view, row->name);
        if (value_is(c->name, V_FAIL)) return link_refuse(l, &m->view, "damaged image (name of a code)");
        c->index = i;
        c->free_count = row->free_count;
        c->self.header = header_make(KIND_PROC, 1);
        c->self.code = c;
    }
    return true;
}

static bool make_cells(Link *l, LoadedModule *m)
{
    CodeSpace *cs = l->cs;
    uint32_t n = m->view.cell_count;

    m->cells = mem_zalloc(MEM_CODE, n * sizeof *m->cells);
    if (!m->cells) return link_refuse(l, &m->view, "out of memory");
    for (uint32_t i = 0; i < n; i++) {
        const ImageCell *row = &m->view.cells[i];
        Value name = text_symbol(cs, &m->view, row->name);
        if (!value_is_kind(name, KIND_SYMBOL)) return link_refuse(l, &m->view, "damaged image (cell)");
        Value module = text_symbol(cs, &m->view, row->module);
        // What an interactive module has not defined yet may come later.
        bool open = (m->view.head->flags & MODULE_OPEN) && value_is(module, m->name);
        if (l->staging && (row->flags & CELL_HERE)) {
            m->cells[i] = cell_stage(cs, m, name, row->flags);
            if (!m->cells[i]) return link_refuse(l, &m->view, "out of memory");
            continue;
        }
        if ((row->flags & CELL_HERE) || open) {
            LoadedModule *home = link_find(cs, m->name);
            m->cells[i] = cell_intern(cs, home ? home : m, name, row->flags);
            if (!m->cells[i]) return link_refuse(l, &m->view, "out of memory");
            continue;
        }
        m->cells[i] = cell_lookup(cs, module, name);
        if (!m->cells[i]) {
            snprintf(l->why, l->why_size, "module %.100s has no variable %.100s, which %.100s uses",
                     value_is_symbol(module) ? value_symbol(module)->utf8 : "?",
                     value_symbol(name)->utf8, value_symbol(m->name)->utf8);
            return false;
        }
        if ((row->flags & CELL_ASSIGNED) && !(m->cells[i]->flags & CELL_ASSIGNED))
            return link_refuse(l, &m->view, "assigns a variable of another module");
    }
    return true;
}

// Replaces indexes by addresses in the copied words.
static void patch_words(LoadedModule *m, uint64_t *words, const NativeFn *natives)
{
    for (uint32_t pc = 0; pc < m->view.word_count;) {
        Insn in = insn_from_word(words[pc]);
        uint64_t *word = &words[pc + 1];
        for (const char *e = op_info[in.op].ext; *e; e++, word++) {
            if (*e == 'l') {
                *word = m->literals[*word].bits;
            } else if (*e == 'c') {
                *word = (uint64_t)m->cells[*word];
            } else if (*e == 'n') {
                *word = (uint64_t)natives[m->view.natives[*word].prim];
            } else if (*e == 'f') {
                *word = (uint64_t)&m->codes[*word];
            } else if (*e == 's') {
                break;
            }
        }
        pc += insn_words(in);
    }
}

static void make_words(Link *l, LoadedModule *m)
{
    uint64_t *words = (uint64_t *)(uintptr_t)m->words;

    memcpy(words, m->view.words, m->view.word_count * sizeof *words);
    patch_words(m, words, l->cs->natives);
}

static bool add_to_run(Link *l, LoadedModule *m)
{
    RunList *list = l->list;

    if (list->count == list->capacity) {
        uint32_t more = list->capacity ? list->capacity * 2 : 16;
        LoadedModule **modules = mem_realloc(MEM_CODE, list->modules,
                                             list->capacity * sizeof *modules,
                                             more * sizeof *modules);
        if (!modules) return link_refuse(l, NULL, "out of memory");
        list->modules = modules;
        list->capacity = more;
    }
    list->modules[list->count++] = m;
    return true;
}

static bool require(Link *l, const char *name, size_t size, const ContentHash *interface);

static bool require_homes(Link *l, const ModuleView *v);

static bool require_imports(Link *l, const ModuleView *v)
{
    for (uint32_t i = 0; i < v->import_count; i++) {
        size_t size;
        const char *name = image_text(v, v->imports[i].name, &size);
        if (!name) return link_refuse(l, v, "damaged image (import)");
        if (!require(l, name, size, &v->imports[i].interface)) return false;
    }
    return require_homes(l, v);
}

// What was inlined may name variables of modules that are not imported by name.
static bool require_homes(Link *l, const ModuleView *v)
{
    ImageText last = {0, 0};
    size_t own_size, size;
    const char *own = image_text(v, v->head->name, &own_size);

    for (uint32_t i = 0; i < v->cell_count; i++) {
        ImageText home = v->cells[i].module;
        const char *name = image_text(v, home, &size);
        if ((v->cells[i].flags & CELL_HERE) || (home.offset == last.offset && home.size == last.size))
            continue;
        if (!name) return link_refuse(l, v, "damaged image (cell)");
        if (own && size == own_size && memcmp(name, own, size) == 0) continue;
        if (!require(l, name, size, NULL)) return false;
        last = home;
    }
    return true;
}

// Memory for the code words: of a version that was purged when there is one that fits (it is given back,
// then), else new.
static LoadedModule *take_words(CodeSpace *cs, LoadedModule *m)
{
    uint32_t n = MAX(m->view.word_count, 1u);

    for (LoadedModule *old = cs->modules; old; old = old->next) {
        if (module_role(old) != ROLE_PURGED || old->word_capacity < n ||
            old->word_capacity > 2 * n + 256)
            continue;
        m->words = old->words;
        m->word_capacity = old->word_capacity;
        old->word_capacity = 0;
        return old;
    }
    // Some more, for a next version that is larger.
    m->word_capacity = n + n / 8;
    m->words = space_shared(cs->space, m->word_capacity * sizeof(uint64_t));
    return NULL;
}

LoadedModule *link_module(Link *l, const ModuleView *v, bool trusted)
{
    CodeSpace *cs = l->cs;
    char why[160];

    if (!trusted && !image_verify(v, why, sizeof why)) {
        link_refuse(l, v, why);
        return NULL;
    }
    bool staging = l->staging; // this module, not what it imports
    l->staging = false;
    bool ready = require_imports(l, v);
    l->staging = staging;
    if (!ready) return NULL;
    LoadedModule *m = mem_zalloc(MEM_CODE, sizeof *m);
    if (!m) {
        link_refuse(l, v, "out of memory");
        return NULL;
    }
    m->view = *v;
    atomic_store_explicit(&m->role, staging ? ROLE_STAGED : ROLE_CURRENT, memory_order_relaxed);
    m->name = text_symbol(cs, v, v->head->name);
    LoadedModule *room = take_words(cs, m);
    if (!value_is_kind(m->name, KIND_SYMBOL) || !m->words) {
        link_refuse(l, v, m->words ? "damaged image (module name)" : "out of memory");
    } else if (!literals_load(cs, m)) {
        link_refuse(l, v, "damaged image (literals)");
    } else if (make_codes(l, m) && make_cells(l, m) && add_to_run(l, m)) {
        if (room) code_map_replace(cs, room, m);
        if (room || code_map_add(cs, m)) {
            make_words(l, m);
            m->next = cs->modules;
            cs->modules = m;
            return m;
        }
        l->list->count--;
        link_refuse(l, v, "out of memory");
    }
    if (room) room->word_capacity = m->word_capacity;
    mem_free(MEM_CODE, m->cells, v->cell_count * sizeof *m->cells);
    mem_free(MEM_CODE, m, sizeof *m);
    return NULL;
}

static bool require(Link *l, const char *name, size_t size, const ContentHash *interface)
{
    CodeSpace *cs = l->cs;
    Value symbol = symbol_intern(cs->symbols, name, size);
    LoadedModule *m = link_find(cs, symbol);
    ModuleView view;
    bool trusted;

    if (!m) {
        if (!find_in_libraries(cs, name, size, &view, &trusted)) {
            snprintf(l->why, l->why_size, "unknown module in import: %.*s", (int)MIN(size, 100),
                     name);
            return false;
        }
        if (++l->depth > IMPORT_DEPTH_MAX) return link_refuse(l, &view, "imports nested too deep");
        m = link_module(l, &view, trusted);
        l->depth--;
        if (!m) return false;
    }
    if (interface && !hash_content_equal(*interface, m->view.head->interface)) {
        snprintf(l->why, l->why_size,
                 "image compiled against another version of module %.*s; compile it again",
                 (int)MIN(size, 100), name);
        return false;
    }
    return true;
}

// ---- images ---------------------------------------------------------------------------------------

// Everything that can be wrong with the image itself, before anything of it is linked.
static bool check_image(Link *l, const ImageView *view)
{
    ModuleView module;
    const char *bad;
    char why[160];

    for (uint32_t i = 0; i < view->module_count; i++) {
        if (!image_module(view, i, &module, &bad)) return link_refuse(l, NULL, bad);
        size_t size;
        const char *name = image_text(&module, module.head->name, &size);
        Value symbol = name ? symbol_intern(l->cs->symbols, name, size) : V_FAIL;
        LoadedModule *same = value_is_symbol(symbol) ? link_find(l->cs, symbol) : NULL;
        if (same && !(module.head->flags & same->view.head->flags & MODULE_OPEN))
            return link_refuse(l, &module, "a module of this name is loaded already");
        if (!image_verify(&module, why, sizeof why)) return link_refuse(l, &module, why);
    }
    return true;
}

static bool link_image(Link *l, const ImageView *view)
{
    ModuleView module;
    const char *why;

    for (uint32_t i = 0; i < view->module_count; i++) {
        if (!image_module(view, i, &module, &why) || !link_module(l, &module, true)) return false;
    }
    return true;
}

bool code_load(CodeSpace *cs, Buf *image, RunList *list, char *why, size_t why_size)
{
    Link l = {.cs = cs, .list = list, .why = why, .why_size = why_size};
    uint32_t before = list->count;
    ImageView view;
    const char *bad;
    bool ok = image_open(&view, image->data, image->size, false, &bad);

    if (!ok) snprintf(why, why_size, "%s", bad);
    plat_lock(&cs->lock);
    ok = ok && check_image(&l, &view) && link_image(&l, &view);
    // The bytes stay as long as anything of them is in use: modules refer to their tables.
    bool used = list->count > before;
    if (used) {
        list->modules[list->count - 1]->image = *image;
        list->modules[list->count - 1]->image_alone = view.module_count == 1;
        *image = (Buf)BUF_INIT;
    }
    plat_unlock(&cs->lock);
    buf_free(image);
    return ok;
}

bool code_require(CodeSpace *cs, const char *name, size_t name_size, RunList *list, char *why,
                  size_t why_size)
{
    Link l = {.cs = cs, .list = list, .why = why, .why_size = why_size};

    plat_lock(&cs->lock);
    bool ok = require(&l, name, name_size, NULL);
    plat_unlock(&cs->lock);
    return ok;
}

bool code_add_library(CodeSpace *cs, const void *bytes, size_t size, bool trusted, const char **why)
{
    Library *lib = mem_zalloc(MEM_CODE, sizeof *lib);

    *why = "out of memory";
    if (!lib) return false;
    if (!image_open(&lib->view, bytes, size, trusted, why)) {
        mem_free(MEM_CODE, lib, sizeof *lib);
        return false;
    }
    lib->trusted = trusted;
    plat_lock(&cs->lock);
    lib->next = cs->libraries;
    cs->libraries = lib;
    plat_unlock(&cs->lock);
    return true;
}

const uint8_t *code_library_interface(CodeSpace *cs, const char *name, size_t *size)
{
    ModuleView view;
    bool trusted;

    plat_lock(&cs->lock);
    bool found = find_in_libraries(cs, name, strlen(name), &view, &trusted);
    plat_unlock(&cs->lock);
    *size = found ? view.interface_bytes : 0;
    return found ? view.interface : NULL;
}

void code_each_library(CodeSpace *cs, void (*each)(void *context, const char *name, size_t size),
                       void *context)
{
    ModuleView view;
    const char *why, *name;
    size_t size;

    for (Library *lib = cs->libraries; lib; lib = lib->next) {
        for (uint32_t i = 0; i < lib->view.module_count; i++) {
            if (!image_module(&lib->view, i, &view, &why)) continue;
            name = image_text(&view, view.head->name, &size);
            if (name) each(context, name, size);
        }
    }
}

void run_list_free(RunList *list)
{
    mem_free(MEM_CODE, list->modules, list->capacity * sizeof *list->modules);
    *list = (RunList){0};
}

Value module_init_proc(LoadedModule *m)
{
    return value_from_words(&m->codes[m->view.head->init_code].self, TAG_PROC);
}

Cell *module_main(LoadedModule *m)
{
    uint32_t at = m->view.head->main_cell;
    return at ? m->cells[at - 1] : NULL;
}

void module_set_state(CodeSpace *cs, LoadedModule *m, ModuleState state)
{
    plat_lock(&cs->lock);
    m->state = state;
    plat_unlock(&cs->lock);
}
