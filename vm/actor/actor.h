// Actors: what one is made of, and the VM that holds them.
//
// An actor is one cell of 960 bytes in a linear reservation: its address is computed from its pid, and
// 960 is an odd number of cache lines, so that cells do not fight for the same sets. The cell holds a
// first stack and a first nursery; an actor that waits with little on its mind needs no other memory.
//
//   line 0      what other threads touch: inbox, serial, published numbers
//   lines 1-4   the owner's: heap, stack, mailbox, dynamic state
//   then        32 words of stack, 48 words of nursery
//
// Ownership: whoever has taken the actor out of a run queue, or has changed its inbox word from
// WAITING, owns it until it is put back: only the owner touches anything but line 0. The inbox word
// hands the owner's writes on (see inbox.h).
//
// See vm/doc/signals.md and vm/doc/scheduler.md.
#ifndef VM_ACTOR_ACTOR_H
#define VM_ACTOR_ACTOR_H

#include "vm/code/code.h"
#include "vm/heap/copy.h"
#include "vm/heap/gc.h"
#include "vm/sched/dirty.h"
#include "vm/sched/sched.h"
#include "vm/sched/wheel.h"

typedef struct Actor Actor;
typedef struct Sig Sig;
typedef struct Vm Vm;
typedef struct VmWorker VmWorker;

#define CELL_BYTES         960
#define CELL_STACK_WORDS   32
#define CELL_NURSERY_WORDS 48
#define ACTOR_INDEX_BITS   28

// Atomic flags of line 0.
enum {
    ACTOR_NAMED = 1,   // holds a registered name
    ACTOR_DYING = 2,   // takes no more names and timers; until the cell is used again
    ACTOR_LIVE = 4,    // the cell is in use
    ACTOR_TIMED = 8,   // timers are aimed at it
    ACTOR_TABLES = 16, // owns shared tables, or has
};

// What the owner notes; single-threaded.
enum {
    OWN_TRAP_EXIT = 1,
    OWN_MAIN = 2,      // the program ends with it
    OWN_EXITING = 4,   // `reason` is set, nothing of its code runs any more
    OWN_LOGGED = 8,    // its end need not be reported
    OWN_LIMIT_HIT = 16, // has been told that it is at its heap limit
    OWN_BORN = 32,      // has not run yet: module data that came with it is in `reason`
    OWN_INTERRUPTIBLE = 64, // SIG_INTERRUPT makes it call Vm.interrupt
    OWN_INTERRUPTED = 128,  // it is about to
    OWN_ASIDE = 512, // ext->copy is asked for or there
    OWN_SILENTLY = 256,     // the user knows why already
    OWN_PIECES = 65536,     // there may be frames in its heap
    OWN_TRACED = 131072,    // ext->tracer is told what it does
    OWN_SUSPENDED = 1 << 14, // by others: runs none of its code until they resume it
};

typedef enum {
    ACTOR_RUNNABLE,
    ACTOR_RUNNING,
    ACTOR_WAITING,
    ACTOR_EXITING,
    ACTOR_ASIDE, // a dirty thread works on its heap: vm/exec/aside.h
    ACTOR_SUSPENDED,
} ActorStatus;

struct Actor {
    // ---- line 0: shared
    Task task;
    _Atomic uint64_t inbox;          // see inbox.h
    _Atomic uint32_t serial;         // of the pid; changes when the actor is gone
    uint32_t index;                  // const
    _Atomic uint32_t flags;          // atomic: ACTOR_*
    _Atomic uint32_t status;         // published: ActorStatus
    _Atomic uint64_t reductions;     // published by the owner at the end of a slice
    _Atomic uint32_t heap_words;     // published likewise
    _Atomic uint32_t mailbox_length; // published: messages taken over from the inbox
    _Atomic uint32_t mailbox_limit;  // published: how many may wait, for senders; 0: any number
    _Atomic uint32_t dropped;        // atomic: messages of timers that found it full

    // ---- lines 1-4: owner
    Heap heap CACHE_ALIGNED;
    Value *fp;    // frame of the running procedure
    uint64_t *rp; // newest return word
    const uint64_t *pc;
    Value *stack;         // the block: frames from here up,
    uint64_t *stack_end;  // return words from here down
    Value stack_rest;     // older frames (KIND_STACK), or #f
    uint32_t rest_data, rest_returns; // how much of them is still to be reinstated, in words
    uint64_t depth_data, depth_returns; // logical depth of the block's bottom
    Value callee;         // procedure being entered, while its entry collects or fails
    uint32_t argc;        // its number of arguments
    uint32_t own;         // OWN_*
    Sig *mail;            // messages, oldest first
    Sig **mail_tail;      // where the next one is linked
    Sig **mail_cursor;    // link of the next one that the current receive looks at
    Value handlers, winders, params; // dynamic environment: lists, see std.kernel
    Value priv;           // private module data: vector of id, value, id, value ...; or #f
    Value reason;         // of the exit; else #f
    uint64_t deadline_ns; // of the receive that waits; 0: none
    struct ActorExt *ext; // links, monitors, timers, name; NULL while there are none
    Code *initial;        // procedure it was spawned with

    Value stack_words[CELL_STACK_WORDS] CACHE_ALIGNED;
    Value nursery_words[CELL_NURSERY_WORDS];
};

STATIC_ASSERT(offsetof(Actor, heap) == 64, "one line is shared");
STATIC_ASSERT(offsetof(Actor, stack_words) == 320, "four lines are the owner's");
STATIC_ASSERT(sizeof(Actor) == CELL_BYTES, "a cell is fifteen cache lines");

