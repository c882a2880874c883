// See space.h. The page heap keeps free spans in lists by size: one list per number of pages up to
// 127, then one per power of two. A page map tells the span that a free page belongs to, for its
// first and last page only, which is all that coalescing needs.
#include "vm/heap/space.h"

#include "vm/base/check.h"
#include "vm/base/mem.h"

#include <string.h>

#define SMALL_LISTS  128
#define LARGE_LISTS  40
#define LISTS        (SMALL_LISTS + LARGE_LISTS)
#define SPAN_PAGES   16 // what a region hands to block carving at once
#define LARGE_PAGES  2048 // of spans from here on
#define KEPT_PAGES   8192 // this much stays with the region when freed; more goes back to the system

// Free memory is poisoned but for the links kept in it.
#define MEMORY_FREED(p, n, keep) MEMORY_UNUSED((char *)(p) + (keep), (size_t)(n) - (keep))

// A free span, written into its own first page.
typedef struct Span {
    struct Span *next, *prev;
    size_t pages;
} Span;

struct Region {
    PlatLock lock;
    char *base;
    size_t pages;     // of the whole region
    size_t committed; // pages that have memory, from the base on
    size_t kept;      // pages freed in large spans and not given back, roughly
    uint32_t *map;    // per page: pages of the free span that begins or ends here, else 0
    Span lists[LISTS]; // heads
    BlockList blocks[BLOCK_CLASSES]; // what overflowed from the caches
};

static unsigned block_class(size_t bytes)
{
    unsigned shift = BLOCK_SHIFT_MIN;
    while (((size_t)1 << shift) < bytes) {
        shift++;
    }
    return shift - BLOCK_SHIFT_MIN;
}

size_t space_block_bytes(size_t bytes)
{
    if (bytes > (size_t)1 << BLOCK_SHIFT_MAX) return (size_t)ALIGN_UP(bytes, SPACE_PAGE_BYTES);
    return (size_t)1 << (block_class(bytes) + BLOCK_SHIFT_MIN);
}

// ---- spans --------------------------------------------------------------------------------------

static unsigned span_list(size_t pages)
{
    if (pages < SMALL_LISTS) return (unsigned)pages;
    return SMALL_LISTS + (unsigned)(63 - __builtin_clzll(pages)) - 7;
}

static size_t page_index(const Region *r, const void *p)
{
    return (size_t)((const char *)p - r->base) >> SPACE_PAGE_SHIFT;
}

static void link_span(Region *r, size_t page, size_t pages)
{
    Span *s = (Span *)(r->base + (page << SPACE_PAGE_SHIFT));
    MEMORY_USABLE(s, sizeof *s);
    Span *head = &r->lists[span_list(pages)];

    s->pages = pages;
    s->next = head->next;
    s->prev = head;
    head->next->prev = s;
    head->next = s;
    r->map[page] = r->map[page + pages - 1] = (uint32_t)pages;
}

static void unlink_span(Region *r, Span *s)
{
    size_t page = page_index(r, s);

    s->next->prev = s->prev;
    s->prev->next = s->next;
    r->map[page] = r->map[page + s->pages - 1] = 0;
}

static void insert_free(Region *r, size_t page, size_t pages)
{
    if (page > 0 && r->map[page - 1]) { // [S2]
        size_t before = r->map[page - 1];
        unlink_span(r, (Span *)(r->base + ((page - before) << SPACE_PAGE_SHIFT)));
        page -= before;
        pages += before;
    }
    if (page + pages < r->committed && r->map[page + pages]) {
        size_t after = r->map[page + pages];
        unlink_span(r, (Span *)(r->base + ((page + pages) << SPACE_PAGE_SHIFT)));
        pages += after;
    }
    link_span(r, page, pages);
}

static Span *find_span(Region *r, size_t pages)
{
    for (unsigned i = span_list(pages); i < LISTS; i++) {
        Span *best = NULL;
        for (Span *s = r->lists[i].next; s != &r->lists[i]; s = s->next) {
            if (s->pages >= pages && (!best || s->pages < best->pages)) best = s;
            if (i < SMALL_LISTS || (best && best->pages == pages)) break;
        }
        if (best) return best;
    }
    return NULL;
}

