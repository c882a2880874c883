// The lexer: characters to tokens. R7RS section 7.1.1 with the extensions of language.md.
//
// Atoms become syntax here. A string without escapes points into the source text, which lives as
// long as the unit; names are interned; numbers go through vm/base/numlex.h, and what is neither a
// fixnum nor a flonum keeps its text.
#include "compiler/read/lexer.h"

#include "vm/base/numlex.h"
#include "vm/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

// As much of a token as a message quotes.
#define QUOTE_BYTES_MAX 60

static bool at_end(const Reader *r)
{
    return r->at >= r->source->size;
}

// The byte `ahead` places further on, 0 behind the end (NUL is no legal character either).
static uint8_t peek(const Reader *r, uint32_t ahead)
{
    size_t i = (size_t)r->at + ahead;
    return i < r->source->size ? (uint8_t)r->source->text[i] : 0;
}

void lexer_error(Reader *r, uint32_t start, uint32_t end, bool unfinished, const char *fmt, ...)
{
    char text[256];
    va_list args;
    Diag *d = r->c->diag;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (unfinished && d->errors == 0) d->incomplete = true;
    r->unfinished |= unfinished;
    diag_at(d, DIAG_ERROR, (Span){r->source, start, end}, "%s", text);
}

Stx *lexer_node(Reader *r, StxKind kind, uint32_t start, uint32_t end)
{
    Stx *x = arena_new(&r->c->unit, Stx);

    x->kind = (uint8_t)kind;
    x->source = r->source;
    x->start = start;
    x->end = end;
    return x;
}

// How many bytes of [start, end) a message quotes, whole characters only.
static int quoted(const Reader *r, uint32_t start, uint32_t end)
{
    uint32_t size = MIN(end - start, QUOTE_BYTES_MAX);

    while (size > 0 && start + size < end && (r->source->text[start + size] & 0xC0) == 0x80) {
        size--;
    }
    return (int)size;
}

static void finish(Token *t, const Reader *r, TokenKind kind)
{
    t->kind = kind;
    t->end = r->at;
}

static void finish_atom(Token *t, Reader *r, Stx *atom)
{
    atom->end = r->at;
    t->atom = atom;
    finish(t, r, TOKEN_ATOM);
}

// The character at r->at, which is not moved; *bytes is its length. UTF8_INVALID when it is none.
static uint32_t decode(const Reader *r, uint32_t *bytes)
{
    const uint8_t *text = (const uint8_t *)r->source->text;
    const uint8_t *p = text + r->at;
    uint32_t scalar = utf8_decode(&p, text + r->source->size);

    *bytes = (uint32_t)(p - (text + r->at));
    return scalar;
}

// ---- white space, comments, directives ---------------------------------------------------------

static void skip_line(Reader *r)
{
    while (!at_end(r) && peek(r, 0) != '\n' && peek(r, 0) != '\r') {
        r->at++;
    }
}

// Behind "#|". False when the text ends first.
static bool skip_block_comment(Reader *r)
{
    uint32_t start = r->at, depth = 1;

    r->at += 2;
    while (!at_end(r)) {
        uint8_t here = peek(r, 0), next = peek(r, 1);
        bool opens = here == '#' && next == '|', closes = here == '|' && next == '#';
        r->at += opens || closes ? 2 : 1;
        depth = depth + opens - closes;
        if (depth == 0) return true;
    }
    lexer_error(r, start, start + 2, true, "this block comment is never closed: expected |#");
    return false;
}

static void scan_name_end(Reader *r)
{
    while (lexer_class[peek(r, 0)] & (CLASS_NAME | CLASS_HIGH)) {
        if (lexer_class[peek(r, 0)] & CLASS_NAME) {
            r->at++;
            continue;
        }
        uint32_t bytes, scalar = decode(r, &bytes);
        if (scalar == UTF8_INVALID || lexer_is_space(scalar)) return;
        r->at += bytes;
    }
}

