// See map.h. Deletion moves later entries of a run back, so there are no tombstones.
#include "vm/base/map.h"

#include "vm/base/hash.h"

#define LINEAR_MAX 8

void map_free(Map *m, MemClass class)
{
    mem_free(class, m->entries, m->capacity * sizeof *m->entries);
    *m = (Map){0};
}

static uint32_t home_of(const Map *m, uint64_t key)
{
    // Small tables are filled from the front and searched from there.
    return m->capacity <= LINEAR_MAX ? 0 : (uint32_t)hash_word(key) & (m->capacity - 1);
}

static MapEntry *probe(const Map *m, uint64_t key)
{
    uint32_t mask = m->capacity - 1;

    for (uint32_t i = home_of(m, key), n = 0; n < m->capacity; i = (i + 1) & mask, n++) {
        if (m->entries[i].key == key || m->entries[i].key == 0) return &m->entries[i];
    }
    return NULL;
}

MapEntry *map_find(const Map *m, uint64_t key)
{
    MapEntry *e = m->capacity ? probe(m, key) : NULL;
    return e && e->key == key ? e : NULL;
}

static bool is_full(const Map *m)
{
    if (m->capacity <= LINEAR_MAX) return m->count == m->capacity;
    return m->count >= m->capacity / 4 * 3;
}

size_t map_growth_bytes(const Map *m)
{
    return is_full(m) ? 2 * (size_t)m->capacity * sizeof *m->entries : 0;
}

static bool resize(Map *m, MemClass class, uint32_t capacity)
{
    Map other = {.count = m->count, .capacity = capacity};

    other.entries = mem_zalloc(class, capacity * sizeof *other.entries);
    if (!other.entries) return false;
    MAP_EACH(m, e)
    {
        *probe(&other, e->key) = *e;
    }
    mem_free(class, m->entries, m->capacity * sizeof *m->entries);
    *m = other;
    return true;
}

static bool grow(Map *m, MemClass class)
{
    return resize(m, class, m->capacity ? m->capacity * 2 : 4);
}

// Far enough from where it would grow again that the work is paid for by the removals.
void map_trim(Map *m, MemClass class)
{
    if (m->capacity > 1024 && m->count < m->capacity / 8) (void)resize(m, class, m->capacity / 4);
}

MapEntry *map_add(Map *m, MemClass class, uint64_t key, bool *made)
{
    MapEntry *e = map_find(m, key);

    *made = e == NULL;
    if (e) return e;
    if (is_full(m) && !grow(m, class)) return NULL;
    e = probe(m, key);
    *e = (MapEntry){.key = key};
    m->count++;
    return e;
}

bool map_remove(Map *m, uint64_t key)
{
    MapEntry *e = map_find(m, key);

    if (!e) return false;
    m->count--;
    uint32_t mask = m->capacity - 1, hole = (uint32_t)(e - m->entries);
    if (m->capacity <= LINEAR_MAX) {
        m->entries[hole] = m->entries[m->count];
        m->entries[m->count].key = 0;
        return true;
    }
    for (uint32_t i = (hole + 1) & mask; m->entries[i].key != 0; i = (i + 1) & mask) {
        // An entry may move back to the hole if its home does not lie behind it.
        uint32_t home = home_of(m, m->entries[i].key);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->entries[hole] = m->entries[i];
            hole = i;
        }
    }
    m->entries[hole].key = 0;
    return true;
}

MapEntry *map_any(const Map *m, uint32_t *hint)
{
    if (m->count == 0) return NULL;
    for (uint32_t i = *hint < m->capacity ? *hint : 0;; i = (i + 1) % m->capacity) {
        if (m->entries[i].key != 0) {
            *hint = i;
            return &m->entries[i];
        }
    }
}
