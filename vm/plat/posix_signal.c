// Signals on POSIX systems. See plat.h.
#include "vm/plat/plat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

void plat_signals_catch(void (*on_signal)(int number))
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    // No SA_RESTART: a read or a wait of the main thread must return to look at what was asked.
    action.sa_flags = SA_ONSTACK;
    action.sa_handler = on_signal;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

void plat_guard_standard_files(void)
{
    for (int fd = 0; fd < 3; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
        // The lowest free number is this one.
        if (open("/dev/null", O_RDONLY) < 0) return;
    }
}
