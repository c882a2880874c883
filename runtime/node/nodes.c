// See nodes.h.
#include "runtime/node/parts.h"

#include "runtime/jobs.h"
#include "runtime/runtime.h"
#include "vm/base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Connections that have not proved themselves: more are closed as they come.
#define HALF_OPEN_MAX 64
// Nodes that are remembered, and the time to connect to one of them by itself.
#define KNOWN_MAX 10000
#define MEET_MS   5000
#define END_NS    ((uint64_t)6000000000)

// ---- the object -----------------------------------------------------------------------------------

Nodes *nodes_new(Vm *vm)
{
    Nodes *n = mem_zalloc(MEM_IO, sizeof *n);

    if (!n) return NULL;
    n->vm = vm;
    n->self.identity = vm->node_identity;
    snprintf(n->self.name, sizeof n->self.name, "nonode");
    n->settings = (LinkSettings){.heartbeat_ms = 1000,
                                 .phi_threshold = 8,
                                 .link_buffer = (size_t)1 << 20,
                                 .max_frame = (size_t)256 << 20};
    n->watch_limit = 64;
    return n;
}

Nodes *nodes_of(const Vm *vm)
{
    return ((Runtime *)vm->runtime)->nodes;
}

void nodes_log(Nodes *n, const char *fmt, ...)
{
    char text[512];
    va_list list;

    plat_lock(&n->lock);
    int head = snprintf(text, sizeof text, "node %s: ", n->self.name);
    plat_unlock(&n->lock);
    va_start(list, fmt);
    vsnprintf(text + head, sizeof text - (size_t)head, fmt, list);
    va_end(list);
    fprintf(stderr, "%s\n", text);
}

void nodes_answer(Nodes *n, Asker *asker, Value answer)
{
    job_answer(n->vm, asker->pid, asker->ref, answer);
    mem_free(MEM_IO, asker, sizeof *asker);
}

const char *nodes_reason_name(int64_t reason)
{
    if (reason == ANSWER_TIMEOUT) return "timeout";
    if (reason == ANSWER_UNREACHABLE) return "unreachable";
    if (reason == REASON_BAD_FRAME) return "version"; // it speaks something else
    return reason > 0 && reason < REASON_BAD_FRAME ? handshake_reason_name((HandshakeReason)reason)
                                                   : "unreachable";
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

// Sends (what ref name last); with V_NONE the identity is the last. False: nobody is there.
static bool tell(Vm *vm, const Watch *w, Value what, Value name, Value last, uint64_t identity)
{
    Sig *s = sig_new(vm, NULL, SIG_MESSAGE, 10);

    if (!s) return true;
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
    return node_post(vm, w->pid, s);
}

static bool watches(const Watch *w, Value name)
{
    return value_is(w->name, V_FALSE) || value_is(w->name, name);
}

// Inboxes take no locks, so that posting under the lock is safe; under it so that no change is told twice
// or not at all.
void nodes_tell_watches(Nodes *n, Value what, Value name, uint64_t identity, Value last)
{
    plat_lock(&n->lock);
    for (Watch **link = &n->watches; *link;) {
        Watch *w = *link;
        if (!watches(w, name) || tell(n->vm, w, what, name, last, identity)) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        n->watch_count--;
        mem_free(MEM_IO, w, sizeof *w);
    }
    plat_unlock(&n->lock);
}

static void drop_dead_watches(Nodes *n) // lock
{
    unsigned guest = sched_guest_enter(&n->vm->sched);

    for (Watch **link = &n->watches; *link;) {
        Watch *w = *link;
        if (actor_of_pid(n->vm, w->pid)) {
            link = &w->next;
            continue;
        }
        *link = w->next;
        n->watch_count--;
        mem_free(MEM_IO, w, sizeof *w);
    }
    sched_guest_leave(&n->vm->sched, guest);
    n->watch_limit = 2 * n->watch_count + 64;
}

static void tell_now(Nodes *n, const Watch *w) // lock
{
    bool joined = value_is(w->name, vm_node_name(n->vm));

    if (joined) (void)tell(n->vm, w, n->vm->symbol[SYM_nodeup], w->name, V_NONE, n->self.identity);
    for (Link *l = n->links; l && !joined; l = l->next) {
        joined = l->up && value_is(w->name, l->peer_name);
        if (joined)
            (void)tell(n->vm, w, n->vm->symbol[SYM_nodeup], w->name, V_NONE, l->peer.identity);
    }
    if (!joined)
        (void)tell(n->vm, w, n->vm->symbol[SYM_nodedown], w->name, n->vm->symbol[SYM_noconnection],
                   0);
}

bool nodes_watch(Nodes *n, Value pid, Value ref, Value name)
{
    Watch *w = mem_zalloc(MEM_IO, sizeof *w);

    if (!w) return false;
    *w = (Watch){.pid = pid, .ref = ref, .name = name};
    plat_lock(&n->lock);
    if (n->watch_count >= n->watch_limit) drop_dead_watches(n);
    w->next = n->watches;
    n->watches = w;
    n->watch_count++;
    if (!value_is(name, V_FALSE)) tell_now(n, w);
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
            n->watch_count--;
        } else {
            link = &(*link)->next;
        }
    }
    plat_unlock(&n->lock);
    if (found) mem_free(MEM_IO, found, sizeof *found);
    return found != NULL;
}

