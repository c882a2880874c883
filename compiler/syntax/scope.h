// Scopes, sets of scopes, and bindings.
//
// Model ("Binding as Sets of Scopes", Flatt, POPL 2016). Every identifier carries a set of scopes.
// A binding is a triple (name, set, meaning); a reference means the binding of its name with the
// largest set that is a subset of its own. Each module has a scope, each binding form makes one,
// and each macro use makes one that only what the template introduces gets. A macro that is used in
// the very body that defines it also gets a use-site scope on its operands, which definitions of
// that body take off again (section 3.5 of the paper).
//
// Numbers. A scope is a 32-bit number. Those with UNIT_BIT are local to the unit and vanish with
// it; the others belong to modules and stay. Scopes made later have larger numbers, and unit scopes
// are larger than permanent ones. A set is a list of scopes, newest first, interned: equal sets
// have equal numbers, and adding a newer scope makes one node. Set 0 is empty. The same bit tells
// permanent sets from those of the unit.
//
// Invariants:
//
// [X1] A set node's scope is larger than every scope of its parent; the parent of a permanent
//      node is permanent. Checked where nodes are made, in set_make.
//
// [X2] Permanent data (Iface, sealed Macro, Global) never point into a unit's arena.
//
// [X3] At most one scope of a set is the scope of a module: syntax gets it when it is read, and
//      nothing adds another. Names that are found nowhere else are looked up as that module's.
//
// [X4] Stx nodes are shared; only `pending` and what pushing it replaces ever change in one.
#ifndef COMPILER_SYNTAX_SCOPE_H
#define COMPILER_SYNTAX_SCOPE_H

#include "compiler/syntax/expand.h"
#include "compiler/syntax/iface.h"
#include "vm/base/check.h"

typedef struct Expander Expander;
typedef struct Macro Macro;
typedef struct Rules Rules;
typedef struct ModuleState ModuleState;

#define UNIT_BIT 0x80000000u

// A growing array in an arena; outgrown blocks stay behind until the arena goes.
typedef struct {
    void **items;
    uint32_t count, capacity;
} PtrVec;
void vec_push(Arena *a, PtrVec *v, void *item);

// ---- what names mean ----------------------------------------------------------------------------

typedef enum {
#define FORM(id, name, expression, definition) FORM_##id,
#include "compiler/syntax/forms.def"
    FORM_COUNT
} FormId;

typedef enum {
    BIND_FORM, // a core form (forms.def)
    BIND_MACRO,
    BIND_LOCAL,
    BIND_GLOBAL,
    BIND_BROKEN, // something whose definition was reported as an error: uses are silent
} BindKind;

// What a name means, the same object however the name got here: two identifiers mean the same when
// they resolve to one Binding.
typedef struct {
    uint8_t kind;
    union {
        uint32_t form;
        Macro *macro;
        Var *var;
        Global *global;
    } u;
} Binding;

struct Macro {
    Binding binding;
    Sym *name;      // for messages; of a sealed macro unique in its module
    Iface *home;    // NULL: local
    uint32_t frame; // the definition context that defines it
    bool sealed;    // its rules are `bytes`; decoded syntax and compiled rules are permanent
    bool damaged;
    Span span;
    Stx *spec;    // the operands of syntax-rules
    Rules *rules; // compiled, NULL until first used
    const uint8_t *bytes;
    size_t size;
};

typedef enum { ENTRY_PARAMETER, ENTRY_DEFINED, ENTRY_IMPORTED } EntryOrigin;

// One binding in the unit's table.
typedef struct Entry {
    Sym *symbol;
    uint32_t set;
    uint32_t scope; // the newest of the set; 0 for the empty set
    uint8_t origin;
    Iface *owner;     // the module whose top level this is; NULL: local
    Binding *binding; // of an import NULL until first wanted: see entry_binding
    Iface *from;      // ENTRY_IMPORTED: out of which module, under which name
    Sym *from_name;
    Span span;
    struct Entry *next;  // in the same slot
    struct Entry *older; // the one made before
} Entry;

// ---- scopes and sets ---------------------------------------------------------------------------

typedef struct {
    uint32_t parent, scope;
    uint32_t size;
    uint32_t permanent; // the permanent part of this set
    Iface *module;      // whose scope is among them
} SetNode;

typedef struct {
    SetNode *nodes; // [0] is the empty set
    uint32_t count, capacity;
    uint32_t *slots; // node numbers, 0 free
    uint32_t slot_count;
} SetTable;

// A permanent scope: number 0 is the module's own, others were made by macros of the module.
typedef struct {
    Iface *owner;
    uint32_t number;
} ScopeInfo;

