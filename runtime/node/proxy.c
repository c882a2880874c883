// Links, monitors and exits between local actors and processes of other nodes.
//
// Model: a process of another node that has anything to do with local actors is a *proxy*: a slot in a table,
// which a pid above all actors' indices names (vm/actor/node.h). A signal that an actor sends to that pid
// becomes a frame here, and a frame becomes a signal from it. What the relations are is noted, so that the
// loss of the link can be told to everybody who has some:
//
//   Proxy.linked         local pid -> {number of its unlink that is not acknowledged, 0: linked}
//   Relations.watching   own reference -> {watcher pid, Proxy}             local actor watches remote process
//   Relations.watched    own reference -> {reference there, target pid}    the other way round
//   Relations.there      reference there + 1 -> {own reference, Proxy}
//
// A proxy is freed when nothing is left of that (`uses` counts the entries outside of `linked`, and who
// holds it).
//
// An UNLINK is acknowledged when it arrives, not when the actor has taken it: signals to one actor stay in
// order, so what it does before it has taken the UNLINK cannot be told apart from what it did before it
// came.
//
// Threads: any; the nodes' proxy_lock around all of this. Signals are posted without it.
#include "runtime/node/parts.h"

#include "runtime/runtime.h"
#include "vm/actor/life.h"
#include "vm/base/mem.h"
#include "vm/code/print.h"

#include <string.h>

typedef struct Proxy {
    Value pid;
    uint64_t number;
    Link *link; // held by its relations, not by this
    Map linked;
    uint32_t uses;
} Proxy;

// Of one link.
typedef struct Relations {
    Map proxies; // number + 1 -> {Proxy}
    Map watching, watched, there;
} Relations;

// ---- the table --------------------------------------------------------------------------------------

static Nodes *nodes_in(Vm *vm)
{
    return ((Runtime *)vm->runtime)->nodes;
}

static Proxy *find(const Nodes *n, Value pid)
{
    uint32_t index = value_pid_index(pid) - PROXY_INDEX_BASE;

    if (!pid_is_proxy(pid) || index >= n->proxy_count) return NULL;
    const ProxySlot *s = &n->proxies[index];
    return s->serial == value_pid_serial(pid) ? s->proxy : NULL;
}

// A slot of the table; its index, UINT32_MAX without memory.
static uint32_t take_slot(Nodes *n)
{
    uint32_t index = n->free_proxy;

    if (index != 0) {
        n->free_proxy = n->proxies[index - 1].next_free;
        return index - 1;
    }
    if (n->proxy_count == n->proxy_capacity) {
        uint32_t more = n->proxy_capacity ? n->proxy_capacity * 2 : 64;
        ProxySlot *bigger = more > PROXY_INDEX_BASE
                                ? NULL
                                : mem_realloc(MEM_IO, n->proxies,
                                              n->proxy_capacity * sizeof *bigger,
                                              more * sizeof *bigger);
        if (!bigger) return UINT32_MAX;
        n->proxies = bigger;
        n->proxy_capacity = more;
    }
    n->proxies[n->proxy_count] = (ProxySlot){NULL, 1, 0};
    return n->proxy_count++;
}

static void leave_slot(Nodes *n, Value pid)
{
    uint32_t index = value_pid_index(pid) - PROXY_INDEX_BASE;
    ProxySlot *s = &n->proxies[index];

    s->proxy = NULL;
    s->serial = s->serial + 1 ? s->serial + 1 : 1;
    s->next_free = n->free_proxy;
    n->free_proxy = index + 1;
}

static Proxy *proxy_of(Link *l, uint64_t number)
{
    MapEntry *e = l->relations ? map_find(&l->relations->proxies, number + 1) : NULL;
    return e ? (Proxy *)e->a : NULL;
}

static Relations *relations_of(Link *l)
{
    if (!l->relations && !l->relations_lost) {
        l->relations = mem_zalloc(MEM_IO, sizeof *l->relations);
        if (l->relations) link_hold(l);
    }
    return l->relations;
}

// The proxy of a process, made when there is none. NULL without memory, or when the link has been lost.
static Proxy *get(Nodes *n, Link *l, uint64_t number)
{
    Relations *r = relations_of(l);
    bool made;
    MapEntry *e = r ? map_add(&r->proxies, MEM_IO, number + 1, &made) : NULL;

    if (!e || !made) return e ? (Proxy *)e->a : NULL;
    Proxy *p = mem_zalloc(MEM_IO, sizeof *p);
    uint32_t index = p ? take_slot(n) : UINT32_MAX;
    if (index == UINT32_MAX) {
        map_remove(&r->proxies, number + 1);
        if (p) mem_free(MEM_IO, p, sizeof *p);
        return NULL;
    }
    e->a = (uint64_t)p;
    p->pid = value_pid(PROXY_INDEX_BASE + index, n->proxies[index].serial);
    p->number = number;
    p->link = l;
    n->proxies[index].proxy = p;
    return p;
}

