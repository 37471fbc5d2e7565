local function mandelbrot(size)
    local inside = 0
    for row = 0, size - 1 do
        local ci = 2.0 * row / size - 1.0
        for column = 0, size - 1 do
            local cr = 2.0 * column / size - 1.5
            local zr, zi = 0.0, 0.0
            local escapes = false
            for _ = 1, 50 do
                local next = zr * zr - zi * zi + cr
                zi = 2.0 * zr * zi + ci
                zr = next
                if zr * zr + zi * zi > 4.0 then
                    escapes = true
                    break
                end
            end
            if not escapes then inside = inside + 1 end
        end
    end
    return inside
end

dofile((arg[0]:match("^.*/") or "./") .. "peer.lua") { mandelbrot = mandelbrot }
