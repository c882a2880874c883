// Shards of shared tables: finding, putting, removing, traversing. See shared.h.
#include "vm/actor/shared.h"

#include "vm/base/hash.h"
#include "vm/data/equal.h"
#include "vm/data/hashing.h"
#include "vm/data/num.h"

#include <string.h>

// Buckets that one call of a traversal looks at.
#define BUCKETS_PER_BATCH 1024
#define BUCKET_BITS       (HASH_BITS - SHARD_BITS)

// ---- order ----------------------------------------------------------------------------------------

// Keys of ordered tables: numbers before characters before strings before symbols before lists of these.
typedef enum {
    ORDER_NUMBER,
    ORDER_CHAR,
    ORDER_STRING,
    ORDER_SYMBOL,
    ORDER_LIST,
    ORDER_NONE
} OrderClass;

static OrderClass order_class(Value v)
{
    if (value_is_exact_integer(v)) return ORDER_NUMBER;
    if (value_is_flo(v)) return value_double(v) == value_double(v) ? ORDER_NUMBER : ORDER_NONE;
    if (value_is_char(v)) return ORDER_CHAR;
    if (value_is_string(v)) return ORDER_STRING;
    if (value_is_symbol(v)) return ORDER_SYMBOL;
    return value_is_pair(v) || value_is_null(v) ? ORDER_LIST : ORDER_NONE;
}

static int compare_strings(Value x, Value y)
{
    size_t m = string_length(x), n = string_length(y);

    for (size_t i = 0; i < MIN(m, n); i++) {
        uint32_t c = string_scalar(x, i), d = string_scalar(y, i);
        if (c != d) return c < d ? -1 : 1;
    }
    return m < n ? -1 : m > n;
}

static int compare_atoms(Actor *a, Value x, Value y)
{
    OrderClass c = order_class(x), d = order_class(y);

    if (c != d) return c < d ? -1 : 1;
    switch (c) {
    case ORDER_NUMBER: {
        // 1 and 1.0 are different keys, in this order.
        NumOrder order = num_compare(&a->heap, NULL, &x, &y);
        if (order == NUM_EQUAL) return (int)value_is_flo(x) - (int)value_is_flo(y);
        return order == NUM_LESS ? -1 : 1;
    }
    case ORDER_CHAR:
        return value_scalar(x) < value_scalar(y) ? -1 : value_scalar(x) > value_scalar(y);
    case ORDER_STRING:
        return compare_strings(x, y);
    case ORDER_SYMBOL:
        if (value_is(x, y)) return 0;
        return strcmp(value_symbol(x)->utf8, value_symbol(y)->utf8) < 0 ? -1 : 1;
    default:
        return 0;
    }
}

static int compare_keys(Actor *a, Value x, Value y)
{
    if (order_class(x) != ORDER_LIST || order_class(y) != ORDER_LIST) return compare_atoms(a, x, y);
    for (; value_is_pair(x) && value_is_pair(y); x = value_cdr(x), y = value_cdr(y)) {
        int c = compare_atoms(a, value_car(x), value_car(y));
        if (c != 0) return c;
    }
    return (int)value_is_pair(x) - (int)value_is_pair(y);
}

static bool may_be_ordered(Value key)
{
    Value behind = key;
    bool step = false;

    if (order_class(key) != ORDER_LIST) return order_class(key) != ORDER_NONE;
    for (; value_is_pair(key); step = !step) {
        if (order_class(value_car(key)) >= ORDER_LIST) return false;
        key = value_cdr(key);
        if (step) behind = value_cdr(behind);
        if (value_is_pair(key) && value_is(key, behind)) return false; // it has no end
    }
    return value_is_null(key);
}

bool shared_hash(Actor *a, const char *who, const SharedTable *t, Value key, uint64_t *hash)
{
    Hasher s = hasher_by_content();

    *hash = 0;
    if (t->type == SHARED_ORDERED) {
        if (may_be_ordered(key)) return true;
        (void)fail_with(
            &a->heap, ERR_BADARG, who,
            "a key of an ordered table is a number, character, string, symbol or list of these,"
            " not",
            key);
        return false;
    }
    s.refused = V_NONE;
    *hash = hash_word(hash_equal(&s, key)) >> (64 - HASH_BITS);
    if (value_is(s.refused, V_NONE)) return true;
    (void)fail_with(&a->heap, ERR_BADARG, who, "cannot be a key:", key);
    return false;
}

