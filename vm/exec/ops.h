// What instruction bodies leave to C: slow paths and failures. Functions that fail set the fault and
// return V_FAIL or false; the body goes to its fault label.
#ifndef VM_EXEC_OPS_H
#define VM_EXEC_OPS_H

#include "vm/exec/exec.h"

// ---- calls
void fault_arity(Actor *a, Value callee, uint32_t argc);
Value fail_not_procedure(Actor *a, Value v);
// Spreads the list that is the last of the n values from slot `base` on. Leaves the procedure in
// a->callee and the number of arguments in a->argc.
MUST_USE bool apply_spread(Actor *a, uint32_t base, uint32_t n, Value procedure) MAY_GC;
// What a call of a stub should call: that of a cell, or of a procedure whose version of a module is being
// purged (V_YIELD until that is decided). a->callee is the stub meanwhile.
Value stub_target(Actor *a, Value callee) MAY_GC;

// ---- data
bool value_eqv_slow(Value x, Value y);
Value make_object(Actor *a, Kind kind, const Value *first, uint32_t n) MAY_GC;
Value bytevector_set(Actor *a, const Value *bytevector, Value index, Value byte) MAY_GC;
bool is_record_of_cell(Actor *a, Value v, Cell *type);
bool is_record_of(Value v, Value type);
Value record_ref_slow(Actor *a, Value record, Cell *type, uint32_t index) MAY_GC;
Value record_set_slow(Actor *a, Value record, Cell *type, uint32_t index, Value v) MAY_GC;

// ---- failures
Value fail_internal(Actor *a, const char *what);
Value fail_uninitialized(Actor *a, Value name);
Value fail_literal(Actor *a, const char *who, Value v);
Value fail_vector(Actor *a, const char *who, Value v, Value index);
Value fail_bytes(Actor *a, const char *who, Kind kind, Value v, Value index);
Value fail_value_count(Actor *a, Value v, uint32_t wanted, bool at_least);

#endif
