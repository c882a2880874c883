// The table from 64-bit keys, against a plain array; hashing and random numbers.
#include "tests/unit/unit.h"

#include "vm/base/hash.h"
#include "vm/base/map.h"
#include "vm/base/rng.h"

#include <string.h>

#define KEYS 500

typedef struct {
    bool there[KEYS];
    uint64_t value[KEYS];
    uint32_t count;
} Model;

// Keys that collide in low bits, as pids and addresses do.
static uint64_t key_of(unsigned i, int shape)
{
    switch (shape) {
    case 0:
        return i + 1;
    case 1:
        return (uint64_t)(i + 1) << 32;
    case 2:
        return (uint64_t)(i + 1) * 4096;
    default:
        return ((uint64_t)(i + 1) << 40 | (i + 1)) * 0x9e3779b97f4a7c15u | 1;
    }
}

static void compare(const Map *m, const Model *model, int shape)
{
    uint32_t seen = 0;

    EXPECT_U64(m->count, model->count);
    for (unsigned i = 0; i < KEYS; i++) {
        MapEntry *e = map_find(m, key_of(i, shape));
        EXPECT((e != NULL) == model->there[i]);
        if (e) EXPECT_U64(e->a, model->value[i]);
    }
    MAP_EACH(m, e)
    {
        seen++;
    }
    EXPECT_U64(seen, model->count);
}

static void step(Map *m, Model *model, Rng *rng, int shape, unsigned range)
{
    unsigned i = (unsigned)rng_below(rng, range);
    bool made;

    if (rng_below(rng, 5) < 3) {
        MapEntry *e = map_add(m, MEM_SCRATCH, key_of(i, shape), &made);
        EXPECT(e && made == !model->there[i]);
        if (made) EXPECT(e->a == 0 && e->b == 0);
        e->a = model->value[i] = rng_next(rng);
        model->count += made;
        model->there[i] = true;
    } else {
        EXPECT(map_remove(m, key_of(i, shape)) == model->there[i]);
        model->count -= model->there[i];
        model->there[i] = false;
    }
}

static void test_model(void)
{
    static const unsigned ranges[] = {4, 9, 20, KEYS};
    Rng rng;

    rng_seed(&rng, 3);
    for (int shape = 0; shape < 4; shape++) {
        for (size_t r = 0; r < countof(ranges); r++) {
            Map m = {0};
            Model model = {0};
            for (int i = 0; i < 4000; i++) {
                step(&m, &model, &rng, shape, ranges[r]);
                if (i % 500 == 0) compare(&m, &model, shape);
            }
            compare(&m, &model, shape);
            map_free(&m, MEM_SCRATCH);
        }
    }
    EXPECT_U64(mem_used(MEM_SCRATCH), 0);
}

// Emptying a table one by one with map_any is linear and complete.
static void test_any(void)
{
    Map m = {0};
    bool made;
    uint32_t hint = 0;
    uint64_t sum = 0;

    for (uint64_t k = 1; k <= 100000; k++) {
        EXPECT(map_add(&m, MEM_SCRATCH, k * 64, &made) != NULL);
    }
    for (MapEntry *e; (e = map_any(&m, &hint)) != NULL;) {
        sum += e->key / 64;
        EXPECT(map_remove(&m, e->key));
    }
    EXPECT_U64(m.count, 0);
    EXPECT_U64(sum, 100000ull * 100001 / 2);
    map_free(&m, MEM_SCRATCH);
}

// A refused allocation leaves the table as it was.
static void test_no_memory(void)
{
    Map m = {0};
    bool made;

    for (uint64_t k = 1; k <= 1000; k++) {
        mem_fail_at(1);
        MapEntry *e = map_add(&m, MEM_SCRATCH, k, &made);
        mem_fail_at(0);
        if (!e) {
            EXPECT(!map_find(&m, k) && m.count == k - 1);
            EXPECT(map_add(&m, MEM_SCRATCH, k, &made) != NULL);
        }
        EXPECT_U64(m.count, k);
    }
    for (uint64_t k = 1; k <= 1000; k++) {
        EXPECT(map_find(&m, k) != NULL);
    }
    map_free(&m, MEM_SCRATCH);
}

static void test_rng(void)
{
    Rng a, b;
    uint64_t counts[10] = {0};

    rng_seed(&a, 7);
    rng_seed(&b, 7);
    for (int i = 0; i < 1000; i++) {
        EXPECT(rng_next(&a) == rng_next(&b));
    }
    for (int i = 0; i < 100000; i++) {
        uint64_t n = rng_below(&a, 10);
        if (n < 10) counts[n]++;
    }
    for (int i = 0; i < 10; i++) {
        EXPECT(counts[i] > 9000 && counts[i] < 11000);
    }
    EXPECT_U64(rng_below(&a, 1), 0);
}

int main(void)
{
    test_model();
    test_any();
    test_no_memory();
    test_rng();
    return unit_finish();
}
