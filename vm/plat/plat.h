// What the VM asks of the operating system. The only folder with OS or CPU conditionals.
//
// Functions never allocate through mem.h and take no locks of ours. Sizes are bytes, times are
// nanoseconds of the monotonic clock unless a name says otherwise.
#ifndef VM_PLAT_PLAT_H
#define VM_PLAT_PLAT_H

#include "vm/base/base.h"

#include <stdatomic.h>

// ---- address space ----------------------------------------------------------------------------

size_t plat_page_bytes(void);

// Reserves addresses without memory behind them (reading or writing faults). NULL when refused.
MUST_USE void *plat_reserve(size_t bytes);
void plat_release(void *p, size_t bytes);

// Puts zeroed memory behind [p, p + bytes) of a reservation; page-aligned. False when refused.
MUST_USE bool plat_commit(void *p, size_t bytes);
// Touches the pages now, in one system call, where the system can do that; else does nothing.
void plat_populate(void *p, size_t bytes);
// Gives the memory back; the range reads as zeroes afterwards and stays usable.
void plat_discard(void *p, size_t bytes);
// No access any more, for stress builds that catch stale pointers.
void plat_protect(void *p, size_t bytes);

// Bytes of memory that this process may use: the machine's or the cgroup's, whichever is less.
uint64_t plat_memory_limit(void);
uint64_t plat_resident_bytes(void);

// ---- threads ------------------------------------------------------------------------------------

typedef struct PlatThread PlatThread;

// Starts a thread with `stack_bytes` of stack (0: the default) and all asynchronous signals
// blocked. NULL when refused.
MUST_USE PlatThread *plat_thread_start(void *(*run)(void *), void *argument, size_t stack_bytes,
                                       const char *name);
void plat_thread_join(PlatThread *t); // frees t
void plat_thread_detach(PlatThread *t); // frees t; nobody will join it
unsigned plat_cpu_count(void);        // processors this process may run on, at least 1
void plat_cpu_relax(void);            // in a spinning loop

// Sleeps while *word == expected, until plat_wake or the deadline (0: none). May return early.
// Pairs with an acquire load of *word by the caller.
void plat_wait(_Atomic uint32_t *word, uint32_t expected, uint64_t deadline_ns);
void plat_wake(_Atomic uint32_t *word, unsigned count);

// Makes the calling thread's time-outs fire as exactly as the kernel can.
void plat_exact_timeouts(void);

// ---- locks --------------------------------------------------------------------------------------

// A small mutex: one word, uncontended cost of one atomic exchange.
typedef struct {
    _Atomic uint32_t state; // 0 free, 1 held, 2 held and waited for
} PlatLock;

void plat_lock_slow(PlatLock *l);

static inline void plat_lock(PlatLock *l)
{
    uint32_t free_state = 0;
    if (!atomic_compare_exchange_strong_explicit(&l->state, &free_state, 1, memory_order_acquire,
                                                 memory_order_relaxed))
        plat_lock_slow(l);
}

static inline void plat_unlock(PlatLock *l)
{
    if (atomic_exchange_explicit(&l->state, 0, memory_order_release) == 2) plat_wake(&l->state, 1);
}

// ---- time, randomness, environment ---------------------------------------------------------------

uint64_t plat_now_ns(void);     // monotonic
uint64_t plat_wall_ns(void);    // since the epoch
uint64_t plat_cpu_ns(void);     // processor time of the process
uint64_t plat_random(void);     // from the system, for seeds

// Opens what is closed of descriptors 0 to 2, so that no file gets such a number: reading gives the end,
// writing fails. Before anything else is opened.
void plat_guard_standard_files(void);

// ---- signals ------------------------------------------------------------------------------------

// SIGINT and SIGTERM call on_signal, on whichever thread has them unblocked: the main thread, since
// all that plat_thread_start makes block them. It may only set atomics and call plat_wake. SIGPIPE is
// ignored: writing to a closed pipe is an error of that write.
void plat_signals_catch(void (*on_signal)(int number));

#endif
