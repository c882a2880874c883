// Natives of Unicode text: normal forms, general categories, grapheme clusters (utf8proc).
//
// A string is normalized in pieces, each cut before a character that nothing before it combines with,
// so that a long string holds no worker for long. Marks are put into order here: utf8proc's own
// ordering takes quadratic time for many marks on one character.
#include "runtime/native/natives.h"

#include "vm/base/mem.h"

#include <string.h>
#include <utf8proc.h>

#define PIECE_CHARS   4096
#define DECOMPOSE_MAX 32 // no character has more; Unicode's longest is 18
#define CLASSES       256
#define FEW_MARKS     32

typedef struct {
    utf8proc_int32_t *chars;
    size_t size, capacity;
} Scalars;

enum { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD, FORMS };

static const unsigned decompose_options[FORMS] = {
    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE,
    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT,
};

// ---- pieces -------------------------------------------------------------------------------------

static bool is_between(uint32_t c, uint32_t first, uint32_t last)
{
    return c >= first && c <= last;
}

// A character that stays apart from what stands before it, in every form. Some are enough: Latin,
// Cyrillic, kana, ideographs and whole Hangul syllables, without their marks.
static bool starts_piece(uint32_t c)
{
    return c < 0x300 || is_between(c, 0x400, 0x482) || is_between(c, 0x3001, 0x3002) ||
           is_between(c, 0x3041, 0x3096) || is_between(c, 0x30A1, 0x30FA) ||
           is_between(c, 0x3400, 0x9FFF) || is_between(c, 0xAC00, 0xD7A3);
}

static size_t piece_end(Value s, size_t start)
{
    size_t n = string_length(s), end = start + MIN((size_t)PIECE_CHARS, n - start);

    while (end < n && !starts_piece(string_scalar(s, end))) {
        end++;
    }
    return end;
}

static bool reserve(Scalars *t, size_t more)
{
    if (t->capacity - t->size >= more) return true;
    size_t capacity = t->capacity ? 2 * t->capacity : PIECE_CHARS + DECOMPOSE_MAX;
    void *p = mem_realloc(MEM_SCRATCH, t->chars, t->capacity * sizeof *t->chars,
                          capacity * sizeof *t->chars);
    if (!p) return false;
    t->chars = p;
    t->capacity = capacity;
    return true;
}

static bool decompose(Scalars *t, Value s, size_t start, size_t end, unsigned options)
{
    int boundary = 0;

    for (size_t i = start; i < end; i++) {
        if (!reserve(t, DECOMPOSE_MAX)) return false;
        utf8proc_int32_t c = (utf8proc_int32_t)string_scalar(s, i);
        utf8proc_int32_t *out = t->chars + t->size;
        utf8proc_ssize_t n = utf8proc_decompose_char(c, out, DECOMPOSE_MAX,
                                                     (utf8proc_option_t)options, &boundary);
        if (n < 1 || n > DECOMPOSE_MAX) {
            *out = c;
            n = 1;
        }
        t->size += (size_t)n;
    }
    return true;
}

// ---- order --------------------------------------------------------------------------------------

static unsigned class_of(utf8proc_int32_t c)
{
    return (unsigned)utf8proc_get_property(c)->combining_class % CLASSES;
}

// Stable, by insertion: for a few.
static void order_few(utf8proc_int32_t *marks, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        utf8proc_int32_t c = marks[i];
        unsigned class = class_of(c);
        size_t k = i;
        for (; k > 0 && class_of(marks[k - 1]) > class; k--) {
            marks[k] = marks[k - 1];
        }
        marks[k] = c;
    }
}

// Stable, by counting.
static bool order_many(utf8proc_int32_t *marks, size_t n)
{
    size_t places[CLASSES + 1] = {0};
    utf8proc_int32_t *old = mem_alloc(MEM_SCRATCH, n * sizeof *old);

    if (!old) return false;
    memcpy(old, marks, n * sizeof *old);
    for (size_t i = 0; i < n; i++) {
        places[class_of(old[i]) + 1]++;
    }
    for (size_t class = 0; class < CLASSES; class ++) {
        places[class + 1] += places[class];
    }
    for (size_t i = 0; i < n; i++) {
        marks[places[class_of(old[i])]++] = old[i];
    }
    mem_free(MEM_SCRATCH, old, n * sizeof *old);
    return true;
}

