// Options from the environment. An unusable value is an error that names the variable, the value and
// what is allowed.
#ifndef VM_BASE_CONF_H
#define VM_BASE_CONF_H

#include "vm/base/base.h"

typedef enum {
#define CONF(id, variable, initial, min, max, text) CONF_##id,
#include "vm/base/conf.def"
    CONF_COUNT
} ConfId;

typedef struct {
    uint64_t values[CONF_COUNT];
    bool thread_per_actor; // ETA_ACTOR_SCHEDULER
} Conf;

// Reads all variables. On failure false and the message in `why`.
MUST_USE bool conf_read(Conf *c, char *why, size_t why_size);

#endif
