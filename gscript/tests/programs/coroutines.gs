co := coroutine.create(func(a, b) {
  print("start", a, b)
  c := coroutine.yield(a + b)
  print("got", c)
  d, e := coroutine.yield(c * 2)
  print("got", d, e)
  return "end", 99
})
print(coroutine.status(co), coroutine.resume(co, 1, 2))
print(coroutine.status(co), coroutine.resume(co, 10))
print(coroutine.resume(co, "x", "y"))
print(coroutine.status(co), coroutine.resume(co))
gen := coroutine.wrap(func() { for i := 1; i <= 3; i++ { coroutine.yield(i) } })
print(gen(), gen(), gen(), gen())
print(pcall(gen))
for v := range coroutine.wrap(func() { for i := 1; i <= 3; i++ { coroutine.yield(i * i) } }) { print("gen", v) }
func tree(n) { if n > 0 { tree(n - 1); coroutine.yield(n); tree(n - 1) } }
s := ""
for v := range coroutine.wrap(func() { tree(3) }) { s = s .. v }
print(s)
bad := coroutine.create(func() { x := nil; return x.y })
print(coroutine.resume(bad)); print(coroutine.status(bad), coroutine.resume(bad))
w := coroutine.wrap(func() { error("inside") }); print(pcall(w))
w2 := coroutine.wrap(func() { error({v: 7}) }); ok, e := pcall(w2); print(ok, e.v)
print(coroutine.isyieldable(), coroutine.running())
print(coroutine.wrap(func() { return coroutine.isyieldable(), type(coroutine.running()) })())
print(pcall(coroutine.yield, 1)); print(pcall(coroutine.resume, 5)); print(pcall(coroutine.create, 5))
self := nil
self = coroutine.create(func() { return coroutine.resume(self) }); print(coroutine.resume(self))
outer := coroutine.create(func() {
  inner := coroutine.create(func() { print(coroutine.status(outer)); coroutine.yield(1); return 2 })
  print(coroutine.resume(inner)); coroutine.yield("mid"); print(coroutine.resume(inner)); print(coroutine.status(inner))
  return "out"
})
print(coroutine.resume(outer)); print(coroutine.resume(outer)); print(coroutine.resume(outer))
pc := coroutine.create(func() { ok, e := pcall(func() { coroutine.yield("in pcall"); error("after") }); coroutine.yield(ok); return e })
print(coroutine.resume(pc)); print(coroutine.resume(pc)); print(coroutine.resume(pc))
func deep(n) { if n == 0 { coroutine.yield("bottom"); return 0 } return 1 + deep(n - 1) }
d := coroutine.create(deep); print(coroutine.resume(d, 20000)); print(coroutine.resume(d))
ov := coroutine.create(func() { func f(n) { return 1 + f(n + 1) } return f(0) })
print(coroutine.resume(ov))
va := coroutine.wrap(func(...) { t := {...}; for { t = {coroutine.yield(#t, unpack(t))} } })
print(va(1, 2, 3)); print(va()); print(va("a"))
many := {}; for i := 1; i <= 3000; i++ { many[i] = i }
print(select("#", va(unpack(many)))); print(coroutine.wrap(func(...) { return select("#", ...) })(unpack(many)))
print(select("#", coroutine.wrap(func() { return unpack(many) })()))
func up() { n := 0; c := coroutine.wrap(func() { for { n++; coroutine.yield(n) } }); c(); c(); return n }
print(up())
srt := coroutine.create(func() { table.sort({2, 1}, func(a, b) { coroutine.yield() }) }); print(coroutine.resume(srt))
cs := {}
for i := 1; i <= 500; i++ { cs[i] = coroutine.wrap(func() { for { coroutine.yield(i) } }) }
sum := 0
for r := 0; r < 3; r++ { for i := 1; i <= 500; i++ { sum += cs[i]() } }
print(sum)
for i := 1; i <= 20000; i++ { c := coroutine.create(func(x) { return x }); coroutine.resume(c, i) }
print(co, coroutine.create(print))
print(coroutine.wrap(pcall)(error, "e"))
func chain(n) { if n == 0 { return "last" } return coroutine.wrap(chain)(n - 1) }
print(chain(1000))
