// See harness.h.
#include "tests/unit/compiler/harness.h"

#include "vm/base/mem.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct TestImage {
    char *name;
    uint8_t *bytes;
    size_t size;
    struct TestImage *next;
};

static unsigned passed, failed;
static Buf result; // of expand_text

// ---- checks ------------------------------------------------------------------------------------

void check_at(bool good, const char *file, int line, const char *fmt, ...)
{
    va_list args;

    if (good) {
        passed++;
        return;
    }
    failed++;
    printf("%s:%d: ", file, line);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
}

static size_t trimmed(const char *text)
{
    size_t size = strlen(text);

    while (size > 0 && text[size - 1] == '\n') {
        size--;
    }
    return size;
}

void check_text(const char *got, const char *want, const char *file, int line)
{
    size_t n = trimmed(got), m = trimmed(want);
    bool same = n == m && memcmp(got, want, n) == 0;

    check_at(same, file, line, "got\n%.*s\nexpected\n%.*s", (int)n, got, (int)m, want);
}

void check_has(const char *got, const char *want, const char *file, int line)
{
    check_at(strstr(got, want) != NULL, file, line, "no \"%s\" in\n%s", want, got);
}

int check_summary(void)
{
    buf_free(&result);
    printf("%u passed, %u failed\n", passed, failed);
    return failed ? 1 : 0;
}

// ---- hosts -------------------------------------------------------------------------------------

static ModuleFound find_module(void *context, const char *name, const char *importer,
                               const char **path, const uint8_t **interface, size_t *size,
                               const char **why)
{
    TestSession *s = context;

    (void)importer;
    for (struct TestImage *i = s->images; i && !s->loading_refused; i = i->next) {
        if (strcmp(i->name, name) != 0) continue;
        *interface = i->bytes;
        *size = i->size;
        return FOUND_INTERFACE;
    }
    for (size_t i = 0; i < s->module_count; i++) {
        if (strcmp(s->modules[i].name, name) != 0) continue;
        *path = name;
        return FOUND_SOURCE;
    }
    *why = "looked in the test's modules";
    return FOUND_NOTHING;
}

static void keep_images(TestSession *s, const Expanded *e)
{
    for (uint32_t i = 0; i < e->count && s->keep_images; i++) {
        Buf b = BUF_INIT;
        if (e->modules[i]->program || e->modules[i]->open) continue;
        iface_write(&s->c, e->modules[i]->iface, &b);
        image_add(s, e->modules[i]->name->text, b.data, b.size);
        buf_free(&b);
    }
}

static bool require_module(void *context, Compiler *c, const char *name, const char *path)
{
    TestSession *s = context;
    UnitFrame frame;
    Source source;
    Expanded e;
    bool good = false, privileged = c->privileged;
    Sym *defaults = c->defaults;

    for (size_t i = 0; i < s->module_count; i++) {
        if (strcmp(s->modules[i].name, name) != 0) continue;
        s->compiled++;
        source_init(&source, path, s->modules[i].text, strlen(s->modules[i].text));
        unit_begin(c, &frame);
        c->privileged = s->modules[i].privileged;
        if (c->privileged) c->defaults = NULL;
        good = expand_source(c, &source, &e);
        if (good) keep_images(s, &e);
        if (good && s->on_compiled) s->on_compiled(s, &e);
        c->privileged = privileged;
        c->defaults = defaults;
        unit_end(c, &frame);
        source_free(&source);
    }
    return good;
}

void session_open(TestSession *s, const TestModule *modules, size_t count)
{
    *s = (TestSession){.modules = modules, .module_count = count};
    s->host = (CompilerHost){.context = s, .find = find_module, .require = require_module};
    diag_init(&s->diag);
    session_init(&s->c, &s->host, &s->diag);
}

void session_open_default(TestSession *s, const TestModule *modules, size_t count)
{
    session_open(s, modules, count);
    s->c.defaults = sym_named(&s->c, "base");
}

void session_close(TestSession *s)
{
    session_free(&s->c);
    diag_free(&s->diag);
    for (struct TestImage *i = s->images, *next; i; i = next) {
        next = i->next;
        free(i->name);
        free(i->bytes);
        free(i);
    }
    s->images = NULL;
}

void image_add(TestSession *s, const char *name, const uint8_t *bytes, size_t size)
{
    struct TestImage *i = malloc(sizeof *i);

    // Exactly as large as it is, so that ASan sees every byte read beyond.
    *i = (struct TestImage){
        .name = strdup(name), .bytes = malloc(size ? size : 1), .size = size, .next = s->images};
    if (size) memcpy(i->bytes, bytes, size);
    s->images = i;
}

