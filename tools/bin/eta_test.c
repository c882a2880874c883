// eta_test: runs test files, each in a process of its own, and reports on all of them.
//
// A file is run by etai, from the folder of this program. It prints TAP (std.test or (srfi 64));
// what it prints goes to unnamed temporary files and is read when it has ended. Files end in any
// order, and are reported in theirs. Each runs in a process group of its own: what it leaves behind
// ends with it.
#define _GNU_SOURCE // FTW_ACTIONRETVAL
#include "tools/test/report.h"

#include "vm/base/mem.h"
#include "vm/plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: eta_test [OPTION ...] [PATH ...]\n"
    "\n"
    "Runs the tests in files, and in all *.test.eta files under folders; without a path in the\n"
    "current one. Prints TAP 14. The status is 1 when a test failed.\n"
    "\n"
    "  --jobs N        run N files at a time (default: one for each processor)\n"
    "  --filter TEXT   run only tests whose name, written GROUP / NAME, contains TEXT\n"
    "  --junit FILE    also write the results to FILE, as JUnit's XML\n"
    "  --timeout N     give each file N seconds (default: 120)\n"
    "  --path DIR      look for imported modules in DIR too (also ETA_MODULE_PATH)\n"
    "  --help          print this\n"
    "  --version       print the version\n";

#define MAX_JOBS   1000
#define OUTPUT_MAX (256u << 20) // bytes that a file may print
#define FILES_OPEN 20           // folders that a walk keeps open

typedef struct {
    FileReport report;
    pid_t pid; // 0: not running
    bool timed_out, ended;
    int status; // of waitpid
    uint64_t start_ns;
    FILE *out, *err;
} TestFile;

static struct {
    TestFile *files;
    size_t count, capacity;
    const char *filter, *junit;
    uint64_t jobs, timeout_s;
    char **etai; // its arguments; the last, NULL, is preceded by the place for the file
    size_t etai_count;
    sigset_t waited, outer; // signals that the loop waits for; the mask from before
} run;

static int bad_usage(const char *what, const char *which)
{
    fprintf(stderr, "eta_test: %s%s%s\n%s", what, which ? ": " : "", which ? which : "", usage);
    return 2;
}

static char *keep(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_must_alloc(MEM_IO, size);

    memcpy(copy, text, size);
    return copy;
}

// ---- finding files
// ---------------------------------------------------------------------------------

static void add_file(const char *path)
{
    if (run.count == run.capacity) {
        size_t capacity = run.capacity ? 2 * run.capacity : 16;
        run.files = mem_must_realloc(MEM_IO, run.files, run.capacity * sizeof *run.files,
                                     capacity * sizeof *run.files);
        run.capacity = capacity;
    }
    run.files[run.count] = (TestFile){0};
    run.files[run.count++].report.path = keep(path);
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

static int visit(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    bool hidden = where->level > 0 && path[where->base] == '.';

    if (kind == FTW_D && hidden) return FTW_SKIP_SUBTREE;
    if (kind == FTW_DNR) fprintf(stderr, "eta_test: %s: cannot be read\n", path);
    bool file = (kind == FTW_F && S_ISREG(st->st_mode)) ||
                (kind == FTW_SL && access(path, R_OK) == 0);
    if (!file || hidden || !ends_with(path, ".test.eta")) return FTW_CONTINUE;
    while (path[0] == '.' && path[1] == '/') {
        path += 2;
    }
    add_file(path);
    return FTW_CONTINUE;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const TestFile *)a)->report.path, ((const TestFile *)b)->report.path);
}

static bool is_known(const char *path, size_t before)
{
    for (size_t i = 0; i < before; i++) {
        if (strcmp(run.files[i].report.path, path) == 0) return true;
    }
    return false;
}

// Those of a folder in the order of their names; what is named twice runs once.
static void settle(size_t first)
{
    size_t kept = first;

    if (run.count > first) qsort(run.files + first, run.count - first, sizeof *run.files, by_path);
    for (size_t i = first; i < run.count; i++) {
        if (is_known(run.files[i].report.path, first)) {
            mem_free(MEM_IO, run.files[i].report.path, strlen(run.files[i].report.path) + 1);
        } else {
            run.files[kept++] = run.files[i];
        }
    }
    run.count = kept;
}

