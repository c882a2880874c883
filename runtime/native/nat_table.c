// Natives of mutable hash tables. The work is vm/data/table.h's; what is due is done before
// anything else, in steps after which others run.
//
// Tables whose keys the program compares (TEST_CUSTOM) go through probing: the library asks for the
// positions of a hash one after another. A position is an index that may be stale by the time it
// comes back (the program's procedure may have changed the table), so it is checked each time.
#include "runtime/native/natives.h"

#include "vm/data/table.h"

#if BUILD_STRESS
#define STEP_WORK 40
#define STEP_LIST 16
#else
#define STEP_WORK 20000
#define STEP_LIST 2048
#endif
#define WORK_PER_REDUCTION 16

static Value fail_table(Actor *a, const char *who, Value v)
{
    return fail_type(HEAP(a), who, "a hash table", v);
}

static bool is_table(Value v)
{
    return value_is_kind(v, KIND_TABLE);
}

static Value unsettled(Actor *a, TableState state)
{
    actor_charge(a, STEP_WORK / WORK_PER_REDUCTION);
    return state == TABLE_FAILED ? V_FAIL : V_YIELD;
}

static TableState settle(Actor *a, Value table)
{
    int64_t work = STEP_WORK;
    return table_settle(HEAP(a), table, &work);
}

static TableState make_room(Actor *a, const Value *table)
{
    int64_t work = STEP_WORK;
    TableState state = table_make_room(HEAP(a), table, &work);

    if (work < STEP_WORK) actor_charge(a, (uint64_t)(STEP_WORK - work) / WORK_PER_REDUCTION);
    return state;
}

static bool is_custom(Value table)
{
    return table_number(table, TABLE_TEST) == TEST_CUSTOM;
}

// May a table have this key? Sets the fault when not.
static bool check_key(Actor *a, const char *who, Value table, Value key)
{
    if (table_number(table, TABLE_TEST) != TEST_STRING || value_is_string(key)) return true;
    (void)fail_type(HEAP(a), who, "a string as the key", key);
    return false;
}

// Position of a key in a settled table.
static int64_t find(Actor *a, Value table, Value key)
{
    Motion motion;
    uint64_t steps = 0;
    uint32_t hash = table_hash(HEAP(a), table, key, &motion);
    int64_t at = table_find(table, key, hash, &steps);

    if (steps >= WORK_PER_REDUCTION) actor_charge(a, steps / WORK_PER_REDUCTION);
    if (value_is_string(key)) native_charge_bytes(a, string_length(key));
    return at;
}

NATIVE_FN(table_make)
{
    size_t test, size;

    (void)count;
    if (!native_index(args[0], TEST_COUNT, &test))
        return fail_type(HEAP(a), "make-hash-table", "a kind of test", args[0]);
    if (!native_index(args[1], (size_t)1 << 31, &size))
        return fail_type(HEAP(a), "make-hash-table", "a size", args[1]);
    // Room for very many is made when they come: a size is advice.
    Value v = table_make(HEAP(a), (TableTest)test, MIN(size, (size_t)1 << 16));
    if (value_is(v, V_FAIL)) return v;
    *object_slot(v, TABLE_EQUAL_PROC) = args[2]; // just made: no barrier
    *object_slot(v, TABLE_HASH_PROC) = args[3];
    return v;
}

// The value, or `default`. Of a custom table the default object.
NATIVE_FN(table_ref)
{
    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-ref", args[0]);
    if (is_custom(args[0])) return V_DEFAULT;
    TableState state = settle(a, args[0]);
    if (state != TABLE_OK) return unsettled(a, state);
    if (!check_key(a, "hash-table-ref", args[0], args[1])) return V_FAIL;
    int64_t at = find(a, args[0], args[1]);
    return at < 0 ? args[2] : table_entry(args[0], (size_t)table_entry_at(args[0], at))[1];
}

