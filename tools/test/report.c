// See report.h.
#include "tools/test/report.h"

#include "vm/base/utf8.h"

#include <stdlib.h>
#include <string.h>

// ---- TAP
// -------------------------------------------------------------------------------------------

static void put(Part p)
{
    (void)fwrite(p.text, 1, p.size, stdout);
}

// The path of a file as a description.
static void put_path(const char *path)
{
    for (; *path; path++) {
        if (*path == '#' || *path == '\\') putchar('\\');
        putchar(*path == '\n' || *path == '\r' ? ' ' : *path);
    }
}

static void put_test(const TestResult *t, Totals *totals)
{
    static const char *const directives[] = {"", " # SKIP", " # TODO"};

    printf("%s %llu - ", t->ok ? "ok" : "not ok", (unsigned long long)++totals->tests);
    put(t->name);
    fputs(directives[t->directive], stdout);
    if (t->reason.size > 0) putchar(' ');
    put(t->reason);
    putchar('\n');
    if (t->details.size > 0) {
        puts("  ---");
        put(t->details);
        puts("  ...");
    }
    if (t->directive == DIRECTIVE_SKIP) {
        totals->skipped++;
    } else if (test_failed(t)) {
        totals->failed++;
    } else {
        totals->passed++;
    }
}

// A test that stands for the file as a whole.
static void put_whole_file(const FileReport *f, const char *how, bool ok, Totals *totals)
{
    printf("%s %llu - ", ok ? "ok" : "not ok", (unsigned long long)++totals->tests);
    put_path(f->path);
    printf(" (%s)\n  ---\n  duration_ms: %.3f\n  ...\n", how, 1000 * f->seconds);
    if (ok) {
        totals->passed++;
    } else {
        totals->failed++;
    }
}

static void put_comments(const Buf *lines)
{
    const char *at = (const char *)lines->data, *end = at + lines->size;

    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        size_t size = newline ? (size_t)(newline - at) : (size_t)(end - at);
        if (size == 0 || *at != '#') fputs(size ? "# " : "#", stdout);
        put((Part){at, size});
        putchar('\n');
        at += size + 1;
    }
}

void report_file(FileReport *f, Totals *totals)
{
    uint64_t failed = totals->failed;

    fputs("# ", stdout);
    put_path(f->path);
    putchar('\n');
    for (size_t i = 0; i < f->tap.count; i++) {
        put_test(&f->tap.items[i], totals);
    }
    if (f->fault[0]) {
        put_whole_file(f, f->fault, false, totals);
    } else if (f->silent) {
        put_whole_file(f, "no TAP output", true, totals);
    }
    if (totals->failed > failed) {
        put_comments(&f->tap.noise);
        fflush(stdout);
        if (f->err.size > 0) fprintf(stderr, "eta_test: error in \"%s\":\n", f->path);
        (void)fwrite(f->err.data, 1, f->err.size, stderr);
    }
    fflush(stdout);
}

void report_end(const Totals *totals)
{
    printf("1..%llu\n# %llu passed, %llu failed", (unsigned long long)totals->tests,
           (unsigned long long)totals->passed, (unsigned long long)totals->failed);
    if (totals->skipped) printf(", %llu skipped", (unsigned long long)totals->skipped);
    printf(" in %.3f s\n", totals->seconds);
    fflush(stdout);
}

// ---- JUnit
// -----------------------------------------------------------------------------------------

// What XML cannot have becomes a question mark.
static void put_xml(FILE *out, const void *text, size_t size)
{
    const uint8_t *at = text, *end = at + size;

    while (at < end) {
        const uint8_t *start = at;
        uint32_t c = utf8_decode(&at, end);
        if (c == '&') {
            fputs("&amp;", out);
        } else if (c == '<') {
            fputs("&lt;", out);
        } else if (c == '>') {
            fputs("&gt;", out);
        } else if (c == '"') {
            fputs("&quot;", out);
        } else if (c == '\n' || c == '\r' || c == '\t') {
            fprintf(out, "&#%u;", (unsigned)c);
        } else if (c < ' ' || c == 0xFFFE || c == 0xFFFF || c == UTF8_INVALID) {
            fputc('?', out);
        } else {
            (void)fwrite(start, 1, (size_t)(at - start), out);
        }
    }
}

