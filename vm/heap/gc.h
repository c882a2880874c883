// The collector's face to those who own heaps: set-up, a collection, and visiting roots.
//
// Model: generational copying. A young collection copies what lives in the nursery and in message
// fragments into a new nursery; what had survived one before goes to the old generation instead
// (small heaps keep everything in the nursery). A full collection copies everything into fresh old
// chunks. Large objects are marked, never moved. See vm/doc/heap.md.
//
// Threads: only the one that runs the heap's owner.
#ifndef VM_HEAP_GC_H
#define VM_HEAP_GC_H

#include "vm/heap/heap.h"

// The front of a piece of memory that a message or spawn arguments were copied into: behind it,
// somewhere in its `bytes`, stand objects that point only to each other and to SHARED. It is read as
// from-space only, never walked. In REGION_YOUNG.
typedef struct Frag {
    struct Frag *next; // further pieces of the same message
    uint32_t bytes;    // of the block
    uint32_t used;     // words of objects
} Frag;

// Starts a heap in memory that is part of its owner (an actor cell). Such a first nursery is never
// given back.
void heap_init(Heap *h, Value *nursery, size_t words);
// Gives all memory back. The scratch must be set.
void heap_fini(Heap *h);

// Collects so that `words` can be taken afterwards; `full` asks for a full collection. False when
// the owner's limit or memory is exhausted: the heap is whole then, and the fault is not set.
MUST_USE bool gc_collect(Heap *h, size_t words, bool full);

// A full collection after which the heap takes as little as it can: what lives moves into `home`, the
// first nursery that heap_init was given, when it fits there. Without memory for it the heap stays as it is.
void gc_shrink(Heap *h, Value *home, size_t home_words);

// A collection is due that takes long: it was put off, or will be, while the scratch is `bounded`. Whoever
// runs the owner should see to it soon; what is put off too long is done where it is met.
bool heap_is_due(const Heap *h);
// Does it, on a thread that may take its time. At the limit it may fail, as the next slice will find out.
void heap_collect_due(Heap *h);

Heap *gc_heap(const Gc *gc);

// Updates one root or one slot of a stack object.
void gc_visit(Gc *gc, Value *slot);
static inline void gc_visit_range(Gc *gc, Value *first, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        gc_visit(gc, &first[i]);
    }
}

// The nursery has at least so many words from the next collection on, as far as nurseries go; 0: as the
// collector thinks best. Gives what it was. False without memory.
MUST_USE bool heap_set_least(Heap *h, size_t words, size_t *was);

// May the owner have so many words more in fragments? If not at once, then after a full collection: what
// it had before may be garbage. No fault is set.
MUST_USE bool heap_may_adopt(Heap *h, size_t words) MAY_GC;
// A fragment that the owner's heap now refers to: absorbed by the next collection.
void heap_adopt(Heap *h, Frag *frag);
void frag_free(struct Space *space, struct BlockCache *cache, Frag *frag); // the whole list

// ---- accounting -----------------------------------------------------------------------------

typedef struct {
    size_t young_words; // used
    size_t young_size;
    size_t old_words;
    size_t large_words;
    size_t frag_words;
    size_t block_bytes; // shared blocks referred to
    uint32_t minor_count, major_count;
} HeapStats;

void heap_stats(const Heap *h, HeapStats *out);

// All that counts against the owner's limit, in words: spaces as large as they are, and the shared
// blocks it refers to.
size_t heap_words(const Heap *h);
// The owner is told that it is at its limit, having so much; heap_told_words gives it.
void heap_note_told(Heap *h, size_t words);
size_t heap_told_words(const Heap *h);

// Aborts unless every word of the heap is as it must be. For debug and stress builds and tests.
void heap_verify(Heap *h);

// Shared payload blocks. A new one has one reference; NULL without memory.
MUST_USE Block *block_new(struct Space *space, size_t bytes);
void block_retain(Block *b);
void block_release(struct Space *space, Block *b);
void block_free(struct Space *space, Block *b); // for its drop
// Counts a new KIND_BLOCKREF object that the owner has just built.
MUST_USE bool heap_note_blockref(Heap *h, Value blockref);

// A weak reference to *object, which does not keep it alive; its copy in the heap becomes #f when the object
// is gone. With *queue, a pair of this heap that may be written to, it is nobody's: once nothing else refers
// to the object, the object is added to the list in the pair's car. Both are roots. V_FAIL at the heap limit.
Value heap_weak(Heap *h, Value *object, Value *queue) MAY_GC;

// A KIND_HANDLE object for a new block with a drop, whose one reference it takes over, also on failure.
// Handles do not travel; their block goes when the owner ends or has collected them. V_FAIL at the heap
// limit.
Value heap_handle(Heap *h, Block *b) MAY_GC;
// Gives up what a handle stands for. What it was is raw bytes then.
void heap_forget_handle(Heap *h, Value handle);
// Another heap has got a copy of a handle: from here on this one stands for nothing.
void heap_give_handle(Heap *h, Value handle);
bool heap_is_given(const Heap *h, Value handle); // has that been done to it

#endif
