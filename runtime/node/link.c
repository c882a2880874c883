// See link.h.
#include "runtime/node/parts.h"

#include "runtime/jobs.h"
#include "vm/base/check.h"
#include "vm/base/mem.h"
#include "vm/base/utf8.h"

#include <stdio.h>
#include <string.h>

#define HANDSHAKE_MS 5000u
#define SECOND_NS    ((uint64_t)1000000000)
// Longest frame as it comes over the wire; longer ones come in parts.
#define FRAME_WIRE_MAX (2 * OUTBOX_FRAME_BYTES)

// ---- life -----------------------------------------------------------------------------------------

Link *link_new(Nodes *n, bool dialler, const char *url, unsigned timeout_ms)
{
    size_t size = strlen(url) + 1;
    Link *l = mem_zalloc(MEM_IO, sizeof *l + size);

    if (!l) return NULL;
    l->nodes = n;
    l->dialler = dialler;
    l->peer_name = V_FALSE;
    l->wire = vm_wire_node(n->vm);
    l->in = (Buf)BUF_INIT;
    l->deadline_ns = plat_now_ns() + MIN(timeout_ms, HANDSHAKE_MS) * (SECOND_NS / 1000);
    memcpy(l->url, url, size);
    atomic_store_explicit(&l->refs, 1, memory_order_relaxed); // the carrier's
    outbox_init(&l->box, n->vm->node_identity);
    plat_lock(&n->lock);
    l->settings = n->settings;
    plat_unlock(&n->lock);
    return l;
}

void link_hold(Link *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
}

void link_release(Link *l)
{
    if (atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1) return;
    handshake_end(&l->handshake);
    buf_free(&l->in);
    link_free_assemblies(l);
    outbox_free(&l->box);
    if (l->peer_url) mem_free(MEM_IO, l->peer_url, strlen(l->peer_url) + 1);
    mem_free(MEM_IO, l, sizeof *l + strlen(l->url) + 1);
}

uint64_t link_peer(const Link *l)
{
    return l->peer.identity;
}

bool link_is_hidden(const Link *l)
{
    return l->peer.flags & NODE_HIDDEN;
}

Value link_peer_name(const Link *l)
{
    return l->peer_name;
}

void link_numbers(Link *l, LinkNumbers *out)
{
    plat_lock(&l->lock);
    *out = (LinkNumbers){.bytes_in = l->bytes_in,
                         .bytes_out = l->box.bytes,
                         .frames_in = l->frames_in,
                         .frames_out = l->box.frames,
                         .queued = outbox_size(&l->box),
                         .round_trip_ns = l->round_trip_ns};
    plat_unlock(&l->lock);
}

// ---- writing --------------------------------------------------------------------------------------

static void tell_waiting(Link *l, Asker *list)
{
    while (list) {
        Asker *next = list->next;
        nodes_answer(l->nodes, list, V_TRUE);
        list = next;
    }
}

static void pump(Link *l)
{
    CarrierPiece pieces[2];
    Carrier *broken = NULL;

    plat_lock(&l->lock);
    if (l->carrier && !l->writing) {
        size_t n = outbox_fill(&l->box, pieces);
        l->writing = n > 0;
        // A write begins under the lock: the carrier may not go before it has.
        if (n > 0) carrier_write(l->carrier, pieces, n);
        if (outbox_failed(&l->box) && carrier_hold(l->carrier)) {
            broken = l->carrier;
            l->failure = "out of memory";
        }
    }
    plat_unlock(&l->lock);
    if (!broken) return;
    carrier_close(broken);
    carrier_release(broken);
}

static void on_written(void *owner)
{
    Link *l = owner;
    Asker *told = NULL;

    plat_lock(&l->lock);
    l->writing = false;
    outbox_written(&l->box);
    if (outbox_size(&l->box) <= l->settings.link_buffer) {
        told = l->waiting;
        l->waiting = NULL;
    }
    plat_unlock(&l->lock);
    tell_waiting(l, told);
    pump(l);
}

bool link_send(Link *l, Letter *t)
{
    plat_lock(&l->lock);
    bool up = l->state == LINK_JOINED && !l->leaving;
    if (up) outbox_put(&l->box, t);
    plat_unlock(&l->lock);
    if (up) {
        pump(l);
    } else {
        letter_free(t);
    }
    return up;
}

