package graph

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

const (
	defaultPage = 100
	attempts    = 4 // of a change that others keep overtaking
)

// resource serves the objects of one kind as a collection of Graph.
type resource[T any] struct {
	path     string // of the collection
	items    admin.Collection[T]
	id       func(v T) string
	revision func(v T) int64
	view     func(c *call, v T) (any, error)
	// read takes a body over into v; faults stay in o.
	read func(c *call, o *odata.Object, v *T)

	find    func(c *call, key odata.Segment) (T, error)    // nil: by identifier
	save    func(c *call, o *odata.Object, v T) (T, error) // nil: items.Save
	guard   func(c *call, o *odata.Object, old, v T) error // nil: whoever may write may change this
	props   map[string]func(v T) string                    // what $filter and $orderby know
	name    string                                         // the property that the store can look up itself
	expands []string
	patched int // status of an answer to PATCH: 204 without, 200 with the object
}

// paths lists the operations that resource has in common with all others.
func (r resource[T]) routes(read, write string) []route {
	one := r.path + "/{}"
	return []route{
		{http.MethodGet, r.path, read, false, r.list},
		{http.MethodGet, r.path + "/$count", read, false, r.count},
		{http.MethodGet, one, read, false, r.get},
		{http.MethodPost, r.path, write, false, r.create},
		{http.MethodPatch, one, write, false, r.patch},
		{http.MethodDelete, one, write, false, r.delete},
	}
}

func (r resource[T]) one(c *call) (T, error) {
	key := c.keys[0]
	if r.find != nil {
		return r.find(c, key)
	}
	if key.Property != "" {
		var none T
		return none, fault.New(fault.Invalid, "key property %q is not supported on %s", key.Property, r.path)
	}
	return r.items.Get(c.ctx, c.tenant(), key.Text)
}

func (r resource[T]) get(c *call) error {
	if err := c.expandable(r.expands); err != nil {
		return err
	}
	v, err := r.one(c)
	if err != nil {
		return err
	}
	return r.answer(c, http.StatusOK, v)
}

func (r resource[T]) answer(c *call, status int, v T) error {
	seen, err := r.view(c, v)
	if err != nil {
		return err
	}
	return c.entity(status, r.path, seen)
}

func (r resource[T]) list(c *call) error {
	if err := c.expandable(r.expands); err != nil {
		return err
	}
	found, p, err := r.search(c)
	if err != nil {
		return err
	}
	for _, v := range found {
		seen, err := r.view(c, v)
		if err != nil {
			return err
		}
		p.items = append(p.items, seen)
	}
	return c.page(p)
}

func (r resource[T]) count(c *call) error {
	keep, err := r.matcher(c)
	if err != nil {
		return err
	}
	n, err := r.total(c, keep)
	if err != nil {
		return err
	}
	return c.number(n)
}

func (r resource[T]) total(c *call, keep func(T) bool) (int, error) {
	n := 0
	err := r.items.All(c.ctx, c.tenant(), func(v T) bool {
		if keep(v) {
			n++
		}
		return true
	})
	return n, err
}

// matcher turns $filter into a predicate.
func (r resource[T]) matcher(c *call) (func(T) bool, error) {
	f := c.query.Filter
	if f == nil {
		return func(T) bool { return true }, nil
	}
	prop, err := r.prop("$filter", f.Property)
	if err != nil {
		return nil, err
	}
	return func(v T) bool { return strings.EqualFold(prop(v), f.Value) }, nil
}

func (r resource[T]) prop(option, name string) (func(T) string, error) {
	if p := r.props[name]; p != nil {
		return p, nil
	}
	var valid []string
	for p := range r.props {
		valid = append(valid, p)
	}
	slices.Sort(valid)
	return nil, unsupportedQuery(fault.New(fault.Invalid, "%s by %q is not supported here; supported are %s", option, name, strings.Join(valid, ", ")))
}

