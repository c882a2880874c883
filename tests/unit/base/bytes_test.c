// Byte buffers, bounded readers, UTF-8, hashes.
#include "tests/unit/unit.h"

#include "vm/base/buf.h"
#include "vm/base/cur.h"
#include "vm/base/hash.h"
#include "vm/base/mem.h"
#include "vm/base/rng.h"
#include "vm/base/utf8.h"

#include <string.h>

// ---- buf and cur: what one writes the other reads ---------------------------------------------------

static const uint64_t samples[] = {0, 1, 127, 128, 255, 256, 16383, 16384, 0xffffffffu, 0x100000000u,
                                   INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};

static void test_round_trip(void)
{
    Buf b = BUF_INIT;

    for (size_t i = 0; i < countof(samples); i++) {
        buf_u8(&b, (uint8_t)samples[i]);
        buf_u32(&b, (uint32_t)samples[i]);
        buf_u64(&b, samples[i]);
        buf_varint(&b, samples[i]);
        buf_svarint(&b, (int64_t)samples[i]);
        buf_block(&b, &samples[i], i % 9);
    }
    EXPECT(!b.failed);
    Cur c = cur_make(b.data, b.size);
    for (size_t i = 0; i < countof(samples); i++) {
        size_t n = 99;
        EXPECT_U64(cur_u8(&c), (uint8_t)samples[i]);
        EXPECT_U64(cur_u32(&c), (uint32_t)samples[i]);
        EXPECT_U64(cur_u64(&c), samples[i]);
        EXPECT_U64(cur_varint(&c), samples[i]);
        EXPECT_U64(cur_svarint(&c), (int64_t)samples[i]);
        const uint8_t *p = cur_block(&c, &n);
        EXPECT(p && n == i % 9 && memcmp(p, &samples[i], n) == 0);
    }
    EXPECT(c.ok && cur_left(&c) == 0);
    buf_free(&b);
}

// Every prefix of what was written ends in a failure or short, never outside the bytes.
static void test_cut_off(void)
{
    Buf b = BUF_INIT;

    buf_varint(&b, UINT64_MAX);
    buf_block(&b, "some bytes", 10);
    buf_u64(&b, 42);
    for (size_t n = 0; n < b.size; n++) {
        Buf exact = BUF_INIT; // of its own, so that reading behind it is seen by the sanitizer
        size_t size;
        buf_bytes(&exact, b.data, n);
        Cur c = cur_make(exact.data, exact.size);
        (void)cur_varint(&c);
        (void)cur_block(&c, &size);
        (void)cur_u64(&c);
        EXPECT(!c.ok && cur_left(&c) == 0);
        EXPECT_U64(cur_u64(&c), 0); // failures stick
        EXPECT(cur_bytes(&c, 0) == NULL || !c.ok);
        buf_free(&exact);
    }
    buf_free(&b);
}

static void test_bad_input(void)
{
    static const uint8_t long_varint[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1};
    static const uint8_t too_big[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2};
    static const uint8_t huge_block[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 7};
    size_t n;

    Cur c = cur_make(long_varint, sizeof long_varint);
    (void)cur_varint(&c);
    EXPECT(!c.ok);
    c = cur_make(too_big, sizeof too_big);
    (void)cur_varint(&c);
    EXPECT(!c.ok);
    c = cur_make(huge_block, sizeof huge_block);
    EXPECT(cur_block(&c, &n) == NULL && !c.ok);
    static const uint8_t ten[] = {10};
    c = cur_make(ten, 1);
    EXPECT_U64(cur_count(&c, 10), 10);
    EXPECT(c.ok);
    c = cur_make(ten, 1);
    (void)cur_count(&c, 9);
    EXPECT(!c.ok);
}

static void test_growth(void)
{
    Buf b = BUF_INIT;
    Rng rng;
    uint64_t sum = 0, back = 0;

    rng_seed(&rng, 1);
    for (int i = 0; i < 100000; i++) {
        uint8_t byte = (uint8_t)rng_below(&rng, 256);
        sum = sum * 31 + byte;
        buf_u8(&b, byte);
    }
    for (size_t i = 0; i < b.size; i++) {
        back = back * 31 + b.data[i];
    }
    EXPECT_U64(b.size, 100000);
    EXPECT_U64(back, sum);
    buf_clear(&b);
    EXPECT(b.size == 0 && b.capacity >= 100000);
    buf_printf(&b, "%d-%s", 42, "text");
    EXPECT(strcmp(buf_cstr(&b), "42-text") == 0);
    buf_align(&b, 16);
    EXPECT_U64(b.size, 16);
    buf_patch_u32(&b, 4, 0x01020304);
    EXPECT(b.data[4] == 4 && b.data[7] == 1);
    buf_free(&b);
    EXPECT(strcmp(buf_cstr(&b), "") == 0);
    buf_free(&b);
}

