// Modules as the expander keeps them: what outlives their units, and what is expanded now.
#ifndef COMPILER_SYNTAX_MODULE_H
#define COMPILER_SYNTAX_MODULE_H

#include "compiler/syntax/scope.h"

// ---- modules -----------------------------------------------------------------------------------

// A binding of a module that outlives its unit.
typedef struct PermEntry {
    Sym *symbol;
    uint32_t number; // of the newest scope of its set, in this module; 0: the module's scope
    uint32_t set;
    Binding *binding;
    bool imported;
    struct PermEntry *next; // same symbol and number
} PermEntry;

// Hash table from (Sym, number) to a pointer.
typedef struct {
    struct NameSlot {
        Sym *symbol;
        uint32_t number;
        void *value;
    } * slots;
    uint32_t count, capacity;
} NameTable;
void *names_get(const NameTable *t, const Sym *symbol, uint32_t number);
void names_put(NameTable *t, Sym *symbol, uint32_t number, void *value);
void names_free(NameTable *t);

typedef enum { IFACE_EXPANDING, IFACE_READY, IFACE_FAILED } IfaceState;

struct Iface {
    Sym *name;
    uint8_t state;
    bool open;
    uint32_t imported_at; // Compiler.reloads + 1 when an evaluation made its imports; 0: none has
    bool fixed;       // open for evaluations that define nothing
    bool closed;      // sees nothing that it does not import
    bool privileged;  // its %names may be primitives
    bool sees_core;   // the core forms are visible with the lowest priority
    Sym *defaults;    // module whose exports are visible with the next lowest; NULL: none
    uint32_t *scopes; // permanent scope of each number; 0: not made yet
    uint32_t scope_count, scope_capacity;
    uint32_t changes;          // counts what was bound in it
    uint32_t invented;         // names made up for definitions that macros introduced
    NameTable exports;         // Binding
    NameTable rows;            // PermEntry, chained
    NameTable definitions;     // Binding of a variable or macro defined here, by its unique name
    PtrVec exported;           // Sym, in order (modules of this session)
    PtrVec defined;            // Sym, in order (likewise)
    PtrVec row_order;          // PermEntry, in order
    struct IfaceBytes *loaded; // where the rest is, when it came as bytes
    struct Iface *next;        // of all
};

// The module that is being expanded.
struct ModuleState {
    struct ModuleState *outer; // the one that waits for it
    Iface *iface;
    Module *out;
    PtrVec imports;         // Sym
    PtrVec globals;         // Global
    PtrVec exports;         // Stx: operands of export forms
    PtrVec imported;        // Stx: import forms that were done before all others
    uint32_t imported_seen; // of them, by collect_import
    bool broken;            // an import failed: unbound names are no news
    bool evaluates;         // eval is to see all of its names
};

// ---- library.c, import.c -----------------------------------------------------------------------

void import_forms(Expander *x, Stx *form);
Sym *module_name(Expander *x, Stx *stx); // NULL when it is none
void module_needs(Expander *x, Sym *name);
// Expands a module of the file that is being expanded, if it has one of that name.
Iface *file_module(Expander *x, Sym *name, Span span, bool *known);
bool file_has_module(const Expander *x, const Sym *name);
void process_exports(Expander *x);

// ---- iface.c, seal.c, codec.c ------------------------------------------------------------------

Iface *iface_new(Expander *x, Sym *name);
void iface_free_all(Expander *x);
const char *importer_path(Span span);
// What a module exports under a name, NULL when nothing.
Binding *iface_exported(Expander *x, Iface *iface, Sym *name);
// What a module defines under a unique name, NULL when nothing.
Binding *iface_definition(Expander *x, Iface *iface, Sym *name);
// Bindings of a scope of the module, chained.
PermEntry *iface_row(Expander *x, Iface *iface, Sym *symbol, uint32_t number);
void iface_add_row(Expander *x, Iface *iface, Sym *symbol, uint32_t number, uint32_t set,
                   Binding *binding, bool imported);
void iface_add_export(Expander *x, Iface *iface, Sym *name, Binding *binding);
void iface_add_definition(Expander *x, Iface *iface, Sym *name, Binding *binding);
Binding *iface_target(Expander *x, Sym *module, Sym *name);

// The exported name under which eval finds what the module itself calls `name`.
Sym *inside_name(Expander *x, const Sym *name);

// Bytes of a loaded interface (iface_read.c).
Binding *loaded_export(Expander *x, Iface *iface, Sym *name);
Binding *loaded_definition(Expander *x, Iface *iface, Sym *name);
void loaded_rows(Expander *x, Iface *iface, Sym *symbol, uint32_t number);
void loaded_each_export(Expander *x, Iface *iface, bool (*each)(void *, Sym *, ExportKind),
                        void *context);

// Makes what others can reach of the module that is being expanded permanent: the exported macros
// and what they mention; of an open module everything.
void seal_module(Expander *x, ModuleState *m);
// A macro's rules as bytes, and back.
bool codec_write(Expander *x, Iface *owner, Stx *spec, Buf *out);
Stx *codec_read(Expander *x, const uint8_t *bytes, size_t size);

#endif
