// quasiquote: templates to calls of cons, list, append and list->vector.
//
// What holds no active unquote stays the constant it is, tails included: `(a ,b c d) is
// (cons 'a (cons b '(c d))). Short lists become nested conses, long ones calls of %list and %cons*
// in chunks, so that the core nests only by depth and by one level per chunk.
#include "compiler/syntax/expand_int.h"

#include <string.h>

#define CONSES_MAX 8  // elements that nested conses are made for
#define CHUNK      60 // elements or segments of one call

// A piece of a template: a constant (core NULL) or an expression.
typedef struct {
    Stx *stx;
    Core *core;
    bool splice;
} Piece;

static Core *piece_core(Expander *x, const Piece *p)
{
    return p->core ? p->core : core_constant(x, p->stx);
}

static Piece quasi(Expander *x, Stx *stx, uint32_t level);

// Which of quasiquote, unquote, unquote-splicing a list of two elements is; FORM_COUNT if none.
static FormId quasi_form(Expander *x, Stx *stx)
{
    if (!stx_is_pair(stx) || !stx_is_symbol(stx_car(x, stx))) return FORM_COUNT;
    Stx *rest = stx_cdr(x, stx);
    if (!stx_is_pair(rest) || stx_cdr(x, rest)->kind != STX_NIL) return FORM_COUNT;
    static const FormId forms[] = {FORM_quasiquote, FORM_unquote, FORM_unquote_splicing};
    for (size_t i = 0; i < countof(forms); i++) {
        if (is_auxiliary(x, stx_car(x, stx), forms[i])) return forms[i];
    }
    return FORM_COUNT;
}

static Stx *operand(Expander *x, Stx *stx)
{
    return stx_car(x, stx_cdr(x, stx));
}

// ---- building lists ----------------------------------------------------------------------------

static bool is_nil(const Piece *p)
{
    return !p->core && p->stx->kind == STX_NIL;
}

static Core *cons_chain(Expander *x, const Piece *pieces, uint32_t count, Core *tail, Span span)
{
    while (count-- > 0) {
        Core *args[] = {piece_core(x, &pieces[count]), tail};
        tail = core_kernel(x, KERNEL_cons, args, 2, span);
    }
    return tail;
}

// One call of %list, or of %cons* when there is a tail.
static Core *list_call(Expander *x, const Piece *pieces, uint32_t count, Core *tail, Span span)
{
    Core *args[CHUNK + 1];

    for (uint32_t i = 0; i < count; i++) {
        args[i] = piece_core(x, &pieces[i]);
    }
    if (!tail) return core_kernel(x, KERNEL_list, args, count, span);
    args[count] = tail;
    return core_kernel(x, KERNEL_cons_star, args, count + 1, span);
}

// The list of pieces that are no splices, before a tail.
static Piece build_plain(Expander *x, const Piece *pieces, uint32_t count, Piece tail, Span span)
{
    if (count == 0) return tail;
    if (count <= CONSES_MAX) {
        return (Piece){.core = cons_chain(x, pieces, count, piece_core(x, &tail), span)};
    }
    Core *rest = is_nil(&tail) ? NULL : piece_core(x, &tail);
    while (count > 0) {
        uint32_t n = count % CHUNK ? count % CHUNK : CHUNK;
        count -= n;
        rest = list_call(x, pieces + count, n, rest, span);
    }
    return (Piece){.core = rest};
}

// Appends segments, the last of which is the tail.
static Core *append_call(Expander *x, Core **segments, uint32_t count, Span span)
{
    Core *rest = segments[--count];

    while (count > 0) {
        Core *args[CHUNK + 1];
        uint32_t n = count % CHUNK ? count % CHUNK : CHUNK;
        count -= n;
        memcpy(args, segments + count, n * sizeof *args);
        args[n] = rest;
        rest = core_kernel(x, KERNEL_append, args, n + 1, span);
    }
    return rest;
}

// A run of plain pieces as a list of its own: a constant, which append copies, when all of them
// are.
static Core *run_segment(Expander *x, const Piece *pieces, uint32_t count, Span span)
{
    Stx *list = stx_new(x, STX_NIL, span);
    Piece nil = {.stx = list};

    for (uint32_t i = count; i-- > 0;) {
        if (pieces[i].core) return build_plain(x, pieces, count, nil, span).core;
        Stx *pair = stx_new(x, STX_PAIR, span);
        pair->u.pair.car = pieces[i].stx;
        pair->u.pair.cdr = list;
        list = pair;
    }
    return core_constant(x, list);
}

// Runs of plain pieces are segments of their own; the last run goes onto the tail.
static Piece build_spliced(Expander *x, const Piece *pieces, uint32_t count, Piece tail, Span span)
{
    Core **segments = arena_array(unit_arena(x), Core *, count + 1);
    uint32_t n = 0, from = 0;

    for (uint32_t i = 0; i < count; i++) {
        if (!pieces[i].splice) continue;
        if (i > from) segments[n++] = run_segment(x, pieces + from, i - from, span);
        segments[n++] = pieces[i].core;
        from = i + 1;
    }
    Piece last = build_plain(x, pieces + from, count - from, tail, span);
    if (is_nil(&last)) return (Piece){.core = append_call(x, segments, n, span)};
    segments[n++] = piece_core(x, &last);
    return (Piece){.core = append_call(x, segments, n, span)};
}

