// The spectral norm of the first n × n elements of the infinite matrix with a(i, j) = 1 / ((i+j)(i+j+1)/2 + i + 1), by ten rounds
// of the power method. After the Computer Language Benchmarks Game.
func element(i, j) {
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1)
}

func times(n, v, out) {
    for i := 0; i < n; i++ {
        sum := 0.0
        for j := 0; j < n; j++ { sum = sum + element(i, j) * v[j] }
        out[i] = sum
    }
}

func timesTransposed(n, v, out) {
    for i := 0; i < n; i++ {
        sum := 0.0
        for j := 0; j < n; j++ { sum = sum + element(j, i) * v[j] }
        out[i] = sum
    }
}

func spectralNorm(n) {
    u, v, half := {}, {}, {}
    for i := 0; i < n; i++ { u[i] = 1.0 }
    for round := 0; round < 10; round++ {
        times(n, u, half)
        timesTransposed(n, half, v)
        times(n, v, half)
        timesTransposed(n, half, u)
    }
    uv, vv := 0.0, 0.0
    for i := 0; i < n; i++ {
        uv = uv + u[i] * v[i]
        vv = vv + v[i] * v[i]
    }
    return math.sqrt(uv / vv)
}