// Puts memory behind more of the region. Grows in steps that double up to 4 MiB.
static bool commit_more(Region *r, size_t pages)
{
    size_t step = MIN(MAX(r->committed, 64), 1024);
    size_t want = MAX(pages, step);

    if (want > r->pages - r->committed) want = pages;
    if (want > r->pages - r->committed) return false;
    if (!plat_commit(r->base + (r->committed << SPACE_PAGE_SHIFT), want << SPACE_PAGE_SHIFT))
        return false;
    size_t page = r->committed;
    r->committed += want;
    insert_free(r, page, want);
    return true;
}

static void *span_alloc(Region *r, size_t pages)
{
    Span *s = find_span(r, pages);

    if (!s) {
        if (!commit_more(r, pages)) return NULL;
        s = find_span(r, pages);
    }
    size_t page = page_index(r, s), have = s->pages;
    if (pages >= LARGE_PAGES) r->kept -= MIN(r->kept, pages);
    unlink_span(r, s);
    if (have > pages) link_span(r, page + pages, have - pages);
    return s;
}

// First touching a page costs ten times as much as writing it: a heap that is collected again and again
// gets the memory of its last collection for the next.
static void span_free(Region *r, void *p, size_t pages)
{
    if (pages >= LARGE_PAGES && r->kept + pages > KEPT_PAGES) {
        plat_discard(p, pages << SPACE_PAGE_SHIFT);
    } else if (pages >= LARGE_PAGES) {
        r->kept += pages;
    }
    insert_free(r, page_index(r, p), pages);
}

// ---- blocks -------------------------------------------------------------------------------------

static void push_block(BlockList *list, void *p)
{
    FreeBlock *b = p;
    b->next = list->first;
    list->first = b;
    list->count++;
}

static void *pop_block(BlockList *list)
{
    FreeBlock *b = list->first;
    if (b) {
        list->first = b->next;
        list->count--;
    }
    return b;
}

// How many blocks of a class move between a cache and its region at once.
static unsigned batch_of(unsigned class)
{
    unsigned bytes = 1u << (class + BLOCK_SHIFT_MIN);
    return MAX(2u, MIN(64u, 16384u / bytes));
}

static void account(Space *s, RegionId region, size_t bytes)
{
    atomic_fetch_add_explicit(&s->used[region], bytes, memory_order_relaxed);
}

// Under the lock: cuts a span into blocks.
static bool carve(Region *r, unsigned class)
{
    size_t bytes = (size_t)1 << (class + BLOCK_SHIFT_MIN);
    char *p = span_alloc(r, SPAN_PAGES);

    if (!p) return false;
    plat_populate(p, SPAN_PAGES << SPACE_PAGE_SHIFT);
    // Downwards, so that blocks are handed out in address order.
    for (size_t at = SPAN_PAGES << SPACE_PAGE_SHIFT; at > 0; at -= bytes) {
        MEMORY_USABLE(p + at - bytes, sizeof(FreeBlock));
        push_block(&r->blocks[class], p + at - bytes);
    }
    return true;
}

// Blocks count as used from the moment they leave their region, so that the common path, a pop from
// the thread's own list, touches no shared counter.
static void *block_refill(Space *s, RegionId region, BlockList *list, unsigned class)
{
    Region *r = s->regions[region];
    unsigned batch = batch_of(class), count = 0;
    void *taken = NULL;

    plat_lock(&r->lock);
    for (unsigned i = 0; i < batch; i++) {
        void *p = pop_block(&r->blocks[class]);
        if (!p) {
            if (i > 0 || !carve(r, class)) break;
            p = pop_block(&r->blocks[class]);
        }
        count++;
        if (!taken) {
            taken = p;
            if (!list) break;
        } else {
            push_block(list, p);
        }
    }
    plat_unlock(&r->lock);
    account(s, region, (size_t)count << (class + BLOCK_SHIFT_MIN));
    return taken;
}

static void block_spill(Space *s, RegionId region, BlockList *list, unsigned class)
{
    Region *r = s->regions[region];
    unsigned count = 0;

    plat_lock(&r->lock);
    for (; count < batch_of(class) && list->count > 0; count++) {
        push_block(&r->blocks[class], pop_block(list));
    }
    plat_unlock(&r->lock);
    account(s, region, (size_t)0 - ((size_t)count << (class + BLOCK_SHIFT_MIN)));
}

