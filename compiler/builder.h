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
    struct Iface *next;           // of the version that builder_reload has compiled; NULL: none is awaited
    ContentHash next_hash; // of it
    char *program_root; // folder of the program; NULL: the current one
    // The interface of a module that the program has loaded; NULL: asks nobody.
    const uint8_t *(*loaded)(void *context, const char *name, size_t *size, ContentHash *hash);
    void *loaded_context;
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

// The interactive module of the REPL, and of eval's interaction-environment. No file's module can have
// this name.
#define INTERACTION_MODULE "the REPL"

// What is evaluated while the program runs: what was typed, a file that is loaded, an operand of eval.
typedef struct {
    const char *module; // an interactive one, or one in which eval is used
    const char *path;   // for messages
    const char *text;
    size_t size;
    uint32_t objects;    // named in the text
    const char *const *locals;
    uint32_t local_count; // the last of the objects are their values
    bool environment;     // the text imports what the new module shall consist of
} EvalInput;

typedef struct {
    InputResult result;
    bool changed; // names were bound: the same text may mean something else from now on
} EvalResult;

// Compiles the next forms of an interactive module. The diagnostics of earlier inputs are dropped; the
// files that it imports come behind those that were compiled before. To be called on a thread with a
// stack of BUILDER_STACK_BYTES.
#define BUILDER_STACK_BYTES ((size_t)256 << 20)
MUST_USE EvalResult builder_evaluate(Builder *b, const EvalInput *in, Buf *image);

// The folder in which modules are looked for first: that of the program.
void builder_set_program(Builder *b, const char *path);

// Compiles a new version of a module that was compiled from `path`, or, when there is no such file, that
// is found as an import of the program would be. The diagnostics of what went before are dropped. Until
// builder_reloaded is told that it is loaded, whatever is compiled meanwhile means the version that there
// was.
MUST_USE bool builder_reload(Builder *b, const char *module, const char *path, Buf *image);
// loaded: from here on imports of the module mean the new version; else it is forgotten. In one holding of
// the lock with its taking the old one's place, so that what is compiled can be linked.
void builder_reloaded(Builder *b, const char *module, bool loaded);

// Forgets what was compiled, but not where to look for modules.
void builder_reset(Builder *b);

#endif
