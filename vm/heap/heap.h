// One actor's memory: allocation, roots, and the failure that a native reports.
//
// Model: a nursery in which objects are made by moving a pointer, an old generation of chunks, and a
// space for large objects. A collection moves everything but large objects, so a Value in a C
// local is dead after every call marked MAY_GC, unless it stands in a frame slot or in a root.
// Natives therefore *reserve, then build*: one heap_reserve for all words, then allocation that
// cannot fail, reading the arguments again from their slots.
//
// Threads: only the thread that runs the owner touches a Heap.
// See vm/doc/heap.md.
#ifndef VM_HEAP_HEAP_H
#define VM_HEAP_HEAP_H

#include "vm/base/check.h"
#include "vm/value/object.h"

// Payloads of more words than this are large objects: allocated on their own, never moved.
#define HEAP_LARGE_WORDS 256

typedef enum {
#define ERR(name, tag, parent) ERR_##name,
#include "vm/heap/err.def"
    ERR_COUNT
} ErrKind;

// What a failed native leaves behind; the interpreter turns it into a condition. `who` and
// `expected` are string literals.
typedef enum {
    FAULT_NONE,
    FAULT_EXPECTED, // who: expected EXPECTED, got irritants[0]
    FAULT_INDEX,    // who: index irritants[0] is out of range for EXPECTED of length n
    FAULT_TEXT,     // who: text, then the irritants
} FaultForm;

typedef struct {
    ErrKind kind;
    FaultForm form;
    const char *who;
    const char *expected;
    int64_t n;
    unsigned irritant_count;
    Value irritants[2];
    char text[160];
} Fault;

typedef struct Heap Heap;
typedef struct Gc Gc;

// What the collector must be told by the layers above it.
typedef struct {
    void (*visit_roots)(Heap *h, Gc *gc);          // every root of the owner, through gc_visit
    void (*visit_stack)(Gc *gc, Value *object);    // the live values inside a KIND_STACK object
    bool (*may_grow)(Heap *h, size_t more_words);  // limits; false: the owner is at its limit
    bool (*use_reserve)(Heap *h); // the space is full: may this owner go on, with the reserve? Or NULL
} HeapOwnerOps;

// Per-thread working state that the running owner borrows: temporary roots and the fault.
#define HEAP_ROOTS_MAX 64
typedef struct {
    const HeapOwnerOps *ops;
    struct Space *space;  // where blocks come from
    struct BlockCache *cache; // this thread's share of them
    unsigned root_count;
    _Atomic uint64_t minors, majors; // collections in all; written by this thread
    unsigned collections; // since the running slice began: many mean that nurseries are too small
    bool bounded; // others wait for this thread: a collection that would take long is put off
    bool nogc; // set while objects are half built: a reservation then is a bug
    Value roots[HEAP_ROOTS_MAX];
    Fault fault;
} HeapScratch;

struct Heap {
    Value *hp;      // next free word of the nursery
    Value *limit;   // end of what may be used before a collection is due
    Value *nursery; // first word
    Value *nursery_end;
    Value *mark;          // objects below have survived one collection
    struct Frag *frags;   // messages taken from the mailbox, absorbed by the next collection
    struct HeapExt *ext;  // old generation, large objects, remembered set; NULL while unused
    HeapScratch *scratch; // of the thread that runs the owner; NULL while none does
    uint32_t frag_words;
    uint32_t max_words; // limit set by the owner, in KiB-words (1,024 words); 0: none
};

// ---- allocation -----------------------------------------------------------------------------

// Slow half of heap_reserve: collects. On failure the fault is HEAP_LIMIT.
MUST_USE COLD bool heap_collect_for(Heap *h, size_t words) MAY_GC;

// Makes sure that `words` words (headers counted) can be taken without a collection.
MUST_USE static inline bool heap_reserve(Heap *h, size_t words)
{
    ASSERT(!h->scratch->nogc);
#if BUILD_STRESS
    bool forced = h->scratch->cache != NULL; // the throw-away heaps of literals cannot collect
#else
    bool forced = false;
#endif
    if (LIKELY(!forced && (size_t)(h->limit - h->hp) >= words)) return true;
    return heap_collect_for(h, words);
}

