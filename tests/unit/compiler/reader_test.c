// The reader: what text means, and what it says about text that means nothing.
#include "tests/unit/compiler/harness.h"

#include "vm/base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static TestSession session;
static Buf text_out;

// Reads a text of one or several data and gives them as text again, or the diagnostics.
static const char *read_text(const char *text, size_t size)
{
    UnitFrame frame;
    Source source;

    source_init(&source, "r.eta", text, size);
    unit_begin(&session.c, &frame);
    Stx *all = reader_all(&session.c, &source, false);
    buf_clear(&text_out);
    if (session.diag.errors > 0) {
        buf_bytes(&text_out, session.diag.text.data, session.diag.text.size);
    } else {
        for (; all->kind == STX_PAIR; all = all->u.pair.cdr) {
            Core core = {.kind = CORE_CONST, .u.constant = all->u.pair.car};
            core_dump(&core, &text_out);
        }
    }
    buf_clear(&session.diag.text);
    session.diag.errors = 0;
    unit_end(&session.c, &frame);
    source_free(&source);
    return buf_cstr(&text_out);
}

static void test_data(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"", ""},
        {"1 -2 +3 007", "1\n-2\n3\n7"},
        {"a ABC a.b ->x + - ... <=? !$%&*/:<=>?^_~ x->y @a",
         "'a\n'ABC\n'a.b\n'->x\n'+\n'-\n'...\n'<=?\n'!$%&*/:<=>?^_~\n'x->y\n'@a"},
        {".foo +.x -x --", "'.foo\n'+.x\n'-x\n'--"},
        {"λ größe 变量 🙂", "'λ\n'größe\n'变量\n'🙂"},
        {"a\xC2\xA0"
         "b\xE3\x80\x80"
         "c",
         "'a\n'b\n'c"},
        {"#t #f #true #false #T #TRUE", "#t\n#f\n#t\n#f\n#t\n#t"},
        {"1.5 -.5 1e3 1. 1e-2", "1.5\n-0.5\n1000.0\n1.0\n0.01"},
        {"+inf.0 -inf.0 +nan.0", "+inf.0\n-inf.0\n+nan.0"},
        {"#xff #b101 #o17 #d10 #e1.5 #i1/2 #x-1F", "255\n5\n15\n10\n#e1.5\n0.5\n-31"},
        {"1/2 6/3 123456789012345678901234567890 #xFFFFFFFFFFFFFFFFFF",
         "1/2\n2\n123456789012345678901234567890\n#xFFFFFFFFFFFFFFFFFF"},
        {"1152921504606846975 -1152921504606846976 1152921504606846976",
         "1152921504606846975\n-1152921504606846976\n1152921504606846976"},
        {"#\\a #\\space #\\newline #\\x41 #\\λ #\\x #\\( #\\) #\\; #\\\" #\\#",
         "#\\a\n#\\space\n#\\newline\n#\\A\n#\\λ\n#\\x\n#\\(\n#\\)\n#\\;\n#\\\"\n#\\#"},
        {"#\\alarm #\\backspace #\\delete #\\escape #\\null #\\return #\\tab",
         "#\\x7\n#\\x8\n#\\x7f\n#\\x1b\n#\\x0\n#\\xd\n#\\x9"},
        {"#\\linefeed #\\page #\\vtab #\\nul #\\esc #\\rubout",
         "#\\newline\n#\\xc\n#\\xb\n#\\x0\n#\\x1b\n#\\x7f"},
        {"(#\\x41; #\\a)", "'(#\\A #\\a)"},
        {"\"abc\" \"\"", "\"abc\"\n\"\""},
        {"\"a\\n\\t\\\\\\\"\\x41;\\x3bb;\\a\\|\"", "\"a\\xa;\\x9;\\\\\\\"Aλ\\x7;|\""},
        {"\"a\\   \n   b\" \"a\r\nb\"", "\"ab\"\n\"a\\xa;b\""},
        {"\"a\nb\"", "\"a\\xa;b\""},
        {"\"\\\n\" |\\x41;|", "\"\"\n'A"},
        {"|a b| |a\\x41;b| || |x\\|y|", "'|a b|\n'aAb\n'||\n'|x\\|y|"},
        {"(a b c) [a b] (a . b) (a b . (c)) () [ ]",
         "'(a b c)\n'(a b)\n'(a . b)\n'(a b c)\n'()\n'()"},
        {"([a] (b [c]))", "'((a) (b (c)))"},
        {"#(1 2 (3)) #() #[a]", "#(1 2 (3))\n#()\n#(a)"},
        {"#u8(0 255 #xff) #u8()", "#u8(0 255 255)\n#u8()"},
        {"'a `a ,a ,@a '(b)",
         "'(quote a)\n'(quasiquote a)\n'(unquote a)\n'(unquote-splicing a)\n'(quote (b))"},
        {"''a '`(a ,b ,@c)",
         "'(quote (quote a))\n'(quote (quasiquote (a (unquote b) (unquote-splicing c))))"},
        {"; c\na ;d\r\nb", "'a\n'b"},
        {"#| a #| b |# c |# x", "'x"},
        {"#;a b #;(c d) e (f #;g h #;i) #; #;j k l", "'b\n'e\n'(f h)\n'l"},
        {"(a . #;b c)", "'(a . c)"},
        {"#!/usr/bin/env etai\nx", "'x"},
        {"#! some interpreter\nx", "'x"},
        {"#!fold-case ABC #\\NEWLINE #\\A |ABC| #!no-fold-case ABC",
         "'abc\n#\\newline\n#\\A\n'ABC\n'ABC"},
        {"#0=(a #1=b #1# #0#)", "'(a b b ...)"},
        {"(#0=(x) #0# #0#)", "'((x) (x) (x))"},
        {"#0=(a . #0#)", "'(a . ...)"},
        {"#0=#(1 #0#)", "#(1 ...)"},
        {"(#1=5 #1#) #1=a", "'(5 5)\n'a"},
        {"(a)(b)\"c\"d'e", "'(a)\n'(b)\n\"c\"\n'd\n'(quote e)"},
        {"\xEF\xBB\xBF"
         "bom",
         "'bom"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        check_text(read_text(rows[i].text, strlen(rows[i].text)), rows[i].want, "reader_test.c row",
                   (int)i);
    }
}

