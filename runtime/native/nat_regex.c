// Natives of std.regex: PCRE2.
//
// A regular expression is its text and its flags, plain values that any actor may hold: what PCRE2
// makes of them is kept in a table of the process with a fixed number of places, of which the one
// that has not been used for longest is given to the next. It is counted, for it may be in use when
// it loses its place.
//
// Matching is limited in steps and memory, so that no pattern holds a worker for long; many matches
// in one text are found in slices.
#include "runtime/native/grapheme.h"
#include "runtime/native/natives.h"

#include "vm/base/mem.h"
#include "vm/base/utf8.h"
#include "vm/plat/plat.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>

#define PLACES         128
#define MATCH_LIMIT    1000000
#define HEAP_LIMIT_KIB 32768
#define PATTERN_MAX    65536
#define CALLOUT_LIMIT  10000000 // characters that callouts look at

enum {
    FLAG_ICASE = 1,
    FLAG_MULTILINE = 2,
    FLAG_NOSUBS = 4,
    FLAG_DOTALL = 8,
    FLAG_UNICODE = 16,
    FLAG_SRE = 32, // made of an SRE by srfi.115: PCRE2's own syntax, and callouts
    FLAG_ALL = 63
};

// What (?Cn) asks for.
enum { CALLOUT_BOUNDARY = 1, CALLOUT_NO_BOUNDARY = 2 };

typedef struct {
    uint32_t refs; // under the lock, one is the table's
    uint32_t flags;
    uint64_t used; // when it was taken last
    pcre2_code *code;
    size_t size;
    uint8_t text[];
} Compiled;

static struct {
    PlatLock lock;
    uint64_t clock;
    Compiled *places[PLACES];
} table;

// ---- compiled patterns
// ------------------------------------------------------------------------------

// The lock is held.
static void drop(Compiled *c)
{
    if (!c || --c->refs > 0) return;
    pcre2_code_free(c->code);
    mem_free(MEM_SCRATCH, c, sizeof *c + c->size);
}

static void release(Compiled *c)
{
    plat_lock(&table.lock);
    drop(c);
    plat_unlock(&table.lock);
}

static Compiled *find(const Buf *text, uint32_t flags)
{
    Compiled *found = NULL;

    plat_lock(&table.lock);
    for (unsigned i = 0; i < PLACES && !found; i++) {
        Compiled *c = table.places[i];
        if (c && c->flags == flags && c->size == text->size &&
            memcmp(c->text, text->data, text->size) == 0)
            found = c;
    }
    if (found) {
        found->refs++;
        found->used = ++table.clock;
    }
    plat_unlock(&table.lock);
    return found;
}

static void keep(Compiled *c)
{
    unsigned oldest = 0;

    plat_lock(&table.lock);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t used = table.places[i] ? table.places[i]->used : 0;
        if (used < (table.places[oldest] ? table.places[oldest]->used : 0)) oldest = i;
    }
    drop(table.places[oldest]);
    table.places[oldest] = c;
    c->refs++;
    c->used = ++table.clock;
    plat_unlock(&table.lock);
}

static uint32_t compile_options(uint32_t flags)
{
    if (flags & FLAG_SRE)
        return PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALLOW_EMPTY_CLASS;
    // As ECMAScript has it, as far as PCRE2 can.
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX |
                       PCRE2_MATCH_UNSET_BACKREF | PCRE2_ALLOW_EMPTY_CLASS;

    if (flags & FLAG_ICASE) options |= PCRE2_CASELESS;
    if (flags & FLAG_MULTILINE) options |= PCRE2_MULTILINE;
    if (flags & FLAG_NOSUBS) options |= PCRE2_NO_AUTO_CAPTURE;
    if (flags & FLAG_DOTALL) options |= PCRE2_DOTALL;
    if (flags & FLAG_UNICODE) options |= PCRE2_UCP;
    return options;
}

