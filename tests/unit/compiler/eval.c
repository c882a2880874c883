// See eval.h. Values are syntax nodes, with kinds of their own for procedures, records and several
// values. A variable is looked up along a list: trees of tests are small.
#include "tests/unit/compiler/eval.h"

#include "vm/image/prim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_CLOSURE = 100, VALUE_BUILTIN, VALUE_VALUES };

typedef Stx Value;

typedef struct Env {
    Var *var;
    Value *value;
    struct Env *outer;
} Env;

static Arena arena = ARENA_INIT; // values live until the process ends
static Buf shown;
static Env *globals; // keyed by Global, in `var`

typedef struct Kept {
    Arena unit;
    struct Kept *next;
} Kept;
static Kept *kept;

static Value *new_value(int kind)
{
    Value *v = arena_new(&arena, Value);

    v->kind = (uint8_t)kind;
    return v;
}

static Value *integer(int64_t i)
{
    Value *v = new_value(STX_INT);

    v->u.integer = i;
    return v;
}

static Value *boolean(bool b)
{
    Value *v = new_value(STX_BOOL);

    v->u.boolean = b;
    return v;
}

static Value *pair(Value *car, Value *cdr)
{
    Value *v = new_value(STX_PAIR);

    v->u.pair.car = car;
    v->u.pair.cdr = cdr;
    return v;
}

static Value *list_of(Value **items, uint32_t count, Value *tail)
{
    while (count-- > 0) {
        tail = pair(items[count], tail);
    }
    return tail;
}

static bool is_false(const Value *v)
{
    return v->kind == STX_BOOL && !v->u.boolean;
}

static bool same(const Value *a, const Value *b)
{
    if (a == b) return true;
    if (a->kind != b->kind) return false;
    if (a->kind == STX_INT) return a->u.integer == b->u.integer;
    if (a->kind == STX_BOOL) return a->u.boolean == b->u.boolean;
    if (a->kind == STX_SYMBOL) return a->u.symbol == b->u.symbol;
    if (a->kind == STX_CHAR) return a->u.scalar == b->u.scalar;
    return a->kind == STX_NIL;
}

static bool equal(const Value *a, const Value *b)
{
    if (a->kind == STX_PAIR && b->kind == STX_PAIR) {
        return equal(a->u.pair.car, b->u.pair.car) && equal(a->u.pair.cdr, b->u.pair.cdr);
    }
    return same(a, b);
}

static Value *error_value(const char *text)
{
    Value *v = new_value(STX_STRING);

    v->u.text.text = text;
    v->u.text.size = strlen(text);
    return v;
}

static Value *apply(Value *fn, Value **args, uint32_t count);

// ---- builtins ----------------------------------------------------------------------------------

static Value *append_two(Value *a, Value *b)
{
    return a->kind == STX_PAIR ? pair(a->u.pair.car, append_two(a->u.pair.cdr, b)) : b;
}

static uint32_t spread(Value *list, Value **out)
{
    uint32_t n = 0;

    for (; list->kind == STX_PAIR && n < 100; list = list->u.pair.cdr) {
        out[n++] = list->u.pair.car;
    }
    return n;
}

static Value *arithmetic(const char *name, Value **args, uint32_t count)
{
    int64_t result = strcmp(name, "*") == 0 ? 1 : 0;

    for (uint32_t i = 0; i < count; i++) {
        int64_t x = args[i]->u.integer;
        if (*name == '*') {
            result *= x;
        } else if (*name == '+' || (i == 0 && count > 1)) {
            result += x;
        } else {
            result -= x;
        }
    }
    return integer(result);
}

static Value *compare(const char *name, Value **args, uint32_t count)
{
    for (uint32_t i = 0; i + 1 < count; i++) {
        int64_t a = args[i]->u.integer, b = args[i + 1]->u.integer;
        bool holds = strcmp(name, "=") == 0    ? a == b
                     : strcmp(name, "<") == 0  ? a < b
                     : strcmp(name, ">") == 0  ? a > b
                     : strcmp(name, "<=") == 0 ? a <= b
                                               : a >= b;
        if (!holds) return boolean(false);
    }
    return boolean(true);
}

static Value *map_one(Value *fn, Value *list)
{
    if (list->kind != STX_PAIR) return list;
    Value *first = apply(fn, &list->u.pair.car, 1);
    return pair(first, map_one(fn, list->u.pair.cdr));
}

