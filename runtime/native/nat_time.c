// Natives of the calendar: the wall clock, and what the C library knows about the local zone.
#include "runtime/native/natives.h"

#include <string.h>
#include <time.h>

// (): (seconds . nanoseconds) since 1970
NATIVE_FN(wall_clock)
{
    uint64_t ns = plat_wall_ns();

    (void)args, (void)count;
    if (!heap_reserve(HEAP(a), 2)) return V_FAIL;
    return heap_cons(HEAP(a), value_fix((int64_t)(ns / 1000000000)),
                     value_fix((int64_t)(ns % 1000000000)));
}

// (seconds): #(offset daylight? name) of the local zone then: the offset from UTC in seconds
NATIVE_FN(local_zone)
{
    struct tm tm;

    (void)count;
    if (!value_is_fix(args[0])) return fail_type(HEAP(a), "local-zone", "an integer", args[0]);
    time_t at = (time_t)value_int(args[0]);
    if (!localtime_r(&at, &tm))
        return fail_text(HEAP(a), ERR_USER, "local-zone", "the year is too large");
    unsigned mark = heap_root_mark(HEAP(a));
    Value *name = heap_root(HEAP(a), string_from_text(HEAP(a), tm.tm_zone ? tm.tm_zone : ""));
    Value *p = value_is(*name, V_FAIL) ? NULL : heap_alloc(HEAP(a), header_make(KIND_VECTOR, 3));
    if (p) {
        p[1] = value_fix(tm.tm_gmtoff);
        p[2] = value_bool(tm.tm_isdst > 0);
        p[3] = *name;
    }
    heap_unroot(HEAP(a), mark);
    return p ? value_from_words(p, TAG_OBJ) : V_FAIL;
}
