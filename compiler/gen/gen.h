// Shared by the files of the code generator.
//
// One walk over a procedure's tree makes its code. Slots are given out as values come to life and taken
// back when the last use of a variable on the path has been made; what is live at each instruction is
// therefore known when it is written, and the masks of safepoints and labels come for free.
//
// Uses: each variable has a count of uses still to come on the current path. Before the branches of an
// if are generated, the uses of the other branch are taken off (uses.c counted them), so a variable
// dies exactly where nothing ahead needs it. A jump to a label counts as a use of everything that the
// labels' bodies need from outside.
#ifndef COMPILER_GEN_GEN_H
#define COMPILER_GEN_GEN_H

#include "compiler/pass/pass.h"
#include "vm/image/image.h"
#include "vm/image/tags.h"

#define NO_SLOT UINT32_MAX
// Slots of a frame that variables and temporaries may take; the rest is for calls.
#define GEN_SLOTS_MAX 4000

typedef struct {
    uint64_t bits[FRAME_SLOTS_MAX / 64];
} SlotSet;

// What the generator knows of a variable.
typedef struct {
    uint32_t slot;      // NO_SLOT while it has none
    int32_t uses;       // still to come on this path
    uint32_t acc, at;   // uses.c: list it is in, and where
} VarState;

typedef struct {
    Var *var;
    int32_t count;
} Use;

typedef struct {
    Use *items;
    uint32_t count, capacity;
} UseList;

// A place in the code that is jumped to from before it: a list of jumps to be patched, and what was
// live at all of them.
typedef struct {
    uint32_t *jumps; // word indexes
    uint32_t count, capacity;
    bool reached;
    uint64_t *live;  // `words` words of slots
    uint32_t words;
    Var **owner;     // of those slots, as of the first jump; temporaries have none
} Label;

// The labels of one CORE_LABELS.
typedef struct {
    Core *node;
    UseList pins;    // what their bodies use from outside, counts unused
    UseList **uses;  // of each body: not counted while other code is written
    Label *labels;   // by index, until each is placed
    uint32_t *at;    // word index once placed; UINT32_MAX before
    uint32_t **params; // slots of each label's parameters
} LabelGroup;

typedef struct {
    LabelGroup *group;
    uint32_t index;
} LabelRef;

// Where the value of an expression goes.
typedef enum {
    TO_SLOT,   // into a slot: `slot`, or any fresh one when it is NO_SLOT
    TO_NOTHING,
    TO_RETURN, // it is the procedure's value
} ToKind;

typedef struct {
    ToKind kind;
    uint32_t slot;
} To;

typedef struct {
    Compiler *c;
    Module *module;
    ModuleWriter *out;
    Buf words; // of the procedure
    Buf safe, labels;
    Function *fn;
    const Function *init; // the module's body
    bool failed; // a limit was exceeded and reported
    bool live;   // control comes here
    bool far_;   // branches of this procedure may not fit 16 bits
    SlotSet used;     // slots that may not be given out
    SlotSet set;      // of them, those that hold a value
    SlotSet held;     // of them, those kept by an enclosing construct, with or without a value
    uint32_t last_label; // where the last label was placed
    Var *owner[FRAME_SLOTS_MAX];
    uint32_t frame;   // slots needed so far
    uint32_t base_pc; // word index of the procedure in the module
    uint32_t param_count;
    struct Tables *tables; // literals, cells, natives of the module
    uint32_t result;       // slot that the last value went to
} Gen;

// ---- slots.c
bool slot_has(const SlotSet *s, uint32_t slot);
void slot_add(SlotSet *s, uint32_t slot);
void slot_remove(SlotSet *s, uint32_t slot);

uint32_t gen_set_words(const Gen *g); // of a SlotSet that can be in use
uint32_t gen_highest(const Gen *g, const SlotSet *s); // one past the highest member; 0 when empty
uint32_t gen_reserve(Gen *g);               // the lowest free slot, no value in it yet
void gen_occupy(Gen *g, uint32_t slot);     // holds a value from now on
void gen_free(Gen *g, uint32_t slot);
uint32_t gen_hold(Gen *g);                  // reserves a slot until gen_unhold, across labels
void gen_unhold(Gen *g, uint32_t slot);     // stays used if it holds a value
void gen_need_frame(Gen *g, uint32_t slots);
void gen_bind(Gen *g, Var *v, uint32_t slot); // the slot's value is the variable's
void gen_drop_if_dead(Gen *g, Var *v);
VarState *gen_var(Gen *g, Var *v);
uint32_t gen_mask(Gen *g, const SlotSet *s);  // as an image's mask word
// Takes the uses of `list` off (sign -1) or puts them back (+1); with -1 what dies is freed.
void gen_adjust_uses(Gen *g, const UseList *list, int sign);