// "#!...": a shebang line, or a directive. False when it is unknown.
static bool skip_directive(Reader *r)
{
    uint32_t start = r->at;
    uint8_t next = peek(r, 2);

    if (start == 0 && (next == '/' || next == ' ')) {
        skip_line(r);
        return true;
    }
    r->at += 2;
    scan_name_end(r);
    const char *name = r->source->text + start + 2;
    uint32_t size = r->at - start - 2;
    if (size == 9 && memcmp(name, "fold-case", 9) == 0) {
        r->fold_case = true;
    } else if (size == 12 && memcmp(name, "no-fold-case", 12) == 0) {
        r->fold_case = false;
    } else {
        lexer_error(r, start, r->at, false,
                    "unknown directive #!%.*s: expected #!fold-case or #!no-fold-case",
                    quoted(r, start + 2, r->at), name);
        return false;
    }
    return true;
}

static const char object_prefix[] = "#!object-", cyclic_prefix[] = "#!cyclic-";

// What eval's writer puts in place of an object: only where there are any (Compiler.objects).
static bool at_object(const Reader *r)
{
    size_t size = sizeof object_prefix - 1;

    const char *text = r->source->text + r->at;

    return r->c->objects > 0 && r->source->size - r->at > size &&
           (memcmp(text, object_prefix, size) == 0 || memcmp(text, cyclic_prefix, size) == 0);
}

// Moves to the next token. False when an error was reported instead.
static bool skip_blanks(Reader *r)
{
    for (;;) {
        uint8_t byte = peek(r, 0);
        if (at_end(r)) return true;
        if (lexer_class[byte] & CLASS_SPACE) {
            r->at++;
        } else if (byte == ';') {
            skip_line(r);
        } else if (byte == '#' && peek(r, 1) == '|') {
            if (!skip_block_comment(r)) return false;
        } else if (byte == '#' && peek(r, 1) == '!') {
            if (at_object(r)) return true;
            if (!skip_directive(r)) return false;
        } else if (byte >= 0x80) {
            uint32_t bytes, scalar = decode(r, &bytes);
            if (scalar == UTF8_INVALID || !lexer_is_space(scalar)) return true;
            r->at += bytes;
        } else {
            return true;
        }
    }
}

// ---- names -------------------------------------------------------------------------------------

static Sym *intern_folded(Reader *r, const char *text, size_t size)
{
    const CompilerHost *host = r->c->host;

    buf_clear(&r->scratch);
    if (host && host->fold_case) {
        host->fold_case(host->context, text, size, &r->scratch);
    } else {
        for (size_t i = 0; i < size; i++) {
            char byte = text[i];
            buf_u8(&r->scratch, (uint8_t)(byte >= 'A' && byte <= 'Z' ? byte + 32 : byte));
        }
    }
    return sym_intern(r->c, (const char *)r->scratch.data, r->scratch.size);
}

static void make_symbol(Reader *r, Token *t, const char *text, size_t size)
{
    Stx *x = lexer_node(r, STX_SYMBOL, t->start, r->at);
    bool fold = r->fold_case && size > 0;

    x->u.symbol = fold ? intern_folded(r, text, size) : sym_intern(r->c, text, size);
    finish_atom(t, r, x);
}

// ---- numbers -----------------------------------------------------------------------------------

// An atom for a scanned number. What is exact but no fixnum keeps its text, which is a number of
// its own whatever the default radix: a token in another radix carries its prefix.
static Stx *number_atom(Reader *r, const Token *t, const NumLex *lex)
{
    Stx *x = lexer_node(r, STX_INT, t->start, r->at);
    bool real = lex->form == NUMLEX_DECIMAL || lex->form == NUMLEX_INF || lex->form == NUMLEX_NAN;
    int64_t integer;

    if (lex->exactness == 'i' || (real && lex->exactness != 'e')) {
        x->kind = STX_FLOAT;
        x->u.real = numlex_double(lex);
    } else if (numlex_int64(lex, &integer) && integer >= STX_INT_MIN && integer <= STX_INT_MAX) {
        x->u.integer = integer;
    } else {
        x->kind = STX_NUMBER;
        x->u.text.text = r->source->text + t->start;
        x->u.text.size = r->at - t->start;
    }
    return x;
}

