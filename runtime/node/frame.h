// Frames between nodes: a header of fixed size and a payload. See frame.def for the kinds and
// docs/wire-format.md for the bytes.
//
//   0  magic     45 F0
//   2  flags     1: compressed (LZ4: varint size, block), 16: a capability token follows the header
//   3  type      4 bytes (frame.def)
//   7  version   2 bytes, of the protocol
//   9  length    4 bytes, of the payload
//   13 from      node identity (8 bytes), process (8 bytes)
//   29 to        likewise
//   45 token     32 bytes, only with the flag
//
// All integers here are big-endian. Nobody sends a token yet; a frame that has one is read over it.
#ifndef RUNTIME_NODE_FRAME_H
#define RUNTIME_NODE_FRAME_H

#include "vm/base/buf.h"

#define FRAME_HEADER_BYTES 45
#define FRAME_TOKEN_BYTES  32
#define FRAME_VERSION      1
// Before a peer has proved itself nothing longer is read.
#define FRAME_HANDSHAKE_MAX 4096

enum { FRAME_COMPRESSED = 1, FRAME_CAPABILITY = 16 };

typedef enum {
#define FRAME(name, type, when, parts, text) FRAME_##name = (type),
#include "runtime/node/frame.def"
} FrameType;

typedef struct {
    uint64_t node;
    uint64_t process; // as External.number; 0: the node itself
} NodePid;

typedef struct {
    uint8_t flags;
    uint32_t type;
    uint16_t version;
    uint32_t length; // of the payload
    NodePid from, to;
} FrameHeader;

typedef enum {
    FRAME_WHOLE,      // header and payload are there
    FRAME_INCOMPLETE, // more bytes are needed
    FRAME_BAD,        // these bytes are no frame: `why` tells
} FrameStatus;

// Writes FRAME_HEADER_BYTES.
void frame_put_header(uint8_t *out, const FrameHeader *h);
// Appends header and payload.
void frame_append(Buf *out, const FrameHeader *h, const void *payload, size_t size);

// Looks at the bytes of a stream. FRAME_WHOLE: *header, *payload, and *used bytes belong to the frame.
// `most` bounds the payload; beyond it, as with a wrong magic, version, flag or type, FRAME_BAD as soon as
// the header is there.
FrameStatus frame_get(const uint8_t *data, size_t size, uint32_t most, FrameHeader *header,
                      const uint8_t **payload, size_t *used, const char **why);

// Parts of a payload.
enum { FRAME_NUMBER = 1, FRAME_TEXT = 2, FRAME_TERM = 4, FRAME_BYTES = 8 };

unsigned frame_parts(uint32_t type);
bool frame_is_handshake(uint32_t type);
const char *frame_name(uint32_t type); // "?" for an unknown one

// Big-endian integers.
void frame_put64(uint8_t *out, uint64_t v);
uint64_t frame_get64(const uint8_t *p);

#endif
