// Reading an interface, piece by piece. See iface_bytes.h for the format.
//
// The bytes are not trusted. iface_load checks the header and that the tables lie within the bytes;
// whatever a row says is checked when the row is used, and what does not fit counts as not there.
// Nothing is reported from here: the importer then misses a name and says so.
#include "compiler/syntax/iface_bytes.h"

#include "vm/base/cur.h"

#include <string.h>

struct IfaceBytes {
    const uint8_t *bytes;
    size_t size;
    uint32_t header[HEADER_WORDS];
};

typedef struct IfaceBytes Loaded;

// ---- checked access ----------------------------------------------------------------------------

// A reader at an offset, with nothing to read when that is outside.
static Cur cur_at(const Loaded *l, uint64_t offset)
{
    if (offset > l->size) return (Cur){l->bytes, l->bytes, false};
    return cur_make(l->bytes + offset, l->size - offset);
}

static uint32_t word_at(const Loaded *l, uint64_t offset)
{
    Cur c = cur_at(l, offset);
    return cur_u32(&c);
}

static bool table_fits(const Loaded *l, uint32_t offset, uint32_t count, unsigned words,
                       bool hashed)
{
    if (count > l->size / 4) return false;
    uint64_t need = ((uint64_t)count * words + (hashed ? table_slots(count) : 0)) * 4;

    return offset <= l->size && need <= l->size - offset;
}

static bool string_place(const Loaded *l, uint32_t number, const char **text, uint32_t *size)
{
    if (number >= l->header[HEADER_STRING_COUNT]) return false;
    uint64_t at = l->header[HEADER_STRINGS] + (uint64_t)number * 8;
    uint64_t offset = (uint64_t)l->header[HEADER_BLOB] + word_at(l, at);
    *size = word_at(l, at + 4);
    Cur c = cur_at(l, offset);
    *text = (const char *)cur_bytes(&c, *size);
    return *text != NULL;
}

static Sym *string_symbol(Expander *x, const Loaded *l, uint32_t number)
{
    const char *text;
    uint32_t size;

    return string_place(l, number, &text, &size) ? sym_intern(x->c, text, size) : NULL;
}

static bool string_is(const Loaded *l, uint32_t number, const Sym *s)
{
    const char *text;
    uint32_t size;

    return string_place(l, number, &text, &size) && size == s->size &&
           memcmp(text, s->text, size) == 0;
}

// ---- tables ------------------------------------------------------------------------------------

typedef struct {
    uint32_t offset, count;
    unsigned words;
    int number_word; // hashed with the name, or -1
} Table;

static Table table_of(const Loaded *l, unsigned header, unsigned words, int number_word)
{
    return (Table){l->header[header], l->header[header + 1], words, number_word};
}

static uint64_t row_offset(const Table *t, uint32_t row)
{
    return t->offset + ((uint64_t)table_slots(t->count) + (uint64_t)row * t->words) * 4;
}

// Goes through the rows of a name. *probe is 0 at first; false when there is no further one.
static bool next_row(const Loaded *l, const Table *t, const Sym *name, uint32_t number,
                     uint32_t *probe, uint64_t *row)
{
    uint32_t slots = table_slots(t->count);
    uint32_t home = table_hash(name, number);

    while (*probe < slots) {
        uint32_t slot = word_at(l, t->offset + (uint64_t)((home + (*probe)++) & (slots - 1)) * 4);
        if (slot == 0 || slot > t->count) return false;
        *row = row_offset(t, slot - 1);
        if (t->number_word >= 0 && word_at(l, *row + (unsigned)t->number_word * 4) != number) {
            continue;
        }
        if (string_is(l, word_at(l, *row), name)) return true;
    }
    return false;
}

static Binding *target_of(Expander *x, const Loaded *l, uint32_t module, uint32_t name)
{
    Sym *m = string_symbol(x, l, module), *n = string_symbol(x, l, name);

    return m && n ? iface_target(x, m, n) : NULL;
}

// ---- exports -----------------------------------------------------------------------------------

Binding *loaded_export(Expander *x, Iface *iface, Sym *name)
{
    const Loaded *l = iface->loaded;
    Table t = table_of(l, HEADER_EXPORTS, EXPORT_WORDS, -1);
    uint32_t probe = 0;
    uint64_t row;

    if (!next_row(l, &t, name, 0, &probe, &row)) return NULL;
    Binding *b = target_of(x, l, word_at(l, row + EXPORT_MODULE * 4),
                           word_at(l, row + EXPORT_TARGET * 4));
    if (b) names_put(&iface->exports, name, 0, b);
    return b;
}

void loaded_each_export(Expander *x, Iface *iface, bool (*each)(void *, Sym *, ExportKind),
                        void *context)
{
    const Loaded *l = iface->loaded;
    Table t = table_of(l, HEADER_EXPORTS, EXPORT_WORDS, -1);

    for (uint32_t i = 0; i < t.count; i++) {
        uint64_t row = row_offset(&t, i);
        Sym *name = string_symbol(x, l, word_at(l, row));
        uint32_t kind = word_at(l, row + EXPORT_KIND * 4);
        if (!name || kind > EXPORT_FORM) continue;
        if (!each(context, name, (ExportKind)kind)) return;
    }
}

// ---- definitions -------------------------------------------------------------------------------

