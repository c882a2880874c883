// See command.h.
#include "runtime/repl/command.h"

#include <string.h>

static const char help[] = ",doc NAME    what the standard library says about a name\n"
                           ",help        this list\n"
                           ",load FILE   evaluate what is in a file\n"
                           ",ps          list the actors\n"
                           ",quit        leave, as do (exit) and Ctrl-D\n"
                           ",reload NAME load the module's source anew\n"
                           ",time EXPR   evaluate an expression and tell how long it took\n";

static const char blanks[] = " \t";

static void say_docs(const DocEntry *docs, const char *name, Buf *said)
{
    bool some = false;

    for (const DocEntry *d = docs; d && d->name; d++) {
        if (strcmp(d->name, name) != 0) continue;
        buf_printf(said, "%s%s (%s)\n%s\n", some ? "\n" : "", d->name, d->module, d->text);
        some = true;
    }
    if (!some) buf_printf(said, "nothing is known about %s\n", name);
}

// The form that includes a file.
static void put_include(const char *file, Buf *input)
{
    buf_text(input, "(include \"");
    for (; *file; file++) {
        if (*file == '"' || *file == '\\') buf_u8(input, '\\');
        buf_u8(input, (uint8_t)*file);
    }
    buf_text(input, "\")\n");
}

static Command need_operand(const char *usage, Buf *said)
{
    buf_printf(said, "usage: %s\n", usage);
    return COMMAND_SAID;
}

static Command run(const DocEntry *docs, const char *name, const char *operand, Buf *said,
                   Buf *input)
{
    if (strcmp(name, "help") == 0) {
        buf_text(said, help);
    } else if (strcmp(name, "quit") == 0) {
        return COMMAND_QUIT;
    } else if (strcmp(name, "ps") == 0) {
        return COMMAND_ACTORS;
    } else if (strcmp(name, "doc") == 0) {
        if (!*operand) return need_operand(",doc NAME", said);
        say_docs(docs, operand, said);
    } else if (strcmp(name, "load") == 0) {
        if (!*operand) return need_operand(",load FILE", said);
        put_include(operand, input);
        return COMMAND_INPUT;
    } else if (strcmp(name, "reload") == 0) {
        if (!*operand) return need_operand(",reload NAME", said);
        buf_printf(input, "(import (only std.reload reload-module))\n(reload-module '|%s|)\n", operand);
        return COMMAND_INPUT;
    } else if (strcmp(name, "time") == 0) {
        if (!*operand) return need_operand(",time EXPR", said);
        buf_printf(input, "%s\n", operand);
        return COMMAND_TIMED;
    } else {
        buf_printf(said, "unknown command: ,%s (,help lists them)\n", name);
    }
    return COMMAND_SAID;
}

Command command_read(const DocEntry *docs, const char *line, Buf *said, Buf *input)
{
    Buf name = BUF_INIT, operand = BUF_INIT;

    line += strspn(line, blanks);
    if (*line != ',') return COMMAND_NONE;
    size_t name_size = strcspn(++line, blanks);
    buf_bytes(&name, line, name_size);
    line += name_size;
    line += strspn(line, blanks);
    size_t size = strlen(line);
    while (size > 0 && strchr(blanks, line[size - 1])) {
        size--;
    }
    buf_bytes(&operand, line, size);
    Command command = run(docs, buf_cstr(&name), buf_cstr(&operand), said, input);
    buf_free(&name);
    buf_free(&operand);
    return command;
}
