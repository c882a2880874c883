// etai: runs programs, from source or from images.
#include "compiler/builder.h"
#include "runtime/eval/evaluator.h"
#include "runtime/repl/reload.h"
#include "runtime/node/nodes.h"
#include "runtime/repl/repl.h"
#include "runtime/worker.h"
#include "vm/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern const uint8_t eta_stdlib_image[], eta_stdlib_image_end[];

static const char usage[] =
    "usage: etai [OPTION ...] FILE [ARGUMENT ...]\n"
    "       etai [OPTION ...] -e EXPRESSION [ARGUMENT ...]\n"
    "       etai\n"
    "\n"
    "Runs a program: a source file, an image made by etac, or - for standard input.\n"
    "Alone on a terminal it is a REPL.\n"
    "\n"
    "  -e EXPRESSION  run the text\n"
    "  --path DIR     look for imported modules in DIR too (also ETA_MODULE_PATH)\n"
    "  --worker FD    be the worker of the program that has spawned this one\n"
    "  --node NAME    what this VM is called among other ones, with --listen or --connect\n"
    "  --listen URL   other VMs can join it there: tcp://HOST:PORT (also ipc, ws, tls+tcp)\n"
    "  --connect URL  joins the VM that listens there, before the program begins\n"
    "  --cookie-file FILE  what they share (else ETA_COOKIE, else ~/.eta.cookie)\n"
    "                 Without FILE a VM that listens or has connected stays, or is a REPL.\n"
    "  --help         print this\n"
    "  --version      print the version\n";

#define NODE_URLS_MAX 16
static const char stay[] = "(import std.actor) (receive '())";

static char program_name[] = "-e";

typedef struct {
    const char *file, *text;
    char **arguments; // the program's, its name first
    bool repl;
    int link; // to who spawned this worker; -1: nobody
    const char *node, *cookie_file;
    const char *urls[NODE_URLS_MAX]; // in the order of the arguments
    bool listens[NODE_URLS_MAX];
    size_t url_count;
    bool stays; // there is no program
} Options;

static int bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "etai: %s%s%s\n%s", what, which ? ": " : "", which ? which : "", usage);
    return 2;
}

// ---- loading ------------------------------------------------------------------------------------

static int fail(const char *name, const char *why)
{
    fprintf(stderr, "etai: %s: %s\n", name, why);
    return 1;
}

// Reads a file if it is an image. 1: it was read; 0: it is none, or standard input; -1: it cannot
// be read.
static int read_image(const char *path, Buf *out)
{
    uint8_t magic[16];
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
                    ? -1
                    : read(fd, magic, sizeof magic);
    int result = n >= 0 && image_has_magic(magic, (size_t)n) ? 1 : 0;

    if (result == 1) {
        buf_bytes(out, magic, (size_t)n);
        while (n > 0 && buf_reserve(out, 65536)) {
            n = read(fd, out->data + out->size, out->capacity - out->size);
            if (n > 0) out->size += (size_t)n;
            if (n < 0 && errno == EINTR) n = 1;
        }
        if (n != 0 || out->failed) result = -1;
    }
    if (fd >= 0) close(fd);
    return result;
}

static bool load(Runtime *r, const char *name, Buf *image, bool own)
{
    char why[300];

    if (runtime_load(r, image, own, why, sizeof why)) return true;
    fail(name, why);
    return false;
}

// Compiles the program and what it imports.
static bool build_and_load(Runtime *r, Builder *b, const Options *o)
{
    Buf image = BUF_INIT;
    bool ok;

    if (o->stays) {
        ok = builder_compile_text(b, "-", stay, strlen(stay), NULL, &image);
    } else if (o->text) {
        runtime_keep_text(r, "-e", o->text, strlen(o->text));
        ok = builder_compile_text(b, "-e", o->text, strlen(o->text), NULL, &image);
    } else {
        ok = builder_compile_file(b, o->file, NULL, &image);
    }
    if (o->link >= 0 && !ok) {
        worker_fail(r, buf_cstr(&b->diag.text));
    } else {
        fputs(buf_cstr(&b->diag.text), stderr);
    }
    for (size_t i = 0; ok && i < b->file_count; i++) {
        ok = load(r, b->files[i].path, &b->files[i].image, false);
    }
    ok = ok && load(r, o->text ? "-e" : o->file, &image, true);
    buf_free(&image);
    return ok;
}

