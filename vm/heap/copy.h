// Copying values out of a heap, for messages, spawns and exit reasons.
//
// The copy keeps sharing and cycles: originals are forwarded in place, as by a collector, and put
// back from a log when the copy is complete. Until copy_end the heap can be neither read nor
// collected. Time and memory are bounded by the size of what is copied; there is no recursion.
//
// Threads: the one that runs the heap's owner.
#ifndef VM_HEAP_COPY_H
#define VM_HEAP_COPY_H

#include "vm/heap/gc.h"

typedef struct {
    Value *slot;
    Value was;
} CopyLog;

// Pairs of a list, one after another, whose cars need no copy. They are linked at once and not scanned, and
// no log is needed to restore them: a copy has the car of its original.
typedef struct {
    Value *from;  // the first original
    size_t count; // at least one
    Value *start,
        *end;    // the copies of the first and of the last one, which is scanned, for its cdr
    Frag *piece; // where the last copy is; NULL: in the caller's room
} CopyRun;

typedef struct Copy {
    Heap *from;
    struct Space *space;
    // Called for each procedure that is met, shared ones included, which are passed without a copy; may
    // note module data to be copied along.
    void (*on_proc)(struct Copy *c, Proc *p);
    void *context;
    Value *hp, *end;    // room in the piece that is being filled
    Frag *first, *last; // pieces made by the copy, in order
    Value *room_top;    // end of the objects in the caller's room, once a piece was made
    Value *scan;        // objects before are done, in scan_piece (NULL: the caller's room)
    Frag *scan_piece;
    size_t words;  // copied in all
    Value blocks;  // chain of the KIND_BLOCKREF objects in the copy
    Value refused; // the value that cannot travel; V_NONE
    bool lenient;  // set by the caller: what cannot travel becomes #f and sets `lacking`
    bool lacking;
    Kind lacking_kind; // of what it was
    bool giving;       // set by the caller: handles travel too, and are noted
    Value *given;      // the originals of those that did; the caller's after copy_end
    size_t given_count, given_capacity;
    bool no_memory;
    size_t most_words; // set by the caller: beyond about so many the copy gives up; 0: never
    bool gave_up;
    CopyLog *log;
    size_t log_count, log_capacity;
    CopyRun *runs; // in the order of their copies
    size_t run_count, run_capacity;
    size_t run_next; // the first one that the scan has not reached
} Copy;

// Starts a copy that fills [room, room + words) first (may be empty), then pieces of its own.
void copy_begin(Copy *c, Heap *from, Value *room, size_t words);

// Copies one more value into the same copy: what it shares with earlier ones stays shared. V_NONE
// after a refusal, without memory or beyond the bound (look at c->refused, c->no_memory, c->gave_up); then
// nothing more can be copied.
Value copy_value(Copy *c, Value v);

// A pair in the copy, of values that have been copied.
Value copy_cons(Copy *c, Value car, Value cdr);

// Restores the originals. On failure also frees the pieces and releases the blocks. Afterwards the
// pieces, the blocks and the list of handles (c->first, c->blocks, c->given) belong to the caller.
void copy_end(Copy *c);

// True for a value that is passed as it is, without a copy: immediates and what is shared.
bool copy_is_free(const Heap *from, Value v);

#endif
