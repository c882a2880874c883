// define-record-type: the type, its constructor, predicate, accessors and modifiers as definitions.
//
//   (define-record-type <type> constructor predicate field ...)
//   constructor: (name field ...), name (all fields in order), or #f
//   predicate:   name or #f
//   field:       (field accessor), (field accessor modifier), (field) or field
#include "compiler/syntax/expand_int.h"

#include <string.h>

typedef struct {
    Stx *name, *accessor, *modifier; // NULL: none
} Field;

typedef struct {
    Expander *x;
    Context *cx;
    Span span;
    Stx *type_name;
    Target type;
    Stx *constructor, *predicate; // names, NULL: none
    Field *fields;
    uint32_t field_count;
    uint32_t *order; // of the constructor's parameters: indexes of fields
    uint32_t parameter_count;
} Record;

// ---- parsing -----------------------------------------------------------------------------------

static bool is_false(const Stx *stx)
{
    return stx->kind == STX_BOOL && !stx->u.boolean;
}

static bool parse_field(Record *r, Stx *spec, Field *f)
{
    Expander *x = r->x;
    uint32_t count;
    Stx **parts = stx_list(x, spec, &count);

    *f = (Field){.name = spec};
    if (stx_is_symbol(spec)) return true;
    bool good = parts && count >= 1 && count <= 3;
    for (uint32_t i = 0; good && i < count; i++) {
        good = stx_is_symbol(parts[i]);
    }
    if (!good) {
        syntax_error(x, stx_span(spec),
                     "define-record-type: expected a field (name accessor modifier), got %s",
                     stx_text(x, spec));
        return false;
    }
    f->name = parts[0];
    if (count > 1) f->accessor = parts[1];
    if (count > 2) f->modifier = parts[2];
    return true;
}

static int32_t find_field(const Record *r, const Stx *id)
{
    for (uint32_t i = 0; i < r->field_count; i++) {
        const Stx *name = r->fields[i].name;
        if (stx_is_symbol(id) && name->u.symbol == id->u.symbol && name->scopes == id->scopes) {
            return (int32_t)i;
        }
    }
    return -1;
}

// The list of constructor parameters.
static bool parse_parameters(Record *r, Stx *list)
{
    Expander *x = r->x;
    Stx **names = stx_list(x, list, &r->parameter_count);
    uint8_t *seen = arena_alloc(unit_arena(x), r->field_count + 1);

    if (!names) {
        syntax_error(x, stx_span(list), "define-record-type: expected a list of field names");
        return false;
    }
    r->order = arena_array(unit_arena(x), uint32_t, r->parameter_count);
    for (uint32_t i = 0; i < r->parameter_count; i++) {
        int32_t field = find_field(r, names[i]);
        if (field < 0 || seen[field]) {
            syntax_error(x, stx_span(names[i]), "define-record-type: %s is %s",
                         stx_text(x, names[i]),
                         field < 0 ? "not a field of this record" : "named twice");
            return false;
        }
        seen[field] = 1;
        r->order[i] = (uint32_t)field;
    }
    return true;
}

static bool parse_constructor(Record *r, Stx *stx)
{
    Expander *x = r->x;

    if (is_false(stx)) return true;
    if (stx_is_pair(stx) && stx_is_symbol(stx_car(x, stx))) {
        r->constructor = stx_car(x, stx);
        return parse_parameters(r, stx_cdr(x, stx));
    }
    if (!stx_is_symbol(stx)) {
        syntax_error(
            x, stx_span(stx),
            "define-record-type: expected a constructor (name field ...), a name or #f, got %s",
            stx_text(x, stx));
        return false;
    }
    r->constructor = stx;
    r->parameter_count = r->field_count;
    r->order = arena_array(unit_arena(x), uint32_t, r->field_count);
    for (uint32_t i = 0; i < r->field_count; i++) {
        r->order[i] = i;
    }
    return true;
}

static bool parse_record(Record *r, Stx *form)
{
    Expander *x = r->x;
    uint32_t count;
    Stx **operands = form_operands(
        x, form, 3, UINT32_MAX,
        "(define-record-type type (constructor field ...) predicate field ...)", &count);

    if (!operands) return false;
    r->type_name = operands[0];
    if (!stx_is_symbol(r->type_name)) {
        syntax_error(x, stx_span(r->type_name), "define-record-type: expected a type name, got %s",
                     stx_text(x, r->type_name));
        return false;
    }
    Field *fields = arena_array(unit_arena(x), Field, count);
    r->fields = fields;
    for (uint32_t i = 3; i < count; i++) {
        Field f;
        if (!parse_field(r, operands[i], &f)) return false;
        if (find_field(r, f.name) >= 0) {
            syntax_error(x, stx_span(f.name), "define-record-type: field %s is declared twice",
                         f.name->u.symbol->text);
            return false;
        }
        fields[r->field_count++] = f;
    }
    if (!is_false(operands[2]) && !stx_is_symbol(operands[2])) {
        syntax_error(x, stx_span(operands[2]),
                     "define-record-type: expected the name of a predicate or #f, got %s",
                     stx_text(x, operands[2]));
        return false;
    }
    if (stx_is_symbol(operands[2])) r->predicate = operands[2];
    return parse_constructor(r, operands[1]);
}

