// The C view of heap objects: one struct per kind that has more than plain values inside. Readers
// only; allocation is in vm/heap and vm/data.
#ifndef VM_VALUE_OBJECT_H
#define VM_VALUE_OBJECT_H

#include "vm/base/check.h"
#include "vm/value/value.h"

typedef enum { LAYOUT_RAW, LAYOUT_VALUES, LAYOUT_BYTES, LAYOUT_STACK, LAYOUT_SHARED } Layout;

extern const uint8_t kind_layout[KIND_COUNT];
const char *kind_text(Kind kind);

// What an error message calls a value: "a pair", "the empty list", "an exact integer".
const char *value_type_text(Value v);

// ---- vectors, records, boxes: header, then values -------------------------------------------

static inline size_t object_count(Value v)
{
    return header_words(value_header(v));
}

static inline Value *object_slot(Value v, size_t i)
{
    ASSERT(i < object_count(v));
    return value_words(v) + 1 + i;
}

static inline Value object_ref(Value v, size_t i)
{
    return *object_slot(v, i);
}

enum { RECORD_TYPE_SLOT = 0, RECORD_FIELDS = 1 };

// A record type: slots of a KIND_RECORD_TYPE object.
enum {
    RTYPE_NAME,      // symbol
    RTYPE_UID,       // fixnum, of the type's identity in the VM: a copied type is still the same type
    RTYPE_FIELDS,    // vector of symbols
    RTYPE_ACCESSORS, // vector: name of the accessor of each field, or #f
    RTYPE_MODIFIERS, // vector: name of the modifier of each field, or #f
    RTYPE_PREDICATE, // symbol or #f, for messages
    RTYPE_ORIGIN,    // where it is from: see record_uid
    RTYPE_SLOTS
};

// The number of a type in this VM (RTYPE_UID). `origin` is the module whose top level defines it, a
// symbol: the same module, name and fields are the same type, also when the module is loaded again and
// when the type came from another node. Of a type defined elsewhere (in a procedure, say) the origin
// is a reference of its own.
// `key` is the VM's secret: nobody outside can make two types with one number.
int64_t record_uid(uint64_t key, Value origin, Value name, Value fields);

// A negative number: spawned actors do not get the binding that their parent has.
enum { PARAM_UID, PARAM_INIT, PARAM_CONVERTER, PARAM_SLOTS };

// A mutable hash table (vm/data/table.h). Numbers are fixnums.
enum {
    TABLE_TEST,    // TableTest
    TABLE_SEED,    // of its hashes
    TABLE_COUNT,   // entries that there are
    TABLE_USED,    // entries in order of their making, deleted ones included
    TABLE_INDEX,   // KIND_BYTES: slots of {32-bit hash, 32-bit number of the entry + 1}, 0: free
    TABLE_ENTRIES, // vector of segments: vectors of (key, value, hash)
    TABLE_EPOCH,   // of the heap, when addresses were last hashed; #f: they all have to be again (the
                   // table was copied); (): no hash is of an address
    TABLE_YOUNG,   // first entry whose hash a young collection may change
    TABLE_PHASE,   // TablePhase
    TABLE_CURSOR,  // how far the phase has come
    TABLE_TARGET,  // where compaction writes next
    TABLE_EQUAL_PROC, // of a table whose keys the program compares; else #f
    TABLE_HASH_PROC,
    TABLE_SLOTS
};

// A persistent hash map or set: slots of KIND_HASHMAP and KIND_HASHSET.
enum { HASHMAP_COUNT, HASHMAP_ROOT, HASHMAP_SLOTS };

// ---- strings and bytevectors ----------------------------------------------------------------

// The info word: {56-bit length, unused, bit 2 INDIRECT, bits 0-1 log2 of the width}. A string's
// length counts characters, a bytevector's bytes (its width is always 1). Characters are stored in
// the narrowest of 1, 2, 4 bytes that held them all when the string was made, so indexing is O(1);
// storing a wider one moves the text into a wider payload. Text in place can turn INDIRECT, because
// a string that is not empty has at least one word of payload.
typedef struct {
    uint64_t header;
    uint64_t info;
    union {
        uint8_t bytes[8]; // in place
        Value body;       // INDIRECT: a KIND_BYTES or KIND_BLOCKREF object
    } u;
} Bytes;

enum { BYTES_INDIRECT = 4, BYTES_WIDTH_MASK = 3 };

// A block outside all heaps that strings and bytevectors of several actors share. Immutable while
// more than one reference is held.
//
// One with a `drop` is what a handle stands for (an open file, a child process): when nobody refers to
// it any more, drop is called, on any thread, and frees it sooner or later (block_free).
typedef struct Block {
    _Atomic uint64_t refs;
    uint64_t capacity; // bytes
    void (*drop)(struct Block *b);
    uint8_t bytes[];
} Block;

typedef struct {
    uint64_t header; // KIND_BLOCKREF or KIND_HANDLE
    Block *block;
    Value next; // chain of the blockrefs of one generation, for release after a collection
} BlockRef;

// A weak reference, or what a guardian has for an object that it guards (vm/heap/weak.c).
typedef struct {
    uint64_t header;
    Value object; // #f when it is gone
    Value next;   // chain of those of one generation
    Value queue;  // () of a weak reference; else the pair whose car lists what is due
} Weak;

