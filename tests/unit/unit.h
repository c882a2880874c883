// Shared by the small unit tests (base, plat, sched, heap): a count of checks and its last line.
#ifndef TESTS_UNIT_UNIT_H
#define TESTS_UNIT_UNIT_H

#include "vm/base/base.h"

// From any thread. A failed check prints its place and text; a flood is cut off.
void unit_check(bool good, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);
// Prints `N passed, N failed`; the exit status.
int unit_finish(void);

#define EXPECT(cond)       unit_check((cond), __FILE__, __LINE__, "%s", #cond)
#define EXPECT_U64(a, b)                                                                           \
    do {                                                                                           \
        uint64_t got = (uint64_t)(a), want = (uint64_t)(b);                                        \
        unit_check(got == want, __FILE__, __LINE__, "%s is %llu, not %llu", #a,                    \
                   (unsigned long long)got, (unsigned long long)want);                             \
    } while (0)

#endif
