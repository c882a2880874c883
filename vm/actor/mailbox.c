// See mailbox.h.
#include "vm/actor/mailbox.h"
#include "vm/actor/ext.h"
#include "vm/actor/priv.h"

#include "vm/base/check.h"

static void publish_length(Actor *a, int change)
{
    uint32_t n = atomic_load_explicit(&a->mailbox_length, memory_order_relaxed);
    atomic_store_explicit(&a->mailbox_length, n + (uint32_t)change, memory_order_relaxed);
}

static size_t sig_words(Sig *s)
{
    size_t bytes = s->frag.bytes;

    if (s->flags & SIGF_EXTRA) {
        for (const Frag *f = sig_extra(s)->more; f; f = f->next) {
            bytes += f->bytes;
        }
    }
    return bytes / sizeof(Value);
}

// What waits counts against the limit of an actor that has one.
static void count_words(Actor *a, Sig *s, bool came)
{
    ActorExt *x = a->heap.max_words ? actor_ext(a) : NULL;

    if (x && !(s->flags & SIGF_EXPOSED))
        x->mail_words = came ? x->mail_words + sig_words(s) : x->mail_words - sig_words(s);
}

uint32_t mailbox_set_heap_limit(Actor *a, uint32_t limit)
{
    uint32_t was = a->heap.max_words;

    if (was == 0 && limit != 0) {
        // From here on messages are counted; those that are here have not been.
        a->heap.max_words = limit;
        if (actor_ext(a)) a->ext->mail_words = 0;
        for (Sig *s = a->mail; s; s = sig_next(s)) {
            count_words(a, s, true);
        }
    } else if (limit == 0 && a->ext) {
        a->ext->mail_words = 0;
    }
    a->heap.max_words = limit;
    return was;
}

void mailbox_keep(Actor *a, Sig *s)
{
    sig_set_next(s, NULL);
    *a->mail_tail = s;
    a->mail_tail = (Sig **)&s->frag.next;
}

void mailbox_append(Actor *a, Sig *s)
{
    mailbox_keep(a, s);
    count_words(a, s, true);
    publish_length(a, 1);
    // Only a message makes an actor that waits runnable: who asks about it must not change what he sees.
    if (atomic_load_explicit(&a->status, memory_order_relaxed) == ACTOR_WAITING)
        atomic_store_explicit(&a->status, ACTOR_RUNNABLE, memory_order_relaxed);
}

size_t mailbox_length(const Actor *a)
{
    return atomic_load_explicit(&a->mailbox_length, memory_order_relaxed);
}

static Sig *unlink_at_cursor(Actor *a)
{
    Sig *s = *a->mail_cursor;

    *a->mail_cursor = sig_next(s);
    if (a->mail_tail == (Sig **)&s->frag.next) a->mail_tail = a->mail_cursor;
    if (a->ext && a->ext->mark == (Sig **)&s->frag.next) a->ext->mark = a->mail_cursor;
    return s;
}

void mailbox_mark(Actor *a, Value ref)
{
    if (!a->ext) return;
    a->ext->mark = a->mail_tail;
    a->ext->marked_ref = ref;
}

// A queue shorter than this is looked through in no time.
#define LONG_QUEUE 32

void mailbox_mark_long(Actor *a, Value ref)
{
    if (mailbox_length(a) >= LONG_QUEUE && actor_ext(a)) mailbox_mark(a, ref);
}

void mailbox_restart_at_mark(Actor *a, Value ref)
{
    ActorExt *x = a->ext;

    a->mail_cursor = x && x->mark && value_is(x->marked_ref, ref) ? x->mark : &a->mail;
}

Sig *mailbox_take(Actor *a)
{
    Sig *s = unlink_at_cursor(a);

    count_words(a, s, false);
    publish_length(a, -1);
    a->mail_cursor = &a->mail;
    return s;
}

bool message_take(Actor *a, Sig *s, Value *v)
{
    VmWorker *w = actor_worker(a);
    Heap *h = &a->heap;

    *v = s->value;
    if (!(s->flags & SIGF_EXTRA)) {
        if (s->frag.used > 0) {
            s->frag.next = NULL;
            heap_adopt(h, &s->frag);
        } else {
            space_free(&w->vm->space, &w->cache, REGION_YOUNG, s, s->frag.bytes);
        }
        return true;
    }
    SigExtra x = *sig_extra(s);
    unsigned mark = heap_root_mark(h);
    Value *root = heap_root(h, s->value);
    bool ok = true;
    s->frag.next = x.more;
    heap_adopt(h, &s->frag);
    while (ok && !value_is_null(x.blocks)) {
        Value next = ((BlockRef *)value_words(x.blocks))->next;
        ok = heap_note_blockref(h, x.blocks);
        x.blocks = next;
    }
    if (ok && !value_is_null(x.cells)) ok = cells_install(a, x.cells);
    *v = *root;
    heap_unroot(h, mark);
    return ok;
}

