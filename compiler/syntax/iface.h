// Interfaces: what a module gives to its importers. Exported names, what exported macros need, and
// the facts about its variables.
//
// The session keeps one Iface per module it knows, made by expanding the module or by loading the
// bytes that iface_write once made. Loading only looks at the header: names are found through a
// hash table inside the bytes, a binding, a macro or a variable's facts are decoded when they are
// first wanted. The bytes are not trusted: damage makes names missing or reports an error, nothing
// worse.
#ifndef COMPILER_SYNTAX_IFACE_H
#define COMPILER_SYNTAX_IFACE_H

#include "compiler/syntax/expand.h"

// The interface of a module the session knows, else NULL. Asks nobody.
Iface *iface_find(Compiler *c, Sym *module);

// The same, but asks the host for what is not known yet (and lets it compile). NULL: not to be had;
// a diagnostic at `span` says why.
Iface *iface_require(Compiler *c, Sym *module, Span span);

// Is it an interactive module? Does a module see the default names and the core forms?
bool iface_is_open(const Iface *iface);
// Were its imports made after the last new version of a module?
bool iface_is_fresh(const Compiler *c, const Iface *iface);
void iface_thaw(Iface *iface); // its imports may be made again
bool iface_sees_defaults(const Iface *iface);
// A number that changes when an interactive module binds a name.
uint32_t iface_changes(const Iface *iface);

// Makes a module known from its bytes, which must live as long as the session. False when they are
// no interface of that module.
MUST_USE bool iface_load(Compiler *c, Sym *module, const uint8_t *bytes, size_t size);

// Writes a module that this session expanded. Call it after the passes: it takes the facts
// (assigned, type, arguments, inline_core) from the Globals as they are now.
void iface_write(Compiler *c, Iface *iface, Buf *out);

// Forgets a module, so that the next import finds it anew. Globals that exist stay what they are.
void iface_forget(Compiler *c, Sym *module);

// Takes a known module's interface away, noting it in c->replaced; and puts one back (NULL: none).
void iface_replace(Compiler *c, Sym *module);
void iface_restore(Compiler *c, Sym *module, struct Iface *iface);
struct Iface *iface_known(Compiler *c, Sym *module);

// The variable a module exports under a name; NULL when it exports no such variable.
Global *iface_export(Compiler *c, Iface *iface, Sym *name);

// Calls `each` with every exported name until it gives false.
typedef enum { EXPORT_VARIABLE, EXPORT_MACRO, EXPORT_FORM } ExportKind;
void iface_each_export(Compiler *c, Iface *iface,
                       bool (*each)(void *context, Sym *name, ExportKind kind), void *context);
// The same for what a module in which eval is used offers to eval: all that its top level sees, under
// names with a mark in front.
void iface_each_inside(Compiler *c, Iface *iface,
                       bool (*each)(void *context, Sym *name, ExportKind kind), void *context);

#endif
