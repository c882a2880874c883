// Modules: import sets, exports, visibility, order, cycles, errors; interactive modules.
#include "tests/unit/compiler/eval.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const TestModule modules[] = {
    {"base", prelude_text, true},
    {"lib",
     "(module lib (export a b f twice!) (define a 1) (define b 2) (define (f x) (list 'f x))\n"
     "  (define-syntax twice! (syntax-rules () ((_ x) (begin x x)))))",
     false},
    {"other", "(module other (export a c) (define a 'other) (define c 3))", false},
    {"again", "(module again (import lib) (export a f))", false},
    {"scheme.base",
     "(define-library (scheme base) (import (only base car cdr list +) (only %core define if "
     "lambda let quote begin else))\n"
     "  (export car cdr list + define if lambda let quote begin else))",
     true},
    {"srfi.1",
     "(define-library (srfi 1) (export first) (import (scheme base)) (begin (define (first x) (car "
     "x))))",
     false},
    {"cycle1", "(module cycle1 (import cycle2) (export x) (define x 1))", false},
    {"cycle2", "(module cycle2 (import cycle3) (export y) (define y 1))", false},
    {"cycle3", "(module cycle3 (import cycle1) (export z) (define z 1))", false},
    {"wrong", "(module wrong (export x) (define x (lenght 1)))", false},
    {"unclosed", "(module unclosed (export x) (define x 1", false},
    {"misnamed", "(module something-else (export x) (define x 1))", false},
    {"counter",
     "(module counter (export next! count)\n"
     "  (define n 0) (define (count) n)\n"
     "  (define-syntax next! (syntax-rules () ((_) (begin (set! n (+ n 1)) n)))))",
     false},
    {"private",
     "(module private (export show define-hidden my-if)\n"
     "  (define (helper x) (list 'helper x))\n"
     "  (define-syntax inner (syntax-rules () ((_ x) (helper x))))\n"
     "  (define-syntax show (syntax-rules () ((_ x) (inner x))))\n"
     "  (define-syntax define-hidden (syntax-rules () ((_ get v) (begin (define hidden v) (define "
     "(get) (list hidden (helper 1)))))))\n"
     "  (define-syntax my-if (syntax-rules (else then) ((_ c then a else b) (cond (c a) (else "
     "b))))))",
     false},
    {"generated",
     "(module generated (export get-a get-b use)\n"
     "  (define-syntax make (syntax-rules () ((_ get name v) (begin (define hidden v) (define "
     "(get) hidden)\n"
     "    (define-syntax name (syntax-rules () ((_) hidden)))))))\n"
     "  (make get-a peek-a 1) (make get-b peek-b 2)\n"
     "  (define-syntax use (syntax-rules () ((_) (list (peek-a) (peek-b))))))",
     false},
    {"a", "(module a (export x) (import b) (define x (list 'a y)))", false},
    {"b", "(module b (export y) (define y 'b))", false},
    {"fast",
     "(module fast (import %core) (export fast-car second) (define-syntax fast-car (syntax-rules "
     "() ((_ x) (%car x))))\n"
     "  (define (second x) (%car (%cdr x))))",
     true},
    {"badprim1", "(module badprim1 (define x %car))", true},
    {"badprim2", "(module badprim2 (define (x) (%car 1 2)))", true},
    {"maker",
     "(module maker (export make-m) (define (helper x) (list 'maker x))\n"
     "  (define-syntax make-m (syntax-rules () ((_ name) (begin (define hidden 'h)\n"
     "    (define-syntax name (syntax-rules () ((_ x) (list hidden (helper x))))))))))",
     false},
    {"made", "(module made (import maker) (export m1 m2) (make-m m1) (make-m m2))", false},
    {"remade",
     "(module remade (import made maker) (export m1 m3) (define-syntax m3 (syntax-rules () ((_ x) "
     "(m2 (m1 x))))))",
     false},
    {"reexport", "(module reexport (import %core) (export (rename if wenn) let))", false},
};

typedef struct {
    const char *text, *want;
} Row;

