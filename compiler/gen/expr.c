// Expressions: constants, variables, bindings, closures. Calls, primitives and control have files of
// their own.
#include "compiler/gen/gen.h"

#include "vm/base/check.h"

// ---- where values go ------------------------------------------------------------------------------

uint32_t gen_target(Gen *g, To to)
{
    return to.kind == TO_SLOT && to.slot != NO_SLOT ? to.slot : gen_reserve(g);
}

void gen_deliver(Gen *g, To to, uint32_t slot)
{
    switch (to.kind) {
    case TO_SLOT:
        gen_occupy(g, slot);
        g->owner[slot] = NULL;
        g->result = slot;
        break;
    case TO_NOTHING:
        gen_free(g, slot);
        break;
    case TO_RETURN:
        gen_emit(g, OP_RET, slot, 0, 0);
        gen_free(g, slot);
        break;
    }
}

// ---- constants ------------------------------------------------------------------------------------

bool gen_immediate(const Stx *x, int32_t *bits)
{
    switch ((StxKind)x->kind) {
    case STX_NIL:
        *bits = IMM_BITS(IMM_CONST, IMM_NIL);
        return true;
    case STX_BOOL:
        *bits = (int32_t)IMM_BITS(IMM_CONST, x->u.boolean ? IMM_TRUE : IMM_FALSE);
        return true;
    case STX_EOF:
        *bits = IMM_BITS(IMM_CONST, IMM_EOF);
        return true;
    case STX_UNSPECIFIED:
        *bits = IMM_BITS(IMM_CONST, IMM_UNSPECIFIED);
        return true;
    case STX_DEFAULT:
        *bits = IMM_BITS(IMM_CONST, IMM_DEFAULT);
        return true;
    case STX_CHAR:
        *bits = (int32_t)IMM_BITS(IMM_CHAR, x->u.scalar);
        return true;
    case STX_INT:
        if (x->u.integer < -(1 << 28) || x->u.integer >= 1 << 28) return false;
        *bits = (int32_t)(x->u.integer * 8);
        return true;
    default:
        return false;
    }
}

void gen_constant(Gen *g, Stx *x, To to)
{
    int32_t bits;
    bool immediate = gen_immediate(x, &bits);

    if (to.kind == TO_NOTHING) return;
    if (to.kind == TO_RETURN && immediate) {
        gen_wide(g, OP_RETK, 0, bits);
        return;
    }
    uint32_t slot = gen_target(g, to);
    if (immediate) {
        gen_wide(g, OP_IMM, slot, bits);
    } else {
        gen_emit(g, OP_LIT, slot, 0, 0);
        gen_word(g, table_literal(g->tables, x));
    }
    gen_deliver(g, to, slot);
}

// ---- variables ------------------------------------------------------------------------------------

static void gen_local(Gen *g, Core *n, To to)
{
    Var *v = n->u.local;
    VarState *s = gen_var(g, v);
    uint32_t slot = s->slot;

    CHECK(slot != NO_SLOT, "variable %s has no slot", v->name ? v->name->text : "?");
    s->uses--;
    if (to.kind == TO_NOTHING) {
        gen_drop_if_dead(g, v);
    } else if (to.kind == TO_RETURN) {
        gen_emit(g, OP_RET, slot, 0, 0);
        gen_drop_if_dead(g, v);
    } else if (s->uses == 0 && (to.slot == NO_SLOT || to.slot == slot)) {
        // Its last use: the slot changes hands.
        s->slot = NO_SLOT;
        gen_deliver(g, to, slot);
    } else {
        gen_drop_if_dead(g, v);
        uint32_t target = gen_target(g, to);
        gen_emit(g, OP_MOVE, target, slot, 0);
        gen_deliver(g, to, target);
    }
}

uint32_t gen_operand(Gen *g, Core *n)
{
    if (n->kind == CORE_LOCAL) {
        CHECK(gen_var(g, n->u.local)->slot != NO_SLOT, "variable %s has no slot",
              n->u.local->name ? n->u.local->name->text : "?");
        return gen_var(g, n->u.local)->slot;
    }
    gen_expr(g, n, (To){TO_SLOT, NO_SLOT});
    return g->result;
}

void gen_release(Gen *g, Core *n, uint32_t slot)
{
    if (n->kind == CORE_LOCAL) {
        gen_var(g, n->u.local)->uses--;
        gen_drop_if_dead(g, n->u.local);
    } else if (g->live) {
        gen_free(g, slot);
    }
}

