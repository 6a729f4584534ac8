package odata

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/internal/fault"
)

const namespace = "#microsoft.graph."

// Object reads the members of one JSON object by name. Members that are absent
// leave the target alone; null sets it to its zero value. What does not fit is
// collected, so that the sender learns of every fault at once: see Err.
type Object struct {
	path    string // of this object in the body, with a dot at the end
	members map[string]json.RawMessage
	read    map[string]bool
	faults  *[]string
}

// ParseObject reads a document that is one JSON object.
func ParseObject(doc []byte) (*Object, error) {
	o := &Object{read: map[string]bool{}, faults: new([]string)}
	err := json.Unmarshal(bytes.TrimPrefix(doc, []byte("\xef\xbb\xbf")), &o.members)
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return nil, fault.New(fault.Invalid, "the body is a JSON %s; it must be a JSON object", t.Value)
	}
	if err != nil {
		return nil, fault.New(fault.Invalid, "the body is not valid JSON: %v", err)
	}
	if o.members == nil {
		return nil, fault.New(fault.Invalid, "the body is null; it must be a JSON object")
	}
	return o, nil
}

// Err returns every fault found so far in this object and all others of the
// same body as one fault.Invalid, or nil.
func (o *Object) Err() error {
	if len(*o.faults) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(*o.faults, "; "))
}

// Refuse records a fault of a member.
func (o *Object) Refuse(name, format string, args ...any) {
	*o.faults = append(*o.faults, o.path+name+" "+fmt.Sprintf(format, args...))
}

// Has reports whether a member is there, be it null.
func (o *Object) Has(name string) bool {
	_, ok := o.members[name]
	return ok
}

// Null reports whether a member is there and null.
func (o *Object) Null(name string) bool { return string(o.members[name]) == "null" }

// Type is the value of "@odata.type" without the namespace, or "".
func (o *Object) Type() string {
	var t string
	o.Text("@odata.type", &t)
	return strings.TrimPrefix(t, namespace)
}

// member decodes a member into to, which describes itself as kind. It reports
// whether to was set to a value.
func (o *Object) member(name string, to any, kind string) bool {
	raw, ok := o.members[name]
	o.read[name] = true
	if !ok {
		return false
	}
	if err := json.Unmarshal(raw, to); err != nil {
		o.Refuse(name, "is %s; it must be %s", shown(raw), kind)
		return false
	}
	return true
}

// Text reads a string.
func (o *Object) Text(name string, to *string) {
	var v *string
	if o.member(name, &v, "a string") {
		*to = orZero(v)
	}
}

// Secret reads a string whose value no message may repeat.
func (o *Object) Secret(name string, to *string) {
	o.read[name] = true
	var v *string
	if raw, ok := o.members[name]; !ok {
		return
	} else if json.Unmarshal(raw, &v) != nil {
		o.Refuse(name, "is no string; it must be a string")
		return
	}
	*to = orZero(v)
}

// Flag reads a boolean.
func (o *Object) Flag(name string, to *bool) {
	var v *bool
	if o.member(name, &v, "true or false") {
		*to = orZero(v)
	}
}

// Number reads a whole number.
func (o *Object) Number(name string, to *int) {
	var v *int
	if o.member(name, &v, "a whole number") {
		*to = orZero(v)
	}
}

// Time reads an RFC 3339 instant.
func (o *Object) Time(name string, to *time.Time) {
	var v *time.Time
	if o.member(name, &v, "an RFC 3339 time such as 2026-01-31T00:00:00Z") {
		*to = orZero(v)
	}
}

// Texts reads a list of strings.
func (o *Object) Texts(name string, to *[]string) {
	var v []*string
	if !o.member(name, &v, "a list of strings") {
		return
	}
	*to = nil
	for _, s := range v {
		*to = append(*to, orZero(s))
	}
}

// Duration reads an ISO 8601 duration.
func (o *Object) Duration(name string, to *time.Duration) {
	var v *string
	if !o.member(name, &v, "an ISO 8601 duration such as PT12H") {
		return
	}
	d := time.Duration(0)
	if v != nil {
		var err error
		if d, err = ParseDuration(*v); err != nil {
			o.Refuse(name, "is %q; it must be an ISO 8601 duration such as PT12H, PT720M or P90D", *v)
			return
		}
	}
	*to = d
}

