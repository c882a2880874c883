// Natives of the file system: one operation on one or two paths, done by a dirty thread.
//
// The operation stands behind a handle in an argument slot, so that it is freed when the actor ends
// while the thread is at work. What the system refuses is a negative fixnum, the negated errno.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/native/natives.h"
#include "runtime/jobs.h"
#include "runtime/runtime.h"

#include "vm/base/utf8.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 65536

typedef enum {
    FS_STAT,      // (path): #(type size modified mode)
    FS_LSTAT,     // (path): likewise, of a link itself
    FS_UNLINK,    // (path)
    FS_MKDIR,     // (path)
    FS_RMDIR,     // (path)
    FS_LIST,      // (path): list of names
    FS_RENAME,    // (path to)
    FS_TEMP_FILE, // (template): path
    FS_TEMP_DIR,  // (template): path
    FS_CHDIR,     // (path)
    FS_CWD,       // (): path
    FS_REAL,      // (path): path
    FS_CHMOD,     // (path mode)
    FS_SYMLINK,   // (target path)
    FS_READLINK,  // (path): target
    FS_COPY,      // (path to)
    FS_OPS
} FsOp;

typedef enum { GIVES_NOTHING, GIVES_STAT, GIVES_TEXT, GIVES_LIST } FsForm;

static const uint8_t forms[FS_OPS] = {
    [FS_STAT] = GIVES_STAT,      [FS_LSTAT] = GIVES_STAT,    [FS_LIST] = GIVES_LIST,
    [FS_TEMP_FILE] = GIVES_TEXT, [FS_TEMP_DIR] = GIVES_TEXT, [FS_CWD] = GIVES_TEXT,
    [FS_REAL] = GIVES_TEXT,      [FS_READLINK] = GIVES_TEXT,
};

typedef struct {
    Vm *vm;
    Block *block; // that it is in
    FsOp op;
    Buf path, more; // NUL-terminated
    int64_t number;
    Buf text; // what it gives; of a list each name ends with NUL
    int64_t stat[4];
} FsTask;

typedef struct {
    ActorJob job;
    FsTask *task;
} FsJob;

// ---- the operations, on a dirty thread
// ----------------------------------------------------------------

static const char *path_of(const FsTask *t)
{
    return (const char *)t->path.data;
}

static int64_t type_of(mode_t mode)
{
    return S_ISREG(mode) ? 0 : S_ISDIR(mode) ? 1 : S_ISLNK(mode) ? 2 : 3;
}

static int do_stat(FsTask *t)
{
    struct stat st;

    if ((t->op == FS_STAT ? stat(path_of(t), &st) : lstat(path_of(t), &st)) != 0) return errno;
    t->stat[0] = type_of(st.st_mode);
    t->stat[1] = (int64_t)st.st_size;
    t->stat[2] = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    t->stat[3] = (int64_t)(st.st_mode & 07777);
    return 0;
}

