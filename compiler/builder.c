// See builder.h.
#include "compiler/builder.h"

#include "compiler/read/reader.h"
#include "compiler/syntax/stx.h"

#include "compiler/syntax/iface.h"
#include "vm/base/mem.h"
#include "vm/plat/plat.h"

#include <string.h>
#include <unistd.h>

// ---- small texts --------------------------------------------------------------------------------------

static char *keep(const char *text, size_t size)
{
    char *copy = mem_must_alloc(MEM_COMPILER, size + 1);

    memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static void drop(char *text)
{
    if (text) mem_free(MEM_COMPILER, text, strlen(text) + 1);
}

// The folder part of a path, without a final slash but for "/"; "" for the current one.
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) return keep("", 0);
    return keep(path, slash == path ? 1 : (size_t)(slash - path));
}

// ---- finding ------------------------------------------------------------------------------------------

static bool is_reserved(const char *name)
{
    return strncmp(name, "std.", 4) == 0 || strncmp(name, "scheme.", 7) == 0 ||
           strncmp(name, "srfi.", 5) == 0;
}

static bool find_in_stdlib(Builder *b, const char *name, const uint8_t **interface, size_t *size)
{
    for (uint32_t i = 0; i < b->stdlib.module_count; i++) {
        ModuleView m;
        const char *why;
        size_t have;
        if (!image_module(&b->stdlib, i, &m, &why)) continue;
        const char *text = image_text(&m, m.head->name, &have);
        if (!text || have != strlen(name) || memcmp(text, name, have) != 0) continue;
        *interface = m.interface;
        *size = m.interface_bytes;
        driver_note_interface(&b->driver, name, m.head->interface);
        return true;
    }
    return false;
}

// Puts FOLDER/a/b.eta into b->text; true when there is such a file.
static bool try_folder(Builder *b, const char *folder, const char *name)
{
    buf_clear(&b->text);
    if (*folder) {
        buf_text(&b->text, folder);
        if (folder[strlen(folder) - 1] != '/') buf_text(&b->text, "/");
    }
    for (const char *c = name; *c; c++) {
        buf_u8(&b->text, *c == '.' ? '/' : (uint8_t)*c);
    }
    buf_text(&b->text, ".eta");
    if (b->text.failed) return false;
    const char *path = buf_cstr(&b->text);
    if (access(path, F_OK) == 0) return true;
    buf_printf(&b->why, "%s%s", b->why.size > 0 ? ", " : "not found as ", path);
    return false;
}

static const char *root_known(const Builder *b, const char *path)
{
    for (size_t i = 0; path && i < b->file_count; i++) {
        if (strcmp(b->files[i].path, path) == 0) return b->files[i].root;
    }
    return NULL;
}

static const char *root_of(const Builder *b, const char *importer)
{
    const char *root = root_known(b, importer);

    if (root) return root;
    return b->program_root ? b->program_root : "";
}

// The folder in which the module's file is, its path in b->text; NULL: none.
static const char *find_file(Builder *b, const char *name, const char *importer)
{
    const char *root = root_of(b, importer);

    if (try_folder(b, root, name)) return root;
    if (b->program_root && strcmp(b->program_root, root) != 0 && try_folder(b, b->program_root, name))
        return b->program_root;
    for (size_t i = 0; i < b->folder_count; i++) {
        if (try_folder(b, b->folders[i], name)) return b->folders[i];
    }
    return NULL;
}

static ModuleFound find(void *context, const char *name, const char *importer, const char **path,
                        const uint8_t **interface, size_t *interface_size, const char **why)
{
    Builder *b = context;
    bool reserved = is_reserved(name);

    *why = NULL;
    if (b->loaded) {
        ContentHash hash;
        *interface = b->loaded(b->loaded_context, name, interface_size, &hash);
        if (*interface) driver_note_interface(&b->driver, name, hash);
        if (*interface) return FOUND_INTERFACE;
    }
    if (reserved && find_in_stdlib(b, name, interface, interface_size)) return FOUND_INTERFACE;
    buf_clear(&b->why);
    if (!reserved || importer) {
        if (find_file(b, name, importer)) {
            *path = buf_cstr(&b->text);
            return FOUND_SOURCE;
        }
    }
    if (find_in_stdlib(b, name, interface, interface_size)) return FOUND_INTERFACE;
    *why = buf_cstr(&b->why);
    return FOUND_NOTHING;
}

// ---- imported files -----------------------------------------------------------------------------------

