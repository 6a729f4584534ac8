package graph

import (
	"net/http"
	"slices"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/odata"
)

const attempts = 4 // of a change that others keep overtaking

// Actions are the role actions of a kind of objects; empty ones: no role of
// Intune gives them.
type Actions struct{ Read, Create, Update, Delete string }

// Set serves the objects of one kind as a collection of Graph.
type Set[T any] struct {
	Path      string // of the collection
	Kind      string // declared type, for example "graph.group"
	Beta      bool
	Read      string // permission to read
	Write     string // permission to write
	Actions   Actions
	Items     func(c *Call) admin.Collection[T]
	ID        func(v T) string
	Revision  func(v T) int64
	View      func(c *Call, v T) (any, error)
	Take      func(c *Call, o *odata.Object, v *T) // takes a body over into v; faults stay in o
	Directory bool

	First   func(o *odata.Object)                          // judges a body before the model does; nil: nothing to say
	Find    func(c *Call, key odata.Segment) (T, error)    // nil: by identifier
	Save    func(c *Call, o *odata.Object, v T) (T, error) // nil: Items.Save
	Guard   func(c *Call, o *odata.Object, old, v T) error // nil: whoever may write may change this
	Tags    func(v *T) *[]string                           // the scope tags of v; nil: has none
	Kept    func(c *Call, v T) bool                        // whether a list shows v; nil: always
	Name    string                                         // the property that the store can look up itself
	Expands []string
	Expand  func(c *Call, v T, e odata.Expansion) (any, error)
	Patched int // status of an answer to PATCH: 204 without, 200 with the object
}

// Routes lists the operations that a set has in common with all others.
func (s Set[T]) Routes() []Route {
	one := s.Path + "/{}"
	a := s.Actions
	return []Route{
		{http.MethodGet, s.Path, s.Read, a.Read, s.Beta, s.list},
		{http.MethodGet, s.Path + "/$count", s.Read, a.Read, s.Beta, func(c *Call) error { return c.Total(s.List(c)) }},
		{http.MethodGet, one, s.Read, a.Read, s.Beta, s.Get},
		{http.MethodPost, s.Path, s.Write, a.Create, s.Beta, s.create},
		{http.MethodPatch, one, s.Write, a.Update, s.Beta, s.Patch},
		{http.MethodDelete, one, s.Write, a.Delete, s.Beta, s.Delete},
	}
}

// ReadRoutes are the Routes that change nothing.
func (s Set[T]) ReadRoutes() []Route {
	return slices.DeleteFunc(s.Routes(), func(rt Route) bool { return rt.Method != http.MethodGet })
}

// One returns the object that the path names, if the caller may see it.
func (s Set[T]) One(c *Call) (T, error) {
	v, err := s.find(c, c.Keys[0])
	if err == nil && !s.visible(c, v) {
		return v, fault.New(fault.NotFound, "there is no %q in %s that you may see", c.Key(0), s.Path)
	}
	return v, err
}

func (s Set[T]) find(c *Call, key odata.Segment) (T, error) {
	if s.Find != nil {
		return s.Find(c, key)
	}
	if key.Property != "" && key.Property != "id" {
		var none T
		return none, fault.New(fault.Invalid, "key property %q is not supported on %s", key.Property, s.Path)
	}
	return s.Items(c).Get(c.Ctx, c.Tenant(), key.Text)
}

// visible reports whether the caller's role sees v.
func (s Set[T]) visible(c *Call, v T) bool {
	return s.Tags == nil || s.Actions.Read == "" || c.May(s.Actions.Read, *s.Tags(&v))
}

// Get answers the object that the path names.
func (s Set[T]) Get(c *Call) error {
	if err := c.Expandable(s.Expands); err != nil {
		return err
	}
	v, err := s.One(c)
	if err != nil {
		return err
	}
	return s.Answer(c, http.StatusOK, v)
}

// Answer answers one object.
func (s Set[T]) Answer(c *Call, status int, v T) error {
	row, err := s.row(c, v)
	if err != nil {
		return err
	}
	return c.One(status, s.Path, row)
}

func (s Set[T]) row(c *Call, v T) (Row, error) {
	seen, err := s.View(c, v)
	return Row{ID: s.ID(v), View: seen, Expand: func(e odata.Expansion) (any, error) { return s.Expand(c, v, e) }}, err
}

func (s Set[T]) list(c *Call) error { return c.Answer(s.List(c)) }

// List is the set as a list that the caller may query.
func (s Set[T]) List(c *Call) List {
	l := List{Path: s.Path, Kind: s.Kind, Directory: s.Directory, Expands: s.Expands, Page: func(after string, limit int) ([]Row, error) {
		return s.page(c, after, limit)
	}}
	if s.Tags == nil && s.Kept == nil {
		l.Count = func() (int, error) { return s.Items(c).Count(c.Ctx, c.Tenant()) }
	}
	return l
}

// page reads on until it has limit rows that the caller may see.
func (s Set[T]) page(c *Call, after string, limit int) ([]Row, error) {
	q := admin.Query{After: after, Limit: limit}
	if name, ok := c.Options.Filter.Equals(s.Name); ok && s.Name != "" {
		q.Name = name
	}
	var rows []Row
	for {
		batch, err := s.Items(c).List(c.Ctx, c.Tenant(), q)
		if err != nil {
			return nil, err
		}
		for _, v := range batch {
			q.After = s.ID(v)
			if !s.visible(c, v) || s.Kept != nil && !s.Kept(c, v) {
				continue
			}
			row, err := s.row(c, v)
			if err != nil {
				return nil, err
			}
			if rows = append(rows, row); len(rows) == limit {
				return rows, nil
			}
		}
		if len(batch) < q.Limit {
			return rows, nil
		}
	}
}

