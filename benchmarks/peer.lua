-- What the Lua programs of this folder share: `luajit NAME.lua ENTRY CALLS ARGS…` calls ENTRY(ARGS…) as often as CALLS says and
-- prints the last result with all its digits. The difference between two numbers of calls is the cost of a call.
return function(entries)
    local entry = assert(entries[arg[1]], "usage: luajit NAME.lua ENTRY CALLS ARGS…")
    local args = {}
    for i = 3, #arg do args[i - 2] = tonumber(arg[i]) end
    local result
    for _ = 1, tonumber(arg[2]) do result = entry(unpack(args)) end
    print(string.format("%.17g", result))
end
