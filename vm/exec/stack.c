// See stack.h.
#include "vm/exec/stack.h"

#include "vm/base/check.h"

#include <string.h>

#define TRAP_BIT 1u
// How much an underflow brings back at least, while there is that much.
#define REINSTATE_WORDS 128

// ---- return words -------------------------------------------------------------------------------

// One step from a callee to its caller.
typedef struct {
    uint32_t base;      // the caller's frame begins this much below the callee's
    uint32_t words;     // return words it takes
    uint32_t mask;      // live slots of the caller's frame
    const uint64_t *pc; // the caller's instruction
} Step;

static inline bool is_trap(uint64_t word)
{
    return (word & TRAP_BIT) != 0;
}

static Step read_step(CodeSpace *cs, const uint64_t *returns)
{
    uint64_t word = *returns;
    Step s;

    if (UNLIKELY(is_trap(word))) {
        s.pc = (const uint64_t *)(word - TRAP_BIT); // NOLINT: a code address
        s.base = (uint32_t)returns[1];
        s.words = 2;
        Code *code = code_at(cs, s.pc);
        const ImageSafe *row = code ? code_safepoint(code, s.pc) : NULL;
        s.mask = row ? row->mask : 0;
    } else {
        const uint64_t *next = (const uint64_t *)word; // NOLINT: a code address
        s.pc = next;
        s.base = call_base(next[-1]);
        s.words = 1;
        s.mask = call_mask(next[-1]);
    }
    return s;
}

// ---- visiting -----------------------------------------------------------------------------------

static COLD void visit_wide(CodeSpace *cs, Gc *gc, Value *fp, uint32_t mask, const uint64_t *pc)
{
    const Code *code = code_at(cs, pc - 1);
    const uint32_t *wide = &code->module->view.masks[mask & ~MASK_WIDE];

    for (uint32_t i = 0; i < wide[0]; i++) {
        for (uint32_t bits = wide[1 + i]; bits; bits &= bits - 1) {
            gc_visit(gc, &fp[i * 32 + (uint32_t)__builtin_ctz(bits)]);
        }
    }
}

static inline void visit_frame(CodeSpace *cs, Gc *gc, Value *fp, uint32_t mask, const uint64_t *pc)
{
    if (UNLIKELY(mask & MASK_WIDE)) {
        visit_wide(cs, gc, fp, mask, pc);
        return;
    }
    for (; mask; mask &= mask - 1) {
        gc_visit(gc, &fp[__builtin_ctz(mask)]);
    }
}

// Frames below `fp`, whose return words lie in [returns, end).
static void visit_callers(CodeSpace *cs, Gc *gc, Value *fp, const uint64_t *returns,
                          const uint64_t *end)
{
    while (returns < end) {
        Step s = read_step(cs, returns);
        fp -= s.base;
        // A trap's pc is the instruction itself, a call's the one behind it.
        visit_frame(cs, gc, fp, s.mask, s.words == 2 ? s.pc + 1 : s.pc);
        returns += s.words;
    }
}

// ---- whose code ---------------------------------------------------------------------------------

static bool is_in(const LoadedModule *m, const uint64_t *pc)
{
    return pc >= m->words && pc < m->words + m->view.word_count;
}

static bool returns_into(CodeSpace *cs, const LoadedModule *m, const uint64_t *at, const uint64_t *end)
{
    while (at < end) {
        Step s = read_step(cs, at);
        if (is_in(m, s.words == 2 ? s.pc : s.pc - 1)) return true;
        at += s.words;
    }
    return false;
}

static COLD void look_into(VmWorker *w, const StackPiece *p)
{
    const uint64_t *returns = (const uint64_t *)(p->words + p->data_words);

    w->pieces = true;
    if (returns_into(&w->vm->code, w->sought, returns, returns + p->return_words)) w->found = true;
}

// Frames in the heap are found by a collection: what nobody can reach is gone afterwards.
static bool pieces_run(Actor *a, const LoadedModule *m)
{
    VmWorker *w = actor_worker(a);

    w->sought = m;
    w->found = w->pieces = false;
    bool ok = gc_collect(&a->heap, 0, true);
    w->sought = NULL;
    if (ok && !w->pieces) a->own &= ~(uint32_t)OWN_PIECES;
    return !ok || w->found;
}

static bool runs(Actor *a, const LoadedModule *m)
{
    CodeSpace *cs = &actor_vm(a)->code;

    if (is_in(m, a->pc) || returns_into(cs, m, a->rp, a->stack_end)) return true;
    return (a->own & OWN_PIECES) && pieces_run(a, m);
}

