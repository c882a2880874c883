// See repl.h.
#include "runtime/repl/repl.h"
#include "runtime/eval/evaluator.h"
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
    LineEditor *editor;
    char history[4096];
    Buf text;            // what has been typed of the next input
    EvalJob *compiled;   // what came of it
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

static EvalJob *new_job(const char *name, const Buf *text)
{
    EvalJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return NULL;
    job->ref = V_FALSE;
    buf_text(&job->texts, name);
    buf_u8(&job->texts, 0);
    buf_bytes(&job->texts, text->data, text->size);
    if (job->texts.failed) {
        eval_job_free(job);
        return NULL;
    }
    job->input.module = INTERACTION_MODULE;
    job->input.path = (const char *)job->texts.data;
    job->input.text = job->input.path + strlen(name) + 1;
    job->input.size = text->size;
    return job;
}

static Answer compile(Repl *repl, bool end)
{
    char name[32];

    snprintf(name, sizeof name, "<repl %u>", repl->inputs + 1);
    EvalJob *job = new_job(name, &repl->text);
    if (!job || !evaluator_run(repl->runtime->evaluator, job)) {
        if (job) eval_job_free(job);
        say(repl, "error: out of memory\n");
        return ANSWER_ERRORS;
    }
    if (job->result == INPUT_INCOMPLETE && !end) {
        eval_job_free(job);
        return ANSWER_END;
    }
    bool compiled = job->result == INPUT_COMPILED;
    if (compiled)
        runtime_keep_text(repl->runtime, name, (const char *)repl->text.data, repl->text.size);
    repl->inputs += job->result != INPUT_EMPTY;
    say(repl, buf_cstr(&job->said));
    if (compiled) {
        repl->compiled = job;
    } else {
        eval_job_free(job);
    }
    return compiled ? ANSWER_COMPILED : ANSWER_ERRORS;
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

// The argument becomes the reference of the reading once it has begun.
NATIVE_FN(repl_next)
{
    Repl *repl = runtime_of(a)->repl;

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
    Value bodies = evaluator_bodies(repl->runtime->evaluator, a, repl->compiled);
    eval_job_free(repl->compiled);
    repl->compiled = NULL;
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

Repl *repl_new(Runtime *r, const DocEntry *docs)
{
    Repl *repl = mem_zalloc(MEM_IO, sizeof *repl);
    const char *home = getenv("HOME");

    if (!repl) return NULL;
    repl->runtime = r;
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
    if (repl->compiled) eval_job_free(repl->compiled);
    mem_free(MEM_IO, repl, sizeof *repl);
}

void repl_leave(Repl *repl)
{
    line_restore_terminal(repl->editor);
}