// Every run of marks in the order of their classes.
static bool order(Scalars *t)
{
    for (size_t i = 0; i < t->size;) {
        size_t end = i;
        while (end < t->size && class_of(t->chars[end]) != 0) {
            end++;
        }
        if (end - i > FEW_MARKS) {
            if (!order_many(t->chars + i, end - i)) return false;
        } else {
            order_few(t->chars + i, end - i);
        }
        i = end + 1;
    }
    return true;
}

static bool normalize(Scalars *t, Value s, size_t start, size_t end, size_t form)
{
    if (!decompose(t, s, start, end, decompose_options[form]) || !order(t)) return false;
    if (form == FORM_NFD || form == FORM_NFKD) return true;
    utf8proc_ssize_t n = utf8proc_normalize_utf32(t->chars, (utf8proc_ssize_t)t->size,
                                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (n >= 0) t->size = (size_t)n;
    return n >= 0;
}

// (string form start): (text . next), a piece from start on in the form 0 NFC, 1 NFD, 2 NFKC or 3 NFKD,
// and where the next piece begins
NATIVE_FN(string_normalize)
{
    Heap *h = HEAP(a);
    Buf *text = &actor_worker(a)->text;
    Scalars t = {NULL, 0, 0};
    size_t form, start;

    (void)count;
    if (!value_is_string(args[0])) return fail_type(h, "string-normalize", "a string", args[0]);
    if (!native_index(args[1], FORMS, &form))
        return fail_type(h, "string-normalize", "a form", args[1]);
    if (!native_index(args[2], string_length(args[0]) + 1, &start))
        return fail_index(h, "string-normalize", args[2], "a string", string_length(args[0]));
    size_t end = piece_end(args[0], start);
    buf_clear(text);
    bool ok = normalize(&t, args[0], start, end, form);
    for (size_t i = 0; ok && i < t.size; i++) {
        buf_char(text, (uint32_t)t.chars[i]);
    }
    if (t.chars) mem_free(MEM_SCRATCH, t.chars, t.capacity * sizeof *t.chars);
    if (!ok || text->failed)
        return fail_text(h, ERR_HEAP_LIMIT, "string-normalize", "out of memory");
    native_charge_bytes(a, 16 * (end - start) + text->size);
    unsigned mark = heap_root_mark(h);
    Value *piece = heap_root(h, string_from_utf8(h, text->data, text->size));
    Value result = V_FAIL;
    if (!value_is(*piece, V_FAIL) && heap_reserve(h, 2))
        result = heap_cons(h, *piece, value_fix((int64_t)end));
    heap_unroot(h, mark);
    return result;
}

// ---- categories and clusters --------------------------------------------------------------------

// (char): the symbol of its general category
NATIVE_FN(char_category)
{
    (void)count;
    if (!value_is_char(args[0]))
        return fail_type(HEAP(a), "char-general-category", "a character", args[0]);
    const char *name = utf8proc_category_string((utf8proc_int32_t)value_scalar(args[0]));
    Value v = symbol_intern(&actor_vm(a)->symbols, name, strlen(name));
    if (value_is(v, V_FAIL))
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, "char-general-category",
                         "the table of symbols is full");
    return v;
}

// (string start): where the grapheme cluster ends that begins at start
NATIVE_FN(grapheme_end)
{
    utf8proc_int32_t state = 0;
    size_t start;

    (void)count;
    if (!value_is_string(args[0]))
        return fail_type(HEAP(a), "string-graphemes", "a string", args[0]);
    size_t n = string_length(args[0]);
    if (!native_index(args[1], n, &start))
        return fail_index(HEAP(a), "string-graphemes", args[1], "a string", n);
    size_t end = start + 1;
    while (end < n && !utf8proc_grapheme_break_stateful(
                          (utf8proc_int32_t)string_scalar(args[0], end - 1),
                          (utf8proc_int32_t)string_scalar(args[0], end), &state)) {
        end++;
    }
    native_charge_bytes(a, 16 * (end - start));
    return value_fix((int64_t)end);
}