static void test_errors(void)
{
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"(a b", "r.eta:1:1: error: this '(' is never closed: expected ')'"},
        {"(a (b)\n(c", "r.eta:1:1: error: this '(' is never closed"},
        {"(define (f)\n  (g)\n(define (h) 1)\n", "r.eta:1:1: error: this '(' is never closed"},
        {"(define (f)\n  (g)\n(define (h) 1)\n", "r.eta:3:1: note: this begins in column 1"},
        {"(a\n (b [c\n", "r.eta:2:5: error: this '[' is never closed: expected ']'"},
        {")", "r.eta:1:1: error: unexpected ')': no bracket is open"},
        {"(a]",
         "r.eta:1:3: error: expected ')' to close the bracket of line 1, column 1, found ']'"},
        {"{", "r.eta:1:1: error: unexpected character '{'"},
        {"(a . )", "r.eta:1:6: error: expected a datum between . and )"},
        {"( . a)", "r.eta:1:3: error: unexpected '.': expected a datum before it"},
        {"(a . b c)", "r.eta:1:8: error: expected ): only one datum may follow the . of a list"},
        {"#(a . b)", "unexpected '.': it is not allowed in a vector"},
        {".", "unexpected '.': it is only allowed inside a list"},
        {"(a ')", "r.eta:1:4: error: expected a datum after ', found )"},
        {"'", "r.eta:1:1: error: expected a datum after ', found the end of the text"},
        {"(#;)", "r.eta:1:2: error: expected a datum after #;, found )"},
        {"\"abc", "r.eta:1:1: error: this string is never closed: expected \""},
        {"|abc", "this name is never closed: expected |"},
        {"#| abc", "this block comment is never closed: expected |#"},
        {"\"a\\qb\"", "r.eta:1:3: error: unknown escape '\\q' in a string"},
        {"\"\\x41\"", "bad escape"},
        {"\"\\xD800;\"", "bad escape"},
        {"12ab", "'12ab' is not a number, and a name cannot begin with a digit"},
        {"#e+inf.0", "#e+inf.0 has no exact value"},
        {"#xyz", "unknown syntax '#xyz'"},
        {"#foo", "unknown syntax '#foo'"},
        {"#", "unknown syntax '#'"},
        {"#\\foo", "unknown character '#\\foo'"},
        {"#\\xD800", "unknown character"},
        {"#\\x110000", "unknown character"},
        {"#\\", "expected a character after #\\, found the end of the text"},
        {"#u8(256)", "r.eta:1:5: error: expected an exact integer from 0 to 255 in a bytevector"},
        {"#u8(a)", "expected an exact integer from 0 to 255"},
        {"#!foo", "unknown directive #!foo"},
        {"#1#", "datum label #1= is not defined before #1#"},
        {"(#1=a #1=b)", "datum label #1= is defined twice"},
        {"#0=#0#", "a datum label refers to itself only"},
        {"#0", "bad datum label '#0'"},
        {"#99999999999=a", "bad datum label"},
        {"a\x01", "unexpected character U+0001"},
        {"\xFF", "this is not valid UTF-8"},
        {"\"\xC3\"", "this is not valid UTF-8"},
        {"(a #\\bad b #bad c)", "1:12: error: unknown syntax '#bad'"},
        {"#\\bad\n(a]\n(b", "r.eta:3:1: error: this '(' is never closed"},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        check_has(read_text(rows[i].text, strlen(rows[i].text)), rows[i].want,
                  "reader_test.c error row", (int)i);
    }
    CHECK_HAS(read_text("a\0b", 3), "unexpected character U+0000");
}

