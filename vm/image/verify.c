// The verifier: one linear pass over each procedure proves that running it keeps to its frame.
//
// Proved of every module that is not part of the binary itself:
//   [V1] codes lie one after another inside the words; every word belongs to an instruction of the
//        table that images may contain, unused operands are zero, indexes name existing rows
//   [V2] control stays inside the procedure: targets are instruction starts, the end is never run
//        into, and only LOOP, which counts a reduction, goes back
//   [V3] the table of labels holds every target with the slots that are set there; the table of
//        safepoints holds every SAFE instruction with the slots that live there
//   [V4] a slot is read only where it is set on all paths. At a safepoint the set shrinks to the
//        mask: what the collector does not update is never read again
//   [V5] windows and callee frames lie inside the frame; a call's mask names slots below its base
//   [V6] a procedure begins with ARGC/ENTRY rows, each ENTRY is followed by its ENTER, and direct
//        calls go to an ENTER with as many values as it has parameters
//   [V7] natives get a number of arguments they accept; a module defines and assigns its own cells
//        only; immediates are fixnums, characters or constants that programs may see
//
// Types of operands are not proved: every instruction and native checks those it depends on.
#include "vm/image/image.h"

#include "vm/base/mem.h"
#include "vm/base/utf8.h"
#include "vm/image/prim.h"
#include "vm/image/tags.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SET_WORDS (FRAME_SLOTS_MAX / 64)

typedef struct {
    uint64_t bits[SET_WORDS];
} SlotSet;

typedef struct {
    const ModuleView *m;
    char *why;
    size_t why_size;
    uint8_t *starts; // one bit a word: an instruction starts here
    uint32_t code;   // being verified
    uint32_t pc;
    uint32_t end;    // one past the code's last word
    uint32_t safe;   // next row of the safepoint table
    uint32_t label;  // next row of the label table
    uint32_t frame;  // slots; 0 before ENTER
    bool pre;        // arguments are not counted yet
    uint32_t entry;  // pc of the last ENTRY
    bool live;       // control can come here
    SlotSet set;     // slots that hold a value now
} Verify;

COLD static bool refuse(Verify *v, const char *fmt, ...) PRINTF_LIKE(2, 3);

static bool refuse(Verify *v, const char *fmt, ...)
{
    char text[120];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    snprintf(v->why, v->why_size, "damaged image (code %u, word %u: %s)", v->code, v->pc, text);
    return false;
}

// ---- slot sets --------------------------------------------------------------------------------

static bool set_has(const SlotSet *s, uint32_t slot)
{
    return s->bits[slot / 64] >> (slot % 64) & 1;
}

static void set_add(SlotSet *s, uint32_t slot)
{
    s->bits[slot / 64] |= (uint64_t)1 << (slot % 64);
}

static bool is_subset(const SlotSet *a, const SlotSet *b, uint32_t frame)
{
    for (uint32_t i = 0; i <= frame / 64 && i < SET_WORDS; i++) {
        if (a->bits[i] & ~b->bits[i]) return false;
    }
    return true;
}

static void set_first(SlotSet *s, uint32_t n)
{
    memset(s, 0, sizeof *s);
    for (uint32_t i = 0; i < n; i++) {
        set_add(s, i);
    }
}

// Decodes a mask into a set; its slots must be below `limit`.
static bool mask_slots(Verify *v, uint32_t mask, uint32_t limit, SlotSet *out)
{
    memset(out, 0, sizeof *out);
    if (!(mask & MASK_WIDE)) {
        out->bits[0] = mask;
    } else {
        uint32_t at = mask & ~MASK_WIDE;
        if (at >= v->m->mask_count) return refuse(v, "wide mask index");
        uint32_t n = v->m->masks[at];
        if (n > SET_WORDS * 2 || n > v->m->mask_count - at - 1) return refuse(v, "wide mask size");
        for (uint32_t i = 0; i < n; i++) {
            out->bits[i / 2] |= (uint64_t)v->m->masks[at + 1 + i] << (i % 2 * 32);
        }
    }
    for (uint32_t i = 0; i < SET_WORDS; i++) {
        uint64_t bits = out->bits[i];
        if (bits && i * 64 + 63 - (uint32_t)__builtin_clzll(bits) >= limit)
            return refuse(v, "mask names a slot outside the frame");
    }
    return true;
}

