// See files.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/files.h"
#include "runtime/console.h"
#include "runtime/jobs.h"

#include "vm/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK_BYTES  65536
#define FIFO_WAIT_NS 10000000ull

// ---- life
// -------------------------------------------------------------------------------------------

static void enter(File *f)
{
    Files *s = f->files;

    plat_lock(&s->lock);
    f->next = s->first;
    if (f->next) f->next->prev = f;
    s->first = f;
    plat_unlock(&s->lock);
}

static void leave(File *f)
{
    Files *s = f->files;

    plat_lock(&s->lock);
    if (f->next) f->next->prev = f->prev;
    if (f->prev) {
        f->prev->next = f->next;
    } else {
        s->first = f->next;
    }
    plat_unlock(&s->lock);
}

// Nobody will be told by an exception any more that something was not written.
static void report(File *f, int error)
{
    char line[400];
    int n = snprintf(line, sizeof line, "error: %.300s: %s\n", f->path, strerror(error));
    int ignored;

    atomic_fetch_add_explicit(&f->files->lost, 1, memory_order_relaxed);
    (void)console_write(f->files->console, 2, line, (size_t)MIN(n, (int)sizeof line - 1), &ignored);
}

// The last of a file that nobody refers to.
static void destroy(File *f)
{
    Block *block = f->block;
    Space *space = &f->files->vm->space;
    int error = f->fd >= 0 ? file_flush(f) : 0;

    if (error && error != EAGAIN) report(f, error);
    (void)file_close(f);
    leave(f);
    buf_free(&f->out);
    buf_free(&f->in);
    mem_free(MEM_IO, f->path, f->path_size + 1);
    mem_free(MEM_IO, f, sizeof *f);
    block_free(space, block);
}

typedef struct {
    Job job;
    File *file;
} DropJob;

static void run_drop(Job *base)
{
    DropJob *job = container_of(base, DropJob, job);
    File *f = job->file;

    mem_free(MEM_IO, job, sizeof *job);
    destroy(f);
}

static File *file_of_block(const Block *b)
{
    File *f;
    memcpy(&f, b->bytes, sizeof f);
    return f;
}

// The block's drop. What is left to be written is written by a dirty thread.
static void drop(Block *b)
{
    File *f = file_of_block(b);
    bool closing = atomic_load_explicit(&f->files->closing, memory_order_acquire) != 0;
    DropJob *job = NULL;

    if (f->fd >= 0 && f->regular && f->out.size > 0 && !closing)
        job = mem_zalloc(MEM_IO, sizeof *job);
    if (!job) {
        destroy(f);
        return;
    }
    job->job.run = run_drop;
    job->file = f;
    job_detach(f->files->vm, &job->job);
}

File *file_new(Files *files, const void *path, size_t size)
{
    File *f = mem_zalloc(MEM_IO, sizeof *f);
    char *copy = mem_alloc(MEM_IO, size + 1);
    Block *b = f && copy ? block_new(&files->vm->space, sizeof f) : NULL;

    if (!b) {
        if (f) mem_free(MEM_IO, f, sizeof *f);
        if (copy) mem_free(MEM_IO, copy, size + 1);
        return NULL;
    }
    memcpy(copy, path, size);
    copy[size] = '\0';
    f->files = files;
    f->block = b;
    f->path = copy;
    f->path_size = size;
    f->fd = -1;
    b->drop = drop;
    memcpy(b->bytes, &f, sizeof f);
    enter(f);
    return f;
}

