// Points of a size × size grid over [-1.5, 0.5) × [-1, 1) whose orbit under z² + c stays within a radius of 2 for 50 steps.
func mandelbrot(size) {
    inside := 0
    for row := 0; row < size; row++ {
        ci := 2.0 * row / size - 1.0
        for column := 0; column < size; column++ {
            cr := 2.0 * column / size - 1.5
            zr, zi := 0.0, 0.0
            escapes := false
            for step := 0; step < 50; step++ {
                next := zr * zr - zi * zi + cr
                zi = 2.0 * zr * zi + ci
                zr = next
                if zr * zr + zi * zi > 4.0 {
                    escapes = true
                    break
                }
            }
            if !escapes { inside++ }
        }
    }
    return inside
}
