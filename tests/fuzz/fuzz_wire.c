// libFuzzer target: the decoder of terms on arbitrary bytes. What it takes is encoded and decoded again,
// with different sizes of step: the second encoding must be the first. Seeds: tests/fuzz/corpus/wire.
#include "vm/wire/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Space space;
static SymbolTable symbols;
static WireNode node;

static void *allocate(void *context, size_t bytes)
{
    return space_shared(context, bytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    if (!space_init(&space, (size_t)1 << 30)) abort();
    symbols_init(&symbols, allocate, &space, 1000000);
    node = (WireNode){.identity = 1, .type_key = 2, .space = &space, .symbols = &symbols};
    node.name = symbol_named(&symbols, "nonode");
    return 0;
}

static WireState decode(WireDecoder *d, const void *p, size_t n, int64_t step)
{
    WireState s;

    wire_decode_begin(d, &node, p, n);
    do {
        int64_t work = step;
        s = wire_decode_step(d, &work);
    } while (s == WIRE_LATER);
    // At most a constant times the input: pieces double, so half of one may be free.
    if (d->words > 64 * n + 1024) abort();
    return s;
}

static void encode(Value v, Buf *out, int64_t step)
{
    WireEncoder e;
    WireState s;

    wire_encode_begin(&e, &node, v);
    do {
        int64_t work = step;
        s = wire_encode_step(&e, &work);
    } while (s == WIRE_LATER);
    if (s != WIRE_DONE) abort();
    for (size_t i = 0; i < e.piece_count; i++) {
        buf_bytes(out, e.pieces[i].data, e.pieces[i].size);
    }
    wire_encode_end(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Buf first = BUF_INIT, second = BUF_INIT;
    WireDecoder d, again;

    if (size == 0) return 0;
    int64_t step = data[0] + 1;
    if (decode(&d, data + 1, size - 1, step) == WIRE_DONE) {
        encode(d.result, &first, step);
        if (decode(&again, first.data, first.size, 1000) != WIRE_DONE) abort();
        encode(again.result, &second, 1000);
        if (first.size != second.size || memcmp(first.data, second.data, first.size)) abort();
        wire_decode_end(&again);
    }
    wire_decode_end(&d);
    buf_free(&first);
    buf_free(&second);
    return 0;
}
