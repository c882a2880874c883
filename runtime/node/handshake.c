// See handshake.h.
#include "runtime/node/handshake.h"

#include "vm/base/check.h"
#include "vm/base/cur.h"
#include "vm/base/utf8.h"

#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_hash_sha256.h>
#include <sodium/randombytes.h>
#include <sodium/utils.h>
#include <string.h>

enum {
    AWAITS_HELLO,
    AWAITS_CHALLENGE,
    AWAITS_DECISION,
    AWAITS_PROOF,
    AWAITS_ACCEPT,
    AWAITS_READY,
    ENDED
};

static const char *const reason_names[] = {
    [REASON_NONE] = "none",
    [REASON_BAD_COOKIE] = "bad-cookie",
    [REASON_NAME_CONFLICT] = "name-conflict",
    [REASON_VERSION] = "version",
    [REASON_SELF] = "self",
    [REASON_ALREADY] = "already",
    [REASON_SIMULTANEOUS] = "simultaneous",
    [REASON_BAD_FRAME] = "bad-frame",
};

const char *handshake_reason_name(HandshakeReason r)
{
    return reason_names[r];
}

static HandshakeReason reason_named(const uint8_t *text, size_t size)
{
    for (size_t i = 1; i < countof(reason_names); i++) {
        if (strlen(reason_names[i]) == size && memcmp(reason_names[i], text, size) == 0)
            return (HandshakeReason)i;
    }
    return REASON_BAD_FRAME;
}

bool node_name_is_good(const char *name, size_t size)
{
    if (size == 0 || size > NODE_NAME_BYTES || utf8_validate((const uint8_t *)name, size) != size)
        return false;
    for (size_t i = 0; i < size; i++) {
        if ((uint8_t)name[i] <= ' ' || name[i] == 0x7f) return false;
    }
    return true;
}

// ---- writing --------------------------------------------------------------------------------------

static void write_frame(const Handshake *h, FrameType type, const void *payload, size_t size,
                        Buf *out)
{
    FrameHeader header = {.type = type,
                          .version = FRAME_VERSION,
                          .length = (uint32_t)size,
                          .from = {h->self.identity, 0},
                          .to = {h->peer.identity, 0}};

    frame_append(out, &header, payload, size);
}

static void write_self(const Handshake *h, Buf *b)
{
    uint8_t nonce[HANDSHAKE_NONCE_BYTES], identity[8];

    randombytes_buf(nonce, sizeof nonce);
    frame_put64(identity, h->self.identity);
    buf_u8(b, h->self.flags);
    buf_bytes(b, nonce, sizeof nonce);
    buf_bytes(b, identity, sizeof identity);
    buf_block(b, h->self.name, strlen(h->self.name));
}

static HandshakeStep fail(Handshake *h, HandshakeReason why)
{
    h->reason = why;
    h->state = ENDED;
    return HANDSHAKE_FAILED;
}

void handshake_reject(Handshake *h, HandshakeReason why, Buf *out)
{
    Buf b = BUF_INIT;

    buf_block(&b, reason_names[why], strlen(reason_names[why]));
    write_frame(h, FRAME_REJECT, b.data, b.size, out);
    buf_free(&b);
    (void)fail(h, why);
}

void handshake_begin(Handshake *h, const NodeSelf *self, bool dialler, const void *cookie,
                     size_t cookie_size, Buf *out)
{
    memset(h, 0, sizeof *h);
    h->self = *self;
    h->dialler = dialler;
    h->transcript = (Buf)BUF_INIT;
    h->state = dialler ? AWAITS_CHALLENGE : AWAITS_HELLO;
    crypto_hash_sha256(h->key, cookie, cookie_size);
    if (!dialler) return;
    Buf b = BUF_INIT;
    buf_varint(&b, FRAME_VERSION);
    buf_varint(&b, FRAME_VERSION);
    write_self(h, &b);
    buf_block(&h->transcript, b.data, b.size);
    write_frame(h, FRAME_HELLO, b.data, b.size, out);
    buf_free(&b);
}

void handshake_end(Handshake *h)
{
    sodium_memzero(h->key, sizeof h->key);
    buf_free(&h->transcript);
    h->state = ENDED;
}

void handshake_forget(void *secret, size_t size)
{
    sodium_memzero(secret, size);
}

// ---- proofs ---------------------------------------------------------------------------------------

static void make_proof(const Handshake *h, bool dialler, uint8_t proof[HANDSHAKE_PROOF_BYTES])
{
    const char *role = dialler ? "eta node dialler" : "eta node listener";
    crypto_auth_hmacsha256_state s;

    crypto_auth_hmacsha256_init(&s, h->key, sizeof h->key);
    crypto_auth_hmacsha256_update(&s, (const uint8_t *)role, strlen(role) + 1);
    crypto_auth_hmacsha256_update(&s, h->transcript.data, h->transcript.size);
    crypto_auth_hmacsha256_final(&s, proof);
}

// Compares in constant time. A transcript that ran out of memory proves nothing.
static bool is_proof(const Handshake *h, bool dialler, const uint8_t *payload, size_t size)
{
    uint8_t wanted[HANDSHAKE_PROOF_BYTES];

    if (size != sizeof wanted || h->transcript.failed) return false;
    make_proof(h, dialler, wanted);
    return sodium_memcmp(wanted, payload, sizeof wanted) == 0;
}

