// Listings of code, driven by the opcode table.
#include "vm/image/image.h"

#include "vm/image/prim.h"
#include "vm/image/tags.h"

#include <string.h>

static void print_text(Buf *out, const ModuleView *m, ImageText text)
{
    size_t size;
    const char *p = image_text(m, text, &size);
    buf_bytes(out, p ? p : "?", p ? size : 1);
}

static void print_mask(Buf *out, const ModuleView *m, uint32_t mask)
{
    const char *separator = "";

    buf_text(out, "{");
    for (uint32_t slot = 0; slot < FRAME_SLOTS_MAX; slot++) {
        bool live;
        if (mask & MASK_WIDE) {
            const uint32_t *wide = &m->masks[mask & ~MASK_WIDE];
            if (slot >= wide[0] * 32) break;
            live = wide[1 + slot / 32] >> (slot % 32) & 1;
        } else {
            if (slot >= MASK_SLOTS) break;
            live = mask >> slot & 1;
        }
        if (!live) continue;
        buf_printf(out, "%sr%u", separator, slot);
        separator = " ";
    }
    buf_text(out, "}");
}

static void print_immediate(Buf *out, int32_t wide)
{
    uint64_t bits = (uint64_t)(int64_t)wide;
    static const char *const names[] = {"()", "#f", "#t", "eof", "unspecified", "default"};

    if ((bits & TAG_MASK) == 0) {
        buf_printf(out, " %d", wide >> 3);
    } else if ((bits & 0xff) == CHAR_LOW) {
        buf_printf(out, " #\\x%x", (unsigned)(bits >> 8));
    } else {
        buf_printf(out, " %s", bits >> 8 < countof(names) ? names[bits >> 8] : "?");
    }
}

static void print_operands(Buf *out, Insn in, uint32_t pc)
{
    const uint16_t operand[3] = {in.a, in.b, in.c};
    const OpInfo *info = &op_info[in.op];

    for (int i = 0; i < 3; i++) {
        switch ((OperandKind)info->kind[i]) {
        case OPERAND__:
            break;
        case OPERAND_S:
        case OPERAND_D:
        case OPERAND_W:
        case OPERAND_V:
            buf_printf(out, " r%u", operand[i]);
            break;
        case OPERAND_U:
            buf_printf(out, " %u", operand[i]);
            break;
        case OPERAND_I:
            buf_printf(out, " %d", (int16_t)operand[i]);
            break;
        case OPERAND_N:
            buf_printf(out, " n=%u", operand[i]);
            break;
        case OPERAND_L:
            buf_printf(out, " ->%d", (int)pc + (int16_t)operand[i]);
            break;
        case OPERAND_M:
            if (i == 1) buf_printf(out, " ->%d", (int)pc + insn_wide(in));
            break;
        case OPERAND_K:
            if (i == 1) print_immediate(out, insn_wide(in));
            break;
        }
    }
}

static void print_ext(Buf *out, const ModuleView *m, Insn in, uint32_t pc)
{
    const uint64_t *word = &m->words[pc + 1];

    for (const char *e = op_info[in.op].ext; *e; e++, word++) {
        switch (*e) {
        case 'l':
            buf_printf(out, " literal:%u", (unsigned)*word);
            break;
        case 'c':
            buf_text(out, " ");
            print_text(out, m, m->cells[*word].name);
            break;
        case 'n':
            buf_text(out, " ");
            buf_text(out, prim_info((int)m->natives[*word].prim)->name);
            break;
        case 'f':
            buf_printf(out, " code:%u (", (unsigned)*word);
            print_text(out, m, m->codes[*word].name);
            buf_text(out, ")");
            for (uint32_t i = 0; i < in.b; i++) {
                buf_printf(out, " r%u", (uint16_t)(word[1 + i / 4] >> (i % 4 * 16)));
            }
            return;
        default:
            buf_printf(out, " base=r%u -> r%u live ", call_base(*word), call_dst(*word));
            print_mask(out, m, call_mask(*word));
            break;
        }
    }
}

static void print_code(Buf *out, const ModuleView *m, uint32_t index, uint32_t *safe,
                       uint32_t *label)
{
    const ImageCode *code = &m->codes[index];

    buf_printf(out, "\ncode %u ", index);
    print_text(out, m, code->name);
    buf_printf(out, " (line %u, %u free)\n", code->line, code->free_count);
    for (uint32_t pc = code->start; pc < code->start + code->count;) {
        Insn in = insn_from_word(m->words[pc]);
        if (*label < m->label_count && m->labels[*label].pc == pc) {
            buf_text(out, "         ");
            print_mask(out, m, m->labels[(*label)++].mask);
            buf_text(out, "\n");
        }
        buf_printf(out, "  %6u %-10s", pc, op_info[in.op].name);
        print_operands(out, in, pc);
        print_ext(out, m, in, pc);
        if (*safe < m->safe_count && m->safe[*safe].pc == pc) {
            const ImageSafe *row = &m->safe[(*safe)++];
            if (row->line) buf_printf(out, "  ; %u:%u", row->line, row->column);
            if (!(op_info[in.op].flags & OPF_PRE)) {
                buf_text(out, " live ");
                print_mask(out, m, row->mask);
            }
        }
        buf_text(out, "\n");
        pc += insn_words(in);
    }
}

void image_disassemble(Buf *out, const ModuleView *m)
{
    uint32_t safe = 0, label = 0;

    buf_text(out, "module ");
    print_text(out, m, m->head->name);
    buf_printf(out, ": %u codes, %u words, %u literals\n", m->code_count, m->word_count,
               m->head->literal_count);
    for (uint32_t i = 0; i < m->import_count; i++) {
        buf_text(out, "  import ");
        print_text(out, m, m->imports[i].name);
        buf_text(out, "\n");
    }
    for (uint32_t i = 0; i < m->code_count; i++) {
        print_code(out, m, i, &safe, &label);
    }
}
