// See link.h.
#include "runtime/node/node_int.h"

#include "runtime/jobs.h"
#include "vm/base/check.h"
#include "vm/base/mem.h"

#include <stdio.h>
#include <string.h>

#define HANDSHAKE_NS 5000000000ull
// What one read may leave unread: a whole frame and its header.
#define FRAME_WIRE_MAX (2 * OUTBOX_FRAME_BYTES + 1024)

// ---- life -----------------------------------------------------------------------------------------

static void on_encoded(void *context)
{
    Link *l = context;

    plat_lock(&l->lock);
    bool over = l->lost;
    bool empty = over && outbox_close(&l->box);
    plat_unlock(&l->lock);
    if (!over) link_pump(l);
    if (empty) link_release(l); // what a closed outbox with jobs was held by
}

Link *link_new(Nodes *n, bool dialler, const char *url)
{
    size_t size = strlen(url) + 1;
    Link *l = mem_zalloc(MEM_IO, sizeof *l + size);

    if (!l) return NULL;
    l->nodes = n;
    l->dialler = dialler;
    l->peer_name = V_FALSE;
    l->wire = vm_wire_node(n->vm);
    l->in = (Buf)BUF_INIT;
    l->begun_ns = plat_now_ns();
    memcpy(l->url, url, size);
    atomic_store_explicit(&l->refs, 1, memory_order_relaxed); // the carrier's
    outbox_init(&l->box, n->vm, &l->lock, &l->wire, on_encoded, l);
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
    mem_free(MEM_IO, l, sizeof *l + strlen(l->url) + 1);
}

uint64_t link_peer(const Link *l)
{
    return l->peer.identity;
}

