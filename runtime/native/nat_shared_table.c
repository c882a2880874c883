// Natives of tables that actors share (std.table; vm/actor/shared.h).
//
// A table is named by its reference or its symbol and acquired for the time of one call; none is held
// while the actor waits or other actors run.
#include "runtime/native/natives.h"
#include "runtime/native/refusal.h"

#include "vm/actor/ext.h"
#include "vm/actor/shared.h"

// Entries that one call of a traversal gives, but for buckets that have more.
#define BATCH 64

enum { WHAT_KEYS, WHAT_VALUES, WHAT_PAIRS, WHATS };

static Value fail_memory(Actor *a, const char *who)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, who, "out of memory");
}

static bool is_owner(const Actor *a, const SharedTable *t)
{
    return atomic_load_explicit(&t->owner, memory_order_acquire) == actor_pid(a).bits;
}

typedef enum { TO_READ, TO_WRITE, TO_OWN } Purpose;

// The table, to be released; NULL with the fault set.
static SharedTable *open_table(Actor *a, const char *who, Value v, Purpose purpose)
{
    bool is_name = value_is_local_ref(v) || value_is_symbol(v);
    SharedTable *t = is_name ? shared_acquire(actor_vm(a), v) : NULL;

    if (!t) {
        (void)fail_with(HEAP(a), ERR_BADARG, who, "there is no such table:", v);
        return NULL;
    }
    bool free_for_all = t->access == SHARED_PUBLIC
                            ? purpose != TO_OWN
                            : t->access == SHARED_PROTECTED && purpose == TO_READ;
    if (free_for_all || is_owner(a, t)) return t;
    shared_release(actor_vm(a), t);
    (void)fail_with(HEAP(a), ERR_BADARG, who, "the table belongs to another actor:", v);
    return NULL;
}

static Value done(Actor *a, SharedTable *t, Value v)
{
    shared_release(actor_vm(a), t);
    return v;
}