// ---- operands -----------------------------------------------------------------------------------

static bool check_read(Verify *v, uint32_t slot)
{
    if (slot >= v->frame || !set_has(&v->set, slot))
        return refuse(v, "slot %u is read but not set", slot);
    return true;
}

static bool check_window(Verify *v, uint32_t base, uint32_t n)
{
    if (base > v->frame || n > v->frame - base) return refuse(v, "window outside the frame");
    for (uint32_t i = 0; i < n; i++) {
        if (!check_read(v, base + i)) return false;
    }
    return true;
}

static bool is_start(const Verify *v, uint32_t pc)
{
    return v->starts[pc / 8] >> (pc % 8) & 1;
}

static bool check_immediate(Verify *v, int32_t wide)
{
    uint64_t bits = (uint64_t)(int64_t)wide;
    bool fits = (bits & TAG_MASK) == TAG_FIX ||
                ((bits & 0xff) == CHAR_LOW && utf8_is_scalar(bits >> 8)) ||
                (bits & 0xff) == IMM_BITS(IMM_CONST, 0);
    if (!fits || ((bits & 0xff) == TAG_IMM && bits >> 8 > IMM_DEFAULT))
        return refuse(v, "immediate that programs may not see");
    return true;
}

// The row of the label table at `pc`; NULL when there is none.
static const ImageLabel *find_label(const Verify *v, uint32_t pc)
{
    uint32_t low = 0, high = v->m->label_count;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (v->m->labels[mid].pc < pc) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low < v->m->label_count && v->m->labels[low].pc == pc ? &v->m->labels[low] : NULL;
}

// A jump from v->pc to v->pc + offset with the slots that are set now.
static bool check_jump(Verify *v, Op op, int64_t offset)
{
    int64_t target = (int64_t)v->pc + offset;
    SlotSet wanted;

    if (target < v->m->codes[v->code].start || target >= v->end || !is_start(v, (uint32_t)target))
        return refuse(v, "target is no instruction of this code");
    if ((offset <= 0) != (op == OP_LOOP)) return refuse(v, "only LOOP goes back, and only back");
    Insn to = insn_from_word(v->m->words[target]);
    if (((op_info[to.op].flags & OPF_PRE) != 0) != (op == OP_ARGC))
        return refuse(v, "jump into or out of the entry sequence");
    if (op == OP_ARGC) return true;
    const ImageLabel *label = find_label(v, (uint32_t)target);
    if (!label) return refuse(v, "target without a label row");
    if (!mask_slots(v, label->mask, v->frame, &wanted)) return false;
    if (!is_subset(&wanted, &v->set, v->frame)) return refuse(v, "slot not set at the target");
    return true;
}

static bool check_call_target(Verify *v, Insn in)
{
    int64_t target = (int64_t)v->pc + insn_wide(in);

    if (target < 0 || target >= v->m->word_count || !is_start(v, (uint32_t)target))
        return refuse(v, "call of no instruction");
    Insn to = insn_from_word(v->m->words[target]);
    if (to.op != OP_ENTER || to.b != in.a) return refuse(v, "call does not fit the ENTER");
    return true;
}

static bool check_native(Verify *v, Insn in, uint64_t index)
{
    if (index >= v->m->native_count) return refuse(v, "native index");
    const PrimInfo *prim = prim_info((int)v->m->natives[index].prim);
    if (in.c < prim->min_args || (prim->max_args >= 0 && in.c > prim->max_args))
        return refuse(v, "%s with %u arguments", prim->name, in.c);
    return true;
}

static bool check_cell(Verify *v, Insn in, uint64_t index)
{
    if (index >= v->m->cell_count) return refuse(v, "cell index");
    uint32_t flags = v->m->cells[index].flags;
    if (in.op == OP_DEFINE && !(flags & CELL_HERE)) return refuse(v, "defines a foreign cell");
    if (in.op == OP_SETGLOBAL && !(flags & CELL_ASSIGNED))
        return refuse(v, "assigns a cell that is not to be assigned");
    return true;
}