// ---- buckets ----------------------------------------------------------------------------------------

static Shard *shard_of(SharedTable *t, uint64_t hash)
{
    return &t->shards[t->shard_count == 1 ? 0 : hash >> BUCKET_BITS];
}

static size_t bucket_index(const Shard *s, uint64_t hash)
{
    return (size_t)((hash & (((uint64_t)1 << BUCKET_BITS) - 1)) >> (BUCKET_BITS - s->bits));
}

// Twice as many buckets: each is split in two, in order. Without memory all stays as it is.
static void grow(Shard *s)
{
    size_t n = (size_t)1 << s->bits;
    Entry **more = mem_zalloc(MEM_TABLES, 2 * n * sizeof *more), **old = s->buckets;

    if (!more) return;
    s->bits++;
    s->buckets = more;
    for (size_t i = 0; i < n; i++) {
        Entry **ends[2] = {&more[2 * i], &more[2 * i + 1]};
        for (Entry *e = old[i], *next; e; e = next) {
            next = e->next;
            Entry ***end = &ends[bucket_index(s, e->hash) & 1];
            e->next = NULL;
            **end = e;
            *end = &e->next;
        }
    }
    mem_free(MEM_TABLES, old, n * sizeof *old);
}

static bool same_key(const Entry *e, Value key, uint64_t hash)
{
    return e->hash == hash && value_equal(e->key, key);
}

// ---- skip list --------------------------------------------------------------------------------------

static Entry **link_at(SharedTable *t, Entry *e, uint32_t level)
{
    if (!e) return &t->heads[level];
    return level == 0 ? &e->next : (Entry **)(void *)(e->room + e->words) + (level - 1);
}

// The last entries before a key, one per level; NULL stands for the head.
static void find_before(Actor *a, SharedTable *t, Value key, Entry *before[LEVELS_MAX])
{
    Entry *at = NULL;
    unsigned steps = 0;

    for (uint32_t level = LEVELS_MAX; level > 0; level--) {
        Entry *next;
        while ((next = *link_at(t, at, level - 1)) != NULL && compare_keys(a, next->key, key) < 0) {
            at = next;
            steps++;
        }
        before[level - 1] = at;
    }
    actor_charge(a, steps / 16);
}

static void link_in(SharedTable *t, Entry *e, Entry *before[LEVELS_MAX])
{
    for (uint32_t level = 0; level <= e->levels; level++) {
        Entry **link = link_at(t, before[level], level);
        *link_at(t, e, level) = *link;
        *link = e;
    }
}

static void link_out(SharedTable *t, Entry *e, Entry *before[LEVELS_MAX])
{
    for (uint32_t level = 0; level <= e->levels; level++) {
        Entry **link = link_at(t, before[level], level);
        if (*link == e) *link = *link_at(t, e, level);
    }
}

// ---- counting ---------------------------------------------------------------------------------------

static void note(SharedTable *t, Shard *s, const Entry *e, bool came)
{
    s->count = came ? s->count + 1 : s->count - 1;
    if (came) {
        atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&t->words, e->words, memory_order_relaxed);
    } else {
        atomic_fetch_sub_explicit(&t->count, 1, memory_order_relaxed);
        atomic_fetch_sub_explicit(&t->words, e->words, memory_order_relaxed);
    }
}

static Found found(Entry *e)
{
    atomic_fetch_add_explicit(&e->refs, 1, memory_order_relaxed);
    return (Found){e, e->value};
}

// ---- putting ----------------------------------------------------------------------------------------

// The entry that the new one takes the place of, or that keeps it out; by lock of the shard.
static PutResult put_ordered(Actor *a, SharedTable *t, Entry *e, PutMode mode, Entry **gone)
{
    Entry *before[LEVELS_MAX];

    find_before(a, t, e->key, before);
    Entry *is = *link_at(t, before[0], 0);
    if (is && compare_keys(a, is->key, e->key) == 0) {
        if (mode == PUT_NEW) return PUT_REFUSED;
        link_out(t, is, before);
        *gone = is;
    }
    link_in(t, e, before);
    return PUT_DONE;
}

