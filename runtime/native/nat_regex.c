// Natives of std.regex: PCRE2.
//
// A regular expression is its text and its flags, plain values that any actor may hold: what PCRE2
// makes of them is kept in a table of the process with a fixed number of places, of which the one
// that has not been used for longest is given to the next. It is counted, for it may be in use when
// it loses its place.
//
// Matching is limited in steps and memory, so that no pattern holds a worker for long; many matches
// in one text are found in slices. PCRE2 counts the steps from one place at which a match could begin:
// there are as many as the text has characters, so that a long text is searched in windows of such
// places, which are as long as they can be for what they take, and all of them together may not take
// more than so much time.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE // memmem
#endif
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

#define WINDOW_MIN     256          // bytes that are searched at once
#define WINDOW_FIRST   16           // places of the first window, at most
#define WINDOW_WORK    4194304      // places times bytes of the first window, at most
#define WINDOW_SHORT   200000       // nanoseconds: the next may be longer
#define WINDOW_LONG    1000000      // the next is to be shorter
#define PASS_NS        2            // what going over one byte takes at most
#define CALLOUT_MAX    10000000     // characters that callouts look at while PCRE2 runs
#define SEARCH_MAX_NS  10000000000u // for one match
#define WINDOW_ENDED   0            // what match_once gives when there is none in a window

enum {
    FLAG_ICASE = 1,
    FLAG_MULTILINE = 2,
    FLAG_NOSUBS = 4,
    FLAG_DOTALL = 8,
    FLAG_UNICODE = 16,
    FLAG_WHOLE = 32, // the pattern must match all of the subject; added by a search
    FLAG_SRE = 64,   // made of an SRE by srfi.115: PCRE2's own syntax, and callouts
    FLAGS_END = 128
};

// What (?Cn) in an SRE asks for: a boundary of grapheme clusters, or none.
enum { CALLOUT_BOUNDARY = 1 };

typedef struct {
    uint32_t refs; // under the lock, one is the table's
    uint32_t flags;
    uint64_t used;   // when it was taken last
    bool in_windows; // a search may begin again at any place: there is no \G
    pcre2_code *code;
    pcre2_match_context *limits;
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
    pcre2_match_context_free(c->limits);
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

// As ECMAScript has it, as far as PCRE2 can.
#define LIKE_ECMA (PCRE2_DOLLAR_ENDONLY | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF)

static uint32_t compile_options(uint32_t flags)
{
    uint32_t options = PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_ALLOW_EMPTY_CLASS |
                       PCRE2_USE_OFFSET_LIMIT;

    options |= flags & FLAG_SRE ? PCRE2_UCP : LIKE_ECMA;
    if (flags & FLAG_ICASE) options |= PCRE2_CASELESS;
    if (flags & FLAG_MULTILINE) options |= PCRE2_MULTILINE;
    if (flags & FLAG_NOSUBS) options |= PCRE2_NO_AUTO_CAPTURE;
    if (flags & FLAG_DOTALL) options |= PCRE2_DOTALL;
    if (flags & FLAG_UNICODE) options |= PCRE2_UCP;
    if (flags & FLAG_WHOLE) options |= PCRE2_ANCHORED | PCRE2_ENDANCHORED;
    return options;
}

// Boundaries of grapheme clusters, which PCRE2 has no syntax for. `data` counts the characters.
static int call_out(pcre2_callout_block *block, void *data)
{
    bool boundary = grapheme_is_boundary(block->subject, block->subject_length,
                                         block->current_position, data);

    if (*(size_t *)data > CALLOUT_MAX) return PCRE2_ERROR_MATCHLIMIT;
    return boundary == (block->callout_number == CALLOUT_BOUNDARY) ? 0 : 1;
}

static pcre2_match_context *new_limits(void)
{
    pcre2_match_context *limits = pcre2_match_context_create(NULL);

    if (!limits) return NULL;
    (void)pcre2_set_match_limit(limits, MATCH_LIMIT);
    (void)pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
    return limits;
}

// NULL: *error and *offset (in bytes) say why; error 0 is memory.
static Compiled *compile(const Buf *text, uint32_t flags, int *error, size_t *offset)
{
    Compiled *c = mem_zalloc(MEM_SCRATCH, sizeof *c + text->size);
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);

    *error = 0;
    if (!c || !context) goto failed;
    c->limits = new_limits();
    if (!c->limits) goto failed;
    if (!(flags & FLAG_SRE)) (void)pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    (void)pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    c->code = pcre2_compile(text->data, text->size, compile_options(flags), error, offset, context);
    if (!c->code) goto failed;
    // Machine code where PCRE2 and the system can; else its interpreter runs the pattern.
    (void)pcre2_jit_compile(c->code, PCRE2_JIT_COMPLETE);
    pcre2_compile_context_free(context);
    c->refs = 1;
    c->flags = flags;
    c->in_windows = !memmem(text->data, text->size, "\\G", 2);
    c->size = text->size;
    memcpy(c->text, text->data, text->size);
    keep(c);
    return c;

failed:
    if (context) pcre2_compile_context_free(context);
    if (c) pcre2_match_context_free(c->limits);
    if (c) mem_free(MEM_SCRATCH, c, sizeof *c + text->size);
    return NULL;
}

