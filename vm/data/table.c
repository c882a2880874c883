// See table.h. Slots of the index are found by the upper bits of the hash and searched linearly;
// deletion shifts back what follows, so there are no tombstones in the index.
#include "vm/data/table.h"

#include "vm/base/hash.h"
#include "vm/data/bytes.h"
#include "vm/data/equal.h"
#include "vm/data/num.h"
#include "vm/plat/plat.h"

#include <string.h>

#define SEGMENT_ENTRIES ((size_t)1 << TABLE_SEGMENT_BITS)
#define INDEX_MIN       16
#define ENTRIES_FIRST   8
#define ENTRIES_MAX     ((size_t)UINT32_MAX - 1)
#define CLEAR_WORDS     16                // slots cleared for one unit of work
#define NO_ENTRY        TABLE_NO_ENTRY

enum { ENTRY_KEY, ENTRY_VALUE, ENTRY_HASH };

static void set_number(Value table, unsigned slot, size_t n)
{
    *object_slot(table, slot) = value_fix((int64_t)n); // no pointer: no barrier
}

static TableTest test_of(Value table)
{
    return (TableTest)table_number(table, TABLE_TEST);
}

// ---- entries --------------------------------------------------------------------------------

static Value segment_of(Value table, size_t i)
{
    Value directory = object_ref(table, TABLE_ENTRIES);
    size_t n = i >> TABLE_SEGMENT_BITS;
    return n < object_count(directory) ? object_ref(directory, n) : V_FALSE;
}

// Is there a place for entry i, which is the next one?
static bool has_place(Value table, size_t i)
{
    Value segment = segment_of(table, i);
    return value_true(segment) &&
           (i & (SEGMENT_ENTRIES - 1)) < object_count(segment) / TABLE_ENTRY_WORDS;
}

static void put_entry(Heap *h, Value table, size_t i, Value key, Value value, uint32_t hash)
{
    Value segment = segment_of(table, i);
    Value *e = table_entry(table, i);

    heap_store(h, segment, &e[ENTRY_KEY], key);
    heap_store(h, segment, &e[ENTRY_VALUE], value);
    e[ENTRY_HASH] = value_fix(hash);
}

static void clear_entry(Value table, size_t i)
{
    Value *e = table_entry(table, i);

    e[ENTRY_KEY] = TABLE_DELETED;
    e[ENTRY_VALUE] = V_FALSE;
}

static bool is_deleted(const Value *entry)
{
    return value_is(entry[ENTRY_KEY], TABLE_DELETED);
}

static uint32_t entry_hash(const Value *entry)
{
    return (uint32_t)value_int(entry[ENTRY_HASH]);
}

void table_set_value(Heap *h, Value table, int64_t entry, Value value)
{
    heap_store(h, segment_of(table, (size_t)entry), &table_entry(table, (size_t)entry)[ENTRY_VALUE],
               value);
}

// ---- the index ------------------------------------------------------------------------------

typedef struct {
    uint64_t *slots;
    size_t mask;
    unsigned shift;
} Index;

static inline Index index_of(Value table)
{
    Value v = object_ref(table, TABLE_INDEX);
    size_t n = object_count(v);
    return (Index){(uint64_t *)(value_words(v) + 1), n - 1, 32 - (unsigned)__builtin_ctzll(n)};
}

static inline size_t home(const Index *x, uint32_t hash)
{
    return hash >> x->shift;
}

static inline uint32_t slot_hash(uint64_t slot)
{
    return (uint32_t)(slot >> 32);
}

static inline size_t slot_entry(uint64_t slot)
{
    return (uint32_t)slot - 1;
}

static void index_add(const Index *x, uint32_t hash, size_t entry)
{
    size_t p = home(x, hash);

    while (x->slots[p]) {
        p = (p + 1) & x->mask;
    }
    x->slots[p] = (uint64_t)hash << 32 | (entry + 1);
}

static void index_remove(const Index *x, size_t at)
{
    size_t free = at;

    for (size_t p = (at + 1) & x->mask; x->slots[p]; p = (p + 1) & x->mask) {
        // May it stand at the free slot? Its home must not lie behind that.
        size_t distance = (p - home(x, slot_hash(x->slots[p]))) & x->mask;
        if (distance < ((p - free) & x->mask)) continue;
        x->slots[free] = x->slots[p];
        free = p;
    }
    x->slots[free] = 0;
}

