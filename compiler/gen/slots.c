// Slots of a frame: which are taken, which hold a value, and by whom.
#include "compiler/gen/gen.h"

#include "compiler/diag.h"

#include <string.h>

#define SET_WORDS (FRAME_SLOTS_MAX / 64)

bool slot_has(const SlotSet *s, uint32_t slot)
{
    return s->bits[slot / 64] >> (slot % 64) & 1;
}

void slot_add(SlotSet *s, uint32_t slot)
{
    s->bits[slot / 64] |= (uint64_t)1 << (slot % 64);
}

void slot_remove(SlotSet *s, uint32_t slot)
{
    s->bits[slot / 64] &= ~((uint64_t)1 << (slot % 64));
}

// No slot from g->frame on has been used yet.
uint32_t gen_set_words(const Gen *g)
{
    return MIN((g->frame + 63) / 64, (uint32_t)SET_WORDS);
}

uint32_t gen_highest(const Gen *g, const SlotSet *s)
{
    for (uint32_t i = gen_set_words(g); i > 0; i--) {
        if (s->bits[i - 1]) return (i - 1) * 64 + 64 - (uint32_t)__builtin_clzll(s->bits[i - 1]);
    }
    return 0;
}

void gen_need_frame(Gen *g, uint32_t slots)
{
    if (slots <= g->frame) return;
    g->frame = slots;
    if (slots <= FRAME_SLOTS_MAX || g->failed) return;
    g->failed = true;
    diag_at(g->c->diag, DIAG_ERROR, g->fn->span,
            "procedure too large: it needs more than %d values at once", FRAME_SLOTS_MAX);
}

uint32_t gen_reserve(Gen *g)
{
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        if (~g->used.bits[i] == 0) continue;
        uint32_t slot = i * 64 + (uint32_t)__builtin_ctzll(~g->used.bits[i]);
        if (slot >= GEN_SLOTS_MAX) break;
        slot_add(&g->used, slot);
        g->owner[slot] = NULL;
        gen_need_frame(g, slot + 1);
        return slot;
    }
    gen_need_frame(g, FRAME_SLOTS_MAX + 1);
    return 0;
}

void gen_occupy(Gen *g, uint32_t slot)
{
    slot_add(&g->used, slot);
    slot_add(&g->set, slot);
    gen_need_frame(g, slot + 1);
}

void gen_free(Gen *g, uint32_t slot)
{
    slot_remove(&g->used, slot);
    slot_remove(&g->set, slot);
    g->owner[slot] = NULL;
}

uint32_t gen_hold(Gen *g)
{
    uint32_t slot = gen_reserve(g);
    slot_add(&g->held, slot);
    return slot;
}

void gen_unhold(Gen *g, uint32_t slot)
{
    slot_remove(&g->held, slot);
    if (!slot_has(&g->set, slot)) slot_remove(&g->used, slot);
}

VarState *gen_var(Gen *g, Var *v)
{
    (void)g;
    return v->info;
}

void gen_bind(Gen *g, Var *v, uint32_t slot)
{
    gen_var(g, v)->slot = slot;
    g->owner[slot] = v;
    gen_occupy(g, slot);
    gen_drop_if_dead(g, v);
}

void gen_drop_if_dead(Gen *g, Var *v)
{
    VarState *s = gen_var(g, v);

    if (s->uses > 0 || s->slot == NO_SLOT) return;
    if (g->owner[s->slot] == v) gen_free(g, s->slot);
    s->slot = NO_SLOT;
}

void gen_adjust_uses(Gen *g, const UseList *list, int sign)
{
    for (uint32_t i = 0; list && i < list->count; i++) {
        VarState *s = gen_var(g, list->items[i].var);
        s->uses += sign * list->items[i].count;
        if (sign < 0) gen_drop_if_dead(g, list->items[i].var);
    }
}

uint32_t gen_mask(Gen *g, const SlotSet *s)
{
    uint32_t highest = gen_highest(g, s);

    if (highest <= MASK_SLOTS) return (uint32_t)s->bits[0];
    Buf *masks = &g->out->sections[SECTION_MASKS];
    uint32_t index = (uint32_t)(masks->size / 4), words = (highest + 31) / 32;
    buf_u32(masks, words);
    for (uint32_t i = 0; i < words; i++) {
        buf_u32(masks, (uint32_t)(s->bits[i / 2] >> (i % 2 * 32)));
    }
    return MASK_WIDE | index;
}