static bool check_captures(Verify *v, Insn in, const uint64_t *words, uint64_t code)
{
    if (code >= v->m->code_count || v->m->codes[code].free_count != in.b)
        return refuse(v, "closure does not fit its code");
    for (uint32_t i = 0; i < in.b; i++) {
        if (!check_read(v, (uint16_t)(words[i / 4] >> (i % 4 * 16)))) return false;
    }
    return true;
}

static bool check_ext(Verify *v, Insn in)
{
    const uint64_t *word = &v->m->words[v->pc + 1];

    for (const char *e = op_info[in.op].ext; *e; e++, word++) {
        switch (*e) {
        case 'l':
            if (*word >= v->m->head->literal_count) return refuse(v, "literal index");
            break;
        case 'c':
            if (!check_cell(v, in, *word)) return false;
            break;
        case 'n':
            if (!check_native(v, in, *word)) return false;
            break;
        case 'f':
            return check_captures(v, in, word + 1, *word);
        default: // 'k': checked where the call is
            break;
        }
    }
    return true;
}

// Everything that the instruction reads; jumps are checked after its writes.
static bool check_operands(Verify *v, Insn in)
{
    const uint16_t operand[3] = {in.a, in.b, in.c};
    const OpInfo *info = &op_info[in.op];

    for (int i = 0; i < 3; i++) {
        switch ((OperandKind)info->kind[i]) {
        case OPERAND__:
            if (operand[i] != 0) return refuse(v, "unused operand");
            break;
        case OPERAND_S:
            if (!check_read(v, operand[i])) return false;
            break;
        case OPERAND_D:
            if (operand[i] >= v->frame) return refuse(v, "destination outside the frame");
            break;
        case OPERAND_W:
            if (!check_window(v, operand[i], in.c)) return false;
            break;
        case OPERAND_V:
            if (operand[i] > v->frame || in.c > v->frame - operand[i])
                return refuse(v, "window outside the frame");
            break;
        case OPERAND_K:
            if (i == 1 && !check_immediate(v, insn_wide(in))) return false;
            break;
        case OPERAND_U:
        case OPERAND_I:
        case OPERAND_N:
        case OPERAND_L:
        case OPERAND_M:
            break;
        }
    }
    return true;
}

// ---- instructions ---------------------------------------------------------------------------------

// The safepoint row of a SAFE instruction. The set shrinks to its mask before anything is checked as
// read: what the instruction reads must survive a collection, because it is run again after one.
static bool check_safepoint(Verify *v, Insn in)
{
    SlotSet mask;

    if (v->safe >= v->m->safe_count || v->m->safe[v->safe].pc != v->pc)
        return refuse(v, "no safepoint row");
    const ImageSafe *row = &v->m->safe[v->safe++];
    if (op_info[in.op].flags & OPF_PRE) return true; // the arguments are counted at run time
    if (!mask_slots(v, row->mask, v->frame, &mask)) return false;
    if (!is_subset(&mask, &v->set, v->frame)) return refuse(v, "mask names a slot that is not set");
    v->set = mask;
    return true;
}

// What takes at least one: the type of a record, the list of an apply, the rest of an unpack.
static bool has_enough(Insn in)
{
    switch (in.op) {
    case OP_RECORD:
    case OP_UNPACKR:
        return in.c > 0;
    case OP_APPLY:
    case OP_TAPPLY:
        return in.a > 0;
    default:
        return true;
    }
}

static bool check_call(Verify *v, Insn in)
{
    uint64_t word = v->m->words[v->pc + insn_words(in) - 1];
    uint32_t base = call_base(word), dst = call_dst(word);
    SlotSet mask;

    if (dst >= v->frame) return refuse(v, "result outside the frame");
    if (!check_window(v, base, in.a)) return false;
    if (in.op == OP_CALLE) {
        // The escape stands in the result's slot for as long as the call lasts.
        if (base >= v->frame) return refuse(v, "window outside the frame");
        set_add(&v->set, dst);
    }
    if (!mask_slots(v, call_mask(word), base, &mask)) return false;
    if (in.op == OP_CALLE && !set_has(&mask, dst)) return refuse(v, "escape is not kept");
    if (!is_subset(&mask, &v->set, v->frame)) return refuse(v, "mask names a slot that is not set");
    v->set = mask;
    set_add(&v->set, dst);
    return true;
}

