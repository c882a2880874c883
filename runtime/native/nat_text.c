// Natives of characters, strings and symbols.
#include "runtime/native/natives.h"

#include "vm/base/utf8.h"
#include "vm/code/print.h"

#include <string.h>

#define EXPECT_STRING(a, who, v)                                                                   \
    do {                                                                                           \
        if (!value_is_string(v)) return fail_type(HEAP(a), who, "a string", v);                    \
    } while (0)

NATIVE_FN(integer_to_char)
{
    size_t n;

    (void)count;
    if (!native_size(args[0], &n) || !utf8_is_scalar(n))
        return fail_type(HEAP(a), "integer->char", "a Unicode scalar value", args[0]);
    return value_char((uint32_t)n);
}

// ---- making ---------------------------------------------------------------------------------------

static Value fail_writable(Actor *a, const char *who, Value v)
{
    return fail_with(HEAP(a), ERR_TYPE, who, "a literal cannot be changed; make a copy:", v);
}

static unsigned scalar_width(uint32_t scalar)
{
    return scalar < 0x100 ? 0 : scalar < 0x10000 ? 1 : 2;
}

static void fill_units(uint8_t *data, unsigned width, size_t start, size_t end, uint32_t scalar)
{
    if (width == 0) {
        memset(data + start, (int)scalar, end - start);
        return;
    }
    for (size_t i = start; i < end; i++) {
        bytes_set_scalar(data, width, i, scalar);
    }
}

NATIVE_FN(make_string)
{
    size_t n;

    (void)count;
    if (!native_size(args[0], &n)) return fail_type(HEAP(a), "make-string", "a length", args[0]);
    if (!value_is_char(args[1])) return fail_type(HEAP(a), "make-string", "a character", args[1]);
    unsigned width = scalar_width(value_scalar(args[1]));
    Value v = bytes_make(HEAP(a), KIND_STRING, n, width);
    if (value_is(v, V_FAIL)) return v;
    fill_units(bytes_data(value_bytes(v)), width, 0, n, value_scalar(args[1]));
    native_charge_bytes(a, n << width);
    return v;
}

NATIVE_FN(string_set)
{
    size_t i;

    (void)count;
    EXPECT_STRING(a, "string-set!", args[0]);
    if (!native_index(args[1], string_length(args[0]), &i))
        return fail_index(HEAP(a), "string-set!", args[1], "a string", string_length(args[0]));
    if (!value_is_char(args[2])) return fail_type(HEAP(a), "string-set!", "a character", args[2]);
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_writable(a, "string-set!", args[0]);
    return string_set(HEAP(a), &args[0], i, value_scalar(args[2])) ? V_UNSPECIFIED : V_FAIL;
}

// Characters [start, end) as a new string of the narrowest width.
static Value copy_part(Actor *a, const Value *s, size_t start, size_t end)
{
    unsigned width = string_width(*s, start, end);
    Value v = bytes_make(HEAP(a), KIND_STRING, end - start, width);

    if (value_is(v, V_FAIL)) return v;
    Bytes *from = value_bytes(*s);
    bytes_copy_units(bytes_data(value_bytes(v)), width, 0, bytes_data(from), bytes_width_log2(from),
                     start, end - start);
    native_charge_bytes(a, end - start);
    return v;
}

NATIVE_FN(string_copy)
{
    size_t start, end;

    EXPECT_STRING(a, "string-copy", args[0]);
    if (!native_range(a, "string-copy", "a string", args, count, 1, string_length(args[0]), &start,
                      &end))
        return V_FAIL;
    return copy_part(a, &args[0], start, end);
}

NATIVE_FN(string_copy_to)
{
    size_t at, start, end;

    EXPECT_STRING(a, "string-copy!", args[0]);
    EXPECT_STRING(a, "string-copy!", args[2]);
    if (!native_index(args[1], string_length(args[0]) + 1, &at))
        return fail_index(HEAP(a), "string-copy!", args[1], "a string", string_length(args[0]));
    if (!native_range(a, "string-copy!", "a string", args, count, 3, string_length(args[2]), &start,
                      &end))
        return V_FAIL;
    if (end - start > string_length(args[0]) - at)
        return fail_index(HEAP(a), "string-copy!", value_fix((int64_t)(at + end - start)),
                          "a string", string_length(args[0]));
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_writable(a, "string-copy!", args[0]);
    if (start == end) return V_UNSPECIFIED;
    // One store of the widest character makes the payload wide enough, and the string's own.
    unsigned width = string_width(args[2], start, end);
    uint32_t widest = width == 0 ? 'x' : width == 1 ? 0x100 : 0x10000;
    uint32_t was = string_scalar(args[0], at);
    if (!string_set(HEAP(a), &args[0], at, widest)) return V_FAIL;
    bytes_set_scalar(bytes_data(value_bytes(args[0])), bytes_width_log2(value_bytes(args[0])), at, was);
    Bytes *to = value_bytes(args[0]), *from = value_bytes(args[2]);
    bytes_copy_units(bytes_data(to), bytes_width_log2(to), at, bytes_data(from),
                     bytes_width_log2(from), start, end - start);
    native_charge_bytes(a, end - start);
    return V_UNSPECIFIED;
}

