// Frames of nodes and the handshake: what is written is read, and what is not exactly right is refused.
#include "tests/unit/unit.h"

#include "runtime/node/handshake.h"

#include <string.h>

// ---- frames ---------------------------------------------------------------------------------------

static const FrameHeader sample = {.type = FRAME_MESSAGES,
                                   .version = FRAME_VERSION,
                                   .length = 5,
                                   .from = {0x0123456789abcdef, 7},
                                   .to = {0xfedcba9876543210, UINT64_MAX}};

static FrameStatus get(const uint8_t *data, size_t size, FrameHeader *h)
{
    const uint8_t *payload;
    const char *why;
    size_t used;

    return frame_get(data, size, 1000, h, &payload, &used, &why);
}

static void test_round_trip(void)
{
    Buf b = BUF_INIT;
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used;

    frame_append(&b, &sample, "hello", 5);
    EXPECT_U64(b.size, FRAME_HEADER_BYTES + 5);
    for (size_t n = 0; n < b.size; n++) {
        EXPECT(get(b.data, n, &h) == FRAME_INCOMPLETE);
    }
    buf_u8(&b, 99); // the next frame's
    EXPECT(frame_get(b.data, b.size, 5, &h, &payload, &used, &why) == FRAME_WHOLE);
    EXPECT(h.type == sample.type && h.length == 5 && h.from.node == sample.from.node &&
           h.from.process == 7 && h.to.node == sample.to.node && h.to.process == UINT64_MAX);
    EXPECT(used == b.size - 1 && memcmp(payload, "hello", 5) == 0);
    buf_free(&b);
}

static void test_bad_frames(void)
{
    uint8_t bytes[FRAME_HEADER_BYTES];
    FrameHeader h = sample;

    for (size_t i = 0; i < 2; i++) { // the magic
        frame_put_header(bytes, &sample);
        bytes[i] ^= 1;
        EXPECT(get(bytes, i + 1, &h) == FRAME_BAD);
    }
    FrameHeader long_one = sample, typeless = sample, flagged = sample, newer = sample;
    long_one.length = 1001;
    typeless.type = 9999;
    flagged.flags = 2;
    newer.version = FRAME_VERSION + 1;
    const FrameHeader *all[] = {&long_one, &typeless, &flagged, &newer};
    for (size_t i = 0; i < countof(all); i++) {
        frame_put_header(bytes, all[i]);
        EXPECT(get(bytes, sizeof bytes, &h) == FRAME_BAD);
    }
    EXPECT(get((const uint8_t *)"GET / HTTP/1.1\r\n", 16, &h) == FRAME_BAD);
}

// ---- handshakes -----------------------------------------------------------------------------------

static const NodeSelf alpha = {.identity = 1111, .name = "alpha"};
static const NodeSelf beta = {.identity = 2222, .flags = NODE_HIDDEN, .name = "beta"};

// Gives the frames in `wire` to h; the result is the last step, `wire` becomes what h has written.
static HandshakeStep give(Handshake *h, Buf *wire)
{
    HandshakeStep step = HANDSHAKE_WAITS;
    Buf out = BUF_INIT;
    const uint8_t *payload;
    const char *why;
    size_t at = 0, used;
    FrameHeader f;

    while (at < wire->size && frame_get(wire->data + at, wire->size - at, FRAME_HANDSHAKE_MAX, &f,
                                        &payload, &used, &why) == FRAME_WHOLE) {
        step = handshake_take(h, &f, payload, &out);
        at += used;
    }
    buf_free(wire);
    *wire = out;
    return step;
}

static void begin(Handshake *dialler, Handshake *listener, const char *cookie_a,
                  const char *cookie_b, Buf *wire)
{
    *wire = (Buf)BUF_INIT;
    handshake_begin(listener, &beta, false, cookie_b, strlen(cookie_b), wire);
    handshake_begin(dialler, &alpha, true, cookie_a, strlen(cookie_a), wire);
}

static void test_success(void)
{
    Handshake a, b;
    Buf wire;

    begin(&a, &b, "secret", "secret", &wire);
    EXPECT(give(&b, &wire) == HANDSHAKE_WAITS);
    EXPECT(give(&a, &wire) == HANDSHAKE_KNOWN);
    EXPECT(strcmp(a.peer.name, "beta") == 0 && a.peer.identity == 2222 &&
           a.peer.flags == NODE_HIDDEN);
    handshake_prove(&a, &wire);
    EXPECT(give(&b, &wire) == HANDSHAKE_PROVED);
    EXPECT(strcmp(b.peer.name, "alpha") == 0 && b.peer.identity == 1111);
    handshake_accept(&b, &wire);
    EXPECT(give(&a, &wire) == HANDSHAKE_UP);
    EXPECT(give(&b, &wire) == HANDSHAKE_UP);
    buf_free(&wire);
    handshake_end(&a);
    handshake_end(&b);
}

