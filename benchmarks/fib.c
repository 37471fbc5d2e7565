#include "peer.h"

static int64_t fib(int64_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }

static double call(const double *args) { return fib(args[0]); }

PEER({"fib", call})
