// A code space's life, and the VM's own instructions: where actors begin, where stacks end, and what
// a cell without a shared procedure does when it is called.
#include "vm/code/code_int.h"

#include "vm/base/mem.h"
#include "vm/heap/gc.h"

#include <string.h>

// The stub words, in order.
enum {
    STUB_START,      // CALLC of slot 0 without arguments, result to slot 0
    STUB_START_CALL, // its call word: the callee's frame begins behind slot 0
    STUB_FINISH,
    STUB_UNDERFLOW_CALL, // what RET reads when it returns to the word after it
    STUB_UNDERFLOW,
    STUB_CELL,
    STUB_WORDS
};

static bool make_stubs(CodeSpace *cs)
{
    uint64_t *words = space_shared(cs->space, STUB_WORDS * sizeof *words);

    if (!words) return false;
    words[STUB_START] = insn_to_word((Insn){.op = OP_CALLC});
    words[STUB_START_CALL] = CALL_WORD(1, 0, 0);
    words[STUB_FINISH] = insn_to_word((Insn){.op = OP_FINISH});
    words[STUB_UNDERFLOW_CALL] = CALL_WORD(0, 0, 0);
    words[STUB_UNDERFLOW] = insn_to_word((Insn){.op = OP_UNDERFLOW});
    words[STUB_CELL] = insn_to_word((Insn){.op = OP_CELLSTUB});
    cs->stub_start = words + STUB_START;
    cs->stub_underflow = words + STUB_UNDERFLOW;
    cs->stubs.name = V_FALSE;
    cs->stubs.words = words;
    for (int i = 0; i < 2; i++) {
        Code *c = &cs->stub_codes[i];
        c->header = header_make(KIND_CODE, sizeof *c / sizeof(Value) - 1);
        c->entry = words + (i == 0 ? STUB_START : STUB_CELL);
        c->module = &cs->stubs;
        c->name = V_FALSE;
    }
    return true;
}

bool code_init(CodeSpace *cs, Space *space, SymbolTable *symbols, const NativeFn *natives)
{
    memset(cs, 0, sizeof *cs);
    cs->space = space;
    cs->symbols = symbols;
    cs->natives = natives;
    atomic_store_explicit(&cs->epoch, 1, memory_order_relaxed);
    return make_stubs(cs);
}

static void free_module(CodeSpace *cs, LoadedModule *m)
{
    if (m->snapshot) frag_free(cs->space, NULL, m->snapshot);
    mem_free(MEM_CODE, m->cells, m->view.cell_count * sizeof *m->cells);
    Buf image = m->image;
    mem_free(MEM_CODE, m, sizeof *m);
    buf_free(&image);
}

void code_fini(CodeSpace *cs)
{
    // An image belongs to the last module linked from it, which stands first in the list: the
    // others' tables lie in it, so views are read before anything is freed.
    LoadedModule *owners = NULL;

    while (cs->modules) {
        LoadedModule *m = cs->modules;
        cs->modules = m->next;
        if (m->image.data) {
            m->next = owners;
            owners = m;
        } else {
            free_module(cs, m);
        }
    }
    while (owners) {
        LoadedModule *m = owners;
        owners = m->next;
        free_module(cs, m);
    }
    while (cs->libraries) {
        Library *lib = cs->libraries;
        cs->libraries = lib->next;
        mem_free(MEM_CODE, lib, sizeof *lib);
    }
    code_map_free(cs);
    mem_free(MEM_CODE, cs->cell_buckets, cs->cell_bucket_count * sizeof *cs->cell_buckets);
}
