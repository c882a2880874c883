// The interpreter: one loop over the bodies in op_*.inc.
//
// State is in locals: pc, fp, rp, the nursery pointer hp, reductions left. SAVE writes it to the
// actor before C code that may look at it or collect, LOAD reads it back. A body may be started again
// from its beginning (after a collection, after a wait), so it writes nothing before it can no
// longer fail.
//
// The bodies use only the vocabulary below, so that the same text can be compiled into stencils.
#include "vm/exec/exec.h"
#include "vm/exec/ops.h"
#include "vm/exec/stack.h"

#include "vm/data/num.h"

#define A    (((const Insn *)pc)->a)
#define B    (((const Insn *)pc)->b)
#define C    (((const Insn *)pc)->c)
#define IMMC ((int64_t)(int16_t)C)
#define R(i) (fp[i])
#define WIDE (*(const int32_t *)((const char *)pc + 4))
#define EXT(i) (pc[i])

#define SAVE()                                                                                     \
    do {                                                                                           \
        a->fp = fp;                                                                                \
        a->rp = rp;                                                                                \
        a->pc = pc;                                                                                \
        a->heap.hp = hp;                                                                           \
        w->reductions_left = red;                                                                  \
    } while (0)
#define LOAD()                                                                                     \
    do {                                                                                           \
        fp = a->fp;                                                                                \
        rp = a->rp;                                                                                \
        hp = a->heap.hp;                                                                           \
        red = w->reductions_left;                                                                  \
    } while (0)
// After C code that may only have allocated.
#define LOAD_HEAP() (hp = a->heap.hp)

#define DISPATCH() goto *labels[((const Insn *)pc)->op]
#define NEXT(n)                                                                                    \
    do {                                                                                           \
        pc += (n);                                                                                 \
        DISPATCH();                                                                                \
    } while (0)
#define JUMP(offset)                                                                               \
    do {                                                                                           \
        pc += (offset);                                                                            \
        DISPATCH();                                                                                \
    } while (0)
#define BRANCH(cond, offset, n)                                                                    \
    do {                                                                                           \
        if (cond) JUMP(offset);                                                                    \
        NEXT(n);                                                                                   \
    } while (0)
#define LABEL16 ((int16_t)C)

// Room for n words; may start the instruction again.
#if BUILD_STRESS
#define NEED(n)                                                                                    \
    do {                                                                                           \
        if (!collected) {                                                                          \
            need = (n);                                                                            \
            goto collect;                                                                          \
        }                                                                                          \
        collected = false;                                                                         \
    } while (0)
#else
#define NEED(n)                                                                                    \
    do {                                                                                           \
        if (UNLIKELY((size_t)(a->heap.limit - hp) < (size_t)(n))) {                                \
            need = (size_t)(n);                                                                    \
            goto collect;                                                                          \
        }                                                                                          \
    } while (0)
#endif

#define FAULT() goto fault
#define ENTER_CALLEE() goto enter_callee

// Body of every instruction that leaves its work to C: may collect, may fail.
#define SLOW_VALUE(expr, n)                                                                        \
    do {                                                                                           \
        SAVE();                                                                                    \
        Value slow = (expr);                                                                       \
        LOAD_HEAP();                                                                               \
        if (UNLIKELY(value_is(slow, V_FAIL))) FAULT();                                             \
        R(A) = slow;                                                                               \
        NEXT(n);                                                                                   \
    } while (0)

#define OP_BODY(name) L_##name:

RunEnd interp_run(VmWorker *w, Actor *a)
{
    static const void *const labels[OP_COUNT] = {
#define OP(name, x, y, z, ext, flags, doc) &&L_##name,
#include "vm/image/op.def"
    };
    const uint64_t *pc = a->pc;
    Value *fp = a->fp;
    uint64_t *rp = a->rp;
    Value *hp = a->heap.hp;
    int64_t red = w->reductions_left;
    Value callee = V_FALSE;
    uint32_t argc = a->argc;
    size_t need = 0;
#if BUILD_STRESS
    bool collected = false;
#endif

    if (a->callee.bits != V_FALSE.bits) {
        callee = a->callee;
        a->callee = V_FALSE;
    }
    DISPATCH();

#include "vm/exec/op_call.inc"
#include "vm/exec/op_data.inc"
#include "vm/exec/op_move.inc"
#include "vm/exec/op_num.inc"
#include "vm/exec/op_test.inc"

collect:
    SAVE();
    a->callee = callee;
    a->argc = argc;
    if (!heap_collect_for(&a->heap, need)) {
        LOAD_HEAP();
        a->callee = V_FALSE;
        FAULT();
    }
    LOAD_HEAP();
    callee = a->callee;
    a->callee = V_FALSE;
#if BUILD_STRESS
    collected = true;
#endif
    DISPATCH();

enter_callee:
    pc = code_entry(proc_code(value_proc(callee)));
    DISPATCH();

entry_fault:
    SAVE();
    a->argc = argc;
    if (!exec_raise_entry_fault(a)) goto give_up;
    goto resume;

fault:
    SAVE();
    if (!exec_raise_fault(a)) goto give_up;
resume:
    // a->callee is to be called with a->argc arguments in the slots from fp on.
    LOAD();
    callee = a->callee;
    argc = a->argc;
    a->callee = V_FALSE;
    ENTER_CALLEE();

give_up:
    a->reason = actor_vm(a)->symbol[SYM_heap_limit];
    a->own |= OWN_EXITING;
    return RUN_EXIT;

yield:
    SAVE();
    a->callee = V_FALSE;
    return RUN_YIELD;
}
