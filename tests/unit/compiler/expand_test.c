// Every form: the core it becomes, and what is said when it is wrong.
#include "tests/unit/compiler/harness.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *source, *want;
} Row;

static const Row forms[] = {
    // literals
    {"42", "42"},
    {"\"s\"", "\"s\""},
    {"#\\a", "#\\a"},
    {"#(1 a)", "#(1 a)"},
    {"#u8(1 2)", "#u8(1 2)"},
    {"()", "'()"},
    {"'a", "'a"},
    {"'(1 . b)", "'(1 . b)"},
    {"'#0=(a . #0#)", "'(a . ...)"},
    {"1.5", "1.5"},
    // lambda
    {"(lambda () 1)", "(lambda () 1)"},
    {"(lambda (a b . c) (list a b c))", "(lambda (a.0 b.1 . c.2) (call base:list a.0 b.1 c.2))"},
    {"(lambda x x)", "(lambda (. x.0) x.0)"},
    {"(lambda (x) (define x 1) x)", "(lambda (x.0) (letrec ((x.1 1)) x.1))"},
    {"(case-lambda (() 1) ((a) a) ((a . b) b))",
     "(case-lambda (() 1) ((a.0) a.0) ((a.1 . b.2) b.2))"},
    {"(case-lambda)", "(case-lambda)"},
    // if, set!, begin
    {"(if 1 2 3)", "(if 1 2 3)"},
    {"(if 1 2)", "(if 1 2 #!unspecified)"},
    {"(lambda (x) (set! x 1))", "(lambda (x.0) (set! x.0 1))"},
    {"(begin (define x 1) (set! x 2))", "(define t:x 1)\n"
                                        "(set! t:x 2)"},
    {"(list (begin 1 2 3) (begin) (progn 4))", "(call base:list (seq 1 2 3) #!unspecified 4)"},
    // definitions
    {"(define x 1)", "(define t:x 1)"},
    {"(define (f a . b) a)", "(define t:f (lambda:f (a.0 . b.1) a.0))"},
    {"(def x 1)", "(define t:x 1)"},
    {"(def (f x) x)", "(define t:f (lambda:f (x.0) x.0))"},
    {"(defun f (a) a)", "(define t:f (lambda:f (a.0) a.0))"},
    {"(defun f (a . b) a b)", "(define t:f (lambda:f (a.0 . b.1) (seq a.0 b.1)))"},
    {"(defun f all all)", "(define t:f (lambda:f (. all.0) all.0))"},
    {"(define-values (a b . c) (values 1 2))",
     "(let-values ((a.0 b.1 . c.2) (call base:values 1 2))\n"
     "  (seq (define t:a a.0) (define t:b b.1) (define t:c c.2)))"},
    {"(define-values all (values 1 2))",
     "(let-values ((. all.0) (call base:values 1 2)) (define t:all all.0))"},
    // let
    {"(let () 1)", "1"},
    {"(let ((x 1) (y 2)) (list x y))", "(let ((x.0 1) (y.1 2)) (call base:list x.0 y.1))"},
    {"(let ((f (lambda (x) x))) (f 1))", "(let ((f.1 (lambda:f (x.0) x.0))) (call f.1 1))"},
    {"(let loop ((i 0) (j 1)) (loop j i))",
     "(letrec ((loop.0 (lambda:loop (i.1 j.2) (call loop.0 j.2 i.1)))) (call loop.0 0 1))"},
    {"(let loop () (loop))", "(letrec ((loop.0 (lambda:loop () (call loop.0)))) (call loop.0))"},
    {"(let* ((x 1) (y x)) y)", "(let ((x.0 1)) (let ((y.1 x.0)) y.1))"},
    {"(let* () 1)", "1"},
    {"(letrec ((f (lambda () (g))) (g (lambda () (f)))) f)",
     "(letrec ((f.0 (lambda:f () (call g.1))) (g.1 (lambda:g () (call f.0)))) f.0)"},
    {"(letrec* ((a 1) (b a)) b)", "(letrec ((a.0 1) (b.1 a.0)) b.1)"},
    {"(let-values (((a b) (values 1 2)) ((c) 3) (d 4)) (list a b c d))",
     "(let-values ((a.0 b.1) (call base:values 1 2))\n"
     "  (let-values ((c.2) 3) (let-values ((. d.3) 4) (call base:list a.0 b.1 c.2 d.3))))"},
    {"(let ((a 1)) (let-values (((a) 2) ((b) a)) b))",
     "(let ((a.0 1)) (let-values ((a.1) 2) (let-values ((b.2) a.0) b.2)))"},
    {"(let ((a 1)) (let*-values (((a) 2) ((b) a)) b))",
     "(let ((a.0 1)) (let-values ((a.1) 2) (let-values ((b.2) a.1) b.2)))"},
    {"(let-values () 1)", "1"},
    // bodies
    {"(lambda () (define a 1) (display a) (define b 2) (list a b))",
     "(lambda () (letrec ((a.0 1) (_.2 (call base:display a.0)) (b.1 2)) (call base:list a.0 "
     "b.1)))"},
    {"(lambda () (define (f) (g)) (define (g) (f)) (f))",
     "(lambda () (letrec ((f.0 (lambda:f () (call g.1))) (g.1 (lambda:g () (call f.0)))) (call "
     "f.0)))"},
    {"(lambda () (begin (define a 1) (begin)) a)", "(lambda () (letrec ((a.0 1)) a.0))"},
    {"(lambda () (define-values (a b) (values 1 2)) (list a b))",
     "(lambda () (let-values ((a.0 b.1) (call base:values 1 2)) (call base:list a.0 b.1)))"},
    {"(lambda () (define c 1) (define-values (a b) (values c c)) (define d a) d)",
     "(lambda ()\n"
     "  (letrec ((c.0 1)) (let-values ((a.1 b.2) (call base:values c.0 c.0)) (letrec ((d.3 a.1)) "
     "d.3))))"},
    {"(lambda () (define (f) a) (define-values (a b) (values 1 2)) (f))",
     "(lambda ()\n"
     "  (letrec ((f.0 (lambda:f () a.1))\n"
     "      (a.1 #!unspecified)\n"
     "      (b.2 #!unspecified)\n"
     "      (_.5 (let-values ((a.3 b.4) (call base:values 1 2)) (seq (set! a.1 a.3) (set! b.2 "
     "b.4)))))\n"
     "    (call f.0)))"},
    {"(lambda () (define-values (f g) (values (lambda () g) 1)) f)",
     "(lambda ()\n"
     "  (letrec ((f.0 #!unspecified)\n"
     "      (g.1 #!unspecified)\n"
     "      (_.4 (let-values ((f.2 g.3) (call base:values (lambda () g.1) 1))\n"
     "          (seq (set! f.0 f.2) (set! g.1 g.3)))))\n"
     "    f.0))"},
    {"(lambda () (define-record-type p (mk x) p? (x px)) (mk 1))",
     "(lambda ()\n"
     "  (letrec ((p.0 (call std.kernel:%make-record-type 'p #(x) #(px) #(#f) 'p? #f))\n"
     "      (mk.2 (lambda:mk (x.1) (%make-record p.0 x.1)))\n"
     "      (p?.4 (lambda:p? (record.3) (%record-of? record.3 p.0)))\n"
     "      (px.6 (lambda:px (record.5) (%record-ref record.5 p.0 0))))\n"
     "    (call mk.2 1)))"},
    {"(lambda () (define-syntax m (syntax-rules () ((_ x) (define x 1)))) (m y) y)",
     "(lambda () (letrec ((y.0 1)) y.0))"},
    {"(lambda (x) (define y x) (define x 2) y)", "(lambda (x.0) (letrec ((y.1 x.2) (x.2 2)) y.1))"},
    // and or when unless
    {"(and)", "#t"},
    {"(and 1)", "1"},
    {"(and 1 2 3)", "(if 1 (if 2 3 #f) #f)"},
    {"(or)", "#f"},
    {"(or 1)", "1"},
    {"(or 1 2 3)", "(let ((t.1 1)) (if t.1 t.1 (let ((t.0 2)) (if t.0 t.0 3))))"},
    {"(when 1 2 3)", "(if 1 (seq 2 3) #!unspecified)"},
    {"(unless 1 2 3)", "(if 1 #!unspecified (seq 2 3))"},
    // cond
    {"(cond (1 2) (3))", "(if 1 2 (let ((t.0 3)) (if t.0 t.0 #!unspecified)))"},
    {"(cond (1 => list) (else 2 3))", "(let ((t.0 1)) (if t.0 (call base:list t.0) (seq 2 3)))"},
    {"(cond (1) (2 3))", "(let ((t.0 1)) (if t.0 t.0 (if 2 3 #!unspecified)))"},
    {"(cond (else 1))", "1"},
    // case
    {"(case 1 ((1) 'a) ((2 3) 'b) (else 'c))", "(let ((key.0 1)) (if (%eqv? key.0 1) 'a (if (if "
                                               "(%eqv? key.0 2) #t (%eqv? key.0 3)) 'b 'c)))"},
    {"(case 1 ((a) => list) (else => display))",
     "(let ((key.0 1)) (if (%eqv? key.0 'a) (call base:list key.0) (call base:display key.0)))"},
    {"(case 1 (() 2) ((a b c d e f g h i) 3))",
     "(let ((key.0 1)) (if #f 2 (if (call std.kernel:%memv key.0 '(a b c d e f g h i)) 3 "
     "#!unspecified)))"},
    // do
    {"(do ((i 0 (+ i 1)) (j 0)) ((= i 3) 'done i) (display i))",
     "(letrec ((loop.2 (lambda:loop (i.0 j.1)\n"
     "        (if (call base:= i.0 3)\n"
     "          (seq 'done i.0)\n"
     "          (seq (call base:display i.0) (call loop.2 (call base:+ i.0 1) j.1))))))\n"
     "  (call loop.2 0 0))"},
    {"(do () (1))",
     "(letrec ((loop.0 (lambda:loop () (if 1 #!unspecified (call loop.0))))) (call loop.0))"},
    // delay and others
    {"(delay 1)", "(call std.kernel:%delay (lambda () 1))"},
    {"(delay-force (delay 1))",
     "(call std.kernel:%delay-force (lambda () (call std.kernel:%delay (lambda () 1))))"},
    {"(define p 1) (parameterize ((p 2) (p 3)) (define x 1) x)",
     "(define t:p 1)\n"
     "(call std.kernel:%parameterize\n"
     "  (call std.kernel:%list (%cons t:p 2) (%cons t:p 3))\n"
     "  (lambda () (letrec ((x.0 1)) x.0)))"},
    {"(parameterize () 1)",
     "(call std.kernel:%parameterize (call std.kernel:%list) (lambda () 1))"},
    {"(guard (e ((symbol? e) 1)) 2)",
     "(call std.kernel:%guard\n"
     "  (lambda () 2)\n"
     "  (lambda (e.0 reraise.1) (if (call base:symbol? e.0) 1 (call reraise.1))))"},
    {"(guard (e ((symbol? e) => list) ((car e))) (define x 2) x)",
     "(call std.kernel:%guard\n"
     "  (lambda () (letrec ((x.0 2)) x.0))\n"
     "  (lambda (e.1 reraise.2)\n"
     "    (let ((t.4 (call base:symbol? e.1)))\n"
     "      (if t.4 (call base:list t.4) (let ((t.3 (call base:car e.1))) (if t.3 t.3 (call "
     "reraise.2)))))))"},
    {"(guard (e (else e)) 2 3)",
     "(call std.kernel:%guard-else (lambda () (seq 2 3)) (lambda (e.0) e.0))"},
    {"(guard (e) 2)",
     "(call std.kernel:%guard (lambda () 2) (lambda (e.0 reraise.1) (call reraise.1)))"},
    {"(catch 'tag 1 2)", "(call std.kernel:%catch 'tag (lambda () (seq 1 2)))"},
    {"(catch 'tag)", "(call std.kernel:%catch #f (lambda () 'tag))"},
    {"(catch (list 'tag) 1)",
     "(call std.kernel:%catch #f (lambda () (seq (call base:list 'tag) 1)))"},
    {"(let ((quote list)) (catch 'tag 1))", "t.eta:1:29: error: unbound name: tag\n"
                                            "   1 | (let ((quote list)) (catch 'tag 1))\n"
                                            "     |                             ^~~"},
    {"(assert 1)", "(if 1 #!unspecified (call std.kernel:%assert-failed 1))"},
    {"(assert (null? 1) \"text\" 2)", "(if (call base:null? 1) #!unspecified (call "
                                      "std.kernel:%assert-failed '(null? 1) \"text\" 2))"},
    // records
    {"(define-record-type <p> (make-p x y) p? (x px set-px!) (y py))",
     "(define t:<p>\n"
     "  (call std.kernel:%make-record-type '<p> #(x y) #(px py) #(set-px! #f) 'p? 'main))\n"
     "(define t:make-p (lambda:make-p (x.0 y.1) (%make-record t:<p> x.0 y.1)))\n"
     "(define t:p? (lambda:p? (record.2) (%record-of? record.2 t:<p>)))\n"
     "(define t:px (lambda:px (record.3) (%record-ref record.3 t:<p> 0)))\n"
     "(define t:set-px!\n"
     "  (lambda:set-px! (record.4 value.5) (%record-set! record.4 t:<p> 0 value.5)))\n"
     "(define t:py (lambda:py (record.6) (%record-ref record.6 t:<p> 1)))"},
    {"(define-record-type p mk #f (x px))",
     "(define t:p (call std.kernel:%make-record-type 'p #(x) #(px) #(#f) #f 'main))\n"
     "(define t:mk (lambda:mk (x.0) (%make-record t:p x.0)))\n"
     "(define t:px (lambda:px (record.2) (%record-ref record.2 t:p 0)))"},
    {"(define-record-type p #f p? x (y))",
     "(define t:p (call std.kernel:%make-record-type 'p #(x y) #(#f #f) #(#f #f) 'p? 'main))\n"
     "(define t:p? (lambda:p? (record.0) (%record-of? record.0 t:p)))"},
    {"(define-record-type p (mk y) p? (x px) (y py))",
     "(define t:p (call std.kernel:%make-record-type 'p #(x y) #(px py) #(#f #f) 'p? 'main))\n"
     "(define t:mk (lambda:mk (y.0) (%make-record t:p #f y.0)))\n"
     "(define t:p? (lambda:p? (record.1) (%record-of? record.1 t:p)))\n"
     "(define t:px (lambda:px (record.2) (%record-ref record.2 t:p 0)))\n"
     "(define t:py (lambda:py (record.4) (%record-ref record.4 t:p 1)))"},
    // quasiquote
    {"`a", "'a"},
    {"`(a b)", "'(a b)"},
    {"`(a ,1)", "(%cons 'a (%cons 1 '()))"},
    {"`(,1 b c)", "(%cons 1 '(b c))"},
    {"`(,1 . ,2)", "(%cons 1 2)"},
    {"`(a . ,1)", "(%cons 'a 1)"},
    {"`(1 ,@(list 2))", "(call std.kernel:%append '(1) (call base:list 2))"},
    {"`(,@(list 2) 3)", "(call std.kernel:%append (call base:list 2) '(3))"},
    {"`(,@(list 1) . 4)", "(call std.kernel:%append (call base:list 1) 4)"},
    {"`(,@(list 1) ,@(list 2))", "(call std.kernel:%append (call base:list 1) (call base:list 2))"},
    {"`(1 2 ,@(list 1) 3 ,4 5 6)",
     "(call std.kernel:%append '(1 2) (call base:list 1) (%cons 3 (%cons 4 '(5 6))))"},
    {"`#(1 ,2)", "(call std.kernel:%list->vector (%cons 1 (%cons 2 '())))"},
    {"`#(,@(list 1) 2)",
     "(call std.kernel:%list->vector (call std.kernel:%append (call base:list 1) (%cons 2 '())))"},
    {"`#(1 2)", "#(1 2)"},
    {"``(a ,(b ,1))",
     "(%cons 'quasiquote\n"
     "  (%cons (%cons 'a (%cons (%cons 'unquote (%cons (%cons 'b (%cons 1 '())) '())) '())) '()))"},
    {"`(a `(b ,(c ,1)))", "(%cons 'a\n"
                          "  (%cons (%cons 'quasiquote\n"
                          "      (%cons (%cons 'b (%cons (%cons 'unquote (%cons (%cons 'c (%cons 1 "
                          "'())) '())) '())) '()))\n"
                          "    '()))"},
    {"`(a `(b ,(c ,@(list 1) d)))", "(%cons 'a\n"
                                    "  (%cons (%cons 'quasiquote\n"
                                    "      (%cons (%cons 'b\n"
                                    "          (%cons (%cons 'unquote (%cons (call "
                                    "std.kernel:%append '(c) (call base:list 1) '(d)) '()))\n"
                                    "            '()))\n"
                                    "        '()))\n"
                                    "    '()))"},
    {"`(a (b ,1) c)", "(%cons 'a (%cons (%cons 'b (%cons 1 '())) '(c)))"},
    {"`(a unquote 1)", "(%cons 'a 1)"},
    {"`(1 2 3 4 5 6 7 8 9 ,10)", "(call std.kernel:%list 1 2 3 4 5 6 7 8 9 10)"},
    {"`,1", "1"},
    {"`(quasiquote a b)", "'(quasiquote a b)"},
    {"(quasiquote (a (unquote 1)))", "(%cons 'a (%cons 1 '()))"},
    // syntax
    {"(let-syntax ((m (syntax-rules () ((_ x) (list x x))))) (m 1))", "(call base:list 1 1)"},
    {"(letrec-syntax ((ev (syntax-rules () ((_) #t) ((_ a . r) (od . r)))) (od (syntax-rules () "
     "((_) #f) ((_ a . r) (ev . r))))) (ev 1 2 3))",
     "#f"},
    {"(define-syntax my-if if) (my-if 1 2 3)", "(if 1 2 3)"},
    {"(cond-expand (eta 1) (else 2))", "1"},
    {"(cond-expand ((and r7rs (not foo) (or bar full-unicode)) 1) (else 2))", "1"},
    {"(cond-expand (foo 1))", "#!unspecified"},
    {"(cond-expand ((library base) (define x 1)) (else (define y 2)))", "(define t:x 1)"},
    {"(cond-expand ((library (no such)) 1) (else 2))", "2"},
    {"((lambda (x) x) 1)", "(call (lambda (x.0) x.0) 1)"},
    {"((car 1) 2)", "(call (call base:car 1) 2)"},
};