// Custom tables: the default object; nothing is done.
NATIVE_FN(table_set)
{
    Motion motion;
    uint64_t steps = 0;

    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-set!", args[0]);
    if (is_custom(args[0])) return V_DEFAULT;
    if (!check_key(a, "hash-table-set!", args[0], args[1])) return V_FAIL;
    TableState state = make_room(a, &args[0]);
    if (state != TABLE_OK) return unsettled(a, state);
    uint32_t hash = table_hash(HEAP(a), args[0], args[1], &motion);
    int64_t at = table_find(args[0], args[1], hash, &steps);
    if (steps >= WORK_PER_REDUCTION) actor_charge(a, steps / WORK_PER_REDUCTION);
    if (value_is_string(args[1])) native_charge_bytes(a, string_length(args[1]));
    if (at >= 0) {
        table_set_value(HEAP(a), args[0], table_entry_at(args[0], at), args[2]);
    } else if (!table_add(HEAP(a), args[0], args[1], args[2], hash, motion)) {
        return V_FAIL;
    }
    return V_UNSPECIFIED;
}

static void delete_at(Actor *a, Value *table, int64_t at)
{
    table_delete_at(*table, at);
    table_shrink(HEAP(a), table);
}

// Was it there? Custom tables: the default object; nothing is done.
NATIVE_FN(table_delete)
{
    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-delete!", args[0]);
    if (is_custom(args[0])) return V_DEFAULT;
    TableState state = settle(a, args[0]);
    if (state != TABLE_OK) return unsettled(a, state);
    if (!check_key(a, "hash-table-delete!", args[0], args[1])) return V_FAIL;
    int64_t at = find(a, args[0], args[1]);
    if (at < 0) return V_FALSE;
    delete_at(a, &args[0], at);
    return V_TRUE;
}

NATIVE_FN(table_count)
{
    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-size", args[0]);
    return object_ref(args[0], TABLE_COUNT);
}

NATIVE_FN(table_clear)
{
    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-clear!", args[0]);
    return table_clear(HEAP(a), &args[0]) ? V_UNSPECIFIED : V_FAIL;
}

NATIVE_FN(table_part)
{
    size_t part;

    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table", args[0]);
    if (!native_index(args[1], 3, &part))
        return fail_index(HEAP(a), "hash-table", args[1], "a table", 3);
    return object_ref(args[0], part == 0   ? TABLE_TEST
                               : part == 1 ? TABLE_EQUAL_PROC
                                           : TABLE_HASH_PROC);
}

// (table what position items): conses onto items what entries before the position have, last one
// first; position #f begins. what: 0 keys, 1 values, 2 pairs of both.
NATIVE_FN(table_list)
{
    size_t what, i;

    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table->alist", args[0]);
    if (!native_index(args[1], 3, &what))
        return fail_index(HEAP(a), "hash-table->alist", args[1], "a table", 3);
    if (table_number(args[0], TABLE_PHASE) == PHASE_COMPACT) {
        TableState state = settle(a, args[0]);
        if (state != TABLE_OK) return unsettled(a, state);
    }
    size_t used = table_number(args[0], TABLE_USED);
    if (!native_index(args[2], used + 1, &i)) i = used;
    size_t stop = i > STEP_LIST ? i - STEP_LIST : 0;
    if (!heap_reserve(HEAP(a), 4 * (i - stop))) return V_FAIL;
    for (; i > stop; i--) {
        const Value *e = table_entry(args[0], i - 1);
        if (value_is(e[0], TABLE_DELETED)) continue;
        Value item = what == 2 ? heap_cons(HEAP(a), e[0], e[1]) : e[what];
        args[3] = heap_cons(HEAP(a), item, args[3]);
    }
    args[2] = value_fix((int64_t)stop);
    actor_charge(a, STEP_LIST / WORK_PER_REDUCTION);
    return stop == 0 ? args[3] : V_YIELD;
}

// ---- tables whose keys the program compares -----------------------------------------------------

static bool custom_hash(Actor *a, Value v, uint32_t *hash)
{
    if (!value_is_exact_integer(v)) {
        (void)fail_type(HEAP(a), "hash-table", "an exact integer from the hash function", v);
        return false;
    }
    *hash = (uint32_t)(num_hash(v) >> 32);
    return true;
}

