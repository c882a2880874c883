// See session.h: names, units, and the sources that live as long as the session.
#include "compiler/session.h"

#include "compiler/syntax/expand.h"
#include "vm/base/check.h"
#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

typedef struct SessionSource {
    Source source;
    struct SessionSource *next;
} SessionSource;

struct SymTable {
    Sym **slots;
    uint32_t slot_count, count;
    SessionSource *sources;
};

#define SLOTS_MIN 1024

static void grow_symbols(struct SymTable *t)
{
    uint32_t want = t->slot_count ? t->slot_count * 2 : SLOTS_MIN;
    Sym **slots = mem_must_alloc(MEM_COMPILER, want * sizeof *slots);

    memset(slots, 0, want * sizeof *slots);
    for (uint32_t i = 0; i < t->slot_count; i++) {
        for (Sym *s = t->slots[i], *next; s; s = next) {
            next = s->next;
            s->next = slots[s->hash & (want - 1)];
            slots[s->hash & (want - 1)] = s;
        }
    }
    mem_free(MEM_COMPILER, t->slots, t->slot_count * sizeof *slots);
    t->slots = slots;
    t->slot_count = want;
}

Sym *sym_intern(Compiler *c, const char *text, size_t size)
{
    struct SymTable *t = c->symbols;
    uint64_t hash = hash_bytes(text, size, 0); // the seed is part of the interface format

    for (Sym *s = t->slots[hash & (t->slot_count - 1)]; s; s = s->next) {
        if (s->hash == hash && s->size == size && memcmp(s->text, text, size) == 0) return s;
    }
    CHECK(size < UINT32_MAX && t->count < UINT32_MAX, "too many names");
    if (t->count == t->slot_count) grow_symbols(t);
    Sym *s = arena_new(&c->permanent, Sym);
    s->text = arena_text(&c->permanent, text, size);
    s->size = (uint32_t)size;
    s->id = t->count++;
    s->hash = hash;
    s->next = t->slots[hash & (t->slot_count - 1)];
    t->slots[hash & (t->slot_count - 1)] = s;
    return s;
}

void session_init(Compiler *c, const CompilerHost *host, Diag *diag)
{
    *c = (Compiler){.permanent = ARENA_INIT, .unit = ARENA_INIT, .host = host, .diag = diag};
    c->symbols = arena_new(&c->permanent, struct SymTable);
    grow_symbols(c->symbols);
    expander_init(c);
}

void session_free(Compiler *c)
{
    CHECK(c->units == 0, "a unit is open");
    expander_free(c);
    for (SessionSource *s = c->symbols->sources; s; s = s->next) {
        source_free(&s->source);
    }
    mem_free(MEM_COMPILER, c->symbols->slots, c->symbols->slot_count * sizeof(Sym *));
    arena_free(&c->unit);
    arena_free(&c->permanent);
    *c = (Compiler){0};
}

void unit_begin(Compiler *c, UnitFrame *frame)
{
    *frame = (UnitFrame){.unit = c->unit, .next_var_id = c->next_var_id};
    c->unit = (Arena)ARENA_INIT;
    c->next_var_id = 0;
    c->units++;
    expander_enter_unit(c);
}

void unit_end(Compiler *c, UnitFrame *frame)
{
    CHECK(c->units > 0, "no unit is open");
    expander_leave_unit(c);
    arena_free(&c->unit);
    c->unit = frame->unit;
    c->next_var_id = frame->next_var_id;
    c->units--;
}

const Source *session_source(Compiler *c, const char *path, const char **why, size_t *where)
{
    SessionSource *s = arena_new(&c->permanent, SessionSource);
    const char *kept = arena_text(&c->permanent, path, strlen(path));

    if (!source_read(&s->source, kept, why, where)) return NULL;
    s->next = c->symbols->sources;
    c->symbols->sources = s;
    return &s->source;
}
