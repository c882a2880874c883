// Runs a command several times and prints what one run takes, whole process:
//     spawn_time N COMMAND ARGUMENT ...
// prints "MEDIAN-MS MIN-MS MAX-MS MAX-RSS-KB". The command's output is thrown away; a command that
// fails ends everything with status 1.
//
//     spawn_time -NAME COMMAND ARGUMENT ...
// runs it once, lets its output through, and prints "NAME_rss MAX-RSS-MB MB" behind it.
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void become(char **command, bool quiet)
{
    int nowhere = quiet ? open("/dev/null", O_RDWR) : -1;

    for (int fd = 0; fd < 3 && nowhere >= 0; fd++) {
        dup2(nowhere, fd);
    }
    execvp(command[0], command);
    _exit(127);
}

// Milliseconds of one run; -1 when it failed.
static double run(char **command, bool quiet, long *rss_kb)
{
    struct rusage used;
    int status;
    double start = now_ms();
    pid_t pid = vfork();

    if (pid == 0) become(command, quiet);
    if (pid < 0) return -1;
    while (wait4(pid, &status, 0, &used) < 0) {
        if (errno != EINTR) return -1;
    }
    double ms = now_ms() - start;
    if (used.ru_maxrss > *rss_kb) *rss_kb = used.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? ms : -1;
}

static int run_once(const char *name, char **command)
{
    long rss_kb = 0;
    double ms = run(command, false, &rss_kb);

    if (ms < 0) return 1;
    printf("%s_rss %.1f MB\n", name, (double)rss_kb / 1024);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && argv[1][0] == '-') return run_once(argv[1] + 1, argv + 2);
    int n = argc > 2 ? atoi(argv[1]) : 0;
    double *ms = n > 0 ? calloc((size_t)n, sizeof *ms) : NULL;
    long rss_kb = 0;

    if (!ms) {
        fprintf(stderr, "usage: spawn_time N COMMAND ARGUMENT ...\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        ms[i] = run(argv + 2, true, &rss_kb);
        if (ms[i] < 0) {
            fprintf(stderr, "spawn_time: %s failed\n", argv[2]);
            return 1;
        }
    }
    qsort(ms, (size_t)n, sizeof *ms, compare);
    printf("%.3f %.3f %.3f %ld\n", ms[n / 2], ms[0], ms[n - 1], rss_kb);
    free(ms);
    return 0;
}
