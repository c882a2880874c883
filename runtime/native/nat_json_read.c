// The reader of JSON (RFC 8259): text in a string to values, strictly by the grammar.
//
// Model: a machine without recursion that keeps its whole state in the argument slots of its
// native, so that it stops at any step when the slice of its actor is over and goes on in the next
// one. Arrays grow as reversed lists, objects as persistent maps; what is open around the innermost
// one stands in a list of (built count key . outer).
//
// A JSON value is never a pair: a pair is how an error is told: (message byte-offset line column).
//
// The state comes from Scheme code, which may be forged: what is read from it is checked.
#include "runtime/native/natives.h"

#include "vm/base/numlex.h"
#include "vm/base/utf8.h"
#include "vm/data/hamt.h"

#include <string.h>

enum {
    READ_TEXT,
    READ_EXACT,     // #f: integers become flonums
    READ_DEPTH_MAX, // how many arrays and objects may be open
    READ_AT,        // characters done
    READ_STATE,
    READ_BUILT, // of the innermost array or object: reversed list of elements, or map
    READ_COUNT, // elements of the array; or OBJECT, OUTSIDE
    READ_KEY,   // of the innermost object, once it was read
    READ_OUTER,
    READ_DEPTH,
    READ_VALUE, // the value that was read last
};

enum { OBJECT = -1, OUTSIDE = -2 };

typedef enum {
    AT_VALUE,       // a value must follow
    AT_FIRST_VALUE, // or the array ends
    AT_KEY,         // a key must follow
    AT_FIRST_KEY,   // or the object ends
    AFTER_VALUE,    // READ_VALUE is complete
    STATE_COUNT
} ReadState;

typedef enum { STEP_FAILED, STEP_ERROR, STEP_DONE, STEP_ON } Step;

typedef struct {
    Actor *a;
    Value *args;
    const uint8_t *data; // of the text; dead after whatever may collect, until reload
    unsigned width;
    size_t length, at;
    ReadState state;
    const char *error; // of STEP_ERROR, which is at `at`
} Reader;

static void reload(Reader *r)
{
    Bytes *text = value_bytes(r->args[READ_TEXT]);

    r->data = bytes_data(text);
    r->width = bytes_width_log2(text);
}

#define NO_CHAR 0xFFFFFFFFu

static inline uint32_t char_at(const Reader *r, size_t i)
{
    return i < r->length ? bytes_scalar_at(r->data, r->width, i) : NO_CHAR;
}

static Step step_error(Reader *r, size_t at, const char *text)
{
    r->at = at;
    r->error = text;
    return STEP_ERROR;
}

static Step finish_value(Reader *r, Value v)
{
    if (value_is(v, V_FAIL)) return STEP_FAILED;
    r->args[READ_VALUE] = v;
    r->state = AFTER_VALUE;
    return STEP_ON;
}

// ---- strings
// --------------------------------------------------------------------------------------

static int hex_digit(uint32_t c)
{
    if (c >= '0' && c <= '9') return (int)c - '0';
    if (c >= 'a' && c <= 'f') return (int)c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return (int)c - 'A' + 10;
    return -1;
}

// Four hexadecimal digits; NO_CHAR when they are none.
static uint32_t hex4(const Reader *r, size_t at)
{
    uint32_t n = 0;

    for (size_t i = 0; i < 4; i++) {
        int digit = hex_digit(char_at(r, at + i));
        if (digit < 0) return NO_CHAR;
        n = n << 4 | (uint32_t)digit;
    }
    return n;
}

static const char lone_surrogate[] = "half of a surrogate pair";

// What stands behind \u, *at, which moves past it.
static const char *unescape_unicode(const Reader *r, size_t *at, uint32_t *out)
{
    uint32_t c = hex4(r, *at);

    if (c == NO_CHAR) return "\\u needs four hexadecimal digits";
    *at += 4;
    *out = c;
    if (utf8_is_scalar(c)) return NULL;
    if (c >= 0xDC00 || char_at(r, *at) != '\\' || char_at(r, *at + 1) != 'u') return lone_surrogate;
    uint32_t low = hex4(r, *at + 2);
    if (low < 0xDC00 || low > 0xDFFF) return lone_surrogate;
    *at += 6;
    *out = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    return NULL;
}

