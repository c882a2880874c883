// Folding: primitives applied to constants, identities, predicates of known outcome. What a program can
// tell must stay the same, errors included, so only what succeeds is folded.
#include "compiler/pass/simplify.h"

#include "compiler/core/node.h"

static bool both_ints(const Core *n, int64_t *x, int64_t *y)
{
    return n->u.prim.count == 2 && node_is_small_int(n->u.prim.args[0], x) &&
           node_is_small_int(n->u.prim.args[1], y);
}

// Results that are no fixnums are left to the VM.
#define FOLD_INT_MAX ((int64_t)1 << 59)

static Core *fold_arithmetic(Simplify *s, Core *n)
{
    int64_t x, y, r;
    bool overflow;

    if (!both_ints(n, &x, &y)) return n;
    switch (n->u.prim.prim) {
    case PRIM_ID_add:
        overflow = __builtin_add_overflow(x, y, &r);
        break;
    case PRIM_ID_sub:
        overflow = __builtin_sub_overflow(x, y, &r);
        break;
    case PRIM_ID_mul:
        overflow = __builtin_mul_overflow(x, y, &r);
        break;
    default:
        return n;
    }
    if (overflow || r > FOLD_INT_MAX || r < -FOLD_INT_MAX) return n;
    return node_int(s->c, r, n->span);
}

static Core *fold_comparison(Simplify *s, Core *n)
{
    int64_t x, y;

    if (!both_ints(n, &x, &y)) return n;
    switch (n->u.prim.prim) {
    case PRIM_ID_num_eq:
        return node_bool(s->c, x == y, n->span);
    case PRIM_ID_num_lt:
        return node_bool(s->c, x < y, n->span);
    case PRIM_ID_num_le:
        return node_bool(s->c, x <= y, n->span);
    case PRIM_ID_num_gt:
        return node_bool(s->c, x > y, n->span);
    case PRIM_ID_num_ge:
        return node_bool(s->c, x >= y, n->span);
    default:
        return n;
    }
}

// Constants that eq? tells apart as the words they are.
static bool is_word(const Core *n)
{
    if (n->kind != CORE_CONST) return false;
    switch ((StxKind)n->u.constant->kind) {
    case STX_NIL:
    case STX_BOOL:
    case STX_CHAR:
    case STX_INT:
    case STX_SYMBOL:
    case STX_EOF:
    case STX_UNSPECIFIED:
    case STX_DEFAULT:
        return true;
    default:
        return false;
    }
}

static bool same_word(const Stx *a, const Stx *b)
{
    if (a->kind != b->kind) return false;
    switch ((StxKind)a->kind) {
    case STX_BOOL:
        return a->u.boolean == b->u.boolean;
    case STX_CHAR:
        return a->u.scalar == b->u.scalar;
    case STX_INT:
        return a->u.integer == b->u.integer;
    case STX_SYMBOL:
        return a->u.symbol == b->u.symbol;
    default:
        return true;
    }
}

static Core *fold_identity(Simplify *s, Core *n)
{
    Core *x = n->u.prim.args[0], *y = n->u.prim.args[1];

    if (is_word(x) && is_word(y)) return node_bool(s->c, same_word(x->u.constant, y->u.constant), n->span);
    // eqv? against such a constant is eq?.
    if (n->u.prim.prim == PRIM_ID_eqv && (is_word(x) || is_word(y))) n->u.prim.prim = PRIM_ID_eq;
    return n;
}

static bool is_of_type(const Stx *x, int prim, bool *known)
{
    *known = true;
    switch (prim) {
    case PRIM_ID_null:
        return x->kind == STX_NIL;
    case PRIM_ID_pair:
        return x->kind == STX_PAIR;
    case PRIM_ID_fixnum:
        return x->kind == STX_INT;
    case PRIM_ID_flonum:
        return x->kind == STX_FLOAT;
    case PRIM_ID_char:
        return x->kind == STX_CHAR;
    case PRIM_ID_symbol:
        return x->kind == STX_SYMBOL;
    case PRIM_ID_string:
        return x->kind == STX_STRING;
    case PRIM_ID_vectorp:
        return x->kind == STX_VECTOR;
    case PRIM_ID_bytevector:
        return x->kind == STX_BYTES;
    case PRIM_ID_procedure:
    case PRIM_ID_local_pid:
    case PRIM_ID_local_ref:
    case PRIM_ID_record:
        return false;
    default:
        *known = false;
        return false;
    }
}