// ---- templates ---------------------------------------------------------------------------------

// (unquote-splicing e) as an element: at level 1 a splice, deeper a template like any other.
static Piece quasi_element(Expander *x, Stx *stx, uint32_t level)
{
    if (level == 1 && quasi_form(x, stx) == FORM_unquote_splicing) {
        return (Piece){.core = expand(x, operand(x, stx)), .splice = true};
    }
    return quasi(x, stx, level);
}

// A template (keyword e) whose inside is at another level: a constant unless something in it is
// not.
static Piece quasi_nested(Expander *x, Stx *stx, uint32_t level)
{
    Piece inside = quasi_element(x, operand(x, stx), level);

    if (!inside.core) return (Piece){.stx = stx};
    Piece nil = {.stx = stx_new(x, STX_NIL, stx_span(stx))};
    Piece pieces[] = {{.stx = stx_car(x, stx)}, inside};
    if (inside.splice) return build_spliced(x, pieces, 2, nil, stx_span(stx));
    return build_plain(x, pieces, 2, nil, stx_span(stx));
}

typedef struct {
    Piece *pieces;
    uint32_t count;
    uint32_t constant_from; // pieces from here on are constants...
    Stx *constant_tail;     // ...and this is the rest of the list there
    bool spliced;
} Template;

// Takes a list template apart, up to its tail, which may be ". ,e" (that is: unquote e).
static Stx *take_list(Expander *x, Stx *stx, uint32_t level, Template *t)
{
    uint32_t capacity = 1;

    for (Stx *at = stx; stx_is_pair(at); at = stx_cdr(x, at)) {
        capacity++;
    }
    *t = (Template){.pieces = arena_array(unit_arena(x), Piece, capacity), .constant_tail = stx};
    while (stx_is_pair(stx)) {
        if (t->count > 0 && quasi_form(x, stx) != FORM_COUNT) break;
        Piece p = quasi_element(x, stx_car(x, stx), level);
        t->pieces[t->count++] = p;
        t->spliced |= p.splice;
        stx = stx_cdr(x, stx);
        if (p.core) {
            t->constant_from = t->count;
            t->constant_tail = stx;
        }
    }
    return stx;
}

static Piece quasi_list(Expander *x, Stx *stx, uint32_t level)
{
    Template t;
    Stx *rest = take_list(x, stx, level, &t);
    Piece tail = quasi(x, rest, level);

    if (!tail.core) {
        if (t.constant_from == 0) return (Piece){.stx = stx};
        tail.stx = t.constant_tail;
        t.count = t.constant_from;
    }
    if (t.spliced) return build_spliced(x, t.pieces, t.count, tail, stx_span(stx));
    return build_plain(x, t.pieces, t.count, tail, stx_span(stx));
}

static Piece quasi_vector(Expander *x, Stx *stx, uint32_t level)
{
    Stx **items = stx_items(x, stx);
    uint32_t count = (uint32_t)stx->u.vector.count;
    Piece *pieces = arena_array(unit_arena(x), Piece, count);
    bool constant = true, spliced = false;
    Piece nil = {.stx = stx_new(x, STX_NIL, stx_span(stx))};

    for (uint32_t i = 0; i < count; i++) {
        pieces[i] = quasi_element(x, items[i], level);
        constant &= !pieces[i].core;
        spliced |= pieces[i].splice;
    }
    if (constant) return (Piece){.stx = stx};
    Piece list = spliced ? build_spliced(x, pieces, count, nil, stx_span(stx))
                         : build_plain(x, pieces, count, nil, stx_span(stx));
    return (Piece){.core = core_kernel(x, KERNEL_list_to_vector, &list.core, 1, stx_span(stx))};
}

static Piece quasi_inside(Expander *x, Stx *stx, uint32_t level)
{
    switch (quasi_form(x, stx)) {
    case FORM_unquote:
        if (level == 1) return (Piece){.core = expand(x, operand(x, stx))};
        return quasi_nested(x, stx, level - 1);
    case FORM_unquote_splicing:
        if (level > 1) return quasi_nested(x, stx, level - 1);
        syntax_error(x, stx_span(stx),
                     "unquote-splicing: expected to be an element of a list or vector");
        return (Piece){.stx = stx};
    case FORM_quasiquote:
        return quasi_nested(x, stx, level + 1);
    default:
        return quasi_list(x, stx, level);
    }
}

static Piece quasi(Expander *x, Stx *stx, uint32_t level)
{
    Piece p = {.stx = stx};

    bool compound = (stx->kind == STX_PAIR || stx->kind == STX_VECTOR);
    if (!compound || !enter_level(x, stx_span(stx))) return p;
    if (stx->cyclic) {
        syntax_error(x, stx_span(stx), "quasiquote: the template contains itself");
    } else if (stx->kind == STX_PAIR) {
        p = quasi_inside(x, stx, level);
    } else {
        p = quasi_vector(x, stx, level);
    }
    leave_level(x);
    return p;
}

Core *form_quasiquote(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, 1, "(quasiquote template)", &count);

    if (!operands) return NULL;
    Piece p = quasi(x, operands[0], 1);
    return piece_core(x, &p);
}
