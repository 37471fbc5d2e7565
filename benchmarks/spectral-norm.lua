local function element(i, j)
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1)
end

local function times(n, v, out)
    for i = 0, n - 1 do
        local sum = 0.0
        for j = 0, n - 1 do sum = sum + element(i, j) * v[j] end
        out[i] = sum
    end
end

local function timesTransposed(n, v, out)
    for i = 0, n - 1 do
        local sum = 0.0
        for j = 0, n - 1 do sum = sum + element(j, i) * v[j] end
        out[i] = sum
    end
end

local function spectralNorm(n)
    local u, v, half = {}, {}, {}
    for i = 0, n - 1 do u[i] = 1.0 end
    for _ = 1, 10 do
        times(n, u, half)
        timesTransposed(n, half, v)
        times(n, v, half)
        timesTransposed(n, half, u)
    end
    local uv, vv = 0.0, 0.0
    for i = 0, n - 1 do
        uv = uv + u[i] * v[i]
        vv = vv + v[i] * v[i]
    end
    return math.sqrt(uv / vv)
end

dofile((arg[0]:match("^.*/") or "./") .. "peer.lua") { spectralNorm = spectralNorm }
