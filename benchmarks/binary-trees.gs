// Makes, counts and drops many binary trees while a large one lives. After the Computer Language Benchmarks Game.
func tree(depth) {
    if depth == 0 { return {} }
    return {left: tree(depth - 1), right: tree(depth - 1)}
}

func nodes(t) {
    if t.left == nil { return 1 }
    return 1 + nodes(t.left) + nodes(t.right)
}

// Nodes of all trees that were made: one of depth most + 1, one of depth most, and many of the depths 4, 6, … up to most.
func binaryTrees(most) {
    total := nodes(tree(most + 1))
    long := tree(most)
    for depth := 4; depth <= most; depth += 2 {
        count := 16
        for i := depth; i < most; i++ { count = count * 2 }
        for i := 0; i < count; i++ { total = total + nodes(tree(depth)) }
    }
    return total + nodes(long)
}
