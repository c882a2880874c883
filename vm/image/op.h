// Instructions as data: numbers, operand kinds, flags. Everything that reads code (verifier, linker,
// disassembler, compiler) is driven by this table; nothing but the interpreter knows what an
// instruction does.
#ifndef VM_IMAGE_OP_H
#define VM_IMAGE_OP_H

#include "vm/base/base.h"

typedef enum {
#define OP(name, a, b, c, ext, flags, doc) OP_##name,
#include "vm/image/op.def"
    OP_COUNT
} Op;

typedef enum {
    OPERAND__,
    OPERAND_S,
    OPERAND_D,
    OPERAND_U,
    OPERAND_I,
    OPERAND_N,
    OPERAND_W,
    OPERAND_V,
    OPERAND_L,
    OPERAND_M,
    OPERAND_K,
} OperandKind;

enum { OPF_SAFE = 1, OPF_CALL = 2, OPF_END = 4, OPF_PRE = 8, OPF_STUB = 16 };

typedef struct {
    const char *name;
    uint8_t kind[3]; // OperandKind of a, b, c
    uint8_t flags;
    const char *ext;
    const char *doc;
} OpInfo;

extern const OpInfo op_info[OP_COUNT];

typedef struct {
    uint16_t op, a, b, c;
} Insn;

STATIC_ASSERT(sizeof(Insn) == 8, "an instruction is one word");

static inline Insn insn_from_word(uint64_t word)
{
    return (Insn){(uint16_t)word, (uint16_t)(word >> 16), (uint16_t)(word >> 32),
                  (uint16_t)(word >> 48)};
}

static inline uint64_t insn_to_word(Insn in)
{
    return (uint64_t)in.op | (uint64_t)in.a << 16 | (uint64_t)in.b << 32 | (uint64_t)in.c << 48;
}

// The 32-bit operand of kinds M and K.
static inline int32_t insn_wide(Insn in)
{
    return (int32_t)(in.b | (uint32_t)in.c << 16);
}

static inline void insn_set_wide(Insn *in, int32_t wide)
{
    in->b = (uint16_t)(uint32_t)wide;
    in->c = (uint16_t)((uint32_t)wide >> 16);
}

// Words the instruction takes, itself included. `in.op` must be valid.
static inline unsigned insn_words(Insn in)
{
    unsigned words = 1;
    for (const char *e = op_info[in.op].ext; *e; e++) {
        words += *e == 's' ? (in.b + 3u) / 4u : 1u;
    }
    return words;
}

// The call word: where the callee's frame begins, where the result goes, which slots live across.
#define CALL_WORD(base, dst, mask)                                                                 \
    ((uint64_t)(base) | (uint64_t)(dst) << 16 | (uint64_t)(mask) << 32)
static inline uint32_t call_base(uint64_t word)
{
    return (uint16_t)word;
}
static inline uint32_t call_dst(uint64_t word)
{
    return (uint16_t)(word >> 16);
}
static inline uint32_t call_mask(uint64_t word)
{
    return (uint32_t)(word >> 32);
}

// A mask says which slots of a frame hold live values. 31 slots fit the word itself; with the top
// bit set the rest is the index of a wide mask in the module's table: a count, then that many words.
#define MASK_WIDE       0x80000000u
#define MASK_SLOTS      31
#define FRAME_SLOTS_MAX 4096

// ENTRY operand b.
enum { ENTRY_REST = 1, ENTRY_SELF = 2 };

#endif
