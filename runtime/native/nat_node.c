// Natives of nodes: joining, sending over links, who is there.
#include "runtime/native/natives.h"
#include "runtime/native/remote.h"
#include "runtime/node/cookie.h"
#include "runtime/runtime.h"

#include "vm/base/mem.h"

#include <string.h>

#define LINKS_MAX 4096 // that are listed

static Nodes *nodes_in(const Actor *a)
{
    return nodes_of(actor_vm(a));
}

static Value fail_memory(Actor *a)
{
    return fail_text(HEAP(a), ERR_SYSTEM_LIMIT, NULL, "out of memory");
}

// The bytes of a string, in `out`; NULL when it is none or has a zero byte.
static const char *text_of(Value v, Buf *out)
{
    buf_clear(out);
    if (!value_is_string(v)) return NULL;
    string_to_utf8(v, out);
    const char *text = buf_cstr(out);
    return out->failed || strlen(text) != out->size ? NULL : text;
}

static Value string_of(Actor *a, const char *text)
{
    return string_from_utf8(HEAP(a), text, strlen(text));
}

// ---- settings -----------------------------------------------------------------------------------------

static bool get_number(Value v, size_t most, size_t *out)
{
    return native_size(v, out) && *out <= most;
}

// (name cookie certificate authority hidden? heartbeat-ms phi-threshold link-buffer max-frame)
NATIVE_FN(node_set)
{
    Buf text[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
    const char *texts[3];
    static const unsigned text_at[3] = {0, 2, 3};
    size_t heartbeat, phi, buffer, frame;
    bool cookie = value_is_kind(args[1], KIND_BYTEVECTOR);
    Value result = V_FAIL;

    (void)count;
    for (size_t i = 0; i < countof(texts); i++) {
        texts[i] = text_of(args[text_at[i]], &text[i]);
    }
    if (!get_number(args[5], 1u << 30, &heartbeat) || !get_number(args[6], 1000, &phi) ||
        !get_number(args[7], SIZE_MAX, &buffer) || !get_number(args[8], UINT32_MAX, &frame) ||
        (texts[0] && !node_name_is_good(texts[0], strlen(texts[0])))) {
        result = fail_text(HEAP(a), ERR_BADARG, "node-listen", "a setting that cannot be used");
    } else {
        NodeOptions o = {.name = texts[0],
                         .cookie = cookie ? bytes_data(value_bytes(args[1])) : NULL,
                         .cookie_size = cookie ? bytes_length(value_bytes(args[1])) : 0,
                         .certificate = texts[1],
                         .authority = texts[2],
                         .hidden = value_is(args[4], V_DEFAULT) ? -1 : value_true(args[4]),
                         .heartbeat_ms = (unsigned)heartbeat,
                         .phi_threshold = (double)phi,
                         .link_buffer = buffer,
                         .max_frame = frame};
        NodesResult r = nodes_set(nodes_in(a), &o);
        result = r == NODES_NO_MEMORY ? fail_memory(a) : value_bool(r == NODES_DONE);
    }
    for (size_t i = 0; i < countof(text); i++) {
        buf_free(&text[i]);
    }
    return result;
}

NATIVE_FN(node_cookie_p)
{
    (void)args, (void)count;
    return value_bool(nodes_has_cookie(nodes_in(a)));
}

// (path make?): a bytevector, or a string of why not
NATIVE_FN(node_cookie_file)
{
    const char *path = text_of(args[0], &actor_worker(a)->text), *why = "out of memory";
    Buf cookie = BUF_INIT;

    (void)count;
    if (!path) return fail_type(HEAP(a), "node-listen", "the path of a cookie file", args[0]);
    bool ok = cookie_read(path, value_true(args[1]), &cookie, &why);
    Value v = ok ? bytes_make(HEAP(a), KIND_BYTEVECTOR, cookie.size, 0) : string_of(a, why);
    if (ok && !value_is(v, V_FAIL)) memcpy(bytes_data(value_bytes(v)), cookie.data, cookie.size);
    handshake_forget(cookie.data, cookie.size);
    buf_free(&cookie);
    return v;
}

static Value name_and_identity(Actor *a, Value name, uint64_t number)
{
    Value identity = num_from_uint64(HEAP(a), number);

    if (value_is(identity, V_FAIL)) return V_FAIL;
    unsigned mark = heap_root_mark(HEAP(a));
    Value *root = heap_root(HEAP(a), identity), pair = V_FAIL;
    if (heap_reserve(HEAP(a), 2)) pair = heap_cons(HEAP(a), name, *root);
    heap_unroot(HEAP(a), mark);
    return pair;
}

NATIVE_FN(node_of)
{
    (void)count;
    if (!value_is_external_pid(args[0]))
        return name_and_identity(a, vm_node_name(actor_vm(a)), actor_vm(a)->node_identity);
    const External *x = value_external(args[0]);
    return name_and_identity(a, x->name, x->node);
}

NATIVE_FN(node_self)
{
    (void)args, (void)count;
    return name_and_identity(a, vm_node_name(actor_vm(a)), actor_vm(a)->node_identity);
}

// ---- joining ------------------------------------------------------------------------------------------

// (url): the URL with its real port; a list of why not
NATIVE_FN(node_listen)
{
    Buf *text = &actor_worker(a)->text;
    const char *url = text_of(args[0], text), *why = "this is no URL";

    (void)count;
    const char *real = url ? nodes_listen(nodes_in(a), url, &why) : NULL;
    Value v = string_of(a, real ? real : why);
    if (real || value_is(v, V_FAIL)) return v;
    args[0] = v;
    return heap_reserve(HEAP(a), 2) ? heap_cons(HEAP(a), args[0], V_NIL) : V_FAIL;
}

// What a dial has given: the node's name, or a string.
static Value dialled(Actor *a, Value answer)
{
    if (!value_is_fix(answer)) return answer;
    return string_of(a, nodes_reason_name(value_int(answer)));
}

// (url timeout-ms #f): the node's name; a string of why not. While it waits the third is a reference.
NATIVE_FN(node_dial)
{
    const char *why = "this is no URL";
    size_t timeout;

    (void)count;
    if (remote_awaits(a, args[2])) {
        Value answer = reply_take(a, args[2]);
        return value_is(answer, V_NONE) ? V_WAIT : dialled(a, answer);
    }
    const char *url = text_of(args[0], &actor_worker(a)->text);
    if (!url || !get_number(args[1], 1u << 30, &timeout))
        return fail_type(HEAP(a), "node-connect", "a URL", args[0]);
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL)) return fail_memory(a);
    if (!nodes_dial(nodes_in(a), url, (unsigned)timeout, actor_pid(a), ref, &why))
        return string_of(a, "unreachable");
    args[2] = ref;
    return V_WAIT;
}

