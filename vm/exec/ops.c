// See ops.h.
#include "vm/exec/ops.h"
#include "vm/exec/stack.h"

#include "vm/data/bytes.h"
#include "vm/data/num.h"

#include <stdio.h>
#include <string.h>

// ---- calls --------------------------------------------------------------------------------------

// What a code expects, from its entry sequence: "1 argument", "2 or 3 arguments", "at least 1
// argument".
static void describe_arity(const Code *code, char *out, size_t size)
{
    const uint64_t *word = code_entry(code);
    size_t used = 0;
    uint32_t last = 0;
    bool any = false;

    for (;;) {
        Insn in = insn_from_word(*word);
        bool rest = in.op == OP_ARGC ? in.b != 0 : (in.b & ENTRY_REST) != 0;
        if ((in.op != OP_ARGC && in.op != OP_ENTRY) || used >= size) break;
        int n = snprintf(out + used, size - used, "%s%s%u", any ? " or " : "",
                         rest ? "at least " : "", in.a);
        used += n > 0 ? (size_t)n : 0;
        last = in.a;
        any = true;
        if (in.op == OP_ENTRY) break;
        word += (int16_t)in.c;
    }
    if (used < size) snprintf(out + used, size - used, last == 1 ? " argument" : " arguments");
}

void fault_arity(Actor *a, Value callee, uint32_t argc)
{
    const Code *code = value_is_proc(callee) ? proc_code(value_proc(callee))
                                             : code_at(&actor_vm(a)->code, a->pc);
    char wanted[80];

    describe_arity(code, wanted, sizeof wanted);
    const char *name = value_is_symbol(code->name) ? value_symbol(code->name)->utf8 : "procedure";
    (void)fail_text(&a->heap, ERR_ARITY, NULL, "%.60s: expected %s, got %u", name, wanted, argc);
}

Value fail_not_procedure(Actor *a, Value v)
{
    return fail_type(&a->heap, "call", "a procedure", v);
}

// Copy of a proper list, into reserved words.
static Value list_copy(Heap *h, Value list)
{
    Value copy = V_NIL, *tail = &copy;

    for (; value_is_pair(list); list = value_cdr(list)) {
        *tail = heap_cons(h, value_car(list), V_NIL);
        tail = value_cdr_slot(*tail);
    }
    return copy;
}

// Length of a proper list; -1 when it is none (Brent's cycle detection keeps it finite).
static int64_t list_length(Value v)
{
    int64_t n = 0, limit = 2;
    Value mark = v;

    while (value_is_pair(v)) {
        v = value_cdr(v);
        n++;
        if (value_is(v, mark)) return -1;
        if (n == limit) {
            limit *= 2;
            mark = v;
        }
    }
    return value_is_null(v) ? n : -1;
}

// The number of required arguments of the first clause with a rest list; -1 when there is none.
static int64_t rest_clause(const Code *code)
{
    const uint64_t *word = code_entry(code);

    for (;;) {
        Insn in = insn_from_word(*word);
        if (in.op == OP_ENTRY) return in.b & ENTRY_REST ? in.a : -1;
        if (in.op != OP_ARGC) return -1;
        if (in.b) return in.a;
        word += (int16_t)in.c;
    }
}

// Lists longer than this are not spread into slots: only a rest list can take them.
#define SPREAD_MAX 1000

// The required arguments into slots, the others as a list of their own. `a->callee` is the procedure;
// n values stand from `base` on, the last of them the list.
static bool spread_long(Actor *a, uint32_t base, uint32_t n, int64_t listed)
{
    int64_t required = rest_clause(proc_code(value_proc(a->callee)));

    if (required < 0) {
        fault_arity(a, a->callee, (uint32_t)MIN(n - 1 + listed, INT32_MAX));
        return false;
    }
    size_t kept = (size_t)(n - 1 + listed - required); // in the rest list
    // The stack first: growing it may allocate.
    if (!stack_grow(a, base + n + (size_t)required + 1)) return false;
    if (!heap_reserve(&a->heap, 2 * (kept + n))) return false;
    Value *slot = a->fp + base;
    Value list = slot[n - 1];
    if (required < n - 1) {
        // Fixed arguments that belong to the rest go in front of a copy of the list.
        Value rest = list_copy(&a->heap, list);
        for (uint32_t i = n - 1; i > required; i--) {
            rest = heap_cons(&a->heap, slot[i - 1], rest);
        }
        slot[required] = rest;
    } else {
        for (int64_t i = n - 1; i < required; i++) {
            slot[i] = value_car(list);
            list = value_cdr(list);
        }
        slot[required] = list_copy(&a->heap, list);
    }
    a->argc = ARGC_LISTED;
    return true;
}

