// Tests: expressions of which only the truth is wanted, as branches.
#include "compiler/gen/gen.h"

#include "vm/base/check.h"

static Op opposite(Op op)
{
    switch (op) {
#define PAIR(x, y)                                                                                 \
    case OP_##x:                                                                                   \
        return OP_##y;                                                                             \
    case OP_##y:                                                                                   \
        return OP_##x;
        PAIR(BIS, BISNT)
        PAIR(BEQV, BNEQV)
        PAIR(BBITS, BNBITS)
        PAIR(BKIND, BNKIND)
        PAIR(BLT, BNLT)
        PAIR(BLE, BNLE)
        PAIR(BEQ, BNEQ)
        PAIR(BLTI, BNLTI)
        PAIR(BLEI, BNLEI)
        PAIR(BGTI, BNGTI)
        PAIR(BGEI, BNGEI)
        PAIR(BEQI, BNEQI)
#undef PAIR
    default:
        PANIC("%s has no opposite", op_info[op].name);
    }
}

// Branch on one slot with a 32-bit label.
static void branch_slot(Gen *g, Core *value, Op op, Label *l)
{
    uint32_t slot = gen_operand(g, value);

    if (!g->live) return;
    gen_release(g, value, slot);
    gen_branch_wide(g, op, slot, l);
}

// eq? with a constant that is a word.
static bool test_constant(Gen *g, Core *n, Label *l, bool sense)
{
    Core *x = n->u.prim.args[0], *y = n->u.prim.args[1];

    if (x->kind == CORE_CONST) {
        x = n->u.prim.args[1];
        y = n->u.prim.args[0];
    }
    if (y->kind != CORE_CONST || x->kind == CORE_CONST) return false;
    StxKind kind = (StxKind)y->u.constant->kind;
    if (kind == STX_NIL) {
        branch_slot(g, x, sense ? OP_BNIL : OP_BNNIL, l);
    } else if (node_is_false(y)) {
        branch_slot(g, x, sense ? OP_BF : OP_BT, l);
    } else if (kind == STX_SYMBOL || kind == STX_CHAR || kind == STX_INT || kind == STX_BOOL) {
        uint32_t slot = gen_operand(g, x);
        if (!g->live) return true;
        gen_release(g, x, slot);
        gen_branch_wide(g, sense ? OP_BISK : OP_BISNTK, slot, l);
        gen_word(g, table_literal(g->tables, y->u.constant));
    } else {
        return false;
    }
    return true;
}

static void test_two(Gen *g, Core *n, Op op, Label *l, bool safe)
{
    uint32_t x = gen_operand(g, n->u.prim.args[0]), y = gen_operand(g, n->u.prim.args[1]);

    if (!g->live) return;
    if (safe) gen_safepoint(g, n->span);
    gen_release(g, n->u.prim.args[0], x);
    gen_release(g, n->u.prim.args[1], y);
    gen_branch(g, op, opposite(op), x, y, l);
}

static void test_prim(Gen *g, Core *n, Label *l, bool sense)
{
    const PrimInfo *p = prim_info(n->u.prim.prim);
    Op op = sense ? (Op)p->x : (Op)p->y;

    if (n->u.prim.prim == PRIM_ID_not) {
        gen_test(g, n->u.prim.args[0], l, !sense);
    } else if (n->u.prim.count == 1) {
        branch_slot(g, n->u.prim.args[0], op, l);
    } else if (!test_constant(g, n, l, sense)) {
        test_two(g, n, op, l, false);
    }
}

// a < 5 and 5 > a are the same test.
static int mirrored(int prim)
{
    switch (prim) {
    case PRIM_ID_num_lt:
        return PRIM_ID_num_gt;
    case PRIM_ID_num_gt:
        return PRIM_ID_num_lt;
    case PRIM_ID_num_le:
        return PRIM_ID_num_ge;
    case PRIM_ID_num_ge:
        return PRIM_ID_num_le;
    default:
        return prim;
    }
}

static bool is_immediate(const Core *n, int64_t *i)
{
    return node_is_small_int(n, i) && *i == (int16_t)*i;
}

static void test_compare(Gen *g, Core *n, Label *l, bool sense)
{
    Core *x = n->u.prim.args[0], *y = n->u.prim.args[1];
    int prim = n->u.prim.prim;
    int64_t immediate;

    if (is_immediate(x, &immediate) && !is_immediate(y, &immediate)) {
        Core *swap = x;
        x = y;
        y = swap;
        prim = mirrored(prim);
    }
    const PrimInfo *p = prim_info(prim);
    if (is_immediate(y, &immediate)) {
        Op op = sense ? (Op)p->y : opposite((Op)p->y);
        uint32_t slot = gen_operand(g, x);
        if (!g->live) return;
        gen_safepoint(g, n->span);
        gen_release(g, x, slot);
        gen_branch(g, op, opposite(op), slot, (uint16_t)immediate, l);
        return;
    }
    // > and >= have no slot form of their own: they are < and <= with operands swapped.
    if (prim == PRIM_ID_num_gt || prim == PRIM_ID_num_ge) {
        Core *swap = n->u.prim.args[0];
        n->u.prim.args[0] = n->u.prim.args[1];
        n->u.prim.args[1] = swap;
    }
    test_two(g, n, sense ? (Op)p->x : opposite((Op)p->x), l, true);
}

