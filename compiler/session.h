// A compilation session: interned names, the modules known so far, and what the host provides.
//
// A session serves a whole run of the compiler or a whole REPL. It is not thread-safe: the owner
// uses it from one thread at a time (the REPL holds a lock).
//
// Two arenas. `permanent` holds what outlives a unit: names, Globals, interfaces, macros. `unit`
// holds everything else (syntax, core trees, local scopes) and is emptied after each unit, so that
// a REPL or a program that calls eval a million times does not grow but by what it defines.
//
// Units nest: when an import needs another file compiled first, host->require begins a unit of its
// own inside the one that waits. unit_begin sets the outer unit's arena and scope tables aside,
// unit_end releases the inner ones and puts the outer ones back, so neither can touch the other's.
#ifndef COMPILER_SESSION_H
#define COMPILER_SESSION_H

#include "compiler/arena.h"
#include "compiler/core/core.h"
#include "compiler/diag.h"

typedef struct Compiler Compiler;

typedef enum {
    FOUND_NOTHING,  // no such module anywhere; *why lists where was looked
    FOUND_SOURCE,   // source_path names the file
    FOUND_INTERFACE // interface bytes of a compiled module
} ModuleFound;

typedef struct {
    void *context;
    // Finds a module that the session does not know yet, for an import in `importer` (a path; NULL
    // at the REPL). Name in dotted form ("std.actor", "srfi.1"). The bytes must live as long as the
    // session.
    ModuleFound (*find)(void *context, const char *name, const char *importer, const char **path,
                        const uint8_t **interface, size_t *interface_size, const char **why);
    // Compiles the file that find has named, in a unit of its own, so that the session knows module
    // `name` afterwards (iface_find). False: it could not; the reason is in c->diag. May be NULL.
    bool (*require)(void *context, Compiler *c, const char *name, const char *path);
    // Case-folds UTF-8 text for #!fold-case into `out`. NULL: only ASCII letters fold.
    void (*fold_case)(void *context, const char *text, size_t size, Buf *out);
} CompilerHost;

struct Compiler {
    Arena permanent;
    Arena unit;
    const CompilerHost *host;
    Diag *diag;
    bool privileged; // compiling the standard library: %names are primitives, no default names
    Sym *defaults;   // module whose exports every script and `module` sees; NULL when privileged
    Sym *kernel;     // module of the procedures that derived forms expand into ("std.kernel")
    struct SymTable *symbols;
    struct Expander *expander; // scopes, bindings, module registry
    uint32_t next_var_id;      // of the unit
    uint32_t units;            // nesting of unit_begin
    uint32_t objects;          // #!object-0 to #!object-(n-1) stand for objects that the VM holds
    uint32_t reloads;          // new versions that modules have got
    struct ReplacedModules *replaced; // not NULL: the outermost file's modules may be known already
};

// Interfaces that the compilation of a new version has taken the place of; see builder_reload.
typedef struct {
    Sym *name;
    struct Iface *iface;
} ReplacedModule;

typedef struct ReplacedModules {
    ReplacedModule *items;
    size_t count, capacity;
} ReplacedModules;

// What unit_begin sets aside of the outer unit.
typedef struct {
    Arena unit;
    uint32_t next_var_id;
} UnitFrame;

// Nothing is compiled, and no defaults or kernel module is loaded, before the first unit begins.
void session_init(Compiler *c, const CompilerHost *host, Diag *diag);
void session_free(Compiler *c);

void unit_begin(Compiler *c, UnitFrame *frame);
void unit_end(Compiler *c, UnitFrame *frame);

// Reads a file that lives as long as the session (included texts; spans point into them).
MUST_USE const Source *session_source(Compiler *c, const char *path, const char **why,
                                      size_t *where);

Sym *sym_intern(Compiler *c, const char *text, size_t size);
static inline Sym *sym_named(Compiler *c, const char *text)
{
    return sym_intern(c, text, __builtin_strlen(text));
}

#endif
