// Core trees as S-expressions, for --dump and tests. See core.h.
//
// The tree is first written without line breaks; put_lines then breaks what is too wide, by its
// brackets. Recursion follows the nesting of the tree, which the expander bounds.
#include "compiler/core/core.h"

#include "vm/base/mem.h"
#include "vm/image/prim.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH          100
#define DATA_DEPTH_MAX 1000
#define DATA_BYTES_MAX (16u << 20)
#define INDENT_MAX     60

// ---- data --------------------------------------------------------------------------------------

static void put_real(Buf *b, double value)
{
    char text[40];

    if (isnan(value) || isinf(value)) {
        buf_text(b, isnan(value) ? "+nan.0" : value > 0 ? "+inf.0" : "-inf.0");
        return;
    }
    snprintf(text, sizeof text, "%.17g", value);
    buf_text(b, text);
    if (!strpbrk(text, ".e")) buf_text(b, ".0");
}

static void put_string(Buf *b, const char *text, size_t size, char quote)
{
    buf_u8(b, (uint8_t)quote);
    for (size_t i = 0; i < size; i++) {
        uint8_t byte = (uint8_t)text[i];
        if (byte == (uint8_t)quote || byte == '\\') {
            buf_printf(b, "\\%c", byte);
        } else if (byte < 0x20) {
            buf_printf(b, "\\x%x;", byte);
        } else {
            buf_u8(b, byte);
        }
    }
    buf_u8(b, (uint8_t)quote);
}

// Bars where the name would not read back as itself, roughly.
static void put_symbol(Buf *b, const Sym *s)
{
    bool plain = s->size > 0 && !(s->size == 1 && s->text[0] == '.');

    for (uint32_t i = 0; i < s->size && plain; i++) {
        uint8_t byte = (uint8_t)s->text[i];
        plain = byte > 0x20 && !strchr("()[]\"';`,|\\", byte);
    }
    if (plain) {
        buf_bytes(b, s->text, s->size);
    } else {
        put_string(b, s->text, s->size, '|');
    }
}

static void put_char(Buf *b, uint32_t scalar)
{
    if (scalar == ' ') {
        buf_text(b, "#\\space");
    } else if (scalar == '\n') {
        buf_text(b, "#\\newline");
    } else if (scalar < 0x20 || scalar == 0x7F) {
        buf_printf(b, "#\\x%x", (unsigned)scalar);
    } else {
        buf_printf(b, "#\\"), buf_char(b, scalar);
    }
}

static void put_datum(Buf *b, const Stx *x, unsigned depth);

static void put_items(Buf *b, const Stx *x, unsigned depth)
{
    buf_u8(b, '(');
    for (bool first = true;; first = false, x = x->u.pair.cdr) {
        if (!first) buf_u8(b, ' ');
        put_datum(b, x->u.pair.car, depth + 1);
        if (x->u.pair.cdr->kind != STX_PAIR || x->u.pair.cdr->cyclic) break;
    }
    if (x->u.pair.cdr->kind != STX_NIL) {
        buf_text(b, " . ");
        put_datum(b, x->u.pair.cdr, depth + 1);
    }
    buf_u8(b, ')');
}

static void put_vector(Buf *b, const Stx *x, unsigned depth)
{
    buf_text(b, "#(");
    for (size_t i = 0; i < x->u.vector.count; i++) {
        if (i > 0) buf_u8(b, ' ');
        put_datum(b, x->u.vector.items[i], depth + 1);
    }
    buf_u8(b, ')');
}

static void put_bytes(Buf *b, const Stx *x)
{
    buf_text(b, "#u8(");
    for (size_t i = 0; i < x->u.bytes.size; i++) {
        buf_printf(b, i > 0 ? " %u" : "%u", x->u.bytes.data[i]);
    }
    buf_u8(b, ')');
}

static void put_datum(Buf *b, const Stx *x, unsigned depth)
{
    // Shared parts can make a small datum a huge tree.
    if (depth > DATA_DEPTH_MAX || b->size > DATA_BYTES_MAX || (x->cyclic && depth > 0)) {
        buf_text(b, "...");
        return;
    }
    switch ((StxKind)x->kind) {
    case STX_NIL:
        buf_text(b, "()");
        break;
    case STX_BOOL:
        buf_text(b, x->u.boolean ? "#t" : "#f");
        break;
    case STX_CHAR:
        put_char(b, x->u.scalar);
        break;
    case STX_INT:
        buf_printf(b, "%lld", (long long)x->u.integer);
        break;
    case STX_FLOAT:
        put_real(b, x->u.real);
        break;
    case STX_NUMBER:
        buf_bytes(b, x->u.text.text, x->u.text.size);
        break;
    case STX_STRING:
        put_string(b, x->u.text.text, x->u.text.size, '"');
        break;
    case STX_SYMBOL:
        put_symbol(b, x->u.symbol);
        break;
    case STX_PAIR:
        put_items(b, x, depth);
        break;
    case STX_VECTOR:
        put_vector(b, x, depth);
        break;
    case STX_BYTES:
        put_bytes(b, x);
        break;
    case STX_EOF:
        buf_text(b, "#!eof");
        break;
    case STX_UNSPECIFIED:
        buf_text(b, "#!unspecified");
        break;
    case STX_DEFAULT:
        buf_text(b, "#!default");
        break;
    case STX_OBJECT: // an expression by now: forms_eval.c
        break;
    }
}

