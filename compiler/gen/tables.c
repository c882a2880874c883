// What code words name by index: literals, cells, natives. Equal literals are one.
#include "compiler/gen/gen.h"

#include "vm/base/hash.h"
#include "vm/base/map.h"

#include <string.h>

enum {
#define TERM(name, number, text) TERM_##name = number,
#include "vm/image/term.def"
};

struct Tables {
    Compiler *c;
    ModuleWriter *out;
    Map by_content; // hash of a literal's bytes -> {index + 1}
    Map by_cell;    // address of a Global -> {index}
    Map by_native;  // 1 + primitive -> {index}
    uint32_t literal_count;
    uint32_t *literal_at; // offset of each in the section
    uint32_t literal_capacity;
    Buf scratch;
    bool failed;
};

struct Tables *tables_new(Compiler *c, ModuleWriter *out)
{
    struct Tables *t = mem_must_alloc(MEM_COMPILER, sizeof *t);
    *t = (struct Tables){.c = c, .out = out, .scratch = BUF_INIT};
    return t;
}

void tables_free(struct Tables *t)
{
    map_free(&t->by_content, MEM_COMPILER);
    map_free(&t->by_cell, MEM_COMPILER);
    map_free(&t->by_native, MEM_COMPILER);
    mem_free(MEM_COMPILER, t->literal_at, t->literal_capacity * sizeof *t->literal_at);
    buf_free(&t->scratch);
    mem_free(MEM_COMPILER, t, sizeof *t);
}

static MapEntry *add(struct Tables *t, Map *m, uint64_t key, bool *made)
{
    MapEntry *e = map_add(m, MEM_COMPILER, key, made);
    if (!e) t->failed = true;
    return e;
}

// ---- literals as terms ------------------------------------------------------------------------------

// Data that occur twice in one literal, or inside themselves, get a label.
typedef struct {
    struct Tables *t;
    Map seen; // address -> {times met, 1 + label}
    uint32_t labels;
    Buf *out;
} Terms;

static bool is_compound(const Stx *x)
{
    return x->kind == STX_PAIR || x->kind == STX_VECTOR;
}

static void note(Terms *w, Stx *x)
{
    while (is_compound(x)) {
        bool made;
        MapEntry *e = add(w->t, &w->seen, (uint64_t)x, &made);
        if (!e) return;
        e->a++;
        if (!made) return;
        if (x->kind == STX_VECTOR) {
            for (size_t i = 0; i < x->u.vector.count; i++) {
                note(w, x->u.vector.items[i]);
            }
            return;
        }
        note(w, x->u.pair.car);
        x = x->u.pair.cdr;
    }
}

static void write_term(Terms *w, Stx *x);

static MapEntry *labelled(Terms *w, const Stx *x)
{
    MapEntry *e = is_compound(x) ? map_find(&w->seen, (uint64_t)x) : NULL;
    return e && e->a > 1 ? e : NULL;
}

static void write_list(Terms *w, Stx *x)
{
    uint64_t n = 1;
    Stx *last = x->u.pair.cdr;

    for (; last->kind == STX_PAIR && !labelled(w, last); last = last->u.pair.cdr) {
        n++;
    }
    buf_u8(w->out, TERM_LIST);
    buf_varint(w->out, n);
    for (; n > 0; n--, x = x->u.pair.cdr) {
        write_term(w, x->u.pair.car);
    }
    write_term(w, last);
}

static void write_vector(Terms *w, const Stx *x)
{
    buf_u8(w->out, TERM_VECTOR);
    buf_varint(w->out, x->u.vector.count);
    for (size_t i = 0; i < x->u.vector.count; i++) {
        write_term(w, x->u.vector.items[i]);
    }
}

static void write_text(Buf *out, uint8_t tag, const char *text, size_t size)
{
    buf_u8(out, tag);
    buf_block(out, text, size);
}

static void write_atom(Buf *out, const Stx *x)
{
    uint64_t bits;

    switch ((StxKind)x->kind) {
    case STX_NIL:
        buf_u8(out, TERM_NIL);
        break;
    case STX_BOOL:
        buf_u8(out, x->u.boolean ? TERM_TRUE : TERM_FALSE);
        break;
    case STX_CHAR:
        buf_u8(out, TERM_CHAR);
        buf_varint(out, x->u.scalar);
        break;
    case STX_INT:
        buf_u8(out, TERM_INT);
        buf_svarint(out, x->u.integer);
        break;
    case STX_FLOAT:
        memcpy(&bits, &x->u.real, sizeof bits);
        buf_u8(out, TERM_FLOAT);
        buf_u64(out, bits);
        break;
    case STX_NUMBER:
        write_text(out, TERM_NUMTEXT, x->u.text.text, x->u.text.size);
        break;
    case STX_STRING:
        write_text(out, TERM_STRING, x->u.text.text, x->u.text.size);
        break;
    case STX_SYMBOL:
        write_text(out, TERM_SYMBOL, x->u.symbol->text, x->u.symbol->size);
        break;
    case STX_BYTES:
        write_text(out, TERM_BYTES, (const char *)x->u.bytes.data, x->u.bytes.size);
        break;
    case STX_EOF:
        buf_u8(out, TERM_EOF);
        break;
    case STX_OBJECT: // an expression by now: forms_eval.c
    case STX_DEFAULT:
        buf_u8(out, TERM_DEFAULT);
        break;
    case STX_UNSPECIFIED:
    case STX_PAIR:
    case STX_VECTOR:
        buf_u8(out, TERM_UNSPECIFIED);
        break;
    }
}