static const char *unescape(const Reader *r, size_t *at, uint32_t *out)
{
    static const char names[] = "\"\\/bfnrt", codes[] = "\"\\/\b\f\n\r\t";
    uint32_t c = char_at(r, (*at)++);

    if (c == 'u') return unescape_unicode(r, at, out);
    const char *name = c > 0 && c < 0x80 ? strchr(names, (int)c) : NULL;
    if (!name) return "unknown escape in a string";
    *out = (uint8_t)codes[name - names];
    return NULL;
}

// The text of a string with escapes, from `at` on, as UTF-8. Gives where it went wrong or its end.
static Step decode_string(Reader *r, size_t at, size_t end)
{
    Buf *out = &actor_worker(r->a)->text;

    buf_clear(out);
    while (at < end) {
        size_t from = at;
        uint32_t c = char_at(r, at++);
        const char *wrong = c == '\\' ? unescape(r, &at, &c) : NULL;
        if (wrong) return step_error(r, from, wrong);
        buf_char(out, c);
    }
    return STEP_ON;
}

// From behind the opening quote to the closing one; `width` is the text's, for the compiler to
// know.
static inline size_t scan_string(const Reader *r, size_t at, unsigned width, uint32_t *bits,
                                 bool *escapes)
{
    for (; at < r->length; at++) {
        uint32_t c = bytes_scalar_at(r->data, width, at);
        if (c == '"' || c < 0x20) break;
        *bits |= c;
        if (c == '\\') {
            *escapes = true;
            at++;
        }
    }
    return MIN(at, r->length);
}

// The string at `at`, into *out; r->at moves behind it.
static Step read_string(Reader *r, size_t at, Value *out)
{
    uint32_t bits = 0;
    bool escapes = false;
    size_t start = at + 1;
    size_t end = r->width == 0 ? scan_string(r, start, 0, &bits, &escapes)
                               : scan_string(r, start, r->width, &bits, &escapes);

    if (end == r->length) return step_error(r, at, "a string without an end");
    if (char_at(r, end) != '"')
        return step_error(r, end, "control characters in strings must be escaped");
    if (escapes) {
        Buf *text = &actor_worker(r->a)->text;
        Step step = decode_string(r, start, end);
        if (step != STEP_ON) return step;
        *out = text->failed ? fail_text(HEAP(r->a), ERR_HEAP_LIMIT, "json:read", "out of memory")
                            : string_from_utf8(HEAP(r->a), text->data, text->size);
    } else {
        unsigned width = bits < 0x100 ? 0 : bits < 0x10000 ? 1 : 2;
        *out = bytes_make(HEAP(r->a), KIND_STRING, end - start, width);
    }
    reload(r);
    if (value_is(*out, V_FAIL)) return STEP_FAILED;
    if (!escapes) {
        Bytes *to = value_bytes(*out);
        bytes_copy_units(bytes_data(to), bytes_width_log2(to), 0, r->data, r->width, start,
                         end - start);
    }
    r->at = end + 1;
    return STEP_ON;
}

// ---- numbers and words
// ----------------------------------------------------------------------------

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static size_t skip_digits(const Reader *r, size_t at)
{
    while (is_digit(char_at(r, at))) {
        at++;
    }
    return at;
}