static bool check_entry(Verify *v, Insn in)
{
    if (in.op == OP_ARGC) return check_jump(v, OP_ARGC, (int16_t)in.c);
    if (in.op == OP_BADARGC) return true;
    uint32_t params = in.a + ((in.b & ENTRY_REST) != 0) + ((in.b & ENTRY_SELF) != 0);
    uint32_t next = v->pc + 1;
    v->entry = v->pc;
    if (in.b > (ENTRY_REST | ENTRY_SELF) || params > FRAME_SLOTS_MAX) return refuse(v, "entry");
    if (next >= v->end || insn_from_word(v->m->words[next]).op != OP_ENTER ||
        insn_from_word(v->m->words[next]).b != params)
        return refuse(v, "entry without its ENTER");
    return true;
}

static bool check_enter(Verify *v, Insn in)
{
    // Behind its ENTRY, which has counted the arguments.
    if (!v->pre || v->entry + 1 != v->pc) return refuse(v, "ENTER out of place");
    if (in.a > FRAME_SLOTS_MAX || in.b > in.a) return refuse(v, "frame size");
    v->frame = in.a;
    v->pre = false;
    v->live = true;
    set_first(&v->set, in.b);
    return true;
}

// Marks what the instruction writes.
static void add_writes(Verify *v, Insn in)
{
    const uint16_t operand[3] = {in.a, in.b, in.c};

    for (int i = 0; i < 3; i++) {
        OperandKind kind = (OperandKind)op_info[in.op].kind[i];
        if (kind == OPERAND_D) set_add(&v->set, operand[i]);
        if (kind == OPERAND_V) {
            for (uint32_t j = 0; j < in.c; j++) {
                set_add(&v->set, (uint32_t)operand[i] + j);
            }
        }
    }
}

static bool check_targets(Verify *v, Insn in)
{
    const OpInfo *info = &op_info[in.op];

    if (in.op == OP_CALL || in.op == OP_TCALL) return check_call_target(v, in);
    if (info->kind[2] == OPERAND_L) return check_jump(v, (Op)in.op, (int16_t)in.c);
    if (info->kind[1] == OPERAND_M) return check_jump(v, (Op)in.op, insn_wide(in));
    return true;
}

// Slots 0 to a-1 of a tail call are its arguments.
static bool check_tail_arguments(Verify *v, Insn in)
{
    if (in.op == OP_TCALL || in.op == OP_TCALLG || in.op == OP_TCALLC || in.op == OP_TAPPLY)
        return check_window(v, 0, in.a);
    return true;
}

static bool check_insn(Verify *v, Insn in)
{
    const OpInfo *info = &op_info[in.op];

    if (info->flags & OPF_STUB) return refuse(v, "%s in an image", info->name);
    if (v->pre != ((info->flags & OPF_PRE) != 0) && in.op != OP_ENTER)
        return refuse(v, "%s out of place", info->name);
    if (info->flags & OPF_PRE) {
        if (!check_entry(v, in)) return false;
        return !(info->flags & OPF_SAFE) || check_safepoint(v, in);
    }
    if (in.op == OP_ENTER && !check_enter(v, in)) return false;
    if ((info->flags & OPF_SAFE) && !check_safepoint(v, in)) return false;
    if (!has_enough(in)) return refuse(v, "%s of nothing", info->name);
    if (!check_operands(v, in) || !check_ext(v, in) || !check_tail_arguments(v, in)) return false;
    if (info->flags & OPF_CALL) return check_call(v, in) && check_targets(v, in);
    add_writes(v, in);
    return check_targets(v, in);
}

