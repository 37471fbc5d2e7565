#include "peer.h"

static double **matrix(int n) {
    double **m = malloc(n * sizeof *m);
    if (m == NULL) exit(1);
    for (int i = 0; i < n; i++) {
        m[i] = malloc(n * sizeof **m);
        if (m[i] == NULL) exit(1);
    }
    return m;
}

static void drop(double **m, int n) {
    for (int i = 0; i < n; i++) free(m[i]);
    free(m);
}

static double **generate(int n) {
    double **m = matrix(n);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) m[i][j] = (i * n + j + 1.0) / (n * n);
    }
    return m;
}

static double **multiply(double **a, double **b, int n) {
    double **c = matrix(n);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < n; j++) {
            double sum = 0;
            for (int k = 0; k < n; k++) sum += a[i][k] * b[k][j];
            c[i][j] = sum;
        }
    }
    return c;
}

static double matmul(int n) {
    double **a = generate(n), **b = generate(n), **c = multiply(a, b, n);
    double middle = c[n / 2][n / 2];
    drop(a, n);
    drop(b, n);
    drop(c, n);
    return middle;
}

static double call(const double *args) { return matmul(args[0]); }

PEER({"matmul", call})