static void put_xml_buf(FILE *out, const Buf *b)
{
    put_xml(out, b->data, b->size);
}

static double duration_of(const TestResult *t, Buf *scratch)
{
    buf_clear(scratch);
    return tap_field(t, "duration_ms", scratch) ? strtod(buf_cstr(scratch), NULL) / 1000 : 0;
}

static void put_failure(FILE *out, const TestResult *t, Buf *scratch)
{
    buf_clear(scratch);
    (void)tap_field(t, "message", scratch);
    fputs("      <failure message=\"", out);
    put_xml_buf(out, scratch);
    fputs("\">", out);
    put_xml(out, t->details.text, t->details.size);
    fputs("</failure>\n", out);
}

// FILE: GROUP as the class, NAME as the name.
static void put_case(FILE *out, const FileReport *f, const TestResult *t, Buf *scratch)
{
    bool todo = !t->ok && t->directive == DIRECTIVE_TODO;

    fputs("    <testcase classname=\"", out);
    put_xml(out, f->path, strlen(f->path));
    buf_clear(scratch);
    if (tap_field(t, "group", scratch)) {
        fputs(": ", out);
        put_xml_buf(out, scratch);
    }
    buf_clear(scratch);
    tap_plain_name(t->name, scratch);
    fputs("\" name=\"", out);
    put_xml_buf(out, scratch);
    fprintf(out, "\" time=\"%.6f\"", duration_of(t, scratch));
    if (test_failed(t)) {
        fputs(">\n", out);
        put_failure(out, t, scratch);
        fputs("    </testcase>\n", out);
    } else if (t->directive == DIRECTIVE_SKIP || todo) {
        fputs("><skipped/></testcase>\n", out);
    } else {
        fputs("/>\n", out);
    }
}

static void put_file_case(FILE *out, const FileReport *f)
{
    fputs("    <testcase classname=\"", out);
    put_xml(out, f->path, strlen(f->path));
    fputs("\" name=\"", out);
    put_xml(out, f->path, strlen(f->path));
    fprintf(out, "\" time=\"%.6f\"", f->seconds);
    if (f->fault[0]) {
        fputs("><failure message=\"", out);
        put_xml(out, f->fault, strlen(f->fault));
        fputs("\"></failure></testcase>\n", out);
    } else {
        fputs("/>\n", out);
    }
}

static void put_suite(FILE *out, const FileReport *f, Buf *scratch)
{
    bool whole = f->fault[0] || f->silent;
    size_t failures = f->fault[0] != 0, skipped = 0;

    for (size_t i = 0; i < f->tap.count; i++) {
        const TestResult *t = &f->tap.items[i];
        failures += test_failed(t);
        skipped += !test_failed(t) && (t->directive == DIRECTIVE_SKIP || !t->ok);
    }
    fputs("  <testsuite name=\"", out);
    put_xml(out, f->path, strlen(f->path));
    fprintf(out, "\" tests=\"%zu\" failures=\"%zu\" skipped=\"%zu\" time=\"%.6f\">\n",
            f->tap.count + whole, failures, skipped, f->seconds);
    for (size_t i = 0; i < f->tap.count; i++) {
        put_case(out, f, &f->tap.items[i], scratch);
    }
    if (whole) put_file_case(out, f);
    if (failures && f->err.size > 0) {
        fputs("    <system-err>", out);
        put_xml_buf(out, &f->err);
        fputs("</system-err>\n", out);
    }
    fputs("  </testsuite>\n", out);
}

bool report_junit(FILE *out, const FileReport *files, size_t count, const Totals *totals)
{
    Buf scratch = BUF_INIT;

    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", out);
    fprintf(out, "<testsuites tests=\"%llu\" failures=\"%llu\" time=\"%.6f\">\n",
            (unsigned long long)totals->tests, (unsigned long long)totals->failed, totals->seconds);
    for (size_t i = 0; i < count; i++) {
        put_suite(out, &files[i], &scratch);
    }
    fputs("</testsuites>\n", out);
    buf_free(&scratch);
    return fflush(out) == 0 && !ferror(out);
}
