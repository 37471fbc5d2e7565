func inner(t, i) {
    return t[i] + 1
}

func outer(n) {
    x := 0
    for i := 0; i < n; i++ {
        x = x + inner({10, 20, 30}, i + 1)
    }
    return x
}

for i := 0; i < 200; i++ { outer(3) }
print(outer(3))
print(outer(4))
