n := 0

func next(by) {
    n = n + by
    return n
}
