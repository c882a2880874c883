// See tap.h. Lenient: a line that is not TAP is noise, and a line that is may lack a number.
#include "tools/test/tap.h"

#include "vm/base/mem.h"

#include <string.h>
#include <strings.h>

// ---- lines
// -----------------------------------------------------------------------------------------

static Part next_line(Part *rest)
{
    const char *end = memchr(rest->text, '\n', rest->size);
    Part line = {rest->text, end ? (size_t)(end - rest->text) : rest->size};
    size_t used = line.size + (end != NULL);

    rest->text += used;
    rest->size -= used;
    if (line.size > 0 && line.text[line.size - 1] == '\r') line.size--;
    return line;
}

static bool is_line(Part line, const char *text)
{
    return line.size == strlen(text) && memcmp(line.text, text, line.size) == 0;
}

// Takes `text` off the front.
static bool take(Part *line, const char *text)
{
    size_t size = strlen(text);

    if (line->size < size || memcmp(line->text, text, size) != 0) return false;
    line->text += size;
    line->size -= size;
    return true;
}

static bool take_number(Part *line, uint64_t *number)
{
    size_t digits = 0;

    *number = 0;
    while (digits < line->size && line->text[digits] >= '0' && line->text[digits] <= '9') {
        if (*number < UINT32_MAX) *number = *number * 10 + (uint64_t)(line->text[digits] - '0');
        digits++;
    }
    line->text += digits;
    line->size -= digits;
    return digits > 0;
}

static void skip_blanks(Part *line)
{
    while (line->size > 0 && line->text[0] == ' ') {
        line->text++;
        line->size--;
    }
}

static void drop_blanks_behind(Part *line)
{
    while (line->size > 0 && line->text[line->size - 1] == ' ') {
        line->size--;
    }
}

// ---- tests
// -----------------------------------------------------------------------------------------

static bool take_word(Part *line, const char *word)
{
    size_t size = strlen(word);

    if (line->size < size || strncasecmp(line->text, word, size) != 0) return false;
    if (line->size > size && line->text[size] != ' ') return false;
    line->text += size;
    line->size -= size;
    return true;
}

// Cuts a directive off the end of the description.
static void take_directive(TestResult *t, Part line)
{
    t->name = line;
    for (size_t i = 0; i < line.size; i++) {
        if (line.text[i] == '\\') {
            i++;
        } else if (line.text[i] == '#' && (i == 0 || line.text[i - 1] == ' ')) {
            Part rest = {line.text + i + 1, line.size - i - 1};
            skip_blanks(&rest);
            t->directive = take_word(&rest, "SKIP")   ? DIRECTIVE_SKIP
                           : take_word(&rest, "TODO") ? DIRECTIVE_TODO
                                                      : DIRECTIVE_NONE;
            if (t->directive == DIRECTIVE_NONE) continue;
            skip_blanks(&rest);
            t->reason = rest;
            t->name.size = i;
            break;
        }
    }
    drop_blanks_behind(&t->name);
}

static bool read_test(TapOutput *tap, Part line)
{
    TestResult t = {0};
    uint64_t number;

    t.ok = !take(&line, "not ok");
    if (t.ok && !take(&line, "ok")) return false;
    if (line.size > 0 && line.text[0] != ' ') return false;
    skip_blanks(&line);
    (void)take_number(&line, &number);
    skip_blanks(&line);
    if (line.size > 0 && line.text[0] == '-') {
        (void)take(&line, "-");
        skip_blanks(&line);
    }
    take_directive(&t, line);
    if (tap->count == tap->capacity) {
        size_t capacity = tap->capacity ? 2 * tap->capacity : 16;
        tap->items = mem_must_realloc(MEM_IO, tap->items, tap->capacity * sizeof t,
                                      capacity * sizeof t);
        tap->capacity = capacity;
    }
    tap->items[tap->count++] = t;
    return true;
}

// The block behind a test, whose first line has been read. False when it does not end.
static bool read_details(TestResult *t, Part *rest)
{
    Part at = *rest;
    const char *start = at.text;

    while (at.size > 0) {
        Part line = next_line(&at);
        if (is_line(line, "  ...")) {
            t->details = (Part){start, (size_t)(line.text - start)};
            *rest = at;
            return true;
        }
    }
    return false;
}

static bool read_plan(TapOutput *tap, Part line)
{
    uint64_t count;

    if (!take(&line, "1..") || !take_number(&line, &count)) return false;
    skip_blanks(&line);
    if (line.size > 0 && line.text[0] != '#') return false;
    tap->planned += count;
    tap->has_plan = true;
    return true;
}

void tap_read(TapOutput *tap, const char *text, size_t size)
{
    Part rest = {text, size};
    TestResult *last = NULL;

    memset(tap, 0, sizeof *tap);
    while (rest.size > 0) {
        Part line = next_line(&rest);
        Part after = line;
        if (read_test(tap, line)) {
            last = &tap->items[tap->count - 1];
            continue;
        }
        if (last && is_line(line, "  ---") && read_details(last, &rest)) continue;
        last = NULL;
        if (read_plan(tap, line) || take(&after, "TAP version ")) continue;
        if (take(&after, "Bail out!")) {
            skip_blanks(&after);
            tap->bail_out = after;
            continue;
        }
        buf_bytes(&tap->noise, line.text, line.size);
        buf_u8(&tap->noise, '\n');
    }
}

void tap_free(TapOutput *tap)
{
    mem_free(MEM_IO, tap->items, tap->capacity * sizeof *tap->items);
    buf_free(&tap->noise);
    memset(tap, 0, sizeof *tap);
}

// ---- texts
// -----------------------------------------------------------------------------------------

static void unquote(Part value, Buf *out)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.text[i];
        if (c == '\\' && i + 1 < value.size) {
            c = value.text[++i];
            c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
        buf_u8(out, (uint8_t)c);
    }
}

bool tap_field(const TestResult *t, const char *key, Buf *out)
{
    Part rest = t->details;

    while (rest.size > 0) {
        Part line = next_line(&rest);
        skip_blanks(&line);
        if (!take(&line, key) || !take(&line, ":")) continue;
        skip_blanks(&line);
        if (line.size >= 2 && line.text[0] == '"' && line.text[line.size - 1] == '"') {
            unquote((Part){line.text + 1, line.size - 2}, out);
        } else {
            buf_bytes(out, line.text, line.size);
        }
        return true;
    }
    return false;
}

void tap_plain_name(Part name, Buf *out)
{
    for (size_t i = 0; i < name.size; i++) {
        if (name.text[i] == '\\' && i + 1 < name.size) i++;
        buf_u8(out, (uint8_t)name.text[i]);
    }
}
