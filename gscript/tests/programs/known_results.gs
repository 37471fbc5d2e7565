// Classic kernels whose results are published: fib, Ackermann, sieve, queens, binary trees, and the n-body, spectral norm
// and fannkuch programs of the Computer Language Benchmarks Game.
func fib(n) { if n < 2 { return n } return fib(n - 1) + fib(n - 2) }
print("fib(20)", fib(20))

func ack(m, n) {
  if m == 0 { return n + 1 }
  if n == 0 { return ack(m - 1, 1) }
  return ack(m - 1, ack(m, n - 1))
}
print("ack(3,4)", ack(3, 4))

func sieve(n) {
  composite := {}
  count := 0
  for i := 2; i <= n; i++ {
    if !composite[i] {
      count++
      for j := i * i; j <= n; j += i { composite[j] = true }
    }
  }
  return count
}
print("primes below 100000", sieve(100000))

func queens(n) {
  count := 0
  columns, up, down := {}, {}, {}
  func place(row) {
    if row == n { count++; return }
    for c := 0; c < n; c++ {
      if !columns[c] && !up[row + c] && !down[row - c] {
        columns[c], up[row + c], down[row - c] = true, true, true
        place(row + 1)
        columns[c], up[row + c], down[row - c] = nil, nil, nil
      }
    }
  }
  place(0)
  return count
}
print("queens(7)", queens(7))

func tree(depth) {
  if depth == 0 { return {} }
  return {left: tree(depth - 1), right: tree(depth - 1)}
}
func count(t) {
  if t.left == nil { return 1 }
  return 1 + count(t.left) + count(t.right)
}
print("tree(10)", count(tree(10)))

func fannkuch(n) {
  p, q, s := {}, {}, {}
  sign, maxflips, sum := 1, 0, 0
  for i := 1; i <= n; i++ { p[i] = i; q[i] = i; s[i] = i }
  for {
    q0 := p[1]
    if q0 != 1 {
      for i := 2; i <= n; i++ { q[i] = p[i] }
      flips := 1
      for {
        qq := q[q0]
        if qq == 1 {
          sum = sum + sign * flips
          if flips > maxflips { maxflips = flips }
          break
        }
        q[q0] = q0
        if q0 >= 4 {
          i, j := 2, q0 - 1
          for i < j { q[i], q[j] = q[j], q[i]; i = i + 1; j = j - 1 }
        }
        q0 = qq
        flips++
      }
    }
    if sign == 1 {
      p[2], p[1] = p[1], p[2]
      sign = -1
    } else {
      p[2], p[3] = p[3], p[2]
      sign = 1
      done := true
      for i := 3; i <= n; i++ {
        sx := s[i]
        if sx != 1 { s[i] = sx - 1; done = false; break }
        if i == n { break }
        s[i] = i
        t := p[1]
        for j := 1; j <= i; j++ { p[j] = p[j + 1] }
        p[i + 1] = t
      }
      if done { return sum, maxflips }
    }
  }
}
print("fannkuch(7)", fannkuch(7))

func a(i, j) { ij := i + j; return 1.0 / (ij * (ij + 1) / 2 + i + 1) }
func av(n, x, y) {
  for i := 0; i < n; i++ { s := 0.0; for j := 0; j < n; j++ { s += x[j] * a(i, j) } y[i] = s }
}
func atv(n, x, y) {
  for i := 0; i < n; i++ { s := 0.0; for j := 0; j < n; j++ { s += x[j] * a(j, i) } y[i] = s }
}
func spectral(n) {
  u, v, t := {}, {}, {}
  for i := 0; i < n; i++ { u[i] = 1.0 }
  for i := 0; i < 10; i++ { av(n, u, t); atv(n, t, v); av(n, v, t); atv(n, t, u) }
  vbv, vv := 0.0, 0.0
  for i := 0; i < n; i++ { vbv += u[i] * v[i]; vv += v[i] * v[i] }
  return math.sqrt(vbv / vv)
}
print("spectral(100)", string.format("%.9f", spectral(100)))

PI := 3.141592653589793
MASS := 4 * PI * PI
DAYS := 365.24
func body(x, y, z, vx, vy, vz, m) {
  return {x: x, y: y, z: z, vx: vx * DAYS, vy: vy * DAYS, vz: vz * DAYS, mass: m * MASS}
}
bodies := {
  body(0, 0, 0, 0, 0, 0, 1),
  body(4.84143144246472090, -1.16032004402742839, -0.103622044471123109, 0.00166007664274403694, 0.00769901118419740425, -0.0000690460016972063023, 0.000954791938424326609),
  body(8.34336671824457987, 4.12479856412430479, -0.403523417114321381, -0.00276742510726411108, 0.00499852801234917238, 0.0000230417297573763929, 0.000285885980666130812),
  body(12.8943695621391310, -15.1111514016986312, -0.223307578892655734, 0.00296460137564761618, 0.00237847173959480950, -0.0000296589568540237556, 0.0000436624404335156298),
  body(15.3796971148509165, -25.9193146099879641, 0.179258772950371181, 0.00268067772490389322, 0.00162824170038242295, -0.0000951592254519715870, 0.0000515138902046611451),
}
func offset() {
  px, py, pz := 0.0, 0.0, 0.0
  for _, b := range ipairs(bodies) { px += b.vx * b.mass; py += b.vy * b.mass; pz += b.vz * b.mass }
  sun := bodies[1]
  sun.vx = -px / MASS; sun.vy = -py / MASS; sun.vz = -pz / MASS
}
func energy() {
  e := 0.0
  for i := 1; i <= #bodies; i++ {
    b := bodies[i]
    e += 0.5 * b.mass * (b.vx * b.vx + b.vy * b.vy + b.vz * b.vz)
    for j := i + 1; j <= #bodies; j++ {
      c := bodies[j]
      dx, dy, dz := b.x - c.x, b.y - c.y, b.z - c.z
      e -= b.mass * c.mass / math.sqrt(dx * dx + dy * dy + dz * dz)
    }
  }
  return e
}
func advance(dt) {
  for i := 1; i <= #bodies; i++ {
    b := bodies[i]
    for j := i + 1; j <= #bodies; j++ {
      c := bodies[j]
      dx, dy, dz := b.x - c.x, b.y - c.y, b.z - c.z
      d2 := dx * dx + dy * dy + dz * dz
      mag := dt / (d2 * math.sqrt(d2))
      b.vx -= dx * c.mass * mag; b.vy -= dy * c.mass * mag; b.vz -= dz * c.mass * mag
      c.vx += dx * b.mass * mag; c.vy += dy * b.mass * mag; c.vz += dz * b.mass * mag
    }
  }
  for _, b := range ipairs(bodies) { b.x += dt * b.vx; b.y += dt * b.vy; b.z += dt * b.vz }
}
offset()
print("nbody", string.format("%.9f", energy()))
for i := 0; i < 1000; i++ { advance(0.01) }
print("nbody(1000)", string.format("%.9f", energy()))

func mandelbrot(n) {
  inside := 0
  for py := 0; py < n; py++ {
    for px := 0; px < n; px++ {
      cr, ci := 2.0 * px / n - 1.5, 2.0 * py / n - 1.0
      zr, zi, escaped := 0.0, 0.0, false
      for k := 0; k < 50; k++ {
        zr, zi = zr * zr - zi * zi + cr, 2.0 * zr * zi + ci
        if zr * zr + zi * zi > 4.0 { escaped = true; break }
      }
      if !escaped { inside++ }
    }
  }
  return inside
}
print("mandelbrot(60)", mandelbrot(60))
