// Making and sending signals. See signal.h.
#include "vm/actor/ext.h"
#include "vm/actor/limit.h"
#include "vm/actor/node.h"
#include "vm/actor/priv.h"

#include "vm/base/check.h"

#include <string.h>

Sig *sig_new(Vm *vm, VmWorker *w, SigKind kind, size_t words)
{
    size_t bytes = sizeof(Sig) + words * sizeof(Value);

    if (bytes > UINT32_MAX / 2) return NULL;
    Sig *s = space_alloc(&vm->space, w ? &w->cache : NULL, REGION_YOUNG, &bytes);
    if (!s) return NULL;
    s->frag = (Frag){NULL, (uint32_t)bytes, 0};
    s->value = V_UNSPECIFIED;
    s->kind = kind;
    s->flags = 0;
    return s;
}

Sig *sig_vital(Vm *vm, VmWorker *w, SigKind kind, size_t words)
{
    Sig *s = sig_new(vm, w, kind, words);

    if (s || !w) return s;
    uint8_t reserve = w->cache.reserve;
    w->cache.reserve = RESERVE_VITAL;
    s = sig_new(vm, w, kind, words);
    w->cache.reserve = reserve;
    return s;
}

Sig *sig_plain(Vm *vm, VmWorker *w, SigKind kind, Value value, Value from, Value ref)
{
    Sig *s = sig_vital(vm, w, kind, SIG_FROM_WORDS);

    if (!s) return NULL;
    s->value = value;
    s->words[0] = from;
    s->words[1] = ref;
    return s;
}

void sig_free(Vm *vm, VmWorker *w, Sig *s)
{
    BlockCache *cache = w ? &w->cache : NULL;

    if (s->flags & SIGF_EXTRA) {
        SigExtra *x = sig_extra(s);
        for (Value v = x->blocks; !value_is_null(v);) {
            BlockRef *ref = (BlockRef *)value_words(v);
            v = ref->next;
            block_release(&vm->space, ref->block);
        }
        frag_free(&vm->space, cache, x->more);
    }
    space_free(&vm->space, cache, REGION_YOUNG, s, s->frag.bytes);
}

void actor_wake(Vm *vm, VmWorker *w, Actor *a)
{
    // It will be looked at soon: the lines that a slice begins with.
    __builtin_prefetch(&a->heap);
    __builtin_prefetch(&a->stack_words);
    sched_enqueue(&vm->sched, w ? w->worker : NULL, &a->task);
}

bool sig_post(Vm *vm, VmWorker *w, Actor *to, Sig *s)
{
    PushResult r = inbox_push(to, s);

    if (r == PUSH_DEAD) return false;
    if (r == PUSHED_WAKES) actor_wake(vm, w, to);
    return true;
}

bool sig_send(Vm *vm, VmWorker *w, Value pid, Sig *s)
{
    Actor *to = actor_of_pid(vm, pid);

    if (to && sig_post(vm, w, to, s)) return true;
    if (pid_is_proxy(pid) && vm->remote) return vm->remote->signal(vm, w, pid, s);
    sig_free(vm, w, s);
    return false;
}

// ---- copying ------------------------------------------------------------------------------------

// The common message: a short list of things that need no copy. Gives its length, 0 when it is
// something else.
#define SHORT_LIST_MAX 12
static size_t short_list(const Heap *h, Value v)
{
    size_t n = 0;

    for (; value_is_pair(v) && n <= SHORT_LIST_MAX; v = value_cdr(v)) {
        // A literal list is passed as it is.
        if (!copy_is_free(h, value_car(v)) || value_is_proc(value_car(v)) || copy_is_free(h, v))
            return 0;
        n++;
    }
    return n <= SHORT_LIST_MAX && copy_is_free(h, v) ? n : 0;
}

static void fill_short_list(Sig *s, Value *room, Value v)
{
    Value *link = &s->value;

    for (; value_is_pair(v) && s->frag.used < 2 * SHORT_LIST_MAX; v = value_cdr(v)) {
        room[0] = value_car(v);
        *link = value_from_words(room, TAG_PAIR);
        link = &room[1];
        room += 2;
        s->frag.used += 2;
    }
    *link = v;
}

