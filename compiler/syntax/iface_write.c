// Writing an interface. See iface_bytes.h for the format.
//
// Rows are collected first, then everything is laid out in one go. Order is that of definition and
// export, so equal modules give equal bytes.
#include "compiler/syntax/iface_bytes.h"

#include "vm/base/mem.h"

#include <string.h>

typedef struct {
    Expander *x;
    Iface *iface;
    NameTable numbers; // of strings: 1 + index
    uint32_t string_count;
    Buf strings;                    // (offset, size) pairs
    Buf exports, definitions, rows; // words
    Buf blob;
} Writer;

static uint32_t string_number(Writer *w, Sym *s)
{
    uintptr_t known = (uintptr_t)names_get(&w->numbers, s, 0);

    if (!known) {
        known = ++w->string_count;
        names_put(&w->numbers, s, 0, (void *)known);
        buf_u32(&w->strings, (uint32_t)w->blob.size);
        buf_u32(&w->strings, s->size);
        buf_bytes(&w->blob, s->text, s->size);
    }
    return (uint32_t)known - 1;
}

static uint32_t export_kind(const Binding *b)
{
    return b->kind == BIND_GLOBAL ? EXPORT_VARIABLE
           : b->kind == BIND_FORM ? EXPORT_FORM
                                  : EXPORT_MACRO;
}

static void write_exports(Writer *w)
{
    for (uint32_t i = 0; i < w->iface->exported.count; i++) {
        Sym *name = w->iface->exported.items[i], *module, *target;
        const Binding *b = names_get(&w->iface->exports, name, 0);
        binding_identity(w->x, b, &module, &target);
        CHECK(module, "export %s has no home", name->text);
        buf_u32(&w->exports, string_number(w, name));
        buf_u32(&w->exports, string_number(w, module));
        buf_u32(&w->exports, string_number(w, target));
        buf_u32(&w->exports, export_kind(b));
    }
}

static void write_facts(Buf *b, const Global *g)
{
    buf_u8(b, (uint8_t)((g->assigned ? FACT_ASSIGNED : 0) | (g->type ? FACT_TYPE : 0)));
    buf_svarint(b, g->min_args);
    buf_svarint(b, g->max_args);
    buf_u8(b, g->inline_core != NULL);
    if (g->inline_core) buf_block(b, g->inline_core, g->inline_size);
}

// A variable that neither an export nor a macro names stays private to its module.
static bool is_wanted(const Iface *iface, const Global *g)
{
    return g->module == iface->name && (g->needed || g->inline_core);
}

static void write_definitions(Writer *w)
{
    for (uint32_t i = 0; i < w->iface->defined.count; i++) {
        Sym *name = w->iface->defined.items[i];
        const Binding *b = names_get(&w->iface->definitions, name, 0);
        size_t offset = w->blob.size;
        bool macro = b->kind == BIND_MACRO;
        if (macro && b->u.macro->sealed) {
            buf_bytes(&w->blob, b->u.macro->bytes, b->u.macro->size);
        } else if (b->kind == BIND_GLOBAL && is_wanted(w->iface, b->u.global)) {
            write_facts(&w->blob, b->u.global);
        } else {
            continue;
        }
        size_t size = w->blob.size - offset;
        buf_u32(&w->definitions, string_number(w, name));
        buf_u32(&w->definitions, macro);
        buf_u32(&w->definitions, (uint32_t)offset);
        buf_u32(&w->definitions, (uint32_t)size);
    }
}

// A set as its scopes, oldest first: module and number of each.
static uint32_t write_set(Writer *w, uint32_t set)
{
    Expander *x = w->x;
    uint32_t size = set_node(x, set)->size;
    uint32_t *scopes = mem_must_alloc(MEM_COMPILER, (size + 1) * sizeof(uint32_t));
    Buf b = BUF_INIT;

    for (uint32_t i = size; i > 0; set = set_node(x, set)->parent) {
        scopes[--i] = set_node(x, set)->scope;
    }
    buf_varint(&b, size);
    for (uint32_t i = 0; i < size; i++) {
        const ScopeInfo *info = &x->scopes[scopes[i]];
        buf_varint(&b, string_number(w, info->owner->name));
        buf_varint(&b, info->number);
    }
    mem_free(MEM_COMPILER, scopes, (size + 1) * sizeof(uint32_t));
    uint32_t offset = (uint32_t)w->blob.size;
    buf_bytes(&w->blob, b.data, b.size);
    buf_free(&b);
    return offset;
}

static void write_row(Writer *w, const PermEntry *row)
{
    Sym *module, *target;

    binding_identity(w->x, row->binding, &module, &target);
    if (!module) return; // a broken definition
    uint32_t set = write_set(w, row->set);
    buf_u32(&w->rows, string_number(w, row->symbol));
    buf_u32(&w->rows, row->number);
    buf_u32(&w->rows, set);
    buf_u32(&w->rows, string_number(w, module));
    buf_u32(&w->rows, string_number(w, target));
    buf_u32(&w->rows, row->imported);
}

