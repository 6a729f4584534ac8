package configuration

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/postern-mam/postern/internal/fault"
)

// Kind says what the value of a key is, as JSON.
type Kind string

// The kinds, by the data types of the Edge policy reference.
const (
	Bool       Kind = "boolean"    // true or false
	Int        Kind = "integer"    // a whole number
	String     Kind = "string"     // a text
	StringList Kind = "stringList" // a list of texts
	Dictionary Kind = "dictionary" // an object, or a list of objects
)

// Option is one value that a key may have, or one entry that its list may have.
type Option struct {
	Value   string // as plain text: 5, default_public_interface_only
	Meaning string // what it does, in a few words
}

// form narrows a kind further.
type form uint8

const (
	anything    form = iota
	aURL             // an absolute URL; in a list, every entry
	aSearch          // an absolute URL with {searchTerms}
	aPortRange       // two ports and a hyphen
	certificate      // every entry is an object with pattern and filter, as JSON text
	favorites        // a tree of favorites
	proxy            // the fields of ProxySettings
	extensions       // settings by extension
)

// Key is one policy of Microsoft Edge that an app configuration policy may set.
type Key struct {
	Name         string // spelled as in the Edge policy reference
	Kind         Kind
	Values       []Option // all values there are, or all entries; empty when there are too many to list
	Min, Max     int      // of an Int without Values: both limits are valid
	MaxItems     int      // of a StringList: how many entries it may have
	Description  string
	Example      string // a valid value, as JSON text
	DefinitionID string // Graph: settingDefinitionId

	form form
}

// maxItems is how many entries Edge reads of URLBlocklist and URLAllowlist; we
// hold every list to it.
const maxItems = 1000

// definitionPrefix starts the settingDefinitionId of every key, which goes on with
// the name in small letters.
const definitionPrefix = "com.microsoft.edge.mamedgeappconfigsettings."

// Catalogue lists every key in no particular order. The list is the caller's own.
func Catalogue() []Key {
	list := make([]Key, 0, len(browsing)+len(guarding))
	for i := range browsing {
		list = append(list, browsing[i].whole())
	}
	for i := range guarding {
		list = append(list, guarding[i].whole())
	}
	return list
}

// Lookup finds a key by name, whatever its letter case; false when the catalogue
// has none. Key.Name has the exact spelling.
func Lookup(name string) (Key, bool) {
	if k := find(name); k != nil {
		return k.whole(), true
	}
	return Key{}, false
}

// LookupDefinition finds a key by its settingDefinitionId, whatever its letter case.
func LookupDefinition(id string) (Key, bool) {
	if len(id) <= len(definitionPrefix) || !strings.EqualFold(id[:len(definitionPrefix)], definitionPrefix) {
		return Key{}, false
	}
	return Lookup(id[len(definitionPrefix):])
}

func find(name string) *Key {
	for _, table := range [...][]Key{browsing[:], guarding[:]} {
		for i := range table {
			if len(table[i].Name) == len(name) && strings.EqualFold(table[i].Name, name) {
				return &table[i]
			}
		}
	}
	return nil
}

// whole returns k with what follows from the rest of it.
func (k *Key) whole() Key {
	c := *k
	c.Values = append([]Option(nil), k.Values...)
	c.DefinitionID = definitionPrefix + strings.ToLower(k.Name)
	switch k.Kind {
	case Bool:
		c.Example = "true"
	case Int:
		c.Example = strconv.Itoa(k.Min)
		if len(k.Values) > 0 {
			c.Example = k.Values[0].Value
		}
	case StringList:
		c.MaxItems = maxItems
	case String, Dictionary:
	}
	return c
}

// Parse reads a value of k and returns it as JSON text in one form: no spaces,
// names of objects sorted, nothing escaped that need not be. Equal values have
// equal texts.
//
// A String may also come without its quotes, as free pairs have it, unless it
// would then be JSON of another type; true and false may have capital letters. An
// error names the key, the value and what is valid.
func (k Key) Parse(text string) (canonical string, err error) {
	value, wrong := k.read(text)
	if wrong == "" {
		wrong = k.judge(value)
	}
	if wrong != "" {
		return "", fault.New(fault.Invalid, "%s is %q, %s; valid %s", k.Name, clip(text), wrong, k.Valid())
	}
	return encode(value), nil
}

// read returns the value in text when it is of k's kind, and otherwise what it is
// instead.
func (k Key) read(text string) (value any, wrong string) {
	if !utf8.ValidString(text) {
		return nil, "which is not UTF-8"
	}
	switch k.Kind {
	case Bool:
		if strings.EqualFold(text, "true") || strings.EqualFold(text, "false") {
			return strings.EqualFold(text, "true"), ""
		}
		return nil, "which is neither"
	case Int:
		n, err := strconv.Atoi(text)
		if err != nil || strconv.Itoa(n) != text {
			return nil, "which is no whole number"
		}
		return n, ""
	case String, StringList, Dictionary:
	}
	value, broken := decode(text)
	if broken != "" {
		if k.Kind == String && !strings.HasPrefix(text, `"`) {
			return text, ""
		}
		return nil, broken
	}
	if wrong := k.mistyped(value); wrong != "" {
		return nil, wrong
	}
	return value, ""
}

// mistyped says what a value is when it is not of k's kind, or "".
func (k Key) mistyped(value any) string {
	is := "which is of another type"
	switch v := value.(type) {
	case string:
		if k.Kind == String {
			return ""
		}
		is = "which is a text"
	case map[string]any:
		if k.Kind == Dictionary && k.form != favorites {
			return ""
		}
		is = "which is an object"
	case []any:
		if k.Kind == StringList {
			return notTexts(v)
		}
		if k.form == favorites {
			return ""
		}
		is = "which is a list"
	}
	return is
}

func notTexts(list []any) string {
	for i, entry := range list {
		if s, ok := entry.(string); !ok || strings.TrimSpace(s) == "" {
			return "whose entry " + strconv.Itoa(i+1) + " is no text"
		}
	}
	return ""
}

// Valid says in words what values k takes, to follow "valid": "are true, false".
func (k Key) Valid() string {
	switch {
	case k.Kind == Bool:
		return "are true, false"
	case k.Kind == Int && len(k.Values) == 0:
		return "are whole numbers from " + strconv.Itoa(k.Min) + " to " + strconv.Itoa(k.Max)
	case k.Kind == StringList && len(k.Values) > 0:
		return "is a list of " + k.options() + ", such as " + k.Example
	case len(k.Values) > 0:
		return "are " + k.options()
	case k.Kind == StringList:
		return "is a list of at most " + strconv.Itoa(maxItems) + " texts, such as " + k.Example
	}
	return "is a value such as " + k.Example
}

func (k Key) options() string {
	names := make([]string, len(k.Values))
	for i, o := range k.Values {
		names[i] = o.Value + " (" + o.Meaning + ")"
	}
	return strings.Join(names, ", ")
}
