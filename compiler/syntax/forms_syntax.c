// Forms about syntax: define-syntax, let-syntax, letrec-syntax, syntax-error, cond-expand, include.
#include "compiler/syntax/expand_int.h"

#include "compiler/read/reader.h"

#include <string.h>

#define INCLUDES_MAX 100 // nested

// ---- transformers ------------------------------------------------------------------------------

static Binding *macro_from_rules(Expander *x, Stx *name, Stx *spec)
{
    Macro *macro = arena_new(unit_arena(x), Macro);

    macro->binding.kind = BIND_MACRO;
    macro->binding.u.macro = macro;
    macro->name = stx_is_symbol(name) ? name->u.symbol : sym_named(x->c, "_");
    macro->span = stx_span(name);
    macro->spec = stx_cdr(x, spec);
    if (rules_compile(x, macro)) return &macro->binding;
    return &x->broken;
}

Binding *make_transformer(Expander *x, Stx *name, Stx *spec)
{
    const Expansion *outer = x->where.expansion;
    Binding *result = NULL;

    for (;;) {
        Binding *b = stx_is_symbol(spec) ? resolve(x, spec) : head_binding(x, spec);
        if (stx_is_symbol(spec) && b && b->kind != BIND_LOCAL && b->kind != BIND_GLOBAL) {
            result = b; // another name for what is syntax already
        } else if (b && b->kind == BIND_MACRO) {
            spec = expand_macro(x, b->u.macro, spec);
            if (spec) continue;
        } else if (b && b->kind == BIND_FORM && b->u.form == FORM_syntax_rules) {
            result = macro_from_rules(x, name, spec);
        } else if (b && b->kind == BIND_FORM && b->u.form == FORM_er_macro) {
            syntax_error(x, stx_span(spec), "er-macro-transformer is not supported yet");
        } else if (!b || b->kind != BIND_BROKEN) {
            syntax_error(x, stx_span(spec),
                         "expected a transformer (syntax-rules (literal ...) (pattern template) "
                         "...), got %s",
                         stx_text(x, spec));
        }
        break;
    }
    x->where.expansion = outer;
    return result ? result : &x->broken;
}

void collect_define_syntax(Expander *x, Context *cx, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(
        x, form, 2, 2, "(define-syntax name (syntax-rules (literal ...) (pattern template) ...))",
        &count);

    if (!operands) {
        define_broken(x, cx, form);
    } else {
        define_keyword(x, cx, operands[0], make_transformer(x, operands[0], operands[1]));
    }
}

static Core *let_syntax(Expander *x, Stx *form, bool recursive)
{
    uint32_t count, binding_count;
    Stx **operands = form_operands(x, form, 2, UINT32_MAX,
                                   "(let-syntax ((name transformer) ...) expression ...)", &count);

    if (!operands) return NULL;
    const char *what = stx_text(x, stx_car(x, form));
    Stx **bindings = stx_list(x, operands[0], &binding_count);
    if (!bindings) {
        return syntax_error(x, stx_span(operands[0]),
                            "%s: expected a list of (name transformer), got %s", what,
                            stx_text(x, operands[0]));
    }
    uint32_t scope = scope_new(x);
    for (uint32_t i = 0; i < binding_count; i++) {
        uint32_t parts_count;
        Stx **parts = stx_list(x, bindings[i], &parts_count);
        if (!parts || parts_count != 2 || !stx_is_symbol(parts[0])) {
            return syntax_error(x, stx_span(bindings[i]), "%s: expected (name transformer), got %s",
                                what, stx_text(x, bindings[i]));
        }
        Stx *name = stx_add_scope(x, parts[0], scope);
        if (entry_find(x, name->u.symbol, name->scopes)) {
            return syntax_error(x, stx_span(name), "%s: the name %s is bound twice", what,
                                name->u.symbol->text);
        }
        Stx *spec = recursive ? stx_add_scope(x, parts[1], scope) : parts[1];
        Binding *b = make_transformer(x, name, spec);
        if (b->kind == BIND_MACRO && b->u.macro->frame == 0) b->u.macro->frame = scope;
        entry_add(x, name, name->scopes, b, ENTRY_PARAMETER);
    }
    Stx *forms = stx_add_scope(x, stx_cdr(x, stx_cdr(x, form)), scope);
    return expand_body(x, forms, scope, stx_span(form), what);
}

