// What the compiler needs of Unicode's tables (utf8proc).
#ifndef COMPILER_UNICODE_H
#define COMPILER_UNICODE_H

#include "vm/base/buf.h"

// Appends the full case folding of valid UTF-8 text (CompilerHost.fold_case).
void unicode_fold_case(void *context, const char *text, size_t size, Buf *out);

#endif