// NULL: *error and *offset (in bytes) say why; error 0 is memory.
static Compiled *compile(const Buf *text, uint32_t flags, int *error, size_t *offset)
{
    Compiled *c = mem_zalloc(MEM_SCRATCH, sizeof *c + text->size);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    *error = 0;
    if (!c || !context) goto failed;
    if (!(flags & FLAG_SRE))
        (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    c->code = pcre2_compile(text->data, text->size, compile_options(flags), error, offset, context);
    if (!c->code) goto failed;
    pcre2_compile_context_free(context);
    c->refs = 1;
    c->flags = flags;
    c->size = text->size;
    memcpy(c->text, text->data, text->size);
    keep(c);
    return c;

failed:
    if (context) pcre2_compile_context_free(context);
    if (c) mem_free(MEM_SCRATCH, c, sizeof *c + text->size);
    return NULL;
}

// Of the pattern in args[0] and the flags in args[1]. NULL: either the fault is set and *error is
// 0, or *error tells what is wrong with the pattern.
static Compiled *get_compiled(Actor *a, Value *args, int *error, size_t *offset)
{
    Buf *text = &actor_worker(a)->text;
    size_t flags;

    *error = 0;
    if (!value_is_string(args[0])) {
        (void)fail_type(HEAP(a), "regex", "a string", args[0]);
        return NULL;
    }
    if (!native_index(args[1], FLAG_ALL + 1, &flags)) {
        (void)fail_type(HEAP(a), "regex", "flags", args[1]);
        return NULL;
    }
    if (string_length(args[0]) > PATTERN_MAX) {
        (void)fail_type(HEAP(a), "regex", "a pattern of at most 65536 characters", args[0]);
        return NULL;
    }
    buf_clear(text);
    buf_reserve(text, 1);
    string_to_utf8(args[0], text);
    Compiled *c = text->failed ? NULL : find(text, (uint32_t)flags);
    if (!c && !text->failed) {
        c = compile(text, (uint32_t)flags, error, offset);
        actor_charge(a, 20 + text->size);
    }
    if (!c && *error == 0) (void)fail_text(HEAP(a), ERR_HEAP_LIMIT, "regex", "out of memory");
    return c;
}

// ---- what a pattern is
// --------------------------------------------------------------------------------

// ((name . group) ...) in front of *list.
static bool add_names(Heap *h, const Compiled *c, Value *list)
{
    uint32_t names = 0, entry_size = 0;
    PCRE2_SPTR entry = NULL;

    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMECOUNT, &names);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMEENTRYSIZE, &entry_size);
    (void)pcre2_pattern_info(c->code, PCRE2_INFO_NAMETABLE, &entry);
    unsigned mark = heap_root_mark(h);
    Value *name = heap_root(h, V_FALSE);
    bool ok = true;
    for (uint32_t i = 0; ok && i < names; i++, entry += entry_size) {
        *name = string_from_text(h, (const char *)entry + 2);
        ok = !value_is(*name, V_FAIL) && heap_reserve(h, 4);
        if (!ok) break;
        Value pair = heap_cons(h, *name, value_fix(entry[0] << 8 | entry[1]));
        *list = heap_cons(h, pair, *list);
    }
    heap_unroot(h, mark);
    return ok;
}

static Value error_text(Heap *h, int error)
{
    PCRE2_UCHAR text[256];

    if (pcre2_get_error_message(error, text, sizeof text) < 0)
        return string_from_text(h, "unknown error");
    return string_from_text(h, (const char *)text);
}

// (pattern flags): (groups (name . group) ...); (message . byte-offset) when the pattern is wrong
NATIVE_FN(regex_compile)
{
    Heap *h = HEAP(a);
    size_t offset = 0;
    uint32_t groups = 0;
    int error;
    Value result = V_FAIL;

    (void)count;
    Compiled *c = get_compiled(a, args, &error, &offset);
    unsigned mark = heap_root_mark(h);
    Value *slot = heap_root(h, V_NIL);
    if (c) {
        (void)pcre2_pattern_info(c->code, PCRE2_INFO_CAPTURECOUNT, &groups);
        if (add_names(h, c, slot) && heap_reserve(h, 2))
            result = heap_cons(h, value_fix(groups), *slot);
        release(c);
    } else if (error != 0) {
        *slot = error_text(h, error);
        if (!value_is(*slot, V_FAIL) && heap_reserve(h, 2))
            result = heap_cons(h, *slot, value_fix((int64_t)offset));
    }
    heap_unroot(h, mark);
    return result;
}

// ---- matching
// -----------------------------------------------------------------------------------------

enum { M_PATTERN, M_FLAGS, M_SUBJECT, M_START, M_BYTE, M_EMPTY, M_FULL, M_MAX, M_FOUND };

typedef struct {
    Actor *a;
    Value *args;
    pcre2_match_data *data;
    pcre2_match_context *context;
    const Compiled *compiled;
    size_t length; // of the subject, in bytes
    size_t at, at_char;
    bool after_empty; // the last match was empty, and here
    bool checked;     // the subject is UTF-8
    size_t steps;     // of callouts
} Matcher;

static const uint8_t *subject(const Matcher *m)
{
    return bytes_data(value_bytes(m->args[M_SUBJECT]));
}

// Boundaries of grapheme clusters, which PCRE2 cannot ask for.
static int call_out(pcre2_callout_block *block, void *data)
{
    Matcher *m = data;
    bool boundary = grapheme_is_boundary(block->subject, block->subject_length,
                                         block->current_position, &m->steps);

    if (m->steps > CALLOUT_LIMIT) return PCRE2_ERROR_MATCHLIMIT;
    return boundary == (block->callout_number == CALLOUT_BOUNDARY) ? 0 : 1;
}

static int match_once(Matcher *m)
{
    uint32_t options = m->checked ? PCRE2_NO_UTF_CHECK : 0;

    if (value_true(m->args[M_FULL])) options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    if (m->after_empty) options |= PCRE2_NOTEMPTY_ATSTART;
    return pcre2_match(m->compiled->code, subject(m), m->length, m->at, options, m->data,
                       m->context);
}

