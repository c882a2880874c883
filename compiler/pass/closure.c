// Closure conversion: nested procedures become Functions of the module.
//
// What a procedure needs from around it decides what it becomes:
//   static   nothing: no closure is ever made, its value is a constant
//   lifted   every reference is a fitting call and what it needs is little: the needed values are
//            passed as further arguments, no closure is made
//   closure  a procedure object with the needed values in it; direct calls pass the object along
//
// Depth counts the procedures around a place: a variable of smaller depth than a procedure's is free
// in it. Labels are part of the procedure around them.
#include "compiler/pass/pass.h"

#include "vm/base/check.h"

// Values that a lifted procedure may take on top of its parameters, and parameters in all.
#define LIFT_MAX        6
#define LIFT_PARAMS_MAX 32

typedef enum { KNOWN_STATIC, KNOWN_LIFTED, KNOWN_CLOSURE } KnownKind;

typedef struct {
    Var **items;
    uint32_t count, capacity;
} VarList;

// A variable bound to a procedure by a fix.
typedef struct {
    KnownKind kind;
    bool escapes; // is used as a value, or called with arguments that do not fit
    Lambda *lambda;
    Function *fn;
    VarList needs; // lifted: what is passed; closure: what is captured
} Known;

typedef struct {
    uint32_t depth;
    uint32_t stamp; // of the last list that took the variable in
    Known *known;
} VarInfo;

typedef struct {
    Var *outer;
    Var *param;     // lifted: the parameter it arrives in; NULL: captured
    uint32_t index; // captured: which free value
} Import;

// The procedure whose body is being converted.
typedef struct {
    Function *fn;
    uint32_t depth;
    Var *name; // the variable that holds this closure, in the scope around; NULL
    Var *self; // the running procedure
    Import *imports;
    uint32_t import_count;
} Inside;

typedef struct {
    Compiler *c;
    Program *program;
    Function *last;
    uint32_t stamp;
} Convert;

static VarInfo *info_of(Var *v)
{
    return v->info;
}

// ---- first walk: depths and what escapes ------------------------------------------------------------

typedef struct {
    Convert *cv;
    uint32_t depth;
} Annotate;

static void annotate(void *context, Core **child);

static VarInfo *bind_var(Convert *cv, Var *v, uint32_t depth)
{
    VarInfo *info = arena_new(&cv->c->unit, VarInfo);
    info->depth = depth;
    v->info = info;
    return info;
}

static void bind_vars(Convert *cv, Var **vars, uint32_t count, uint32_t depth)
{
    for (uint32_t i = 0; i < count; i++) {
        bind_var(cv, vars[i], depth);
    }
}

static void annotate_lambda(Convert *cv, Lambda *l, uint32_t depth)
{
    Annotate inner = {cv, depth};

    for (uint32_t i = 0; i < l->clause_count; i++) {
        Clause *c = &l->clauses[i];
        bind_vars(cv, c->params, c->required + c->rest, depth);
        annotate(&inner, &c->body);
    }
}

static Clause *fitting_clause(Lambda *l, uint32_t count, uint32_t *which)
{
    for (uint32_t i = 0; i < l->clause_count; i++) {
        Clause *c = &l->clauses[i];
        if (count == c->required && !c->rest) {
            *which = i;
            return c;
        }
        if (c->rest && count >= c->required) return NULL; // a list would have to be made
    }
    return NULL;
}

static void annotate_fix(Annotate *a, Core *n)
{
    Convert *cv = a->cv;

    for (uint32_t i = 0; i < n->u.let.count; i++) {
        VarInfo *info = bind_var(cv, n->u.let.vars[i], a->depth);
        info->known = arena_new(&cv->c->unit, Known);
        info->known->lambda = n->u.let.inits[i]->u.lambda;
    }
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        annotate_lambda(cv, n->u.let.inits[i]->u.lambda, a->depth + 1);
    }
    annotate(a, &n->u.let.body);
}

