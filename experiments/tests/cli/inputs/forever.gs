for {
    print("hello world")
}
