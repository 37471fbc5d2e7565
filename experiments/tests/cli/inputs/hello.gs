func fib(n) {
    if n < 2 { return n }
    return fib(n - 1) + fib(n - 2)
}

print("hello", 1, 2.5, true, nil)
for i := 0; i < 200; i++ { fib(3) }
print(fib(15))
