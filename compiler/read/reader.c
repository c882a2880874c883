// The reader: tokens to data. See reader.h.
//
// Open brackets and prefixes are frames on an explicit stack, so nesting costs no C stack. A datum
// that is complete is delivered to the innermost frame; delivering to a prefix completes that one
// in turn. A labelled datum is built in a node that exists from the label on, which is what makes
// references to it from inside (cycles) plain pointers.
//
// Damage: a bad token becomes an unspecified constant in the datum around it, so that the expander
// can look at the rest; the datum is then READ_FAILED.
#include "compiler/read/lexer.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

typedef enum {
    FRAME_LIST,
    FRAME_VECTOR,
    FRAME_BYTES,
    FRAME_PREFIX,
    FRAME_COMMENT,
    FRAME_LABEL
} FrameKind;

typedef enum { DOT_NONE, DOT_SEEN, DOT_DONE } DotState;

struct ReadFrame {
    uint8_t kind;
    char bracket;
    uint8_t dot;
    uint32_t start, open_end; // span of the opening token
    Stx *head, *tail;         // LIST, VECTOR, BYTES: the items so far, as pairs
    uint32_t count;
    uint32_t label; // LABEL: index of its row
};

typedef struct {
    uint32_t number;
    bool complete, referred; // referred: from inside
    Stx *node;
} LabelRow;

// Rows in order of definition, found through an open-addressing table of row numbers + 1.
struct ReadLabels {
    LabelRow *rows;
    uint32_t *slots;
    uint32_t count, capacity; // of rows; there are twice as many slots
};

// ---- labels ------------------------------------------------------------------------------------

static void free_labels(Reader *r)
{
    struct ReadLabels *labels = r->labels;

    if (!labels) return;
    mem_free(MEM_COMPILER, labels->rows, labels->capacity * sizeof(LabelRow));
    mem_free(MEM_COMPILER, labels->slots, labels->capacity * 2 * sizeof(uint32_t));
    mem_free(MEM_COMPILER, labels, sizeof *labels);
    r->labels = NULL;
}

static uint32_t *label_slot(struct ReadLabels *labels, uint32_t number)
{
    uint32_t mask = labels->capacity * 2 - 1;
    uint32_t i = (uint32_t)hash_word(number) & mask;

    while (labels->slots[i] && labels->rows[labels->slots[i] - 1].number != number) {
        i = (i + 1) & mask;
    }
    return &labels->slots[i];
}

static void grow_labels(struct ReadLabels *labels)
{
    uint32_t old = labels->capacity, want = old ? old * 2 : 8;

    labels->rows = mem_must_realloc(MEM_COMPILER, labels->rows, old * sizeof(LabelRow),
                                    want * sizeof(LabelRow));
    mem_free(MEM_COMPILER, labels->slots, old * 2 * sizeof(uint32_t));
    labels->slots = mem_must_alloc(MEM_COMPILER, want * 2 * sizeof(uint32_t));
    memset(labels->slots, 0, want * 2 * sizeof(uint32_t));
    labels->capacity = want;
    for (uint32_t i = 0; i < labels->count; i++) {
        *label_slot(labels, labels->rows[i].number) = i + 1;
    }
}

// Index of the new row, UINT32_MAX when the label exists already.
static uint32_t define_label(Reader *r, const Token *t)
{
    if (!r->labels) {
        r->labels = mem_must_alloc(MEM_COMPILER, sizeof *r->labels);
        *r->labels = (struct ReadLabels){0};
    }
    struct ReadLabels *labels = r->labels;
    if (labels->count == labels->capacity) grow_labels(labels);
    uint32_t *slot = label_slot(labels, t->label);
    if (*slot) {
        lexer_error(r, t->start, t->end, false, "datum label #%u= is defined twice", t->label);
        return UINT32_MAX;
    }
    Stx *node = lexer_node(r, STX_UNSPECIFIED, t->start, t->end);
    labels->rows[labels->count] = (LabelRow){.number = t->label, .node = node};
    *slot = ++labels->count;
    return labels->count - 1;
}

static Stx *label_node(Reader *r, const Token *t)
{
    uint32_t row = r->labels ? *label_slot(r->labels, t->label) : 0;

    if (!row) {
        lexer_error(r, t->start, t->end, false, "datum label #%u= is not defined before #%u#",
                    t->label, t->label);
        return NULL;
    }
    LabelRow *label = &r->labels->rows[row - 1];
    if (!label->complete) label->referred = true;
    return label->node;
}

// ---- frames ------------------------------------------------------------------------------------

static struct ReadFrame *top(Reader *r)
{
    return r->depth ? &r->frames[r->depth - 1] : NULL;
}