static void index_remove_entry(const Index *x, uint32_t hash, size_t entry)
{
    uint64_t slot = (uint64_t)hash << 32 | (entry + 1);
    size_t p = home(x, hash);

    while (x->slots[p] && x->slots[p] != slot) {
        p = (p + 1) & x->mask;
    }
    if (x->slots[p]) index_remove(x, p);
}

static inline bool same_key(TableTest test, Value x, Value key, uint64_t *steps)
{
    if (value_is(x, key)) return true;
    if (test == TEST_EQUAL) return value_equal_steps(x, key, steps);
    if (test == TEST_STRING) return value_is_string(x) && bytes_equal(x, key);
    return test == TEST_EQV && (value_is_number(x) ? num_eqv(x, key) : external_eqv(x, key));
}

int64_t table_find(Value table, Value key, uint32_t hash, uint64_t *steps)
{
    Index x = index_of(table);
    TableTest test = test_of(table);

    for (size_t p = home(&x, hash); x.slots[p]; p = (p + 1) & x.mask) {
        ++*steps;
        if (slot_hash(x.slots[p]) != hash) continue;
        if (same_key(test, table_entry(table, slot_entry(x.slots[p]))[ENTRY_KEY], key, steps))
            return (int64_t)p;
    }
    return -1;
}

int64_t table_probe(Value table, uint32_t hash, int64_t after)
{
    Index x = index_of(table);
    size_t p = after < 0 ? home(&x, hash) : ((size_t)after + 1) & x.mask;

    for (; x.slots[p]; p = (p + 1) & x.mask) {
        if (slot_hash(x.slots[p]) == hash) return (int64_t)p;
    }
    return -1;
}

int64_t table_entry_at(Value table, int64_t position)
{
    Index x = index_of(table);

    if (position < 0 || (size_t)position > x.mask || !x.slots[position]) return -1;
    return (int64_t)slot_entry(x.slots[position]);
}

uint32_t table_hash(Heap *h, Value table, Value key, Motion *motion)
{
    uint64_t seed = object_ref(table, TABLE_SEED).bits;
    Hasher s = hasher_by_address(h, seed);
    TableTest test = test_of(table);
    uint64_t hash = test == TEST_EQV      ? hash_eqv(&s, key)
                    : test == TEST_STRING ? bytes_hash(key, seed)
                                          : hash_equal(&s, key);
    *motion = s.motion;
    return (uint32_t)(hash >> 32);
}

// ---- making ---------------------------------------------------------------------------------

static size_t index_slots_for(size_t entries)
{
    size_t slots = INDEX_MIN;

    while (slots * 3 / 4 < entries + 1 && slots < (size_t)1 << 32) {
        slots *= 2;
    }
    return slots;
}

// An index whose slots are not cleared.
static Value new_index(Heap *h, size_t slots)
{
    Value *p = heap_alloc(h, header_make(KIND_BYTES, slots));
    return p ? value_from_words(p, TAG_OBJ) : V_FAIL;
}

static Value new_segment(Heap *h, size_t entries)
{
    Value *p = heap_alloc(h, header_make(KIND_VECTOR, entries * TABLE_ENTRY_WORDS));

    if (!p) return V_FAIL;
    for (size_t i = 0; i < entries; i++) {
        p[1 + i * TABLE_ENTRY_WORDS + ENTRY_KEY] = TABLE_DELETED;
        p[1 + i * TABLE_ENTRY_WORDS + ENTRY_VALUE] = V_FALSE;
        p[1 + i * TABLE_ENTRY_WORDS + ENTRY_HASH] = value_fix(0);
    }
    return value_from_words(p, TAG_OBJ);
}

// A directory of n segments, the first ones from `from`. `from` is a rooted slot or V_NIL.
static Value new_directory(Heap *h, size_t n, const Value *from)
{
    Value *p = heap_alloc(h, header_make(KIND_VECTOR, n));

    if (!p) return V_FAIL;
    size_t have = from ? object_count(object_ref(*from, TABLE_ENTRIES)) : 0;
    for (size_t i = 0; i < n; i++) {
        p[1 + i] = i < have ? object_ref(object_ref(*from, TABLE_ENTRIES), i) : V_FALSE;
    }
    return value_from_words(p, TAG_OBJ);
}

static void reset(Value table)
{
    set_number(table, TABLE_COUNT, 0);
    set_number(table, TABLE_USED, 0);
    set_number(table, TABLE_YOUNG, NO_ENTRY);
    set_number(table, TABLE_PHASE, PHASE_CLEAR);
    set_number(table, TABLE_CURSOR, 0);
    set_number(table, TABLE_TARGET, 0);
    *object_slot(table, TABLE_EPOCH) = V_NIL;
}

