V := {}
V.__index = V
func vec(x, y) { return setmetatable({x: x, y: y}, V) }
V.__add = func(a, b) { return vec(a.x + b.x, a.y + b.y) }
V.__sub = func(a, b) { return vec(a.x - b.x, a.y - b.y) }
V.__mul = func(a, k) { if type(a) == "number" { return vec(a * k.x, a * k.y) } return vec(a.x * k, a.y * k) }
V.__div = func(a, k) { return vec(a.x / k, a.y / k) }
V.__mod = func(a, k) { return "mod" }
V.__pow = func(a, k) { return "pow" }
V.__unm = func(a) { return vec(-a.x, -a.y) }
V.__len = func(a) { return 2 }
V.__eq = func(a, b) { return a.x == b.x && a.y == b.y }
V.__lt = func(a, b) { return a.x < b.x }
V.__le = func(a, b) { return a.x <= b.x }
V.__concat = func(a, b) { return "concat" }
V.__tostring = func(a) { return "(" .. a.x .. ", " .. a.y .. ")" }
V.__call = func(self, k, m) { return self.x * k, m }
V.length = func(self) { return math.sqrt(self.x * self.x + self.y * self.y) }
a := vec(3, 4); b := vec(1, 2)
print(tostring(a + b), tostring(a - b), tostring(a * 2), tostring(2 * a), tostring(a / 2), a % 1, a ** 2, tostring(-a))
print(#a, a == b, a == vec(3, 4), a != b, a < b, a <= b, a > b, a >= vec(3, 0), a .. "x", "x" .. a, 1 .. a)
print(a(10, "m"), a:length(), a.missing)
print(a)
print(string.format("%s|%10s", a, b))
log := {}
p := setmetatable({}, {__index: func(t, k) { return k .. "!" }, __newindex: func(t, k, v) { rawset(t, k, v * 2) }})
print(p.foo, p[1]); p.x = 21; print(p.x); p.x = 5; print(p.x)
base := {greet: func(self) { return "hi " .. self.name }}
derived := setmetatable({}, {__index: base})
o := setmetatable({name: "bob"}, {__index: derived})
print(o:greet(), o.nothing)
store := {}
proxy := setmetatable({}, {__newindex: store, __index: store})
proxy.k = 1; print(rawget(proxy, "k"), store.k, proxy.k)
print(getmetatable(a) == V, getmetatable({}), getmetatable("x"))
prot := setmetatable({}, {__metatable: "locked"})
print(getmetatable(prot), pcall(setmetatable, prot, {}))
print(setmetatable({}, nil) != nil)
c := setmetatable({}, {__call: func(self, ...) { return select("#", ...), ... }})
print(c(1, nil, 3)); print(pcall(c, 7))
cc := setmetatable({}, {__call: c}); print(cc(5))
loop := {}; setmetatable(loop, {__index: loop}); print(pcall(func() { return loop.x }))
named := setmetatable({}, {__name: "Thing"}); print(named)
print(rawequal(a, vec(3, 4)), rawlen(a), rawget(a, "length"))
it := setmetatable({n: 3}, {__call: func(self, s, c) { c = (c || 0) + 1; if c <= self.n { return c } }})
for i := range it { print("call iter", i) }
print(#setmetatable({1, 2, 3}, {}), tostring(setmetatable({}, {__tostring: func() { return "custom" }})))
