// Address space and memory limits on POSIX systems. See plat.h.
#include "vm/plat/plat.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

size_t plat_page_bytes(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

void *plat_reserve(size_t bytes)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
#ifdef MAP_NORESERVE
    flags |= MAP_NORESERVE;
#endif
    void *p = mmap(NULL, bytes, PROT_NONE, flags, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void plat_release(void *p, size_t bytes)
{
    munmap(p, bytes);
}

bool plat_commit(void *p, size_t bytes)
{
    return mprotect(p, bytes, PROT_READ | PROT_WRITE) == 0;
}

void plat_populate(void *p, size_t bytes)
{
#ifdef MADV_POPULATE_WRITE
    (void)madvise(p, bytes, MADV_POPULATE_WRITE);
#else
    (void)p, (void)bytes;
#endif
}

void plat_discard(void *p, size_t bytes)
{
#ifdef MADV_DONTNEED
    (void)madvise(p, bytes, MADV_DONTNEED);
#else
    memset(p, 0, bytes);
#endif
}

void plat_protect(void *p, size_t bytes)
{
    (void)mprotect(p, bytes, PROT_NONE);
}

// A number at the front of a small file; 0 when there is none ("max").
static uint64_t read_number(const char *path)
{
    char text[64];
    uint64_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return 0;
    text[size] = 0;
    char *end;
    n = strtoull(text, &end, 10);
    return end == text ? 0 : n;
}

uint64_t plat_memory_limit(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    uint64_t limit = pages > 0 ? (uint64_t)pages * plat_page_bytes() : (uint64_t)1 << 30;
    uint64_t group = read_number("/sys/fs/cgroup/memory.max");

    if (group == 0) group = read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    return group && group < limit ? group : limit;
}

uint64_t plat_resident_bytes(void)
{
    char text[128];
    unsigned long long total, resident;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0) return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    if (size <= 0) return 0;
    text[size] = 0;
    if (sscanf(text, "%llu %llu", &total, &resident) != 2) return 0;
    return resident * plat_page_bytes();
}
