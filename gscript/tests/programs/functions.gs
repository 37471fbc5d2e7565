func add(a, b) { return a + b }
print(add(1, 2), add(1, 2, 3))
func none() { }
print(none(), (none()))
func opt(a, b, c) { return a, b, c }
print(opt(1)); print(opt(1, 2, 3, 4))
func va(...) { return select("#", ...), ... }
print(va()); print(va(nil, nil)); print(va(1, 2, 3))
func mix(a, ...) { x, y := ...; return a, x, y, select("#", ...) }
print(mix(1)); print(mix(1, 2)); print(mix(1, 2, 3, 4))
func rest(a, r...) { return a, r }
print(select(2, "a", "b", "c")); print(select(-1, "a", "b", "c"))
func multi() { return 1, 2, 3 }
a, b, c, d := multi(); print(a, b, c, d)
p, q := 0, multi(); print(p, q)
print(multi(), multi()); print((multi()))
print({multi()}[3])
func counter() { n := 0; return func() { n++; return n } }
c1 := counter(); c2 := counter()
print(c1(), c1(), c2(), c1())
func shared() { v := 1; return func() { return v }, func(x) { v = x } }
get, set := shared(); set(42); print(get())
fs := {}
for i := 1; i <= 3; i++ { j := i * 10; fs[i] = func() { j++; return j } }
print(fs[1](), fs[1](), fs[2](), fs[3]())
func outer() { x := 1; func inner() { x = x + 1; return func() { x = x * 2; return x } } return inner()() }
print(outer())
func fact(n) { if n <= 1 { return 1 } return n * fact(n - 1) }
print(fact(20), fact(25))
func even(n) { if n == 0 { return true } return odd(n - 1) }
func odd(n) { if n == 0 { return false } return even(n - 1) }
print(even(10), odd(7))
obj := {v: 5, get: func(self, k) { return self.v + (k || 0) }}
print(obj:get(), obj:get(3), obj.get(obj))
log := {}
obj.push = func(self, x) { log[#log + 1] = self.v + x }
obj:push(1); obj:push(2)
print(log[1], log[2])
print(("x"):rep(3), "abc":upper(), ("%d-%d"):format(1, 2), #"abc")
func apply(f, ...) { return f(...) }
print(apply(math.max, 3, 9, 2), apply(func(...) { return select("#", ...) }, 1, nil, nil))
print(print == print, add, print, func() {})
func deep(n) { if n == 0 { return 0 } return 1 + deep(n - 1) }
print(deep(99990))
func tailish(n) { if n == 0 { return "done" } return tailish(n - 1) }
print(tailish(50000))
many := {}
for i := 1; i <= 5000; i++ { many[i] = i }
print(select("#", unpack(many)), (select(4999, unpack(many))), math.max(unpack(many)))
func count(...) { return select("#", ...) }
print(count(unpack(many)), count(0, unpack(many)))
func fixed(a, b) { return a + b }
print(fixed(unpack(many)))
type1 := type; print(type1(1), type1("s"), type1(nil), type1({}), type1(print), type1(add), type1(true), type1(1.5))
t := {}; print(t, {}, t)
func kwargs(o) { return o.a, o.b }
print(kwargs({a: 1, b: 2}))
