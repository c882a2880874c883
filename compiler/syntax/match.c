// syntax-rules: matching a use and building its result.
//
// What a template introduces gets one fresh scope per use, what comes from the use keeps its
// scopes; all new nodes take the place of the use. The result may share parts of the use.
#include "compiler/syntax/rules.h"

#include <string.h>

typedef union Match Match;

// What a slot holds: syntax, or under an ellipsis one Match per repetition.
typedef struct {
    uint32_t count;
    Match *items;
} Sequence;

union Match {
    Stx *stx;
    Sequence *sequence;
};

typedef struct {
    Expander *x;
    Arena *arena;
    Span span;      // of the use
    uint32_t intro; // the scope of what the template introduces
    const Macro *macro;
    Match *slots;
    uint32_t last_set, last_result; // of adding `intro`
} Use;

// ---- matching ----------------------------------------------------------------------------------

static bool same_text(const Stx *a, const Stx *b)
{
    return a->u.text.size == b->u.text.size &&
           memcmp(a->u.text.text, b->u.text.text, a->u.text.size) == 0;
}

// equal? of constants that are neither pairs nor vectors.
static bool same_datum(const Stx *a, const Stx *b)
{
    if (a->kind != b->kind) return false;
    switch ((StxKind)a->kind) {
    case STX_BOOL:
        return a->u.boolean == b->u.boolean;
    case STX_CHAR:
        return a->u.scalar == b->u.scalar;
    case STX_INT:
    case STX_OBJECT:
        return a->u.integer == b->u.integer;
    case STX_FLOAT:
        return memcmp(&a->u.real, &b->u.real, sizeof a->u.real) == 0;
    case STX_NUMBER:
    case STX_STRING:
        return same_text(a, b);
    case STX_BYTES:
        return a->u.bytes.size == b->u.bytes.size &&
               (a->u.bytes.size == 0 ||
                memcmp(a->u.bytes.data, b->u.bytes.data, a->u.bytes.size) == 0);
    case STX_NIL:
    case STX_EOF:
    case STX_UNSPECIFIED:
    case STX_DEFAULT:
        return true;
    case STX_SYMBOL:
    case STX_PAIR:
    case STX_VECTOR:
        break;
    }
    return false;
}

// free-identifier=?
static bool same_meaning(Expander *x, const Stx *literal, const Stx *stx)
{
    if (!stx_is_symbol(stx)) return false;
    const Binding *a = resolve(x, literal), *b = resolve(x, stx);
    return a == b && (a || literal->u.symbol == stx->u.symbol);
}

static bool match(Use *u, const Pattern *p, Stx *stx);

static uint32_t pairs_in(Expander *x, Stx *stx)
{
    uint32_t n = 0;

    for (; stx_is_pair(stx); stx = stx_cdr(x, stx)) {
        n++;
    }
    return n;
}

// Matches the repetitions and leaves *stx at the tail.
static bool match_repeat(Use *u, const Pattern *p, Stx **stx)
{
    Expander *x = u->x;
    uint32_t pairs = pairs_in(x, *stx);

    if (pairs < p->tail) return false;
    uint32_t count = pairs - p->tail;
    Sequence *sequences = arena_array(u->arena, Sequence, p->slot_count);
    for (uint32_t s = 0; s < p->slot_count; s++) {
        sequences[s] = (Sequence){count, arena_array(u->arena, Match, count)};
    }
    for (uint32_t i = 0; i < count; i++, *stx = stx_cdr(x, *stx)) {
        if (!match(u, p->car, stx_car(x, *stx))) return false;
        for (uint32_t s = 0; s < p->slot_count; s++) {
            sequences[s].items[i] = u->slots[p->first_slot + s];
        }
    }
    for (uint32_t s = 0; s < p->slot_count; s++) {
        u->slots[p->first_slot + s].sequence = &sequences[s];
    }
    return true;
}

