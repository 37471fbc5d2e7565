func down(n) {
    return 1 + down(n + 1)
}

print(down(0))