const uint8_t *image_bytes(TestSession *s, const char *name, size_t *size)
{
    for (struct TestImage *i = s->images; i; i = i->next) {
        if (strcmp(i->name, name) != 0) continue;
        *size = i->size;
        return i->bytes;
    }
    return NULL;
}

void session_take_images(TestSession *to, TestSession *from)
{
    to->images = from->images;
    from->images = NULL;
}

// ---- expanding ---------------------------------------------------------------------------------

// The program of t.eta is "t" in what tests compare with.
static void shorten_names(Buf *b)
{
    static const char name[] = "t~da069661";
    const size_t size = sizeof name - 1;
    Buf out = BUF_INIT;

    for (size_t i = 0; i < b->size; i++) {
        bool here = b->data[i] == name[0] && i + size <= b->size &&
                    !memcmp(b->data + i, name, size);
        buf_u8(&out, b->data[i]);
        if (here) i += size - 1;
    }
    buf_free(b);
    *b = out;
}

static const char *show(TestSession *s, bool good, const Expanded *e)
{
    buf_clear(&result);
    if (s->diag.text.size) buf_bytes(&result, s->diag.text.data, s->diag.text.size);
    if (good) {
        for (uint32_t i = 0; i < e->count; i++) {
            core_dump_module(e->modules[i], &result);
        }
    } else if (result.size == 0) {
        buf_text(&result, "failed without a diagnostic");
    }
    buf_clear(&s->diag.text);
    s->diag.errors = s->diag.warnings = 0;
    shorten_names(&result);
    return buf_cstr(&result);
}

static const char *expand_file(TestSession *s, const char *text, bool dump)
{
    UnitFrame frame;
    Source source;
    Expanded e;

    source_init(&source, "t.eta", text, strlen(text));
    unit_begin(&s->c, &frame);
    bool good = expand_source(&s->c, &source, &e);
    if (good) keep_images(s, &e);
    if (!dump) e.count = 0;
    const char *shown = show(s, good, &e);
    unit_end(&s->c, &frame);
    source_free(&source);
    return !dump && good && !shown[0] ? "ok" : shown;
}

const char *expand_text(TestSession *s, const char *text)
{
    return expand_file(s, text, true);
}

const char *expand_quietly(TestSession *s, const char *text)
{
    return expand_file(s, text, false);
}

const char *expand_line(TestSession *s, const char *text)
{
    UnitFrame frame;
    Source source;
    Expanded e = {0};

    source_init(&source, "<repl>", text, strlen(text));
    unit_begin(&s->c, &frame);
    Stx *forms = reader_all(&s->c, &source, false);
    bool good = s->diag.errors == 0 && expand_open(&s->c, sym_named(&s->c, "user"), forms, NULL, &e);
    const char *shown = show(s, good, &e);
    unit_end(&s->c, &frame);
    source_free(&source);
    return shown;
}

typedef struct {
    void (*fn)(void *);
    void *argument;
} Call;

static void *call(void *argument)
{
    Call *c = argument;

    c->fn(c->argument);
    return NULL;
}

void run_with_stack(void (*fn)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    Call c = {fn, argument};

    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256u << 20);
    if (pthread_create(&thread, &attributes, call, &c) != 0) abort();
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
}

// The default names of most tests: procedures that do next to nothing.
const char prelude_text[] =
    "(module base\n"
    "  (export list car cdr cons + - * / = < > <= >= eq? eqv? equal? not null? pair? vector "
    "display\n"
    "          newline values call-with-values apply map append error length zero? println raise\n"
    "          void even? odd? string-append number? symbol? exit)\n"
    "  (define (list . x) x) (define (car x) (%car x)) (define (cdr x) (%cdr x))\n"
    "  (define (cons a d) (%cons a d)) (define (+ . x) x) (define (- . x) x) (define (* . x) x)\n"
    "  (define (/ . x) x) (define (= . x) x) (define (< . x) x) (define (> . x) x)\n"
    "  (define (<= . x) x) (define (>= . x) x) (define (eq? a b) a) (define (eqv? a b) (%eqv? a "
    "b))\n"
    "  (define (equal? a b) a) (define (not x) x) (define (null? x) x) (define (pair? x) x)\n"
    "  (define (vector . x) x) (define (display x . p) x) (define (newline . p) p)\n"
    "  (define (values . x) x) (define (call-with-values p c) p) (define (apply f . x) x)\n"
    "  (define (map f . x) x) (define (append . x) x) (define (error m . x) m)\n"
    "  (define (length x) x) (define (zero? x) x) (define (println x) x) (define (raise x . y) x)\n"
    "  (define (void) 1) (define (even? x) x) (define (odd? x) x) (define (string-append . x) x)\n"
    "  (define (number? x) x) (define (symbol? x) x) (define (exit . x) x))\n";