// ---- connecting and listening -------------------------------------------------------------------------

static void add_link(Nodes *n, Link *l) // lock
{
    l->next = n->links;
    if (l->next) l->next->prev = l;
    n->links = l;
    atomic_fetch_add_explicit(&n->link_count, 1, memory_order_relaxed);
}

static void *on_accepted(void *context)
{
    Nodes *n = context;
    Link *l = link_new(n, false, "", UINT32_MAX);

    if (!l) return NULL;
    plat_lock(&n->lock);
    bool full = n->half_open >= HALF_OPEN_MAX || n->leaving;
    if (!full) {
        n->half_open++;
        add_link(n, l);
    }
    plat_unlock(&n->lock);
    if (!full) return l;
    link_release(l);
    return NULL;
}

// Dials for an asker, or for nobody; the asker is told or freed.
static bool dial(Nodes *n, const char *url, unsigned timeout_ms, Asker *asker, const char **why)
{
    Link *l = link_new(n, true, url, timeout_ms);

    *why = "out of memory";
    if (l) {
        l->asker = asker;
        plat_lock(&n->lock);
        CarrierTls tls = {n->certificate, n->authority};
        bool leaving = n->leaving;
        if (!leaving) add_link(n, l);
        plat_unlock(&n->lock);
        if (leaving) *why = "the VM is ending";
        if (!leaving && carrier_dial(url, &tls, timeout_ms, &link_carrier_ops, l, why)) return true;
        l->asker = NULL;
        if (!leaving) slot_ended(n, l, REASON_NONE, true);
        link_release(l);
    }
    if (asker) mem_free(MEM_IO, asker, sizeof *asker);
    return false;
}

bool nodes_dial(Nodes *n, const char *url, unsigned timeout_ms, Value pid, Value ref,
                const char **why)
{
    Asker *asker = mem_zalloc(MEM_IO, sizeof *asker);

    *why = "out of memory";
    if (!asker) return false;
    asker->pid = pid;
    asker->ref = ref;
    return dial(n, url, timeout_ms, asker, why);
}