// What is compared: the head lines of the diagnostics.
static const Row errors[] = {
    // patterns
    {"(%match 1)", "t.eta:1:1: error: %match: expected (match value (pattern expression ...) ...), "
                   "got (%match 1)"},
    {"(%match 1 (x))", "t.eta:1:11: error: match: expected a clause (pattern expression ...), got (x)"},
    {"(%match 1 ((list a a) a))", "t.eta:1:20: error: match: the name a is bound twice"},
    {"(%match 1 ((foo x) x))",
     "t.eta:1:12: error: match: expected a pattern, which begins with list, cons, vector, ==, ?, and, "
     "or, not or the name of a record type, got (foo x)"},
    {"(%match 1 ((or x y) x))", "t.eta:1:18: error: match: expected an alternative that binds the same "
                                "names as the first one, got y"},
    {"(%match 1 ((not x) 1))",
     "t.eta:1:12: error: match: expected a pattern that binds no names inside not, got (not x)"},
    {"(%match 1 ((list x ... y ...) 1))",
     "t.eta:1:26: error: match: expected at most one ... in a list or vector, got ..."},
    {"(%match 1 (`(a ,@b c) 1))", "t.eta:1:16: error: match: expected unquote-splicing at the end of a "
                                  "list, got (unquote-splicing b)"},
    {"(%match-let ((a)) 1)",
     "t.eta:1:14: error: match-let: expected a binding (pattern expression), got (a)"},
    {"(%receive-case (after 1 2) (1 2))",
     "t.eta:1:16: error: receive-case: the after clause must be the last one"},
    {"(%receive-case (after 1))",
     "t.eta:1:16: error: receive-case: expected (after milliseconds expression ...), got (after 1)"},
    // binding forms
    {"(let x)",
     "t.eta:1:1: error: let: expected (let ((name expression) ...) expression ...), got (let x)"},
    {"(let (x) 1)", "t.eta:1:7: error: let: expected a binding (name expression), got x"},
    {"(let ((x 1 2)) x)",
     "t.eta:1:7: error: let: expected a binding (name expression), got (x 1 2)"},
    {"(let ((1 2)) 3)", "t.eta:1:8: error: let: expected a name to bind, got 1"},
    {"(let ((x 1) (x 2)) x)", "t.eta:1:14: error: let: the name x is bound twice"},
    {"(let ((x 1)))", "t.eta:1:1: error: let: expected (let ((name expression) ...) expression "
                      "...), got (let ((x 1)))"},
    {"(let ((x 1)) . 2)", "t.eta:1:1: error: let: expected (let ((name expression) ...) expression "
                          "...), got (let ((x 1)) . 2)"},
    {"(let x ((y 1)))", "t.eta:1:1: error: let: expected (let name ((name expression) ...) "
                        "expression ...), got (let x ((y 1)))"},
    {"(let* (x) 1)", "t.eta:1:8: error: let*: expected a binding (name expression), got x"},
    {"(letrec x 1)",
     "t.eta:1:9: error: letrec: expected a list of bindings (name expression), got x"},
    {"(let-values ((a)) 1)",
     "t.eta:1:14: error: let-values: expected a binding ((name ...) expression), got (a)"},
    {"(lambda)",
     "t.eta:1:1: error: lambda: expected (lambda (parameter ...) expression ...), got (lambda)"},
    {"(lambda (x))", "t.eta:1:1: error: lambda: expected (lambda (parameter ...) expression ...), "
                     "got (lambda (x))"},
    {"(lambda (x x) x)", "t.eta:1:12: error: parameters: the name x is bound twice"},
    {"(lambda (1) x)", "t.eta:1:10: error: parameters: expected a name to bind, got 1\n"
                       "t.eta:1:13: error: unbound name: x"},
    {"(lambda (x . x) x)", "t.eta:1:14: error: parameters: the name x is bound twice"},
    {"(case-lambda 1)",
     "t.eta:1:14: error: case-lambda: expected a clause ((parameter ...) expression ...), got 1"},
    {"(define)", "t.eta:1:1: error: define: expected (define name expression) or (define (name "
                 "parameter ...) expression ...), got (define)"},
    {"(define x)", "t.eta:1:1: error: define: expected (define name expression) or (define (name "
                   "parameter ...) expression ...), got (define x)"},
    {"(define x 1 2)",
     "t.eta:1:13: error: define: expected one expression as the value, got another one: 2"},
    {"(define 1 2)", "t.eta:1:9: error: expected a name to define, got 1"},
    {"(define (1) 2)", "t.eta:1:10: error: expected a name to define, got 1"},
    {"(define ((f a) b) 1)", "t.eta:1:10: error: expected a name to define, got (f a)"},
    {"(define (f))", "t.eta:1:1: error: define: expected (define name expression) or (define (name "
                     "parameter ...) expression ...), got (define (f))"},
    {"(defun f)", "t.eta:1:1: error: defun: expected (defun name (parameter ...) expression ...), "
                  "got (defun f)"},
    {"(define-values (a 1) 2)", "t.eta:1:19: error: expected a name to define, got 1"},
    {"(define-values (a a) (values 1 2))", "t.eta:1:19: error: a is defined twice\n"
                                           "t.eta:1:17: note: the first definition of a"},
    {"(list (define x 1))",
     "t.eta:1:7: error: define: a definition is not allowed here, where an expression is expected"},
    {"(if 1 (define x 1))",
     "t.eta:1:7: error: define: a definition is not allowed here, where an expression is expected"},
    {"(lambda () (define x 1))",
     "t.eta:1:1: error: procedure: expected an expression after the definitions of the body"},
    {"(let ())",
     "t.eta:1:1: error: let: expected (let ((name expression) ...) expression ...), got (let ())"},
    {"(lambda () (define x 1) (define x 2) x)",
     "t.eta:1:33: error: x is defined twice in this body"},
    {"(define x 1) (define x 2)", "t.eta:1:22: error: x is defined twice\n"
                                  "t.eta:1:9: note: the first definition of x"},
    // control
    {"(if)", "t.eta:1:1: error: if: expected (if test then else), got (if)"},
    {"(if 1 2 3 4)", "t.eta:1:1: error: if: expected (if test then else), got (if 1 2 3 4)"},
    {"(set! x)", "t.eta:1:1: error: set!: expected (set! name expression), got (set! x)"},
    {"(set! 1 2)", "t.eta:1:7: error: set!: expected a name, got 1"},
    {"(set! undefined-thing 1)", "t.eta:1:7: error: unbound name: undefined-thing"},
    {"(set! car 1)", "t.eta:1:7: error: cannot assign to imported name 'car' of module 'base'"},
    {"(set! if 1)", "t.eta:1:7: error: set!: if is syntax, not a variable"},
    {"(cond)", "t.eta:1:1: error: cond: expected (cond (test expression ...) ...), got (cond)"},
    {"(cond 1)", "t.eta:1:7: error: cond: expected a clause (test expression ...), got 1"},
    {"(cond ())", "t.eta:1:7: error: cond: expected a clause (test expression ...), got ()"},
    {"(cond (else 1) (2 3))",
     "t.eta:1:7: error: cond: expected the else clause to be the last one"},
    {"(cond (else))", "t.eta:1:7: error: cond: expected an expression behind else"},
    {"(cond (1 =>))", "t.eta:1:7: error: cond: expected a clause (test => procedure), got (1 =>)"},
    {"(cond (else => list))",
     "t.eta:1:7: error: cond: expected a clause (test => procedure), got (else => list)"},
    {"(case)",
     "t.eta:1:1: error: case: expected (case key ((datum ...) expression ...) ...), got (case)"},
    {"(case 1 (2 3))", "t.eta:1:10: error: case: expected a list of data (datum ...), got 2"},
    {"(case 1 ((2)))",
     "t.eta:1:9: error: case: expected a clause ((datum ...) expression ...), got ((2))"},
    {"(case 1 (else))",
     "t.eta:1:9: error: case: expected a clause ((datum ...) expression ...), got (else)"},
    {"(when 1)",
     "t.eta:1:1: error: when: expected a test and at least one expression, got (when 1)"},
    {"(do 1 2)", "t.eta:1:7: error: do: expected (test result ...), got 2"},
    {"(do ((i)) (1))", "t.eta:1:6: error: do: expected a variable (name init step), got (i)"},
    {"(do () ())", "t.eta:1:8: error: do: expected (test result ...), got ()"},
    {"(else 1)", "t.eta:1:1: error: else is only allowed inside a clause of cond, case or guard"},
    {"else", "t.eta:1:1: error: else is syntax: it cannot be used as a value"},
    {"(=> 1)", "t.eta:1:1: error: => is only allowed inside a clause of cond, case or guard"},
    {"(unquote x)", "t.eta:1:1: error: unquote is only allowed inside quasiquote"},
    {",x", "t.eta:1:1: error: unquote is only allowed inside quasiquote"},
    {",@x", "t.eta:1:1: error: unquote-splicing is only allowed inside quasiquote"},
    {"`,@x", "t.eta:1:2: error: unquote-splicing: expected to be an element of a list or vector"},
    {"`(1 . ,@(list 2))",
     "t.eta:1:7: error: unquote-splicing: expected to be an element of a list or vector"},
    {"(list if)", "t.eta:1:7: error: if is syntax: it cannot be used as a value"},
    {"(list swap)", "t.eta:1:7: error: unbound name: swap"},
    {"(1 . 2)", "t.eta:1:1: error: expected a call or a form, a proper list, got (1 . 2)"},
    {"(list . 1)", "t.eta:1:1: error: expected a call or a form, a proper list, got (list . 1)"},
    {"'#0=(a . #0#) #1=(list . #1#)",
     "t.eta:1:15: error: a datum that contains itself must be quoted"},
    {"(quote)", "t.eta:1:1: error: quote: expected (quote datum), got (quote)"},
    {"(quote 1 2)", "t.eta:1:1: error: quote: expected (quote datum), got (quote 1 2)"},
    {"(guard)",
     "t.eta:1:1: error: guard: expected (guard (name clause ...) expression ...), got (guard)"},
    {"(guard (1) 2)", "t.eta:1:8: error: guard: expected (name clause ...), got (1)"},
    {"(guard e 1)", "t.eta:1:8: error: guard: expected (name clause ...), got e"},
    {"(guard (e 1) 2)", "t.eta:1:11: error: guard: expected a clause (test expression ...), got 1"},
    {"(catch)", "t.eta:1:1: error: catch: expected (catch 'tag expression ...), got (catch)"},
    {"(delay)", "t.eta:1:1: error: delay: expected one expression, got (delay)"},
    {"(parameterize (1) 2)",
     "t.eta:1:16: error: parameterize: expected (parameter expression), got 1"},
    {"(parameterize 1 2)",
     "t.eta:1:15: error: parameterize: expected a list of (parameter expression), got 1"},
    {"(assert)",
     "t.eta:1:1: error: assert: expected (assert expression irritant ...), got (assert)"},
    {"(begin . 1)", "t.eta:1:1: error: begin: expected a proper list, got (begin . 1)"},
    // records
    {"(define-record-type)",
     "t.eta:1:1: error: define-record-type: expected (define-record-type type (constructor field "
     "...) predicate field ...), got (define-record-type)"},
    {"(define-record-type 1 #f p?)",
     "t.eta:1:21: error: define-record-type: expected a type name, got 1"},
    {"(define-record-type p (mk z) p? (x px))",
     "t.eta:1:27: error: define-record-type: z is not a field of this record"},
    {"(define-record-type p (mk x x) p? (x px))",
     "t.eta:1:29: error: define-record-type: x is named twice"},
    {"(define-record-type p (mk x) p? (x px) (x py))",
     "t.eta:1:41: error: define-record-type: field x is declared twice"},
    {"(define-record-type p (mk x) p? (x px py pz))",
     "t.eta:1:33: error: define-record-type: expected a field (name accessor modifier), got (x px "
     "py pz)"},
    {"(define-record-type p (mk x) p? (\"x\" px))",
     "t.eta:1:33: error: define-record-type: expected a field (name accessor modifier), got (\"x\" "
     "px)"},
    {"(define-record-type p (mk x) 1 (x px))",
     "t.eta:1:30: error: define-record-type: expected the name of a predicate or #f, got 1"},
    {"(define-record-type p \"mk\" p? (x px))",
     "t.eta:1:23: error: define-record-type: expected a constructor (name field ...), a name or "
     "#f, got \"mk\""},
    // syntax
    {"(define-syntax)",
     "t.eta:1:1: error: define-syntax: expected (define-syntax name (syntax-rules (literal ...) "
     "(pattern template) ...)), got (define-syntax)"},
    {"(define-syntax m 1)", "t.eta:1:18: error: expected a transformer (syntax-rules (literal ...) "
                            "(pattern template) ...), got 1"},
    {"(define-syntax m (lambda (x) x))",
     "t.eta:1:18: error: expected a transformer (syntax-rules (literal ...) (pattern template) "
     "...), got (lambda (x) x)"},
    {"(define-syntax m (syntax-rules))", "t.eta:1:16: error: syntax-rules: expected (syntax-rules "
                                         "(literal ...) (pattern template) ...)"},
    {"(define-syntax m (syntax-rules 1))",
     "t.eta:1:32: error: syntax-rules: expected a list of literals, got 1"},
    {"(define-syntax m (syntax-rules (1)))",
     "t.eta:1:33: error: syntax-rules: expected a literal, a name, got 1"},
    {"(define-syntax m (syntax-rules () 1))",
     "t.eta:1:35: error: syntax-rules: expected a rule ((_ pattern ...) template), got 1"},
    {"(define-syntax m (syntax-rules () ((_) 1 2)))",
     "t.eta:1:35: error: syntax-rules: expected a rule ((_ pattern ...) template), got ((_) 1 2)"},
    {"(define-syntax m (syntax-rules () (_ 1)))",
     "t.eta:1:35: error: syntax-rules: expected a rule ((_ pattern ...) template), got (_ 1)"},
    {"(define-syntax m (syntax-rules () ((_ x x) 1)))",
     "t.eta:1:41: error: syntax-rules: x occurs twice in the pattern"},
    {"(define-syntax m (syntax-rules () ((_ x ...  y ...) 1)))",
     "t.eta:1:48: error: syntax-rules: only one ellipsis is allowed in a list of a pattern"},
    {"(define-syntax m (syntax-rules () ((_ ... x) 1)))",
     "t.eta:1:39: error: syntax-rules: nothing stands before the ellipsis here"},
    {"(define-syntax m (syntax-rules () ((_ x ...) x)))",
     "t.eta:1:46: error: syntax-rules: x needs 1 ellipsis behind it here, as in the pattern"},
    {"(define-syntax m (syntax-rules () ((_ x) (x ...))))",
     "t.eta:1:43: error: syntax-rules: nothing that repeats in the pattern stands before the "
     "ellipsis"},
    {"(define-syntax m (syntax-rules () ((_ (x ...) ...) (x ...))))",
     "t.eta:1:53: error: syntax-rules: x needs 1 ellipsis behind it here, as in the pattern"},
    {"(define-syntax m (syntax-rules () ((_ x) (...))))",
     "t.eta:1:42: error: syntax-rules: expected (... template), got (...)"},
    {"(define-syntax m (syntax-rules () ((_ (x ...) (y ...)) '((x y) ...)))) (m (1 2) (3))",
     "t.eta:1:72: error: macro m: what stands under one ellipsis matched 2 and 1 operands"},
    {"(define-syntax m (syntax-rules () ((_ x) x))) (m)",
     "t.eta:1:47: error: no rule of macro m matches (m)\n"
     "t.eta:1:16: note: macro m is defined here"},
    {"(define-syntax m (syntax-rules () ((_ x) (let ((x)) 1)))) (m y)",
     "t.eta:1:59: error: let: expected a binding (name expression), got (y)\n"
     "t.eta:1:59: note: in what this use of macro m expands to"},
    {"(define-syntax m (er-macro-transformer (lambda (f r c) f)))",
     "t.eta:1:18: error: er-macro-transformer is not supported yet"},
    {"(let-syntax ((m 1)) 2)", "t.eta:1:17: error: expected a transformer (syntax-rules (literal "
                               "...) (pattern template) ...), got 1"},
    {"(let-syntax (m) 2)", "t.eta:1:14: error: let-syntax: expected (name transformer), got m"},
    {"(let-syntax ((m (syntax-rules ())) (m (syntax-rules ()))) 2)",
     "t.eta:1:37: error: let-syntax: the name m is bound twice"},
    {"(syntax-error \"bad thing\" (a b) c)", "t.eta:1:1: error: bad thing (a b) c"},
    {"(define-syntax m (syntax-rules () ((_ x) (syntax-error \"never use m with\" x)))) (m foo)",
     "t.eta:1:81: error: never use m with foo\n"
     "t.eta:1:81: note: in what this use of macro m expands to"},
    {"(syntax-rules ())", "t.eta:1:1: error: syntax-rules is only allowed inside define-syntax, "
                          "let-syntax or letrec-syntax"},
    {"(cond-expand)", "t.eta:1:1: error: cond-expand: expected (cond-expand (feature form ...) "
                      "...), got (cond-expand)"},
    {"(cond-expand 1)", "t.eta:1:14: error: cond-expand: expected (feature form ...), got 1"},
    {"(cond-expand ((foo bar) 1))", "t.eta:1:15: error: cond-expand: expected a feature, (and "
                                    "...), (or ...), (not ...) or (library ...), got (foo bar)"},
    {"(cond-expand ((library 1.5) 1))",
     "t.eta:1:24: error: cond-expand: expected the name of a library, got 1.5"},
    {"(include)", "t.eta:1:1: error: include: expected (include \"file\" ...), got (include)"},
    {"(include 1)", "t.eta:1:10: error: include: expected a file name, a string, got 1"},
    {"(include \"/no/such/file\")",
     "t.eta:1:10: error: include: cannot read /no/such/file: No such file or directory"},
    {"(define-syntax loop (syntax-rules () ((_) (loop)))) (loop)",
     "t.eta:1:53: error: expansion depth exceeded: macro loop is still being expanded after 100000 "
     "steps\n"
     "t.eta:1:53: note: in what this use of macro loop expands to"},
    {"(define-syntax m (syntax-rules () ((_) 1))) (set! m 2)",
     "t.eta:1:51: error: set!: m is syntax, not a variable"},
    {"(define-syntax m (syntax-rules () ((_) 1))) m",
     "t.eta:1:45: error: m is syntax: it cannot be used as a value"},
    // names
    {"(lenght '(1 2))", "t.eta:1:2: error: unbound name: lenght; did you mean 'length'?"},
    {"(define (my-function x) x) (my-funtion 1)",
     "t.eta:1:29: error: unbound name: my-funtion; did you mean 'my-function'?"},
    {"(let ((counter 1)) (let ((x 2)) (conter x)))",
     "t.eta:1:34: error: unbound name: conter; did you mean 'counter'?"},
    {"(displya 1)", "t.eta:1:2: error: unbound name: displya; did you mean 'display'?"},
    {"xy", "t.eta:1:1: error: unbound name: xy"},
    {"(no-such-thing-at-all-here)", "t.eta:1:2: error: unbound name: no-such-thing-at-all-here"},
    {"%car", "t.eta:1:1: error: unbound name: %car; did you mean 'car'?"},
    {"(%car 1)", "t.eta:1:2: error: unbound name: %car; did you mean 'car'?"},
};

