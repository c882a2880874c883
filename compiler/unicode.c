// See unicode.h.
#include "compiler/unicode.h"

#include <stdlib.h>
#include <utf8proc.h>

void unicode_fold_case(void *context, const char *text, size_t size, Buf *out)
{
    utf8proc_uint8_t *folded = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &folded,
                                      UTF8PROC_CASEFOLD);

    (void)context;
    if (n < 0) {
        out->failed = true; // memory: the text is valid
        return;
    }
    buf_bytes(out, folded, (size_t)n);
    free(folded); // NOLINT: utf8proc's allocation
}
