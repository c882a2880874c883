// etac: the compiler as a program.
#include "compiler/builder.h"
#include "vm/base/mem.h"
#include "vm/plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const uint8_t eta_stdlib_image[], eta_stdlib_image_end[];

static const char usage[] =
    "usage: etac [OPTION ...] FILE.eta\n"
    "\n"
    "Compiles a program to an image that etai runs.\n"
    "\n"
    "  -o FILE        write the image to FILE (default: FILE.etac beside the source)\n"
    "  --check        only report what is wrong\n"
    "  --disasm       print the code instead of writing an image\n"
    "  --dump-expand  print the program after expansion\n"
    "  --dump-core    print the program as the code generator gets it\n"
    "  --path DIR     look for imported modules in DIR too (also ETA_MODULE_PATH)\n"
    "  --help         print this\n"
    "  --version      print the version\n";

typedef enum { WRITE_IMAGE, CHECK_ONLY, DISASSEMBLE, DUMP } Action;

typedef struct {
    Action action;
    DumpStage stage;
    const char *source, *output;
} Options;

static int bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "etac: %s%s%s\n%s", what, which ? ": " : "", which ? which : "", usage);
    return 2;
}

// ---- output -------------------------------------------------------------------------------------

static int write_all(int fd, const Buf *image)
{
    const uint8_t *at = image->data, *end = at + image->size;

    while (at < end) {
        ssize_t n = write(fd, at, (size_t)(end - at));
        if (n < 0 && errno != EINTR) return errno;
        if (n > 0) at += n;
    }
    return 0;
}

// A device or a pipe is written to; nothing may take its place.
static int write_into(const char *path, const Buf *image)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : write_all(fd, image);

    if (fd >= 0 && close(fd) != 0 && !error) error = errno;
    return error;
}

// Writes beside the target and renames: a reader never sees half an image, a full disk leaves the
// old one.
static int write_beside(const char *path, const Buf *image)
{
    size_t size = strlen(path) + 32;
    char *temporary = mem_must_alloc(MEM_IO, size);

    snprintf(temporary, size, "%s.%ld.tmp", path, (long)getpid());
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    int error = fd < 0 ? errno : write_all(fd, image);
    if (fd >= 0 && close(fd) != 0 && !error) error = errno;
    if (!error && rename(temporary, path) != 0) error = errno;
    if (error && fd >= 0) unlink(temporary);
    mem_free(MEM_IO, temporary, size);
    return error;
}

static bool write_image(const char *path, const Buf *image)
{
    struct stat st;
    bool special = stat(path, &st) == 0 && !S_ISREG(st.st_mode);
    int error = special ? write_into(path, image) : write_beside(path, image);

    if (error) fprintf(stderr, "etac: %s: %s\n", path, strerror(error));
    return error == 0;
}

static bool print_text(const Buf *text)
{
    if (fwrite(text->data, 1, text->size, stdout) == text->size && fflush(stdout) == 0) return true;
    fprintf(stderr, "etac: standard output: %s\n", strerror(errno));
    return false;
}

static bool print_code(const Buf *image)
{
    Buf out = BUF_INIT;
    ImageView view;
    ModuleView module;
    const char *why;
    bool ok = image_open(&view, image->data, image->size, true, &why);

    for (uint32_t i = 0; ok && i < view.module_count; i++) {
        ok = image_module(&view, i, &module, &why);
        if (ok) image_disassemble(&out, &module);
    }
    ok = ok && print_text(&out);
    buf_free(&out);
    return ok;
}

// F.eta gives F.etac; anything else gets the ending added.
static char *default_output(const char *source)
{
    size_t n = strlen(source);
    char *path = mem_must_alloc(MEM_IO, n + 6);

    memcpy(path, source, n + 1);
    strcpy(path + (n > 4 && strcmp(path + n - 4, ".eta") == 0 ? n - 4 : n), ".etac");
    return path;
}

// ---- the program --------------------------------------------------------------------------------

static bool finish(const Options *o, const Buf *image, const Buf *text)
{
    char *made = NULL;
    bool ok = true;

    switch (o->action) {
    case CHECK_ONLY:
        break;
    case DISASSEMBLE:
        return print_code(image);
    case DUMP:
        return print_text(text);
    case WRITE_IMAGE:
        if (!o->output) made = default_output(o->source);
        ok = write_image(o->output ? o->output : made, image);
        if (made) mem_free(MEM_IO, made, strlen(o->source) + 6);
        break;
    }
    return ok;
}

static int compile(const Options *o, Builder *b)
{
    Buf image = BUF_INIT, text = BUF_INIT;
    CompileOptions options = {.stage = o->stage, .out = &text};
    const char *variable = getenv("ETA_MODULE_PATH");

    if (variable) builder_add_folders(b, variable);
    bool ok = builder_compile_file(b, o->source, &options, &image);
    fputs(buf_cstr(&b->diag.text), stderr);
    ok = ok && finish(o, &image, &text);
    buf_free(&image);
    buf_free(&text);
    return ok ? 0 : 1;
}

static int parse(int argc, char **argv, Options *o, Builder *b)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(arg, "--version") == 0) {
            puts("etac " ETA_VERSION);
            return 0;
        }
        if (strcmp(arg, "-o") == 0 || strcmp(arg, "--path") == 0) {
            if (++i == argc) return bad_usage("an argument is missing after", arg);
            if (arg[1] == 'o') {
                o->output = argv[i];
            } else {
                builder_add_folders(b, argv[i]);
            }
        } else if (strcmp(arg, "--check") == 0) {
            o->action = CHECK_ONLY;
        } else if (strcmp(arg, "--disasm") == 0) {
            o->action = DISASSEMBLE;
        } else if (strcmp(arg, "--dump-expand") == 0 || strcmp(arg, "--dump-core") == 0) {
            o->action = DUMP;
            o->stage = arg[7] == 'e' ? DUMP_EXPAND : DUMP_CORE;
        } else if (arg[0] == '-' && arg[1]) {
            return bad_usage("unknown option", arg);
        } else if (o->source) {
            return bad_usage("one file at a time, not also", arg);
        } else {
            o->source = arg;
        }
    }
    if (!o->source) return bad_usage("a file is missing", NULL);
    if (strcmp(o->source, "-") == 0 && o->action == WRITE_IMAGE && !o->output)
        return bad_usage("-o is missing: standard input has no name", NULL);
    return -1;
}

int main(int argc, char **argv)
{
    static Builder b;
    Options o = {.action = WRITE_IMAGE};

    plat_guard_standard_files();
    builder_init(&b, eta_stdlib_image, (size_t)(eta_stdlib_image_end - eta_stdlib_image));
    int status = parse(argc, argv, &o, &b);
    if (status < 0) status = compile(&o, &b);
    builder_free(&b);
    return status;
}