// (name type access)
NATIVE_FN(shared_new)
{
    size_t type, access;
    bool taken;

    (void)count;
    if (value_true(args[0]) && !value_is_symbol(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "table-new", "expected a symbol, got", args[0]);
    if (!native_index(args[1], SHARED_TYPES, &type) ||
        !native_index(args[2], SHARED_ACCESSES, &access))
        return fail_with(HEAP(a), ERR_BADARG, "table-new",
                         "there is no such kind of table:", args[1]);
    SharedTable *t = shared_new(a, args[0], (SharedType)type, (SharedAccess)access, &taken);
    if (t) return t->id;
    if (taken) return fail_with(HEAP(a), ERR_BADARG, "table-new", "the name is taken:", args[0]);
    return fail_memory(a, "table-new");
}

// (table withdrawn?)
NATIVE_FN(shared_drop)
{
    VmWorker *w = actor_worker(a);
    unsigned budget = 64;

    (void)count;
    if (!value_true(args[1])) {
        SharedTable *t = open_table(a, "table-drop!", args[0], TO_OWN);
        if (!t) return V_FAIL;
        bool ours = shared_withdraw(w->vm, t);
        // The reference that the registry had is the list's now.
        if (ours && !shared_doom(a, t)) shared_release(w->vm, t);
        shared_release(w->vm, t);
        args[1] = V_TRUE;
    }
    if (!a->ext || shared_owner_drain(w, a, &budget)) return V_TRUE;
    actor_charge(a, 1000);
    return V_YIELD;
}

// (table key value new?)
NATIVE_FN(shared_put)
{
    Entry *e = NULL;
    Value refused = V_NONE;
    uint64_t hash;

    (void)count;
    SharedTable *t = open_table(a, "table-insert!", args[0], TO_WRITE);
    if (!t) return V_FAIL;
    if (!shared_hash(a, "table-insert!", t, args[1], &hash)) return done(a, t, V_FAIL);
    switch (entry_new(a, t, args[1], args[2], hash, &e, &refused)) {
    case SEND_OK:
        break;
    case SEND_REFUSED:
        return done(a, t, fail_refused(a, "table-insert!", args[2], refused));
    case SEND_ASIDE:
    case SEND_NO_MEMORY:
        return done(a, t, fail_memory(a, "table-insert!"));
    }
    PutResult r = shared_put(a, t, e, value_true(args[3]) ? PUT_NEW : PUT_ALWAYS);
    shared_release(actor_vm(a), t);
    if (r == PUT_DEAD)
        return fail_with(HEAP(a), ERR_BADARG, "table-insert!", "there is no such table:", args[0]);
    return value_bool(r == PUT_DONE);
}

// A value out of a found entry, which is released.
static Value read_found(Actor *a, const Found *f, Value v)
{
    Value out = V_FAIL;

    if (!entry_read(a, f->entry, v, &out)) out = V_FAIL;
    entry_release(actor_vm(a), f->entry);
    return out;
}

// (table key default skip)
NATIVE_FN(shared_find)
{
    uint64_t hash;
    size_t skip;
    Found f;

    (void)count;
    if (!native_size(args[3], &skip)) return fail_type(HEAP(a), "table-ref", "an index", args[3]);
    SharedTable *t = open_table(a, "table-ref", args[0], TO_READ);
    if (!t) return V_FAIL;
    if (!shared_hash(a, "table-ref", t, args[1], &hash)) return done(a, t, V_FAIL);
    size_t n = shared_find(a, t, args[1], hash, &f, 1, skip);
    shared_release(actor_vm(a), t);
    return n ? read_found(a, &f, f.value) : args[2];
}

// (table key default-or-#t)
NATIVE_FN(shared_remove)
{
    bool wanted = !value_is(args[2], V_TRUE);
    uint64_t hash;
    Found f;

    (void)count;
    SharedTable *t = open_table(a, "table-delete!", args[0], TO_WRITE);
    if (!t) return V_FAIL;
    if (!shared_hash(a, "table-delete!", t, args[1], &hash)) return done(a, t, V_FAIL);
    size_t n = shared_remove(a, t, args[1], hash, wanted ? &f : NULL);
    shared_release(actor_vm(a), t);
    if (!wanted) return value_fix((int64_t)n);
    return n ? read_found(a, &f, f.value) : args[2];
}

// (table key n)
NATIVE_FN(shared_count)
{
    uint64_t hash;
    int64_t now;

    (void)count;
    if (!value_is_fix(args[2]))
        return fail_with(HEAP(a), ERR_BADARG, "table-update-counter!",
                         "expected a small exact integer, got", args[2]);
    SharedTable *t = open_table(a, "table-update-counter!", args[0], TO_WRITE);
    if (!t) return V_FAIL;
    if (t->type == SHARED_BAG)
        return done(a, t,
                    fail_with(HEAP(a), ERR_BADARG, "table-update-counter!",
                              "a bag has no counters:", args[0]));
    if (!shared_hash(a, "table-update-counter!", t, args[1], &hash)) return done(a, t, V_FAIL);
    CountResult r = shared_count(a, t, args[1], hash, value_int(args[2]), &now);
    shared_release(actor_vm(a), t);
    switch (r) {
    case COUNTED:
        return value_fix(now);
    case COUNT_ABSENT:
        return V_FALSE;
    case COUNT_NO_NUMBER:
        return fail_with(HEAP(a), ERR_BADARG, "table-update-counter!",
                         "the value is no small exact integer, of key", args[1]);
    case COUNT_OVERFLOW:
        break;
    }
    return fail_with(HEAP(a), ERR_BADARG, "table-update-counter!", "the sum is too large, of key",
                     args[1]);
}

// ---- traversing -------------------------------------------------------------------------------------

// One element of a batch in front of the rooted list.
static bool add_item(Actor *a, const Found *f, size_t what, Value *list)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *key = heap_root(HEAP(a), V_FALSE), *value = heap_root(HEAP(a), V_FALSE), v;
    bool ok = true;

    if (what != WHAT_VALUES) {
        ok = entry_read(a, f->entry, f->entry->key, &v);
        if (ok) *key = v;
    }
    if (ok && what != WHAT_KEYS) {
        ok = entry_read(a, f->entry, f->value, &v);
        if (ok) *value = v;
    }
    ok = ok && heap_reserve(HEAP(a), 4);
    if (ok) {
        Value item = what == WHAT_KEYS     ? *key
                     : what == WHAT_VALUES ? *value
                                           : heap_cons(HEAP(a), *key, *value);
        *list = heap_cons(HEAP(a), item, *list);
    }
    heap_unroot(HEAP(a), mark);
    return ok;
}

// The list of what was found, in order; the entries are released. V_FAIL at the heap limit.
static Value list_found(Actor *a, const Found *found, size_t n, size_t what)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    bool ok = true;

    for (size_t i = n; i > 0; i--) {
        ok = ok && add_item(a, &found[i - 1], what, list);
        entry_release(actor_vm(a), found[i - 1].entry);
    }
    Value v = ok ? *list : V_FAIL;
    heap_unroot(HEAP(a), mark);
    return v;
}

