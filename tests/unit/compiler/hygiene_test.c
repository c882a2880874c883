// Macros: what syntax-rules programs of all kinds compute.
#include "tests/unit/compiler/eval.h"

#include <string.h>

typedef struct {
    const char *text, *want;
} Row;

static const TestModule modules[] = {{"base", prelude_text, true}};

static void run_rows(const Row *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        TestSession s;
        session_open_default(&s, modules, countof(modules));
        check_text(run_text(&s, rows[i].text), rows[i].want, name, (int)i);
        session_close(&s);
        run_free();
    }
}

// Most of these are from R7RS, its test suites (chibi, larceny) and the literature.
static const Row classics[] = {
    {"(define-syntax be-like-begin2 (syntax-rules () ((_ name) (define-syntax name (... "
     "(syntax-rules ()"
     "  ((name expr ...) (begin expr ...))))))))"
     "(be-like-begin2 sequence2) (sequence2 1 2 3 4)",
     "4"},
    {"(define-syntax be-like-begin3 (syntax-rules () ((_ name) (define-syntax name (syntax-rules "
     "dots ()"
     "  ((name expr dots) (begin expr dots)))))))"
     "(be-like-begin3 sequence3) (sequence3 1 2 3 5)",
     "5"},
    {"(define-syntax elli-esc-1 (syntax-rules () ((_) '(... ...)) ((_ x) '(... (x ...)))"
     "  ((_ x y) '(... (... x y)))))"
     "(list (elli-esc-1) (elli-esc-1 100) (elli-esc-1 100 200))",
     "'(... (100 ...) (... 100 200))"},
    {"(define-syntax elli-lit-1 (syntax-rules ... (...) ((_ x) '(x ...)))) (elli-lit-1 100)",
     "'(100 ...)"},
    {"(define-syntax part-2 (syntax-rules () ((_ a b (m n) ... x y)"
     "  (vector (list a b) (list m ...) (list n ...) (list x y))) ((_ . rest) 'error)))"
     "(list (part-2 10 (+ 21 22) (31 32) (41 42) (51 52) (+ 61 2) 77) (part-2 1 2 3))",
     "'(#((10 43) (31 41 51) (32 42 52) (63 77)) error)"},
    {"(define-syntax part-2x (syntax-rules () ((_ (a b (m n) ... x y . rest))"
     "  (list (list a b) (list m ...) (list n ...) (list x y) 'rest)) ((_ . rest) 'error)))"
     "(list (part-2x (10 (+ 21 22) (31 32) (41 42) (51 52) (+ 61 2) 77)) (part-2x (10 (+ 21 22) 3 "
     "4 . \"tail\")))",
     "'(((10 43) (31 41 51) (32 42 52) (63 77) ()) ((10 43) () () (3 4) \"tail\"))"},
    {"(define-syntax count-to-2 (syntax-rules () ((_) 0) ((_ _) 1) ((_ _ _) 2) ((_ . _) 'many)))"
     "(list (count-to-2 a b) (count-to-2) (count-to-2 a b c d))",
     "'(2 0 many)"},
    {"(define-syntax count-to-2_ (syntax-rules (_) ((_) 0) ((_ _) 1) ((_ _ _) 2) ((x . y) 'fail)))"
     "(list (count-to-2_ _ _) (count-to-2_) (count-to-2_ a b) (count-to-2_ a b c d))",
     "'(2 0 fail fail)"},
    {"(define-syntax underscore (syntax-rules () ((foo _) '_))) (underscore foo)", "'_"},
    {"(let ((a 1)) (letrec-syntax ((foo (syntax-rules () ((_ b) (bar a b))))"
     "  (bar (syntax-rules () ((_ c d) (cons c (let ((c 3)) (list d c 'c)))))))"
     "  (let ((a 2)) (foo a))))",
     "'(1 2 3 a)"},
    {"(define-syntax loop-until (syntax-rules () ((_ id init test return step)"
     "  (letrec ((loop (lambda (id) (if test return (loop step))))) (loop init)))))"
     "(let ((loop 4)) (loop-until id 1 (= id loop) (list id loop) (+ id 1)))",
     "'(4 4)"},
    {"(define-syntax my-cond (syntax-rules (else) ((_ (else e)) e) ((_ (c e) r ...) (if c e "
     "(my-cond r ...)))))"
     "(define (f x) (my-cond ((= x 1) 'one) ((let ((else #f)) else) 'no) (else 'other))) (list (f "
     "1) (f 2))",
     "'(one other)"},
    {"(define-syntax m (syntax-rules () ((_ #(a #(b ...)) ...) '((a b ...) ...)))) (m #(1 #(2 3)) "
     "#(4 #()))",
     "'((1 2 3) (4))"},
    {"(define-syntax swap! (syntax-rules () ((_ a b) (let ((tmp a)) (set! a b) (set! b tmp)))))"
     "(let ((tmp 1) (other 2)) (swap! tmp other) (list tmp other))",
     "'(2 1)"},
    {"(define-syntax my-or (syntax-rules () ((_) #f) ((_ e) e)"
     "  ((_ e r ...) (let ((t e)) (if t t (my-or r ...))))))"
     "(let ((x #f) (y 7) (t 8) (let odd?) (if even?)) (my-or x (let t) (if y) y))",
     "7"},
    {"(let ((=> #f)) (cond (#t => 'ok)))", "'ok"},
    {"(let ((if list)) (if 1 2 3))", "'(1 2 3)"},
    {"(let ((x 'outer)) (let-syntax ((m (syntax-rules () ((m) x)))) (let ((x 'inner)) (m))))",
     "'outer"},
    {"(letrec-syntax ((my-or (syntax-rules () ((my-or) #f) ((my-or e) e)"
     "  ((my-or e1 e2 ...) (let ((temp e1)) (if temp temp (my-or e2 ...)))))))"
     "(let ((x #f) (y 7) (temp 8) (let odd?) (if even?)) (my-or x (let temp) (if y) y)))",
     "7"},
    {"(define-syntax be-like-begin (syntax-rules () ((be-like-begin name)"
     " (define-syntax name (syntax-rules () ((name expr (... ...)) (begin expr (... ...))))))))"
     "(be-like-begin sequence) (sequence 1 2 3 4)",
     "4"},
    {"(let ((... 2)) (let-syntax ((s (syntax-rules () ((_ x ...) 'bad) ((_ . r) 'ok)))) (s a b "
     "c)))",
     "'ok"},
    {"(let ((_ 5)) (let-syntax ((s (syntax-rules () ((s _) 'one)))) (s 1)))", "'one"},
    {"(define-syntax tail (syntax-rules () ((_ (a b ... c d)) '(a (b ...) c d)))) (tail (1 2 3 4 "
     "5))",
     "'(1 (2 3) 4 5)"},
    {"(define-syntax tail (syntax-rules () ((_ (a ... b . c)) '((a ...) b c)))) (tail (1 2 3 . 4))",
     "'((1 2) 3 4)"},
    {"(define-syntax tail (syntax-rules () ((_ (a ... b . c)) '((a ...) b c)))) (tail (1 2 3))",
     "'((1 2) 3 ())"},
    {"(define-syntax vec (syntax-rules () ((_ #(a b ... c)) '(c (b ...) a)))) (vec #(1 2 3 4))",
     "'(4 (2 3) 1)"},
    {"(define-syntax vec (syntax-rules () ((_ a ...) #(a ... end)))) (vec 1 2)", "#(1 2 end)"},
    {"(define-syntax my-let (syntax-rules () ((_ ((n v) ...) b ...) ((lambda (n ...) b ...) v "
     "...))))"
     "(my-let ((a 1) (b 2)) (list b a))",
     "'(2 1)"},
    {"(define-syntax nest (syntax-rules () ((_ (a b ...) ...) '((b ... a) ...))))"
     "(nest (1 2 3) (4) (5 6))",
     "'((2 3 1) (4) (6 5))"},
    {"(define-syntax flat (syntax-rules () ((_ (a ...) ...) '(a ... ...)))) (flat (1 2) () (3))",
     "'(1 2 3)"},
    {"(define-syntax deep (syntax-rules () ((_ ((a ...) ...) ...) '(a ... ... ...))))"
     "(deep ((1 2) (3)) () ((4)))",
     "'(1 2 3 4)"},
    {"(define-syntax spread (syntax-rules () ((_ (a b ...) ...) '((a b) ... ...))))"
     "(spread (1 2 3) (4) (5 6))",
     "'((1 2) (1 3) (5 6))"},
    {"(define-syntax pairs (syntax-rules () ((_ (a b ...) ...) '(((a b) ...) ...))))"
     "(pairs (1 2 3) (4 5))",
     "'(((1 2) (1 3)) ((4 5)))"},
    {"(define-syntax e (syntax-rules ::: () ((_ x :::) '(x ::: ...)))) (e 1 2)", "'(1 2 ...)"},
    {"(define-syntax e (syntax-rules () ((_ x) '((... ...) x (... (x ...)))))) (e 1)",
     "'(... 1 (1 ...))"},
    {"(define-syntax lit (syntax-rules (else) ((_ else) 'literal) ((_ x) 'other)))"
     "(list (lit else) (lit 1) (let ((else 1)) (lit else)))",
     "'(literal other other)"},
    {"(define-syntax lit (syntax-rules (foo) ((_ foo) 'literal) ((_ x) 'other)))"
     "(list (lit foo) (lit bar))",
     "'(literal other)"},
    {"(define foo 1) (define-syntax lit (syntax-rules (foo) ((_ foo) 'literal) ((_ x) 'other)))"
     "(list (lit foo) (let ((foo 2)) (lit foo)))",
     "'(literal other)"},
    {"(define-syntax ell (syntax-rules (...) ((_ ...) 'dots) ((_ x) 'other))) (list (ell ...) (ell "
     "1))",
     "'(dots other)"},
    {"(define-syntax my-if (syntax-rules () ((_ c t e) (cond (c t) (else e)))))"
     "(let ((else #f)) (my-if #f 1 2))",
     "2"},
    {"(define-syntax while (syntax-rules () ((_ c b ...) (let lp () (when c b ... (lp))))))"
     "(let ((i 0) (lp '())) (while (< i 3) (set! lp (cons i lp)) (set! i (+ i 1))) lp)",
     "'(2 1 0)"},
    {"(define-syntax for (syntax-rules (in) ((_ x in l b ...) (map (lambda (x) b ...) l))))"
     "(for x in '(1 2 3) (* x x))",
     "'(1 4 9)"},
    {"(define-syntax my-let* (syntax-rules () ((_ () b ...) (let () b ...))"
     "  ((_ ((n v) r ...) b ...) (let ((n v)) (my-let* (r ...) b ...)))))"
     "(my-let* ((x 1) (y (+ x 1)) (x (+ y 1))) (list x y))",
     "'(3 2)"},
    {"(define-syntax kons (syntax-rules () ((_ a b) (cons a b)))) (let ((cons list)) (kons 1 2))",
     "'(1 . 2)"},
    {"(define (f x) (define-syntax g (syntax-rules () ((_ y) (* x y)))) (let ((x 100)) (g 2))) (f "
     "3)",
     "6"},
    {"(define-syntax m (syntax-rules () ((_ (a . b)) '(a b)) ((_ a) 'atom)))"
     "(list (m (1 2)) (m (1 . 2)) (m 1) (m ()))",
     "'((1 (2)) (1 2) atom atom)"},
    {"(define-syntax m (syntax-rules () ((_ 1) 'one) ((_ \"s\") 'string) ((_ #\\a) 'char) ((_ #t) "
     "'true)"
     "  ((_ ()) 'nil) ((_ 1.5) 'float) ((_ #u8(1)) 'bytes) ((_ x) 'other)))"
     "(list (m 1) (m \"s\") (m #\\a) (m #t) (m ()) (m 1.5) (m #u8(1)) (m 2) (m \"t\") (m #u8(2)))",
     "'(one string char true nil float bytes other other other)"},
    // A macro that defines its operand, and one that defines something of its own.
    {"(define-syntax def (syntax-rules () ((_ n v) (define n v)))) (def x 5) x", "5"},
    {"(define-syntax def2 (syntax-rules () ((_ get set v)"
     "  (begin (define state v) (define (get) state) (define (set x) (set! state x))))))"
     "(def2 get-a set-a! 1) (def2 get-b set-b! 2) (set-a! 10) (list (get-a) (get-b))",
     "'(10 2)"},
    {"(let () (define-syntax def2 (syntax-rules () ((_ get v) (begin (define state v) (define "
     "(get) state)))))"
     "(def2 a 1) (def2 b 2) (define state 3) (list (a) (b) state))",
     "'(1 2 3)"},
    {"(define-syntax def-foo (syntax-rules () ((_) (define foo 1)))) (define foo 2) (def-foo) foo",
     "2"},
    // Macros that define macros.
    {"(define-syntax def-m (syntax-rules () ((_ m v) (define-syntax m (syntax-rules () ((_) v))))))"
     "(def-m a 1) (let ((x 2)) (def-m b x) (list (a) (b)))",
     "'(1 2)"},
    {"(define-syntax def-getter (syntax-rules () ((_ name v)"
     "  (begin (define hidden v) (define-syntax name (syntax-rules () ((_) hidden)))))))"
     "(def-getter a 1) (def-getter b 2) (define hidden 3) (list (a) (b) hidden)",
     "'(1 2 3)"},
    {"(define-syntax m1 (syntax-rules () ((_ x) (let-syntax ((m2 (syntax-rules () ((_ y) (list x "
     "y)))))"
     "  (let ((x 2)) (m2 x))))))"
     "(let ((z 1)) (m1 z))",
     "'(1 2)"},
    {"(define-syntax make-adder (syntax-rules () ((_ name n)"
     "  (define-syntax name (syntax-rules () ((_ x (... ...)) (list (+ x n) (... ...))))))))"
     "(make-adder add2 2) (add2 1 2 3)",
     "'(3 4 5)"},
    // CK machine (Kiselyov): a macro evaluator in continuation-passing style.
    {"(define-syntax ck (syntax-rules (quote)"
     "  ((ck () 'v) v)"
     "  ((ck (((op ...) ea ...) . s) 'v) (ck-arg s (op ... 'v) ea ...))"
     "  ((ck s (op ea ...)) (ck-arg s (op) ea ...))))"
     "(define-syntax ck-arg (syntax-rules (quote)"
     "  ((ck-arg s (op va ...)) (op s va ...))"
     "  ((ck-arg s (op ...) 'v ea1 ...) (ck-arg s (op ... 'v) ea1 ...))"
     "  ((ck-arg s (op ...) ea ea1 ...) (ck (((op ...) ea1 ...) . s) ea))))"
     "(define-syntax c-cons (syntax-rules (quote) ((c-cons s 'h 't) (ck s '(h . t)))))"
     "(define-syntax c-append (syntax-rules (quote) ((c-append s '() 'l2) (ck s 'l2))"
     "  ((c-append s '(h . t) 'l2) (ck s (c-cons 'h (c-append 't 'l2))))))"
     "(define-syntax c-quote (syntax-rules (quote) ((c-quote s 'x) (ck s ''x))))"
     "(ck () (c-quote (c-append '(1 2 3) '(4 5))))",
     "'(1 2 3 4 5)"},
    // Petrofsky and friends: tests for equality of identifiers.
    {"(define-syntax id-eq? (syntax-rules () ((_ a b)"
     "  (let-syntax ((t (syntax-rules (a) ((_ a) #t) ((_ x) #f)))) (t b)))))"
     "(list (id-eq? x x) (id-eq? x y) (let ((y 1)) (id-eq? x y)))",
     "'(#t #f #f)"},
    {"(define-syntax jabberwocky (syntax-rules () ((_ hatter)"
     "  (begin (define march-hare 42) (define-syntax hatter (syntax-rules () ((_) march-hare)))))))"
     "(jabberwocky mad-hatter) (mad-hatter)",
     "42"},
    {"(let ((x 1)) (let-syntax ((foo (syntax-rules () ((_ y) (let-syntax ((bar (syntax-rules ()"
     "  ((_) (let ((x 2)) y))))) (bar)))))) (foo x)))",
     "1"},
    {"(let ((x 1)) (letrec-syntax ((foo (syntax-rules () ((_ y) (bar y))))"
     "  (bar (syntax-rules () ((_ x) (let ((x 3)) x))))) (foo x)))",
     "3"},
    {"(define-syntax ten (syntax-rules () ((_) 10))) (define-syntax blah (syntax-rules () ((_) "
     "(ten))))"
     "(define (f) (blah)) (f)",
     "10"},
    {"(let-syntax ((a (syntax-rules () ((_ ?x) (+ ?x 8))))) (let ((+ *)) (a 2)))", "10"},
};

