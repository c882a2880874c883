// The native under the sort of SRFI 132: vectors of elements of one kind by a predicate that is one of
// the library's own, whose order C knows.
//
// Model: each element becomes a record of a 64-bit key and its index. The order of the keys is the
// predicate's: all of it for numbers and characters; of strings the first eight characters behind those
// that all of them begin with, and where keys are alike the strings are compared. Records are sorted by
// merging from the bottom up between two arrays, which is stable and leaves the vector as it is; then the
// result is made of it.
//
// The records stand behind a handle: they cannot be forged, and no collection sees them. A sort stops
// after any step when the slice of its actor is over. The vector comes anew with each slice and is
// checked as it is read.
//
// A program's procedure that does nothing but compare its arguments, or what is found at the same place
// of both by car and cdr, is as good as one of the library's: sort_order reads its code. Nobody can tell
// that it was not called: it changes nothing, and where it would raise the native gives up.
//
// Other procedures, mixed numbers and NaN are sorted by the library, in Eta: see stdlib/srfi/132.eta.
#include "runtime/native/natives.h"

#include "vm/code/code.h"
#include "vm/data/bytes.h"
#include "vm/image/op.h"

#include <string.h>

// The predicates, in pairs: upwards, downwards.
enum { BY_NUMBER, BY_CHAR = 2, BY_STRING = 4, BY_COUNT = 6 };
enum { SORT_VECTOR, SORT_BY, SORT_STATE };

// An order is a predicate, and in the bits above it the place of what is compared: from the lowest bit
// on 0 for car and 1 for cdr, and a 1 above all of them.
#define ORDER(by, path) ((uint64_t)(path) << 3 | (by))
#define STEPS_MAX       16
#define ORDER_LIMIT     ORDER(0, 2u << STEPS_MAX)

typedef struct {
    uint64_t key;
    uint64_t index;
} Record;

typedef enum { MEASURING, LOADING, MERGING } SortPhase;

typedef struct {
    size_t n;
    unsigned by;
    uint64_t path;
    SortPhase phase;
    bool flonums;       // the numbers are flonums; else fixnums
    size_t common;      // how many first characters all strings share, as far as is known
    bool ordered;       // what was read up to now was in order
    size_t width;       // of the runs that are being merged
    size_t low;         // where the pair of runs begins; before, how many elements were read
    size_t left, right; // next records of the two
    Record *from, *to;  // of n records each: halves of what follows
    Record records[];
} Sort;

// What is done before the end of the slice is looked at, in records, and the runs that reading makes.
#define STEP      256
#define FIRST_RUN 8
// First characters that are looked for in all strings.
#define COMMON_MAX 256

// The words of a vector.
static inline Value element(Value vector, size_t i)
{
    return value_words(vector)[1 + i];
}

// What is compared of element i; false when it has nothing at that place.
static bool compared(const Sort *s, Value vector, size_t i, Value *out)
{
    Value v = element(vector, i);

    for (uint64_t path = s->path; path > 1; path >>= 1) {
        if (!value_is_pair(v)) return false;
        v = path & 1 ? value_cdr(v) : value_car(v);
    }
    *out = v;
    return true;
}

// ---- the state -----------------------------------------------------------------------------------

static void drop_sort(Block *b)
{
    Space *space;

    memcpy(&space, b->bytes, sizeof space);
    block_free(space, b);
}

static Sort *sort_of_block(Block *b)
{
    return (Sort *)(void *)(b->bytes + sizeof(Space *));
}

// The sort that goes on, or NULL.
static Sort *sort_of(const Value *args)
{
    if (!value_is_kind(args[SORT_STATE], KIND_HANDLE)) return NULL;
    Block *b = ((BlockRef *)value_words(args[SORT_STATE]))->block;
    Sort *s = b->drop == drop_sort ? sort_of_block(b) : NULL;
    return s && s->n == header_words(value_header(args[SORT_VECTOR])) ? s : NULL;
}