static Binding *read_global(Expander *x, Iface *iface, Sym *name, Cur c)
{
    Global *g = global_of(x, iface->name, name);
    uint8_t flags = cur_u8(&c);
    int64_t min = cur_svarint(&c), max = cur_svarint(&c);
    size_t size = 0;
    const uint8_t *inlined = cur_u8(&c) == 1 ? cur_block(&c, &size) : NULL;

    if (!c.ok || min < -1 || min > INT32_MAX || max < -1 || max > INT32_MAX) return NULL;
    if (g->defined) return binding_of_global(g); // known from before the module was forgotten
    g->defined = true;
    g->needed = true;
    g->assigned = flags & FACT_ASSIGNED;
    g->type = flags & FACT_TYPE;
    g->min_args = (int32_t)min;
    g->max_args = (int32_t)max;
    g->inline_core = inlined;
    g->inline_size = (uint32_t)size;
    return binding_of_global(g);
}

static Binding *read_macro(Expander *x, Iface *iface, Sym *name, Cur c)
{
    Macro *macro = arena_new(&x->c->permanent, Macro);

    macro->binding.kind = BIND_MACRO;
    macro->binding.u.macro = macro;
    macro->name = name;
    macro->home = iface;
    macro->frame = scope_of_module(x, iface, 0);
    macro->sealed = true;
    macro->bytes = c.at;
    macro->size = cur_left(&c);
    return &macro->binding;
}

Binding *loaded_definition(Expander *x, Iface *iface, Sym *name)
{
    const Loaded *l = iface->loaded;
    Table t = table_of(l, HEADER_DEFINITIONS, DEFINITION_WORDS, -1);
    uint32_t probe = 0;
    uint64_t row;

    if (!next_row(l, &t, name, 0, &probe, &row)) return NULL;
    Cur whole = cur_at(l,
                       (uint64_t)l->header[HEADER_BLOB] + word_at(l, row + DEFINITION_OFFSET * 4));
    uint32_t size = word_at(l, row + DEFINITION_SIZE * 4);
    const uint8_t *bytes = cur_bytes(&whole, size);
    if (!bytes) return NULL;
    bool macro = word_at(l, row + DEFINITION_MACRO * 4) == 1;
    Binding *b = macro ? read_macro(x, iface, name, cur_make(bytes, size))
                       : read_global(x, iface, name, cur_make(bytes, size));
    if (b) names_put(&iface->definitions, name, 0, b);
    return b;
}

// ---- rows --------------------------------------------------------------------------------------

// False when the bytes are no set.
static bool read_set(Expander *x, const Loaded *l, uint32_t offset, uint32_t *set)
{
    Cur c = cur_at(l, (uint64_t)l->header[HEADER_BLOB] + offset);
    uint64_t size = cur_count(&c, IFACE_SET_MAX);

    *set = 0;
    for (uint64_t i = 0; i < size && c.ok; i++) {
        Sym *module = string_symbol(x, l, (uint32_t)cur_count(&c, UINT32_MAX));
        uint32_t number = (uint32_t)cur_count(&c, IFACE_SCOPES_MAX);
        Iface *owner = module ? names_get(&x->modules, module, 0) : NULL;
        if (module && !owner) owner = iface_require(x->c, module, SPAN_NONE);
        if (!c.ok || !owner) return false;
        *set = set_add(x, *set, scope_of_module(x, owner, number));
    }
    return c.ok;
}

void loaded_rows(Expander *x, Iface *iface, Sym *symbol, uint32_t number)
{
    const Loaded *l = iface->loaded;
    Table t = table_of(l, HEADER_ROWS, ROW_WORDS, ROW_NUMBER);
    uint32_t probe = 0, set;
    uint64_t row;

    while (next_row(l, &t, symbol, number, &probe, &row)) {
        Binding *b = target_of(x, l, word_at(l, row + ROW_MODULE * 4),
                               word_at(l, row + ROW_TARGET * 4));
        if (!b || !read_set(x, l, word_at(l, row + ROW_SET * 4), &set)) continue;
        iface_add_row(x, iface, symbol, number, set, b, word_at(l, row + ROW_IMPORTED * 4) != 0);
    }
}

// ---- loading -----------------------------------------------------------------------------------

static bool header_good(const Loaded *l)
{
    const uint32_t *h = l->header;

    return h[HEADER_MAGIC] == IFACE_MAGIC && h[HEADER_SIZE] == l->size &&
           h[HEADER_SCOPES] <= IFACE_SCOPES_MAX && h[HEADER_BLOB] <= l->size &&
           table_fits(l, h[HEADER_STRINGS], h[HEADER_STRING_COUNT], 2, false) &&
           table_fits(l, h[HEADER_EXPORTS], h[HEADER_EXPORT_COUNT], EXPORT_WORDS, true) &&
           table_fits(l, h[HEADER_DEFINITIONS], h[HEADER_DEFINITION_COUNT], DEFINITION_WORDS,
                      true) &&
           table_fits(l, h[HEADER_ROWS], h[HEADER_ROW_COUNT], ROW_WORDS, true);
}

bool iface_load(Compiler *c, Sym *module, const uint8_t *bytes, size_t size)
{
    Expander *x = expander_of(c);
    Loaded l = {.bytes = bytes, .size = size};
    Cur cur = cur_make(bytes, size);

    for (unsigned i = 0; i < HEADER_WORDS; i++) {
        l.header[i] = cur_u32(&cur);
    }
    if (!cur.ok || !header_good(&l) || !string_is(&l, l.header[HEADER_NAME], module)) return false;
    Sym *defaults = NULL;
    if (l.header[HEADER_DEFAULTS]) {
        defaults = string_symbol(x, &l, l.header[HEADER_DEFAULTS] - 1);
        if (!defaults) return false;
    }
    Iface *iface = iface_new(x, module);
    iface->state = IFACE_READY;
    iface->privileged = l.header[HEADER_FLAGS] & IFACE_PRIVILEGED;
    iface->sees_core = l.header[HEADER_FLAGS] & IFACE_SEES_CORE;
    iface->defaults = defaults;
    iface->loaded = arena_new(&c->permanent, Loaded);
    *iface->loaded = l;
    return true;
}
