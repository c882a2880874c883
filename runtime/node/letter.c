// See letter.h.
#include "runtime/node/letter.h"
#include "runtime/node/lz.h"

#include "vm/base/mem.h"

#include <string.h>

Letter *letter_new(FrameType type, uint64_t from, uint64_t to)
{
    Letter *t = mem_zalloc(MEM_IO, sizeof *t);

    if (!t) return NULL;
    t->type = type;
    t->from = from;
    t->to = to;
    t->sealed = type != FRAME_MESSAGES;
    t->payload = (Buf)BUF_INIT;
    return t;
}

void letter_free(Letter *t)
{
    buf_free(&t->payload);
    mem_free(MEM_IO, t, sizeof *t);
}

size_t letter_weight(const Letter *t)
{
    return sizeof *t + t->payload.capacity;
}

WireState letter_put_term(Letter *t, const WireNode *node, Value v, Value *refused, int64_t *work)
{
    WireEncoder e;
    WireState state;
    int64_t left;

    wire_encode_begin(&e, node, v);
    do {
        left = INT32_MAX;
        state = wire_encode_step(&e, &left);
        *work += INT32_MAX - left;
    } while (state == WIRE_LATER);
    if (state == WIRE_DONE) {
        for (size_t i = 0; i < e.piece_count; i++) {
            buf_bytes(&t->payload, e.pieces[i].data, e.pieces[i].size);
        }
        if (t->payload.failed) state = WIRE_NO_MEMORY;
    }
    *refused = e.refused;
    wire_encode_end(&e);
    return state;
}

// A frame of messages is made of records: their length, then the term.
static bool make_record(Letter *t)
{
    Buf whole = BUF_INIT;

    buf_block(&whole, t->payload.data, t->payload.size);
    buf_free(&t->payload);
    t->payload = whole;
    return !whole.failed;
}

bool letter_seal(Letter *t)
{
    if (!t->sealed && !make_record(t)) return false;
    t->sealed = true;
    if (!t->packed && t->payload.size > LZ_LEAST_BYTES) t->packed = lz_pack(&t->payload, 0);
    return !t->payload.failed;
}
