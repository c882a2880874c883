// From a fault, which C code leaves behind, to a call of the kernel's %raise-fault on top of the
// instruction that failed.
//
// The frames stay as they are: a trap return word records the instruction, so the trace is complete
// and a handler may look at, or escape from, the place of the error.
#include "vm/exec/exec.h"
#include "vm/exec/stack.h"

#include "vm/actor/mailbox.h"

#include "vm/code/print.h"
#include "vm/data/bytes.h"

#include <string.h>

// A value in a message is cut at this length.
#define SHOWN_BYTES 100

void fault_message(const Fault *f, Buf *out)
{
    if (f->who) buf_printf(out, "%s: ", f->who);
    switch (f->form) {
    case FAULT_EXPECTED:
        buf_printf(out, "expected %s, got ", f->expected);
        print_value(out, f->irritants[0], PRINT_WRITE, SHOWN_BYTES);
        break;
    case FAULT_INDEX:
        buf_text(out, "index ");
        print_value(out, f->irritants[0], PRINT_WRITE, SHOWN_BYTES);
        buf_printf(out, " is out of range for %s of length %lld", f->expected, (long long)f->n);
        break;
    case FAULT_TEXT:
    case FAULT_NONE:
        buf_text(out, f->text);
        for (unsigned i = 0; i < f->irritant_count; i++) {
            buf_text(out, " ");
            print_value(out, f->irritants[i], PRINT_WRITE, SHOWN_BYTES);
        }
        break;
    }
}

static const char *error_tag(ErrKind kind)
{
    static const char *const tags[ERR_COUNT] = {
#define ERR(name, tag, parent) tag,
#include "vm/heap/err.def"
    };
    return tags[kind];
}

// ---- traces -------------------------------------------------------------------------------------

#define TRACE_MAX 64
// One entry: a list of six, and its place in the outer list.
#define TRACE_ENTRY_WORDS (2 * 6 + 2)

static Value source_path(Vm *vm, const LoadedModule *m)
{
    size_t size;
    const char *path = image_text(&m->view, m->view.head->source_path, &size);
    Value symbol = path && size ? symbol_intern(&vm->symbols, path, size) : V_FAIL;
    Value string = value_is(symbol, V_FAIL) ? V_FAIL : symbol_string(&vm->symbols, symbol);

    return value_is(string, V_FAIL) ? V_FALSE : string;
}

// (name file line column end-line end-column); the words are reserved.
static Value trace_entry(Vm *vm, Heap *h, const FrameInfo *frame)
{
    const ImageSafe *row = code_safepoint(frame->code, frame->pc);
    const ImageCode *code = &frame->code->module->view.codes[frame->code->index];
    // An instruction without a place stands for the procedure's definition.
    uint32_t line = row && row->line ? row->line : code->line;
    uint32_t column = row && row->line ? row->column : code->column;
    uint32_t end_line = row && row->line ? line + row->end_line_delta : line;
    uint32_t end_column = row && row->line ? row->end_column : column;
    Value parts[6] = {frame->code->name, source_path(vm, frame->code->module), value_fix(line),
                      value_fix(column), value_fix(end_line), value_fix(end_column)};
    Value list = V_NIL;

    for (size_t i = countof(parts); i > 0; i--) {
        list = heap_cons(h, parts[i - 1], list);
    }
    return list;
}

static bool is_of_module(const FrameInfo *f, const char *name)
{
    return value_is_symbol(f->code->module->name) &&
           !strcmp(value_symbol(f->code->module->name)->utf8, name);
}

static bool starts_program(const FrameInfo *f)
{
    return is_of_module(f, "std.boot") || is_of_module(f, "std.repl");
}

// Leaves out what raised the error for the program, and what started the program.
static size_t hide_frames(FrameInfo *frames, size_t n)
{
    size_t first = 0, end = 0;

    while (first < n && (is_of_module(&frames[first], "std.kernel") || starts_program(&frames[first]))) {
        first++;
    }
    for (end = first; end < n && !starts_program(&frames[end]); end++) {
    }
    memmove(frames, frames + first, (end - first) * sizeof *frames);
    return end - first;
}

// `entering`: the newest frame has not been entered yet, the call of it is what matters.
static Value make_trace(Actor *a, size_t max, bool entering)
{
    FrameInfo all[TRACE_MAX], *frames = all;
    size_t n = stack_trace(a, all, MIN(max, (size_t)TRACE_MAX));

    if (entering && n > 1) frames++, n--;
    n = hide_frames(frames, n);
    Value trace = V_NIL;

    if (!heap_reserve(&a->heap, n * TRACE_ENTRY_WORDS)) return V_FAIL;
    for (size_t i = n; i > 0; i--) {
        Value entry = trace_entry(actor_vm(a), &a->heap, &frames[i - 1]);
        trace = heap_cons(&a->heap, entry, trace);
    }
    return trace;
}

Value exec_trace(Actor *a, size_t max)
{
    return make_trace(a, max, false);
}

