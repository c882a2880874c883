// A stand-in for vm/heap: one nursery from malloc, collected by copying (C. Cheney, 1970) what the
// frame and the temporary roots reach; large objects on their own, as in the real heap.
//
// Under stress there is never room, so that each reservation collects: everything moves to a block
// of exactly the size that is asked for, and the old block is overwritten with what looks like a
// procedure at an odd address, then freed. A value that was not in a slot is wrong at once, and a
// sanitizer shows where it was used. A pointer that the collector meets and that points nowhere is
// a test failure too.
#include "tests/unit/data/heap_double.h"

#include "vm/base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NURSERY_WORDS ((size_t)1 << 20)
#define POISON        0xDB

static HeapDouble *double_of(Heap *h)
{
    return (HeapDouble *)h;
}

// ---- collection -----------------------------------------------------------------------------

typedef struct {
    HeapDouble *owner;
    Value *from, *from_end;
    Value *to_end; // where the next object is copied to
} Copying;

static LargeObject *find_large(HeapDouble *d, const Value *words)
{
    for (LargeObject *o = d->large; o; o = o->next) {
        if (o->words == words) return o;
    }
    return NULL;
}

static Value copy_words(Copying *c, const Value *words, size_t count, unsigned tag)
{
    Value *to = c->to_end;
    memcpy(to, words, count * sizeof(Value));
    c->to_end += count;
    return value_from_words(to, tag);
}

// A moved pair has its new address with tag 7 in its car, a moved object its new address in its
// header.
static Value forward(Copying *c, Value v)
{
    if (!value_is_pointer(v)) return v;
    Value *words = value_words(v);
    unsigned tag = value_tag(v);
    if (words < c->from || words >= c->from_end) {
        LargeObject *large = find_large(c->owner, words);
        CHECK(large, "a root holds a pointer to nothing: %llx", (unsigned long long)v.bits);
        large->is_marked = true;
        return v;
    }
    bool is_header = (words->bits & TAG_MASK) == TAG_HEADER;
    if (tag == TAG_PAIR ? is_header : !is_header) {
        return value_from_words(value_words(*words), tag);
    }
    if (tag == TAG_PAIR) {
        Value moved = copy_words(c, words, 2, tag);
        words->bits = (uint64_t)value_words(moved) | TAG_HEADER;
        return moved;
    }
    Value moved = copy_words(c, words, 1 + header_words(words->bits), tag);
    words->bits = (uint64_t)value_words(moved);
    return moved;
}

static void scan(Copying *c, Value *at)
{
    while (at < c->to_end) {
        if ((at->bits & TAG_MASK) != TAG_HEADER) { // half a pair
            *at = forward(c, *at);
            at++;
            continue;
        }
        size_t count = header_words(at->bits);
        bool has_values = header_kind(at->bits) == KIND_RATIO;
        at++;
        for (size_t i = 0; i < count; i++, at++) {
            if (has_values) *at = forward(c, *at);
        }
    }
}

static void sweep_large(HeapDouble *d)
{
    LargeObject **link = &d->large;

    while (*link) {
        LargeObject *o = *link;
        if (o->is_marked) {
            o->is_marked = false;
            link = &o->next;
        } else {
            *link = o->next;
            memset(o->words, POISON, (1 + header_words(o->words->bits)) * sizeof(Value));
            free(o);
        }
    }
}

static void collect(HeapDouble *d, size_t words)
{
    Heap *h = &d->heap;
    size_t live_max = (size_t)(h->hp - h->nursery);
    size_t capacity = d->is_stress ? live_max + words : MAX(NURSERY_WORDS, 2 * live_max + words);
    Value *to = malloc((capacity + 1) * sizeof(Value));
    Copying c = {d, h->nursery, h->hp, to};

    CHECK(to, "no memory for the test");
    for (size_t i = 0; i < HEAP_DOUBLE_FRAME; i++) {
        d->frame[i] = forward(&c, d->frame[i]);
    }
    for (size_t i = 0; i < d->scratch.root_count; i++) {
        d->scratch.roots[i] = forward(&c, d->scratch.roots[i]);
    }
    scan(&c, to);
    sweep_large(d);
    if (h->nursery) memset(h->nursery, POISON, live_max * sizeof(Value));
    free(h->nursery);
    h->nursery = to;
    h->hp = c.to_end;
    h->nursery_end = h->limit = d->is_stress ? c.to_end + words : to + capacity;
    d->collections++;
}

void heap_double_collect(HeapDouble *d)
{
    collect(d, 0);
}

// ---- vm/heap/heap.h -------------------------------------------------------------------------