static const Row good[] = {
    // import sets
    {"(import lib) (list a b (f 1))", "'(1 2 (f 1))"},
    {"(import (lib)) a", "1"},
    {"(import (only lib a)) (define b 5) (list a b)", "'(1 5)"},
    {"(import (except lib a)) (define a 7) (list a b)", "'(7 2)"},
    {"(import (prefix lib l:)) (list l:a l:b)", "'(1 2)"},
    {"(import (rename lib (a x) (b y))) (list x y)", "'(1 2)"},
    {"(import (rename lib (a b) (b a))) (list a b)", "'(2 1)"},
    {"(import (prefix (only (rename lib (a x)) x b) p-)) (list p-x p-b)", "'(1 2)"},
    {"(import (only (prefix lib l:) l:a)) l:a", "1"},
    {"(import lib (only other c)) (list a c)", "'(1 3)"},
    {"(import (only lib a)) (import (only other c)) (list a c)", "'(1 3)"},
    {"(import lib again) (list a (f 2))", "'(1 (f 2))"},
    {"(import again lib) a", "1"},
    {"(import (srfi 1)) (first '(5 6))", "5"},
    {"(import srfi.1) (first '(5 6))", "5"},
    {"(import (only lib)) (define a 3) a", "3"},
    {"(define x (list a)) (import lib) x", "'(1)"},
    {"(import (only lib twice!)) (define n 0) (twice! (set! n (+ n 1))) n", "2"},
    {"(import (prefix lib l:)) (define n 0) (l:twice! (set! n (+ n 1))) n", "2"},
    {"(import reexport) (wenn 1 2 3)", "2"},
    // a definition wins over default names, imported or not
    {"(import (scheme base)) (define (car x) 'mine) (car 1)", "'mine"},
    {"(define (car x) 'mine) (import (scheme base)) (car 1)", "'mine"},
    {"(define (list . x) 'mine) (list 1)", "'mine"},
    // exported macros
    {"(import private) (define (helper x) 'wrong) (show 3)", "'(helper 3)"},
    {"(import private) (let ((helper 1) (inner 2) (list 3)) (show 3))", "'(helper 3)"},
    {"(import private) (define-hidden get 4) (define hidden 5) (list (get) hidden)",
     "'((4 (helper 1)) 5)"},
    {"(import private) (let () (define-hidden get 4) (get))", "'(4 (helper 1))"},
    {"(import private) (my-if #f then 1 else 2)", "2"},
    {"(import counter) (next!) (next!) (list (count) (next!))", "'(2 3)"},
    {"(import generated) (list (get-a) (get-b) (use))", "'(1 2 (1 2))"},
    {"(import (rename private (show zeige))) (zeige 1)", "'(helper 1)"},
    // files with several modules
    {"(module m (export x) (define x 1)) (module n (import m) (export y) (define y (+ x 1))) "
     "(import n) y",
     "2"},
    {"(module n (import m) (export y) (define y (+ x 1))) (module m (export x) (define x 1)) "
     "(import n) y",
     "2"},
    {"(define-library (l x) (export y (rename z w)) (import (scheme base)) (begin (define y 1) "
     "(define z 2)))"
     "(import (l x)) (list y w)",
     "'(1 2)"},
    {"(define-library (l) (import (scheme base)) (export f) (begin (define (f) (if #f 1 2)))) "
     "(import (l)) (f)",
     "2"},
    {"(define-library (l) (export x) (begin (define x 1)) (import (scheme base))) (import (l)) x",
     "1"},
    {"(define-library (l) (cond-expand ((library (scheme base)) (import (scheme base))) (else))"
     "  (cond-expand (eta (export x) (begin (define x 'eta))) (else (begin (define x 'other))))) "
     "(import (l)) x",
     "'eta"},
    {"(module m (export tw) (define-syntax tw (syntax-rules () ((_ x) (h x)))) (define (h x) (list "
     "x x)))"
     "(import m) (tw 1)",
     "'(1 1)"},
    {"(module m (import (only lib a)) (export a)) (import m lib) a", "1"},
    {"(import a) x", "'(a b)"},
    {"(module m (export m-x) (begin (define m-x 1) (begin (define y 2)))) (import m) m-x", "1"},
    {"(module m (define x 1) x) (module n (define x 2)) (define x 3) x", "3"},
    {"(define-syntax imp (syntax-rules () ((_ m) (import m)))) (imp lib) a", "1"},
    {"(import fast) (let ((car 1)) (fast-car (list 5)))", "5"},
    {"(import made) (define hidden 1) (define (helper x) 2) (list (m1 0) (m2 0))",
     "'((h (maker 0)) (h (maker 0)))"},
    {"(import remade) (m3 0)", "'(h (maker (h (maker 0))))"},
    {"(import remade made) (list (m1 1) (m3 0))", "'((h (maker 1)) (h (maker (h (maker 0)))))"},
    {"(define-syntax imp (syntax-rules () ((_ m) (import m)))) (define (car x) 'mine) (imp (scheme "
     "base)) (car 1)",
     "'mine"},
    {"(define-syntax r (syntax-rules () ((_ a) (syntax-rules () ((_) a))))) (define-syntax m (r "
     "5)) (m)",
     "5"},
    {"(list (cond-expand (eta 1)) (cond-expand (no-such 1) (else 2 3)))", "'(1 3)"},
    {"(module (a b 2) (export x) (define x 1)) (import a.b.2) x", "1"},
};

