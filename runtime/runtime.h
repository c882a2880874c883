// The runtime system around the VM: what the natives need beside actors, and the program being run.
//
// Threads: the struct is filled before the VM runs and only read afterwards; its parts lock themselves.
#ifndef RUNTIME_RUNTIME_H
#define RUNTIME_RUNTIME_H

#include "runtime/console.h"
#include "runtime/environ.h"
#include "runtime/files.h"
#include "runtime/input.h"
#include "runtime/net/nng_socket.h"
#include "runtime/timers.h"
#include "vm/vm.h"

// What a worker has of its parent (worker.h). fd -1: this program is none.
typedef struct WorkerLink {
    int fd, timer_fd;
    Buf told;
} WorkerLink;

typedef struct Runtime {
    Vm *vm;
    Console *console;
    Input *input;
    Timers *timers;
    struct Nodes *nodes; // other VMs (runtime/node)
    Poller *poller;
    Files files;
    Net net;
    Environ environ;
    Value info_keys[32];   // symbols of process-info, in the order of its table
    Value system_keys[16]; // likewise of system-info
    Value statistic_keys[16]; // likewise of statistics
    char **arguments;      // of the program: a NULL-terminated list, the program's name first
    RunList program;       // modules whose bodies the main actor runs, in order
    const uint8_t *own;    // image of the program's own file: only its modules' mains are called
    size_t own_size;
    struct SourceTexts *texts; // program texts that are in no file, for error messages
    struct Evaluator *evaluator; // NULL: there is no compiler
    struct Reloader *reloader; // NULL: modules cannot be reloaded
    struct Repl *repl;         // NULL: a program runs
    LoadedModule *repl_module; // std.repl, whose main is called
    LoadedModule *worker_module; // std.base.worker, likewise, when this is a worker
    WorkerLink link;
    Buf folders; // where modules are looked for, with colons between; filled by the owner
} Runtime;

// Makes a VM with the embedded standard library and everything around it. False: the reason, one line,
// is in `why`.
MUST_USE bool runtime_init(Runtime *r, const Conf *conf, char *why, size_t why_size);
void runtime_fini(Runtime *r);

// Links an image and notes what is to be run of it. `own`: it is the program's own file. Takes the memory
// over, also on failure.
MUST_USE bool runtime_load(Runtime *r, Buf *image, bool own, char *why, size_t why_size);

// Makes the REPL the program.
MUST_USE bool runtime_load_repl(Runtime *r, char *why, size_t why_size);

// Runs the program that was loaded, then flushes standard output. Gives the exit status.
int runtime_run(Runtime *r);

// ---- report.c -------------------------------------------------------------------------------------

// Keeps a copy of a text that error messages may quote ("-e").
void runtime_keep_text(Runtime *r, const char *path, const char *text, size_t size);
void runtime_free_texts(Runtime *r);

// Prints an error that nobody handled on standard error: the message, the source line with a caret,
// the frames. `trace` is what exec_trace gives.
void runtime_report(Vm *vm, Value message, Value trace);

// Vm.report and Vm.main_ended.
void runtime_actor_ended(Vm *vm, Actor *a);
void runtime_main_ended(Vm *vm, Actor *a);
// Vm.evaluator_ended.
void runtime_evaluator_ended(Vm *vm, Value reason);

// ---- info.c ---------------------------------------------------------------------------------------

MUST_USE bool info_init(Runtime *r);
bool info_is_key(Vm *vm, Value key); // of process-info
// Vm.info: one value, or for #t an alist.
Value info_actor(Actor *a, Value key) MAY_GC;
// (system-info key); V_NONE for an unknown key.
Value info_system(Actor *a, Value key) MAY_GC;
// What (statistics key) tells: likewise. system-info knows these keys, too.
Value info_statistics(Actor *a, Value key) MAY_GC;
MUST_USE bool statistics_init(Runtime *r);
typedef Value (*InfoFn)(Actor *a);
// Puts (key . what fn tells) in front of the rooted list. False at the heap limit.
MUST_USE bool info_add_entry(Actor *a, Value *list, Value key, InfoFn fn) MAY_GC;
// The same for all statistics.
MUST_USE bool statistics_entries(Actor *a, Value *list) MAY_GC;

static inline Runtime *runtime_of(const Actor *a)
{
    return actor_vm(a)->runtime;
}

// What (%program-modules) gives.
Value runtime_program_modules(Actor *a) MAY_GC;

#endif
