// Tokens of a source text. Inside of the reader.
#ifndef COMPILER_READ_LEXER_H
#define COMPILER_READ_LEXER_H

#include "compiler/read/reader.h"

typedef enum {
    TOKEN_END,     // of the text
    TOKEN_BAD,     // an error was reported
    TOKEN_ATOM,    // Token.atom
    TOKEN_OPEN,    // ( [
    TOKEN_CLOSE,   // ) ]
    TOKEN_VECTOR,  // #( #[
    TOKEN_BYTES,   // #u8( #u8[
    TOKEN_PREFIX,  // ' ` , ,@
    TOKEN_COMMENT, // #;
    TOKEN_DOT,
    TOKEN_LABEL,     // #n=
    TOKEN_REFERENCE, // #n#
} TokenKind;

typedef struct {
    TokenKind kind;
    char bracket; // the bracket; of a prefix ' ` , and @ for ,@
    uint32_t start, end;
    uint32_t label;
    Stx *atom;
} Token;

// Scans the token at r->at and moves behind it.
void lexer_next(Reader *r, Token *token);

// Reports an error of the text itself. `unfinished`: the text ended too early.
void lexer_error(Reader *r, uint32_t start, uint32_t end, bool unfinished, const char *fmt, ...)
    PRINTF_LIKE(5, 6);

// A node of the unit's arena with its place.
Stx *lexer_node(Reader *r, StxKind kind, uint32_t start, uint32_t end);

// In names.c: the scalar a character name stands for, UTF8_INVALID when it is none; white space and
// delimiters.
uint32_t lexer_char_name(const char *name, size_t size, bool fold_case);
bool lexer_is_space(uint32_t scalar);

enum { CLASS_NAME = 1, CLASS_DIGIT = 2, CLASS_SPACE = 4, CLASS_HIGH = 8 };
extern const uint8_t lexer_class[256];

#endif
