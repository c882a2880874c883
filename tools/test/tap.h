// What eta_test knows about a test file that has been run, and how it gets it out of the TAP that
// the file printed.
#ifndef TOOLS_TEST_TAP_H
#define TOOLS_TEST_TAP_H

#include "vm/base/buf.h"

typedef enum { DIRECTIVE_NONE, DIRECTIVE_SKIP, DIRECTIVE_TODO } Directive;

// One test. The texts are whole lines of the file's output or parts of them, not NUL-terminated.
typedef struct {
    const char *text;
    size_t size;
} Part;

typedef struct {
    bool ok;
    Directive directive;
    Part name;    // escaped as in TAP
    Part reason;  // behind the directive
    Part details; // the lines between "---" and "...", if there are any
} TestResult;

typedef struct {
    TestResult *items;
    size_t count, capacity;
    uint64_t planned; // sum of the plans, a file may print several documents
    bool has_plan;
    Part bail_out; // what stands behind "Bail out!"; text is NULL if there is none
    Buf noise;     // all other lines
} TapOutput;

// Reads what a file has printed. The parts point into `text`, which must stay.
void tap_read(TapOutput *tap, const char *text, size_t size);
void tap_free(TapOutput *tap);

// Does the test count as failed?
static inline bool test_failed(const TestResult *t)
{
    return !t->ok && t->directive == DIRECTIVE_NONE;
}

// Appends the value of a field of the details, without quotes and escapes; false when it has none.
bool tap_field(const TestResult *t, const char *key, Buf *out);
// Appends a name without TAP's escapes.
void tap_plain_name(Part name, Buf *out);

#endif
