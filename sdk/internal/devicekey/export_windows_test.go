package devicekey

// Stores are those of System, with the functions of another ncrypt.dll.
func Stores(find func(function string) (address uintptr, err error)) []Store { return stores(find) }