// Where sets of scopes need use-site scopes: the macro is defined in the body that uses it.
static const Row same_body[] = {
    {"(define-syntax identity (syntax-rules () ((_ id) (lambda (x) (let ((id 'other)) x)))))"
     "((identity x) 'mine)",
     "'mine"},
    {"(let () (define-syntax identity (syntax-rules () ((_ id) (lambda (x) (let ((id 'other)) "
     "x)))))"
     "((identity x) 'mine))",
     "'mine"},
    {"(letrec-syntax ((identity (syntax-rules () ((_ id) (lambda (x) (let ((id 'other)) x))))))"
     "((identity x) 'mine))",
     "'mine"},
    {"(define-syntax define-identity (syntax-rules () ((_ id) (define id (lambda (x) x)))))"
     "(define-identity f) (f 5)",
     "5"},
    {"(let () (define-syntax define-identity (syntax-rules () ((_ id) (define id (lambda (x) x)))))"
     "(define-identity f) (f 5))",
     "5"},
    {"(define-syntax define-both (syntax-rules () ((_ id) (begin (define id 1) (define x 2) (list "
     "id x)))))"
     "(define-both x)",
     "'(1 2)"},
    {"(define (f) (define-syntax m (syntax-rules () ((_ a) (begin (define tmp 1) (define a (+ tmp "
     "1))))))"
     "(m tmp) tmp) (f)",
     "2"},
    {"(define-syntax m (syntax-rules () ((_ n) (let ((n 1) (y 2)) (list n y))))) (define y 5) (m "
     "y)",
     "'(1 2)"},
    {"(define-syntax def (syntax-rules () ((_ a b) (define-syntax a (syntax-rules () ((_ b) (let "
     "((b 1) (q 2)) (list b q))))))))"
     "(def foo q) (foo z)",
     "'(1 2)"},
    {"(define-syntax wrap (syntax-rules () ((_ f) (let () f)))) (wrap (let () (define z 3) z))",
     "3"},
    {"(define-syntax defrec (syntax-rules () ((_ n m p a) (define-record-type n (m x) p (x a)))))"
     "(defrec point make point? get) (list (get (make 4)) (point? 1))",
     "'(4 #f)"},
    {"(define-syntax defvals (syntax-rules () ((_ (a ...) e) (define-values (a ... . r) e))))"
     "(defvals (x y) (values 1 2 3)) (list x y)",
     "'(1 2)"},
};

