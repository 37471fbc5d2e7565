print("before")
error({code: 7})
