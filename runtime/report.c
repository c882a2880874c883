// Telling about errors that nobody handled:
//
//   error: car: expected a pair, got 42
//     at sum.eta:3:9
//      3 |   (+ 1 (car x)))
//        |        ^~~~~~~
//     in loop (sum.eta:3:9)
//     in main (sum.eta:10:3)
//
// The line comes from the source as it was compiled: a file that has changed since is not quoted.
#include "runtime/runtime.h"

#include "compiler/diag.h"
#include "vm/base/mem.h"
#include "vm/code/print.h"
#include "vm/exec/native.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

// How much of a value a message shows.
#define SHOWN_BYTES 400

// ---- texts that are in no file ------------------------------------------------------------------------

struct SourceTexts {
    struct SourceTexts *next;
    size_t size;
    char *path;
    char text[];
};

void runtime_keep_text(Runtime *r, const char *path, const char *text, size_t size)
{
    size_t path_size = strlen(path) + 1;
    struct SourceTexts *t = mem_alloc(MEM_IO, sizeof *t + size + path_size);

    if (!t) return; // messages do without the line
    t->next = r->texts;
    t->size = size;
    t->path = t->text + size;
    memcpy(t->text, text, size);
    memcpy(t->path, path, path_size);
    r->texts = t;
}

void runtime_free_texts(Runtime *r)
{
    while (r->texts) {
        struct SourceTexts *t = r->texts;
        r->texts = t->next;
        mem_free(MEM_IO, t, sizeof *t + t->size + strlen(t->path) + 1);
    }
}

// ---- places -------------------------------------------------------------------------------------------

// A frame of a trace: (name file line column [end-line end-column]).
typedef struct {
    Value name, file;
    uint32_t line, column, end_line, end_column;
} Frame;

static Value next_of(Value *list)
{
    Value v = V_FALSE;

    if (!value_is_pair(*list)) return v;
    v = value_car(*list);
    *list = value_cdr(*list);
    return v;
}

static uint32_t next_number(Value *list)
{
    Value v = next_of(list);
    return value_is_fix(v) && value_int(v) > 0 && value_int(v) <= UINT32_MAX ? (uint32_t)value_int(v)
                                                                             : 0;
}

// What programs hand in may be anything, circular as well.
enum { FRAMES_MAX = 10000 };

static bool read_frame(Value list, Frame *f)
{
    f->name = next_of(&list);
    f->file = next_of(&list);
    f->line = next_number(&list);
    f->column = next_number(&list);
    f->end_line = next_number(&list);
    f->end_column = next_number(&list);
    return value_is_kind(f->file, KIND_STRING);
}

// The loaded module that `path` was compiled to; NULL when there is none.
static const ImageModule *head_of(Vm *vm, const char *path)
{
    const ImageModule *head = NULL;

    plat_lock(&vm->code.lock);
    for (LoadedModule *m = vm->code.modules; m && !head; m = m->next) {
        size_t size;
        const char *text = image_text(&m->view, m->view.head->source_path, &size);
        if (text && size == strlen(path) && memcmp(text, path, size) == 0) head = m->view.head;
    }
    plat_unlock(&vm->code.lock);
    return head; // modules stay
}

static bool is_in_stdlib(Vm *vm, const char *path)
{
    const ImageModule *head = head_of(vm, path);
    return head && (head->flags & MODULE_STDLIB);
}

static bool is_compiled_from(Vm *vm, const char *path, const Source *source)
{
    ContentHash now = hash_content(source->text, source->size);
    const ImageModule *head = head_of(vm, path);

    return head && head->source.low == now.low && head->source.high == now.high;
}

static void put_excerpt(Vm *vm, Buf *out, const char *path, const Frame *f)
{
    Runtime *r = vm->runtime;
    Source source;
    const char *why;
    size_t where;

    for (struct SourceTexts *t = r->texts; t; t = t->next) {
        if (strcmp(t->path, path) != 0) continue;
        source_init(&source, path, t->text, t->size);
        diag_excerpt(out, source_span(&source, f->line, f->column, f->end_line, f->end_column));
        source_free(&source);
        return;
    }
    if (!source_read(&source, path, &why, &where)) return;
    if (is_compiled_from(vm, path, &source))
        diag_excerpt(out, source_span(&source, f->line, f->column, f->end_line, f->end_column));
    source_free(&source);
}

// Where the error is for the programmer: the newest frame of the program's own code.
static void put_place(Vm *vm, Buf *out, Value trace)
{
    Buf path = BUF_INIT;
    Frame f, first = {.line = 0};

    for (int i = 0; i < FRAMES_MAX && value_is_pair(trace); i++, trace = value_cdr(trace)) {
        if (!read_frame(value_car(trace), &f)) continue;
        if (first.line == 0) first = f;
        buf_clear(&path);
        string_to_utf8(f.file, &path);
        if (is_in_stdlib(vm, buf_cstr(&path))) continue;
        first = f;
        break;
    }
    if (first.line > 0) {
        buf_clear(&path);
        string_to_utf8(first.file, &path);
        buf_printf(out, "  at %s:%u:%u\n", buf_cstr(&path), first.line, first.column);
        put_excerpt(vm, out, buf_cstr(&path), &first);
    }
    buf_free(&path);
}

static bool same_frame(const Frame *x, const Frame *y)
{
    return value_is(x->name, y->name) && value_is(x->file, y->file) && x->line == y->line &&
           x->column == y->column;
}

