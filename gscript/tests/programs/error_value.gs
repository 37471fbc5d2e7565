func fail() { error({code: 1}) }
fail()
