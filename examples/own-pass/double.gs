func double(n) {
    s := 0
    for i := 0; i < n; i++ {
        s = s + i * 2
    }
    return s
}
