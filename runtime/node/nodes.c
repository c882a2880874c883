// See nodes.h.
#include "runtime/node/node_int.h"

#include "runtime/jobs.h"
#include "runtime/runtime.h"
#include "vm/base/check.h"
#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Connections that have not proved themselves: more are closed as they come.
#define HALF_OPEN_MAX 64

// ---- the object -----------------------------------------------------------------------------------

static Nodes *nodes_new(Vm *vm)
{
    Nodes *n = mem_zalloc(MEM_IO, sizeof *n);

    if (!n) return NULL;
    n->vm = vm;
    n->self.identity = vm->node_identity;
    snprintf(n->self.name, sizeof n->self.name, "nonode");
    n->accept_code = true;
    n->heartbeat_ms = 1000;
    n->phi_threshold = 8;
    n->link_buffer = (size_t)1 << 20;
    n->max_frame = (size_t)256 << 20;
    return n;
}

Nodes *nodes_of(Vm *vm)
{
    Runtime *r = vm->runtime;

    plat_lock(&r->nodes_lock);
    if (!r->nodes) r->nodes = nodes_new(vm);
    Nodes *n = r->nodes;
    plat_unlock(&r->nodes_lock);
    return n;
}

void nodes_log(Nodes *n, const char *fmt, ...)
{
    char text[512];
    va_list list;

    va_start(list, fmt);
    int head = snprintf(text, sizeof text, "node %s: ", n->self.name);
    vsnprintf(text + head, sizeof text - (size_t)head, fmt, list);
    va_end(list);
    fprintf(stderr, "%s\n", text);
}

void nodes_answer(Nodes *n, Asker *asker, Value answer)
{
    job_answer(n->vm, asker->pid, asker->ref, answer);
    mem_free(MEM_IO, asker, sizeof *asker);
}

// ---- slots ----------------------------------------------------------------------------------------

static MapEntry *slot_of(Nodes *n, uint64_t identity) // lock
{
    return map_find(&n->slots, identity);
}

static bool set_slot(Nodes *n, uint64_t identity, Link *l, SlotState state) // lock
{
    bool made;
    MapEntry *e = map_add(&n->slots, MEM_IO, identity, &made);

    if (!e) return false;
    e->a = (uint64_t)l;
    e->b = state;
    return true;
}

// Who waits for the slot is told, without the lock.
static void answer_slot(Nodes *n, uint64_t identity, Value answer)
{
    Asker *told = NULL;

    plat_lock(&n->lock);
    for (Asker **link = &n->askers; *link;) {
        Asker *a = *link;
        if (a->identity != identity) {
            link = &a->next;
            continue;
        }
        *link = a->next;
        a->next = told;
        told = a;
    }
    plat_unlock(&n->lock);
    while (told) {
        Asker *next = told->next;
        nodes_answer(n, told, answer);
        told = next;
    }
}

// The dial's asker waits for the slot instead, or is told that it is up.
static void asker_waits(Nodes *n, Link *l, uint64_t identity)
{
    Asker *a = l->asker;
    Value name = V_NONE;

    l->asker = NULL;
    if (!a) return;
    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    if (e && e->b == SLOT_UP) {
        name = ((Link *)e->a)->peer_name;
    } else if (e) {
        a->identity = identity;
        a->next = n->askers;
        n->askers = a;
    }
    plat_unlock(&n->lock);
    if (!value_is(name, V_NONE)) {
        nodes_answer(n, a, name);
    } else if (!e) {
        nodes_answer(n, a, value_fix(ANSWER_UNREACHABLE));
    }
}

// The other node of that name that is joined, if it is not this one; held.
static Link *namesake(Nodes *n, const NodeSelf *peer) // lock
{
    for (Link *l = n->links; l; l = l->next) {
        if (l->state == LINK_JOINED && l->peer.identity != peer->identity &&
            strcmp(l->peer.name, peer->name) == 0 && strcmp(peer->name, "nonode") != 0) {
            link_hold(l);
            return l;
        }
    }
    return NULL;
}

SlotVerdict nodes_slot_known(Nodes *n, Link *l)
{
    uint64_t identity = l->handshake.peer.identity;

    plat_lock(&n->lock);
    bool free = !slot_of(n, identity) && set_slot(n, identity, l, SLOT_DIALLING);
    plat_unlock(&n->lock);
    if (!free) asker_waits(n, l, identity);
    return free ? SLOT_GO_ON : SLOT_GIVE_UP;
}

