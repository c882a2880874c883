// libFuzzer target: the image loader on arbitrary bytes, and the VM on what it lets through.
//
// The content hash would refuse nearly everything, so it is put right first: what must hold is that
// the verifier lets nothing through that can harm the VM. What is accepted is linked and run for a
// moment. Seeds: tests/fuzz/corpus/image.
#include "runtime/runtime.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Conf conf;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char why[200];

    (void)argc, (void)argv;
    setenv("ETA_ACTOR_SCHEDULERS", "1", 1);
    setenv("ETA_ACTOR_REDUCTION_BUDGET", "300", 1);
    setenv("ETA_MEMORY_LIMIT", "200000000", 1);
    if (!conf_read(&conf, why, sizeof why)) abort();
    // What programs print is of no interest; libFuzzer writes to standard error through its own
    // copy.
    int null = open("/dev/null", O_WRONLY);
    if (null < 0 || dup2(null, 1) < 0) abort();
    return 0;
}

static void put_right(uint8_t *data, size_t size)
{
    ImageHeader head;

    if (size < sizeof head) return;
    memcpy(&head, data, sizeof head);
    head.magic = IMAGE_MAGIC;
    head.version = IMAGE_VERSION;
    head.size = size;
    head.toolchain = image_toolchain();
    head.content = hash_content(data + sizeof head, size - sizeof head);
    memcpy(data, &head, sizeof head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *no_arguments[] = {NULL};
    static Runtime r;
    Buf image = BUF_INIT;
    char why[300];

    if (!runtime_init(&r, &conf, why, sizeof why)) abort();
    r.arguments = no_arguments;
    buf_bytes(&image, data, size);
    if (image.failed) abort();
    put_right(image.data, image.size);
    if (runtime_load(&r, &image, true, why, sizeof why)) {
        vm_interrupt(r.vm, SIGTERM); // the main actor gets a slice or two
        (void)runtime_run(&r);
    }
    runtime_fini(&r);
    return 0;
}
