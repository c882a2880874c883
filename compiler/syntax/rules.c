// syntax-rules: from (ellipsis? (literal ...) (pattern template) ...) to patterns and templates.
//
// A pattern variable is a slot; slots are numbered in the order in which variables occur, so those
// of a repetition are a range. A variable under n ellipses in the pattern may stand under n or more
// in the template: the outermost n of those run through it (SRFI 149 and others have it the same
// way).
//
// Macros of the standard library may have one rule more, (_ template): what the name stands for
// where it is used as a value. Thus a procedure can be a macro that also knows the place of its
// use.
#include "compiler/syntax/rules.h"

#include <string.h>

typedef struct {
    Stx *id;
    uint32_t depth; // ellipses
} Variable;

typedef struct {
    Expander *x;
    Arena *arena;
    const Macro *macro;
    Stx *ellipsis; // NULL: the usual one
    Stx **literals;
    uint32_t literal_count;
    PtrVec variables; // Variable, by slot
    bool escaped;     // inside (... template)
} Compile;

static bool same_identifier(const Stx *a, const Stx *b)
{
    return a->u.symbol == b->u.symbol && a->scopes == b->scopes;
}

static bool is_literal(const Compile *k, const Stx *id)
{
    for (uint32_t i = 0; i < k->literal_count; i++) {
        if (same_identifier(k->literals[i], id)) return true;
    }
    return false;
}

static bool is_ellipsis(const Compile *k, Stx *stx)
{
    if (!stx_is_symbol(stx) || k->escaped || is_literal(k, stx)) return false;
    if (k->ellipsis) return same_identifier(k->ellipsis, stx);
    return is_auxiliary(k->x, stx, FORM_ellipsis);
}

static Variable *find_variable(const Compile *k, const Stx *id, uint32_t *slot)
{
    for (uint32_t i = 0; i < k->variables.count; i++) {
        Variable *v = k->variables.items[i];
        *slot = i;
        if (same_identifier(v->id, id)) return v;
    }
    return NULL;
}

// ---- patterns ----------------------------------------------------------------------------------

static Pattern *new_pattern(Compile *k, PatternKind kind, Stx *stx)
{
    Pattern *p = arena_new(k->arena, Pattern);

    p->kind = (uint8_t)kind;
    p->stx = stx;
    return p;
}

static Pattern *compile_pattern(Compile *k, Stx *stx, uint32_t depth);

static Pattern *pattern_name(Compile *k, Stx *id, uint32_t depth)
{
    uint32_t slot;

    if (is_literal(k, id)) return new_pattern(k, PATTERN_LITERAL, id);
    if (is_ellipsis(k, id)) {
        return syntax_error(k->x, stx_span(id),
                            "syntax-rules: nothing stands before the ellipsis here");
    }
    if (is_auxiliary(k->x, id, FORM_underscore)) return new_pattern(k, PATTERN_ANY, id);
    if (find_variable(k, id, &slot)) {
        return syntax_error(k->x, stx_span(id), "syntax-rules: %s occurs twice in the pattern",
                            id->u.symbol->text);
    }
    Pattern *p = new_pattern(k, PATTERN_VARIABLE, id);
    p->slot = k->variables.count;
    Variable *v = arena_new(k->arena, Variable);
    *v = (Variable){id, depth};
    vec_push(k->arena, &k->variables, v);
    return p;
}

// One element of a list pattern with what follows it. *ellipses counts those seen in this list.
static Pattern *pattern_element(Compile *k, Stx *stx, uint32_t depth, unsigned *ellipses,
                                Stx **rest)
{
    Expander *x = k->x;
    Stx *next = stx_cdr(x, stx);
    bool repeats = stx_is_pair(next) && is_ellipsis(k, stx_car(x, next));
    Pattern *p = new_pattern(k, repeats ? PATTERN_REPEAT : PATTERN_PAIR, NULL);

    *rest = repeats ? stx_cdr(x, next) : next;
    if (repeats && ++*ellipses > 1) {
        return syntax_error(x, stx_span(stx_car(x, next)),
                            "syntax-rules: only one ellipsis is allowed in a list of a pattern");
    }
    p->first_slot = k->variables.count;
    p->car = compile_pattern(k, stx_car(x, stx), depth + repeats);
    p->slot_count = k->variables.count - p->first_slot;
    return p->car ? p : NULL;
}

