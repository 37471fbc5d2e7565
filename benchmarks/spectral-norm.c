#include <math.h>

#include "peer.h"

static double element(int i, int j) { return 1.0 / ((double)(i + j) * (i + j + 1) / 2 + i + 1); }

static void times(int n, const double *v, double *out) {
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++) sum += element(i, j) * v[j];
        out[i] = sum;
    }
}

static void times_transposed(int n, const double *v, double *out) {
    for (int i = 0; i < n; i++) {
        double sum = 0;
        for (int j = 0; j < n; j++) sum += element(j, i) * v[j];
        out[i] = sum;
    }
}

static double spectral_norm(int n) {
    double *u = malloc(3 * n * sizeof *u), *v = u + n, *half = v + n;
    if (u == NULL) exit(1);
    for (int i = 0; i < n; i++) u[i] = 1.0;
    for (int round = 0; round < 10; round++) {
        times(n, u, half);
        times_transposed(n, half, v);
        times(n, v, half);
        times_transposed(n, half, u);
    }
    double uv = 0, vv = 0;
    for (int i = 0; i < n; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    free(u);
    return sqrt(uv / vv);
}

static double call(const double *args) { return spectral_norm(args[0]); }

PEER({"spectralNorm", call})
