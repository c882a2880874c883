// Primitives: one instruction, or one call of a native.
#include "compiler/gen/gen.h"

#include "vm/base/check.h"

static bool is_safe(Op op)
{
    return (op_info[op].flags & OPF_SAFE) != 0;
}

// The opcode that takes an immediate in place of its last operand.
static bool immediate_form(Op op, Op *with)
{
    if (op == OP_ADD) *with = OP_ADDI;
    else if (op == OP_SUB) *with = OP_SUBI;
    else return false;
    return true;
}

static bool fits_16(const Core *n, int64_t *i)
{
    return node_is_small_int(n, i) && *i == (int16_t)*i;
}

static void gen_value(Gen *g, Core *n, Op op, To to)
{
    uint32_t slots[2] = {0, 0}, count = n->u.prim.count;
    Core **args = n->u.prim.args;
    int64_t immediate = 0;
    Op with;
    bool use_immediate = false;

    if (count == 2 && immediate_form(op, &with)) {
        if (op == OP_ADD && fits_16(args[0], &immediate)) {
            Core *swap = args[0];
            args[0] = args[1];
            args[1] = swap;
        }
        use_immediate = fits_16(args[1], &immediate);
    }
    uint32_t operands = count - use_immediate;
    for (uint32_t i = 0; i < operands; i++) {
        slots[i] = gen_operand(g, args[i]);
    }
    if (!g->live) return;
    if (is_safe(op)) gen_safepoint(g, n->span);
    for (uint32_t i = 0; i < operands; i++) {
        gen_release(g, args[i], slots[i]);
    }
    uint32_t dst = gen_target(g, to);
    if (use_immediate) {
        gen_emit(g, with, dst, slots[0], (uint16_t)immediate);
    } else {
        gen_emit(g, op, dst, slots[0], slots[1]);
    }
    gen_deliver(g, to, dst);
}

static void gen_unspecified(Gen *g, Core *n, To to)
{
    if (to.kind != TO_NOTHING) gen_constant(g, node_unspecified(g->c, n->span)->u.constant, to);
}

static void gen_effect(Gen *g, Core *n, Op op, To to)
{
    uint32_t slots[3] = {0, 0, 0};

    for (uint32_t i = 0; i < n->u.prim.count; i++) {
        slots[i] = gen_operand(g, n->u.prim.args[i]);
    }
    if (!g->live) return;
    if (is_safe(op)) gen_safepoint(g, n->span);
    gen_emit(g, op, slots[0], slots[1], slots[2]);
    for (uint32_t i = 0; i < n->u.prim.count; i++) {
        gen_release(g, n->u.prim.args[i], slots[i]);
    }
    gen_unspecified(g, n, to);
}

static void gen_windowed(Gen *g, Core *n, Op op, To to)
{
    uint32_t count = n->u.prim.count;
    uint32_t base = gen_native_window(g, n->u.prim.args, count);

    if (!g->live || g->failed) return;
    gen_safepoint(g, n->span);
    for (uint32_t i = 0; i < count; i++) {
        gen_free(g, base + i);
    }
    uint32_t dst = gen_target(g, to);
    gen_emit(g, op, dst, base, count);
    if (op == OP_NATIVE) gen_word(g, table_native(g->tables, n->u.prim.prim));
    if (prim_info(n->u.prim.prim)->flags & PRIMF_NORETURN) {
        gen_free(g, dst);
        // Control does not come back, but the verifier cannot know: the path ends in a return.
        gen_wide(g, OP_RETK, 0, (int32_t)IMM_BITS(IMM_CONST, IMM_UNSPECIFIED));
        return;
    }
    gen_deliver(g, to, dst);
}

// A test whose outcome is wanted as #t or #f.
static void gen_boolean(Gen *g, Core *n, To to)
{
    Label *no = gen_label_new(g);
    Stx *yes_datum = node_bool(g->c, true, n->span)->u.constant;
    Stx *no_datum = node_bool(g->c, false, n->span)->u.constant;

    if (to.kind == TO_SLOT && to.slot == NO_SLOT) {
        uint32_t slot = gen_hold(g);
        gen_boolean(g, n, (To){TO_SLOT, slot});
        gen_unhold(g, slot);
        g->result = slot;
        return;
    }
    Label *end = gen_label_new(g);
    gen_test(g, n, no, false);
    if (g->live) gen_constant(g, yes_datum, to);
    if (g->live) gen_jump(g, end);
    gen_label_place(g, no);
    if (g->live) gen_constant(g, no_datum, to);
    gen_label_place(g, end);
    if (to.kind == TO_SLOT) g->result = to.slot;
}

// ---- the special ones -------------------------------------------------------------------------------

// The cell of a record type that is a module variable, and a constant index: one instruction.
static bool is_static_type(const Core *type)
{
    return type->kind == CORE_GLOBAL && type->u.global->type && !type->u.global->open;
}

