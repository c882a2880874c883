// Module variables at run time: defining, assigning, reading. Private ones are vm/actor/priv.h's.
#include "vm/exec/exec.h"

#include "vm/actor/priv.h"

static Value fail_unbound(Actor *a, const Cell *c)
{
    return fail_text(&a->heap, ERR_UNBOUND, NULL, "unbound: %s", value_symbol(c->name)->utf8);
}

// Other actors have a value of their own: this one was given none, because it could not travel or
// because the module's body has not come to it here.
static Value fail_absent(Actor *a, const Cell *c)
{
    Value owner = V_FALSE;
    Kind kind;

    if (priv_absent(a, c, &kind, &owner)) {
        const char *what = kind == KIND_HANDLE ? "port"
                           : kind == KIND_WEAK ? "weak reference"
                                               : "continuation";
        return fail_text(&a->heap, ERR_UNBOUND, NULL, "global[%s]: a %s belongs to actor #<pid 0.%u.%u>",
                         value_symbol(c->name)->utf8, what, value_pid_index(owner),
                         value_pid_serial(owner));
    }
    return fail_text(&a->heap, ERR_UNBOUND, NULL,
                     "global[%s]: its value belongs to another actor and cannot travel",
                     value_symbol(c->name)->utf8);
}

// A new version's variable that keeps its data is the one that there is.
static Cell *actual(Cell *c)
{
    return c->kept ? c->real : c;
}

Value exec_global(Actor *a, Cell *c)
{
    c = actual(c);
    Value v = cell_value(c);

    if (value_is(v, V_PRIVATE)) {
        v = priv_get(a, c);
        if (value_is(v, V_NONE)) return a->own & OWN_MAIN ? fail_unbound(a, c) : fail_absent(a, c);
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

// By the body of a new version: true when the variable keeps what it has. What a record type or a
// parameter is stays in the cell, where instructions look for it; private data stays with the old cell.
static bool keeps(Actor *a, Cell *c, Value v)
{
    CodeSpace *cs = &actor_vm(a)->code;

    if (!c->real || !code_keeps(cs, c, v)) return false;
    Value now = cell_value(c->real);
    if (value_is(now, V_PRIVATE)) {
        // This actor has none: it could not travel here. Then what the body says is as good.
        Value own = priv_get(a, c->real);
        if (value_is(own, V_NONE) || value_is(own, V_FAIL)) return false;
    }
    c->kept = true;
    cell_publish(cs, c, now);
    return true;
}

Value exec_define(Actor *a, Cell *c, const Value *v)
{
    Vm *vm = actor_vm(a);

    if (UNLIKELY(c->staged) && keeps(a, c, *v)) return V_UNSPECIFIED;
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
    c = actual(c);
    Value now = cell_value(c);

    if (value_is(now, V_UNBOUND)) return fail_unbound(a, c);
    // A private one is bound even where this actor has no value: what could not travel was left out.
    if (!value_is(now, V_PRIVATE)) {
        // A shared procedure of an interactive module that is now assigned: data from here on. Other
        // actors go on with what it was, which is their snapshot.
        cell_set_snapshot(c, now);
        cell_publish(&actor_vm(a)->code, c, V_PRIVATE);
    }
    return priv_set(a, c, v) ? V_UNSPECIFIED : V_FAIL;
}
