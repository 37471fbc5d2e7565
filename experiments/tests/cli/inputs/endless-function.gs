func spin() {
    for true { }
}
