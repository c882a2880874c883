// Makers of core nodes.
#include "compiler/syntax/expand_int.h"

#include "vm/image/prim.h"

#include <string.h>

Core *core_new(Expander *x, CoreKind kind, Span span)
{
    Core *core = arena_new(unit_arena(x), Core);

    core->kind = (uint8_t)kind;
    core->span = span;
    return core;
}

Core *core_constant(Expander *x, Stx *datum)
{
    Core *objects = x->c->objects > 0 ? object_constant(x, datum) : NULL;
    if (objects) return objects;
    Core *core = core_new(x, CORE_CONST, stx_span(datum));

    core->u.constant = datum;
    return core;
}

Core *core_unspecified(Expander *x, Span span)
{
    return core_constant(x, stx_new(x, STX_UNSPECIFIED, span));
}

Core *core_boolean(Expander *x, bool value, Span span)
{
    Stx *stx = stx_new(x, STX_BOOL, span);

    stx->u.boolean = value;
    return core_constant(x, stx);
}

Core *core_symbol(Expander *x, Sym *symbol, Span span)
{
    return core_constant(x, stx_symbol(x, symbol, 0, span));
}

Core *core_local(Expander *x, Var *var, Span span)
{
    Core *core = core_new(x, CORE_LOCAL, span);

    var->refs++; // until the first census: whether define-values needs letrec* (body.c)
    core->u.local = var;
    return core;
}

Core *core_global(Expander *x, Global *global, Span span)
{
    Core *core = core_new(x, CORE_GLOBAL, span);

    module_needs(x, global->module); // a default name's module is needed by those who use it alone
    core->u.global = global;
    return core;
}

Core *core_if(Expander *x, Core *test, Core *then, Core *otherwise, Span span)
{
    Core *core = core_new(x, CORE_IF, span);

    core->u.branch.test = test;
    core->u.branch.then = then;
    core->u.branch.otherwise = otherwise;
    return core;
}

Core *core_seq(Expander *x, Core **items, uint32_t count, Span span)
{
    if (count == 0) return core_unspecified(x, span);
    if (count == 1) return items[0];
    Core *core = core_new(x, CORE_SEQ, span);
    core->u.seq.items = items;
    core->u.seq.count = count;
    return core;
}

Core *core_call(Expander *x, Core *fn, Core **args, uint32_t count, Span span)
{
    Core *core = core_new(x, CORE_CALL, span);

    core->u.call.fn = fn;
    core->u.call.args = args;
    core->u.call.count = count;
    return core;
}

Core *core_let(Expander *x, CoreKind kind, Var **vars, Core **inits, uint32_t count, Core *body,
               Span span)
{
    if (count == 0) return body;
    Core *core = core_new(x, kind, span);
    core->u.let.vars = vars;
    core->u.let.inits = inits;
    core->u.let.count = count;
    core->u.let.body = body;
    return core;
}

Core *core_let1(Expander *x, Var *var, Core *init, Core *body, Span span)
{
    Var **vars = arena_new(unit_arena(x), Var *);
    Core **inits = arena_new(unit_arena(x), Core *);

    vars[0] = var;
    inits[0] = init;
    return core_let(x, CORE_LET, vars, inits, 1, body, span);
}

Core *core_lambda(Expander *x, Sym *name, Var **params, uint32_t count, Core *body, Span span)
{
    Core *core = core_new(x, CORE_LAMBDA, span);
    Lambda *lambda = arena_new(unit_arena(x), Lambda);
    Clause *clause = arena_new(unit_arena(x), Clause);

    clause->params = arena_array(unit_arena(x), Var *, count);
    if (count) memcpy(clause->params, params, count * sizeof *params);
    clause->required = count;
    clause->body = body;
    *lambda = (Lambda){.name = name, .clauses = clause, .clause_count = 1};
    core->u.lambda = lambda;
    return core;
}

void core_name(Core *value, Sym *name)
{
    if (value->kind == CORE_LAMBDA && !value->u.lambda->name) value->u.lambda->name = name;
}

// ---- operations of the kernel ------------------------------------------------------------------

static const char *kernel_name(KernelId id)
{
    static const char *const names[] = {
#define KERNEL(id, name, args, doc) name,
#include "compiler/syntax/kernel.def"
    };
    return names[id];
}

// The index of the primitive that does the operation on so many arguments, else -1.
static int32_t kernel_prim(Expander *x, KernelId id, uint32_t count)
{
    int32_t *known = &x->kernel_prims[id];

    if (*known == -2) *known = prim_find(kernel_name(id), strlen(kernel_name(id)));
    if (*known < 0) return -1;
    const PrimInfo *info = prim_info(*known);
    bool enough = (int64_t)count >= info->min_args;
    bool fits = info->max_args < 0 || (int64_t)count <= info->max_args;
    return enough && fits ? *known : -1;
}

// The variable in the kernel module. A kernel that cannot be found is reported once, by
// iface_require; the variable then has no facts.
static Global *kernel_global(Expander *x, KernelId id, Span span)
{
    Sym *name = sym_named(x->c, kernel_name(id));
    Sym *kernel = x->c->kernel;
    Binding *b = NULL;

    if (!kernel) return global_of(x, sym_named(x->c, "std.kernel"), name);
    Iface *iface = names_get(&x->modules, kernel, 0);
    if (!iface && !x->kernel_failed) {
        iface = iface_require(x->c, kernel, SPAN_NONE);
        x->kernel_failed = !iface;
    }
    if (iface && iface->state == IFACE_READY) b = iface_exported(x, iface, name);
    if (iface && iface->state == IFACE_EXPANDING && iface != x->module->iface) {
        syntax_error(x, span, "%s needs module %s, which imports this one: not possible here",
                     kernel_name(id), kernel->text);
    }
    module_needs(x, kernel);
    return b && b->kind == BIND_GLOBAL ? b->u.global : global_of(x, kernel, name);
}

Core *core_kernel(Expander *x, KernelId id, Core **args, uint32_t count, Span span)
{
    int32_t prim = kernel_prim(x, id, count);
    Core **copy = arena_array(unit_arena(x), Core *, count);

    if (count) memcpy(copy, args, count * sizeof *args);
    if (prim < 0) {
        return core_call(x, core_global(x, kernel_global(x, id, span), span), copy, count, span);
    }
    Core *core = core_new(x, CORE_PRIM, span);
    core->u.prim.prim = (uint16_t)prim;
    core->u.prim.args = copy;
    core->u.prim.count = count;
    return core;
}
