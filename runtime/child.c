// See child.h.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "runtime/child.h"
#include "runtime/console.h"
#include "runtime/jobs.h"

#include "vm/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHUNK_BYTES 65536
#define BAD_FOLDER  65536

static const char default_path[] = "/usr/bin:/bin";

// ---- life
// -------------------------------------------------------------------------------------------

Child *child_new(Vm *vm, Poller *poller, Console *console)
{
    Child *c = mem_zalloc(MEM_IO, sizeof *c);

    if (!c) return NULL;
    atomic_store_explicit(&c->refs, 1, memory_order_relaxed);
    c->vm = vm;
    c->poller = poller;
    c->console = console;
    c->pid_fd = -1;
    for (int i = 0; i < CHILD_FDS; i++) {
        c->fds[i] = -1;
    }
    return c;
}

void child_retain(Child *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) (void)close(*fd);
    *fd = -1;
}

void child_release(Child *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1) return;
    for (int i = 0; i < CHILD_FDS; i++) {
        close_fd(&c->fds[i]);
        buf_free(&c->captured[i]);
    }
    close_fd(&c->pid_fd);
    buf_free(&c->program);
    buf_free(&c->arguments);
    buf_free(&c->variables);
    buf_free(&c->folder);
    buf_free(&c->input);
    buf_free(&c->told);
    mem_free(MEM_IO, c, sizeof *c);
}

// Under the lock: nobody will use its pipes any more, but for those that are pumped.
static void abandon(Child *c)
{
    for (int i = 0; i < CHILD_FDS; i++) {
        if (c->modes[i] == STREAM_PIPE) close_fd(&c->fds[i]);
    }
    if (c->kill_with_owner && c->pid > 0 && !c->exited) (void)kill(c->pid, SIGKILL);
}

void child_disown(Child *c)
{
    plat_lock(&c->lock);
    c->disowned = true;
    c->waiting = false;
    abandon(c);
    plat_unlock(&c->lock);
    (void)poller_cancel(c->poller, c->ticket);
    child_release(c);
}

// ---- the end
// ----------------------------------------------------------------------------------------

// Under the lock. Whom to tell: true when there is somebody.
static bool take_waiter(Child *c, Value *pid, Value *ref)
{
    if (!c->waiting || !c->exited || c->pumping > 0) return false;
    c->waiting = false;
    *pid = c->waiter;
    *ref = c->wait_ref;
    return true;
}

static void reap(Child *c)
{
    int status = 0;

    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
    }
    c->code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    c->exited = true;
    close_fd(&c->pid_fd);
}

static void on_exit_of(void *context, bool ready)
{
    Child *c = context;
    Value pid, ref;

    if (ready) {
        plat_lock(&c->lock);
        reap(c); // does not wait: it has ended
        bool tell = take_waiter(c, &pid, &ref);
        plat_unlock(&c->lock);
        if (tell) job_answer(c->vm, pid, ref, V_TRUE);
    }
    child_release(c);
}

// ---- pumps
// ------------------------------------------------------------------------------------------

static void end_pump(Child *c, int stream)
{
    Value pid, ref;

    plat_lock(&c->lock);
    close_fd(&c->fds[stream]);
    c->pumping--;
    bool tell = take_waiter(c, &pid, &ref);
    plat_unlock(&c->lock);
    if (tell) job_answer(c->vm, pid, ref, V_TRUE);
    child_release(c);
}

static bool would_block(ssize_t n)
{
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
}

// False when there will be no more.
static bool drain_some(Child *c, int stream)
{
    Buf *b = &c->captured[stream];

    if (!buf_reserve(b, CHUNK_BYTES)) return false;
    ssize_t n = read(c->fds[stream], b->data + b->size, CHUNK_BYTES);
    if (n > 0) b->size += (size_t)n;
    return n > 0 || would_block(n);
}

// False when all is written, or nobody reads.
static bool feed_some(Child *c)
{
    size_t left = c->input.size - c->given;
    ssize_t n = left ? write(c->fds[0], c->input.data + c->given, left) : 0;

    if (n > 0) c->given += (size_t)n;
    return (n > 0 && c->given < c->input.size) || would_block(n);
}

static void on_stdin(void *context, bool ready)
{
    Child *c = context;

    if (!ready || !feed_some(c) || !poller_call(c->poller, c->fds[0], POLL_WRITE, on_stdin, c))
        end_pump(c, 0);
}

static void on_stdout(void *context, bool ready)
{
    Child *c = context;

    if (!ready || !drain_some(c, 1) || !poller_call(c->poller, c->fds[1], POLL_READ, on_stdout, c))
        end_pump(c, 1);
}