static void annotate(void *context, Core **child)
{
    Annotate *a = context;
    Core *n = *child;
    uint32_t which;

    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        if (info_of(n->u.local)->known) info_of(n->u.local)->known->escapes = true;
        return;
    case CORE_CALL:
        for (uint32_t i = 0; i < n->u.call.count; i++) {
            annotate(a, &n->u.call.args[i]);
        }
        if (n->u.call.fn->kind == CORE_LOCAL) {
            Known *known = info_of(n->u.call.fn->u.local)->known;
            if (known && fitting_clause(known->lambda, n->u.call.count, &which)) return;
        }
        annotate(a, &n->u.call.fn);
        return;
    case CORE_LAMBDA:
        annotate_lambda(a->cv, n->u.lambda, a->depth + 1);
        return;
    case CORE_FIX:
        annotate_fix(a, n);
        return;
    case CORE_LET:
        bind_vars(a->cv, n->u.let.vars, n->u.let.count, a->depth);
        break;
    case CORE_LABELS:
        bind_vars(a->cv, n->u.let.vars, n->u.let.count, a->depth);
        for (uint32_t i = 0; i < n->u.let.count; i++) {
            annotate_lambda(a->cv, n->u.let.inits[i]->u.lambda, a->depth);
        }
        annotate(a, &n->u.let.body);
        return;
    case CORE_LET_VALUES:
        bind_vars(a->cv, n->u.let_values.vars, n->u.let_values.count, a->depth);
        break;
    default:
        break;
    }
    node_each_child(n, annotate, a);
}

// ---- free variables ---------------------------------------------------------------------------------

static void list_add(Convert *cv, VarList *list, Var *v)
{
    if (list->count == list->capacity) {
        uint32_t more = list->capacity ? list->capacity * 2 : 8;
        Var **items = arena_array(&cv->c->unit, Var *, more);
        for (uint32_t i = 0; i < list->count; i++) {
            items[i] = list->items[i];
        }
        list->items = items;
        list->capacity = more;
    }
    list->items[list->count++] = v;
}

static bool list_has(const VarList *list, const Var *v)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->items[i] == v) return true;
    }
    return false;
}

typedef struct {
    Convert *cv;
    uint32_t depth; // of the procedure
    VarList *out;
} FreeVars;

static void note_free(FreeVars *f, Var *v)
{
    VarInfo *info = info_of(v);

    if (info->depth >= f->depth || info->stamp == f->cv->stamp) return;
    info->stamp = f->cv->stamp;
    list_add(f->cv, f->out, v);
}

static void find_free(void *context, Core **child)
{
    FreeVars *f = context;
    Core *n = *child;

    if (n->kind == CORE_LOCAL) note_free(f, n->u.local);
    node_each_child(n, find_free, f);
}

// The variables around a procedure that its bodies name, procedures by name included.
static VarList free_of(Convert *cv, Lambda *l, uint32_t depth)
{
    VarList out = {0};
    FreeVars f = {cv, depth, &out};

    cv->stamp++;
    for (uint32_t i = 0; i < l->clause_count; i++) {
        find_free(&f, &l->clauses[i].body);
    }
    return out;
}

// Adds what having `v` at hand takes: nothing for a static procedure, its needs for a lifted one.
static bool add_need(Convert *cv, VarList *needs, Var *v, const Var *self)
{
    Known *known = info_of(v)->known;
    bool changed = false;

    if (v == self || (known && known->kind == KNOWN_STATIC)) return false;
    if (known && known->kind == KNOWN_LIFTED) {
        for (uint32_t i = 0; i < known->needs.count; i++) {
            Var *need = known->needs.items[i];
            if (need == self || list_has(needs, need)) continue;
            list_add(cv, needs, need);
            changed = true;
        }
        return changed;
    }
    if (list_has(needs, v)) return false;
    list_add(cv, needs, v);
    return true;
}

// ---- classifying a fix ------------------------------------------------------------------------------

// Grows the needs of all members until nothing changes: calls among members pass needs on.
static void spread_needs(Convert *cv, Core *fix, const VarList *frees)
{
    bool changed = true;

    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < fix->u.let.count; i++) {
            Var *v = fix->u.let.vars[i];
            for (uint32_t j = 0; j < frees[i].count; j++) {
                if (add_need(cv, &info_of(v)->known->needs, frees[i].items[j], v)) changed = true;
            }
        }
    }
}