SlotVerdict nodes_slot_proved(Nodes *n, Link *l, HandshakeReason *why)
{
    const NodeSelf *peer = &l->handshake.peer;
    bool good = false;

    *why = REASON_NONE;
    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, peer->identity);
    Link *other = namesake(n, peer);
    if (strcmp(peer->name, n->self.name) == 0 && n->named) *why = REASON_NAME_CONFLICT;
    if (other) *why = REASON_NAME_CONFLICT;
    if (e && e->b != SLOT_DIALLING) *why = REASON_ALREADY;
    if (e && e->b == SLOT_DIALLING && peer->identity > n->self.identity) *why = REASON_SIMULTANEOUS;
    if (*why == REASON_NONE) good = set_slot(n, peer->identity, l, SLOT_ACCEPTED);
    plat_unlock(&n->lock);
    if (other) {
        // Is it still there? If it has gone without a word, the next try finds the name free.
        link_probe(other);
        link_release(other);
    }
    return good ? SLOT_GO_ON : SLOT_REJECT;
}

// ---- node monitors ----------------------------------------------------------------------------------

// An identity is an exact integer of 64 bits.
static Value identity_value(uint64_t identity, Value room[2])
{
    if (identity <= (uint64_t)FIX_MAX) return value_fix((int64_t)identity);
    room[0].bits = header_make(KIND_BIGNUM, 1);
    room[1].bits = identity;
    return value_from_words(room, TAG_OBJ);
}

void nodes_tell(Vm *vm, const Watch *w, Value what, Value name, Value last, uint64_t identity)
{
    Sig *s = sig_new(vm, NULL, SIG_MESSAGE, 10);

    if (!s) return;
    Value *room = s->words, list = V_NIL;
    if (value_is(last, V_NONE)) last = identity_value(identity, room + 8);
    Value items[4] = {what, w->ref, name, last};
    for (size_t i = countof(items); i > 0; i--, room += 2) {
        room[0] = items[i - 1];
        room[1] = list;
        list = value_from_words(room, TAG_PAIR);
    }
    s->frag.used = 10;
    s->value = list;
    unsigned guest = sched_guest_enter(&vm->sched);
    sig_send(vm, NULL, w->pid, s);
    sched_guest_leave(&vm->sched, guest);
}

// Sends (what ref name value) for each watch of the node; without a value its identity.
static void tell_watches(Nodes *n, SymbolId what, const Link *l, Value last)
{
    plat_lock(&n->lock);
    for (const Watch *w = n->watches; w; w = w->next) {
        if (value_is(w->name, V_FALSE) || value_is(w->name, l->peer_name))
            nodes_tell(n->vm, w, n->vm->symbol[what], l->peer_name, last, l->peer.identity);
    }
    plat_unlock(&n->lock);
}

// ---- links come and go --------------------------------------------------------------------------------

bool nodes_slot_up(Nodes *n, Link *l)
{
    uint64_t identity = l->peer.identity;

    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    bool mine = e && (Link *)e->a == l;
    if (mine) e->b = SLOT_UP;
    if (mine && !l->dialler) n->half_open--;
    plat_unlock(&n->lock);
    if (!mine) {
        asker_waits(n, l, identity);
        return false;
    }
    nodes_log(n, "joined %s", l->peer.name);
    // Watches hear of it before anything can come over it.
    tell_watches(n, SYM_nodeup, l, V_NONE);
    plat_lock(&l->lock);
    l->state = LINK_JOINED;
    plat_unlock(&l->lock);
    if (l->asker) {
        Asker *a = l->asker;
        l->asker = NULL;
        nodes_answer(n, a, l->peer_name);
    }
    answer_slot(n, identity, l->peer_name);
    nodes_introduce(n, l);
    return true;
}

static void unlink_link(Nodes *n, Link *l) // lock
{
    if (l->prev) l->prev->next = l->next;
    if (l->next) l->next->prev = l->prev;
    if (n->links == l) n->links = l->next;
    n->link_count--;
}

void nodes_link_ended(Nodes *n, Link *l, HandshakeReason why, bool unreachable)
{
    uint64_t identity = l->handshake.peer.identity;
    bool was_up = false, mine = false;

    plat_lock(&n->lock);
    MapEntry *e = identity ? slot_of(n, identity) : NULL;
    if (e && (Link *)e->a == l) {
        mine = true;
        was_up = e->b == SLOT_UP;
        map_remove(&n->slots, identity);
    }
    if (!l->dialler && !was_up) n->half_open--;
    unlink_link(n, l);
    plat_unlock(&n->lock);
    Value answer = value_fix(why != REASON_NONE ? (int64_t)why
                             : unreachable      ? ANSWER_UNREACHABLE
                                                : ANSWER_TIMEOUT);
    if (was_up) {
        const char *text = l->why[0] ? l->why : "noconnection";
        tell_watches(n, SYM_nodedown, l, symbol_named(&n->vm->symbols, text));
    } else if (mine) {
        answer_slot(n, identity, answer);
    }
    if (l->asker && (why == REASON_ALREADY || why == REASON_SIMULTANEOUS))
        asker_waits(n, l, identity);
    if (!l->asker) return;
    Asker *a = l->asker;
    l->asker = NULL;
    nodes_answer(n, a, answer);
}