static void on_stderr(void *context, bool ready)
{
    Child *c = context;

    if (!ready || !drain_some(c, 2) || !poller_call(c->poller, c->fds[2], POLL_READ, on_stderr, c))
        end_pump(c, 2);
}

static void on_link(void *context, bool ready)
{
    Child *c = context;

    if (!ready || !drain_some(c, CHILD_LINK) ||
        !poller_call(c->poller, c->fds[CHILD_LINK], POLL_READ, on_link, c))
        end_pump(c, CHILD_LINK);
}

static void start_pumps(Child *c)
{
    static void (*const backs[CHILD_FDS])(void *, bool) = {on_stdin, on_stdout, on_stderr, on_link};

    for (int i = 0; i < CHILD_FDS; i++) {
        if (c->modes[i] != STREAM_CAPTURE) continue;
        child_retain(c);
        if (!poller_call(c->poller, c->fds[i], i == 0 ? POLL_WRITE : POLL_READ, backs[i], c))
            end_pump(c, i);
    }
}

// ---- starting
// ---------------------------------------------------------------------------------------

// Pointers to the strings of a buffer, with NULL at the end. NULL without memory.
static char **pointers(const Buf *strings, size_t *count)
{
    size_t n = 0;

    for (size_t at = 0; at < strings->size; at += strlen((char *)strings->data + at) + 1) {
        n++;
    }
    char **list = mem_alloc(MEM_IO, (n + 1) * sizeof *list);
    *count = n + 1;
    if (!list) return NULL;
    n = 0;
    for (size_t at = 0; at < strings->size; at += strlen((char *)strings->data + at) + 1) {
        list[n++] = (char *)strings->data + at;
    }
    list[n] = NULL;
    return list;
}

// Of two variables of one name the later counts.
static void drop_doubles(char **variables)
{
    size_t kept = 0;

    for (size_t i = 0; variables[i]; i++) {
        size_t name = (size_t)(strchr(variables[i], '=') - variables[i]) + 1, j = i + 1;
        while (variables[j] && strncmp(variables[i], variables[j], name) != 0) {
            j++;
        }
        if (!variables[j]) variables[kept++] = variables[i];
    }
    variables[kept] = NULL;
}

// One attempt, with the program at this path.
static int spawn_at(const Child *c, const char *path, char **arguments, char **variables,
                    const int *theirs, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, defaults;

    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (!error && c->has_folder)
        error = posix_spawn_file_actions_addchdir_np(&actions, (char *)c->folder.data);
    for (int i = 0; !error && i < CHILD_FDS; i++) {
        if (theirs[i] >= 0) {
            error = posix_spawn_file_actions_adddup2(&actions, theirs[i], i);
        } else if (c->modes[i] == STREAM_NULL) {
            error = posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
        } else if (c->modes[i] == STREAM_MERGE) {
            error = posix_spawn_file_actions_adddup2(&actions, 1, i);
        }
    }
    // Our threads block signals, and SIGPIPE is ignored: a program expects neither.
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    (void)posix_spawnattr_setsigmask(&attributes, &none);
    (void)posix_spawnattr_setsigdefault(&attributes, &defaults);
    (void)posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (!error) error = posix_spawn(pid, path, &actions, &attributes, arguments, variables);
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return error;
}

// Looks for the program along the child's PATH, as a shell would.
static int spawn_along(const Child *c, char **arguments, char **variables, const int *theirs,
                       pid_t *pid)
{
    const char *program = (char *)c->program.data, *path = default_path;
    Buf place = BUF_INIT;
    int error = ENOENT;

    if (strchr(program, '/')) return spawn_at(c, program, arguments, variables, theirs, pid);
    for (size_t i = 0; variables[i]; i++) {
        if (strncmp(variables[i], "PATH=", 5) == 0) path = variables[i] + 5;
    }
    for (;;) {
        size_t size = strcspn(path, ":");
        buf_clear(&place);
        buf_bytes(&place, size ? path : ".", size ? size : 1);
        buf_u8(&place, '/');
        buf_text(&place, program);
        int result = spawn_at(c, buf_cstr(&place), arguments, variables, theirs, pid);
        if (result == 0 || (result != ENOENT && result != ENOTDIR && result != EACCES)) {
            error = result;
            break;
        }
        if (result == EACCES) error = result;
        if (!path[size]) break;
        path += size + 1;
    }
    buf_free(&place);
    return error;
}

static int open_pair(int stream, int *ends)
{
    return stream == CHILD_LINK ? socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)
                                : pipe2(ends, O_CLOEXEC);
}

