// The ground everything stands on: integer types, attributes, and the few macros that are used
// everywhere. Knows nothing of values, actors or the operating system.
#ifndef VM_BASE_BASE_H
#define VM_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE              __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define NORETURN              __attribute__((noreturn))
#define COLD                  __attribute__((cold, noinline))
#define NOINLINE              __attribute__((noinline))
#define ALWAYS_INLINE         __attribute__((always_inline)) inline
#define UNUSED                __attribute__((unused))
#define CACHE_ALIGNED         __attribute__((aligned(64)))

// Marks a function that may run a collection: every Value the caller keeps in a C local and not in
// a frame slot or a root is dead after the call.
#define MAY_GC

#define LIKELY(x)             __builtin_expect(!!(x), 1)
#define UNLIKELY(x)           __builtin_expect(!!(x), 0)
#define UNREACHABLE()         __builtin_unreachable()

#define countof(a)            (sizeof(a) / sizeof((a)[0]))
#define container_of(p, T, m) ((T *)((char *)(p) - offsetof(T, m)))
#define STATIC_ASSERT(c, why) _Static_assert(c, why)

#define MIN(a, b)             ((a) < (b) ? (a) : (b))
#define MAX(a, b)             ((a) > (b) ? (a) : (b))
#define ALIGN_UP(n, to)       (((n) + ((to)-1)) & ~((uint64_t)(to)-1))

STATIC_ASSERT(sizeof(void *) == 8, "values are 64-bit words that hold pointers");
STATIC_ASSERT(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "images are read in place, little-endian");

// Sanitizer builds: poisoning and a few size limits depend on them.
#if defined(__SANITIZE_ADDRESS__)
#define BUILD_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BUILD_ASAN 1
#endif
#endif
#ifndef BUILD_ASAN
#define BUILD_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define BUILD_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define BUILD_TSAN 1
#endif
#endif
#ifndef BUILD_TSAN
#define BUILD_TSAN 0
#endif

// BUILD_DEBUG switches ASSERT on; BUILD_STRESS makes every rare event common (a collection at each
// reservation, a yield at each reduction). Both come from the Makefile's MODE.
#ifndef BUILD_DEBUG
#define BUILD_DEBUG 0
#endif
#ifndef BUILD_STRESS
#define BUILD_STRESS 0
#endif

#endif