// ---- building ----------------------------------------------------------------------------------

static Core *integer(Expander *x, int64_t value, Span span)
{
    Stx *stx = stx_new(x, STX_INT, span);

    stx->u.integer = value;
    return core_constant(x, stx);
}

static Stx *name_or_false(Expander *x, Stx *name, Span span)
{
    return name ? name : stx_new(x, STX_BOOL, span);
}

typedef enum { PART_NAME, PART_ACCESSOR, PART_MODIFIER } FieldPart;

static Core *names_vector(const Record *r, FieldPart part)
{
    Expander *x = r->x;
    Stx *stx = stx_new(x, STX_VECTOR, r->span);

    stx->u.vector.count = r->field_count;
    stx->u.vector.items = arena_array(unit_arena(x), Stx *, r->field_count);
    for (uint32_t i = 0; i < r->field_count; i++) {
        const Field *f = &r->fields[i];
        Stx *name = part == PART_NAME ? f->name : part == PART_ACCESSOR ? f->accessor : f->modifier;
        stx->u.vector.items[i] = name_or_false(x, name, r->span);
    }
    return core_constant(x, stx);
}

// Defines a name as a value; the target when the caller wants it.
static bool define_core(Record *r, Stx *name, Core *value, Target *target)
{
    Target own;

    if (!target) target = &own;
    if (!define_variable(r->x, r->cx, name, target)) return false;
    Item *item = add_item(r->x, r->cx, ITEM_CORE, r->span);
    item->target = *target;
    item->core = value;
    return true;
}

// Where a type that a module defines once and for all is from; see record_uid. All programs are one: two
// that define the same record know each other's.
static Core *origin(const Record *r)
{
    Expander *x = r->x;
    const ModuleState *m = x->module;

    if (!r->cx->module_level) return core_constant(x, stx_new(x, STX_BOOL, r->span));
    return core_symbol(x, m->out->program ? sym_named(x->c, "main") : m->iface->name, r->span);
}

static bool define_type(Record *r)
{
    Expander *x = r->x;
    Core *args[] = {
        core_symbol(x, r->type_name->u.symbol, r->span),
        names_vector(r, PART_NAME),
        names_vector(r, PART_ACCESSOR),
        names_vector(r, PART_MODIFIER),
        core_constant(x, name_or_false(x, r->predicate, r->span)),
        origin(r),
    };
    Core *type = core_kernel(x, KERNEL_make_record_type, args, countof(args), r->span);

    if (!define_core(r, r->type_name, type, &r->type)) return false;
    if (r->type.global) r->type.global->type = true;
    return true;
}

static void define_constructor(Record *r)
{
    Expander *x = r->x;
    Core **args = arena_array(unit_arena(x), Core *, r->field_count + 1);
    Var **params = arena_array(unit_arena(x), Var *, r->parameter_count);

    if (!r->constructor) return;
    args[0] = target_ref(x, &r->type, r->span);
    for (uint32_t i = 0; i < r->parameter_count; i++) {
        uint32_t field = r->order[i];
        params[i] = var_new(x, r->fields[field].name->u.symbol, r->span);
        args[field + 1] = core_local(x, params[i], r->span);
    }
    for (uint32_t i = 1; i <= r->field_count; i++) {
        if (!args[i]) args[i] = core_boolean(x, false, r->span);
    }
    Core *body = core_kernel(x, KERNEL_make_record, args, r->field_count + 1, r->span);
    Core *procedure = core_lambda(x, r->constructor->u.symbol, params, r->parameter_count, body,
                                  r->span);
    define_core(r, r->constructor, procedure, NULL);
}

// A procedure of an object, and of a value for a modifier, that does one kernel operation with the
// type, and the index of a field unless it is negative.
static void define_operation(Record *r, Stx *name, KernelId operation, int64_t index)
{
    Expander *x = r->x;
    Core *args[4];
    uint32_t count = 0, params_count = 1;
    Var *params[] = {var_new(x, sym_named(x->c, "record"), r->span), NULL};

    if (!name) return;
    args[count++] = core_local(x, params[0], r->span);
    args[count++] = target_ref(x, &r->type, r->span);
    if (index >= 0) args[count++] = integer(x, index, r->span);
    if (operation == KERNEL_record_set) {
        params[params_count++] = var_new(x, sym_named(x->c, "value"), r->span);
        args[count++] = core_local(x, params[1], r->span);
    }
    Core *body = core_kernel(x, operation, args, count, r->span);
    Core *procedure = core_lambda(x, name->u.symbol, params, params_count, body, r->span);
    define_core(r, name, procedure, NULL);
}

void collect_define_record(Expander *x, Context *cx, Stx *form)
{
    Record r = {.x = x, .cx = cx, .span = stx_span(form)};

    if (!parse_record(&r, form) || !define_type(&r)) return;
    define_constructor(&r);
    define_operation(&r, r.predicate, KERNEL_record_of, -1);
    for (uint32_t i = 0; i < r.field_count; i++) {
        define_operation(&r, r.fields[i].accessor, KERNEL_record_ref, i);
        define_operation(&r, r.fields[i].modifier, KERNEL_record_set, i);
    }
}