// ---- visiting, again ----------------------------------------------------------------------------

static void visit_piece(Actor *a, Gc *gc, Value *object)
{
    CodeSpace *cs = &actor_vm(a)->code;
    StackPiece *p = (StackPiece *)object;
    const uint64_t *returns = (const uint64_t *)(p->words + p->data_words);

    if (UNLIKELY(actor_worker(a)->sought != NULL)) look_into(actor_worker(a), p);

    gc_visit(gc, &p->rest);
    visit_callers(cs, gc, p->words + p->data_words, returns, returns + p->return_words);
}

// The running frame: what lives is known from where it stopped. No slot may be visited twice: the
// second visit would move what has been moved.
static void visit_top(CodeSpace *cs, Actor *a, Gc *gc)
{
    Code *code = code_at(cs, a->pc);

    gc_visit(gc, &a->callee);
    Insn in = insn_from_word(*a->pc);
    bool entering = in.op == OP_CELLSTUB || (op_info[in.op].flags & OPF_PRE);
    if (!code && !entering) { // a stub: slot 0 is all it has
        gc_visit(gc, &a->fp[0]);
        return;
    }
    if (entering) { // the arguments, as many as came
        gc_visit_range(gc, a->fp, a->argc);
        return;
    }
    const ImageSafe *row = code_safepoint(code, a->pc);
    CHECK(row, "collection at %s, which is no safepoint", op_info[in.op].name);
    visit_frame(cs, gc, a->fp, row->mask, a->pc + 1);
}

static void visit_all(Actor *a, Gc *gc)
{
    CodeSpace *cs = &actor_vm(a)->code;

    gc_visit(gc, &a->stack_rest);
    visit_top(cs, a, gc);
    visit_callers(cs, gc, a->fp, a->rp, a->stack_end);
}

size_t stack_frame_words(const Actor *a)
{
    const Code *code = code_at(&actor_vm(a)->code, a->pc);
    const ImageSafe *row = code ? code_safepoint(code, a->pc) : NULL;

    if (!row) return 1; // a stub: slot 0
    if (!(row->mask & MASK_WIDE)) return row->mask ? 32 - (size_t)__builtin_clz(row->mask) : 0;
    return code->module->view.masks[row->mask & ~MASK_WIDE] * 32u;
}

// ---- life ---------------------------------------------------------------------------------------

static void init_stack(Actor *a, Value thunk)
{
    MEMORY_USABLE(a->stack_words, sizeof a->stack_words);
    a->stack = a->stack_words;
    a->stack_end = (uint64_t *)(a->stack_words + CELL_STACK_WORDS);
    a->fp = a->stack;
    a->rp = a->stack_end;
    a->pc = actor_vm(a)->code.stub_start;
    a->fp[0] = thunk;
    a->stack_rest = V_FALSE;
    a->rest_data = a->rest_returns = 0;
    a->depth_data = a->depth_returns = 0;
    a->callee = V_FALSE;
    a->argc = 0;
}

static size_t block_words(const Actor *a)
{
    return (size_t)((Value *)a->stack_end - a->stack);
}

static void free_block(Actor *a, Value *block, size_t words)
{
    VmWorker *w = actor_worker(a);
    if (block != a->stack_words) {
        space_free(&w->vm->space, &w->cache, REGION_YOUNG, block, words * sizeof(Value));
    } else {
        MEMORY_UNUSED(block, words * sizeof(Value));
    }
}

static void fini_stack(Actor *a)
{
    free_block(a, a->stack, block_words(a));
    a->stack = NULL;
}

static const StackOps ops = {init_stack, fini_stack, visit_all, visit_piece, runs};
const StackOps *const actor_stack_ops = &ops;

// ---- growing ------------------------------------------------------------------------------------

static bool enlarge(Actor *a, size_t words)
{
    VmWorker *w = actor_worker(a);
    size_t old_words = block_words(a);
    size_t bytes = words * sizeof(Value);
    Value *old = a->stack;

    if (!w->scratch.ops->may_grow(&a->heap, words - old_words)) return false;
    Value *block = space_alloc(&w->vm->space, &w->cache, REGION_YOUNG, &bytes);
    if (!block) return false;
    uint64_t *end = (uint64_t *)((char *)block + bytes);
    size_t returns = (size_t)(a->stack_end - a->rp);
    // Data is copied up to the return words: the running frame's size is not known here.
    memcpy(block, old, (size_t)((Value *)a->rp - old) * sizeof(Value));
    memcpy(end - returns, a->rp, returns * sizeof *a->rp);
    a->fp = block + (a->fp - old);
    a->rp = end - returns;
    a->stack = block;
    a->stack_end = end;
    free_block(a, old, old_words);
    return true;
}

