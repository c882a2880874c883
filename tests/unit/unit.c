// See unit.h.
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic uint64_t passed, failed;

void unit_check(bool good, const char *file, int line, const char *fmt, ...)
{
    va_list args;

    if (good) {
        atomic_fetch_add_explicit(&passed, 1, memory_order_relaxed);
        return;
    }
    if (atomic_fetch_add_explicit(&failed, 1, memory_order_relaxed) >= 20) return;
    char text[300];
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    printf("%s:%d: %s\n", file, line, text);
}

int unit_finish(void)
{
    printf("%llu passed, %llu failed\n", (unsigned long long)passed, (unsigned long long)failed);
    return failed != 0;
}
