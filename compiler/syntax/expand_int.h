// Inside of the expander: its state and what its files offer each other. scope.h has the model.
#ifndef COMPILER_SYNTAX_EXPAND_INT_H
#define COMPILER_SYNTAX_EXPAND_INT_H

#include "compiler/syntax/module.h"

// ---- the expander ------------------------------------------------------------------------------

typedef enum {
#define KERNEL(id, name, args, doc) KERNEL_##id,
#include "compiler/syntax/kernel.def"
    KERNEL_COUNT
} KernelId;

typedef struct GlobalCell GlobalCell;

struct Expander {
    Compiler *c;
    ScopeInfo *scopes; // permanent ones; [0] is none
    uint32_t scope_count, scope_capacity;
    SetTable sets; // permanent ones
    uint32_t next_epoch;
    UnitScopes *unit, *idle;
    Iface *ifaces;
    NameTable modules; // Iface by name
    NameTable globals; // GlobalCell by name, chained over modules
    Iface *core;       // the module of the core forms, "%core"
    Binding forms[FORM_COUNT];
    Binding broken;
    int32_t kernel_prims[KERNEL_COUNT]; // -1: no primitive, -2: not looked up yet
    bool kernel_failed;
    bool some_failed; // modules that could not be had, to be forgotten with the unit
    ExpandLimits limits;
    // The running expansion:
    ModuleState *module;
    Where where;
    bool fatal;     // a limit was passed: get out, reporting nothing more
    uint64_t nodes; // made by macros for the module-level form at hand
    Var *objects;   // holds the vector of eval's objects; NULL: not wanted yet
    uint32_t suggestions;
};

static inline Expander *expander_of(Compiler *c)
{
    return c->expander;
}

static inline Arena *unit_arena(Expander *x)
{
    return &x->c->unit;
}

// ---- stx.c -------------------------------------------------------------------------------------

Stx *stx_new(Expander *x, StxKind kind, Span span);
Stx *stx_symbol(Expander *x, Sym *symbol, uint32_t scopes, Span span);
Stx *stx_add(Expander *x, Stx *stx, uint32_t set);
Stx *stx_add_scope(Expander *x, Stx *stx, uint32_t scope);
void stx_push(Expander *x, Stx *stx);

static inline Stx *stx_car(Expander *x, Stx *pair)
{
    if (pair->pending) stx_push(x, pair);
    return pair->u.pair.car;
}

static inline Stx *stx_cdr(Expander *x, Stx *pair)
{
    if (pair->pending) stx_push(x, pair);
    return pair->u.pair.cdr;
}

static inline Stx **stx_items(Expander *x, Stx *vector)
{
    if (vector->pending) stx_push(x, vector);
    return vector->u.vector.items;
}

static inline bool stx_is_pair(const Stx *stx)
{
    return stx->kind == STX_PAIR && !stx->cyclic;
}

static inline bool stx_is_symbol(const Stx *stx)
{
    return stx->kind == STX_SYMBOL;
}

// The elements of a proper list as an array, NULL when it is no proper list. A list that is empty
// gives a pointer that is not NULL and count 0.
Stx **stx_list(Expander *x, Stx *stx, uint32_t *count);
// The same with what follows a dot: *tail is NIL for a proper list.
Stx **stx_dotted(Expander *x, Stx *stx, uint32_t *count, Stx **tail);
// A short text of a datum for messages, in the unit's arena.
const char *stx_text(Expander *x, const Stx *stx);
bool stx_is_spelled(const Stx *stx, const char *name);
// The set an import or a file's syntax is read in: that of its first symbol.
uint32_t stx_first_set(Expander *x, Stx *stx);

// ---- report.c ----------------------------------------------------------------------------------

// Reports an error at a place, with a note about the macro that led there. Always gives NULL.
void *syntax_error(Expander *x, Span span, const char *fmt, ...) PRINTF_LIKE(3, 4);
// The same, and the running expansion stops.
void *syntax_fatal(Expander *x, Span span, const char *fmt, ...) PRINTF_LIKE(3, 4);
// For an unbound identifier: " (did you mean y?)" or "".
const char *suggest_name(Expander *x, const Stx *id);
// For a list of known names, likewise.
const char *suggest_export(Expander *x, Iface *iface, const Sym *name);
// What messages call the module at hand: for a program the part of its name that is the file's.
const char *module_label(Expander *x);
// Counts one level; false (reported) when it is one too many. Each true needs a leave_level.
bool enter_level(Expander *x, Span span);
static inline void leave_level(Expander *x)
{
    x->where.depth--;
}

// ---- build.c -----------------------------------------------------------------------------------

Core *core_new(Expander *x, CoreKind kind, Span span);
Core *core_constant(Expander *x, Stx *datum);
Core *core_unspecified(Expander *x, Span span);
Core *core_boolean(Expander *x, bool value, Span span);
Core *core_symbol(Expander *x, Sym *symbol, Span span);
Core *core_local(Expander *x, Var *var, Span span);
Core *core_global(Expander *x, Global *global, Span span);
Core *core_if(Expander *x, Core *test, Core *then, Core *otherwise, Span span);
Core *core_seq(Expander *x, Core **items, uint32_t count, Span span);
Core *core_call(Expander *x, Core *fn, Core **args, uint32_t count, Span span);
Core *core_let(Expander *x, CoreKind kind, Var **vars, Core **inits, uint32_t count, Core *body,
               Span span);
