local function generate(n)
    local m = {}
    for i = 0, n - 1 do
        local row = {}
        for j = 0, n - 1 do row[j] = (i * n + j + 1.0) / (n * n) end
        m[i] = row
    end
    return m
end

local function multiply(a, b, n)
    local c = {}
    for i = 0, n - 1 do
        local left, row = a[i], {}
        for j = 0, n - 1 do
            local sum = 0.0
            for k = 0, n - 1 do sum = sum + left[k] * b[k][j] end
            row[j] = sum
        end
        c[i] = row
    end
    return c
end

local function matmul(n)
    local middle = math.floor(n / 2)
    return multiply(generate(n), generate(n), n)[middle][middle]
end

dofile((arg[0]:match("^.*/") or "./") .. "peer.lua") { matmul = matmul }
