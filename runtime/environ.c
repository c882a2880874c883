// See environ.h.
#include "runtime/environ.h"

#include "vm/base/mem.h"

#include <string.h>

extern char **environ;

static char *copy_entry(const char *name, size_t name_size, const char *value)
{
    size_t size = name_size + 1 + strlen(value) + 1;
    char *entry = mem_alloc(MEM_IO, size);

    if (!entry) return NULL;
    memcpy(entry, name, name_size);
    entry[name_size] = '=';
    memcpy(entry + name_size + 1, value, strlen(value) + 1);
    return entry;
}

static void free_entry(char *entry)
{
    mem_free(MEM_IO, entry, strlen(entry) + 1);
}

static bool has_room(Environ *e)
{
    if (e->count < e->capacity) return true;
    size_t more = e->capacity ? e->capacity * 2 : 64;
    char **entries = mem_realloc(MEM_IO, e->entries, e->capacity * sizeof *entries,
                                 more * sizeof *entries);
    if (!entries) return false;
    e->entries = entries;
    e->capacity = more;
    return true;
}

// Under the lock: where the entry is; count when there is none.
static size_t find(const Environ *e, const char *name)
{
    size_t n = strlen(name), i = 0;

    while (i < e->count && !(strncmp(e->entries[i], name, n) == 0 && e->entries[i][n] == '=')) {
        i++;
    }
    return i;
}

bool environ_init(Environ *e)
{
    for (char **entry = environ; entry && *entry; entry++) {
        const char *equals = strchr(*entry, '=');
        if (!equals) continue;
        char *copy = has_room(e) ? copy_entry(*entry, (size_t)(equals - *entry), equals + 1) : NULL;
        if (!copy) return false;
        e->entries[e->count++] = copy;
    }
    return true;
}

void environ_fini(Environ *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free_entry(e->entries[i]);
    }
    mem_free(MEM_IO, e->entries, e->capacity * sizeof *e->entries);
    memset(e, 0, sizeof *e);
}

bool environ_get(Environ *e, const char *name, Buf *out)
{
    plat_lock(&e->lock);
    size_t i = find(e, name);
    bool found = i < e->count;
    if (found) buf_text(out, e->entries[i] + strlen(name) + 1);
    plat_unlock(&e->lock);
    return found;
}

bool environ_set(Environ *e, const char *name, const char *value)
{
    char *entry = value ? copy_entry(name, strlen(name), value) : NULL, *old = NULL;
    bool ok = !value || entry;

    plat_lock(&e->lock);
    size_t i = find(e, name);
    if (ok && i < e->count) {
        old = e->entries[i];
        e->entries[i] = entry ? entry : e->entries[--e->count];
    } else if (entry) {
        ok = has_room(e);
        if (ok) e->entries[e->count++] = entry;
    }
    plat_unlock(&e->lock);
    if (old) free_entry(old);
    if (!ok && entry) free_entry(entry);
    return ok;
}

void environ_all(Environ *e, Buf *out)
{
    plat_lock(&e->lock);
    for (size_t i = 0; i < e->count; i++) {
        buf_bytes(out, e->entries[i], strlen(e->entries[i]) + 1);
    }
    plat_unlock(&e->lock);
}
