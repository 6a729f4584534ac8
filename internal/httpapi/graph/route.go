package graph

import (
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

// route is one operation of the API.
type route struct {
	method  string
	pattern string // segments; {} stands for a key
	needs   string // the permission to hold
	beta    bool   // on beta only
	do      func(c *call) error
}

// find returns the route of a request and puts the keys into c. A literal
// segment beats a key.
func (d *Door) find(c *call) (route, error) {
	path, err := odata.ParsePath(strings.TrimPrefix(c.r.URL.EscapedPath(), "/"+c.version+"/"))
	if err != nil {
		return route{}, err
	}
	var best route
	var allowed []string
	deepest, found := 0, false
	for _, rt := range d.routes {
		if rt.beta && c.version != "beta" {
			continue
		}
		keys, depth, ok := match(rt.pattern, path)
		deepest = max(deepest, depth)
		if !ok || found && wild(rt.pattern) > wild(best.pattern) {
			continue
		}
		if found && wild(rt.pattern) < wild(best.pattern) {
			allowed, best = nil, route{}
		}
		if allowed = append(allowed, rt.method); rt.method == c.r.Method || best.do == nil {
			best, c.keys = rt, keys
		}
		found = true
	}
	c.route = best.pattern
	switch {
	case !found:
		return route{}, notFoundSegment(path[min(deepest, len(path)-1)].Text)
	case best.method != c.r.Method:
		slices.Sort(allowed)
		c.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return route{}, &coded{
			http.StatusMethodNotAllowed, "Request_BadRequest",
			fault.New(fault.Invalid, "method %s is not supported here; %s is", c.r.Method, strings.Join(allowed, ", ")),
		}
	}
	return best, nil
}

// match compares a path with a pattern and returns the keys, how many segments
// agree, and whether all do.
func match(pattern string, path []odata.Segment) (keys []odata.Segment, depth int, ok bool) {
	want := strings.Split(pattern, "/")
	for depth < len(want) && depth < len(path) {
		s := path[depth]
		switch {
		case want[depth] == "{}":
			keys = append(keys, s)
		case s.Key || s.Text != want[depth]:
			return nil, depth, false
		}
		depth++
	}
	return keys, depth, depth == len(want) && depth == len(path)
}

func wild(pattern string) int { return strings.Count(pattern, "{}") }
