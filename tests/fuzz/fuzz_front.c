// libFuzzer target: the compiler's front end on arbitrary bytes. The first byte chooses what they
// are:
//
//   'r' and anything else   a source file: read, expanded, dumped, its interfaces written
//   'l'                     lines for the interactive module, separated by NUL bytes
//   'i'                     the interface of a module, which a small program imports
//
// Build: clang -fsanitize=fuzzer,address,undefined, with tests/unit/compiler/harness.c, stub_prim.c
// and the front end. Seeds: tests/fuzz/corpus/front.
#include "tests/unit/compiler/harness.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static TestSession first; // keeps the image of the default names

static const TestModule modules[] = {
    {"base", prelude_text, true},
    {"lib",
     "(module lib (export a m) (define a 1) (define (h x) x)"
     " (define-syntax m (syntax-rules () ((_ x ...) (list (h x) ...)))))",
     false},
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    session_open_default(&first, modules, countof(modules));
    first.keep_images = true;
    if (strcmp(expand_quietly(&first, "(import lib)"), "ok") != 0) abort();
    return 0;
}

static void open_session(TestSession *s, const uint8_t *lib, size_t lib_size)
{
    size_t size;
    const uint8_t *image = image_bytes(&first, "base", &size);

    session_open_default(s, NULL, 0);
    image_add(s, "base", image, size);
    if (!lib) lib = image_bytes(&first, "lib", &lib_size);
    image_add(s, "lib", lib, lib_size);
    // What a 8 MB stack under sanitizers allows, and what keeps one run short.
    expand_set_limits(&s->c, (ExpandLimits){.depth = 300, .steps = 300, .nodes = 20000});
}

static char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    memcpy(text, data, size);
    text[size] = 0;
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TestSession s;
    char mode = size ? (char)data[0] : 'r';
    size_t skip = size && (mode == 'r' || mode == 'l' || mode == 'i');

    if (mode == 'i') {
        open_session(&s, data + skip, size - skip);
        expand_text(&s, "(import lib) (m a 1) (m) (let ((h 1)) (m h))");
        expand_text(&s, "(import (prefix lib l:)) l:a");
    } else if (mode == 'l') {
        open_session(&s, NULL, 0);
        char *text = text_of(data + skip, size - skip);
        for (size_t at = 0; at < size - skip; at += strlen(text + at) + 1) {
            expand_line(&s, text + at);
        }
        free(text);
    } else {
        open_session(&s, NULL, 0);
        s.keep_images = true;
        char *text = text_of(data + skip, size - skip);
        expand_text(&s, text);
        free(text);
    }
    session_close(&s);
    return 0;
}