static void free_if_unused(Nodes *n, Proxy *p)
{
    if (!p || p->uses > 0 || p->linked.count > 0) return;
    map_remove(&p->link->relations->proxies, p->number + 1);
    leave_slot(n, p->pid);
    map_free(&p->linked, MEM_IO);
    mem_free(MEM_IO, p, sizeof *p);
}

static External external_of(const Link *l, uint64_t number)
{
    return (External){.header = header_make(KIND_EXTERNAL_PID, EXTERNAL_WORDS - 1),
                      .node = link_peer(l),
                      .name = link_peer_name(l),
                      .number = number};
}

// ---- signals become frames ----------------------------------------------------------------------------

// Reasons that cannot travel go as the text that `write` makes of them.
static void put_reason(Vm *vm, Letter *t, Value reason)
{
    WireNode node = vm_wire_node(vm);
    size_t at = t->payload.size;
    Value refused;
    int64_t work = 0;
    Buf text = BUF_INIT;

    if (letter_put_term(t, &node, reason, &refused, &work) != WIRE_REFUSED) return;
    t->payload.size = at;
    print_value(&text, reason, PRINT_WRITE, 4096);
    buf_u8(&t->payload, WIRE_STRING);
    buf_block(&t->payload, text.data, text.size);
    buf_free(&text);
}

typedef struct {
    FrameType type;
    uint64_t from, to, number;
    Value name;   // symbol, for T
    Value reason; // for V
} Outgoing;

static void send_frame(Vm *vm, Link *l, const Outgoing *o)
{
    Letter *t = letter_new(o->type, o->from, o->to);
    unsigned parts = frame_parts(o->type);

    if (!t) {
        link_break(l); // what the other side is not told it must not take to be otherwise
        return;
    }
    if (parts & FRAME_NUMBER) buf_varint(&t->payload, o->number);
    if (parts & FRAME_TEXT) {
        const Symbol *name = value_is_symbol(o->name) ? value_symbol(o->name) : NULL;
        buf_block(&t->payload, name ? name->utf8 : "", name ? name->utf8_bytes : 0);
    }
    if (parts & FRAME_TERM) put_reason(vm, t, o->reason);
    if (t->payload.size > OUTBOX_FRAME_BYTES && !letter_seal(t)) t->payload.failed = true;
    if (t->payload.failed) {
        letter_free(t);
        link_break(l);
        return;
    }
    (void)link_send(l, t);
}

static bool note_link(Proxy *p, Value from, uint64_t unlink)
{
    bool made;
    MapEntry *e = map_add(&p->linked, MEM_IO, from.bits, &made);

    if (!e) return false;
    e->a = unlink;
    return true;
}

static bool note_watching(Proxy *p, Value watcher, Value ref)
{
    bool made;
    MapEntry *e = map_add(&p->link->relations->watching, MEM_IO, ref.bits, &made);

    if (!e) return false;
    e->a = watcher.bits;
    e->b = (uint64_t)p;
    p->uses++;
    return true;
}

static bool drop_watching(Proxy *p, Value ref)
{
    if (!map_remove(&p->link->relations->watching, ref.bits)) return false;
    p->uses--;
    return true;
}

// Gives the reference that the watcher knows; 0: nobody watches any more.
static uint64_t drop_watched(Proxy *p, Value ref)
{
    Relations *r = p->link->relations;
    MapEntry *e = map_find(&r->watched, ref.bits);

    if (!e) return 0;
    uint64_t there = e->a + 1;
    map_remove(&r->watched, ref.bits);
    map_remove(&r->there, there);
    p->uses--;
    return there;
}