static const TestModule modules[] = {{"base", prelude_text, true}};

// Without the line that names the module.
static const char *body_of(const char *dump)
{
    const char *end = strchr(dump, '\n');

    return strncmp(dump, ";; program", 10) == 0 && end ? end + 1 : dump;
}

static const char *heads_of(const char *text)
{
    static char heads[8192];
    size_t size = 0;

    heads[0] = 0;
    while (*text) {
        size_t line = strcspn(text, "\n");
        bool head = line > 6 && text[5] != '|';
        if (head && size + line + 2 < sizeof heads) {
            if (size) heads[size++] = '\n';
            memcpy(heads + size, text, line);
            size += line;
            heads[size] = 0;
        }
        text += line + (text[line] == '\n');
    }
    return heads;
}

static void test_rows(void)
{
    TestSession s;

    session_open_default(&s, modules, 1);
    for (size_t i = 0; i < countof(forms); i++) {
        check_text(body_of(expand_text(&s, forms[i].source)), forms[i].want, forms[i].source, 0);
    }
    for (size_t i = 0; i < countof(errors); i++) {
        check_text(heads_of(expand_text(&s, errors[i].source)), errors[i].want, errors[i].source,
                   0);
    }
    session_close(&s);
}

// One error does not hide the next.
static void test_several_errors(void)
{
    TestSession s;

    session_open_default(&s, modules, 1);
    const char *out = expand_text(
        &s, "(define (f) (if))\n(let (x) y)\n(undefined 1)\n(define g (lambda (a a) a))");
    CHECK_HAS(out, "t.eta:1:13: error: if:");
    CHECK_HAS(out, "t.eta:2:7: error: let:");
    CHECK_HAS(out, "t.eta:3:2: error: unbound name: undefined");
    CHECK_HAS(out, "t.eta:4:22: error: parameters: the name a is bound twice");
    session_close(&s);
}

