// Natives of the value codec: values to bytes and back, in steps.
//
// The binary form for sockets is the byte #xEA, a version, then a term (docs/wire-format.md). What does
// not fit into one slice goes on in the next one: the job then lies in a block that a handle in an
// argument slot stands for, so that it is freed with the actor, too.
#include "runtime/native/natives.h"
#include "runtime/native/refusal.h"

#include "vm/actor/node.h"
#include "vm/code/print.h"

#include <string.h>

#define WIRE_MAGIC         0xEA
#define WIRE_VERSION       1
#define WORK_PER_REDUCTION 4 // objects
#define COPY_STEP          ((size_t)1 << 18)
#define RESTARTS_MAX       3 // after collections; then it is done in one go

typedef struct {
    WireNode node;
    WireEncoder encoder;
    WireDecoder decoder;
    uint64_t epoch;
    unsigned restarts;
    bool encodes, copies;
    size_t piece, offset, at; // of the copying
    uint8_t *bytes;           // of a small input
    size_t size;
    Block *held; // of a large one
} WireJob;

static void job_end(WireJob *j)
{
    if (j->encodes) {
        wire_encode_end(&j->encoder);
        return;
    }
    wire_decode_end(&j->decoder);
    if (j->held) block_release(j->node.space, j->held);
    mem_free(MEM_SCRATCH, j->bytes, j->size);
    j->bytes = NULL;
    j->held = NULL;
}

static void job_drop(Block *b)
{
    WireJob *j = (WireJob *)(void *)b->bytes;
    Space *space = j->node.space;

    job_end(j);
    block_free(space, b);
}

// The job in a handle; NULL when it is none.
static WireJob *job_of(Value v, bool encodes)
{
    if (!value_is_kind(v, KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(v))->block;
    WireJob *j = (WireJob *)(void *)b->bytes;
    return b->drop == job_drop && j->encodes == encodes ? j : NULL;
}

// Moves a job that does not come to its end in this slice into a handle. False at the heap limit: the
// job is ended.
static bool job_keep(Actor *a, WireJob *j, Value *slot)
{
    Block *b = block_new(j->node.space, sizeof *j);

    if (!b) {
        job_end(j);
        (void)fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "out of memory");
        return false;
    }
    b->drop = job_drop;
    *(WireJob *)(void *)b->bytes = *j;
    WireJob *kept = (WireJob *)(void *)b->bytes;
    kept->encoder.node = kept->decoder.node = &kept->node;
    Value v = heap_handle(HEAP(a), b);
    if (value_is(v, V_FAIL)) return false;
    *slot = v;
    return true;
}

static int64_t work_of(const Actor *a)
{
    int64_t left = actor_worker(a)->reductions_left;
    return MAX(left, (int64_t)1) * WORK_PER_REDUCTION;
}

static void charge(Actor *a, int64_t work, int64_t left)
{
    if (work > left) actor_charge(a, (uint64_t)(work - left) / WORK_PER_REDUCTION);
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "out of memory");
}

// ---- encoding -----------------------------------------------------------------------------------------

static Value fail_encode(Actor *a, const WireEncoder *e)
{
    Buf path = BUF_INIT;
    Value refused = e->refused;

    if (e->too_deep)
        return fail_text(HEAP(a), ERR_NNG, NULL,
                         "cannot send a value that is nested more than %d levels deep",
                         WIRE_DEPTH_MAX);
    actor_charge(a, refusal_path(&path, e->root, refused) / 8);
    Value v = fail_text(HEAP(a), ERR_NNG, NULL, "cannot send non-serializable value: %s is",
                        buf_cstr(&path));
    actor_worker(a)->scratch.fault.irritants[0] = refused;
    actor_worker(a)->scratch.fault.irritant_count = 1;
    buf_free(&path);
    return v;
}

// Addresses are good until a collection: then the encoder begins anew.
static bool begin_again(Actor *a, WireJob *j, Value v)
{
    uint64_t epoch;

    if (!heap_epoch(HEAP(a), &epoch)) return false;
    if (epoch == j->epoch) return true;
    bool text = j->encoder.as_text;
    wire_encode_end(&j->encoder);
    wire_encode_begin(&j->encoder, &j->node, v);
    j->encoder.as_text = text;
    j->epoch = epoch;
    j->restarts++;
    return true;
}

