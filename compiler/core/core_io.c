// See core_io.h. The bytes are not trusted: every count is bounded by what is there, every index
// checked.
#include "compiler/core/core_io.h"

#include "compiler/syntax/expand.h"
#include "vm/base/cur.h"
#include "vm/image/prim.h"

#include <string.h>

#define DEPTH_MAX 64
#define VARS_MAX  256

enum {
    IO_INT = 1,
    IO_FALSE,
    IO_TRUE,
    IO_NIL,
    IO_CHAR,
    IO_SYMBOL,
    IO_UNSPECIFIED,
    IO_DEFAULT,
    IO_EOF,
    IO_STRING,
    IO_LOCAL,
    IO_GLOBAL,
    IO_IF,
    IO_SEQ,
    IO_CALL,
    IO_PRIM,
    IO_LET,
};

// ---- writing ------------------------------------------------------------------------------------

typedef struct {
    Buf *out;
    const Global *self;  // a recursive clause is not offered: it would be unrolled
    bool failures;       // may it call other procedures, or do what can fail
    Var *vars[VARS_MAX]; // in scope, by number
    uint32_t count;
} Writer;

static bool write_node(Writer *w, const Core *n, unsigned depth);

static bool write_const(Writer *w, const Stx *x)
{
    switch ((StxKind)x->kind) {
    case STX_INT:
        buf_u8(w->out, IO_INT);
        buf_svarint(w->out, x->u.integer);
        return true;
    case STX_BOOL:
        buf_u8(w->out, x->u.boolean ? IO_TRUE : IO_FALSE);
        return true;
    case STX_NIL:
        buf_u8(w->out, IO_NIL);
        return true;
    case STX_CHAR:
        buf_u8(w->out, IO_CHAR);
        buf_varint(w->out, x->u.scalar);
        return true;
    case STX_SYMBOL:
        buf_u8(w->out, IO_SYMBOL);
        buf_block(w->out, x->u.symbol->text, x->u.symbol->size);
        return true;
    case STX_STRING:
        buf_u8(w->out, IO_STRING);
        buf_block(w->out, x->u.text.text, x->u.text.size);
        return true;
    case STX_UNSPECIFIED:
        buf_u8(w->out, IO_UNSPECIFIED);
        return true;
    case STX_DEFAULT:
        buf_u8(w->out, IO_DEFAULT);
        return true;
    case STX_EOF:
        buf_u8(w->out, IO_EOF);
        return true;
    default:
        return false;
    }
}

static bool write_local(Writer *w, const Var *v)
{
    for (uint32_t i = w->count; i > 0; i--) {
        if (w->vars[i - 1] != v) continue;
        buf_u8(w->out, IO_LOCAL);
        buf_varint(w->out, i - 1);
        return true;
    }
    return false;
}

static bool write_nodes(Writer *w, uint8_t tag, Core *const *items, uint32_t count, unsigned depth)
{
    if (tag) buf_u8(w->out, tag);
    buf_varint(w->out, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!write_node(w, items[i], depth + 1)) return false;
    }
    return true;
}

static bool bind(Writer *w, Var *v)
{
    if (w->count == VARS_MAX || v->assigned) return false;
    w->vars[w->count++] = v;
    return true;
}

static bool write_let(Writer *w, const Core *n, unsigned depth)
{
    uint32_t before = w->count;

    if (!write_nodes(w, IO_LET, n->u.let.inits, n->u.let.count, depth)) return false;
    for (uint32_t i = 0; i < n->u.let.count; i++) {
        if (!bind(w, n->u.let.vars[i])) return false;
    }
    bool ok = write_node(w, n->u.let.body, depth + 1);
    w->count = before;
    return ok;
}

// What fails should do so in a frame of the procedure that says it, unless the error names that procedure
// anyway.
static bool may_offer(const Writer *w, int prim)
{
    const PrimInfo *p = prim_info(prim);

    // The continuation that it takes is that of the procedure it stands in.
    if (prim == PRIM_ID_capture) return false;
    if (w->failures || (p->flags & PRIMF_NOFAIL)) return true;
    return p->shape == PRIM_TEST || p->shape == PRIM_BITS || p->shape == PRIM_KIND ||
           prim == PRIM_ID_make_record || prim == PRIM_ID_record_ref ||
           prim == PRIM_ID_record_set || prim == PRIM_ID_record_of;
}

