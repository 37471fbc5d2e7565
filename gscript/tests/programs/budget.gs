// budget: 100000
x := 0
print(pcall(func() { for { x++ } }))
