// Hibernation: an actor that will wait for long keeps only what it needs.
#include "runtime/native/natives.h"

#include "vm/exec/stack.h"

// The stack's block and the heap as small as they can be. May move the frames.
static void shrink(Actor *a)
{
    stack_trim(a);
    gc_shrink(HEAP(a), a->nursery_words, CELL_NURSERY_WORDS);
}

// The argument is how many words the heap had when it was made small, or #f.
NATIVE_FN(hibernate)
{
    (void)count;
    signals_take(a);
    if (a->own & OWN_EXITING) return V_WAIT;
    if (mailbox_length(a) > 0) return V_TRUE;
    a->deadline_ns = 0;
    if (value_is_fix(args[0]) && (size_t)value_int(args[0]) >= heap_words(HEAP(a))) return V_WAIT;
    size_t slot = (size_t)(args - a->fp);
    shrink(a);
    a->fp[slot] = value_fix((int64_t)heap_words(HEAP(a)));
    return V_WAIT;
}