static Pattern *pattern_list(Compile *k, Stx *stx, uint32_t depth)
{
    Pattern *first = NULL, **hole = &first, *repeat = NULL;
    unsigned ellipses = 0;

    while (stx_is_pair(stx)) {
        Pattern *p = pattern_element(k, stx, depth, &ellipses, &stx);
        if (!p) return NULL;
        if (repeat) repeat->tail++;
        if (p->kind == PATTERN_REPEAT) repeat = p;
        *hole = p;
        hole = &p->cdr;
    }
    *hole = compile_pattern(k, stx, depth);
    return *hole ? first : NULL;
}

// In the arena of the rules, which may keep parts of it.
static Stx *vector_to_list(Compile *k, Stx *vector)
{
    Stx **items = stx_items(k->x, vector);
    Stx *list = arena_new(k->arena, Stx);

    list->kind = STX_NIL;
    for (size_t i = vector->u.vector.count; i-- > 0;) {
        Stx *pair = arena_new(k->arena, Stx);
        pair->kind = STX_PAIR;
        pair->u.pair.car = items[i];
        pair->u.pair.cdr = list;
        list = pair;
    }
    return list;
}

static Pattern *compile_pattern(Compile *k, Stx *stx, uint32_t depth)
{
    Pattern *p = NULL;

    if (!enter_level(k->x, stx_span(stx))) return NULL;
    if (stx->cyclic) {
        syntax_error(k->x, stx_span(stx), "syntax-rules: the pattern contains itself");
    } else if (stx_is_symbol(stx)) {
        p = pattern_name(k, stx, depth);
    } else if (stx_is_pair(stx)) {
        p = pattern_list(k, stx, depth);
    } else if (stx->kind == STX_VECTOR) {
        p = new_pattern(k, PATTERN_VECTOR, NULL);
        p->car = compile_pattern(k, vector_to_list(k, stx), depth);
        if (!p->car) p = NULL;
    } else {
        p = new_pattern(k, stx->kind == STX_NIL ? PATTERN_NIL : PATTERN_DATUM, stx);
    }
    leave_level(k->x);
    return p;
}

// ---- templates ---------------------------------------------------------------------------------

static Template *new_template(Compile *k, TemplateKind kind, Stx *stx)
{
    Template *t = arena_new(k->arena, Template);

    t->kind = (uint8_t)kind;
    t->stx = stx;
    return t;
}

static Template *compile_template(Compile *k, Stx *stx, uint32_t depth, PtrVec *used);

static Template *template_name(Compile *k, Stx *id, uint32_t depth, PtrVec *used)
{
    uint32_t slot;
    Variable *v = find_variable(k, id, &slot);

    if (!v) {
        if (is_ellipsis(k, id)) {
            return syntax_error(k->x, stx_span(id),
                                "syntax-rules: nothing stands before the ellipsis here");
        }
        return new_template(k, TEMPLATE_SYMBOL, id);
    }
    if (v->depth > depth) {
        return syntax_error(k->x, stx_span(id),
                            "syntax-rules: %s needs %u ellips%s behind it here, as in the pattern",
                            id->u.symbol->text, v->depth - depth,
                            v->depth - depth == 1 ? "is" : "es");
    }
    Template *t = new_template(k, TEMPLATE_VARIABLE, id);
    t->slot = slot;
    RepeatSlot *use = arena_new(k->arena, RepeatSlot);
    *use = (RepeatSlot){slot, v->depth};
    vec_push(k->arena, used, use);
    return t;
}

