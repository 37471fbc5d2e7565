// Product of two n × n matrices, each a table of rows; rows and columns count from 0.
func generate(n) {
    m := {}
    for i := 0; i < n; i++ {
        row := {}
        for j := 0; j < n; j++ { row[j] = (i * n + j + 1.0) / (n * n) }
        m[i] = row
    }
    return m
}

func multiply(a, b, n) {
    c := {}
    for i := 0; i < n; i++ {
        left, row := a[i], {}
        for j := 0; j < n; j++ {
            sum := 0.0
            for k := 0; k < n; k++ { sum = sum + left[k] * b[k][j] }
            row[j] = sum
        }
        c[i] = row
    }
    return c
}

// The element in the middle of the product.
func matmul(n) {
    middle := math.floor(n / 2)
    return multiply(generate(n), generate(n), n)[middle][middle]
}