// ---- trees -------------------------------------------------------------------------------------

static void put_core(Buf *b, const Core *core);

static void put_var(Buf *b, const Var *v)
{
    put_symbol(b, v->name);
    buf_printf(b, ".%u", (unsigned)v->id);
}

static void put_global(Buf *b, const Global *g)
{
    put_symbol(b, g->module);
    buf_u8(b, ':');
    put_symbol(b, g->name);
}

static void put_all(Buf *b, Core *const *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_u8(b, ' ');
        put_core(b, items[i]);
    }
    buf_u8(b, ')');
}

static void put_formals(Buf *b, Var *const *vars, uint32_t required, bool rest)
{
    buf_u8(b, '(');
    for (uint32_t i = 0; i < required + rest; i++) {
        if (i > 0) buf_u8(b, ' ');
        if (i == required) buf_text(b, ". ");
        put_var(b, vars[i]);
    }
    buf_u8(b, ')');
}

static void put_clause(Buf *b, const Clause *c)
{
    put_formals(b, c->params, c->required, c->rest);
    buf_u8(b, ' ');
    put_core(b, c->body);
}

static void put_lambda(Buf *b, const Lambda *l)
{
    bool one = l->clause_count == 1;

    buf_text(b, one ? "(lambda" : "(case-lambda");
    if (l->name) {
        buf_u8(b, ':');
        put_symbol(b, l->name);
    }
    for (uint32_t i = 0; i < l->clause_count; i++) {
        buf_text(b, one ? " " : " (");
        put_clause(b, &l->clauses[i]);
        if (!one) buf_u8(b, ')');
    }
    buf_u8(b, ')');
}

static void put_let(Buf *b, const Core *core)
{
    const char *word = core->kind == CORE_LET      ? "(let ("
                       : core->kind == CORE_LETREC ? "(letrec ("
                       : core->kind == CORE_FIX    ? "(fix ("
                                                   : "(labels (";

    buf_text(b, word);
    for (uint32_t i = 0; i < core->u.let.count; i++) {
        buf_text(b, i > 0 ? " (" : "(");
        put_var(b, core->u.let.vars[i]);
        buf_u8(b, ' ');
        put_core(b, core->u.let.inits[i]);
        buf_u8(b, ')');
    }
    buf_text(b, ") ");
    put_core(b, core->u.let.body);
    buf_u8(b, ')');
}

static void put_let_values(Buf *b, const Core *core)
{
    uint32_t count = core->u.let_values.count;
    bool rest = core->u.let_values.rest;

    buf_text(b, "(let-values (");
    put_formals(b, core->u.let_values.vars, count - rest, rest);
    buf_u8(b, ' ');
    put_core(b, core->u.let_values.init);
    buf_text(b, ") ");
    put_core(b, core->u.let_values.body);
    buf_u8(b, ')');
}

static void put_constant(Buf *b, const Stx *x)
{
    bool quoted = x->kind == STX_SYMBOL || x->kind == STX_PAIR || x->kind == STX_NIL;

    if (quoted) buf_u8(b, '\'');
    put_datum(b, x, 0);
}

// (word item): the nodes that passes make.
static void put_late(Buf *b, const Core *core)
{
    switch ((CoreKind)core->kind) {
    case CORE_JUMP:
        buf_text(b, "(jump ");
        put_var(b, core->u.jump.label);
        put_all(b, core->u.jump.args, core->u.jump.count);
        break;
    case CORE_FREE:
        buf_printf(b, "(free %u ", (unsigned)core->u.free.index);
        put_var(b, core->u.free.var);
        buf_u8(b, ')');
        break;
    case CORE_CLOSURE:
        buf_text(b, "(closure");
        put_all(b, core->u.closure.captures, core->u.closure.count);
        break;
    case CORE_CALLK:
        buf_text(b, core->u.callk.self ? "(callk-closure" : "(callk");
        put_all(b, core->u.callk.args, core->u.callk.count);
        break;
    default:
        buf_text(b, "?");
        break;
    }
}