// An index, a directory and a segment for a new or emptied table: rooted slots from the returned
// mark on.
static bool make_parts(Heap *h, size_t size, Value **parts)
{
    size_t entries = MIN(MAX(size, (size_t)ENTRIES_FIRST), SEGMENT_ENTRIES);

    for (int i = 0; i < 3; i++) {
        Value v = i == 0   ? new_index(h, index_slots_for(size))
                  : i == 1 ? new_directory(h, 1, NULL)
                           : new_segment(h, entries);
        if (value_is(v, V_FAIL)) return false;
        parts[i] = heap_root(h, v);
    }
    heap_store(h, *parts[1], object_slot(*parts[1], 0), *parts[2]);
    return true;
}

Value table_make(Heap *h, TableTest test, size_t size)
{
    Value *parts[3], result = V_FAIL;
    unsigned mark = heap_root_mark(h);

    if (make_parts(h, size, parts)) {
        Value *p = heap_alloc(h, header_make(KIND_TABLE, TABLE_SLOTS));
        if (p) {
            result = value_from_words(p, TAG_OBJ);
            p[1 + TABLE_TEST] = value_fix(test);
            p[1 + TABLE_INDEX] = *parts[0];
            p[1 + TABLE_ENTRIES] = *parts[1];
            p[1 + TABLE_SEED] = value_fix(
                (int64_t)(hash_word(plat_now_ns() ^ (uint64_t)(uintptr_t)p) >> 4));
            p[1 + TABLE_EQUAL_PROC] = p[1 + TABLE_HASH_PROC] = V_FALSE;
            reset(result);
        }
    }
    heap_unroot(h, mark);
    return result;
}

bool table_clear(Heap *h, const Value *table)
{
    Value *parts[3];
    unsigned mark = heap_root_mark(h);
    bool ok = make_parts(h, 0, parts);

    if (ok) {
        heap_store(h, *table, object_slot(*table, TABLE_INDEX), *parts[0]);
        heap_store(h, *table, object_slot(*table, TABLE_ENTRIES), *parts[1]);
        reset(*table);
    }
    heap_unroot(h, mark);
    return ok;
}

// ---- work in steps ----------------------------------------------------------------------------

static void enter_phase(Value table, TablePhase phase, size_t cursor)
{
    set_number(table, TABLE_PHASE, phase);
    set_number(table, TABLE_CURSOR, cursor);
}

// Moves entries down over deleted ones.
static void step_compact(Heap *h, Value table, int64_t *work)
{
    size_t i = table_number(table, TABLE_CURSOR), to = table_number(table, TABLE_TARGET);
    size_t used = table_number(table, TABLE_USED), young = table_number(table, TABLE_YOUNG);

    for (; i<used && * work> 0; i++, --*work) {
        const Value *e = table_entry(table, i);
        if (i == young) set_number(table, TABLE_YOUNG, to);
        if (is_deleted(e)) continue;
        if (i != to) {
            put_entry(h, table, to, e[ENTRY_KEY], e[ENTRY_VALUE], entry_hash(e));
            clear_entry(table, i);
        }
        to++;
    }
    set_number(table, TABLE_CURSOR, i);
    set_number(table, TABLE_TARGET, to);
    if (i < used) return;
    set_number(table, TABLE_USED, to);
    Value directory = object_ref(table, TABLE_ENTRIES);
    for (size_t s = (to >> TABLE_SEGMENT_BITS) + 1; s < object_count(directory); s++) {
        *object_slot(directory, s) = V_FALSE;
    }
    enter_phase(table, PHASE_CLEAR, 0);
}