bool link_is_open(Link *l)
{
    plat_lock(&l->lock);
    bool open = l->state == LINK_JOINED && !l->leaving;
    plat_unlock(&l->lock);
    return open;
}

static bool is_full(const Link *l) // lock
{
    return l->state == LINK_JOINED && outbox_size(&l->box) > l->settings.link_buffer;
}

bool link_is_congested(Link *l)
{
    plat_lock(&l->lock);
    bool full = is_full(l);
    plat_unlock(&l->lock);
    return full;
}

bool link_await_room(Link *l, Value pid, Value ref)
{
    Asker *a = mem_zalloc(MEM_IO, sizeof *a);

    if (!a) return false;
    a->pid = pid;
    a->ref = ref;
    plat_lock(&l->lock);
    bool full = is_full(l);
    if (full) {
        a->next = l->waiting;
        l->waiting = a;
    }
    plat_unlock(&l->lock);
    if (!full) mem_free(MEM_IO, a, sizeof *a);
    return full;
}

void link_break(Link *l)
{
    plat_lock(&l->lock);
    Carrier *c = l->carrier && carrier_hold(l->carrier) ? l->carrier : NULL;
    plat_unlock(&l->lock);
    if (!c) return;
    carrier_close(c);
    carrier_release(c);
}

void link_set_why(Link *l, const char *why, size_t size)
{
    plat_lock(&l->lock);
    if (l->why[0] == 0) {
        size = MIN(size, sizeof l->why - 1);
        memcpy(l->why, why, size);
        l->why[utf8_validate((const uint8_t *)l->why, size)] = 0;
    }
    plat_unlock(&l->lock);
}

void link_close(Link *l, const char *why)
{
    Letter *t = letter_new(FRAME_GOODBYE, 0, 0);

    link_set_why(l, why, strlen(why));
    if (t) buf_block(&t->payload, why, strlen(why));
    plat_lock(&l->lock);
    bool up = t && l->state == LINK_JOINED && !l->leaving && !t->payload.failed;
    if (up) outbox_put(&l->box, t);
    if (!l->leaving) l->leaving_ns = plat_now_ns();
    l->leaving = true;
    plat_unlock(&l->lock);
    if (!up && t) letter_free(t);
    if (up) {
        pump(l);
    } else {
        link_break(l);
    }
}

// ---- the handshake --------------------------------------------------------------------------------

static void send_raw(Link *l, Buf *out)
{
    plat_lock(&l->lock);
    outbox_put_raw(&l->box, out);
    plat_unlock(&l->lock);
    pump(l);
}

// The other side has been told: it closes the link, or else on_tick does.
static void refuse(Link *l, Buf *out)
{
    send_raw(l, out);
    plat_lock(&l->lock);
    l->leaving = true;
    l->leaving_ns = plat_now_ns();
    plat_unlock(&l->lock);
}

// Joined: from here on frames of all kinds go both ways.
static void join(Link *l, Buf *out)
{
    Nodes *n = l->nodes;

    l->peer = l->handshake.peer;
    l->peer_name = symbol_intern(&n->vm->symbols, l->peer.name, strlen(l->peer.name));
    plat_lock(&l->lock);
    l->box.there = l->peer.identity;
    l->beat_ns = plat_now_ns();
    phi_begin(&l->phi, l->beat_ns, l->settings.heartbeat_ms / 1e3);
    outbox_put_raw(&l->box, out);
    plat_unlock(&l->lock);
    if (value_is(l->peer_name, V_FAIL) || !slot_up(n, l)) {
        link_break(l);
        return;
    }
    pump(l);
}

static void log_refusal(Link *l)
{
    if (l->handshake.reason == REASON_ALREADY || l->handshake.reason == REASON_SIMULTANEOUS) return;
    nodes_log(l->nodes, "no link %s %s: %s%s", l->dialler ? "to" : "from",
              l->dialler ? l->url : l->address,
              l->handshake.refused ? "refused by the other side: " : "",
              handshake_reason_name(l->handshake.reason));
}