NATIVE_FN(string_fill)
{
    size_t start, end;

    EXPECT_STRING(a, "string-fill!", args[0]);
    if (!value_is_char(args[1])) return fail_type(HEAP(a), "string-fill!", "a character", args[1]);
    if (!native_range(a, "string-fill!", "a string", args, count, 2, string_length(args[0]), &start,
                      &end))
        return V_FAIL;
    if (value_header(args[0]) & HEADER_IMMUTABLE) return fail_writable(a, "string-fill!", args[0]);
    if (start == end) return V_UNSPECIFIED;
    if (!string_set(HEAP(a), &args[0], start, value_scalar(args[1]))) return V_FAIL;
    Bytes *b = value_bytes(args[0]);
    fill_units(bytes_data(b), bytes_width_log2(b), start, end, value_scalar(args[1]));
    native_charge_bytes(a, end - start);
    return V_UNSPECIFIED;
}

NATIVE_FN(string_append)
{
    size_t length = 0;
    unsigned width = 0;

    for (unsigned i = 0; i < count; i++) {
        EXPECT_STRING(a, "string-append", args[i]);
        length += string_length(args[i]);
        width = MAX(width, bytes_width_log2(value_bytes(args[i])));
    }
    Value v = bytes_make(HEAP(a), KIND_STRING, length, width);
    if (value_is(v, V_FAIL)) return v;
    uint8_t *to = bytes_data(value_bytes(v));
    size_t at = 0;
    for (unsigned i = 0; i < count; i++) {
        Bytes *from = value_bytes(args[i]);
        bytes_copy_units(to, width, at, bytes_data(from), bytes_width_log2(from), 0,
                         bytes_length(from));
        at += bytes_length(from);
    }
    native_charge_bytes(a, length << width);
    return v;
}

NATIVE_FN(string_compare)
{
    (void)count;
    EXPECT_STRING(a, "string comparison", args[0]);
    EXPECT_STRING(a, "string comparison", args[1]);
    native_charge_bytes(a, MIN(string_length(args[0]), string_length(args[1])));
    return value_fix(string_compare(args[0], args[1]));
}

// ---- symbols --------------------------------------------------------------------------------------

NATIVE_FN(string_to_symbol)
{
    VmWorker *w = actor_worker(a);

    (void)count;
    EXPECT_STRING(a, "string->symbol", args[0]);
    buf_clear(&w->text);
    string_to_utf8(args[0], &w->text);
    Value v = symbol_intern(&w->vm->symbols, (const char *)w->text.data, w->text.size);
    if (value_is(v, V_FAIL))
        return fail_text(HEAP(a), ERR_HEAP_LIMIT, "string->symbol", "the table of symbols is full");
    return v;
}

NATIVE_FN(symbol_to_string)
{
    (void)count;
    if (!value_is_symbol(args[0])) return fail_type(HEAP(a), "symbol->string", "a symbol", args[0]);
    Value v = symbol_string(&actor_vm(a)->symbols, args[0]);
    if (value_is(v, V_FAIL)) return fail_text(HEAP(a), ERR_HEAP_LIMIT, "symbol->string", "out of memory");
    return v;
}

// ---- UTF-8 ----------------------------------------------------------------------------------------

NATIVE_FN(utf8_to_string)
{
    VmWorker *w = actor_worker(a);
    size_t start, end;

    if (!value_is_kind(args[0], KIND_BYTEVECTOR))
        return fail_type(HEAP(a), "utf8->string", "a bytevector", args[0]);
    Bytes *b = value_bytes(args[0]);
    if (!native_range(a, "utf8->string", "a bytevector", args, count, 1, bytes_length(b), &start, &end))
        return V_FAIL;
    const uint8_t *data = bytes_data(b) + start;
    size_t bad = utf8_validate(data, end - start);
    if (bad < end - start)
        return fail_text(HEAP(a), ERR_TYPE, "utf8->string", "invalid UTF-8 at byte %zu", start + bad);
    // Out of the heap first: making the string may move the bytevector.
    buf_clear(&w->text);
    buf_bytes(&w->text, data, end - start);
    if (w->text.failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, "utf8->string", "out of memory");
    native_charge_bytes(a, end - start);
    return string_from_utf8(HEAP(a), w->text.data, w->text.size);
}

NATIVE_FN(string_to_utf8)
{
    size_t start, end, size = 0;

    EXPECT_STRING(a, "string->utf8", args[0]);
    if (!native_range(a, "string->utf8", "a string", args, count, 1, string_length(args[0]), &start,
                      &end))
        return V_FAIL;
    for (size_t i = start; i < end; i++) {
        size += utf8_length(string_scalar(args[0], i));
    }
    Value v = bytes_make(HEAP(a), KIND_BYTEVECTOR, size, 0);
    if (value_is(v, V_FAIL)) return v;
    uint8_t *to = bytes_data(value_bytes(v));
    for (size_t i = start; i < end; i++) {
        uint8_t scratch[4];
        size_t n = utf8_encode(scratch, string_scalar(args[0], i));
        memcpy(to, scratch, n);
        to += n;
    }
    native_charge_bytes(a, size);
    return v;
}

NATIVE_FN(print)
{
    VmWorker *w = actor_worker(a);

    (void)count;
    if (!value_is_fix(args[1]) || args[1].bits >> 3 > PRINT_SIMPLE)
        return fail_type(HEAP(a), "print", "a style", args[1]);
    buf_clear(&w->text);
    print_value(&w->text, args[0], (PrintStyle)(args[1].bits >> 3), 0);
    if (w->text.failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, "write", "out of memory");
    native_charge_bytes(a, w->text.size);
    return string_from_utf8(HEAP(a), w->text.data, w->text.size);
}