// Notes that a hash was made of an address that may change.
static bool note_motion(Heap *h, Value table, size_t i, Motion motion)
{
    uint64_t epoch;

    if (motion != MOVES_NEVER && value_is_null(object_ref(table, TABLE_EPOCH))) {
        if (!heap_epoch(h, &epoch)) {
            (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the memory is used up");
            return false;
        }
        set_number(table, TABLE_EPOCH, epoch);
    }
    if (motion == MOVES_YOUNG && table_number(table, TABLE_YOUNG) == NO_ENTRY)
        set_number(table, TABLE_YOUNG, i);
    return true;
}

static bool step_hash(Heap *h, Value table, int64_t *work)
{
    size_t i = table_number(table, TABLE_CURSOR), used = table_number(table, TABLE_USED);

    for (; i < used && *work > 0; i++, *work -= 2) {
        Motion motion;
        Value *e = table_entry(table, i);
        e[ENTRY_HASH] = value_fix(table_hash(h, table, e[ENTRY_KEY], &motion));
        if (!note_motion(h, table, i, motion)) return false;
    }
    set_number(table, TABLE_CURSOR, i);
    if (i >= used) enter_phase(table, PHASE_CLEAR, 0);
    return true;
}

static void step_clear(Value table, int64_t *work)
{
    Index x = index_of(table);
    size_t at = table_number(table, TABLE_CURSOR);
    size_t n = MIN(x.mask + 1 - at, (size_t)*work * CLEAR_WORDS);

    memset(x.slots + at, 0, n * sizeof *x.slots);
    *work -= (int64_t)(n / CLEAR_WORDS);
    set_number(table, TABLE_CURSOR, at + n);
    if (at + n == x.mask + 1) enter_phase(table, PHASE_FILL, 0);
}

static void step_fill(Value table, int64_t *work)
{
    Index x = index_of(table);
    size_t i = table_number(table, TABLE_CURSOR), used = table_number(table, TABLE_USED);

    for (; i<used && * work> 0; i++, --*work) {
        const Value *e = table_entry(table, i);
        if (!is_deleted(e)) index_add(&x, entry_hash(e), i);
    }
    set_number(table, TABLE_CURSOR, i);
    if (i == used) enter_phase(table, PHASE_READY, 0);
}

// Begins, or begins again, to hash what collections may have moved since TABLE_EPOCH.
static void begin_moved(Value table, uint64_t epoch)
{
    Value was = object_ref(table, TABLE_EPOCH);
    bool all = !value_is_fix(was) || epoch_full((uint64_t)value_int(was)) != epoch_full(epoch);
    // Begun before and not finished: what was young then may still be so.
    bool again = table_number(table, TABLE_PHASE) == PHASE_MOVED;
    size_t first = all     ? 0
                   : again ? table_number(table, TABLE_TARGET)
                           : table_number(table, TABLE_YOUNG);

    set_number(table, TABLE_EPOCH, epoch);
    set_number(table, TABLE_YOUNG, NO_ENTRY);
    set_number(table, TABLE_TARGET, first);
    enter_phase(table, PHASE_MOVED, first);
}

static void step_moved(Heap *h, Value table, int64_t *work)
{
    Index x = index_of(table);
    size_t i = table_number(table, TABLE_CURSOR), used = table_number(table, TABLE_USED);

    for (; i<used && * work> 0; i++, *work -= 2) {
        Motion motion;
        Value *e = table_entry(table, i);
        if (is_deleted(e)) continue;
        uint32_t hash = table_hash(h, table, e[ENTRY_KEY], &motion);
        if (motion == MOVES_YOUNG && table_number(table, TABLE_YOUNG) == NO_ENTRY)
            set_number(table, TABLE_YOUNG, i);
        if (hash == entry_hash(e)) continue;
        index_remove_entry(&x, entry_hash(e), i);
        e[ENTRY_HASH] = value_fix(hash);
        index_add(&x, hash, i);
    }
    set_number(table, TABLE_CURSOR, i);
    if (i >= used) enter_phase(table, PHASE_READY, 0);
}

// Are there hashes of addresses that are not of this epoch?
static bool is_moved(Heap *h, Value table, uint64_t *epoch, bool *failed)
{
    Value was = object_ref(table, TABLE_EPOCH);

    *failed = false;
    if (value_is_null(was)) return false;
    *failed = !heap_epoch(h, epoch);
    return *failed || !value_is_fix(was) || (uint64_t)value_int(was) != *epoch;
}

TableState table_settle(Heap *h, Value table, int64_t *work)
{
    for (;;) {
        TablePhase phase = (TablePhase)table_number(table, TABLE_PHASE);
        if (phase == PHASE_READY || phase == PHASE_MOVED) {
            uint64_t epoch;
            bool failed;
            bool moved = is_moved(h, table, &epoch, &failed);
            if (failed) {
                (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the memory is used up");
                return TABLE_FAILED;
            }
            if (moved) begin_moved(table, epoch);
            if (!moved && phase == PHASE_READY) return TABLE_OK;
            phase = PHASE_MOVED;
        }
        if (*work <= 0) return TABLE_LATER;
        if (phase == PHASE_COMPACT) step_compact(h, table, work);
        if (phase == PHASE_HASH && !step_hash(h, table, work)) return TABLE_FAILED;
        if (phase == PHASE_CLEAR) step_clear(table, work);
        if (phase == PHASE_FILL) step_fill(table, work);
        if (phase == PHASE_MOVED) step_moved(h, table, work);
    }
}

// ---- growing and shrinking ----------------------------------------------------------------------

static bool replace_index(Heap *h, const Value *table, size_t slots)
{
    Value index = new_index(h, slots);

    if (value_is(index, V_FAIL)) return false;
    heap_store(h, *table, object_slot(*table, TABLE_INDEX), index);
    enter_phase(*table, PHASE_CLEAR, 0);
    return true;
}

static void begin_compact(Value table)
{
    enter_phase(table, PHASE_COMPACT, 0);
    set_number(table, TABLE_TARGET, 0);
}

// The first segment doubles until it has its full size; then there are more of them.
static bool grow_entries(Heap *h, const Value *table)
{
    size_t used = table_number(*table, TABLE_USED), n = used >> TABLE_SEGMENT_BITS;
    Value directory = object_ref(*table, TABLE_ENTRIES);

    if (n >= object_count(directory)) {
        directory = new_directory(h, 2 * n, table);
        if (value_is(directory, V_FAIL)) return false;
        heap_store(h, *table, object_slot(*table, TABLE_ENTRIES), directory);
        return true;
    }
    bool grows = value_true(object_ref(directory, n));
    Value segment = new_segment(h, grows ? MIN(2 * used, SEGMENT_ENTRIES) : SEGMENT_ENTRIES);
    if (value_is(segment, V_FAIL)) return false;
    directory = object_ref(*table, TABLE_ENTRIES);
    if (grows) {
        Value old = object_ref(directory, n);
        for (size_t i = 0; i < object_count(old); i++) {
            heap_store(h, segment, object_slot(segment, i), object_ref(old, i));
        }
    }
    heap_store(h, directory, object_slot(directory, n), segment);
    return true;
}

TableState table_make_room(Heap *h, const Value *table, int64_t *work)
{
    for (;;) {
        TableState state = table_settle(h, *table, work);
        if (state != TABLE_OK) return state;
        size_t count = table_number(*table, TABLE_COUNT), used = table_number(*table, TABLE_USED);
        size_t slots = object_count(object_ref(*table, TABLE_INDEX));
        if (used >= ENTRIES_MAX) {
            (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the hash table is full");
            return TABLE_FAILED;
        }
        if (4 * (count + 1) > 3 * slots) {
            if (!replace_index(h, table, slots < 1024 ? 4 * slots : 2 * slots)) return TABLE_FAILED;
        } else if (has_place(*table, used)) {
            return TABLE_OK;
        } else if (used >= 32 && 2 * count <= used) {
            begin_compact(*table);
        } else if (!grow_entries(h, table)) {
            return TABLE_FAILED;
        }
    }
}

void table_shrink(Heap *h, const Value *table)
{
    size_t count = table_number(*table, TABLE_COUNT), used = table_number(*table, TABLE_USED);
    size_t slots = object_count(object_ref(*table, TABLE_INDEX)),
           wanted = index_slots_for(2 * count);

    if (used < 256 || 4 * count > used) return;
    // At the heap's limit the larger index goes on.
    if (wanted < slots) (void)replace_index(h, table, wanted);
    begin_compact(*table);
}

// ---- changes ----------------------------------------------------------------------------------

bool table_add(Heap *h, Value table, Value key, Value value, uint32_t hash, Motion motion)
{
    size_t i = table_number(table, TABLE_USED);
    Index x = index_of(table);

    if (!note_motion(h, table, i, motion)) return false;
    put_entry(h, table, i, key, value, hash);
    index_add(&x, hash, i);
    set_number(table, TABLE_USED, i + 1);
    set_number(table, TABLE_COUNT, table_number(table, TABLE_COUNT) + 1);
    return true;
}

void table_delete_at(Value table, int64_t position)
{
    Index x = index_of(table);
    size_t i = slot_entry(x.slots[position]), used = table_number(table, TABLE_USED);

    index_remove(&x, (size_t)position);
    clear_entry(table, i);
    set_number(table, TABLE_COUNT, table_number(table, TABLE_COUNT) - 1);
    if (i + 1 == used) set_number(table, TABLE_USED, i); // a table used as a stack has no gaps
    if (table_number(table, TABLE_COUNT) == 0) {
        set_number(table, TABLE_USED, 0);
        set_number(table, TABLE_YOUNG, NO_ENTRY);
    }
}
