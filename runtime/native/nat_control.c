// Natives of an actor's dynamic state, parameters, uncaught errors and the end.
#include "runtime/native/natives.h"
#include "runtime/runtime.h"

#define FIELD(id, field)                                                                           \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)args, (void)count;                                                                   \
        return a->field;                                                                           \
    }

#define SET_FIELD(id, field)                                                                       \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        a->field = args[0];                                                                        \
        return V_UNSPECIFIED;                                                                      \
    }

FIELD(handlers, handlers)
FIELD(winders, winders)
FIELD(params, params)
SET_FIELD(set_handlers, handlers)
SET_FIELD(set_winders, winders)
SET_FIELD(set_params, params)

// ---- parameters -----------------------------------------------------------------------------------

NATIVE_FN(make_parameter)
{
    Vm *vm = actor_vm(a);
    Value *p = heap_alloc(HEAP(a), header_make(KIND_PARAMETER, PARAM_SLOTS));
    bool own = count > 2 && value_true(args[2]);

    if (!p) return V_FAIL;
    int64_t uid = (int64_t)atomic_fetch_add_explicit(&vm->next_uid, 1, memory_order_relaxed) + 1;
    p[1 + PARAM_UID] = value_fix(own ? -uid : uid);
    p[1 + PARAM_INIT] = args[0];
    p[1 + PARAM_CONVERTER] = args[1];
    return value_from_words(p, TAG_OBJ);
}

NATIVE_FN(parameter_part)
{
    size_t i;

    (void)count;
    if (!value_is_kind(args[0], KIND_PARAMETER))
        return fail_type(HEAP(a), "parameter", "a parameter", args[0]);
    if (!native_index(args[1], PARAM_SLOTS, &i))
        return fail_index(HEAP(a), "parameter", args[1], "a parameter", PARAM_SLOTS);
    return object_ref(args[0], i);
}

NATIVE_FN(procedure_parameter)
{
    (void)a, (void)count;
    if (!value_is_proc(args[0]) || header_words(value_header(args[0])) != 2) return V_FALSE;
    // Only the kernel's make-parameter captures such an object: programs never see one.
    Value captured = value_proc(args[0])->free[0];
    return value_is_kind(captured, KIND_PARAMETER) ? captured : V_FALSE;
}

// ---- the end --------------------------------------------------------------------------------------

NATIVE_FN(trace)
{
    (void)args, (void)count;
    return exec_trace(a, 32);
}

NATIVE_FN(end_actor)
{
    (void)count;
    actor_set_exit(a, args[0]);
    return V_WAIT; // the slice looks at OWN_EXITING first
}

NATIVE_FN(end_program)
{
    Vm *vm = actor_vm(a);

    (void)count;
    vm->exit_status = value_is_fix(args[0]) ? (int)(value_int(args[0]) & 255) : value_true(args[0]) ? 0 : 1;
    vm->status_set = true;
    actor_set_exit(a, vm->symbol[SYM_normal]);
    if (!(a->own & OWN_MAIN)) sched_stop(&vm->sched);
    return V_WAIT;
}

NATIVE_FN(main_actor_p)
{
    (void)args, (void)count;
    return value_bool((a->own & OWN_MAIN) != 0);
}

NATIVE_FN(report_error)
{
    (void)count;
    runtime_report(actor_vm(a), args[0], args[1]);
    if (value_true(args[2])) a->own |= OWN_LOGGED;
    return V_UNSPECIFIED;
}

NATIVE_FN(module_done)
{
    Vm *vm = actor_vm(a);

    (void)count;
    if (!value_is_proc(args[0])) return fail_type(HEAP(a), "module-done", "a procedure", args[0]);
    LoadedModule *m = proc_code(value_proc(args[0]))->module;
    // Libraries keep a copy of their data for actors that come to them later.
    if (m->view.head && !(m->view.head->flags & (MODULE_PROGRAM | MODULE_OPEN)) &&
        !priv_snapshot(a, m))
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    module_set_state(&vm->code, m, MODULE_DONE);
    return V_UNSPECIFIED;
}

NATIVE_FN(program_modules)
{
    (void)args, (void)count;
    return runtime_program_modules(a);
}

// What a procedure is in the end: a module's main comes as the stub of its cell.
static Value resolve(Actor *a, Value v)
{
    if (!value_is_proc(v) || proc_code(value_proc(v)) != &actor_vm(a)->code.stub_codes[1]) return v;
    return exec_global(a, (Cell *)value_proc(v)->free[0].bits);
}

NATIVE_FN(accepts)
{
    Value v = resolve(a, args[0]);
    size_t n;

    (void)count;
    if (value_is(v, V_FAIL)) return v;
    if (!value_is_proc(v) || !native_size(args[1], &n)) return V_FALSE;
    const uint64_t *word = code_entry(proc_code(value_proc(v)));
    for (;;) {
        Insn in = insn_from_word(*word);
        bool rest = in.op == OP_ARGC ? in.b != 0 : (in.b & ENTRY_REST) != 0;
        if ((in.op == OP_ARGC || in.op == OP_ENTRY) && (n == in.a || (rest && n > in.a))) return V_TRUE;
        if (in.op != OP_ARGC) return V_FALSE;
        word += (int16_t)in.c;
    }
}

NATIVE_FN(list_to_values)
{
    size_t n;

    (void)count;
    if (!native_size(args[1], &n)) return fail_type(HEAP(a), "values", "a length", args[1]);
    Value *p = heap_alloc(HEAP(a), header_make(KIND_VALUES, n));
    if (!p) return V_FAIL;
    Value list = args[0];
    for (size_t i = 0; i < n; i++) {
        p[1 + i] = value_is_pair(list) ? value_car(list) : V_UNSPECIFIED;
        if (value_is_pair(list)) list = value_cdr(list);
    }
    return value_from_words(p, TAG_OBJ);
}

NATIVE_FN(yield)
{
    (void)a, (void)count;
    if (value_true(args[0])) return V_UNSPECIFIED;
    args[0] = V_TRUE; // the second time through goes on
    return V_YIELD;
}