static BlockList *cache_list(BlockCache *cache, RegionId region, unsigned class)
{
    if (!cache || region == REGION_LARGE) return NULL;
    return &cache->lists[region == REGION_YOUNG][class];
}

bool space_has_room(Space *s, size_t bytes)
{
    if (s->limit == 0) return true;
    size_t used = space_used(s);
    // Not so any more when a quarter is free; so again when an eighth is not.
    bool was = space_is_tight(s);
    bool tight = used >= s->limit - (was ? s->limit / 4 : s->limit / 8);
    if (was != tight) atomic_store_explicit(&s->tight, tight, memory_order_relaxed);
    return used + bytes < s->limit;
}

bool space_is_full(Space *s)
{
    return !space_has_room(s, 0);
}

static bool under_limit(Space *s, const BlockCache *cache, size_t more)
{
    if (s->limit == 0) return true;
    size_t used = space_used(s) + more;
    if (used > s->limit) atomic_store_explicit(&s->tight, true, memory_order_relaxed);
    return used <= s->limit + (cache ? s->limit / 16 * cache->reserve : 0);
}

void *space_alloc(Space *s, BlockCache *cache, RegionId region, size_t *bytes)
{
    size_t real = space_block_bytes(*bytes);
    void *p;

    if (LIKELY(real <= (size_t)1 << BLOCK_SHIFT_MAX)) {
        unsigned class = block_class(real);
        BlockList *list = cache_list(cache, region, class);
        p = list ? pop_block(list) : NULL;
        if (UNLIKELY(!p)) {
            if (!under_limit(s, cache, real)) return NULL;
            p = block_refill(s, region, list, class);
        }
    } else {
        Region *r = s->regions[region];
        if (!under_limit(s, cache, real)) return NULL;
        plat_lock(&r->lock);
        p = span_alloc(r, real >> SPACE_PAGE_SHIFT);
        plat_unlock(&r->lock);
        if (p) account(s, region, real);
    }
    if (!p) return NULL;
    MEMORY_USABLE(p, real);
    *bytes = real;
    return p;
}

void space_free(Space *s, BlockCache *cache, RegionId region, void *p, size_t bytes)
{
    Region *r = s->regions[region];

    ASSERT(bytes == space_block_bytes(bytes));
    if (LIKELY(bytes <= (size_t)1 << BLOCK_SHIFT_MAX)) {
        unsigned class = block_class(bytes);
        BlockList *list = cache_list(cache, region, class);
        if (list) {
            push_block(list, p);
            MEMORY_FREED(p, bytes, sizeof(FreeBlock));
            if (UNLIKELY(list->count > 2 * batch_of(class))) block_spill(s, region, list, class);
            return;
        }
        plat_lock(&r->lock);
        push_block(&r->blocks[class], p);
        MEMORY_FREED(p, bytes, sizeof(FreeBlock));
    } else {
        plat_lock(&r->lock);
        span_free(r, p, bytes >> SPACE_PAGE_SHIFT);
        MEMORY_FREED(p, bytes, sizeof(Span));
    }
    plat_unlock(&r->lock);
    account(s, region, (size_t)0 - bytes);
}

size_t space_shrink(Space *s, RegionId region, void *p, size_t bytes, size_t keep)
{
    Region *r = s->regions[region];
    size_t real = MAX((size_t)ALIGN_UP(keep, SPACE_PAGE_BYTES),
                      ((size_t)1 << BLOCK_SHIFT_MAX) + SPACE_PAGE_BYTES);

    if (bytes <= (size_t)1 << BLOCK_SHIFT_MAX || real >= bytes) return bytes;
    plat_lock(&r->lock);
    span_free(r, (char *)p + real, (bytes - real) >> SPACE_PAGE_SHIFT);
    MEMORY_FREED((char *)p + real, bytes - real, sizeof(Span));
    plat_unlock(&r->lock);
    account(s, region, real - bytes);
    return real;
}

void space_flush(Space *s, BlockCache *cache)
{
    static const RegionId cached[2] = {REGION_OLD, REGION_YOUNG};

    for (int i = 0; i < 2; i++) {
        for (unsigned class = 0; class < BLOCK_CLASSES; class++) {
            while (cache->lists[i][class].count > 0) {
                block_spill(s, cached[i], &cache->lists[i][class], class);
            }
        }
    }
}