static BuiltFile *add_file(Builder *b, const char *path, const char *root)
{
    if (b->file_count == b->file_capacity) {
        size_t more = b->file_capacity ? b->file_capacity * 2 : 16;
        b->files = mem_must_realloc(MEM_COMPILER, b->files, b->file_capacity * sizeof *b->files,
                                    more * sizeof *b->files);
        b->file_capacity = more;
    }
    BuiltFile *f = &b->files[b->file_count++];
    *f = (BuiltFile){.path = keep(path, strlen(path)), .root = keep(root, strlen(root))};
    return f;
}

static const Source *read_source(Builder *b, const char *path)
{
    const char *why;
    size_t where;
    const Source *source = session_source(&b->driver.session, path, &why, &where);

    if (source) return source;
    if (where > 0) {
        diag_at(&b->diag, DIAG_ERROR, SPAN_NONE, "%s: %s (byte %zu)", path, why, where);
    } else {
        diag_at(&b->diag, DIAG_ERROR, SPAN_NONE, "%s: %s", path, why);
    }
    return NULL;
}

// Where a file stands in the list says which root it has while it is compiled; when it is done it moves
// behind those that it imported, so that the list is in the order of loading.
static bool require(void *context, Compiler *c, const char *name, const char *path)
{
    Builder *b = context;
    Buf image = BUF_INIT;

    char *own_path = keep(path, strlen(path));
    size_t name_size = strlen(name) + strlen(".eta"), path_size = strlen(path);
    size_t root_size = path_size - MIN(name_size, path_size);
    char *root = keep(path, root_size > 1 ? root_size - 1 : root_size);
    size_t at = b->file_count;
    add_file(b, own_path, root);
    const Source *source = read_source(b, own_path);
    uint32_t objects = c->objects; // of what imports the file
    c->objects = 0;
    bool ok = source && compile_source(&b->driver, source, NULL, &image);
    c->objects = objects;
    BuiltFile done = b->files[at];
    memmove(&b->files[at], &b->files[at + 1], (b->file_count - at - 1) * sizeof *b->files);
    done.image = image;
    b->files[b->file_count - 1] = done;
    drop(own_path);
    drop(root);
    return ok;
}

// ---- programs -----------------------------------------------------------------------------------------

typedef struct {
    Builder *builder;
    const char *path;
    const char *text; // NULL: the file's
    size_t size;
    const CompileOptions *options;
    Buf *image;
    bool ok;
} BuildJob;

static void *run_job(void *argument)
{
    BuildJob *job = argument;
    Builder *b = job->builder;

    if (job->text) {
        Source source;
        source_init(&source, job->path, job->text, job->size);
        job->ok = compile_source(&b->driver, &source, job->options, job->image);
        source_free(&source);
    } else {
        const Source *source = read_source(b, job->path);
        job->ok = source && compile_source(&b->driver, source, job->options, job->image);
    }
    return NULL;
}

static bool run_deep(BuildJob *job)
{
    PlatThread *t = NULL;

    for (size_t bytes = BUILDER_STACK_BYTES; !t && bytes >= (size_t)8 << 20; bytes /= 2) {
        t = plat_thread_start(run_job, job, bytes, "eta-compiler");
    }
    if (t) {
        plat_thread_join(t);
    } else {
        diag_at(&job->builder->diag, DIAG_ERROR, SPAN_NONE, "no thread can be started to compile");
    }
    return job->ok;
}

bool builder_compile_file(Builder *b, const char *path, const CompileOptions *options, Buf *image)
{
    BuildJob job = {.builder = b, .path = path, .options = options, .image = image};

    builder_set_program(b, path);
    return run_deep(&job);
}

bool builder_compile_text(Builder *b, const char *name, const char *text, size_t size,
                          const CompileOptions *options, Buf *image)
{
    BuildJob job = {.builder = b, .path = name, .text = text, .size = size, .options = options,
                    .image = image};

    return run_deep(&job);
}

// ---- new versions -------------------------------------------------------------------------------------

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && memcmp(text + n - k, end, k) == 0;
}

// The folder that a module's file was found in: its path without a/b.eta. A file of another name is in
// the folder of the program.
static char *root_of_file(const char *module, const char *path)
{
    Buf tail = BUF_INIT;

    for (const char *c = module; *c; c++) {
        buf_u8(&tail, *c == '.' ? '/' : (uint8_t)*c);
    }
    buf_text(&tail, ".eta");
    char *root;
    if (!ends_with(path, buf_cstr(&tail))) {
        root = folder_of(path);
    } else {
        size_t n = strlen(path) - tail.size;
        while (n > 1 && path[n - 1] == '/') {
            n--;
        }
        root = keep(path, n);
    }
    buf_free(&tail);
    return root;
}

