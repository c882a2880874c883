// See console.h.
#include "runtime/console.h"

#include "vm/base/buf.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_BYTES 32768  // worth a write
#define LIMIT_BYTES  262144 // beyond this writers wait
#define PIPE_BYTES   4096   // what a pipe that is ready takes without blocking

struct Console {
    PlatLock lock;
    Buf out;        // lock
    size_t written; // of out, from its front; lock
    int error;      // of a write that failed; lock
    bool told;      // somebody has been given the error; lock
    bool terminal, file;
    char last; // byte that was written, to either descriptor; lock
};

Console *console_new(void)
{
    Console *c = mem_zalloc(MEM_IO, sizeof *c);
    struct stat st;

    if (!c) return NULL;
    c->terminal = isatty(1);
    c->file = fstat(1, &st) == 0 && S_ISREG(st.st_mode);
    return c;
}

void console_free(Console *c)
{
    if (!c) return;
    buf_free(&c->out);
    mem_free(MEM_IO, c, sizeof *c);
}

static bool is_ready(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, 0) > 0;
}

// Under the lock. Without `wait` stops where the descriptor would block.
static void flush_locked(Console *c, bool wait)
{
    while (c->written < c->out.size && c->error == 0) {
        size_t left = c->out.size - c->written;
        if (!wait && !c->file) {
            if (!is_ready(1)) break;
            left = MIN(left, (size_t)PIPE_BYTES);
        }
        ssize_t n = write(1, c->out.data + c->written, left);
        if (n >= 0) {
            c->written += (size_t)n;
        } else if (errno == EAGAIN) {
            struct pollfd p = {.fd = 1, .events = POLLOUT};
            if (!wait) break;
            (void)poll(&p, 1, -1);
        } else if (errno != EINTR) {
            c->error = errno;
        }
    }
    if (c->written == c->out.size || c->error) {
        buf_clear(&c->out);
        c->written = 0;
    } else if (c->written > BUFFER_BYTES) {
        memmove(c->out.data, c->out.data + c->written, c->out.size - c->written);
        c->out.size -= c->written;
        c->written = 0;
    }
}

static ConsoleResult write_error(Console *c, const char *text, size_t size, int *error)
{
    flush_locked(c, true);
    while (size > 0) {
        ssize_t n = write(2, text, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            *error = errno;
            return CONSOLE_FAILED;
        }
        text += n;
        size -= (size_t)n;
    }
    return CONSOLE_OK;
}

ConsoleResult console_write(Console *c, int fd, const void *text, size_t size, int *error)
{
    ConsoleResult result = CONSOLE_OK;

    plat_lock(&c->lock);
    if (size > 0) c->last = ((const char *)text)[size - 1];
    if (fd == 2) {
        result = write_error(c, text, size, error);
    } else if (c->error) {
        result = CONSOLE_FAILED;
    } else if (c->out.size - c->written > LIMIT_BYTES) {
        result = CONSOLE_FULL;
    } else {
        buf_bytes(&c->out, text, size);
        if (c->out.failed) {
            c->error = ENOMEM;
        } else if (c->out.size - c->written >= BUFFER_BYTES ||
                   (c->terminal && memchr(text, '\n', size))) {
            flush_locked(c, false);
        }
        if (c->error) result = CONSOLE_FAILED;
    }
    if (fd == 1 && result == CONSOLE_FAILED) {
        *error = c->error;
        c->told = true;
    }
    plat_unlock(&c->lock);
    return result;
}

void console_flush_some(Console *c)
{
    plat_lock(&c->lock);
    if (c->out.size > 0) flush_locked(c, false);
    plat_unlock(&c->lock);
}

void console_drain(Console *c)
{
    struct pollfd p = {.fd = 1, .events = POLLOUT};
    bool full = true;

    // Blocks in poll, not under the lock.
    while (full) {
        (void)poll(&p, 1, -1);
        plat_lock(&c->lock);
        flush_locked(c, false);
        full = c->out.size - c->written > LIMIT_BYTES && c->error == 0;
        plat_unlock(&c->lock);
    }
}

bool console_in_line(Console *c)
{
    plat_lock(&c->lock);
    bool in_line = c->last != 0 && c->last != '\n';
    plat_unlock(&c->lock);
    return in_line;
}

bool console_is_empty(Console *c, int *error)
{
    plat_lock(&c->lock);
    bool empty = c->out.size == 0;
    *error = c->error;
    if (c->error) c->told = true;
    plat_unlock(&c->lock);
    return empty;
}

bool console_was_told(Console *c)
{
    plat_lock(&c->lock);
    bool told = c->told;
    plat_unlock(&c->lock);
    return told;
}

bool console_flush_all(Console *c, int *error)
{
    plat_lock(&c->lock);
    flush_locked(c, true);
    *error = c->error;
    plat_unlock(&c->lock);
    return *error == 0;
}
