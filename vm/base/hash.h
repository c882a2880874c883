// Hashes of bytes: a 64-bit one for tables and a 128-bit one that names a piece of content (an
// image, a module's interface). Neither is cryptographic: code from other nodes is named by SHA-256
// where it arrives.
#ifndef VM_BASE_HASH_H
#define VM_BASE_HASH_H

#include "vm/base/base.h"

typedef struct {
    uint64_t low, high;
} ContentHash;

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
// The same for what others choose: SipHash-1-3 (Aumasson, Bernstein: SipHash: a fast short-input
// PRF, INDOCRYPT 2012). Without the keys nobody finds many inputs with one hash.
uint64_t hash_keyed(const void *p, size_t n, uint64_t key0, uint64_t key1);

ContentHash hash_content(const void *p, size_t n);

static inline bool hash_content_equal(ContentHash a, ContentHash b)
{
    return a.low == b.low && a.high == b.high;
}

// Mixes one word well enough to be used modulo a power of two (the finalizer of MurmurHash3).
static inline uint64_t hash_word(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdu;
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53u;
    x ^= x >> 33;
    return x;
}

#endif
