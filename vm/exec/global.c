// Module variables at run time: defining, assigning, reading what is private.
//
// An actor's private data is a vector of identity and value by turns, open-addressed by identity: the
// identities of a module are consecutive, so a probe is nearly always one step. It lives in the
// actor's heap like any vector.
#include "vm/exec/exec.h"

#include <string.h>

// ---- the table ------------------------------------------------------------------------------------

static size_t table_slots(Value table)
{
    return object_count(table) / 2;
}

// The slot of an identity, or the free one where it would go.
static Value *find_slot(Value table, uint32_t id)
{
    size_t mask = table_slots(table) - 1;

    for (size_t i = id & mask;; i = (i + 1) & mask) {
        Value *slot = object_slot(table, 2 * i);
        if (value_is(*slot, value_fix(id)) || value_is(*slot, V_FALSE)) return slot;
    }
}

Value priv_find(const Actor *a, const Cell *c)
{
    if (!value_true(a->priv)) return V_NONE;
    Value *slot = find_slot(a->priv, c->id);
    return value_true(*slot) ? slot[1] : V_NONE;
}

static Value new_table(Heap *h, size_t slots)
{
    Value *p = heap_alloc(h, header_make(KIND_VECTOR, 2 * slots));

    if (!p) return V_FAIL;
    for (size_t i = 1; i <= 2 * slots; i++) {
        p[i] = V_FALSE;
    }
    return value_from_words(p, TAG_OBJ);
}

static size_t count_used(Value table)
{
    size_t n = 0;
    for (size_t i = 0; i < table_slots(table); i++) {
        n += value_true(object_ref(table, 2 * i));
    }
    return n;
}

// Room for one more entry; tables stay at most half full.
static bool ensure_room(Actor *a)
{
    size_t used = value_true(a->priv) ? count_used(a->priv) : 0;
    size_t slots = value_true(a->priv) ? table_slots(a->priv) : 0;

    if (2 * (used + 1) <= slots) return true;
    Value table = new_table(&a->heap, slots ? slots * 2 : 4);
    if (value_is(table, V_FAIL)) return false;
    for (size_t i = 0; i < slots; i++) {
        Value *from = object_slot(a->priv, 2 * i);
        if (!value_true(from[0])) continue;
        Value *to = find_slot(table, (uint32_t)value_int(from[0]));
        to[0] = from[0];
        heap_store(&a->heap, table, &to[1], from[1]);
    }
    a->priv = table;
    return true;
}

bool priv_set(Actor *a, Cell *c, const Value *v)
{
    if (value_is(priv_find(a, c), V_NONE) && !ensure_room(a)) return false;
    Value *slot = find_slot(a->priv, c->id);
    slot[0] = value_fix(c->id);
    heap_store(&a->heap, a->priv, &slot[1], *v);
    return true;
}

// ---- snapshots ----------------------------------------------------------------------------------

