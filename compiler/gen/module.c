// One module: every procedure's code, then the calls between them, then the tables.
#include "compiler/gen/gen.h"

#include "compiler/diag.h"
#include "vm/base/check.h"
#include "vm/base/mem.h"

#include <string.h>

// Procedures whose tree is larger may have branches that do not fit 16 bits.
#define NEAR_SIZE_MAX 6000

// A direct call that waits for its target.
struct CallFixup {
    struct CallFixup *next;
    uint32_t pc; // in the module
    Function *fn;
    uint32_t clause;
};

typedef struct {
    Gen gen;
    struct CallFixup *fixups;
} ModuleGen;

static ModuleGen *module_of(Gen *g)
{
    return container_of(g, ModuleGen, gen);
}

void gen_note_call(Gen *g, uint32_t pc, Function *f, uint32_t clause)
{
    ModuleGen *m = module_of(g);
    struct CallFixup *fixup = arena_new(&g->c->unit, struct CallFixup);

    *fixup = (struct CallFixup){m->fixups, g->base_pc + pc, f, clause};
    m->fixups = fixup;
}

// ---- a procedure ----------------------------------------------------------------------------------

static void start_clause(Gen *g)
{
    memset(&g->used, 0, sizeof g->used);
    memset(&g->set, 0, sizeof g->set);
    memset(&g->held, 0, sizeof g->held);
    memset(g->owner, 0, sizeof g->owner);
    g->frame = 0;
    g->last_label = UINT32_MAX;
    g->live = true;
}

static void entry_row(Gen *g)
{
    ImageSafe row = {.pc = g->base_pc + gen_pc(g)};
    buf_bytes(&g->safe, &row, sizeof row);
}

static void gen_clause(Gen *g, uint32_t index)
{
    Function *f = g->fn;
    Clause *clause = &f->clauses[index];
    bool self = f->free_count > 0, last = index + 1 == f->clause_count;
    uint32_t params = clause->required + clause->rest, skip = 0;

    start_clause(g);
    gen_count_uses(g, f, clause);
    if (!last) {
        skip = gen_pc(g);
        gen_emit(g, OP_ARGC, clause->required, clause->rest, 0);
    }
    entry_row(g);
    gen_emit(g, OP_ENTRY, clause->required,
             (clause->rest ? ENTRY_REST : 0) | (self ? ENTRY_SELF : 0), 0);
    uint32_t enter = gen_pc(g);
    f->enter[index] = g->base_pc + enter;
    for (uint32_t i = 0; i < params; i++) {
        gen_occupy(g, i);
    }
    if (self) gen_occupy(g, params);
    gen_safepoint(g, f->span);
    gen_emit(g, OP_ENTER, 0, params + self, 0);
    for (uint32_t i = 0; i < params; i++) {
        gen_bind(g, clause->params[i], i);
    }
    if (self) gen_bind(g, f->self, params);
    gen_expr(g, clause->body, (To){TO_RETURN, NO_SLOT});
    if (!g->words.failed && !g->failed) {
        Insn in = {.op = OP_ENTER, .a = (uint16_t)g->frame, .b = (uint16_t)(params + self)};
        uint64_t word = insn_to_word(in);
        memcpy(g->words.data + (size_t)enter * 8, &word, sizeof word);
        if (!last) gen_patch(g, skip, gen_pc(g));
    }
}

static bool is_large(const Function *f)
{
    for (uint32_t i = 0; i < f->clause_count; i++) {
        if (node_size(f->clauses[i].body, NEAR_SIZE_MAX) >= NEAR_SIZE_MAX) return true;
    }
    return false;
}

static void gen_function(Gen *g, Function *f)
{
    Buf *words = &g->out->sections[SECTION_WORDS];
    ImageCode row = {.free_count = (uint16_t)f->free_count,
                     .clause_count = (uint16_t)f->clause_count};

    g->fn = f;
    g->far_ = is_large(f);
    g->base_pc = (uint32_t)(words->size / 8);
    buf_clear(&g->words);
    f->enter = arena_array(&g->c->unit, uint32_t, f->clause_count);
    for (uint32_t i = 0; i < f->clause_count && !g->failed; i++) {
        gen_clause(g, i);
    }
    if (f->name) row.name = module_writer_text(g->out, f->name->text, f->name->size);
    if (f->span.source) {
        Place at = source_place(f->span.source, f->span.start);
        row.line = at.line;
        row.column = at.column;
    }
    row.start = g->base_pc;
    row.count = gen_pc(g);
    buf_bytes(words, g->words.data, g->words.size);
    buf_bytes(&g->out->sections[SECTION_CODES], &row, sizeof row);
    if (g->words.failed) words->failed = true;
}

static void patch_calls(ModuleGen *m)
{
    Buf *words = &m->gen.out->sections[SECTION_WORDS];

    for (struct CallFixup *f = m->fixups; f && !words->failed; f = f->next) {
        uint64_t word;
        memcpy(&word, words->data + (size_t)f->pc * 8, sizeof word);
        Insn in = insn_from_word(word);
        insn_set_wide(&in, (int32_t)((int64_t)f->fn->enter[f->clause] - (int64_t)f->pc));
        word = insn_to_word(in);
        memcpy(words->data + (size_t)f->pc * 8, &word, sizeof word);
    }
}

// ---- the module -----------------------------------------------------------------------------------

static void write_head(Gen *g, Module *m, Program *p)
{
    ImageModule *head = &g->out->head;
    const Source *source = m->span.source;

    head->name = module_writer_text(g->out, m->name->text, m->name->size);
    head->flags = (m->program ? MODULE_PROGRAM : 0) | (m->open ? MODULE_OPEN : 0) |
                  (g->c->privileged ? MODULE_STDLIB : 0);
    head->init_code = p->init->index;
    head->main_cell = m->main ? table_cell(g->tables, m->main) + 1 : 0;
    if (!source) return;
    head->source_path = module_writer_text(g->out, source->path, strlen(source->path));
    head->source = hash_content(source->text, source->size);
}

bool gen_module(Compiler *c, Module *m, Program *p, ModuleWriter *out)
{
    ModuleGen *mg = mem_must_alloc(MEM_COMPILER, sizeof *mg);
    Gen *g = &mg->gen;

    memset(mg, 0, sizeof *mg);
    g->c = c;
    g->module = m;
    g->out = out;
    g->tables = tables_new(c, out);
    g->init = p->init;
    for (Function *f = p->first; f && !g->failed; f = f->next) {
        gen_function(g, f);
    }
    bool ok = !g->failed;
    if (ok) {
        patch_calls(mg);
        write_head(g, m, p);
        buf_bytes(&out->sections[SECTION_SAFE], g->safe.data, g->safe.size);
        buf_bytes(&out->sections[SECTION_LABELS], g->labels.data, g->labels.size);
        ok = table_finish(g->tables) && !g->safe.failed && !g->labels.failed;
        if (!ok) diag_at(c->diag, DIAG_ERROR, m->span, "out of memory");
    }
    tables_free(g->tables);
    buf_free(&g->words);
    buf_free(&g->safe);
    buf_free(&g->labels);
    mem_free(MEM_COMPILER, mg, sizeof *mg);
    return ok;
}
