package odata

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
)

// Query is the system query options of one request.
type Query struct {
	Top       int // 0: not given
	SkipToken string
	Select    []string
	Expand    []string // without nested options
	Filter    *Equal
	Count     bool
	OrderBy   string // one property, perhaps with " desc"
}

// Equal is the filter "property eq 'value'", the only one there is.
type Equal struct {
	Property string
	Value    string // without quotes; true, false and numbers as written
}

// ParseQuery reads a raw query. Parameters without "$" are custom ones and
// pass; system options that are not supported are refused by name, because a
// filter that is ignored answers a question nobody asked.
func ParseQuery(raw string) (Query, error) {
	var q Query
	values, err := url.ParseQuery(strings.TrimLeft(raw, "?"))
	if err != nil {
		return q, fault.New(fault.Invalid, "the query string is not escaped correctly")
	}
	for name, all := range values {
		option, system := strings.CutPrefix(name, "$")
		if !system {
			continue
		}
		if len(all) > 1 {
			return q, fault.New(fault.Invalid, "query option $%s is given %d times; give it once", option, len(all))
		}
		if err := q.set(option, all[0]); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *Query) set(option, value string) error {
	var err error
	switch option {
	case "top":
		if q.Top, err = strconv.Atoi(value); err != nil || q.Top < 1 || q.Top > MaxTop {
			return fault.New(fault.Invalid, "$top is %q; it must be between 1 and %d", value, MaxTop)
		}
	case "skiptoken":
		q.SkipToken = value
	case "select":
		q.Select = list(value)
	case "expand":
		q.Expand = list(value)
		if strings.ContainsAny(value, "()") {
			return fault.New(fault.Invalid, "$expand is %q; options in parentheses are not supported", value)
		}
	case "filter":
		q.Filter, err = parseFilter(value)
	case "orderby":
		q.OrderBy = strings.TrimSuffix(strings.Join(strings.Fields(value), " "), " asc")
	case "count":
		if q.Count, err = strconv.ParseBool(value); err != nil {
			return fault.New(fault.Invalid, "$count is %q; it must be true or false", value)
		}
	case "format":
		if !strings.Contains(value, "json") {
			return fault.New(fault.Invalid, "$format is %q; only json is supported", value)
		}
	default:
		return fault.New(fault.Invalid,
			"query option $%s is not supported; $top, $skiptoken, $select, $expand, $filter, $orderby and $count are", option)
	}
	return err
}

// parseFilter reads "<property> eq <literal>"; an empty filter is none.
func parseFilter(text string) (*Equal, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, nil
	}
	property, rest, _ := strings.Cut(text, " ")
	operator, literal, _ := strings.Cut(strings.TrimSpace(rest), " ")
	literal = strings.TrimSpace(literal)
	if operator != "eq" || strings.ContainsAny(property, "()'") || !single(literal) {
		return nil, fault.New(fault.Invalid, "$filter is %q; only <property> eq '<value>' is supported", text)
	}
	return &Equal{Property: property, Value: unquote(literal)}, nil
}

// single reports whether literal is one string literal or one bare word.
func single(literal string) bool {
	if !strings.HasPrefix(literal, "'") {
		return literal != "" && !strings.ContainsAny(literal, " '()")
	}
	inner, ok := strings.CutSuffix(literal[1:], "'")
	return ok && !strings.Contains(strings.ReplaceAll(inner, "''", ""), "'")
}