// Module data that procedures in the copy may touch, gathered while it is made.
typedef struct {
    CodeSpace *code;
    Map seen; // by address of the cell
    Cell **cells;
    size_t count, capacity;
    bool no_memory;
} Attached;

static void attach(Attached *list, Cell *c)
{
    bool made;

    if (!map_add(&list->seen, MEM_SCRATCH, (uint64_t)c, &made)) {
        list->no_memory = true;
        return;
    }
    if (!made) return;
    if (list->count == list->capacity) {
        size_t more = list->capacity ? list->capacity * 2 : 16;
        Cell **cells = mem_realloc(MEM_SCRATCH, list->cells, list->capacity * sizeof *cells,
                                   more * sizeof *cells);
        if (!cells) {
            list->no_memory = true;
            return;
        }
        list->cells = cells;
        list->capacity = more;
    }
    list->cells[list->count++] = c;
}

static void note_proc(Copy *c, Proc *p)
{
    Attached *list = c->context;
    const Reach *reach = code_reach(list->code, proc_code(p));

    if (!reach) list->no_memory = true;
    for (uint32_t i = 0; reach && i < reach->count; i++) {
        attach(list, reach->cells[i]);
    }
    // The captures of a shared procedure are shared too and will not be met by the copy; they nest no
    // deeper than code_share allows.
    if (!copy_is_free(c->from, value_from_words(p, TAG_PROC))) return;
    for (size_t i = 0; i + 1 < header_words(p->header); i++) {
        if (value_is_proc(p->free[i])) note_proc(c, value_proc(p->free[i]));
    }
}

// Stands for the value of a variable that was left out: (private kind . owner). See priv.h.
static Value absent_marker(Copy *c, Value owner)
{
    Value why = copy_cons(c, value_fix(c->lacking_kind), owner);
    return value_is(why, V_NONE) ? why : copy_cons(c, V_PRIVATE, why);
}

// Copies the values of the cells behind the main value, in the same copy: what they share with it
// stays shared, and procedures in them attach cells in turn. A variable that cannot travel is left
// out; reading it over there says whose it is.
static Value copy_cells(Actor *sender, Copy *c, Attached *list)
{
    Value out = V_NIL;

    c->lenient = true;
    c->giving = false;
    for (size_t i = 0; i < list->count && !list->no_memory; i++) {
        Value v = priv_find_any(sender, list->cells[i]);
        if (value_is(v, V_NONE)) continue;
        c->lacking = false;
        v = copy_value(c, v);
        if (value_is(v, V_NONE)) return V_NONE;
        if (c->lacking) v = absent_marker(c, actor_pid(sender));
        if (value_is(v, V_NONE)) return V_NONE;
        Value entry = copy_cons(c, (Value){(uint64_t)list->cells[i]}, v);
        out = value_is(entry, V_NONE) ? V_NONE : copy_cons(c, entry, out);
        if (value_is(out, V_NONE)) return V_NONE;
    }
    return out;
}

static SendResult copy_values(Actor *sender, Value *values, size_t n, size_t give, Value *room,
                              size_t words, size_t most, Copied *out)
{
    Attached list = {.code = &actor_vm(sender)->code};
    Value v = V_UNSPECIFIED;
    Copy c;

    copy_begin(&c, &sender->heap, room, words);
    c.most_words = most;
    c.on_proc = note_proc;
    c.context = &list;
    for (size_t i = 0; i < n && !value_is(v, V_NONE); i++) {
        c.giving = i < give;
        v = copy_value(&c, values[i]);
        values[i] = v;
    }
    out->cells = value_is(v, V_NONE) ? V_NONE : copy_cells(sender, &c, &list);
    if (list.no_memory) c.no_memory = true;
    bool failed = value_is(out->cells, V_NONE) || c.no_memory || c.gave_up;
    copy_end(&c);
    map_free(&list.seen, MEM_SCRATCH);
    mem_free(MEM_SCRATCH, list.cells, list.capacity * sizeof *list.cells);
    out->refused = c.refused;
    if (c.gave_up) return SEND_ASIDE;
    if (failed) return value_is(c.refused, V_NONE) ? SEND_NO_MEMORY : SEND_REFUSED;
    out->more = c.first;
    out->blocks = c.blocks;
    out->given = c.given;
    out->given_count = c.given_count;
    out->given_capacity = c.given_capacity;
    out->used = (size_t)((c.first ? c.room_top : c.hp) - room);
    actor_charge(sender, c.words / 16);
    return SEND_OK;
}