static void write_rows(Writer *w)
{
    for (uint32_t i = 0; i < w->iface->row_order.count; i++) {
        write_row(w, w->iface->row_order.items[i]);
    }
}

// ---- layout ------------------------------------------------------------------------------------

static Sym *string_at(const Writer *w, uint32_t number)
{
    uint32_t place[2];

    memcpy(place, w->strings.data + (size_t)number * 8, sizeof place);
    return sym_intern(w->x->c, (const char *)w->blob.data + place[0], place[1]);
}

// The slots of a table and then its rows. `number_word`: the word that is hashed with the name, or
// -1.
static void put_table(const Writer *w, const Buf *rows, unsigned words, int number_word, Buf *out)
{
    uint32_t count = (uint32_t)(rows->size / (words * 4)), slots = table_slots(count);
    uint32_t *table = mem_must_alloc(MEM_COMPILER, slots * sizeof(uint32_t));

    memset(table, 0, slots * sizeof(uint32_t));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t name, number = 0;
        memcpy(&name, rows->data + (size_t)i * words * 4, 4);
        if (number_word >= 0) {
            memcpy(&number, rows->data + ((size_t)i * words + (unsigned)number_word) * 4, 4);
        }
        uint32_t at = table_hash(string_at(w, name), number) & (slots - 1);
        while (table[at]) {
            at = (at + 1) & (slots - 1);
        }
        table[at] = i + 1;
    }
    buf_bytes(out, table, slots * sizeof(uint32_t));
    buf_bytes(out, rows->data, rows->size);
    mem_free(MEM_COMPILER, table, slots * sizeof(uint32_t));
}

static void lay_out(Writer *w, Buf *out)
{
    size_t start = out->size;
    uint32_t header[HEADER_WORDS] = {0};

    header[HEADER_MAGIC] = IFACE_MAGIC;
    header[HEADER_FLAGS] = (w->iface->privileged ? IFACE_PRIVILEGED : 0) |
                           (w->iface->sees_core ? IFACE_SEES_CORE : 0);
    header[HEADER_NAME] = string_number(w, w->iface->name);
    if (w->iface->defaults) header[HEADER_DEFAULTS] = 1 + string_number(w, w->iface->defaults);
    header[HEADER_SCOPES] = w->iface->scope_count;
    buf_bytes(out, header, sizeof header);
    header[HEADER_STRINGS] = (uint32_t)(out->size - start);
    header[HEADER_STRING_COUNT] = w->string_count;
    buf_bytes(out, w->strings.data, w->strings.size);
    header[HEADER_EXPORTS] = (uint32_t)(out->size - start);
    header[HEADER_EXPORT_COUNT] = (uint32_t)(w->exports.size / (EXPORT_WORDS * 4));
    put_table(w, &w->exports, EXPORT_WORDS, -1, out);
    header[HEADER_DEFINITIONS] = (uint32_t)(out->size - start);
    header[HEADER_DEFINITION_COUNT] = (uint32_t)(w->definitions.size / (DEFINITION_WORDS * 4));
    put_table(w, &w->definitions, DEFINITION_WORDS, -1, out);
    header[HEADER_ROWS] = (uint32_t)(out->size - start);
    header[HEADER_ROW_COUNT] = (uint32_t)(w->rows.size / (ROW_WORDS * 4));
    put_table(w, &w->rows, ROW_WORDS, ROW_NUMBER, out);
    header[HEADER_BLOB] = (uint32_t)(out->size - start);
    buf_bytes(out, w->blob.data, w->blob.size);
    header[HEADER_SIZE] = (uint32_t)(out->size - start);
    for (unsigned i = 0; i < HEADER_WORDS; i++) {
        buf_patch_u32(out, start + i * 4, header[i]);
    }
}

void iface_write(Compiler *c, Iface *iface, Buf *out)
{
    Writer w = {.x = expander_of(c),
                .iface = iface,
                .strings = BUF_INIT,
                .exports = BUF_INIT,
                .definitions = BUF_INIT,
                .rows = BUF_INIT,
                .blob = BUF_INIT};

    CHECK(!iface->loaded, "only a module of this session can be written");
    if (!iface->open) { // nobody imports an interactive module: its interface is an empty one
        write_exports(&w);
        write_definitions(&w);
        write_rows(&w);
    }
    lay_out(&w, out);
    names_free(&w.numbers);
    buf_free(&w.strings);
    buf_free(&w.exports);
    buf_free(&w.definitions);
    buf_free(&w.rows);
    buf_free(&w.blob);
}
