// See cookie.h.
#include "runtime/node/cookie.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COOKIE_BYTES    32
#define COOKIE_FILE_MAX 4096

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool write_all(int fd, const char *text, size_t size)
{
    return write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
}

// Of several that make it at once one wins: it appears whole, by a link to a file that was written before.
static bool make_cookie(const char *path)
{
    uint8_t bits[COOKIE_BYTES], salt[8];
    char text[2 * COOKIE_BYTES + 1], tail[2 * sizeof salt + 1];
    Buf name = BUF_INIT;

    randombytes_buf(bits, sizeof bits);
    randombytes_buf(salt, sizeof salt);
    sodium_bin2hex(text, sizeof text, bits, sizeof bits);
    sodium_bin2hex(tail, sizeof tail, salt, sizeof salt);
    buf_text(&name, path);
    buf_text(&name, ".");
    buf_text(&name, tail);
    const char *made = buf_cstr(&name);
    int fd = name.failed ? -1 : open(made, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok = fd >= 0 && write_all(fd, text, sizeof text - 1);
    int error = errno;
    if (fd >= 0) close(fd);
    if (ok && link(made, path) != 0 && errno != EEXIST) {
        ok = false;
        error = errno;
    }
    if (fd >= 0) unlink(made);
    sodium_memzero(bits, sizeof bits);
    sodium_memzero(text, sizeof text);
    buf_free(&name);
    errno = error;
    return ok;
}

static bool take(int fd, Buf *out, const char **why)
{
    uint8_t text[COOKIE_FILE_MAX];
    struct stat st;

    *why = "others than its owner can read it";
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (st.st_mode & 077) != 0) return false;
    ssize_t n = read(fd, text, sizeof text);
    uint8_t *from = text, *to = text + MAX(n, 0);
    while (to > from && is_space(to[-1])) {
        to--;
    }
    while (from < to && is_space(*from)) {
        from++;
    }
    *why = n < 0 ? strerror(errno) : "it is empty";
    buf_bytes(out, from, (size_t)(to - from));
    sodium_memzero(text, sizeof text);
    return to > from && !out->failed;
}

bool cookie_read(const char *path, bool make, Buf *out, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT && make && make_cookie(path))
        fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *why = strerror(errno);
        return false;
    }
    bool ok = take(fd, out, why);
    close(fd);
    return ok;
}
