func f(x) {
    return x +
}
