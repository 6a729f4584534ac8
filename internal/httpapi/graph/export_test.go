package graph

// Encode prints a view.
func Encode(v any) ([]byte, error) { return encode(v) }
