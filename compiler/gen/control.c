// Branches and loops.
#include "compiler/gen/gen.h"

// ---- if -------------------------------------------------------------------------------------------

static void gen_branches(Gen *g, Core *n, To to)
{
    Label *otherwise = gen_label_new(g), *end = gen_label_new(g);

    gen_test(g, n->u.branch.test, otherwise, false);
    gen_adjust_uses(g, n->u.branch.else_uses, -1);
    gen_expr(g, n->u.branch.then, to);
    gen_adjust_uses(g, n->u.branch.else_uses, 1);
    if (g->live) gen_jump(g, end);
    gen_label_place(g, otherwise);
    gen_expr(g, n->u.branch.otherwise, to);
    gen_label_place(g, end);
}

// A value that two or more ways lead to needs its slot before the first.
static To hold_target(Gen *g, To to, bool *held)
{
    *held = to.kind == TO_SLOT && to.slot == NO_SLOT;
    if (*held) to.slot = gen_hold(g);
    return to;
}

static void deliver_joined(Gen *g, To to, bool held)
{
    if (held) gen_unhold(g, to.slot);
    if (to.kind != TO_SLOT || !g->live) return;
    g->owner[to.slot] = NULL;
    g->result = to.slot;
}

void gen_if(Gen *g, Core *n, To to)
{
    bool held;

    to = hold_target(g, to, &held);
    gen_branches(g, n, to);
    deliver_joined(g, to, held);
}

// ---- labels ---------------------------------------------------------------------------------------

static Clause *clause_of(const LabelGroup *group, uint32_t i)
{
    return &group->node->u.let.inits[i]->u.lambda->clauses[0];
}

static void hold_params(Gen *g, LabelGroup *group)
{
    for (uint32_t i = 0; i < group->node->u.let.count; i++) {
        uint32_t count = clause_of(group, i)->required;
        group->params[i] = arena_array(&g->c->unit, uint32_t, count);
        for (uint32_t j = 0; j < count; j++) {
            group->params[i][j] = gen_hold(g);
        }
    }
}

static void release_params(Gen *g, LabelGroup *group, uint32_t keep)
{
    for (uint32_t i = 0; i < group->node->u.let.count; i++) {
        for (uint32_t j = 0; j < clause_of(group, i)->required; j++) {
            uint32_t slot = group->params[i][j];
            slot_remove(&g->held, slot);
            if (slot != keep) gen_free(g, slot);
        }
    }
}

static void gen_body(Gen *g, LabelGroup *group, uint32_t i, To to, Label *end)
{
    Clause *clause = clause_of(group, i);

    g->live = false;
    gen_adjust_uses(g, group->uses[i], 1);
    gen_label_place(g, &group->labels[i]);
    group->at[i] = gen_pc(g);
    gen_label_row(g); // loops come back to it
    for (uint32_t j = 0; j < clause->required; j++) {
        gen_bind(g, clause->params[j], group->params[i][j]);
    }
    gen_expr(g, clause->body, to);
    if (g->live) gen_jump(g, end);
}

// Bodies are written when they have been jumped to; a jump to one that is written goes back.
static void gen_bodies(Gen *g, LabelGroup *group, To to, Label *end)
{
    bool progress = true;

    while (progress && !g->failed) {
        progress = false;
        for (uint32_t i = 0; i < group->node->u.let.count; i++) {
            if (group->at[i] != UINT32_MAX || !group->labels[i].reached) continue;
            gen_body(g, group, i, to, end);
            progress = true;
        }
    }
}

void gen_labels(Gen *g, Core *n, To to)
{
    LabelGroup *group = n->u.let.info;
    Label *end = gen_label_new(g);
    bool held;

    to = hold_target(g, to, &held);
    hold_params(g, group);
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        gen_adjust_uses(g, group->uses[i], -1);
    }
    gen_expr(g, n->u.let.body, to);
    // The first body usually follows its first jump.
    if (g->live) gen_jump(g, end);
    gen_bodies(g, group, to, end);
    g->live = false;
    gen_label_place(g, end);
    release_params(g, group, to.kind == TO_SLOT ? to.slot : NO_SLOT);
    deliver_joined(g, to, held);
}

void gen_label_call(Gen *g, Core *n)
{
    LabelRef *ref = n->u.jump.label->info;
    LabelGroup *group = ref->group;
    uint32_t i = ref->index;

    gen_assign(g, n->u.jump.args, group->params[i], n->u.jump.count, true);
    for (uint32_t j = 0; j < group->pins.count; j++) {
        gen_var(g, group->pins.items[j].var)->uses--;
    }
    if (!g->live) return;
    if (group->at[i] == UINT32_MAX) {
        gen_jump(g, &group->labels[i]);
        return;
    }
    // What the label does not need is dead from here on.
    gen_set_live(g, &group->labels[i]);
    gen_safepoint(g, n->span);
    int64_t offset = (int64_t)group->at[i] - (int64_t)gen_pc(g);
    gen_wide(g, OP_LOOP, 0, (int32_t)offset);
}