static const Row bad[] = {
    {"(import nowhere)", "t.eta:1:9: error: unknown module in import: nowhere"},
    {"(import nowhere)", "note: looked in the test's modules"},
    {"(import nowhere nowhere) (undefined-but-silent)", "unknown module in import: nowhere"},
    {"(import (only lib q))",
     "t.eta:1:19: error: import only: name 'q' is not exported by module 'lib'"},
    {"(import (only lib twicee!))", "; did you mean 'twice!'?"},
    {"(import (rename lib (q r)))", "import rename: name 'q' is not exported by module 'lib'"},
    {"(import (rename lib (a b)))", "rename produces duplicate local name 'b'"},
    {"(import (rename lib a))", "import rename: expected (old new), got a"},
    {"(import (prefix lib))", "import prefix: expected (prefix set name)"},
    {"(import (prefix lib 1))", "import prefix: expected a name, got 1"},
    {"(import 1)", "import: expected the name of a module or an import set, got 1"},
    {"(import (a 1.5))", "import: expected the name of a module or an import set"},
    {"(import lib other)", "t.eta:1:13: error: conflicting imports for 'a' from 'lib' and 'other'"},
    {"(import lib) (define a 1)",
     "t.eta:1:22: error: imported name 'a' conflicts with local define in module 't'"},
    {"(define a 1) (import lib)", "imported name 'a' conflicts with local define in module 't'"},
    {"(define-syntax imp (syntax-rules () ((_ m) (import m)))) (define a 1) (imp lib)",
     "t.eta:1:66: error: imported name 'a' conflicts with local define in module 't'"},
    {"(define-syntax imp (syntax-rules () ((_ m) (import m)))) (imp lib) (imp other)",
     "conflicting imports for 'a'"},
    {"(import (except lib zz))",
     "warning: import except: name 'zz' is not exported by module 'lib'"},
    {"(list #;(a) (do x (1)))", "do: expected a list of variables (name init step), got x"},
    {"`#0=(a . #0#)", "quasiquote: the template contains itself"},
    {"(define-syntax m (syntax-rules () ((_ #0=(a . #0#)) 1)))", "the pattern contains itself"},
    {"(define-syntax m (syntax-rules () ((_ ) (a #0=(a . #0#)))))", "the template contains itself"},
    {"(let-syntax 5 1)", "let-syntax: expected a list of (name transformer), got 5"},
    {"(syntax-error foo bar)", "error: foo bar"},
    {"(define-record-type p (mk . x) p? (x px))",
     "define-record-type: expected a list of field names"},
    {"(lambda (x) 1 . 2)", "lambda: expected (lambda"},
    {"(module m (import %core) (cond-expand (eta (export x) (define x 1)))) (import m) (undefd x)",
     "unbound name: undefd"},
    {"(import lib) (define-syntax a (syntax-rules ()))",
     "imported name 'a' conflicts with local define"},
    {"(import lib) (set! a 2)", "cannot assign to imported name 'a' of module 'lib'"},
    {"(module m (export x))", "t.eta:1:19: error: export of unknown name 'x' in module m"},
    {"(module m (export counterr) (define counter 1))", "; did you mean 'counter'?"},
    {"(module m (export a (rename b a)) (define a 1) (define b 1))",
     "module m exports two things as 'a'"},
    {"(module m (export 1))", "export: expected a name or (rename name exported), got 1"},
    {"(module m 1) (module m 2)", "t.eta:1:22: error: duplicate module: m"},
    {"(module 1 2)", "module: expected the name of a module, got 1"},
    {"(import a) (module m (import n)) (module n (import m))",
     "circular module dependency: m -> n -> m"},
    {"(module m (import m))", "circular module dependency: m -> m"},
    {"(import cycle1)", "circular module dependency: cycle1 -> cycle2 -> cycle3 -> cycle1"},
    {"(import wrong) (anything-goes 1)",
     "wrong:1:37: error: unbound name: lenght; did you mean 'length'?"},
    {"(import misnamed)", "file misnamed does not define module misnamed"},
    {"(define-library (l) (begin (define x 1)))", "unbound name: define"},
    {"(define-library (l) (define x 1))",
     "define-library: expected export, import, begin, include"},
    {"(define-library (l) (import (scheme base)) (begin (define x (cons 1 2))))",
     "unbound name: cons"},
    {"(define (f) (import lib) 1)", "import is only allowed at the top level of a file or module"},
    {"(list (module m))", "module is only allowed at the top level"},
    {"(module m (module n 1))", "module is only allowed at the top level"},
    {"(export x)", "export is only allowed in a module"},
    {"(import private) (helper 1)", "unbound name: helper"},
    {"(import private) hidden", "unbound name: hidden"},
    {"(define x 1) (define x 2)", "x is defined twice"},
    {"(import badprim1)", "%car is a primitive: it can only be called"},
    {"(import badprim2)", "%car: expected 1 operand, got 2"},
    {"(case-lambda ((x) . 2))", "procedure: expected a body, a proper list, got . 2"},
    {"(import fast) (%car 1)", "unbound name: %car"},
    {"(import fast) (list %car)", "unbound name: %car"},
};