static bool is_joined(const Actor *a, Value node)
{
    Nodes *n = nodes_in(a);
    Link *l = value_is_symbol(node) ? nodes_link_named(n, node)
                                    : nodes_link(n, value_external(node)->node);

    if (!l) return false;
    bool open = link_is_open(l);
    link_release(l);
    return open;
}

#define REACH_MS 5000

// Begins to wait for what may make the node reachable: the end of a link that is ending, or a dial.
static bool begin_reaching(Actor *a, Value node, Value ref)
{
    Nodes *n = nodes_in(a);
    uint64_t identity = value_is_symbol(node) ? 0 : value_external(node)->node;
    Link *l = identity ? nodes_link(n, identity) : nodes_link_named(n, node);
    const char *why;

    if (l) {
        bool waits = !link_is_open(l) && slot_await_end(n, l, actor_pid(a), ref);
        link_release(l);
        return waits;
    }
    char *url = nodes_url(n, node, identity);
    bool dials = url && nodes_dial(n, url, REACH_MS, actor_pid(a), ref, &why);
    if (url) mem_free(MEM_IO, url, strlen(url) + 1);
    return dials;
}

// (node-or-pid #f): #f when it may help to try again.
NATIVE_FN(node_reach)
{
    (void)count;
    if (remote_awaits(a, args[1])) {
        Value answer = reply_take(a, args[1]);
        if (value_is(answer, V_NONE)) return V_WAIT;
        return value_bool(!value_is(answer, value_fix(REASON_ALREADY)) &&
                          !value_is(answer, value_fix(REASON_SIMULTANEOUS)));
    }
    if (!value_is_symbol(args[0]) && !value_is_external_pid(args[0])) return V_TRUE;
    if (is_joined(a, args[0])) return V_TRUE;
    Value ref = reply_await(a);
    if (value_is(ref, V_FAIL) || !begin_reaching(a, args[0], ref)) return V_TRUE;
    args[1] = ref;
    return V_WAIT;
}

