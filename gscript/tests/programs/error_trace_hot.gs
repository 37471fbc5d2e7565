// The call trace is the same when hot functions on the way are compiled.
func leaf(n) { if n > 50 { error("too large: " .. n) } return n }
func mid(n) { x := leaf(n); return x + 1 }
func top(n) { s := 0; for i := 0; i < n; i++ { s = s + mid(i) } return s }
for i := 1; i <= 5; i++ { print(top(i * 10)) }
print(pcall(top, 100))
func sorter(t) { table.sort(t, func(a, b) { return leaf(a) < leaf(b) }); return t[1] }
print(sorter({3, 2, 1}), sorter({6, 5, 4}), sorter({9, 8, 7}))
print(pcall(sorter, {1, 99}))
obj := setmetatable({}, {__add: func(a, b) { return mid(b) }})
func adder(n) { return obj + n }
print(adder(1), adder(2), adder(3))
print(select("#", pcall(adder, 60)))
adder(70)