// The largest frame that a code's clauses ask for.
static size_t code_frame_words(const Code *code)
{
    const ImageCode *row = &code->module->view.codes[code->index];
    const uint64_t *word = code->module->words + row->start, *end = word + row->count;
    size_t most = 0;

    while (word < end) {
        Insn in = insn_from_word(*word);
        if (in.op == OP_ENTER) most = MAX(most, (size_t)in.a);
        word += insn_words(in);
    }
    return most;
}

// Words of the smallest block in which every frame has the room that it made sure of; 0 when that is not
// known.
static size_t least_block(const Actor *a)
{
    CodeSpace *cs = &actor_vm(a)->code;
    const uint64_t *rp = a->rp;
    const Value *fp = a->fp;
    const Code *code = code_at(cs, a->pc);
    size_t least = 0;

    for (;;) {
        if (!code) return rp == a->stack_end ? least : 0;
        size_t need = (size_t)(fp - a->stack) + code_frame_words(code) + (size_t)(a->stack_end - rp);
        least = MAX(least, need + STACK_SLACK_WORDS);
        if (rp == a->stack_end) return least;
        Step s = read_step(cs, rp);
        if (s.words == 2) return 0; // a trap: how much it needs is not in the code
        fp -= s.base;
        rp += s.words;
        code = code_at(cs, s.pc - 1);
    }
}

void stack_trim(Actor *a)
{
    VmWorker *w = actor_worker(a);
    size_t words = block_words(a), least = least_block(a), returns = (size_t)(a->stack_end - a->rp);
    bool home = least <= CELL_STACK_WORDS;
    size_t bytes = space_block_bytes(least * sizeof(Value));
    Value *old = a->stack, *block = a->stack_words;

    // What frames were moved out of may not become smaller: [K3].
    if (least == 0 || old == a->stack_words || value_true(a->stack_rest)) return;
    if (home) {
        MEMORY_USABLE(block, sizeof a->stack_words);
        bytes = sizeof a->stack_words;
    } else {
        if (bytes >= words * sizeof(Value)) return;
        block = space_alloc(&w->vm->space, &w->cache, REGION_YOUNG, &bytes);
        if (!block) return;
    }
    uint64_t *end = (uint64_t *)(void *)((char *)block + bytes);
    size_t data = (size_t)((Value *)a->rp - old);
    size_t room = (size_t)((Value *)end - block) - returns;
    memcpy(block, old, MIN(data, room) * sizeof(Value));
    memcpy(end - returns, a->rp, returns * sizeof *a->rp);
    a->fp = block + (a->fp - old);
    a->rp = end - returns;
    a->stack = block;
    a->stack_end = end;
    free_block(a, old, words);
}

static bool fits(const Actor *a, size_t words)
{
    return a->fp + words + STACK_SLACK_WORDS <= (Value *)a->rp;
}

// Return words of the block that belong to frames: all but the underflow stub.
static size_t frame_returns(const Actor *a)
{
    return (size_t)(a->stack_end - a->rp) - (value_true(a->stack_rest) ? 1 : 0);
}

