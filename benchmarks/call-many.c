#include "peer.h"

static int64_t add(int64_t a, int64_t b) { return a + b; }

static int64_t call_many(void) {
    int64_t x = 0;
    for (int i = 0; i < 10000; i++) {
        x = add(x, 1);
        // gcc would find the sum without a loop.
        __asm__ volatile("" : "+r"(x));
    }
    return x;
}

static double call(const double *args) {
    (void)args;
    return call_many();
}

PEER({"callMany", call})