// Puts the interfaces back that there were. What was compiled for others on the way stays.
static void put_back(Builder *b, ReplacedModules *replaced, Interfaces *before)
{
    Compiler *c = &b->driver.session;

    for (size_t i = 0; i < replaced->count; i++) {
        iface_restore(c, replaced->items[i].name, replaced->items[i].iface);
    }
    driver_restore_interfaces(&b->driver, before);
    mem_free(MEM_COMPILER, replaced->items, replaced->capacity * sizeof *replaced->items);
}

bool builder_reload(Builder *b, const char *module, const char *path, Buf *image)
{
    BuildJob job = {.builder = b, .image = image};
    const char *found = path && access(path, F_OK) == 0 ? path : NULL;

    diag_free(&b->diag);
    diag_init(&b->diag);
    buf_clear(&b->why);
    b->next = NULL;
    if (!found && find_file(b, module, NULL)) found = buf_cstr(&b->text);
    if (!found) {
        diag_at(&b->diag, DIAG_ERROR, SPAN_NONE, "there is no source of module %s (%s)", module,
                b->why.size > 0 ? buf_cstr(&b->why) : "its image names none");
        return false;
    }
    // Imports of the file are looked for where it is. It has no image of its own to be loaded.
    char *own_path = keep(found, strlen(found)), *root = root_of_file(module, found);
    if (!root_known(b, own_path)) add_file(b, own_path, root);
    drop(root);
    job.path = own_path;
    Compiler *c = &b->driver.session;
    Sym *name = sym_named(c, module);
    struct Iface *known = iface_known(c, name);
    Interfaces *before = driver_copy_interfaces(&b->driver);
    ReplacedModules replaced = {0};
    b->driver.session.replaced = &replaced;
    bool ok = run_deep(&job);
    b->driver.session.replaced = NULL;
    drop(own_path);
    if (ok) {
        b->next = iface_known(c, name);
        b->next_hash = driver_interface(&b->driver, module);
    }
    iface_restore(c, name, known);
    put_back(b, &replaced, before);
    return ok;
}

void builder_reloaded(Builder *b, const char *module, bool loaded)
{
    Compiler *c = &b->driver.session;

    if (loaded && b->next) {
        iface_restore(c, sym_named(c, module), b->next);
        driver_note_interface(&b->driver, module, b->next_hash);
        c->reloads++;
    }
    b->next = NULL;
}

// ---- set-up -------------------------------------------------------------------------------------------

static void start(Builder *b)
{
    b->host = (CompilerHost){.context = b, .find = find, .require = require};
    diag_init(&b->diag);
    driver_init(&b->driver, &b->host, &b->diag, false);
}

void builder_init(Builder *b, const void *stdlib, size_t stdlib_size)
{
    const char *why;

    memset(b, 0, sizeof *b);
    start(b);
    if (!image_open(&b->stdlib, stdlib, stdlib_size, true, &why))
        diag_at(&b->diag, DIAG_ERROR, SPAN_NONE, "standard library: %s", why);
}

static void stop(Builder *b)
{
    driver_free(&b->driver);
    diag_free(&b->diag);
    for (size_t i = 0; i < b->file_count; i++) {
        drop(b->files[i].path);
        drop(b->files[i].root);
        buf_free(&b->files[i].image);
    }
    mem_free(MEM_COMPILER, b->files, b->file_capacity * sizeof *b->files);
    b->files = NULL;
    b->file_count = b->file_capacity = b->files_loaded = 0;
    buf_free(&b->text);
    buf_free(&b->why);
}

void builder_reset(Builder *b)
{
    stop(b);
    start(b);
}

void builder_set_program(Builder *b, const char *path)
{
    drop(b->program_root);
    b->program_root = strcmp(path, "-") == 0 ? keep("", 0) : folder_of(path);
}

void builder_free(Builder *b)
{
    stop(b);
    for (size_t i = 0; i < b->folder_count; i++) {
        drop(b->folders[i]);
    }
    mem_free(MEM_COMPILER, b->folders, b->folder_count * sizeof *b->folders);
    drop(b->program_root);
}

void builder_add_folders(Builder *b, const char *folders)
{
    while (*folders) {
        size_t n = strcspn(folders, ":");
        if (n > 0) {
            b->folders = mem_must_realloc(MEM_COMPILER, b->folders, b->folder_count * sizeof(char *),
                                          (b->folder_count + 1) * sizeof(char *));
            b->folders[b->folder_count++] = keep(folders, n);
        }
        folders += n + (folders[n] == ':');
    }
}