// The snapshot lies outside every heap and is copied with the code space locked, because a copy marks
// its originals for as long as it takes.
static Value take_snapshot(Actor *a, Cell *c)
{
    Vm *vm = actor_vm(a);
    Copy copy;

    if (value_is(c->snapshot, V_NONE)) return V_NONE;
    plat_lock(&vm->code.lock);
    copy_begin(&copy, &a->heap, NULL, 0);
    Value v = copy_value(&copy, c->snapshot);
    copy_end(&copy);
    plat_unlock(&vm->code.lock);
    if (value_is(v, V_NONE))
        return fail_text(&a->heap, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    if (copy.first) heap_adopt(&a->heap, copy.first);
    // Large payloads of snapshots are counted once more by this heap.
    while (!value_is_null(copy.blocks)) {
        Value next = ((BlockRef *)value_words(copy.blocks))->next;
        if (!heap_note_blockref(&a->heap, copy.blocks)) return V_FAIL;
        copy.blocks = next;
    }
    return v;
}

Value priv_get(Actor *a, Cell *c)
{
    Value v = priv_find(a, c);

    if (!value_is(v, V_NONE)) return v;
    v = take_snapshot(a, c);
    if (value_is(v, V_NONE) || value_is(v, V_FAIL)) return v;
    unsigned mark = heap_root_mark(&a->heap);
    Value *root = heap_root(&a->heap, v);
    bool ok = priv_set(a, c, root);
    v = *root;
    heap_unroot(&a->heap, mark);
    return ok ? v : V_FAIL;
}

bool exec_snapshot(Actor *a, LoadedModule *m)
{
    Copy copy;
    bool ok = true;

    copy_begin(&copy, &a->heap, NULL, 0);
    for (uint32_t i = 0; ok && i < m->view.cell_count; i++) {
        Cell *c = m->cells[i];
        if (!(c->flags & CELL_HERE) || c->module != m || !value_is(cell_value(c), V_PRIVATE)) continue;
        Value v = priv_find(a, c);
        if (value_is(v, V_NONE)) continue;
        Value copied = copy_value(&copy, v);
        // What cannot travel has no snapshot: it belongs to the actor that loaded the library.
        ok = !value_is(copied, V_NONE);
        if (ok) c->snapshot = copied;
    }
    copy_end(&copy);
    if (ok) {
        m->snapshot = copy.first;
        return true;
    }
    for (uint32_t i = 0; i < m->view.cell_count; i++) {
        if (m->cells[i]->module == m) m->cells[i]->snapshot = V_NONE;
    }
    return !copy.no_memory;
}

// ---- operations -----------------------------------------------------------------------------------

static Value fail_unbound(Actor *a, const Cell *c)
{
    return fail_text(&a->heap, ERR_UNBOUND, NULL, "unbound: %s", value_symbol(c->name)->utf8);
}

Value exec_global(Actor *a, Cell *c)
{
    Value v = cell_value(c);

    if (value_is(v, V_PRIVATE)) {
        v = priv_get(a, c);
        if (value_is(v, V_NONE)) return fail_unbound(a, c);
        return v;
    }
    return value_is(v, V_UNBOUND) ? fail_unbound(a, c) : v;
}

// A variable that is ever assigned, and data at the REPL, are private; anything else is shared when
// its value can be.
static bool wants_sharing(const Cell *c, Value v)
{
    if (c->flags & CELL_ASSIGNED) return false;
    return !(c->flags & CELL_OPEN) || value_is_proc(v);
}

Value exec_define(Actor *a, Cell *c, const Value *v)
{
    Vm *vm = actor_vm(a);
    Value shared = wants_sharing(c, *v) ? code_share(&vm->code, *v) : V_NONE;

    if (value_is(shared, V_FAIL))
        return fail_text(&a->heap, ERR_HEAP_LIMIT, NULL, "no room for shared code and constants");
    if (!value_is(shared, V_NONE)) {
        cell_publish(&vm->code, c, shared);
        return V_UNSPECIFIED;
    }
    if (!priv_set(a, c, v)) return V_FAIL;
    if (!value_is(cell_value(c), V_PRIVATE)) cell_publish(&vm->code, c, V_PRIVATE);
    return V_UNSPECIFIED;
}

Value exec_set_global(Actor *a, Cell *c, const Value *v)
{
    Value now = cell_value(c);

    if (value_is(now, V_UNBOUND)) return fail_unbound(a, c);
    if (value_is(now, V_PRIVATE)) {
        Value own = priv_get(a, c);
        if (value_is(own, V_FAIL)) return own;
        if (value_is(own, V_NONE)) return fail_unbound(a, c);
    } else {
        // A shared procedure of an interactive module that is now assigned: data from here on, for
        // this actor; the others keep what they had through their own copies.
        cell_publish(&actor_vm(a)->code, c, V_PRIVATE);
    }
    return priv_set(a, c, v) ? V_UNSPECIFIED : V_FAIL;
}
