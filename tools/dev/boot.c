// The first compiler: compiles the standard library to one image, before there is a VM to run it.
//
//     boot ROOT OUTPUT [--alone] FILE ...
//
// Modules are looked for under ROOT only; %names are primitives. With --alone the image holds the FILEs
// only, without what else they import: a test that calls primitives by name, for a VM that has the library.
#include "compiler/compile.h"
#include "compiler/syntax/iface.h"
#include "vm/base/mem.h"
#include "vm/image/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <unistd.h>

#define FILES_MAX 1000

typedef struct {
    Driver driver;
    Diag diag;
    const char *root;
    Buf images[FILES_MAX];
    char *paths[FILES_MAX];
    size_t count;
    char path[4096];
    int argc;
    char **argv;
    bool alone;
    int status;
} Boot;

static bool compile_file(Boot *b, const char *path)
{
    const char *why;
    size_t where;

    for (size_t i = 0; i < b->count; i++) {
        if (!strcmp(b->paths[i], path)) return true;
    }
    const Source *source = session_source(&b->driver.session, path, &why, &where);
    if (!source) {
        fprintf(stderr, "%s: %s\n", path, why);
        return false;
    }
    Buf image = BUF_INIT;
    bool ok = compile_source(&b->driver, source, NULL, &image);
    if (!ok || b->count == FILES_MAX) {
        buf_free(&image);
        return false;
    }
    b->paths[b->count] = strdup(path);
    b->images[b->count++] = image;
    return true;
}

static ModuleFound find(void *context, const char *name, const char *importer, const char **path,
                        const uint8_t **interface, size_t *interface_size, const char **why)
{
    Boot *b = context;

    (void)importer, (void)interface, (void)interface_size;
    snprintf(b->path, sizeof b->path, "%s/%s.eta", b->root, name);
    for (char *p = b->path + strlen(b->root); *p; p++) {
        if (*p == '.' && strcmp(p, ".eta") != 0) *p = '/';
    }
    *path = b->path;
    *why = "no such file in the standard library";
    return access(b->path, R_OK) == 0 ? FOUND_SOURCE : FOUND_NOTHING;
}

static bool require(void *context, Compiler *c, const char *name, const char *path)
{
    char copy[4096];

    (void)c, (void)name;
    snprintf(copy, sizeof copy, "%s", path);
    return compile_file(context, copy);
}

static bool write_file(const char *path, const Buf *b)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(b->data, 1, b->size, f) == b->size;
    return f && fclose(f) == 0 && ok;
}

static bool is_listed(const Boot *b, const char *path)
{
    for (int i = 4; i < b->argc; i++) {
        if (!strcmp(b->argv[i], path)) return true;
    }
    return false;
}

static bool write_images(Boot *b, const char *path)
{
    static ImageView views[FILES_MAX];
    Buf merged = BUF_INIT;
    const char *why;
    uint32_t n = 0;
    bool ok = true;

    for (size_t i = 0; ok && i < b->count; i++) {
        if (b->alone && !is_listed(b, b->paths[i])) continue;
        ok = image_open(&views[n++], b->images[i].data, b->images[i].size, false, &why);
    }
    ok = ok && image_merge(&merged, views, n) && write_file(path, &merged);
    buf_free(&merged);
    return ok;
}

static void verify_images(Boot *b)
{
    char why[160];
    const char *bad;

    for (size_t i = 0; i < b->count; i++) {
        ImageView view;
        ModuleView module;
        if (!image_open(&view, b->images[i].data, b->images[i].size, false, &bad)) continue;
        for (uint32_t j = 0; j < view.module_count; j++) {
            if (image_module(&view, j, &module, &bad) && image_verify(&module, why, sizeof why))
                continue;
            fprintf(stderr, "%s: %s\n", b->paths[i], why);
            b->status = 1;
        }
    }
}

static void *run(void *argument)
{
    Boot *b = argument;
    CompilerHost host = {.context = b, .find = find, .require = require};

    diag_init(&b->diag);
    driver_init(&b->driver, &host, &b->diag, true);
    for (int i = b->alone ? 4 : 3; i < b->argc; i++) {
        if (!compile_file(b, b->argv[i])) b->status = 1;
    }
    fputs(buf_cstr(&b->diag.text), stderr);
    if (b->status == 0) verify_images(b);
    if (b->status == 0 && !write_images(b, b->argv[2])) {
        fprintf(stderr, "%s: cannot be written\n", b->argv[2]);
        b->status = 1;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static Boot b;
    pthread_attr_t attributes;
    pthread_t thread;

    b.alone = argc > 4 && strcmp(argv[3], "--alone") == 0;
    if (argc < 4) {
        fprintf(stderr, "usage: boot ROOT OUTPUT [--alone] FILE ...\n");
        return 2;
    }
    b.root = argv[1];
    b.argc = argc;
    b.argv = argv;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, (size_t)256 << 20);
    if (pthread_create(&thread, &attributes, run, &b) != 0) return 1;
    pthread_join(thread, NULL);
    return b.status;
}