static bool incomplete(const char *text)
{
    UnitFrame frame;
    Source source;

    source_init(&source, "r.eta", text, strlen(text));
    unit_begin(&session.c, &frame);
    session.diag.incomplete = false;
    reader_all(&session.c, &source, false);
    bool result = session.diag.incomplete;
    buf_clear(&session.diag.text);
    session.diag.errors = 0;
    session.diag.incomplete = false;
    unit_end(&session.c, &frame);
    source_free(&source);
    return result;
}

static void test_incomplete(void)
{
    CHECK_TRUE(incomplete("(a"));
    CHECK_TRUE(incomplete("(a \"b"));
    CHECK_TRUE(incomplete("\"b"));
    CHECK_TRUE(incomplete("'"));
    CHECK_TRUE(incomplete("#| a"));
    CHECK_TRUE(incomplete("|a"));
    CHECK_TRUE(incomplete("(a (b) #;"));
    CHECK_TRUE(!incomplete("(a)"));
    CHECK_TRUE(!incomplete(")"));
    CHECK_TRUE(!incomplete(") (a")); // not the first error
    CHECK_TRUE(!incomplete(""));
}

static void test_one_by_one(void)
{
    static const char text[] = "a #!fold-case (B) ) \"x\"";
    UnitFrame frame;
    Source source;
    Reader r;
    Stx *x;

    source_init(&source, "r.eta", text, sizeof text - 1);
    unit_begin(&session.c, &frame);
    reader_init(&r, &session.c, &source, 0);
    CHECK_TRUE(reader_next(&r, &x) == READ_DATUM && x->kind == STX_SYMBOL);
    CHECK_TRUE(r.at == 1);
    CHECK_TRUE(reader_next(&r, &x) == READ_DATUM && x->kind == STX_PAIR);
    CHECK_TRUE(x->start == 14 && x->end == 17 && x->bracket == '(');
    CHECK_TRUE(strcmp(x->u.pair.car->u.symbol->text, "b") == 0);
    CHECK_TRUE(reader_next(&r, &x) == READ_FAILED);
    CHECK_TRUE(reader_next(&r, &x) == READ_DATUM && x->kind == STX_STRING);
    CHECK_TRUE(reader_next(&r, &x) == READ_END);
    CHECK_TRUE(reader_next(&r, &x) == READ_END);
    reader_free(&r);
    session.diag.errors = 0;
    buf_clear(&session.diag.text);
    unit_end(&session.c, &frame);
    source_free(&source);
}

static void test_depth(void)
{
    size_t size = 1000000;
    char *text = malloc(size);

    memset(text, '(', size);
    CHECK_HAS(read_text(text, size),
              "r.eta:1:100001: error: data are nested deeper than 100000 levels");
    CHECK_TRUE(strstr(buf_cstr(&text_out), "never closed") == NULL);
    memset(text, '\'', size);
    CHECK_HAS(read_text(text, size), "nested deeper");
    memset(text, '(', 90000);
    memset(text + 90000, ')', 90000);
    CHECK_HAS(read_text(text, 180000), "...");
    free(text);
}

// A million elements, a million labels' worth of references: nothing is quadratic.
static void test_size(void)
{
    Buf b = BUF_INIT;

    buf_text(&b, "(");
    for (int i = 0; i < 200000; i++) {
        buf_printf(&b, "#%d=x #%d# ", i, i);
    }
    buf_text(&b, ")");
    clock_t start = clock();
    CHECK_TRUE(read_text((char *)b.data, b.size)[0] == '\'');
    CHECK_TRUE(clock() - start < 5 * CLOCKS_PER_SEC);
    buf_free(&b);
}

int main(void)
{
    session_open(&session, NULL, 0);
    test_data();
    test_errors();
    test_incomplete();
    test_one_by_one();
    test_depth();
    test_size();
    session_close(&session);
    buf_free(&text_out);
    return check_summary();
}