static uint32_t deepest_slot(const Template *t)
{
    uint32_t deepest = 0;

    for (uint32_t i = 0; i < t->slot_count; i++) {
        deepest = MAX(deepest, t->slots[i].depth);
    }
    return deepest;
}

// A variable under more ellipses than in the pattern runs with the outer ones, but for a repetition that
// then had nothing to run through, as the inner one in ((b (a ...)) ...): it runs there.
static void run_here(Template *t, const PtrVec *used)
{
    t->slot_count = 0;
    for (uint32_t i = 0; i < used->count; i++) {
        RepeatSlot *use = used->items[i];
        if (use->depth < t->ellipses) continue;
        bool known = false;
        for (uint32_t j = 0; j < t->slot_count; j++) {
            known |= t->slots[j].slot == use->slot;
        }
        if (!known) t->slots[t->slot_count++] = (RepeatSlot){use->slot, t->ellipses};
        use->depth -= t->ellipses;
    }
}

// The variables inside a repetition at ellipsis depth `depth` that its ellipses run through.
static bool find_running(Compile *k, Template *t, const PtrVec *used, uint32_t depth,
                         const Stx *stx)
{
    t->slots = arena_array(k->arena, RepeatSlot, used->count);
    for (uint32_t i = 0; i < used->count; i++) {
        RepeatSlot use = *(RepeatSlot *)used->items[i];
        bool known = false;
        for (uint32_t j = 0; j < t->slot_count; j++) {
            known |= t->slots[j].slot == use.slot;
        }
        if (known || use.depth <= depth) continue;
        t->slots[t->slot_count++] = (RepeatSlot){use.slot, use.depth - depth};
    }
    // Each of the ellipses needs a variable of its own depth.
    if (deepest_slot(t) >= t->ellipses) return true;
    run_here(t, used);
    if (deepest_slot(t) >= t->ellipses) return true;
    syntax_error(k->x, stx_span(stx),
                 "syntax-rules: nothing that repeats in the pattern stands before the ellipsis");
    return false;
}

static Template *template_element(Compile *k, Stx *stx, uint32_t depth, PtrVec *used, Stx **rest)
{
    Expander *x = k->x;
    Template *t = new_template(k, TEMPLATE_PAIR, NULL);
    PtrVec inside = {0};

    *rest = stx_cdr(x, stx);
    while (stx_is_pair(*rest) && is_ellipsis(k, stx_car(x, *rest))) {
        t->ellipses++;
        *rest = stx_cdr(x, *rest);
    }
    t->car = compile_template(k, stx_car(x, stx), depth + t->ellipses, &inside);
    if (!t->car) return NULL;
    if (t->ellipses > 0) {
        t->kind = TEMPLATE_REPEAT;
        if (!find_running(k, t, &inside, depth, stx_car(x, stx))) return NULL;
    }
    for (uint32_t i = 0; i < inside.count; i++) {
        vec_push(k->arena, used, inside.items[i]);
    }
    return t;
}

// (... template): the ellipsis means itself inside.
static Template *template_escape(Compile *k, Stx *stx, uint32_t depth, PtrVec *used)
{
    Stx *rest = stx_cdr(k->x, stx);

    if (!stx_is_pair(rest) || stx_cdr(k->x, rest)->kind != STX_NIL) {
        return syntax_error(k->x, stx_span(stx), "syntax-rules: expected (... template), got %s",
                            stx_text(k->x, stx));
    }
    k->escaped = true;
    Template *t = compile_template(k, stx_car(k->x, rest), depth, used);
    k->escaped = false;
    return t;
}

static Template *template_list(Compile *k, Stx *stx, uint32_t depth, PtrVec *used)
{
    Template *first = NULL, **hole = &first;

    if (is_ellipsis(k, stx_car(k->x, stx))) return template_escape(k, stx, depth, used);
    while (stx_is_pair(stx)) {
        Template *t = template_element(k, stx, depth, used, &stx);
        if (!t) return NULL;
        *hole = t;
        hole = &t->cdr;
    }
    *hole = compile_template(k, stx, depth, used);
    return *hole ? first : NULL;
}

