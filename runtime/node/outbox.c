// See outbox.h.
#include "runtime/node/outbox.h"

#include "runtime/jobs.h"
#include "runtime/node/lz.h"
#include "vm/base/check.h"
#include "vm/base/mem.h"
#include "vm/exec/aside.h"
#include "vm/sched/dirty.h"

#include <string.h>

// Letters that count for more are encoded by another thread.
#define LONG_BYTES ((size_t)16 << 10)
#define PACK_BYTES 1024 // shorter payloads are not worth packing
// A write is no longer than about this, so that what comes meanwhile does not wait long.
#define WRITE_BYTES ((size_t)128 << 10)

// A long letter: its whole frame, sent in parts.
struct Bulk {
    Job job;
    Outbox *box;
    Bulk *next;
    Letter *letter;
    Letter *behind, **behind_last; // what the same process has sent since
    uint64_t number;
    bool encoded;
    Buf frame;
    size_t sent;
};

// ---- letters --------------------------------------------------------------------------------------

Letter *letter_new(FrameType type, uint64_t from, uint64_t to, uint64_t number, const void *text,
                   size_t size)
{
    Letter *t = mem_zalloc(MEM_IO, sizeof *t + size);

    if (!t) return NULL;
    t->type = type;
    t->from = from;
    t->to = to;
    t->number = number;
    t->size = size;
    t->weight = sizeof *t + size;
    if (size > 0) memcpy(t->text, text, size);
    return t;
}

void letter_put_term(Letter *t, Sig *sig)
{
    t->sig = sig;
    t->weight += sig->frag.bytes;
    if (!(sig->flags & SIGF_EXTRA)) return;
    for (const Frag *f = sig_extra(sig)->more; f; f = f->next) {
        t->weight += f->bytes;
    }
    for (Value v = sig_extra(sig)->blocks; !value_is_null(v);) {
        const BlockRef *ref = (const BlockRef *)value_words(v);
        t->weight += ref->block->capacity;
        v = ref->next;
    }
}

void letter_free(Vm *vm, Letter *t)
{
    if (t->sig) sig_free(vm, NULL, t->sig);
    mem_free(MEM_IO, t, sizeof *t + t->size);
}

static void free_letters(Vm *vm, Letter *t)
{
    while (t) {
        Letter *next = t->next;
        letter_free(vm, t);
        t = next;
    }
}

// ---- payloads -------------------------------------------------------------------------------------

static bool append_term(const WireNode *node, Value v, Buf *out)
{
    WireEncoder e;
    WireState state;
    int64_t work;

    wire_encode_begin(&e, node, v);
    do {
        work = INT64_MAX;
        state = wire_encode_step(&e, &work);
    } while (state == WIRE_LATER);
    if (state == WIRE_DONE) {
        for (size_t i = 0; i < e.piece_count; i++) {
            buf_bytes(out, e.pieces[i].data, e.pieces[i].size);
        }
    }
    wire_encode_end(&e);
    return state == WIRE_DONE && !out->failed;
}

// Appends a record: a length in five bytes, so that it can be written last, and the term.
static bool append_record(const WireNode *node, Value v, Buf *out)
{
    size_t at = out->size;

    buf_bytes(out, "\x80\x80\x80\x80\x00", 5);
    if (!append_term(node, v, out) || out->size - at - 5 >= (size_t)1 << 31) return false;
    uint64_t size = out->size - at - 5;
    for (int i = 0; i < 5; i++, size >>= 7) {
        out->data[at + (size_t)i] = (uint8_t)((size & 127) | (i < 4 ? 128 : 0));
    }
    return true;
}

static bool append_payload(const WireNode *node, const Letter *t, Buf *out)
{
    unsigned parts = frame_parts(t->type);

    if (t->type == FRAME_MESSAGES) return append_record(node, t->sig->value, out);
    if (parts & FRAME_NUMBER) buf_varint(out, t->number);
    if (parts & FRAME_TEXT) buf_block(out, t->text, t->size);
    if (parts & FRAME_BYTES) buf_bytes(out, t->text, t->size);
    return !(parts & FRAME_TERM) || append_term(node, t->sig->value, out);
}

// ---- frames ---------------------------------------------------------------------------------------

static size_t begin_frame(Buf *out)
{
    static const uint8_t blank[FRAME_HEADER_BYTES];
    size_t at = out->size;

    buf_bytes(out, blank, sizeof blank);
    return at;
}

