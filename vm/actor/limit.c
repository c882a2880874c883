// See limit.h.
#include "vm/actor/limit.h"

#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"

// So many links, timers and the like are nothing.
#define FEW 1000

static size_t small_words(const Space *s)
{
    return MAX(s->limit / 64, (size_t)2 << 20) / sizeof(Value);
}

// What is in its heap and waits for it; not the room that it has.
static size_t words_in_use(const Actor *a)
{
    HeapStats s;

    heap_stats(&a->heap, &s);
    return actor_words(a) - (s.young_size - s.young_words);
}

bool limit_use_reserve(Actor *a)
{
    HeapScratch *s = a->heap.scratch;

    if (s->cache->reserve >= RESERVE_SMALL || words_in_use(a) > small_words(s->space)) return false;
    s->cache->reserve = RESERVE_SMALL;
    return true;
}

bool limit_allows_spawn(Vm *vm)
{
    return space_has_room(&vm->space, vm->space.limit / 8);
}

bool limit_allows_more(Vm *vm, const Map *m)
{
    if (LIKELY(m->count < FEW)) return true;
    // Another table grows along: of the partner, or of all actors.
    return space_has_room(&vm->space, 2 * map_growth_bytes(m));
}

bool limit_allows_send(Vm *vm, const Actor *to)
{
    if (LIKELY(!space_is_tight(&vm->space)) || !space_is_full(&vm->space)) return true;
    uint64_t word = atomic_load_explicit(&to->inbox, memory_order_relaxed);
    return mailbox_length(to) + inbox_count(word) < FEW &&
           atomic_load_explicit(&to->heap_words, memory_order_relaxed) <= small_words(&vm->space);
}