// 0, or the exit status.
static int find_files(const char *path)
{
    struct stat st;
    size_t first = run.count;

    if (stat(path, &st) != 0) {
        fprintf(stderr, "eta_test: %s: %s\n", path, strerror(errno));
        return 2;
    }
    if (!S_ISDIR(st.st_mode)) {
        if (!ends_with(path, ".eta")) return bad_usage("not a file of Eta", path);
        add_file(path);
    } else if (nftw(path, visit, FILES_OPEN, FTW_PHYS | FTW_ACTIONRETVAL) != 0) {
        fprintf(stderr, "eta_test: %s: %s\n", path, strerror(errno));
        return 2;
    }
    settle(first);
    return 0;
}

// ---- running a file
// --------------------------------------------------------------------------------

static void become_etai(TestFile *f)
{
    int null = open("/dev/null", O_RDONLY);

    (void)setpgid(0, 0);
    (void)sigprocmask(SIG_SETMASK, &run.outer, NULL);
    if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(fileno(f->out), STDOUT_FILENO) < 0 ||
        dup2(fileno(f->err), STDERR_FILENO) < 0)
        _exit(126);
    if (null > STDERR_FILENO) close(null);
    run.etai[run.etai_count - 2] = f->report.path;
    execv(run.etai[0], run.etai);
    fprintf(stderr, "%s: %s\n", run.etai[0], strerror(errno));
    _exit(127);
}

static FILE *temporary(void)
{
    FILE *file = tmpfile();

    if (file && fcntl(fileno(file), F_SETFD, FD_CLOEXEC) == 0) return file;
    fprintf(stderr, "eta_test: no temporary file: %s\n", strerror(errno));
    exit(1);
}

static void start(TestFile *f)
{
    f->out = temporary();
    f->err = temporary();
    f->start_ns = plat_now_ns();
    fflush(NULL);
    f->pid = fork();
    if (f->pid == 0) become_etai(f);
    if (f->pid < 0) {
        fprintf(stderr, "eta_test: no process: %s\n", strerror(errno));
        exit(1);
    }
    (void)setpgid(f->pid, f->pid); // whoever comes first
}

static void read_back(FILE *file, Buf *out)
{
    size_t n;

    rewind(file);
    while (out->size < OUTPUT_MAX && buf_reserve(out, 65536) &&
           (n = fread(out->data + out->size, 1, 65536, file)) > 0) {
        out->size += n;
    }
    fclose(file);
}

// Why the file itself counts as a failed test.
static void find_fault(TestFile *f)
{
    FileReport *r = &f->report;
    size_t failed = 0;

    for (size_t i = 0; i < r->tap.count; i++) {
        failed += test_failed(&r->tap.items[i]);
    }
    bool tap = r->tap.has_plan || r->tap.count > 0;
    if (f->timed_out) {
        snprintf(r->fault, sizeof r->fault, "timed out after %llu s",
                 (unsigned long long)run.timeout_s);
    } else if (WIFSIGNALED(f->status)) {
        snprintf(r->fault, sizeof r->fault, "killed by signal %d", WTERMSIG(f->status));
    } else if (r->out.failed || r->err.failed || r->out.size >= OUTPUT_MAX) {
        snprintf(r->fault, sizeof r->fault, "too much output");
    } else if (r->tap.bail_out.text) {
        snprintf(r->fault, sizeof r->fault, "bailed out");
    } else if (WEXITSTATUS(f->status) != 0 && !tap) {
        snprintf(r->fault, sizeof r->fault, "load error");
    } else if (WEXITSTATUS(f->status) != 0 && failed == 0) {
        snprintf(r->fault, sizeof r->fault, "exit status %d", WEXITSTATUS(f->status));
    } else if (tap && !r->tap.has_plan) {
        snprintf(r->fault, sizeof r->fault, "no plan: its tests did not end");
    } else if (tap && r->tap.planned != r->tap.count) {
        snprintf(r->fault, sizeof r->fault, "planned %llu tests, ran %zu",
                 (unsigned long long)r->tap.planned, r->tap.count);
    } else {
        r->silent = !tap && (!run.filter || strstr(r->path, run.filter));
    }
}