static bool write_node(Writer *w, const Core *n, unsigned depth)
{
    if (depth > DEPTH_MAX) return false;
    switch ((CoreKind)n->kind) {
    case CORE_CONST:
        return write_const(w, n->u.constant);
    case CORE_LOCAL:
        return write_local(w, n->u.local);
    case CORE_GLOBAL:
        // A variable that others may not name, or that changes, stays in its module.
        if (n->u.global->assigned || n->u.global->open || !n->u.global->needed) return false;
        if (n->u.global == w->self) return false;
        buf_u8(w->out, IO_GLOBAL);
        buf_block(w->out, n->u.global->module->text, n->u.global->module->size);
        buf_block(w->out, n->u.global->name->text, n->u.global->name->size);
        return true;
    case CORE_IF:
        buf_u8(w->out, IO_IF);
        return write_node(w, n->u.branch.test, depth + 1) &&
               write_node(w, n->u.branch.then, depth + 1) &&
               write_node(w, n->u.branch.otherwise, depth + 1);
    case CORE_SEQ:
        return write_nodes(w, IO_SEQ, n->u.seq.items, n->u.seq.count, depth);
    case CORE_CALL:
        if (!w->failures) return false;
        buf_u8(w->out, IO_CALL);
        return write_node(w, n->u.call.fn, depth + 1) &&
               write_nodes(w, 0, n->u.call.args, n->u.call.count, depth);
    case CORE_PRIM:
        if (!may_offer(w, n->u.prim.prim)) return false;
        buf_u8(w->out, IO_PRIM);
        buf_varint(w->out, n->u.prim.prim);
        return write_nodes(w, 0, n->u.prim.args, n->u.prim.count, depth);
    case CORE_LET:
        return write_let(w, n, depth);
    default:
        return false;
    }
}

// Appends the body, or nothing when it is large or cannot be written.
static bool write_body(Buf *out, const Global *g, const Clause *c, const InlineRules *rules)
{
    Writer w = {.out = out, .self = g, .failures = rules->failures};
    size_t start = out->size;

    if (node_size(c->body, rules->size_max + 1) > rules->size_max) return false;
    for (uint32_t j = 0; j < c->required + c->rest; j++) {
        if (!bind(&w, c->params[j])) return false;
    }
    if (write_node(&w, c->body, 0)) return true;
    out->size = start;
    return false;
}

bool core_write(Buf *out, const Global *g, const InlineRules *rules)
{
    const Lambda *l = g->lambda;
    bool any = false;

    buf_varint(out, l->clause_count);
    for (uint32_t i = 0; i < l->clause_count; i++) {
        const Clause *c = &l->clauses[i];
        buf_varint(out, c->required);
        buf_u8(out, c->rest);
        size_t length = out->size;
        buf_u32(out, 0);
        if (!write_body(out, g, c, rules)) continue;
        any = true;
        if (!out->failed) buf_patch_u32(out, length, (uint32_t)(out->size - length - 4));
    }
    return any && !out->failed;
}

// ---- reading ------------------------------------------------------------------------------------

typedef struct {
    Compiler *c;
    Cur in;
    Span span;
    Var *vars[VARS_MAX];
    uint32_t count;
} Decoder;

static Core *read_node(Decoder *r, unsigned depth);

static Core *fail(Decoder *r)
{
    cur_fail(&r->in);
    return NULL;
}

static Core *read_const(Decoder *r, StxKind kind)
{
    Core *n = node_unspecified(r->c, r->span);
    n->u.constant->kind = (uint8_t)kind;
    return n;
}

static Core *read_text(Decoder *r, uint8_t tag)
{
    size_t size;
    const uint8_t *p = cur_block(&r->in, &size);

    if (!p) return fail(r);
    if (tag == IO_SYMBOL)
        return node_symbol(r->c, sym_intern(r->c, (const char *)p, size), r->span);
    Core *n = read_const(r, STX_STRING);
    n->u.constant->u.text.text = arena_text(&r->c->unit, (const char *)p, size);
    n->u.constant->u.text.size = size;
    return n;
}

static Core **read_nodes(Decoder *r, uint32_t *count, unsigned depth)
{
    *count = (uint32_t)cur_count(&r->in, cur_left(&r->in));
    Core **items = arena_array(&r->c->unit, Core *, *count);
    for (uint32_t i = 0; i < *count; i++) {
        items[i] = read_node(r, depth + 1);
        if (!items[i]) return NULL;
    }
    return items;
}

static bool bind_new(Decoder *r, Var **slot)
{
    if (r->count == VARS_MAX) return false;
    *slot = r->vars[r->count++] = node_var(r->c, sym_named(r->c, "x"), r->span);
    return true;
}

static Core *read_let(Decoder *r, unsigned depth)
{
    uint32_t count, before = r->count;
    Core **inits = read_nodes(r, &count, depth);

    if (!inits) return fail(r);
    Var **vars = arena_array(&r->c->unit, Var *, count);
    for (uint32_t i = 0; i < count; i++) {
        if (!bind_new(r, &vars[i])) return fail(r);
    }
    Core *body = read_node(r, depth + 1);
    r->count = before;
    return body ? node_let(r->c, CORE_LET, vars, inits, count, body, r->span) : NULL;
}

