// Frames of a link that is up: unpacked, put together, taken apart, and what they ask for done. By the link's
// reader, one at a time.
#include "runtime/node/parts.h"

#include "runtime/node/lz.h"
#include "vm/actor/life.h"
#include "vm/actor/mailbox.h"
#include "vm/base/mem.h"

#include <stdio.h>
#include <string.h>

// Long frames that may be under way at a time: one for each sender. Beyond that a peer is up to no good.
#define ASSEMBLIES_MAX 10000

// ---- terms ------------------------------------------------------------------------------------------

static WireState decode(WireDecoder *d, const WireNode *node, const uint8_t *data, size_t size)
{
    WireState state;
    int64_t work;

    wire_decode_begin(d, node, data, size);
    do {
        work = INT32_MAX;
        state = wire_decode_step(d, &work);
    } while (state == WIRE_LATER);
    return state;
}

// Why a term was not taken; the decoder is ended.
static const char *decode_failed(Link *l, WireDecoder *d, WireState state)
{
    const char *why = "out of memory";

    if (state == WIRE_REFUSED) {
        nodes_log(l->nodes, "a wrong term from %s: %s", l->peer.name, d->error);
        why = "a term that cannot be read";
    }
    wire_decode_end(d);
    return why;
}

// ---- messages ---------------------------------------------------------------------------------------

// Like a local sender's, but that nobody can be told when the mailbox is full.
static void deliver(Vm *vm, Value pid, Sig *s)
{
    unsigned guest = sched_guest_enter(&vm->sched);
    Actor *to = value_is_local_pid(pid) ? actor_of_pid(vm, pid) : NULL;

    if (to && s->kind == SIG_MESSAGE && mailbox_is_full(to)) {
        atomic_fetch_add_explicit(&to->dropped, 1, memory_order_relaxed);
        to = NULL;
    }
    if (!to || !sig_post(vm, NULL, to, s)) sig_free(vm, NULL, s);
    sched_guest_leave(&vm->sched, guest);
}

static const char *take_message(Link *l, Value to, const uint8_t *data, size_t size)
{
    Vm *vm = l->nodes->vm;
    WireDecoder d;
    WireState state = decode(&d, &l->wire, data, size);

    if (state != WIRE_DONE) return decode_failed(l, &d, state);
    Sig *s = sig_of_term(vm, NULL, SIG_MESSAGE, &d);
    wire_decode_end(&d);
    if (!s) return "out of memory";
    deliver(vm, to, s);
    return NULL;
}

static const char *take_messages(Link *l, uint64_t to, const uint8_t *data, size_t size)
{
    Cur c = cur_make(data, size);
    const char *why = NULL;
    size_t n;

    while (!why && cur_left(&c) > 0) {
        const uint8_t *record = cur_block(&c, &n);
        why = record ? take_message(l, pid_of_number(to), record, n) : "a record that is cut off";
    }
    return why;
}

static Value symbol_of(Vm *vm, const char *text, size_t size)
{
    return symbol_intern(&vm->symbols, text, size);
}

// For whoever has the name; nobody: dropped.
static const char *take_named(const Arrival *in)
{
    Value name = symbol_of(in->vm, in->text, in->text_size);
    Value pid = value_is(name, V_FAIL) ? V_FALSE : registry_find(in->vm, name);
    Sig *s = sig_of_term(in->vm, NULL, SIG_MESSAGE, in->term);

    if (!s) return "out of memory";
    deliver(in->vm, pid, s);
    return NULL;
}

// (reference value), for who watches under the reference.
static const char *take_answer(const Arrival *in)
{
    Value list = in->term->result;

    if (!value_is_pair(list) || !value_is_local_ref(value_car(list)))
        return "an answer without a reference";
    Sig *s = sig_of_term(in->vm, NULL, SIG_ANSWER, in->term);
    if (!s) return "out of memory";
    s->words[1] = value_car(list);
    deliver(in->vm, pid_of_number(in->to), s);
    return NULL;
}

// ---- the link itself --------------------------------------------------------------------------------

static const char *take_beat(const Arrival *in)
{
    Letter *t = letter_new(FRAME_ECHO, 0, 0);

    if (!t) return "out of memory";
    buf_varint(&t->payload, in->number);
    (void)link_send(in->link, t);
    return NULL;
}

static const char *take_apart(Arrival *in, const uint8_t *payload, size_t size)
{
    unsigned parts = frame_parts(in->type);
    Cur c = cur_make(payload, size);

    if (parts & FRAME_NUMBER) in->number = cur_varint(&c);
    if (parts & FRAME_TEXT) in->text = (const char *)cur_block(&c, &in->text_size);
    if (!c.ok) return "a frame whose parts are missing";
    // References and the numbers of unlinks and heartbeats have 60 bits.
    if (in->number >> 60 != 0) return "a number that cannot be one";
    if (parts & FRAME_TEXT &&
        utf8_validate((const uint8_t *)in->text, in->text_size) != in->text_size)
        return "a name that is not UTF-8";
    if (parts & FRAME_BYTES) {
        in->text = (const char *)c.at;
        in->text_size = cur_left(&c);
    } else if (parts & FRAME_TERM) {
        WireState state = decode(in->term, &in->link->wire, c.at, cur_left(&c));
        if (state != WIRE_DONE) return decode_failed(in->link, in->term, state);
        return NULL;
    } else if (cur_left(&c) > 0) {
        return "a frame with too many parts";
    }
    in->term = NULL;
    return NULL;
}