static Step make_number(Reader *r, size_t start, bool whole)
{
    Heap *h = HEAP(r->a);
    Buf *text = &actor_worker(r->a)->text;
    NumLex lex;

    buf_clear(text);
    for (size_t i = start; i < r->at; i++) {
        buf_u8(text, (uint8_t)char_at(r, i));
    }
    if (text->failed) {
        (void)fail_text(h, ERR_HEAP_LIMIT, "json:read", "out of memory");
        return STEP_FAILED;
    }
    if (whole && value_true(r->args[READ_EXACT]))
        return finish_value(r, num_read(h, (const char *)text->data, text->size, 10));
    (void)numlex_scan((const char *)text->data, text->size, 10, &lex);
    double d = numlex_double(&lex);
    if (d - d != 0) return step_error(r, start, "the number is too large for a flonum");
    if (!heap_reserve(h, 2)) return STEP_FAILED;
    return finish_value(r, heap_flonum(h, d));
}

static Step read_number(Reader *r, size_t start)
{
    size_t at = start, digits;
    bool whole = true;

    if (char_at(r, at) == '-') at++;
    digits = at;
    at = skip_digits(r, at);
    if (at == digits) return step_error(r, at, "a digit must follow the minus sign");
    if (char_at(r, digits) == '0' && at > digits + 1)
        return step_error(r, digits, "a number cannot begin with 0");
    if (char_at(r, at) == '.') {
        whole = false;
        digits = ++at;
        at = skip_digits(r, at);
        if (at == digits) return step_error(r, at, "a digit must follow the point");
    }
    if ((char_at(r, at) | 0x20) == 'e') {
        whole = false;
        at++;
        if (char_at(r, at) == '-' || char_at(r, at) == '+') at++;
        digits = at;
        at = skip_digits(r, at);
        if (at == digits) return step_error(r, at, "the exponent has no digits");
    }
    r->at = at;
    // The usual short integer needs no text.
    if (whole && value_true(r->args[READ_EXACT]) && at - start <= 17) {
        bool negative = char_at(r, start) == '-';
        int64_t n = 0;
        for (size_t i = start + negative; i < at; i++) {
            n = n * 10 + (int64_t)(char_at(r, i) - '0');
        }
        return finish_value(r, value_fix(negative ? -n : n));
    }
    return make_number(r, start, whole);
}

static Step read_word(Reader *r, const char *word, Value v)
{
    size_t i = 0;

    while (word[i] && char_at(r, r->at + i) == (uint8_t)word[i]) {
        i++;
    }
    if (word[i]) return step_error(r, r->at, "expected a value");
    r->at += i;
    return finish_value(r, v);
}

// ---- arrays and objects
// -----------------------------------------------------------------------------

static Step open_container(Reader *r, bool object)
{
    Value *args = r->args;
    Heap *h = HEAP(r->a);
    int64_t depth = value_int(args[READ_DEPTH]) + 1;

    if (depth > value_int(args[READ_DEPTH_MAX])) return step_error(r, r->at, "nested too deeply");
    if (!heap_reserve(h, 6)) return STEP_FAILED;
    Value rest = heap_cons(h, args[READ_KEY], args[READ_OUTER]);
    rest = heap_cons(h, args[READ_COUNT], rest);
    args[READ_OUTER] = heap_cons(h, args[READ_BUILT], rest);
    args[READ_DEPTH] = value_fix(depth);
    args[READ_COUNT] = value_fix(object ? OBJECT : 0);
    args[READ_KEY] = V_FALSE;
    args[READ_BUILT] = V_NIL;
    if (object) {
        Value map = hamt_make(h, KIND_HASHMAP);
        if (value_is(map, V_FAIL)) return STEP_FAILED;
        args[READ_BUILT] = map;
    }
    r->at++;
    r->state = object ? AT_FIRST_KEY : AT_FIRST_VALUE;
    return STEP_ON;
}

static Value finish_array(Reader *r)
{
    size_t n = (size_t)value_int(r->args[READ_COUNT]);
    Value *words = heap_alloc(HEAP(r->a), header_make(KIND_VECTOR, n));

    if (!words) return V_FAIL;
    Value rest = r->args[READ_BUILT];
    for (size_t i = n; i > 0; i--) {
        bool there = value_is_pair(rest);
        words[i] = there ? value_car(rest) : V_UNSPECIFIED;
        if (there) rest = value_cdr(rest);
    }
    actor_charge(r->a, n / 64);
    return value_from_words(words, TAG_OBJ);
}

