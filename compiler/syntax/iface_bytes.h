// The bytes of an interface: what iface_write.c makes and iface_read.c takes apart.
//
//   header      HEADER_WORDS words, see below
//   strings     two words each: offset and size of a text in the blob
//   exports     slots, then rows of EXPORT_WORDS
//   definitions slots, then rows of DEFINITION_WORDS
//   rows        slots, then rows of ROW_WORDS
//   blob        texts, facts of variables, rules of macros, scope sets
//
// All words are 32 bits, little-endian. A table of n rows has table_slots(n) slots, each 0 or 1 + a
// row number, probed linearly from table_hash(name, number); so a name is found without reading
// anything else. Strings are referred to by number.
#ifndef COMPILER_SYNTAX_IFACE_BYTES_H
#define COMPILER_SYNTAX_IFACE_BYTES_H

#include "compiler/syntax/expand_int.h"

#define IFACE_MAGIC 0x31464945u // "EIF1"

enum {
    HEADER_MAGIC,
    HEADER_SIZE,  // of all bytes
    HEADER_FLAGS, // IFACE_...
    HEADER_NAME,
    HEADER_DEFAULTS, // 1 + the string; 0: none
    HEADER_SCOPES,   // numbers of scopes are below this
    HEADER_STRINGS,  // offset, count
    HEADER_STRING_COUNT,
    HEADER_EXPORTS,
    HEADER_EXPORT_COUNT,
    HEADER_DEFINITIONS,
    HEADER_DEFINITION_COUNT,
    HEADER_ROWS,
    HEADER_ROW_COUNT,
    HEADER_BLOB, // offset; it ends with the bytes
    HEADER_WORDS
};

enum { IFACE_PRIVILEGED = 1, IFACE_SEES_CORE = 2 };

enum { EXPORT_NAME, EXPORT_MODULE, EXPORT_TARGET, EXPORT_KIND, EXPORT_WORDS };
enum { DEFINITION_NAME, DEFINITION_MACRO, DEFINITION_OFFSET, DEFINITION_SIZE, DEFINITION_WORDS };
enum { ROW_NAME, ROW_NUMBER, ROW_SET, ROW_MODULE, ROW_TARGET, ROW_IMPORTED, ROW_WORDS };

enum { FACT_ASSIGNED = 1, FACT_TYPE = 2 };

// Scopes one module may have in its interface; a damaged number must not make huge tables.
#define IFACE_SCOPES_MAX (1u << 20)
#define IFACE_SET_MAX    (1u << 16) // scopes of one set

static inline uint32_t table_slots(uint32_t rows)
{
    uint32_t slots = 2;

    while (slots < rows + rows / 2) {
        slots *= 2;
    }
    return slots;
}

static inline uint32_t table_hash(const Sym *name, uint32_t number)
{
    return (uint32_t)(name->hash >> 32) ^ (uint32_t)name->hash ^ number * 0x9E3779B9u;
}

#endif
