package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Changed is one property that a change moved. A list is one property.
type Changed struct {
	Property string // with a dot before each nested name
	Old, New string // as compact JSON; "" where there was none
}

// Changes compares an object before and after a change and lists what moved, in
// the order of property names. Either may be nil; what is no JSON object is
// compared as a whole, under the name "value".
func Changes(before, after json.RawMessage) []Changed {
	old, now := map[string]string{}, map[string]string{}
	flatten("", before, old)
	flatten("", after, now)
	names := maps.Clone(old)
	maps.Copy(names, now)
	var out []Changed
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if old[name] != now[name] {
			out = append(out, Changed{name, old[name], now[name]})
		}
	}
	return out
}

func flatten(prefix string, raw json.RawMessage, into map[string]string) {
	if len(raw) == 0 || prefix == "" && string(raw) == "null" {
		return // there was no object
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil || members == nil {
		into[orValue(prefix)] = compact(raw)
		return
	}
	for name, value := range members {
		if prefix != "" {
			name = prefix + "." + name
		}
		flatten(name, value, into)
	}
}

func orValue(name string) string {
	if name == "" {
		return "value"
	}
	return name
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}
