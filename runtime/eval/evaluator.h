// Compiling while the program runs: for eval, load, environment and the REPL.
//
// One thread with a deep stack compiles what is asked for, in order of asking, and links it; the asker, an
// actor, waits meanwhile and then runs the bodies. Nothing but text goes in and nothing but an image comes
// out, which the VM verifies like any other.
//
// Code that was loaded stays, about 1.5 KB for a small expression, so the last RECALLED short texts are
// remembered: evaluating one of them again in the same environment, while nothing has been bound anew,
// compiles and loads nothing.
//
// Modules that an evaluation is the first to import have bodies of their own, to be run once: whoever asks
// while they have not been run gets them too, and claims each before it runs it (%module-claim).
#ifndef RUNTIME_EVAL_EVALUATOR_H
#define RUNTIME_EVAL_EVALUATOR_H

#include "compiler/builder.h"
#include "runtime/runtime.h"

typedef struct Evaluator Evaluator;

typedef struct EvalJob {
    struct EvalJob *next;
    Value pid, ref; // of the actor that waits
    // What is asked for. The texts that `input` names are in `texts`.
    EvalInput input;
    Buf texts;
    const char **locals;
    // What came of it.
    InputResult result;
    Buf said;          // diagnostics
    LoadedModule *own; // whose body is the evaluation; NULL: there is nothing to run
    _Atomic uint32_t done;
} EvalJob;

// Compiles with `builder`, which must outlive it; its lock is held meanwhile. NULL without memory.
Evaluator *evaluator_new(Runtime *r, Builder *builder);
// Before the VM is freed.
void evaluator_free(Evaluator *e);

void eval_job_free(EvalJob *job);

// Has the same been evaluated before, and can its code be run again? Then the job is done.
bool evaluator_recall(Evaluator *e, EvalJob *job);
// Texts may mean something else from here on.
void evaluator_forget(Evaluator *e);

// Hands a job over; its actor is answered (job_answer) when it is done. False without a thread: the job is
// still the caller's.
MUST_USE bool evaluator_submit(Evaluator *e, EvalJob *job);
// The actor's job, done; NULL when there is none. The caller frees it.
EvalJob *evaluator_take(Evaluator *e, Value ref);

// Compiles while the calling thread, no worker, waits. False without a thread.
MUST_USE bool evaluator_run(Evaluator *e, EvalJob *job);

// What is to be run after a job: the modules that have not been run yet, in order, then the job's own.
// V_FAIL at the heap limit.
Value evaluator_bodies(Evaluator *e, Actor *a, const EvalJob *job) MAY_GC;

// May the actor run this body? CLAIM_LATER: another actor is at it.
typedef enum { CLAIM_RUN, CLAIM_DONE, CLAIM_LATER } Claim;
Claim evaluator_claim(Evaluator *e, Actor *a, LoadedModule *m);
// It did not come to the end of it.
void evaluator_release(Evaluator *e, LoadedModule *m);

#endif