static Template *compile_template(Compile *k, Stx *stx, uint32_t depth, PtrVec *used)
{
    Template *t = NULL;

    if (!enter_level(k->x, stx_span(stx))) return NULL;
    if (stx->cyclic) {
        syntax_error(k->x, stx_span(stx), "syntax-rules: the template contains itself");
    } else if (stx_is_symbol(stx)) {
        t = template_name(k, stx, depth, used);
    } else if (stx_is_pair(stx)) {
        t = template_list(k, stx, depth, used);
    } else if (stx->kind == STX_VECTOR) {
        t = new_template(k, TEMPLATE_VECTOR, NULL);
        t->car = compile_template(k, vector_to_list(k, stx), depth, used);
        if (!t->car) t = NULL;
    } else {
        t = new_template(k, TEMPLATE_ATOM, stx);
    }
    leave_level(k->x);
    return t;
}

// ---- rules -------------------------------------------------------------------------------------

static bool compile_rule(Compile *k, Stx *stx, Rule *rule)
{
    Expander *x = k->x;
    uint32_t count;
    Stx **parts = stx_list(x, stx, &count);
    PtrVec used = {0};

    // What is sealed was looked at when it was defined.
    bool name = parts && count == 2 && stx_is_symbol(parts[0]) &&
                (x->c->privileged || k->macro->sealed);

    if (!name && (!parts || count != 2 || !stx_is_pair(parts[0]))) {
        syntax_error(x, stx_span(stx),
                     "syntax-rules: expected a rule ((_ pattern ...) template), got %s",
                     stx_text(x, stx));
        return false;
    }
    k->variables = (PtrVec){0};
    if (!name) {
        rule->pattern = compile_pattern(k, stx_cdr(x, parts[0]), 0);
        if (!rule->pattern) return false;
    }
    rule->slot_count = k->variables.count;
    rule->template = compile_template(k, parts[1], 0, &used);
    return rule->template != NULL;
}

static bool parse_literals(Compile *k, Stx *stx)
{
    k->literals = stx_list(k->x, stx, &k->literal_count);
    for (uint32_t i = 0; k->literals && i < k->literal_count; i++) {
        if (stx_is_symbol(k->literals[i])) continue;
        syntax_error(k->x, stx_span(k->literals[i]),
                     "syntax-rules: expected a literal, a name, got %s",
                     stx_text(k->x, k->literals[i]));
        return false;
    }
    if (k->literals) return true;
    syntax_error(k->x, stx_span(stx), "syntax-rules: expected a list of literals, got %s",
                 stx_text(k->x, stx));
    return false;
}

bool rules_compile(Expander *x, Macro *macro)
{
    Compile k = {.x = x, .arena = macro->sealed ? &x->c->permanent : unit_arena(x), .macro = macro};
    uint32_t count;
    Stx **parts = stx_list(x, macro->spec, &count);

    if (parts && count > 0 && stx_is_symbol(parts[0])) {
        k.ellipsis = parts[0];
        parts++;
        count--;
    }
    if (!parts || count == 0) {
        syntax_error(x, macro->span,
                     "syntax-rules: expected (syntax-rules (literal ...) (pattern template) ...)");
        return false;
    }
    if (!parse_literals(&k, parts[0])) return false;
    Rules *rules = arena_new(k.arena, Rules);
    rules->rules = arena_array(k.arena, Rule, count);
    for (uint32_t i = 1; i < count; i++) {
        Rule *rule = &rules->rules[rules->count++];
        if (!compile_rule(&k, parts[i], rule)) return false;
        rules->has_name = rules->has_name || !rule->pattern;
    }
    macro->rules = rules;
    return true;
}