static bool at_line_start(const Reader *r, uint32_t offset)
{
    return offset == 0 || r->source->text[offset - 1] == '\n' ||
           r->source->text[offset - 1] == '\r';
}

// False when the data nest too deep (reported).
static bool push(Reader *r, FrameKind kind, const Token *t)
{
    if (r->depth >= READER_DEPTH_MAX) {
        lexer_error(r, t->start, t->end, false, "data are nested deeper than %d levels",
                    READER_DEPTH_MAX);
        return false;
    }
    if (r->depth == r->capacity) {
        uint32_t want = r->capacity ? r->capacity * 2 : 32;
        r->frames = mem_must_realloc(MEM_COMPILER, r->frames, r->capacity * sizeof *r->frames,
                                     want * sizeof *r->frames);
        r->capacity = want;
    }
    bool bracket = kind == FRAME_LIST || kind == FRAME_VECTOR || kind == FRAME_BYTES;
    if (bracket && r->depth > 0 && !r->suspect && at_line_start(r, t->start)) {
        r->suspect = t->start + 1;
    }
    r->frames[r->depth++] = (struct ReadFrame){
        .kind = (uint8_t)kind, .bracket = t->bracket, .start = t->start, .open_end = t->end};
    return true;
}

static Stx *make_pair(Reader *r, Stx *car, Stx *cdr, uint32_t start, uint32_t end)
{
    Stx *x = lexer_node(r, STX_PAIR, start, end);

    x->u.pair.car = car;
    x->u.pair.cdr = cdr;
    return x;
}

// The cdr of the last pair stays NULL until the frame is closed.
static void append(Reader *r, struct ReadFrame *f, Stx *item)
{
    Stx *pair = make_pair(r, item, NULL, item->start, item->end);

    if (f->tail) {
        f->tail->u.pair.cdr = pair;
    } else {
        f->head = pair;
    }
    f->tail = pair;
    f->count++;
}

static void append_byte(Reader *r, struct ReadFrame *f, Stx *item)
{
    if (item->kind == STX_INT && item->u.integer >= 0 && item->u.integer <= 255) {
        append(r, f, item);
        return;
    }
    lexer_error(r, item->start, item->end, false,
                "expected an exact integer from 0 to 255 in a bytevector");
}

static void append_to_list(Reader *r, struct ReadFrame *f, Stx *item)
{
    if (f->dot == DOT_NONE) {
        append(r, f, item);
    } else if (f->dot == DOT_SEEN) {
        f->tail->u.pair.cdr = item;
        f->dot = DOT_DONE;
    } else {
        lexer_error(r, item->start, item->end, false,
                    "expected %c: only one datum may follow the . of a list",
                    f->bracket == '(' ? ')' : ']');
    }
}

static Stx *wrap_prefix(Reader *r, const struct ReadFrame *f, Stx *datum)
{
    const char *name = f->bracket == '\''  ? "quote"
                       : f->bracket == '`' ? "quasiquote"
                       : f->bracket == ',' ? "unquote"
                                           : "unquote-splicing";
    Stx *head = lexer_node(r, STX_SYMBOL, f->start, f->open_end);
    Stx *nil = lexer_node(r, STX_NIL, datum->end, datum->end);

    head->u.symbol = sym_named(r->c, name);
    Stx *rest = make_pair(r, datum, nil, datum->start, datum->end);
    Stx *form = make_pair(r, head, rest, f->start, datum->end);
    form->bracket = (uint8_t)f->bracket;
    return form;
}

static Stx *complete_label(Reader *r, const struct ReadFrame *f, Stx *datum)
{
    LabelRow *label = &r->labels->rows[f->label];

    label->complete = true;
    if (datum == label->node) {
        lexer_error(r, f->start, f->open_end, false, "a datum label refers to itself only");
        return datum;
    }
    *label->node = *datum;
    label->node->start = f->start;
    label->node->cyclic |= label->referred;
    return label->node;
}

// Hands a datum to the innermost frame. Gives the datum when no frame is left, else NULL.
static Stx *deliver(Reader *r, Stx *datum)
{
    for (struct ReadFrame *f; (f = top(r)) != NULL;) {
        switch ((FrameKind)f->kind) {
        case FRAME_LIST:
            append_to_list(r, f, datum);
            return NULL;
        case FRAME_VECTOR:
            append(r, f, datum);
            return NULL;
        case FRAME_BYTES:
            append_byte(r, f, datum);
            return NULL;
        case FRAME_PREFIX:
            datum = wrap_prefix(r, f, datum);
            r->depth--;
            break;
        case FRAME_LABEL:
            datum = complete_label(r, f, datum);
            r->depth--;
            break;
        case FRAME_COMMENT:
            r->depth--;
            return NULL;
        }
    }
    return datum;
}

