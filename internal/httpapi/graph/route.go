package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

// find returns the route of a request and puts the keys into c. A literal
// segment beats a key.
func (d *Door) find(c *Call) (Route, error) {
	path, err := odata.ParsePath(c.path())
	if err != nil {
		return Route{}, err
	}
	var best Route
	var allowed []string
	deepest, found := 0, false
	for _, rt := range d.routes {
		if rt.Beta && c.Version != Beta {
			continue
		}
		keys, depth, ok := match(rt.Pattern, path)
		deepest = max(deepest, depth)
		if !ok || found && wild(rt.Pattern) > wild(best.Pattern) {
			continue
		}
		if found && wild(rt.Pattern) < wild(best.Pattern) {
			allowed, best = nil, Route{}
		}
		if allowed = append(allowed, rt.Method); rt.Method == c.Request.Method || best.Do == nil {
			best, c.Keys = rt, keys
		}
		found = true
	}
	c.route = best
	switch {
	case !found:
		return Route{}, NotFoundSegment(path[min(deepest, len(path)-1)].Text)
	case best.Method != c.Request.Method:
		slices.Sort(allowed)
		c.w.Header().Set("Allow", strings.Join(slices.Compact(allowed), ", "))
		return Route{}, Coded(http.StatusMethodNotAllowed, "Request_BadRequest",
			fault.New(fault.Invalid, "method %s is not supported here; %s is", c.Request.Method, strings.Join(slices.Compact(allowed), ", ")))
	}
	return best, nil
}

// match compares a path with a pattern and returns the keys, how many segments
// agree, and whether all do.
func match(pattern string, path []odata.Segment) (keys []odata.Segment, depth int, ok bool) {
	for want := range strings.SplitSeq(pattern, "/") {
		if depth == len(path) {
			return keys, depth, false
		}
		s := path[depth]
		switch {
		case want == "{}":
			keys = append(keys, s)
		case s.Key || !strings.EqualFold(s.Text, want):
			return nil, depth, false
		}
		depth++
	}
	return keys, depth, depth == len(path)
}

func wild(pattern string) int { return strings.Count(pattern, "{}") }

// LastSegment is the identifier at the end of a reference; the host in it is
// whatever the client calls us.
func LastSegment(reference string) string {
	path, err := odata.ParsePath(strings.TrimRight(reference[strings.LastIndex(strings.TrimRight(reference, "/"), "/")+1:], "/"))
	if err != nil || len(path) == 0 {
		return reference
	}
	return path[len(path)-1].Text
}