// (node reason)
NATIVE_FN(node_close)
{
    Buf *text = &actor_worker(a)->text;
    const char *why = text_of(args[1], text);

    (void)count;
    if (!value_is_symbol(args[0]) || !why)
        return fail_type(HEAP(a), "node-disconnect", "a node's name", args[0]);
    Link *l = nodes_link_named(nodes_in(a), args[0]);
    if (!l) return V_FALSE;
    link_close(l, why);
    link_release(l);
    return V_TRUE;
}

// ---- sending ------------------------------------------------------------------------------------------

// (dest message last-try?). While it waits for room the third argument is a reference.
NATIVE_FN(node_send)
{
    (void)count;
    if (remote_awaits(a, args[2]))
        return value_is(reply_take(a, args[2]), V_NONE) ? V_WAIT : args[1];
    if (!remote_is_dest(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "send", "expected a pid, a name or (name node), got",
                         args[0]);
    return remote_send(a, args);
}

// (name node): watches whoever has the name there.
NATIVE_FN(node_monitor)
{
    (void)count;
    if (!remote_is_dest(args[0]))
        return fail_with(HEAP(a), ERR_BADARG, "monitor",
                         "expected a pid, a name or (name node), got", args[0]);
    return remote_monitor(a, "monitor", args[0]);
}

// ---- who is there -------------------------------------------------------------------------------------

// (node-or-#f): the reference under which the caller hears of it
NATIVE_FN(node_watch)
{
    (void)count;
    if (!value_is_symbol(args[0]) && value_true(args[0]))
        return fail_type(HEAP(a), "monitor-node", "a node's name", args[0]);
    Value ref = actor_make_ref(a);
    return nodes_watch(nodes_in(a), actor_pid(a), ref, args[0]) ? ref : fail_memory(a);
}

NATIVE_FN(node_unwatch)
{
    (void)count;
    return value_bool(value_is_local_ref(args[0]) && nodes_unwatch(nodes_in(a), args[0]));
}

// Conses (name hidden? identity bytes-in bytes-out frames-in frames-out queued round-trip-ns) onto a list.
static bool list_link(Actor *a, Link *l, Value *list)
{
    LinkNumbers n;

    link_numbers(l, &n);
    const uint64_t numbers[] = {link_peer(l), n.bytes_in, n.bytes_out,    n.frames_in,
                                n.frames_out, n.queued,   n.round_trip_ns};
    unsigned mark = heap_root_mark(HEAP(a));
    Value *items = heap_root(HEAP(a), V_NIL), *number = heap_root(HEAP(a), V_FALSE);
    bool ok = true;
    for (size_t i = countof(numbers); i > 0 && ok; i--) {
        *number = num_from_uint64(HEAP(a), numbers[i - 1]);
        ok = !value_is(*number, V_FAIL) && heap_reserve(HEAP(a), 2);
        if (ok) *items = heap_cons(HEAP(a), *number, *items);
    }
    ok = ok && heap_reserve(HEAP(a), 6);
    if (ok) {
        Value item = heap_cons(HEAP(a), value_bool(link_is_hidden(l)), *items);
        item = heap_cons(HEAP(a), link_peer_name(l), item);
        *list = heap_cons(HEAP(a), item, *list);
    }
    heap_unroot(HEAP(a), mark);
    return ok;
}

NATIVE_FN(node_links)
{
    Link **links = mem_alloc(MEM_SCRATCH, LINKS_MAX * sizeof(Link *));
    bool ok = true;

    (void)count;
    if (!links) return fail_memory(a);
    size_t n = nodes_links(nodes_in(a), links, LINKS_MAX);
    args[0] = V_NIL;
    for (size_t i = 0; i < n; i++) {
        ok = ok && list_link(a, links[i], &args[0]);
        link_release(links[i]);
    }
    mem_free(MEM_SCRATCH, links, LINKS_MAX * sizeof(Link *));
    return ok ? args[0] : V_FAIL;
}
