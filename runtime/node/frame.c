// See frame.h.
#include "runtime/node/frame.h"

#include <string.h>

#define MAGIC_FIRST  0x45
#define MAGIC_SECOND 0xF0

enum { AT_FLAGS = 2, AT_TYPE = 3, AT_VERSION = 7, AT_LENGTH = 9, AT_FROM = 13, AT_TO = 29 };

STATIC_ASSERT(AT_TO + 16 == FRAME_HEADER_BYTES, "the header ends with the second pid");

typedef enum { HANDSHAKE, LINK } When;

enum {
    NONE = 0,
    N = FRAME_NUMBER,
    T = FRAME_TEXT,
    V = FRAME_TERM,
    B = FRAME_BYTES,
};

static const struct {
    uint32_t type;
    When when;
    unsigned parts;
    const char *name;
} rows[] = {
#define FRAME(name, type, when, parts, text) {type, when, parts, #name},
#include "runtime/node/frame.def"
};

static void put(uint8_t *out, uint64_t v, int bytes)
{
    for (int i = bytes; i > 0; i--, v >>= 8) {
        out[i - 1] = (uint8_t)v;
    }
}

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;

    for (int i = 0; i < bytes; i++) {
        v = v << 8 | p[i];
    }
    return v;
}

void frame_put64(uint8_t *out, uint64_t v)
{
    put(out, v, 8);
}

uint64_t frame_get64(const uint8_t *p)
{
    return get(p, 8);
}

static int row_of(uint32_t type)
{
    for (size_t i = 0; i < countof(rows); i++) {
        if (rows[i].type == type) return (int)i;
    }
    return -1;
}

bool frame_is_handshake(uint32_t type)
{
    int row = row_of(type);
    return row >= 0 && rows[row].when == HANDSHAKE;
}

const char *frame_name(uint32_t type)
{
    int row = row_of(type);
    return row < 0 ? "?" : rows[row].name;
}

unsigned frame_parts(uint32_t type)
{
    int row = row_of(type);
    return row < 0 ? 0 : rows[row].parts;
}

void frame_put_header(uint8_t *out, const FrameHeader *h)
{
    out[0] = MAGIC_FIRST;
    out[1] = MAGIC_SECOND;
    out[AT_FLAGS] = h->flags;
    put(out + AT_TYPE, h->type, 4);
    put(out + AT_VERSION, h->version, 2);
    put(out + AT_LENGTH, h->length, 4);
    frame_put64(out + AT_FROM, h->from.node);
    frame_put64(out + AT_FROM + 8, h->from.process);
    frame_put64(out + AT_TO, h->to.node);
    frame_put64(out + AT_TO + 8, h->to.process);
}

void frame_append(Buf *out, const FrameHeader *h, const void *payload, size_t size)
{
    uint8_t header[FRAME_HEADER_BYTES];

    frame_put_header(header, h);
    buf_bytes(out, header, sizeof header);
    buf_bytes(out, payload, size);
}

static const char *wrong(const FrameHeader *h, uint32_t most)
{
    if (h->version != FRAME_VERSION) return "another version of the protocol";
    if (h->flags & ~(FRAME_COMPRESSED | FRAME_CAPABILITY)) return "an unknown flag";
    if (row_of(h->type) < 0) return "an unknown type of frame";
    return h->length > most ? "a frame that is too long" : NULL;
}

FrameStatus frame_get(const uint8_t *data, size_t size, uint32_t most, FrameHeader *header,
                      const uint8_t **payload, size_t *used, const char **why)
{
    *why = "no frame of a node";
    if ((size > 0 && data[0] != MAGIC_FIRST) || (size > 1 && data[1] != MAGIC_SECOND))
        return FRAME_BAD;
    if (size < FRAME_HEADER_BYTES) return FRAME_INCOMPLETE;
    *header = (FrameHeader){.flags = data[AT_FLAGS],
                            .type = (uint32_t)get(data + AT_TYPE, 4),
                            .version = (uint16_t)get(data + AT_VERSION, 2),
                            .length = (uint32_t)get(data + AT_LENGTH, 4),
                            .from = {get(data + AT_FROM, 8), get(data + AT_FROM + 8, 8)},
                            .to = {get(data + AT_TO, 8), get(data + AT_TO + 8, 8)}};
    *why = wrong(header, most);
    if (*why) return FRAME_BAD;
    size_t before = FRAME_HEADER_BYTES + (header->flags & FRAME_CAPABILITY ? FRAME_TOKEN_BYTES : 0);
    if (size < before || size - before < header->length) return FRAME_INCOMPLETE;
    *payload = data + before;
    *used = before + header->length;
    return FRAME_WHOLE;
}
