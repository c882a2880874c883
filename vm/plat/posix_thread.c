// Threads, waiting and locks on POSIX systems. See plat.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vm/plat/plat.h"

#include "vm/base/check.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#endif

struct PlatThread {
    pthread_t id;
};

PlatThread *plat_thread_start(void *(*run)(void *), void *argument, size_t stack_bytes,
                              const char *name)
{
    PlatThread *t = malloc(sizeof *t);
    pthread_attr_t attributes;
    sigset_t all, before;

    if (!t) return NULL;
    pthread_attr_init(&attributes);
    if (stack_bytes) pthread_attr_setstacksize(&attributes, stack_bytes);
    sigfillset(&all);
    // Faults stay deliverable: they are bugs of the thread itself.
    sigdelset(&all, SIGSEGV);
    sigdelset(&all, SIGBUS);
    sigdelset(&all, SIGFPE);
    sigdelset(&all, SIGILL);
    sigdelset(&all, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&t->id, &attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    if (failed) {
        free(t);
        return NULL;
    }
#ifdef __linux__
    pthread_setname_np(t->id, name);
#else
    (void)name;
#endif
    return t;
}

void plat_thread_join(PlatThread *t)
{
    pthread_join(t->id, NULL);
    free(t);
}

void plat_thread_detach(PlatThread *t)
{
    pthread_detach(t->id);
    free(t);
}

unsigned plat_cpu_count(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int n = CPU_COUNT(&set);
        if (n > 0) return (unsigned)n;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (unsigned)n : 1;
}

void plat_cpu_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

#ifdef __linux__
static long futex(_Atomic uint32_t *word, int op, uint32_t value, const struct timespec *time,
                  uint32_t mask)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, time, NULL, mask);
}

void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    struct timespec deadline = {(time_t)(deadline_ns / 1000000000u),
                                (long)(deadline_ns % 1000000000u)};
    // FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock.
    futex(word, FUTEX_WAIT_BITSET, expected, deadline_ns ? &deadline : NULL,
          FUTEX_BITSET_MATCH_ANY);
}

void plat_wake(_Atomic uint32_t *word, unsigned count)
{
    futex(word, FUTEX_WAKE, count > INT_MAX ? INT_MAX : count, NULL, 0);
}

void plat_exact_timeouts(void)
{
    prctl(PR_SET_TIMERSLACK, 1);
}
#else
// Elsewhere: a few condition variables, chosen by address.
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} parking[16] = {[0 ... 15] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER}};

#define PARKING(word) (&parking[((uintptr_t)(word) >> 4) % 16])

void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns)
{
    pthread_mutex_lock(&PARKING(word)->mutex);
    if (atomic_load(word) == expected) {
        if (deadline_ns) {
            uint64_t now = plat_now_ns();
            uint64_t wall = plat_wall_ns() + (deadline_ns > now ? deadline_ns - now : 0);
            struct timespec until = {(time_t)(wall / 1000000000u), (long)(wall % 1000000000u)};
            pthread_cond_timedwait(&PARKING(word)->changed, &PARKING(word)->mutex, &until);
        } else {
            pthread_cond_wait(&PARKING(word)->changed, &PARKING(word)->mutex);
        }
    }
    pthread_mutex_unlock(&PARKING(word)->mutex);
}

void plat_wake(_Atomic uint32_t *word, unsigned count)
{
    (void)count;
    pthread_mutex_lock(&PARKING(word)->mutex);
    pthread_cond_broadcast(&PARKING(word)->changed);
    pthread_mutex_unlock(&PARKING(word)->mutex);
}

void plat_exact_timeouts(void) {}
#endif

void plat_lock_slow(PlatLock *l)
{
    for (int spin = 0; spin < 40; spin++) {
        uint32_t free_state = 0;
        if (atomic_load_explicit(&l->state, memory_order_relaxed) == 0 &&
            atomic_compare_exchange_strong_explicit(&l->state, &free_state, 1,
                                                    memory_order_acquire, memory_order_relaxed))
            return;
        plat_cpu_relax();
    }
    while (atomic_exchange_explicit(&l->state, 2, memory_order_acquire) != 0) {
        plat_wait(&l->state, 2, 0);
    }
}