static bool is_refused(Heap *h)
{
    HeapDouble *d = double_of(h);
    if (d->fail_at == 0 || --d->fail_at != 0) return false;
    fail_text(h, ERR_HEAP_LIMIT, "heap", "the test lets this reservation fail");
    return true;
}

bool heap_collect_for(Heap *h, size_t words)
{
    if (is_refused(h)) return false;
    collect(double_of(h), words);
    return true;
}

static Value *alloc_large(Heap *h, uint64_t header)
{
    HeapDouble *d = double_of(h);
    if (is_refused(h)) return NULL;
    if (d->is_stress) collect(d, 0);
    LargeObject *o = malloc(sizeof *o + (1 + header_words(header)) * sizeof(Value));
    if (!o) {
        fail_text(h, ERR_HEAP_LIMIT, "heap", "no memory");
        return NULL;
    }
    o->next = d->large;
    o->is_marked = false;
    o->words[0].bits = header | HEADER_LARGE;
    d->large = o;
    return o->words;
}

Value *heap_alloc(Heap *h, uint64_t header)
{
    size_t count = header_words(header);
    if (count > HEAP_LARGE_WORDS) return alloc_large(h, header);
    if (!heap_reserve(h, 1 + count)) return NULL;
    Value *p = heap_take(h, 1 + count);
    p->bits = header;
    return p;
}

void heap_trim(Heap *h, Value *object, size_t payload_words)
{
    size_t count = header_words(object->bits);
    CHECK(payload_words <= count, "trimmed from %zu to %zu words", count, payload_words);
    object->bits = (object->bits & 0xffff) | (uint64_t)payload_words << 16;
    if (object->bits & HEADER_LARGE) return;
    CHECK(object + 1 + count == h->hp, "only the last object can be trimmed here");
    h->hp = object + 1 + payload_words;
    if (double_of(h)->is_stress) h->nursery_end = h->limit = h->hp; // still no room
}

void heap_store_slow(Heap *h, Value object, Value *slot, Value v)
{
    (void)h;
    (void)object;
    *slot = v;
}

bool heap_is_shared(const Heap *h, Value v)
{
    (void)h;
    (void)v;
    return false;
}

// ---- failures -------------------------------------------------------------------------------

static Value set_fault(Heap *h, Fault fault)
{
    h->scratch->fault = fault;
    return V_FAIL;
}

Value fail_type(Heap *h, const char *who, const char *expected, Value got)
{
    return set_fault(h, (Fault){.kind = ERR_TYPE,
                                .form = FAULT_EXPECTED,
                                .who = who,
                                .expected = expected,
                                .irritant_count = 1,
                                .irritants = {got}});
}

Value fail_index(Heap *h, const char *who, Value index, const char *what, size_t length)
{
    return set_fault(h, (Fault){.kind = ERR_INDEX,
                                .form = FAULT_INDEX,
                                .who = who,
                                .expected = what,
                                .n = (int64_t)length,
                                .irritant_count = 1,
                                .irritants = {index}});
}

Value fail_div(Heap *h, const char *who)
{
    return set_fault(
        h, (Fault){.kind = ERR_DIV, .form = FAULT_TEXT, .who = who, .text = "division by zero"});
}

Value fail_text(Heap *h, ErrKind kind, const char *who, const char *fmt, ...)
{
    Fault fault = {.kind = kind, .form = FAULT_TEXT, .who = who};
    va_list args;

    va_start(args, fmt);
    vsnprintf(fault.text, sizeof fault.text, fmt, args);
    va_end(args);
    return set_fault(h, fault);
}

Value fail_with(Heap *h, ErrKind kind, const char *who, const char *text, Value irritant)
{
    fail_text(h, kind, who, "%s", text);
    h->scratch->fault.irritant_count = 1;
    h->scratch->fault.irritants[0] = irritant;
    return V_FAIL;
}

// ---- opening and closing ----------------------------------------------------------------------

void heap_double_open(HeapDouble *d, bool is_stress)
{
    memset(d, 0, sizeof *d);
    d->heap.scratch = &d->scratch;
    d->is_stress = is_stress || BUILD_STRESS; // then heap_reserve never tries the fast way
    for (size_t i = 0; i < HEAP_DOUBLE_FRAME; i++) {
        d->frame[i] = V_UNSPECIFIED;
    }
    collect(d, 0);
    d->collections = 0;
}

void heap_double_close(HeapDouble *d)
{
    for (size_t i = 0; i < HEAP_DOUBLE_FRAME; i++) {
        d->frame[i] = V_UNSPECIFIED;
    }
    d->scratch.root_count = 0;
    sweep_large(d);
    free(d->heap.nursery);
}