static void gen_global(Gen *g, Core *n, To to)
{
    gen_safepoint(g, n->span);
    uint32_t slot = gen_target(g, to);
    gen_emit(g, OP_GLOBAL, slot, 0, 0);
    gen_word(g, table_cell(g->tables, n->u.global));
    gen_deliver(g, to, slot);
}

static void gen_define(Gen *g, Core *n, Op op, To to)
{
    Core *value = n->u.set_global.value;
    uint32_t slot = gen_operand(g, value);

    if (!g->live) return;
    gen_safepoint(g, n->span);
    gen_emit(g, op, slot, 0, 0);
    gen_word(g, table_cell(g->tables, n->u.set_global.global));
    gen_release(g, value, slot);
    if (to.kind != TO_NOTHING) gen_constant(g, node_unspecified(g->c, n->span)->u.constant, to);
}

static void gen_free_value(Gen *g, Core *n, To to)
{
    VarState *self = gen_var(g, g->fn->self);
    uint32_t from = self->slot;

    self->uses--;
    gen_drop_if_dead(g, g->fn->self);
    uint32_t slot = gen_target(g, to);
    gen_emit(g, OP_FREE, slot, from, n->u.free.index);
    gen_deliver(g, to, slot);
}

// ---- bindings -------------------------------------------------------------------------------------

static void gen_let(Gen *g, Core *n, To to)
{
    for (uint32_t i = 0; i < n->u.let.count && g->live; i++) {
        gen_expr(g, n->u.let.inits[i], (To){TO_SLOT, NO_SLOT});
        if (g->live) gen_bind(g, n->u.let.vars[i], g->result);
    }
    gen_expr(g, n->u.let.body, to);
}

static void gen_let_values(Gen *g, Core *n, To to)
{
    uint32_t count = n->u.let_values.count;

    gen_expr(g, n->u.let_values.init, (To){TO_SLOT, NO_SLOT});
    if (!g->live) return;
    uint32_t from = g->result, base = gen_highest(g, &g->used);
    gen_need_frame(g, base + count);
    if (g->failed) return;
    gen_safepoint(g, n->span);
    gen_emit(g, n->u.let_values.rest ? OP_UNPACKR : OP_UNPACK, from, base, count);
    gen_free(g, from);
    for (uint32_t i = 0; i < count; i++) {
        gen_occupy(g, base + i);
    }
    for (uint32_t i = 0; i < count; i++) {
        gen_bind(g, n->u.let_values.vars[i], base + i);
    }
    gen_expr(g, n->u.let_values.body, to);
}

// ---- closures -------------------------------------------------------------------------------------

static void emit_closure(Gen *g, Function *f, const uint32_t *slots, uint32_t count, uint32_t dst)
{
    gen_emit(g, OP_CLOSURE, dst, count, 0);
    gen_word(g, f->index);
    for (uint32_t i = 0; i < count; i += 4) {
        uint64_t word = 0;
        for (uint32_t j = 0; j < 4 && i + j < count; j++) {
            word |= (uint64_t)(uint16_t)slots[i + j] << (j * 16);
        }
        gen_word(g, word);
    }
}

static void gen_closure(Gen *g, Core *n, To to)
{
    uint32_t count = n->u.closure.count;
    uint32_t *slots = arena_array(&g->c->unit, uint32_t, count);

    for (uint32_t i = 0; i < count; i++) {
        slots[i] = gen_operand(g, n->u.closure.captures[i]);
    }
    gen_safepoint(g, n->span);
    for (uint32_t i = 0; i < count; i++) {
        gen_release(g, n->u.closure.captures[i], slots[i]);
    }
    uint32_t dst = gen_target(g, to);
    emit_closure(g, n->u.closure.fn, slots, count, dst);
    gen_deliver(g, to, dst);
}

// Index of a variable among those of a fix; UINT32_MAX when it is none.
static uint32_t fix_index(const Core *fix, const Core *capture)
{
    for (uint32_t i = 0; capture->kind == CORE_LOCAL && i < fix->u.let.count; i++) {
        if (fix->u.let.vars[i] == capture->u.local) return i;
    }
    return UINT32_MAX;
}

