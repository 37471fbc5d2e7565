// Integers of all widths behave alike, wherever they lie: a layout may keep the wide ones elsewhere.
edge := 140737488355328
print(edge - 1, edge, edge + 1, -edge - 1, -edge, -edge + 1)
print(edge == 140737488355327 + 1, -edge - 1 == -(edge + 1), edge != edge + 1, edge < edge + 1, -edge - 1 < -edge)
x := 88172645463325252
for i := 0; i < 1000; i++ { x = x * 6364136223846793005 + 1442695040888963407 }
print(x, x % 1000, -x, x - x, x + 0.0, x / 3)

// Table keys and values.
t := {}
t[edge] = "at the edge"; t[-edge - 1] = "below"; t[math.maxinteger] = math.mininteger
print(t[140737488355327 + 1], t[-140737488355329], t[9223372036854775807], t[edge + 1], t[140737488355328.0])
t[edge * 1.0] = "float key"
print(t[edge], #t)
n := 0
for k, v := range t { n += 1 }
print(n)
t[edge] = nil
print(t[edge], t[-edge - 1])
seen := {}
y := 1
for i := 1; i <= 200; i++ { y = y * 2862933555777941757 + 3037000493; seen[y] = i; t[i] = y }
y = 1
bad := 0
for i := 1; i <= 200; i++ {
  y = y * 2862933555777941757 + 3037000493
  if seen[y] != i || t[i] != y { bad += 1 }
}
print(bad, #t)

// Fields, upvalues, globals, arguments, results, varargs.
record := {big: edge * 16, small: 7, x: 0}
record.x = record.big + record.small
print(record.big, record.x, record.x - record.big)
func counter(start) { return func(step) { start += step; return start } }
up := counter(math.maxinteger - 1)
print(up(1), up(1), up(edge))
func all(...) { return ... }
print(all(edge, -edge - 1, 1, edge * edge, nil, edge))
func swap(a, b) { return b, a }
p, q := swap(edge * 4, 3 - edge * 4)
print(p, q, p + q)
co := coroutine.wrap(func(a) { for { a = coroutine.yield(a * 3) } })
print(co(edge), co(edge * 2), co(5), co(math.mininteger))

// Conversions.
print(tostring(edge), tonumber("140737488355328") == edge, string.format("%d %x", edge * 2, edge), edge .. "")
print(math.floor(1e15), math.floor(-1e18 - 0.5), math.tointeger(2.0 ** 60), math.type(edge), math.abs(-edge * 2))
print(math.max(edge, edge + 1), math.min(-edge, -edge - 1), 1 / edge, 2 ** 47 == edge)
s := {edge * 3, 5, -edge * 3, edge, -1}
table.sort(s)
print(table.concat(s, " "))
for i := edge - 2; i < edge + 2; i++ { print(i) }
for i := -edge + 1; i >= -edge - 2; i -= 1 { print(i) }

// NaNs are all the same, whatever their sign.
nan := 0 / 0
print(nan, -nan, nan + 1, math.sqrt(-1), math.huge - math.huge, math.abs(nan), math.fmod(1, 0.0))
f := {nan, -nan, a: -nan}
print(f[1] == f[1], f[2], f.a, type(f[2]), math.type(-nan), string.format("%f %g", nan, -nan))
func id(v) { return v }
print(id(-nan), id(-nan) != id(-nan), -0.0, 1 / -0.0)