// Of the pattern in args[0] and the flags in args[1], and more. NULL: either the fault is set and *error is
// 0, or *error tells what is wrong with the pattern.
static Compiled *get_compiled(Actor *a, Value *args, uint32_t more, int *error, size_t *offset)
{
    Buf *text = &actor_worker(a)->text;
    size_t flags;

    *error = 0;
    if (!value_is_string(args[0])) {
        (void)fail_type(HEAP(a), "regex", "a string", args[0]);
        return NULL;
    }
    if (!native_index(args[1], FLAGS_END, &flags)) {
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
    Compiled *c = text->failed ? NULL : find(text, (uint32_t)flags | more);
    if (!c && !text->failed) {
        c = compile(text, (uint32_t)flags | more, error, offset);
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
    Compiled *c = get_compiled(a, args, 0, &error, &offset);
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

enum { M_PATTERN, M_FLAGS, M_STRING, M_START, M_SHAPE, M_MAX, M_FOUND, M_SEARCH };

// What each match becomes.
typedef enum {
    SHAPE_MATCH, // #(start end groups () string), a group being (start . end) or #f
    SHAPE_PIECE, // the string between it and the one before; the rest of the string at the end
    SHAPE_WHOLE, // #t: all of the string matched
    SHAPE_WHOLE_MATCH, // as SHAPE_MATCH, of all of the string
    SHAPE_COUNT
} Shape;

// A search. One that goes on in another slice stands behind a handle, which cannot be forged: PCRE2
// must be given nothing but valid UTF-8.
typedef struct {
    Vm *vm;
    Compiled *compiled;
    Buf utf8;      // the subject; unused while the first slice lasts and the string is ASCII
    size_t length; // of the subject, in bytes
    size_t chars;  // likewise, in characters
    size_t left;   // how many matches are still wanted
    size_t at, at_char;
    size_t from;                 // where a match may begin: at, or behind windows without any
    size_t window;               // how many places the next one has
    uint64_t spent;              // nanoseconds in windows since the last match
    pcre2_match_context *limits; // its own, with windows and callouts; NULL before they are needed
    size_t piece;                // character behind the last match that counted
    bool in_place;               // the subject is the payload of the string
    bool after_empty;            // the last match was empty, and here
} Search;

typedef struct {
    Actor *a;
    Value *args;
    Search *s;
    Shape shape;
    pcre2_match_data *data;
} Matcher;

static Search *search_of_block(const Block *b)
{
    Search *s;
    memcpy(&s, b->bytes, sizeof s);
    return s;
}

static void search_end(Search *s)
{
    release(s->compiled);
    pcre2_match_context_free(s->limits);
    buf_free(&s->utf8);
}

static void drop_search(Block *b)
{
    Search *s = search_of_block(b);
    Space *space = &s->vm->space;

    search_end(s);
    mem_free(MEM_SCRATCH, s, sizeof *s);
    block_free(space, b);
}

static const uint8_t *subject(const Matcher *m)
{
    return m->s->in_place ? bytes_data(value_bytes(m->args[M_STRING])) : m->s->utf8.data;
}

static int match_with(Matcher *m, pcre2_match_context *limits)
{
    Search *s = m->s;
    bool again = s->after_empty && s->from == s->at;
    uint32_t options = PCRE2_NO_UTF_CHECK | (again ? PCRE2_NOTEMPTY_ATSTART : 0);
    const uint8_t *text = subject(m);
    int result = pcre2_match(s->compiled->code, text, s->length, s->from, options, m->data, limits);

    // The code that PCRE2 generated has little stack; its interpreter takes memory instead.
    if (result == PCRE2_ERROR_JIT_STACKLIMIT)
        result = pcre2_match(s->compiled->code, text, s->length, s->from, options | PCRE2_NO_JIT,
                             m->data, limits);
    return result;
}

// The time that a window took beyond one pass over the text, which PCRE2 makes to find a first byte,
// decides about the next.
static void fit_window(Search *s, uint64_t took, size_t rest)
{
    uint64_t pass = (uint64_t)PASS_NS * rest;

    s->spent += took;
    if (took < WINDOW_SHORT + pass && s->window < rest) s->window *= 2;
    if (took > WINDOW_LONG + pass && s->window > 1) s->window /= 2;
}

static int match_window(Matcher *m)
{
    Search *s = m->s;
    size_t rest = s->length - s->from;

    if (s->window == 0) s->window = MAX((size_t)1, MIN((size_t)WINDOW_FIRST, WINDOW_WORK / rest));
    bool all = s->window >= rest;
    (void)pcre2_set_offset_limit(s->limits, all ? PCRE2_UNSET : s->from + s->window - 1);
    size_t next = all ? s->length : s->from + s->window;
    uint64_t began = plat_now_ns();
    int result = match_with(m, s->limits);
    uint64_t took = plat_now_ns() - began;
    fit_window(s, took, rest);
    actor_charge(m->a, took / 1000);
    if (result != PCRE2_ERROR_NOMATCH || all) return result;
    if (s->spent > SEARCH_MAX_NS) return PCRE2_ERROR_MATCHLIMIT;
    const uint8_t *text = subject(m);
    while (next < s->length && (text[next] & 0xC0) == 0x80) {
        next++;
    }
    s->from = next;
    return WINDOW_ENDED;
}

static int match_once(Matcher *m)
{
    Search *s = m->s;

    bool window = s->length - s->from > WINDOW_MIN && m->shape < SHAPE_WHOLE &&
                  s->compiled->in_windows;
    bool calls_out = s->compiled->flags & FLAG_SRE;
    size_t steps = 0;

    if (!window && !calls_out) return match_with(m, s->compiled->limits);
    if (!s->limits) s->limits = pcre2_match_context_copy(s->compiled->limits);
    if (!s->limits) return PCRE2_ERROR_NOMEMORY;
    if (calls_out) (void)pcre2_set_callout(s->limits, call_out, &steps);
    if (window) return match_window(m);
    (void)pcre2_set_offset_limit(s->limits, PCRE2_UNSET);
    return match_with(m, s->limits);
}

// Characters up to a byte, from a place where both are known.
static size_t char_of(const Matcher *m, size_t byte)
{
    const Search *s = m->s;

    if (s->length == s->chars) return byte;
    const uint8_t *text = subject(m);
    return byte >= s->at ? s->at_char + utf8_count(text + s->at, byte - s->at)
                         : s->at_char - utf8_count(text + byte, s->at - byte);
}

// In front of M_FOUND.
static bool add(Matcher *m, Value v)
{
    Heap *h = HEAP(m->a);
    unsigned mark = heap_root_mark(h);
    Value *slot = heap_root(h, v);
    bool ok = !value_is(v, V_FAIL) && heap_reserve(h, 2);

    if (ok) m->args[M_FOUND] = heap_cons(h, *slot, m->args[M_FOUND]);
    heap_unroot(h, mark);
    return ok;
}

static Value make_match(Matcher *m)
{
    Heap *h = HEAP(m->a);
    uint32_t n = pcre2_get_ovector_count(m->data);
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data);
    Value *words = heap_alloc(h, header_make(KIND_VECTOR, n));
    Value start = V_FALSE, end = V_FALSE;

    if (!words) return V_FAIL;
    for (uint32_t i = 0; i < n; i++) {
        words[1 + i] = V_FALSE;
    }
    unsigned mark = heap_root_mark(h);
    Value *groups = heap_root(h, value_from_words(words, TAG_OBJ));
    bool ok = heap_reserve(h, 2 * (size_t)n + 6);
    for (uint32_t i = n; ok && i-- > 0;) {
        if (places[2 * i] > m->s->length) continue;
        start = value_fix((int64_t)char_of(m, places[2 * i]));
        end = value_fix((int64_t)char_of(m, places[2 * i + 1]));
        heap_store(h, *groups, value_words(*groups) + 1 + i, heap_cons(h, start, end));
    }
    Value match = V_FAIL;
    if (ok) {
        Value *p = heap_take(h, 6);
        p[0].bits = header_make(KIND_VECTOR, 5);
        p[1] = start;
        p[2] = end;
        p[3] = *groups;
        p[4] = V_NIL;
        p[5] = m->args[M_STRING];
        match = value_from_words(p, TAG_OBJ);
    }
    heap_unroot(h, mark);
    return match;
}

// Characters [from, to) of the string.
static Value make_piece(Matcher *m, size_t from, size_t to)
{
    unsigned width = string_width(m->args[M_STRING], from, to);
    Value v = bytes_make(HEAP(m->a), KIND_STRING, to - from, width);

    if (value_is(v, V_FAIL)) return v;
    Bytes *whole = value_bytes(m->args[M_STRING]);
    bytes_copy_units(bytes_data(value_bytes(v)), width, 0, bytes_data(whole),
                     bytes_width_log2(whole), from, to - from);
    native_charge_bytes(m->a, to - from);
    return v;
}

// An empty match at an end of the string divides nothing.
static bool add_piece(Matcher *m, size_t start, size_t end)
{
    Search *s = m->s;
    size_t from = s->piece;

    if (start < from || (start == end && (start == 0 || start == s->chars))) return true;
    s->piece = end;
    return add(m, make_piece(m, from, start));
}

static bool note_match(Matcher *m)
{
    Search *s = m->s;
    const PCRE2_SIZE *places = pcre2_get_ovector_pointer(m->data);
    // \K in a lookahead may put the start behind the end: never go back.
    size_t end = MAX(MAX(places[0], places[1]), s->at);
    size_t end_char = char_of(m, end);
    bool ok;

    actor_charge(m->a, 4 + (end - s->at) / 32 + pcre2_get_ovector_count(m->data));
    switch (m->shape) {
    case SHAPE_WHOLE:
        ok = add(m, V_TRUE);
        break;
    case SHAPE_PIECE:
        ok = add_piece(m, char_of(m, places[0]), char_of(m, places[1]));
        break;
    default:
        ok = add(m, make_match(m));
        break;
    }
    s->after_empty = places[0] == places[1];
    s->at_char = end_char;
    s->at = end;
    s->from = end;
    s->spent = 0;
    return ok;
}

typedef enum { FIND_ON, FIND_DONE, FIND_ERROR, FIND_FAILED } Find;

static Find find_next(Matcher *m, int *error)
{
    Search *s = m->s;
    int result = match_once(m);

    if (result == WINDOW_ENDED) return FIND_ON;
    if (result < 0 && result != PCRE2_ERROR_NOMATCH) {
        actor_charge(m->a, 1000);
        *error = result;
        return FIND_ERROR;
    }
    if (result < 0) {
        actor_charge(m->a, (s->length - s->at) / 32);
        return FIND_DONE;
    }
    if (!note_match(m)) return FIND_FAILED;
    return --s->left > 0 ? FIND_ON : FIND_DONE;
}

// The search that goes on, or NULL.
static Search *search_of(Value *args)
{
    if (!value_is_kind(args[M_SEARCH], KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(args[M_SEARCH]))->block;
    Search *s = b->drop == drop_search ? search_of_block(b) : NULL;
    return s && string_length(args[M_STRING]) == s->chars ? s : NULL;
}

// A search from the beginning. False: as get_compiled.
static bool search_begin(Actor *a, Value *args, Search *s, uint32_t flags, int *error)
{
    Bytes *b = value_bytes(args[M_STRING]);
    size_t offset, start = s->at_char;

    s->chars = bytes_length(b);
    s->compiled = get_compiled(a, args, flags, error, &offset);
    if (!s->compiled) return false;
    s->in_place = bytes_width_log2(b) == 0 && utf8_is_ascii(bytes_data(b), s->chars);
    native_charge_bytes(a, s->chars);
    if (s->in_place) {
        s->length = s->chars;
        s->at = s->from = start;
        return true;
    }
    buf_reserve(&s->utf8, s->chars + 1);
    string_to_utf8(args[M_STRING], &s->utf8);
    if (s->utf8.failed) {
        search_end(s);
        (void)fail_text(HEAP(a), ERR_HEAP_LIMIT, "regex", "out of memory");
        return false;
    }
    s->length = s->utf8.size;
    // To the byte where that character begins.
    for (size_t n = 0; s->at < s->length; s->at++) {
        if ((s->utf8.data[s->at] & 0xc0) != 0x80 && n++ == start) break;
    }
    s->from = s->at;
    return true;
}

// Puts the search of a first slice behind a handle. V_YIELD; V_FAIL: the search has ended.
static Value search_keep(Matcher *m)
{
    Vm *vm = m->s->vm;
    Search *s = mem_zalloc(MEM_SCRATCH, sizeof *s);
    Block *b = s ? block_new(&vm->space, sizeof s) : NULL;

    if (m->s->in_place && b) {
        Bytes *text = value_bytes(m->args[M_STRING]);
        buf_bytes(&m->s->utf8, bytes_data(text), m->s->length);
        m->s->in_place = false;
    }
    if (!b || m->s->utf8.failed) {
        if (b) block_free(&vm->space, b);
        if (s) mem_free(MEM_SCRATCH, s, sizeof *s);
        search_end(m->s);
        return fail_text(HEAP(m->a), ERR_HEAP_LIMIT, "regex", "out of memory");
    }
    *s = *m->s;
    b->drop = drop_search;
    memcpy(b->bytes, &s, sizeof s);
    Value handle = heap_handle(HEAP(m->a), b);
    if (value_is(handle, V_FAIL)) return V_FAIL;
    m->args[M_SEARCH] = handle;
    return V_YIELD;
}

static Find find_some(Matcher *m, int *error)
{
    VmWorker *w = actor_worker(m->a);
    Find how;

    m->data = pcre2_match_data_create_from_pattern(m->s->compiled->code, NULL);
    if (!m->data) {
        (void)fail_text(HEAP(m->a), ERR_HEAP_LIMIT, "regex", "out of memory");
        return FIND_FAILED;
    }
    do {
        how = find_next(m, error);
    } while (how == FIND_ON && w->reductions_left > 0);
    if (how == FIND_DONE && m->shape == SHAPE_PIECE &&
        !add(m, make_piece(m, m->s->piece, m->s->chars)))
        how = FIND_FAILED;
    pcre2_match_data_free(m->data);
    return how;
}

// (pattern flags string start-char shape max () #f): list of what the matches became, the last one
// first; a message when a limit is reached.
NATIVE_FN(regex_find)
{
    Search first = {.vm = actor_vm(a), .utf8 = BUF_INIT};
    Matcher m = {.a = a, .args = args};
    size_t shape;
    int error = 0;

    (void)count;
    if (!value_is_string(args[M_STRING]))
        return fail_type(HEAP(a), "regex", "a string", args[M_STRING]);
    if (!native_index(args[M_START], string_length(args[M_STRING]) + 1, &first.at_char) ||
        !native_index(args[M_SHAPE], SHAPE_COUNT, &shape) ||
        !native_size(args[M_MAX], &first.left) || first.left == 0)
        return fail_type(HEAP(a), "regex", "a state", args[M_START]);
    m.shape = (Shape)shape;
    m.s = search_of(args);
    if (!m.s) {
        m.s = &first;
        if (!search_begin(a, args, m.s, shape >= SHAPE_WHOLE ? FLAG_WHOLE : 0, &error))
            return error ? error_text(HEAP(a), error) : V_FAIL;
    }
    Find how = find_some(&m, &error);
    if (how == FIND_ON) return m.s == &first ? search_keep(&m) : V_YIELD;
    if (m.s == &first) {
        search_end(m.s);
    } else {
        heap_forget_handle(HEAP(a), args[M_SEARCH]);
        args[M_SEARCH] = V_FALSE;
    }
    if (how == FIND_FAILED) return V_FAIL;
    return how == FIND_DONE ? args[M_FOUND] : error_text(HEAP(a), error);
}
