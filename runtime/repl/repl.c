// See repl.h.
#include "runtime/repl/repl.h"
#include "runtime/jobs.h"
#include "runtime/native/natives.h"
#include "runtime/repl/command.h"
#include "runtime/repl/line.h"

#include "vm/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Repl {
    ActorJob job; // the one that reads; one at a time
    Runtime *runtime;
    Builder *builder;
    LineEditor *editor;
    char history[4096];
    Buf text;            // what has been typed of the next input
    Buf image;           // what it was compiled to
    unsigned inputs;
    bool timed; // the input is to be timed
    const DocEntry *docs;
};

// ---- reading, on a thread of the dirty pool -----------------------------------------------------

typedef enum { ANSWER_COMPILED, ANSWER_ERRORS, ANSWER_END, ANSWER_ACTORS } Answer;

static void say(Repl *repl, const char *text)
{
    int error;

    (void)console_write(repl->runtime->console, 2, text, strlen(text), &error);
}

static Answer compile(Repl *repl, bool end)
{
    char name[32];

    snprintf(name, sizeof name, "<repl %u>", repl->inputs + 1);
    buf_free(&repl->image);
    // Whoever reloads a module compiles with the same builder.
    plat_lock(&repl->builder->lock);
    InputResult result = builder_compile_input(repl->builder, name, (const char *)repl->text.data,
                                               repl->text.size, &repl->image);
    bool more = result == INPUT_INCOMPLETE && !end;
    if (!more) say(repl, buf_cstr(&repl->builder->diag.text));
    plat_unlock(&repl->builder->lock);
    if (more) return ANSWER_END;
    if (result == INPUT_COMPILED)
        runtime_keep_text(repl->runtime, name, (const char *)repl->text.data, repl->text.size);
    repl->inputs += result != INPUT_EMPTY;
    return result == INPUT_COMPILED ? ANSWER_COMPILED : ANSWER_ERRORS;
}

// The first line of an input, without its newline. False: go on reading lines.
static bool take_first(Repl *repl, const char *line, Answer *answer)
{
    Buf said = BUF_INIT;
    Command command = command_read(repl->docs, line, &said, &repl->text);

    if (said.size > 0) say(repl, buf_cstr(&said));
    buf_free(&said);
    repl->timed = command == COMMAND_TIMED;
    if (command == COMMAND_NONE) {
        buf_text(&repl->text, line);
        buf_u8(&repl->text, '\n');
    }
    if (command == COMMAND_QUIT) return true;
    if (command == COMMAND_ACTORS) {
        *answer = ANSWER_ACTORS;
        return true;
    }
    if (command != COMMAND_SAID) *answer = compile(repl, false);
    return *answer != ANSWER_END;
}

// Lines until they make whole data.
static Answer read_input(Repl *repl)
{
    Buf line = BUF_INIT;
    Answer answer = ANSWER_END;

    buf_clear(&repl->text);
    while (answer == ANSWER_END) {
        buf_clear(&line);
        LineResult result = line_read(repl->editor, repl->text.size ? "...> " : "eta> ", &line);
        if (result == LINE_CANCELLED) {
            say(repl, "\n");
            buf_clear(&repl->text);
        } else if (result == LINE_END) {
            say(repl, "\n");
            if (repl->text.size == 0) break;
            answer = compile(repl, true);
        } else {
            if (line.size > 0) line_remember(repl->editor, buf_cstr(&line));
            if (repl->text.size == 0) {
                if (take_first(repl, buf_cstr(&line), &answer)) break;
                continue;
            }
            buf_bytes(&repl->text, line.data, line.size);
            buf_u8(&repl->text, '\n');
            answer = compile(repl, false);
        }
    }
    buf_free(&line);
    return answer;
}

static Value run_read(ActorJob *job)
{
    Repl *repl = container_of(job, Repl, job);
    int error;

    if (console_in_line(repl->runtime->console)) say(repl, "\n");
    (void)console_flush_all(repl->runtime->console, &error);
    return value_fix(read_input(repl));
}