// Packs the payload behind the header at `at` if that makes it shorter, and writes the header.
static void end_frame(const Outbox *o, Buf *out, size_t at, FrameType type, uint64_t from,
                      uint64_t to)
{
    size_t start = at + FRAME_HEADER_BYTES;
    FrameHeader h = {
        .type = type, .version = FRAME_VERSION, .from = {o->here, from}, .to = {o->there, to}};

    if (out->failed) return;
    if (out->size - start > PACK_BYTES && lz_pack(out, start)) h.flags = FRAME_COMPRESSED;
    h.length = (uint32_t)(out->size - start);
    frame_put_header(out->data + at, &h);
}

// No more records for the last frame.
static void close_records(Outbox *o)
{
    if (o->record_at == 0) return;
    end_frame(o, &o->filling, o->record_at - 1, FRAME_MESSAGES, o->record_from, o->record_to);
    o->record_at = 0;
    o->frames++;
}

static void append_message(Outbox *o, const Letter *t)
{
    Buf *out = &o->filling;
    bool same = o->record_at != 0 && o->record_from == t->from && o->record_to == t->to &&
                out->size - o->record_at < OUTBOX_FRAME_BYTES;

    if (!same) {
        close_records(o);
        o->record_at = begin_frame(out) + 1;
        o->record_from = t->from;
        o->record_to = t->to;
    }
    size_t at = out->size;
    // What cannot be encoded was refused when it was sent; only memory can be short here.
    if (!append_record(&o->node, t->sig->value, out)) out->size = MIN(out->size, at);
}

static void append_letter(Outbox *o, const Letter *t)
{
    Buf *out = &o->filling;

    if (t->type == FRAME_MESSAGES) {
        append_message(o, t);
        return;
    }
    close_records(o);
    size_t at = begin_frame(out);
    if (append_payload(&o->node, t, out)) {
        end_frame(o, out, at, t->type, t->from, t->to);
        o->frames++;
    } else {
        out->size = MIN(out->size, at);
    }
}

// ---- long letters ---------------------------------------------------------------------------------

static void encode_bulk(Job *job)
{
    Bulk *b = container_of(job, Bulk, job);
    Outbox *o = b->box;
    size_t at = begin_frame(&b->frame);

    if (append_payload(&o->node, b->letter, &b->frame)) {
        end_frame(o, &b->frame, at, b->letter->type, b->letter->from, b->letter->to);
    } else {
        buf_clear(&b->frame);
    }
    plat_lock(o->lock);
    b->encoded = true;
    plat_unlock(o->lock);
    o->ready(o->context);
}

static Bulk *bulk_of(const Outbox *o, uint64_t from)
{
    for (Bulk *b = o->bulks; b; b = b->next) {
        if (b->letter->from == from) return b;
    }
    return NULL;
}

static void free_bulk(Outbox *o, Bulk *b)
{
    free_letters(o->vm, b->behind);
    letter_free(o->vm, b->letter);
    buf_free(&b->frame);
    mem_free(MEM_IO, b, sizeof *b);
}

static bool begin_bulk(Outbox *o, Letter *t)
{
    Bulk *b = mem_zalloc(MEM_IO, sizeof *b);

    if (!b) return false;
    b->job.run = encode_bulk;
    b->box = o;
    b->letter = t;
    b->behind_last = &b->behind;
    b->number = ++o->bulk_count;
    b->frame = (Buf)BUF_INIT;
    b->next = o->bulks;
    o->bulks = b;
    DirtyPool *pool = vm_dirty_pool(o->vm);
    if (pool && dirty_submit(pool, &b->job)) {
        return true;
    }
    o->bulks = b->next;
    mem_free(MEM_IO, b, sizeof *b);
    return false;
}

static void unlink_bulk(Outbox *o, Bulk *b)
{
    Bulk **link = &o->bulks;

    while (*link != b) {
        link = &(*link)->next;
    }
    *link = b->next;
    if (o->turn == b) o->turn = b->next;
}

// The bulk is through: what waited behind it comes first now.
static void end_bulk(Outbox *o, Bulk *b)
{
    unlink_bulk(o, b);
    if (b->behind) {
        *b->behind_last = o->first;
        if (!o->first) o->last = b->behind_last;
        o->first = b->behind;
        b->behind = NULL;
    }
    o->waiting -= b->letter->weight;
    o->frames++;
    free_bulk(o, b);
}

