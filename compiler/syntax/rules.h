// Compiled syntax-rules. Inside of rules.c and match.c.
#ifndef COMPILER_SYNTAX_RULES_H
#define COMPILER_SYNTAX_RULES_H

#include "compiler/syntax/expand_int.h"

typedef enum {
    PATTERN_ANY,      // _
    PATTERN_VARIABLE, // slot
    PATTERN_LITERAL,  // stx: an identifier
    PATTERN_DATUM,    // stx: compared by equal?
    PATTERN_NIL,
    PATTERN_PAIR,   // car, cdr
    PATTERN_REPEAT, // car any number of times, then cdr, which takes `tail` pairs
    PATTERN_VECTOR, // car: pattern of the list of its elements
} PatternKind;

typedef struct Pattern {
    uint8_t kind;
    uint32_t slot;
    uint32_t tail;
    uint32_t first_slot, slot_count; // REPEAT: the variables inside car
    Stx *stx;
    struct Pattern *car, *cdr;
} Pattern;

typedef enum {
    TEMPLATE_VARIABLE, // slot
    TEMPLATE_SYMBOL,   // stx: introduced
    TEMPLATE_ATOM,     // stx: any other constant
    TEMPLATE_PAIR,     // car, cdr
    TEMPLATE_REPEAT,   // car, followed by `ellipses` of them, then cdr
    TEMPLATE_VECTOR,   // car: template of the list of its elements
} TemplateKind;

// A variable that a repetition runs through, and how many ellipses it may stand under there.
typedef struct {
    uint32_t slot, depth;
} RepeatSlot;

typedef struct Template {
    uint8_t kind;
    uint32_t slot;
    uint32_t ellipses;
    uint32_t slot_count;
    RepeatSlot *slots;
    Stx *stx;
    struct Template *car, *cdr;
} Template;

typedef struct {
    Pattern *pattern; // of what stands behind the keyword; NULL: the rule for the name alone
    Template *template;
    uint32_t slot_count;
} Rule;

struct Rules {
    Rule *rules;
    uint32_t count;
    bool has_name; // one of them is for the name alone
};

#endif
