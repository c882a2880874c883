// Entries of shared tables: copying in and out. See shared.h.
#include "vm/actor/shared.h"
#include "vm/actor/priv.h"

#include "vm/base/hash.h"
#include "vm/heap/space.h"

#include <string.h>

// Up to so many words are copied into the nursery; more become a fragment of their own.
#define NURSERY_COPY_MAX 128

// ---- moving objects ---------------------------------------------------------------------------------

// Objects that were copied bytewise from one place to another.
typedef struct {
    const Value *from;
    Value *to;
    size_t words;
    Value blocks; // chain of the shared payloads among them
} Move;

static Value moved(const Move *m, Value v)
{
    size_t at = (size_t)((const char *)value_words(v) - (const char *)m->from) / sizeof(Value);
    bool inside = value_is_pointer(v) && (const Value *)value_words(v) >= m->from && at < m->words;

    return inside ? value_from_words(m->to + at, value_tag(v)) : v;
}

static void move_slots(const Move *m, Value *slot, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        slot[i] = moved(m, slot[i]);
    }
}

static void move_all(Move *m)
{
    memcpy(m->to, m->from, m->words * sizeof(Value));
    for (Value *p = m->to; p < m->to + m->words;) {
        uint64_t header = p->bits;
        if ((header & TAG_MASK) != TAG_HEADER) { // a pair
            move_slots(m, p, 2);
            p += 2;
            continue;
        }
        Layout layout = (Layout)kind_layout[header_kind(header)];
        if (layout == LAYOUT_VALUES) move_slots(m, p + 1, header_words(header));
        if (layout == LAYOUT_BYTES && bytes_is_indirect((Bytes *)p))
            move_slots(m, &((Bytes *)p)->u.body, 1);
        if (header_kind(header) == KIND_BLOCKREF) {
            ((BlockRef *)p)->next = m->blocks;
            m->blocks = value_from_words(p, TAG_OBJ);
        }
        p += 1 + header_words(header);
    }
}

static void release_blocks(Vm *vm, Value chain)
{
    while (!value_is_null(chain)) {
        BlockRef *ref = (BlockRef *)value_words(chain);
        chain = ref->next;
        block_release(&vm->space, ref->block);
    }
}

// ---- copying in -------------------------------------------------------------------------------------

static uint32_t draw_levels(const SharedTable *t, uint64_t random)
{
    uint32_t n = 0;

    if (t->type != SHARED_ORDERED) return 0;
    for (; n < LEVELS_MAX - 1 && (random & 3) == 0; random >>= 2) {
        n++;
    }
    return n;
}

static Entry *entry_alloc(Actor *a, const SharedTable *t, uint64_t hash, size_t words)
{
    VmWorker *w = actor_worker(a);
    // Any bits do for the height.
    uint64_t random = hash_word(++w->next_ref ^ (uint64_t)w->worker->index << 56);
    uint32_t levels = draw_levels(t, random);
    size_t bytes = sizeof(Entry) + words * sizeof(Value) + levels * sizeof(Entry *);

    if (bytes > UINT32_MAX / 2) return NULL;
    Entry *e = space_alloc(&w->vm->space, &w->cache, REGION_YOUNG, &bytes);
    if (!e) return NULL;
    memset(e, 0, sizeof *e);
    atomic_store_explicit(&e->refs, 1, memory_order_relaxed);
    e->hash = hash;
    e->bytes = (uint32_t)bytes;
    e->words = (uint32_t)words;
    e->levels = levels;
    e->cells = e->blocks = V_NIL;
    return e;
}

static size_t total_words(const Copied *c)
{
    size_t n = c->used;

    for (const Frag *f = c->more; f; f = f->next) {
        n += f->used;
    }
    return n;
}

static void set_parts(Entry *e, const Move *m, const Value parts[2], Value cells)
{
    e->key = moved(m, parts[0]);
    e->value = moved(m, parts[1]);
    e->cells = moved(m, cells);
    e->blocks = m->blocks;
}

