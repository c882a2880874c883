// Loaded code: modules, procedures' codes, module cells, and what an address in code means.
//
// Everything here lives in SHARED and is immutable once published, but for cells, whose words change
// atomically. Code words are copied from the image and given addresses in place of indexes; all
// other tables are used where they lie in the image bytes, which the module keeps.
//
// Threads: any. The lock guards the tables by name; look-ups by address read a published snapshot.
// See vm/doc/bytecode.md and vm/doc/images.md.
#ifndef VM_CODE_CODE_H
#define VM_CODE_CODE_H

#include "vm/heap/heap.h"
#include "vm/heap/space.h"
#include "vm/image/image.h"
#include "vm/image/prim.h"
#include "vm/value/symbol.h"

struct Actor;

// A native: `count` arguments at `args`, which are frame slots of the caller (roots, updated by
// collections). Returns a value, V_FAIL (fault set), V_YIELD or V_WAIT (called again with the same
// slots, which it may have changed to note how far it came).
typedef Value (*NativeFn)(struct Actor *a, Value *args, unsigned count);

typedef struct Code Code;
typedef struct Cell Cell;
typedef struct LoadedModule LoadedModule;
typedef struct Reach Reach;

struct Code {
    uint64_t header;       // KIND_CODE
    const uint64_t *entry; // first word; atomic: a purge takes it away
    LoadedModule *module;
    Value name;     // symbol, or #f
    uint32_t index; // in the module's table
    uint32_t free_count;
    _Atomic(Reach *) reach; // module data that running this can reach; NULL: not computed yet
    uint64_t reach_mark;    // of the search that was here last; lock: CodeSpace
    Code *older;            // of the version before: its procedure has become this one's; lock
    Proc self;              // the procedure, when it captures nothing
};

static inline const uint64_t *code_entry(const Code *c)
{
    return __atomic_load_n(&c->entry, __ATOMIC_ACQUIRE);
}

// A module variable. `value` is the value when all actors share it, V_PRIVATE when each actor has its
// own (in Actor.priv under `id`), V_UNBOUND before its definition. `callee` is always a procedure:
// the value, or the cell's stub, which finds out what to do. One load of `callee` is all that a call
// needs.
struct Cell {
    Value value;  // atomic: rel cell_publish / acq GLOBAL
    Value callee; // atomic: rel cell_publish / acq CALLG
    _Atomic uint32_t id; // atomic: changes when a new version has other data for everybody
    uint32_t flags;      // ImageCell flags
    LoadedModule *module;
    Value name;     // symbol
    Cell *next;     // bucket of the cell table; lock
    Value snapshot; // what actors start with that come to a private cell first; V_NONE. atomic
    Cell *real;     // while a new version's body runs: the variable that this stands for; else NULL
    bool staged;    // no variable of the module yet: see reload.c
    bool kept;      // staged, and the data is that of `real`
    Proc stub;
    Value stub_cell; // free value 0 of the stub: this cell's address, which reads as a fixnum
};

typedef enum { MODULE_LINKED, MODULE_RUNNING, MODULE_DONE } ModuleState;

// What a version of a module is good for. See reload.c.
typedef enum {
    ROLE_CURRENT,
    ROLE_STAGED,  // its body runs for the first time: nobody else knows it
    ROLE_OLD,     // another has taken its place, or its body failed; actors may be in it
    ROLE_PURGING, // its procedures cannot be called while it is asked who is in it
    ROLE_PURGED   // nobody is or can be in it: its code is gone
} ModuleRole;

struct LoadedModule {
    Value name; // symbol
    ModuleView view;
    const uint64_t *words;
    Code *codes;
    Value *literals;
    Cell **cells;        // by the image's index
    ModuleState state;   // lock
    _Atomic uint32_t role;  // ModuleRole; written under the lock
    Value owner;            // pid of who stages or purges it; lock
    uint32_t word_capacity; // of `words`; 0: another module has them. lock
    struct Frag *snapshot; // memory of the cells' snapshots
    Buf image; // that it came with, when the code space is to free it
    bool image_alone; // no other module came with it
    LoadedModule *next; // of the table by name; lock
};

typedef struct {
    Space *space;
    SymbolTable *symbols;
    const NativeFn *natives; // by PrimId
    PlatLock lock;
    LoadedModule *modules; // lock; newest first
    struct ModuleMap *_Atomic map; // snapshot for look-ups by address
    Cell **cell_buckets;
    uint32_t cell_bucket_count, cell_count;
    _Atomic uint64_t epoch; // changes when what code can reach may have changed
    uint64_t reach_mark;    // lock
    struct Library *libraries; // images whose modules are linked when they are imported
    LoadedModule stubs;        // the VM's own few instructions
    Code stub_codes[2];
    const uint64_t *stub_start;     // where a new actor begins: slot 0 holds its thunk
    const uint64_t *stub_underflow; // return address of the oldest frame in a block
} CodeSpace;

MUST_USE bool code_init(CodeSpace *cs, Space *space, SymbolTable *symbols, const NativeFn *natives);
void code_fini(CodeSpace *cs);

// ---- loading ----------------------------------------------------------------------------------

// Makes an image's modules available to importers without linking them. The bytes must outlive the
// code space. Trusted images are neither hashed nor verified.
MUST_USE bool code_add_library(CodeSpace *cs, const void *bytes, size_t size, bool trusted,
                               const char **why);

