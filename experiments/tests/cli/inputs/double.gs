func entry(n) {
    return n + n + n
}