static Value *call_list(const char *name, Value **args, uint32_t count)
{
    Value *nil = new_value(STX_NIL), *all[100];

    if (!strcmp(name, "list") || !strcmp(name, "%list")) return list_of(args, count, nil);
    if (!strcmp(name, "%cons*")) return list_of(args, count - 1, args[count - 1]);
    if (!strcmp(name, "cons")) return pair(args[0], args[1]);
    if (!strcmp(name, "map")) return map_one(args[0], args[1]);
    if (!strcmp(name, "append") || !strcmp(name, "%append")) {
        Value *tail = count ? args[count - 1] : nil;
        for (uint32_t i = count; i-- > 1;) {
            tail = append_two(args[i - 1], tail);
        }
        return tail;
    }
    if (!strcmp(name, "vector") || !strcmp(name, "%list->vector")) {
        Value *v = new_value(STX_VECTOR);
        if (*name == '%') count = spread(args[0], all), args = all;
        v->u.vector.count = count;
        v->u.vector.items = arena_array(&arena, Value *, count + 1);
        if (count) memcpy(v->u.vector.items, args, count * sizeof *args);
        return v;
    }
    if (!strcmp(name, "apply")) {
        uint32_t n = spread(args[count - 1], all);
        return apply(args[0], all, n);
    }
    return NULL;
}

static Value *call_builtin(const char *name, Value **args, uint32_t count)
{
    Value *v = call_list(name, args, count);

    if (v) return v;
    if (!strcmp(name, "+") || !strcmp(name, "-") || !strcmp(name, "*")) {
        return arithmetic(name, args, count);
    }
    if (strchr("=<>", *name)) return compare(name, args, count);
    if (!strcmp(name, "car") || !strcmp(name, "cdr")) {
        if (args[0]->kind != STX_PAIR) return error_value("not a pair");
        return name[1] == 'a' ? args[0]->u.pair.car : args[0]->u.pair.cdr;
    }
    if (!strcmp(name, "not")) return boolean(is_false(args[0]));
    if (!strcmp(name, "null?")) return boolean(args[0]->kind == STX_NIL);
    if (!strcmp(name, "pair?")) return boolean(args[0]->kind == STX_PAIR);
    if (!strcmp(name, "number?")) return boolean(args[0]->kind == STX_INT);
    if (!strcmp(name, "symbol?")) return boolean(args[0]->kind == STX_SYMBOL);
    if (!strcmp(name, "zero?")) return boolean(args[0]->u.integer == 0);
    if (!strcmp(name, "even?")) return boolean(args[0]->u.integer % 2 == 0);
    if (!strcmp(name, "odd?")) return boolean(args[0]->u.integer % 2 != 0);
    if (!strcmp(name, "eq?") || !strcmp(name, "eqv?")) return boolean(same(args[0], args[1]));
    if (!strcmp(name, "equal?")) return boolean(equal(args[0], args[1]));
    if (!strcmp(name, "%memv")) {
        for (Value *l = args[1]; l->kind == STX_PAIR; l = l->u.pair.cdr) {
            if (same(args[0], l->u.pair.car)) return boolean(true);
        }
        return boolean(false);
    }
    if (!strcmp(name, "values")) {
        Value *all = call_list("vector", args, count);
        all->kind = VALUE_VALUES;
        return count == 1 ? args[0] : all;
    }
    if (!strcmp(name, "call-with-values")) {
        Value *got = apply(args[0], NULL, 0);
        if (got->kind != VALUE_VALUES) return apply(args[1], &got, 1);
        return apply(args[1], got->u.vector.items, (uint32_t)got->u.vector.count);
    }
    if (!strcmp(name, "%make-record-type")) return call_list("vector", args, count);
    return error_value("unknown builtin");
}

static Value *call_primitive(const char *name, Value **args, uint32_t count)
{
    if (!strcmp(name, "%make-record")) return call_list("vector", args, count);
    if (!strcmp(name, "%record-of?")) {
        return boolean(args[0]->kind == STX_VECTOR && args[0]->u.vector.count > 0 &&
                       args[0]->u.vector.items[0] == args[1]);
    }
    if (!strcmp(name, "%record-ref")) return args[0]->u.vector.items[args[2]->u.integer + 1];
    if (!strcmp(name, "%record-set!")) {
        return args[0]->u.vector.items[args[2]->u.integer + 1] = args[3];
    }
    return call_builtin(name + 1, args, count);
}

