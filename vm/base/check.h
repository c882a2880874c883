// Bugs abort, with the reason and the place. CHECK stays in every build, ASSERT only where
// BUILD_DEBUG is set. Failures of programs or of the operating system never come here: they are
// values or statuses.
#ifndef VM_BASE_CHECK_H
#define VM_BASE_CHECK_H

#include "vm/base/base.h"

// Prints `internal error: ...` with the place to standard error and aborts.
NORETURN COLD void check_panic(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);

// Called by check_panic before it aborts, to print what the area knows (running actor, pc). At most
// one hook; it must not allocate.
void check_set_context(void (*print)(void));

#define PANIC(...) check_panic(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK(cond, ...)                                                                           \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) check_panic(__FILE__, __LINE__, "" __VA_ARGS__);                    \
    } while (0)

#if BUILD_DEBUG
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (UNLIKELY(!(cond))) check_panic(__FILE__, __LINE__, "assertion failed: %s", #cond);     \
    } while (0)
#else
#define ASSERT(cond)                                                                               \
    do {                                                                                           \
        if (0) (void)(cond);                                                                       \
    } while (0)
#endif

#endif
