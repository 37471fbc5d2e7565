t := {1, 2, 3, x: "ex", ["y z"]: 4, [10]: "ten", [2.0]: "two"}
print(#t, t[1], t[2], t[3], t.x, t["y z"], t[10], t[10.0])
t[1.0] = "i"; print(t[1])
t[1.5] = "f"; print(t[1.5], t[nil])
w := {}
for i := 0; i <= 4; i++ { w[i] = i }
print(#w, w[0])
u := {}; u[5] = 1; print(#u)
u[2000] = 1; print(#u)
e := {}; print(#e, e[0], e.x)
e[0] = 7; print(#e, e[0])
p := {}
for i := 1; i <= 10; i++ { p[i] = i }
for #p > 0 { p[#p] = nil }
print(#p)
p[1] = "again"; print(#p)
// the sparse part is pulled in when the array reaches it
q := {}; q[1500] = "x"; q[1501] = "y"
for i := 1; i < 1500; i++ { q[i] = i }
print(#q)
order := {c: 1, a: 2, b: 3, 10, 20}
order[true] = "t"; order[1.5] = "f"; order[-1] = "neg"; order[0] = "zero"
for k, v := range pairs(order) { print(k, v) }
order.a = nil; order[1.5] = nil
for k, v := range pairs(order) { print(k, v) }
big := {}
for i := 0; i < 200; i++ { big["k" .. i] = i }
s := 0; n := 0
for k, v := range pairs(big) { s += v; n++ }
print(s, n, big.k0, big.k199, big.k200)
for i := 0; i < 200; i++ { if i % 3 != 0 { big["k" .. i] = nil } }
n = 0; first := nil
for k, v := range pairs(big) { n++; first = first || k; big[k] = nil }
print(n, first, next(big))
func f() { return 1, 2, 3 }
print(#{f()}, #{f(), f()}, #{0, f()}, #{(f())})
func g(...) { return #{...}, {...} }
a, b := g(7, 8, 9); print(a, b[3])
long := {}; name := string.rep("n", 50)
long[name] = 1; long[string.rep("n", 50)] = 2; print(long[name], next(long) == name)
nested := {a: {b: {c: 42}}}; nested.a.b.c += 1; print(nested.a.b.c)
nested["a"].b["c"]++; print(nested.a.b.c)
print(rawlen({1, 2}), rawget({x: 5}, "x"), rawequal(t, t), rawequal({}, {}))
m := {1 2 3}; print(#m)
print(table.concat({1, 2.5, "x"}, "-"), table.concat({}), table.concat({1, 2, 3}, ",", 2, 3))
l := {}; table.insert(l, "b"); table.insert(l, 1, "a"); table.insert(l, "c")
print(table.concat(l, ""), table.remove(l), table.remove(l, 1), #l, table.remove({}))
srt := {5, 2, 8, 1, 9, 3}; table.sort(srt); print(table.concat(srt, " "))
table.sort(srt, func(a, b) { return a > b }); print(table.concat(srt, " "))
pk := table.pack(1, nil, 3); print(pk.n, pk[1], pk[2], pk[3])
print(table.unpack({1, 2, 3})); print(unpack({1, 2, 3}, 2)); print(unpack({1, 2, 3}, 2, 5))
mm := matrix.dense(2, 3); matrix.setf(mm, 1, 2, 5); print(matrix.getf(mm, 1, 2), matrix.getf(mm, 0, 0), matrix.getf({[0]: {[0]: 1.5}}, 0, 0))
h := {}; h["x"] = 1; h[1] = 2; h.x = nil; h.y = 3; h.x = 4
for k, v := range pairs(h) { print(k, v) }
h[h] = "self"; print(h[h], h[{}])