static void write_term(Terms *w, Stx *x)
{
    MapEntry *e = labelled(w, x);

    if (e && e->b) {
        buf_u8(w->out, TERM_REF);
        buf_varint(w->out, e->b - 1);
        return;
    }
    if (e) {
        e->b = ++w->labels;
        buf_u8(w->out, TERM_LABEL);
    }
    if (x->kind == STX_PAIR) {
        write_list(w, x);
    } else if (x->kind == STX_VECTOR) {
        write_vector(w, x);
    } else {
        write_atom(w->out, x);
    }
}

static void encode(struct Tables *t, Stx *x)
{
    Terms w = {.t = t, .out = &t->scratch};

    buf_clear(&t->scratch);
    if (is_compound(x)) note(&w, x);
    write_term(&w, x);
    map_free(&w.seen, MEM_COMPILER);
}

// ---- tables ---------------------------------------------------------------------------------------

static uint32_t append_literal(struct Tables *t)
{
    Buf *section = &t->out->sections[SECTION_LITERALS];

    if (t->literal_count == t->literal_capacity) {
        uint32_t more = t->literal_capacity ? t->literal_capacity * 2 : 64;
        t->literal_at = mem_must_realloc(MEM_COMPILER, t->literal_at,
                                         t->literal_capacity * sizeof *t->literal_at,
                                         more * sizeof *t->literal_at);
        t->literal_capacity = more;
    }
    t->literal_at[t->literal_count] = (uint32_t)section->size;
    buf_bytes(section, t->scratch.data, t->scratch.size);
    return t->literal_count++;
}

static bool same_bytes(const struct Tables *t, uint32_t index)
{
    const Buf *section = &t->out->sections[SECTION_LITERALS];
    size_t from = t->literal_at[index];
    size_t to = index + 1 < t->literal_count ? t->literal_at[index + 1] : section->size;

    return to - from == t->scratch.size && !memcmp(section->data + from, t->scratch.data, to - from);
}

uint32_t table_literal(struct Tables *t, Stx *x)
{
    bool made;

    encode(t, x);
    uint64_t key = hash_bytes(t->scratch.data, t->scratch.size, 7) | 1;
    MapEntry *e = add(t, &t->by_content, key, &made);
    if (!e || t->scratch.failed) return 0;
    if (!made && same_bytes(t, (uint32_t)e->a)) return (uint32_t)e->a;
    uint32_t index = append_literal(t);
    if (made) e->a = index;
    return index;
}

uint32_t table_cell(struct Tables *t, Global *g)
{
    Buf *section = &t->out->sections[SECTION_CELLS];
    bool made;
    MapEntry *e = add(t, &t->by_cell, (uint64_t)g, &made);

    if (!e) return 0;
    if (!made) return (uint32_t)e->a;
    ImageCell row = {.name = module_writer_text(t->out, g->name->text, g->name->size)};
    e->a = section->size / sizeof row;
    row.flags = (g->assigned ? CELL_ASSIGNED : 0) | (g->open ? CELL_OPEN : 0);
    if (g->here) {
        row.flags |= CELL_HERE | (g->needed ? CELL_EXPORTED : 0);
    } else {
        row.module = module_writer_text(t->out, g->module->text, g->module->size);
    }
    buf_bytes(section, &row, sizeof row);
    return (uint32_t)e->a;
}

uint32_t table_native(struct Tables *t, uint16_t prim)
{
    Buf *section = &t->out->sections[SECTION_NATIVES];
    bool made;
    MapEntry *e = add(t, &t->by_native, (uint64_t)prim + 1, &made);

    if (!e) return 0;
    if (!made) return (uint32_t)e->a;
    ImageNative row = {.prim = prim};
    e->a = section->size / sizeof row;
    buf_bytes(section, &row, sizeof row);
    return (uint32_t)e->a;
}

bool table_finish(struct Tables *t)
{
    t->out->head.literal_count = t->literal_count;
    return !t->failed && !t->scratch.failed;
}