Core *form_let_syntax(Expander *x, Stx *form)
{
    return let_syntax(x, form, false);
}

Core *form_letrec_syntax(Expander *x, Stx *form)
{
    return let_syntax(x, form, true);
}

// ---- syntax-error ------------------------------------------------------------------------------

Core *form_syntax_error(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **operands = form_operands(x, form, 1, UINT32_MAX, "(syntax-error message irritant ...)",
                                   &count);
    Buf text = BUF_INIT;

    if (!operands) return NULL;
    if (operands[0]->kind == STX_STRING) {
        buf_bytes(&text, operands[0]->u.text.text, operands[0]->u.text.size);
    } else {
        buf_text(&text, stx_text(x, operands[0]));
    }
    for (uint32_t i = 1; i < count; i++) {
        buf_printf(&text, " %s", stx_text(x, operands[i]));
    }
    syntax_error(x, stx_span(form), "%s", buf_cstr(&text));
    buf_free(&text);
    return NULL;
}

void collect_syntax_error(Expander *x, Context *cx, Stx *form)
{
    (void)cx;
    form_syntax_error(x, form);
}

// ---- cond-expand -------------------------------------------------------------------------------

static bool has_feature(const Stx *id)
{
    static const char *const features[] = {
#define FEATURE(name) name,
#include "compiler/syntax/features.def"
    };

    for (size_t i = 0; i < countof(features); i++) {
        if (stx_is_spelled(id, features[i])) return true;
    }
    return false;
}

static bool has_library(Expander *x, Stx *stx)
{
    const CompilerHost *host = x->c->host;
    Sym *name = module_name(x, stx);
    const char *path, *why;
    const uint8_t *interface;
    size_t size;

    if (!name) {
        syntax_error(x, stx_span(stx), "cond-expand: expected the name of a library, got %s",
                     stx_text(x, stx));
        return false;
    }
    if (names_get(&x->modules, name, 0) || file_has_module(x, name)) return true;
    if (!host || !host->find) return false;
    const char *importer = importer_path(stx_span(stx));
    return host->find(host->context, name->text, importer, &path, &interface, &size, &why) !=
           FOUND_NOTHING;
}

static bool requirement(Expander *x, Stx *stx);

// (and r ...), (or r ...), (not r), (library name). Features are spelled, not bound.
static bool compound_requirement(Expander *x, Stx *stx)
{
    uint32_t count;
    Stx **parts = stx_list(x, stx, &count);
    bool all = parts && count > 0 && stx_is_spelled(parts[0], "and");
    bool any = parts && count > 0 && stx_is_spelled(parts[0], "or");

    if (all || any) {
        bool holds = all;
        for (uint32_t i = 1; i < count; i++) {
            bool one = requirement(x, parts[i]);
            holds = all ? holds && one : holds || one;
        }
        return holds;
    }
    if (parts && count == 2 && stx_is_spelled(parts[0], "not")) return !requirement(x, parts[1]);
    if (parts && count == 2 && stx_is_spelled(parts[0], "library")) return has_library(x, parts[1]);
    syntax_error(
        x, stx_span(stx),
        "cond-expand: expected a feature, (and ...), (or ...), (not ...) or (library ...), got %s",
        stx_text(x, stx));
    return false;
}

static bool requirement(Expander *x, Stx *stx)
{
    if (stx_is_symbol(stx)) return stx_is_spelled(stx, "else") || has_feature(stx);
    if (!enter_level(x, stx_span(stx))) return false;
    bool holds = compound_requirement(x, stx);
    leave_level(x);
    return holds;
}