// Captures of closures that are not made yet get a stand-in, and the closure later.
static void gen_fix(Gen *g, Core *n, To to)
{
    uint32_t count = n->u.let.count, stand_in = NO_SLOT;

    for (uint32_t i = 0; i < count; i++) {
        Core *closure = n->u.let.inits[i];
        uint32_t captures = closure->u.closure.count;
        uint32_t *slots = arena_array(&g->c->unit, uint32_t, captures);
        for (uint32_t j = 0; j < captures; j++) {
            uint32_t sibling = fix_index(n, closure->u.closure.captures[j]);
            if (sibling == UINT32_MAX || sibling < i) {
                slots[j] = gen_operand(g, closure->u.closure.captures[j]);
                continue;
            }
            if (stand_in == NO_SLOT) {
                gen_constant(g, node_bool(g->c, false, n->span)->u.constant, (To){TO_SLOT, NO_SLOT});
                stand_in = g->result;
            }
            slots[j] = stand_in;
        }
        gen_safepoint(g, closure->span);
        for (uint32_t j = 0; j < captures; j++) {
            uint32_t sibling = fix_index(n, closure->u.closure.captures[j]);
            if (sibling == UINT32_MAX || sibling < i)
                gen_release(g, closure->u.closure.captures[j], slots[j]);
        }
        uint32_t dst = gen_reserve(g);
        emit_closure(g, closure->u.closure.fn, slots, captures, dst);
        gen_occupy(g, dst);
        // One more use keeps it until all have been told of each other.
        gen_var(g, n->u.let.vars[i])->uses++;
        gen_bind(g, n->u.let.vars[i], dst);
    }
    if (stand_in != NO_SLOT) gen_free(g, stand_in);
    for (uint32_t i = 0; i < count; i++) {
        Core *closure = n->u.let.inits[i];
        for (uint32_t j = 0; j < closure->u.closure.count; j++) {
            Core *capture = closure->u.closure.captures[j];
            uint32_t sibling = fix_index(n, capture);
            if (sibling == UINT32_MAX || sibling < i) continue;
            gen_emit(g, OP_SETFREE, gen_var(g, n->u.let.vars[i])->slot, j,
                     gen_var(g, capture->u.local)->slot);
            gen_var(g, capture->u.local)->uses--;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        gen_var(g, n->u.let.vars[i])->uses--;
        gen_drop_if_dead(g, n->u.let.vars[i]);
    }
    gen_expr(g, n->u.let.body, to);
}

// ---- all ------------------------------------------------------------------------------------------

static void gen_seq(Gen *g, Core *n, To to)
{
    uint32_t count = n->u.seq.count;

    for (uint32_t i = 0; i + 1 < count; i++) {
        gen_expr(g, n->u.seq.items[i], (To){TO_NOTHING, NO_SLOT});
    }
    gen_expr(g, n->u.seq.items[count - 1], to);
}

void gen_expr(Gen *g, Core *n, To to)
{
    if (!g->live || g->failed) {
        g->live = false; // nothing more is written for this path
        return;
    }
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
        gen_constant(g, n->u.constant, to);
        break;
    case CORE_LOCAL:
        gen_local(g, n, to);
        break;
    case CORE_GLOBAL:
        gen_global(g, n, to);
        break;
    case CORE_SET_GLOBAL:
        gen_define(g, n, OP_SETGLOBAL, to);
        break;
    case CORE_DEFINE:
        gen_define(g, n, OP_DEFINE, to);
        break;
    case CORE_IF:
        gen_if(g, n, to);
        break;
    case CORE_SEQ:
        gen_seq(g, n, to);
        break;
    case CORE_CALL:
    case CORE_CALLK:
        gen_call(g, n, to);
        break;
    case CORE_PRIM:
        gen_prim(g, n, to);
        break;
    case CORE_LET:
        gen_let(g, n, to);
        break;
    case CORE_LET_VALUES:
        gen_let_values(g, n, to);
        break;
    case CORE_FIX:
        gen_fix(g, n, to);
        break;
    case CORE_LABELS:
        gen_labels(g, n, to);
        break;
    case CORE_JUMP:
        gen_label_call(g, n);
        break;
    case CORE_FREE:
        gen_free_value(g, n, to);
        break;
    case CORE_CLOSURE:
        gen_closure(g, n, to);
        break;
    case CORE_LAMBDA:
    case CORE_LETREC:
    case CORE_SET_LOCAL:
    case CORE_KINDS:
        PANIC("core kind %d in the code generator", n->kind);
    }
}