static void put_frame(Buf *out, const Frame *f, unsigned times)
{
    buf_text(out, "  in ");
    if (value_is_symbol(f->name)) {
        print_value(out, f->name, PRINT_DISPLAY, SHOWN_BYTES);
    } else {
        buf_text(out, "a procedure");
    }
    buf_text(out, " (");
    string_to_utf8(f->file, out);
    buf_printf(out, ":%u:%u)", f->line, f->column);
    if (times > 1) buf_printf(out, ", %u times", times);
    buf_text(out, "\n");
}

static void put_trace(Vm *vm, Buf *out, Value trace)
{
    Frame f, last;
    unsigned times = 0; // last was there, one after the other

    put_place(vm, out, trace);
    for (int i = 0; i < FRAMES_MAX && value_is_pair(trace); i++, trace = value_cdr(trace)) {
        if (!read_frame(value_car(trace), &f)) continue;
        if (times > 0 && !same_frame(&f, &last)) {
            put_frame(out, &last, times);
            times = 0;
        }
        last = f;
        times++;
    }
    if (times > 0) put_frame(out, &last, times);
}

static void print_out(Vm *vm, const Buf *out)
{
    Runtime *r = vm->runtime;
    int error;

    // There is nobody to tell when standard error is closed.
    (void)console_write(r->console, 2, out->data, out->size, &error);
}

void runtime_report(Vm *vm, Value message, Value trace)
{
    Buf out = BUF_INIT;

    buf_text(&out, "error: ");
    print_value(&out, message, PRINT_DISPLAY, 0);
    buf_text(&out, "\n");
    put_trace(vm, &out, trace);
    print_out(vm, &out);
    buf_free(&out);
}

// ---- ends ---------------------------------------------------------------------------------------------

static Value nth(Value list, unsigned i)
{
    while (i-- > 0 && value_is_pair(list)) {
        list = value_cdr(list);
    }
    return value_is_pair(list) ? value_car(list) : V_NONE;
}

static bool is_symbol_named(Value v, const char *name)
{
    return value_is_symbol(v) && !strcmp(value_symbol(v)->utf8, name);
}

// An exit reason as a message: of a runtime error its text.
static void put_reason(Vm *vm, Buf *out, Value reason)
{
    if (value_is_pair(reason) && value_is(value_car(reason), vm->symbol[SYM_error])) {
        Value payload = nth(reason, 1);
        Value message = value_is_pair(payload) ? nth(payload, 2) : V_NONE;
        if (value_is_pair(payload) && is_symbol_named(value_car(payload), "runtime-error") &&
            value_is_kind(message, KIND_STRING)) {
            print_value(out, message, PRINT_DISPLAY, 0);
            return;
        }
        if (!value_is(payload, V_NONE) && value_is_pair(nth(reason, 2))) reason = payload;
    }
    print_value(out, reason, PRINT_WRITE, SHOWN_BYTES);
}

static Value trace_of(Vm *vm, Value reason)
{
    bool error = value_is_pair(reason) && value_is(value_car(reason), vm->symbol[SYM_error]);
    Value trace = error ? nth(reason, 2) : V_NIL;
    return value_is_pair(trace) ? trace : V_NIL;
}

void runtime_actor_ended(Vm *vm, Actor *a)
{
    Buf out = BUF_INIT;

    buf_text(&out, "error: ");
    print_value(&out, actor_pid(a), PRINT_WRITE, SHOWN_BYTES);
    Value name = registry_name_of(vm, actor_pid(a));
    if (value_is_symbol(name)) {
        buf_text(&out, " (");
        print_value(&out, name, PRINT_WRITE, SHOWN_BYTES);
        buf_text(&out, ")");
    }
    buf_text(&out, " ended: ");
    put_reason(vm, &out, a->reason);
    buf_text(&out, "\n");
    put_trace(vm, &out, trace_of(vm, a->reason));
    print_out(vm, &out);
    buf_free(&out);
}

static bool is_shutdown(const Vm *vm, Value reason)
{
    if (value_is_pair(reason)) reason = value_car(reason);
    return value_is(reason, vm->symbol[SYM_shutdown]);
}

// An interrupt ends main by a signal: where it was is all there is to tell.
static void report_interrupt(Vm *vm, Actor *a, uint32_t signal)
{
    Value trace = exec_trace(a, 32);
    Buf out = BUF_INIT;

    buf_text(&out, signal == SIGINT ? "interrupted\n" : "terminated\n");
    if (!value_is(trace, V_FAIL)) put_trace(vm, &out, trace);
    print_out(vm, &out);
    buf_free(&out);
}

void runtime_main_ended(Vm *vm, Actor *a)
{
    uint32_t signal = atomic_load_explicit(&vm->interrupted, memory_order_relaxed);

    if (vm->status_set) return;
    if (value_is(a->reason, vm->symbol[SYM_normal])) {
        vm->exit_status = 0;
    } else if (value_is(a->reason, vm->symbol[SYM_interrupt]) && signal != 0) {
        vm->exit_status = 128 + (int)signal;
        report_interrupt(vm, a, signal);
    } else {
        vm->exit_status = 1;
        if (!(a->own & OWN_LOGGED) && !is_shutdown(vm, a->reason)) runtime_actor_ended(vm, a);
    }
}

void runtime_evaluator_ended(Vm *vm, Value reason)
{
    Buf out = BUF_INIT;

    buf_text(&out, "*** evaluator exited: ");
    put_reason(vm, &out, reason);
    buf_text(&out, "\n");
    put_trace(vm, &out, trace_of(vm, reason));
    print_out(vm, &out);
    buf_free(&out);
}