static Core *fold_predicate(Simplify *s, Core *n)
{
    Core *x = n->u.prim.args[0];
    bool known, yes;

    if (n->u.prim.prim == PRIM_ID_not) {
        if (x->kind == CORE_CONST) return node_bool(s->c, node_is_false(x), n->span);
        return x->kind == CORE_LAMBDA ? node_bool(s->c, false, n->span) : n;
    }
    if (x->kind == CORE_LAMBDA && n->u.prim.prim == PRIM_ID_procedure)
        return node_bool(s->c, true, n->span);
    if (x->kind != CORE_CONST) return n;
    yes = is_of_type(x->u.constant, n->u.prim.prim, &known);
    return known ? node_bool(s->c, yes, n->span) : n;
}

// (apply f a (cons b (cons c '()))) with all of the list known is a call.
static Core *fold_apply(Simplify *s, Core *n)
{
    uint32_t fixed = n->u.prim.count - 2, listed = 0;
    Core *list = n->u.prim.args[n->u.prim.count - 1];

    while (list->kind == CORE_PRIM && list->u.prim.prim == PRIM_ID_cons) {
        list = list->u.prim.args[1];
        listed++;
    }
    if (list->kind != CORE_CONST || list->u.constant->kind != STX_NIL) return n;
    Core *call = node_new(s->c, CORE_CALL, n->span);
    call->u.call.fn = n->u.prim.args[0];
    call->u.call.count = fixed + listed;
    call->u.call.args = arena_array(&s->c->unit, Core *, fixed + listed);
    for (uint32_t i = 0; i < fixed; i++) {
        call->u.call.args[i] = n->u.prim.args[i + 1];
    }
    list = n->u.prim.args[n->u.prim.count - 1];
    for (uint32_t i = 0; i < listed; i++) {
        call->u.call.args[fixed + i] = list->u.prim.args[0];
        list = list->u.prim.args[1];
    }
    return call;
}

// Effects of arguments whose value nobody wants.
static Core *effects_only(Simplify *s, Core *n)
{
    Core *result = NULL;

    for (uint32_t i = n->u.prim.count; i > 0; i--) {
        Core *arg = n->u.prim.args[i - 1];
        if (is_effect_free(arg)) continue;
        result = result ? node_seq2(s->c, arg, result) : arg;
    }
    return result ? result : node_unspecified(s->c, n->span);
}

Core *fold_prim(Simplify *s, Core *n, Context ctx)
{
    const PrimInfo *p = prim_info(n->u.prim.prim);

    if (ctx == CTX_EFFECT && (p->flags & PRIMF_PURE) && (p->flags & PRIMF_NOFAIL))
        return effects_only(s, n);
    switch (n->u.prim.prim) {
    case PRIM_ID_add:
    case PRIM_ID_sub:
    case PRIM_ID_mul:
        return fold_arithmetic(s, n);
    case PRIM_ID_num_eq:
    case PRIM_ID_num_lt:
    case PRIM_ID_num_le:
    case PRIM_ID_num_gt:
    case PRIM_ID_num_ge:
        return fold_comparison(s, n);
    case PRIM_ID_eq:
    case PRIM_ID_eqv:
        return fold_identity(s, n);
    case PRIM_ID_apply:
        return fold_apply(s, n);
    case PRIM_ID_void:
        return node_unspecified(s->c, n->span);
    case PRIM_ID_values:
        return n->u.prim.count == 1 ? n->u.prim.args[0] : n;
    default:
        return p->shape == PRIM_TEST || p->shape == PRIM_BITS || p->shape == PRIM_KIND
                   ? fold_predicate(s, n)
                   : n;
    }
}
