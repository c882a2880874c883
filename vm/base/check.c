// See check.h.
#include "vm/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void (*print_context)(void);

void check_set_context(void (*print)(void))
{
    print_context = print;
}

void check_panic(const char *file, int line, const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "internal error: %s:%d: ", file, line);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    if (print_context) print_context();
    abort();
}
