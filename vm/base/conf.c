// See conf.h.
#include "vm/base/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *variable;
    uint64_t initial, min, max;
    const char *text;
} ConfRow;

static const ConfRow rows[CONF_COUNT] = {
#define CONF(id, variable, initial, min, max, text) {variable, initial, min, max, text},
#include "vm/base/conf.def"
};

// Decimal digits, then optionally K, M or G.
static bool parse(const char *text, uint64_t *out)
{
    uint64_t n = 0, unit = 1;
    const char *p = text;

    if (*p < '0' || *p > '9') return false;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(n, 10, &n)) return false;
        if (__builtin_add_overflow(n, (uint64_t)(*p - '0'), &n)) return false;
    }
    if (*p == 'K' || *p == 'k') unit = (uint64_t)1 << 10;
    if (*p == 'M' || *p == 'm') unit = (uint64_t)1 << 20;
    if (*p == 'G' || *p == 'g') unit = (uint64_t)1 << 30;
    if (unit > 1) p++;
    if (*p || __builtin_mul_overflow(n, unit, &n)) return false;
    *out = n;
    return true;
}

static bool read_row(const ConfRow *row, uint64_t *out, char *why, size_t why_size)
{
    const char *text = getenv(row->variable);

    *out = row->initial;
    if (!text) return true;
    // Where 0 stands for "decide at start" it cannot be asked for by name, but for the dirty threads.
    uint64_t min = row->initial == 0 && row->min == 0 && row->max != 256 ? 1 : row->min;
    if (parse(text, out) && *out >= min && *out <= row->max) return true;
    snprintf(why, why_size, "%s is \"%.80s\"; it must be %s", row->variable, text, row->text);
    return false;
}

bool conf_read(Conf *c, char *why, size_t why_size)
{
    const char *mode = getenv("ETA_ACTOR_SCHEDULER");

    memset(c, 0, sizeof *c);
    if (mode && strcmp(mode, "pool") != 0 && strcmp(mode, "thread-per-actor") != 0) {
        snprintf(why, why_size,
                 "ETA_ACTOR_SCHEDULER is \"%.80s\"; it must be pool or thread-per-actor", mode);
        return false;
    }
    c->thread_per_actor = mode && strcmp(mode, "thread-per-actor") == 0;
    for (int i = 0; i < CONF_COUNT; i++) {
        if (!read_row(&rows[i], &c->values[i], why, why_size)) return false;
    }
    return true;
}
