// Loops behave as written.
for i := 0; i < 3; i++ { i = i + 1; print("i", i) }
for x := 0.0; x < 1.0; x += 0.25 { print(x) }
for i := 0; i < 2.5; i++ { print("h", i) }
n := 3
for i := 0; i < n; i++ { if i == 1 { n = 5 } print("n", i) }
for i := 5; i > 0; i -= 2 { print("down", i) }
for i := 3; i >= 1; i-- { print("dec", i) }
for i := 9223372036854775806; i < 9223372036854775807; i++ { print(i) }
k := 0
for k < 3 { k++; if k == 2 { continue } print("while", k) }
for { k = k + 1; if k > 5 { break } }
print(k)
if k == 1 { print("one") } elseif k == 6 { print("six") } else { print("other") }
if k == 1 { print("one") } else if k == 2 { print("two") } else { print("else if") }
var v = 10
var u
print(v, u)
print(nil || "default", false && 1, 0 && "zero is true", nil && 1, "" || 2, !nil, !0)
a, b := 1, 2
a, b = b, a
print(a, b)
i, t := 1, {}
i, t[i] = 2, 5
print(i, t[1], t[2])
fs := {}
for i := 0; i < 3; i++ { fs[i] = func() { return i } }
print(fs[0](), fs[1](), fs[2]())
for i := 0; i < 2; i++ { for j := 0; j < 3; j++ { if j == 1 { break } print(i, j) } }
s := 0
for i := 1; i <= 10; i++ { if i % 2 == 0 { continue } s += i }
print(s)
for i := range 3 { print("r", i) }
for k, v := range {10, 20, x: 30} { print(k, v) }
for i, v := range ipairs({"a", "b", nil, "d"}) { print(i, v) }
func iter(s, c) { if c < s { return c + 1 } }
func upto(n) { return iter, n, 0 }
for i := range upto(3) { print("it", i) }
print(1 < 2 == true, (1 < 2) == true)
x := 1
