// Errors of the expander: with a note about the macro they came out of, and suggestions for names
// that do not exist.
#include "compiler/syntax/expand_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void report(Expander *x, Span span, const char *fmt, va_list args) PRINTF_LIKE(3, 0);
static void report(Expander *x, Span span, const char *fmt, va_list args)
{
    char text[1024];
    const Expansion *e = x->where.expansion;

    if (x->fatal) return;
    vsnprintf(text, sizeof text, fmt, args);
    // A place inside a macro of another file or session is none: the use is what the user wrote.
    if (!span.source && e) span = e->use;
    diag_at(x->c->diag, DIAG_ERROR, span, "%s", text);
    if (!e) return;
    e = e->outermost;
    diag_at(x->c->diag, DIAG_NOTE, e->use, "in what this use of macro %s expands to",
            e->macro->name->text);
}

void *syntax_error(Expander *x, Span span, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report(x, span, fmt, args);
    va_end(args);
    return NULL;
}

void *syntax_fatal(Expander *x, Span span, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    report(x, span, fmt, args);
    va_end(args);
    x->fatal = true;
    return NULL;
}

const char *module_label(Expander *x)
{
    const ModuleState *m = x->module;
    const char *mark = m->out->program ? strrchr(m->iface->name->text, '~') : NULL;
    size_t size = mark ? (size_t)(mark - m->iface->name->text) : m->iface->name->size;

    return arena_text(unit_arena(x), m->iface->name->text, size);
}

bool enter_level(Expander *x, Span span)
{
    if (x->fatal) return false;
    if (x->where.depth >= x->limits.depth) {
        syntax_fatal(x, span, "expansion depth exceeded: forms are nested deeper than %u levels",
                     x->limits.depth);
        return false;
    }
    // A text has fewer forms than bytes; more than that come from macros, or from datum labels that
    // make a huge tree of shared parts.
    uint64_t of_text = span.source ? span.source->size : 0;
    if (x->nodes++ >= x->limits.nodes + of_text) {
        syntax_fatal(x, span, "expansion depth exceeded: too much syntax at one place");
        return false;
    }
    x->where.depth++;
    return true;
}

// ---- suggestions -------------------------------------------------------------------------------

#define NAME_BYTES_MAX 40

typedef struct {
    Expander *x;
    const Sym *wanted;
    const Sym *best;
    unsigned distance; // of the best
} Search;

// Edit distance with transpositions (optimal string alignment), given up at `limit`.
static unsigned edit_distance(const Sym *a, const Sym *b, unsigned limit)
{
    unsigned rows[3][NAME_BYTES_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    for (unsigned j = 0; j <= b->size; j++) {
        last[j] = j;
    }
    for (unsigned i = 1; i <= a->size; i++) {
        unsigned least = now[0] = i;
        for (unsigned j = 1; j <= b->size; j++) {
            bool same = a->text[i - 1] == b->text[j - 1];
            unsigned d = MIN(last[j - 1] + !same, MIN(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a->text[i - 1] == b->text[j - 2] &&
                a->text[i - 2] == b->text[j - 1]) {
                d = MIN(d, before[j - 2] + 1);
            }
            now[j] = d;
            least = MIN(least, d);
        }
        if (least >= limit) return limit;
        unsigned *free_row = before;
        before = last;
        last = now;
        now = free_row;
    }
    return last[b->size];
}

static void compare(Search *s, const Sym *name)
{
    unsigned gap = name->size > s->wanted->size ? name->size - s->wanted->size
                                                : s->wanted->size - name->size;

    if (name == s->wanted || name->size > NAME_BYTES_MAX || gap >= s->distance) return;
    unsigned d = edit_distance(s->wanted, name, s->distance);
    if (d < s->distance) {
        s->distance = d;
        s->best = name;
    }
}

static bool compare_export(void *context, Sym *name, ExportKind kind)
{
    (void)kind;
    if (name->text[0] != '%') compare(context, name);
    return true;
}

// One wrong letter in three is still close.
static bool begin_search(Search *s, Expander *x, const Sym *wanted)
{
    *s = (Search){.x = x, .wanted = wanted, .distance = wanted->size / 3 + 1};
    if (wanted->size < 3 || wanted->size > NAME_BYTES_MAX || x->suggestions == 0) return false;
    x->suggestions--;
    return true;
}

static const char *suggestion(const Search *s)
{
    if (!s->best) return "";
    return arena_printf(unit_arena(s->x), "; did you mean '%s'?", s->best->text);
}

const char *suggest_name(Expander *x, const Stx *id)
{
    Search s;
    const Iface *module = set_node(x, id->scopes)->module;

    if (!begin_search(&s, x, id->u.symbol)) return "";
    for (const Entry *e = x->unit->newest; e; e = e->older) {
        if (set_within(x, e->set, id->scopes)) compare(&s, e->symbol);
    }
    if (module) {
        for (uint32_t i = 0; i < module->defined.count; i++) {
            compare(&s, module->defined.items[i]);
        }
        Iface *defaults = module->defaults ? iface_find(x->c, module->defaults) : NULL;
        if (defaults) iface_each_export(x->c, defaults, compare_export, &s);
        if (module->sees_core) iface_each_export(x->c, x->core, compare_export, &s);
    }
    return suggestion(&s);
}

const char *suggest_export(Expander *x, Iface *iface, const Sym *name)
{
    Search s;

    if (!begin_search(&s, x, name)) return "";
    iface_each_export(x->c, iface, compare_export, &s);
    return suggestion(&s);
}
