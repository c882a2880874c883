// Natives that need Unicode's tables (utf8proc): classes and cases of characters and strings.
//
// Characters have simple mappings only (one character for one); strings have the full ones of
// SpecialCasing: what folds to several characters is upper-cased character by character of its folding,
// which is the same thing for every character but those that are upper-case already.
#include "runtime/native/natives.h"

#include "vm/base/utf8.h"

#include <utf8proc.h>

// The longest full folding of one character is 3; with room for what Unicode may still invent.
#define FOLD_MAX 8

#define EXPECT_CHAR(a, who, v)                                                                     \
    do {                                                                                           \
        if (!value_is_char(v)) return fail_type(HEAP(a), who, "a character", v);                   \
    } while (0)

typedef struct {
    uint32_t first, last;
} Range;

// Characters that are upper- or lower-case or alphabetic by PropList.txt although their categories are
// not those of letters.
static const Range other_upper[] = {{0x2160, 0x216F}, {0x24B6, 0x24CF}, {0x1F130, 0x1F149},
                                    {0x1F150, 0x1F169}, {0x1F170, 0x1F189}};
static const Range other_lower[] = {
    {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2B0, 0x2B8},     {0x2C0, 0x2C1},
    {0x2E0, 0x2E4},     {0x345, 0x345},     {0x37A, 0x37A},     {0x10FC, 0x10FC},
    {0x1D2C, 0x1D6A},   {0x1D78, 0x1D78},   {0x1D9B, 0x1DBF},   {0x2071, 0x2071},
    {0x207F, 0x207F},   {0x2090, 0x209C},   {0x2170, 0x217F},   {0x24D0, 0x24E9},
    {0x2C7C, 0x2C7D},   {0xA69C, 0xA69D},   {0xA770, 0xA770},   {0xA7F2, 0xA7F4},
    {0xA7F8, 0xA7F9},   {0xAB5C, 0xAB5F},   {0xAB69, 0xAB69},   {0x10780, 0x10780},
    {0x10783, 0x10785}, {0x10787, 0x107B0}, {0x107B2, 0x107BA}, {0x1E030, 0x1E06D}};

#define RANGE(first, last) {first, last},
static const Range other_alphabetic[] = {
#include "runtime/native/alphabetic.def"
};
#undef RANGE

static bool in_ranges(const Range *ranges, size_t n, uint32_t c)
{
    for (size_t i = 0; i < n; i++) {
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    }
    return false;
}

static utf8proc_category_t category(uint32_t c)
{
    return utf8proc_category((utf8proc_int32_t)c);
}

static bool is_upper(uint32_t c)
{
    return category(c) == UTF8PROC_CATEGORY_LU || in_ranges(other_upper, countof(other_upper), c);
}

static bool is_lower(uint32_t c)
{
    return category(c) == UTF8PROC_CATEGORY_LL || in_ranges(other_lower, countof(other_lower), c);
}

// The ranges are in order.
static bool is_other_alphabetic(uint32_t c)
{
    size_t low = 0, high = countof(other_alphabetic);

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (c > other_alphabetic[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < countof(other_alphabetic) && c >= other_alphabetic[low].first;
}

static bool is_alphabetic(uint32_t c)
{
    switch (category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_NL:
        return true;
    default:
        return is_upper(c) || is_lower(c) || is_other_alphabetic(c);
    }
}

static bool is_decimal(uint32_t c)
{
    return category(c) == UTF8PROC_CATEGORY_ND;
}

static bool is_space(uint32_t c)
{
    utf8proc_category_t k = category(c);
    return (c >= 9 && c <= 13) || c == 0x85 || k == UTF8PROC_CATEGORY_ZS ||
           k == UTF8PROC_CATEGORY_ZL || k == UTF8PROC_CATEGORY_ZP;
}

// ---- characters -----------------------------------------------------------------------------------

#define CHAR_TEST(id, who, test)                                                                   \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        EXPECT_CHAR(a, who, args[0]);                                                              \
        return value_bool(test(value_scalar(args[0])));                                            \
    }

CHAR_TEST(char_alphabetic_p, "char-alphabetic?", is_alphabetic)
CHAR_TEST(char_numeric_p, "char-numeric?", is_decimal)
CHAR_TEST(char_whitespace_p, "char-whitespace?", is_space)
CHAR_TEST(char_upper_case_p, "char-upper-case?", is_upper)
CHAR_TEST(char_lower_case_p, "char-lower-case?", is_lower)

static uint32_t upper_of(uint32_t c)
{
    // The sharp s has no single upper-case character in Unicode's data; utf8proc gives it one.
    return c == 0xDF ? c : (uint32_t)utf8proc_toupper((utf8proc_int32_t)c);
}

static uint32_t lower_of(uint32_t c)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)c);
}

