package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Field is one field that may leave the PC. What no Field declares is not sent by
// the SDK (Undeclared) and not taken by the service.
type Field struct {
	// Message is the type of this package, or of DPoPProof, Signature, TokenRequest,
	// SignInRequest, Request: what has its format from elsewhere.
	Message string `json:"message"`
	// Path names the members from the outermost on, with "/" between them; "*" is
	// every element of a list.
	Path   string `json:"path"`
	What   string `json:"what"`
	Why    string `json:"why"`
	To     string `json:"to"`
	Kept   string `json:"kept"`             // for how long, by whom it goes to
	Secret bool   `json:"secret,omitempty"` // shown by name only, on the PC as well
}

// Message is one kind of what leaves the PC.
type Message struct {
	Name string `json:"name"`
	When string `json:"when"`
}

// UndeclaredError names a member that no Field declares.
type UndeclaredError struct {
	Message, Path string
}

// maxPath bounds what an error repeats of the name of a member, in bytes.
const maxPath = 100

// Error says which member it is, and where those that may leave a PC are listed.
func (e *UndeclaredError) Error() string {
	path := e.Path
	if len(path) > maxPath {
		path = strings.ToValidUTF8(path[:maxPath], "") + "…"
	}
	return fmt.Sprintf("%q is not declared for %s; docs/privacy-ledger.md lists every member that may leave a PC", path, e.Message)
}

// Ledger returns every field that may leave the PC, by message.
func Ledger() []Field { return slices.Concat(ledger[:], diagnosticsLedger[:], signInLedger[:]) }

// Messages returns every kind of what leaves the PC, in the order of Ledger.
func Messages() []Message { return slices.Clone(messages[:]) }

// fields are those of one message.
func fields(message string) []Field {
	for _, part := range [...][]Field{ledger[:], diagnosticsLedger[:], signInLedger[:]} {
		first := slices.IndexFunc(part, func(f Field) bool { return f.Message == message })
		if first < 0 {
			continue
		}
		last := first
		for last < len(part) && part[last].Message == message {
			last++
		}
		return part[first:last]
	}
	return nil
}

// Undeclared returns an *UndeclaredError with the first member of doc, one JSON
// value, that is not declared for message, or what is wrong with the JSON. Names
// are compared letter by letter, and no deeper than declarations go.
func Undeclared(message string, doc []byte) error {
	d := declared{message: message, fields: fields(message), from: json.NewDecoder(bytes.NewReader(doc))}
	if len(d.fields) == 0 {
		return d.refuse("")
	}
	return d.value("")
}

// declared reads a document along with what is declared.
type declared struct {
	message string
	fields  []Field
	from    *json.Decoder
}

func (d *declared) refuse(path string) error { return &UndeclaredError{Message: d.message, Path: path} }

// allows reports whether path is a field, or leads to one.
func (d *declared) allows(path string) bool {
	return slices.ContainsFunc(d.fields, func(f Field) bool { return f.Path == path || within(f.Path, path) })
}

func within(path, parent string) bool {
	return len(path) > len(parent) && path[len(parent)] == '/' && path[:len(parent)] == parent
}

func (d *declared) value(path string) error {
	t, err := d.from.Token()
	if err != nil {
		return err
	}
	list := t == json.Delim('[')
	if !list && t != json.Delim('{') {
		return nil // a leaf
	}
	if list && !d.allows(join(path, "*")) {
		return d.refuse(join(path, "*"))
	}
	for d.from.More() {
		next := join(path, "*")
		if !list {
			if next, err = d.member(path); err != nil {
				return err
			}
		}
		if err := d.value(next); err != nil {
			return err
		}
	}
	_, err = d.from.Token() // the end
	return err
}

// member reads the name of a member, and returns its path.
func (d *declared) member(path string) (string, error) {
	t, err := d.from.Token()
	if err != nil {
		return "", err
	}
	name, _ := t.(string) // encoding/json allows nothing else here
	path = join(path, name)
	if strings.ContainsAny(name, "/*") || !d.allows(path) { // a name that spells a path is none
		return "", d.refuse(path)
	}
	return path, nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "/" + name
}

// Hidden stands for the value of a secret field in what Shown returns.
const Hidden = "(secret, not kept)"

// Shown returns doc, a message that Undeclared accepts, as people may see it:
// without the values of secret fields.
func Shown(message string, doc []byte) ([]byte, error) {
	from := json.NewDecoder(bytes.NewReader(doc))
	from.UseNumber()
	var v any
	if err := from.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(hide(fields(message), "", v))
}

func hide(all []Field, path string, v any) any {
	if slices.ContainsFunc(all, func(f Field) bool { return f.Secret && f.Path == path }) {
		return Hidden
	}
	switch v := v.(type) {
	case map[string]any:
		for name := range v {
			v[name] = hide(all, join(path, name), v[name])
		}
	case []any:
		for i := range v {
			v[i] = hide(all, join(path, "*"), v[i])
		}
	}
	return v
}
