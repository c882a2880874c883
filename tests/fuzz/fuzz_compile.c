// libFuzzer target: the whole compiler on arbitrary text. It must end with diagnostics or with an
// image that the verifier accepts. Seeds: tests/fuzz/corpus/front.
#include "compiler/builder.h"
#include "vm/image/image.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

extern const uint8_t eta_stdlib_image[], eta_stdlib_image_end[];

static void check_image(const Buf *image)
{
    ImageView view;
    ModuleView module;
    const char *bad;
    char why[200];

    if (!image_open(&view, image->data, image->size, false, &bad)) abort();
    for (uint32_t i = 0; i < view.module_count; i++) {
        if (!image_module(&view, i, &module, &bad)) abort();
        if (image_verify(&module, why, sizeof why)) continue;
        fprintf(stderr, "the verifier refuses what the compiler made: %s\n", why);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Builder b;
    Buf image = BUF_INIT;

    builder_init(&b, eta_stdlib_image, (size_t)(eta_stdlib_image_end - eta_stdlib_image));
    if (builder_compile_text(&b, "fuzz", (const char *)data, size, NULL, &image))
        check_image(&image);
    buf_free(&image);
    builder_free(&b);
    return 0;
}