Stx *cond_expand_choice(Expander *x, Stx *form)
{
    uint32_t count;
    Stx **clauses = form_operands(x, form, 1, UINT32_MAX, "(cond-expand (feature form ...) ...)",
                                  &count);

    for (uint32_t i = 0; clauses && i < count; i++) {
        if (!stx_is_pair(clauses[i])) {
            return syntax_error(x, stx_span(clauses[i]),
                                "cond-expand: expected (feature form ...), got %s",
                                stx_text(x, clauses[i]));
        }
        if (requirement(x, stx_car(x, clauses[i]))) return stx_cdr(x, clauses[i]);
    }
    return NULL;
}

Core *form_cond_expand(Expander *x, Stx *form)
{
    uint32_t count;
    Stx *chosen = cond_expand_choice(x, form);
    Stx **items = chosen ? stx_list(x, chosen, &count) : NULL;

    return items ? expand_sequence(x, items, count, stx_span(form)) : NULL;
}

void collect_cond_expand(Expander *x, Context *cx, Stx *form)
{
    Stx *chosen = cond_expand_choice(x, form);

    if (chosen) collect_forms(x, cx, chosen);
}

// ---- include -----------------------------------------------------------------------------------

// The path of an included file, relative to that of the file that includes it.
static const char *include_path(Expander *x, const Stx *name)
{
    const char *path = arena_text(unit_arena(x), name->u.text.text, name->u.text.size);
    const char *from = name->source ? name->source->path : "";
    const char *slash = strrchr(from, '/');

    if (path[0] == '/' || !slash) return path;
    return arena_printf(unit_arena(x), "%.*s/%s", (int)(slash - from), from, path);
}

static Stx *read_included(Expander *x, Stx *name, bool fold_case)
{
    const char *why, *path = include_path(x, name);
    size_t where;
    const Source *source = session_source(x->c, path, &why, &where);

    if (!source) {
        return syntax_error(x, stx_span(name), "include: cannot read %s: %s", path, why);
    }
    bool incomplete = x->c->diag->incomplete;
    Stx *forms = reader_all(x->c, source, fold_case);
    x->c->diag->incomplete = incomplete; // no reason for a REPL to wait for more
    return forms;
}

// Copies the pairs of a list before a tail.
static Stx *append_lists(Expander *x, Stx *list, Stx *tail)
{
    uint32_t count;
    Stx **items = stx_list(x, list, &count);

    while (items && count-- > 0) {
        Stx *pair = stx_new(x, STX_PAIR, stx_span(items[count]));
        pair->u.pair.car = items[count];
        pair->u.pair.cdr = tail;
        tail = pair;
    }
    return tail;
}

Stx *include_forms(Expander *x, Stx *form, bool fold_case)
{
    uint32_t count;
    Stx **names = form_operands(x, form, 1, UINT32_MAX, "(include \"file\" ...)", &count);
    Stx *head = stx_car(x, form), *result = stx_new(x, STX_NIL, stx_span(form));

    if (!names) return NULL;
    if (x->where.includes >= INCLUDES_MAX) {
        return syntax_fatal(x, stx_span(form),
                            "include: files include each other more than %d deep", INCLUDES_MAX);
    }
    for (uint32_t i = count; i-- > 0;) {
        if (names[i]->kind != STX_STRING) {
            return syntax_error(x, stx_span(names[i]),
                                "include: expected a file name, a string, got %s",
                                stx_text(x, names[i]));
        }
        Stx *forms = read_included(x, names[i], fold_case);
        if (!forms) return NULL;
        // What is included stands where the word `include` stands.
        result = append_lists(x, stx_add(x, forms, head->scopes), result);
    }
    return result;
}

static bool folds(Expander *x, Stx *form)
{
    return resolves_to_form(x, stx_car(x, form), FORM_include_ci);
}

Core *form_include(Expander *x, Stx *form)
{
    uint32_t count;
    Stx *forms = include_forms(x, form, folds(x, form));

    if (!forms) return NULL;
    x->where.includes++;
    Stx **items = stx_list(x, forms, &count);
    Core *core = expand_sequence(x, items, count, stx_span(form));
    x->where.includes--;
    return core;
}

void collect_include(Expander *x, Context *cx, Stx *form)
{
    Stx *forms = include_forms(x, form, folds(x, form));

    if (!forms) return;
    x->where.includes++;
    collect_forms(x, cx, forms);
    x->where.includes--;
}
