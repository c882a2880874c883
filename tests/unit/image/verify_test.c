// The verifier on images that were tampered with: it refuses what the interpreter could not
// survive, and survives whatever it is given itself.
#include "compiler/builder.h"
#include "tests/unit/unit.h"
#include "vm/base/rng.h"

#include <string.h>

extern const uint8_t eta_stdlib_image[], eta_stdlib_image_end[];

static const char program[] =
    "(define-record-type point (make-point x y) point? (x px set-px!) (y py))\n"
    "(define count 0)\n"
    "(define (bump! n) (set! count (+ count n)) (lambda (m) (+ n m count)))\n"
    "(define pick (case-lambda ((a) a) ((a b) (cons a b)) ((a . rest) (apply list a rest))))\n"
    "(define (walk v) (let loop ((i 0) (acc '())) (if (< i (vector-length v)) (loop (+ i 1) (cons\n"
    " (vector-ref v i) acc)) acc)))\n"
    "(define (split x) (let-values (((a . rest) (values x x x))) (list a rest)))\n"
    "(define (tail f args) (apply f args))\n"
    "(guard (e (#t (display e))) (pick (make-point 1 2) (walk (vector 1 2.5 \"three\" 'four))))\n"
    "(display (split (tail pick (list 1 2 3))))\n";

typedef struct {
    const char *op;
    char operand; // 'a', 'b' or 'c'
    uint16_t value;
} Tampering;

static const Tampering refused[] = {
    {"RECORD", 'c', 0}, {"UNPACKR", 'c', 0}, {"TAPPLY", 'a', 0},    {"ENTRY", 'a', 60},
    {"ENTER", 'b', 90}, {"CONS", 'b', 900},  {"MOVE", 'a', 0xffff}, {"RET", 'a', 0xffff},
    {"ENTRY", 'b', 9},  {"CALLG", 'a', 700}, {"VREF", 'c', 999},    {"CLOSURE", 'b', 9},
};

static Buf image;
static ImageView view;
static ModuleView module;

static bool compile_program(void)
{
    static Builder b;
    const char *why;

    builder_init(&b, eta_stdlib_image, (size_t)(eta_stdlib_image_end - eta_stdlib_image));
    bool ok = builder_compile_text(&b, "program", program, sizeof program - 1, NULL, &image);
    builder_free(&b);
    return ok && image_open(&view, image.data, image.size, false, &why) &&
           image_module(&view, view.module_count - 1, &module, &why);
}

static uint64_t *find(const char *op)
{
    uint64_t *words = (uint64_t *)(uintptr_t)module.words;

    for (uint32_t pc = 0; pc < module.word_count;) {
        Insn in = insn_from_word(words[pc]);
        if (strcmp(op_info[in.op].name, op) == 0) return &words[pc];
        pc += insn_words(in);
    }
    return NULL;
}

static void test_tampered_operands_are_refused(void)
{
    char why[200];

    for (size_t i = 0; i < countof(refused); i++) {
        const Tampering *t = &refused[i];
        uint64_t *word = find(t->op);
        unit_check(word != NULL, __FILE__, __LINE__, "the program has a %s", t->op);
        if (!word) continue;
        uint64_t was = *word;
        Insn in = insn_from_word(was);
        *(t->operand == 'a' ? &in.a : t->operand == 'b' ? &in.b : &in.c) = t->value;
        *word = insn_to_word(in);
        unit_check(!image_verify(&module, why, sizeof why), __FILE__, __LINE__,
                   "%s with %c = %u is refused", t->op, t->operand, t->value);
        *word = was;
    }
}

// A jump over ENTRY's counting of arguments.
static void test_enter_without_entry_is_refused(void)
{
    char why[200];
    uint64_t *word = find("ENTRY"), was = *word;

    *word = word[1];
    EXPECT(!image_verify(&module, why, sizeof why));
    *word = was;
}

static void test_random_words_are_survived(void)
{
    Rng rng;
    char why[200];
    uint64_t *words = (uint64_t *)(uintptr_t)module.words;
    unsigned accepted = 0;

    rng_seed(&rng, 20261120);
    for (int i = 0; i < 20000; i++) {
        uint64_t *word = &words[rng_below(&rng, module.word_count)], was = *word;
        *word ^= (uint64_t)1 << rng_below(&rng, 64);
        accepted += image_verify(&module, why, sizeof why);
        *word = was;
    }
    EXPECT(accepted < 20000);
    EXPECT(image_verify(&module, why, sizeof why));
}

int main(void)
{
    EXPECT(compile_program());
    if (module.words) {
        test_tampered_operands_are_refused();
        test_enter_without_entry_is_refused();
        test_random_words_are_survived();
    }
    buf_free(&image);
    return unit_finish();
}
