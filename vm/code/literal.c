// Literals: decoding an image's constants into SHARED, immutable. See vm/image/term.def for the
// format. The decoder keeps an explicit stack of what is being filled, so nesting costs no C stack,
// and believes no count beyond the bytes that could justify it.
#include "vm/code/code_int.h"

#include "vm/base/cur.h"
#include "vm/base/mem.h"
#include "vm/base/utf8.h"
#include "vm/data/num.h"
#include "vm/heap/gc.h"

#include <string.h>

enum {
#define TERM(name, number, text) TERM_##name = number,
#include "vm/image/term.def"
};

#define LABELS_MAX 65536
#define NO_LABEL   UINT32_MAX

// Something under construction: `left` further terms go to `slot` on, `stride` words apart.
typedef struct {
    Value *slot;
    uint64_t left;
    unsigned stride;
} Filling;

typedef struct {
    CodeSpace *cs;
    Cur in;
    Filling *stack;
    size_t depth, capacity;
    Value *labels;
    uint32_t label_count, label_capacity;
    uint32_t label; // of the term to come; NO_LABEL
    bool no_memory;
} Decoder;

static Value *take(Decoder *d, size_t words)
{
    Value *p = space_shared(d->cs->space, words * sizeof(Value));
    if (!p) d->no_memory = true;
    return p;
}

static bool push(Decoder *d, Value *slot, uint64_t left, unsigned stride)
{
    if (left == 0) return true;
    if (d->depth == d->capacity) {
        size_t more = d->capacity ? d->capacity * 2 : 64;
        Filling *stack = mem_realloc(MEM_SCRATCH, d->stack, d->capacity * sizeof *stack,
                                     more * sizeof *stack);
        if (!stack) {
            d->no_memory = true;
            return false;
        }
        d->stack = stack;
        d->capacity = more;
    }
    d->stack[d->depth++] = (Filling){slot, left, stride};
    return true;
}

// ---- numbers ------------------------------------------------------------------------------------

// The numeric tower works on heaps; a throw-away one is enough to make a constant in.
static bool keep_all(Heap *h, size_t words)
{
    (void)h, (void)words;
    return true;
}

static void no_roots(Heap *h, Gc *gc)
{
    (void)h, (void)gc;
}

static Value with_heap(Decoder *d, size_t words, Value (*make)(Heap *h, const void *p, size_t n),
                       const void *p, size_t n)
{
    static const HeapOwnerOps ops = {.visit_roots = no_roots, .may_grow = keep_all};
    HeapScratch scratch = {.ops = &ops, .space = d->cs->space};
    size_t bytes = words * sizeof(Value);
    Value *room = mem_zalloc(MEM_SCRATCH, bytes);
    Value v = V_FAIL;
    Heap h;

    if (!room) {
        d->no_memory = true;
        return V_FAIL;
    }
    heap_init(&h, room, words);
    h.scratch = &scratch;
    v = make(&h, p, n);
    if (!value_is(v, V_FAIL)) v = code_share(d->cs, v);
    heap_fini(&h);
    mem_free(MEM_SCRATCH, room, bytes);
    return value_is(v, V_NONE) || value_is_boolean(v) ? V_FAIL : v;
}

static Value make_from_text(Heap *h, const void *p, size_t n)
{
    return num_read(h, p, n, 10);
}

static Value make_from_bytes(Heap *h, const void *p, size_t n)
{
    const uint8_t *bytes = p;
    return num_from_bytes(h, bytes[0] != 0, bytes + 1, n - 1);
}

static Value make_from_int(Heap *h, const void *p, size_t n)
{
    int64_t i;
    (void)n;
    memcpy(&i, p, sizeof i);
    return num_from_int64(h, i);
}

static Value read_flonum(Decoder *d)
{
    uint64_t bits = cur_u64(&d->in);
    Value *p = take(d, 2);

    if (!p) return V_FAIL;
    p[0].bits = header_make(KIND_FLONUM, 1) | HEADER_IMMUTABLE;
    p[1].bits = bits;
    return value_from_words(p, TAG_FLO);
}

