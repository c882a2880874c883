// How fast the front end is: a megabyte of made-up but ordinary source, read and expanded. Prints
// the best of several rounds; not a check.
#include "tests/unit/compiler/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const TestModule modules[] = {{"base", prelude_text, true}};

// One chunk of a program; # becomes the chunk's number.
static const char chunk[] =
    ";;; Accounts of bank #: balances are kept in a list of records.\n"
    "(define-record-type account# (make-account# name balance) account#?\n"
    "  (name account#-name)\n"
    "  (balance account#-balance set-account#-balance!))\n"
    "\n"
    "(define (find-account# name accounts)\n"
    "  (let loop ((rest accounts))\n"
    "    (cond ((null? rest) #f)\n"
    "          ((equal? (account#-name (car rest)) name) (car rest))\n"
    "          (else (loop (cdr rest))))))\n"
    "\n"
    ";; Moves money and gives the new balance, or raises when there is not enough.\n"
    "(define (transfer#! from to amount accounts)\n"
    "  (let* ((source (find-account# from accounts))\n"
    "         (target (find-account# to accounts))\n"
    "         (left (- (account#-balance source) amount)))\n"
    "    (if (< left 0)\n"
    "        (error \"transfer: not enough money\" from left)\n"
    "        (begin\n"
    "          (set-account#-balance! source left)\n"
    "          (set-account#-balance! target (+ (account#-balance target) amount))\n"
    "          left))))\n"
    "\n"
    "(define (sum# numbers)\n"
    "  (do ((rest numbers (cdr rest))\n"
    "       (total 0 (+ total (car rest))))\n"
    "      ((null? rest) total)\n"
    "    (when (not (number? (car rest)))\n"
    "      (error \"not a number:\" (car rest)))))\n"
    "\n"
    "(define-syntax unless-zero#\n"
    "  (syntax-rules (else)\n"
    "    ((_ (name value) body ... (else other))\n"
    "     (let ((name value)) (if (zero? name) other (begin body ...))))))\n"
    "\n"
    "(define (classify# item)\n"
    "  (define (small? n) (and (> n 0) (< n 10)))\n"
    "  (define limits '((low . 10) (middle . 100) (high . 1000)))\n"
    "  (case item\n"
    "    ((apple pear plum) 'fruit)\n"
    "    ((1 2 3) => (lambda (n) (list 'number n)))\n"
    "    (else\n"
    "     (unless-zero# (n (length limits))\n"
    "       (or (small? n) (eq? item 'none))\n"
    "       (else `(nothing ,item ,@(map car limits)))))))\n"
    "\n"
    "(define handler#\n"
    "  (lambda (request . options)\n"
    "    (let-values (((kind payload) (values (car request) (cdr request))))\n"
    "      (guard (e ((symbol? e) (list 'error e)) (else (raise e)))\n"
    "        (case kind\n"
    "          ((sum) (sum# payload))\n"
    "          ((find) (find-account# (car payload) options))\n"
    "          (else (string-append \"unknown: \" (car payload))))))))\n"
    "\n";

static char *generate(size_t wanted, size_t *size)
{
    char *text = malloc(wanted + sizeof chunk * 8), *at = text;

    for (int number = 0; (size_t)(at - text) < wanted; number++) {
        for (const char *p = chunk; *p; p++) {
            if (*p == '#' && p[1] != 'f') {
                at += sprintf(at, "-%d", number);
            } else {
                *at++ = *p;
            }
        }
    }
    *size = (size_t)(at - text);
    *at = 0;
    return text;
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void measure(const char *text, size_t size)
{
    double best_read = 1e9, best_all = 1e9;
    size_t memory = 0;

    for (int round = 0; round < 7; round++) {
        TestSession s;
        UnitFrame frame;
        Source source;
        Expanded e;
        session_open_default(&s, modules, countof(modules));
        expand_quietly(&s, "1");
        unit_begin(&s.c, &frame);
        double start = now_ms();
        source_init(&source, "speed.eta", text, size);
        reader_all(&s.c, &source, false);
        double middle = now_ms();
        unit_end(&s.c, &frame);
        source_free(&source);
        unit_begin(&s.c, &frame);
        double from = now_ms();
        source_init(&source, "speed.eta", text, size);
        bool good = expand_source(&s.c, &source, &e);
        double to = now_ms();
        memory = s.c.unit.used;
        if (!good) printf("%s", buf_cstr(&s.diag.text));
        best_read = middle - start < best_read ? middle - start : best_read;
        best_all = to - from < best_all ? to - from : best_all;
        unit_end(&s.c, &frame);
        source_free(&source);
        session_close(&s);
    }
    printf("%.2f MB: read %.1f ms (%.0f MB/s), read and expand %.1f ms (%.1f MB/s), %zu MB of "
           "memory\n",
           (double)size / 1e6, best_read, (double)size / 1e3 / best_read, best_all,
           (double)size / 1e3 / best_all, memory >> 20);
}

int main(int argc, char **argv)
{
    size_t size;
    char *text = generate(argc > 1 ? (size_t)atol(argv[1]) : 1000000, &size);

    measure(text, size);
    free(text);
    return 0;
}