static void test_wrong_cookie(void)
{
    Handshake a, b;
    Buf wire;

    begin(&a, &b, "secret", "Secret", &wire);
    (void)give(&b, &wire);
    EXPECT(give(&a, &wire) == HANDSHAKE_KNOWN);
    handshake_prove(&a, &wire);
    EXPECT(give(&b, &wire) == HANDSHAKE_FAILED && b.reason == REASON_BAD_COOKIE && !b.refused);
    EXPECT(give(&a, &wire) == HANDSHAKE_FAILED && a.reason == REASON_BAD_COOKIE && a.refused);
    buf_free(&wire);
    handshake_end(&a);
    handshake_end(&b);
}

// A listener that does not know the cookie cannot make a dialler believe it.
static void test_false_listener(void)
{
    Handshake a, b;
    Buf wire, out = BUF_INIT;
    FrameHeader f = {
        .type = FRAME_ACCEPT, .version = FRAME_VERSION, .length = HANDSHAKE_PROOF_BYTES};

    begin(&a, &b, "secret", "other", &wire);
    (void)give(&b, &wire);
    (void)give(&a, &wire);
    handshake_prove(&a, &wire);
    // What the dialler has sent comes back.
    Buf echo = BUF_INIT;
    buf_bytes(&echo, wire.data + FRAME_HEADER_BYTES, HANDSHAKE_PROOF_BYTES);
    EXPECT(handshake_take(&a, &f, echo.data, &out) == HANDSHAKE_FAILED);
    EXPECT(a.reason == REASON_BAD_COOKIE);
    buf_free(&echo);
    buf_free(&wire);
    buf_free(&out);
    handshake_end(&a);
    handshake_end(&b);
}

// What one handshake went through is worth nothing in another.
static void test_replay(void)
{
    Handshake a, b, again;
    Buf wire, hello = BUF_INIT, proof = BUF_INIT;

    begin(&a, &b, "secret", "secret", &wire);
    buf_bytes(&hello, wire.data, wire.size);
    (void)give(&b, &wire);
    (void)give(&a, &wire);
    handshake_prove(&a, &wire);
    buf_bytes(&proof, wire.data, wire.size);
    EXPECT(give(&b, &wire) == HANDSHAKE_PROVED);
    handshake_begin(&again, &beta, false, "secret", 6, NULL);
    EXPECT(give(&again, &hello) == HANDSHAKE_WAITS);
    EXPECT(give(&again, &proof) == HANDSHAKE_FAILED && again.reason == REASON_BAD_COOKIE);
    buf_free(&wire);
    buf_free(&hello);
    buf_free(&proof);
    handshake_end(&a);
    handshake_end(&b);
    handshake_end(&again);
}

static void test_self_and_names(void)
{
    Handshake a, b;
    Buf wire = BUF_INIT;

    handshake_begin(&b, &alpha, false, "x", 1, &wire);
    handshake_begin(&a, &alpha, true, "x", 1, &wire);
    EXPECT(give(&b, &wire) == HANDSHAKE_FAILED && b.reason == REASON_SELF);
    EXPECT(give(&a, &wire) == HANDSHAKE_FAILED && a.reason == REASON_SELF && a.refused);
    buf_free(&wire);
    handshake_end(&a);
    handshake_end(&b);
    EXPECT(node_name_is_good("alpha", 5) && node_name_is_good("caf\xc3\xa9", 5));
    EXPECT(!node_name_is_good("", 0) && !node_name_is_good("a b", 3) &&
           !node_name_is_good("a\n", 2));
    EXPECT(!node_name_is_good("caf\xc3", 4));
}

// Each frame of a good exchange, with each of its bytes changed: never a link.
static void test_mutations(void)
{
    for (int at = 0; at < 4; at++) {
        for (size_t byte = 0; byte < 128; byte++) {
            Handshake a, b;
            Buf wire;
            bool up = false;
            begin(&a, &b, "secret", "secret", &wire);
            for (int step = 0; step < 4; step++) {
                if (step == at) {
                    if (byte >= wire.size) break;
                    wire.data[byte] ^= 0x11;
                }
                Handshake *h = step % 2 == 0 ? &b : &a;
                HandshakeStep s = give(h, &wire);
                if (s == HANDSHAKE_KNOWN) handshake_prove(h, &wire);
                if (s == HANDSHAKE_PROVED) handshake_accept(h, &wire);
                up = s == HANDSHAKE_UP && h == &a;
                if (s == HANDSHAKE_FAILED) break;
            }
            // Pids of the header mean nothing in a handshake.
            bool meaningless = byte >= 13 && byte < FRAME_HEADER_BYTES;
            EXPECT(!up || meaningless);
            buf_free(&wire);
            handshake_end(&a);
            handshake_end(&b);
        }
    }
}

int main(void)
{
    test_round_trip();
    test_bad_frames();
    test_success();
    test_wrong_cookie();
    test_false_listener();
    test_replay();
    test_self_and_names();
    test_mutations();
    return unit_finish();
}