// search finds one page of objects.
func (r resource[T]) search(c *call) ([]T, page, error) {
	p := page{path: r.path}
	keep, err := r.matcher(c)
	if err != nil {
		return nil, p, err
	}
	if c.query.Count {
		if p.count, err = r.total(c, keep); err != nil {
			return nil, p, err
		}
	}
	top := cmp.Or(c.query.Top, defaultPage)
	if c.query.OrderBy != "" {
		return r.sorted(c, p, keep)
	}
	q := admin.Query{After: c.query.SkipToken, Limit: top + 1}
	if f := c.query.Filter; f != nil && f.Property == r.name {
		q.Name = f.Value
	}
	var found []T
	for {
		batch, err := r.items.List(c.ctx, c.tenant(), q)
		if err != nil {
			return nil, p, err
		}
		for _, v := range batch {
			q.After = r.id(v)
			if keep(v) {
				found = append(found, v)
			}
			if len(found) > top {
				p.next = r.id(found[top-1])
				return found[:top], p, nil
			}
		}
		if len(batch) < q.Limit {
			return found, p, nil
		}
	}
}

// sorted finds one page in the order of $orderby. Its skip token is a position.
func (r resource[T]) sorted(c *call, p page, keep func(T) bool) ([]T, page, error) {
	name, down := strings.CutSuffix(c.query.OrderBy, " desc")
	prop, err := r.prop("$orderby", name)
	if err != nil {
		return nil, p, err
	}
	start, err := position(c.query.SkipToken)
	if err != nil {
		return nil, p, err
	}
	var found []T
	err = r.items.All(c.ctx, c.tenant(), func(v T) bool {
		if keep(v) {
			found = append(found, v)
		}
		return true
	})
	slices.SortStableFunc(found, func(a, b T) int {
		order := cmp.Compare(strings.ToLower(prop(a)), strings.ToLower(prop(b)))
		if down {
			return -order
		}
		return order
	})
	found = found[min(start, len(found)):]
	if top := cmp.Or(c.query.Top, defaultPage); len(found) > top {
		found, p.next = found[:top], token(start+top)
	}
	return found, p, err
}

func (r resource[T]) create(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	var old, v T
	if v, err = r.store(c, o, old); err != nil {
		return err
	}
	return r.answer(c, http.StatusCreated, v)
}

func (r resource[T]) patch(c *call) error {
	o, err := c.body()
	if err != nil {
		return err
	}
	v, err := r.change(c, o)
	if err != nil {
		return err
	}
	if r.patched == http.StatusOK {
		return r.answer(c, http.StatusOK, v)
	}
	return c.noContent()
}

// change applies o to the object that the path names. When someone else
// changed it meanwhile, it applies o to what they left, unless the caller named
// the version to change.
func (r resource[T]) change(c *call, o *odata.Object) (v T, err error) {
	for range attempts {
		old, err := r.one(c)
		if err != nil {
			return v, err
		}
		if err := c.ifMatch(r.revision(old)); err != nil {
			return v, err
		}
		v, err = r.store(c, o, old)
		if fault.KindOf(err) != fault.Conflict {
			return v, err
		}
		if c.conditional() {
			return v, preconditionFailed()
		}
		if now, again := r.one(c); again != nil || r.revision(now) == r.revision(old) {
			return v, err // not overtaken: the conflict is with another object
		}
	}
	return v, fault.New(fault.Unavailable, "the object keeps changing; try again")
}

// store applies o to old and saves the outcome.
func (r resource[T]) store(c *call, o *odata.Object, old T) (T, error) {
	v := old
	r.read(c, o, &v)
	if err := o.Err(); err != nil {
		return v, err
	}
	if r.guard != nil {
		if err := r.guard(c, o, old, v); err != nil {
			return v, err
		}
	}
	if r.save != nil {
		return r.save(c, o, v)
	}
	return r.items.Save(c.ctx, v)
}

func (r resource[T]) delete(c *call) error {
	v, err := r.one(c)
	if err != nil {
		return err
	}
	if err := c.ifMatch(r.revision(v)); err != nil {
		return err
	}
	if r.guard != nil {
		if err := r.guard(c, nil, v, v); err != nil {
			return err
		}
	}
	if err := r.items.Delete(c.ctx, c.tenant(), r.id(v)); err != nil {
		return err
	}
	return c.noContent()
}