static bool too_many(const Known *k)
{
    uint32_t params = 0;

    for (uint32_t i = 0; i < k->lambda->clause_count; i++) {
        params = MAX(params, k->lambda->clauses[i].required + k->lambda->clauses[i].rest);
    }
    return k->needs.count > LIFT_MAX || params + k->needs.count > LIFT_PARAMS_MAX;
}

// Everything starts as static; what needs something becomes lifted or, if it escapes or needs too much,
// a closure. Each round only moves members that way, so it ends.
static void classify(Convert *cv, Core *fix, const VarList *frees)
{
    bool changed = true;

    for (uint32_t i = 0; i < fix->u.let.count; i++) {
        info_of(fix->u.let.vars[i])->known->kind = KNOWN_STATIC;
    }
    while (changed) {
        changed = false;
        for (uint32_t i = 0; i < fix->u.let.count; i++) {
            info_of(fix->u.let.vars[i])->known->needs = (VarList){0};
        }
        spread_needs(cv, fix, frees);
        for (uint32_t i = 0; i < fix->u.let.count; i++) {
            Known *k = info_of(fix->u.let.vars[i])->known;
            KnownKind kind = k->kind;
            if (kind == KNOWN_STATIC && k->needs.count > 0) kind = KNOWN_LIFTED;
            if (kind == KNOWN_LIFTED && (k->escapes || k->lambda->clause_count > 1 ||
                                         k->lambda->clauses[0].rest || too_many(k)))
                kind = KNOWN_CLOSURE;
            if (kind == k->kind) continue;
            k->kind = kind;
            changed = true;
        }
    }
}

// ---- second walk ------------------------------------------------------------------------------------

typedef struct {
    Convert *cv;
    Inside *inside;
} Walk;

static void convert(void *context, Core **child);

static Function *new_function(Convert *cv, Lambda *l, Span span)
{
    Function *f = arena_new(&cv->c->unit, Function);

    f->name = l->name;
    f->span = span;
    f->clauses = l->clauses;
    f->clause_count = l->clause_count;
    f->index = cv->program->count++;
    if (cv->last) {
        cv->last->next = f;
    } else {
        cv->program->first = f;
    }
    cv->last = f;
    l->info = f;
    return f;
}

// A variable as the running procedure has it.
static Core *reach(Walk *w, Var *v, Span span)
{
    Inside *p = w->inside;
    Known *known = info_of(v)->known;
    Core *n;

    if (known && known->kind == KNOWN_STATIC) {
        n = node_new(w->cv->c, CORE_CLOSURE, span);
        n->u.closure.fn = known->fn;
        return n;
    }
    if (v == p->name) return node_local(w->cv->c, p->self, span);
    if (info_of(v)->depth == p->depth) return node_local(w->cv->c, v, span);
    for (uint32_t i = 0; i < p->import_count; i++) {
        Import *import = &p->imports[i];
        if (import->outer != v) continue;
        if (import->param) return node_local(w->cv->c, import->param, span);
        n = node_new(w->cv->c, CORE_FREE, span);
        n->u.free.index = import->index;
        n->u.free.var = v;
        return n;
    }
    PANIC("variable %s is out of reach", v->name ? v->name->text : "?");
}

static Core **reach_all(Walk *w, const VarList *needs, Span span)
{
    Core **items = arena_array(&w->cv->c->unit, Core *, needs->count);
    for (uint32_t i = 0; i < needs->count; i++) {
        items[i] = reach(w, needs->items[i], span);
    }
    return items;
}

// The bodies of a procedure, in a place of their own.
static void convert_bodies(Convert *cv, Function *f, uint32_t depth, Var *name, Import *imports,
                           uint32_t import_count)
{
    Inside inside = {.fn = f, .depth = depth, .name = name, .imports = imports,
                   .import_count = import_count};
    Walk w = {cv, &inside};

    inside.self = node_var(cv->c, f->name, f->span);
    bind_var(cv, inside.self, depth);
    f->self = inside.self;
    for (uint32_t i = 0; i < f->clause_count; i++) {
        convert(&w, &f->clauses[i].body);
    }
}

