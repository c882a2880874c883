// Writing instructions, safepoint rows and labels.
#include "compiler/gen/gen.h"

#include "compiler/diag.h"
#include "vm/base/check.h"

#include <string.h>

uint32_t gen_pc(const Gen *g)
{
    return (uint32_t)(g->words.size / 8);
}

void gen_word(Gen *g, uint64_t word)
{
    buf_u64(&g->words, word);
}

void gen_emit(Gen *g, Op op, uint32_t a, uint32_t b, uint32_t c)
{
    gen_word(g, insn_to_word((Insn){(uint16_t)op, (uint16_t)a, (uint16_t)b, (uint16_t)c}));
    if (op_info[op].flags & OPF_END) g->live = false;
}

void gen_wide(Gen *g, Op op, uint32_t a, int32_t wide)
{
    Insn in = {.op = (uint16_t)op, .a = (uint16_t)a};
    insn_set_wide(&in, wide);
    gen_word(g, insn_to_word(in));
    if (op_info[op].flags & OPF_END) g->live = false;
}

void gen_safepoint(Gen *g, Span span)
{
    ImageSafe row = {.pc = g->base_pc + gen_pc(g), .mask = gen_mask(g, &g->set)};

    if (span.source) {
        Place from = source_place(span.source, span.start);
        Place to = source_place(span.source, span.end);
        row.line = from.line;
        row.column = (uint16_t)MIN(from.column, 65535u);
        row.end_line_delta = (uint16_t)MIN(to.line - from.line, 65535u);
        row.end_column = (uint16_t)MIN(to.column, 65535u);
    }
    buf_bytes(&g->safe, &row, sizeof row);
}

// ---- patching -----------------------------------------------------------------------------------

static Insn read_insn(const Gen *g, uint32_t pc)
{
    uint64_t word;
    memcpy(&word, g->words.data + (size_t)pc * 8, sizeof word);
    return insn_from_word(word);
}

static void write_insn(Gen *g, uint32_t pc, Insn in)
{
    uint64_t word = insn_to_word(in);
    memcpy(g->words.data + (size_t)pc * 8, &word, sizeof word);
}

void gen_patch(Gen *g, uint32_t pc, uint32_t target)
{
    int64_t offset = (int64_t)target - (int64_t)pc;

    if (g->words.failed) return;
    Insn in = read_insn(g, pc);
    if (op_info[in.op].kind[2] == OPERAND_L) {
        if (offset != (int16_t)offset) {
            // Only a procedure that was taken for small can come here.
            PANIC("branch over %lld words", (long long)offset);
        }
        in.c = (uint16_t)(int16_t)offset;
    } else {
        insn_set_wide(&in, (int32_t)offset);
    }
    write_insn(g, pc, in);
}

// ---- labels -------------------------------------------------------------------------------------

Label *gen_label_new(Gen *g)
{
    return arena_new(&g->c->unit, Label);
}

static void note_live(Gen *g, Label *l)
{
    if (!l->reached) {
        l->reached = true;
        l->words = gen_set_words(g);
        l->live = arena_array(&g->c->unit, uint64_t, l->words);
        l->owner = arena_array(&g->c->unit, Var *, l->words * 64);
        memcpy(l->live, g->set.bits, l->words * sizeof *l->live);
        memcpy(l->owner, g->owner, l->words * 64 * sizeof *l->owner);
        return;
    }
    for (uint32_t i = 0; i < l->words; i++) {
        l->live[i] &= g->set.bits[i];
        for (uint64_t bits = l->live[i]; bits; bits &= bits - 1) {
            // A slot that holds something else on another way here is dead: what lives on has not
            // moved.
            uint32_t bit = (uint32_t)__builtin_ctzll(bits);
            if (l->owner[i * 64 + bit] != g->owner[i * 64 + bit]) l->live[i] &= ~((uint64_t)1 << bit);
        }
    }
}

void gen_label_jump(Gen *g, Label *l, uint32_t pc)
{
    if (l->count == l->capacity) {
        uint32_t more = l->capacity ? l->capacity * 2 : 4;
        uint32_t *jumps = arena_array(&g->c->unit, uint32_t, more);
        if (l->count) memcpy(jumps, l->jumps, l->count * sizeof *jumps);
        l->jumps = jumps;
        l->capacity = more;
    }
    l->jumps[l->count++] = pc;
    note_live(g, l);
}

void gen_jump(Gen *g, Label *l)
{
    uint32_t pc = gen_pc(g);

    gen_label_jump(g, l, pc);
    gen_wide(g, OP_JUMP, 0, 0);
}

void gen_label_row(Gen *g)
{
    ImageLabel row = {.pc = g->base_pc + gen_pc(g), .mask = gen_mask(g, &g->set)};

    // Two labels at one place: what lives at the second lived at the first.
    if (g->last_label == gen_pc(g) && !g->labels.failed) g->labels.size -= sizeof row;
    buf_bytes(&g->labels, &row, sizeof row);
    g->last_label = gen_pc(g);
}

void gen_branch(Gen *g, Op op, Op inverse, uint32_t a, uint32_t b, Label *l)
{
    if (!g->far_) {
        gen_label_jump(g, l, gen_pc(g));
        gen_emit(g, op, a, b, 0);
        return;
    }
    // Around a jump whose label has 32 bits.
    uint32_t around = gen_pc(g);
    gen_emit(g, inverse, a, b, 0);
    gen_jump(g, l);
    g->live = true;
    gen_patch(g, around, gen_pc(g));
    gen_label_row(g);
}

void gen_branch_wide(Gen *g, Op op, uint32_t a, Label *l)
{
    gen_label_jump(g, l, gen_pc(g));
    gen_wide(g, op, a, 0);
}

// A JUMP to the very next word is not needed.
static void drop_trivial_jump(Gen *g, Label *l)
{
    uint32_t pc = gen_pc(g);

    while (l->count > 0 && l->jumps[l->count - 1] == pc - 1 && pc > 0 && !g->words.failed) {
        if (read_insn(g, pc - 1).op != OP_JUMP) return;
        // A label row or a jump that leads here would be lost with the word.
        if (g->last_label == pc) return;
        g->words.size -= 8;
        l->count--;
        pc--;
        g->live = true;
    }
}

// The slots as they are at the label: what was live at all jumps, less what no way ahead needs.
static void restore_slots(Gen *g, Label *l)
{
    gen_set_live(g, l);
    for (uint32_t i = 0; i < l->words * 64; i++) {
        Var *v = slot_has(&g->set, i) ? l->owner[i] : NULL;
        g->owner[i] = v;
        if (!v) continue;
        gen_var(g, v)->slot = i;
        gen_drop_if_dead(g, v);
    }
}

void gen_set_live(Gen *g, const Label *l)
{
    for (uint32_t i = 0; i < gen_set_words(g); i++) {
        g->set.bits[i] = i < l->words ? l->live[i] : 0;
        g->used.bits[i] = g->set.bits[i] | g->held.bits[i];
    }
}

void gen_label_place(Gen *g, Label *l)
{
    if (!l->reached && !g->live) return; // nobody comes here
    if (g->live) note_live(g, l);
    drop_trivial_jump(g, l);
    g->live = true;
    restore_slots(g, l);
    uint32_t pc = gen_pc(g);
    for (uint32_t i = 0; i < l->count; i++) {
        gen_patch(g, l->jumps[i], pc);
    }
    if (l->count > 0) gen_label_row(g);
}
