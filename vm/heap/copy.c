// See copy.h. Cheney's algorithm, except that a list is copied along its cdrs at once: its pairs then
// lie one after another, and it is the order in which they will be read.
#include "vm/heap/copy.h"
#include "vm/heap/heap_int.h"

#include "vm/base/mem.h"

#include <string.h>

#define PIECE_BYTES_FIRST 256
#define PIECE_BYTES_MAX   ((size_t)1 << 20)

void copy_begin(Copy *c, Heap *from, Value *room, size_t words)
{
    memset(c, 0, sizeof *c);
    c->from = from;
    c->space = from->scratch->space;
    c->hp = c->scan = room;
    c->end = room + words;
    c->blocks = V_NIL;
    c->refused = V_NONE;
}

bool copy_is_free(const Heap *from, Value v)
{
    return !value_is_pointer(v) || space_is_shared(from->scratch->space, value_words(v));
}

// ---- log ------------------------------------------------------------------------------------

// Room for one more item of an array of *capacity items; false without memory.
static COLD bool grow(Copy *c, void *array, size_t item, size_t *capacity)
{
    size_t more = *capacity ? *capacity * 2 : 4096 / item;
    void *items;

    memcpy(&items, array, sizeof items);
    items = mem_realloc(MEM_SCRATCH, items, *capacity * item, more * item);
    if (!items) {
        c->no_memory = true;
        return false;
    }
    memcpy(array, &items, sizeof items);
    *capacity = more;
    return true;
}

static inline bool log_slot(Copy *c, Value *slot)
{
    if (UNLIKELY(c->log_count == c->log_capacity) &&
        !grow(c, &c->log, sizeof *c->log, &c->log_capacity))
        return false;
    c->log[c->log_count++] = (CopyLog){slot, *slot};
    return true;
}

// ---- room -----------------------------------------------------------------------------------

static COLD Value *next_piece(Copy *c, size_t words)
{
    size_t bytes = c->last ? MIN((size_t)c->last->bytes * 2, PIECE_BYTES_MAX) : PIECE_BYTES_FIRST;

    if (c->most_words && c->words > c->most_words) {
        c->gave_up = true;
        return NULL;
    }
    bytes = MAX(bytes, sizeof(Frag) + words * sizeof(Value));
    Frag *f = bytes <= UINT32_MAX
                  ? space_alloc(c->space, c->from->scratch->cache, REGION_YOUNG, &bytes)
                  : NULL;
    if (!f) {
        c->no_memory = true;
        return NULL;
    }
    f->next = NULL;
    f->bytes = (uint32_t)bytes;
    f->used = 0;
    if (c->last) {
        c->last->next = f;
    } else {
        c->room_top = c->hp;
        c->first = f;
    }
    c->last = f;
    c->hp = (Value *)(f + 1);
    c->end = (Value *)((char *)f + bytes);
    return c->hp;
}

static inline Value *take(Copy *c, size_t words)
{
    Value *p = c->hp;

    if (UNLIKELY((size_t)(c->end - p) < words)) {
        p = next_piece(c, words);
        if (!p) return NULL;
    }
    c->hp = p + words;
    c->words += words;
    if (c->last) c->last->used += (uint32_t)words;
    return p;
}

// ---- moving ---------------------------------------------------------------------------------

// Pairs from which on a run is worth its entry.
#define RUN_PAIRS 4

static inline bool must_copy_pair(const Copy *c, Value v)
{
    return value_is_pair(v) && !space_is_shared(c->space, value_words(v)) &&
           (value_words(v)->bits & TAG_MASK) != TAG_HEADER;
}

// Needs no look of the scan. (Of procedures it must see the shared ones too.)
static inline bool is_plain(const Copy *c, Value v)
{
    return !value_is_pointer(v) || (!value_is_proc(v) && space_is_shared(c->space, value_words(v)));
}

static bool run_begins(const Copy *c, Value v)
{
    for (int i = 0; i < RUN_PAIRS; i++) {
        if (!must_copy_pair(c, v) || !is_plain(c, value_words(v)[0])) return false;
        v = value_words(v)[1];
    }
    return true;
}

