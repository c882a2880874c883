// See remote.h.
#include "runtime/native/remote.h"
#include "runtime/native/refusal.h"

#include "vm/actor/mailbox.h"

// A letter that is longer has no room in a frame.
#define LETTER_MAX         ((size_t)1 << 31)
#define WORK_PER_REDUCTION 4 // objects

Link *remote_link(const Actor *a, Value dest)
{
    Nodes *n = nodes_of(actor_vm(a));

    return value_is_pair(dest) ? nodes_link_named(n, value_cdr(dest))
                               : nodes_link(n, value_external(dest)->node);
}

static bool fail_post(Actor *a, const char *who, WireState state, Value v, Value refused)
{
    if (state == WIRE_NO_MEMORY) {
        (void)fail_text(HEAP(a), ERR_SYSTEM_LIMIT, who, "out of memory");
    } else if (value_is(refused, V_NONE)) {
        (void)fail_text(HEAP(a), ERR_BADARG, who,
                        "a value that is nested more than %d levels deep cannot travel",
                        WIRE_DEPTH_MAX);
    } else {
        (void)fail_refused(a, who, v, refused);
    }
    return false;
}

static bool post(Actor *a, const char *who, FrameType type, Value dest, Value v, Link *l)
{
    bool named = value_is_pair(dest);
    uint64_t to = named ? 0 : value_external(dest)->number;
    Letter *t = letter_new(named ? FRAME_NAMED : type, number_of_pid(actor_pid(a)), to);
    WireNode node = vm_wire_node(actor_vm(a));
    Value refused = V_NONE;
    int64_t work = 0;

    if (!t) return fail_post(a, who, WIRE_NO_MEMORY, v, refused);
    if (named) {
        const Symbol *name = value_symbol(value_car(dest));
        buf_block(&t->payload, name->utf8, name->utf8_bytes);
    }
    WireState state = letter_put_term(t, &node, v, &refused, &work);
    actor_charge(a, (uint64_t)work / WORK_PER_REDUCTION + 20);
    native_charge_bytes(a, t->payload.size);
    if (state == WIRE_DONE && t->payload.size >= LETTER_MAX) state = WIRE_NO_MEMORY;
    if (state == WIRE_DONE && t->payload.size + 16 > OUTBOX_FRAME_BYTES && !letter_seal(t))
        state = WIRE_NO_MEMORY;
    if (state == WIRE_DONE && l) {
        (void)link_send(l, t);
    } else {
        letter_free(t);
    }
    return state == WIRE_DONE || fail_post(a, who, state, v, refused);
}

bool remote_post(Actor *a, const char *who, FrameType type, Value dest, Value v)
{
    Link *l = remote_link(a, dest);
    bool ok = post(a, who, type, dest, v, l);

    if (l) link_release(l);
    return ok;
}

// Waits, in the slot, for room in the link.
static bool waits_for_room(Actor *a, Link *l, Value *slot)
{
    if (!link_is_congested(l)) return false;
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL) || !link_await_room(l, actor_pid(a), ref)) return false;
    *slot = ref;
    return true;
}

Value remote_send(Actor *a, Value *args)
{
    Link *l = remote_link(a, args[0]);
    Value result = args[1];

    if (l && link_is_open(l)) {
        if (!post(a, "send", FRAME_MESSAGES, args[0], args[1], l)) {
            result = V_FAIL;
        } else if (waits_for_room(a, l, &args[2])) {
            result = V_WAIT;
        }
    } else if (!value_true(args[2])) {
        result = V_DEFAULT;
    } else if (!post(a, "send", FRAME_MESSAGES, args[0], args[1], NULL)) {
        result = V_FAIL;
    }
    if (l) link_release(l);
    return result;
}

// What stands for whoever has a name on a node.
static Value place_of(Actor *a, Value *dest)
{
    External *x = (External *)heap_alloc(HEAP(a),
                                         header_make(KIND_EXTERNAL_PID, EXTERNAL_WORDS - 1));
    Link *l = x ? nodes_link_named(nodes_of(actor_vm(a)), value_cdr(*dest)) : NULL;

    if (!x) return V_FAIL;
    x->node = l ? link_peer(l) : 0;
    x->name = value_cdr(*dest);
    x->number = 0;
    if (l) link_release(l);
    return value_from_words(x, TAG_OBJ);
}

Value remote_monitor(Actor *a, const char *who, Value dest)
{
    unsigned mark = heap_root_mark(HEAP(a));
    Value *root = heap_root(HEAP(a), dest), place = dest, ref = V_FAIL;

    if (value_is_pair(dest)) place = place_of(a, root);
    bool placed = !value_is(place, V_FAIL);
    if (placed) ref = node_monitor(a, place, value_is_pair(*root) ? value_car(*root) : V_FALSE);
    heap_unroot(HEAP(a), mark);
    if (!placed) return V_FAIL;
    if (value_is(ref, V_FAIL)) return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, who, "out of memory");
    mailbox_mark(a, ref);
    return ref;
}