// NULL: the fault is set.
static Sort *sort_begin(Actor *a, Value *args, size_t n, size_t by)
{
    Space *space = &actor_vm(a)->space;
    Block *b = block_new(space, sizeof space + sizeof(Sort) + 2 * n * sizeof(Record));

    if (!b) {
        (void)fail_text(HEAP(a), ERR_HEAP_LIMIT, "sort", "out of memory");
        return NULL;
    }
    Sort *s = sort_of_block(b);
    *s = (Sort){
        .n = n, .by = (unsigned)by & 7, .path = by >> 3, .ordered = true, .width = FIRST_RUN};
    s->phase = s->by < BY_STRING ? LOADING : MEASURING;
    s->common = COMMON_MAX;
    s->from = s->records;
    s->to = s->records + n;
    Value first;
    s->flonums = n > 0 && compared(s, args[SORT_VECTOR], 0, &first) && value_is_flo(first);
    memcpy(b->bytes, &space, sizeof space);
    b->drop = drop_sort;
    Value handle = heap_handle(HEAP(a), b);
    if (value_is(handle, V_FAIL)) return NULL;
    args[SORT_STATE] = handle;
    return s;
}

// ---- keys ------------------------------------------------------------------------------------------

// The eight characters from `at` on. From one on that does not fit a byte nothing more is told.
static uint64_t string_key(Value v, size_t at)
{
    Bytes *b = value_bytes(v);
    const uint8_t *data = bytes_data(b);
    size_t n = bytes_length(b);
    unsigned width = bytes_width_log2(b);
    uint64_t key = 0;

    for (size_t i = 0; i < 8 && at + i < n; i++) {
        uint32_t c = bytes_scalar_at(data, width, at + i);
        key |= (uint64_t)MIN(c, 255u) << (56 - 8 * i);
        if (c >= 255) break;
    }
    return key;
}

#define SIGN (UINT64_C(1) << 63)

// False for a NaN.
static bool flonum_key(double d, uint64_t *key)
{
    uint64_t bits;

    d += 0.0; // no negative zero
    memcpy(&bits, &d, sizeof bits);
    *key = bits & SIGN ? ~bits : bits | SIGN;
    return d == d;
}

// False when the element is not of the kind of the others.
static bool key_of(const Sort *s, Value v, uint64_t *key)
{
    switch (s->by & ~1u) {
    case BY_NUMBER:
        if (s->flonums) {
            if (!value_is_flo(v) || !flonum_key(value_double(v), key)) return false;
        } else {
            if (!value_is_fix(v)) return false;
            *key = (uint64_t)value_int(v) ^ SIGN;
        }
        break;
    case BY_CHAR:
        if (!value_is_char(v)) return false;
        *key = value_scalar(v);
        break;
    default:
        if (!value_is_string(v)) return false;
        *key = string_key(v, s->common);
        break;
    }
    if (s->by & 1) *key = ~*key;
    return true;
}

// ---- comparing -------------------------------------------------------------------------------------

typedef struct {
    Actor *a;
    const Sort *s;
    Value vector;
} Strings;

// Whether y, from the later run, comes before x, when their keys are the same.
static bool string_less(const Strings *u, const Record *y, const Record *x)
{
    Value a, b;

    if (!compared(u->s, u->vector, x->index, &a) || !value_is_string(a)) return false;
    if (!compared(u->s, u->vector, y->index, &b) || !value_is_string(b)) return false;
    native_charge_bytes(u->a, MIN(string_length(a), string_length(b)));
    int order = string_compare(b, a);
    return u->s->by & 1 ? order > 0 : order < 0;
}

static inline bool comes_first(const Strings *u, const Record *y, const Record *x)
{
    return y->key < x->key || (u && y->key == x->key && string_less(u, y, x));
}

// ---- reading ---------------------------------------------------------------------------------------

static size_t common_length(Value v, Value w, size_t most)
{
    const uint8_t *a = bytes_data(value_bytes(v)), *b = bytes_data(value_bytes(w));
    unsigned x = bytes_width_log2(value_bytes(v)), y = bytes_width_log2(value_bytes(w));
    size_t i = 0;

    most = MIN(most, MIN(string_length(v), string_length(w)));
    while (i < most && bytes_scalar_at(a, x, i) == bytes_scalar_at(b, y, i)) {
        i++;
    }
    return i;
}