static void gen_record_ref(Gen *g, Core *n, To to)
{
    Core *object = n->u.prim.args[0];
    int64_t index;

    if (!is_static_type(n->u.prim.args[1]) || !node_is_small_int(n->u.prim.args[2], &index)) {
        n->u.prim.prim = PRIM_ID_record_ref_any;
        gen_windowed(g, n, OP_NATIVE, to);
        return;
    }
    uint32_t slot = gen_operand(g, object);
    if (!g->live) return;
    gen_safepoint(g, n->span);
    gen_release(g, object, slot);
    uint32_t dst = gen_target(g, to);
    gen_emit(g, OP_RECREF, dst, slot, (uint32_t)index);
    gen_word(g, table_cell(g->tables, n->u.prim.args[1]->u.global));
    gen_deliver(g, to, dst);
}

static void gen_record_set(Gen *g, Core *n, To to)
{
    Core *object = n->u.prim.args[0], *value = n->u.prim.args[3];
    int64_t index;

    if (!is_static_type(n->u.prim.args[1]) || !node_is_small_int(n->u.prim.args[2], &index)) {
        n->u.prim.prim = PRIM_ID_record_set_any;
        gen_windowed(g, n, OP_NATIVE, to);
        return;
    }
    uint32_t record = gen_operand(g, object), from = gen_operand(g, value);
    if (!g->live) return;
    gen_safepoint(g, n->span);
    gen_emit(g, OP_RECSET, record, from, (uint32_t)index);
    gen_word(g, table_cell(g->tables, n->u.prim.args[1]->u.global));
    gen_release(g, object, record);
    gen_release(g, value, from);
    gen_unspecified(g, n, to);
}

static void gen_two_ends(Gen *g, Core *n, Op op)
{
    uint32_t x = gen_operand(g, n->u.prim.args[0]), y = gen_operand(g, n->u.prim.args[1]);

    if (!g->live) return;
    gen_safepoint(g, n->span);
    gen_emit(g, op, x, y, 0);
}

static void gen_unbox_checked(Gen *g, Core *n, To to)
{
    Core *box = n->u.prim.args[0];
    uint32_t slot = gen_operand(g, box);

    if (!g->live) return;
    gen_safepoint(g, n->span);
    gen_release(g, box, slot);
    uint32_t dst = gen_target(g, to);
    gen_emit(g, OP_UNBOXC, dst, slot, 0);
    gen_word(g, table_literal(g->tables, n->u.prim.args[1]->u.constant));
    gen_deliver(g, to, dst);
}

static void gen_datum(Gen *g, Core *n, StxKind kind, To to)
{
    Stx *x = node_unspecified(g->c, n->span)->u.constant;

    x->kind = (uint8_t)kind;
    gen_constant(g, x, to);
}

static void gen_special(Gen *g, Core *n, To to)
{
    switch (n->u.prim.prim) {
    case PRIM_ID_record_ref:
        gen_record_ref(g, n, to);
        break;
    case PRIM_ID_record_set:
        gen_record_set(g, n, to);
        break;
    case PRIM_ID_record_of:
        if (is_static_type(n->u.prim.args[1])) {
            gen_boolean(g, n, to);
        } else {
            n->u.prim.prim = PRIM_ID_record_of_any;
            gen_windowed(g, n, OP_NATIVE, to);
        }
        break;
    case PRIM_ID_apply:
        gen_call(g, n, to);
        break;
    case PRIM_ID_call_escape:
        gen_call_escape(g, n, to);
        break;
    case PRIM_ID_capture: {
        gen_safepoint(g, n->span);
        uint32_t dst = gen_target(g, to);
        gen_emit(g, OP_CAPTURE, dst, 0, 0);
        gen_deliver(g, to, dst);
        break;
    }
    case PRIM_ID_reinstate:
        gen_two_ends(g, n, OP_REINSTATE);
        break;
    case PRIM_ID_escape_to:
        gen_two_ends(g, n, OP_ESCAPETO);
        break;
    case PRIM_ID_unbox_checked:
        gen_unbox_checked(g, n, to);
        break;
    case PRIM_ID_void:
        gen_datum(g, n, STX_UNSPECIFIED, to);
        break;
    case PRIM_ID_default_object:
        gen_datum(g, n, STX_DEFAULT, to);
        break;
    case PRIM_ID_eof_object:
        gen_datum(g, n, STX_EOF, to);
        break;
    default:
        PANIC("no code for %s", prim_info(n->u.prim.prim)->name);
    }
}

void gen_prim(Gen *g, Core *n, To to)
{
    const PrimInfo *p = prim_info(n->u.prim.prim);

    switch ((PrimShape)p->shape) {
    case PRIM_VALUE:
        gen_value(g, n, (Op)p->x, to);
        break;
    case PRIM_EFFECT:
        gen_effect(g, n, (Op)p->x, to);
        break;
    case PRIM_TEST:
    case PRIM_COMPARE:
    case PRIM_BITS:
    case PRIM_KIND:
        gen_boolean(g, n, to);
        break;
    case PRIM_WINDOW:
        gen_windowed(g, n, (Op)p->x, to);
        break;
    case PRIM_NATIVE:
        gen_windowed(g, n, OP_NATIVE, to);
        break;
    case PRIM_SPECIAL:
        gen_special(g, n, to);
        break;
    }
}