static void run_good(void)
{
    for (size_t i = 0; i < countof(good); i++) {
        TestSession s;
        session_open_default(&s, modules, countof(modules));
        check_text(run_text(&s, good[i].text), good[i].want, good[i].text, 0);
        session_close(&s);
        run_free();
    }
}

// Importing from interfaces gives the very same trees as importing what was just compiled.
static void run_good_from_images(void)
{
    for (size_t i = 0; i < countof(good); i++) {
        TestSession first, s;
        session_open_default(&first, modules, countof(modules));
        first.keep_images = true;
        char *want = strdup(expand_text(&first, good[i].text));
        session_open_default(&s, modules, countof(modules));
        session_take_images(&s, &first);
        session_close(&first);
        bool own = strstr(good[i].text, "(module") || strstr(good[i].text, "(define-library");
        const char *got = expand_text(&s, good[i].text);
        check_text(got, own ? got : want, good[i].text, 1);
        check_at(s.compiled == 0, good[i].text, 2, "%u modules were compiled", s.compiled);
        session_close(&s);
        free(want);
    }
}

static void test_bad(void)
{
    for (size_t i = 0; i < countof(bad); i++) {
        TestSession s;
        session_open_default(&s, modules, countof(modules));
        check_has(expand_text(&s, bad[i].text), bad[i].want, bad[i].text, 0);
        session_close(&s);
    }
}

// A failed module is tried again by the next unit, and nothing of it is left.
static void test_after_failure(void)
{
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    CHECK_HAS(expand_text(&s, "(import wrong)"), "unbound name: lenght");
    CHECK_HAS(expand_text(&s, "(import wrong)"), "unbound name: lenght");
    CHECK_HAS(expand_text(&s, "(module good (export x) (define x 1)) (oops)"),
              "unbound name: oops");
    CHECK_HAS(expand_text(&s, "(module good (export x) (define x 1)) (import good) x"),
              "needs good");
    CHECK_HAS(expand_text(&s, "(module good (export x) (define x 1))"), "duplicate module: good");
    CHECK_HAS(expand_text(&s, "(import good) x"), ";; program");
    session_close(&s);
}

