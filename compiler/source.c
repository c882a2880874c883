// See source.h. A line ends at a line feed, at a return, or at both together, as in R7RS.
#include "compiler/source.h"

#include "vm/base/buf.h"
#include "vm/base/mem.h"
#include "vm/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Offsets are 32 bits wide.
#define SOURCE_BYTES_MAX 0xFFFFFFF0u

// Sources with a line longer than this keep how many characters there are before each multiple of it,
// so that a column costs no walk through the whole line (programs made by programs).
#define MARK_BYTES 1024u

struct SourceBlocks {
    Buf text; // of a file; empty when the caller keeps the text
    uint32_t *lines;
    size_t lines_capacity;
    uint32_t *marks; // NULL: all lines are short
    size_t mark_count;
};

static void add_line(Source *s, size_t start)
{
    struct SourceBlocks *own = s->own;

    if (s->line_count == own->lines_capacity) {
        size_t want = own->lines_capacity * 2;
        own->lines = mem_must_realloc(MEM_COMPILER, own->lines, own->lines_capacity * 4, want * 4);
        own->lines_capacity = want;
    }
    own->lines[s->line_count++] = (uint32_t)start;
}

// Characters are counted by the bytes that do not continue one; good for invalid text too.
static uint32_t count_characters(const char *text, size_t size)
{
    uint32_t n = 0;

    for (size_t i = 0; i < size; i++) {
        n += (text[i] & 0xC0) != 0x80;
    }
    return n;
}

static void make_marks(Source *s)
{
    struct SourceBlocks *own = s->own;
    uint32_t n = 0;

    own->mark_count = s->size / MARK_BYTES + 1;
    own->marks = mem_must_alloc(MEM_COMPILER, own->mark_count * 4);
    for (size_t i = 0; i < own->mark_count; i++) {
        own->marks[i] = n;
        size_t at = i * MARK_BYTES;
        n += count_characters(s->text + at, MIN(s->size - at, (size_t)MARK_BYTES));
    }
}

static bool has_long_line(const Source *s)
{
    const uint32_t *start = s->own->lines;

    for (uint32_t i = 1; i < s->line_count; i++) {
        if (start[i] - start[i - 1] > MARK_BYTES) return true;
    }
    return s->size - start[s->line_count - 1] > MARK_BYTES;
}

static void find_lines(Source *s)
{
    const char *p = s->text, *end = s->text + s->size;

    add_line(s, 0);
    while (p < end) {
        char byte = *p++;
        if (byte == '\n' || (byte == '\r' && !(p < end && *p == '\n'))) {
            add_line(s, (size_t)(p - s->text));
        }
    }
}

void source_init(Source *s, const char *path, const char *text, size_t size)
{
    struct SourceBlocks *own = mem_must_alloc(MEM_COMPILER, sizeof *own);

    *own = (struct SourceBlocks){.text = BUF_INIT, .lines_capacity = 16};
    own->lines = mem_must_alloc(MEM_COMPILER, own->lines_capacity * 4);
    size = MIN(size, SOURCE_BYTES_MAX);
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        size -= 3;
    }
    *s = (Source){.path = path, .text = text, .size = size, .own = own};
    find_lines(s);
    if (has_long_line(s)) make_marks(s);
    s->line_starts = own->lines;
}

void source_free(Source *s)
{
    struct SourceBlocks *own = s->own;

    if (!own) return;
    buf_free(&own->text);
    mem_free(MEM_COMPILER, own->lines, own->lines_capacity * 4);
    mem_free(MEM_COMPILER, own->marks, own->mark_count * 4);
    mem_free(MEM_COMPILER, own, sizeof *own);
    *s = (Source){0};
}

// Reads all of a descriptor. Gives NULL or the reason.
static const char *read_all(int fd, Buf *out)
{
    struct stat st;

    if (fstat(fd, &st) != 0) return strerror(errno);
    if (S_ISDIR(st.st_mode)) return "is a directory";
    size_t want = S_ISREG(st.st_mode) ? (size_t)st.st_size + 1 : 64 * 1024;
    for (;;) {
        if (out->size > SOURCE_BYTES_MAX || want > SOURCE_BYTES_MAX) return "is larger than 4 GB";
        if (!buf_reserve(out, want)) return strerror(ENOMEM);
        ssize_t n = read(fd, out->data + out->size, out->capacity - out->size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return strerror(errno);
        if (n == 0) return NULL;
        out->size += (size_t)n;
        want = out->size == out->capacity ? out->size : 1;
    }
}

// Gives NULL when the bytes are text, else the reason.
static const char *check_text(const Buf *text, size_t *where)
{
    if (text->size == 0) return NULL;
    const uint8_t *nul = memchr(text->data, 0, text->size);
    size_t invalid = utf8_validate(text->data, text->size);

    if (nul && (size_t)(nul - text->data) < invalid) {
        *where = (size_t)(nul - text->data);
        return "holds a NUL byte: not a text file";
    }
    if (invalid < text->size) {
        *where = invalid;
        return "is not valid UTF-8";
    }
    return NULL;
}

bool source_read(Source *s, const char *path, const char **why, size_t *where)
{
    bool standard_input = strcmp(path, "-") == 0;
    int fd = standard_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    Buf text = BUF_INIT;

    *s = (Source){0};
    *where = 0;
    *why = fd < 0 ? strerror(errno) : read_all(fd, &text);
    if (fd >= 0 && !standard_input) close(fd);
    if (!*why) *why = check_text(&text, where);
    if (*why) {
        buf_free(&text);
        return false;
    }
    source_init(s, path, text.data ? (const char *)text.data : "", text.size);
    s->own->text = text;
    return true;
}

static uint32_t line_at(const Source *s, uint32_t offset)
{
    uint32_t low = 0, high = s->line_count;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (s->line_starts[middle] <= offset) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

// Characters in front of a byte of a source with marks.
static uint32_t characters_before(const Source *s, uint32_t offset)
{
    uint32_t mark = offset / MARK_BYTES;

    return s->own->marks[mark] +
           count_characters(s->text + mark * MARK_BYTES, offset - mark * MARK_BYTES);
}

Place source_place(const Source *s, uint32_t offset)
{
    offset = (uint32_t)MIN((size_t)offset, s->size);
    uint32_t line = line_at(s, offset), start = s->line_starts[line];
    uint32_t before = s->own->marks ? characters_before(s, offset) - characters_before(s, start)
                                    : count_characters(s->text + start, offset - start);

    return (Place){line + 1, before + 1};
}

// Byte offset of a place, cut to the text.
static uint32_t offset_of(const Source *s, uint32_t line, uint32_t column)
{
    size_t size;
    const char *text = source_line(s, line, &size), *end = text + size;

    if (line == 0 || line > s->line_count) return (uint32_t)s->size;
    while (column > 1 && text < end) {
        text++;
        column -= text == end || (*text & 0xC0) != 0x80;
    }
    return (uint32_t)(text - s->text);
}

Span source_span(const Source *s, uint32_t line, uint32_t column, uint32_t end_line,
                 uint32_t end_column)
{
    return (Span){s, offset_of(s, line, column), offset_of(s, end_line, end_column)};
}

const char *source_line(const Source *s, uint32_t line, size_t *size)
{
    *size = 0;
    if (line == 0 || line > s->line_count) return "";
    size_t start = s->line_starts[line - 1];
    size_t end = line < s->line_count ? s->line_starts[line] : s->size;
    while (end > start && (s->text[end - 1] == '\n' || s->text[end - 1] == '\r')) {
        end--;
    }
    *size = end - start;
    return s->text + start;
}
