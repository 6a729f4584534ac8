package graph

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/postern-mam/postern/internal/edm"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

const (
	defaultPage = 100
	// maxSorted bounds how many entities a list sorts: sorting needs them all.
	maxSorted = 20_000
)

// Row is one entity of a list: how it looks, and what can be expanded on it.
type Row struct {
	ID     string // in whose order the list is walked
	View   any    // what goes out
	Expand func(e odata.Expansion) (any, error)
}

// List is a collection as clients query it.
type List struct {
	Path string // for the context, for example "groups"
	Kind string // declared type of the entities, for example "graph.group"
	// Page returns up to limit rows behind the one with identifier after, in
	// identifier order; fewer than limit end the list.
	Page func(after string, limit int) ([]Row, error)
	// Count is how many there are without a filter; nil: they are walked.
	Count func() (int, error)
	// Natural is the $orderby that Page's own order already is; "" for none.
	Natural string
	// Directory objects answer advanced queries only to who accepts eventual
	// consistency, as Graph does.
	Directory bool
	Expands   []string
}

// Answer queries the list as the call asks and answers one page.
func (c *Call) Answer(l List) error {
	if err := c.check(l); err != nil {
		return err
	}
	p := page{path: l.Path}
	var err error
	if c.Options.Count {
		if p.count, err = c.total(l); err != nil {
			return err
		}
	}
	var rows []Row
	if c.sorts(l) || c.Options.Skip > 0 {
		rows, p.next, err = c.sorted(l)
	} else {
		rows, p.next, err = c.walked(l)
	}
	if err != nil {
		return err
	}
	for _, r := range rows {
		v, err := c.expanded(l.Path, r)
		if err != nil {
			return err
		}
		p.items = append(p.items, v)
	}
	return c.page(p)
}

// One answers one entity of the collection at path.
func (c *Call) One(status int, path string, r Row) error {
	v, err := c.expanded(path, r)
	if err != nil {
		return err
	}
	return c.Entity(status, path, v)
}

// Total answers a $count segment.
func (c *Call) Total(l List) error {
	if err := c.check(l); err != nil {
		return err
	}
	n, err := c.total(l)
	if err != nil {
		return err
	}
	return c.Number(n)
}

// Rows is a List of entities that are at hand.
func Rows(path, kind string, views []any) List {
	return List{Path: path, Kind: kind, Page: func(after string, limit int) ([]Row, error) {
		start, err := strconv.Atoi(after)
		if after != "" && (err != nil || start < 0) {
			return nil, foreignToken()
		}
		var rows []Row
		for i := start; i < min(start+limit, len(views)); i++ {
			rows = append(rows, Row{ID: strconv.Itoa(i + 1), View: views[i]})
		}
		return rows, nil
	}}
}

func (c *Call) sorts(l List) bool {
	if len(c.Options.OrderBy) == 0 {
		return false
	}
	var asked []string
	for _, o := range c.Options.OrderBy {
		if o.Descending {
			o.Path += " desc"
		}
		asked = append(asked, o.Path)
	}
	return strings.Join(asked, ",") != l.Natural
}

// check refuses a query that this list cannot answer.
func (c *Call) check(l List) error {
	c.Options.Filter = c.Options.Filter.Within(c.model())
	o := c.Options
	for _, path := range o.Filter.Paths() {
		if err := c.known("$filter", l.Kind, path); err != nil {
			return err
		}
	}
	for _, order := range o.OrderBy {
		if err := c.known("$orderby", l.Kind, order.Path); err != nil {
			return err
		}
	}
	if l.Directory && !(c.eventual() && o.Count) {
		switch {
		case !o.Search.IsZero():
			return unsupportedQuery(fault.New(fault.Invalid, "$search needs the header ConsistencyLevel: eventual and $count=true"))
		case o.Filter.Advanced():
			return unsupportedQuery(fault.New(fault.Invalid, "this $filter needs the header ConsistencyLevel: eventual and $count=true"))
		}
	}
	return c.Expandable(l.Expands)
}

// known refuses a property that the type and the types derived from it lack.
func (c *Call) known(option, kind, path string) error {
	name := path
	for first, rest, more := strings.Cut(name, "/"); more; first, rest, more = strings.Cut(name, "/") {
		if !strings.Contains(first, ".") {
			name = first
			break
		}
		kind, name = first, rest // a cast
	}
	name, _, _ = strings.Cut(name, "/")
	t, ok := c.model().Type(kind)
	if !ok || name == "" || name == "$count" || has(c.model(), t.Name, name) {
		return nil
	}
	return unsupportedQuery(fault.New(fault.Invalid, "%s: Could not find a property named '%s' on type '%s'.", option, name,
		strings.Replace(kind, "graph.", "microsoft.graph.", 1)))
}

// has reports whether a type, or one that is derived from it, has a property.
func has(m *edm.Model, kind, name string) bool {
	if strings.HasPrefix(name, "@odata.") {
		return true
	}
	return slices.ContainsFunc(append(m.Kinds(kind), kind), func(k string) bool {
		_, ok := m.Property(k, name)
		return ok
	})
}

// Expandable refuses to expand anything else than valid.
func (c *Call) Expandable(valid []string) error {
	for _, e := range c.Options.Expand {
		if slices.Contains(valid, e.Name) {
			continue
		}
		supported := "nothing can be expanded here"
		if len(valid) > 0 {
			supported = "supported are " + strings.Join(valid, ", ")
		}
		return unsupportedQuery(fault.New(fault.Invalid, "$expand=%s is not supported; %s", e.Name, supported))
	}
	return nil
}

