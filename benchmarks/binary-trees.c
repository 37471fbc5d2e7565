#include "peer.h"

struct node {
    struct node *left, *right;
};

static struct node *tree(int depth) {
    struct node *t = calloc(1, sizeof *t);
    if (t == NULL) exit(1);
    if (depth > 0) {
        t->left = tree(depth - 1);
        t->right = tree(depth - 1);
    }
    return t;
}

static int64_t nodes(const struct node *t) {
    return t->left == NULL ? 1 : 1 + nodes(t->left) + nodes(t->right);
}

static void drop(struct node *t) {
    if (t == NULL) return;
    drop(t->left);
    drop(t->right);
    free(t);
}

static int64_t nodes_and_drop(struct node *t) {
    int64_t count = nodes(t);
    drop(t);
    return count;
}

static int64_t binary_trees(int most) {
    int64_t total = nodes_and_drop(tree(most + 1));
    struct node *long_lived = tree(most);
    for (int depth = 4; depth <= most; depth += 2) {
        for (int i = 16 << (most - depth); i > 0; i--) total += nodes_and_drop(tree(depth));
    }
    return total + nodes_and_drop(long_lived);
}

static double call(const double *args) { return binary_trees(args[0]); }

PEER({"binaryTrees", call})