// How the strings begin that have to be sorted; false when one is none.
static bool measure_some(Sort *s, Value vector)
{
    size_t end = MIN(s->n, s->low + STEP);

    for (; s->low < end && s->common > 0; s->low++) {
        Value first, v;
        if (!compared(s, vector, 0, &first) || !value_is_string(first)) return false;
        if (!compared(s, vector, s->low, &v) || !value_is_string(v)) return false;
        s->common = common_length(first, v, s->common);
    }
    if (s->low == s->n || s->common == 0) {
        s->low = 0;
        s->phase = LOADING;
    }
    return true;
}

// Puts the record at i, which was just read, in its place in the run that it ends.
static void insert(Sort *s, const Strings *u, size_t i)
{
    Record *r = s->from, new = r[i];
    size_t low = i - i % FIRST_RUN;

    if (i > 0 && s->ordered && comes_first(u, &new, &r[i - 1])) s->ordered = false;
    for (; i > low && comes_first(u, &new, &r[i - 1]); i--) {
        r[i] = r[i - 1];
    }
    r[i] = new;
}

// Reads some elements; false when one does not fit.
static bool load_some(Sort *s, const Strings *u, Value vector)
{
    size_t end = MIN(s->n, s->low + STEP);

    for (; s->low < end; s->low++) {
        Record *r = &s->from[s->low];
        Value v;
        if (!compared(s, vector, s->low, &v) || !key_of(s, v, &r->key)) return false;
        r->index = s->low;
        insert(s, u, s->low);
    }
    if (s->low == s->n) {
        s->low = 0;
        s->phase = MERGING;
        if (s->ordered) s->width = MAX(s->n, 1u);
    }
    return true;
}

// ---- merging ---------------------------------------------------------------------------------------

// Merges up to `most` records of two runs, whose ends are `middle` and `end`. u: strings, or NULL.
static inline void merge_run(Sort *s, const Strings *u, size_t middle, size_t end, size_t most)
{
    const Record *from = s->from;
    size_t i = s->left, j = s->right;
    Record *out = s->to + i + (j - middle);

    for (; most > 0 && i < middle && j < end; most--) {
        bool later = comes_first(u, &from[j], &from[i]);
        *out++ = from[later ? j : i];
        j += later;
        i += !later;
    }
    size_t rest = i < middle ? middle - i : end - j;
    if (most > 0 && (i == middle || j == end)) {
        size_t n = MIN(rest, most);
        memcpy(out, from + (i < middle ? i : j), n * sizeof *out);
        *(i < middle ? &i : &j) += n;
    }
    s->left = i;
    s->right = j;
}

// A step of the merge: up to STEP records.
static void merge_some(Sort *s, const Strings *u)
{
    size_t middle = MIN(s->n, s->low + s->width), end = MIN(s->n, middle + s->width);
    size_t done = 0;

    while (done < STEP && s->low < s->n) {
        middle = MIN(s->n, s->low + s->width);
        end = MIN(s->n, middle + s->width);
        if (s->left < s->low) s->left = s->low;
        if (s->right < middle) s->right = middle;
        size_t before = s->left + s->right;
        if (u)
            merge_run(s, u, middle, end, STEP - done);
        else
            merge_run(s, NULL, middle, end, STEP - done);
        done += s->left + s->right - before;
        if (s->left == middle && s->right == end) s->low = s->left = s->right = end;
    }
    if (s->low < s->n) return;
    Record *swap = s->from;
    s->from = s->to;
    s->to = swap;
    s->low = s->left = s->right = 0;
    s->width *= 2;
}

// ---- orders ------------------------------------------------------------------------------------------

// Which of the library's predicates a procedure is; BY_COUNT: none.
static unsigned library_order(Value less, const Value *library)
{
    unsigned by = 0;

    while (by < BY_COUNT && !value_is(library[by], less)) {
        by++;
    }
    return by;
}

// Reads car and cdr of both arguments, each in its own slot. False when they do not take the same way.
static bool read_path(const uint64_t **code, uint64_t *path)
{
    uint64_t ways[2] = {0, 0};
    unsigned steps[2] = {0, 0};

    for (;; (*code)++) {
        Insn in = insn_from_word(**code);
        if ((in.op != OP_CAR && in.op != OP_CDR) || in.a > 1 || in.a != in.b) break;
        if (steps[in.a] == STEPS_MAX) return false;
        ways[in.a] |= (uint64_t)(in.op == OP_CDR) << steps[in.a]++;
    }
    *path = UINT64_C(1) << steps[0] | ways[0];
    return steps[0] == steps[1] && ways[0] == ways[1];
}