SendResult copy_for_other(Actor *sender, Value *values, size_t n, size_t give, Value *room,
                          size_t words, Copied *out)
{
    return copy_values(sender, values, n, give, room, words, 0, out);
}

void copied_keep(Copied *c)
{
    mem_free(MEM_SCRATCH, c->given, c->given_capacity * sizeof *c->given);
    c->given = NULL;
    c->given_count = c->given_capacity = 0;
}

void copied_give(Actor *sender, Copied *c)
{
    for (size_t i = 0; i < c->given_count; i++) {
        heap_give_handle(&sender->heap, c->given[i]);
    }
    copied_keep(c);
}

GiveResult actor_give(Actor *sender, Value message, Value pid, bool any, Value *refused)
{
    VmWorker *w = actor_worker(sender);
    Actor *to = actor_of_pid(w->vm, pid);
    Sig *s = to ? sig_new(w->vm, w, SIG_MESSAGE, SIG_EXTRA_WORDS) : NULL;
    Copied copied;

    if (!s) return to ? GIVE_NO_MEMORY : GIVE_DEAD;
    SendResult r = copy_for_other(sender, &message, 1, 1, NULL, 0, &copied);
    *refused = copied.refused;
    if (r != SEND_OK) {
        sig_free(w->vm, w, s);
        return r == SEND_REFUSED ? GIVE_REFUSED : GIVE_NO_MEMORY;
    }
    s->flags |= SIGF_EXTRA;
    s->value = message;
    *sig_extra(s) = (SigExtra){copied.more, copied.blocks, copied.cells};
    bool nothing = copied.given_count == 0 && !any;
    if (!nothing && sig_post(w->vm, w, to, s)) {
        copied_give(sender, &copied);
        return GIVEN;
    }
    sig_free(w->vm, w, s);
    copied_keep(&copied);
    return nothing ? GIVE_NOTHING : GIVE_DEAD;
}

static SendResult copy_signal(Actor *sender, SigKind kind, Value v, size_t most, Sig **out,
                              Value *refused)
{
    VmWorker *w = actor_worker(sender);
    size_t head = kind == SIG_MESSAGE ? 0 : SIG_FROM_WORDS;
    size_t items = value_is_pair(v) ? short_list(&sender->heap, v) : 0;
    bool simple = items > 0 || (copy_is_free(&sender->heap, v) && !value_is_proc(v));
    size_t words = head + (simple ? 2 * items : SIG_EXTRA_WORDS + 16);
    // An exit may be what makes room.
    bool vital = simple && (kind == SIG_EXIT || w->cache.reserve == RESERVE_SMALL);
    Sig *s = vital ? sig_vital(w->vm, w, kind, words) : sig_new(w->vm, w, kind, words);
    Copied copied;

    *out = s;
    if (!s) return SEND_NO_MEMORY;
    if (simple) {
        s->value = v;
        if (items > 0) fill_short_list(s, s->words + head, v);
        return SEND_OK;
    }
    SigExtra *x = sig_extra(s);
    Value *room = (Value *)(x + 1);
    size_t have = (size_t)((Value *)((char *)s + s->frag.bytes) - room);
    SendResult r = copy_values(sender, &v, 1, 0, room, have, most, &copied);
    if (r != SEND_OK) {
        *refused = copied.refused;
        space_free(&w->vm->space, &w->cache, REGION_YOUNG, s, s->frag.bytes);
        return r;
    }
    s->flags |= SIGF_EXTRA;
    s->value = v;
    s->frag.used = (uint32_t)copied.used;
    *x = (SigExtra){copied.more, copied.blocks, copied.cells};
    return SEND_OK;
}

SendResult sig_copy(Actor *sender, SigKind kind, Value v, Sig **out, Value *refused)
{
    return copy_signal(sender, kind, v, 0, out, refused);
}

// ---- reports --------------------------------------------------------------------------------------

#define REPORT_ITEMS_MAX 8
#define REPORT_WORDS_MAX 4096

