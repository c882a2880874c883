// Shared by the files of vm/heap: the parts of a heap that exist only once it has been collected,
// and the collector's working state.
#ifndef VM_HEAP_HEAP_INT_H
#define VM_HEAP_HEAP_INT_H

#include "vm/heap/gc.h"
#include "vm/heap/space.h"

// A piece of an old generation: objects one after another. In REGION_OLD.
typedef struct Chunk {
    struct Chunk *next;
    size_t bytes;
    Value *top; // end of the objects
    Value words[];
} Chunk;

static inline Value *chunk_end(Chunk *c)
{
    return (Value *)((char *)c + c->bytes);
}

// A large object: this, then the object. In REGION_LARGE.
typedef struct Large {
    struct Large *next;
    struct Large *grey; // list of those marked and not yet scanned
    size_t bytes;
    Value object[]; // header first
} Large;

static inline Large *large_of(const Value *object)
{
    return container_of(object, Large, object);
}

typedef struct HeapExt {
    Chunk *old;         // newest first; only the first one has room
    size_t old_words;   // used, all chunks
    size_t least_words; // of the nursery, as the owner wants it
    size_t told_words;  // in use when the owner was told that it is at its limit
    size_t old_limit;   // of old_words + large_words, at which the next collection is a full one
    Large *large_young; // made since the last collection
    Large *large_old;
    size_t large_words;       // of both lists
    size_t large_young_words; // of the first
    Value **remembered;       // slots of old objects that may point to young ones
    uint32_t remembered_count, remembered_capacity;
    bool remembered_overflow; // the list is incomplete: the next collection is a full one
    bool stuck; // a collection off the slice has failed: none is asked for until one succeeds
    bool eager; // most of what is made lives on: the next collection promotes it at once
    Value blocks_young, blocks_old; // chains of KIND_BLOCKREF objects, V_NIL at the end
    size_t block_bytes;             // of the blocks they refer to
    Value weak_young, weak_old;     // chains of KIND_WEAK objects, V_NIL at the end
    uint32_t minor_count, major_count;
} HeapExt;

struct Gc {
    Heap *h;
    HeapExt *ext;
    const HeapOwnerOps *ops;
    char *base;       // of the space
    size_t skip_end;  // offsets below are left alone: SHARED, and OLD in a young collection
    size_t large_at, large_bytes; // offset and size of LARGE
    size_t old_end;   // offset where OLD ends
    char *promote_at; // [promote_at, + promote_bytes): survivors of an earlier collection
    size_t promote_bytes;
    bool major;
    bool eager;    // nothing of the nursery stays young
    bool into_old; // everything that moves becomes old
    bool in_old;   // the object being scanned is old: note its slots that point to young ones
    Value *to, *to_hp, *to_end; // the new nursery
    Chunk *to_chunk;            // where promoted objects go, with room for all there can be
    Value *scan_to, *scan_chunk; // what lies before has been scanned
    Large *grey;
};

HeapExt *heap_ext(Heap *h); // makes it when there is none; NULL without memory
void heap_remember(Heap *h, Value *slot);

void gc_scan(Gc *gc); // whatever has been moved and not been scanned
// Once all is moved: weak references and what is guarded.
void weak_settle(Gc *gc);
// No young collection moves it or finds it dead.
bool weak_is_settled(const Space *space, Value v);

#endif