File *file_of(Value handle)
{
    if (!value_is_kind(handle, KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(handle))->block;
    return b->drop == drop ? file_of_block(b) : NULL;
}

void file_adopt(File *f, int fd, FileMode mode)
{
    plat_lock(&f->lock);
    f->fd = fd;
    f->mode = mode;
    plat_unlock(&f->lock);
}

// ---- opening
// ----------------------------------------------------------------------------------------

// A named pipe can be opened for writing once somebody reads it: waits for that as long as anybody
// cares.
static int open_patiently(File *f, int flags)
{
    _Atomic uint32_t nobody_wakes = 0;
    struct stat st;

    for (;;) {
        int fd = open(f->path, flags, 0666);
        if (fd >= 0 || (errno != ENXIO && errno != EINTR)) return fd;
        if (errno == EINTR) continue;
        bool fifo = stat(f->path, &st) == 0 && S_ISFIFO(st.st_mode);
        bool alone = atomic_load_explicit(&f->block->refs, memory_order_relaxed) == 1;
        bool closing = atomic_load_explicit(&f->files->closing, memory_order_relaxed) != 0;
        errno = ENXIO;
        if (!fifo || alone || closing) return -1;
        plat_wait(&nobody_wakes, 0, plat_now_ns() + FIFO_WAIT_NS);
    }
}

int file_open(File *f, FileMode mode)
{
    static const int flags[FILE_MODES] = {
        [FILE_READ] = O_RDONLY,
        [FILE_WRITE] = O_WRONLY | O_CREAT | O_TRUNC,
        [FILE_APPEND] = O_WRONLY | O_CREAT | O_APPEND,
        [FILE_UPDATE] = O_WRONLY | O_CREAT,
        [FILE_EXCLUSIVE] = O_WRONLY | O_CREAT | O_EXCL,
    };
    struct stat st;

    int fd = open_patiently(f, flags[mode] | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return errno;
    int error = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (error) {
        (void)close(fd);
        return error;
    }
    f->regular = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
    file_adopt(f, fd, mode);
    return 0;
}

// ---- reading and writing
// ------------------------------------------------------------------------------

static bool is_ready(int fd, short events)
{
    struct pollfd p = {.fd = fd, .events = events};
    return poll(&p, 1, 0) != 0;
}

static int fill_locked(File *f)
{
    if (f->fd < 0) return EBADF;
    // A named pipe that nobody has written to yet reads like one at its end.
    if (!f->regular && !is_ready(f->fd, POLLIN)) return EAGAIN;
    if (f->taken > 0) {
        memmove(f->in.data, f->in.data + f->taken, f->in.size - f->taken);
        f->in.size -= f->taken;
        f->taken = 0;
    }
    if (!buf_reserve(&f->in, CHUNK_BYTES)) {
        f->in.failed = false;
        return ENOMEM;
    }
    for (;;) {
        ssize_t n = read(f->fd, f->in.data + f->in.size, CHUNK_BYTES);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return errno == EWOULDBLOCK ? EAGAIN : errno;
        f->in.size += (size_t)n;
        f->end = n == 0;
        return 0;
    }
}

int file_fill(File *f)
{
    plat_lock(&f->lock);
    int error = fill_locked(f);
    plat_unlock(&f->lock);
    return error;
}

static int flush_locked(File *f)
{
    size_t done = 0;
    int error = f->fd < 0 && f->out.size > 0 ? EBADF : 0;

    while (!error && done < f->out.size) {
        ssize_t n = write(f->fd, f->out.data + done, f->out.size - done);
        if (n >= 0) {
            done += (size_t)n;
        } else if (errno != EINTR) {
            error = errno == EWOULDBLOCK ? EAGAIN : errno;
        }
    }
    if (error == EAGAIN) {
        memmove(f->out.data, f->out.data + done, f->out.size - done);
        f->out.size -= done;
    } else if (f->out.capacity > (size_t)4 * CHUNK_BYTES) {
        buf_free(&f->out);
    } else {
        buf_clear(&f->out);
    }
    return error;
}

int file_flush(File *f)
{
    plat_lock(&f->lock);
    int error = flush_locked(f);
    plat_unlock(&f->lock);
    return error;
}

int file_close(File *f)
{
    plat_lock(&f->lock);
    int fd = f->fd, error = 0;
    if (fd >= 0) {
        error = flush_locked(f);
        (void)poller_cancel(f->files->poller, f->ticket);
        f->ticket = 0;
        f->fd = -1;
        if (f->stream) (void)shutdown(fd, SHUT_WR);
        if (close(fd) != 0 && errno != EINTR && !error) error = errno;
    }
    plat_unlock(&f->lock);
    return error;
}

int64_t file_seek(File *f, int64_t offset, int whence)
{
    plat_lock(&f->lock);
    int error = f->fd < 0 ? EBADF : flush_locked(f);
    off_t at = error ? -1 : lseek(f->fd, offset, whence);
    if (at < 0 && !error) error = errno;
    if (!error) {
        buf_clear(&f->in);
        f->taken = 0;
        f->delivered = (uint64_t)at;
        f->end = f->replaced = false;
    }
    plat_unlock(&f->lock);
    return error ? -error : at;
}

uint32_t files_finish(Files *files)
{
    atomic_store_explicit(&files->closing, 1, memory_order_seq_cst);
    plat_lock(&files->lock);
    for (File *f = files->first; f; f = f->next) {
        int error = file_close(f);
        if (error && error != EAGAIN) report(f, error);
    }
    plat_unlock(&files->lock);
    return atomic_load_explicit(&files->lost, memory_order_relaxed);
}