static bool load_program(Runtime *r, const Options *o, Builder *b)
{
    Buf image = BUF_INIT;
    bool ok = false;

    switch (o->text || o->stays ? 0 : read_image(o->file, &image)) {
    case 0:
        return build_and_load(r, b, o);
    case 1:
        builder_set_program(b, o->file);
        ok = load(r, o->file, &image, true);
        break;
    default:
        if (o->link >= 0) worker_fail(r, strerror(errno));
        fail(o->file, strerror(errno));
        break;
    }
    buf_free(&image);
    return ok;
}

// Before the program is loaded: it shall be joined to its parent before it begins.
static bool prepare_worker(Runtime *r, const Options *o)
{
    char why[300] = "not started by spawn";

    if (o->link < 0 || (worker_open(r, o->link) && worker_watch(r, why, sizeof why))) return true;
    fail("--worker", why);
    return false;
}

static void note_folders(Runtime *r, const Builder *b)
{
    for (size_t i = 0; i < b->folder_count; i++) {
        if (i > 0) buf_u8(&r->folders, ':');
        buf_text(&r->folders, b->folders[i]);
    }
}

// ---- nodes --------------------------------------------------------------------------------------

static void put_literal(Buf *out, const char *text)
{
    buf_text(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') buf_text(out, "\\");
        buf_u8(out, (uint8_t)*text);
    }
    buf_text(out, "\"");
}

static void put_call(Buf *out, const Options *o, size_t i)
{
    buf_text(out, o->listens[i] ? "(node-listen " : "(node-connect ");
    put_literal(out, o->urls[i]);
    if (o->node) {
        buf_text(out, " 'node-name ");
        put_literal(out, o->node);
    }
    if (o->cookie_file) {
        buf_text(out, " 'cookie-file ");
        put_literal(out, o->cookie_file);
    }
    buf_text(out, ")");
}

// What the options ask for is a module that runs before the program.
static bool load_node(Runtime *r, Builder *b, const Options *o)
{
    Buf text = BUF_INIT, image = BUF_INIT;

    if (o->url_count == 0) return true;
    buf_text(&text, "(import std.actor.node std.os)\n"
                    "(define (check url answer)"
                    " (if (eq? (car answer) 'error)"
                    " (begin (flush-output-port)"
                    " (display \"etai: \" (current-error-port))"
                    " (display url (current-error-port))"
                    " (display \": \" (current-error-port))"
                    " (display (cadr answer) (current-error-port))"
                    " (newline (current-error-port))"
                    " (os:exit 1))))\n");
    for (size_t i = 0; i < o->url_count; i++) {
        if (!o->listens[i]) {
            buf_text(&text, "(check ");
            put_literal(&text, o->urls[i]);
            buf_text(&text, " ");
        }
        put_call(&text, o, i);
        buf_text(&text, o->listens[i] ? "\n" : ")\n");
    }
    bool ok = builder_compile_text(b, "--node", buf_cstr(&text), text.size, NULL, &image);
    fputs(buf_cstr(&b->diag.text), stderr);
    ok = ok && load(r, "--node", &image, false);
    buf_free(&text);
    buf_free(&image);
    builder_reset(b);
    return ok;
}

static bool is_node_option(const char *arg)
{
    return strcmp(arg, "--node") == 0 || strcmp(arg, "--listen") == 0 || strcmp(arg, "--connect") == 0 ||
           strcmp(arg, "--cookie-file") == 0;
}

// Takes such an option with its value. False: there are too many.
static bool node_option(Options *o, const char *option, const char *value)
{
    bool listens = strcmp(option, "--listen") == 0;

    if (strcmp(option, "--node") == 0) {
        o->node = value;
    } else if (strcmp(option, "--cookie-file") == 0) {
        o->cookie_file = value;
    } else if (o->url_count < NODE_URLS_MAX) {
        o->listens[o->url_count] = listens;
        o->urls[o->url_count++] = value;
    } else {
        return false;
    }
    return true;
}

// ---- signals ------------------------------------------------------------------------------------

static Vm *interrupted_vm; // for the signal handler, which gets nothing else

// The first asks the program to end; the second does not ask.
static void on_signal(int number)
{
    bool asked = atomic_load_explicit(&interrupted_vm->interrupted, memory_order_relaxed) != 0;
    if (asked && !interrupted_vm->interrupt) _exit(128 + number);
    vm_interrupt(interrupted_vm, number);
}