static void test_imports_and_main(void)
{
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    CHECK_HAS(
        expand_text(&s, "(import lib other2) (module other2 (export q) (define q 1)) (list a q)"),
        ";; program t, needs lib other2 base\n");
    CHECK_HAS(expand_text(&s, "(module m1 (define (main) 1)) (define (main) 2)"),
              ";; module m1, calls main\n");
    CHECK_TRUE(
        strstr(
            expand_text(
                &s,
                "(module m2 (import (only m3 main))) (module m3 (export main) (define (main) 1))"),
            "m2, needs m3, calls") == NULL);
    CHECK_TRUE(strstr(expand_text(&s, "(define (main) 1)"), "calls main") == NULL);
    CHECK_HAS(expand_text(&s, "(guard (e (else 1)) 2)"), "needs std.kernel\n");
    session_close(&s);
}

static void test_facts(void)
{
    static const char text[] =
        "(module facts (export a b c d t) (define (a x) x) (define b (case-lambda ((x) 1) ((x . y) "
        "2)))\n"
        "  (define c 5) (define (d) 1) (set! d 2) (define-record-type t (mk) t?))";
    UnitFrame frame;
    Source source;
    Expanded e;
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    source_init(&source, "f.eta", text, sizeof text - 1);
    unit_begin(&s.c, &frame);
    CHECK_TRUE(expand_source(&s.c, &source, &e) && e.count == 1 && !e.has_program);
    Iface *iface = iface_find(&s.c, sym_named(&s.c, "facts"));
    CHECK_TRUE(iface && iface == e.modules[0]->iface);
    Global *a = iface_export(&s.c, iface, sym_named(&s.c, "a"));
    Global *b = iface_export(&s.c, iface, sym_named(&s.c, "b"));
    Global *c = iface_export(&s.c, iface, sym_named(&s.c, "c"));
    Global *d = iface_export(&s.c, iface, sym_named(&s.c, "d"));
    Global *t = iface_export(&s.c, iface, sym_named(&s.c, "t"));
    CHECK_TRUE(a && a->min_args == 1 && a->max_args == 1 && a->lambda && a->here && a->needed);
    CHECK_TRUE(b && b->min_args == 1 && b->max_args == -1);
    CHECK_TRUE(c && c->min_args == -1 && !c->lambda && !c->assigned);
    CHECK_TRUE(d && d->min_args == -1 && d->assigned && !d->lambda);
    CHECK_TRUE(t && t->type && !a->type);
    CHECK_TRUE(e.modules[0]->global_count == 7);
    CHECK_TRUE(!expand_global(&s.c, sym_named(&s.c, "facts"), sym_named(&s.c, "mk"))->needed);
    CHECK_TRUE(expand_global(&s.c, sym_named(&s.c, "facts"), sym_named(&s.c, "a")) == a);
    unit_end(&s.c, &frame);
    CHECK_TRUE(!a->here && !a->lambda);
    source_free(&source);
    session_close(&s);
}

// Derived forms call the kernel module, also while it is being compiled.
static void test_kernel(void)
{
    static const TestModule kernel[] = {
        {"base", prelude_text, true},
        {"std.kernel",
         "(module std.kernel (import %core) (export %guard %guard-else %memv)\n"
         "  (define (%memv x l) x) (define (%guard-else t h) t)\n"
         "  (define (%guard t h) (case t ((1 2 3 4 5 6 7 8 9 10) h) (else t))))",
         true},
    };
    TestSession s;

    session_open_default(&s, kernel, countof(kernel));
    s.c.kernel = sym_named(&s.c, "std.kernel");
    const char *out = expand_text(&s, "(define (f) (guard (e (#t 1)) 2)) (list)");
    CHECK_HAS(out, "needs std.kernel base\n");
    CHECK_HAS(out, "(call std.kernel:%guard (lambda () 2)");
    Global *g = expand_global(&s.c, s.c.kernel, sym_named(&s.c, "%guard"));
    CHECK_TRUE(g->defined && g->min_args == 2 && g->needed);
    CHECK_HAS(expand_text(&s, "(list)"), ";; program t, needs base\n");
    session_close(&s);
    static const TestModule knot[] = {
        {"std.kernel", "(module std.kernel (import helper) (define x 1))", true},
        {"helper", "(module helper (define (f) (catch 1)))", true},
    };
    session_open(&s, knot, countof(knot));
    s.c.kernel = sym_named(&s.c, "std.kernel");
    CHECK_HAS(expand_text(&s, "(import std.kernel)"),
              "%catch needs module std.kernel, which imports");
    session_close(&s);
    session_open_default(&s, kernel, 1);
    s.c.kernel = sym_named(&s.c, "std.kernel");
    CHECK_HAS(expand_text(&s, "(guard (e (#t 1)) 2)"), "unknown module in import: std.kernel");
    session_close(&s);
}