static const Row shadowing[] = {
    {"(define (f list) (list 1)) (f (lambda (x) (+ x 1)))", "2"},
    {"(define (quote x) 5) 'a", "t.eta:1:23: error: unbound name: a\n"
                                "   1 | (define (quote x) 5) 'a\n"
                                "     |                       ^"},
    {"(let ((define list)) (define 1 2))", "'(1 2)"},
    {"(let ((begin list)) (begin 1 2))", "'(1 2)"},
    {"(define (assert x) 'mine) (assert #f)", "'mine"},
    {"(define list +) (list 1 2)", "3"},
    {"(define (g) (cond (#f 1) (else 2))) (let ((else #f)) (g))", "2"},
    {"(let ((lambda list) (x 1)) (lambda x))", "'(1)"},
    {"(let ((quasiquote list) (a 1)) `a)", "'(1)"},
    {"(let ((unquote list) (x 5)) `(a ,x))", "'(a (unquote x))"},
    {"(let loop ((loop 5)) loop)", "5"},
    {"(define if list) (if 1 2 3)", "'(1 2 3)"},
    {"(define (f) (when 1 2)) (define (when a b) (list b a)) (f)", "'(2 1)"},
    {"(let ((x 1)) (define (when a b) (list b a)) (when x 2))", "'(2 1)"},
    {"(let-syntax ((if (syntax-rules () ((_ a b c) (list a b c))))) (if 1 2 3))", "'(1 2 3)"},
    {"(define-syntax if (syntax-rules () ((_ a b c) (list c b a)))) (if 1 2 3)", "'(3 2 1)"},
    {"(define-syntax m (syntax-rules () ((_ a) (let ((if list)) (if a 2 3))))) (m 1)", "'(1 2 3)"},
    {"(define-syntax alias (syntax-rules () ((_ new old) (define-syntax new (syntax-rules () ((_ . "
     "r) (old . r)))))))"
     "(alias my-let let) (my-let ((x 1)) x)",
     "1"},
    {"(define-syntax als cond) (als (#f 1) (else 2))", "2"},
    {"(define-syntax oder else) (cond (#f 1) (oder 2))", "2"},
    {"(let ((a 1)) (let-syntax ((m (syntax-rules () ((_) a)))) (define a 2) (m)))", "1"},
    {"(let ((a 1)) (define-syntax m (syntax-rules () ((_) a))) (define a 2) (m))", "2"},
    {"(define-values (a b) (values 1 2)) (let*-values (((a b) (values b a)) ((c) (list a b))) c)",
     "'(2 1)"},
    {"(define x 1) (define (f) (define y x) (define x 2) y) (f)", "\"not initialized\""},
};

