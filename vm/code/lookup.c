// From an address in code to the module, the procedure and the safepoint row. Modules are kept
// sorted by address in a snapshot that is replaced whole; old snapshots are kept until the end,
// because a reader may hold one, and they are few and small.
#include "vm/code/code_int.h"

#include "vm/base/mem.h"

#include <string.h>

bool code_map_add(CodeSpace *cs, LoadedModule *m)
{
    ModuleMap *old = atomic_load_explicit(&cs->map, memory_order_relaxed);
    uint32_t n = old ? old->count : 0;

    // Most loads come one after another with rising addresses: append in place while there is room.
    if (old && n < old->capacity && (n == 0 || old->modules[n - 1]->words < m->words)) {
        old->modules[n] = m;
        atomic_store_explicit(&old->count, n + 1, memory_order_release);
        return true;
    }
    uint32_t capacity = n < 32 ? 64 : n * 2;
    ModuleMap *map = mem_zalloc(MEM_CODE, sizeof *map + capacity * sizeof *map->modules);
    if (!map) return false;
    map->capacity = capacity;
    map->older = old;
    uint32_t at = n;
    while (at > 0 && old->modules[at - 1]->words > m->words) {
        at--;
    }
    for (uint32_t i = 0; i < at; i++) {
        map->modules[i] = old->modules[i];
    }
    map->modules[at] = m;
    for (uint32_t i = at; i < n; i++) {
        map->modules[i + 1] = old->modules[i];
    }
    atomic_store_explicit(&map->count, n + 1, memory_order_relaxed);
    atomic_store_explicit(&cs->map, map, memory_order_release);
    return true;
}

void code_map_replace(CodeSpace *cs, const LoadedModule *purged, LoadedModule *m)
{
    ModuleMap *map = atomic_load_explicit(&cs->map, memory_order_relaxed);

    for (uint32_t i = 0; i < map->count; i++) {
        if (map->modules[i] == purged) atomic_store_explicit(&map->modules[i], m, memory_order_release);
    }
}

void code_map_free(CodeSpace *cs)
{
    ModuleMap *map = atomic_load_explicit(&cs->map, memory_order_relaxed);

    while (map) {
        ModuleMap *older = map->older;
        mem_free(MEM_CODE, map, sizeof *map + map->capacity * sizeof *map->modules);
        map = older;
    }
}

static LoadedModule *module_at(CodeSpace *cs, const uint64_t *pc)
{
    ModuleMap *map = atomic_load_explicit(&cs->map, memory_order_acquire);
    uint32_t low = 0, high = map ? atomic_load_explicit(&map->count, memory_order_acquire) : 0;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        LoadedModule *m = atomic_load_explicit(&map->modules[mid], memory_order_acquire);
        if (pc < m->words) {
            high = mid;
        } else if (pc >= m->words + m->view.word_count) {
            low = mid + 1;
        } else {
            return m;
        }
    }
    return NULL;
}

Code *code_at(CodeSpace *cs, const uint64_t *pc)
{
    LoadedModule *m = module_at(cs, pc);

    if (!m) return NULL;
    uint32_t at = (uint32_t)(pc - m->words);
    uint32_t low = 0, high = m->view.code_count;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (m->view.codes[mid].start <= at) {
            low = mid;
        } else {
            high = mid;
        }
    }
    return &m->codes[low];
}

const ImageSafe *code_safepoint(const Code *code, const uint64_t *pc)
{
    const ModuleView *v = &code->module->view;
    uint32_t at = (uint32_t)(pc - code->module->words);
    uint32_t low = 0, high = v->safe_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (v->safe[mid].pc < at) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < v->safe_count && v->safe[low].pc == at ? &v->safe[low] : NULL;
}
