func inner(t) {
  return t.field.missing
}
func middle(x) {
  v := inner(x)
  return v
}
print("before")
middle({})
print("not reached")
