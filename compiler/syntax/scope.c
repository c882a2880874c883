// Scopes and interned sets of scopes. See scope.h for the model and [X1].
//
// A set is a node (parent, newest scope) in one of two tables, the permanent one and the unit's. As
// scopes are made in rising order, nearly every addition puts the newest scope on top of an
// existing list: one hash lookup. Only a set that meets an older scope is taken apart and built
// again.
#include "compiler/syntax/expand_int.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"

#include <string.h>

// ---- set tables --------------------------------------------------------------------------------

void sets_init(SetTable *t)
{
    *t = (SetTable){.count = 1, .capacity = 64, .slot_count = 128};
    t->nodes = mem_must_alloc(MEM_COMPILER, t->capacity * sizeof(SetNode));
    t->nodes[0] = (SetNode){0};
    t->slots = mem_must_alloc(MEM_COMPILER, t->slot_count * sizeof(uint32_t));
    memset(t->slots, 0, t->slot_count * sizeof(uint32_t));
}

void sets_free(SetTable *t)
{
    mem_free(MEM_COMPILER, t->nodes, t->capacity * sizeof(SetNode));
    mem_free(MEM_COMPILER, t->slots, t->slot_count * sizeof(uint32_t));
    *t = (SetTable){0};
}

const SetNode *set_node(const Expander *x, uint32_t set)
{
    const SetTable *t = set & UNIT_BIT ? &x->unit->sets : &x->sets;

    ASSERT((set & ~UNIT_BIT) < t->count);
    return &t->nodes[set & ~UNIT_BIT];
}

static uint32_t *set_slot(const SetTable *t, uint32_t parent, uint32_t scope)
{
    uint32_t mask = t->slot_count - 1;
    uint32_t i = (uint32_t)hash_word((uint64_t)parent << 32 | scope) & mask;

    for (; t->slots[i]; i = (i + 1) & mask) {
        const SetNode *n = &t->nodes[t->slots[i]];
        if (n->parent == parent && n->scope == scope) break;
    }
    return &t->slots[i];
}

static void grow_sets(SetTable *t)
{
    uint32_t old = t->capacity;

    t->nodes = mem_must_realloc(MEM_COMPILER, t->nodes, old * sizeof(SetNode),
                                (size_t)old * 2 * sizeof(SetNode));
    t->capacity = old * 2;
    mem_free(MEM_COMPILER, t->slots, t->slot_count * sizeof(uint32_t));
    t->slot_count *= 2;
    t->slots = mem_must_alloc(MEM_COMPILER, t->slot_count * sizeof(uint32_t));
    memset(t->slots, 0, t->slot_count * sizeof(uint32_t));
    for (uint32_t i = 1; i < t->count; i++) {
        *set_slot(t, t->nodes[i].parent, t->nodes[i].scope) = i;
    }
}

// The set of `parent` and a scope newer than all of it.
static uint32_t set_make(Expander *x, uint32_t parent, uint32_t scope)
{
    bool local = scope & UNIT_BIT;
    SetTable *t = local ? &x->unit->sets : &x->sets;
    uint32_t *slot = set_slot(t, parent, scope);

    ASSERT(parent == 0 || set_node(x, parent)->scope < scope);
    if (*slot) return *slot | (local ? UNIT_BIT : 0);
    if (t->count == t->capacity) {
        grow_sets(t);
        slot = set_slot(t, parent, scope);
    }
    SetNode n = *set_node(x, parent);
    uint32_t number = t->count | (local ? UNIT_BIT : 0);
    if (!local) {
        n.permanent = number;
        if (x->scopes[scope].number == 0) n.module = x->scopes[scope].owner;
    }
    n.parent = parent;
    n.scope = scope;
    n.size++;
    t->nodes[t->count] = n;
    *slot = t->count++;
    return number;
}

// Adds a scope that is older than the newest of the set.
static COLD uint32_t set_insert(Expander *x, uint32_t set, uint32_t scope)
{
    uint32_t count = 0;
    uint32_t *above = arena_array(unit_arena(x), uint32_t, set_node(x, set)->size);

    while (set && set_node(x, set)->scope > scope) {
        above[count++] = set_node(x, set)->scope;
        set = set_node(x, set)->parent;
    }
    if (!set || set_node(x, set)->scope != scope) set = set_make(x, set, scope);
    while (count > 0) {
        set = set_make(x, set, above[--count]);
    }
    return set;
}