static int do_list(FsTask *t)
{
    DIR *dir = opendir(path_of(t));
    struct dirent *e;

    if (!dir) return errno;
    while (errno = 0, (e = readdir(dir)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
        buf_bytes(&t->text, e->d_name, strlen(e->d_name) + 1);
    }
    int error = errno;
    (void)closedir(dir);
    return error;
}

// Fills the X's of the path in place.
static int do_temp(FsTask *t)
{
    char *path = (char *)t->path.data;
    int fd = -1;

    if (t->op == FS_TEMP_FILE) {
        fd = mkostemps(path, 4, O_CLOEXEC); // ".tmp"
        if (fd < 0) return errno;
        (void)close(fd);
    } else if (!mkdtemp(path)) {
        return errno;
    }
    buf_text(&t->text, path);
    return 0;
}

static int do_path(FsTask *t)
{
    char *path = t->op == FS_CWD ? getcwd(NULL, 0) : realpath(path_of(t), NULL);

    if (!path) return errno;
    buf_text(&t->text, path);
    free(path);
    return 0;
}

static int do_readlink(FsTask *t)
{
    char target[PATH_MAX];
    ssize_t n = readlink(path_of(t), target, sizeof target);

    if (n < 0) return errno;
    buf_bytes(&t->text, target, (size_t)n);
    return 0;
}

static int copy_bytes(int from, int to)
{
    static _Thread_local char chunk[COPY_BYTES];

    for (;;) {
        ssize_t n = read(from, chunk, sizeof chunk), done = 0;
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : 0;
        while (done < n) {
            ssize_t m = write(to, chunk + done, (size_t)(n - done));
            if (m < 0 && errno != EINTR) return errno;
            if (m > 0) done += m;
        }
    }
}

static int do_copy(FsTask *t)
{
    struct stat st, other;

    int from = open(path_of(t), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) return errno;
    int error = fstat(from, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : 0;
    if (!error && !S_ISREG(st.st_mode)) error = EINVAL;
    const char *target = (const char *)t->more.data;
    // Onto itself it would be emptied.
    if (!error && stat(target, &other) == 0 && st.st_dev == other.st_dev &&
        st.st_ino == other.st_ino)
        error = EEXIST;
    int to = error ? -1 : open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 0777);
    if (!error && to < 0) error = errno;
    if (!error) error = copy_bytes(from, to);
    if (to >= 0 && close(to) != 0 && !error) error = errno;
    (void)close(from);
    return error;
}

static int perform(FsTask *t)
{
    const char *path = path_of(t), *more = (const char *)t->more.data;

    switch (t->op) {
    case FS_STAT:
    case FS_LSTAT:
        return do_stat(t);
    case FS_UNLINK:
        return unlink(path) ? errno : 0;
    case FS_MKDIR:
        return mkdir(path, 0777) ? errno : 0;
    case FS_RMDIR:
        return rmdir(path) ? errno : 0;
    case FS_LIST:
        return do_list(t);
    case FS_RENAME:
        return rename(path, more) ? errno : 0;
    case FS_TEMP_FILE:
    case FS_TEMP_DIR:
        return do_temp(t);
    case FS_CHDIR:
        return chdir(path) ? errno : 0;
    case FS_CWD:
    case FS_REAL:
        return do_path(t);
    case FS_CHMOD:
        return chmod(path, (mode_t)t->number) ? errno : 0;
    case FS_SYMLINK:
        return symlink(path, more) ? errno : 0;
    case FS_READLINK:
        return do_readlink(t);
    case FS_COPY:
        return do_copy(t);
    case FS_OPS:
        break;
    }
    return EINVAL;
}

// ---- tasks
// ------------------------------------------------------------------------------------------

static FsTask *task_of_block(const Block *b)
{
    FsTask *t;
    memcpy(&t, b->bytes, sizeof t);
    return t;
}

static void drop(Block *b)
{
    FsTask *t = task_of_block(b);
    Space *space = &t->vm->space;

    buf_free(&t->path);
    buf_free(&t->more);
    buf_free(&t->text);
    mem_free(MEM_IO, t, sizeof *t);
    block_free(space, b);
}

static FsTask *task_of(Value v)
{
    if (!value_is_kind(v, KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(v))->block;
    return b->drop == drop ? task_of_block(b) : NULL;
}

static Value run_fs(ActorJob *base)
{
    FsTask *t = container_of(base, FsJob, job)->task;
    int error = perform(t);

    if (!error && t->text.failed) error = ENOMEM;
    return value_fix(-error);
}

static void free_fs(ActorJob *base)
{
    FsJob *job = container_of(base, FsJob, job);
    Vm *vm = job->task->vm;
    Block *block = job->task->block;

    mem_free(MEM_IO, job, sizeof *job);
    block_release(&vm->space, block);
}

static void put_path(Buf *out, Value v)
{
    if (value_is_string(v)) string_to_utf8(v, out);
    buf_u8(out, 0);
}

// A handle of a new task; V_FAIL.
static Value new_task(Actor *a, FsOp op, Value path, Value more)
{
    Vm *vm = actor_vm(a);
    FsTask *t = mem_zalloc(MEM_IO, sizeof *t);
    Block *b = t ? block_new(&vm->space, sizeof t) : NULL;

    if (!b) {
        if (t) mem_free(MEM_IO, t, sizeof *t);
        return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    }
    b->drop = drop;
    memcpy(b->bytes, &t, sizeof t);
    t->vm = vm;
    t->block = b;
    t->op = op;
    put_path(&t->path, path);
    put_path(&t->more, more);
    t->number = value_is_fix(more) ? value_int(more) : 0;
    if (!t->path.failed && !t->more.failed) return heap_handle(HEAP(a), b);
    block_release(&vm->space, b);
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

static Value start(Actor *a, FsTask *t)
{
    FsJob *job = mem_zalloc(MEM_IO, sizeof *job);

    if (!job) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    job->job.run = run_fs;
    job->job.free = free_fs;
    job->task = t;
    block_retain(t->block);
    return job_start(a, &job->job);
}

// ---- results
// ------------------------------------------------------------------------------------------

// Text from outside: what is not UTF-8 is replaced by U+FFFD.
static Value outside_text(Actor *a, const uint8_t *at, size_t size)
{
    Buf *clean = &actor_worker(a)->text;
    const uint8_t *end = at + size;

    buf_clear(clean);
    while (at < end) {
        uint32_t scalar = utf8_decode(&at, end);
        buf_char(clean, scalar == UTF8_INVALID ? 0xFFFD : scalar);
    }
    if (clean->failed) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
    return string_from_utf8(HEAP(a), clean->data, clean->size);
}

static Value give_list(Actor *a, const FsTask *t)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *list = heap_root(HEAP(a), V_NIL);
    bool ok = true;

    for (size_t at = 0; ok && at < t->text.size;) {
        size_t size = strlen((const char *)t->text.data + at);
        Value v = outside_text(a, t->text.data + at, size);
        Value *name = heap_root(HEAP(a), v);
        ok = !value_is(v, V_FAIL) && heap_reserve(HEAP(a), 2);
        if (ok) *list = heap_cons(HEAP(a), *name, *list);
        heap_unroot(HEAP(a), mark + 1);
        at += size + 1;
    }
    native_charge_bytes(a, 4 * t->text.size);
    Value result = *list;
    heap_unroot(HEAP(a), mark);
    return ok ? result : V_FAIL;
}

static Value give_stat(Actor *a, const FsTask *t)
{
    Value *p = heap_alloc(HEAP(a), header_make(KIND_VECTOR, 4));

    if (!p) return V_FAIL;
    for (int i = 0; i < 4; i++) {
        p[1 + i] = value_fix(t->stat[i]);
    }
    return value_from_words(p, TAG_OBJ);
}

// (op path more state handle)
NATIVE_FN(fs)
{
    size_t op;

    (void)count;
    if (!native_index(args[0], FS_OPS, &op))
        return fail_type(HEAP(a), "fs", "an operation", args[0]);
    if (!value_is_string(args[1])) return fail_type(HEAP(a), "fs", "a string", args[1]);
    if (!task_of(args[4])) {
        Value handle = new_task(a, (FsOp)op, args[1], args[2]);
        if (value_is(handle, V_FAIL)) return handle;
        args[4] = handle;
        Value ref = start(a, task_of(args[4]));
        if (value_is(ref, V_FAIL)) return ref;
        args[3] = ref;
        return V_WAIT;
    }
    Value answer = reply_take(a, args[3]);
    if (value_is(answer, V_NONE)) return V_WAIT;
    if (!value_is(answer, value_fix(0))) return answer;
    FsTask *t = task_of(args[4]);
    switch ((FsForm)forms[t->op]) {
    case GIVES_STAT:
        return give_stat(a, t);
    case GIVES_TEXT:
        return outside_text(a, t->text.data, t->text.size);
    case GIVES_LIST:
        return give_list(a, t);
    case GIVES_NOTHING:
        break;
    }
    return value_fix(0);
}
