// Sources and the layout of diagnostics.
#include "tests/unit/compiler/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void show(const char *text, uint32_t start, uint32_t end, const char *want, int line)
{
    Source s;
    Diag d;

    source_init(&s, "d.eta", text, strlen(text));
    diag_init(&d);
    diag_at(&d, DIAG_ERROR, (Span){&s, start, end}, "what %d", 1);
    check_text(buf_cstr(&d.text), want, "diag_test.c", line);
    diag_free(&d);
    source_free(&s);
}

static void test_layout(void)
{
    show("(+ 1 (lenght x)))", 6, 12,
         "d.eta:1:7: error: what 1\n"
         "   1 | (+ 1 (lenght x)))\n"
         "     |       ^~~~~~",
         __LINE__);
    show("a\nb\n\tcd e", 5, 7,
         "d.eta:3:2: error: what 1\n"
         "   3 | \tcd e\n"
         "     | \t^~",
         __LINE__);
    // Columns and carets count characters.
    show("λλ x y", 5, 6,
         "d.eta:1:4: error: what 1\n"
         "   1 | λλ x y\n"
         "     |    ^",
         __LINE__);
    // A span over several lines is underlined to the end of its first.
    show("(a\n b)", 0, 6,
         "d.eta:1:1: error: what 1\n"
         "   1 | (a\n"
         "     | ^~",
         __LINE__);
    show("a\r\nbc\rd", 3, 5,
         "d.eta:2:1: error: what 1\n"
         "   2 | bc\n"
         "     | ^~",
         __LINE__);
    show("a\r\nbc\rd", 6, 7,
         "d.eta:3:1: error: what 1\n"
         "   3 | d\n"
         "     | ^",
         __LINE__);
    // At the end of the text and in an empty one.
    show("ab", 2, 2, "d.eta:1:3: error: what 1\n   1 | ab\n     |   ^", __LINE__);
    show("ab\n", 3, 3, "d.eta:2:1: error: what 1\n   2 | \n     | ^", __LINE__);
    show("", 0, 0, "d.eta:1:1: error: what 1\n   1 | \n     | ^", __LINE__);
    show("\x1b[31mred", 5, 8, "d.eta:1:6: error: what 1\n   1 | ?[31mred\n     |      ^~~",
         __LINE__);
}

static void test_long_lines(void)
{
    char text[401];
    Source s;
    Diag d;

    for (int i = 0; i < 400; i++) {
        text[i] = (char)('a' + i % 26);
    }
    text[400] = 0;
    source_init(&s, "d.eta", text, 400);
    for (uint32_t at = 0; at <= 400; at += 10) {
        diag_init(&d);
        diag_at(&d, DIAG_ERROR, (Span){&s, at, at + 200}, "x");
        const char *out = buf_cstr(&d.text);
        const char *line = strchr(out, '\n') + 1, *caret = strchr(line, '\n') + 1;
        size_t width = (size_t)(caret - 1 - line);
        CHECK_TRUE(width <= 7 + 6 + 100);
        const char *mark = strchr(caret, '^');
        CHECK_TRUE(strlen(caret) <= 7 + 6 + 100 + 2);
        // The caret stands under its character.
        CHECK_TRUE(at == 400 || line[mark - caret] == text[at]);
        diag_free(&d);
    }
    source_free(&s);
}

static void test_limits(void)
{
    Diag d;

    diag_init(&d);
    for (int i = 0; i < 30; i++) {
        diag_at(&d, DIAG_ERROR, SPAN_NONE, "number %d", i);
        diag_at(&d, DIAG_NOTE, SPAN_NONE, "note %d", i);
    }
    const char *out = buf_cstr(&d.text);
    CHECK_TRUE(d.errors == 30);
    CHECK_HAS(out, "error: number 19\nnote: note 19\n");
    CHECK_TRUE(strstr(out, "20") == NULL);
    diag_free(&d);

    // A message of any length and content.
    char huge[5000];
    diag_init(&d);
    memset(huge, 'x', sizeof huge);
    for (size_t i = 0; i + 1 < sizeof huge; i += 2) {
        memcpy(huge + i, "λ", 2);
    }
    huge[sizeof huge - 1] = 0;
    diag_at(&d, DIAG_WARNING, SPAN_NONE, "a\nb\x1b %s", huge);
    out = buf_cstr(&d.text);
    CHECK_HAS(out, "warning: a?b? λ");
    CHECK_HAS(out, "λ...\n");
    CHECK_TRUE(d.warnings == 1 && d.errors == 0);
    diag_free(&d);
}