static Stx *items_as_list(Use *u, Stx *vector)
{
    Stx **items = stx_items(u->x, vector);
    Stx *list = stx_new(u->x, STX_NIL, stx_span(vector));

    for (size_t i = vector->u.vector.count; i-- > 0;) {
        Stx *pair = stx_new(u->x, STX_PAIR, stx_span(items[i]));
        pair->u.pair.car = items[i];
        pair->u.pair.cdr = list;
        list = pair;
    }
    return list;
}

static bool match(Use *u, const Pattern *p, Stx *stx)
{
    for (;; p = p->cdr) {
        switch ((PatternKind)p->kind) {
        case PATTERN_ANY:
            return true;
        case PATTERN_VARIABLE:
            u->slots[p->slot].stx = stx;
            return true;
        case PATTERN_LITERAL:
            return same_meaning(u->x, p->stx, stx);
        case PATTERN_DATUM:
            return same_datum(p->stx, stx);
        case PATTERN_NIL:
            return stx->kind == STX_NIL;
        case PATTERN_VECTOR:
            return stx->kind == STX_VECTOR && !stx->cyclic &&
                   match(u, p->car, items_as_list(u, stx));
        case PATTERN_PAIR:
            if (!stx_is_pair(stx) || !match(u, p->car, stx_car(u->x, stx))) return false;
            stx = stx_cdr(u->x, stx);
            break;
        case PATTERN_REPEAT:
            if (!match_repeat(u, p, &stx)) return false;
            break;
        }
    }
}

// ---- building ----------------------------------------------------------------------------------

static Stx *new_node(Use *u, StxKind kind)
{
    Expander *x = u->x;

    if (x->nodes++ >= x->limits.nodes) {
        syntax_fatal(x, u->span, "expansion depth exceeded: macro %s makes too much syntax here",
                     u->macro->name->text);
    }
    return stx_new(x, kind, u->span);
}

static Stx *introduce(Use *u, const Stx *symbol)
{
    Stx *stx = new_node(u, STX_SYMBOL);

    if (symbol->scopes != u->last_set || !u->last_result) {
        u->last_set = symbol->scopes;
        u->last_result = set_add(u->x, symbol->scopes, u->intro);
    }
    stx->u.symbol = symbol->u.symbol;
    stx->scopes = u->last_result;
    return stx;
}

static Stx *copy_atom(Use *u, const Stx *atom)
{
    Stx *stx = new_node(u, (StxKind)atom->kind);

    stx->u = atom->u;
    return stx;
}

// A list under construction.
typedef struct {
    Stx *head, *tail;
} List;

static void list_add(Use *u, List *list, Stx *item)
{
    Stx *pair = new_node(u, STX_PAIR);

    pair->u.pair.car = item;
    if (list->tail) {
        list->tail->u.pair.cdr = pair;
    } else {
        list->head = pair;
    }
    list->tail = pair;
}

static Stx *list_end(List *list, Stx *rest)
{
    if (!list->tail) return rest;
    list->tail->u.pair.cdr = rest;
    return list->head;
}

static Stx *build(Use *u, const Template *t);

// How often a repetition goes, at ellipsis `level` of it; -1 (reported) when its variables
// disagree.
static int64_t repetitions(Use *u, const Template *t, uint32_t level)
{
    int64_t count = -1;

    for (uint32_t i = 0; i < t->slot_count; i++) {
        if (t->slots[i].depth <= level) continue;
        int64_t n = u->slots[t->slots[i].slot].sequence->count;
        if (count >= 0 && n != count) {
            syntax_error(u->x, u->span,
                         "macro %s: what stands under one ellipsis matched %lld and %lld operands",
                         u->macro->name->text, (long long)count, (long long)n);
            return -1;
        }
        count = n;
    }
    return count;
}