// Notes what the signal changes; true when it is to be told as a frame.
static bool note_signal(Proxy *p, const Sig *s, Outgoing *o, bool *done)
{
    Value from = s->words[0], ref = s->words[1];
    uint64_t there;

    *done = true;
    switch ((SigKind)s->kind) {
    case SIG_LINK:
        o->type = FRAME_LINK;
        return *done = note_link(p, from, 0);
    case SIG_UNLINK:
        o->type = FRAME_UNLINK;
        o->number = (uint64_t)value_int(ref);
        return *done = note_link(p, from, o->number);
    case SIG_LINK_EXIT:
        o->type = FRAME_LINK_EXIT;
        map_remove(&p->linked, from.bits);
        return true;
    case SIG_MONITOR:
        o->type = FRAME_MONITOR;
        o->number = value_ref_number(ref);
        o->name = s->value;
        return *done = note_watching(p, from, ref);
    case SIG_DEMONITOR:
        o->type = FRAME_DEMONITOR;
        o->number = value_ref_number(ref);
        return drop_watching(p, ref);
    case SIG_DOWN:
        o->type = FRAME_DOWN;
        there = drop_watched(p, ref);
        o->number = there - 1;
        return there != 0;
    default:
        return false; // an UNLINK has been acknowledged; nothing else is sent to proxies
    }
}

static bool take_signal(Vm *vm, VmWorker *w, Value pid, Sig *s)
{
    Nodes *n = nodes_in(vm);
    Outgoing o = {.reason = s->value};
    bool tell = false, done = false;
    Link *l = NULL;

    plat_lock(&n->proxy_lock);
    Proxy *p = find(n, pid);
    if (p) {
        l = p->link;
        link_hold(l);
        o.to = p->number;
        tell = note_signal(p, s, &o, &done);
        free_if_unused(n, p);
    }
    plat_unlock(&n->proxy_lock);
    if (tell) {
        o.from = number_of_pid(s->words[0]);
        send_frame(vm, l, &o);
    }
    if (l) link_release(l);
    sig_free(vm, w, s);
    return done;
}

static bool show_external(Vm *vm, Value pid, External *out)
{
    Nodes *n = nodes_in(vm);

    plat_lock(&n->proxy_lock);
    Proxy *p = find(n, pid);
    if (p) *out = external_of(p->link, p->number);
    plat_unlock(&n->proxy_lock);
    return p != NULL;
}

static Value make_proxy(Vm *vm, uint64_t node, uint64_t number)
{
    Nodes *n = nodes_in(vm);
    Link *l = nodes_link(n, node);
    Value pid = V_FALSE;

    if (!l) return V_FALSE;
    plat_lock(&n->proxy_lock);
    Proxy *p = get(n, l, number);
    if (p) {
        p->uses++;
        pid = p->pid;
    } else if (!l->relations_lost) {
        pid = V_FAIL;
    }
    plat_unlock(&n->proxy_lock);
    link_release(l);
    return pid;
}

static void release_proxy(Vm *vm, Value pid)
{
    Nodes *n = nodes_in(vm);

    plat_lock(&n->proxy_lock);
    Proxy *p = find(n, pid);
    if (p) {
        p->uses--;
        free_if_unused(n, p);
    }
    plat_unlock(&n->proxy_lock);
}

const RemoteOps proxy_remote_ops = {.signal = take_signal,
                                    .external = show_external,
                                    .proxy = make_proxy,
                                    .release = release_proxy};

// ---- frames become signals ----------------------------------------------------------------------------

// True when somebody took it.
static bool post_plain(Vm *vm, Value to, SigKind kind, Value value, Value from, Value ref)
{
    Sig *s = sig_plain(vm, NULL, kind, value, from, ref);
    return s && node_post(vm, to, s);
}

static void answer(const Arrival *in, FrameType type, Value reason)
{
    Outgoing o = {.type = type,
                  .from = in->to,
                  .to = in->from.number,
                  .number = in->number,
                  .reason = reason};
    send_frame(in->vm, in->link, &o);
}

static bool take_link(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value to = pid_of_number(in->to), from = V_FALSE;
    bool made = false;

    plat_lock(&n->proxy_lock);
    Proxy *p = get(n, in->link, in->from.number);
    // An entry that is there is newer than this frame, or the same.
    MapEntry *e = p ? map_add(&p->linked, MEM_IO, to.bits, &made) : NULL;
    if (p) from = p->pid;
    plat_unlock(&n->proxy_lock);
    if (!e) return false;
    if (post_plain(in->vm, to, SIG_LINK, V_UNSPECIFIED, from, V_FALSE)) return true;
    plat_lock(&n->proxy_lock);
    p = find(n, from);
    if (p) map_remove(&p->linked, to.bits);
    free_if_unused(n, p);
    plat_unlock(&n->proxy_lock);
    answer(in, FRAME_LINK_EXIT, in->vm->symbol[SYM_noproc]);
    return true;
}