// Characters up to a byte, from a place where both are known.
static size_t char_of(const Matcher *m, size_t byte)
{
    const uint8_t *s = subject(m);

    return byte >= m->at ? m->at_char + utf8_count(s + m->at, byte - m->at)
                         : m->at_char - utf8_count(s + byte, m->at - byte);
}

// The match becomes a vector of starts and ends, #f for groups without any, in front of M_FOUND.
static bool note_match(Matcher *m)
{
    Heap *h = HEAP(m->a);
    uint32_t groups = pcre2_get_ovector_count(m->data);
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data);
    Value *words = heap_alloc(h, header_make(KIND_VECTOR, 2 * (size_t)groups));

    if (!words) return false;
    for (uint32_t i = 0; i < 2 * groups; i++) {
        bool there = places[i] <= m->length;
        words[1 + i] = there ? value_fix((int64_t)char_of(m, places[i])) : V_FALSE;
    }
    unsigned mark = heap_root_mark(h);
    Value *match = heap_root(h, value_from_words(words, TAG_OBJ));
    bool ok = heap_reserve(h, 2);
    if (ok) m->args[M_FOUND] = heap_cons(h, *match, m->args[M_FOUND]);
    heap_unroot(h, mark);
    // \K in a lookahead may put the start behind the end: never go back.
    size_t end = MAX(MAX(places[0], places[1]), m->at);
    actor_charge(m->a, 4 + (end - m->at) / 32 + groups);
    m->after_empty = places[0] == places[1];
    m->at_char = char_of(m, end);
    m->at = end;
    return ok;
}

typedef enum { FIND_ON, FIND_DONE, FIND_ERROR, FIND_FAILED } Find;

static Find find_next(Matcher *m, size_t *left, int *error)
{
    int result = match_once(m);

    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        actor_charge(m->a, 1000);
        *error = result;
        return FIND_ERROR;
    }
    m->checked = true;
    if (result < 0) {
        actor_charge(m->a, (m->length - m->at) / 32);
        return FIND_DONE;
    }
    if (!note_match(m)) return FIND_FAILED;
    return --*left > 0 ? FIND_ON : FIND_DONE;
}

static bool load(Matcher *m, size_t *left)
{
    Value *args = m->args;
    size_t start;

    if (!value_is_kind(args[M_SUBJECT], KIND_BYTEVECTOR)) {
        (void)fail_type(HEAP(m->a), "regex", "a bytevector", args[M_SUBJECT]);
        return false;
    }
    m->length = bytes_length(value_bytes(args[M_SUBJECT]));
    m->after_empty = value_true(args[M_EMPTY]);
    if (!native_size(args[M_START], &start) || !native_size(args[M_MAX], left) || *left == 0 ||
        !(value_is(args[M_BYTE], V_FALSE) || native_index(args[M_BYTE], m->length + 1, &m->at))) {
        (void)fail_type(HEAP(m->a), "regex", "a state", args[M_START]);
        return false;
    }
    m->at_char = start;
    if (!value_is(args[M_BYTE], V_FALSE)) return true;
    const uint8_t *s = subject(m);
    m->at = 0;
    // To the byte where that character begins.
    for (size_t n = 0; m->at < m->length; m->at++) {
        if ((s[m->at] & 0xc0) != 0x80 && n++ == start) break;
    }
    return true;
}

// (pattern flags utf8 start-char #f #f full? max ()): list of matches, the last one first, each a
// vector of starts and ends in characters; a message when a limit is reached.
NATIVE_FN(regex_find)
{
    Matcher m = {.a = a, .args = args};
    VmWorker *w = actor_worker(a);
    size_t left, offset;
    int error;
    Value v = V_FAIL;

    (void)count;
    if (!load(&m, &left)) return V_FAIL;
    Compiled *c = get_compiled(a, args, &error, &offset);
    if (!c) return error ? error_text(HEAP(a), error) : V_FAIL;
    m.compiled = c;
    m.data = pcre2_match_data_create_from_pattern(c->code, NULL);
    m.context = pcre2_match_context_create(NULL);
    Find how = FIND_FAILED;
    if (m.data && m.context) {
        (void)pcre2_set_match_limit(m.context, MATCH_LIMIT);
        (void)pcre2_set_heap_limit(m.context, HEAP_LIMIT_KIB);
        if (c->flags & FLAG_SRE) (void)pcre2_set_callout(m.context, call_out, &m);
        do {
            how = find_next(&m, &left, &error);
        } while (how == FIND_ON && w->reductions_left > 0);
    } else {
        (void)fail_text(HEAP(a), ERR_HEAP_LIMIT, "regex", "out of memory");
    }
    if (how == FIND_DONE) v = args[M_FOUND];
    if (how == FIND_ERROR) v = error_text(HEAP(a), error);
    if (how == FIND_ON) {
        args[M_START] = value_fix((int64_t)m.at_char);
        args[M_BYTE] = value_fix((int64_t)m.at);
        args[M_EMPTY] = value_bool(m.after_empty);
        args[M_MAX] = value_fix((int64_t)left);
        v = V_YIELD;
    }
    pcre2_match_context_free(m.context);
    pcre2_match_data_free(m.data);
    release(c);
    return v;
}
