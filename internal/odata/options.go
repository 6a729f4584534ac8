package odata

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata/filter"
)

// MaxTop is the largest page a client may ask for.
const MaxTop = 999

const (
	maxSkip   = 1 << 30
	maxExpand = 4 // relationships inside one another
)

// Options are the system query options of a request, or of one relationship in
// its $expand.
type Options struct {
	Top       int // 0: not given
	Skip      int
	SkipToken string
	Select    []string // property paths; nil: all
	Expand    []Expansion
	Filter    Filter
	OrderBy   []Order
	Search    Search
	Count     bool
}

// Expansion is a relationship that $expand wants inline.
type Expansion struct {
	Name    string // may have casts before it, "graph.group/members"
	Options Options
}

// ParseOptions reads a raw query. Options go by their names in any case, with
// or without "$" (OData 4.01 Part 2, section 5); other parameters are custom
// ones and pass. System options that are not supported are refused by name,
// because a filter that is ignored answers a question nobody asked.
func ParseOptions(raw string) (Options, error) {
	r := reader{seen: map[string]bool{}}
	for part := range strings.SplitSeq(strings.TrimLeft(raw, "?"), "&") {
		escaped, escapedValue, _ := strings.Cut(part, "=")
		name, err1 := url.QueryUnescape(escaped)
		value, err2 := url.QueryUnescape(escapedValue)
		if err1 != nil || err2 != nil {
			return Options{}, fault.New(fault.Invalid, "the query parameter %q is not escaped correctly; write %%25 for a percent sign", part)
		}
		if err := r.read(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return Options{}, err
		}
	}
	return r.options, nil
}

// reader fills the options of one level.
type reader struct {
	options Options
	depth   int // 0: of the request itself
	seen    map[string]bool
}

const supported = "$top, $skip, $select, $expand, $filter, $orderby, $search and $count"

func (r *reader) read(name, value string) error {
	option, system := strings.CutPrefix(strings.ToLower(name), "$")
	known := slices.Contains([]string{"top", "skip", "skiptoken", "select", "expand", "filter", "orderby", "search", "count", "format"}, option)
	outer := r.depth > 0 && (option == "skiptoken" || option == "format")
	switch {
	case !known && !system && r.depth == 0:
		return nil
	case outer || !known && r.depth > 0:
		return fault.New(fault.Invalid, "option %q inside $expand is not supported; %s are", name, supported)
	case !known:
		return fault.New(fault.Invalid, "query option %q is not supported; %s, $skiptoken and $format are", name, supported)
	case r.seen[option]:
		return fault.New(fault.Invalid, "query option $%s is given more than once; give it once", option)
	}
	r.seen[option] = true
	return r.set(option, value)
}

func (r *reader) set(option, value string) error {
	var err error
	o := &r.options
	switch option {
	case "top":
		o.Top, err = within("$top", value, 1, MaxTop)
	case "skip":
		o.Skip, err = within("$skip", value, 0, maxSkip)
	case "skiptoken":
		o.SkipToken = value
	case "select":
		o.Select, err = selection(value)
	case "expand":
		o.Expand, err = expansions(value, r.depth+1)
	case "filter":
		o.Filter, err = ParseFilter(value)
	case "orderby":
		o.OrderBy, err = parseOrder(value)
	case "search":
		o.Search, err = ParseSearch(value)
	case "count":
		if o.Count = strings.EqualFold(value, "true"); !o.Count && !strings.EqualFold(value, "false") {
			err = fault.New(fault.Invalid, "$count is %q; it must be true or false", value)
		}
	case "format":
		kind, _, _ := strings.Cut(strings.ToLower(value), ";")
		if kind != "json" && kind != "application/json" {
			err = fault.New(fault.Invalid, "$format is %q; only json is supported", value)
		}
	}
	return err
}

func within(option, value string, least, most int) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return 0, fault.New(fault.Invalid, "%s is %q; it must be between %d and %d", option, value, least, most)
	}
	return n, nil
}

func selection(value string) ([]string, error) {
	names := list(value)
	for _, name := range names {
		if name != "*" && !filter.IsPath(name) {
			return nil, fault.New(fault.Invalid, "$select has %q; valid are names of properties, joined by commas", name)
		}
	}
	if slices.Contains(names, "*") {
		return nil, nil
	}
	return names, nil
}

// list cuts at commas, and leaves out blanks and repetitions.
func list(value string) []string {
	var out []string
	for item := range strings.SplitSeq(value, ",") {
		if item = strings.TrimSpace(item); item != "" && !slices.Contains(out, item) {
			out = append(out, item)
		}
	}
	return out
}

// expansions reads an $expand: name(option;option),name.
func expansions(value string, depth int) ([]Expansion, error) {
	if depth > maxExpand {
		return nil, fault.New(fault.Invalid, "$expand has more than %d levels; remove the innermost", maxExpand)
	}
	items, err := split("$expand", value, ',')
	var out []Expansion
	for _, item := range items {
		name, inside, nested := strings.Cut(item, "(")
		name = strings.TrimSpace(name)
		closed := strings.HasSuffix(inside, ")")
		switch {
		case name == "*":
			return nil, fault.New(fault.Invalid, "$expand is *; name the relationships to expand")
		case !filter.IsPath(name) || nested && !closed:
			return nil, fault.New(fault.Invalid,
				"$expand has %q; valid are names of relationships, joined by commas, for example members($select=id;$top=5)", item)
		case slices.ContainsFunc(out, func(e Expansion) bool { return strings.EqualFold(e.Name, name) }):
			return nil, fault.New(fault.Invalid, "$expand names %q more than once; name it once", name)
		}
		e := Expansion{Name: strings.ReplaceAll(name, "microsoft.graph.", "graph.")}
		if e.Options, err = inner(strings.TrimSuffix(inside, ")"), depth); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, err
}

// inner reads the options of a relationship.
func inner(text string, depth int) (Options, error) {
	r := reader{depth: depth, seen: map[string]bool{}}
	parts, err := split("$expand", text, ';')
	for _, part := range parts {
		name, value, _ := strings.Cut(part, "=")
		if err := r.read(strings.TrimSpace(name), strings.TrimSpace(value)); err != nil {
			return Options{}, err
		}
	}
	return r.options, err
}

// split cuts text at separators outside of quotes and parentheses, and leaves
// out blank parts.
func split(what, text string, separator rune) ([]string, error) {
	var out []string
	var quote rune
	start, depth := 0, 0
	add := func(end int) {
		if part := strings.TrimSpace(text[start:end]); part != "" {
			out = append(out, part)
		}
		start = end + 1
	}
	for at, r := range text {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '(':
			depth++
		case r == ')':
			depth--
		case r == separator && depth == 0:
			add(at)
		}
		if depth < 0 {
			break
		}
	}
	if quote != 0 || depth != 0 {
		return nil, fault.New(fault.Invalid, "%s is %q; its quotes or parentheses do not pair", what, text)
	}
	add(len(text))
	return out, nil
}
