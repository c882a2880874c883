// Building from files: finds the modules that a program imports, compiles those that are source files,
// and keeps their images in the order in which they must be loaded.
//
// A module `a.b` is the file a/b.eta under the folder in which its importer was found (for a program:
// its own folder), then under the folders of the search path; std.*, scheme.* and srfi.* are the
// standard library's before anything else.
#ifndef COMPILER_BUILDER_H
#define COMPILER_BUILDER_H

#include "compiler/compile.h"
#include "vm/plat/plat.h"

typedef struct {
    char *path;  // of the source file
    char *root;  // folder that module names are relative to
    Buf image;   // empty while it is being compiled
} BuiltFile;

typedef struct {
    Driver driver;
    Diag diag;
    CompilerHost host;
    ImageView stdlib;
    char **folders; // search path
    size_t folder_count;
    BuiltFile *files; // imported ones, in the order of loading
    size_t file_count, file_capacity;
    size_t files_loaded; // of them, by the owner
    PlatLock lock;       // by an owner with several threads, around a compilation and what it gave
    ReplacedModules replaced; // by the new version that was compiled last
    Interfaces *before;       // hashes before that
    char *program_root; // folder of the program; NULL: the current one
    Buf text;           // of the last answer to an import
    Buf why;
} Builder;

// `stdlib`: an image that was made with this program.
void builder_init(Builder *b, const void *stdlib, size_t stdlib_size);
void builder_free(Builder *b);

// Adds a folder to the search path, or several that are separated by colons.
void builder_add_folders(Builder *b, const char *folders);

// Compiles a program from a file ("-": standard input) or from a text. On failure false; what there is
// to say, warnings included, is in b->diag.text. Uses a thread with a deep stack.
MUST_USE bool builder_compile_file(Builder *b, const char *path, const CompileOptions *options,
                                   Buf *image);
MUST_USE bool builder_compile_text(Builder *b, const char *name, const char *text, size_t size,
                                   const CompileOptions *options, Buf *image);

typedef enum {
    INPUT_COMPILED,
    INPUT_FAILED,     // what there is to say is in b->diag.text
    INPUT_INCOMPLETE, // the text ends inside a datum
    INPUT_EMPTY,      // nothing but white space and comments
} InputResult;

// Compiles what was typed at a REPL as the next forms of its module. The diagnostics of earlier inputs
// are dropped; the files that it imports come behind those that were compiled before.
MUST_USE InputResult builder_compile_input(Builder *b, const char *name, const char *text, size_t size,
                                           Buf *image);

// Compiles a new version of a module that was compiled from `path`, or, when there is no such file, that
// is found as an import of the program would be. The diagnostics of what went before are dropped. Until
// builder_reloaded is told how it ended, nothing else may be compiled.
MUST_USE bool builder_reload(Builder *b, const char *module, const char *path, Buf *image);
// loaded: later imports of the module mean the new version; else all is as it was before.
void builder_reloaded(Builder *b, const char *module, bool loaded);

// Forgets what was compiled, but not where to look for modules.
void builder_reset(Builder *b);

#endif
