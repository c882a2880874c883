// Compiling while the program runs: see builder.h, EvalInput.
//
// An evaluation in a module M that is no interactive one goes to an interactive module of its own, named
// "inside M", which imports all that M sees; what is defined there stays there.
#include "compiler/builder.h"
#include "compiler/read/reader.h"
#include "compiler/syntax/iface.h"
#include "vm/base/mem.h"

#include <string.h>

static InputResult compile_text(Builder *b, const char *module, const EvalInput *in,
                                const OpenInput *open, Buf *image)
{
    Compiler *c = &b->driver.session;
    InputResult result = INPUT_FAILED;
    UnitFrame frame;
    Source source;

    // Nothing that outlives the unit points into the text ([X2] of compiler/syntax/scope.h).
    source_init(&source, in->path, in->text, in->size);
    unit_begin(c, &frame);
    c->objects = in->objects;
    Stx *forms = reader_all(c, &source, false);
    if (b->diag.incomplete) {
        result = INPUT_INCOMPLETE;
    } else if (b->diag.errors == 0 && forms->kind == STX_NIL) {
        result = INPUT_EMPTY;
    } else if (b->diag.errors == 0 && compile_forms(&b->driver, module, forms, open, image) &&
               b->diag.errors == 0) {
        result = INPUT_COMPILED;
    }
    c->objects = 0;
    unit_end(c, &frame);
    source_free(&source);
    return result;
}

// A name as a symbol that the reader takes for the same.
static void put_symbol(Buf *out, const char *name)
{
    buf_u8(out, '|');
    for (; *name; name++) {
        if (*name == '|' || *name == '\\' || (unsigned char)*name < ' ') {
            buf_printf(out, "\\x%x;", (unsigned char)*name);
        } else {
            buf_u8(out, (uint8_t)*name);
        }
    }
    buf_u8(out, '|');
}

// Makes the module "inside M" when there is none yet, or its imports again after a new version of some
// module. False: there is no M.
static bool open_inside(Builder *b, const char *module, const char *inside)
{
    Compiler *c = &b->driver.session;
    Buf text = BUF_INIT, image = BUF_INIT;
    UnitFrame frame;

    const Iface *made = iface_find(c, sym_named(c, inside));
    if (made && iface_is_fresh(c, made)) return true;
    unit_begin(c, &frame);
    const Iface *m = iface_require(c, sym_named(c, module), SPAN_NONE);
    OpenInput open = {.closed = m && !iface_sees_defaults(m), .imports = true};
    unit_end(c, &frame);
    if (!m) return false;
    buf_text(&text, "(import (%inside ");
    put_symbol(&text, module);
    buf_text(&text, "))");
    EvalInput in = {.path = "<eval>", .text = buf_cstr(&text), .size = text.size};
    bool ok = compile_text(b, inside, &in, &open, &image) == INPUT_COMPILED;
    buf_free(&text);
    buf_free(&image); // its body does nothing
    return ok;
}

static uint32_t changes_of(Compiler *c, const char *module)
{
    const Iface *iface = iface_find(c, sym_named(c, module));
    return iface ? iface_changes(iface) : 0;
}

EvalResult builder_evaluate(Builder *b, const EvalInput *in, Buf *image)
{
    Compiler *c = &b->driver.session;
    OpenInput open = {
        .closed = in->environment, .fixed = in->environment, .imports = in->environment};
    EvalResult result = {INPUT_FAILED, true};
    Buf inside = BUF_INIT;
    Sym **locals = NULL;

    diag_free(&b->diag);
    diag_init(&b->diag);
    Iface *iface = iface_known(c, sym_named(c, in->module));
    if (in->environment && iface) {
        if (iface_is_fresh(c, iface)) return (EvalResult){INPUT_EMPTY, false};
        iface_thaw(iface);
    }
    if (in->local_count > 0) {
        locals = mem_must_alloc(MEM_COMPILER, in->local_count * sizeof *locals);
        for (uint32_t i = 0; i < in->local_count; i++) {
            locals[i] = sym_named(c, in->locals[i]);
        }
        open.locals = locals;
        open.local_count = in->local_count;
    }
    bool interactive = in->environment || (iface && iface_is_open(iface)) ||
                       strcmp(in->module, INTERACTION_MODULE) == 0;
    buf_printf(&inside, interactive ? "%s" : "inside %s", in->module);
    const char *module = buf_cstr(&inside);
    if (interactive || open_inside(b, in->module, module)) {
        uint32_t before = changes_of(c, module);
        result.result = compile_text(b, module, in, &open, image);
        result.changed = changes_of(c, module) != before;
    }
    if (locals) mem_free(MEM_COMPILER, locals, in->local_count * sizeof *locals);
    buf_free(&inside);
    return result;
}