// Behind a token that may be a number. False when it is none.
static bool make_number(Reader *r, Token *t)
{
    const char *text = r->source->text + t->start;
    size_t size = r->at - t->start;
    NumLex lex;

    NumForm form = numlex_scan(text, size, 10, &lex);
    if (form == NUMLEX_NONE) return false;
    if ((form == NUMLEX_INF || form == NUMLEX_NAN) && lex.exactness == 'e') {
        lexer_error(r, t->start, r->at, false, "%.*s has no exact value",
                    quoted(r, t->start, r->at), text);
        finish(t, r, TOKEN_BAD);
        return true;
    }
    finish_atom(t, r, number_atom(r, t, &lex));
    return true;
}

// At a character that may begin a name or a number.
static void scan_name(Reader *r, Token *t)
{
    uint8_t first = peek(r, 0), second = peek(r, 1);
    const char *text = r->source->text + t->start;

    scan_name_end(r);
    uint32_t size = r->at - t->start;
    bool digit = lexer_class[first] & CLASS_DIGIT;
    bool sign = first == '+' || first == '-' || first == '.';
    if (size == 1 && first == '.') {
        finish(t, r, TOKEN_DOT);
        return;
    }
    if ((digit || (sign && second)) && make_number(r, t)) return;
    if (digit) {
        lexer_error(r, t->start, r->at, false,
                    "'%.*s' is not a number, and a name cannot begin with a digit",
                    quoted(r, t->start, r->at), text);
        finish(t, r, TOKEN_BAD);
        return;
    }
    make_symbol(r, t, text, size);
}

// ---- strings, |names|, characters --------------------------------------------------------------

