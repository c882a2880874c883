// Signals on POSIX systems. See plat.h.
#include "vm/plat/plat.h"

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
