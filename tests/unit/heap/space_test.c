// The space allocator: blocks of every size from caches and spans, content that nobody else writes, memory
// that comes back, the limit, threads that free what others made.
#include "tests/unit/unit.h"

#include "vm/base/mem.h"
#include "vm/base/rng.h"
#include "vm/heap/space.h"

#include <string.h>

static Space space;

typedef struct {
    uint64_t *p;
    size_t bytes;
    RegionId region;
    uint64_t mark;
} Held;

static void fill(Held *b)
{
    b->p[0] = b->mark;
    b->p[b->bytes / 8 - 1] = b->mark;
    b->p[b->bytes / 16] = b->mark;
}

static bool is_filled(const Held *b)
{
    return b->p[0] == b->mark && b->p[b->bytes / 8 - 1] == b->mark && b->p[b->bytes / 16] == b->mark;
}

static size_t random_size(Rng *rng)
{
    uint64_t kind = rng_below(rng, 20);

    if (kind < 14) return 1 + rng_below(rng, 1000);
    if (kind < 18) return 1 + rng_below(rng, 60000);
    return 1 + rng_below(rng, 3000000);
}

// Allocations and frees at random, each block with a mark of its own at both ends and in the middle.
static void churn(BlockCache *cache, uint64_t seed, int rounds)
{
    enum { LIVE = 300 };
    Held *live = mem_zalloc(MEM_SCRATCH, LIVE * sizeof *live);
    Rng rng;

    rng_seed(&rng, seed);
    for (int i = 0; i < rounds; i++) {
        Held *b = &live[rng_below(&rng, LIVE)];
        if (b->p) {
            EXPECT(is_filled(b));
            if (b->bytes > 65536 && rng_below(&rng, 2)) {
                size_t before = b->bytes;
                b->bytes = space_shrink(&space, b->region, b->p, b->bytes, 1 + rng_below(&rng, b->bytes));
                EXPECT(b->bytes <= before && b->p[0] == b->mark);
                fill(b);
            }
            space_free(&space, cache, b->region, b->p, b->bytes);
            b->p = NULL;
            continue;
        }
        size_t wanted = random_size(&rng);
        b->region = (RegionId)(REGION_OLD + rng_below(&rng, 3));
        b->bytes = wanted;
        b->p = space_alloc(&space, cache, b->region, &b->bytes);
        EXPECT(b->p != NULL && b->bytes >= wanted && b->bytes == space_block_bytes(wanted));
        EXPECT((uintptr_t)b->p % 64 == 0);
        EXPECT(space_is_large(&space, b->p) == (b->region == REGION_LARGE));
        EXPECT(space_is_settled(&space, b->p) == (b->region == REGION_OLD));
        EXPECT(!space_is_shared(&space, b->p));
        b->mark = rng_next(&rng);
        fill(b);
    }
    for (int i = 0; i < LIVE; i++) {
        if (!live[i].p) continue;
        EXPECT(is_filled(&live[i]));
        space_free(&space, cache, live[i].region, live[i].p, live[i].bytes);
    }
    mem_free(MEM_SCRATCH, live, LIVE * sizeof *live);
}

static void test_churn(void)
{
    BlockCache cache = {0};
    size_t before = space_used(&space);

    churn(&cache, 1, 30000);
    churn(NULL, 2, 30000);
    space_flush(&space, &cache);
    EXPECT_U64(space_used(&space), before);
}

static void *churn_main(void *argument)
{
    BlockCache cache = {0};

    churn(&cache, 10 + (uint64_t)(uintptr_t)argument, 15000);
    space_flush(&space, &cache);
    return NULL;
}

static void test_threads(void)
{
    PlatThread *threads[4];
    size_t before = space_used(&space);

    for (uintptr_t i = 0; i < countof(threads); i++) {
        threads[i] = plat_thread_start(churn_main, (void *)i, 0, "churn"); // NOLINT
    }
    for (unsigned i = 0; i < countof(threads); i++) {
        plat_thread_join(threads[i]);
    }
    EXPECT_U64(space_used(&space), before);
}

static void test_shared(void)
{
    char *last = NULL;

    for (int i = 0; i < 2000; i++) {
        size_t bytes = 1 + (size_t)i * 7 % 500;
        char *p = space_shared(&space, bytes);
        EXPECT(p && (uintptr_t)p % 16 == 0 && space_is_shared(&space, p) && space_is_settled(&space, p));
        EXPECT(p > last && p[0] == 0 && p[bytes - 1] == 0);
        memset(p, 1, bytes);
        last = p + bytes - 1;
    }
}

static void test_limit(void)
{
    static Space small;
    void *blocks[64];
    size_t n = 0, bytes;

    EXPECT(space_init(&small, 4 << 20));
    size_t before = space_used(&small); // C memory counts too
    for (; n < countof(blocks); n++) {
        bytes = 256 << 10;
        blocks[n] = space_alloc(&small, NULL, REGION_YOUNG, &bytes);
        if (!blocks[n]) break;
    }
    EXPECT(n >= 14 && n <= 16);
    bytes = 100;
    for (size_t i = 0; i < n; i++) {
        space_free(&small, NULL, REGION_YOUNG, blocks[i], 256 << 10);
    }
    EXPECT_U64(space_used(&small), before);
    // All of it can be had again, as one piece.
    bytes = 3 << 20;
    void *p = space_alloc(&small, NULL, REGION_YOUNG, &bytes);
    EXPECT(p != NULL);
    space_free(&small, NULL, REGION_YOUNG, p, bytes);
    space_fini(&small);
}

int main(void)
{
    EXPECT(space_init(&space, 0));
    test_churn();
    test_threads();
    test_shared();
    space_fini(&space);
    test_limit();
    EXPECT_U64(mem_used(MEM_HEAP), 0);
    return unit_finish();
}
