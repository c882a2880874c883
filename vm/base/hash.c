// See hash.h. Both hashes multiply 64-bit lanes into 128 bits and fold the halves together, the
// construction of wyhash and its kin.
#include "vm/base/hash.h"

#include <string.h>

#define K0 0x9e3779b97f4a7c15u
#define K1 0xd1b54a32d192ed03u
#define K2 0xaef17502108ef2d9u

static inline uint64_t load64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline uint64_t load_tail(const uint8_t *p, size_t n)
{
    uint64_t v = 0;
    memcpy(&v, p, n);
    return v;
}

static inline uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t hash_bytes(const void *data, size_t n, uint64_t seed)
{
    const uint8_t *p = data;
    uint64_t h = seed ^ K0;
    size_t left = n;

    for (; left >= 16; left -= 16, p += 16) {
        h = fold(load64(p) ^ K1, load64(p + 8) ^ h);
    }
    uint64_t a = load_tail(p, MIN(left, 8));
    uint64_t b = left > 8 ? load_tail(p + 8, left - 8) : 0;
    h = fold(a ^ K1, b ^ h);
    return fold(h ^ K2, (uint64_t)n ^ K1);
}

ContentHash hash_content(const void *data, size_t n)
{
    return (ContentHash){hash_bytes(data, n, K1), hash_bytes(data, n, ~K2)};
}

// ---- SipHash-1-3 ------------------------------------------------------------------------------

static inline uint64_t rotate(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

uint64_t hash_keyed(const void *data, size_t n, uint64_t key0, uint64_t key1)
{
    const uint8_t *p = data;
    uint64_t v[4] = {key0 ^ 0x736f6d6570736575u, key1 ^ 0x646f72616e646f6du,
                     key0 ^ 0x6c7967656e657261u, key1 ^ 0x7465646279746573u};
    size_t left = n;

    for (; left >= 8; left -= 8, p += 8) {
        uint64_t m = load64(p);
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
    }
    uint64_t last = load_tail(p, left) | (uint64_t)n << 56;
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
