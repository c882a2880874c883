// Versions of a module: a new one beside the one that runs, and the end of an old one.
//
// A new version is *staged*: its words name cells of its own, which are not in the table, while its body
// runs; nobody but the actor that runs it knows it. A definition either keeps what the module's variable
// has (code_keeps) or goes into the staged cell. code_commit then changes all variables under the lock:
// what was defined goes into the real cells, the new words are made to name these, and cells without one
// become the module's.
//
// A procedure that captures nothing is one object in each version. On commit the objects of the older
// versions are given the new code, so that whoever holds the procedure as a value calls the new version,
// as those do who call it by name. Frames, and procedures with captures, stay with the code they have.
//
// A purge takes an old version's code away. First its entries lead to a stub (begin): nobody can come in,
// whoever tries waits. Then every actor is asked whether it has a frame of it (the natives do that). If
// none has, the end frees the image's bytes and lets a later version have the words. What stays for ever,
// a hundred bytes or so each: codes (procedures in heaps refer to them), staged cells, and the literals,
// which may be anywhere.
//
// Invariants: [R1] of a name there is one current version, and at most one that is staged, old or being
// purged (but after failures: each body that fails leaves an old one). [R2] between begin and end no
// new frame of the version can come to be but by an actor that has one.
// Threads: any; the code space's lock is held.
#include "vm/code/code_int.h"

#include "vm/base/mem.h"

#include <stdio.h>
#include <string.h>

static size_t old_versions(CodeSpace *cs, Value name, LoadedModule **out, size_t max)
{
    size_t n = 0;

    for (LoadedModule *m = cs->modules; m && n < max; m = m->next) {
        ModuleRole role = module_role(m);
        if (value_is(m->name, name) && role != ROLE_CURRENT && role != ROLE_PURGED) out[n++] = m;
    }
    return n;
}

// ---- staging ------------------------------------------------------------------------------------

static bool find_in_image(const ImageView *view, const char *name, ModuleView *out,
                          const char **why)
{
    for (uint32_t i = 0; i < view->module_count; i++) {
        size_t size;
        if (!image_module(view, i, out, why)) return false;
        const char *text = image_text(out, out->head->name, &size);
        if (text && size == strlen(name) && memcmp(text, name, size) == 0) return true;
    }
    *why = "the file has no module of this name";
    return false;
}

static bool can_replace(CodeSpace *cs, Value name, const ModuleView *v, const char **why)
{
    LoadedModule *now = link_find(cs, name), *old;
    uint32_t fixed = MODULE_PROGRAM | MODULE_OPEN | MODULE_STDLIB;

    *why = "is not loaded";
    if (!now) return false;
    *why = "is a program or the standard library's";
    if ((now->view.head->flags | v->head->flags) & fixed) return false;
    *why = "has an old version that is still there";
    return old_versions(cs, name, &old, 1) == 0;
}

static LoadedModule *stage(Link *l, const ImageView *view, const char *name)
{
    CodeSpace *cs = l->cs;
    Value symbol = symbol_intern(cs->symbols, name, strlen(name));
    ModuleView v;
    const char *why;
    char bad[160];

    if (!value_is_symbol(symbol)) {
        link_refuse(l, NULL, "out of memory");
    } else if (!find_in_image(view, name, &v, &why)) {
        snprintf(l->why, l->why_size, "module %.100s: %s", name, why);
    } else if (!can_replace(cs, symbol, &v, &why)) {
        snprintf(l->why, l->why_size, "module %.100s %s", name, why);
    } else if (!image_verify(&v, bad, sizeof bad)) {
        link_refuse(l, &v, bad);
    } else {
        return link_module(l, &v, true);
    }
    return NULL;
}

bool code_stage(CodeSpace *cs, Buf *image, const char *name, Value owner, RunList *list, char *why,
                size_t why_size)
{
    Link l = {.cs = cs, .list = list, .why = why, .why_size = why_size, .staging = true};
    ImageView view;
    const char *bad;
    LoadedModule *m = NULL;

    if (image_open(&view, image->data, image->size, false, &bad)) {
        plat_lock(&cs->lock);
        m = stage(&l, &view, name);
        if (m) {
            m->owner = owner;
            m->image = *image;
            m->image_alone = true;
            *image = (Buf)BUF_INIT;
        }
        plat_unlock(&cs->lock);
    } else {
        snprintf(why, why_size, "%s", bad);
    }
    buf_free(image);
    return m != NULL;
}

