// Order, equality, hashes and the questions one can ask of a number.
#include "vm/data/num_int.h"

#include "vm/base/hash.h"

// ---- order ----------------------------------------------------------------------------------

static NumOrder reverse(NumOrder order)
{
    return order == NUM_LESS ? NUM_GREATER : order == NUM_GREATER ? NUM_LESS : order;
}

NumOrder num_compare(Heap *h, const char *who, const Value *x, const Value *y)
{
    NumClass a = num_class(*x), b = num_class(*y);

    if (a == NUM_CLASS_FIX && b == NUM_CLASS_FIX) {
        int64_t m = value_int(*x), n = value_int(*y);
        return m < n ? NUM_LESS : m > n ? NUM_GREATER : NUM_EQUAL;
    }
    if (a == NUM_CLASS_NONE || b == NUM_CLASS_NONE) {
        fail_type(h, who, "a real number", a == NUM_CLASS_NONE ? *x : *y);
        return NUM_FAILED;
    }
    if (a == NUM_CLASS_FLO && b == NUM_CLASS_FLO) {
        return flo_order(value_double(*x), value_double(*y));
    }
    if (a == NUM_CLASS_FLO) return flo_compare_exact(value_double(*x), *y);
    if (b == NUM_CLASS_FLO) return reverse(flo_compare_exact(value_double(*y), *x));
    if (a <= NUM_CLASS_BIG && b <= NUM_CLASS_BIG) return (NumOrder)int_compare(*x, *y);
    return ratio_compare(h, who, *x, *y);
}

int num_sign(Heap *h, const char *who, const Value *x)
{
    switch (num_class(*x)) {
    case NUM_CLASS_FIX:
        return value_int(*x) < 0 ? -1 : value_int(*x) > 0;
    case NUM_CLASS_BIG:
        return int_is_negative(*x) ? -1 : 1;
    case NUM_CLASS_RATIO:
        return int_is_negative(ratio_numerator(*x)) ? -1 : 1;
    case NUM_CLASS_FLO:
        return flo_order(value_double(*x), 0.0); // NUM_UNORDERED is 2
    case NUM_CLASS_NONE:
        break;
    }
    fail_type(h, who, "a real number", *x);
    return NUM_FAILED;
}

// ---- equality and hashes --------------------------------------------------------------------

// All NaNs are one value, whatever their bits: they print and hash alike.
static uint64_t canonical_bits(double d)
{
    return ieee_is_nan(d) ? IEEE_NAN : ieee_bits(d);
}

bool num_eqv(Value x, Value y)
{
    if (value_is(x, y)) return true;
    NumClass class = num_class(x);
    if (class != num_class(y)) return false;
    switch (class) {
    case NUM_CLASS_BIG:
        return int_compare(x, y) == 0;
    case NUM_CLASS_RATIO:
        return int_compare(object_ref(x, 0), object_ref(y, 0)) == 0 &&
               int_compare(object_ref(x, 1), object_ref(y, 1)) == 0;
    case NUM_CLASS_FLO:
        return canonical_bits(value_double(x)) == canonical_bits(value_double(y));
    case NUM_CLASS_FIX:
    case NUM_CLASS_NONE:
        break;
    }
    return false;
}

static uint64_t hash_int(Value x)
{
    uint64_t spare;

    if (value_is_fix(x)) return hash_word(x.bits);
    IntView view = int_view(x, &spare);
    return hash_bytes(view.limbs, view.count * sizeof(uint64_t), view.negative);
}

uint64_t num_hash(Value x)
{
    if (value_is_flo(x)) return hash_word(canonical_bits(value_double(x)) + 1);
    if (!value_is_ratio(x)) return hash_int(x);
    return hash_word(hash_int(object_ref(x, 0)) + 3 * hash_int(object_ref(x, 1)));
}

// ---- predicates -----------------------------------------------------------------------------

bool num_is_integer(Value x)
{
    return value_is_exact_integer(x) || (value_is_flo(x) && flo_is_integer(value_double(x)));
}

bool num_is_rational(Value x)
{
    return value_is_number(x) && (!value_is_flo(x) || ieee_is_finite(value_double(x)));
}

bool num_is_exact(Value x)
{
    return value_is_number(x) && !value_is_flo(x);
}

// ---- to C integers ----------------------------------------------------------------------------

static bool one_limb(Value x, uint64_t *magnitude, bool *negative)
{
    uint64_t spare;

    if (!value_is_exact_integer(x)) return false;
    IntView view = int_view(x, &spare);
    *magnitude = view.count ? view.limbs[0] : 0;
    *negative = view.negative;
    return view.count <= 1;
}

bool num_to_int64(Value x, int64_t *out)
{
    uint64_t magnitude;
    bool negative;

    if (!one_limb(x, &magnitude, &negative)) return false;
    if (magnitude > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

bool num_to_uint64(Value x, uint64_t *out)
{
    bool negative;
    return one_limb(x, out, &negative) && !negative;
}