static int hex_digit(uint8_t byte)
{
    if (byte >= '0' && byte <= '9') return byte - '0';
    byte |= 32;
    return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

// Hex digits at r->at; UTF8_INVALID when there are none or they name no character.
static uint32_t scan_hex(Reader *r)
{
    uint32_t value = 0, start = r->at;

    for (int digit; (digit = hex_digit(peek(r, 0))) >= 0; r->at++) {
        value = value > 0x10FFFF ? value : value * 16 + (uint32_t)digit;
    }
    return r->at > start && utf8_is_scalar(value) ? value : UTF8_INVALID;
}

// Behind the backslash of a line continuation: the blanks around one line ending vanish.
static bool skip_continuation(Reader *r)
{
    uint32_t start = r->at;

    while (peek(r, 0) == ' ' || peek(r, 0) == '\t') {
        r->at++;
    }
    if (peek(r, 0) != '\n' && peek(r, 0) != '\r') {
        r->at = start;
        return false;
    }
    r->at += peek(r, 0) == '\r' && peek(r, 1) == '\n' ? 2 : 1;
    while (peek(r, 0) == ' ' || peek(r, 0) == '\t') {
        r->at++;
    }
    return true;
}

// At a backslash inside a string or a |name|: its character goes to scratch. False after an error.
static bool scan_escape(Reader *r, char delimiter)
{
    static const char letters[] = "abtnr\"\\|", values[] = "\a\b\t\n\r\"\\|";
    uint32_t start = r->at, bytes = 1;
    uint8_t letter = peek(r, 1);
    const char *known = letter ? strchr(letters, letter) : NULL;

    r->at++;
    if (known) {
        r->at++;
        buf_u8(&r->scratch, (uint8_t)values[known - letters]);
        return true;
    }
    if (letter == 'x' || letter == 'X') {
        r->at++;
        uint32_t scalar = scan_hex(r);
        bool closed = peek(r, 0) == ';';
        r->at += closed;
        if (scalar != UTF8_INVALID && closed) {
            buf_char(&r->scratch, scalar);
            return true;
        }
        lexer_error(r, start, r->at, false,
                    "bad escape: expected \\x, the hexadecimal digits of a character and ;");
        return false;
    }
    if (delimiter == '"' && skip_continuation(r)) return true;
    if (at_end(r)) return true; // the missing delimiter is reported
    decode(r, &bytes);
    r->at += bytes;
    lexer_error(r, start, r->at, false, "unknown escape '%.*s' in a %s", quoted(r, start, r->at),
                r->source->text + start, delimiter == '"' ? "string" : "name");
    return false;
}

// The rest of a string or |name| with escapes or returns, from r->at on, into scratch. False after
// an error; the token is passed all the same.
static bool scan_escaped(Reader *r, char delimiter)
{
    bool good = true;

    while (!at_end(r) && peek(r, 0) != (uint8_t)delimiter) {
        uint8_t byte = peek(r, 0);
        if (byte == '\\') {
            good &= scan_escape(r, delimiter);
        } else if (byte == '\r') { // every line ending inside a string is a line feed
            r->at += peek(r, 1) == '\n' ? 2 : 1;
            buf_u8(&r->scratch, '\n');
        } else {
            buf_u8(&r->scratch, byte);
            r->at++;
        }
    }
    return good;
}

// At the first delimiter of "..." or |...|. On success *text is the content, which is in the source
// or in scratch (*copied). False after an error.
static bool scan_delimited(Reader *r, Token *t, const char **text, size_t *size, bool *copied)
{
    char delimiter = (char)peek(r, 0);
    const char *from = r->source->text + ++r->at;

    while (!at_end(r) && peek(r, 0) != (uint8_t)delimiter && peek(r, 0) != '\\' &&
           peek(r, 0) != '\r') {
        r->at++;
    }
    *text = from;
    *size = (size_t)(r->source->text + r->at - from);
    *copied = peek(r, 0) == '\\' || peek(r, 0) == '\r';
    bool good = true;
    if (*copied) {
        buf_clear(&r->scratch);
        buf_bytes(&r->scratch, from, *size);
        good = scan_escaped(r, delimiter);
        *text = buf_cstr(&r->scratch);
        *size = r->scratch.size;
    }
    if (at_end(r)) {
        lexer_error(r, t->start, t->start + 1, true, "this %s is never closed: expected %c",
                    delimiter == '"' ? "string" : "name", delimiter);
        return false;
    }
    r->at++;
    if (good && utf8_validate((const uint8_t *)*text, *size) != *size) {
        lexer_error(r, t->start, r->at, false, "this is not valid UTF-8");
        return false;
    }
    return good;
}

static void scan_string(Reader *r, Token *t)
{
    const char *text;
    size_t size;
    bool copied;

    if (!scan_delimited(r, t, &text, &size, &copied)) {
        finish(t, r, TOKEN_BAD);
        return;
    }
    Stx *x = lexer_node(r, STX_STRING, t->start, r->at);
    x->u.text.text = copied ? arena_text(&r->c->unit, text, size) : text;
    x->u.text.size = size;
    finish_atom(t, r, x);
}

static void scan_bar_name(Reader *r, Token *t)
{
    const char *text;
    size_t size;
    bool copied;

    if (!scan_delimited(r, t, &text, &size, &copied)) {
        finish(t, r, TOKEN_BAD);
        return;
    }
    Stx *x = lexer_node(r, STX_SYMBOL, t->start, r->at);
    x->u.symbol = sym_intern(r->c, text, size);
    finish_atom(t, r, x);
}

// The character that the name [text, text+size) behind #\ means.
static uint32_t char_value(Reader *r, const char *text, uint32_t size)
{
    const uint8_t *p = (const uint8_t *)text;
    uint32_t scalar = utf8_decode(&p, p + size);

    if ((const char *)p == text + size) return scalar;
    if (text[0] == 'x' || text[0] == 'X') {
        uint32_t end = r->at;
        r->at = (uint32_t)(text - r->source->text) + 1;
        scalar = scan_hex(r);
        bool all = r->at == end;
        r->at = end;
        if (all) return scalar;
    }
    return lexer_char_name(text, size, r->fold_case);
}

// At "#\".
static void scan_char(Reader *r, Token *t)
{
    uint32_t bytes = 0;

    r->at += 2;
    uint32_t start = r->at;
    if (at_end(r)) {
        lexer_error(r, t->start, r->at, true,
                    "expected a character after #\\, found the end of the text");
        finish(t, r, TOKEN_BAD);
        return;
    }
    uint32_t scalar = decode(r, &bytes);
    r->at += bytes;
    if (scalar != UTF8_INVALID && (scalar >= 0x80 || lexer_class[scalar] & CLASS_NAME)) {
        scan_name_end(r);
        scalar = char_value(r, r->source->text + start, r->at - start);
        // Eta writes #\x41; and R7RS #\x41: a ; right behind the digits belongs to them.
        bool hex = r->at - start > 1 && (r->source->text[start] | 32) == 'x';
        if (hex && scalar != UTF8_INVALID && peek(r, 0) == ';') r->at++;
    }
    if (scalar == UTF8_INVALID) {
        lexer_error(r, t->start, r->at, false,
                    "unknown character '%.*s': expected one character, a name such as #\\space, or "
                    "#\\x and hexadecimal digits",
                    quoted(r, t->start, r->at), r->source->text + t->start);
        finish(t, r, TOKEN_BAD);
        return;
    }
    Stx *x = lexer_node(r, STX_CHAR, t->start, r->at);
    x->u.scalar = scalar;
    finish_atom(t, r, x);
}

// ---- tokens that begin with # ------------------------------------------------------------------

// At "#" and a digit: #n= or #n#.
static void scan_label(Reader *r, Token *t)
{
    uint64_t label = 0;

    r->at++;
    for (; lexer_class[peek(r, 0)] & CLASS_DIGIT; r->at++) {
        label = MIN(label * 10 + (uint64_t)(peek(r, 0) - '0'), (uint64_t)UINT32_MAX + 1);
    }
    uint8_t mark = peek(r, 0);
    if (label > UINT32_MAX || (mark != '=' && mark != '#')) {
        scan_name_end(r);
        lexer_error(r, t->start, r->at, false, "bad datum label '%.*s': expected #n= or #n#",
                    quoted(r, t->start, r->at), r->source->text + t->start);
        finish(t, r, TOKEN_BAD);
        return;
    }
    r->at++;
    t->label = (uint32_t)label;
    finish(t, r, mark == '=' ? TOKEN_LABEL : TOKEN_REFERENCE);
}

static void scan_open(Reader *r, Token *t, TokenKind kind, uint32_t bytes)
{
    r->at += bytes;
    t->bracket = r->source->text[r->at - 1];
    finish(t, r, kind);
}

// #t #f #true #false and numbers with a prefix; all else is an error.
static void scan_hash_name(Reader *r, Token *t)
{
    static const char *const names[] = {"#f", "#t", "#false", "#true"};

    r->at++;
    scan_name_end(r);
    const char *text = r->source->text + t->start;
    uint32_t size = r->at - t->start;
    for (size_t i = 0; i < countof(names); i++) {
        if (strlen(names[i]) == size && strncasecmp(names[i], text, size) == 0) {
            Stx *x = lexer_node(r, STX_BOOL, t->start, r->at);
            x->u.boolean = i % 2 == 1;
            finish_atom(t, r, x);
            return;
        }
    }
    if (size == 3 && memcmp(text, "#u8", 3) == 0 && (peek(r, 0) == '(' || peek(r, 0) == '[')) {
        scan_open(r, t, TOKEN_BYTES, 1);
        return;
    }
    if (make_number(r, t)) return;
    lexer_error(r, t->start, r->at, false, "unknown syntax '%.*s'", quoted(r, t->start, r->at),
                text);
    finish(t, r, TOKEN_BAD);
}

static void scan_object(Reader *r, Token *t)
{
    bool cyclic = peek(r, 2) == cyclic_prefix[2];
    uint64_t number = 0;

    r->at += sizeof object_prefix - 1;
    while (lexer_class[peek(r, 0)] & CLASS_DIGIT && number < UINT32_MAX) {
        number = number * 10 + (peek(r, 0) - '0');
        r->at++;
    }
    if (number >= r->c->objects) {
        lexer_error(r, t->start, r->at, false, "there is no such object");
        finish(t, r, TOKEN_BAD);
        return;
    }
    Stx *x = lexer_node(r, STX_OBJECT, t->start, r->at);
    x->u.integer = (int64_t)number;
    x->cyclic = cyclic;
    finish_atom(t, r, x);
}

static void scan_hash(Reader *r, Token *t)
{
    uint8_t next = peek(r, 1);

    if (next == '!') {
        scan_object(r, t);
    } else if (next == '\\') {
        scan_char(r, t);
    } else if (next == '(' || next == '[') {
        scan_open(r, t, TOKEN_VECTOR, 2);
    } else if (next == ';') {
        r->at += 2;
        finish(t, r, TOKEN_COMMENT);
    } else if (lexer_class[next] & CLASS_DIGIT) {
        scan_label(r, t);
    } else {
        scan_hash_name(r, t);
    }
}

// ---- all tokens --------------------------------------------------------------------------------

static void scan_prefix(Reader *r, Token *t)
{
    t->bracket = (char)peek(r, 0);
    r->at++;
    if (t->bracket == ',' && peek(r, 0) == '@') {
        t->bracket = '@';
        r->at++;
    }
    finish(t, r, TOKEN_PREFIX);
}

static void scan_unexpected(Reader *r, Token *t)
{
    uint32_t bytes = 1, scalar = decode(r, &bytes);

    r->at += bytes;
    if (scalar == UTF8_INVALID) {
        lexer_error(r, t->start, r->at, false, "this is not valid UTF-8");
    } else if (scalar > 0x20 && scalar < 0x7F) {
        lexer_error(r, t->start, r->at, false, "unexpected character '%c'", (int)scalar);
    } else {
        lexer_error(r, t->start, r->at, false, "unexpected character U+%04X", (unsigned)scalar);
    }
    finish(t, r, TOKEN_BAD);
}

void lexer_next(Reader *r, Token *t)
{
    *t = (Token){0};
    bool good = skip_blanks(r);
    t->start = r->at;
    if (!good) {
        finish(t, r, TOKEN_BAD);
        return;
    }
    if (at_end(r)) {
        finish(t, r, TOKEN_END);
        return;
    }
    uint8_t byte = peek(r, 0);
    uint32_t bytes;
    if (byte == '#') {
        scan_hash(r, t);
    } else if (lexer_class[byte] & CLASS_NAME) {
        scan_name(r, t);
    } else if (byte == '(' || byte == '[') {
        scan_open(r, t, TOKEN_OPEN, 1);
    } else if (byte == ')' || byte == ']') {
        scan_open(r, t, TOKEN_CLOSE, 1);
    } else if (byte == '"') {
        scan_string(r, t);
    } else if (byte == '\'' || byte == '`' || byte == ',') {
        scan_prefix(r, t);
    } else if (byte == '|') {
        scan_bar_name(r, t);
    } else if (byte >= 0x80 && decode(r, &bytes) != UTF8_INVALID) {
        scan_name(r, t);
    } else {
        scan_unexpected(r, t);
    }
}
