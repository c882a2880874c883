// Syntax objects: scopes put on lazily, lists taken apart, and their short texts for messages.
//
// Adding scopes to a pair or vector copies one node and notes the scopes in `pending`; they go on
// to the children when the node is first looked into. The children are copied then, never changed,
// for other nodes may share them [X4].
#include "compiler/syntax/expand_int.h"

#include "vm/base/buf.h"

#include <string.h>

void vec_push(Arena *a, PtrVec *v, void *item)
{
    if (v->count == v->capacity) {
        uint32_t want = v->capacity ? v->capacity * 2 : 8;
        void **items = arena_array(a, void *, want);
        if (v->count) memcpy(items, v->items, v->count * sizeof(void *));
        v->items = items;
        v->capacity = want;
    }
    v->items[v->count++] = item;
}

Stx *stx_new(Expander *x, StxKind kind, Span span)
{
    Stx *stx = arena_new(unit_arena(x), Stx);

    stx->kind = (uint8_t)kind;
    stx->source = span.source;
    stx->start = span.start;
    stx->end = span.end;
    return stx;
}

Stx *stx_symbol(Expander *x, Sym *symbol, uint32_t scopes, Span span)
{
    Stx *stx = stx_new(x, STX_SYMBOL, span);

    stx->u.symbol = symbol;
    stx->scopes = scopes;
    return stx;
}

static Stx *copy(Expander *x, const Stx *stx)
{
    Stx *c = arena_new(unit_arena(x), Stx);

    *c = *stx;
    return c;
}

Stx *stx_add(Expander *x, Stx *stx, uint32_t set)
{
    uint32_t joined;

    switch (stx->kind) {
    case STX_SYMBOL:
        joined = set_join(x, stx->scopes, set);
        if (joined == stx->scopes) return stx;
        stx = copy(x, stx);
        stx->scopes = joined;
        return stx;
    case STX_PAIR:
    case STX_VECTOR:
        // Data that contain themselves are only ever data: without scopes they stay what they are,
        // and a copy of the first node would not be the one that is referred to.
        if (stx->cyclic) return stx;
        joined = set_join(x, stx->pending, set);
        if (joined == stx->pending) return stx;
        stx = copy(x, stx);
        stx->pending = joined;
        return stx;
    default:
        return stx;
    }
}

Stx *stx_add_scope(Expander *x, Stx *stx, uint32_t scope)
{
    return stx_add(x, stx, set_add(x, 0, scope));
}

void stx_push(Expander *x, Stx *stx)
{
    uint32_t pending = stx->pending;

    stx->pending = 0;
    if (stx->kind == STX_PAIR) {
        stx->u.pair.car = stx_add(x, stx->u.pair.car, pending);
        stx->u.pair.cdr = stx_add(x, stx->u.pair.cdr, pending);
        return;
    }
    Stx **items = arena_array(unit_arena(x), Stx *, stx->u.vector.count);
    for (size_t i = 0; i < stx->u.vector.count; i++) {
        items[i] = stx_add(x, stx->u.vector.items[i], pending);
    }
    stx->u.vector.items = items;
}

Stx **stx_dotted(Expander *x, Stx *stx, uint32_t *count, Stx **tail)
{
    uint32_t n = 0;

    for (Stx *at = stx; stx_is_pair(at); at = stx_cdr(x, at)) {
        n++;
    }
    Stx **items = arena_array(unit_arena(x), Stx *, n + 1);
    *count = n;
    for (uint32_t i = 0; i < n; i++, stx = stx_cdr(x, stx)) {
        items[i] = stx_car(x, stx);
    }
    *tail = stx;
    return items;
}

Stx **stx_list(Expander *x, Stx *stx, uint32_t *count)
{
    Stx *tail;
    Stx **items = stx_dotted(x, stx, count, &tail);

    return tail->kind == STX_NIL ? items : NULL;
}

bool stx_is_spelled(const Stx *stx, const char *name)
{
    size_t size = strlen(name);

    return stx_is_symbol(stx) && stx->u.symbol->size == size &&
           memcmp(stx->u.symbol->text, name, size) == 0;
}