void handshake_prove(Handshake *h, Buf *out)
{
    uint8_t proof[HANDSHAKE_PROOF_BYTES];

    ASSERT(h->dialler && h->state == AWAITS_DECISION);
    make_proof(h, true, proof);
    write_frame(h, FRAME_PROOF, proof, sizeof proof, out);
    h->state = AWAITS_ACCEPT;
}

void handshake_accept(Handshake *h, Buf *out)
{
    uint8_t proof[HANDSHAKE_PROOF_BYTES];

    ASSERT(!h->dialler && h->state == AWAITS_DECISION);
    make_proof(h, false, proof);
    write_frame(h, FRAME_ACCEPT, proof, sizeof proof, out);
    h->state = AWAITS_READY;
}

// ---- taking frames ----------------------------------------------------------------------------------

// Flags, nonce, identity and name of the other side.
static bool read_peer(Handshake *h, Cur *c)
{
    size_t size;

    h->peer.flags = cur_u8(c);
    (void)cur_bytes(c, HANDSHAKE_NONCE_BYTES);
    const uint8_t *identity = cur_bytes(c, 8);
    const uint8_t *name = cur_block(c, &size);
    if (!c->ok || cur_left(c) > 0 || !node_name_is_good((const char *)name, size)) return false;
    h->peer.identity = frame_get64(identity);
    memcpy(h->peer.name, name, size);
    h->peer.name[size] = 0;
    return true;
}

static HandshakeStep reject(Handshake *h, HandshakeReason why, Buf *out)
{
    handshake_reject(h, why, out);
    return HANDSHAKE_FAILED;
}

static HandshakeStep take_hello(Handshake *h, const uint8_t *payload, size_t size, Buf *out)
{
    Cur c = cur_make(payload, size);
    uint64_t least = cur_varint(&c), most = cur_varint(&c);

    if (!read_peer(h, &c)) return fail(h, REASON_BAD_FRAME);
    if (least > FRAME_VERSION || most < FRAME_VERSION) return reject(h, REASON_VERSION, out);
    if (h->peer.identity == h->self.identity) return reject(h, REASON_SELF, out);
    Buf b = BUF_INIT;
    buf_varint(&b, FRAME_VERSION);
    write_self(h, &b);
    buf_block(&h->transcript, payload, size);
    buf_block(&h->transcript, b.data, b.size);
    write_frame(h, FRAME_CHALLENGE, b.data, b.size, out);
    buf_free(&b);
    h->state = AWAITS_PROOF;
    return HANDSHAKE_WAITS;
}

static HandshakeStep take_challenge(Handshake *h, const uint8_t *payload, size_t size)
{
    Cur c = cur_make(payload, size);
    uint64_t version = cur_varint(&c);

    if (!read_peer(h, &c)) return fail(h, REASON_BAD_FRAME);
    if (version != FRAME_VERSION) return fail(h, REASON_VERSION);
    if (h->peer.identity == h->self.identity) return fail(h, REASON_SELF);
    buf_block(&h->transcript, payload, size);
    h->state = AWAITS_DECISION;
    return HANDSHAKE_KNOWN;
}

static HandshakeStep take_reject(Handshake *h, const uint8_t *payload, size_t size)
{
    Cur c = cur_make(payload, size);
    size_t length;
    const uint8_t *text = cur_block(&c, &length);

    h->refused = true;
    return fail(h, c.ok ? reason_named(text, length) : REASON_BAD_FRAME);
}

HandshakeStep handshake_take(Handshake *h, const FrameHeader *frame, const uint8_t *payload,
                             Buf *out)
{
    size_t size = frame->length;

    if (frame->flags != 0 || h->state == ENDED) return fail(h, REASON_BAD_FRAME);
    if (frame->type == FRAME_REJECT && h->state != AWAITS_HELLO)
        return take_reject(h, payload, size);
    switch (h->state) {
    case AWAITS_HELLO:
        if (frame->type == FRAME_HELLO) return take_hello(h, payload, size, out);
        break;
    case AWAITS_CHALLENGE:
        if (frame->type == FRAME_CHALLENGE) return take_challenge(h, payload, size);
        break;
    case AWAITS_PROOF:
        if (frame->type != FRAME_PROOF) break;
        if (!is_proof(h, true, payload, size)) return reject(h, REASON_BAD_COOKIE, out);
        h->state = AWAITS_DECISION;
        return HANDSHAKE_PROVED;
    case AWAITS_ACCEPT:
        if (frame->type != FRAME_ACCEPT) break;
        if (!is_proof(h, false, payload, size)) return reject(h, REASON_BAD_COOKIE, out);
        write_frame(h, FRAME_READY, NULL, 0, out);
        h->state = ENDED;
        return HANDSHAKE_UP;
    case AWAITS_READY:
        if (frame->type != FRAME_READY || size != 0) break;
        h->state = ENDED;
        return HANDSHAKE_UP;
    default:
        break;
    }
    return fail(h, REASON_BAD_FRAME);
}
