// Interfaces as bytes: what is written comes back, and damaged bytes do no harm.
#include "tests/unit/compiler/harness.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char lib_text[] =
    "(module lib (export value f g twice! show my-if define-hidden counter next! vec (rename f "
    "f2))\n"
    "  (define value 5) (define (f x) (list 'f x)) (define g (case-lambda ((a) a) ((a b . c) b)))\n"
    "  (define (helper x) (list \"helper\" x 1.5 #\\a #u8(1 2) 123456789012345678901234567890))\n"
    "  (define n 0) (define (counter) n)\n"
    "  (define-syntax next! (syntax-rules () ((_) (begin (set! n (+ n 1)) n))))\n"
    "  (define-syntax twice! (syntax-rules () ((_ x) (begin x x))))\n"
    "  (define-syntax inner (syntax-rules () ((_ x) (helper x))))\n"
    "  (define-syntax show (syntax-rules () ((_ x) (list '(1 . 2) #t #f \"text\" #\\a 1.5 #u8(1) "
    "1/2 (inner x)))))\n"
    "  (define-syntax my-if (syntax-rules (else then) ((_ c then a else b) (cond (c a) (else "
    "b)))))\n"
    "  (define-syntax vec (syntax-rules ::: () ((_ #(a :::)) '(a ::: ...))))\n"
    "  (define-syntax make (syntax-rules () ((_ name) (begin (define hidden 7)\n"
    "    (define-syntax name (syntax-rules () ((_) hidden)))))))\n"
    "  (make peek)\n"
    "  (define-syntax define-hidden (syntax-rules () ((_ get v) (begin (define hidden (list v "
    "(peek)))\n"
    "    (define (get) hidden))))))\n";

static const char use_text[] = "(import lib) (define-hidden get 1) (twice! (f 1)) (show 2) (my-if "
                               "1 then 2 else 3) (next!) (vec #(1 2))\n"
                               "(list value (f2 1) (g 1) (counter) (get))\n";

static const TestModule modules[] = {
    {"base", prelude_text, true},
    {"lib", lib_text, false},
};

static TestSession first; // keeps the images of base and lib
static char *expected;

// A session that knows the images only.
static void open_with(TestSession *s, const uint8_t *lib, size_t lib_size)
{
    size_t size;
    const uint8_t *base = image_bytes(&first, "base", &size);

    session_open_default(s, NULL, 0);
    image_add(s, "base", base, size);
    if (lib) image_add(s, "lib", lib, lib_size);
}

static void test_round_trip(void)
{
    TestSession s;
    size_t size;
    const uint8_t *lib = image_bytes(&first, "lib", &size);

    open_with(&s, lib, size);
    CHECK_TEXT(expand_text(&s, use_text), expected);
    // The facts came along.
    Iface *iface = iface_find(&s.c, sym_named(&s.c, "lib"));
    Global *f = iface_export(&s.c, iface, sym_named(&s.c, "f2"));
    Global *g = iface_export(&s.c, iface, sym_named(&s.c, "g"));
    Global *value = iface_export(&s.c, iface, sym_named(&s.c, "value"));
    Global *n = expand_global(&s.c, sym_named(&s.c, "lib"), sym_named(&s.c, "n"));
    Global *helper = expand_global(&s.c, sym_named(&s.c, "lib"), sym_named(&s.c, "helper"));
    CHECK_TRUE(f && f->min_args == 1 && f->max_args == 1 && f->defined && !f->here && !f->assigned);
    CHECK_TRUE(f && f == iface_export(&s.c, iface, sym_named(&s.c, "f")));
    CHECK_TRUE(g && g->min_args == 1 && g->max_args == -1);
    CHECK_TRUE(value && value->min_args == -1);
    CHECK_TRUE(n && n->assigned && n->needed && n->defined);
    CHECK_TRUE(helper && helper->min_args == 1 && helper->defined);
    CHECK_TRUE(iface_export(&s.c, iface, sym_named(&s.c, "show")) == NULL);
    CHECK_TRUE(iface_export(&s.c, iface, sym_named(&s.c, "helper")) == NULL);
    session_close(&s);
}

static bool count_export(void *context, Sym *name, ExportKind kind)
{
    unsigned *counts = context;

    (void)name;
    counts[kind]++;
    return true;
}