static void take_handshake(Link *l, const FrameHeader *h, const uint8_t *payload)
{
    Buf out = BUF_INIT;
    HandshakeReason why;

    switch (handshake_take(&l->handshake, h, payload, &out)) {
    case HANDSHAKE_WAITS:
        send_raw(l, &out);
        break;
    case HANDSHAKE_KNOWN:
        if (slot_known(l->nodes, l)) {
            handshake_prove(&l->handshake, &out);
            send_raw(l, &out);
        } else {
            link_break(l);
        }
        break;
    case HANDSHAKE_PROVED:
        why = slot_proved(l->nodes, l);
        if (why == REASON_NONE) {
            handshake_accept(&l->handshake, &out);
            send_raw(l, &out);
        } else {
            handshake_reject(&l->handshake, why, &out);
            refuse(l, &out);
            log_refusal(l);
        }
        break;
    case HANDSHAKE_UP:
        join(l, &out);
        break;
    case HANDSHAKE_FAILED:
        log_refusal(l);
        if (out.size > 0) {
            refuse(l, &out);
        } else {
            link_break(l);
        }
        break;
    }
    buf_free(&out);
}

// ---- reading --------------------------------------------------------------------------------------

static LinkState state_of(Link *l)
{
    plat_lock(&l->lock);
    LinkState state = l->state;
    plat_unlock(&l->lock);
    return state;
}

// Closes it because of what the other side did; why is told in the log when it has ended.
static void break_off(Link *l, const char *why)
{
    plat_lock(&l->lock);
    if (!l->failure) l->failure = why;
    plat_unlock(&l->lock);
    link_break(l);
}

// One frame; false: nothing more is read.
static bool take_frame(Link *l, const FrameHeader *h, const uint8_t *payload, bool joined)
{
    const char *why = "a frame out of place";

    if (joined == frame_is_handshake(h->type)) {
        break_off(l, why);
        return false;
    }
    if (!joined) {
        take_handshake(l, h, payload);
        return l->handshake.reason == REASON_NONE;
    }
    if (link_take_frame(l, h, payload, &why)) return true;
    if (why) {
        break_off(l, why);
    } else {
        link_break(l);
    }
    return false;
}

// Takes all frames that are whole; gives how much of the input is done with.
static size_t take_frames(Link *l, uint64_t *frames)
{
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used, at = 0;

    for (;;) {
        bool joined = state_of(l) == LINK_JOINED;
        uint32_t most = joined ? (uint32_t)FRAME_WIRE_MAX : FRAME_HANDSHAKE_MAX;
        switch (frame_get(l->in.data + at, l->in.size - at, most, &h, &payload, &used, &why)) {
        case FRAME_INCOMPLETE:
            return at;
        case FRAME_BAD:
            break_off(l, why);
            return l->in.size;
        case FRAME_WHOLE:
            break;
        }
        at += used;
        (*frames)++;
        if (!take_frame(l, &h, payload, joined)) return l->in.size;
    }
}

static void on_read(void *owner, const uint8_t *data, size_t size)
{
    Link *l = owner;
    uint64_t frames = 0;

    plat_lock(&l->lock);
    l->bytes_in += size;
    phi_heard(&l->phi, plat_now_ns());
    bool refused = l->leaving && l->state == LINK_BEGINS;
    plat_unlock(&l->lock);
    if (refused) return; // nothing more is read
    buf_bytes(&l->in, data, size);
    if (l->in.failed) {
        break_off(l, "out of memory");
        return;
    }
    size_t done = take_frames(l, &frames);
    if (done > 0) memmove(l->in.data, l->in.data + done, l->in.size - done);
    l->in.size -= done;
    plat_lock(&l->lock);
    l->frames_in += frames;
    plat_unlock(&l->lock);
}

// ---- heartbeats -----------------------------------------------------------------------------------

static void send_beat(Link *l, uint64_t now)
{
    Letter *t = letter_new(FRAME_BEAT, 0, 0);

    plat_lock(&l->lock);
    uint64_t number = ++l->beat;
    l->beat_ns = now;
    plat_unlock(&l->lock);
    if (!t) return;
    buf_varint(&t->payload, number);
    (void)link_send(l, t);
}