bool mailbox_expose(Actor *a, Value *v)
{
    VmWorker *w = actor_worker(a);
    Sig *s = *a->mail_cursor;

    if ((s->flags & SIGF_EXPOSED) || (!(s->flags & SIGF_EXTRA) && s->frag.used == 0)) {
        *v = s->value;
        return true;
    }
    ActorExt *x = actor_ext(a);
    Sig *shown = sig_new(w->vm, w, SIG_MESSAGE, 0);
    if (!x || !shown) {
        (void)fail_text(&a->heap, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
        return false;
    }
    // The new node takes the message's place in the queue; the old one's memory becomes the heap's.
    (void)unlink_at_cursor(a);
    count_words(a, s, false);
    mailbox_note_taken(a, s);
    sig_set_next(shown, *a->mail_cursor);
    if (a->mail_tail == a->mail_cursor) a->mail_tail = (Sig **)&shown->frag.next;
    *a->mail_cursor = shown;
    shown->flags = SIGF_EXPOSED;
    shown->value = V_UNSPECIFIED;
    x->exposed++;
    bool ok = message_take(a, s, v);
    shown->value = *v;
    return ok;
}

Sig *mailbox_lift(Actor *a)
{
    Sig *s = unlink_at_cursor(a);

    publish_length(a, -1);
    return s;
}

bool mailbox_put_back(Actor *a, Value v)
{
    VmWorker *w = actor_worker(a);
    ActorExt *x = actor_ext(a);
    Sig *s = x ? sig_new(w->vm, w, SIG_MESSAGE, 0) : NULL;

    if (!s) {
        (void)fail_text(&a->heap, ERR_HEAP_LIMIT, NULL, "the actor has reached its heap limit");
        return false;
    }
    s->flags = SIGF_EXPOSED;
    s->value = v;
    x->exposed++;
    sig_set_next(s, *a->mail_cursor);
    if (a->mail_tail == a->mail_cursor) a->mail_tail = (Sig **)&s->frag.next;
    *a->mail_cursor = s;
    a->mail_cursor = (Sig **)&s->frag.next;
    publish_length(a, 1);
    return true;
}

void mailbox_note_taken(Actor *a, const Sig *s)
{
    if ((s->flags & SIGF_EXPOSED) || s->kind == SIG_SOCKET) a->ext->exposed--;
}

void mailbox_visit(Actor *a, Gc *gc)
{
    uint32_t left = a->ext ? a->ext->exposed : 0;

    for (Sig *s = a->mail; s && left > 0; s = sig_next(s)) {
        if (s->flags & SIGF_EXPOSED) {
            gc_visit(gc, &s->value);
        } else if (s->kind == SIG_SOCKET) {
            gc_visit(gc, sig_socket_slot(s));
        } else {
            continue;
        }
        left--;
    }
    if (!a->ext || a->ext->sockets.count == 0) return;
    MAP_EACH(&a->ext->sockets, e)
    {
        Value v = {e->a};
        gc_visit(gc, &v);
        e->a = v.bits;
    }
}

void mailbox_free(Vm *vm, VmWorker *w, Actor *a)
{
    while (a->mail) {
        Sig *s = a->mail;
        a->mail = sig_next(s);
        sig_free(vm, w, s);
    }
    mailbox_init(a);
}

// ---- time-outs ----------------------------------------------------------------------------------

// On the wheel's worker, inside an epoch: the cell and its extension stay what they are.
static void time_out(Worker *worker, Timer *t)
{
    VmWorker *w = worker->context;
    ActorExt *x = container_of(t, ActorExt, timer);
    Value pid = value_pid(x->actor->index, x->serial);
    Sig *s = sig_plain(w->vm, w, SIG_WAKE, V_UNSPECIFIED, V_FALSE, V_FALSE);

    if (s) {
        sig_send(w->vm, w, pid, s);
    } else {
        wheel_arm(worker->wheel, t, worker->now_ns + 1000000);
    }
}

bool mailbox_arm(Actor *a)
{
    ActorExt *x;

    if (a->deadline_ns == 0) return true;
    x = actor_ext(a);
    if (!x) return false;
    Timer *t = &x->timer;
    // One that fires early enough will be armed again when it does.
    if (timer_is_armed(t)) {
        if (t->deadline_ns <= a->deadline_ns) return true;
        if (!wheel_cancel(t)) return true;
    }
    t->fire = time_out;
    wheel_arm(actor_worker(a)->worker->wheel, t, a->deadline_ns);
    return true;
}
