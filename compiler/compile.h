// The compiler in one call: source text in, image bytes or diagnostics out.
//
// The driver owns a session. Imports of other files make the session ask its host, which compiles them
// (compile_file again) and keeps their images: they come before the image of what imports them.
#ifndef COMPILER_COMPILE_H
#define COMPILER_COMPILE_H

#include "compiler/session.h"
#include "compiler/syntax/expand.h"
#include "vm/image/image.h"

typedef enum {
    DUMP_NOTHING,
    DUMP_EXPAND, // core as the expander made it
    DUMP_SIMPLE, // after simplification
    DUMP_CORE,   // after the last pass
} DumpStage;

typedef struct {
    DumpStage stage;
    Buf *out; // where a dump goes
} CompileOptions;

// Interfaces by module name, for the hashes that images note of what they import. One per session.
typedef struct Interfaces Interfaces;

typedef struct {
    Compiler session;
    Interfaces *interfaces;
} Driver;

void driver_init(Driver *d, const CompilerHost *host, Diag *diag, bool privileged);
void driver_free(Driver *d);

// Compiles a whole file into an image of its modules. False after errors; warnings alone are fine.
MUST_USE bool compile_source(Driver *d, const Source *source, const CompileOptions *options,
                             Buf *image);

// Compiles data read from `source` as the next forms of the interactive module `module`. `forms` is
// made by the caller's reader inside `unit_begin`/`unit_end`.
MUST_USE bool compile_forms(Driver *d, const char *module, Stx *forms, const OpenInput *in,
                            Buf *image);

// The hashes as they are now, and as they were again. Frees the copy.
Interfaces *driver_copy_interfaces(const Driver *d);
void driver_restore_interfaces(Driver *d, Interfaces *copy);
void interfaces_free(Interfaces *i);

// Of a module that has been compiled or noted; zero for others.
ContentHash driver_interface(const Driver *d, const char *module);
// The hash of a module's interface, as images name it: to be told when one comes from an image.
void driver_note_interface(Driver *d, const char *module, ContentHash hash);

#endif