size_t space_used(const Space *s)
{
    size_t total = mem_total();

    for (int i = 0; i < REGION_COUNT; i++) {
        total += atomic_load_explicit(&s->used[i], memory_order_relaxed);
    }
    if (s->other_units)
        total += atomic_load_explicit(s->other_units, memory_order_relaxed) * s->other_unit_bytes;
    return total;
}

// ---- the shared region --------------------------------------------------------------------------

void *space_shared(Space *s, size_t bytes)
{
    Region *r = s->regions[REGION_SHARED];
    size_t used, end;

    bytes = (size_t)ALIGN_UP(bytes, 16);
    plat_lock(&r->lock);
    used = atomic_load_explicit(&s->used[REGION_SHARED], memory_order_relaxed);
    end = (used + bytes + SPACE_PAGE_BYTES - 1) >> SPACE_PAGE_SHIFT;
    if (end > r->committed) {
        size_t want = MIN(MAX(end - r->committed, 64), r->pages - r->committed);
        char *at = r->base + (r->committed << SPACE_PAGE_SHIFT);
        if (end > r->pages || !plat_commit(at, want << SPACE_PAGE_SHIFT)) {
            plat_unlock(&r->lock);
            return NULL;
        }
        r->committed += want;
    }
    atomic_store_explicit(&s->used[REGION_SHARED], used + bytes, memory_order_relaxed);
    plat_unlock(&r->lock);
    return r->base + used;
}

// ---- set-up -------------------------------------------------------------------------------------

static bool region_init(Region **out, char *base, size_t bytes)
{
    Region *r = mem_zalloc(MEM_HEAP, sizeof *r);

    if (!r) return false;
    r->base = base;
    r->pages = bytes >> SPACE_PAGE_SHIFT;
    size_t map_bytes = (size_t)ALIGN_UP(r->pages * sizeof *r->map, SPACE_PAGE_BYTES);
    r->map = plat_reserve(map_bytes);
    if (!r->map || !plat_commit(r->map, map_bytes)) {
        mem_free(MEM_HEAP, r, sizeof *r);
        return false;
    }
    for (int i = 0; i < LISTS; i++) {
        r->lists[i].next = r->lists[i].prev = &r->lists[i];
    }
    *out = r;
    return true;
}

// Sizes are generous because addresses cost nothing; under a limit on addresses (ulimit -v, some
// containers) a smaller reservation will do.
static bool reserve_regions(Space *s)
{
    const size_t gib = (size_t)1 << 30;

    for (size_t scale = BUILD_ASAN || BUILD_TSAN ? 4 : 64; scale > 0; scale /= 2) {
        size_t shared = MAX(scale * gib / 8, gib / 2), young = scale * gib, old = scale * gib;
        size_t large = scale * gib;
        s->bytes = shared + old + large + young;
        s->base = plat_reserve(s->bytes);
        if (!s->base) continue;
        s->shared_end = shared;
        s->old_end = shared + old;
        s->large_end = shared + old + large;
        return true;
    }
    return false;
}

bool space_init(Space *s, size_t limit_bytes)
{
    memset(s, 0, sizeof *s);
    s->limit = limit_bytes;
    if (!reserve_regions(s)) return false;
    return region_init(&s->regions[REGION_SHARED], s->base, s->shared_end) &&
           region_init(&s->regions[REGION_OLD], s->base + s->shared_end,
                       s->old_end - s->shared_end) &&
           region_init(&s->regions[REGION_LARGE], s->base + s->old_end,
                       s->large_end - s->old_end) &&
           region_init(&s->regions[REGION_YOUNG], s->base + s->large_end,
                       s->bytes - s->large_end);
}

void space_fini(Space *s)
{
    for (int i = 0; i < REGION_COUNT; i++) {
        Region *r = s->regions[i];
        if (!r) continue;
        plat_release(r->map, (size_t)ALIGN_UP(r->pages * sizeof *r->map, SPACE_PAGE_BYTES));
        mem_free(MEM_HEAP, r, sizeof *r);
    }
    if (s->base) plat_release(s->base, s->bytes);
    memset(s, 0, sizeof *s);
}
