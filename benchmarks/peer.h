// What the C programs of this folder share: `NAME ENTRY CALLS ARGS…` calls ENTRY(ARGS…) as often as CALLS says and prints the
// last result with all its digits. The difference between two numbers of calls is the cost of a call.
//
// Build with `gcc -O2 -ffp-contract=off NAME.c -lm`: fused operations would round differently.
#ifndef GSX_PEER_H
#define GSX_PEER_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const char *name;
    double (*call)(const double *args);
};

static int peer(int argc, char **argv, const struct entry *entries, int count) {
    for (int e = 0; argc > 2 && e < count; e++) {
        if (strcmp(argv[1], entries[e].name) != 0) continue;
        double args[8] = {0}, result = 0;
        for (int i = 3; i < argc && i < 11; i++) args[i - 3] = strtod(argv[i], NULL);
        for (long n = strtol(argv[2], NULL, 10); n > 0; n--) result = entries[e].call(args);
        printf("%.17g\n", result);
        return 0;
    }
    fprintf(stderr, "usage: %s ENTRY CALLS ARGS…\n", argv[0]);
    return 2;
}

#define PEER(...) \
    int main(int argc, char **argv) { \
        const struct entry entries[] = {__VA_ARGS__}; \
        return peer(argc, argv, entries, sizeof entries / sizeof *entries); \
    }

#endif