// Copies pairs from v on into what is left of the piece, as long as they make a run, and links them. Returns
// what follows; *last is the last copy.
static Value fill_run(Copy *c, Value v, CopyRun *run, Value **last)
{
    const Space *space = c->space;
    Value *start = c->hp, *q = start, *end = c->end - 1;

    while (q < end && value_is_pair(v)) {
        Value *p = value_words(v);
        Value car = p[0];
        if (space_is_shared(space, p) || (car.bits & TAG_MASK) == TAG_HEADER || !is_plain(c, car))
            break;
        v = p[1];
        q[0] = car;
        p->bits = (uint64_t)q | TAG_HEADER;
        q += 2;
        q[-1] = value_from_words(q, TAG_PAIR);
    }
    size_t words = (size_t)(q - start);
    if (words > 0) *last = q - 2;
    run->count += words / 2;
    take(c, words); // there is room
    return v;
}

// Copies the pairs from v on that make a run. Returns what follows it; V_NONE on failure.
static Value copy_run(Copy *c, Value v)
{
    if (c->run_count == c->run_capacity && !grow(c, &c->runs, sizeof *c->runs, &c->run_capacity))
        return V_NONE;
    CopyRun *run = &c->runs[c->run_count];
    Value *q = NULL;

    *run = (CopyRun){.from = value_words(v)};
    do {
        if (c->end - c->hp < 2 && !next_piece(c, 2)) {
            v = V_NONE;
            break;
        }
        if (q) q[1] = value_from_words(c->hp, TAG_PAIR);
        if (!q) run->start = c->hp;
        v = fill_run(c, v, run, &q);
    } while (must_copy_pair(c, v) && is_plain(c, value_words(v)[0]));
    if (!q) return V_NONE;
    run->end = q;
    run->piece = c->last;
    c->run_count++;
    if (!value_is(v, V_NONE)) q[1] = v;
    return v;
}

// Puts the cars of a run back.
static void restore_run(const CopyRun *run)
{
    Value *p = run->from;

    for (size_t i = 0; i < run->count; i++) {
        const Value *q = (const Value *)(p->bits - TAG_HEADER);
        __builtin_prefetch(q + 64);
        *p = q[0];
        p = value_words(p[1]);
    }
}

static Value copy_list(Copy *c, Value v)
{
    Value *first = NULL;

    do {
        Value *p = value_words(v);
        if (run_begins(c, v)) {
            v = copy_run(c, v);
        } else {
            Value *q = take(c, 2);
            if (!q || !log_slot(c, p)) return V_NONE;
            q[0] = p[0];
            q[1] = v = p[1]; // the original: the scan looks up where it went
            p->bits = (uint64_t)q | TAG_HEADER;
        }
        if (value_is(v, V_NONE)) return V_NONE;
        if (!first) first = (Value *)(p->bits - TAG_HEADER);
    } while (must_copy_pair(c, v));
    return value_from_words(first, TAG_PAIR);
}

static bool may_travel(const Copy *c, Kind kind)
{
    if (kind == KIND_HANDLE) return c->giving;
    return kind != KIND_STACK && kind != KIND_ESCAPE && kind != KIND_WEAK;
}

static bool note_given(Copy *c, Value handle)
{
    if (c->given_count == c->given_capacity) {
        size_t more = c->given_capacity ? c->given_capacity * 2 : 8;
        Value *given = mem_realloc(MEM_SCRATCH, c->given, c->given_capacity * sizeof *given,
                                   more * sizeof *given);
        if (!given) {
            c->no_memory = true;
            return false;
        }
        c->given = given;
        c->given_capacity = more;
    }
    c->given[c->given_count++] = handle;
    return true;
}

static Value copy_object(Copy *c, Value v)
{
    Value *p = value_words(v);
    uint64_t header = p->bits & ~(uint64_t)(HEADER_LARGE | HEADER_MARKED | HEADER_OLD);
    Kind kind = header_kind(header);
    size_t words = header_words(header) + 1;

    if (!may_travel(c, kind)) {
        c->lacking = true;
        c->lacking_kind = kind;
        if (c->lenient) return V_FALSE;
        c->refused = v;
        return V_NONE;
    }
    if (kind == KIND_PROC && c->on_proc) c->on_proc(c, value_proc(v));
    if (kind == KIND_HANDLE && !note_given(c, v)) return V_NONE;
    Value *q = take(c, words);
    if (!q || !log_slot(c, p)) return V_NONE;
    memcpy(q, p, words * sizeof(Value));
    q->bits = header;
    if (kind == KIND_TABLE && !value_is_null(q[1 + TABLE_EPOCH])) q[1 + TABLE_EPOCH] = V_FALSE;
    if (kind == KIND_BLOCKREF || kind == KIND_HANDLE) {
        BlockRef *ref = (BlockRef *)q;
        block_retain(ref->block);
        ref->next = c->blocks;
        c->blocks = value_from_words(q, TAG_OBJ);
    }
    *p = value_from_words(q, value_tag(v));
    return *p;
}