// ---- emit.c
uint32_t gen_pc(const Gen *g);
void gen_emit(Gen *g, Op op, uint32_t a, uint32_t b, uint32_t c);
void gen_word(Gen *g, uint64_t word);
// The safepoint row of the instruction about to be emitted: what lives now.
void gen_safepoint(Gen *g, Span span);
void gen_wide(Gen *g, Op op, uint32_t a, int32_t wide);
// A branch to a label; `inverse` is the opcode of the opposite branch, for labels that are too far.
void gen_branch(Gen *g, Op op, Op inverse, uint32_t a, uint32_t b, Label *l);
void gen_branch_wide(Gen *g, Op op, uint32_t a, Label *l);
// Patches the 16- or 32-bit label of the instruction at `pc` to lead to `target`.
void gen_patch(Gen *g, uint32_t pc, uint32_t target);

Label *gen_label_new(Gen *g);
// The instruction just emitted at `pc` jumps to the label.
void gen_label_jump(Gen *g, Label *l, uint32_t pc);
// Here it is: what was live at all jumps (and here, if control also falls in) is live.
void gen_label_place(Gen *g, Label *l);
// The row of the label table for this place, which may be jumped to.
void gen_label_row(Gen *g);
void gen_jump(Gen *g, Label *l);
void gen_set_live(Gen *g, const Label *l); // exactly what lives at the label

// ---- uses.c
void gen_count_uses(Gen *g, Function *f, Clause *clause);

// ---- expr.c
void gen_expr(Gen *g, Core *n, To to);
// The value in a slot: the variable's own, or a fresh temporary. Released by gen_release.
uint32_t gen_operand(Gen *g, Core *n);
void gen_release(Gen *g, Core *n, uint32_t slot);
// Puts a result where it belongs: the slot to write is gen_target, and gen_deliver follows the write.
uint32_t gen_target(Gen *g, To to);
void gen_deliver(Gen *g, To to, uint32_t slot);
void gen_constant(Gen *g, Stx *x, To to);
bool gen_immediate(const Stx *x, int32_t *bits);

// ---- assign.c: several values into given slots at once
// `last`: control leaves for a call or a label, nothing that is not read by the values lives on but what
// is kept in slots that are no targets.
void gen_assign(Gen *g, Core **items, const uint32_t *targets, uint32_t count, bool last);
bool gen_is_simple(const Core *n); // no call inside
// Slots that live beyond the given expressions: one past the highest.
uint32_t gen_base_after(Gen *g, Core **items, uint32_t count);

// ---- prim.c, call.c, control.c, test.c
void gen_prim(Gen *g, Core *n, To to);
void gen_call(Gen *g, Core *n, To to);
void gen_call_escape(Gen *g, Core *n, To to);
// Values into consecutive slots above everything that lives on; gives the first slot.
uint32_t gen_native_window(Gen *g, Core **items, uint32_t count);
// The CALL or TCALL at `pc` leads to a clause of a function whose code may come later.
void gen_note_call(Gen *g, uint32_t pc, Function *f, uint32_t clause);
void gen_if(Gen *g, Core *n, To to);
void gen_labels(Gen *g, Core *n, To to);
void gen_label_call(Gen *g, Core *n);
// Jumps to `l` if the truth of n is `sense`, else falls through.
void gen_test(Gen *g, Core *n, Label *l, bool sense);

// ---- tables.c: what code words name by index
struct Tables *tables_new(Compiler *c, ModuleWriter *out);
void tables_free(struct Tables *t);
uint32_t table_literal(struct Tables *t, Stx *x);
uint32_t table_cell(struct Tables *t, Global *g);
uint32_t table_native(struct Tables *t, uint16_t prim);
bool table_finish(struct Tables *t); // writes the sections

// ---- module.c
// Compiles one expanded module to the tables of an image. False when a limit was exceeded (reported).
MUST_USE bool gen_module(Compiler *c, Module *m, Program *p, ModuleWriter *out);

#endif