uint32_t stx_first_set(Expander *x, Stx *stx)
{
    while (stx_is_pair(stx)) {
        Stx *first = stx_car(x, stx);
        stx = stx_is_pair(first) || stx_is_symbol(first) ? first : stx_cdr(x, stx);
    }
    return stx_is_symbol(stx) ? stx->scopes : 0;
}

// ---- texts for messages ------------------------------------------------------------------------

#define TEXT_BYTES_MAX 60
#define TEXT_DEPTH_MAX 3

static void put_scalar(Buf *b, uint32_t scalar)
{
    if (scalar <= 0x20 || scalar == 0x7F) {
        buf_printf(b, "x%x", (unsigned)scalar);
    } else {
        buf_char(b, scalar);
    }
}

static void put_atom(Buf *b, const Stx *stx)
{
    switch ((StxKind)stx->kind) {
    case STX_NIL:
        buf_text(b, "()");
        break;
    case STX_BOOL:
        buf_text(b, stx->u.boolean ? "#t" : "#f");
        break;
    case STX_CHAR:
        buf_text(b, "#\\");
        put_scalar(b, stx->u.scalar);
        break;
    case STX_INT:
        buf_printf(b, "%lld", (long long)stx->u.integer);
        break;
    case STX_FLOAT:
        buf_printf(b, "%.15g", stx->u.real);
        break;
    case STX_NUMBER:
        buf_bytes(b, stx->u.text.text, MIN(stx->u.text.size, TEXT_BYTES_MAX));
        break;
    case STX_STRING:
        buf_u8(b, '"');
        buf_bytes(b, stx->u.text.text, MIN(stx->u.text.size, TEXT_BYTES_MAX));
        buf_u8(b, '"');
        break;
    case STX_SYMBOL:
        buf_bytes(b, stx->u.symbol->text, stx->u.symbol->size);
        break;
    case STX_BYTES:
        buf_text(b, "#u8(...)");
        break;
    case STX_EOF:
    case STX_UNSPECIFIED:
    case STX_DEFAULT:
    case STX_OBJECT:
    case STX_PAIR:
    case STX_VECTOR:
        buf_text(b, "...");
        break;
    }
}

static void put_stx(Buf *b, const Stx *stx, unsigned depth);

static void put_items(Buf *b, const Stx *list, unsigned depth)
{
    const char *space = "";

    for (; list->kind == STX_PAIR && b->size < TEXT_BYTES_MAX; list = list->u.pair.cdr) {
        buf_text(b, space);
        put_stx(b, list->u.pair.car, depth + 1);
        space = " ";
        if (list->u.pair.cdr->cyclic) break;
    }
    if (list->kind == STX_PAIR) {
        buf_text(b, " ...");
    } else if (list->kind != STX_NIL) {
        buf_text(b, " . ");
        put_stx(b, list, depth + 1);
    }
}

static void put_stx(Buf *b, const Stx *stx, unsigned depth)
{
    if (stx->kind == STX_PAIR && depth < TEXT_DEPTH_MAX) {
        buf_text(b, stx->bracket == '[' ? "[" : "(");
        put_items(b, stx, depth);
        buf_text(b, stx->bracket == '[' ? "]" : ")");
    } else if (stx->kind == STX_VECTOR && depth < TEXT_DEPTH_MAX) {
        buf_text(b, "#(");
        for (size_t i = 0; i < stx->u.vector.count && b->size < TEXT_BYTES_MAX; i++) {
            if (i > 0) buf_u8(b, ' ');
            put_stx(b, stx->u.vector.items[i], depth + 1);
        }
        buf_text(b, ")");
    } else {
        put_atom(b, stx);
    }
}

const char *stx_text(Expander *x, const Stx *stx)
{
    Buf b = BUF_INIT;

    put_stx(&b, stx, 0);
    size_t size = b.size;
    if (size > TEXT_BYTES_MAX) {
        size = TEXT_BYTES_MAX;
        while (size > 0 && (b.data[size] & 0xC0) == 0x80) {
            size--;
        }
    }
    bool cut = size < b.size;
    const char *text = arena_printf(unit_arena(x), "%.*s%s", (int)size,
                                    b.data ? (char *)b.data : "", cut ? "..." : "");
    buf_free(&b);
    return text;
}