static bool take_unlink(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value to = pid_of_number(in->to), from = V_FALSE;

    plat_lock(&n->proxy_lock);
    Proxy *p = proxy_of(in->link, in->from.number);
    MapEntry *e = p ? map_find(&p->linked, to.bits) : NULL;
    if (p) from = p->pid;
    // If this side is unlinking too, its own entry waits for its own acknowledgement.
    if (e && e->a == 0) map_remove(&p->linked, to.bits);
    free_if_unused(n, p);
    plat_unlock(&n->proxy_lock);
    if (e) post_plain(in->vm, to, SIG_UNLINK, V_UNSPECIFIED, from, value_fix(0));
    answer(in, FRAME_UNLINKED, V_FALSE);
    return true;
}

static bool take_unlinked(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value to = pid_of_number(in->to), from = V_FALSE;
    bool mine = false;

    plat_lock(&n->proxy_lock);
    Proxy *p = proxy_of(in->link, in->from.number);
    MapEntry *e = p ? map_find(&p->linked, to.bits) : NULL;
    mine = e && e->a != 0 && e->a == in->number;
    if (mine) {
        from = p->pid;
        map_remove(&p->linked, to.bits);
        free_if_unused(n, p);
    }
    plat_unlock(&n->proxy_lock);
    if (mine)
        post_plain(in->vm, to, SIG_UNLINK_ACK, V_UNSPECIFIED, from, value_fix((int64_t)in->number));
    return true;
}

static bool take_link_exit(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value to = pid_of_number(in->to), from = V_FALSE;

    plat_lock(&n->proxy_lock);
    Proxy *p = proxy_of(in->link, in->from.number);
    bool linked = p && map_remove(&p->linked, to.bits);
    if (p) from = p->pid;
    free_if_unused(n, p);
    plat_unlock(&n->proxy_lock);
    if (!linked) return true;
    Sig *s = sig_of_term(in->vm, NULL, SIG_LINK_EXIT, in->term);
    if (!s) return false;
    sig_set_from(s, &in->from);
    s->words[1] = from;
    node_post(in->vm, to, s);
    return true;
}

static bool take_exit(const Arrival *in)
{
    Sig *s = sig_of_term(in->vm, NULL, SIG_EXIT, in->term);

    if (!s) return false;
    sig_set_from(s, &in->from);
    node_post(in->vm, pid_of_number(in->to), s);
    return true;
}

// ---- monitors -----------------------------------------------------------------------------------------

static Value new_ref(Nodes *n)
{
    // Above what the workers number.
    return value_ref((uint64_t)1023 << 50 | ++n->refs);
}

// Notes that a process there watches a local actor; the reference of that, V_FAIL without memory, V_FALSE
// when it does already under this reference.
static Value note_watched(Nodes *n, const Arrival *in, Value target, Value *from)
{
    Proxy *p = get(n, in->link, in->from.number);
    Relations *r = in->link->relations;
    Value ref = new_ref(n);
    bool made, made_too;

    if (!p) return V_FAIL;
    MapEntry *there = map_add(&r->there, MEM_IO, in->number + 1, &made);
    if (there && !made) return V_FALSE;
    MapEntry *e = there ? map_add(&r->watched, MEM_IO, ref.bits, &made_too) : NULL;
    if (!e) {
        if (there) map_remove(&r->there, in->number + 1);
        free_if_unused(n, p);
        return V_FAIL;
    }
    there->a = ref.bits;
    there->b = (uint64_t)p;
    e->a = in->number;
    e->b = target.bits;
    p->uses++;
    *from = p->pid;
    return ref;
}

static bool take_monitor(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Vm *vm = in->vm;
    Value to = pid_of_number(in->to), from = V_FALSE, name = V_FALSE, ref = V_FALSE;

    if (in->text_size > 0) {
        name = symbol_intern(&vm->symbols, in->text, in->text_size);
        if (value_is(name, V_FAIL)) return false;
        to = registry_find(vm, name);
    }
    if (value_is_local_pid(to)) {
        plat_lock(&n->proxy_lock);
        ref = note_watched(n, in, to, &from);
        plat_unlock(&n->proxy_lock);
        if (value_is(ref, V_FAIL)) return false;
        if (value_is(ref, V_FALSE)) return true;
        if (post_plain(vm, to, SIG_MONITOR, name, from, ref)) return true;
        plat_lock(&n->proxy_lock);
        Proxy *p = find(n, from);
        if (p) (void)drop_watched(p, ref);
        free_if_unused(n, p);
        plat_unlock(&n->proxy_lock);
    }
    answer(in, FRAME_DOWN, vm->symbol[SYM_noproc]);
    return true;
}

