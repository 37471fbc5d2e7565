local function tree(depth)
    if depth == 0 then return {} end
    return { left = tree(depth - 1), right = tree(depth - 1) }
end

local function nodes(t)
    if t.left == nil then return 1 end
    return 1 + nodes(t.left) + nodes(t.right)
end

local function binaryTrees(most)
    local total = nodes(tree(most + 1))
    local long = tree(most)
    for depth = 4, most, 2 do
        local count = 16
        for _ = depth, most - 1 do count = count * 2 end
        for _ = 1, count do total = total + nodes(tree(depth)) end
    end
    return total + nodes(long)
end

dofile((arg[0]:match("^.*/") or "./") .. "peer.lua") { binaryTrees = binaryTrees }