// ---- evaluation --------------------------------------------------------------------------------

static Value *eval(const Core *core, Env *env);

static Env *bind(Env *env, Var *var, Value *value)
{
    Env *e = arena_new(&arena, Env);

    *e = (Env){var, value, env};
    return e;
}

static Env *lookup(Env *env, const void *var)
{
    while (env && env->var != var) {
        env = env->outer;
    }
    return env;
}

// A closure keeps its lambda in vector.items and its environment in vector.count.
static Value *close_over(Lambda *lambda, Env *env)
{
    Value *v = new_value(VALUE_CLOSURE);

    v->u.vector.items = (Stx **)(void *)lambda;
    v->u.vector.count = (size_t)(uintptr_t)env;
    return v;
}

static Value *apply(Value *fn, Value **args, uint32_t count)
{
    if (fn->kind == VALUE_BUILTIN) return call_builtin(fn->u.symbol->text, args, count);
    if (fn->kind != VALUE_CLOSURE) return error_value("not a procedure");
    const Lambda *l = (const Lambda *)(void *)fn->u.vector.items;
    for (uint32_t i = 0; i < l->clause_count; i++) {
        const Clause *c = &l->clauses[i];
        if (count < c->required || (count > c->required && !c->rest)) continue;
        Env *env = (Env *)(uintptr_t)fn->u.vector.count;
        for (uint32_t k = 0; k < c->required; k++) {
            env = bind(env, c->params[k], args[k]);
        }
        if (c->rest) {
            Value *rest = list_of(args + c->required, count - c->required, new_value(STX_NIL));
            env = bind(env, c->params[c->required], rest);
        }
        return eval(c->body, env);
    }
    return error_value("wrong number of arguments");
}

static Value *eval_global(Global *g)
{
    Env *e = lookup(globals, g);

    if (e) return e->value;
    if (strcmp(g->module->text, "base") == 0 || strcmp(g->module->text, "std.kernel") == 0) {
        Value *v = new_value(VALUE_BUILTIN);
        v->u.symbol = g->name;
        return v;
    }
    return error_value("undefined variable");
}

static void set_global(Global *g, Value *value)
{
    Env *e = lookup(globals, g);

    if (e) {
        e->value = value;
    } else {
        globals = bind(globals, (Var *)(void *)g, value);
    }
}

static Value *eval_let_values(const Core *core, Env *env)
{
    Value *got = eval(core->u.let_values.init, env), *one[1] = {got}, **items = one;
    uint32_t count = 1, n = core->u.let_values.count - core->u.let_values.rest;

    if (got->kind == VALUE_VALUES) {
        items = got->u.vector.items;
        count = (uint32_t)got->u.vector.count;
    }
    if (count < n || (count > n && !core->u.let_values.rest)) {
        return error_value("wrong number of values");
    }
    for (uint32_t i = 0; i < n; i++) {
        env = bind(env, core->u.let_values.vars[i], items[i]);
    }
    if (core->u.let_values.rest) {
        env = bind(env, core->u.let_values.vars[n],
                   list_of(items + n, count - n, new_value(STX_NIL)));
    }
    return eval(core->u.let_values.body, env);
}

static Value *eval_let(const Core *core, Env *env)
{
    Env *inner = env;

    if (core->kind == CORE_LETREC) {
        for (uint32_t i = 0; i < core->u.let.count; i++) {
            inner = bind(inner, core->u.let.vars[i], error_value("not initialized"));
        }
        for (uint32_t i = 0; i < core->u.let.count; i++) {
            Value *v = eval(core->u.let.inits[i], inner);
            lookup(inner, core->u.let.vars[i])->value = v;
        }
    } else {
        for (uint32_t i = 0; i < core->u.let.count; i++) {
            inner = bind(inner, core->u.let.vars[i], eval(core->u.let.inits[i], env));
        }
    }
    return eval(core->u.let.body, inner);
}

static Value *eval_call(const Core *core, Env *env)
{
    uint32_t count = core->kind == CORE_PRIM ? core->u.prim.count : core->u.call.count;
    Core **args = core->kind == CORE_PRIM ? core->u.prim.args : core->u.call.args;
    Value **values = arena_array(&arena, Value *, count + 1);
    Value *fn = core->kind == CORE_CALL ? eval(core->u.call.fn, env) : NULL;

    for (uint32_t i = 0; i < count; i++) {
        values[i] = eval(args[i], env);
    }
    return fn ? apply(fn, values, count)
              : call_primitive(prim_info(core->u.prim.prim)->name, values, count);
}