// A definition that is wrong does not make its uses wrong as well.
static void test_no_follow_up(void)
{
    static const char *const texts[] = {
        "(define (f) ) (f 1)",       "(define x 1 2) (list x)",   "(defun f x) (f)",
        "(define-syntax m 1) (m 2)", "(let () (define (f)) (f))", "(import nowhere) (f)",
        "(define-syntax m) (m)",
    };

    for (size_t i = 0; i < countof(texts); i++) {
        TestSession s;
        session_open_default(&s, modules, countof(modules));
        const char *out = expand_text(&s, texts[i]), *first = strstr(out, "error: ");
        check_at(first && !strstr(first + 1, "error: "), texts[i], 0, "got %s", out);
        session_close(&s);
    }
}

// ---- interactive ------------------------------------------------------------------------------

static void test_interactive(void)
{
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    CHECK_TEXT(run_line(&s, "(define x 1)"), "#!unspecified");
    CHECK_TEXT(run_line(&s, "(define (f) (list x 'f))"), "#!unspecified");
    CHECK_TEXT(run_line(&s, "(f)"), "'(1 f)");
    CHECK_TEXT(run_line(&s, "(define x 2) (f)"), "'(2 f)");
    CHECK_TEXT(run_line(&s, "(set! x 3) (f)"), "'(3 f)");
    CHECK_TEXT(run_line(&s, "(define x 4) (define x 5) x"), "5");
    // Macros stay, hidden definitions too.
    run_line(&s, "(define-syntax m (syntax-rules () ((_ a) (list a x))))");
    CHECK_TEXT(run_line(&s, "(let ((x 0)) (m x))"), "'(0 5)");
    run_line(&s, "(define-syntax def (syntax-rules () ((_ get v) (begin (define hidden v) (define "
                 "(get) hidden)))))");
    run_line(&s, "(def g 1) (def h 2)");
    CHECK_TEXT(run_line(&s, "(define hidden 3) (list (g) (h) hidden)"), "'(1 2 3)");
    run_line(&s, "(define-syntax defm (syntax-rules () ((_ n v) (begin (define hidden v) "
                 "(define-syntax n (syntax-rules () ((_) hidden)))))))");
    run_line(&s, "(defm m1 11)");
    run_line(&s, "(defm m2 12)");
    CHECK_TEXT(run_line(&s, "(list (m1) (m2) hidden)"), "'(11 12 3)");
    CHECK_TEXT(run_line(&s, "(define-syntax m1 (syntax-rules () ((_) 'new))) (m1)"), "'new");
    CHECK_TEXT(run_line(&s, "(m1)"), "'new");
    // A name may change from macro to variable and back.
    CHECK_TEXT(run_line(&s, "(define (m1) 'procedure) (m1)"), "'procedure");
    CHECK_TEXT(run_line(&s, "(m1)"), "'procedure");
    // Definitions shadow imports and default names; importing rebinds.
    CHECK_TEXT(run_line(&s, "(import lib) a"), "1");
    CHECK_TEXT(run_line(&s, "(define a 'own) a"), "'own");
    CHECK_TEXT(run_line(&s, "a"), "'own");
    CHECK_TEXT(run_line(&s, "(import lib) a"), "1");
    CHECK_TEXT(run_line(&s, "a"), "1");
    CHECK_TEXT(run_line(&s, "(import other) a"), "'other");
    CHECK_TEXT(run_line(&s, "(list a b c)"), "'(other 2 3)");
    CHECK_TEXT(run_line(&s, "(define (list . x) (cons 'mine x)) (list 1)"), "'(mine 1)");
    CHECK_TEXT(run_line(&s, "(list 2)"), "'(mine 2)");
    CHECK_TEXT(run_line(&s, "(define if +) (if 1 2)"), "3");
    CHECK_TEXT(run_line(&s, "(import (only %core if)) (if 1 2 3)"), "2");
    // use-site scopes across lines
    run_line(&s,
             "(define-syntax idm (syntax-rules () ((_ id) (lambda (q) (let ((id 'other)) q)))))");
    CHECK_TEXT(run_line(&s, "((idm q) 'mine)"), "'mine");
    run_line(&s, "(define-syntax mydef (syntax-rules () ((_ n v) (define n v))))");
    run_line(&s, "(mydef late 77)");
    CHECK_TEXT(run_line(&s, "late"), "77");
    session_close(&s);
    run_free();
}

