#include <stdbool.h>

#include "peer.h"

static int64_t mandelbrot(int size) {
    int64_t inside = 0;
    for (int row = 0; row < size; row++) {
        double ci = 2.0 * row / size - 1.0;
        for (int column = 0; column < size; column++) {
            double cr = 2.0 * column / size - 1.5, zr = 0, zi = 0;
            bool escapes = false;
            for (int step = 0; step < 50; step++) {
                double next = zr * zr - zi * zi + cr;
                zi = 2.0 * zr * zi + ci;
                zr = next;
                if (zr * zr + zi * zi > 4.0) {
                    escapes = true;
                    break;
                }
            }
            inside += !escapes;
        }
    }
    return inside;
}

static double call(const double *args) { return mandelbrot(args[0]); }

PEER({"mandelbrot", call})