static Value *eval(const Core *core, Env *env)
{
    Env *e;
    Value *v = NULL;

    switch ((CoreKind)core->kind) {
    case CORE_CONST:
        return core->u.constant;
    case CORE_LOCAL:
        e = lookup(env, core->u.local);
        return e ? e->value : error_value("no such local");
    case CORE_GLOBAL:
        return eval_global(core->u.global);
    case CORE_SET_LOCAL:
        v = eval(core->u.set_local.value, env);
        lookup(env, core->u.set_local.var)->value = v;
        return new_value(STX_UNSPECIFIED);
    case CORE_SET_GLOBAL:
    case CORE_DEFINE:
        v = eval(core->u.set_global.value, env);
        set_global(core->u.set_global.global, v);
        return new_value(STX_UNSPECIFIED);
    case CORE_IF:
        v = eval(core->u.branch.test, env);
        return eval(is_false(v) ? core->u.branch.otherwise : core->u.branch.then, env);
    case CORE_SEQ:
        for (uint32_t i = 0; i < core->u.seq.count; i++) {
            v = eval(core->u.seq.items[i], env);
        }
        return v;
    case CORE_LAMBDA:
        return close_over(core->u.lambda, env);
    case CORE_CALL:
    case CORE_PRIM:
        return eval_call(core, env);
    case CORE_LET:
    case CORE_LETREC:
        return eval_let(core, env);
    case CORE_LET_VALUES:
        return eval_let_values(core, env);
    default:
        return error_value("unexpected core");
    }
}

// ---- running -----------------------------------------------------------------------------------

// Core and constants go with their unit, but closures of it may run later: its memory is kept.
static void keep_unit(TestSession *s)
{
    Kept *k = malloc(sizeof *k);

    *k = (Kept){s->c.unit, kept};
    kept = k;
    s->c.unit = (Arena)ARENA_INIT;
}

static void run_required(TestSession *s, const Expanded *e)
{
    for (uint32_t i = 0; i < e->count; i++) {
        if (strcmp(e->modules[i]->name->text, "base") != 0) eval(e->modules[i]->body, NULL);
    }
    keep_unit(s);
}

void run_free(void)
{
    for (Kept *k = kept, *next; k; k = next) {
        next = k->next;
        arena_free(&k->unit);
        free(k);
    }
    kept = NULL;
    globals = NULL;
    arena_free(&arena);
    buf_free(&shown);
}

static const char *run(TestSession *s, bool good, const Expanded *e)
{
    buf_clear(&shown);
    buf_bytes(&shown, s->diag.text.data, s->diag.text.size);
    if (good) {
        Value *v = NULL;
        for (uint32_t i = 0; i < e->count; i++) {
            v = eval(e->modules[i]->body, NULL);
        }
        Core core = {.kind = CORE_CONST, .u.constant = v};
        if (v && v->kind < VALUE_CLOSURE) {
            core_dump(&core, &shown);
        } else {
            buf_text(&shown, v ? "#<procedure>" : "nothing");
        }
    }
    buf_clear(&s->diag.text);
    s->diag.errors = s->diag.warnings = 0;
    return buf_cstr(&shown);
}

static const char *run_source(TestSession *s, const char *text, bool open)
{
    UnitFrame frame;
    Source *source = arena_new(&arena, Source);
    Expanded e = {0};
    bool good;

    s->on_compiled = run_required;
    source_init(source, open ? "<repl>" : "t.eta", text, strlen(text));
    unit_begin(&s->c, &frame);
    if (open) {
        Stx *forms = reader_all(&s->c, source, false);
        good = s->diag.errors == 0 && expand_open(&s->c, sym_named(&s->c, "user"), forms, NULL, &e);
    } else {
        good = expand_source(&s->c, source, &e);
    }
    const char *result = run(s, good, &e);
    keep_unit(s);
    unit_end(&s->c, &frame);
    source_free(source);
    return result;
}

const char *run_text(TestSession *s, const char *text)
{
    return run_source(s, text, false);
}

const char *run_line(TestSession *s, const char *text)
{
    return run_source(s, text, true);
}