// matches reports whether a row is one that was asked for.
func (c *Call) matches(r Row) (bool, error) {
	if c.Options.Filter.IsZero() && c.Options.Search.IsZero() {
		return true, nil
	}
	doc, err := Document(r.View)
	if err != nil {
		return false, err
	}
	return c.Options.Filter.Matches(doc) && c.Options.Search.Matches(doc), nil
}

// each visits every row that matches.
func (c *Call) each(l List, after string, size int, visit func(Row) bool) error {
	for {
		rows, err := l.Page(after, size)
		if err != nil {
			return err
		}
		for _, r := range rows {
			ok, err := c.matches(r)
			if err != nil {
				return err
			}
			if ok && !visit(r) {
				return nil
			}
			after = r.ID
		}
		if len(rows) < size {
			return nil
		}
	}
}

func (c *Call) total(l List) (int, error) {
	if l.Count != nil && c.Options.Filter.IsZero() && c.Options.Search.IsZero() {
		return l.Count()
	}
	n := 0
	err := c.each(l, "", odata.MaxTop, func(Row) bool { n++; return true })
	return n, err
}

// walked finds one page in the list's own order, in constant memory.
func (c *Call) walked(l List) ([]Row, string, error) {
	after, err := unseal(c.Options.SkipToken)
	if err != nil {
		return nil, "", err
	}
	top := c.pageSize()
	var rows []Row
	err = c.each(l, after, top+1, func(r Row) bool {
		rows = append(rows, r)
		return len(rows) <= top
	})
	if err != nil || len(rows) <= top {
		return rows, "", err
	}
	return rows[:top], seal(rows[top-1].ID), nil
}

// sorted finds one page of a list that is read whole and sorted. Its skip token
// is a position.
func (c *Call) sorted(l List) ([]Row, string, error) {
	start := c.Options.Skip
	if c.Options.SkipToken != "" {
		token, err := unseal(c.Options.SkipToken)
		if err != nil {
			return nil, "", err
		}
		if start, err = strconv.Atoi(token); err != nil || start < 0 {
			return nil, "", foreignToken()
		}
	}
	var rows []Row
	err := c.each(l, "", odata.MaxTop, func(r Row) bool {
		rows = append(rows, r)
		return len(rows) <= maxSorted
	})
	if err != nil {
		return nil, "", err
	}
	if len(rows) > maxSorted {
		return nil, "", unsupportedQuery(fault.New(fault.Invalid, "$orderby and $skip work on up to %d matches; narrow the list with $filter", maxSorted))
	}
	if err := sortRows(rows, c.Options.OrderBy); err != nil {
		return nil, "", err
	}
	rows = rows[min(start, len(rows)):]
	if top := c.pageSize(); len(rows) > top {
		return rows[:top], seal(strconv.Itoa(start + top)), nil
	}
	return rows, "", nil
}

func sortRows(rows []Row, by []odata.Order) error {
	for i := range rows {
		doc, err := Document(rows[i].View)
		if err != nil {
			return err
		}
		rows[i].View = doc
	}
	compare := odata.SortFunc(by)
	slices.SortStableFunc(rows, func(a, b Row) int { return compare(a.View, b.View) })
	return nil
}

// expanded adds what $expand asks for, queried as its own options say.
func (c *Call) expanded(path string, r Row) (any, error) {
	if len(c.Options.Expand) == 0 || r.Expand == nil {
		return r.View, nil
	}
	doc, err := Document(r.View)
	if err != nil {
		return nil, err
	}
	for _, e := range c.Options.Expand {
		v, err := r.Expand(e)
		if err != nil {
			return nil, err
		}
		if doc[e.Name], err = within(v, e.Options); err != nil {
			return nil, err
		}
		if id, ok := doc["id"].(string); ok {
			doc[e.Name+"@odata.context"] = c.Base() + "/$metadata#" + path + "('" + id + "')/" + e.Name
		}
	}
	return doc, nil
}

// within applies the options of an expansion to what was expanded.
func within(v any, o odata.Options) (any, error) {
	items, list := v.([]any)
	if !list {
		return v, nil
	}
	out := make([]any, 0, len(items))
	for _, item := range items {
		doc, err := Document(item)
		if err != nil {
			return nil, err
		}
		if o.Filter.Matches(doc) {
			out = append(out, doc)
		}
	}
	if len(o.OrderBy) > 0 {
		slices.SortStableFunc(out, odata.SortFunc(o.OrderBy))
	}
	out = out[min(o.Skip, len(out)):]
	if o.Top > 0 {
		out = out[:min(o.Top, len(out))]
	}
	for i := range out {
		out[i] = selected(out[i].(map[string]any), o)
	}
	return out, nil
}

// seal makes a skip token; it is opaque to clients and holds no secret.
func seal(place string) string { return base64.RawURLEncoding.EncodeToString([]byte(place)) }

func unseal(token string) (string, error) {
	place, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", foreignToken()
	}
	return string(place), nil
}

func foreignToken() error {
	return unsupportedQuery(fault.New(fault.Invalid, "$skiptoken is not one of this list; follow @odata.nextLink as it is"))
}