Value link_peer_name(const Link *l)
{
    return l->peer_name;
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

void link_pump(Link *l)
{
    CarrierPiece pieces[2];
    size_t n = 0;
    bool close = false;

    plat_lock(&l->lock);
    Carrier *c = l->state == LINK_ENDED ? NULL : l->carrier;
    if (c && !l->writing) {
        n = outbox_fill(&l->box, pieces);
        l->writing = n > 0;
        close = outbox_failed(&l->box) || (n == 0 && l->leaving && outbox_size(&l->box) == 0);
    }
    // A write begins under the lock: the carrier may not go before it has.
    if (n > 0) carrier_write(c, pieces, n);
    plat_unlock(&l->lock);
    if (close) carrier_close(c);
}

static void on_written(void *owner)
{
    Link *l = owner;
    Asker *told = NULL;

    plat_lock(&l->lock);
    l->writing = false;
    outbox_written(&l->box);
    if (outbox_size(&l->box) <= l->nodes->link_buffer) {
        told = l->waiting;
        l->waiting = NULL;
    }
    plat_unlock(&l->lock);
    tell_waiting(l, told);
    link_pump(l);
}

bool link_send(Link *l, Letter *t)
{
    plat_lock(&l->lock);
    bool up = l->state == LINK_JOINED && !l->leaving;
    if (up) outbox_put(&l->box, t);
    plat_unlock(&l->lock);
    if (!up) {
        letter_free(l->nodes->vm, t);
        return false;
    }
    link_pump(l);
    return true;
}

bool link_is_congested(Link *l)
{
    plat_lock(&l->lock);
    bool full = l->state == LINK_JOINED && outbox_size(&l->box) > l->nodes->link_buffer;
    plat_unlock(&l->lock);
    return full;
}

void link_await_room(Link *l, Value pid, Value ref)
{
    Asker *a = mem_zalloc(MEM_IO, sizeof *a);

    if (a) {
        a->pid = pid;
        a->ref = ref;
        plat_lock(&l->lock);
        bool full = l->state == LINK_JOINED && outbox_size(&l->box) > l->nodes->link_buffer;
        if (full) {
            a->next = l->waiting;
            l->waiting = a;
        }
        plat_unlock(&l->lock);
        if (full) return;
        mem_free(MEM_IO, a, sizeof *a);
    }
    job_answer(l->nodes->vm, pid, ref, V_TRUE);
}

void link_close(Link *l, const char *why)
{
    Letter *t = letter_new(FRAME_GOODBYE, 0, 0, 0, why, strlen(why));

    plat_lock(&l->lock);
    if (l->why[0] == 0) snprintf(l->why, sizeof l->why, "%s", why);
    bool up = l->state == LINK_JOINED && !l->leaving;
    Carrier *c = l->state == LINK_ENDED ? NULL : l->carrier;
    if (up && t) {
        outbox_put(&l->box, t);
        t = NULL;
    }
    l->leaving = true;
    if (c && !up) carrier_close(c);
    plat_unlock(&l->lock);
    if (t) letter_free(l->nodes->vm, t);
    link_pump(l);
}

// ---- the handshake --------------------------------------------------------------------------------

static void send_raw(Link *l, Buf *out)
{
    if (out->size == 0) return;
    plat_lock(&l->lock);
    outbox_put_raw(&l->box, out);
    plat_unlock(&l->lock);
    link_pump(l);
}

// The link ends when what was written is out.
static void leave(Link *l)
{
    plat_lock(&l->lock);
    l->leaving = true;
    plat_unlock(&l->lock);
    link_pump(l);
}

static void refuse(Link *l, HandshakeReason why, Buf *out)
{
    handshake_reject(&l->handshake, why, out);
    send_raw(l, out);
    leave(l);
}

// Joined: from here on frames of all kinds go both ways.
static void join(Link *l, Buf *out)
{
    Nodes *n = l->nodes;

    plat_lock(&l->lock);
    l->peer = l->handshake.peer;
    l->peer_name = symbol_intern(&n->vm->symbols, l->peer.name, strlen(l->peer.name));
    l->box.there = l->peer.identity;
    phi_begin(&l->phi, plat_now_ns(), n->heartbeat_ms / 1e3);
    outbox_put_raw(&l->box, out);
    plat_unlock(&l->lock);
    if (value_is(l->peer_name, V_FAIL) || !nodes_slot_up(n, l)) {
        carrier_close(l->carrier);
        return;
    }
    link_pump(l);
}

static void log_refusal(Link *l)
{
    char peer[64];

    if (l->handshake.reason == REASON_ALREADY || l->handshake.reason == REASON_SIMULTANEOUS) return;
    nodes_log(l->nodes, "no link %s %s: %s%s", l->dialler ? "to" : "from",
              l->dialler ? l->url : carrier_peer(l->carrier, peer, sizeof peer),
              l->handshake.refused ? "refused by the other side: " : "",
              handshake_reason_name(l->handshake.reason));
}

static void take_handshake(Link *l, const FrameHeader *h, const uint8_t *payload)
{
    Buf out = BUF_INIT;
    HandshakeReason why = REASON_NONE;

    switch (handshake_take(&l->handshake, h, payload, &out)) {
    case HANDSHAKE_WAITS:
        send_raw(l, &out);
        break;
    case HANDSHAKE_KNOWN:
        if (nodes_slot_known(l->nodes, l) == SLOT_GO_ON) {
            handshake_prove(&l->handshake, &out);
            send_raw(l, &out);
        } else {
            l->handshake.reason = REASON_ALREADY;
            carrier_close(l->carrier);
        }
        break;
    case HANDSHAKE_PROVED:
        if (nodes_slot_proved(l->nodes, l, &why) == SLOT_GO_ON) {
            handshake_accept(&l->handshake, &out);
            send_raw(l, &out);
        } else {
            refuse(l, why, &out);
            log_refusal(l);
        }
        break;
    case HANDSHAKE_UP:
        join(l, &out);
        break;
    case HANDSHAKE_FAILED:
        log_refusal(l);
        send_raw(l, &out);
        leave(l);
        break;
    }
    buf_free(&out);
}

// ---- reading --------------------------------------------------------------------------------------

static bool is_joined(Link *l)
{
    plat_lock(&l->lock);
    bool joined = l->state == LINK_JOINED;
    plat_unlock(&l->lock);
    return joined;
}

static void break_off(Link *l, const char *why)
{
    char peer[64];

    nodes_log(l->nodes, "link with %s closed: %s",
              l->peer.name[0] ? l->peer.name : carrier_peer(l->carrier, peer, sizeof peer), why);
    carrier_close(l->carrier);
}

// One frame; false: the link is to be closed.
static bool take_frame(Link *l, const FrameHeader *h, const uint8_t *payload)
{
    bool joined = is_joined(l);
    const char *why = "a frame out of place";

    if (joined == frame_is_handshake(h->type)) {
        break_off(l, why);
        return false;
    }
    if (!joined) {
        take_handshake(l, h, payload);
        return l->handshake.reason == REASON_NONE;
    }
    l->frames_in++;
    unsigned guest = sched_guest_enter(&l->nodes->vm->sched);
    bool good = link_take_frame(l, h, payload, &why);
    sched_guest_leave(&l->nodes->vm->sched, guest);
    if (!good) break_off(l, why);
    return good;
}

static void on_read(void *owner, const uint8_t *data, size_t size)
{
    Link *l = owner;
    FrameHeader h;
    const uint8_t *payload;
    const char *why;
    size_t used, at = 0;

    plat_lock(&l->lock);
    l->bytes_in += size;
    phi_heard(&l->phi, plat_now_ns());
    bool leaving = l->leaving;
    plat_unlock(&l->lock);
    if (leaving && !is_joined(l)) return; // refused already: nothing more is read
    buf_bytes(&l->in, data, size);
    for (;;) {
        uint32_t most = is_joined(l) ? (uint32_t)FRAME_WIRE_MAX : FRAME_HANDSHAKE_MAX;
        FrameStatus s = frame_get(l->in.data + at, l->in.size - at, most, &h, &payload, &used,
                                  &why);
        if (s == FRAME_INCOMPLETE) break;
        if (s == FRAME_BAD) {
            break_off(l, why);
            at = l->in.size;
            break;
        }
        at += used;
        if (!take_frame(l, &h, payload)) {
            at = l->in.size;
            break;
        }
    }
    if (l->in.failed) break_off(l, "out of memory");
    if (at > 0) memmove(l->in.data, l->in.data + at, l->in.size - at);
    l->in.size -= at;
}

// ---- the carrier's other calls ----------------------------------------------------------------------

static void on_opened(void *owner, Carrier *c)
{
    Link *l = owner;
    Nodes *n = l->nodes;
    Buf out = BUF_INIT;

    plat_lock(&l->lock);
    l->carrier = c;
    plat_unlock(&l->lock);
    plat_lock(&n->lock);
    handshake_begin(&l->handshake, &n->self, l->dialler, n->cookie, n->cookie_size, &out);
    unsigned every_ms = n->heartbeat_ms;
    plat_unlock(&n->lock);
    send_raw(l, &out);
    buf_free(&out);
    carrier_tick(c, MIN(every_ms, 1000u));
}

static void beat(Link *l, uint64_t now)
{
    Letter *t = letter_new(FRAME_BEAT, 0, 0, ++l->beat, NULL, 0);

    l->beat_ns = now;
    if (t) (void)link_send(l, t);
}

static void on_tick(void *owner)
{
    Link *l = owner;
    Nodes *n = l->nodes;
    uint64_t now = plat_now_ns();

    plat_lock(&l->lock);
    bool joined = l->state == LINK_JOINED;
    double phi = joined ? phi_value(&l->phi, now) : 0;
    bool due = joined && now - l->beat_ns >= (uint64_t)n->heartbeat_ms * 1000000 * 9 / 10;
    if (phi > n->phi_threshold && l->why[0] == 0) snprintf(l->why, sizeof l->why, "timeout");
    plat_unlock(&l->lock);
    if (phi > n->phi_threshold || (!joined && now - l->begun_ns > HANDSHAKE_NS)) {
        break_off(l, joined ? "nothing is heard of it" : "the handshake takes too long");
    } else if (due) {
        beat(l, now);
    }
}

static void on_closed(void *owner, const char *why, bool unreachable)
{
    Link *l = owner;
    Nodes *n = l->nodes;

    plat_lock(&l->lock);
    bool was_up = l->state == LINK_JOINED;
    l->state = LINK_ENDED;
    l->carrier = NULL;
    Asker *waiting = l->waiting;
    l->waiting = NULL;
    plat_unlock(&l->lock);
    tell_waiting(l, waiting);
    if (was_up) proxy_link_lost(l);
    if (was_up)
        nodes_log(n, "node %s is gone: %s", l->peer.name,
                  l->why[0] ? l->why
                  : why     ? why
                            : "closed");
    HandshakeReason reason = l->handshake.reason;
    nodes_link_ended(n, l, reason, unreachable);
    plat_lock(&l->lock);
    l->lost = true;
    bool empty = outbox_close(&l->box);
    plat_unlock(&l->lock);
    if (empty) link_release(l); // else when the last job is done
}

const CarrierOps link_carrier_ops = {.opened = on_opened,
                                     .read = on_read,
                                     .written = on_written,
                                     .tick = on_tick,
                                     .closed = on_closed};