static int open_pipes(Child *c, int *theirs)
{
    for (int i = 0; i < CHILD_FDS; i++) {
        int ends[2];
        if (c->modes[i] != STREAM_PIPE && c->modes[i] != STREAM_CAPTURE) continue;
        if (open_pair(i, ends) != 0) return errno;
        int ours = ends[i == 0 ? 1 : 0];
        theirs[i] = ends[i == 0 ? 0 : 1];
        // A flag of this end alone: the child's stays as programs expect it.
        (void)fcntl(ours, F_SETFL, fcntl(ours, F_GETFL) | O_NONBLOCK);
        plat_lock(&c->lock);
        c->fds[i] = ours;
        if (c->modes[i] == STREAM_CAPTURE) c->pumping++;
        plat_unlock(&c->lock);
    }
    return 0;
}

static int check_folder(const Child *c)
{
    struct stat st;

    if (!c->has_folder) return 0;
    if (stat((char *)c->folder.data, &st) != 0) return BAD_FOLDER + errno;
    return S_ISDIR(st.st_mode) ? 0 : BAD_FOLDER + ENOTDIR;
}

// From now on its end is seen.
static int watch(Child *c)
{
    int fd = (int)syscall(SYS_pidfd_open, c->pid, 0), error = fd < 0 ? errno : 0;

    if (!error) {
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
        c->pid_fd = fd;
        child_retain(c);
        if (poller_call(c->poller, fd, POLL_READ, on_exit_of, c)) return 0;
        error = errno;
        child_release(c);
    }
    (void)kill(c->pid, SIGKILL);
    plat_lock(&c->lock);
    reap(c);
    plat_unlock(&c->lock);
    return error;
}

// Who started us may have had no wish to know how its children end; we do.
static void expect_ends(void)
{
    struct sigaction action;

    if (sigaction(SIGCHLD, NULL, &action) == 0 && action.sa_handler == SIG_IGN) {
        action.sa_handler = SIG_DFL;
        (void)sigaction(SIGCHLD, &action, NULL);
    }
}

// It fits into the socket's buffer.
static int send_told(const Child *c)
{
    ssize_t n = send(c->fds[CHILD_LINK], c->told.data, c->told.size, MSG_NOSIGNAL);
    return n == (ssize_t)c->told.size ? 0 : n < 0 ? errno : EMSGSIZE;
}

int child_start(Child *c)
{
    int theirs[CHILD_FDS] = {-1, -1, -1, -1}, ignored;
    size_t argument_count = 0, variable_count = 0;
    char **arguments = pointers(&c->arguments, &argument_count);
    char **variables = pointers(&c->variables, &variable_count);
    pid_t pid = 0;

    expect_ends();
    int error = arguments && variables ? check_folder(c) : ENOMEM;
    if (!error) error = open_pipes(c, theirs);
    if (!error && c->modes[CHILD_LINK]) error = send_told(c);
    if (!error) {
        drop_doubles(variables);
        // What was written before comes before what the child writes.
        if (c->modes[1] == STREAM_INHERIT) (void)console_flush_all(c->console, &ignored);
        error = spawn_along(c, arguments, variables, theirs, &pid);
    }
    for (int i = 0; i < CHILD_FDS; i++) {
        close_fd(&theirs[i]);
    }
    if (arguments) mem_free(MEM_IO, arguments, argument_count * sizeof *arguments);
    if (variables) mem_free(MEM_IO, variables, variable_count * sizeof *variables);
    if (error) return error;
    plat_lock(&c->lock);
    c->pid = pid;
    plat_unlock(&c->lock);
    error = watch(c);
    if (error) return error;
    start_pumps(c);
    plat_lock(&c->lock);
    if (c->disowned) abandon(c);
    plat_unlock(&c->lock);
    return 0;
}

// ---- questions
// --------------------------------------------------------------------------------------

bool child_is_done(Child *c, int *code)
{
    plat_lock(&c->lock);
    bool done = c->exited && c->pumping == 0;
    *code = c->code;
    plat_unlock(&c->lock);
    return done;
}

bool child_wait(Child *c, Value pid, Value ref)
{
    plat_lock(&c->lock);
    bool wait = !c->exited || c->pumping > 0;
    c->waiting = wait;
    c->waiter = pid;
    c->wait_ref = ref;
    plat_unlock(&c->lock);
    return wait;
}

void child_stop_waiting(Child *c)
{
    plat_lock(&c->lock);
    c->waiting = false;
    plat_unlock(&c->lock);
}

bool child_signal(Child *c, int number)
{
    plat_lock(&c->lock);
    bool alive = c->pid > 0 && !c->exited && kill(c->pid, number) == 0;
    plat_unlock(&c->lock);
    return alive;
}