static void free_read(ActorJob *job)
{
    (void)job; // part of the Repl
}

// ---- natives ------------------------------------------------------------------------------------

static bool link_input(Repl *repl, RunList *list, char *why, size_t why_size)
{
    CodeSpace *cs = &repl->runtime->vm->code;
    Builder *b = repl->builder;

    bool ok = true;
    plat_lock(&b->lock);
    while (ok && b->files_loaded < b->file_count) {
        Buf *image = &b->files[b->files_loaded++].image;
        ok = image->size == 0 || code_load(cs, image, list, why, why_size);
    }
    plat_unlock(&b->lock);
    return ok && code_load(cs, &repl->image, list, why, why_size);
}

static Value bodies_of(Actor *a, const RunList *list)
{
    Value bodies = V_NIL;

    if (!heap_reserve(HEAP(a), 2 * (size_t)list->count)) return V_FAIL;
    for (uint32_t i = list->count; i > 0; i--) {
        bodies = heap_cons(HEAP(a), module_init_proc(list->modules[i - 1]), bodies);
    }
    return bodies;
}

// The argument becomes the reference of the reading once it has begun.
NATIVE_FN(repl_next)
{
    Repl *repl = runtime_of(a)->repl;
    RunList list = {0};
    char why[300];

    (void)count;
    if (!repl || !(a->own & OWN_MAIN))
        return fail_text(HEAP(a), ERR_BADARG, "repl", "there is no terminal here");
    if (!value_is_local_ref(args[0])) {
        repl->job = (ActorJob){.run = run_read, .free = free_read};
        args[0] = job_start(a, &repl->job);
        return value_is(args[0], V_FAIL) ? V_FAIL : V_WAIT;
    }
    Value answer = reply_take(a, args[0]);
    if (value_is(answer, V_NONE)) return V_WAIT;
    args[0] = V_FALSE;
    if (value_is(answer, value_fix(ANSWER_END))) return V_FALSE;
    if (value_is(answer, value_fix(ANSWER_ERRORS))) return V_NIL;
    if (value_is(answer, value_fix(ANSWER_ACTORS))) return V_TRUE;
    Value bodies = link_input(repl, &list, why, sizeof why) ? bodies_of(a, &list) : V_NONE;
    run_list_free(&list);
    if (value_is(bodies, V_NONE)) return fail_text(HEAP(a), ERR_INTERNAL, NULL, "%s", why);
    return bodies;
}

NATIVE_FN(repl_timed)
{
    (void)count;
    (void)args;
    return value_bool(runtime_of(a)->repl && runtime_of(a)->repl->timed);
}

NATIVE_FN(repl_interruptible)
{
    (void)count;
    // What came too late to stop anything is forgotten.
    a->own &= ~(uint32_t)(OWN_INTERRUPTIBLE | OWN_INTERRUPTED | OWN_SILENTLY);
    if (value_true(args[0])) a->own |= OWN_INTERRUPTIBLE;
    return V_UNSPECIFIED;
}

// ---- the terminal -------------------------------------------------------------------------------

Repl *repl_new(Runtime *r, Builder *builder, const DocEntry *docs)
{
    Repl *repl = mem_zalloc(MEM_IO, sizeof *repl);
    const char *home = getenv("HOME");

    if (!repl) return NULL;
    repl->runtime = r;
    repl->builder = builder;
    repl->docs = docs;
    if (home && strlen(home) < sizeof repl->history - 20)
        snprintf(repl->history, sizeof repl->history, "%s/.eta_history", home);
    repl->editor = line_editor_new(repl->history[0] ? repl->history : NULL);
    if (repl->editor) return repl;
    mem_free(MEM_IO, repl, sizeof *repl);
    return NULL;
}

void repl_free(Repl *repl)
{
    if (!repl) return;
    line_editor_free(repl->editor);
    buf_free(&repl->text);
    buf_free(&repl->image);
    mem_free(MEM_IO, repl, sizeof *repl);
}

void repl_leave(Repl *repl)
{
    line_restore_terminal(repl->editor);
}