static PutResult put_hashed(Actor *a, SharedTable *t, Shard *s, Entry *e, PutMode mode,
                            Entry **gone)
{
    Entry **link = &s->buckets[bucket_index(s, e->hash)];
    unsigned steps = 0;
    bool there = false;

    for (; *link; link = &(*link)->next, steps++) {
        if (!same_key(*link, e->key, e->hash)) continue;
        there = true;
        if (t->type == SHARED_SET || mode == PUT_NEW) break;
        if (value_equal((*link)->value, e->value)) return PUT_REFUSED;
    }
    actor_charge(a, steps / 16);
    if (there && mode == PUT_NEW) return PUT_REFUSED;
    if (*link) {
        *gone = *link;
        e->next = (*link)->next;
    }
    *link = e;
    return PUT_DONE;
}

PutResult shared_put(Actor *a, SharedTable *t, Entry *e, PutMode mode)
{
    Shard *s = shard_of(t, e->hash);
    Entry *gone = NULL;
    PutResult r = PUT_DEAD;

    plat_lock(&s->lock);
    if (!s->dead) {
        r = t->type == SHARED_ORDERED ? put_ordered(a, t, e, mode, &gone)
                                      : put_hashed(a, t, s, e, mode, &gone);
        if (r == PUT_DONE) note(t, s, e, true);
        if (gone) note(t, s, gone, false);
        if (t->type != SHARED_ORDERED && s->count > (size_t)1 << s->bits && s->bits < 40) grow(s);
    }
    plat_unlock(&s->lock);
    if (gone) entry_release(actor_vm(a), gone);
    if (r != PUT_DONE) entry_release(actor_vm(a), e);
    return r;
}

// ---- finding and removing ---------------------------------------------------------------------------

// The first entry of a key, by lock.
static Entry *first_of(Actor *a, SharedTable *t, Shard *s, Value key, uint64_t hash)
{
    if (t->type == SHARED_ORDERED) {
        Entry *before[LEVELS_MAX];
        find_before(a, t, key, before);
        Entry *e = *link_at(t, before[0], 0);
        return e && compare_keys(a, e->key, key) == 0 ? e : NULL;
    }
    Entry *e = s->buckets[bucket_index(s, hash)];
    unsigned steps = 0;
    for (; e && !same_key(e, key, hash); e = e->next) {
        steps++;
    }
    actor_charge(a, steps / 16);
    return e;
}

size_t shared_find(Actor *a, SharedTable *t, Value key, uint64_t hash, Found *out, size_t max,
                   size_t skip)
{
    Shard *s = shard_of(t, hash);
    size_t n = 0, steps = 0;

    plat_lock(&s->lock);
    Entry *e = first_of(a, t, s, key, hash);
    for (; e && n < max; e = t->type == SHARED_BAG ? e->next : NULL, steps++) {
        if (t->type == SHARED_BAG && !same_key(e, key, hash)) continue;
        if (skip > 0) {
            skip--;
        } else {
            out[n++] = found(e);
        }
    }
    plat_unlock(&s->lock);
    actor_charge(a, steps / 16);
    return n;
}

// Unlinks the entries of a key and gives them as a list, oldest first; by lock.
static Entry *unlink_hashed(SharedTable *t, Shard *s, Value key, uint64_t hash)
{
    Entry *gone = NULL, **end = &gone;

    for (Entry **link = &s->buckets[bucket_index(s, hash)]; *link;) {
        Entry *e = *link;
        if (!same_key(e, key, hash)) {
            link = &e->next;
            continue;
        }
        *link = e->next;
        e->next = NULL;
        *end = e;
        end = &e->next;
        note(t, s, e, false);
    }
    return gone;
}

static Entry *unlink_ordered(Actor *a, SharedTable *t, Value key)
{
    Entry *before[LEVELS_MAX];

    find_before(a, t, key, before);
    Entry *e = *link_at(t, before[0], 0);
    if (!e || compare_keys(a, e->key, key) != 0) return NULL;
    link_out(t, e, before);
    e->next = NULL;
    note(t, &t->shards[0], e, false);
    return e;
}

size_t shared_remove(Actor *a, SharedTable *t, Value key, uint64_t hash, Found *first)
{
    Shard *s = shard_of(t, hash);
    size_t n = 0;

    plat_lock(&s->lock);
    Entry *gone = t->type == SHARED_ORDERED ? unlink_ordered(a, t, key)
                                            : unlink_hashed(t, s, key, hash);
    if (gone && first) *first = found(gone);
    plat_unlock(&s->lock);
    for (Entry *next; gone; gone = next, n++) {
        next = gone->next;
        entry_release(actor_vm(a), gone);
    }
    actor_charge(a, n / 8);
    return n;
}

