// Small procedures as bytes, so that other modules can have them inlined: a lambda whose bodies
// consist of constants, parameters, lets, ifs, sequences, calls, primitives and module variables.
#ifndef COMPILER_CORE_CORE_IO_H
#define COMPILER_CORE_CORE_IO_H

#include "compiler/core/node.h"

typedef struct {
    uint32_t size_max; // nodes of a clause
    bool failures;     // may it call other procedures, or do what can fail
} InlineRules;

// Appends the clauses of a variable's procedure that keep to the rules, hold nothing else and do not
// name the variable; the others are left out, and a call that one of them would take is
// not inlined. False when none is left, and what was appended
// is to be dropped.
MUST_USE bool core_write(Buf *out, const Global *g, const InlineRules *rules);

// Reads the clause back that takes `count` arguments, as new nodes of the unit; every node gets `span`,
// the place of the call. NULL when there is none, or the bytes are damaged.
Lambda *core_read(Compiler *c, const uint8_t *bytes, size_t size, uint32_t count, Span span);

#endif