// READ_VALUE becomes the innermost array or object, which is closed.
static Step close_container(Reader *r)
{
    Value *args = r->args;
    Value v = value_int(args[READ_COUNT]) == OBJECT ? args[READ_BUILT] : finish_array(r);
    Value outer[3];

    if (value_is(v, V_FAIL)) return STEP_FAILED;
    for (unsigned i = 0; i < 3; i++) {
        if (!value_is_pair(args[READ_OUTER])) return step_error(r, r->at, "nothing is open");
        outer[i] = value_car(args[READ_OUTER]);
        args[READ_OUTER] = value_cdr(args[READ_OUTER]);
    }
    args[READ_BUILT] = outer[0];
    args[READ_COUNT] = value_is_fix(outer[1]) ? outer[1] : value_fix(OUTSIDE);
    args[READ_KEY] = outer[2];
    args[READ_DEPTH] = value_fix(value_int(args[READ_DEPTH]) - 1);
    r->at++;
    return finish_value(r, v);
}

// How an object is represented is known here and in nat_json_write.c only.
static bool add_member(Reader *r)
{
    Value *args = r->args, refused;
    uint64_t hash, work = 0;

    if (!value_is_kind(args[READ_BUILT], KIND_HASHMAP) ||
        !hamt_hash(args[READ_KEY], &hash, &refused)) {
        (void)fail_type(HEAP(r->a), "json:read", "a state", args[READ_BUILT]);
        return false;
    }
    Value map = hamt_assoc(HEAP(r->a), &args[READ_BUILT], &args[READ_KEY], &args[READ_VALUE], hash,
                           &work);
    actor_charge(r->a, work / 8);
    if (value_is(map, V_FAIL)) return false;
    args[READ_BUILT] = map;
    return true;
}

static bool add_element(Reader *r)
{
    if (!heap_reserve(HEAP(r->a), 2)) return false;
    r->args[READ_BUILT] = heap_cons(HEAP(r->a), r->args[READ_VALUE], r->args[READ_BUILT]);
    r->args[READ_COUNT] = value_fix(value_int(r->args[READ_COUNT]) + 1);
    return true;
}

// ---- steps
// ----------------------------------------------------------------------------------------

static Step step_value(Reader *r, uint32_t c)
{
    switch (c) {
    case '"': {
        Value v = V_FALSE;
        Step step = read_string(r, r->at, &v);
        return step == STEP_ON ? finish_value(r, v) : step;
    }
    case '{':
        return open_container(r, true);
    case '[':
        return open_container(r, false);
    case 't':
        return read_word(r, "true", V_TRUE);
    case 'f':
        return read_word(r, "false", V_FALSE);
    case 'n':
        return read_word(r, "null", V_NIL);
    case ']':
        if (r->state == AT_FIRST_VALUE) return close_container(r);
        break;
    case NO_CHAR:
        return step_error(r, r->at, "the text ends where a value is expected");
    default:
        if (is_digit(c) || c == '-') return read_number(r, r->at);
    }
    return step_error(r, r->at, "expected a value");
}

static Step step_key(Reader *r, uint32_t c)
{
    Value key = V_FALSE;

    if (c == '}' && r->state == AT_FIRST_KEY) return close_container(r);
    if (c != '"') return step_error(r, r->at, "expected a key in double quotes");
    Step step = read_string(r, r->at, &key);
    if (step != STEP_ON) return step;
    r->args[READ_KEY] = key;
    while (c = char_at(r, r->at), c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        r->at++;
    }
    if (c != ':') return step_error(r, r->at, "expected a colon after the key");
    r->at++;
    r->state = AT_VALUE;
    return STEP_ON;
}

