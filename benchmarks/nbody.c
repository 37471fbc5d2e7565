#include <math.h>

#include "peer.h"

#define SUN_MASS (4 * 3.141592653589793 * 3.141592653589793)
#define DAYS_PER_YEAR 365.24
#define COUNT 5

struct body {
    double x, y, z, vx, vy, vz, mass;
};

static struct body bodies[COUNT];

static struct body planet(double x, double y, double z, double vx, double vy, double vz, double mass) {
    return (struct body){x, y, z, vx * DAYS_PER_YEAR, vy * DAYS_PER_YEAR, vz * DAYS_PER_YEAR, mass * SUN_MASS};
}

static void new_system(void) {
    bodies[0] = (struct body){.mass = SUN_MASS};
    bodies[1] = planet(4.84143144246472090, -1.16032004402742839, -0.10362204447112311, 0.00166007664274403694,
                       0.00769901118419740425, -0.00006905169867435090, 0.000954791938424326609);
    bodies[2] = planet(8.34336671824457987, 4.12479856412430479, -0.40352341711789204, -0.00276742510726862411,
                       0.00499852801234917238, 0.00023041729757376393, 0.000285885980666130812);
    bodies[3] = planet(12.89436956213913, -15.1111514016986312, -0.22330757889265573, 0.00296460137564761618,
                       0.00237847173959480950, -0.00029658956854023756, 0.0000436624404335156298);
    bodies[4] = planet(15.3796971148509165, -25.9193146099879641, 0.17925877295037118, 0.00268067772490389322,
                       0.00162824170038242295, -0.00009515922545197159, 0.0000515138902046611451);
    double px = 0, py = 0, pz = 0;
    for (int i = 1; i < COUNT; i++) {
        px += bodies[i].vx * bodies[i].mass;
        py += bodies[i].vy * bodies[i].mass;
        pz += bodies[i].vz * bodies[i].mass;
    }
    bodies[0].vx = -px / SUN_MASS;
    bodies[0].vy = -py / SUN_MASS;
    bodies[0].vz = -pz / SUN_MASS;
}

static double step(double dt) {
    for (int i = 0; i < COUNT; i++) {
        struct body *a = &bodies[i];
        for (int j = i + 1; j < COUNT; j++) {
            struct body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            double square = dx * dx + dy * dy + dz * dz;
            double pull = dt / (square * sqrt(square));
            a->vx -= dx * b->mass * pull;
            a->vy -= dy * b->mass * pull;
            a->vz -= dz * b->mass * pull;
            b->vx += dx * a->mass * pull;
            b->vy += dy * a->mass * pull;
            b->vz += dz * a->mass * pull;
        }
    }
    for (int i = 0; i < COUNT; i++) {
        struct body *a = &bodies[i];
        a->x += dt * a->vx;
        a->y += dt * a->vy;
        a->z += dt * a->vz;
    }
    return bodies[0].x;
}

static double energy(void) {
    double e = 0;
    for (int i = 0; i < COUNT; i++) {
        struct body *a = &bodies[i];
        e += 0.5 * a->mass * (a->vx * a->vx + a->vy * a->vy + a->vz * a->vz);
        for (int j = i + 1; j < COUNT; j++) {
            struct body *b = &bodies[j];
            double dx = a->x - b->x, dy = a->y - b->y, dz = a->z - b->z;
            e -= a->mass * b->mass / sqrt(dx * dx + dy * dy + dz * dz);
        }
    }
    return e;
}

static double call_step(const double *args) {
    if (bodies[0].mass == 0) new_system();
    return step(args[0]);
}

static double call_simulate(const double *args) {
    new_system();
    for (int i = 0; i < (int)args[0]; i++) step(0.01);
    return energy();
}

PEER({"step", call_step}, {"simulate", call_simulate})
