// Shared by the files of vm/code.
#ifndef VM_CODE_CODE_INT_H
#define VM_CODE_CODE_INT_H

#include "vm/code/code.h"

// Modules by address.
typedef struct ModuleMap {
    struct ModuleMap *older; // replaced ones, freed at the end
    uint32_t capacity;
    _Atomic uint32_t count;
    LoadedModule *_Atomic modules[];
} ModuleMap;

// An image whose modules wait to be imported.
typedef struct Library {
    struct Library *next;
    ImageView view;
    bool trusted;
} Library;

// Under the lock.
MUST_USE bool code_map_add(CodeSpace *cs, LoadedModule *m);
// m lies where `purged` lay.
void code_map_replace(CodeSpace *cs, const LoadedModule *purged, LoadedModule *m);
void code_map_free(CodeSpace *cs);

// Decodes the module's literals into SHARED. False when they are damaged or memory is out.
MUST_USE bool literals_load(CodeSpace *cs, LoadedModule *m);

// The cell of (module, name), made unbound when it is new. Under the lock; NULL without memory.
Cell *cell_intern(CodeSpace *cs, LoadedModule *module, Value name, uint32_t flags);
Cell *cell_lookup(CodeSpace *cs, Value module, Value name); // under the lock
// A cell that is not in the table, for a variable of a version that is being staged.
Cell *cell_stage(CodeSpace *cs, LoadedModule *m, Value name, uint32_t flags);
// Puts a staged cell into the table.
MUST_USE bool cell_promote(CodeSpace *cs, Cell *c);

// ---- link.c, for reload.c; under the lock ----------------------------------------------------------

typedef struct {
    CodeSpace *cs;
    RunList *list;
    char *why;
    size_t why_size;
    unsigned depth; // of imports
    bool staging;
} Link;

bool link_refuse(Link *l, const ModuleView *v, const char *what);
LoadedModule *link_find(CodeSpace *cs, Value name); // the current version
LoadedModule *link_module(Link *l, const ModuleView *v, bool trusted);

#endif