static void convert_closure(Convert *cv, Function *f, uint32_t depth, Var *name,
                            const VarList *needs)
{
    Import *imports = arena_array(&cv->c->unit, Import, needs->count);

    f->free_count = needs->count;
    for (uint32_t i = 0; i < needs->count; i++) {
        imports[i] = (Import){needs->items[i], NULL, i};
    }
    convert_bodies(cv, f, depth, name, imports, needs->count);
}

static void convert_lifted(Convert *cv, Function *f, uint32_t depth, const VarList *needs)
{
    // The lambda keeps its own parameters: calls are matched against those.
    Clause *c = arena_new(&cv->c->unit, Clause);
    *c = f->clauses[0];
    f->clauses = c;
    Import *imports = arena_array(&cv->c->unit, Import, needs->count);
    Var **params = arena_array(&cv->c->unit, Var *, c->required + needs->count);

    for (uint32_t i = 0; i < c->required; i++) {
        params[i] = c->params[i];
    }
    for (uint32_t i = 0; i < needs->count; i++) {
        Var *param = node_var(cv->c, needs->items[i]->name, needs->items[i]->span);
        bind_var(cv, param, depth);
        params[c->required + i] = param;
        imports[i] = (Import){needs->items[i], param, 0};
    }
    c->params = params;
    c->required += needs->count;
    convert_bodies(cv, f, depth, NULL, imports, needs->count);
}

// (lambda ...) as a value.
static Core *convert_lambda(Walk *w, Core *n)
{
    Convert *cv = w->cv;
    uint32_t depth = w->inside->depth + 1;
    VarList frees = free_of(cv, n->u.lambda, depth), needs = {0};
    Function *f = n->u.lambda->info ? n->u.lambda->info : new_function(cv, n->u.lambda, n->span);
    Core *closure = node_new(cv->c, CORE_CLOSURE, n->span);

    for (uint32_t i = 0; i < frees.count; i++) {
        add_need(cv, &needs, frees.items[i], NULL);
    }
    closure->u.closure.fn = f;
    closure->u.closure.captures = reach_all(w, &needs, n->span);
    closure->u.closure.count = needs.count;
    convert_closure(cv, f, depth, NULL, &needs);
    return closure;
}

static Core *call_known(Walk *w, Core *n, Function *f, uint32_t clause, const VarList *extra,
                        Core *self)
{
    Core *call = node_new(w->cv->c, CORE_CALLK, n->span);
    uint32_t count = n->u.call.count, more = extra ? extra->count : 0;
    Core **args = arena_array(&w->cv->c->unit, Core *, count + more);

    for (uint32_t i = 0; i < count; i++) {
        args[i] = n->u.call.args[i];
    }
    for (uint32_t i = 0; i < more; i++) {
        args[count + i] = reach(w, extra->items[i], n->span);
    }
    call->u.callk.fn = f;
    call->u.callk.clause = clause;
    call->u.callk.args = args;
    call->u.callk.count = count + more;
    call->u.callk.self = self;
    return call;
}

static Core *convert_call(Walk *w, Core *n)
{
    Core *fn = n->u.call.fn;
    uint32_t clause;

    for (uint32_t i = 0; i < n->u.call.count; i++) {
        convert(w, &n->u.call.args[i]);
    }
    if (fn->kind == CORE_LOCAL) {
        Known *k = info_of(fn->u.local)->known;
        if (k && fitting_clause(k->lambda, n->u.call.count, &clause)) {
            Core *self = k->kind == KNOWN_CLOSURE ? reach(w, fn->u.local, fn->span) : NULL;
            return call_known(w, n, k->fn, clause, k->kind == KNOWN_LIFTED ? &k->needs : NULL, self);
        }
    } else if (fn->kind == CORE_GLOBAL && fn->u.global->lambda && fn->u.global->here) {
        Lambda *l = fn->u.global->lambda;
        if (fitting_clause(l, n->u.call.count, &clause))
            return call_known(w, n, l->info, clause, NULL, NULL);
    }
    convert(w, &n->u.call.fn);
    return n;
}