// ---- what is kept ---------------------------------------------------------------------------------

#define SEARCH_NODES_MAX 4096
#define SEARCH_STACK_MAX 64

// Is there a procedure of the module in a value? What is too large to tell is data.
static bool holds_code(const LoadedModule *m, Value v)
{
    Value stack[SEARCH_STACK_MAX];
    size_t depth = 0;
    unsigned budget = SEARCH_NODES_MAX;

    stack[depth++] = v;
    while (depth > 0 && budget-- > 0) {
        v = stack[--depth];
        if (value_is_proc(v) && value_is(proc_code(value_proc(v))->module->name, m->name))
            return true;
        if (value_is_pair(v)) {
            if (depth + 2 > SEARCH_STACK_MAX) return false;
            stack[depth++] = value_cdr(v);
            stack[depth++] = value_car(v);
        } else if (value_is_kind(v, KIND_VECTOR) || value_is_kind(v, KIND_RECORD)) {
            if (object_count(v) > SEARCH_STACK_MAX - depth) return false;
            for (size_t i = object_count(v); i > 0; i--) {
                stack[depth++] = object_ref(v, i - 1);
            }
        }
    }
    return false;
}

static bool same_fields(Value x, Value y)
{
    if (object_count(x) != object_count(y)) return false;
    for (size_t i = 0; i < object_count(x); i++) {
        if (!value_is(object_ref(x, i), object_ref(y, i))) return false;
    }
    return true;
}

// Record types and parameters are known by their identity: instances and bindings refer to it.
static bool is_same_thing(Value now, Value v)
{
    if (value_is_kind(now, KIND_PARAMETER)) return value_is_kind(v, KIND_PARAMETER);
    return value_is_kind(now, KIND_RECORD_TYPE) && value_is_kind(v, KIND_RECORD_TYPE) &&
           value_is(object_ref(now, RTYPE_NAME), object_ref(v, RTYPE_NAME)) &&
           same_fields(object_ref(now, RTYPE_FIELDS), object_ref(v, RTYPE_FIELDS));
}

bool code_keeps(CodeSpace *cs, const Cell *staged, Value v)
{
    Value now = cell_value(staged->real);

    (void)cs;
    if (value_is(now, V_UNBOUND)) return false;
    if ((staged->flags | staged->real->flags) & CELL_ASSIGNED) return true;
    if (value_is(now, V_PRIVATE)) return !holds_code(staged->module, v);
    return is_same_thing(now, v);
}

// ---- commit ---------------------------------------------------------------------------------------

// The code of a procedure that captures nothing; NULL of others.
static Code *own_code(Value v)
{
    if (!value_is_proc(v)) return NULL;
    Proc *p = value_proc(v);
    Code *code = proc_code(p);
    return &code->self == p ? code : NULL;
}

// The procedure objects of the older versions become the new one's.
static void redirect(Value now, Value v)
{
    Code *old = own_code(now), *new = own_code(v);

    if (!old || !new || old == new || old->module == new->module) return;
    if (!value_is(old->name, new->name) || !value_is(old->module->name, new->module->name)) return;
    new->older = old;
    for (; old; old = old->older) {
        __atomic_store_n(&old->self.code, new, __ATOMIC_RELEASE);
    }
}

static void commit_cell(CodeSpace *cs, Cell *staged)
{
    Cell *c = staged->real;
    Value v = cell_value(staged);

    c->flags |= staged->flags;
    if (staged->kept || value_is(v, V_UNBOUND)) return;
    if (value_is(v, V_PRIVATE)) {
        // Under the staged identity nobody has a value but the actor that ran the body.
        cell_set_snapshot(c, cell_snapshot(staged));
        c->id = staged->id;
    } else {
        redirect(cell_value(c), v);
    }
    cell_publish(cs, c, v);
}

// The words name the module's cells.
static void unstage_words(LoadedModule *m)
{
    uint64_t *words = (uint64_t *)(uintptr_t)m->words;

    for (uint32_t pc = 0; pc < m->view.word_count;) {
        Insn in = insn_from_word(words[pc]);
        uint64_t *word = &words[pc + 1];
        for (const char *e = op_info[in.op].ext; *e && *e != 's'; e++, word++) {
            if (*e != 'c') continue;
            const Cell *c = (const Cell *)*word; // NOLINT: an address that linking has put there
            if (c->real) __atomic_store_n(word, (uint64_t)c->real, __ATOMIC_RELEASE);
        }
        pc += insn_words(in);
    }
}

