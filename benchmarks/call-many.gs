func add(a, b) {
    return a + b
}

func callMany() {
    var x = 0
    for i := 0; i < 10000; i++ {
        x = add(x, 1)
    }
    return x
}