// ---- the VM -------------------------------------------------------------------------------------

typedef enum {
#define SYMBOL(id, text) SYM_##id,
#include "vm/value/symbol.def"
    SYM_COUNT
} SymbolId;

// Procedures and values of std.kernel that C code needs, by cell.
typedef enum {
    KERNEL_RAISE_FAULT, // (tag message who irritants trace): raises a condition
    KERNEL_COUNT
} KernelId;

struct VmWorker {
    Vm *vm;
    Worker *worker;
    HeapScratch scratch;
    BlockCache cache;
    Actor *running;
    bool actor_ended; // in the slice that was run last
    _Atomic uint64_t reductions_sum, slices; // of all actors, by this worker; written by it
    int64_t reductions_left; // of the running slice, while C code looks at them
    int64_t reductions_published; // what was left of it when they were last added to the actor's sum
    uint32_t fresh_index, fresh_end; // cells never used, this worker's
    Actor *free_cells;    // ready for reuse, linked by task.next
    uint32_t free_count;
    Actor *retired, *retired_last; // of ended actors, oldest first; deadline_ns holds the epoch
    uint64_t next_ref;
    const LoadedModule *sought; // while collections look for frames of this; else NULL
    bool found, pieces;         // they found one; they found frames at all
    Buf text; // scratch for messages and printing
};

struct Vm {
    Space space;
    SymbolTable symbols;
    CodeSpace code;
    Sched sched;
    DirtyPool *dirty;
    struct Homes *homes; // threads of actors; NULL: workers run them themselves
    VmWorker workers[SCHED_WORKERS_MAX];
    char *cells; // reservation
    uint32_t cell_limit;          // number of actors there may be
    _Atomic uint32_t cells_begun; // handed to workers so far
    _Atomic uint32_t actor_count;
    PlatLock cells_lock;
    Actor *_Atomic free_cells; // written under the lock; others may look whether there are any
    size_t cells_committed; // bytes; lock
    struct Registry *registry;
    struct Aliases *aliases;
    struct SharedTables *tables;
    Value symbol[SYM_COUNT];
    Cell *kernel[KERNEL_COUNT];
    Cell *interrupt; // (trace or #f): what an interruptible actor calls; NULL when there is none
    uint32_t budget; // reductions per slice
    _Atomic uint64_t minors_aside, majors_aside; // collections by dirty threads
    uint64_t start_ns;
    Actor *main;
    Value main_pid;
    uint32_t dirty_kept; // threads of the dirty pool, made on first use
    PlatLock dirty_lock;
    void (*idle)(Vm *vm);
    int exit_status;
    bool status_set; // by the program itself; by the main actor's thread
    _Atomic uint64_t next_uid; // of parameters
    uint64_t type_key;      // see record_uid
    uint64_t node_identity; // what other nodes know this VM by: new whenever it starts
    _Atomic uint64_t node_name; // symbol, as bits; nonode while it has none
    const struct RemoteOps *remote; // how to reach other nodes (node.h); NULL: not at all
    _Atomic uint32_t interrupted; // number of the signal
    _Atomic uint32_t interrupt_sent; // main has been told of it
    struct Console *console;
    void *runtime; // of the layer above
    void (*report)(Vm *vm, Actor *a); // an actor ended abnormally and nobody else will know
    void (*main_ended)(Vm *vm, Actor *a); // the program's main actor has its reason
    void (*target_ended)(VmWorker *w, Value pid); // timers were aimed at it
    // At the REPL: an exit signal has ended what main evaluates. NULL: it ends main.
    void (*evaluator_ended)(Vm *vm, Value reason);
    // What process-info tells about an actor: a value, or an alist for #t. V_FAIL at the heap limit.
    Value (*info)(Actor *a, Value key);
    _Atomic uint64_t spawned;
};

static inline VmWorker *actor_worker(const Actor *a)
{
    return container_of(a->heap.scratch, VmWorker, scratch);
}

static inline Vm *actor_vm(const Actor *a)
{
    return actor_worker(a)->vm;
}

// Charges work to the running actor, in reductions.
static inline void actor_charge(Actor *a, uint64_t reductions)
{
    actor_worker(a)->reductions_left -= (int64_t)reductions;
}

static inline Value vm_node_name(const Vm *vm)
{
    return (Value){atomic_load_explicit(&vm->node_name, memory_order_relaxed)};
}

static inline Value actor_pid(const Actor *a)
{
    return value_pid(a->index, atomic_load_explicit(&a->serial, memory_order_relaxed));
}

static inline Actor *actor_at(const Vm *vm, uint32_t index)
{
    return (Actor *)(void *)(vm->cells + (size_t)index * CELL_BYTES);
}

// The actor of a local pid, NULL when it is gone. Inside a slice or a guest section; the actor may
// end at any moment, but its cell stays what it is until the section ends.
static inline Actor *actor_of_pid(const Vm *vm, Value pid)
{
    uint32_t index = value_pid_index(pid);
    if (index >= atomic_load_explicit(&vm->cells_begun, memory_order_acquire)) return NULL;
    Actor *a = actor_at(vm, index);
    bool same = atomic_load_explicit(&a->serial, memory_order_acquire) == value_pid_serial(pid);
    return same ? a : NULL;
}

// Will the actor run any more of its code, as far as one can know?
static inline bool actor_is_alive(const Vm *vm, Value pid)
{
    const Actor *a = actor_of_pid(vm, pid);
    return a && !(atomic_load_explicit(&a->flags, memory_order_acquire) & ACTOR_DYING);
}

#endif
