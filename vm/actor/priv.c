// See priv.h.
//
// The table is a vector of identity and value by turns, open-addressed by identity: the identities of
// a module are consecutive, so a probe is nearly always one step. It lives in the actor's heap like
// any vector.
#include "vm/actor/priv.h"

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

static Value find_id(const Actor *a, uint32_t id)
{
    if (!value_true(a->priv)) return V_NONE;
    Value *slot = find_slot(a->priv, id);
    return value_true(*slot) ? slot[1] : V_NONE;
}

Value priv_find_any(const Actor *a, const Cell *c)
{
    return find_id(a, c->id);
}

static bool is_marker(Value v)
{
    return value_is_pair(v) && value_is(value_car(v), V_PRIVATE);
}

Value priv_find(const Actor *a, const Cell *c)
{
    Value v = priv_find_any(a, c);
    return is_marker(v) ? V_NONE : v;
}

bool priv_absent(const Actor *a, const Cell *c, Kind *kind, Value *owner)
{
    Value v = priv_find_any(a, c);

    if (!is_marker(v)) return false;
    *kind = (Kind)value_int(value_car(value_cdr(v)));
    *owner = value_cdr(value_cdr(v));
    return true;
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
    uint32_t id = c->id; // once: it may change meanwhile

    if (value_is(find_id(a, id), V_NONE) && !ensure_room(a)) return false;
    Value *slot = find_slot(a->priv, id);
    slot[0] = value_fix(id);
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

    if (value_is(cell_snapshot(c), V_NONE)) return V_NONE;
    plat_lock(&vm->code.lock);
    copy_begin(&copy, &a->heap, NULL, 0);
    Value v = copy_value(&copy, cell_snapshot(c));
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

bool priv_snapshot(Actor *a, LoadedModule *m)
{
    Copy copy;
    bool ok = true;

    copy_begin(&copy, &a->heap, NULL, 0);
    for (uint32_t i = 0; ok && i < m->view.cell_count; i++) {
        Cell *c = m->cells[i];
        if (!(c->flags & CELL_HERE) || c->module != m || c->kept || !value_is(cell_value(c), V_PRIVATE))
            continue;
        Value v = priv_find(a, c);
        if (value_is(v, V_NONE)) continue;
        Value copied = copy_value(&copy, v);
        // What cannot travel has no snapshot: it belongs to the actor that loaded the library.
        ok = !value_is(copied, V_NONE);
        if (ok) cell_set_snapshot(c, copied);
    }
    copy_end(&copy);
    if (ok) {
        m->snapshot = copy.first;
        return true;
    }
    for (uint32_t i = 0; i < m->view.cell_count; i++) {
        if (m->cells[i]->module == m) cell_set_snapshot(m->cells[i], V_NONE);
    }
    return !copy.no_memory;
}

// ---- data that came along ---------------------------------------------------------------------------

bool cells_install(Actor *a, Value list)
{
    unsigned mark = heap_root_mark(&a->heap);
    Value *rest = heap_root(&a->heap, list), *value = heap_root(&a->heap, V_FALSE);
    bool ok = true;

    for (; ok && value_is_pair(*rest); *rest = value_cdr(*rest)) {
        Value entry = value_car(*rest);
        Cell *c = (Cell *)value_car(entry).bits;
        // A receiver that has its own value keeps it.
        if (!value_is(priv_find(a, c), V_NONE)) continue;
        *value = value_cdr(entry);
        ok = priv_set(a, c, value);
    }
    heap_unroot(&a->heap, mark);
    return ok;
}
