func sum(t, n) {
    s := 0
    for i := 1; i <= n; i++ {
        s = s + t[i]
    }
    return s
}

func report(n) {
    print("sum of", n)
    return sum({1, 2, 3, 4.5, 5}, n), "done"
}