bool stack_grow(Actor *a, size_t words)
{
    while (!fits(a, words)) {
        size_t have = block_words(a);
        size_t want = MAX(have * 2, (size_t)64);
        while (want < words + 2 * STACK_SLACK_WORDS) {
            want *= 2;
        }
        // Frames without data below them are return words only: fp may stand at the bottom all the same.
        if (want <= STACK_WORDS_MAX || frame_returns(a) == 0) {
            if (enlarge(a, want)) continue;
            (void)fail_text(&a->heap, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
            return false;
        }
        // Full: everything below the running frame goes to the heap.
        size_t frame = (size_t)((Value *)a->rp - a->fp);
        if (value_is(stack_capture(a, frame), V_FAIL)) return false;
    }
    return true;
}

// ---- continuations ------------------------------------------------------------------------------

// Allocates the object for what lies below the running frame; V_FAIL without memory. A piece is never
// promoted half-filled: it is complete before the next allocation.
static StackPiece *new_piece(Actor *a, size_t data, size_t returns)
{
    size_t words = (sizeof(StackPiece) - sizeof(Value)) / sizeof(Value) + data + returns;
    Value *object = heap_alloc(&a->heap, header_make(KIND_STACK, words));

    return (StackPiece *)object;
}

// The block forgets all frames but the running one, which moves to its bottom.
static void empty_block(Actor *a, size_t frame_words)
{
    memmove(a->stack, a->fp, frame_words * sizeof(Value));
    a->fp = a->stack;
    a->rp = a->stack_end - 1;
    *a->rp = (uint64_t)actor_vm(a)->code.stub_underflow;
}

Value stack_capture(Actor *a, size_t frame_words)
{
    size_t data = (size_t)(a->fp - a->stack), returns = frame_returns(a);
    StackPiece *p = new_piece(a, data, returns);

    if (!p) return V_FAIL;
    a->own |= OWN_PIECES;
    p->data_words = (uint32_t)data;
    p->return_words = (uint32_t)returns;
    p->rest = a->stack_rest;
    p->rest_data = a->rest_data;
    p->rest_returns = a->rest_returns;
    p->depth_data = a->depth_data;
    p->depth_returns = a->depth_returns;
    memcpy(p->words, a->stack, data * sizeof(Value));
    memcpy(p->words + data, a->rp, returns * sizeof(uint64_t));
    Value v = value_from_words(p, TAG_OBJ);
    empty_block(a, frame_words);
    a->stack_rest = v;
    a->rest_data = (uint32_t)data;
    a->rest_returns = (uint32_t)returns;
    a->depth_data += data;
    a->depth_returns += returns;
    return v;
}

// Skips pieces of which nothing is left.
static void skip_empty_rest(Actor *a)
{
    while (value_true(a->stack_rest) && a->rest_returns == 0 && a->rest_data == 0) {
        StackPiece *p = stack_piece(a->stack_rest);
        a->rest_data = p->rest_data;
        a->rest_returns = p->rest_returns;
        a->stack_rest = p->rest;
    }
}

void stack_underflow(Actor *a)
{
    CodeSpace *cs = &actor_vm(a)->code;
    Value v = a->fp[0];

    skip_empty_rest(a);
    StackPiece *p = stack_piece(a->stack_rest);
    // Return words of a piece stand newest first; the part that is left are its oldest.
    const uint64_t *all = (const uint64_t *)(p->words + p->data_words);
    const uint64_t *newest = all + (p->return_words - a->rest_returns);
    const uint64_t *end = all + p->return_words, *at = newest;
    size_t data = 0;
    while (at < end && data + (size_t)(at - newest) < REINSTATE_WORDS) {
        Step s = read_step(cs, at);
        data += s.base;
        at += s.words;
    }
    ASSERT(at < end || data == a->rest_data);
    size_t returns = (size_t)(at - newest);
    memcpy(a->stack, p->words + a->rest_data - data, data * sizeof(Value));
    a->rest_data -= (uint32_t)data;
    a->rest_returns -= (uint32_t)returns;
    a->depth_data -= data;
    a->depth_returns -= returns;
    skip_empty_rest(a);
    bool more = value_true(a->stack_rest);
    a->rp = a->stack_end - returns - (more ? 1 : 0);
    memcpy(a->rp, newest, returns * sizeof(uint64_t));
    if (more) a->stack_end[-1] = (uint64_t)cs->stub_underflow;
    a->fp = a->stack + data;
    a->fp[0] = v;
}

void stack_reinstate(Actor *a, Value continuation, Value v)
{
    StackPiece *p = stack_piece(continuation);

    a->stack_rest = continuation;
    a->rest_data = p->data_words;
    a->rest_returns = p->return_words;
    a->depth_data = p->depth_data + p->data_words;
    a->depth_returns = p->depth_returns + p->return_words;
    a->fp = a->stack;
    a->rp = a->stack_end;
    a->fp[0] = v;
    stack_underflow(a);
}

// ---- escapes ------------------------------------------------------------------------------------

// An escape knows where its frame and the return word of its call lie and what address that word
// is; the frame holds the escape itself in the slot for the call's result. When all of that is still
// true the call has not returned, whatever captures and re-entries came between.
static bool is_escape_frame(Value escape, const Value *frame, uint64_t word)
{
    if (word != object_ref(escape, ESCAPE_PC).bits) return false;
    const uint64_t *next = (const uint64_t *)word; // NOLINT: a code address
    return value_is(frame[call_dst(next[-1])], escape);
}

static uint32_t escape_base(Value escape)
{
    const uint64_t *next = (const uint64_t *)object_ref(escape, ESCAPE_PC).bits; // NOLINT
    return call_base(next[-1]);
}

static bool escape_in_block(Actor *a, Value escape, uint64_t data, uint64_t returns)
{
    size_t at = returns - a->depth_returns, n = frame_returns(a);

    if (at >= n || data < a->depth_data) return false;
    uint64_t *word = a->rp + (n - 1 - at);
    Value *frame = a->stack + (data - a->depth_data);
    if (frame >= a->fp || !is_escape_frame(escape, frame, *word)) return false;
    a->fp = frame + escape_base(escape);
    a->rp = word;
    return true;
}

static bool escape_in_rest(Actor *a, Value escape, uint64_t data, uint64_t returns)
{
    Value rest = a->stack_rest;
    uint32_t rest_data = a->rest_data, rest_returns = a->rest_returns;

    while (value_true(rest) && returns < stack_piece(rest)->depth_returns) {
        StackPiece *p = stack_piece(rest);
        rest = p->rest;
        rest_data = p->rest_data;
        rest_returns = p->rest_returns;
    }
    if (!value_true(rest)) return false;
    StackPiece *p = stack_piece(rest);
    size_t at = returns - p->depth_returns;
    if (at >= rest_returns || data < p->depth_data || data - p->depth_data >= rest_data)
        return false;
    const uint64_t *all = (const uint64_t *)(p->words + p->data_words);
    Value *frame = p->words + (data - p->depth_data);
    if (!is_escape_frame(escape, frame, all[p->return_words - 1 - at])) return false;
    a->stack_rest = rest;
    a->rest_data = (uint32_t)(data - p->depth_data) + escape_base(escape);
    a->rest_returns = (uint32_t)at + 1;
    a->depth_data = data + escape_base(escape);
    a->depth_returns = returns + 1;
    return true;
}

bool stack_escape(Actor *a, Value escape, Value v)
{
    uint64_t data = (uint64_t)value_int(object_ref(escape, ESCAPE_DATA));
    uint64_t returns = (uint64_t)value_int(object_ref(escape, ESCAPE_RETURNS));

    if (returns >= a->depth_returns) {
        if (!escape_in_block(a, escape, data, returns)) return false;
        a->fp[0] = v;
        return true;
    }
    if (!escape_in_rest(a, escape, data, returns)) return false;
    a->fp = a->stack;
    a->rp = a->stack_end;
    a->fp[0] = v;
    stack_underflow(a);
    return true;
}

Value stack_make_escape(Actor *a, const uint64_t *next)
{
    Value *p = heap_take(&a->heap, 1 + ESCAPE_SLOTS);

    p->bits = header_make(KIND_ESCAPE, ESCAPE_SLOTS);
    p[1 + ESCAPE_DATA] = value_fix((int64_t)(a->depth_data + (uint64_t)(a->fp - a->stack)));
    p[1 + ESCAPE_RETURNS] = value_fix((int64_t)(a->depth_returns + frame_returns(a)));
    p[1 + ESCAPE_PC].bits = (uint64_t)next;
    return value_from_words(p, TAG_OBJ);
}

// ---- traces -------------------------------------------------------------------------------------

// The call instruction in front of a return address: two or three words long.
static const uint64_t *call_before(const Code *code, const uint64_t *next)
{
    return code_safepoint(code, next - 2) ? next - 2 : next - 3;
}

static size_t trace_returns(CodeSpace *cs, const uint64_t *at, const uint64_t *end, FrameInfo *out,
                            size_t n, size_t max)
{
    while (at < end && n < max) {
        Step s = read_step(cs, at);
        bool trap = s.words == 2;
        Code *code = code_at(cs, trap ? s.pc : s.pc - 1);
        if (code) out[n++] = (FrameInfo){code, trap ? s.pc : call_before(code, s.pc)};
        at += s.words;
    }
    return n;
}

size_t stack_trace(const Actor *a, FrameInfo *out, size_t max)
{
    CodeSpace *cs = &actor_vm(a)->code;
    Code *top = code_at(cs, a->pc);
    size_t n = 0;

    if (top && max > 0) out[n++] = (FrameInfo){top, a->pc};
    n = trace_returns(cs, a->rp, a->stack_end, out, n, max);
    Value rest = a->stack_rest;
    uint32_t returns = a->rest_returns;
    while (value_true(rest) && n < max) {
        StackPiece *p = stack_piece(rest);
        const uint64_t *end = (const uint64_t *)(p->words + p->data_words) + p->return_words;
        n = trace_returns(cs, end - returns, end, out, n, max);
        returns = p->rest_returns;
        rest = p->rest;
    }
    return n;
}
