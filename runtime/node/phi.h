// A phi-accrual failure detector (Hayashibara, Defago, Yared, Katayama 2004): how unlikely it is that a peer
// which has been silent for so long is still there, from the intervals at which it was heard before.
//
// Threads: the owner's lock.
#ifndef RUNTIME_NODE_PHI_H
#define RUNTIME_NODE_PHI_H

#include "vm/base/base.h"

#define PHI_WINDOW 64

typedef struct {
    double intervals[PHI_WINDOW]; // seconds between heartbeats
    unsigned count, at;
    double sum, squares;
    uint64_t heartbeat_ns; // when the last one came
    uint64_t heard_ns;     // when anything came
} Phi;

void phi_begin(Phi *p, uint64_t now_ns, double expected_seconds);
void phi_heartbeat(Phi *p, uint64_t now_ns);
void phi_heard(Phi *p, uint64_t now_ns);
// Suspicion, as -log10 of the probability that it is late by chance. A deviation below half the mean counts
// as that: a peer that has been regular is not suspected for being late once.
double phi_value(const Phi *p, uint64_t now_ns);

#endif
