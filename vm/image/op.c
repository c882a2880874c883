// See op.h: the rows of op.def as an array.
#include "vm/image/op.h"

#define SAFE OPF_SAFE
#define CALL OPF_CALL
#define END  OPF_END
#define PRE  OPF_PRE
#define STUB OPF_STUB

const OpInfo op_info[OP_COUNT] = {
#define OP(name, a, b, c, ext, flags, doc)                                                         \
    [OP_##name] = {#name, {OPERAND_##a, OPERAND_##b, OPERAND_##c}, flags, ext, doc},
#include "vm/image/op.def"
};
