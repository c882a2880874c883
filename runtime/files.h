// Open files: what stands behind a port on a file or pipe.
//
// A file belongs to the actor that holds its handle (KIND_HANDLE, vm/value/object.h), and is closed
// at the latest when the actor has ended or has collected the handle. What was written to a regular
// file is buffered here, not in the actor's heap, so that no way of ending loses it; pipes,
// terminals and devices are written to at once.
//
// Regular files are read and written on dirty threads. Everything else is non-blocking: the owner
// reads and writes itself, and waits by the poller.
//
// Threads: `lock` guards what the owner, its job and the end of the program all touch. While a job
// runs
// (`busy`) the owner touches nothing: it waits.
#ifndef RUNTIME_FILES_H
#define RUNTIME_FILES_H

#include "runtime/poller.h"
#include "vm/base/buf.h"

struct Console;

// All open files of a program.
typedef struct Files {
    Vm *vm;
    Poller *poller;
    struct Console *console;
    PlatLock lock;
    struct File *first;       // lock
    _Atomic uint32_t closing; // the program ends: no dirty thread is asked any more
    _Atomic uint32_t lost;    // number of files of which something could not be written at the end
} Files;

typedef enum {
    FILE_READ,
    FILE_WRITE, // what was in it is gone
    FILE_APPEND,
    FILE_UPDATE,    // what was in it stays
    FILE_EXCLUSIVE, // there must not be one yet
    FILE_MODES
} FileMode;

typedef struct File {
    Files *files;
    Block *block; // that it is in
    char *path;   // for messages; its bytes are path_size
    size_t path_size;
    FileMode mode;         // const once it is open
    bool regular;          // likewise
    bool stream;           // closing it tells the peer of a connection; const once it is open
    _Atomic uint32_t busy; // jobs that have not ended
    PlatLock lock;
    int fd;  // -1: closed; lock
    Buf out; // to be written; lock
    Buf in;  // read; [taken, size) has not been delivered; lock
    size_t taken;
    uint64_t delivered; // bytes: for a regular file the place in it; lock
    bool end, replaced; // nothing more has come; U+FFFD stands for some of what came; lock
    uint64_t ticket;    // of the owner's wait
    struct File *next, *prev;
} File;

// A new file without a descriptor; NULL without memory. `path` is copied.
File *file_new(Files *files, const void *path, size_t size);
// The file of a handle, or NULL.
File *file_of(Value handle);
// Gives it an open descriptor.
void file_adopt(File *f, int fd, FileMode mode);

// Each gives 0 or an errno. They block: not on a worker unless it says so.
int file_open(File *f, FileMode mode);
int file_fill(
    File *f); // reads what there is; of a file that is not regular without waiting: EAGAIN
int file_flush(File *f); // of a file that is not regular, without waiting: EAGAIN. What could not
                         // be written is dropped with the error
int file_close(File *f); // after a flush; on a worker for files that have nothing to write
int64_t file_seek(File *f, int64_t offset, int whence); // position, or a negative errno

// The program ends: writes what is left of all files and closes them. Gives how many failed.
uint32_t files_finish(Files *files);

#endif