void link_echoed(Link *l, uint64_t number)
{
    uint64_t now = plat_now_ns();

    plat_lock(&l->lock);
    if (number == l->beat && now > l->beat_ns) l->round_trip_ns = now - l->beat_ns;
    phi_heartbeat(&l->phi, now);
    plat_unlock(&l->lock);
}

void link_probe(Link *l)
{
    plat_lock(&l->lock);
    if (l->probe_ns == 0) l->probe_ns = plat_now_ns();
    plat_unlock(&l->lock);
    send_beat(l, plat_now_ns());
}

// What is wrong with the link at this time, or NULL; "": nothing, but it has had time enough to end.
static const char *overdue(Link *l, uint64_t now) // lock
{
    if (l->leaving) {
        uint64_t most = outbox_size(&l->box) > 0 ? 5 * SECOND_NS : SECOND_NS;
        return now - l->leaving_ns > most ? "" : NULL;
    }
    if (l->state == LINK_BEGINS)
        return now > l->deadline_ns ? "the handshake takes too long" : NULL;
    if (l->probe_ns != 0 && l->phi.heard_ns > l->probe_ns) l->probe_ns = 0;
    if (l->probe_ns != 0 && now - l->probe_ns > SECOND_NS) return "another node has its name";
    if (phi_value(&l->phi, now) > l->settings.phi_threshold) return "nothing is heard of it";
    return NULL;
}

static void on_tick(void *owner)
{
    Link *l = owner;
    uint64_t now = plat_now_ns();

    plat_lock(&l->lock);
    const char *why = overdue(l, now);
    bool joined = l->state == LINK_JOINED && !l->leaving, probed = l->probe_ns != 0;
    bool due = joined && now - l->beat_ns >= l->settings.heartbeat_ms * (SECOND_NS / 1000) * 9 / 10;
    plat_unlock(&l->lock);
    if (why && *why) {
        const char *reason = probed ? "name-conflict" : "timeout";
        if (joined) link_set_why(l, reason, strlen(reason));
        break_off(l, why);
    } else if (why) {
        link_break(l);
    } else if (due) {
        send_beat(l, now);
    }
}

// ---- the carrier's other calls ----------------------------------------------------------------------

static void on_opened(void *owner, Carrier *c)
{
    Link *l = owner;
    Nodes *n = l->nodes;
    Buf out = BUF_INIT;

    plat_lock(&n->lock);
    handshake_begin(&l->handshake, &n->self, l->dialler, n->cookie, n->cookie_size, &out);
    plat_unlock(&n->lock);
    (void)carrier_peer(c, l->address, sizeof l->address);
    plat_lock(&l->lock);
    l->carrier = c;
    bool leaving = l->leaving;
    plat_unlock(&l->lock);
    send_raw(l, &out);
    buf_free(&out);
    carrier_tick(c, MAX(MIN(l->settings.heartbeat_ms / 4, 250u), 10u));
    if (leaving) link_break(l);
}

static void log_end(Link *l, bool was_up, const char *why)
{
    char why_told[sizeof l->why];

    plat_lock(&l->lock);
    const char *failure = l->failure;
    memcpy(why_told, l->why, sizeof why_told);
    plat_unlock(&l->lock);
    if (was_up) {
        nodes_log(l->nodes, "%s is gone: %s", l->peer.name,
                  failure       ? failure
                  : why_told[0] ? why_told
                  : why         ? why
                                : "closed");
    } else if (failure) {
        nodes_log(l->nodes, "no link %s %s: %s", l->dialler ? "to" : "from",
                  l->dialler ? l->url : l->address, failure);
    }
}

static void on_closed(void *owner, const char *why, bool unreachable)
{
    Link *l = owner;

    plat_lock(&l->lock);
    bool was_up = l->state == LINK_JOINED;
    l->state = LINK_ENDED;
    l->carrier = NULL;
    Asker *waiting = l->waiting;
    l->waiting = NULL;
    plat_unlock(&l->lock);
    tell_waiting(l, waiting);
    log_end(l, was_up, why);
    if (was_up) proxy_link_lost(l);
    slot_ended(l->nodes, l, l->handshake.reason, unreachable);
    link_release(l);
}

const CarrierOps link_carrier_ops = {.opened = on_opened,
                                     .read = on_read,
                                     .written = on_written,
                                     .tick = on_tick,
                                     .closed = on_closed};
