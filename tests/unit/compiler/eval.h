// A tiny evaluator of core trees, so that tests of macros can look at results instead of trees.
#ifndef TESTS_UNIT_COMPILER_EVAL_H
#define TESTS_UNIT_COMPILER_EVAL_H

#include "tests/unit/compiler/harness.h"

// Expands a text as a file, runs its modules and gives the last value of the program in written
// form, or the diagnostics. Lives until the next call. Modules that are required run when they are
// compiled.
const char *run_text(TestSession *s, const char *text);
const char *run_line(TestSession *s, const char *text);
void run_free(void); // everything that ran; after the sessions

#endif