// ---- raising ------------------------------------------------------------------------------------

// The arguments of %raise-fault, as temporary roots.
#define RAISE_ARGS 5

typedef struct {
    Value *message, *irritants, *trace;
    Value tag, who; // symbols; who: the operation, or #f
} Parts;

static bool build_parts(Actor *a, Parts *p, bool entering)
{
    VmWorker *w = actor_worker(a);
    Heap *h = &a->heap;
    Fault f = w->scratch.fault;
    const char *tag = error_tag(f.kind);

    if (f.kind == ERR_HEAP_LIMIT && !actor_tell_limit(a)) return false;
    buf_clear(&w->text);
    fault_message(&f, &w->text);
    if (w->text.failed) return false;
    p->irritants = heap_root(h, V_NIL);
    if (!heap_reserve(h, 2 * (size_t)f.irritant_count)) return false;
    for (unsigned i = f.irritant_count; i > 0; i--) {
        // The fault's copies were roots of the collection that the reservation may have made.
        *p->irritants = heap_cons(h, w->scratch.fault.irritants[i - 1], *p->irritants);
    }
    w->scratch.fault.irritant_count = 0;
    p->message = heap_root(h, string_from_utf8(h, w->text.data, w->text.size));
    if (value_is(*p->message, V_FAIL)) return false;
    p->trace = heap_root(h, make_trace(a, 32, entering));
    if (value_is(*p->trace, V_FAIL)) return false;
    p->who = f.who ? symbol_named(&w->vm->symbols, f.who) : V_FALSE;
    if (value_is(p->who, V_FAIL)) p->who = V_FALSE;
    p->tag = symbol_named(&w->vm->symbols, tag);
    return !value_is(p->tag, V_FAIL);
}

// The callee's frame begins at a->fp; its return word is in place.
static bool call_raise(Actor *a, const Parts *p)
{
    Cell *raise = actor_vm(a)->kernel[KERNEL_RAISE_FAULT];

    CHECK(raise, "a fault before the kernel is loaded");
    a->fp[0] = p->tag;
    a->fp[1] = *p->message;
    a->fp[2] = p->who;
    a->fp[3] = *p->irritants;
    a->fp[4] = *p->trace;
    a->argc = RAISE_ARGS;
    a->callee = cell_callee(raise);
    return true;
}

// A frame of `words` above the one whose instruction a->pc is.
static bool push_trap_frame(Actor *a, size_t words)
{
    size_t extent = stack_frame_words(a);

    if (!stack_grow(a, extent + words)) return false;
    *--a->rp = extent;
    *--a->rp = (uint64_t)a->pc | 1;
    a->fp += extent;
    return true;
}

static bool raise_parts(Actor *a, bool entering)
{
    unsigned mark = heap_root_mark(&a->heap);
    Parts p;
    // A native that fails before it has taken its copy takes it no more: the next one must not find it.
    sig_copy_drop(actor_vm(a), actor_worker(a), a);
    bool ok = build_parts(a, &p, entering);

    ok = ok && (entering ? stack_grow(a, RAISE_ARGS) : push_trap_frame(a, RAISE_ARGS));
    ok = ok && call_raise(a, &p);
    heap_unroot(&a->heap, mark);
    return ok;
}

bool exec_raise_fault(Actor *a)
{
    return raise_parts(a, false);
}

bool exec_raise_entry_fault(Actor *a)
{
    // The arguments are given up: whoever called is where the error is.
    a->argc = 0;
    a->callee = V_FALSE;
    return raise_parts(a, true);
}

bool exec_interrupt(Actor *a)
{
    Vm *vm = actor_vm(a);
    unsigned mark = heap_root_mark(&a->heap);

    bool silently = (a->own & OWN_SILENTLY) != 0;
    a->own &= ~(uint32_t)(OWN_INTERRUPTED | OWN_INTERRUPTIBLE | OWN_SILENTLY);
    Value trace = silently ? V_FALSE : exec_trace(a, 32);
    Value *root = heap_root(&a->heap, trace);
    bool ok = !value_is(trace, V_FAIL) && push_trap_frame(a, 1);
    if (ok) {
        a->fp[0] = *root;
        a->argc = 1;
        a->callee = cell_callee(vm->interrupt);
        a->pc = code_entry(proc_code(value_proc(a->callee)));
    } else {
        actor_set_exit(a, vm->symbol[SYM_heap_limit]);
    }
    heap_unroot(&a->heap, mark);
    return ok;
}

bool exec_raise_limit(Actor *a)
{
    (void)fail_text(&a->heap, ERR_HEAP_LIMIT, NULL,
                    "the actor has reached its heap limit: %zu messages wait", mailbox_length(a));
    if (exec_raise_fault(a)) {
        a->pc = code_entry(proc_code(value_proc(a->callee)));
        return true;
    }
    actor_set_exit(a, actor_vm(a)->symbol[SYM_heap_limit]);
    return false;
}