// The next bulk that has something to send, in turns.
static Bulk *next_bulk(Outbox *o)
{
    Bulk *b = o->turn ? o->turn : o->bulks;

    for (int round = 0; round < 2; round++) {
        for (; b; b = b->next) {
            if (b->encoded) return b;
        }
        b = o->bulks;
    }
    return NULL;
}

// A part of a bulk behind the small frames of this write.
static void add_part(Outbox *o)
{
    Bulk *b = next_bulk(o);

    if (!b) return;
    o->turn = b->next;
    if (b->frame.size == 0) { // there was no memory for it
        end_bulk(o, b);
        return;
    }
    size_t n = MIN(b->frame.size - b->sent, OUTBOX_FRAME_BYTES);
    size_t at = begin_frame(&o->filling);
    buf_varint(&o->filling, b->number);
    if (o->filling.failed) return;
    FrameHeader h = {.type = FRAME_PART,
                     .version = FRAME_VERSION,
                     .length = (uint32_t)(o->filling.size - at - FRAME_HEADER_BYTES + n),
                     .from = {o->here, b->letter->from},
                     .to = {o->there, b->letter->to}};
    frame_put_header(o->filling.data + at, &h);
    o->part = (CarrierPiece){b->frame.data + b->sent, n};
    o->part_of = b;
    b->sent += n;
}

// ---- the queue --------------------------------------------------------------------------------------

void outbox_init(Outbox *o, Vm *vm, PlatLock *lock, const WireNode *node,
                 void (*ready)(void *context), void *context)
{
    memset(o, 0, sizeof *o);
    o->vm = vm;
    o->lock = lock;
    o->here = node->identity;
    o->node = *node;
    o->last = &o->first;
    o->filling = o->writing = (Buf)BUF_INIT;
    o->ready = ready;
    o->context = context;
}

bool outbox_close(Outbox *o)
{
    if (!o->closed) {
        o->closed = true;
        free_letters(o->vm, o->first);
        o->first = NULL;
        o->last = &o->first;
        buf_free(&o->filling);
    }
    Bulk **link = &o->bulks;
    while (*link) {
        Bulk *b = *link;
        if (!b->encoded) {
            link = &b->next;
            continue;
        }
        *link = b->next;
        free_bulk(o, b);
    }
    if (o->bulks) return false;
    buf_free(&o->writing);
    return true;
}

void outbox_put_raw(Outbox *o, const Buf *frames)
{
    if (!o->closed) buf_bytes(&o->filling, frames->data, frames->size);
}

bool outbox_failed(const Outbox *o)
{
    return o->filling.failed;
}

void outbox_put(Outbox *o, Letter *t)
{
    if (o->closed) {
        letter_free(o->vm, t);
        return;
    }
    t->next = NULL;
    *o->last = t;
    o->last = &t->next;
    o->waiting += t->weight;
}

static Letter *take_letter(Outbox *o)
{
    Letter *t = o->first;

    if (!t) return NULL;
    o->first = t->next;
    if (!o->first) o->last = &o->first;
    t->next = NULL;
    return t;
}

static void place(Outbox *o, Letter *t)
{
    Bulk *before = t->from != 0 ? bulk_of(o, t->from) : NULL;

    if (before) {
        *before->behind_last = t;
        before->behind_last = &t->next;
        return;
    }
    if (t->weight > LONG_BYTES && begin_bulk(o, t)) return;
    append_letter(o, t);
    o->waiting -= t->weight;
    letter_free(o->vm, t);
}

size_t outbox_fill(Outbox *o, CarrierPiece pieces[2])
{
    Letter *t;

    if (o->closed) return 0;
    while (o->filling.size < WRITE_BYTES && (t = take_letter(o))) {
        place(o, t);
    }
    close_records(o);
    add_part(o);
    if (o->filling.size == 0 || o->filling.failed) return 0;
    Buf spare = o->writing;
    o->writing = o->filling;
    o->filling = spare;
    buf_clear(&o->filling);
    o->bytes += o->writing.size + o->part.size;
    pieces[0] = (CarrierPiece){o->writing.data, o->writing.size};
    pieces[1] = o->part;
    return o->part_of ? 2 : 1;
}

void outbox_written(Outbox *o)
{
    Bulk *b = o->part_of;

    o->part_of = NULL;
    o->part = (CarrierPiece){NULL, 0};
    buf_clear(&o->writing);
    if (b && !o->closed && b->sent == b->frame.size) end_bulk(o, b);
}

size_t outbox_size(const Outbox *o)
{
    return o->waiting + o->writing.size;
}