// Word reads a value of an enumeration, whose spelling valid has.
func (o *Object) Word(name string, to *string, valid ...string) {
	var v *string
	if !o.member(name, &v, "one of "+strings.Join(valid, ", ")) {
		return
	}
	if v == nil {
		*to = ""
		return
	}
	for _, w := range valid {
		if strings.EqualFold(w, *v) {
			*to = w
			return
		}
	}
	o.Refuse(name, "is %q; valid are %s", *v, strings.Join(valid, ", "))
}

// Words reads a list of values of an enumeration. Values that valid lacks stay
// as they are: the rules of the policy name them.
func (o *Object) Words(name string, to *[]string, valid ...string) {
	if !o.Has(name) {
		return
	}
	var list []string
	o.Texts(name, &list)
	for i := range list {
		for _, w := range valid {
			if strings.EqualFold(w, list[i]) {
				list[i] = w
			}
		}
	}
	*to = list
}

// Says reports whether a member is there and not Empty.
func (o *Object) Says(name string) bool { return o.Has(name) && !Empty(o.members[name]) }

// Object reads a nested object. It is nil when absent or null; Has and Null
// tell which. An empty list is null, too: scripts write what they have none of so.
func (o *Object) Object(name string) *Object {
	var none []any
	if raw := o.members[name]; json.Unmarshal(raw, &none) == nil && len(none) == 0 {
		o.read[name] = true
		return nil
	}
	var v map[string]json.RawMessage
	if !o.member(name, &v, "an object") || v == nil {
		return nil
	}
	return &Object{path: o.path + name + ".", members: v, read: map[string]bool{}, faults: o.faults}
}

// Objects reads a list of objects.
func (o *Object) Objects(name string) []*Object {
	var v []map[string]json.RawMessage
	if !o.member(name, &v, "a list of objects") {
		return nil
	}
	out := make([]*Object, len(v))
	for i := range v {
		out[i] = &Object{path: fmt.Sprintf("%s%s[%d].", o.path, name, i), members: v[i], read: map[string]bool{}, faults: o.faults}
	}
	return out
}

// IsText reports whether a member is a text.
func (o *Object) IsText(name string) bool {
	raw := o.members[name]
	return len(raw) > 0 && raw[0] == '"'
}

// Names lists the members of an object whose names are data, but for
// annotations, sorted.
func (o *Object) Names() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(o.members)), func(name string) bool { return strings.Contains(name, "@") })
}

// RefuseRest refuses every member that was not read and says something: one
// that is neither an annotation, nor in ignored, nor empty.
func (o *Object) RefuseRest(reason string, ignored ...string) {
	for _, name := range slices.Sorted(maps.Keys(o.members)) {
		if o.read[name] || strings.Contains(name, "@odata.") || slices.Contains(ignored, name) || Empty(o.members[name]) {
			continue
		}
		o.Refuse(name, "is %s; %s", shown(o.members[name]), reason)
	}
}

// Empty reports whether a value says nothing: null, false, "", an empty list or
// object, an object whose members all say nothing, or a control that is
// switched off by "isEnabled": false.
func Empty(raw json.RawMessage) bool {
	var v any
	return json.Unmarshal(raw, &v) == nil && empty(v)
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		if v["isEnabled"] == false {
			return true
		}
		for name, member := range v {
			if !strings.Contains(name, "@odata.") && !empty(member) {
				return false
			}
		}
		return true
	}
	return false // a number, and 0 is one
}

// shown is a value for a message: compact, and not too long.
func shown(raw json.RawMessage) string {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // it comes out of a decoder, so it is valid
	const most = 160
	if text := []rune(b.String()); len(text) > most {
		return string(text[:most]) + "…"
	}
	return b.String()
}

func orZero[T any](v *T) T {
	if v == nil {
		var zero T
		return zero
	}
	return *v
}
