// What eta_test prints: TAP 14 on standard output while files end, and JUnit's XML at the end.
#ifndef TOOLS_TEST_REPORT_H
#define TOOLS_TEST_REPORT_H

#include "tools/test/tap.h"

#include <stdio.h>

// A test file that has been run.
typedef struct {
    char *path;
    Buf out, err;    // what it printed
    TapOutput tap;   // points into out
    char fault[120]; // why the file itself counts as a failed test, or ""
    bool silent;     // it printed no TAP, and ended well: counts as a test that passed
    double seconds;
} FileReport;

typedef struct {
    uint64_t tests, passed, failed, skipped;
    double seconds;
} Totals;

// Prints the tests of one file, numbered on from totals, which are updated; what a file with
// failures printed beside goes along.
void report_file(FileReport *f, Totals *totals);
// Prints the plan and the sums.
void report_end(const Totals *totals);
// Writes the XML. False when that fails.
MUST_USE bool report_junit(FILE *out, const FileReport *files, size_t count, const Totals *totals);

#endif
