// What a link sends: the bytes of frames (the vectors of docs/wire-format.md), which letters share a frame,
// what waits behind long letters, and that it all comes in order for each sender.
#include "tests/unit/unit.h"

#include "runtime/node/lz.h"
#include "runtime/node/outbox.h"

#include <string.h>

static Letter *message(uint64_t from, uint64_t to, const void *term, size_t size)
{
    Letter *t = letter_new(FRAME_MESSAGES, from, to);

    buf_bytes(&t->payload, term, size);
    if (size > OUTBOX_FRAME_BYTES) EXPECT(letter_seal(t));
    return t;
}

static void start(Outbox *o)
{
    outbox_init(o, 1);
    o->there = 2;
}

// The next write in one piece; false: there is none.
static bool next_write(Outbox *o, Buf *out)
{
    CarrierPiece pieces[2];
    size_t n = outbox_fill(o, pieces);

    for (size_t i = 0; i < n; i++) {
        buf_bytes(out, pieces[i].data, pieces[i].size);
    }
    if (n > 0) outbox_written(o);
    return n > 0;
}

static void test_vectors(void)
{
    static const uint8_t beat[] =
        "\x45\xf0\x00\x00\x00\x00\x1f\x00\x01\x00\x00\x00\x01"
        "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
        "\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x07";
    static const uint8_t messages[] =
        "\x45\xf0\x00\x00\x00\x00\x10\x00\x01\x00\x00\x00\x06"
        "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05"
        "\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x06\x01\x81\x03\x0e\x01\x61";
    Buf out = BUF_INIT;
    Outbox o;

    start(&o);
    Letter *t = letter_new(FRAME_BEAT, 0, 0);
    buf_varint(&t->payload, 7);
    outbox_put(&o, t);
    outbox_put(&o, message(5, 6, "\x81", 1));
    outbox_put(&o, message(5, 6, "\x0e\x01\x61", 3));
    EXPECT(outbox_size(&o) > 0);
    EXPECT(next_write(&o, &out));
    EXPECT_U64(out.size, sizeof beat - 1 + sizeof messages - 1);
    EXPECT(memcmp(out.data, beat, sizeof beat - 1) == 0);
    EXPECT(memcmp(out.data + sizeof beat - 1, messages, sizeof messages - 1) == 0);
    EXPECT(!next_write(&o, &out));
    EXPECT_U64(outbox_size(&o), 0);
    EXPECT_U64(o.frames, 2);
    buf_free(&out);
    outbox_free(&o);
}

// Bytes that do not get shorter.
static void fill_random(uint8_t *p, size_t n)
{
    uint64_t x = 88172645463325252;

    for (size_t i = 0; i < n; i++) {
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        p[i] = (uint8_t)x;
    }
}

// Reads frames, puts parts together, and notes the last byte of each message of sender `from`.
static void read_all(const Buf *in, uint64_t from, Buf *whole, Buf *order)
{
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used;

    for (size_t at = 0; at < in->size; at += used) {
        FrameStatus s = frame_get(in->data + at, in->size - at, 200000, &h, &payload, &used, &why);
        EXPECT(s == FRAME_WHOLE);
        if (s != FRAME_WHOLE) return;
        if (h.from.process != from) continue;
        if (h.type == FRAME_PART) {
            buf_bytes(whole, payload + 1, h.length - 1);
            buf_u8(order, 'p');
        } else {
            buf_u8(order, payload[h.length - 1]);
        }
    }
}

static void test_long_letters(void)
{
    static uint8_t big[200000];
    Buf out = BUF_INIT, whole = BUF_INIT, order = BUF_INIT, others = BUF_INIT;
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used;
    Outbox o;

    start(&o);
    fill_random(big, sizeof big);
    outbox_put(&o, message(5, 6, "a", 1));
    outbox_put(&o, message(5, 6, big, sizeof big));
    outbox_put(&o, message(5, 6, "b", 1));
    outbox_put(&o, message(7, 6, "c", 1));
    EXPECT(next_write(&o, &out));
    outbox_put(&o, message(5, 6, "d", 1));
    outbox_put(&o, message(7, 6, "e", 1));
    while (next_write(&o, &out)) {
    }
    read_all(&out, 5, &whole, &order);
    EXPECT(strcmp(buf_cstr(&order), "appppd") == 0); // b and d share a frame
    read_all(&out, 7, &whole, &others);
    EXPECT(strcmp(buf_cstr(&others), "ce") == 0);
    EXPECT(frame_get(whole.data, whole.size, 300000, &h, &payload, &used, &why) == FRAME_WHOLE);
    EXPECT_U64(h.length, sizeof big + 3);
    EXPECT(memcmp(payload + 3, big, sizeof big) == 0);
    EXPECT_U64(outbox_size(&o), 0);
    buf_free(&out);
    buf_free(&whole);
    buf_free(&order);
    buf_free(&others);
    outbox_free(&o);
}

// What is freed with an outbox: letters that wait, behind a long one, too.
static void test_end(void)
{
    static uint8_t big[300000];
    Buf out = BUF_INIT;
    Outbox o;

    start(&o);
    fill_random(big, sizeof big);
    outbox_put(&o, message(5, 6, big, sizeof big));
    outbox_put(&o, message(5, 6, "b", 1));
    EXPECT(next_write(&o, &out));
    outbox_put(&o, message(5, 6, "c", 1));
    outbox_free(&o);
    buf_free(&out);
}

static void test_packing(void)
{
    uint8_t zeros[5000] = {0};
    Buf out = BUF_INIT, plain = BUF_INIT;
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used;
    Outbox o;

    start(&o);
    outbox_put(&o, message(5, 6, zeros, sizeof zeros));
    EXPECT(next_write(&o, &out));
    EXPECT(frame_get(out.data, out.size, 65536, &h, &payload, &used, &why) == FRAME_WHOLE);
    EXPECT_U64(h.flags, FRAME_COMPRESSED);
    EXPECT(h.length < 200);
    EXPECT(!lz_unpack(payload, h.length, 5001, &plain)); // more than is allowed
    EXPECT(lz_unpack(payload, h.length, 5002, &plain));
    EXPECT_U64(plain.size, 5002);
    for (uint32_t n = 0; n < h.length; n++) {
        buf_clear(&plain);
        EXPECT(!lz_unpack(payload, n, 5002, &plain));
    }
    buf_free(&out);
    buf_free(&plain);
    outbox_free(&o);
}

int main(void)
{
    test_vectors();
    test_long_letters();
    test_end();
    test_packing();
    return unit_finish();
}