// The process has ended, but is not taken away yet: its group's number is still its own.
static void finish(TestFile *f)
{
    (void)kill(-f->pid, SIGKILL);
    while (waitpid(f->pid, &f->status, 0) < 0 && errno == EINTR) {
    }
    f->report.seconds = (double)(plat_now_ns() - f->start_ns) / 1e9;
    f->pid = 0;
    f->ended = true;
    read_back(f->out, &f->report.out);
    read_back(f->err, &f->report.err);
    tap_read(&f->report.tap, (const char *)f->report.out.data, f->report.out.size);
    find_fault(f);
}

// ---- running all of them
// ---------------------------------------------------------------------------

static void stop_all(int number)
{
    for (size_t i = 0; i < run.count; i++) {
        if (run.files[i].pid) (void)kill(-run.files[i].pid, SIGKILL);
    }
    (void)sigprocmask(SIG_SETMASK, &run.outer, NULL);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
    exit(128 + number);
}

static bool has_ended(const TestFile *f)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)f->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid != 0;
}

// Sleeps until a child ends or the next file's time is up.
static void wait_for_event(void)
{
    uint64_t now = plat_now_ns(), next = now + UINT64_C(3600000000000);

    for (size_t i = 0; i < run.count; i++) {
        const TestFile *f = &run.files[i];
        uint64_t deadline = f->start_ns + run.timeout_s * UINT64_C(1000000000);
        if (f->pid && !f->timed_out && deadline < next) next = deadline;
    }
    uint64_t left = next > now ? next - now : 1;
    struct timespec time = {.tv_sec = (time_t)(left / 1000000000),
                            .tv_nsec = (long)(left % 1000000000)};
    int number = sigtimedwait(&run.waited, NULL, &time);
    if (number > 0 && number != SIGCHLD) stop_all(number);
}

static size_t look_after(void)
{
    uint64_t now = plat_now_ns();
    size_t running = 0;

    for (size_t i = 0; i < run.count; i++) {
        TestFile *f = &run.files[i];
        if (!f->pid) continue;
        if (has_ended(f)) {
            finish(f);
        } else {
            running++;
            if (!f->timed_out && now - f->start_ns >= run.timeout_s * UINT64_C(1000000000)) {
                f->timed_out = true;
                (void)kill(-f->pid, SIGKILL);
            }
        }
    }
    return running;
}

static void run_all(Totals *totals)
{
    size_t started = 0, reported = 0;

    (void)sigemptyset(&run.waited);
    static const int signals[] = {SIGCHLD, SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < countof(signals); i++) {
        (void)sigaddset(&run.waited, signals[i]);
    }
    (void)sigprocmask(SIG_BLOCK, &run.waited, &run.outer);
    while (reported < run.count) {
        size_t running = look_after();
        while (reported < started && run.files[reported].ended) {
            report_file(&run.files[reported++].report, totals);
        }
        if (started < run.count && running < run.jobs) {
            start(&run.files[started++]);
        } else if (reported < run.count && running > 0) {
            wait_for_event();
        }
    }
    (void)sigprocmask(SIG_SETMASK, &run.outer, NULL);
}

// ---- the program
// -----------------------------------------------------------------------------------

static bool find_etai(const char *self, char *path, size_t size)
{
    ssize_t n = readlink("/proc/self/exe", path, size - 1);

    if (n < 0) n = snprintf(path, size, "%s", self);
    if (n < 0 || (size_t)n >= size - 8) return false;
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    char *base = slash ? slash + 1 : path;
    memcpy(base, "etai", 5);
    return access(path, X_OK) == 0;
}

static bool read_count(const char *text, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && errno == 0 && *out >= 1 && *out <= max;
}

static void add_argument(const char *text)
{
    run.etai = mem_must_realloc(MEM_IO, run.etai, run.etai_count * sizeof *run.etai,
                                (run.etai_count + 1) * sizeof *run.etai);
    run.etai[run.etai_count++] = text ? keep(text) : NULL;
}