static const Row programs[] = {
    {"(define (even2? n) (if (= n 0) #t (odd2? (- n 1)))) (define (odd2? n) (if (= n 0) #f (even2? "
     "(- n 1))))"
     "(even2? 10)",
     "#t"},
    {"(let loop ((i 0) (acc '())) (if (= i 3) acc (loop (+ i 1) (cons i acc))))", "'(2 1 0)"},
    {"(do ((i 0 (+ i 1)) (s 0 (+ s i))) ((= i 4) s))", "6"},
    {"(define (f) (define a 1) (set! a (+ a 1)) (define b (+ a 1)) (list a b)) (f)", "'(2 3)"},
    {"(let () (define-values (a b) (values 1 2)) (define c (+ a b)) (define-values (d . e) (values "
     "c 4 5)) (list a b c d e))",
     "'(1 2 3 3 (4 5))"},
    {"(let () (define (f) (list a b)) (define-values (a b) (values 1 2)) (f))", "'(1 2)"},
    {"`(1 ,(+ 1 1) ,@(list 3 4) . 5)", "'(1 2 3 4 . 5)"},
    {"`#(1 ,@(list 2 3))", "#(1 2 3)"},
    {"`(1 `(2 ,(3 ,(+ 1 3))))", "'(1 (quasiquote (2 (unquote (3 4)))))"},
    {"(let ((name1 'x) (name2 'y)) `(a `(b ,,name1 ,',name2 d) e))",
     "'(a (quasiquote (b (unquote x) (unquote (quote y)) d)) e)"},
    {"(case (* 2 3) ((2 3 5 7) 'prime) ((1 4 6 8 9) 'composite))", "'composite"},
    {"(case 'x ((a) 1) (else => (lambda (v) (list v))))", "'(x)"},
    {"(case 3 ((1 2 3 4 5 6 7 8 9 10) 'in) (else 'out))", "'in"},
    {"(define (assv2 x) (list 9)) (cond ((assv2 1) => car) (else 0))", "9"},
    {"((case-lambda ((a) 'one) ((a b) 'two) ((a . r) 'more)) 1 2 3)", "'more"},
    {"(define-record-type point (mk x y) p? (x px set-px!) (y py)) (let ((p (mk 1 2))) (set-px! p "
     "5)"
     "(list (px p) (py p) (p? p) (p? 1)))",
     "'(5 2 #t #f)"},
    {"(module m (export f) (define (f x) (* 2 x))) (import m) (f 4)", "8"},
    {"(import m) (f 4) (module m (import n) (export f) (define (f x) (g x))) (module n (export g) "
     "(define (g x) (* 3 x)))",
     "12"},
};

int main(void)
{
    run_rows(classics, countof(classics), "classics row");
    run_rows(same_body, countof(same_body), "same_body row");
    run_rows(shadowing, countof(shadowing), "shadowing row");
    run_rows(programs, countof(programs), "programs row");
    return check_summary();
}