void code_commit(CodeSpace *cs, LoadedModule *m)
{
    plat_lock(&cs->lock);
    LoadedModule *old = link_find(cs, m->name);
    for (uint32_t i = 0; i < m->view.cell_count; i++) {
        Cell *c = m->cells[i];
        if (!c->staged) continue;
        // Without room in the table the variable is the module's all the same, only not to be found.
        if (!c->real && !cell_promote(cs, c)) c->staged = false;
    }
    // The words first: as soon as a procedure is in its cell, others run them.
    unstage_words(m);
    for (uint32_t i = 0; i < m->view.cell_count; i++) {
        if (m->cells[i]->staged) commit_cell(cs, m->cells[i]);
    }
    for (uint32_t i = 0; i < m->view.cell_count; i++) {
        if (m->cells[i]->staged) m->cells[i] = m->cells[i]->real;
    }
    if (old) atomic_store_explicit(&old->role, ROLE_OLD, memory_order_release);
    atomic_store_explicit(&m->role, ROLE_CURRENT, memory_order_release);
    atomic_fetch_add_explicit(&cs->epoch, 1, memory_order_release);
    plat_unlock(&cs->lock);
}

void code_abandon(CodeSpace *cs, LoadedModule *m)
{
    plat_lock(&cs->lock);
    atomic_store_explicit(&m->role, ROLE_OLD, memory_order_release);
    plat_unlock(&cs->lock);
}

// ---- purge ----------------------------------------------------------------------------------------

static void set_entries(CodeSpace *cs, LoadedModule *m, bool away)
{
    for (uint32_t i = 0; i < m->view.code_count; i++) {
        const uint64_t *entry = away ? cs->stub_codes[1].entry : m->words + m->view.codes[i].start;
        __atomic_store_n(&m->codes[i].entry, entry, __ATOMIC_RELEASE);
    }
}

Value code_owner(CodeSpace *cs, const LoadedModule *m)
{
    plat_lock(&cs->lock);
    Value owner = m->owner;
    plat_unlock(&cs->lock);
    return owner;
}

bool code_purge_begin(CodeSpace *cs, LoadedModule *m, Value owner)
{
    plat_lock(&cs->lock);
    bool ok = module_role(m) == ROLE_OLD || module_role(m) == ROLE_STAGED;
    if (ok) {
        m->owner = owner;
        atomic_store_explicit(&m->role, ROLE_PURGING, memory_order_release);
        set_entries(cs, m, true);
    }
    plat_unlock(&cs->lock);
    return ok;
}

bool code_purge_cancel(CodeSpace *cs, LoadedModule *m)
{
    plat_lock(&cs->lock);
    bool ok = module_role(m) == ROLE_PURGING;
    if (ok) {
        set_entries(cs, m, false);
        atomic_store_explicit(&m->role, ROLE_OLD, memory_order_release);
    }
    plat_unlock(&cs->lock);
    return ok;
}

bool code_purge_end(CodeSpace *cs, LoadedModule *m)
{
    plat_lock(&cs->lock);
    bool ok = module_role(m) == ROLE_PURGING;
    if (ok) {
        atomic_store_explicit(&m->role, ROLE_PURGED, memory_order_release);
        mem_free(MEM_CODE, m->cells, m->view.cell_count * sizeof *m->cells);
        m->cells = NULL;
        if (m->image_alone) buf_free(&m->image);
        atomic_fetch_add_explicit(&cs->epoch, 1, memory_order_release);
    }
    plat_unlock(&cs->lock);
    return ok;
}

// ---- finding --------------------------------------------------------------------------------------

size_t code_old_versions(CodeSpace *cs, Value name, LoadedModule **out, size_t max)
{
    plat_lock(&cs->lock);
    size_t n = old_versions(cs, name, out, max);
    plat_unlock(&cs->lock);
    return n;
}

bool code_is_module(CodeSpace *cs, const LoadedModule *m)
{
    plat_lock(&cs->lock);
    const LoadedModule *at = cs->modules;
    while (at && at != m) {
        at = at->next;
    }
    plat_unlock(&cs->lock);
    return at != NULL;
}

LoadedModule *code_current(CodeSpace *cs, Value name)
{
    plat_lock(&cs->lock);
    LoadedModule *m = link_find(cs, name);
    plat_unlock(&cs->lock);
    return m;
}