static inline Bytes *value_bytes(Value v)
{
    return (Bytes *)value_words(v);
}

static inline size_t bytes_length(const Bytes *b)
{
    return (size_t)(b->info >> 8);
}

static inline unsigned bytes_width_log2(const Bytes *b)
{
    return (unsigned)(b->info & BYTES_WIDTH_MASK);
}

static inline bool bytes_is_indirect(const Bytes *b)
{
    return (b->info & BYTES_INDIRECT) != 0;
}

static inline uint64_t bytes_info(size_t length, unsigned width_log2, bool indirect)
{
    return (uint64_t)length << 8 | (indirect ? BYTES_INDIRECT : 0u) | width_log2;
}

static inline uint8_t *bytes_data(Bytes *b)
{
    if (!bytes_is_indirect(b)) return b->u.bytes;
    Value body = b->u.body;
    if (header_kind(value_header(body)) == KIND_BYTES) return (uint8_t *)(value_words(body) + 1);
    return ((BlockRef *)value_words(body))->block->bytes;
}

static inline bool value_is_string(Value v)
{
    return value_is_kind(v, KIND_STRING);
}

static inline size_t string_length(Value v)
{
    return bytes_length(value_bytes(v));
}

static inline uint32_t bytes_scalar_at(const uint8_t *data, unsigned width_log2, size_t i)
{
    if (width_log2 == 0) return data[i];
    if (width_log2 == 1) return ((const uint16_t *)data)[i];
    return ((const uint32_t *)data)[i];
}

static inline void bytes_set_scalar(uint8_t *data, unsigned width_log2, size_t i, uint32_t scalar)
{
    if (width_log2 == 0) {
        data[i] = (uint8_t)scalar;
    } else if (width_log2 == 1) {
        ((uint16_t *)data)[i] = (uint16_t)scalar;
    } else {
        ((uint32_t *)data)[i] = scalar;
    }
}

static inline uint32_t string_scalar(Value v, size_t i)
{
    Bytes *b = value_bytes(v);
    ASSERT(i < bytes_length(b));
    return bytes_scalar_at(bytes_data(b), bytes_width_log2(b), i);
}

// ---- symbols --------------------------------------------------------------------------------

typedef struct Symbol {
    uint64_t header; // KIND_SYMBOL
    uint64_t hash;
    struct Symbol *next; // bucket of the symbol table
    Value string;        // the name as an immutable shared string; 0 until somebody asks
    uint32_t utf8_bytes;
    char utf8[]; // NUL-terminated
} Symbol;

static inline bool value_is_symbol(Value v)
{
    return value_is_kind(v, KIND_SYMBOL);
}

static inline Symbol *value_symbol(Value v)
{
    return (Symbol *)value_words(v);
}

// ---- pids and references of other nodes ----------------------------------------------------------

// Equal (eqv?) when node and number are. The node's name is what it was called when this was made, for
// printing; a symbol is never moved, so nothing in here needs a collector.
typedef struct {
    uint64_t header; // KIND_EXTERNAL_PID, KIND_EXTERNAL_REF
    uint64_t node;   // identity: 64 random bits, new whenever the node starts
    Value name;      // symbol
    uint64_t number; // of a pid {32-bit serial, 32-bit index}, of a reference 60 bits
} External;

enum { EXTERNAL_WORDS = sizeof(External) / sizeof(Value) };

static inline bool value_is_external_pid(Value v)
{
    return value_is_kind(v, KIND_EXTERNAL_PID);
}

static inline bool value_is_external(Value v)
{
    return value_is_external_pid(v) || value_is_kind(v, KIND_EXTERNAL_REF);
}

static inline const External *value_external(Value v)
{
    return (const External *)value_words(v);
}

bool external_eqv(Value a, Value b); // false when one of them is something else

static inline bool value_is_pid(Value v)
{
    return value_is_local_pid(v) || value_is_external_pid(v);
}

static inline bool value_is_ref(Value v)
{
    return value_is_local_ref(v) || value_is_kind(v, KIND_EXTERNAL_REF);
}

// ---- procedures -----------------------------------------------------------------------------

struct Code;

typedef struct {
    uint64_t header;
    struct Code *code; // atomic: see proc_code
    Value free[];
} Proc;

static inline bool value_is_proc(Value v)
{
    return value_tag(v) == TAG_PROC;
}

static inline Proc *value_proc(Value v)
{
    return (Proc *)(v.bits - TAG_PROC);
}

// Loading a new version of a module changes the code of its procedures.
static inline struct Code *proc_code(const Proc *p)
{
    return __atomic_load_n(&p->code, __ATOMIC_ACQUIRE);
}

// ---- numbers --------------------------------------------------------------------------------

static inline bool value_is_big(Value v)
{
    return value_is_kind(v, KIND_BIGNUM);
}

static inline bool value_is_ratio(Value v)
{
    return value_is_kind(v, KIND_RATIO);
}

static inline bool value_is_exact_integer(Value v)
{
    return value_is_fix(v) || value_is_big(v);
}

static inline bool value_is_number(Value v)
{
    return value_is_fix(v) || value_is_flo(v) || value_is_big(v) || value_is_ratio(v);
}

STATIC_ASSERT(KIND_COUNT < 128, "a kind fits a byte");
STATIC_ASSERT(sizeof(Bytes) == 3 * sizeof(Value), "the info word is the first payload word");

#endif
