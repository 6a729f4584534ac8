package odata

import (
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata/filter"
)

// Order is one key of an $orderby.
type Order struct {
	Path       string // such as "status/errorCode"
	Descending bool
}

func parseOrder(value string) ([]Order, error) {
	var out []Order
	for _, item := range list(value) {
		words := strings.Fields(item)
		direction := ""
		if len(words) == 2 {
			direction = strings.ToLower(words[1])
		}
		if len(words) > 2 || !filter.IsPath(words[0]) || direction != "" && direction != "asc" && direction != "desc" {
			return nil, fault.New(fault.Invalid, "$orderby has %q; valid are properties, each perhaps with asc or desc, joined by commas", item)
		}
		out = append(out, Order{words[0], direction == "desc"})
	}
	return out, nil
}

// SortFunc returns the comparison for JSON values that orders ask for, for
// slices.SortStableFunc. What Compare finds equal under every key is equal.
func SortFunc(orders []Order) func(a, b any) int {
	paths := make([][]string, len(orders))
	for i, o := range orders {
		for name := range strings.SplitSeq(o.Path, "/") {
			if !strings.Contains(name, ".") { // a cast changes no value
				paths[i] = append(paths[i], name)
			}
		}
	}
	return func(a, b any) int {
		for i, path := range paths {
			x, y := a, b
			for _, name := range path {
				x, y = filter.Member(x, name), filter.Member(y, name)
			}
			if order := filter.Compare(x, y); order != 0 {
				if orders[i].Descending {
					return -order
				}
				return order
			}
		}
		return 0
	}
}

// Select returns the members of v that names choose, in any case, and the
// annotations of v and of what is kept. Of a path it keeps the whole first
// member. Without names that is v itself. What $expand asks for must be among
// the names.
func Select(v map[string]any, names []string) map[string]any {
	if len(names) == 0 {
		return v
	}
	keep := map[string]bool{"": true} // annotations of v have no name before the "@"
	for _, name := range names {
		for step := range strings.SplitSeq(name, "/") {
			if !strings.Contains(step, ".") { // no cast
				keep[strings.ToLower(step)] = true
				break
			}
		}
	}
	out := map[string]any{}
	for name, value := range v {
		if property, _, _ := strings.Cut(name, "@"); keep[strings.ToLower(property)] {
			out[name] = value
		}
	}
	return out
}
