// Shared tables: data outside all heaps that many actors read and write (std.table).
//
// A table holds entries of a key and a value, both copied in and copied out. An entry is one block: its
// objects lie behind its head, point only to each other and to SHARED, and never change, so that who
// has a reference to it reads it without a lock. Only a value that is an immediate may be replaced in
// place (counters), under the lock of its shard.
//
// Sets and bags are hashed: the top bits of a hash choose one of 64 shards with a lock each, the bits
// below a bucket of it. The order of shards and buckets is the order of hashes, so that a place in it (the
// cursor of a traversal) stays what it is when a shard grows. Ordered tables are one shard with a skip
// list (Pugh: Skip lists, CACM 1990).
//
// Threads: any worker. `refs` of tables and entries are atomic; owner and the like under the lock of
// SharedTables.
#ifndef VM_ACTOR_SHARED_H
#define VM_ACTOR_SHARED_H

#include "vm/actor/signal.h"
#include "vm/base/map.h"

typedef struct Entry {
    struct Entry *next; // in its bucket, or of all entries of an ordered table; lock of the shard
    uint64_t hash;      // HASH_BITS
    _Atomic uint32_t refs;
    uint32_t bytes;  // of the block
    uint32_t words;  // of objects in room
    uint32_t levels; // further links of the skip list, behind the objects; lock
    Value key;
    Value value;  // an immediate one may change; lock
    Value cells;  // module data that came along: list of (identity . value)
    Value blocks; // chain of the shared payloads in it
    Value room[];
} Entry;

#define HASH_BITS  60
#define SHARD_BITS 6
#define SHARDS     (1u << SHARD_BITS)
#define LEVELS_MAX 16

typedef struct {
    PlatLock lock;
    uint32_t bits; // log2 of the number of buckets
    Entry **buckets;
    size_t count; // entries
    bool dead;    // the table is being emptied for good,
    size_t empty; // and so many buckets are empty
} Shard;

typedef enum { SHARED_SET, SHARED_ORDERED, SHARED_BAG, SHARED_TYPES } SharedType;
typedef enum { SHARED_PUBLIC, SHARED_PROTECTED, SHARED_PRIVATE, SHARED_ACCESSES } SharedAccess;

typedef struct SharedTable {
    _Atomic uint32_t refs;
    SharedType type;
    SharedAccess access;
    Value id;                      // reference
    Value name;                    // symbol or #f
    _Atomic uint64_t owner;        // pid; written under the lock of SharedTables
    Value heir;                    // pid or #f; lock of SharedTables
    Sig *bequest;                  // what the heir is told; likewise
    _Atomic uint64_t count, words; // of entries and the objects in them
    Entry *heads[LEVELS_MAX];      // of an ordered table; lock of shard 0
    uint32_t drained;              // shards that are empty for good; by who empties it
    uint32_t shard_count;
    Shard shards[];
} SharedTable;

typedef struct SharedTables SharedTables;

SharedTables *shared_tables_new(void);
void shared_tables_free(Vm *vm, SharedTables *all);

// ---- tables ---------------------------------------------------------------------------------------

// NULL without memory, or when the name is taken (*taken).
SharedTable *shared_new(Actor *owner, Value name, SharedType type, SharedAccess access,
                        bool *taken);
// The table of a reference or name, to be released; NULL when there is none.
SharedTable *shared_acquire(Vm *vm, Value id_or_name);
void shared_release(Vm *vm, SharedTable *t);
// Nobody finds it any more. False when somebody else was faster.
bool shared_withdraw(Vm *vm, SharedTable *t);
// Empties a withdrawn table, at most about `max` entries at once. True when it is empty.
bool shared_drain(Vm *vm, SharedTable *t, size_t max);
// Copies at most `max` identities; returns how many tables there are.
size_t shared_ids(Vm *vm, Value *out, size_t max);

// A withdrawn table is emptied by shared_owner_drain from now on. False without memory.
MUST_USE bool shared_doom(Actor *a, SharedTable *t);
// The owner ends: its tables go to their heirs, or cannot be found any more and are emptied by
// shared_owner_drain, which is false when its budget is used up.
void shared_owner_ended(VmWorker *w, Actor *a);
bool shared_owner_drain(VmWorker *w, Actor *a, unsigned *budget);
// Makes another actor the owner and tells it by a message, which is taken over on success. False when
// the new owner is dead.
bool shared_give(VmWorker *w, SharedTable *t, Value pid, Sig *message);
// What the heir will be told is taken over; the old message is freed. heir #f: nobody.
Value shared_heir(Vm *vm, SharedTable *t); // pid or #f
void shared_set_heir(VmWorker *w, SharedTable *t, Value heir, Sig *message);

// ---- entries --------------------------------------------------------------------------------------

// A copy of a key and value with one reference. SEND_REFUSED: *refused cannot travel.
SendResult entry_new(Actor *a, const SharedTable *t, Value key, Value value, uint64_t hash,
                     Entry **out, Value *refused);
void entry_release(Vm *vm, Entry *e);
// Copies a value of an entry (its key, or its value as it was read under the lock) into the actor's heap.
// False at the heap limit (fault set).
MUST_USE bool entry_read(Actor *a, const Entry *e, Value v, Value *out) MAY_GC;

// ---- operations -------------------------------------------------------------------------------------

// An entry with a reference, and its value at that moment.
typedef struct {
    Entry *entry;
    Value value;
} Found;

// The hash of a key; false (fault set) for what no table of this type takes as a key.
MUST_USE bool shared_hash(Actor *a, const char *who, const SharedTable *t, Value key,
                          uint64_t *hash);

// What happens when the key is there: it is replaced, or stays and PUT_REFUSED. A bag gets a further
// value, unless it has an equal one.
typedef enum { PUT_ALWAYS, PUT_NEW } PutMode;
typedef enum { PUT_DONE, PUT_REFUSED, PUT_DEAD } PutResult;
// Takes the entry over, whatever comes of it.
PutResult shared_put(Actor *a, SharedTable *t, Entry *e, PutMode mode);

// All entries of a key, oldest first, at most `max` of them (then more may be there).
size_t shared_find(Actor *a, SharedTable *t, Value key, uint64_t hash, Found *out, size_t max,
                   size_t skip);
// Takes the entries of a key out, oldest first; how many there were. The first is put into *first,
// if that is not NULL.
size_t shared_remove(Actor *a, SharedTable *t, Value key, uint64_t hash, Found *first);

typedef enum { COUNTED, COUNT_ABSENT, COUNT_NO_NUMBER, COUNT_OVERFLOW } CountResult;
// Adds to a value that is a fixnum.
CountResult shared_count(Actor *a, SharedTable *t, Value key, uint64_t hash, int64_t n,
                         int64_t *now);

// The next entries of a traversal, whole buckets: none and a cursor that has not moved means that there are
// more than `max` in the next one. From a cursor on in a hashed table, after the entry `after` (V_NONE: from
// the first) in an ordered one. Gives how many; the cursor moves on and is beyond CURSOR_MAX at the end.
#define CURSOR_MAX (((uint64_t)1 << HASH_BITS) - 1)
size_t shared_batch(Actor *a, SharedTable *t, uint64_t *cursor, Found *out, size_t max);
// Where the bucket of a hash begins, as a cursor.
uint64_t shared_bucket_cursor(SharedTable *t, uint64_t hash);
size_t shared_batch_after(Actor *a, SharedTable *t, Value key, Found *out, size_t max);
// The last entry before a key (V_NONE: of all) of an ordered table. False when there is none.
bool shared_before(Actor *a, SharedTable *t, Value key, Found *out);

#endif