// Adds the repetitions to a list, going through ellipsis `level` and those inside it.
static bool build_repeat(Use *u, const Template *t, uint32_t level, List *list)
{
    int64_t count = repetitions(u, t, level);
    Match *saved = arena_array(u->arena, Match, t->slot_count);
    bool good = count >= 0;

    for (uint32_t s = 0; s < t->slot_count; s++) {
        saved[s] = u->slots[t->slots[s].slot];
    }
    for (int64_t i = 0; i < count && good && !u->x->fatal; i++) {
        for (uint32_t s = 0; s < t->slot_count; s++) {
            if (t->slots[s].depth > level) u->slots[t->slots[s].slot] = saved[s].sequence->items[i];
        }
        if (level + 1 < t->ellipses) {
            good = build_repeat(u, t, level + 1, list);
        } else {
            Stx *item = build(u, t->car);
            good = item != NULL;
            if (good) list_add(u, list, item);
        }
    }
    for (uint32_t s = 0; s < t->slot_count; s++) {
        u->slots[t->slots[s].slot] = saved[s];
    }
    return good;
}

static Stx *list_to_vector(Use *u, Stx *list)
{
    uint32_t count;
    Stx **items = list ? stx_list(u->x, list, &count) : NULL;

    if (!items) return NULL;
    Stx *vector = new_node(u, STX_VECTOR);
    vector->u.vector.items = items;
    vector->u.vector.count = count;
    return vector;
}

static Stx *build(Use *u, const Template *t)
{
    List list = {0};

    for (;; t = t->cdr) {
        switch ((TemplateKind)t->kind) {
        case TEMPLATE_VARIABLE:
            return list_end(&list, u->slots[t->slot].stx);
        case TEMPLATE_SYMBOL:
            return list_end(&list, introduce(u, t->stx));
        case TEMPLATE_ATOM:
            return list_end(&list, copy_atom(u, t->stx));
        case TEMPLATE_VECTOR: {
            Stx *vector = list_to_vector(u, build(u, t->car));
            return vector ? list_end(&list, vector) : NULL;
        }
        case TEMPLATE_PAIR: {
            Stx *item = build(u, t->car);
            if (!item) return NULL;
            list_add(u, &list, item);
            break;
        }
        case TEMPLATE_REPEAT:
            if (!build_repeat(u, t, 0, &list)) return NULL;
            break;
        }
    }
}

// ---- uses --------------------------------------------------------------------------------------

// Decodes and compiles a macro of an interface when it is first used.
static bool make_ready(Expander *x, Macro *macro)
{
    if (macro->rules) return true;
    if (macro->sealed && !macro->damaged && !macro->spec) {
        macro->spec = codec_read(x, macro->bytes, macro->size);
        macro->damaged = !macro->spec;
    }
    if (!macro->damaged) macro->damaged = !rules_compile(x, macro);
    return !macro->damaged;
}

bool rules_have_name(Expander *x, Macro *macro)
{
    return make_ready(x, macro) && macro->rules->has_name;
}

Stx *rules_apply(Expander *x, Macro *macro, Stx *form)
{
    Use u = {.x = x, .arena = unit_arena(x), .span = stx_span(form), .macro = macro};

    if (!make_ready(x, macro)) {
        return syntax_error(x, u.span, "macro %s cannot be used: its rules are damaged",
                            macro->name->text);
    }
    bool name = stx_is_symbol(form);
    Stx *operands = name ? NULL : stx_cdr(x, form);
    for (uint32_t i = 0; i < macro->rules->count; i++) {
        const Rule *rule = &macro->rules->rules[i];
        u.slots = arena_array(u.arena, Match, rule->slot_count);
        if (name != !rule->pattern) continue;
        if (!name && !match(&u, rule->pattern, operands)) continue;
        u.intro = scope_new(x);
        Stx *result = build(&u, rule->template);
        return x->fatal ? NULL : result;
    }
    syntax_error(x, u.span, "no rule of macro %s matches %s", macro->name->text, stx_text(x, form));
    if (macro->span.source && !macro->sealed) {
        diag_at(x->c->diag, DIAG_NOTE, macro->span, "macro %s is defined here", macro->name->text);
    }
    return NULL;
}