// Takes reserved words.
static inline Value *heap_take(Heap *h, size_t words)
{
    Value *p = h->hp;
    ASSERT((size_t)(h->nursery_end - p) >= words);
    h->hp = p + words;
    return p;
}

// One object of any size: writes the header, leaves the payload to the caller, who must fill it
// before the next reservation. NULL when the limit is reached (fault set). For small objects the
// same as reserve and take.
MUST_USE Value *heap_alloc(Heap *h, uint64_t header) MAY_GC;

// Gives back the tail of an object made by heap_alloc or heap_take: only `payload_words` of its
// payload remain.
void heap_trim(Heap *h, Value *object, size_t payload_words);

static inline Value heap_flonum(Heap *h, double d) // takes 2 reserved words
{
    Value *p = heap_take(h, 2);
    p[0].bits = header_make(KIND_FLONUM, 1);
    memcpy(&p[1], &d, sizeof d);
    return value_from_words(p, TAG_FLO);
}

static inline Value heap_cons(Heap *h, Value car, Value cdr) // takes 2 reserved words
{
    Value *p = heap_take(h, 2);
    p[0] = car;
    p[1] = cdr;
    return value_from_words(p, TAG_PAIR);
}

// ---- temporary roots ------------------------------------------------------------------------

// Keeps a value alive, and its slot up to date, until heap_unroot is called with the mark that
// heap_root_mark gave before. For C code that needs values across a MAY_GC call.
static inline unsigned heap_root_mark(Heap *h)
{
    return h->scratch->root_count;
}

static inline Value *heap_root(Heap *h, Value v)
{
    HeapScratch *s = h->scratch;
    CHECK(s->root_count < HEAP_ROOTS_MAX, "too many temporary roots");
    Value *slot = &s->roots[s->root_count++];
    *slot = v;
    return slot;
}

static inline void heap_unroot(Heap *h, unsigned mark)
{
    h->scratch->root_count = mark;
}

// ---- writing into objects that are already there ----------------------------------------------

// Slow half of heap_store: old objects are remembered. `object` is the value that holds the slot.
COLD void heap_store_slow(Heap *h, Value object, Value *slot, Value v);

// Every store into an object that existed before the last reservation goes through here. The caller
// has refused immutable objects (value_is_shared).
static inline void heap_store(Heap *h, Value object, Value *slot, Value v)
{
    if (LIKELY((size_t)((char *)slot - (char *)h->nursery) <
               (size_t)((char *)h->nursery_end - (char *)h->nursery))) {
        *slot = v;
    } else {
        heap_store_slow(h, object, slot, v);
    }
}

// True for what all actors share and nobody may write to: literals, symbols, code.
bool heap_is_shared(const Heap *h, Value v);

// ---- addresses as identities -----------------------------------------------------------------

// When the address of a value may change. What never moves: immediates and shared objects. Large objects
// stay where they are, but their copies in other heaps are elsewhere.
typedef enum { MOVES_NEVER, MOVES_COPIED, MOVES_FULL, MOVES_YOUNG } Motion;

Motion heap_motion(const Heap *h, Value v);

// Counts the collections of a heap: {full ones, young ones}, 30 bits each. A value of MOVES_FULL
// keeps its address while the high half stays, one of MOVES_YOUNG while all does. False without
// memory.
MUST_USE bool heap_epoch(Heap *h, uint64_t *out);

static inline uint64_t epoch_full(uint64_t epoch)
{
    return epoch >> 30;
}

// ---- failures ---------------------------------------------------------------------------------

// Each sets the fault and returns V_FAIL, so that a native can `return fail_type(...)`.
COLD Value fail_type(Heap *h, const char *who, const char *expected, Value got);
COLD Value fail_index(Heap *h, const char *who, Value index, const char *what, size_t length);
COLD Value fail_div(Heap *h, const char *who);
COLD Value fail_text(Heap *h, ErrKind kind, const char *who, const char *fmt, ...)
    PRINTF_LIKE(4, 5);
// The same with one or two values to show after the text.
COLD Value fail_with(Heap *h, ErrKind kind, const char *who, const char *text, Value irritant);

#endif