const char *nodes_listen(Nodes *n, const char *url, const char **why)
{
    CarrierTls tls = {n->certificate, n->authority};
    CarrierListener *made = carrier_listen(url, &tls, &link_carrier_ops, on_accepted, n, why);

    if (!made) return NULL;
    plat_lock(&n->lock);
    bool room = n->listener_count < countof(n->listeners) && !n->leaving;
    if (room) n->listeners[n->listener_count++] = made;
    plat_unlock(&n->lock);
    if (!room) {
        *why = "this node listens at as many places as it may";
        carrier_listener_close(made);
        return NULL;
    }
    const char *real = carrier_listener_url(made);
    nodes_log(n, "listens at %s", real);
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

static void free_text(char *text)
{
    if (text) mem_free(MEM_IO, text, strlen(text) + 1);
}

static void free_cookie(Nodes *n)
{
    if (!n->cookie) return;
    handshake_forget(n->cookie, n->cookie_size);
    mem_free(MEM_IO, n->cookie, n->cookie_size + 1);
}

static bool set_cookie(Nodes *n, const void *cookie, size_t size) // lock
{
    uint8_t *copy = mem_alloc(MEM_IO, size + 1);

    if (!copy) return false;
    memcpy(copy, cookie, size);
    free_cookie(n);
    n->cookie = copy;
    n->cookie_size = size;
    return true;
}

// Diallers and listeners that are there have read the file already.
static bool set_file(char **to, const char *file) // lock
{
    char *copy = file ? copy_text(file) : NULL;

    if (!file) return true;
    if (!copy) return false;
    free_text(*to);
    *to = copy;
    return true;
}

static void set_settings(Nodes *n, const NodeOptions *o) // lock
{
    if (o->hidden >= 0) n->self.flags = o->hidden ? NODE_HIDDEN : 0;
    if (o->heartbeat_ms) n->settings.heartbeat_ms = o->heartbeat_ms;
    if (o->phi_threshold > 0) n->settings.phi_threshold = o->phi_threshold;
    if (o->link_buffer) n->settings.link_buffer = o->link_buffer;
    if (o->max_frame) n->settings.max_frame = o->max_frame;
}

static NodesResult set_name(Nodes *n, const char *name) // lock
{
    if (!name || (n->named && strcmp(name, n->self.name) == 0)) return NODES_DONE;
    if (n->named) return NODES_OTHER_NAME;
    Value symbol = symbol_named(&n->vm->symbols, name);
    if (value_is(symbol, V_FAIL)) return NODES_NO_MEMORY;
    snprintf(n->self.name, sizeof n->self.name, "%s", name);
    atomic_store_explicit(&n->vm->node_name, symbol.bits, memory_order_relaxed);
    n->named = true;
    return NODES_DONE;
}

NodesResult nodes_set(Nodes *n, const NodeOptions *o)
{
    plat_lock(&n->lock);
    NodesResult result = set_name(n, o->name);
    if (result == NODES_DONE &&
        ((o->cookie && !set_cookie(n, o->cookie, o->cookie_size)) ||
         !set_file(&n->certificate, o->certificate) || !set_file(&n->authority, o->authority)))
        result = NODES_NO_MEMORY;
    if (result == NODES_DONE) set_settings(n, o);
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

bool nodes_is_hidden(Nodes *n)
{
    plat_lock(&n->lock);
    bool hidden = n->self.flags & NODE_HIDDEN;
    plat_unlock(&n->lock);
    return hidden;
}

// ---- looking up -------------------------------------------------------------------------------------

Link *nodes_link(Nodes *n, uint64_t identity)
{
    plat_lock(&n->lock);
    MapEntry *e = identity ? map_find(&n->slots, identity) : NULL;
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
        if (l->up && value_is(l->peer_name, name)) found = l;
    }
    if (found) link_hold(found);
    plat_unlock(&n->lock);
    return found;
}

size_t nodes_links(Nodes *n, Link **out, size_t most)
{
    size_t count = 0;

    plat_lock(&n->lock);
    for (Link *l = n->links; l && count < most; l = l->next) {
        if (!l->up) continue;
        link_hold(l);
        out[count++] = l;
    }
    plat_unlock(&n->lock);
    return count;
}

// ---- nodes that are known -----------------------------------------------------------------------------

void nodes_remember(Nodes *n, uint64_t identity, Value name, const char *url)
{
    Known *k = n->known;

    while (k && k->identity != identity && !value_is(k->name, name)) {
        k = k->next;
    }
    if (!k && (n->known_count == KNOWN_MAX || !(k = mem_zalloc(MEM_IO, sizeof *k)))) return;
    if (value_is(k->name, (Value){0})) {
        k->next = n->known;
        n->known = k;
        n->known_count++;
    }
    k->identity = identity;
    k->name = name;
    if (url && *url) (void)set_file(&k->url, url);
}

char *nodes_url(Nodes *n, Value name, uint64_t identity)
{
    char *url = NULL;

    plat_lock(&n->lock);
    for (const Known *k = n->known; k && !url; k = k->next) {
        bool it = value_is_symbol(name) ? value_is(k->name, name) : k->identity == identity;
        if (it && k->url) url = copy_text(k->url);
    }
    plat_unlock(&n->lock);
    return url;
}

// ---- the mesh -----------------------------------------------------------------------------------------

// Tells a new peer where this node listens, and of the others, so that it joins them too. Who is hidden
// neither tells nor is told of.
void nodes_introduce(Nodes *n, Link *l)
{
    Letter *t = letter_new(FRAME_PEERS, 0, 0);
    uint8_t identity[8];
    Buf list = BUF_INIT;
    uint64_t count = 0;

    if (!t) return;
    plat_lock(&n->lock);
    bool hidden = (n->self.flags | l->peer.flags) & NODE_HIDDEN;
    for (Link *other = n->links; other && !hidden; other = other->next) {
        if (other == l || !other->up || (other->peer.flags & NODE_HIDDEN) || !other->peer_url)
            continue;
        frame_put64(identity, other->peer.identity);
        buf_bytes(&list, identity, sizeof identity);
        buf_block(&list, other->peer.name, strlen(other->peer.name));
        buf_block(&list, other->peer_url, strlen(other->peer_url));
        count++;
    }
    const char *own = n->listener_count > 0 ? carrier_listener_url(n->listeners[0]) : "";
    buf_block(&t->payload, own, strlen(own));
    plat_unlock(&n->lock);
    buf_varint(&t->payload, count);
    buf_bytes(&t->payload, list.data, list.size);
    if (t->payload.failed || list.failed) {
        letter_free(t);
    } else {
        (void)link_send(l, t);
    }
    buf_free(&list);
}

// A host that means every address of its own is reached by the one that the link came from.
static void real_url(const Link *l, const char *url, char *out, size_t size)
{
    static const char *const any[] = {"://0.0.0.0:", "://*:", "://[::]:", "://:"};
    const char *colon = strrchr(l->address, ':');

    for (size_t i = 0; i < countof(any) && colon; i++) {
        const char *at = strstr(url, any[i]);
        if (!at) continue;
        snprintf(out, size, "%.*s://%.*s:%s", (int)(at - url), url, (int)(colon - l->address),
                 l->address, at + strlen(any[i]));
        return;
    }
    snprintf(out, size, "%s", url);
}

// Copies a text of at most size - 1 bytes; false when it is longer or has a zero byte.
static bool get_text(Cur *c, char *out, size_t size)
{
    size_t n;
    const uint8_t *p = cur_block(c, &n);

    if (!p || n >= size || memchr(p, 0, n) || utf8_validate(p, n) != n) return false;
    memcpy(out, p, n);
    out[n] = 0;
    return true;
}

// Joins a node that another one told of, unless that is so already.
static void meet(Nodes *n, uint64_t identity, const char *name, const char *url)
{
    const char *why;
    Value symbol = symbol_named(&n->vm->symbols, name);

    if (value_is(symbol, V_FAIL) || identity == n->self.identity) return;
    plat_lock(&n->lock);
    bool wanted = identity != 0 && !map_find(&n->slots, identity);
    if (wanted) nodes_remember(n, identity, symbol, url);
    wanted = wanted && !(n->self.flags & NODE_HIDDEN);
    plat_unlock(&n->lock);
    if (wanted) (void)dial(n, url, MEET_MS, NULL, &why);
}

void nodes_heard_of(Nodes *n, Link *l, const uint8_t *data, size_t size)
{
    char url[256], name[NODE_NAME_BYTES + 1], own[512];
    Cur c = cur_make(data, size);

    slot_answers(n, l); // the other side sends this as soon as its side is up
    if (!get_text(&c, url, sizeof url)) return;
    real_url(l, url, own, sizeof own);
    plat_lock(&n->lock);
    if (*own && !l->peer_url) l->peer_url = copy_text(own);
    if (*own) nodes_remember(n, l->peer.identity, l->peer_name, own);
    plat_unlock(&n->lock);
    for (uint64_t left = cur_varint(&c); left > 0 && c.ok; left--) {
        const uint8_t *identity = cur_bytes(&c, 8);
        if (!identity || !get_text(&c, name, sizeof name) || !get_text(&c, url, sizeof url)) return;
        if (node_name_is_good(name, strlen(name))) meet(n, frame_get64(identity), name, url);
    }
}

// ---- the end ------------------------------------------------------------------------------------------

// A link that is to be ended in this way and has not been yet, held.
static Link *next_to_end(Nodes *n, LinkEnding how)
{
    plat_lock(&n->lock);
    Link *l = n->links;
    while (l && l->ending >= how) {
        l = l->next;
    }
    if (l) {
        l->ending = how;
        link_hold(l);
    }
    plat_unlock(&n->lock);
    return l;
}

static void end_links(Nodes *n, LinkEnding how)
{
    Link *l;

    while ((l = next_to_end(n, how))) {
        if (how == ENDING_IN_ORDER) {
            link_close(l, "closed");
        } else {
            link_break(l);
        }
        link_release(l);
    }
}

static void wait_for_links(Nodes *n, uint64_t deadline_ns)
{
    uint32_t count;

    while ((count = atomic_load_explicit(&n->link_count, memory_order_acquire)) != 0) {
        if (deadline_ns != 0 && plat_now_ns() >= deadline_ns) return;
        plat_wait(&n->link_count, count, deadline_ns);
    }
}

void nodes_stop(Nodes *n)
{
    if (!n) return;
    plat_lock(&n->lock);
    n->leaving = true;
    plat_unlock(&n->lock);
    for (unsigned i = 0; i < n->listener_count; i++) {
        carrier_listener_close(n->listeners[i]);
    }
    end_links(n, ENDING_IN_ORDER);
    wait_for_links(n, plat_now_ns() + END_NS);
    end_links(n, ENDING_AT_ONCE);
    wait_for_links(n, 0);
    carrier_drain();
}

void nodes_free(Nodes *n)
{
    if (!n) return;
    while (n->watches) {
        Watch *w = n->watches;
        n->watches = w->next;
        mem_free(MEM_IO, w, sizeof *w);
    }
    while (n->askers) {
        Asker *a = n->askers;
        n->askers = a->next;
        mem_free(MEM_IO, a, sizeof *a);
    }
    while (n->known) {
        Known *k = n->known;
        n->known = k->next;
        free_text(k->url);
        mem_free(MEM_IO, k, sizeof *k);
    }
    map_free(&n->slots, MEM_IO);
    mem_free(MEM_IO, n->proxies, n->proxy_capacity * sizeof *n->proxies);
    free_cookie(n);
    free_text(n->certificate);
    free_text(n->authority);
    mem_free(MEM_IO, n, sizeof *n);
}