static Core *read_global(Decoder *r)
{
    size_t module_size, name_size;
    const uint8_t *module = cur_block(&r->in, &module_size);
    const uint8_t *name = cur_block(&r->in, &name_size);

    if (!module || !name) return fail(r);
    Core *n = node_new(r->c, CORE_GLOBAL, r->span);
    n->u.global = expand_global(r->c, sym_intern(r->c, (const char *)module, module_size),
                                sym_intern(r->c, (const char *)name, name_size));
    return n;
}

static Core *read_prim(Decoder *r, unsigned depth)
{
    Core *n = node_new(r->c, CORE_PRIM, r->span);
    uint64_t prim = cur_count(&r->in, PRIM_COUNT - 1);

    n->u.prim.prim = (uint16_t)prim;
    n->u.prim.args = read_nodes(r, &n->u.prim.count, depth);
    const PrimInfo *p = prim_info((int)prim);
    if (!n->u.prim.args || n->u.prim.count < (uint32_t)p->min_args ||
        (p->max_args >= 0 && n->u.prim.count > (uint32_t)p->max_args))
        return fail(r);
    return n;
}

static Core *read_branch(Decoder *r, unsigned depth)
{
    Core *test = read_node(r, depth + 1);
    Core *then = test ? read_node(r, depth + 1) : NULL;
    Core *otherwise = then ? read_node(r, depth + 1) : NULL;

    return otherwise ? node_if(r->c, test, then, otherwise, r->span) : fail(r);
}

static Core *read_call(Decoder *r, unsigned depth)
{
    Core *n = node_new(r->c, CORE_CALL, r->span);

    n->u.call.fn = read_node(r, depth + 1);
    n->u.call.args = n->u.call.fn ? read_nodes(r, &n->u.call.count, depth) : NULL;
    return n->u.call.args ? n : fail(r);
}

static Core *read_seq(Decoder *r, unsigned depth)
{
    Core *n = node_new(r->c, CORE_SEQ, r->span);

    n->u.seq.items = read_nodes(r, &n->u.seq.count, depth);
    return n->u.seq.items && n->u.seq.count > 0 ? n : fail(r);
}

static Core *read_node(Decoder *r, unsigned depth)
{
    uint8_t tag = cur_u8(&r->in);
    uint64_t i;
    Core *n;

    if (!r->in.ok || depth > DEPTH_MAX) return fail(r);
    switch (tag) {
    case IO_INT:
        return node_int(r->c, cur_svarint(&r->in), r->span);
    case IO_FALSE:
    case IO_TRUE:
        return node_bool(r->c, tag == IO_TRUE, r->span);
    case IO_NIL:
        return node_nil(r->c, r->span);
    case IO_CHAR:
        n = read_const(r, STX_CHAR);
        n->u.constant->u.scalar = (uint32_t)cur_count(&r->in, 0x10FFFF);
        return n;
    case IO_SYMBOL:
    case IO_STRING:
        return read_text(r, tag);
    case IO_UNSPECIFIED:
        return read_const(r, STX_UNSPECIFIED);
    case IO_DEFAULT:
        return read_const(r, STX_DEFAULT);
    case IO_EOF:
        return read_const(r, STX_EOF);
    case IO_LOCAL:
        i = cur_varint(&r->in);
        return r->in.ok && i < r->count ? node_local(r->c, r->vars[i], r->span) : fail(r);
    case IO_GLOBAL:
        return read_global(r);
    case IO_IF:
        return read_branch(r, depth);
    case IO_SEQ:
        return read_seq(r, depth);
    case IO_CALL:
        return read_call(r, depth);
    case IO_PRIM:
        return read_prim(r, depth);
    case IO_LET:
        return read_let(r, depth);
    default:
        return fail(r);
    }
}

static Lambda *read_clause(Decoder *r, uint32_t required, bool rest)
{
    Lambda *l = arena_new(&r->c->unit, Lambda);
    Clause *clause = arena_new(&r->c->unit, Clause);

    l->clause_count = 1;
    l->clauses = clause;
    clause->required = required;
    clause->rest = rest;
    clause->params = arena_array(&r->c->unit, Var *, required + 1);
    for (uint32_t j = 0; j < required + rest; j++) {
        if (!bind_new(r, &clause->params[j])) return NULL;
    }
    clause->body = read_node(r, 0);
    return clause->body && r->in.ok ? l : NULL;
}

Lambda *core_read(Compiler *c, const uint8_t *bytes, size_t size, uint32_t count, Span span)
{
    Decoder r = {.c = c, .in = cur_make(bytes, size), .span = span};
    uint64_t clauses = cur_count(&r.in, cur_left(&r.in));

    for (uint64_t i = 0; i < clauses && r.in.ok; i++) {
        uint32_t required = (uint32_t)cur_count(&r.in, VARS_MAX - 1);
        bool rest = cur_u8(&r.in) != 0;
        uint32_t length = cur_u32(&r.in);
        if (count == required || (rest && count > required))
            return length ? read_clause(&r, required, rest) : NULL;
        (void)cur_bytes(&r.in, length);
    }
    return NULL;
}