// The slots at this point, where a label stands or control has just ended.
static bool arrive(Verify *v, Insn in)
{
    const ModuleView *m = v->m;
    SlotSet here;

    if (v->label < m->label_count && m->labels[v->label].pc < v->pc)
        return refuse(v, "label inside an instruction");
    if (v->label < m->label_count && m->labels[v->label].pc == v->pc) {
        if (v->pre) return refuse(v, "label in the entry sequence");
        if (!mask_slots(v, m->labels[v->label].mask, v->frame, &here)) return false;
        if (v->live && !is_subset(&here, &v->set, v->frame)) return refuse(v, "slot not set at label");
        v->set = here;
        v->live = true;
        v->label++;
    }
    if (!v->live && (op_info[in.op].flags & OPF_PRE)) {
        v->pre = v->live = true; // the next clause of a case-lambda
    }
    return v->live || refuse(v, "code that nothing reaches");
}

static bool verify_code(Verify *v)
{
    v->pre = v->live = true;
    v->entry = UINT32_MAX - 1;
    v->frame = 0;
    while (v->pc < v->end) {
        Insn in = insn_from_word(v->m->words[v->pc]);
        if (!arrive(v, in) || !check_insn(v, in)) return false;
        if (op_info[in.op].flags & OPF_END) v->live = false;
        v->pc += insn_words(in);
    }
    return !v->live || refuse(v, "control runs into the end");
}

// First pass: [V1] instruction boundaries of one code.
static bool find_starts(Verify *v, uint32_t start, uint32_t end)
{
    for (v->pc = start; v->pc < end;) {
        Insn in = insn_from_word(v->m->words[v->pc]);
        if (in.op >= OP_COUNT) return refuse(v, "unknown instruction");
        if (insn_words(in) > end - v->pc) return refuse(v, "instruction cut off");
        v->starts[v->pc / 8] |= (uint8_t)(1 << (v->pc % 8));
        v->pc += insn_words(in);
    }
    return true;
}

static bool verify_codes(Verify *v)
{
    const ModuleView *m = v->m;
    uint32_t at = 0;

    for (v->code = 0; v->code < m->code_count; v->code++) {
        const ImageCode *code = &m->codes[v->code];
        v->pc = code->start;
        if (code->start != at || code->count == 0 || code->count > m->word_count - at)
            return refuse(v, "codes do not lie one after another");
        at += code->count;
        if (!find_starts(v, code->start, at)) return false;
    }
    if (at != m->word_count) return refuse(v, "words outside every code");
    for (v->code = 0; v->code < m->code_count; v->code++) {
        const ImageCode *code = &m->codes[v->code];
        v->pc = code->start;
        v->end = code->start + code->count;
        if (!verify_code(v)) return false;
    }
    if (v->safe != m->safe_count || v->label != m->label_count)
        return refuse(v, "table rows that belong to no instruction");
    return true;
}

// The body of a module takes no arguments and captures nothing.
static bool verify_init(Verify *v)
{
    const ModuleView *m = v->m;

    if (m->head->init_code >= m->code_count) return refuse(v, "no body");
    const ImageCode *init = &m->codes[m->head->init_code];
    Insn entry = insn_from_word(m->words[init->start]);
    if (init->free_count != 0 || entry.op != OP_ENTRY || entry.a != 0 || entry.b != 0)
        return refuse(v, "the body is no procedure without arguments");
    if (m->head->main_cell > m->cell_count ||
        (m->head->main_cell && !(m->cells[m->head->main_cell - 1].flags & CELL_HERE)))
        return refuse(v, "main is no cell of the module");
    return true;
}

static bool check_natives(Verify *v)
{
    for (uint32_t i = 0; i < v->m->native_count; i++) {
        uint32_t prim = v->m->natives[i].prim;
        if (prim >= PRIM_COUNT || prim_info((int)prim)->shape != PRIM_NATIVE)
            return refuse(v, "unknown native %u", prim);
    }
    return true;
}

bool image_verify(const ModuleView *m, char *why, size_t why_size)
{
    size_t start_bytes = m->word_count / 8 + 1;
    Verify v = {.m = m, .why = why, .why_size = why_size};
    bool ok = false;

    v.starts = mem_zalloc(MEM_IMAGE, start_bytes);
    if (v.starts) {
        ok = check_natives(&v) && verify_codes(&v) && verify_init(&v);
    } else {
        snprintf(why, why_size, "out of memory");
    }
    mem_free(MEM_IMAGE, v.starts, start_bytes);
    return ok;
}