static inline Value copy_one(Copy *c, Value v)
{
    if (!value_is_pointer(v)) return v;
    if (space_is_shared(c->space, value_words(v))) {
        if (value_is_proc(v) && c->on_proc) c->on_proc(c, value_proc(v));
        return v;
    }
    uint64_t first = value_words(v)->bits;
    if (value_tag(v) == TAG_PAIR) {
        if ((first & TAG_MASK) == TAG_HEADER) return (Value){first - TAG_HEADER + TAG_PAIR};
        return copy_list(c, v);
    }
    if ((first & TAG_MASK) != TAG_HEADER) return (Value){first};
    return copy_object(c, v);
}

// ---- scanning -------------------------------------------------------------------------------

static bool scan_slots(Copy *c, Value *slot, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        Value v = copy_one(c, slot[i]);
        if (value_is(v, V_NONE)) return false;
        slot[i] = v;
    }
    return true;
}

static Value *scan_item(Copy *c, Value *p)
{
    uint64_t header = p->bits;

    if ((header & TAG_MASK) != TAG_HEADER) return scan_slots(c, p, 2) ? p + 2 : NULL;
    size_t words = header_words(header);
    Layout layout = (Layout)kind_layout[header_kind(header)];
    bool ok = true;
    if (layout == LAYOUT_VALUES) {
        ok = scan_slots(c, p + 1, words);
    } else if (layout == LAYOUT_BYTES && bytes_is_indirect((Bytes *)p)) {
        ok = scan_slots(c, &((Bytes *)p)->u.body, 1);
    }
    return ok ? p + 1 + words : NULL;
}

// End of the objects in the piece that is being scanned.
static Value *piece_top(const Copy *c)
{
    if (c->scan_piece == c->last) return c->hp;
    if (!c->scan_piece) return c->room_top;
    return (Value *)(c->scan_piece + 1) + c->scan_piece->used;
}

static bool scan_all(Copy *c)
{
    for (;;) {
        while (c->scan < piece_top(c)) {
            if (c->run_next < c->run_count && c->scan == c->runs[c->run_next].start) {
                const CopyRun *run = &c->runs[c->run_next++];
                c->scan = run->end;
                c->scan_piece = run->piece;
            }
            c->scan = scan_item(c, c->scan);
            if (!c->scan) return false;
        }
        Frag *next = c->scan_piece ? c->scan_piece->next : c->first;
        if (!next) return true;
        c->scan_piece = next;
        c->scan = (Value *)(next + 1);
    }
}

static bool copy_failed(const Copy *c)
{
    return c->no_memory || c->gave_up || !value_is(c->refused, V_NONE);
}

Value copy_value(Copy *c, Value v)
{
    if (copy_failed(c)) return V_NONE;
    v = copy_one(c, v);
    return !value_is(v, V_NONE) && scan_all(c) ? v : V_NONE;
}

Value copy_cons(Copy *c, Value car, Value cdr)
{
    Value *p = take(c, 2);

    if (!p) return V_NONE;
    p[0] = car;
    p[1] = cdr;
    c->scan = c->hp; // both are copies already
    c->scan_piece = c->last;
    return value_from_words(p, TAG_PAIR);
}

void copy_end(Copy *c)
{
    HeapScratch *s = c->from->scratch;

    // Backwards: a slot that was logged twice ends with its oldest content.
    for (size_t i = c->log_count; i > 0; i--) {
        *c->log[i - 1].slot = c->log[i - 1].was;
    }
    for (size_t i = 0; i < c->run_count; i++) {
        restore_run(&c->runs[i]);
    }
    mem_free(MEM_SCRATCH, c->log, c->log_capacity * sizeof *c->log);
    mem_free(MEM_SCRATCH, c->runs, c->run_capacity * sizeof *c->runs);
    c->log = NULL;
    c->runs = NULL;
    if (!copy_failed(c)) return;
    while (!value_is_null(c->blocks)) {
        BlockRef *ref = (BlockRef *)value_words(c->blocks);
        c->blocks = ref->next;
        block_release(c->space, ref->block);
    }
    frag_free(c->space, s->cache, c->first);
    c->first = c->last = NULL;
    mem_free(MEM_SCRATCH, c->given, c->given_capacity * sizeof *c->given);
    c->given = NULL;
    c->given_count = c->given_capacity = 0;
}
