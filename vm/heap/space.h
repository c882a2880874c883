// Where actors' memory comes from: one reservation of addresses per VM, cut into regions.
//
//   | SHARED | OLD | LARGE | YOUNG |
//
//   SHARED  code, literals, symbols, module constants: never moved, never written after publication,
//           seen by all actors. "Immutable" is an address range: one compare.
//   OLD     chunks of old generations. A young collection leaves SHARED and OLD alone: one compare.
//   LARGE   large objects.
//   YOUNG   everything else that comes and goes with actors: nurseries, stacks, messages.
//
// OLD, LARGE and YOUNG are page heaps: spans of 4 KiB pages, best fit by size class with
// coalescing, under one lock each. Blocks of 64 bytes to 32 KiB are cut from spans and kept in
// per-thread caches (BlockCache), so that the common case takes no lock.
//
// Threads: any. A BlockCache belongs to one thread; NULL stands for a thread without one.
// Invariants: [S1] a free span's first and last page map to it; [S2] no two free spans touch.
#ifndef VM_HEAP_SPACE_H
#define VM_HEAP_SPACE_H

#include "vm/base/base.h"
#include "vm/plat/plat.h"

typedef enum { REGION_SHARED, REGION_OLD, REGION_LARGE, REGION_YOUNG, REGION_COUNT } RegionId;

#define SPACE_PAGE_SHIFT 12
#define SPACE_PAGE_BYTES ((size_t)1 << SPACE_PAGE_SHIFT)

// Block classes: powers of two from 64 bytes to 32 KiB; larger blocks are whole spans.
#define BLOCK_SHIFT_MIN 6
#define BLOCK_SHIFT_MAX 15
#define BLOCK_CLASSES   (BLOCK_SHIFT_MAX - BLOCK_SHIFT_MIN + 1)

// Under AddressSanitizer free memory is poisoned: reading through a stale pointer is reported. Also for
// those who keep memory of their own that is in use only at times.
#if BUILD_ASAN
#include <sanitizer/asan_interface.h>
#define MEMORY_USABLE(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#define MEMORY_UNUSED(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#else
#define MEMORY_USABLE(p, n) ((void)0)
#define MEMORY_UNUSED(p, n) ((void)0)
#endif

typedef struct FreeBlock {
    struct FreeBlock *next;
} FreeBlock;

typedef struct {
    FreeBlock *first;
    uint32_t count;
} BlockList;

// Values of `reserve`.
enum { RESERVE_NONE, RESERVE_USED = 2, RESERVE_SMALL = 3, RESERVE_VITAL = 4 };

typedef struct BlockCache {
    BlockList lists[2][BLOCK_CLASSES]; // OLD, YOUNG
    // How many sixteenths over the limit the owner may go: 2 while it handles that it was reached, and
    // while it collects; 3 when it is small and may serve others; 4 for signals that must not be lost.
    uint8_t reserve;
} BlockCache;

typedef struct Region Region;

typedef struct Space {
    char *base;        // start of the reservation
    size_t shared_end; // offsets from base where the regions end
    size_t old_end;
    size_t large_end;
    size_t bytes;
    Region *regions[REGION_COUNT];
    _Atomic size_t used[REGION_COUNT]; // bytes handed out (blocks in caches included)
    struct Block *given;               // what a handle stands for once it has been given away; or NULL
    size_t limit;                      // of used bytes; 0: none
    // What else counts against the limit: units of so many bytes, counted by the owner of the space.
    const _Atomic uint32_t *other_units;
    size_t other_unit_bytes;
    _Atomic bool tight; // the limit was met, and not left far behind since
} Space;

// False when even a small reservation is refused.
MUST_USE bool space_init(Space *s, size_t limit_bytes);
void space_fini(Space *s);

// True for addresses in SHARED.
static inline bool space_is_shared(const Space *s, const void *p)
{
    return (size_t)((const char *)p - s->base) < s->shared_end;
}

// True for addresses that a young collection does not look into: SHARED and OLD.
static inline bool space_is_settled(const Space *s, const void *p)
{
    return (size_t)((const char *)p - s->base) < s->old_end;
}

static inline bool space_is_large(const Space *s, const void *p)
{
    return (size_t)((const char *)p - s->base) - s->old_end < s->large_end - s->old_end;
}

// A block of at least `bytes`, 64-aligned; *bytes becomes its real size. From OLD, LARGE or YOUNG.
// NULL when the memory limit or the system refuses. Content is undefined.
MUST_USE void *space_alloc(Space *s, BlockCache *cache, RegionId region, size_t *bytes);
// `bytes` as space_alloc gave it.
void space_free(Space *s, BlockCache *cache, RegionId region, void *p, size_t bytes);

// Gives back the pages of a block above 32 KiB that lie behind its first `keep` bytes; returns the
// block's new size.
size_t space_shrink(Space *s, RegionId region, void *p, size_t bytes, size_t keep);

// Real size that a request gets.
size_t space_block_bytes(size_t bytes);

// True for addresses of blocks from YOUNG.
static inline bool space_is_young_block(const Space *s, const void *p)
{
    return (size_t)((const char *)p - s->base) - s->large_end < s->bytes - s->large_end;
}

// Memory in SHARED, 16-aligned, zeroed, never freed. NULL when the region is full.
MUST_USE void *space_shared(Space *s, size_t bytes);

// Gives a thread's cached blocks back (thread end, low memory).
void space_flush(Space *s, BlockCache *cache);

// All that counts against the limit, in bytes: regions with what is in caches, C memory, the units of
// others.
size_t space_used(const Space *s);
// Is less in use than the limit allows, by more than so many bytes?
bool space_has_room(Space *s, size_t bytes);
// Is as much in use as the limit allows, or more?
bool space_is_full(Space *s);
// Has it been so lately? Costs next to nothing while there is room.
static inline bool space_is_tight(const Space *s)
{
    return atomic_load_explicit(&s->tight, memory_order_relaxed);
}

#endif
