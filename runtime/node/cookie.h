// The file that holds the cookie of whoever runs the nodes.
//
// Threads: any.
#ifndef RUNTIME_NODE_COOKIE_H
#define RUNTIME_NODE_COOKIE_H

#include "vm/base/buf.h"

// Reads it, without white space at its ends. One that is not there is made when `make` says so: 256 random
// bits in hexadecimal, readable by its owner only. False: *why tells; files that others can read are
// refused.
MUST_USE bool cookie_read(const char *path, bool make, Buf *out, const char **why);

#endif