static void test_exports(void)
{
    TestSession s;
    size_t size;
    const uint8_t *lib = image_bytes(&first, "lib", &size);
    unsigned counts[3] = {0};

    open_with(&s, lib, size);
    CHECK_TRUE(iface_load(&s.c, sym_named(&s.c, "lib"), lib, size));
    iface_each_export(&s.c, iface_find(&s.c, sym_named(&s.c, "lib")), count_export, counts);
    CHECK_TRUE(counts[EXPORT_VARIABLE] == 5 && counts[EXPORT_MACRO] == 6 &&
               counts[EXPORT_FORM] == 0);
    CHECK_TRUE(!iface_load(&s.c, sym_named(&s.c, "another"), lib, size));
    session_close(&s);
}

// The same module gives the same bytes.
static void test_reproducible(void)
{
    TestSession s;
    size_t size, again;

    session_open_default(&s, modules, countof(modules));
    s.keep_images = true;
    expand_text(&s, "(define unrelated 1)");
    expand_text(&s, use_text);
    const uint8_t *a = image_bytes(&first, "lib", &size), *b = image_bytes(&s, "lib", &again);
    CHECK_TRUE(size == again && memcmp(a, b, size) == 0);
    session_close(&s);
}

static void try_bytes(const uint8_t *bytes, size_t size)
{
    TestSession s;

    open_with(&s, bytes, size);
    expand_set_limits(&s.c, (ExpandLimits){.depth = 1000, .steps = 1000, .nodes = 100000});
    expand_quietly(&s, use_text);
    expand_quietly(&s, "(import (prefix lib l:)) (l:show 1)");
    session_close(&s);
}

static void test_damage(void *unused)
{
    size_t size;
    const uint8_t *lib = image_bytes(&first, "lib", &size);
    uint8_t *copy = malloc(size);
    static const uint8_t flips[] = {0x01, 0x80, 0xFF};

    (void)unused;
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < countof(flips); k++) {
            memcpy(copy, lib, size);
            copy[i] ^= flips[k];
            try_bytes(copy, size);
        }
        memcpy(copy, lib, size);
        copy[i] = 0;
        try_bytes(copy, size);
        copy[i] = 0xFF;
        if (i + 4 <= size) memset(copy + i, 0xFF, 4);
        try_bytes(copy, size);
        try_bytes(lib, i);
    }
    check_at(true, __FILE__, __LINE__, "survived");
    free(copy);
}

// A session with a default module of 1,500 names is ready at once.
static void test_ready(void)
{
    Buf b = BUF_INIT;
    TestSession s, t;
    size_t size;

    buf_text(&b, "(module base (export");
    for (int i = 0; i < 1500; i++) {
        buf_printf(&b, " name-%d", i);
    }
    buf_text(&b, ")");
    for (int i = 0; i < 1500; i++) {
        buf_printf(&b, "(define (name-%d x) x)", i);
    }
    buf_text(&b, ")");
    TestModule big[] = {{"base", buf_cstr(&b), true}};
    session_open_default(&s, big, 1);
    s.keep_images = true;
    expand_quietly(&s, "(name-3 1)");
    const uint8_t *image = image_bytes(&s, "base", &size);
    session_open_default(&t, NULL, 0);
    image_add(&t, "base", image, size);
    session_close(&t);
    double best = 1e9;
    for (int round = 0; round < 20; round++) {
        struct timespec from, to;
        session_open_default(&t, NULL, 0);
        image_add(&t, "base", image, size);
        clock_gettime(CLOCK_MONOTONIC, &from);
        const char *out = expand_quietly(&t, "(name-7 (name-1499 1))");
        clock_gettime(CLOCK_MONOTONIC, &to);
        double us = (double)(to.tv_sec - from.tv_sec) * 1e6 +
                    (double)(to.tv_nsec - from.tv_nsec) / 1e3;
        best = us < best ? us : best;
        CHECK_TEXT(out, "ok");
        session_close(&t);
    }
    check_at(best < 2000, __FILE__, __LINE__, "ready after %.0f us", best);
    session_close(&s);
    buf_free(&b);
}

int main(void)
{
    session_open_default(&first, modules, countof(modules));
    first.keep_images = true;
    expected = strdup(expand_text(&first, use_text));
    CHECK_HAS(expected, ";; program");
    // The dump of the file that imports, without the modules compiled for it.
    test_round_trip();
    test_exports();
    test_reproducible();
    test_ready();
    run_with_stack(test_damage, NULL);
    free(expected);
    session_close(&first);
    return check_summary();
}
