// Clauses of match and receive-case.
#ifndef COMPILER_SYNTAX_CLAUSES_H
#define COMPILER_SYNTAX_CLAUSES_H

#include "compiler/syntax/pattern.h"

typedef struct MatchClause {
    PatReader reader; // `x` and `what` are set by the caller, others as it needs them
    PatRow row;
    Pat *pattern;
    Core *guard; // NULL: none
    Core *body;
    // What is done around the body once the clause has been chosen. NULL: nothing.
    Core *(*matched)(struct MatchClause *c, PatTree *t, Core *body);
    void *context;
} MatchClause;

// Reads a clause for a value that is in a variable: c->row is then to be compiled. False after an
// error.
bool match_clause_read(MatchClause *c, Stx *stx, Var *value, PatTree *t);

#endif