func (s Set[T]) create(c *Call) error {
	o, err := s.body(c)
	if err != nil {
		return err
	}
	return s.Create(c, o)
}

// Create makes an object of o, which was read and checked, and answers it.
func (s Set[T]) Create(c *Call, o *odata.Object) error {
	var none T
	v, err := s.store(c, o, none)
	if err != nil {
		return err
	}
	return s.Answer(c, http.StatusCreated, v)
}

func (s Set[T]) body(c *Call) (*odata.Object, error) {
	if s.First == nil {
		return c.Body(s.Kind)
	}
	return c.Body(s.Kind, s.First)
}

// Patch changes the object that the path names as the body says.
func (s Set[T]) Patch(c *Call) error {
	o, err := s.body(c)
	if err != nil {
		return err
	}
	v, err := s.Change(c, o)
	if err != nil {
		return err
	}
	if s.Patched == http.StatusOK {
		return s.Answer(c, http.StatusOK, v)
	}
	return c.NoContent()
}

// Change applies o to the object that the path names. When someone else
// changed it meanwhile, it applies o to what they left, unless the caller named
// the version to change.
func (s Set[T]) Change(c *Call, o *odata.Object) (v T, err error) {
	for range attempts {
		old, err := s.One(c)
		if err != nil {
			return v, err
		}
		if err := c.ifMatch(s.Revision(old)); err != nil {
			return v, err
		}
		v, err = s.store(c, o, old)
		if fault.KindOf(err) != fault.Conflict {
			return v, err
		}
		if c.conditional() {
			return v, preconditionFailed()
		}
		if now, again := s.One(c); again != nil || s.Revision(now) == s.Revision(old) {
			return v, err // not overtaken: the conflict is with another object
		}
	}
	return v, fault.New(fault.Unavailable, "the object keeps changing; try again")
}

// store applies o to old and saves the outcome.
func (s Set[T]) store(c *Call, o *odata.Object, old T) (T, error) {
	v := old
	s.Take(c, o, &v)
	if err := o.Err(); err != nil {
		return v, err
	}
	if err := s.tagged(c, old, &v); err != nil {
		return v, err
	}
	if s.Guard != nil {
		if err := s.Guard(c, o, old, v); err != nil {
			return v, err
		}
	}
	if s.Save != nil {
		return s.Save(c, o, v)
	}
	return s.Items(c).Save(c.Ctx, v)
}

// tagged keeps a caller inside its scope tags: what it creates carries them, it
// changes nothing that it does not cover, gives and takes no tag that it does
// not have, and moves nothing out of its sight.
func (s Set[T]) tagged(c *Call, old T, v *T) error {
	if s.Tags == nil || c.Authority.All {
		return nil
	}
	action, tags, before := s.Actions.Update, s.Tags(v), slices.Clone(*s.Tags(&old))
	if s.Revision(old) == 0 {
		action = s.Actions.Create
		if held, all := c.Authority.Tags(action); len(*tags) == 0 && !all {
			*tags = held
		}
	} else if !c.May(action, before) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; your role does not cover the scope tags %v of this object", before)
	}
	if len(*tags) == 0 {
		*tags = []string{directory.DefaultScopeTag} // which it will carry
	}
	for _, tag := range slices.Concat(*tags, before) {
		if slices.Contains(*tags, tag) != slices.Contains(before, tag) && !c.May(action, []string{tag}) {
			return fault.New(fault.Forbidden, "roleScopeTagIds gives or takes %q, which your role does not have", tag)
		}
	}
	if !c.May(action, *tags) {
		return fault.New(fault.Forbidden, "roleScopeTagIds is %v; keep one that your role has, or you could not see the object any more", *tags)
	}
	return nil
}

// Restore makes an object again what it was at a revision, if the caller could
// make that change, or create the object when it is gone.
func (s Set[T]) Restore(c *Call, id string, revision int64) (T, error) {
	return s.Items(c).Restore(c.Ctx, c.Tenant(), id, revision, func(now T, v *T) error {
		if err := s.tagged(c, now, v); err != nil || s.Guard == nil {
			return err
		}
		return s.Guard(c, nil, now, *v)
	})
}

// Delete deletes the object that the path names.
func (s Set[T]) Delete(c *Call) error {
	v, err := s.One(c)
	if err != nil {
		return err
	}
	if err := c.ifMatch(s.Revision(v)); err != nil {
		return err
	}
	if s.Tags != nil && !c.May(s.Actions.Delete, *s.Tags(&v)) {
		return fault.New(fault.Forbidden, "insufficient privileges to complete the operation; your role does not cover the scope tags of this object")
	}
	if s.Guard != nil {
		if err := s.Guard(c, nil, v, v); err != nil {
			return err
		}
	}
	if err := s.Items(c).Delete(c.Ctx, c.Tenant(), s.ID(v)); err != nil {
		return err
	}
	return c.NoContent()
}

// Act serves an action that changes a part of an object: its body is taken over
// by take instead of the set's own.
func (s Set[T]) Act(take func(c *Call, o *odata.Object, v *T)) func(c *Call) error {
	s.Take = take
	return func(c *Call) error {
		o, err := c.Parameters(s.Kind)
		if err != nil {
			return err
		}
		if _, err := s.Change(c, o); err != nil {
			return err
		}
		return c.NoContent()
	}
}