CountResult shared_count(Actor *a, SharedTable *t, Value key, uint64_t hash, int64_t n,
                         int64_t *now)
{
    Shard *s = shard_of(t, hash);
    CountResult r = COUNTED;

    plat_lock(&s->lock);
    Entry *e = first_of(a, t, s, key, hash);
    if (!e) {
        r = COUNT_ABSENT;
    } else if (!value_is_fix(e->value)) {
        r = COUNT_NO_NUMBER;
    } else if (__builtin_add_overflow(value_int(e->value), n, now) || !value_fits_fix(*now)) {
        r = COUNT_OVERFLOW;
    } else {
        e->value = value_fix(*now);
    }
    plat_unlock(&s->lock);
    return r;
}

// ---- traversing -------------------------------------------------------------------------------------

// Entries of the bucket at the cursor, which moves on to the next bucket when all of them were taken.
static size_t take_bucket(Shard *s, uint64_t *cursor, Found *out, size_t max)
{
    size_t index = bucket_index(s, *cursor), n = 0;
    uint64_t width = (uint64_t)1 << (BUCKET_BITS - s->bits);
    uint64_t end = (*cursor & ~(width - 1)) + width;

    for (Entry *e = s->buckets[index]; e; e = e->next) {
        if (e->hash < *cursor) continue;
        if (n ==
            max) { // the whole bucket next time; nobody else can have the last reference meanwhile
            while (n > 0) {
                atomic_fetch_sub_explicit(&out[--n].entry->refs, 1, memory_order_relaxed);
            }
            return 0;
        }
        out[n++] = found(e);
    }
    *cursor = end;
    return n;
}

uint64_t shared_bucket_cursor(SharedTable *t, uint64_t hash)
{
    Shard *s = shard_of(t, hash);

    plat_lock(&s->lock);
    uint64_t width = (uint64_t)1 << (BUCKET_BITS - s->bits);
    plat_unlock(&s->lock);
    return hash & ~(width - 1);
}

size_t shared_batch(Actor *a, SharedTable *t, uint64_t *cursor, Found *out, size_t max)
{
    size_t n = 0;
    unsigned looked = 0;

    while (*cursor <= CURSOR_MAX && n < max && looked < BUCKETS_PER_BATCH) {
        Shard *s = shard_of(t, *cursor);
        uint64_t before = *cursor;
        plat_lock(&s->lock);
        // An empty shard is passed at once.
        if (s->count == 0) *cursor = ((*cursor >> BUCKET_BITS) + 1) << BUCKET_BITS;
        size_t got = 0;
        if (s->count > 0) got = take_bucket(s, cursor, out + n, max - n);
        plat_unlock(&s->lock);
        looked++;
        if (*cursor == before) break;
        n += got;
    }
    actor_charge(a, looked / 16 + n / 4);
    return n;
}

size_t shared_batch_after(Actor *a, SharedTable *t, Value key, Found *out, size_t max)
{
    Entry *before[LEVELS_MAX];
    Shard *s = &t->shards[0];
    size_t n = 0;

    plat_lock(&s->lock);
    Entry *e = t->heads[0];
    if (!value_is(key, V_NONE)) {
        find_before(a, t, key, before);
        e = *link_at(t, before[0], 0);
        if (e && compare_keys(a, e->key, key) == 0) e = e->next;
    }
    for (; e && n < max; e = e->next) {
        out[n++] = found(e);
    }
    plat_unlock(&s->lock);
    actor_charge(a, n / 4);
    return n;
}

bool shared_before(Actor *a, SharedTable *t, Value key, Found *out)
{
    Entry *at = NULL, *before[LEVELS_MAX], *next;
    Shard *s = &t->shards[0];

    plat_lock(&s->lock);
    if (!value_is(key, V_NONE)) {
        find_before(a, t, key, before);
        at = before[0];
    } else {
        for (uint32_t level = LEVELS_MAX; level > 0; level--) {
            while ((next = *link_at(t, at, level - 1)) != NULL) {
                at = next;
            }
        }
    }
    if (at) *out = found(at);
    plat_unlock(&s->lock);
    return at != NULL;
}