uint32_t set_add(Expander *x, uint32_t set, uint32_t scope)
{
    uint32_t newest = set_node(x, set)->scope;

    if (LIKELY(scope > newest)) return set_make(x, set, scope);
    return scope == newest ? set : set_insert(x, set, scope);
}

static Joined *join_slot(const Expander *x, uint32_t a, uint32_t b)
{
    return &x->unit->joined[hash_word((uint64_t)a << 32 | b) % JOINED_COUNT];
}

// Adds the scopes of b to a, oldest first. When b grows by a scope at a time, as in let*, the join
// with its parent is known and one scope is left to add.
static uint32_t join(Expander *x, uint32_t a, uint32_t b)
{
    uint32_t count = 0, known = b;

    for (; known; known = set_node(x, known)->parent, count++) {
        const Joined *j = join_slot(x, a, known);
        if (j->a == a && j->b == known) {
            a = j->result;
            break;
        }
    }
    if (count == 1) return set_add(x, a, set_node(x, b)->scope);
    uint32_t *scopes = arena_array(unit_arena(x), uint32_t, count);
    for (uint32_t i = count; i > 0; b = set_node(x, b)->parent) {
        scopes[--i] = set_node(x, b)->scope;
    }
    for (uint32_t i = 0; i < count; i++) {
        a = set_add(x, a, scopes[i]);
    }
    return a;
}

uint32_t set_join(Expander *x, uint32_t a, uint32_t b)
{
    if (a == 0 || a == b) return b;
    if (b == 0) return a;
    Joined *j = join_slot(x, a, b);
    if (j->a != a || j->b != b) *j = (Joined){a, b, join(x, a, b)};
    return j->result;
}

bool set_within(const Expander *x, uint32_t part, uint32_t whole)
{
    while (part != whole) {
        if (part == 0) return true;
        const SetNode *p = set_node(x, part), *w = set_node(x, whole);
        if (p->size > w->size || p->scope > w->scope) return false;
        if (p->scope == w->scope) part = p->parent;
        whole = w->parent;
    }
    return true;
}

uint32_t set_without_use_sites(Expander *x, uint32_t set, uint32_t frame)
{
    uint32_t lowest = 0, above = 0;

    // Nearly always there is none: look first.
    for (uint32_t s = set; s & UNIT_BIT; s = set_node(x, s)->parent, above++) {
        if (x->unit->use_site[set_node(x, s)->scope & ~UNIT_BIT] == frame) lowest = s;
    }
    if (!lowest) return set;
    uint32_t count = 0, *scopes = arena_array(unit_arena(x), uint32_t, above);
    uint32_t rest = set_node(x, lowest)->parent;
    for (uint32_t s = set; s != rest; s = set_node(x, s)->parent) {
        uint32_t scope = set_node(x, s)->scope;
        if (x->unit->use_site[scope & ~UNIT_BIT] != frame) scopes[count++] = scope;
    }
    while (count > 0) {
        rest = set_make(x, rest, scopes[--count]);
    }
    return rest;
}

// ---- scopes ------------------------------------------------------------------------------------

static uint32_t grown(uint32_t capacity)
{
    CHECK(capacity < UNIT_BIT / 2, "too many scopes");
    return capacity ? capacity * 2 : 64;
}

uint32_t scope_new_use_site(Expander *x, uint32_t frame)
{
    UnitScopes *u = x->unit;

    if (u->scope_count == u->scope_capacity) {
        uint32_t want = grown(u->scope_capacity);
        size_t old_bytes = u->scope_capacity * sizeof(uint32_t), bytes = want * sizeof(uint32_t);
        u->use_site = mem_must_realloc(MEM_COMPILER, u->use_site, old_bytes, bytes);
        u->promoted = mem_must_realloc(MEM_COMPILER, u->promoted, old_bytes, bytes);
        u->scope_capacity = want;
    }
    u->use_site[u->scope_count] = frame;
    u->promoted[u->scope_count] = 0;
    return u->scope_count++ | UNIT_BIT;
}

uint32_t scope_new(Expander *x)
{
    return scope_new_use_site(x, 0);
}

static uint32_t new_permanent(Expander *x, Iface *owner, uint32_t number)
{
    if (x->scope_count == x->scope_capacity) {
        uint32_t want = grown(x->scope_capacity);
        x->scopes = mem_must_realloc(MEM_COMPILER, x->scopes, x->scope_capacity * sizeof(ScopeInfo),
                                     want * sizeof(ScopeInfo));
        x->scope_capacity = want;
    }
    x->scopes[x->scope_count] = (ScopeInfo){owner, number};
    return x->scope_count++;
}