// Copies pieces into the result, which has taken the place of the value.
static bool copy_pieces(Actor *a, WireJob *j, Value result)
{
    const WireEncoder *e = &j->encoder;
    uint8_t *to = bytes_data(value_bytes(result));

    while (j->piece < e->piece_count) {
        const WirePiece *p = &e->pieces[j->piece];
        size_t n = MIN(p->size - j->offset, COPY_STEP);
        memcpy(to + j->at, p->data + j->offset, n);
        j->at += n;
        j->offset += n;
        native_charge_bytes(a, n / 8);
        if (j->offset == p->size) {
            j->piece++;
            j->offset = 0;
        }
        if (actor_worker(a)->reductions_left <= 0) return j->piece == e->piece_count;
    }
    return true;
}

static Value encode_done(Actor *a, Value *args, WireJob *j)
{
    bool kept = job_of(args[2], true) != NULL;

    if (!j->copies) {
        size_t size = 2 + wire_encode_size(&j->encoder);
        if (size > COPY_STEP && !kept) {
            if (!job_keep(a, j, &args[2])) return V_FAIL;
            j = job_of(args[2], true);
            kept = true;
        }
        Value result = bytes_make(HEAP(a), KIND_BYTEVECTOR, size, 0);
        if (value_is(result, V_FAIL)) {
            if (!kept) job_end(j);
            return V_FAIL;
        }
        uint8_t *to = bytes_data(value_bytes(result));
        to[0] = WIRE_MAGIC;
        to[1] = WIRE_VERSION;
        j->at = 2;
        j->copies = true;
        args[0] = result;
    }
    if (!copy_pieces(a, j, args[0])) return V_YIELD;
    job_end(j);
    return args[0];
}

// The text form, of what has been found to have one.
static Value text_of(Actor *a, const WireJob *j)
{
    Buf *out = &actor_worker(a)->text;

    buf_clear(out);
    print_text(out, j->encoder.root, j->node.identity, j->node.name);
    if (out->failed) return fail_memory(a);
    native_charge_bytes(a, 8 * out->size);
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, out->size, 0);
    if (!value_is(v, V_FAIL)) memcpy(bytes_data(value_bytes(v)), out->data, out->size);
    return v;
}

// (value text? job)
NATIVE_FN(wire_encode)
{
    WireJob local, *j = job_of(args[2], true);
    bool kept = j != NULL;

    (void)count;
    if (!j) {
        j = &local;
        memset(j, 0, offsetof(WireJob, encoder));
        memset(&j->epoch, 0, sizeof *j - offsetof(WireJob, epoch));
        j->node = vm_wire_node(actor_vm(a));
        j->encodes = true;
        wire_encode_begin(&j->encoder, &j->node, args[0]);
        j->encoder.as_text = value_true(args[1]);
    } else if (j->copies) {
        return encode_done(a, args, j);
    } else if (!j->encoder.node || !begin_again(a, j, args[0])) {
        return fail_memory(a);
    }
    int64_t work = j->restarts > RESTARTS_MAX ? INT64_MAX / 2 : work_of(a), left = work;
    WireState state = wire_encode_step(&j->encoder, &left);
    charge(a, work, left);
    if (state == WIRE_DONE && !j->encoder.as_text) return encode_done(a, args, j);
    if (state == WIRE_LATER) {
        if (kept) return V_YIELD;
        if (!heap_epoch(HEAP(a), &j->epoch)) {
            job_end(j);
            return fail_memory(a);
        }
        return job_keep(a, j, &args[2]) ? V_YIELD : V_FAIL;
    }
    Value v = state == WIRE_DONE      ? text_of(a, j)
              : state == WIRE_REFUSED ? fail_encode(a, &j->encoder)
                                      : fail_memory(a);
    job_end(j);
    return v;
}

// ---- decoding -----------------------------------------------------------------------------------------

static bool is_binary(Value v)
{
    Bytes *b = value_bytes(v);
    return bytes_length(b) > 0 && bytes_data(b)[0] == WIRE_MAGIC;
}

// Keeps the input where no collection moves it.
static bool hold_input(WireJob *j, Bytes *b)
{
    const uint8_t *p = bytes_data(b);
    size_t n = bytes_length(b);

    if (bytes_is_indirect(b) && header_kind(value_header(b->u.body)) == KIND_BLOCKREF) {
        j->held = ((BlockRef *)value_words(b->u.body))->block;
        block_retain(j->held);
    } else {
        j->bytes = mem_alloc(MEM_SCRATCH, n);
        if (!j->bytes) return false;
        memcpy(j->bytes, p, n);
        j->size = n;
        p = j->bytes;
    }
    wire_decode_begin(&j->decoder, &j->node, p + 2, n - 2);
    return true;
}

