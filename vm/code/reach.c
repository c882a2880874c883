// Which private module data running a procedure may touch.
//
// A search over the code from a procedure: the cells its instructions name, the codes it calls or
// closes over, and the procedures that shared cells hold. The result is kept with the code and is
// good until a cell is defined or a module linked (CodeSpace.epoch). Nothing of it is in the image:
// whether a variable is private is known only when it is defined.
//
// Threads: the code space's lock is held during a search; a kept result is read without it.
#include "vm/code/code_int.h"

#include "vm/base/mem.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    CodeSpace *cs;
    Code **todo;
    size_t todo_count, todo_capacity;
    Cell **cells;
    size_t cell_count, cell_capacity;
    uint8_t *seen; // a bit per cell id
    size_t seen_bytes;
    bool no_memory;
} Search;

static const Reach nothing = {.count = 0};

static void add_code(Search *s, Code *code)
{
    if (code->reach_mark == s->cs->reach_mark || code->module == &s->cs->stubs) return;
    if (module_role(code->module) == ROLE_PURGED) return;
    code->reach_mark = s->cs->reach_mark;
    if (s->todo_count == s->todo_capacity) {
        size_t more = s->todo_capacity ? s->todo_capacity * 2 : 64;
        Code **todo = mem_realloc(MEM_SCRATCH, s->todo, s->todo_capacity * sizeof *todo,
                                  more * sizeof *todo);
        if (!todo) {
            s->no_memory = true;
            return;
        }
        s->todo = todo;
        s->todo_capacity = more;
    }
    s->todo[s->todo_count++] = code;
}

static void add_private(Search *s, Cell *c)
{
    if (s->cell_count == s->cell_capacity) {
        size_t more = s->cell_capacity ? s->cell_capacity * 2 : 16;
        Cell **cells = mem_realloc(MEM_SCRATCH, s->cells, s->cell_capacity * sizeof *cells,
                                   more * sizeof *cells);
        if (!cells) {
            s->no_memory = true;
            return;
        }
        s->cells = cells;
        s->cell_capacity = more;
    }
    s->cells[s->cell_count++] = c;
}

// Procedures inside a shared value: itself, and what its closures captured.
static void add_value(Search *s, Value v)
{
    if (!value_is_proc(v)) return;
    Proc *p = value_proc(v);
    Code *code = proc_code(p);
    if (code->module == &s->cs->stubs) return;
    add_code(s, code);
    for (size_t i = 0; i + 1 < header_words(p->header); i++) {
        // Captures of a shared closure are shared and nest at most as deep as code_share allows.
        add_value(s, p->free[i]);
    }
}

static void add_cell(Search *s, Cell *c)
{
    if (s->seen[c->id / 8] >> (c->id % 8) & 1) return;
    s->seen[c->id / 8] |= (uint8_t)(1 << (c->id % 8));
    Value v = cell_value(c);
    if (value_is(v, V_PRIVATE)) {
        add_private(s, c);
    } else {
        add_value(s, v);
    }
}

static void search_code(Search *s, Code *code)
{
    LoadedModule *m = code->module;
    const ImageCode *row = &m->view.codes[code->index];
    const uint64_t *word = m->words + row->start, *end = word + row->count;

    while (word < end) {
        Insn in = insn_from_word(*word);
        const uint64_t *ext = word + 1;
        for (const char *e = op_info[in.op].ext; *e; e++, ext++) {
            if (*e == 'c') add_cell(s, (Cell *)*ext);
            if (*e == 'f') add_code(s, (Code *)*ext);
            if (*e == 'l') add_value(s, (Value){*ext});
        }
        if (in.op == OP_CALL || in.op == OP_TCALL) {
            Code *callee = code_at(s->cs, word + insn_wide(in));
            if (callee) add_code(s, callee);
        }
        word += insn_words(in);
    }
}

static int by_id(const void *a, const void *b)
{
    const Cell *x = *(Cell *const *)a, *y = *(Cell *const *)b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static Reach *keep_result(Search *s, Code *code, uint64_t epoch)
{
    Reach *old = atomic_load_explicit(&code->reach, memory_order_relaxed);
    size_t bytes = s->cell_count * sizeof *s->cells;

    if (s->cell_count > 0) qsort(s->cells, s->cell_count, sizeof *s->cells, by_id);
    if (old && old->count == s->cell_count && (bytes == 0 || memcmp(old->cells, s->cells, bytes) == 0)) {
        atomic_store_explicit(&old->epoch, epoch, memory_order_release);
        return old;
    }
    // The old result may be in use by another thread and is small: it stays until the end, with the
    // space it lies in.
    Reach *r = space_shared(s->cs->space, sizeof *r + bytes);
    if (!r) return NULL;
    atomic_store_explicit(&r->epoch, epoch, memory_order_relaxed);
    r->count = (uint32_t)s->cell_count;
    if (bytes > 0) memcpy(r->cells, s->cells, bytes);
    atomic_store_explicit(&code->reach, r, memory_order_release);
    return r;
}

static const Reach *search(CodeSpace *cs, Code *code, uint64_t epoch)
{
    Search s = {.cs = cs, .seen_bytes = cs->cell_count / 8 + 1};
    const Reach *result = NULL;

    s.seen = mem_zalloc(MEM_SCRATCH, s.seen_bytes);
    if (!s.seen) return NULL;
    cs->reach_mark++;
    add_code(&s, code);
    while (s.todo_count > 0 && !s.no_memory) {
        search_code(&s, s.todo[--s.todo_count]);
    }
    if (!s.no_memory) result = keep_result(&s, code, epoch);
    mem_free(MEM_SCRATCH, s.seen, s.seen_bytes);
    mem_free(MEM_SCRATCH, s.todo, s.todo_capacity * sizeof *s.todo);
    mem_free(MEM_SCRATCH, s.cells, s.cell_capacity * sizeof *s.cells);
    return result;
}

const Reach *code_reach(CodeSpace *cs, Code *code)
{
    Reach *r = atomic_load_explicit(&code->reach, memory_order_acquire);
    uint64_t epoch = atomic_load_explicit(&cs->epoch, memory_order_acquire);

    if (LIKELY(r && atomic_load_explicit(&r->epoch, memory_order_acquire) == epoch)) return r;
    if (code->module == &cs->stubs) return &nothing;
    plat_lock(&cs->lock);
    const Reach *result = search(cs, code, epoch);
    plat_unlock(&cs->lock);
    return result;
}
