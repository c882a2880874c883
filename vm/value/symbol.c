// See symbol.h. Chained buckets that double when there are more symbols than buckets.
#include "vm/value/symbol.h"

#include "vm/base/hash.h"
#include "vm/base/mem.h"
#include "vm/base/utf8.h"

#define BUCKETS_FIRST 64

void symbols_init(SymbolTable *t, void *(*allocate)(void *, size_t), void *context, uint32_t limit)
{
    memset(t, 0, sizeof *t);
    t->allocate = allocate;
    t->context = context;
    t->seed = 0x5eed0f5e;
    t->limit = limit;
}

void symbols_fini(SymbolTable *t)
{
    for (int i = 0; i < SYMBOL_SHARDS; i++) {
        SymbolShard *s = &t->shards[i];
        mem_free(MEM_SYMBOLS, s->buckets, s->bucket_count * sizeof *s->buckets);
    }
}

static bool grow(SymbolShard *s)
{
    uint32_t more = s->bucket_count ? s->bucket_count * 2 : BUCKETS_FIRST;
    Symbol **buckets = mem_zalloc(MEM_SYMBOLS, more * sizeof *buckets);

    if (!buckets) return s->bucket_count > 0; // longer chains will do
    for (uint32_t i = 0; i < s->bucket_count; i++) {
        for (Symbol *x = s->buckets[i], *next; x; x = next) {
            Symbol **home = &buckets[x->hash >> 8 & (more - 1)];
            next = x->next;
            x->next = *home;
            *home = x;
        }
    }
    mem_free(MEM_SYMBOLS, s->buckets, s->bucket_count * sizeof *s->buckets);
    s->buckets = buckets;
    s->bucket_count = more;
    return true;
}

static Symbol *make(SymbolTable *t, const char *utf8, size_t size, uint64_t hash)
{
    size_t bytes = (size_t)ALIGN_UP(sizeof(Symbol) + size + 1, 8);

    if (t->limit && atomic_load_explicit(&t->count, memory_order_relaxed) >= t->limit) return NULL;
    if (size > UINT32_MAX) return NULL;
    Symbol *x = t->allocate(t->context, bytes);
    if (!x) return NULL;
    x->header = header_make(KIND_SYMBOL, bytes / sizeof(Value) - 1);
    x->hash = hash;
    x->utf8_bytes = (uint32_t)size;
    memcpy(x->utf8, utf8, size);
    atomic_fetch_add_explicit(&t->count, 1, memory_order_relaxed);
    return x;
}

Value symbol_intern(SymbolTable *t, const char *utf8, size_t size)
{
    uint64_t hash = hash_bytes(utf8, size, t->seed);
    SymbolShard *s = &t->shards[hash % SYMBOL_SHARDS];
    Symbol *x = NULL;

    plat_lock(&s->lock);
    if (s->bucket_count > 0) {
        x = s->buckets[hash >> 8 & (s->bucket_count - 1)];
        while (x && !(x->hash == hash && x->utf8_bytes == size && !memcmp(x->utf8, utf8, size))) {
            x = x->next;
        }
    }
    if (!x && (s->count < s->bucket_count || grow(s))) {
        x = make(t, utf8, size, hash);
        if (x) {
            Symbol **home = &s->buckets[hash >> 8 & (s->bucket_count - 1)];
            x->next = *home;
            *home = x;
            s->count++;
        }
    }
    plat_unlock(&s->lock);
    return x ? value_from_words(x, TAG_OBJ) : V_FAIL;
}

static Value make_string(SymbolTable *t, const Symbol *x)
{
    const uint8_t *p = (const uint8_t *)x->utf8, *end = p + x->utf8_bytes;
    size_t count = utf8_count(p, x->utf8_bytes);
    uint32_t widest = 0;
    for (const uint8_t *q = p; q < end;) {
        widest |= utf8_decode(&q, end);
    }
    unsigned width_log2 = widest < 0x100 ? 0 : widest < 0x10000 ? 1 : 2;
    size_t words = MAX((size_t)1, ((count << width_log2) + 7) / 8);
    Bytes *b = t->allocate(t->context, (2 + words) * sizeof(Value));
    if (!b) return V_FAIL;
    b->header = header_make(KIND_STRING, 1 + words) | HEADER_IMMUTABLE;
    b->info = bytes_info(count, width_log2, false);
    for (size_t i = 0; i < count; i++) {
        bytes_set_scalar(b->u.bytes, width_log2, i, utf8_decode(&p, end));
    }
    return value_from_words(b, TAG_OBJ);
}

Value symbol_string(SymbolTable *t, Value symbol)
{
    Symbol *x = value_symbol(symbol);
    uint64_t bits = __atomic_load_n(&x->string.bits, __ATOMIC_ACQUIRE);

    if (bits) return (Value){bits};
    Value made = make_string(t, x);
    if (value_is(made, V_FAIL)) return made;
    // Two threads may both have made one: the first stays.
    if (__atomic_compare_exchange_n(&x->string.bits, &bits, made.bits, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return made;
    return (Value){bits};
}
