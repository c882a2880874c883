// See diag.h. A diagnostic is one head line and, when its place is known, the source line and a
// line that underlines the place:
//
//   path:line:column: severity: message
//   NNNN | text of the line
//        |      ^~~~
//
// A long line is cut to a window around the place. Tabs stay tabs in both lines, so the caret
// stands under its character whatever the terminal's tab width; other control characters are shown
// as '?' lest a source text drive the terminal.
#include "compiler/diag.h"

#include "vm/base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WINDOW_COLUMNS 100
#define WINDOW_BEFORE  60 // of them, at most, before the place
#define CUT_MARK       "..."
#define MESSAGE_BYTES  2000

void diag_init(Diag *d)
{
    *d = (Diag){.text = BUF_INIT};
}

void diag_free(Diag *d)
{
    buf_free(&d->text);
}

// The part of a line that is shown: characters [from, to) of it, as byte offsets.
typedef struct {
    const char *line;
    size_t size;
    size_t from, to;
    size_t caret, caret_end; // byte offsets in the line, caret <= caret_end
} Window;

static bool starts_char(char byte)
{
    return (byte & 0xC0) != 0x80;
}

// Moves a byte offset by `count` characters to the left or right, within the line.
static size_t step_left(const Window *w, size_t at, unsigned count)
{
    while (at > 0 && count > 0) {
        count -= starts_char(w->line[--at]);
    }
    return at;
}

static size_t step_right(const Window *w, size_t at, unsigned count)
{
    while (at < w->size && count > 0) {
        at++;
        while (at < w->size && !starts_char(w->line[at])) {
            at++;
        }
        count--;
    }
    return at;
}

static void place_window(Window *w)
{
    w->from = 0;
    w->to = w->size;
    if (step_right(w, 0, WINDOW_COLUMNS) == w->size) return;
    w->from = step_left(w, w->caret, WINDOW_BEFORE);
    w->to = step_right(w, w->from, WINDOW_COLUMNS);
    if (w->to == w->size) w->from = step_left(w, w->size, WINDOW_COLUMNS);
}

static void put_line(Buf *b, const Window *w, uint32_t line)
{
    buf_printf(b, "%4u | %s", line, w->from > 0 ? CUT_MARK : "");
    for (size_t i = w->from; i < w->to; i++) {
        uint8_t byte = (uint8_t)w->line[i];
        buf_u8(b, (byte < 0x20 && byte != '\t') || byte == 0x7F ? '?' : byte);
    }
    buf_printf(b, "%s\n", w->to < w->size ? CUT_MARK : "");
}

static void put_caret(Buf *b, const Window *w)
{
    buf_printf(b, "     | %s", w->from > 0 ? "   " : "");
    for (size_t i = w->from; i < w->caret; i++) {
        if (starts_char(w->line[i])) buf_u8(b, w->line[i] == '\t' ? '\t' : ' ');
    }
    buf_u8(b, '^');
    size_t end = MIN(w->caret_end, w->to);
    for (size_t i = step_right(w, w->caret, 1); i < end; i++) {
        if (starts_char(w->line[i])) buf_u8(b, w->line[i] == '\t' ? '\t' : '~');
    }
    buf_u8(b, '\n');
}

static void put_excerpt(Buf *b, Span span, Place place)
{
    const Source *s = span.source;
    Window w = {0};

    w.line = source_line(s, place.line, &w.size);
    size_t start = (size_t)(w.line - s->text);
    if (s->size == 0) start = 0;
    w.caret = MIN(span.start - start, w.size);
    w.caret_end = span.end > span.start ? MIN(span.end - start, w.size) : w.caret;
    place_window(&w);
    put_line(b, &w, place.line);
    put_caret(b, &w);
}

void diag_excerpt(Buf *out, Span span)
{
    if (span.source) put_excerpt(out, span, source_place(span.source, span.start));
}

static bool admit(Diag *d, Severity severity)
{
    if (severity == DIAG_ERROR) d->errors++;
    if (severity == DIAG_WARNING) d->warnings++;
    // A note goes with what it belongs to, which was dropped when the limit was passed.
    if (severity == DIAG_ERROR) return d->errors <= DIAG_ERRORS_MAX;
    if (severity == DIAG_WARNING) return d->warnings <= DIAG_WARNINGS_MAX;
    return !d->dropping;
}

// The message may quote names of any length and content: it is cut at MESSAGE_BYTES and cleaned.
static void put_message(Buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
static void put_message(Buf *b, const char *fmt, va_list args)
{
    char text[MESSAGE_BYTES];
    int wanted = vsnprintf(text, sizeof text, fmt, args);
    size_t size = strlen(text);
    bool cut = wanted >= (int)sizeof text;

    // The last character may be a part of one.
    while (cut && size > 0 && !starts_char(text[--size])) {
    }
    const uint8_t *at = (const uint8_t *)text, *end = at + size;
    while (at < end) {
        uint32_t scalar = utf8_decode(&at, end); // callers cut names, too
        bool shown = scalar != UTF8_INVALID && scalar >= 0x20 && scalar != 0x7F;
        buf_char(b, shown ? scalar : '?');
    }
    buf_printf(b, "%s\n", cut ? CUT_MARK : "");
}

void diag_at(Diag *d, Severity severity, Span span, const char *fmt, ...)
{
    static const char *const names[] = {"error", "warning", "note"};
    va_list args;

    bool shown = admit(d, severity);
    if (severity != DIAG_NOTE) d->dropping = !shown;
    if (!shown) return;
    Place place = {0, 0};
    if (span.source) {
        span.start = (uint32_t)MIN((size_t)span.start, span.source->size);
        place = source_place(span.source, span.start);
        buf_printf(&d->text, "%s:%u:%u: ", span.source->path, place.line, place.column);
    }
    buf_printf(&d->text, "%s: ", names[severity]);
    va_start(args, fmt);
    put_message(&d->text, fmt, args);
    va_end(args);
    if (span.source) put_excerpt(&d->text, span, place);
}
