// See seen.h.
#include "vm/wire/seen.h"

#include "vm/base/hash.h"

#define SEEN_PARTS 256
#define SIZE_FIRST 64
// A set of one part is cut when the part would grow beyond this.
#define CUT_SIZE 65536

static uint64_t group_hash(uint64_t address)
{
    return hash_word(address >> 7);
}

static SeenPart *part_of(const Seen *s, uint64_t address)
{
    return &s->parts[s->part_count == 1 ? 0 : group_hash(address) >> 56];
}

// Eight neighbours share a line; the low bit of a slot says that it was met again.
static uint64_t *find_slot(const SeenPart *p, uint64_t address)
{
    size_t mask = p->size - 1;
    size_t i = (group_hash(address) << 3 | (address >> 4 & 7)) & mask;

    while (p->slots[i] != 0 && (p->slots[i] & ~(uint64_t)1) != address) {
        i = (i + 1) & mask;
    }
    return &p->slots[i];
}

static bool part_resize(SeenPart *p, size_t size)
{
    SeenPart bigger = {mem_zalloc(MEM_SCRATCH, size * sizeof *bigger.slots), p->count, size};

    if (!bigger.slots) return false;
    for (size_t i = 0; i < p->size; i++) {
        if (p->slots[i]) *find_slot(&bigger, p->slots[i] & ~(uint64_t)1) = p->slots[i];
    }
    mem_free(MEM_SCRATCH, p->slots, p->size * sizeof *p->slots);
    *p = bigger;
    return true;
}

static bool make_parts(Seen *s, size_t n, size_t size)
{
    s->parts = mem_zalloc(MEM_SCRATCH, n * sizeof *s->parts);
    if (!s->parts) return false;
    s->part_count = n;
    for (size_t i = 0; i < n; i++) {
        if (!part_resize(&s->parts[i], size)) return false;
    }
    return true;
}

void seen_free(Seen *s)
{
    for (size_t i = 0; i < s->part_count; i++) {
        mem_free(MEM_SCRATCH, s->parts[i].slots, s->parts[i].size * sizeof *s->parts[i].slots);
    }
    mem_free(MEM_SCRATCH, s->parts, s->part_count * sizeof *s->parts);
    *s = (Seen){0};
}

static bool cut(Seen *s)
{
    Seen many = {.any_shared = s->any_shared};
    SeenPart *one = s->parts;

    if (!make_parts(&many, SEEN_PARTS, 4 * CUT_SIZE / SEEN_PARTS)) {
        seen_free(&many);
        return false;
    }
    for (size_t i = 0; i < one->size; i++) {
        uint64_t slot = one->slots[i], address = slot & ~(uint64_t)1;
        if (slot == 0) continue;
        SeenPart *p = part_of(&many, address);
        if (2 * (p->count + 1) > p->size && !part_resize(p, 2 * p->size)) {
            seen_free(&many);
            return false;
        }
        *find_slot(p, address) = slot;
        p->count++;
    }
    seen_free(s);
    *s = many;
    return true;
}

bool seen_meet(Seen *s, Value v, bool *again)
{
    uint64_t address = (uint64_t)value_words(v);

    if (s->part_count == 0 && !make_parts(s, 1, SIZE_FIRST)) return false;
    SeenPart *p = part_of(s, address);
    uint64_t *slot = find_slot(p, address);
    *again = *slot != 0;
    if (*again) {
        *slot |= 1;
        s->any_shared = true;
        return true;
    }
    *slot = address;
    if (2 * ++p->count <= p->size) return true;
    return s->part_count == 1 && p->size >= CUT_SIZE ? cut(s) : part_resize(p, 2 * p->size);
}

bool seen_is_shared(const Seen *s, Value v)
{
    uint64_t address = (uint64_t)value_words(v);

    return s->any_shared && (*find_slot(part_of(s, address), address) & 1) != 0;
}