static char *repeated(const char *before, const char *part, int count, const char *middle,
                      const char *end_part, const char *after)
{
    size_t size = strlen(before) + strlen(middle) + strlen(after) +
                  (strlen(part) + strlen(end_part)) * (size_t)count + 1;
    char *text = malloc(size), *at = text;

    at = stpcpy(at, before);
    for (int i = 0; i < count; i++) {
        at = stpcpy(at, part);
    }
    at = stpcpy(at, middle);
    for (int i = 0; i < count; i++) {
        at = stpcpy(at, end_part);
    }
    stpcpy(at, after);
    return text;
}

static void check_deep(const char *part, const char *middle, const char *end_part, int good_count)
{
    TestSession s;

    session_open_default(&s, modules, 1);
    char *text = repeated("(define x ", part, good_count, middle, end_part, ")");
    CHECK_TEXT(expand_quietly(&s, text), "ok");
    free(text);
    text = repeated("(define x ", part, 20000, middle, end_part, ")");
    const char *out = expand_quietly(&s, text);
    CHECK_HAS(out, "expansion depth exceeded");
    CHECK_TRUE(strlen(out) < 3000);
    free(text);
    session_close(&s);
}

// Deep nesting is one clear error; long chains count as nesting.
static void test_depth(void *unused)
{
    (void)unused;
    check_deep("(list ", "1", ")", 9900);
    check_deep("(let ((x 1)) ", "x", ")", 4900);
    check_deep("(lambda (x) ", "x", ")", 4900);
    check_deep("(if 1 ", "x", " 2)", 9900);
    check_deep("`(a ,", "1", ")", 2400);
    check_deep("(begin ", "x", ")", 9900);
    check_deep("(let-syntax () ", "x", ")", 4900);
    check_deep("(case 1 (else ", "x", "))", 4900);
    TestSession s;
    session_open_default(&s, modules, 1);
    const char *const chains[][4] = {
        {"(and ", "1 ", "", ")"},          {"(or ", "1 ", "", ")"},
        {"(cond ", "(1 2) ", "", ")"},     {"(case 1 ", "((1) 2) ", "", ")"},
        {"(let* (", "(x 1) ", ") x", ")"}, {"(let*-values (", "((x) 1) ", ") x", ")"},
    };
    for (size_t i = 0; i < countof(chains); i++) {
        char *text = repeated(chains[i][0], chains[i][1], 9000, chains[i][2], "", chains[i][3]);
        CHECK_TEXT(expand_quietly(&s, text), "ok");
        free(text);
        text = repeated(chains[i][0], chains[i][1], 100000, chains[i][2], "", chains[i][3]);
        CHECK_HAS(expand_text(&s, text), "expansion depth exceeded");
        free(text);
    }
    // Long, not deep.
    char *text = repeated("`(", ",x ", 20000, "", "", ")");
    char *all = malloc(strlen(text) + 100);
    strcpy(all, "(define x 1)");
    strcat(all, text);
    CHECK_HAS(expand_text(&s, all), "(call std.kernel:%cons*");
    free(all);
    free(text);
    text = repeated("(list ", "1 ", 100000, "", "", ")");
    CHECK_TEXT(expand_quietly(&s, text), "ok");
    free(text);
    text = repeated("(begin ", "(define x 1) ", 1, "", "", ")");
    CHECK_TEXT(expand_quietly(&s, text), "ok");
    free(text);
    text = repeated("'(a . ", "(b . ", 60000, "()", ")", ")");
    CHECK_TEXT(expand_quietly(&s, text), "ok");
    free(text);
    session_close(&s);
}