Core *core_let1(Expander *x, Var *var, Core *init, Core *body, Span span);
// A procedure of one clause; its parameters are copied.
Core *core_lambda(Expander *x, Sym *name, Var **params, uint32_t count, Core *body, Span span);
Core *core_kernel(Expander *x, KernelId id, Core **args, uint32_t count, Span span);
void core_name(Core *value, Sym *name); // names an anonymous procedure

// ---- forms_eval.c -------------------------------------------------------------------------------

// The expression for a constant with objects in it (STX_OBJECT); NULL when there are none.
Core *object_constant(Expander *x, Stx *datum);
// Gives the body of a module the objects that it has named.
Core *with_objects(Expander *x, Core *value);
// An interactive module's forms as the body of a procedure with the locals that eval passes on.
Core *expand_with_locals(Expander *x, Stx *forms, const OpenInput *in);

// ---- expand.c ----------------------------------------------------------------------------------

Core *expand(Expander *x, Stx *form);
// Expands items[from..count) in order into a sequence.
Core *expand_sequence(Expander *x, Stx **items, uint32_t count, Span span);
// Uses a macro on a form. NULL after an error.
Stx *expand_macro(Expander *x, Macro *macro, Stx *form);
// What the head of a form means; NULL when it is no identifier or not bound.
Binding *head_binding(Expander *x, Stx *form);
Core *expand_unbound(Expander *x, Stx *id);

typedef Core *FormExpander(Expander *x, Stx *form);
#define FORM(id, name, expression, definition) FormExpander expression;
#include "compiler/syntax/forms.def"

// ---- body.c ------------------------------------------------------------------------------------

typedef struct {
    Var *var;
    Global *global; // one of the two
} Target;

typedef enum {
    ITEM_EXPRESSION,
    ITEM_DEFINE,    // form: the value
    ITEM_PROCEDURE, // formals and body (a list)
    ITEM_VALUES,    // several targets, form: the expression
    ITEM_CORE,      // a definition whose value exists already
} ItemKind;

typedef struct {
    uint8_t kind;
    bool rest; // VALUES: the last target takes a list
    Where where;
    Span span;
    Stx *form, *formals;
    Target target;
    Target *targets;
    uint32_t target_count;
    Core *core;
} Item;

// A body or a module whose forms are being collected.
typedef struct {
    bool module_level;
    uint32_t frame;
    PtrVec items; // Item
} Context;

// Sorts the forms of a list into items, using macros and binding what is defined. Gives the items
// in cx->items.
void collect_forms(Expander *x, Context *cx, Stx *forms);
Item *add_item(Expander *x, Context *cx, ItemKind kind, Span span);
// Binds a defined name; false after an error.
bool define_variable(Expander *x, Context *cx, Stx *id, Target *out);
bool define_keyword(Expander *x, Context *cx, Stx *id, Binding *binding);
// After an error in a definition form: what it would have defined is not to be missed as well.
void define_broken(Expander *x, Context *cx, Stx *form);
Core *target_ref(Expander *x, const Target *t, Span span);
// A body: `scope` is on the forms already and may hold parameters. `what` names the form.
Core *expand_body(Expander *x, Stx *forms, uint32_t scope, Span span, const char *what);
// The items of a module, in order.
Core *expand_module_items(Expander *x, Context *cx, Span span);

// Definition handlers, by form; `form` is the whole form.
typedef void FormDefiner(Expander *x, Context *cx, Stx *form);
#define FORM(id, name, expression, definition) FormDefiner definition;
#include "compiler/syntax/forms.def"

// ---- forms_*.c shared between files ------------------------------------------------------------

// Operands of a form: items behind its keyword. NULL (reported) unless a proper list with
// min <= count <= max operands; `shape` tells what was expected.
Stx **form_operands(Expander *x, Stx *form, uint32_t min, uint32_t max, const char *shape,
                    uint32_t *count);
// One clause of a procedure; false after an error.
bool expand_clause(Expander *x, Stx *formals, Stx *body, Span span, Clause *out);
Core *expand_procedure(Expander *x, Sym *name, Stx *formals, Stx *body, Span span);
Core *thunk_of_body(Expander *x, Stx *forms, Span span, const char *what);
// Clauses of cond and guard; without an else clause what `fallback` gives ends them.
Core *expand_cond_clauses(Expander *x, Stx **clauses, uint32_t count, Core *fallback,
                          const char *what);
// Whether the last of these clauses is an else clause.
bool has_else(Expander *x, Stx **clauses, uint32_t count);
// The meaning of the right side of define-syntax. NULL after an error.
Binding *make_transformer(Expander *x, Stx *name, Stx *spec);
// The forms cond-expand chooses, as a list; NULL after an error or when there are none.
Stx *cond_expand_choice(Expander *x, Stx *form);
// The forms of the files an include form names, as a list; NULL after an error.
Stx *include_forms(Expander *x, Stx *form, bool fold_case);

// ---- rules.c, match.c --------------------------------------------------------------------------

// Compiles the rules of a macro; false (reported) when they are wrong.
bool rules_compile(Expander *x, Macro *macro);
// Gives NULL (reported) when no rule matches.
Stx *rules_apply(Expander *x, Macro *macro, Stx *form);
// Has the macro a rule (_ template): what its name stands for where it is used as a value?
bool rules_have_name(Expander *x, Macro *macro);

#endif