static Step step_after(Reader *r, uint32_t c)
{
    int64_t n = value_int(r->args[READ_COUNT]);

    if (n == OUTSIDE)
        return c == NO_CHAR ? STEP_DONE : step_error(r, r->at, "text after the value");
    bool object = n == OBJECT;
    // Whatever follows: what is wrong with it can be told afterwards.
    if (!(object ? add_member(r) : add_element(r))) return STEP_FAILED;
    if (c == ',') {
        r->at++;
        r->state = object ? AT_KEY : AT_VALUE;
        return STEP_ON;
    }
    if (c == (object ? '}' : ']')) return close_container(r);
    return step_error(r, r->at, object ? "expected a comma or }" : "expected a comma or ]");
}

static Step step(Reader *r)
{
    uint32_t c;

    reload(r);
    while (c = char_at(r, r->at), c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        r->at++;
    }
    switch (r->state) {
    case AT_VALUE:
    case AT_FIRST_VALUE:
        return step_value(r, c);
    case AT_KEY:
    case AT_FIRST_KEY:
        return step_key(r, c);
    default:
        return step_after(r, c);
    }
}

// (message byte-offset line column): offset from 0, line and column from 1, in characters.
static Value report(Reader *r)
{
    size_t bytes = 0, line = 1, line_start = 0;
    Heap *h = HEAP(r->a);

    reload(r);
    for (size_t i = 0; i < r->at && i < r->length; i++) {
        uint32_t c = char_at(r, i);
        bytes += utf8_length(c);
        if (c != '\n') continue;
        line++;
        line_start = i + 1;
    }
    native_charge_bytes(r->a, r->at);
    Value text = string_from_text(h, r->error);
    if (value_is(text, V_FAIL)) return V_FAIL;
    r->args[READ_VALUE] = text;
    if (!heap_reserve(h, 8)) return V_FAIL;
    Value list = heap_cons(h, value_fix((int64_t)(r->at - line_start + 1)), V_NIL);
    list = heap_cons(h, value_fix((int64_t)line), list);
    list = heap_cons(h, value_fix((int64_t)bytes), list);
    return heap_cons(h, r->args[READ_VALUE], list);
}

static bool load_state(Reader *r)
{
    Value *args = r->args;
    size_t state, depth;

    r->length = string_length(args[READ_TEXT]);
    if (!native_index(args[READ_AT], r->length + 1, &r->at) ||
        !native_index(args[READ_STATE], STATE_COUNT, &state) ||
        !native_size(args[READ_DEPTH], &depth) || !native_size(args[READ_DEPTH_MAX], &depth) ||
        !value_is_fix(args[READ_COUNT]) || value_int(args[READ_COUNT]) < OUTSIDE ||
        value_int(args[READ_COUNT]) > (int64_t)r->length)
        return false;
    r->state = (ReadState)state;
    return true;
}

// About as long as a reduction takes.
#define CHARS_PER_REDUCTION 8

// (text exact? depth-max at state built count key outer depth value)
NATIVE_FN(json_read)
{
    Reader r = {.a = a, .args = args};
    VmWorker *w = actor_worker(a);
    Step how = STEP_ON;

    (void)count;
    if (!value_is_string(args[READ_TEXT]))
        return fail_type(HEAP(a), "json:read-string", "a string", args[READ_TEXT]);
    if (!load_state(&r)) return fail_type(HEAP(a), "json:read-string", "a state", args[READ_AT]);
    while (how == STEP_ON && w->reductions_left > 0) {
        size_t start = r.at;
        how = step(&r);
        // Half a reduction for the step itself, on the average.
        actor_charge(a, (r.at - MIN(start, r.at)) / CHARS_PER_REDUCTION + (r.at & 1));
    }
    switch (how) {
    case STEP_FAILED:
        return V_FAIL;
    case STEP_ERROR:
        return report(&r);
    case STEP_DONE:
        return args[READ_VALUE];
    case STEP_ON:
        break;
    }
    args[READ_AT] = value_fix((int64_t)r.at);
    args[READ_STATE] = value_fix(r.state);
    return V_YIELD;
}
