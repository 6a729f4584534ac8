package graph

import (
	"bytes"
	"encoding/json"
	"slices"
)

// encode prints v as encoding/json does, without the escapes that only HTML
// needs. Views are maps of maps, which it walks itself: encoding/json would copy
// every name and value of a map first, and a page has tens of thousands.
func encode(v any) ([]byte, error) {
	p := &printer{}
	p.json = json.NewEncoder(&p.out)
	p.json.SetEscapeHTML(false)
	err := p.value(v)
	return p.out.Bytes(), err
}

type printer struct {
	out  bytes.Buffer
	json *json.Encoder
}

func (p *printer) value(v any) error {
	switch v := v.(type) {
	case map[string]any:
		if v != nil {
			return p.object(v)
		}
	case []any:
		if v != nil {
			return p.array(v)
		}
	}
	err := p.json.Encode(v)
	if err == nil {
		p.out.Truncate(p.out.Len() - 1) // the newline
	}
	return err
}

func (p *printer) object(members map[string]any) error {
	names := make([]string, 0, len(members))
	for name := range members {
		names = append(names, name)
	}
	slices.Sort(names)
	next := byte('{')
	for _, name := range names {
		p.out.WriteByte(next)
		next = ','
		if err := p.name(name); err != nil {
			return err
		}
		p.out.WriteByte(':')
		if err := p.value(members[name]); err != nil {
			return err
		}
	}
	if next == '{' {
		p.out.WriteByte('{')
	}
	p.out.WriteByte('}')
	return nil
}

// name prints what needs no escape itself, as nearly all names.
func (p *printer) name(name string) error {
	for i := range len(name) {
		if c := name[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return p.value(name)
		}
	}
	p.out.WriteByte('"')
	p.out.WriteString(name)
	p.out.WriteByte('"')
	return nil
}

func (p *printer) array(items []any) error {
	p.out.WriteByte('[')
	for i, v := range items {
		if i > 0 {
			p.out.WriteByte(',')
		}
		if err := p.value(v); err != nil {
			return err
		}
	}
	p.out.WriteByte(']')
	return nil
}