bool apply_spread(Actor *a, uint32_t base, uint32_t n, Value procedure)
{
    Value list = a->fp[base + n - 1];
    int64_t listed = list_length(list);

    if (!value_is_proc(procedure)) {
        (void)fail_type(&a->heap, "apply", "a procedure", procedure);
        return false;
    }
    if (listed < 0) {
        (void)fail_type(&a->heap, "apply", "a proper list as the last argument", list);
        return false;
    }
    a->callee = procedure;
    if (listed > SPREAD_MAX) return spread_long(a, base, n, listed);
    if (!stack_grow(a, base + n + (size_t)listed)) return false;
    list = a->fp[base + n - 1];
    for (Value *slot = a->fp + base + n - 1; value_is_pair(list); list = value_cdr(list)) {
        *slot++ = value_car(list);
    }
    a->argc = n - 1 + (uint32_t)listed;
    return true;
}

static Value cell_target(Actor *a, Cell *c)
{
    if (c->kept) c = c->real;
    Value v = cell_value(c);

    if (value_is(v, V_PRIVATE)) {
        v = priv_get(a, c);
        if (value_is(v, V_FAIL)) return v;
        if (value_is(v, V_NONE)) v = V_UNBOUND;
    }
    if (value_is_proc(v)) return v;
    if (value_is(v, V_UNBOUND))
        return fail_text(&a->heap, ERR_UNBOUND, NULL, "unbound: %s", value_symbol(c->name)->utf8);
    return fail_not_procedure(a, v);
}

// Of a procedure whose version of a module is being purged, or has been.
static Value purged_target(Actor *a, Value callee)
{
    Vm *vm = actor_vm(a);
    const Code *code = proc_code(value_proc(callee));
    LoadedModule *m = code->module;

    if (code_entry(code) != vm->code.stub_codes[1].entry) return callee; // there again, or another's
    if (module_role(m) == ROLE_PURGED)
        return fail_text(&a->heap, ERR_USER, NULL,
                         "%.100s: this version of module %.100s has been purged",
                         value_is_symbol(code->name) ? value_symbol(code->name)->utf8 : "procedure",
                         value_symbol(m->name)->utf8);
    // Who was purging may have been ended in the middle of it.
    if (!actor_is_alive(vm, code_owner(&vm->code, m))) (void)code_purge_cancel(&vm->code, m);
    return V_YIELD;
}

Value stub_target(Actor *a, Value callee)
{
    Proc *p = value_proc(callee);

    if (LIKELY(proc_code(p) == &actor_vm(a)->code.stub_codes[1]))
        return cell_target(a, (Cell *)p->free[0].bits);
    return purged_target(a, callee);
}

// ---- data ---------------------------------------------------------------------------------------

bool value_eqv_slow(Value x, Value y)
{
    if (value_is_number(x)) return value_is_number(y) && num_eqv(x, y);
    return value_tag(x) == TAG_OBJ && external_eqv(x, y);
}

Value make_object(Actor *a, Kind kind, const Value *first, uint32_t n)
{
    Value *p = heap_alloc(&a->heap, header_make(kind, n));

    if (!p) return V_FAIL;
    memcpy(p + 1, first, n * sizeof(Value));
    return value_from_words(p, TAG_OBJ);
}

Value bytevector_set(Actor *a, const Value *bytevector, Value index, Value byte)
{
    if (!value_is_kind(*bytevector, KIND_BYTEVECTOR) || !value_is_fix(index) ||
        index.bits >> 3 >= bytes_length(value_bytes(*bytevector)))
        return fail_bytes(a, "bytevector-u8-set!", KIND_BYTEVECTOR, *bytevector, index);
    if (!value_is_fix(byte) || byte.bits >> 3 > 255)
        return fail_type(&a->heap, "bytevector-u8-set!", "a byte", byte);
    if (value_header(*bytevector) & HEADER_IMMUTABLE)
        return fail_literal(a, "bytevector-u8-set!", *bytevector);
    if (!bytes_own(&a->heap, bytevector)) return V_FAIL;
    bytes_data(value_bytes(*bytevector))[index.bits >> 3] = (uint8_t)(byte.bits >> 3);
    return V_UNSPECIFIED;
}

