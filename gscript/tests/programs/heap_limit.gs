// heap: 2000000
t := {}
print(pcall(func() { for i := 1; i > 0; i++ { t[i] = {i} } }))
