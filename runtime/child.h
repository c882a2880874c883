// Child processes: starting them, feeding and draining their pipes, waiting for their end.
//
// A child belongs to the actor that holds its handle. The poller sees it end and reaps it at once,
// whether anybody waits or not: there are no zombies. What is captured is read by the poller, too,
// so that a child never waits for a reader that waits for it.
//
// Threads: `lock` guards what changes; references are counted: the owner's handle, the job that
// starts it, each call-back of the poller.
#ifndef RUNTIME_CHILD_H
#define RUNTIME_CHILD_H

#include "runtime/environ.h"
#include "runtime/poller.h"
#include "vm/base/buf.h"

#include <sys/types.h>

struct Console;

typedef enum {
    STREAM_INHERIT,
    STREAM_NULL,
    STREAM_PIPE,
    STREAM_CAPTURE, // of standard input: it is given `input`
    STREAM_MERGE,   // standard error goes where standard output goes
    STREAM_MODES
} StreamMode;

// Descriptors of the child that lead to us: its three standard streams and, of a worker, the link. What
// comes on that is captured; that it ends tells the child that we have.
enum { CHILD_LINK = 3, CHILD_FDS };

typedef struct Child {
    Vm *vm;
    Poller *poller;
    struct Console *console;
    _Atomic uint32_t refs;
    // What is to be run; const once it has been started. Strings with their NULs, one after
    // another.
    Buf program, arguments, variables, folder;
    bool has_folder;
    bool kill_with_owner; // nobody but the owner can make use of it
    StreamMode modes[CHILD_FDS];
    PlatLock lock;
    pid_t pid;        // 0: not started; lock
    int pid_fd;       // lock
    bool exited;      // and reaped; lock
    bool disowned;    // lock
    int code;         // exit status, 128 + signal; lock
    int fds[CHILD_FDS];       // our ends that nobody has taken over, -1; lock
    uint32_t pumping; // of them, how many are being fed or drained; lock
    Buf input;        // for standard input; [given, size) is left; the pump's
    size_t given;
    Buf told; // the first that it finds on the link
    Buf captured[CHILD_FDS]; // the pump's until `pumping` is 0
    bool waiting;    // an actor waits; lock
    Value waiter, wait_ref;
    uint64_t ticket; // of the time limit of the owner's wait; the owner's
} Child;

Child *child_new(Vm *vm, Poller *poller, struct Console *console); // NULL without memory
void child_retain(Child *c);
void child_release(Child *c);
// The owner is gone.
void child_disown(Child *c);

// Starts it; 0, an errno, or 65536 + errno when the folder is the reason. Blocks: on a dirty
// thread.
int child_start(Child *c);
// Has it ended, and has all that it wrote been read?
bool child_is_done(Child *c, int *code);
// The actor that waits is answered true. False: it is done already.
MUST_USE bool child_wait(Child *c, Value pid, Value ref);
void child_stop_waiting(Child *c);
// False when it has ended.
bool child_signal(Child *c, int number);
// The child of a handle (nat_process.c), or NULL.
Child *child_of(Value handle);

#endif