// Closures of a fix that capture each other are made first and then told of each other.
static Core *make_closures(Walk *w, Core *fix, Core *body)
{
    Convert *cv = w->cv;
    uint32_t count = 0;
    Var **vars = arena_array(&cv->c->unit, Var *, fix->u.let.count);
    Core **inits = arena_array(&cv->c->unit, Core *, fix->u.let.count);

    for (uint32_t i = 0; i < fix->u.let.count; i++) {
        Var *v = fix->u.let.vars[i];
        Known *k = info_of(v)->known;
        if (k->kind != KNOWN_CLOSURE) continue;
        Core *closure = node_new(cv->c, CORE_CLOSURE, fix->u.let.inits[i]->span);
        closure->u.closure.fn = k->fn;
        closure->u.closure.captures = reach_all(w, &k->needs, fix->span);
        closure->u.closure.count = k->needs.count;
        vars[count] = v;
        inits[count++] = closure;
    }
    if (count == 0) return body;
    return node_let(cv->c, CORE_FIX, vars, inits, count, body, fix->span);
}

static Core *convert_fix(Walk *w, Core *n)
{
    Convert *cv = w->cv;
    uint32_t depth = w->inside->depth + 1;
    VarList *frees = arena_array(&cv->c->unit, VarList, n->u.let.count);

    for (uint32_t i = 0; i < n->u.let.count; i++) {
        frees[i] = free_of(cv, n->u.let.inits[i]->u.lambda, depth);
    }
    classify(cv, n, frees);
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Known *k = info_of(n->u.let.vars[i])->known;
        k->fn = new_function(cv, k->lambda, n->u.let.inits[i]->span);
    }
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        Known *k = info_of(n->u.let.vars[i])->known;
        if (k->kind == KNOWN_LIFTED) {
            convert_lifted(cv, k->fn, depth, &k->needs);
        } else {
            convert_closure(cv, k->fn, depth, n->u.let.vars[i], &k->needs);
        }
    }
    convert(w, &n->u.let.body);
    return make_closures(w, n, n->u.let.body);
}

static void convert(void *context, Core **child)
{
    Walk *w = context;
    Core *n = *child;

    switch ((CoreKind)n->kind) {
    case CORE_LOCAL:
        *child = reach(w, n->u.local, n->span);
        return;
    case CORE_LAMBDA:
        *child = convert_lambda(w, n);
        return;
    case CORE_CALL:
        *child = convert_call(w, n);
        return;
    case CORE_FIX:
        *child = convert_fix(w, n);
        return;
    case CORE_LABELS:
        for (uint32_t i = 0; i < n->u.let.count; i++) {
            convert(w, &n->u.let.inits[i]->u.lambda->clauses[0].body);
        }
        convert(w, &n->u.let.body);
        return;
    default:
        node_each_child(n, convert, w);
    }
}

// ---- the module -------------------------------------------------------------------------------------

static Function *make_init(Convert *cv, Core *body)
{
    Lambda *l = arena_new(&cv->c->unit, Lambda);

    l->clause_count = 1;
    l->clauses = arena_new(&cv->c->unit, Clause);
    l->clauses[0].body = body;
    l->name = sym_named(cv->c, "top level");
    return new_function(cv, l, body->span);
}

Program *pass_closure(Compiler *c, Module *m, Core *body)
{
    Convert cv = {.c = c, .program = arena_new(&c->unit, Program)};
    Annotate top = {&cv, 1};

    m->body = body;
    pass_note_globals(m);
    annotate(&top, &body);
    cv.program->init = make_init(&cv, body);
    for (uint32_t i = 0; i < m->global_count; i++) {
        Global *g = m->globals[i];
        if (g->lambda) {
            if (!g->lambda->name) g->lambda->name = g->name;
            new_function(&cv, g->lambda, g->span);
        }
    }
    convert_bodies(&cv, cv.program->init, 1, NULL, NULL, 0);
    return cv.program;
}