// The interface bytes of a library module that was added; NULL when there is none.
const uint8_t *code_library_interface(CodeSpace *cs, const char *name, size_t *size);
// Calls `each` with the name of every library module.
void code_each_library(CodeSpace *cs, void (*each)(void *context, const char *name, size_t size),
                       void *context);

typedef struct {
    LoadedModule **modules; // to be run, in order
    uint32_t count, capacity;
} RunList;

void run_list_free(RunList *list);

// Links every module of an image, after the library modules it needs. All that is to be run is
// appended to *list. Takes the image's memory over, also on failure; *image is empty afterwards.
// On failure: false, a text in `why`; nothing was defined.
MUST_USE bool code_load(CodeSpace *cs, Buf *image, RunList *list, char *why, size_t why_size);

// Links a library module and what it imports.
MUST_USE bool code_require(CodeSpace *cs, const char *name, size_t name_size, RunList *list,
                           char *why, size_t why_size);

// ---- versions: reload.c ---------------------------------------------------------------------------

// Links a new version of the loaded module `name` out of an image, beside the one there is. It and the
// library modules that it needs are appended to *list, it as the last. Nothing changes for anybody until
// its body has run and code_commit makes it the current one. Takes the image's memory over, also on
// failure; then false, the reason in `why`.
MUST_USE bool code_stage(CodeSpace *cs, Buf *image, const char *name, Value owner, RunList *list,
                         char *why, size_t why_size);

// Makes a staged version the current one.
void code_commit(CodeSpace *cs, LoadedModule *m);
// Its body failed: it is an old version at once.
void code_abandon(CodeSpace *cs, LoadedModule *m);

// What a variable of a staged version keeps of the one it stands for, rather than be defined anew.
bool code_keeps(CodeSpace *cs, const Cell *staged, Value v);

// Versions of a module that are neither current nor purged, newest first; how many of them, at most max.
size_t code_old_versions(CodeSpace *cs, Value name, LoadedModule **out, size_t max);
bool code_is_module(CodeSpace *cs, const LoadedModule *m);
LoadedModule *code_current(CodeSpace *cs, Value name);

// From begin to cancel or end, whoever calls a procedure of the version waits. End: when no actor has a
// frame in it. False when the version's role is not what it must be.
Value code_owner(CodeSpace *cs, const LoadedModule *m);
MUST_USE bool code_purge_begin(CodeSpace *cs, LoadedModule *m, Value owner);
bool code_purge_cancel(CodeSpace *cs, LoadedModule *m);
bool code_purge_end(CodeSpace *cs, LoadedModule *m);

static inline ModuleRole module_role(const LoadedModule *m)
{
    return (ModuleRole)atomic_load_explicit(&m->role, memory_order_acquire);
}

// The procedure that runs a module's body.
Value module_init_proc(LoadedModule *m);
Cell *module_main(LoadedModule *m); // NULL when it has none
void module_set_state(CodeSpace *cs, LoadedModule *m, ModuleState state);

// ---- cells ------------------------------------------------------------------------------------

// A module's variable; NULL when nothing of that name was linked.
Cell *cell_find(CodeSpace *cs, Value module, Value name);

static inline Value cell_value(const Cell *c)
{
    return (Value){__atomic_load_n(&c->value.bits, __ATOMIC_ACQUIRE)};
}

static inline Value cell_snapshot(const Cell *c)
{
    return (Value){__atomic_load_n(&c->snapshot.bits, __ATOMIC_ACQUIRE)};
}

static inline void cell_set_snapshot(Cell *c, Value v)
{
    __atomic_store_n(&c->snapshot.bits, v.bits, __ATOMIC_RELEASE);
}

static inline Value cell_callee(const Cell *c)
{
    return (Value){__atomic_load_n(&c->callee.bits, __ATOMIC_ACQUIRE)};
}

// Gives a cell a value that all actors share (already in SHARED), or makes it private.
void cell_publish(CodeSpace *cs, Cell *c, Value shared_value);

// Copies a value into SHARED if it can be shared: immutable all the way down. V_NONE when it cannot,
// V_FAIL when memory is out.
Value code_share(CodeSpace *cs, Value v);

// ---- what an address means ----------------------------------------------------------------------

// The procedure that a code address belongs to; NULL for the stubs and for anything else.
Code *code_at(CodeSpace *cs, const uint64_t *pc);
// The safepoint row of an instruction; NULL when it has none.
const ImageSafe *code_safepoint(const Code *code, const uint64_t *pc);

// Calls `each` for every slot below `limit` that a mask names.
static inline bool code_mask_has(const LoadedModule *m, uint32_t mask, uint32_t slot)
{
    if (!(mask & MASK_WIDE)) return slot < MASK_SLOTS && (mask >> slot & 1);
    const uint32_t *wide = &m->view.masks[mask & ~MASK_WIDE];
    return slot < wide[0] * 32 && (wide[1 + slot / 32] >> (slot % 32) & 1);
}

// ---- reach: which private cells running a code may touch ------------------------------------------

struct Reach {
    _Atomic uint64_t epoch; // of the code space when it was true
    uint32_t count;
    Cell *cells[];
};

// NULL without memory. Cheap when nothing was defined or linked since the last time.
const Reach *code_reach(CodeSpace *cs, Code *code);

#endif
