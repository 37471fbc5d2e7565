// heap: 1000000
s := "x"
for { s = s .. s }
