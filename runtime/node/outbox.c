// See outbox.h.
#include "runtime/node/outbox.h"

#include "runtime/node/lz.h"
#include "vm/base/mem.h"

#include <string.h>

// A write is no longer than about this, so that what comes meanwhile does not wait long.
#define WRITE_BYTES ((size_t)128 << 10)

// A long letter on its way: its frame, header included, in parts.
struct Bulk {
    Bulk *next;
    Letter *letter;
    Letter *behind, **behind_last; // what the same process has sent since
    uint64_t number;
    uint8_t header[FRAME_HEADER_BYTES];
    bool begun;  // the header is out
    size_t sent; // of the payload
};

static void free_letters(Letter *t)
{
    while (t) {
        Letter *next = t->next;
        letter_free(t);
        t = next;
    }
}

// ---- frames ---------------------------------------------------------------------------------------

static void put_header(const Outbox *o, uint8_t *out, FrameType type, uint8_t flags, uint64_t from,
                       uint64_t to, size_t size)
{
    FrameHeader h = {.flags = flags,
                     .type = type,
                     .version = FRAME_VERSION,
                     .length = (uint32_t)size,
                     .from = {o->here, from},
                     .to = {o->there, to}};

    frame_put_header(out, &h);
}

static size_t begin_frame(Buf *out)
{
    static const uint8_t blank[FRAME_HEADER_BYTES];
    size_t at = out->size;

    buf_bytes(out, blank, sizeof blank);
    return at;
}

// Packs the payload behind the header at `at` if that makes it shorter, and writes the header.
static void end_frame(Outbox *o, size_t at, FrameType type, bool packed, uint64_t from, uint64_t to)
{
    Buf *out = &o->filling;
    size_t start = at + FRAME_HEADER_BYTES;

    if (out->failed) return;
    if (!packed && out->size - start > LZ_LEAST_BYTES) packed = lz_pack(out, start);
    put_header(o, out->data + at, type, packed ? FRAME_COMPRESSED : 0, from, to, out->size - start);
    o->frames++;
}

// No more records for the last frame.
static void close_records(Outbox *o)
{
    if (o->record_at == 0) return;
    end_frame(o, o->record_at - 1, FRAME_MESSAGES, false, o->record_from, o->record_to);
    o->record_at = 0;
}

static void append_record(Outbox *o, const Letter *t)
{
    Buf *out = &o->filling;
    bool same = o->record_at != 0 && o->record_from == t->from && o->record_to == t->to &&
                out->size - o->record_at + t->payload.size < OUTBOX_FRAME_BYTES;

    if (!same) {
        close_records(o);
        o->record_at = begin_frame(out) + 1;
        o->record_from = t->from;
        o->record_to = t->to;
    }
    buf_block(out, t->payload.data, t->payload.size);
}

static void append_letter(Outbox *o, const Letter *t)
{
    if (!t->sealed) {
        append_record(o, t);
        return;
    }
    close_records(o);
    size_t at = begin_frame(&o->filling);
    buf_bytes(&o->filling, t->payload.data, t->payload.size);
    end_frame(o, at, t->type, t->packed, t->from, t->to);
}

// ---- long letters ---------------------------------------------------------------------------------

static Bulk *bulk_of(const Outbox *o, uint64_t from)
{
    for (Bulk *b = o->bulks; b; b = b->next) {
        if (b->letter->from == from) return b;
    }
    return NULL;
}

static void free_bulk(Bulk *b)
{
    free_letters(b->behind);
    letter_free(b->letter);
    mem_free(MEM_IO, b, sizeof *b);
}

static bool begin_bulk(Outbox *o, Letter *t)
{
    Bulk *b = mem_zalloc(MEM_IO, sizeof *b);
    Bulk **last = &o->bulks;

    if (!b) return false;
    b->letter = t;
    b->behind_last = &b->behind;
    b->number = ++o->bulk_count;
    put_header(o, b->header, t->type, t->packed ? FRAME_COMPRESSED : 0, t->from, t->to,
               t->payload.size);
    while (*last) {
        last = &(*last)->next;
    }
    *last = b;
    return true;
}

// The bulk is through: what waited behind it comes first now.
static void end_bulk(Outbox *o, Bulk *b)
{
    Bulk **link = &o->bulks;

    while (*link != b) {
        link = &(*link)->next;
    }
    *link = b->next;
    if (o->turn == b) o->turn = b->next;
    if (b->behind) {
        *b->behind_last = o->first;
        if (!o->first) o->last = b->behind_last;
        o->first = b->behind;
        b->behind = NULL;
    }
    o->waiting -= letter_weight(b->letter);
    o->frames++;
    free_bulk(b);
}

// A part of the bulk whose turn it is, behind the small frames of this write.
static void add_part(Outbox *o)
{
    Bulk *b = o->turn ? o->turn : o->bulks;
    Buf *out = &o->filling;

    if (!b) return;
    o->turn = b->next;
    size_t n = MIN(b->letter->payload.size - b->sent, OUTBOX_FRAME_BYTES);
    size_t at = begin_frame(out), start = out->size;
    buf_varint(out, b->number);
    if (!b->begun) buf_bytes(out, b->header, sizeof b->header);
    if (out->failed) return;
    put_header(o, out->data + at, FRAME_PART, 0, b->letter->from, b->letter->to,
               out->size - start + n);
    b->begun = true;
    o->part = (CarrierPiece){b->letter->payload.data + b->sent, n};
    o->part_of = b;
    b->sent += n;
}

// ---- the queue --------------------------------------------------------------------------------------

void outbox_init(Outbox *o, uint64_t here)
{
    memset(o, 0, sizeof *o);
    o->here = here;
    o->last = &o->first;
    o->filling = o->writing = (Buf)BUF_INIT;
}

void outbox_free(Outbox *o)
{
    free_letters(o->first);
    while (o->bulks) {
        Bulk *b = o->bulks;
        o->bulks = b->next;
        free_bulk(b);
    }
    buf_free(&o->filling);
    buf_free(&o->writing);
    outbox_init(o, o->here);
}

void outbox_put_raw(Outbox *o, const Buf *frames)
{
    if (frames->failed) o->failed = true;
    buf_bytes(&o->filling, frames->data, frames->size);
}

bool outbox_failed(const Outbox *o)
{
    return o->failed || o->filling.failed;
}

void outbox_put(Outbox *o, Letter *t)
{
    t->next = NULL;
    *o->last = t;
    o->last = &t->next;
    o->waiting += letter_weight(t);
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
    if (t->payload.size > OUTBOX_FRAME_BYTES) {
        if (begin_bulk(o, t)) return;
        o->failed = true;
    } else {
        append_letter(o, t);
    }
    o->waiting -= letter_weight(t);
    letter_free(t);
}

size_t outbox_fill(Outbox *o, CarrierPiece pieces[2])
{
    Letter *t;

    while (o->filling.size < WRITE_BYTES && (t = take_letter(o))) {
        place(o, t);
    }
    close_records(o);
    add_part(o);
    if (o->filling.size == 0 || outbox_failed(o)) return 0;
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
    if (b && b->sent == b->letter->payload.size) end_bulk(o, b);
}

size_t outbox_size(const Outbox *o)
{
    return o->waiting + o->writing.size;
}