// A batch into an array that is as large as it must be; the caller's room, or memory to be freed.
static Found *take_batch(Actor *a, SharedTable *t, uint64_t *cursor, Found *room, size_t *n,
                         size_t *size)
{
    uint64_t from = *cursor;
    Found *out = room;

    *size = BATCH;
    while ((*n = shared_batch(a, t, cursor, out, *size)) == 0 && *cursor == from &&
           from <= CURSOR_MAX) {
        size_t more = *size * 4;
        if (out != room) mem_free(MEM_SCRATCH, out, *size * sizeof *out);
        out = mem_alloc(MEM_SCRATCH, more * sizeof *out);
        *size = more;
        if (!out) return NULL;
    }
    return out;
}

// (table cursor what)
NATIVE_FN(shared_batch)
{
    size_t cursor_arg, what, n = 0, size;
    Found room[BATCH];

    (void)count;
    if (!native_size(args[1], &cursor_arg) || !native_index(args[2], WHATS, &what))
        return fail_type(HEAP(a), "table-fold", "a cursor", args[1]);
    SharedTable *t = open_table(a, "table-fold", args[0], TO_READ);
    if (!t) return V_FAIL;
    if (t->type == SHARED_ORDERED)
        return done(a, t,
                    fail_with(HEAP(a), ERR_BADARG, "table-fold", "an ordered table:", args[0]));
    uint64_t cursor = cursor_arg;
    Found *found = take_batch(a, t, &cursor, room, &n, &size);
    shared_release(actor_vm(a), t);
    if (!found) return fail_memory(a, "table-fold");
    Value list = list_found(a, found, n, what);
    if (found != room) mem_free(MEM_SCRATCH, found, size * sizeof *found);
    if (value_is(list, V_FAIL)) return list;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *root = heap_root(HEAP(a), list);
    bool ok = heap_reserve(HEAP(a), 2);
    list = *root;
    heap_unroot(HEAP(a), mark);
    if (!ok) return V_FAIL;
    return heap_cons(HEAP(a), cursor > CURSOR_MAX ? V_FALSE : value_fix((int64_t)cursor), list);
}

// (table key first? what)
NATIVE_FN(shared_after)
{
    bool first = value_true(args[2]);
    size_t what;
    uint64_t hash;
    Found room[BATCH];

    (void)count;
    if (!native_index(args[3], WHATS, &what))
        return fail_type(HEAP(a), "table-next", "a kind", args[3]);
    SharedTable *t = open_table(a, "table-next", args[0], TO_READ);
    if (!t) return V_FAIL;
    if (t->type != SHARED_ORDERED)
        return done(a, t,
                    fail_with(HEAP(a), ERR_BADARG, "table-next", "not an ordered table:", args[0]));
    if (!first && !shared_hash(a, "table-next", t, args[1], &hash)) return done(a, t, V_FAIL);
    size_t n = shared_batch_after(a, t, first ? V_NONE : args[1], room, BATCH);
    shared_release(actor_vm(a), t);
    return list_found(a, room, n, what);
}

// (table key last? default)
NATIVE_FN(shared_before)
{
    bool last = value_true(args[2]);
    uint64_t hash;
    Found f;

    (void)count;
    SharedTable *t = open_table(a, "table-previous", args[0], TO_READ);
    if (!t) return V_FAIL;
    if (t->type != SHARED_ORDERED)
        return done(
            a, t,
            fail_with(HEAP(a), ERR_BADARG, "table-previous", "not an ordered table:", args[0]));
    if (!last && !shared_hash(a, "table-previous", t, args[1], &hash)) return done(a, t, V_FAIL);
    bool any = shared_before(a, t, last ? V_NONE : args[1], &f);
    shared_release(actor_vm(a), t);
    return any ? read_found(a, &f, f.entry->key) : args[3];
}

// (table key)
NATIVE_FN(shared_cursor)
{
    uint64_t hash;

    (void)count;
    SharedTable *t = open_table(a, "table-next", args[0], TO_READ);
    if (!t) return V_FAIL;
    if (t->type == SHARED_ORDERED) return done(a, t, V_FALSE);
    if (!shared_hash(a, "table-next", t, args[1], &hash)) return done(a, t, V_FAIL);
    return done(a, t, value_fix((int64_t)shared_bucket_cursor(t, hash)));
}

// ---- tables -----------------------------------------------------------------------------------------

// What a table takes: its entries' blocks, at their least, and its buckets.
static int64_t table_bytes(SharedTable *t)
{
    uint64_t n = atomic_load_explicit(&t->count, memory_order_relaxed);
    uint64_t words = atomic_load_explicit(&t->words, memory_order_relaxed);

    return (int64_t)(n * (sizeof(Entry) + sizeof(Entry *)) + words * sizeof(Value) + sizeof *t +
                     t->shard_count * sizeof(Shard));
}