static void test_interactive_errors(void)
{
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    // Unbound: a warning, and the variable may come later.
    CHECK_HAS(expand_line(&s, "(define (f) (later 1))"), "warning: unbound name: later");
    CHECK_HAS(expand_line(&s, "(define (later x) x)"), "(define user:later");
    CHECK_HAS(expand_line(&s, "(lenght 1)"),
              "warning: unbound name: lenght; did you mean 'length'?");
    CHECK_HAS(expand_line(&s, "(lenght 1)"), "(call user:lenght 1)");
    // What fails leaves nothing behind.
    CHECK_HAS(expand_line(&s, "(define y 1) (if)"), "error: if: expected");
    CHECK_HAS(expand_line(&s, "y"), "warning: unbound name: y");
    CHECK_HAS(expand_line(&s, "(define-syntax z (syntax-rules () ((_) 1))) (let (x) 1)"), "error");
    CHECK_HAS(expand_line(&s, "(z)"), "warning: unbound name: z");
    CHECK_HAS(expand_line(&s, "(import lib) (if)"), "error");
    CHECK_HAS(expand_line(&s, "a"), "warning: unbound name: a");
    CHECK_HAS(expand_line(&s, "(set! car 1)"), "cannot assign to imported name");
    CHECK_HAS(expand_line(&s, "(set! newer 1)"), "(set! user:newer 1)");
    CHECK_HAS(expand_line(&s, "(import lib) (import other) a"), "other:a");
    CHECK_HAS(expand_line(&s, "(export f)"), "export is only allowed in a module");
    // Modules typed in; again with other content.
    CHECK_HAS(expand_line(&s, "(module mm (export q) (define q 1)) (import mm) q"), "mm:q");
    CHECK_HAS(expand_line(&s, "(module mm (export q r) (define q 2) (define r 3)) (import mm) r"),
              "mm:r");
    CHECK_HAS(expand_line(&s, ""), ";; interactive user");
    CHECK_HAS(expand_line(&s, "(import unclosed)"), "is never closed");
    CHECK_TRUE(!s.diag.incomplete);
    CHECK_HAS(expand_line(&s, "(car (cdr 1)"), "is never closed");
    CHECK_TRUE(s.diag.incomplete);
    s.diag.incomplete = false;
    CHECK_HAS(expand_line(&s, "(import nowhere)"), "unknown module in import: nowhere");
    CHECK_HAS(expand_line(&s, "(import cycle1)"), "circular module dependency");
    CHECK_HAS(expand_line(&s, "(car 1)"), "(call base:car 1)");
    session_close(&s);
}

// A session that goes on for ever does not grow but by what it defines.
static void test_memory(void)
{
    TestSession s;

    session_open_default(&s, modules, countof(modules));
    expand_line(&s, "(define-syntax m (syntax-rules () ((_ x) (let ((y x)) (list x y))))) (define "
                    "(f x) (m x))");
    expand_line(&s, "(let loop ((i 0)) (if (= i 3) (m i) (loop (+ i 1))))");
    size_t used = s.c.permanent.used;
    for (int i = 0; i < 20000; i++) {
        expand_line(&s, "(let loop ((i 0)) (if (= i 3) (m i) (let-syntax ((q (syntax-rules () ((_) "
                        "1)))) (loop (+ i (q))))))");
    }
    CHECK_TRUE(s.c.permanent.used == used);
    CHECK_TRUE(s.c.unit.used == 0);
    session_close(&s);
}