Sig *sig_report(Actor *sender, const Value *items, size_t n)
{
    VmWorker *w = actor_worker(sender);
    Sig *s = sig_new(w->vm, w, SIG_MESSAGE, SIG_EXTRA_WORDS + 2 * n + 16);
    Copied copied = {.cells = V_NIL, .blocks = V_NIL};
    Value copies[REPORT_ITEMS_MAX];

    ASSERT(n <= REPORT_ITEMS_MAX);
    if (!s) return NULL;
    SigExtra *x = sig_extra(s);
    Value *list = (Value *)(x + 1), *room = list + 2 * n;
    memcpy(copies, items, n * sizeof *items);
    size_t have = (size_t)((Value *)((char *)s + s->frag.bytes) - room);
    if (copy_values(sender, copies, n, 0, room, have, REPORT_WORDS_MAX, &copied) != SEND_OK) {
        copied = (Copied){.cells = V_NIL, .blocks = V_NIL};
        for (size_t i = 0; i < n; i++) {
            bool plain = copy_is_free(&sender->heap, items[i]) && !value_is_proc(items[i]);
            copies[i] = plain ? items[i] : symbol_named(&w->vm->symbols, "not-shown");
        }
    }
    s->value = V_NIL;
    for (size_t i = n; i > 0; i--) {
        list[2 * i - 2] = copies[i - 1];
        list[2 * i - 1] = s->value;
        s->value = value_from_words(&list[2 * i - 2], TAG_PAIR);
    }
    s->flags |= SIGF_EXTRA | SIGF_TRACE;
    s->frag.used = (uint32_t)(2 * n + copied.used);
    *x = (SigExtra){copied.more, copied.blocks, copied.cells};
    return s;
}

// ---- copies that take long ------------------------------------------------------------------------

// Words that a slice copies at most: about a third of a millisecond.
#define SLICE_COPY_WORDS ((size_t)1 << (BUILD_STRESS ? 6 : 17))

static SendResult take_copy(Actor *sender, Sig **out, Value *refused)
{
    SigCopy *k = sender->ext->copy;
    SendResult result = k->result;

    *out = k->sig;
    *refused = k->refused;
    sender->ext->copy = NULL;
    sender->own &= ~(uint32_t)OWN_ASIDE;
    mem_free(MEM_ACTOR, k, sizeof *k);
    return result;
}

static bool ask_aside(Actor *sender, SigKind kind, Value v)
{
    ActorExt *x = actor_ext(sender);
    SigCopy *k = x ? mem_zalloc(MEM_ACTOR, sizeof *k) : NULL;

    if (!k) return false;
    *k = (SigCopy){.kind = kind, .value = v, .refused = V_NONE, .result = SEND_ASIDE};
    x->copy = k;
    sender->own |= OWN_ASIDE;
    return true;
}

SendResult sig_copy_long(Actor *sender, SigKind kind, Value v, Sig **out, Value *refused)
{
    bool bounded = sender->heap.scratch->bounded;

    if (UNLIKELY(sender->own & OWN_ASIDE)) return take_copy(sender, out, refused);
    size_t most = bounded ? SLICE_COPY_WORDS : 0;
    SendResult r = copy_signal(sender, kind, v, most, out, refused);
    if (UNLIKELY(r == SEND_NO_MEMORY) && limit_use_reserve(sender))
        r = copy_signal(sender, kind, v, most, out, refused);
    if (r == SEND_ASIDE && !ask_aside(sender, kind, v)) return SEND_NO_MEMORY;
    return r;
}

void sig_copy_aside(Actor *sender)
{
    SigCopy *k = sender->ext->copy;
    k->result = copy_signal(sender, k->kind, k->value, 0, &k->sig, &k->refused);
}

bool sig_copy_pending(const Actor *sender)
{
    return (sender->own & OWN_ASIDE) && sender->ext->copy->result == SEND_ASIDE;
}

void sig_copy_drop(Vm *vm, VmWorker *w, Actor *sender)
{
    Value refused;
    Sig *s;

    if (!(sender->own & OWN_ASIDE)) return;
    if (take_copy(sender, &s, &refused) == SEND_OK) sig_free(vm, w, s);
}