// Without memory the buffer says so at the end and nothing else happens.
static void test_no_memory(void)
{
    for (uint64_t nth = 1; nth < 8; nth++) {
        Buf b = BUF_INIT;
        mem_fail_at(nth);
        for (int i = 0; i < 1000; i++) {
            buf_u64(&b, 1);
        }
        mem_fail_at(0);
        EXPECT(b.failed || b.size == 8000);
        EXPECT(buf_cstr(&b) != NULL);
        buf_free(&b);
    }
}

// ---- utf8 -------------------------------------------------------------------------------------------

static void test_every_scalar(void)
{
    for (uint32_t c = 0; c <= 0x110000; c++) {
        uint8_t bytes[4];
        if (!utf8_is_scalar(c)) continue;
        size_t n = utf8_encode(bytes, c);
        const uint8_t *p = bytes;
        if (n != utf8_length(c) || utf8_decode(&p, bytes + n) != c || p != bytes + n ||
            utf8_validate(bytes, n) != n || utf8_count(bytes, n) != 1) {
            EXPECT_U64(c, UTF8_INVALID);
            break;
        }
    }
    EXPECT(!utf8_is_scalar(0xd800) && !utf8_is_scalar(0xdfff) && !utf8_is_scalar(0x110000));
}

static void test_invalid(void)
{
    static const struct {
        const char *bytes;
        size_t n, first, skipped; // offset of the first bad byte; length of what is replaced there
    } rows[] = {
        {"\x80", 1, 0, 1},         {"a\xff", 2, 1, 1},          {"\xc0\x80", 2, 0, 1},
        {"\xe0\x80\x80", 3, 0, 1}, {"\xed\xa0\x80", 3, 0, 1},   {"\xf4\x90\x80\x80", 4, 0, 1},
        {"\xe2\x82", 2, 0, 2},     {"\xf0\x9f\x98", 3, 0, 3},   {"\xe2\x82x", 3, 0, 2},
        {"\xc3", 1, 0, 1},         {"ok\xf8\x88\x80", 5, 2, 1}, {"\xf0\x80\x80\x80", 4, 0, 1},
    };

    for (size_t i = 0; i < countof(rows); i++) {
        const uint8_t *s = (const uint8_t *)rows[i].bytes, *p = s + rows[i].first;
        EXPECT_U64(utf8_validate(s, rows[i].n), rows[i].first);
        EXPECT_U64(utf8_decode(&p, s + rows[i].n), UTF8_INVALID);
        EXPECT_U64(p - (s + rows[i].first), rows[i].skipped);
    }
}

// Any bytes: decoding always moves on, stays inside, and agrees with validation.
static void test_random_bytes(void)
{
    Rng rng;

    rng_seed(&rng, 2);
    for (int round = 0; round < 20000; round++) {
        uint8_t bytes[16];
        size_t n = rng_below(&rng, sizeof bytes + 1), scalars = 0;
        bool bad = false;
        for (size_t i = 0; i < n; i++) {
            bytes[i] = (uint8_t)(rng_below(&rng, 2) ? rng_below(&rng, 256) : 0x80 + rng_below(&rng, 128));
        }
        const uint8_t *p = bytes;
        while (p < bytes + n) {
            const uint8_t *before = p;
            bad |= utf8_decode(&p, bytes + n) == UTF8_INVALID;
            scalars++;
            if (p <= before || p > bytes + n) break;
        }
        EXPECT(p == bytes + n);
        EXPECT((utf8_validate(bytes, n) == n) == !bad);
        if (!bad) EXPECT_U64(utf8_count(bytes, n), scalars);
    }
    EXPECT(utf8_is_ascii((const uint8_t *)"plain text, long enough for words", 33));
    EXPECT(!utf8_is_ascii((const uint8_t *)"plain text, long enough for word\xc3", 33));
}

// ---- hashes ---------------------------------------------------------------------------------------

// As other implementations of SipHash-1-3 have them.
static void test_hash_keyed(void)
{
    EXPECT_U64(hash_keyed("abc", 3, 0, 0), (uint64_t)-4594863902769663758);
    EXPECT_U64(hash_keyed("12345678", 8, 0, 0), 3785724242978802311u);
    EXPECT_U64(hash_keyed("abcdefghijklmnopqrstuvwxyz", 26, 0, 0), 3619993805786647007u);
    EXPECT(hash_keyed("abc", 3, 1, 0) != hash_keyed("abc", 3, 0, 0));
    EXPECT(hash_keyed("abc", 3, 0, 1) != hash_keyed("abc", 3, 0, 0));
}

int main(void)
{
    test_hash_keyed();
    test_round_trip();
    test_cut_off();
    test_bad_input();
    test_growth();
    test_no_memory();
    test_every_scalar();
    test_invalid();
    test_random_bytes();
    return unit_finish();
}