static bool take_demonitor(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value target = V_FALSE, ref = V_FALSE, from = V_FALSE;

    plat_lock(&n->proxy_lock);
    Relations *r = in->link->relations;
    MapEntry *there = r ? map_find(&r->there, in->number + 1) : NULL;
    if (there) {
        ref.bits = there->a;
        Proxy *p = (Proxy *)there->b;
        from = p->pid;
        target.bits = map_find(&r->watched, ref.bits)->b;
        (void)drop_watched(p, ref);
        free_if_unused(n, p);
    }
    plat_unlock(&n->proxy_lock);
    if (value_is_local_pid(target))
        post_plain(in->vm, target, SIG_DEMONITOR, V_UNSPECIFIED, from, ref);
    return true;
}

static bool take_down(const Arrival *in)
{
    Nodes *n = in->link->nodes;
    Value watcher = V_FALSE, ref = value_ref(in->number & (((uint64_t)1 << 60) - 1));

    plat_lock(&n->proxy_lock);
    Relations *r = in->link->relations;
    MapEntry *e = r ? map_find(&r->watching, ref.bits) : NULL;
    if (e) {
        watcher.bits = e->a;
        Proxy *p = (Proxy *)e->b;
        (void)drop_watching(p, ref);
        free_if_unused(n, p);
    }
    plat_unlock(&n->proxy_lock);
    if (!value_is_local_pid(watcher)) return true;
    Sig *s = sig_of_term(in->vm, NULL, SIG_DOWN, in->term);
    if (!s) return false;
    sig_set_from(s, &in->from);
    s->words[1] = ref;
    node_post(in->vm, watcher, s);
    return true;
}

bool proxy_take(const Arrival *in)
{
    switch (in->type) {
    case FRAME_LINK:
        return take_link(in);
    case FRAME_UNLINK:
        return take_unlink(in);
    case FRAME_UNLINKED:
        return take_unlinked(in);
    case FRAME_LINK_EXIT:
        return take_link_exit(in);
    case FRAME_EXIT:
        return take_exit(in);
    case FRAME_MONITOR:
        return take_monitor(in);
    case FRAME_DEMONITOR:
        return take_demonitor(in);
    case FRAME_DOWN:
        return take_down(in);
    default:
        return true;
    }
}

// ---- the loss of a link -------------------------------------------------------------------------------

static void post_loss(const Link *l, Value to, SigKind kind, uint64_t number, Value ref)
{
    Vm *vm = l->nodes->vm;
    External from = external_of(l, number);
    Sig *s;

    // An exit is never left untold.
    while (!(s = sig_of_node(vm, kind, vm->symbol[SYM_noconnection], &from, ref))) {
        _Atomic uint32_t nobody_wakes = 0;
        plat_wait(&nobody_wakes, 0, plat_now_ns() + 1000000);
    }
    node_post(vm, to, s);
}

static void tell_loss(const Link *l, const Relations *r)
{
    MAP_EACH(&r->watching, e)
    {
        const Proxy *p = (const Proxy *)e->b;
        post_loss(l, (Value){e->a}, SIG_DOWN, p->number, (Value){e->key});
    }
    MAP_EACH(&r->there, e)
    {
        const Proxy *p = (const Proxy *)e->b;
        Value target = {map_find(&r->watched, e->a)->b};
        post_plain(l->nodes->vm, target, SIG_DEMONITOR, V_UNSPECIFIED, p->pid, (Value){e->a});
    }
    MAP_EACH(&r->proxies, e)
    {
        const Proxy *p = (const Proxy *)e->a;
        MAP_EACH(&p->linked, actor)
        post_loss(l, (Value){actor->key}, SIG_LINK_EXIT, p->number, p->pid);
    }
}

static void free_relations(Relations *r)
{
    MAP_EACH(&r->proxies, e)
    {
        Proxy *p = (Proxy *)e->a;
        map_free(&p->linked, MEM_IO);
        mem_free(MEM_IO, p, sizeof *p);
    }
    map_free(&r->proxies, MEM_IO);
    map_free(&r->watching, MEM_IO);
    map_free(&r->watched, MEM_IO);
    map_free(&r->there, MEM_IO);
    mem_free(MEM_IO, r, sizeof *r);
}

void proxy_link_lost(Link *l)
{
    Nodes *n = l->nodes;

    plat_lock(&n->proxy_lock);
    Relations *r = l->relations;
    l->relations = NULL;
    l->relations_lost = true;
    if (r) {
        MAP_EACH(&r->proxies, e) leave_slot(n, ((Proxy *)e->a)->pid);
    }
    plat_unlock(&n->proxy_lock);
    if (!r) return;
    tell_loss(l, r);
    free_relations(r);
    link_release(l);
}