// ---- closing brackets --------------------------------------------------------------------------

static const char *prefix_text(const struct ReadFrame *f)
{
    if (f->kind == FRAME_COMMENT) return "#;";
    if (f->kind == FRAME_LABEL) return "a datum label";
    return f->bracket == '\'' ? "'" : f->bracket == '`' ? "`" : f->bracket == ',' ? "," : ",@";
}

// Drops prefixes that have no datum, before a closing bracket, a dot or the end.
static void drop_prefixes(Reader *r, const char *found, bool unfinished)
{
    bool first = true;

    for (struct ReadFrame *f; (f = top(r)) && f->kind >= FRAME_PREFIX; r->depth--) {
        if (first) {
            lexer_error(r, f->start, f->open_end, unfinished, "expected a datum after %s, found %s",
                        prefix_text(f), found);
        }
        first = false;
        if (f->kind == FRAME_LABEL) r->labels->rows[f->label].complete = true;
    }
}

static Stx *finish_list(Reader *r, struct ReadFrame *f, const Token *close)
{
    if (f->dot == DOT_SEEN) {
        lexer_error(r, close->start, close->end, false, "expected a datum between . and %c",
                    close->bracket);
    }
    Stx *nil = lexer_node(r, STX_NIL, close->start, close->end);
    if (!f->head) {
        nil->start = f->start;
        nil->bracket = (uint8_t)f->bracket;
        return nil;
    }
    if (f->dot != DOT_DONE) f->tail->u.pair.cdr = nil;
    f->head->start = f->start;
    f->head->end = close->end;
    f->head->bracket = (uint8_t)f->bracket;
    return f->head;
}

static Stx *finish_vector(Reader *r, const struct ReadFrame *f, const Token *close)
{
    Stx *x = lexer_node(r, STX_VECTOR, f->start, close->end);
    Stx **items = arena_array(&r->c->unit, Stx *, f->count);
    Stx *at = f->head;

    for (uint32_t i = 0; i < f->count; i++, at = at->u.pair.cdr) {
        items[i] = at->u.pair.car;
    }
    x->u.vector.items = items;
    x->u.vector.count = f->count;
    return x;
}

static Stx *finish_bytes(Reader *r, const struct ReadFrame *f, const Token *close)
{
    Stx *x = lexer_node(r, STX_BYTES, f->start, close->end);
    uint8_t *data = arena_alloc(&r->c->unit, f->count);
    Stx *at = f->head;

    for (uint32_t i = 0; i < f->count; i++, at = at->u.pair.cdr) {
        data[i] = (uint8_t)at->u.pair.car->u.integer;
    }
    x->u.bytes.data = data;
    x->u.bytes.size = f->count;
    return x;
}

// NULL when the bracket closes nothing.
static Stx *close_frame(Reader *r, const Token *t)
{
    char found[2] = {t->bracket, 0};

    drop_prefixes(r, found, false);
    struct ReadFrame *f = top(r);
    if (!f) {
        lexer_error(r, t->start, t->end, false, "unexpected '%c': no bracket is open", t->bracket);
        return NULL;
    }
    char expected = f->bracket == '(' ? ')' : ']';
    if (t->bracket != expected) {
        Place place = source_place(r->source, f->start);
        lexer_error(r, t->start, t->end, false,
                    "expected '%c' to close the bracket of line %u, column %u, found '%c'",
                    expected, place.line, place.column, t->bracket);
    }
    struct ReadFrame closed = *f;
    r->depth--;
    if (closed.kind == FRAME_LIST) return finish_list(r, &closed, t);
    return closed.kind == FRAME_VECTOR ? finish_vector(r, &closed, t) : finish_bytes(r, &closed, t);
}

static void handle_dot(Reader *r, const Token *t)
{
    drop_prefixes(r, ".", false);
    struct ReadFrame *f = top(r);
    if (f && f->kind == FRAME_LIST && f->dot == DOT_NONE && f->head) {
        f->dot = DOT_SEEN;
        return;
    }
    const char *why = !f                      ? "it is only allowed inside a list"
                      : f->kind != FRAME_LIST ? "it is not allowed in a vector"
                      : !f->head              ? "expected a datum before it"
                                              : "only one is allowed in a list";
    lexer_error(r, t->start, t->end, false, "unexpected '.': %s", why);
}

