// Clocks and randomness on POSIX systems. See plat.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vm/plat/plat.h"

#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static uint64_t read_clock(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t plat_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t plat_wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t plat_cpu_ns(void)
{
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t plat_random(void)
{
    uint64_t r;
    if (getrandom(&r, sizeof r, 0) == (ssize_t)sizeof r) return r;
    return plat_now_ns() ^ plat_wall_ns() << 17 ^ (uint64_t)getpid();
}
