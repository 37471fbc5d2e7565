func f(x) {
    print("never closed)
}