// Macros that do not end, in length, in size or in number.
static void test_runaway(void *unused)
{
    static const char *const texts[] = {
        "(define-syntax m (syntax-rules () ((_ 0 x) x) ((_ 1 x) (m 0 (list x x))) ((_ 2 x) (m 1 "
        "(list x x)))"
        "  ((_ (a b ...) x) (m (b ...) (list x x))) ((_ () x) x)))"
        "(m (1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9 1 2 3 4 5 6 7 8 9) 1)",
        "(list #0=(list 1) #1=(list #0# #0#) #2=(list #1# #1#) #3=(list #2# #2#) #4=(list #3# #3#)"
        "  #5=(list #4# #4#) #6=(list #5# #5#) #7=(list #6# #6#) #8=(list #7# #7#) #9=(list #8# "
        "#8#)"
        "  #10=(list #9# #9# #9# #9#) #11=(list #10# #10# #10# #10#) #12=(list #11# #11# #11# #11#)"
        "  #13=(list #12# #12# #12# #12# #12# #12#) #14=(list #13# #13# #13# #13#))",
        "(define-syntax m (syntax-rules () ((_ . x) (m . x)))) (m 1)",
        "(define-syntax m (syntax-rules () ((_ x ...) (m x ... x ...)))) (m 1)",
        "(define-syntax m (syntax-rules () ((_ x) (m (x x))))) (m 1)",
        "(define-syntax m (syntax-rules () ((_) (list (m) (m))))) (m)",
        "(define-syntax m (syntax-rules () ((_) (begin (m) (m))))) (m)",
        "(define-syntax m (syntax-rules () ((_) (begin (define x 1) (m))))) (m)",
        "(define-syntax m (syntax-rules () ((_) (let () (m) 1)))) (m)",
        "(let-syntax ((m (syntax-rules () ((_) (let () (m) 1))))) (m))",
        "(letrec-syntax ((a (syntax-rules () ((_) (b)))) (b (syntax-rules () ((_) (a))))) (a))",
    };

    (void)unused;
    for (size_t i = 0; i < countof(texts); i++) {
        TestSession s;
        session_open_default(&s, modules, 1);
        expand_set_limits(&s.c, (ExpandLimits){.nodes = 200000});
        const char *out = expand_quietly(&s, texts[i]);
        bool told = strstr(out, "expansion depth exceeded") || strstr(out, "unbound name: m") ||
                    strstr(out, "unbound name");
        check_at(told && strlen(out) < 4000, texts[i], 0, "got %s", out);
        session_close(&s);
    }
}

int main(void)
{
    test_rows();
    test_several_errors();
    run_with_stack(test_depth, NULL);
    run_with_stack(test_runaway, NULL);
    return check_summary();
}