// -1: go on; else the exit status.
static int take_option(const char *option, const char *value)
{
    static const char *const with_value[] = {"--jobs", "--filter", "--junit", "--timeout",
                                             "--path"};
    size_t i = 0;

    while (i < countof(with_value) && strcmp(option, with_value[i]) != 0) {
        i++;
    }
    if (i == countof(with_value)) return bad_usage("unknown option", option);
    if (!value) return bad_usage("an argument is missing after", option);
    switch (i) {
    case 0:
        if (!read_count(value, MAX_JOBS, &run.jobs))
            return bad_usage("--jobs takes a number from 1 to 1000", value);
        break;
    case 1:
        run.filter = value;
        break;
    case 2:
        run.junit = value;
        break;
    case 3:
        if (!read_count(value, 1000000, &run.timeout_s))
            return bad_usage("--timeout takes a number of seconds from 1 to 1000000", value);
        break;
    default:
        add_argument("--path");
        add_argument(value);
        break;
    }
    return -1;
}

static int parse(int argc, char **argv)
{
    int i, status;
    bool some = false;

    for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(argv[i], "--version") == 0) {
            puts("eta_test " ETA_VERSION);
            return 0;
        }
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        status = take_option(argv[i], argv[i + 1]);
        if (status >= 0) return status;
        i++;
    }
    for (; i < argc; i++) {
        some = true;
        status = find_files(argv[i]);
        if (status > 0) return status;
    }
    status = some ? 0 : find_files(".");
    return status > 0 ? status : -1;
}

static int test(FILE *junit)
{
    Totals totals = {0};
    uint64_t start_ns = plat_now_ns();

    puts("TAP version 14");
    if (run.count == 0) fputs("eta_test: no *.test.eta files found\n", stderr);
    run_all(&totals);
    totals.seconds = (double)(plat_now_ns() - start_ns) / 1e9;
    report_end(&totals);
    int status = totals.failed > 0;
    if (ferror(stdout)) {
        fputs("eta_test: standard output cannot be written\n", stderr);
        status = 1;
    }
    if (junit) {
        FileReport *reports = mem_must_alloc(MEM_IO, (run.count + 1) * sizeof *reports);
        for (size_t i = 0; i < run.count; i++) {
            reports[i] = run.files[i].report;
        }
        if (!report_junit(junit, reports, run.count, &totals)) {
            fprintf(stderr, "eta_test: %s: cannot be written\n", run.junit);
            status = 1;
        }
        mem_free(MEM_IO, reports, (run.count + 1) * sizeof *reports);
    }
    return status;
}

static void free_all(void)
{
    for (size_t i = 0; i < run.count; i++) {
        FileReport *r = &run.files[i].report;
        tap_free(&r->tap);
        buf_free(&r->out);
        buf_free(&r->err);
        mem_free(MEM_IO, r->path, strlen(r->path) + 1);
    }
    mem_free(MEM_IO, run.files, run.capacity * sizeof *run.files);
    if (run.etai) run.etai[run.etai_count - 2] = NULL; // one of the paths
    for (size_t i = 0; i < run.etai_count; i++) {
        if (run.etai[i]) mem_free(MEM_IO, run.etai[i], strlen(run.etai[i]) + 1);
    }
    mem_free(MEM_IO, run.etai, run.etai_count * sizeof *run.etai);
}

int main(int argc, char **argv)
{
    char etai[4096];
    FILE *junit = NULL;

    plat_guard_standard_files();
    run.jobs = plat_cpu_count() < MAX_JOBS ? plat_cpu_count() : MAX_JOBS;
    run.timeout_s = 120;
    bool found = find_etai(argv[0], etai, sizeof etai);
    add_argument(etai);
    int status = parse(argc, argv);
    if (status < 0 && !found) {
        fprintf(stderr, "eta_test: %s: cannot be run\n", etai);
        status = 1;
    }
    if (status < 0 && run.junit) {
        junit = fopen(run.junit, "we");
        if (!junit) {
            fprintf(stderr, "eta_test: %s: %s\n", run.junit, strerror(errno));
            status = 2;
        }
    }
    add_argument("--");
    add_argument(NULL); // the file
    add_argument(NULL);
    if (status < 0) {
        (void)setenv("ETA_TEST_DETAILS", "1", 1);
        if (run.filter) {
            (void)setenv("ETA_TEST_FILTER", run.filter, 1);
        } else {
            (void)unsetenv("ETA_TEST_FILTER");
        }
        status = test(junit);
    }
    if (junit && fclose(junit) != 0) status = 1;
    free_all();
    return status;
}