// Chains of modules that wait for each other, in one file and over many.
static void test_long_chains(void)
{
    for (int length = 900; length <= 1200; length += 300) {
        Buf b = BUF_INIT;
        TestSession s;
        session_open_default(&s, modules, countof(modules));
        for (int i = 0; i < length; i++)
            buf_printf(&b, "(module q%d (import q%d))", i, i + 1);
        buf_printf(&b, "(module q%d)", length);
        const char *out = expand_quietly(&s, buf_cstr(&b));
        if (length < 1000)
            CHECK_TEXT(out, "ok");
        else
            CHECK_HAS(out, "modules wait for each other deeper than 1000 levels");
        session_close(&s);
        buf_free(&b);
    }
    enum { FILES = 300 };
    static char names[FILES][16], texts[FILES][64];
    static TestModule chain[FILES + 1] = {{"base", prelude_text, true}};
    TestSession s;
    for (int i = 0; i < FILES; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        snprintf(texts[i], sizeof texts[i],
                 i < FILES - 1 ? "(module f%d (import f%d))" : "(module f%d)", i, i + 1);
        chain[i + 1] = (TestModule){names[i], texts[i], false};
    }
    session_open_default(&s, chain, countof(chain));
    CHECK_TEXT(expand_quietly(&s, "(import f150)"), "ok");
    session_close(&s);
    session_open_default(&s, chain, countof(chain));
    CHECK_HAS(expand_quietly(&s, "(import f0)"), "imports are nested deeper than 200 files");
    session_close(&s);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    fputs(text, f);
    fclose(f);
}

static void test_include(void)
{
    char dir[] = "/tmp/module_testXXXXXX", path[100], text[400];
    TestSession s;

    CHECK_TRUE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/inc.eta", dir);
    write_file(path, "(define inc-x 1)\n(define (inc-f) (list inc-x 'A))\n");
    session_open_default(&s, modules, countof(modules));
    snprintf(text, sizeof text, "(include \"%s\") (inc-f)", path);
    CHECK_TEXT(run_text(&s, text), "'(1 A)");
    snprintf(text, sizeof text, "(include-ci \"%s\") (inc-f)", path);
    CHECK_TEXT(run_text(&s, text), "'(1 a)");
    snprintf(text, sizeof text, "(define (g) (include \"%s\") (inc-f)) (g)", path);
    CHECK_TEXT(run_text(&s, text), "'(1 A)");
    snprintf(text, sizeof text,
             "(define-library (l) (import (scheme base)) (export inc-f) (include \"%s\")) (import "
             "(l)) (inc-f)",
             path);
    CHECK_TEXT(run_text(&s, text), "'(1 A)");
    snprintf(path, sizeof path, "%s/e.eta", dir);
    write_file(path, "(list 1 2)\n3");
    snprintf(text, sizeof text, "(+ 1 (include \"%s\"))", path);
    CHECK_TEXT(run_text(&s, text), "4");
    snprintf(path, sizeof path, "%s/decl.eta", dir);
    write_file(path, "(export z) (import (scheme base)) (begin (define z 9))");
    snprintf(text, sizeof text,
             "(define-library (l2) (include-library-declarations \"%s\")) (import (l2)) z", path);
    CHECK_TEXT(run_text(&s, text), "9");
    snprintf(path, sizeof path, "%s/bad.eta", dir);
    write_file(path, "(define x 1)\n(if)\n");
    snprintf(text, sizeof text, "(include \"%s\")", path);
    CHECK_HAS(expand_text(&s, text), "bad.eta:2:1: error: if: expected");
    snprintf(path, sizeof path, "%s/self.eta", dir);
    write_file(path, "(include \"self.eta\")");
    snprintf(text, sizeof text, "(include \"%s\")", path);
    CHECK_HAS(expand_text(&s, text), "files include each other more than 100 deep");
    write_file(path, "(let () (include \"self.eta\") 1)");
    CHECK_HAS(expand_text(&s, text), "files include each other more than 100 deep");
    session_close(&s);
    run_free();
    snprintf(text, sizeof text, "rm -r %s", dir);
    CHECK_TRUE(system(text) == 0);
}

static void run_all(void *unused)
{
    (void)unused;
    run_good();
    run_good_from_images();
    test_bad();
    test_after_failure();
    test_imports_and_main();
    test_facts();
    test_kernel();
    test_no_follow_up();
    test_interactive();
    test_interactive_errors();
    test_memory();
    test_long_chains();
    test_include();
}

int main(void)
{
    run_with_stack(run_all, NULL);
    return check_summary();
}
