// Calls: of what a variable holds, of module variables, of procedures of this module; and the
// primitives that call.
#include "compiler/gen/gen.h"

#include "compiler/diag.h"

#include <string.h>

#define ARGS_MAX 1000

// ---- windows --------------------------------------------------------------------------------------

// Evaluates values into consecutive slots above everything that lives beyond them; gives the first.
static uint32_t gen_window(Gen *g, Core **items, uint32_t count)
{
    uint32_t base = gen_base_after(g, items, count);
    uint32_t *targets = arena_array(&g->c->unit, uint32_t, count);

    for (uint32_t i = 0; i < count; i++) {
        targets[i] = base + i;
    }
    gen_need_frame(g, base + count);
    if (g->failed) return 0;
    gen_assign(g, items, targets, count, false);
    return base;
}

static void free_window(Gen *g, uint32_t base, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        gen_free(g, base + i);
    }
}

uint32_t gen_native_window(Gen *g, Core **items, uint32_t count)
{
    return gen_window(g, items, count);
}

// The call word of a call whose arguments have been given up: what is set now lives across it.
static void emit_call_word(Gen *g, uint32_t base, To to)
{
    uint32_t mask = gen_mask(g, &g->set);
    uint32_t dst = gen_target(g, to);

    gen_word(g, CALL_WORD(base, dst, mask));
    gen_deliver(g, to, dst);
}

// ---- what is called -------------------------------------------------------------------------------

typedef struct {
    Core *fn;         // CORE_CALL: operator; NULL: known
    Function *known;  // CORE_CALLK
    uint32_t clause;
    Core **args;      // the procedure itself last, if it takes it
    uint32_t count;
    bool apply;       // the last argument is a list of further ones
    Span span;
} Callee;

static Core **with_self(Gen *g, Core *n)
{
    uint32_t count = n->u.callk.count;
    Core **args = arena_array(&g->c->unit, Core *, count + 1);

    for (uint32_t i = 0; i < count; i++) {
        args[i] = n->u.callk.args[i];
    }
    args[count] = n->u.callk.self;
    return args;
}

static Callee callee_of(Gen *g, Core *n)
{
    if (n->kind == CORE_CALLK) {
        bool self = n->u.callk.fn->free_count > 0 && n->u.callk.self;
        return (Callee){.known = n->u.callk.fn,
                        .clause = n->u.callk.clause,
                        .args = self ? with_self(g, n) : n->u.callk.args,
                        .count = n->u.callk.count + self,
                        .span = n->span};
    }
    if (n->kind == CORE_PRIM) { // apply
        return (Callee){.fn = n->u.prim.args[0],
                        .args = n->u.prim.args + 1,
                        .count = n->u.prim.count - 1,
                        .apply = true,
                        .span = n->span};
    }
    return (Callee){.fn = n->u.call.fn, .args = n->u.call.args, .count = n->u.call.count,
                    .span = n->span};
}

static bool is_cell_call(const Callee *c)
{
    return !c->known && !c->apply && c->fn->kind == CORE_GLOBAL;
}

// ---- tail calls -----------------------------------------------------------------------------------

// Arguments go to slots 0 on, and a procedure that is a value behind them.
static void gen_tail_call(Gen *g, const Callee *c)
{
    bool value = !c->known && !is_cell_call(c);
    uint32_t count = c->count + value;
    Core **items = arena_array(&g->c->unit, Core *, count);
    uint32_t *targets = arena_array(&g->c->unit, uint32_t, count);

    for (uint32_t i = 0; i < count; i++) {
        items[i] = i < c->count ? c->args[i] : c->fn;
        targets[i] = i;
    }
    gen_need_frame(g, count);
    if (g->failed) return;
    gen_assign(g, items, targets, count, true);
    if (!g->live) return;
    if (c->known) {
        uint32_t pc = gen_pc(g);
        gen_wide(g, OP_TCALL, c->count, 0);
        gen_note_call(g, pc, c->known, c->clause);
    } else if (is_cell_call(c)) {
        gen_emit(g, OP_TCALLG, c->count, 0, 0);
        gen_word(g, table_cell(g->tables, c->fn->u.global));
    } else {
        gen_safepoint(g, c->span);
        gen_emit(g, c->apply ? OP_TAPPLY : OP_TCALLC, c->count, c->count, 0);
    }
    free_window(g, 0, count);
}

// ---- other calls ----------------------------------------------------------------------------------

static void gen_nested_call(Gen *g, const Callee *c, To to)
{
    bool value = !c->known && !is_cell_call(c);
    uint32_t fn = value ? gen_operand(g, c->fn) : 0;
    uint32_t base = gen_window(g, c->args, c->count);

    if (!g->live || g->failed) return;
    gen_safepoint(g, c->span);
    free_window(g, base, c->count);
    if (value) gen_release(g, c->fn, fn);
    if (c->known) {
        uint32_t pc = gen_pc(g);
        gen_wide(g, OP_CALL, c->count, 0);
        gen_note_call(g, pc, c->known, c->clause);
    } else if (value) {
        gen_emit(g, c->apply ? OP_APPLY : OP_CALLC, c->count, fn, 0);
    } else {
        gen_emit(g, OP_CALLG, c->count, 0, 0);
        gen_word(g, table_cell(g->tables, c->fn->u.global));
    }
    emit_call_word(g, base, to);
}

// Procedures of the kernel that never return. Calling one never is a tail call: it costs nothing, and
// the caller shows in the trace.
static bool never_returns(const Gen *g, const Callee *c)
{
    static const char *const names[] = {"error",        "raise",         "%raise-type",    "%raise-index",
                                        "%raise-tagged", "%raise-badarg", "%assert-failed", "%uncaught"};

    if (!is_cell_call(c) || c->fn->u.global->module != g->c->kernel) return false;
    for (size_t i = 0; i < countof(names); i++) {
        if (!strcmp(c->fn->u.global->name->text, names[i])) return true;
    }
    return false;
}

void gen_call(Gen *g, Core *n, To to)
{
    Callee c = callee_of(g, n);

    if (c.count > ARGS_MAX) {
        if (!g->failed)
            diag_at(g->c->diag, DIAG_ERROR, n->span, "a call takes at most %d arguments", ARGS_MAX);
        g->failed = true;
        return;
    }
    // The last expression of a module is nobody's tail: traces then show where it stands.
    if (to.kind == TO_RETURN && g->fn != g->init && !never_returns(g, &c)) {
        gen_tail_call(g, &c);
    } else {
        gen_nested_call(g, &c, to);
    }
}

// (%call-escape f): the frame keeps the escape in the slot where the result will go.
void gen_call_escape(Gen *g, Core *n, To to)
{
    Core *fn = n->u.prim.args[0];
    uint32_t slot = gen_operand(g, fn);

    if (!g->live) return;
    gen_safepoint(g, n->span);
    uint32_t dst = gen_reserve(g);
    gen_release(g, fn, slot);
    uint32_t base = gen_highest(g, &g->used);
    gen_need_frame(g, base + 1);
    SlotSet live = g->set;
    slot_add(&live, dst);
    uint32_t mask = gen_mask(g, &live);
    gen_emit(g, OP_CALLE, 0, slot, 0);
    gen_word(g, CALL_WORD(base, dst, mask));
    gen_occupy(g, dst);
    if (to.kind == TO_SLOT && to.slot != NO_SLOT && to.slot != dst) {
        gen_emit(g, OP_MOVE, to.slot, dst, 0);
        gen_free(g, dst);
        dst = to.slot;
    }
    gen_deliver(g, to, dst);
}