static const char *read_reason(const char *path, size_t *where)
{
    Source s;
    const char *why;

    if (source_read(&s, path, &why, where)) {
        source_free(&s);
        return "none";
    }
    return why;
}

static void write_file(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");

    if (size) fwrite(bytes, 1, size, f);
    fclose(f);
}

static void test_files(void)
{
    char dir[] = "/tmp/diag_testXXXXXX", path[64];
    Source s;
    const char *why;
    size_t where;

    CHECK_TRUE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/a.eta", dir);
    CHECK_TEXT(read_reason(path, &where), "No such file or directory");
    CHECK_TEXT(read_reason(dir, &where), "is a directory");
    write_file(path, "ab\0c", 4);
    CHECK_TEXT(read_reason(path, &where), "holds a NUL byte: not a text file");
    CHECK_TRUE(where == 2);
    write_file(path, "abc\xFF", 4);
    CHECK_TEXT(read_reason(path, &where), "is not valid UTF-8");
    CHECK_TRUE(where == 3);
    write_file(path, "", 0);
    CHECK_TEXT(read_reason(path, &where), "none");
    write_file(path,
               "\xEF\xBB\xBF"
               "x\ny\n",
               7);
    CHECK_TRUE(source_read(&s, path, &why, &where));
    CHECK_TRUE(s.size == 4 && s.line_count == 3 && s.text[0] == 'x');
    source_free(&s);
    source_free(&s); // twice is nothing
    if (geteuid() != 0) {
        write_file(path, "x", 1);
        CHECK_TRUE(truncate(path, 0) == 0);
    }
    unlink(path);
    rmdir(dir);
}

static void test_places(void)
{
    static const char text[] = "ab\ncλd\n\ne";
    Source s;
    size_t size;

    source_init(&s, "p", text, sizeof text - 1);
    CHECK_TRUE(s.line_count == 4);
    Place p = source_place(&s, 6); // d
    CHECK_TRUE(p.line == 2 && p.column == 3);
    p = source_place(&s, 9);
    CHECK_TRUE(p.line == 4 && p.column == 1);
    p = source_place(&s, 1000);
    CHECK_TRUE(p.line == 4 && p.column == 2);
    const char *line = source_line(&s, 2, &size);
    CHECK_TRUE(size == 4 && strncmp(line, "cλd", size) == 0);
    source_line(&s, 3, &size);
    CHECK_TRUE(size == 0);
    source_line(&s, 99, &size);
    CHECK_TRUE(size == 0);
    source_line(&s, 0, &size);
    CHECK_TRUE(size == 0);
    source_free(&s);
}

// Columns in long lines, which sources keep marks for: every offset against a plain count.
static void test_places_in_long_lines(void)
{
    static char text[8192];
    size_t n = 0;
    Source s;
    bool right = true;

    n += (size_t)sprintf(text, "short\n");
    while (n < 5000) {
        n += (size_t)sprintf(text + n, "%s", n % 7 ? "abcdefghij" : "λ€");
    }
    n += (size_t)sprintf(text + n, "\nlast");
    while (n < 8000) {
        text[n++] = 'x';
    }
    source_init(&s, "p", text, n);
    for (uint32_t at = 0, line = 1, column = 1; at <= n; at++) {
        Place p = source_place(&s, at);
        right = right && p.line == line && p.column == column;
        if (text[at] == '\n') {
            line++;
            column = 1;
        } else {
            column += (text[at] & 0xC0) != 0x80;
        }
    }
    CHECK_TRUE(right);
    source_free(&s);
}

int main(void)
{
    test_layout();
    test_long_lines();
    test_limits();
    test_files();
    test_places();
    test_places_in_long_lines();
    return check_summary();
}