enum {
    PART_SIZE,
    PART_NAME,
    PART_TYPE,
    PART_ACCESS,
    PART_OWNER,
    PART_HEIR,
    PART_BYTES,
    PART_ID,
    PARTS
};

static Value table_part(SharedTable *t, size_t part)
{
    switch (part) {
    case PART_SIZE:
        return value_fix((int64_t)atomic_load_explicit(&t->count, memory_order_relaxed));
    case PART_NAME:
        return t->name;
    case PART_TYPE:
        return value_fix(t->type);
    case PART_ACCESS:
        return value_fix(t->access);
    case PART_OWNER:
        return (Value){atomic_load_explicit(&t->owner, memory_order_acquire)};
    case PART_BYTES:
        return value_fix(table_bytes(t));
    default:
        return t->id;
    }
}

// (table part)
NATIVE_FN(shared_part)
{
    size_t part;

    (void)count;
    if (!native_index(args[1], PARTS, &part))
        return fail_type(HEAP(a), "table-info", "a part", args[1]);
    bool is_name = value_is_local_ref(args[0]) || value_is_symbol(args[0]);
    SharedTable *t = is_name ? shared_acquire(actor_vm(a), args[0]) : NULL;
    if (!t) return V_FALSE;
    return done(a, t, part == PART_HEIR ? shared_heir(actor_vm(a), t) : table_part(t, part));
}

// The message (table-given table from data); NULL with the fault set.
static Sig *given_message(Actor *a, const char *who, SharedTable *t, const Value *data)
{
    Value refused;
    Sig *s;

    if (!heap_reserve(HEAP(a), 8)) return NULL;
    Value items[4] = {symbol_named(&actor_vm(a)->symbols, "table-given"),
                      value_true(t->name) ? t->name : t->id, actor_pid(a), *data};
    Value message = V_NIL;
    for (size_t i = countof(items); i > 0; i--) {
        message = heap_cons(HEAP(a), items[i - 1], message);
    }
    switch (sig_copy(a, SIG_MESSAGE, message, &s, &refused)) {
    case SEND_OK:
        return s;
    case SEND_REFUSED:
        (void)fail_refused(a, who, message, refused);
        return NULL;
    case SEND_ASIDE:
    case SEND_NO_MEMORY:
        break;
    }
    (void)fail_memory(a, who);
    return NULL;
}

// (table pid data)
NATIVE_FN(shared_give)
{
    VmWorker *w = actor_worker(a);

    (void)count;
    if (!value_is_local_pid(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "table-give!", "expected a pid, got", args[1]);
    SharedTable *t = open_table(a, "table-give!", args[0], TO_OWN);
    if (!t) return V_FAIL;
    Sig *s = given_message(a, "table-give!", t, &args[2]);
    if (!s) return done(a, t, V_FAIL);
    bool ok = shared_give(w, t, args[1], s);
    if (!ok) sig_free(w->vm, w, s);
    return done(a, t, value_bool(ok));
}

// (table pid-or-#f data)
NATIVE_FN(shared_heir)
{
    VmWorker *w = actor_worker(a);
    bool any = value_true(args[1]);

    (void)count;
    if (any && !value_is_local_pid(args[1]))
        return fail_with(HEAP(a), ERR_BADARG, "table-heir!", "expected a pid or #f, got", args[1]);
    SharedTable *t = open_table(a, "table-heir!", args[0], TO_OWN);
    if (!t) return V_FAIL;
    Sig *s = any ? given_message(a, "table-heir!", t, &args[2]) : NULL;
    if (any && !s) return done(a, t, V_FAIL);
    shared_set_heir(w, t, args[1], s);
    return done(a, t, V_TRUE);
}

NATIVE_FN(shared_list)
{
    Vm *vm = actor_vm(a);
    size_t room = shared_ids(vm, NULL, 0) + 16;
    Value *ids = mem_alloc(MEM_SCRATCH, room * sizeof *ids), list = V_NIL;

    (void)args, (void)count;
    if (!ids) return fail_memory(a, "tables");
    size_t n = MIN(shared_ids(vm, ids, room), room);
    if (heap_reserve(HEAP(a), 2 * n)) {
        for (size_t i = 0; i < n; i++) {
            list = heap_cons(HEAP(a), ids[i], list);
        }
    } else {
        list = V_FAIL;
    }
    mem_free(MEM_SCRATCH, ids, room * sizeof *ids);
    return list;
}
