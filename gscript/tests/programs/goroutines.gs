ch := make(chan)
go func() { for i := 1; i <= 3; i++ { ch <- i } close(ch) }()
for v := range ch { print("got", v) }
print(<-ch)
buf := make(chan, 2)
buf <- 1; buf <- 2
print(<-buf, <-buf, #buf)
func worker(id, jobs, results) { for j := range jobs { results <- {id: id, v: j * j} } results <- nil }
jobs := make(chan, 10); results := make(chan)
for w := 1; w <= 3; w++ { go worker(w, jobs, results) }
for i := 1; i <= 6; i++ { jobs <- i }
close(jobs)
done := 0; sum := 0
for done < 3 { r := <-results; if r == nil { done++ } else { sum += r.v } }
print(sum, done)
print(pcall(func() { ch <- 1 })); print(pcall(close, ch)); print(pcall(func() { x := 5; x <- 1 })); print(pcall(func() { return <-nil }))
ping := make(chan); pong := make(chan)
go func() { for { v := <-ping; pong <- v + 1 } }()
x := 0
for i := 0; i < 5; i++ { ping <- x; x = <-pong }
print(x)
order := {}
c := make(chan)
for i := 1; i <= 3; i++ { n := i; go func() { time.sleep(0.003 * (4 - n)); order[#order + 1] = n; c <- n } () }
<-c; <-c; <-c
print(table.concat(order, ","))
cw := coroutine.wrap(func() { d := make(chan); go func() { d <- "from co" }(); return <-d })
print(cw())
go print("never awaited")
time.sleep(0)
print(pcall(func() { dead := make(chan); <-dead }))
res := make(chan, 1)
go func() { ok, e := pcall(error, "caught in goroutine"); res <- e }()
print(<-res)
cmp := make(chan)
go func() { cmp <- 1; cmp <- 2; cmp <- 3 }()
t := {3, 1, 2}
table.sort(t, func(a, b) { v := <-cmp || 0; return a < b })
print(table.concat(t, " "))
print(ch, type(ch), ch == ch)
func waiter() { time.sleep(0.001); error("boom in goroutine") }
go waiter()
never := make(chan)
print(pcall(func() { return <-never }))
print("not reached")
