// What the compiler's unit tests share: checks, a session with modules kept in memory, and dumps to
// compare with.
#ifndef TESTS_UNIT_COMPILER_HARNESS_H
#define TESTS_UNIT_COMPILER_HARNESS_H

#include "compiler/read/reader.h"
#include "compiler/syntax/expand.h"
#include "compiler/syntax/iface.h"

typedef struct {
    const char *name; // of a module
    const char *text;
    bool privileged;
} TestModule;

// A session whose host finds modules among `modules` and in `images`.
typedef struct TestSession {
    Compiler c;
    CompilerHost host;
    Diag diag;
    const TestModule *modules;
    size_t module_count;
    struct TestImage *images; // interfaces that were written, found before sources
    bool keep_images;         // write one for each module that is compiled
    bool loading_refused;     // pretend there are no images
    unsigned compiled;        // modules compiled by require
    void (*on_compiled)(struct TestSession *s, const Expanded *e); // before the unit ends
} TestSession;

void session_open(TestSession *s, const TestModule *modules, size_t count);
void session_close(TestSession *s);

// A session with module "base" as defaults (see prelude_text).
void session_open_default(TestSession *s, const TestModule *modules, size_t count);

// Moves the interfaces from one session to another.
void session_take_images(TestSession *to, TestSession *from);
void image_add(TestSession *s, const char *name, const uint8_t *bytes, size_t size);
const uint8_t *image_bytes(TestSession *s, const char *name, size_t *size);

// Expands a text as a file and gives the dump of all its modules, or the diagnostics when there
// were errors. In memory that lives until the next call.
const char *expand_text(TestSession *s, const char *text);
// The same without the dump: "ok" or the diagnostics.
const char *expand_quietly(TestSession *s, const char *text);
// As expand_text for the next line of interactive module "user".
const char *expand_line(TestSession *s, const char *text);

void check_at(bool good, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);
int check_summary(void);

#define CHECK_TRUE(cond)      check_at((cond), __FILE__, __LINE__, "%s", #cond)
#define CHECK_TEXT(got, want) check_text((got), (want), __FILE__, __LINE__)
#define CHECK_HAS(got, want)  check_has((got), (want), __FILE__, __LINE__)
void check_text(const char *got, const char *want, const char *file, int line);
void check_has(const char *got, const char *want, const char *file, int line);

extern const char prelude_text[];

// Runs a function on a thread with the stack the compiler is promised (256 MB).
void run_with_stack(void (*fn)(void *), void *argument);

#endif
