func entry(n) {
    m := n + n
    return m + m + m + n
}