static void put_core(Buf *b, const Core *core)
{
    switch ((CoreKind)core->kind) {
    case CORE_CONST:
        put_constant(b, core->u.constant);
        break;
    case CORE_LOCAL:
        put_var(b, core->u.local);
        break;
    case CORE_GLOBAL:
        put_global(b, core->u.global);
        break;
    case CORE_SET_LOCAL:
        buf_text(b, "(set! ");
        put_var(b, core->u.set_local.var);
        put_all(b, &core->u.set_local.value, 1);
        break;
    case CORE_SET_GLOBAL:
    case CORE_DEFINE:
        buf_text(b, core->kind == CORE_DEFINE ? "(define " : "(set! ");
        put_global(b, core->u.set_global.global);
        put_all(b, &core->u.set_global.value, 1);
        break;
    case CORE_IF:
        buf_text(b, "(if");
        put_all(b, (Core *[]){core->u.branch.test, core->u.branch.then, core->u.branch.otherwise},
                3);
        break;
    case CORE_SEQ:
        buf_text(b, "(seq");
        put_all(b, core->u.seq.items, core->u.seq.count);
        break;
    case CORE_LAMBDA:
        put_lambda(b, core->u.lambda);
        break;
    case CORE_CALL:
        buf_text(b, "(call ");
        put_core(b, core->u.call.fn);
        put_all(b, core->u.call.args, core->u.call.count);
        break;
    case CORE_PRIM:
        buf_printf(b, "(%s", prim_info(core->u.prim.prim)->name);
        put_all(b, core->u.prim.args, core->u.prim.count);
        break;
    case CORE_LET:
    case CORE_LETREC:
    case CORE_FIX:
    case CORE_LABELS:
        put_let(b, core);
        break;
    case CORE_LET_VALUES:
        put_let_values(b, core);
        break;
    case CORE_JUMP:
    case CORE_FREE:
    case CORE_CLOSURE:
    case CORE_CALLK:
    case CORE_KINDS:
        put_late(b, core);
        break;
    }
}

// ---- layout ------------------------------------------------------------------------------------

// The end of the token at `at`: a bracket, or everything up to a space or bracket; strings, |names|
// and characters keep what they hold.
static size_t token_end(const char *text, size_t size, size_t at)
{
    char first = text[at];

    if (first == '(' || first == ')') return at + 1;
    if (first == '"' || first == '|') {
        for (at++; at < size && text[at] != first; at++) {
            at += text[at] == '\\';
        }
        return MIN(at + 1, size);
    }
    if (first == '#' && at + 2 < size && text[at + 1] == '\\') at += 3;
    while (at < size && !strchr(" ()\"|", text[at])) {
        at++;
    }
    if (at < size && (text[at] == '|' || text[at] == '"')) return token_end(text, size, at);
    return at;
}

// For every open bracket in the text, how far it is to behind its partner.
static uint32_t *measure(const char *text, size_t size)
{
    uint32_t *lengths = mem_must_alloc(MEM_COMPILER, (size + 1) * sizeof *lengths);
    uint32_t *open = mem_must_alloc(MEM_COMPILER, (size + 1) * sizeof *open);
    size_t depth = 0;

    memset(lengths, 0, (size + 1) * sizeof *lengths);
    for (size_t i = 0; i < size; i = text[i] == ' ' ? i + 1 : token_end(text, size, i)) {
        if (text[i] == '(') open[depth++] = (uint32_t)i;
        if (text[i] == ')' && depth > 0) {
            depth--;
            lengths[open[depth]] = (uint32_t)i + 1 - open[depth];
        }
    }
    mem_free(MEM_COMPILER, open, (size + 1) * sizeof *open);
    return lengths;
}

// Prints one line of text on several: a bracket that does not fit has its items below each other.
static void put_lines(const char *text, size_t size, Buf *out)
{
    uint32_t *lengths = measure(text, size);
    size_t depth = 0, column = 0;
    size_t whole = 0; // up to here the text fits on this line
    size_t items = 0; // since the last bracket that is broken up

    for (size_t i = 0; i < size;) {
        size_t end = token_end(text, size, i);
        if (text[i] == ' ') {
            bool broken = i >= whole && items > 0;
            buf_text(out, broken ? "\n" : " ");
            column++;
            if (broken) column = depth * 2;
            for (size_t k = 0; broken && k < depth * 2; k++) {
                buf_u8(out, ' ');
            }
            items++;
            i++;
            continue;
        }
        if (text[i] == '(' && i >= whole) {
            if (column + lengths[i] <= WIDTH) {
                whole = i + lengths[i];
            } else {
                items = 0;
            }
        }
        depth += text[i] == '(';
        depth -= text[i] == ')' && depth > 0;
        buf_bytes(out, text + i, end - i);
        column += end - i;
        i = end;
    }
    buf_u8(out, '\n');
    mem_free(MEM_COMPILER, lengths, (size + 1) * sizeof *lengths);
}

void core_dump(const Core *core, Buf *out)
{
    Buf flat = BUF_INIT;

    put_core(&flat, core);
    if (!flat.failed) put_lines((const char *)flat.data, flat.size, out);
    buf_free(&flat);
}

void core_dump_module(const Module *m, Buf *out)
{
    const Core *body = m->body;

    buf_printf(out, ";; %s %s",
               m->program ? "program"
               : m->open  ? "interactive"
                          : "module",
               m->name->text);
    if (m->import_count > 0) buf_text(out, ", needs");
    for (uint32_t i = 0; i < m->import_count; i++) {
        buf_printf(out, " %s", m->imports[i]->text);
    }
    if (m->main) buf_text(out, ", calls main");
    buf_u8(out, '\n');
    if (body->kind != CORE_SEQ) {
        core_dump(body, out);
        return;
    }
    for (uint32_t i = 0; i < body->u.seq.count; i++) {
        core_dump(body->u.seq.items[i], out);
    }
}
