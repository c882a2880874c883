// See line.h.
#include "runtime/repl/line.h"

#include "vm/base/mem.h"

#include <dlfcn.h>
#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HISTORY_LINES 1000

// What of libedit is used.
typedef struct {
    EditLine *(*el_init)(const char *, FILE *, FILE *, FILE *);
    int (*el_set)(EditLine *, int, ...);
    int (*el_get)(EditLine *, int, ...);
    const char *(*el_gets)(EditLine *, int *);
    History *(*history_init)(void);
    int (*history)(History *, HistEvent *, int, ...);
} LibEdit;

struct LineEditor {
    LibEdit lib;
    void *handle; // NULL: there is no libedit
    EditLine *edit;
    History *history;
    const char *history_path;
    const char *prompt;
    bool cancelled;
    bool has_terminal;
    struct termios terminal; // as it was
};

// ---- libedit ------------------------------------------------------------------------------------

static bool find_symbols(LineEditor *e)
{
    static const char *const names[] = {"el_init", "el_set",       "el_get",
                                        "el_gets", "history_init", "history"};
    void *found[countof(names)];

    for (size_t i = 0; i < countof(names); i++) {
        found[i] = dlsym(e->handle, names[i]);
        if (!found[i]) return false;
    }
    STATIC_ASSERT(sizeof e->lib == sizeof found, "one pointer for each name");
    memcpy(&e->lib, found, sizeof found);
    return true;
}

static LineEditor *client(EditLine *edit, const LineEditor *any)
{
    void *data = NULL;

    any->lib.el_get(edit, EL_CLIENTDATA, &data);
    return data;
}

// libedit's callbacks get no argument of ours, and asking for it needs the library.
static LineEditor *the_editor;

static char *give_prompt(EditLine *edit)
{
    return (char *)(uintptr_t)client(edit, the_editor)->prompt;
}

static unsigned char cancel_line(EditLine *edit, int key)
{
    (void)key;
    client(edit, the_editor)->cancelled = true;
    return CC_NEWLINE;
}

static bool open_editor(LineEditor *e)
{
    HistEvent event;

    e->edit = e->lib.el_init("etai", stdin, stdout, stderr);
    e->history = e->lib.history_init();
    if (!e->edit || !e->history) return false;
    the_editor = e;
    e->lib.el_set(e->edit, EL_CLIENTDATA, e);
    e->lib.el_set(e->edit, EL_PROMPT, give_prompt);
    e->lib.el_set(e->edit, EL_EDITOR, "emacs");
    e->lib.el_set(e->edit, EL_SIGNAL, 0);
    e->lib.el_set(e->edit, EL_ADDFN, "eta-cancel", "give the line up", cancel_line);
    e->lib.el_set(e->edit, EL_BIND, "^C", "eta-cancel", NULL);
    e->lib.el_set(e->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    // Ctrl-C is a key like any other while a line is edited.
    e->lib.el_set(e->edit, EL_SETTY, "-d", "-isig", NULL);
    e->lib.history(e->history, &event, H_SETSIZE, HISTORY_LINES);
    e->lib.history(e->history, &event, H_SETUNIQUE, 1);
    if (e->history_path) e->lib.history(e->history, &event, H_LOAD, e->history_path);
    e->lib.el_set(e->edit, EL_HIST, e->lib.history, e->history);
    return true;
}

LineEditor *line_editor_new(const char *history)
{
    LineEditor *e = mem_zalloc(MEM_IO, sizeof *e);

    if (!e) return NULL;
    e->history_path = history;
    e->has_terminal = tcgetattr(STDIN_FILENO, &e->terminal) == 0;
    if (!setlocale(LC_CTYPE, "") || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    e->handle = dlopen("libedit.so.2", RTLD_NOW | RTLD_LOCAL);
    if (!e->handle || !find_symbols(e) || !open_editor(e)) {
        fputs("(no line editing: libedit.so.2 cannot be loaded)\n", stderr);
        e->edit = NULL;
    }
    return e;
}

void line_editor_free(LineEditor *e)
{
    // The library stays: a thread may be inside it until the program is gone.
    if (e) line_restore_terminal(e);
    mem_free(MEM_IO, e, sizeof *e);
}

void line_restore_terminal(LineEditor *e)
{
    if (e->has_terminal) (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &e->terminal);
}

// ---- lines --------------------------------------------------------------------------------------

static LineResult read_plain(const char *prompt, Buf *out)
{
    size_t start = out->size;
    int c;

    fputs(prompt, stdout);
    fflush(stdout);
    while ((c = getchar()) != EOF && c != '\n') {
        buf_u8(out, (uint8_t)c);
    }
    return c == EOF && out->size == start ? LINE_END : LINE_READ;
}

LineResult line_read(LineEditor *e, const char *prompt, Buf *out)
{
    const char *line;
    int n;

    if (!e->edit) return read_plain(prompt, out);
    e->prompt = prompt;
    e->cancelled = false;
    do {
        errno = 0;
        line = e->lib.el_gets(e->edit, &n);
    } while (!line && errno == EINTR);
    if (e->cancelled) return LINE_CANCELLED;
    if (!line || n <= 0) return LINE_END;
    if (line[n - 1] == '\n') n--;
    buf_bytes(out, line, (size_t)n);
    return LINE_READ;
}

void line_remember(LineEditor *e, const char *text)
{
    HistEvent event;

    if (!e->edit) return;
    e->lib.history(e->history, &event, H_ENTER, text);
    if (e->history_path) e->lib.history(e->history, &event, H_SAVE, e->history_path);
}
