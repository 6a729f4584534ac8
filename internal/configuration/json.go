package configuration

import (
	"bytes"
	"encoding/json"
	"strings"
)

// decode reads one JSON value, numbers as they are written; broken says what is
// wrong with text, or "".
func decode(text string) (value any, broken string) {
	if !json.Valid([]byte(text)) {
		return nil, "which is not JSON"
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	_ = d.Decode(&value) // valid JSON decodes
	// Of a name that an object has twice, one value would be lost without a word.
	if members(text) != size(value) {
		return nil, "in which an object has a name twice"
	}
	return value, ""
}

// members counts the names of all objects in valid JSON text: its colons, save
// those inside strings.
func members(text string) (n int) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\': // stands in strings only
			i++
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			n++
		}
	}
	return n
}

// size counts the names of all objects in a decoded value.
func size(value any) (n int) {
	switch v := value.(type) {
	case map[string]any:
		n = len(v)
		for _, inner := range v {
			n += size(inner)
		}
	case []any:
		for _, inner := range v {
			n += size(inner)
		}
	}
	return n
}

// encode is the inverse of decode, in one form. It escapes nothing for HTML, so
// that a URL reads as it was written.
func encode(value any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(value) // what decode returns encodes
	return strings.TrimSuffix(out.String(), "\n")
}
