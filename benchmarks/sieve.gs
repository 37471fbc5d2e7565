// How many primes there are up to n, by the sieve of Eratosthenes.
func sieve(n) {
    prime := {}
    for i := 2; i <= n; i++ { prime[i] = true }
    for i := 2; i * i <= n; i++ {
        if prime[i] {
            for j := i * i; j <= n; j += i { prime[j] = false }
        }
    }
    count := 0
    for i := 2; i <= n; i++ {
        if prime[i] { count++ }
    }
    return count
}