static void test_type(Gen *g, Core *n, Op op, Label *l)
{
    Core *x = n->u.prim.args[0];
    uint32_t slot = gen_operand(g, x);

    if (!g->live) return;
    gen_release(g, x, slot);
    gen_branch(g, op, opposite(op), slot, prim_info(n->u.prim.prim)->x, l);
}

static bool test_record(Gen *g, Core *n, Label *l, bool sense)
{
    Core *x = n->u.prim.args[0], *type = n->u.prim.args[1];

    if (type->kind != CORE_GLOBAL || !type->u.global->type || type->u.global->open) return false;
    uint32_t slot = gen_operand(g, x);
    if (!g->live) return true;
    gen_release(g, x, slot);
    gen_branch_wide(g, sense ? OP_BREC : OP_BNREC, slot, l);
    gen_word(g, table_cell(g->tables, type->u.global));
    return true;
}

static void test_value(Gen *g, Core *n, Label *l, bool sense)
{
    branch_slot(g, n, sense ? OP_BT : OP_BF, l);
}

// (if a b #f) and (if a #t b), as `and` and `or` make them: one of the ways is a jump to where all
// jumps of its kind go, or to the end.
static void test_and_or(Gen *g, Core *n, Label *l, bool sense)
{
    bool and_form = n->u.branch.otherwise->kind == CORE_CONST;
    Core *constant = and_form ? n->u.branch.otherwise : n->u.branch.then;
    Label *end = gen_label_new(g);

    gen_test(g, n->u.branch.test, !node_is_false(constant) == sense ? l : end, !and_form);
    gen_test(g, and_form ? n->u.branch.then : n->u.branch.otherwise, l, sense);
    gen_label_place(g, end);
}

static void test_if(Gen *g, Core *n, Label *l, bool sense)
{
    if (n->u.branch.otherwise->kind == CORE_CONST || n->u.branch.then->kind == CORE_CONST) {
        test_and_or(g, n, l, sense);
        return;
    }
    Label *otherwise = gen_label_new(g), *end = gen_label_new(g);

    gen_test(g, n->u.branch.test, otherwise, false);
    gen_adjust_uses(g, n->u.branch.else_uses, -1);
    gen_test(g, n->u.branch.then, l, sense);
    gen_adjust_uses(g, n->u.branch.else_uses, 1);
    if (g->live) gen_jump(g, end);
    gen_label_place(g, otherwise);
    gen_test(g, n->u.branch.otherwise, l, sense);
    gen_label_place(g, end);
}

static void test_let(Gen *g, Core *n, Label *l, bool sense)
{
    for (uint32_t i = 0; i < n->u.let.count && g->live; i++) {
        gen_expr(g, n->u.let.inits[i], (To){TO_SLOT, NO_SLOT});
        if (g->live) gen_bind(g, n->u.let.vars[i], g->result);
    }
    gen_test(g, n->u.let.body, l, sense);
}

void gen_test(Gen *g, Core *n, Label *l, bool sense)
{
    const PrimInfo *p = n->kind == CORE_PRIM ? prim_info(n->u.prim.prim) : NULL;

    if (!g->live || g->failed) {
        g->live = false;
        return;
    }
    if (n->kind == CORE_CONST) {
        if (!node_is_false(n) == sense) gen_jump(g, l);
    } else if (n->kind == CORE_IF) {
        test_if(g, n, l, sense);
    } else if (n->kind == CORE_LET) {
        test_let(g, n, l, sense);
    } else if (n->kind == CORE_SEQ) {
        for (uint32_t i = 0; i + 1 < n->u.seq.count; i++) {
            gen_expr(g, n->u.seq.items[i], (To){TO_NOTHING, NO_SLOT});
        }
        gen_test(g, n->u.seq.items[n->u.seq.count - 1], l, sense);
    } else if (p && p->shape == PRIM_TEST) {
        test_prim(g, n, l, sense);
    } else if (p && p->shape == PRIM_COMPARE) {
        test_compare(g, n, l, sense);
    } else if (p && (p->shape == PRIM_BITS || p->shape == PRIM_KIND)) {
        bool bits = p->shape == PRIM_BITS;
        test_type(g, n, bits ? (sense ? OP_BBITS : OP_BNBITS) : (sense ? OP_BKIND : OP_BNKIND), l);
    } else if (!(p && n->u.prim.prim == PRIM_ID_record_of && test_record(g, n, l, sense))) {
        test_value(g, n, l, sense);
    }
}