uint32_t scope_of_module(Expander *x, Iface *iface, uint32_t number)
{
    if (number >= iface->scope_capacity) {
        uint32_t want = MAX(number + 1, iface->scope_capacity * 2);
        iface->scopes = mem_must_realloc(MEM_COMPILER, iface->scopes,
                                         iface->scope_capacity * sizeof(uint32_t),
                                         want * sizeof(uint32_t));
        memset(iface->scopes + iface->scope_capacity, 0,
               (want - iface->scope_capacity) * sizeof(uint32_t));
        iface->scope_capacity = want;
    }
    if (number >= iface->scope_count) iface->scope_count = number + 1;
    if (!iface->scopes[number]) iface->scopes[number] = new_permanent(x, iface, number);
    return iface->scopes[number];
}

static uint32_t promote_scope(Expander *x, uint32_t scope, Iface *owner)
{
    uint32_t *promoted = &x->unit->promoted[scope & ~UNIT_BIT];

    if (!*promoted) *promoted = scope_of_module(x, owner, owner->scope_count);
    return *promoted;
}

uint32_t set_promote(Expander *x, uint32_t set, Iface *owner)
{
    uint32_t size = set_node(x, set)->size, count = 0;
    uint32_t *scopes;

    if (!(set & UNIT_BIT)) return set;
    scopes = arena_array(unit_arena(x), uint32_t, size);
    for (; set & UNIT_BIT; set = set_node(x, set)->parent) {
        scopes[count++] = set_node(x, set)->scope;
    }
    while (count > 0) {
        set = set_add(x, set, promote_scope(x, scopes[--count], owner));
    }
    return set;
}

// ---- units -------------------------------------------------------------------------------------

#define SLOTS_MIN 256
#define LARGE     (SLOTS_MIN * 16)

static UnitScopes *new_unit(void)
{
    UnitScopes *u = mem_must_alloc(MEM_COMPILER, sizeof *u);

    memset(u, 0, sizeof *u);
    sets_init(&u->sets);
    u->slot_count = SLOTS_MIN;
    u->slots = mem_must_alloc(MEM_COMPILER, SLOTS_MIN * sizeof(Entry *));
    memset(u->slots, 0, SLOTS_MIN * sizeof(Entry *));
    return u;
}

static void free_unit(UnitScopes *u)
{
    sets_free(&u->sets);
    mem_free(MEM_COMPILER, u->use_site, u->scope_capacity * sizeof(uint32_t));
    mem_free(MEM_COMPILER, u->promoted, u->scope_capacity * sizeof(uint32_t));
    mem_free(MEM_COMPILER, u->slots, u->slot_count * sizeof(Entry *));
    mem_free(MEM_COMPILER, u, sizeof *u);
}

void scopes_enter_unit(Expander *x)
{
    UnitScopes *u = x->idle;

    if (u) {
        x->idle = u->outer;
    } else {
        u = new_unit();
    }
    u->outer = x->unit;
    u->epoch = ++x->next_epoch; // the old resolutions die with their epoch
    memset(u->joined, 0, sizeof u->joined);
    x->unit = u;
}

// A unit that grew large gives its tables back; a small one keeps them for the next unit.
void scopes_leave_unit(Expander *x)
{
    UnitScopes *u = x->unit;

    for (Entry *e = u->newest; e; e = e->older) {
        if (e->scope & UNIT_BIT) e->symbol->locals--;
    }
    x->unit = u->outer;
    if (u->slot_count > LARGE || u->sets.slot_count > LARGE || u->scope_capacity > LARGE) {
        free_unit(u);
        return;
    }
    memset(u->slots, 0, u->slot_count * sizeof(Entry *));
    memset(u->sets.slots, 0, u->sets.slot_count * sizeof(uint32_t));
    u->sets.count = 1;
    u->scope_count = u->entry_count = 0;
    u->newest = NULL;
    u->files = u->done = (PtrVec){0};
    u->outer = x->idle;
    x->idle = u;
}

void scopes_free(Expander *x)
{
    CHECK(!x->unit, "a unit is open");
    for (UnitScopes *u = x->idle, *next; u; u = next) {
        next = u->outer;
        free_unit(u);
    }
    x->idle = NULL;
    sets_free(&x->sets);
    mem_free(MEM_COMPILER, x->scopes, x->scope_capacity * sizeof(ScopeInfo));
}
