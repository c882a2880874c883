// The table of slots: which link a node is reached by. It makes sure that there is one at most.
//
//   NONE       no link
//   DIALLING   own dial, past the CHALLENGE
//   ACCEPTED   the other side's dial, proved; its READY has not come
//   UP         joined
//
//   own dial that has met its node   NONE -> DIALLING, prove; else given up, its asker waits for the slot
//   dial from there, proved          NONE -> ACCEPTED, accept; UP, ACCEPTED: reject `already`;
//                                    DIALLING: the dial of the smaller identity wins: the peer's ->
//                                    ACCEPTED, own dial superseded; else reject `simultaneous`
//   own dial, up                     DIALLING by this link -> UP; superseded: closed without READY
//   dial from there, up              ACCEPTED -> UP
#include "runtime/node/parts.h"

#include <string.h>

static MapEntry *slot_of(Nodes *n, uint64_t identity) // lock
{
    return identity ? map_find(&n->slots, identity) : NULL;
}

static bool set_slot(Nodes *n, uint64_t identity, Link *l, SlotState state) // lock
{
    bool made;
    MapEntry *e = identity ? map_add(&n->slots, MEM_IO, identity, &made) : NULL;

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

// The dial's asker waits for the slot instead; is told that it is up; or keeps waiting for the dial's end.
static void asker_waits(Nodes *n, Link *l, uint64_t identity)
{
    Asker *a = l->asker;
    Value name = V_NONE;

    if (!a) return;
    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    if (e && e->b == SLOT_UP && link_is_open((Link *)e->a)) {
        name = ((Link *)e->a)->peer_name;
    } else if (e) {
        a->identity = identity;
        a->next = n->askers;
        n->askers = a;
    }
    plat_unlock(&n->lock);
    if (e) l->asker = NULL;
    if (!value_is(name, V_NONE)) nodes_answer(n, a, name);
}

bool slot_await_end(Nodes *n, Link *l, Value pid, Value ref)
{
    Asker *a = mem_zalloc(MEM_IO, sizeof *a);

    if (!a) return false;
    plat_lock(&n->lock);
    bool there = l->up;
    if (there) {
        *a = (Asker){.next = n->askers, .identity = l->peer.identity, .pid = pid, .ref = ref};
        n->askers = a;
    }
    plat_unlock(&n->lock);
    if (!there) mem_free(MEM_IO, a, sizeof *a);
    return there;
}

// The other node of that name that is joined, if it is not this one; held.
static Link *namesake(Nodes *n, const NodeSelf *peer) // lock
{
    if (strcmp(peer->name, "nonode") == 0) return NULL;
    for (Link *l = n->links; l; l = l->next) {
        if (!l->up || l->peer.identity == peer->identity || strcmp(l->peer.name, peer->name) != 0)
            continue;
        link_hold(l);
        return l;
    }
    return NULL;
}

static HandshakeReason name_conflict(Nodes *n, const NodeSelf *peer, Link **other) // lock
{
    *other = namesake(n, peer);
    bool own = n->named && strcmp(peer->name, n->self.name) == 0;
    return *other || own ? REASON_NAME_CONFLICT : REASON_NONE;
}

// Is the other holder of a name still there? If it has gone without a word, the next try finds the name free.
static void probe(Link *other)
{
    if (!other) return;
    link_probe(other);
    link_release(other);
}

bool slot_known(Nodes *n, Link *l)
{
    const NodeSelf *peer = &l->handshake.peer;
    Link *other;

    plat_lock(&n->lock);
    HandshakeReason why = name_conflict(n, peer, &other);
    bool taken = slot_of(n, peer->identity) != NULL;
    bool good = why == REASON_NONE && !taken && set_slot(n, peer->identity, l, SLOT_DIALLING);
    plat_unlock(&n->lock);
    probe(other);
    if (good) return true;
    l->handshake.reason = taken ? REASON_ALREADY : REASON_NAME_CONFLICT;
    if (taken) asker_waits(n, l, peer->identity);
    return false;
}

HandshakeReason slot_proved(Nodes *n, Link *l)
{
    const NodeSelf *peer = &l->handshake.peer;
    Link *other;

    plat_lock(&n->lock);
    HandshakeReason why = name_conflict(n, peer, &other);
    MapEntry *e = slot_of(n, peer->identity);
    if (e && e->b != SLOT_DIALLING) why = REASON_ALREADY;
    if (e && e->b == SLOT_DIALLING && peer->identity > n->self.identity) why = REASON_SIMULTANEOUS;
    if (n->leaving) why = REASON_ALREADY;
    if (why == REASON_NONE && !set_slot(n, peer->identity, l, SLOT_ACCEPTED)) why = REASON_ALREADY;
    plat_unlock(&n->lock);
    probe(other);
    return why;
}

static void tell_asker(Nodes *n, Link *l, Value answer)
{
    Asker *a = l->asker;

    l->asker = NULL;
    if (a) nodes_answer(n, a, answer);
}

bool slot_up(Nodes *n, Link *l)
{
    uint64_t identity = l->peer.identity;

    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    bool mine = e && (Link *)e->a == l;
    if (mine) {
        plat_lock(&l->lock);
        l->state = LINK_JOINED;
        plat_unlock(&l->lock);
        e->b = SLOT_UP;
        l->up = true;
        if (!l->dialler) n->half_open--;
        nodes_remember(n, identity, l->peer_name, l->dialler ? l->url : NULL);
    }
    plat_unlock(&n->lock);
    if (!mine) {
        l->handshake.reason = REASON_SIMULTANEOUS;
        asker_waits(n, l, identity);
        return false;
    }
    nodes_log(n, "joined %s", l->peer.name);
    // Before anything can come over it.
    nodes_tell_watches(n, n->vm->symbol[SYM_nodeup], l->peer_name, identity, V_NONE);
    if (!l->dialler) slot_answers(n, l);
    nodes_introduce(n, l);
    return true;
}

void slot_answers(Nodes *n, Link *l)
{
    tell_asker(n, l, l->peer_name);
    answer_slot(n, l->peer.identity, l->peer_name);
}

static void unlink_link(Nodes *n, Link *l) // lock
{
    if (l->prev) l->prev->next = l->next;
    if (l->next) l->next->prev = l->prev;
    if (n->links == l) n->links = l->next;
}

static Value why_not(const Link *l, HandshakeReason why, bool unreachable)
{
    if (why != REASON_NONE) return value_fix(why);
    bool late = plat_now_ns() >= l->deadline_ns;
    return value_fix(late && (!unreachable || l->dialler) ? ANSWER_TIMEOUT : ANSWER_UNREACHABLE);
}

static void tell_down(Nodes *n, Value name, const char *why)
{
    Value reason = symbol_named(&n->vm->symbols, why);

    if (value_is(reason, V_FAIL)) reason = n->vm->symbol[SYM_noconnection];
    nodes_tell_watches(n, n->vm->symbol[SYM_nodedown], name, 0, reason);
}

// Whoever watches a node that is joined is not told: another one may only claim to be it.
static void tell_bad_cookie(Nodes *n, const NodeSelf *peer)
{
    Value name = peer->name[0] ? symbol_named(&n->vm->symbols, peer->name) : V_FAIL;

    if (value_is(name, V_FAIL)) return;
    Link *joined = nodes_link_named(n, name);
    if (joined) {
        link_release(joined);
    } else {
        tell_down(n, name, "bad-cookie");
    }
}

void slot_ended(Nodes *n, Link *l, HandshakeReason why, bool unreachable)
{
    uint64_t identity = l->handshake.peer.identity;

    plat_lock(&n->lock);
    MapEntry *e = slot_of(n, identity);
    bool mine = e && (Link *)e->a == l, was_up = l->up;
    if (mine) map_remove(&n->slots, identity);
    if (!l->dialler && !was_up) n->half_open--;
    l->up = false;
    unlink_link(n, l);
    plat_unlock(&n->lock);
    Value answer = why_not(l, why, unreachable);
    if (was_up) {
        tell_down(n, l->peer_name, l->why[0] ? l->why : "noconnection");
    } else if (l->dialler && why == REASON_BAD_COOKIE) {
        tell_bad_cookie(n, &l->handshake.peer);
    }
    // Who has waited for the end of a link may try again.
    if (mine) answer_slot(n, identity, was_up ? value_fix(REASON_ALREADY) : answer);
    if (why == REASON_ALREADY || why == REASON_SIMULTANEOUS) asker_waits(n, l, identity);
    tell_asker(n, l, answer);
    // Whoever ends the VM waits for this: nothing of the node's is touched after it.
    uint32_t left = atomic_fetch_sub_explicit(&n->link_count, 1, memory_order_acq_rel) - 1;
    if (left == 0) plat_wake(&n->link_count, 1);
}