// The full folding of a character; how many characters it has.
static size_t fold(uint32_t c, utf8proc_int32_t out[FOLD_MAX])
{
    int boundary = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)c, out, FOLD_MAX,
                                                 UTF8PROC_CASEFOLD, &boundary);
    if (n >= 1 && n <= FOLD_MAX) return (size_t)n;
    out[0] = (utf8proc_int32_t)c;
    return 1;
}

static uint32_t simple_fold(uint32_t c)
{
    utf8proc_int32_t folded[FOLD_MAX];

    if (c == 0x130) return c; // folds to i only where Turkish rules hold
    return fold(c, folded) == 1 ? (uint32_t)folded[0] : lower_of(c);
}

#define CHAR_MAP(id, who, map)                                                                     \
    NATIVE_FN(id)                                                                                  \
    {                                                                                              \
        (void)count;                                                                               \
        EXPECT_CHAR(a, who, args[0]);                                                              \
        return value_char(map(value_scalar(args[0])));                                             \
    }

CHAR_MAP(char_upcase, "char-upcase", upper_of)
CHAR_MAP(char_downcase, "char-downcase", lower_of)
CHAR_MAP(char_foldcase, "char-foldcase", simple_fold)

// Decimal digits stand in runs of ten, some of them one after the other.
NATIVE_FN(digit_value)
{
    (void)count;
    EXPECT_CHAR(a, "digit-value", args[0]);
    uint32_t c = value_scalar(args[0]), first = c;
    if (!is_decimal(c)) return V_FALSE;
    while (is_decimal(first - 1)) {
        first--;
    }
    return value_fix((c - first) % 10);
}

// ---- strings --------------------------------------------------------------------------------------

static void put_upper(Buf *out, Value s, size_t i)
{
    utf8proc_int32_t folded[FOLD_MAX];
    uint32_t c = string_scalar(s, i);
    size_t n = c < 0x80 || is_upper(c) ? 1 : fold(c, folded);

    if (n == 1) {
        buf_char(out, upper_of(c));
        return;
    }
    for (size_t k = 0; k < n; k++) {
        buf_char(out, upper_of((uint32_t)folded[k]));
    }
}

static void put_folded(Buf *out, Value s, size_t i)
{
    utf8proc_int32_t folded[FOLD_MAX];
    size_t n = fold(string_scalar(s, i), folded);

    for (size_t k = 0; k < n; k++) {
        buf_char(out, (uint32_t)folded[k]);
    }
}

static bool is_cased(uint32_t c)
{
    return is_upper(c) || is_lower(c) || category(c) == UTF8PROC_CATEGORY_LT;
}

// What may stand between letters without making two words of them.
static bool is_case_ignorable(uint32_t c)
{
    switch (category(c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
        return true;
    default:
        return c == '\'' || c == '.' || c == ':' || c == 0xB7 || c == 0x2018 || c == 0x2019 ||
               c == 0x2024 || c == 0x2027;
    }
}

// A sigma at the end of a word: a letter before it, none after it.
static bool is_final(Value s, size_t i)
{
    size_t n = string_length(s), before = i, after = i + 1;

    while (before > 0 && is_case_ignorable(string_scalar(s, before - 1))) {
        before--;
    }
    while (after < n && is_case_ignorable(string_scalar(s, after))) {
        after++;
    }
    return before > 0 && is_cased(string_scalar(s, before - 1)) &&
           !(after < n && is_cased(string_scalar(s, after)));
}

static void put_lower(Buf *out, Value s, size_t i)
{
    uint32_t c = string_scalar(s, i);

    if (c == 0x130) { // dotted I
        buf_char(out, 'i');
        buf_char(out, 0x307);
    } else if (c == 0x3A3) { // sigma
        buf_char(out, is_final(s, i) ? 0x3C2 : 0x3C3);
    } else {
        buf_char(out, lower_of(c));
    }
}

static Value map_string(Actor *a, const char *who, Value s, void (*put)(Buf *out, Value s, size_t i))
{
    VmWorker *w = actor_worker(a);

    if (!value_is_string(s)) return fail_type(HEAP(a), who, "a string", s);
    buf_clear(&w->text);
    for (size_t i = 0; i < string_length(s); i++) {
        put(&w->text, s, i);
    }
    if (w->text.failed) return fail_text(HEAP(a), ERR_HEAP_LIMIT, who, "out of memory");
    native_charge_bytes(a, 8 * w->text.size);
    return string_from_utf8(HEAP(a), w->text.data, w->text.size);
}

NATIVE_FN(string_upcase)
{
    (void)count;
    return map_string(a, "string-upcase", args[0], put_upper);
}

NATIVE_FN(string_downcase)
{
    (void)count;
    return map_string(a, "string-downcase", args[0], put_lower);
}

NATIVE_FN(string_foldcase)
{
    (void)count;
    return map_string(a, "string-foldcase", args[0], put_folded);
}