// ---- the program --------------------------------------------------------------------------------

static int run_repl(Runtime *r)
{
    char why[300] = "out of memory";

    r->repl = repl_new(r, doc_entries);
    if (!r->repl || !runtime_load_repl(r, why, sizeof why)) {
        repl_free(r->repl);
        return fail("REPL", why);
    }
    puts("Eta " ETA_VERSION "  (Ctrl-D or (exit) leaves)");
    fflush(stdout);
    interrupted_vm = r->vm;
    plat_signals_catch(on_signal);
    int status = runtime_run(r);
    repl_leave(r->repl);
    nodes_stop(r->nodes);
    // A thread may be waiting for the user: the system takes everything apart.
    exit(status);
}

static int run(const Options *o, Builder *b)
{
    static Runtime r;
    const char *variable = getenv("ETA_MODULE_PATH");
    char why[300];
    Conf conf;

    if (variable) builder_add_folders(b, variable);
    if (!conf_read(&conf, why, sizeof why) || !runtime_init(&r, &conf, why, sizeof why)) {
        fprintf(stderr, "etai: %s\n", why);
        return 1;
    }
    r.arguments = o->arguments;
    r.reloader = reloader_new(&r, b);
    note_folders(&r, b);
    int status = 1;
    if (o->repl) {
        r.evaluator = evaluator_new(&r, b);
        if (!r.evaluator) {
            fail("REPL", "out of memory");
        } else if (load_node(&r, b, o)) {
            status = run_repl(&r);
        }
    } else if (prepare_worker(&r, o) && load_node(&r, b, o) && load_program(&r, o, b)) {
        builder_reset(b); // what eval and reload need of the program is in its images
        r.evaluator = evaluator_new(&r, b);
        interrupted_vm = r.vm;
        plat_signals_catch(on_signal);
        status = runtime_run(&r);
        // The system takes everything apart, nng 1.5.2 does not always: closing what is just being
        // connected or lost may wait for ever, and workers may end at any time.
        if (r.net.stays_open) _exit(status);
    }
    Reloader *reloader = r.reloader;
    runtime_fini(&r);
    reloader_free(reloader);
    builder_free(b);
    return status;
}

// -1: go on; else the exit status.
static int parse(int argc, char **argv, Options *o, Builder *b)
{
    int i;

    for (i = 1; i < argc && !o->text; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(arg, "--version") == 0) {
            puts("etai " ETA_VERSION);
            return 0;
        }
        if (strcmp(arg, "-e") == 0 || strcmp(arg, "--path") == 0 || strcmp(arg, "--worker") == 0) {
            if (++i == argc) return bad_usage("an argument is missing after", arg);
            if (arg[1] == 'e') {
                o->text = argv[i];
            } else if (arg[2] == 'w') {
                o->link = atoi(argv[i]);
            } else {
                builder_add_folders(b, argv[i]);
            }
        } else if (is_node_option(arg)) {
            if (++i == argc) return bad_usage("an argument is missing after", arg);
            if (!node_option(o, arg, argv[i])) return bad_usage("too many of", arg);
        } else if (strcmp(arg, "--") == 0) {
            i++;
            break;
        } else if (arg[0] == '-' && arg[1]) {
            return bad_usage("unknown option", arg);
        } else {
            break;
        }
    }
    if (!o->text && i < argc) o->file = argv[i];
    if ((o->node || o->cookie_file) && o->url_count == 0)
        return bad_usage("--node and --cookie-file need --listen or --connect", NULL);
    if (!o->text && !o->file) {
        o->repl = isatty(STDIN_FILENO);
        o->file = "-";
        o->stays = o->url_count > 0 && !o->repl;
    }
    o->arguments = argv + i;
    if (o->text) {
        // The place of the text becomes the program's name.
        o->arguments = argv + i - 1;
        o->arguments[0] = program_name;
    }
    return -1;
}

int main(int argc, char **argv)
{
    static Builder b;
    Options o = {.link = -1};

    plat_guard_standard_files();
    builder_init(&b, eta_stdlib_image, (size_t)(eta_stdlib_image_end - eta_stdlib_image));
    int status = parse(argc, argv, &o, &b);
    if (status >= 0) {
        builder_free(&b);
        return status;
    }
    return run(&o, &b);
}
