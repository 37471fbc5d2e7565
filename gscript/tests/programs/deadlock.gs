ch := make(chan)
func wait() { return <-ch }
wait()