typedef struct {
    Sym *symbol;
    uint32_t set, version;
    uint32_t epoch;
    Binding *binding;
} Resolved;

typedef struct {
    uint32_t a, b, result;
} Joined;

#define RESOLVED_COUNT 4096
#define JOINED_COUNT   1024

// A macro use whose result is being expanded.
typedef struct Expansion {
    const Macro *macro;
    Span use;
    uint32_t count; // of this chain
    const struct Expansion *outer;
    const struct Expansion *outermost; // of the chain: the use in the text
} Expansion;

// Where expansion is.
typedef struct {
    uint32_t frame;    // definition context: the scope of the innermost body or the module's
    uint32_t depth;    // nested forms
    uint32_t includes; // nested include forms
    const Expansion *expansion;
} Where;

// What a unit that waits for another one was doing (see the fields of Expander).
typedef struct {
    ModuleState *module;
    Where where;
    bool fatal;
    uint64_t nodes;
    uint32_t suggestions;
} Running;

// Scopes, sets and bindings of one unit. Kept for the next unit when it ends.
typedef struct UnitScopes {
    struct UnitScopes *outer; // or the next idle one
    uint32_t epoch;           // tells this unit's resolutions from others'
    SetTable sets;
    uint32_t *use_site; // by unit scope: the frame it is a use-site scope of, else 0
    uint32_t *promoted; // by unit scope: the permanent scope that stands for it, else 0
    uint32_t scope_count, scope_capacity;
    Entry **slots;
    uint32_t slot_count, entry_count;
    Entry *newest;
    PtrVec files;    // FileModule: `module` forms of the file, see library.c
    PtrVec done;     // Module, in the order of completion
    Running waiting; // what the outer unit was doing
    Resolved resolved[RESOLVED_COUNT];
    Joined joined[JOINED_COUNT];
} UnitScopes;

// ---- scope.c -----------------------------------------------------------------------------------

void sets_init(SetTable *t);
void sets_free(SetTable *t);
const SetNode *set_node(const Expander *x, uint32_t set);
uint32_t set_add(Expander *x, uint32_t set, uint32_t scope);
uint32_t set_join(Expander *x, uint32_t a, uint32_t b);
bool set_within(const Expander *x, uint32_t part, uint32_t whole);
// Without the use-site scopes of a definition context.
uint32_t set_without_use_sites(Expander *x, uint32_t set, uint32_t frame);
// The permanent set for a set of the unit; scopes that have no permanent one yet get one of
// `owner`.
uint32_t set_promote(Expander *x, uint32_t set, Iface *owner);

uint32_t scope_new(Expander *x);
uint32_t scope_new_use_site(Expander *x, uint32_t frame);
// The permanent scope of a number of a module.
uint32_t scope_of_module(Expander *x, Iface *iface, uint32_t number);

void scopes_enter_unit(Expander *x);
void scopes_leave_unit(Expander *x);
void scopes_free(Expander *x);

// ---- binding.c ---------------------------------------------------------------------------------

Entry *entry_find(const Expander *x, const Sym *symbol, uint32_t set);
Entry *entry_add(Expander *x, const Stx *id, uint32_t set, Binding *binding, EntryOrigin origin);
// What an entry means; decodes an import.
Binding *entry_binding(Expander *x, Entry *entry);
// The entry of the unit that a name resolves to; NULL when its meaning comes from elsewhere.
Entry *resolve_entry(Expander *x, const Stx *id);
void entry_rebind(Entry *entry, Binding *binding, EntryOrigin origin, Span span);

// What a name means in a module that neither defines nor imports it; NULL when nothing.
Binding *default_binding(Expander *x, const Iface *module, Sym *symbol);
// NULL when the name is not bound. Reports an ambiguous one.
Binding *resolve(Expander *x, const Stx *id);
bool resolves_to_form(Expander *x, Stx *stx, FormId form);
// A literal of a form, such as else: bound to it, or bound to nothing and spelled so.
bool is_auxiliary(Expander *x, Stx *stx, FormId form);

// A local variable for an identifier that has its scope already; NULL (reported) when the scope has
// one of that name.
Var *bind_local(Expander *x, Stx *id, const char *what);
Var *var_new(Expander *x, Sym *name, Span span);
Binding *binding_of_var(Expander *x, Var *var);
Binding *binding_of_global(Global *g);
Global *global_of(Expander *x, Sym *module, Sym *name);
// Which module's, and under what name there.
void binding_identity(const Expander *x, const Binding *b, Sym **module, Sym **name);
const char *form_name(FormId form);

#endif
