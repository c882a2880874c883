// Classes of characters and the names of characters, as the lexer sees them.
#include "compiler/read/lexer.h"

#include "vm/base/utf8.h"

#include <string.h>
#include <strings.h>

// What a byte may be: part of a name, a digit, white space, part of a non-ASCII character. A byte
// of no class is a delimiter or an error. R7RS 7.1.1, and '#' inside a name as nearly everywhere.
// clang-format off
const uint8_t lexer_class[256] = {
    ['\t'] = CLASS_SPACE, ['\n'] = CLASS_SPACE, ['\v'] = CLASS_SPACE,
    ['\f'] = CLASS_SPACE, ['\r'] = CLASS_SPACE, [' '] = CLASS_SPACE,
    ['0' ... '9'] = CLASS_NAME | CLASS_DIGIT,
    ['a' ... 'z'] = CLASS_NAME, ['A' ... 'Z'] = CLASS_NAME,
    ['!'] = CLASS_NAME, ['$'] = CLASS_NAME, ['%'] = CLASS_NAME, ['&'] = CLASS_NAME,
    ['*'] = CLASS_NAME, ['/'] = CLASS_NAME, [':'] = CLASS_NAME, ['<'] = CLASS_NAME,
    ['='] = CLASS_NAME, ['>'] = CLASS_NAME, ['?'] = CLASS_NAME, ['^'] = CLASS_NAME,
    ['_'] = CLASS_NAME, ['~'] = CLASS_NAME, ['+'] = CLASS_NAME, ['-'] = CLASS_NAME,
    ['.'] = CLASS_NAME, ['@'] = CLASS_NAME, ['#'] = CLASS_NAME,
    [0x80 ... 0xFF] = CLASS_HIGH,
};
// clang-format on

bool lexer_is_space(uint32_t scalar)
{
    if (scalar < 0x80) return lexer_class[scalar] & CLASS_SPACE;
    if (scalar >= 0x2000 && scalar <= 0x200A) return true;
    switch (scalar) {
    case 0x85:
    case 0xA0:
    case 0x1680:
    case 0x2028:
    case 0x2029:
    case 0x202F:
    case 0x205F:
    case 0x3000:
    case 0xFEFF: // a byte order mark in the middle of a text made of several files
        return true;
    default:
        return false;
    }
}

uint32_t lexer_char_name(const char *name, size_t size, bool fold_case)
{
    static const struct {
        const char *name;
        uint32_t scalar;
    } names[] = {
        {"alarm", 7}, {"backspace", 8}, {"delete", 127}, {"escape", 27}, {"newline", 10},
        {"null", 0},  {"return", 13},   {"space", 32},   {"tab", 9},     {"linefeed", 10},
        {"page", 12}, {"vtab", 11},     {"nul", 0},      {"esc", 27},    {"rubout", 127},
    };

    for (size_t i = 0; i < countof(names); i++) {
        if (strlen(names[i].name) != size) continue;
        if (fold_case ? strncasecmp(names[i].name, name, size) == 0
                      : memcmp(names[i].name, name, size) == 0) {
            return names[i].scalar;
        }
    }
    return UTF8_INVALID;
}