// The text ended inside a datum. The bracket to blame is the innermost open one; but where a later
// form begins in column 1 inside of another, what was open there lacks its bracket.
static void report_unclosed(Reader *r)
{
    if (!r->unfinished) drop_prefixes(r, "the end of the text", true);
    if (r->depth == 0 || r->unfinished) return;
    struct ReadFrame *blamed = top(r);
    uint32_t suspect = r->suspect ? r->suspect - 1 : 0;
    bool inside = r->suspect && r->frames[0].start < suspect;

    for (uint32_t i = 0; inside && i < r->depth && r->frames[i].start < suspect; i++) {
        blamed = &r->frames[i];
    }
    lexer_error(r, blamed->start, blamed->open_end, true,
                "this '%c' is never closed: expected '%c'", blamed->bracket,
                blamed->bracket == '(' ? ')' : ']');
    if (inside) {
        diag_at(
            r->c->diag, DIAG_NOTE, (Span){r->source, suspect, suspect + 1},
            "this begins in column 1 while the bracket above is open: is one missing before it?");
    }
}

// ---- data --------------------------------------------------------------------------------------

void reader_init(Reader *r, Compiler *c, const Source *source, uint32_t from)
{
    *r = (Reader){.c = c, .source = source, .at = from, .scratch = BUF_INIT};
}

void reader_free(Reader *r)
{
    mem_free(MEM_COMPILER, r->frames, r->capacity * sizeof *r->frames);
    r->frames = NULL;
    r->capacity = r->depth = 0;
    free_labels(r);
    buf_free(&r->scratch);
}

// Takes one token in. Gives a datum that is complete at the outermost level, else NULL.
static Stx *take_token(Reader *r, const Token *t)
{
    Stx *x = NULL;

    switch (t->kind) {
    case TOKEN_ATOM:
        return deliver(r, t->atom);
    case TOKEN_BAD:
        x = lexer_node(r, STX_UNSPECIFIED, t->start, t->end);
        return r->depth ? deliver(r, x) : NULL;
    case TOKEN_REFERENCE:
        x = label_node(r, t);
        return deliver(r, x ? x : lexer_node(r, STX_UNSPECIFIED, t->start, t->end));
    case TOKEN_CLOSE:
        x = close_frame(r, t);
        return x ? deliver(r, x) : NULL;
    case TOKEN_DOT:
        handle_dot(r, t);
        return NULL;
    case TOKEN_OPEN:
        (void)push(r, FRAME_LIST, t);
        return NULL;
    case TOKEN_VECTOR:
        (void)push(r, FRAME_VECTOR, t);
        return NULL;
    case TOKEN_BYTES:
        (void)push(r, FRAME_BYTES, t);
        return NULL;
    case TOKEN_PREFIX:
        (void)push(r, FRAME_PREFIX, t);
        return NULL;
    case TOKEN_COMMENT:
        (void)push(r, FRAME_COMMENT, t);
        return NULL;
    case TOKEN_LABEL: {
        uint32_t label = define_label(r, t);
        if (label != UINT32_MAX && push(r, FRAME_LABEL, t)) top(r)->label = label;
        return NULL;
    }
    case TOKEN_END:
        break;
    }
    return NULL;
}

ReadResult reader_next(Reader *r, Stx **datum)
{
    unsigned errors = r->c->diag->errors;

    *datum = NULL;
    r->depth = 0;
    r->suspect = 0;
    r->unfinished = false;
    for (;;) {
        Token t;
        lexer_next(r, &t);
        if (t.kind == TOKEN_END) {
            report_unclosed(r);
            r->depth = 0;
            break;
        }
        *datum = take_token(r, &t);
        bool failed = r->c->diag->errors > errors;
        if (*datum || (failed && r->depth == 0)) break;
        if (failed && r->depth >= READER_DEPTH_MAX) {
            r->at = (uint32_t)r->source->size; // no sense in what follows
            r->depth = 0;
            break;
        }
    }
    free_labels(r);
    if (r->c->diag->errors > errors) return READ_FAILED;
    return *datum ? READ_DATUM : READ_END;
}

Stx *reader_all(Compiler *c, const Source *source, bool fold_case)
{
    Reader r;
    Stx *datum, *head = NULL, *tail = NULL;

    reader_init(&r, c, source, 0);
    r.fold_case = fold_case;
    for (;;) {
        ReadResult result = reader_next(&r, &datum);
        if (result == READ_END) break;
        if (datum) {
            Stx *pair = make_pair(&r, datum, NULL, datum->start, datum->end);
            if (tail) {
                tail->u.pair.cdr = pair;
            } else {
                head = pair;
            }
            tail = pair;
        }
        if (result == READ_FAILED && r.at >= source->size) break;
    }
    Stx *nil = lexer_node(&r, STX_NIL, r.at, r.at);
    if (tail) tail->u.pair.cdr = nil;
    reader_free(&r);
    return head ? head : nil;
}