// The entry at a position that the library was given before. -1: *out is what the native returns.
static int64_t entry_at(Actor *a, Value table, Value position, Value *out)
{
    size_t at;

    if (!is_table(table)) {
        *out = fail_table(a, "hash-table-ref", table);
        return -1;
    }
    TableState state = settle(a, table);
    if (state != TABLE_OK) {
        *out = unsettled(a, state);
        return -1;
    }
    int64_t entry = native_size(position, &at) ? table_entry_at(table, (int64_t)at) : -1;
    if (entry < 0)
        *out = fail_text(HEAP(a), ERR_USER, NULL,
                         "the hash table was changed while its keys were compared");
    return entry;
}

// (table hash after): the next position with this hash, after one or #f; #f when there is none.
NATIVE_FN(table_probe)
{
    uint32_t hash;
    size_t after = 0;

    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-ref", args[0]);
    if (!custom_hash(a, args[1], &hash)) return V_FAIL;
    TableState state = settle(a, args[0]);
    if (state != TABLE_OK) return unsettled(a, state);
    bool first = !native_index(args[2], object_count(object_ref(args[0], TABLE_INDEX)), &after);
    int64_t at = table_probe(args[0], hash, first ? -1 : (int64_t)after);
    return at < 0 ? V_FALSE : value_fix(at);
}

// (table position what): 0 the key, 1 the value.
NATIVE_FN(table_at)
{
    size_t what;
    Value out;
    int64_t entry = entry_at(a, args[0], args[1], &out);

    (void)count;
    if (entry < 0) return out;
    if (!native_index(args[2], 2, &what))
        return fail_index(HEAP(a), "hash-table-ref", args[2], "an entry", 2);
    return table_entry(args[0], (size_t)entry)[what];
}

NATIVE_FN(table_set_at)
{
    Value out;
    int64_t entry = entry_at(a, args[0], args[1], &out);

    (void)count;
    if (entry < 0) return out;
    table_set_value(HEAP(a), args[0], entry, args[2]);
    return V_UNSPECIFIED;
}

NATIVE_FN(table_delete_at)
{
    Value out;

    (void)count;
    if (entry_at(a, args[0], args[1], &out) < 0) return out;
    delete_at(a, &args[0], value_int(args[1]));
    return V_UNSPECIFIED;
}

// (table key value hash): a key that is not there.
NATIVE_FN(table_add)
{
    uint32_t hash;

    (void)count;
    if (!is_table(args[0])) return fail_table(a, "hash-table-set!", args[0]);
    if (!is_custom(args[0]))
        return fail_type(HEAP(a), "hash-table-set!", "a table of that kind", args[0]);
    if (!custom_hash(a, args[3], &hash)) return V_FAIL;
    TableState state = make_room(a, &args[0]);
    if (state != TABLE_OK) return unsettled(a, state);
    return table_add(HEAP(a), args[0], args[1], args[2], hash, MOVES_NEVER) ? V_UNSPECIFIED
                                                                            : V_FAIL;
}

// ---- hashes -------------------------------------------------------------------------------------

// (value strict?): a non-negative integer, equal for what is equal?. Strict: an error for what can
// be no key of a persistent map.
NATIVE_FN(hash)
{
    Hasher s = hasher_by_content();
    uint64_t hash = hash_equal(&s, args[0]);

    (void)count;
    if (value_is_string(args[0])) native_charge_bytes(a, string_length(args[0]));
    if (value_true(args[1]) && !value_is(s.refused, V_NONE))
        return fail_type(HEAP(a), "hash", "something that can be hashed", s.refused);
    return value_fix((int64_t)(hash >> 5));
}

// (value): an integer that stays the same for one object, whatever happens to its content.
NATIVE_FN(hash_identity)
{
    Hasher s = hasher_by_content();

    (void)a, (void)count;
    return value_fix((int64_t)(hash_eqv(&s, args[0]) >> 5));
}