// A type that travelled in a message is another object with the same number.
bool is_record_of(Value v, Value type)
{
    if (!value_is_kind(v, KIND_RECORD) || !value_is_kind(type, KIND_RECORD_TYPE)) return false;
    Value has = object_ref(v, RECORD_TYPE_SLOT);
    return value_is(has, type) || value_is(object_ref(has, RTYPE_UID), object_ref(type, RTYPE_UID));
}

// The type in a cell; private cells included.
static Value type_of_cell(Actor *a, Cell *c)
{
    Value type = cell_value(c);
    return value_is(type, V_PRIVATE) ? priv_find(a, c) : type;
}

bool is_record_of_cell(Actor *a, Value v, Cell *type)
{
    return is_record_of(v, type_of_cell(a, type));
}

// "point-x: expected a point, got 5"
static Value fail_record(Actor *a, Value v, Value type, uint32_t names, uint32_t index)
{
    char who[64] = "record access", wanted[64] = "a record";

    if (value_is_kind(type, KIND_RECORD_TYPE)) {
        Value name = object_ref(type, RTYPE_NAME), list = object_ref(type, names);
        Value accessor = value_is_kind(list, KIND_VECTOR) && index < object_count(list)
                             ? object_ref(list, index)
                             : V_FALSE;
        if (value_is_symbol(name)) snprintf(wanted, sizeof wanted, "a %.60s", value_symbol(name)->utf8);
        if (value_is_symbol(accessor)) snprintf(who, sizeof who, "%.60s", value_symbol(accessor)->utf8);
    }
    (void)fail_text(&a->heap, ERR_TYPE, NULL, "%s: expected %s, got", who, wanted);
    a->heap.scratch->fault.irritants[0] = v;
    a->heap.scratch->fault.irritant_count = 1;
    return V_FAIL;
}

Value record_ref_slow(Actor *a, Value record, Cell *type, uint32_t index)
{
    Value t = type_of_cell(a, type);

    if (!is_record_of(record, t) || index + 1u >= object_count(record))
        return fail_record(a, record, t, RTYPE_ACCESSORS, index);
    return object_ref(record, RECORD_FIELDS + index);
}

Value record_set_slow(Actor *a, Value record, Cell *type, uint32_t index, Value v)
{
    Value t = type_of_cell(a, type);

    if (!is_record_of(record, t) || index + 1u >= object_count(record))
        return fail_record(a, record, t, RTYPE_MODIFIERS, index);
    if (value_header(record) & HEADER_IMMUTABLE) return fail_literal(a, "record modifier", record);
    heap_store(&a->heap, record, object_slot(record, RECORD_FIELDS + index), v);
    return V_UNSPECIFIED;
}

// ---- failures -----------------------------------------------------------------------------------

Value fail_internal(Actor *a, const char *what)
{
    return fail_text(&a->heap, ERR_INTERNAL, NULL, "damaged code: %s", what);
}

Value fail_uninitialized(Actor *a, Value name)
{
    return fail_text(&a->heap, ERR_UNBOUND, NULL, "%s is used before its definition",
                     value_is_symbol(name) ? value_symbol(name)->utf8 : "a variable");
}

Value fail_literal(Actor *a, const char *who, Value v)
{
    static const char *const advice[] = {
        "a literal cannot be changed; make one with (list ...) or a copy:",
        "a literal cannot be changed; make one with (vector ...) or a copy:",
        "a literal cannot be changed; make a copy:"};
    int kind = value_is_pair(v) ? 0 : value_is_kind(v, KIND_VECTOR) ? 1 : 2;
    return fail_with(&a->heap, ERR_TYPE, who, advice[kind], v);
}

Value fail_vector(Actor *a, const char *who, Value v, Value index)
{
    if (!value_is_kind(v, KIND_VECTOR)) return fail_type(&a->heap, who, "a vector", v);
    if (value_is_fix(index) && index.bits >> 3 < object_count(v)) return fail_literal(a, who, v);
    return fail_index(&a->heap, who, index, "a vector", object_count(v));
}

Value fail_bytes(Actor *a, const char *who, Kind kind, Value v, Value index)
{
    if (!value_is_kind(v, kind)) return fail_type(&a->heap, who, kind_text(kind), v);
    return fail_index(&a->heap, who, index, kind_text(kind), bytes_length(value_bytes(v)));
}

Value fail_value_count(Actor *a, Value v, uint32_t wanted, bool at_least)
{
    size_t got = value_is_kind(v, KIND_VALUES) ? object_count(v) : 1;
    return fail_text(&a->heap, ERR_ARITY, NULL, "expected %s%u value%s, got %zu",
                     at_least ? "at least " : "", wanted, wanted == 1 ? "" : "s", got);
}
