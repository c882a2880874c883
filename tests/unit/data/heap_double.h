// A stand-in for vm/heap in tests of code that allocates. See heap_double.c.
#ifndef TESTS_UNIT_DATA_HEAP_DOUBLE_H
#define TESTS_UNIT_DATA_HEAP_DOUBLE_H

#include "vm/heap/heap.h"

#define HEAP_DOUBLE_FRAME 32

typedef struct LargeObject {
    struct LargeObject *next;
    bool is_marked;
    Value words[]; // header, payload
} LargeObject;

typedef struct {
    Heap heap; // first: a Heap * is a HeapDouble *
    HeapScratch scratch;
    bool is_stress;       // move everything at each reservation
    uint64_t fail_at;     // the nth reservation from now fails; 0: none does
    uint64_t collections; // so far
    LargeObject *large;
    Value frame[HEAP_DOUBLE_FRAME]; // slots that the collector knows, for the test's values
} HeapDouble;

void heap_double_open(HeapDouble *d, bool is_stress);
void heap_double_close(HeapDouble *d);
void heap_double_collect(HeapDouble *d);

#endif