// ---- text ---------------------------------------------------------------------------------------

static Value read_string(Decoder *d)
{
    size_t size;
    const uint8_t *p = cur_block(&d->in, &size);

    if (!p || utf8_validate(p, size) != size) return V_FAIL;
    // Through the symbol table's own constructor would intern it; strings are built alike.
    const uint8_t *end = p + size;
    size_t count = utf8_count(p, size);
    uint32_t widest = 0;
    for (const uint8_t *q = p; q < end;) {
        widest |= utf8_decode(&q, end);
    }
    unsigned width_log2 = widest < 0x100 ? 0 : widest < 0x10000 ? 1 : 2;
    size_t words = MAX((size_t)1, ((count << width_log2) + 7) / 8);
    Bytes *b = (Bytes *)take(d, 2 + words);
    if (!b) return V_FAIL;
    b->header = header_make(KIND_STRING, 1 + words) | HEADER_IMMUTABLE;
    b->info = bytes_info(count, width_log2, false);
    for (size_t i = 0; i < count; i++) {
        bytes_set_scalar(b->u.bytes, width_log2, i, utf8_decode(&p, end));
    }
    return value_from_words(b, TAG_OBJ);
}

static Value read_symbol(Decoder *d)
{
    size_t size;
    const uint8_t *p = cur_block(&d->in, &size);

    if (!p || utf8_validate(p, size) != size) return V_FAIL;
    return symbol_intern(d->cs->symbols, (const char *)p, size);
}

static Value read_bytes(Decoder *d)
{
    size_t size;
    const uint8_t *p = cur_block(&d->in, &size);

    if (!p) return V_FAIL;
    size_t words = MAX((size_t)1, (size + 7) / 8);
    Bytes *b = (Bytes *)take(d, 2 + words);
    if (!b) return V_FAIL;
    b->header = header_make(KIND_BYTEVECTOR, 1 + words) | HEADER_IMMUTABLE;
    b->info = bytes_info(size, 0, false);
    memcpy(b->u.bytes, p, size);
    return value_from_words(b, TAG_OBJ);
}

// ---- structure ----------------------------------------------------------------------------------

// n pairs in a row; the elements and the tail are read afterwards.
static Value read_list(Decoder *d)
{
    uint64_t n = cur_count(&d->in, cur_left(&d->in));
    Value *p = n > 0 ? take(d, 2 * n) : NULL;

    if (!p) return V_FAIL;
    for (uint64_t i = 0; i + 1 < n; i++) {
        p[2 * i + 1] = value_from_words(p + 2 * i + 2, TAG_PAIR);
    }
    // The stack is last in, first out: the tail goes below the elements.
    if (!push(d, p + 2 * n - 1, 1, 1) || !push(d, p, n, 2)) return V_FAIL;
    return value_from_words(p, TAG_PAIR);
}

static Value read_vector(Decoder *d)
{
    uint64_t n = cur_count(&d->in, cur_left(&d->in));
    Value *p = take(d, 1 + n);

    if (!p) return V_FAIL;
    p->bits = header_make(KIND_VECTOR, n) | HEADER_IMMUTABLE;
    if (!push(d, p + 1, n, 1)) return V_FAIL;
    return value_from_words(p, TAG_OBJ);
}

static bool add_label(Decoder *d)
{
    if (d->label != NO_LABEL || d->label_count == LABELS_MAX) return false;
    if (d->label_count == d->label_capacity) {
        uint32_t more = d->label_capacity ? d->label_capacity * 2 : 16;
        Value *labels = mem_realloc(MEM_SCRATCH, d->labels, d->label_capacity * sizeof *labels,
                                    more * sizeof *labels);
        if (!labels) {
            d->no_memory = true;
            return false;
        }
        d->labels = labels;
        d->label_capacity = more;
    }
    d->labels[d->label_count] = V_NONE; // until its term has begun
    d->label = d->label_count++;
    return true;
}

static Value read_ref(Decoder *d)
{
    uint64_t n = cur_varint(&d->in);
    return n < d->label_count && !value_is(d->labels[n], V_NONE) ? d->labels[n] : V_FAIL;
}

