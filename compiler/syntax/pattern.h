// Patterns of match and receive-case: what pattern.c reads and tree.c compiles to tests.
//
//   _             anything                name          anything, bound to the name
//   1 "a" #\a #t  what is equal? to it    'datum        likewise
//   (== expr)     what is equal? to the value of expr, which does not see the pattern's variables
//   (list p ...)  (cons p p)  (vector p ...)    a last or inner `p ...` stands for any number of p
//   `template     data, with ,p for patterns and ,@p for the rest of a list
//   (record p ..) a record of that type; the patterns are of its first fields
//   (? pred p ..) what pred is true of, and that matches each p
//   (and p ..)  (or p ..)  (not p)
#ifndef COMPILER_SYNTAX_PATTERN_H
#define COMPILER_SYNTAX_PATTERN_H

#include "compiler/syntax/expand_int.h"

typedef enum {
    PAT_ANY,
    PAT_BIND,        // var
    PAT_CONST,       // datum
    PAT_PAIR,        // a, b
    PAT_VECTOR,      // items: exactly so many elements
    PAT_RECORD,      // type; items: of the first fields
    PAT_TEST,        // core: a predicate
    PAT_VALUE,       // core: what it must be equal? to
    PAT_AND,         // items
    PAT_OR,          // items, which bind vars
    PAT_NOT,         // a, which binds nothing
    PAT_REPEAT,      // a any number of times, binding vars, then the pattern b, which takes `pairs`
                     // pairs
    PAT_VECTOR_LIST, // a vector, the list of whose elements matches a
} PatKind;

typedef struct Pat {
    uint8_t kind;
    Span span;
    Var *var;
    Stx *datum;
    Core *core;
    const Binding *type;
    struct Pat *a, *b;
    struct Pat **items;
    uint32_t count;
    uint32_t pairs;
    bool guarded; // TEST: a predicate that raises does not match
    Var **vars;
    uint32_t var_count;
} Pat;

// What the patterns of one clause bind, and how they are read.
typedef struct {
    Expander *x;
    const char *what; // the form, for messages
    uint32_t scope;   // of the variables
    PtrVec vars;      // Var
    PtrVec *hoisted;  // of receive-case: Hoisted, values that are computed before any message is
                      // looked at
    bool guarded;     // a predicate that raises does not match
    bool user_code;   // the pattern calls procedures of the program
    bool may_shadow;  // no warning about names that shadow local ones
} PatReader;

typedef struct {
    Var *var;
    Core *value;
} Hoisted;

// Reads a pattern; after an error (reported) it is one that matches anything.
Pat *pattern_read(PatReader *r, Stx *stx);

// ---- tree.c
// --------------------------------------------------------------------------------------

// What is left to be tested of a row, and what is bound already.
typedef struct PatTest {
    Var *at; // holds the value
    Pat *pat;
    struct PatTest *next;
} PatTest;

typedef struct PatBound {
    Var *var, *at;
    struct PatBound *next;
} PatBound;

typedef struct PatRow PatRow;
typedef struct PatTree PatTree;

// Gives the code of a row whose tests have all succeeded; `no` is where to go when that changes its
// mind: a label to be called, see tree_fail.
typedef Core *PatLeaf(PatTree *t, PatRow *row, Core *no);

struct PatRow {
    PatTest *tests;
    PatBound *bound;
    PatLeaf *leaf;
    void *context; // the leaf's
    Span span;
    PatRow *next;
};

struct PatTree {
    Expander *x;
    Span span;
};

// Adds the tests of a pattern to a row that has others.
void tree_add(PatTree *t, PatRow *row, Var *at, Pat *pat);
// The code of rows, the first of which that matches is taken; `no` is the code when none does. It
// is used any number of times: a call of a label or a constant.
Core *tree_compile(PatTree *t, PatRow *rows, Core *no);
// Binds what the row has bound of these variables around a body.
Core *tree_bind(PatTree *t, const PatRow *row, const PtrVec *vars, Core *body);
// A procedure that only ever is jumped to: (letrec ((label (lambda params body))) rest).
Core *tree_label(PatTree *t, Var *label, Var **params, uint32_t count, Core *body, Core *rest);
Core *tree_jump(PatTree *t, Var *label, Core **args, uint32_t count);

#endif