// The decoder's fragments become the actor's.
static Value decode_done(Actor *a, WireJob *j)
{
    Heap *h = HEAP(a);
    WireDecoder *d = &j->decoder;
    Value blocks = d->blocks;
    unsigned mark = heap_root_mark(h);

    if (d->words > 0 && !heap_may_adopt(h, d->words))
        return fail_text(h, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
    Value *root = heap_root(h, d->result);
    if (d->first) heap_adopt(h, d->first);
    wire_decode_take(d);
    bool ok = true;
    while (ok && !value_is_null(blocks)) {
        Value next = ((BlockRef *)value_words(blocks))->next;
        ok = heap_note_blockref(h, blocks);
        blocks = next;
    }
    Value v = *root;
    heap_unroot(h, mark);
    return ok ? v : fail_memory(a);
}

static Value fail_decode(Actor *a, const char *why)
{
    return fail_text(HEAP(a), ERR_NNG, NULL, "the message is damaged: %s", why);
}

static bool begin_decode(Actor *a, Value bytes, WireJob *j)
{
    Bytes *b = value_bytes(bytes);

    if (bytes_length(b) < 2) {
        (void)fail_decode(a, "byte 1: the input ends where a version should be");
        return false;
    }
    if (bytes_data(b)[1] != WIRE_VERSION) {
        (void)fail_text(HEAP(a), ERR_NNG, NULL, "the message has the unknown version %u",
                        bytes_data(b)[1]);
        return false;
    }
    memset(j, 0, offsetof(WireJob, encoder));
    memset(&j->epoch, 0, sizeof *j - offsetof(WireJob, epoch));
    j->node = vm_wire_node(actor_vm(a));
    if (hold_input(j, b)) return true;
    (void)fail_memory(a);
    return false;
}

NATIVE_FN(wire_decode)
{
    WireJob local, *j = job_of(args[1], false);
    bool kept = j != NULL;

    (void)count;
    if (!value_is_kind(args[0], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "wire-decode", "a bytevector", args[0]);
    if (!j) {
        if (!is_binary(args[0])) return V_DEFAULT;
        j = &local;
        if (!begin_decode(a, args[0], j)) return V_FAIL;
    } else if (!j->decoder.node) {
        return fail_memory(a); // forged: the job has ended
    }
    int64_t work = work_of(a), left = work;
    WireState state = wire_decode_step(&j->decoder, &left);
    charge(a, work, left);
    if (state == WIRE_LATER) {
        if (!heap_may_adopt(HEAP(a), j->decoder.words)) {
            job_end(j);
            return fail_text(HEAP(a), ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
        }
        return kept || job_keep(a, j, &args[1]) ? V_YIELD : V_FAIL;
    }
    Value v = state == WIRE_DONE        ? decode_done(a, j)
              : state == WIRE_NO_MEMORY ? fail_memory(a)
                                        : fail_decode(a, j->decoder.error);
    job_end(j);
    return v;
}

// (pid? name identity number), for the reader of text: identity is a bytevector of 8 bytes.
NATIVE_FN(wire_id)
{
    Vm *vm = actor_vm(a);
    bool pid = value_true(args[0]);
    uint64_t identity, number;

    (void)count;
    if (!value_is_symbol(args[1]) || !value_is_kind(args[2], KIND_BYTEVECTOR) ||
        bytes_length(value_bytes(args[2])) != sizeof identity || !num_to_uint64(args[3], &number))
        return V_FALSE;
    if (pid ? (number & 0xf0000000u) != 0 : number >> 60 != 0) return V_FALSE;
    memcpy(&identity, bytes_data(value_bytes(args[2])), sizeof identity);
    identity = __builtin_bswap64(identity);
    if (identity == vm->node_identity)
        return pid ? value_pid((uint32_t)number, (uint32_t)(number >> 32)) : value_ref(number);
    Value *p = heap_alloc(
        HEAP(a), header_make(pid ? KIND_EXTERNAL_PID : KIND_EXTERNAL_REF, EXTERNAL_WORDS - 1));
    if (!p) return V_FAIL;
    External *x = (External *)p;
    x->node = identity;
    x->name = args[1];
    x->number = number;
    return value_from_words(p, TAG_OBJ);
}
