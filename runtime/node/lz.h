// Compression of frames: LZ4, in one file.
//
// Threads: any.
#ifndef RUNTIME_NODE_LZ_H
#define RUNTIME_NODE_LZ_H

#include "vm/base/buf.h"

#define LZ_LEAST_BYTES 1024 // shorter payloads are not worth packing

// Packs what stands in the buffer from `start` on: size as a varint, then an LZ4 block. False, and nothing
// has changed, when that would not be shorter.
MUST_USE bool lz_pack(Buf *b, size_t start);
// Unpacks such a payload, appending at most `most` bytes. False: it is none, or is longer.
MUST_USE bool lz_unpack(const uint8_t *data, size_t size, size_t most, Buf *out);

#endif