static void link_link(Nodes *n, Link *l) // lock
{
    l->next = n->links;
    if (l->next) l->next->prev = l;
    n->links = l;
    n->link_count++;
}

static void *on_accepted(void *context)
{
    Nodes *n = context;
    Link *l = link_new(n, false, "");

    if (!l) return NULL;
    plat_lock(&n->lock);
    bool full = n->half_open >= HALF_OPEN_MAX || n->leaving;
    if (!full) {
        n->half_open++;
        link_link(n, l);
    }
    plat_unlock(&n->lock);
    if (!full) return l;
    link_discard(l);
    return NULL;
}

bool nodes_dial(Nodes *n, const char *url, unsigned timeout_ms, Asker *asker, const char **why)
{
    Link *l = link_new(n, true, url);

    *why = "out of memory";
    if (!l) return false;
    l->asker = asker;
    plat_lock(&n->lock);
    CarrierTls tls = {n->certificate, n->authority};
    link_link(n, l);
    plat_unlock(&n->lock);
    if (carrier_dial(url, &tls, timeout_ms, &link_carrier_ops, l, why)) return true;
    plat_lock(&n->lock);
    unlink_link(n, l);
    plat_unlock(&n->lock);
    l->asker = NULL;
    link_discard(l);
    return false;
}

const char *nodes_listen(Nodes *n, const char *url, const char **why)
{
    CarrierTls tls = {n->certificate, n->authority};
    CarrierListener *made = NULL;

    *why = "this node listens at as many places as it may";
    if (n->listener_count == countof(n->listeners)) return NULL;
    made = carrier_listen(url, &tls, &link_carrier_ops, on_accepted, n, why);
    if (!made) return NULL;
    plat_lock(&n->lock);
    bool room = n->listener_count < countof(n->listeners);
    if (room) n->listeners[n->listener_count++] = made;
    plat_unlock(&n->lock);
    if (!room) {
        carrier_listener_close(made);
        return NULL;
    }
    const char *real = carrier_listener_url(made);
    if (!carrier_is_local(real) && !carrier_is_encrypted(real))
        nodes_log(n, "warning: %s: other machines can listen in on this; use tls+tcp://", real);
    return real;
}

// ---- options ----------------------------------------------------------------------------------------

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mem_alloc(MEM_IO, size);

    if (copy) memcpy(copy, text, size);
    return copy;
}

static bool set_cookie(Nodes *n, const void *cookie, size_t size) // lock
{
    uint8_t *copy = mem_alloc(MEM_IO, size + 1);

    if (!copy) return false;
    memcpy(copy, cookie, size);
    mem_free(MEM_IO, n->cookie, n->cookie_size + 1);
    n->cookie = copy;
    n->cookie_size = size;
    return true;
}

static bool set_file(char **to, const char *file) // lock
{
    if (!file) return true;
    char *copy = copy_text(file);
    if (!copy) return false;
    // Diallers and listeners have read the old one's file already.
    if (*to) mem_free(MEM_IO, *to, strlen(*to) + 1);
    *to = copy;
    return true;
}

NodesResult nodes_set(Nodes *n, const NodeOptions *o)
{
    NodesResult result = NODES_DONE;

    plat_lock(&n->lock);
    if (o->name && n->named && strcmp(o->name, n->self.name) != 0) result = NODES_OTHER_NAME;
    if (result == NODES_DONE && o->cookie && !set_cookie(n, o->cookie, o->cookie_size))
        result = NODES_NO_MEMORY;
    if (result == NODES_DONE &&
        (!set_file(&n->certificate, o->certificate) || !set_file(&n->authority, o->authority)))
        result = NODES_NO_MEMORY;
    if (result == NODES_DONE) {
        if (o->name && !n->named) {
            snprintf(n->self.name, sizeof n->self.name, "%s", o->name);
            n->vm->node_name = symbol_named(&n->vm->symbols, n->self.name);
            n->named = true;
        }
        if (o->hidden >= 0) n->self.flags = o->hidden ? NODE_HIDDEN : 0;
        if (o->heartbeat_ms) n->heartbeat_ms = o->heartbeat_ms;
        if (o->phi_threshold > 0) n->phi_threshold = o->phi_threshold;
        if (o->link_buffer) n->link_buffer = o->link_buffer;
        if (o->max_frame) n->max_frame = o->max_frame;
        if (o->accept_code >= 0) n->accept_code = o->accept_code != 0;
    }
    plat_unlock(&n->lock);
    return result;
}

bool nodes_has_cookie(Nodes *n)
{
    plat_lock(&n->lock);
    bool has = n->cookie != NULL;
    plat_unlock(&n->lock);
    return has;
}

// ---- looking up -------------------------------------------------------------------------------------

