#include <stdbool.h>

#include "peer.h"

static int64_t sieve(int64_t n) {
    bool *prime = malloc(n + 1);
    if (prime == NULL) exit(1);
    for (int64_t i = 2; i <= n; i++) prime[i] = true;
    for (int64_t i = 2; i * i <= n; i++) {
        if (!prime[i]) continue;
        for (int64_t j = i * i; j <= n; j += i) prime[j] = false;
    }
    int64_t count = 0;
    for (int64_t i = 2; i <= n; i++) count += prime[i];
    free(prime);
    return count;
}

static double call(const double *args) { return sieve(args[0]); }

PEER({"sieve", call})
