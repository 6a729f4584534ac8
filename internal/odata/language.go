package odata

import "github.com/postern-mam/postern/internal/odata/filter"

// Filter is a parsed $filter.
type Filter = filter.Filter

// Model knows the types that isof and casts ask about.
type Model = filter.Model

// ParseFilter reads a $filter; a blank text is no filter.
func ParseFilter(text string) (Filter, error) { return filter.Parse(text) }

// Compare orders two JSON values as $orderby does: -1, 0 or 1.
func Compare(a, b any) int { return filter.Compare(a, b) }
