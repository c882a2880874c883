// Natives of std.crypto: SHA-2 and HMAC by libsodium, random bytes by the system.
//
// Hashing goes on in slices: between them the library's state stands in a bytevector. The state may
// be forged, which gives a wrong hash and nothing worse: the library masks what it indexes with.
#include "runtime/native/natives.h"

#include <errno.h>
#include <sodium/crypto_auth_hmacsha256.h>
#include <sodium/crypto_auth_hmacsha512.h>
#include <sodium/utils.h>
#include <string.h>
#include <sys/random.h>

typedef enum { HASH_SHA256, HASH_SHA512, HASH_HMAC256, HASH_HMAC512, HASH_COUNT } HashKind;

typedef union {
    crypto_hash_sha256_state sha256;
    crypto_hash_sha512_state sha512;
    crypto_auth_hmacsha256_state hmac256;
    crypto_auth_hmacsha512_state hmac512;
} HashState;

static void hash_begin(HashState *s, HashKind kind, const uint8_t *key, size_t n)
{
    memset(s, 0, sizeof *s);
    switch (kind) {
    case HASH_SHA256:
        crypto_hash_sha256_init(&s->sha256);
        break;
    case HASH_SHA512:
        crypto_hash_sha512_init(&s->sha512);
        break;
    case HASH_HMAC256:
        crypto_auth_hmacsha256_init(&s->hmac256, key, n);
        break;
    case HASH_HMAC512:
    case HASH_COUNT:
        crypto_auth_hmacsha512_init(&s->hmac512, key, n);
        break;
    }
}

static void hash_add(HashState *s, HashKind kind, const uint8_t *data, size_t n)
{
    switch (kind) {
    case HASH_SHA256:
        crypto_hash_sha256_update(&s->sha256, data, n);
        break;
    case HASH_SHA512:
        crypto_hash_sha512_update(&s->sha512, data, n);
        break;
    case HASH_HMAC256:
        crypto_auth_hmacsha256_update(&s->hmac256, data, n);
        break;
    case HASH_HMAC512:
    case HASH_COUNT:
        crypto_auth_hmacsha512_update(&s->hmac512, data, n);
        break;
    }
}

static void hash_end(HashState *s, HashKind kind, uint8_t out[64])
{
    switch (kind) {
    case HASH_SHA256:
        crypto_hash_sha256_final(&s->sha256, out);
        break;
    case HASH_SHA512:
        crypto_hash_sha512_final(&s->sha512, out);
        break;
    case HASH_HMAC256:
        crypto_auth_hmacsha256_final(&s->hmac256, out);
        break;
    case HASH_HMAC512:
    case HASH_COUNT:
        crypto_auth_hmacsha512_final(&s->hmac512, out);
        break;
    }
}

static Value bytevector_of(Actor *a, const void *data, size_t n)
{
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, n, 0);

    if (!value_is(v, V_FAIL)) memcpy(bytes_data(value_bytes(v)), data, n);
    return v;
}

#define PIECE_BYTES         4096
#define BYTES_PER_REDUCTION 16

enum { HASH_KIND, HASH_KEY, HASH_DATA, HASH_AT, HASH_STATE };

static bool check_hash(Actor *a, Value *args, size_t *kind, size_t *at)
{
    if (!native_index(args[HASH_KIND], HASH_COUNT, kind)) {
        (void)fail_type(HEAP(a), "crypto:hash", "a kind of hash", args[HASH_KIND]);
    } else if (!value_is_kind(args[HASH_KEY], KIND_BYTEVECTOR)) {
        (void)fail_type(HEAP(a), "crypto:hash", "a bytevector", args[HASH_KEY]);
    } else if (!value_is_kind(args[HASH_DATA], KIND_BYTEVECTOR)) {
        (void)fail_type(HEAP(a), "crypto:hash", "a bytevector", args[HASH_DATA]);
    } else if (!native_index(args[HASH_AT], bytes_length(value_bytes(args[HASH_DATA])) + 1, at)) {
        (void)fail_type(HEAP(a), "crypto:hash", "a state", args[HASH_AT]);
    } else {
        return true;
    }
    return false;
}

static bool load_state(HashState *s, Value v)
{
    if (!value_is_kind(v, KIND_BYTEVECTOR) || bytes_length(value_bytes(v)) != sizeof *s)
        return false;
    memcpy(s, bytes_data(value_bytes(v)), sizeof *s);
    return true;
}

// (kind key data at state): kinds 0 SHA-256, 1 SHA-512, 2 and 3 HMAC of these
NATIVE_FN(crypto_hash)
{
    static const uint8_t sizes[HASH_COUNT] = {32, 64, 32, 64};
    VmWorker *w = actor_worker(a);
    HashState state;
    size_t kind, at;
    uint8_t hash[64];

    (void)count;
    if (!check_hash(a, args, &kind, &at)) return V_FAIL;
    if (!load_state(&state, args[HASH_STATE])) {
        Bytes *key = value_bytes(args[HASH_KEY]);
        hash_begin(&state, (HashKind)kind, bytes_data(key), bytes_length(key));
        actor_charge(a, bytes_length(key) / BYTES_PER_REDUCTION);
        at = 0;
    }
    Bytes *data = value_bytes(args[HASH_DATA]);
    size_t length = bytes_length(data);
    while (at < length && w->reductions_left > 0) {
        size_t n = MIN(length - at, (size_t)PIECE_BYTES);
        hash_add(&state, (HashKind)kind, bytes_data(data) + at, n);
        actor_charge(a, n / BYTES_PER_REDUCTION);
        at += n;
    }
    Value v;
    if (at < length) {
        v = bytevector_of(a, &state, sizeof state);
        args[HASH_STATE] = v;
        args[HASH_AT] = value_fix((int64_t)at);
        if (!value_is(v, V_FAIL)) v = V_YIELD;
    } else {
        hash_end(&state, (HashKind)kind, hash);
        v = bytevector_of(a, hash, sizes[kind]);
    }
    sodium_memzero(&state, sizeof state);
    return v;
}

#define RANDOM_MAX ((size_t)1 << 20)

// (n): n random bytes, up to 1 MiB
NATIVE_FN(crypto_random)
{
    size_t n, at = 0;

    (void)count;
    if (!native_index(args[0], RANDOM_MAX + 1, &n))
        return fail_type(HEAP(a), "crypto:random-bytes", "a size from 0 to 1048576", args[0]);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, n, 0);
    if (value_is(v, V_FAIL)) return v;
    uint8_t *data = bytes_data(value_bytes(v));
    while (at < n) {
        ssize_t got = getrandom(data + at, n - at, 0);
        if (got > 0) at += (size_t)got;
        if (got < 0 && errno != EINTR)
            return fail_text(HEAP(a), ERR_INTERNAL, "crypto:random-bytes", "%s", strerror(errno));
    }
    actor_charge(a, n / BYTES_PER_REDUCTION);
    return v;
}

// (bytevector bytevector): equality in a time that tells nothing but the lengths
NATIVE_FN(crypto_equal)
{
    (void)count;
    for (unsigned i = 0; i < 2; i++) {
        if (!value_is_kind(args[i], KIND_BYTEVECTOR))
            return fail_type(HEAP(a), "crypto:equal?", "a bytevector", args[i]);
    }
    Bytes *x = value_bytes(args[0]), *y = value_bytes(args[1]);
    if (bytes_length(x) != bytes_length(y)) return V_FALSE;
    native_charge_bytes(a, bytes_length(x));
    return value_bool(sodium_memcmp(bytes_data(x), bytes_data(y), bytes_length(x)) == 0);
}