static bool returns(uint64_t word, Value v)
{
    Insn in = insn_from_word(word);

    return in.op == OP_RETK && v.bits == (uint64_t)(int64_t)insn_wide(in);
}

// What the end of a procedure compares; BY_COUNT: something else.
static unsigned read_compare(const uint64_t *code, const Value *library)
{
    Insn in = insn_from_word(*code);

    if (in.op == OP_TCALLG && in.a == 2)
        return library_order(cell_callee((const Cell *)(uintptr_t)code[1]), library);
    if (in.op != OP_BNLT || in.c != 2 || !returns(code[1], V_TRUE) || !returns(code[2], V_FALSE))
        return BY_COUNT;
    if (in.a == 0 && in.b == 1) return BY_NUMBER;
    return in.a == 1 && in.b == 0 ? BY_NUMBER + 1 : BY_COUNT;
}

// (less? < > char<? char>? string<? string>?): the order of a procedure for %sort, or #f.
NATIVE_FN(sort_order)
{
    uint64_t path = 1;

    (void)a;
    (void)count;
    unsigned by = library_order(args[0], args + 1);
    if (by == BY_COUNT && value_is_proc(args[0])) {
        const uint64_t *code = code_entry(proc_code(value_proc(args[0])));
        Insn entry = insn_from_word(code[0]);
        if (entry.op != OP_ENTRY || entry.a != 2 || entry.b != 0) return V_FALSE;
        if (insn_from_word(code[1]).op != OP_ENTER) return V_FALSE;
        code += 2;
        if (!read_path(&code, &path)) return V_FALSE;
        by = read_compare(code, args + 1);
    }
    return by == BY_COUNT ? V_FALSE : value_fix((int64_t)ORDER(by, path));
}

// ---- the native --------------------------------------------------------------------------------------

static Value result_of(Actor *a, Value *args, const Sort *s)
{
    Value *words = heap_alloc(HEAP(a), header_make(KIND_VECTOR, s->n));

    if (!words) return V_FAIL;
    for (size_t i = 0; i < s->n; i++) {
        words[1 + i] = element(args[SORT_VECTOR], s->from[i].index);
    }
    actor_charge(a, s->n / 64);
    return value_from_words(words, TAG_OBJ);
}

// (vector order #f): the elements in order as a new vector; #f when they are not all of the kind.
NATIVE_FN(sort)
{
    size_t by;

    (void)count;
    if (!value_is_kind(args[SORT_VECTOR], KIND_VECTOR))
        return fail_type(HEAP(a), "sort", "a vector", args[SORT_VECTOR]);
    if (!native_index(args[SORT_BY], ORDER_LIMIT, &by) || (by & 7) >= BY_COUNT || by >> 3 == 0)
        return fail_type(HEAP(a), "sort", "an order", args[SORT_BY]);
    Sort *s = sort_of(args);
    if (!s) s = sort_begin(a, args, header_words(value_header(args[SORT_VECTOR])), by);
    if (!s) return V_FAIL;
    Strings strings = {a, s, args[SORT_VECTOR]}, *u = s->by < BY_STRING ? NULL : &strings;
    bool fits = true;
    while (fits && (s->phase != MERGING || s->width < s->n)) {
        if (actor_worker(a)->reductions_left <= 0) return V_YIELD;
        actor_charge(a, STEP / 32);
        switch (s->phase) {
        case MEASURING:
            fits = measure_some(s, args[SORT_VECTOR]);
            break;
        case LOADING:
            fits = load_some(s, u, args[SORT_VECTOR]);
            break;
        case MERGING:
            merge_some(s, u);
            break;
        }
    }
    Value v = fits ? result_of(a, args, s) : V_FALSE;
    heap_forget_handle(HEAP(a), args[SORT_STATE]);
    args[SORT_STATE] = V_FALSE;
    return v;
}