static const char *act(const Arrival *in)
{
    Link *l = in->link;

    switch (in->type) {
    case FRAME_NAMED:
        return take_named(in);
    case FRAME_ANSWER:
        return take_answer(in);
    case FRAME_BEAT:
        return take_beat(in);
    case FRAME_ECHO:
        link_echoed(l, in->number);
        return NULL;
    case FRAME_PEERS:
        nodes_heard_of(l->nodes, l, (const uint8_t *)in->text, in->text_size);
        return NULL;
    case FRAME_GOODBYE:
        link_set_why(l, in->text, in->text_size);
        link_break(l);
        return NULL;
    default:
        return proxy_take(in) ? NULL : "out of memory";
    }
}

static const char *take_other(Link *l, const FrameHeader *h, const uint8_t *payload, size_t size)
{
    WireDecoder d;
    Arrival in = {.link = l,
                  .vm = l->nodes->vm,
                  .type = (FrameType)h->type,
                  .from = {.header = header_make(KIND_EXTERNAL_PID, EXTERNAL_WORDS - 1),
                           .node = l->peer.identity,
                           .name = l->peer_name,
                           .number = h->from.process},
                  .to = h->to.process,
                  .term = &d};
    const char *why = take_apart(&in, payload, size);

    if (why) return why;
    why = act(&in);
    if (in.term) wire_decode_end(in.term);
    return why;
}

static const char *take_whole(Link *l, const FrameHeader *h, const uint8_t *payload, size_t size);

static const char *misaddressed(const Link *l, const FrameHeader *h)
{
    if (h->from.node != l->peer.identity || h->to.node != l->nodes->vm->node_identity)
        return "a frame of another node";
    // Pids of this VM's that no actor can have are known to this side only.
    if ((uint32_t)h->to.process >= PROXY_INDEX_BASE || h->from.process & 0xf0000000u)
        return "a pid that cannot be one";
    return NULL;
}

// ---- long frames ------------------------------------------------------------------------------------

void link_free_assemblies(Link *l)
{
    while (l->assemblies) {
        Assembly *x = l->assemblies;
        l->assemblies = x->next;
        buf_free(&x->data);
        mem_free(MEM_IO, x, sizeof *x);
    }
    l->assembled = 0;
}

static Assembly *assembly_of(Link *l, uint64_t number)
{
    unsigned count = 0;
    Assembly *x;

    for (x = l->assemblies; x && x->number != number; x = x->next) {
        count++;
    }
    if (x || count == ASSEMBLIES_MAX) return x;
    x = mem_zalloc(MEM_IO, sizeof *x);
    if (!x) return NULL;
    x->number = number;
    x->data = (Buf)BUF_INIT;
    x->next = l->assemblies;
    l->assemblies = x;
    return x;
}

static void drop_assembly(Link *l, Assembly *x)
{
    Assembly **link = &l->assemblies;

    while (*link != x) {
        link = &(*link)->next;
    }
    *link = x->next;
    l->assembled -= x->data.size;
    buf_free(&x->data);
    mem_free(MEM_IO, x, sizeof *x);
}

// The header of the long frame has to come first; its length is believed within 'max-frame.
static const char *begin_assembly(const Link *l, Assembly *x)
{
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used;

    if (x->data.size < FRAME_HEADER_BYTES) return "a long frame without a header";
    if (frame_get(x->data.data, x->data.size, (uint32_t)MIN(l->settings.max_frame, UINT32_MAX), &h,
                  &payload, &used, &why) == FRAME_BAD)
        return why;
    if (h.type == FRAME_PART || h.flags & FRAME_CAPABILITY || frame_is_handshake(h.type))
        return "a frame out of place";
    if ((why = misaddressed(l, &h))) return why;
    x->whole = FRAME_HEADER_BYTES + (size_t)h.length;
    return NULL;
}

static const char *take_part(Link *l, const uint8_t *payload, size_t size)
{
    Cur c = cur_make(payload, size);
    uint64_t number = cur_varint(&c);
    Assembly *x = c.ok ? assembly_of(l, number) : NULL;
    FrameHeader h;
    size_t used, n = cur_left(&c);
    const char *why;

    if (!x) return c.ok ? "too many long frames at a time" : "a frame whose parts are missing";
    buf_bytes(&x->data, c.at, n);
    l->assembled += n;
    if (x->data.failed) return "out of memory";
    if (x->whole == 0 && (why = begin_assembly(l, x))) return why;
    if (x->data.size > x->whole || l->assembled > 2 * l->settings.max_frame)
        return "a frame that is too long";
    if (x->data.size < x->whole) return NULL;
    (void)frame_get(x->data.data, x->data.size, UINT32_MAX, &h, &payload, &used, &why);
    why = take_whole(l, &h, payload, h.length);
    drop_assembly(l, x);
    return why;
}

// ---- frames -----------------------------------------------------------------------------------------

static const char *take_plain(Link *l, const FrameHeader *h, const uint8_t *payload, size_t size)
{
    switch (h->type) {
    case FRAME_MESSAGES:
        return take_messages(l, h->to.process, payload, size);
    case FRAME_PART:
        return take_part(l, payload, size);
    default:
        return take_other(l, h, payload, size);
    }
}

static const char *take_whole(Link *l, const FrameHeader *h, const uint8_t *payload, size_t size)
{
    Buf plain = BUF_INIT;
    const char *why = "a compressed frame that cannot be read";

    if (!(h->flags & FRAME_COMPRESSED)) return take_plain(l, h, payload, size);
    if (h->type != FRAME_PART && lz_unpack(payload, size, l->settings.max_frame, &plain))
        why = take_plain(l, h, plain.data, plain.size);
    buf_free(&plain);
    return why;
}

bool link_take_frame(Link *l, const FrameHeader *h, const uint8_t *payload, const char **why)
{
    *why = misaddressed(l, h);
    if (!*why) *why = take_whole(l, h, payload, h->length);
    return *why == NULL;
}