static Value read_number(Decoder *d, uint8_t tag)
{
    size_t size;

    if (tag == TERM_INT) {
        int64_t n = cur_svarint(&d->in);
        return value_fits_fix(n) ? value_fix(n) : with_heap(d, 64, make_from_int, &n, sizeof n);
    }
    if (tag == TERM_BIG) {
        // The sign byte stands before the length; the magnitude follows in place.
        const uint8_t *sign = cur_bytes(&d->in, 1);
        const uint8_t *p = cur_block(&d->in, &size);
        if (!sign || !p) return V_FAIL;
        uint8_t *copy = mem_alloc(MEM_SCRATCH, size + 1);
        if (!copy) return V_FAIL;
        copy[0] = *sign;
        memcpy(copy + 1, p, size);
        Value v = with_heap(d, size / 4 + 64, make_from_bytes, copy, size + 1);
        mem_free(MEM_SCRATCH, copy, size + 1);
        return v;
    }
    const uint8_t *p = cur_block(&d->in, &size);
    return p ? with_heap(d, size + 256, make_from_text, p, size) : V_FAIL;
}

static Value read_term(Decoder *d)
{
    uint8_t tag = cur_u8(&d->in);
    uint64_t scalar;

    switch (tag) {
    case TERM_NIL:
        return V_NIL;
    case TERM_FALSE:
        return V_FALSE;
    case TERM_TRUE:
        return V_TRUE;
    case TERM_EOF:
        return V_EOF;
    case TERM_UNSPECIFIED:
        return V_UNSPECIFIED;
    case TERM_DEFAULT:
        return V_DEFAULT;
    case TERM_INT:
    case TERM_BIG:
    case TERM_NUMTEXT:
        return read_number(d, tag);
    case TERM_FLOAT:
        return read_flonum(d);
    case TERM_CHAR:
        scalar = cur_varint(&d->in);
        return utf8_is_scalar(scalar) ? value_char((uint32_t)scalar) : V_FAIL;
    case TERM_STRING:
        return read_string(d);
    case TERM_SYMBOL:
        return read_symbol(d);
    case TERM_BYTES:
        return read_bytes(d);
    case TERM_LIST:
        return read_list(d);
    case TERM_VECTOR:
        return read_vector(d);
    case TERM_REF:
        return read_ref(d);
    default:
        return V_FAIL;
    }
}

// One term and all it consists of, into *slot.
static bool decode(Decoder *d, Value *slot)
{
    size_t floor = d->depth;

    d->label_count = 0;
    if (!push(d, slot, 1, 1)) return false;
    while (d->depth > floor) {
        Filling *f = &d->stack[d->depth - 1];
        Value *to = f->slot;
        f->slot += f->stride;
        if (--f->left == 0) d->depth--;
        d->label = NO_LABEL;
        if (d->in.ok && d->in.at < d->in.end && *d->in.at == TERM_LABEL) {
            d->in.at++;
            if (!add_label(d)) return false;
        }
        uint32_t label = d->label;
        *to = read_term(d);
        if (!d->in.ok || value_is(*to, V_FAIL)) return false;
        if (label != NO_LABEL) d->labels[label] = *to;
    }
    return true;
}

bool literals_load(CodeSpace *cs, LoadedModule *m)
{
    uint32_t n = m->view.head->literal_count;
    Decoder d = {.cs = cs, .in = cur_make(m->view.literals, m->view.literal_bytes)};
    bool ok = n <= m->view.literal_bytes;

    if (ok && n > 0) {
        m->literals = space_shared(cs->space, n * sizeof(Value));
        ok = m->literals != NULL;
    }
    for (uint32_t i = 0; ok && i < n; i++) {
        ok = decode(&d, &m->literals[i]);
    }
    mem_free(MEM_SCRATCH, d.stack, d.capacity * sizeof *d.stack);
    mem_free(MEM_SCRATCH, d.labels, d.label_capacity * sizeof *d.labels);
    return ok && cur_left(&d.in) == 0;
}
