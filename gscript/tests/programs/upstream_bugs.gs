// Things that upstream gets wrong, and gsx does not.
func f() { return 1, 2, 3 }
print(#{f()})                                   // {f()} stores its results
func v(...) { return #{...} }
print(v(1, 2))                                  // {...} too
o := {n: 0}; o.inc = func(self) { self.n = self.n + 1 }
o:inc(); print(o.n)                             // a method call as a statement passes self
print(pcall(func() { return "closures in pcall" }))
t := {}; t[1] = "i"; print(t[1.0], t[2 / 2])    // float keys are normalised on reading
nan := 0 / 0; print(nan <= 1, nan >= 1, nan == nan)
print(1 .. "", 1.0 .. "")
print("s":upper())                              // methods of strings
m := setmetatable({}, {__eq: func() { return true }, __tostring: func() { return "ts" }})
print(m == setmetatable({}, getmetatable(m)), tostring(m))
func ret(n) { if n == 0 { return 5 } return 1 + ret(n - 1) }
print(ret(0), ret(3))
func g2(n) { if n == 0 { return 1 } return 2 * g2(n - 1) }
print(g2(4))
func h(n) { if n == 0 { return 0.5 } return h(n - 1) }
print(h(3))
func add(a, b) { return a + b }
x := 0.5; for i := 0; i < 3; i++ { x = add(x, 1) } print(x)
func many() { x := 0; for i := 0; i < 10; i++ { x = add(x, 1) } return x }
print(many()); add = func(a, b) { return a + b * 100 }; print(many())
func loopy(n) { if n == 0 { return 0 } s := 0; for i := 0; i < n; i++ { s = s + i } return s + loopy(n - 1) }
print(loopy(4), loopy(5))
func fill(n) { if n == 0 { return nil } return {l: fill(n - 1), r: fill(n - 1)} }
func cnt(t) { if t == nil { return 0 } return 1 + cnt(t.l) + cnt(t.r) }
print(cnt(fill(8)))
for i := 0; i < 3; i++ { i = i + 1; print(i) }
for x := 0.0; x < 1.0; x += 0.25 { print(x) }
w := {}; w[1] = 1; print(w[0])
func outer() { func inner() { return "inner" } return inner() }
print(outer())
func sort(arr, n) { return arr[n / 2] }
print(sort({10, 20, 30, 40}, 4))