Link *nodes_link(Nodes *n, uint64_t identity)
{
    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    Link *l = e && e->b == SLOT_UP ? (Link *)e->a : NULL;
    if (l) link_hold(l);
    plat_unlock(&n->lock);
    return l;
}

Link *nodes_link_named(Nodes *n, Value name)
{
    Link *found = NULL;

    plat_lock(&n->lock);
    for (Link *l = n->links; l && !found; l = l->next) {
        MapEntry *e = value_is(l->peer_name, name) ? slot_of(n, l->peer.identity) : NULL;
        if (e && e->b == SLOT_UP && (Link *)e->a == l) found = l;
    }
    if (found) link_hold(found);
    plat_unlock(&n->lock);
    return found;
}

size_t nodes_list(Nodes *n, Link **out, size_t most)
{
    size_t count = 0;

    plat_lock(&n->lock);
    for (Link *l = n->links; l && count < most; l = l->next) {
        MapEntry *e = slot_of(n, l->peer.identity);
        if (!e || e->b != SLOT_UP || (Link *)e->a != l) continue;
        link_hold(l);
        out[count++] = l;
    }
    plat_unlock(&n->lock);
    return count;
}

// ---- node monitors: the calls -------------------------------------------------------------------------

bool nodes_watch(Nodes *n, Value pid, Value ref, Value name)
{
    Watch *w = mem_zalloc(MEM_IO, sizeof *w);
    bool joined = false;

    if (!w) return false;
    *w = (Watch){.pid = pid, .ref = ref, .name = name};
    plat_lock(&n->lock);
    w->next = n->watches;
    n->watches = w;
    for (Link *l = n->links; l; l = l->next) {
        MapEntry *e = slot_of(n, l->peer.identity);
        if (!e || e->b != SLOT_UP || (Link *)e->a != l) continue;
        if (!value_is(name, V_FALSE) && !value_is(name, l->peer_name)) continue;
        joined = true;
        if (!value_is(name, V_FALSE))
            nodes_tell(n->vm, w, n->vm->symbol[SYM_nodeup], l->peer_name, V_NONE, l->peer.identity);
    }
    if (!joined && !value_is(name, V_FALSE))
        nodes_tell(n->vm, w, n->vm->symbol[SYM_nodedown], name, n->vm->symbol[SYM_noconnection], 0);
    plat_unlock(&n->lock);
    return true;
}

bool nodes_unwatch(Nodes *n, Value ref)
{
    Watch *found = NULL;

    plat_lock(&n->lock);
    for (Watch **link = &n->watches; *link && !found;) {
        if (value_is((*link)->ref, ref)) {
            found = *link;
            *link = found->next;
        } else {
            link = &(*link)->next;
        }
    }
    plat_unlock(&n->lock);
    if (found) mem_free(MEM_IO, found, sizeof *found);
    return found != NULL;
}

// ---- the mesh -----------------------------------------------------------------------------------------

// Tells a new peer of the others, so that it joins them too. Who is hidden neither tells nor is told of.
void nodes_introduce(Nodes *n, Link *l)
{
    uint8_t identity[8];
    Buf b = BUF_INIT, list = BUF_INIT;
    uint64_t count = 0;

    plat_lock(&n->lock);
    bool hidden = (n->self.flags | l->peer.flags) & NODE_HIDDEN;
    for (Link *other = n->links; other && !hidden; other = other->next) {
        MapEntry *e = slot_of(n, other->peer.identity);
        if (other == l || !e || e->b != SLOT_UP || (Link *)e->a != other ||
            (other->peer.flags & NODE_HIDDEN) || !other->peer_url[0])
            continue;
        frame_put64(identity, other->peer.identity);
        buf_bytes(&list, identity, sizeof identity);
        buf_block(&list, other->peer.name, strlen(other->peer.name));
        buf_block(&list, other->peer_url, strlen(other->peer_url));
        count++;
    }
    const char *own = n->listener_count > 0 ? carrier_listener_url(n->listeners[0]) : "";
    buf_block(&b, own, strlen(own));
    plat_unlock(&n->lock);
    buf_varint(&b, count);
    buf_bytes(&b, list.data, list.size);
    Letter *t = b.failed || list.failed ? NULL : letter_new(FRAME_PEERS, 0, 0, 0, b.data, b.size);
    if (t) (void)link_send(l, t);
    buf_free(&b);
    buf_free(&list);
}

// ---- the end ------------------------------------------------------------------------------------------

void nodes_free(Vm *vm)
{
    Runtime *r = vm->runtime;
    Nodes *n = r->nodes;

    if (!n) return;
    plat_lock(&n->lock);
    n->leaving = true;
    plat_unlock(&n->lock);
    for (unsigned i = 0; i < n->listener_count; i++) {
        carrier_listener_close(n->listeners[i]);
    }
    nodes_end_links(n);
}
