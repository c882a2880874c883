// See phi.h.
#include "runtime/node/phi.h"

#include <math.h>
#include <string.h>

#define PHI_MOST 100.0

static void note(Phi *p, double seconds)
{
    if (p->count == PHI_WINDOW) {
        p->sum -= p->intervals[p->at];
        p->squares -= p->intervals[p->at] * p->intervals[p->at];
    } else {
        p->count++;
    }
    p->intervals[p->at] = seconds;
    p->sum += seconds;
    p->squares += seconds * seconds;
    p->at = (p->at + 1) % PHI_WINDOW;
}

void phi_begin(Phi *p, uint64_t now_ns, double expected_seconds)
{
    memset(p, 0, sizeof *p);
    note(p, expected_seconds);
    note(p, expected_seconds);
    p->heartbeat_ns = p->heard_ns = now_ns;
}

void phi_heartbeat(Phi *p, uint64_t now_ns)
{
    note(p, (double)(now_ns - p->heartbeat_ns) / 1e9);
    p->heartbeat_ns = now_ns;
    phi_heard(p, now_ns);
}

void phi_heard(Phi *p, uint64_t now_ns)
{
    if (now_ns > p->heard_ns) p->heard_ns = now_ns;
}

double phi_value(const Phi *p, uint64_t now_ns)
{
    double mean = p->sum / p->count;
    double variance = fmax(p->squares / p->count - mean * mean, 0);
    double deviation = fmax(sqrt(variance), mean / 2);
    double silent = now_ns > p->heard_ns ? (double)(now_ns - p->heard_ns) / 1e9 : 0;
    // The upper tail of the normal distribution.
    double chance = erfc((silent - mean) / deviation / sqrt(2.0)) / 2;

    return chance <= 0 ? PHI_MOST : fmin(-log10(chance), PHI_MOST);
}
