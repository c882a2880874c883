// Runs a REPL on a terminal of its own: pty_run SCRIPT PROGRAM [ARGUMENT ...]
//
// The script's lines are typed one by one, each when the program shows a prompt. A line "=> TEXT"
// is not typed: it waits until the program has printed TEXT as a line of its own. "^D" is that key;
// "^C" is typed at once. Waits for at most 20 seconds; then, or when the program ends too early,
// the status is 99, else it is the program's.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define WAIT_MS 20000

static char seen[1 << 20]; // all output so far
static size_t seen_size;
static int terminal;

static void fail(const char *what)
{
    fprintf(stderr, "pty_run: %s after:\n%.*s\n", what, (int)seen_size, seen);
    exit(99);
}

// Reads once; false at the end of the program's output.
static int read_more(void)
{
    struct pollfd p = {.fd = terminal, .events = POLLIN};
    int n = poll(&p, 1, WAIT_MS);

    if (n == 0) fail("nothing more came");
    ssize_t size = read(terminal, seen + seen_size, sizeof seen - 1 - seen_size);
    if (size <= 0) return 0;
    seen_size += (size_t)size;
    seen[seen_size] = '\0';
    return 1;
}

// Waits until `text` has been printed behind `from`; gives the place behind it.
static size_t await(const char *text, size_t from)
{
    for (;;) {
        const char *at = strstr(seen + from, text);
        if (at) return (size_t)(at - seen) + strlen(text);
        if (!read_more()) fail("the program ended");
    }
}

static int ends_with(const char *text)
{
    size_t n = strlen(text);
    return seen_size >= n && memcmp(seen + seen_size - n, text, n) == 0;
}

// Waits until the last that was printed, in a line begun behind `from`, is a prompt. The editor
// shows prompts again while a line is typed, but not at the end. False when the program has ended.
static int await_prompt(size_t from)
{
    while (
        !((from == 0 || strchr(seen + from, '\n')) && (ends_with("eta> ") || ends_with("...> ")))) {
        if (!read_more()) return 0;
    }
    // The editor shows the prompt a moment before it takes the terminal over, which nothing
    // announces.
    for (int ms = 0; ms < WAIT_MS; ms++) {
        struct termios now;
        if (tcgetattr(terminal, &now) != 0 || !(now.c_lflag & ICANON)) return 1;
        usleep(1000);
    }
    fail("the editor has not taken the terminal over");
    return 0;
}

static void type(const char *line)
{
    char key = strcmp(line, "^C\n") == 0 ? 3 : strcmp(line, "^D\n") == 0 ? 4 : 0;
    const char *text = key ? &key : line;
    size_t size = key ? 1 : strlen(line);

    if (write(terminal, text, size) != (ssize_t)size) fail("typing failed");
}

int main(int argc, char **argv)
{
    struct winsize window = {.ws_row = 50, .ws_col = 200};
    char line[4000], text[4010];
    size_t at = 0, typed = 0;

    if (argc < 3) return 2;
    FILE *script = fopen(argv[1], "r");
    if (!script) {
        perror(argv[1]);
        return 2;
    }
    setenv("TERM", "dumb", 1);
    pid_t child = forkpty(&terminal, NULL, NULL, &window);
    if (child == 0) {
        execv(argv[2], argv + 2);
        _exit(127);
    }
    while (fgets(line, sizeof line, script)) {
        if (strncmp(line, "=> ", 3) == 0) {
            // A whole line of output.
            line[strcspn(line, "\n")] = '\0';
            snprintf(text, sizeof text, "\n%s\r\n", line + 3);
            at = await(text, at) - 1;
        } else if (strcmp(line, "^C\n") == 0) {
            type(line);
        } else {
            if (!await_prompt(typed)) fail("the program ended");
            typed = at = seen_size;
            type(line);
        }
    }
    while (read_more()) {
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
