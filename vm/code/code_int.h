// Shared by the files of vm/code.
#ifndef VM_CODE_CODE_INT_H
#define VM_CODE_CODE_INT_H

#include "vm/code/code.h"

// Modules by address.
typedef struct ModuleMap {
    struct ModuleMap *older; // replaced ones, freed at the end
    uint32_t capacity;
    _Atomic uint32_t count;
    LoadedModule *modules[];
} ModuleMap;

// An image whose modules wait to be imported.
typedef struct Library {
    struct Library *next;
    ImageView view;
    bool trusted;
} Library;

// Under the lock.
MUST_USE bool code_map_add(CodeSpace *cs, LoadedModule *m);
void code_map_free(CodeSpace *cs);

// Decodes the module's literals into SHARED. False when they are damaged or memory is out.
MUST_USE bool literals_load(CodeSpace *cs, LoadedModule *m);

// The cell of (module, name), made unbound when it is new. Under the lock; NULL without memory.
Cell *cell_intern(CodeSpace *cs, LoadedModule *module, Value name, uint32_t flags);
Cell *cell_lookup(CodeSpace *cs, Value module, Value name); // under the lock

#endif