// What is too large for a first try on the stack is copied again, into the entry itself.
static SendResult copy_large(Actor *a, const SharedTable *t, Value parts[2], size_t words,
                             uint64_t hash, Entry **out)
{
    Entry *e = entry_alloc(a, t, hash, words);
    Copied c;

    if (!e) return SEND_NO_MEMORY;
    SendResult r = copy_for_other(a, parts, 2, 0, e->room, words, &c);
    if (r != SEND_OK) {
        entry_release(actor_vm(a), e);
        return r;
    }
    ASSERT(!c.more && c.used <= words);
    e->key = parts[0];
    e->value = parts[1];
    e->cells = c.cells;
    e->blocks = c.blocks;
    *out = e;
    return SEND_OK;
}

SendResult entry_new(Actor *a, const SharedTable *t, Value key, Value value, uint64_t hash,
                     Entry **out, Value *refused)
{
    Value room[64], parts[2] = {key, value};
    Copied c;

    SendResult r = copy_for_other(a, parts, 2, 0, room, countof(room), &c);
    *refused = c.refused;
    if (r != SEND_OK) return r;
    if (c.more) {
        size_t words = total_words(&c);
        release_blocks(actor_vm(a), c.blocks);
        frag_free(&actor_vm(a)->space, &actor_worker(a)->cache, c.more);
        parts[0] = key;
        parts[1] = value;
        return copy_large(a, t, parts, words, hash, out);
    }
    Entry *e = entry_alloc(a, t, hash, c.used);
    if (!e) {
        release_blocks(actor_vm(a), c.blocks);
        return SEND_NO_MEMORY;
    }
    Move m = {room, e->room, c.used, V_NIL};
    move_all(&m);
    set_parts(e, &m, parts, c.cells);
    *out = e;
    return SEND_OK;
}

void entry_release(Vm *vm, Entry *e)
{
    if (atomic_fetch_sub_explicit(&e->refs, 1, memory_order_acq_rel) != 1) return;
    release_blocks(vm, e->blocks);
    space_free(&vm->space, NULL, REGION_YOUNG, e, e->bytes);
}

// ---- copying out ------------------------------------------------------------------------------------

// Room for the objects of an entry: in the nursery, or in a fragment that the heap has got. NULL at the
// limit.
static Value *room_for(Actor *a, size_t words)
{
    VmWorker *w = actor_worker(a);
    Heap *h = &a->heap;
    size_t bytes = sizeof(Frag) + words * sizeof(Value);

    if (words <= NURSERY_COPY_MAX) return heap_reserve(h, words) ? heap_take(h, words) : NULL;
    Frag *f = NULL;
    if (heap_may_adopt(h, words))
        f = space_alloc(&w->vm->space, &w->cache, REGION_YOUNG, &bytes);
    if (!f) {
        (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
        return NULL;
    }
    *f = (Frag){NULL, (uint32_t)bytes, (uint32_t)words};
    heap_adopt(h, f);
    return (Value *)(f + 1);
}

bool entry_read(Actor *a, const Entry *e, Value v, Value *out)
{
    Heap *h = &a->heap;

    *out = v;
    // A shared procedure may have brought module data along.
    bool bare = !value_is_pointer(v) || space_is_shared(&actor_vm(a)->space, value_words(v));
    if (bare && !(value_is_proc(v) && value_is_pair(e->cells))) return true;
    Value *room = room_for(a, e->words);
    if (!room) return false;
    Move m = {e->room, room, e->words, V_NIL};
    move_all(&m);
    actor_charge(a, e->words / 16);
    bool ok = true;
    while (!value_is_null(m.blocks)) {
        BlockRef *ref = (BlockRef *)value_words(m.blocks);
        Value next = ref->next;
        block_retain(ref->block);
        ok = heap_note_blockref(h, m.blocks) && ok;
        m.blocks = next;
    }
    *out = moved(&m, v);
    if (!ok) {
        (void)fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
        return false;
    }
    if (value_is_null(e->cells)) return true;
    unsigned mark = heap_root_mark(h);
    Value *root = heap_root(h, *out);
    ok = cells_install(a, moved(&m, e->cells));
    *out = *root;
    heap_unroot(h, mark);
    return ok;
}
