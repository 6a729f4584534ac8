package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
)

// Collection administers the objects of one kind.
type Collection[T any] struct {
	service *Service
	kind    audit.Kind
	objects Objects[T]
	// check completes and judges what is to be saved; old is nil for a new
	// object. An identifier that a new object has already is kept.
	check func(ctx context.Context, old, v *T) error
	// spare refuses what must not be deleted; nil refuses nothing.
	spare func(ctx context.Context, v T) error
	// announce says what a change from old, which may be nil, to v means to others.
	announce func(old, v *T) event.Event
	// reach says whom a change from old to v can affect, where announce cannot
	// know; nil: announce does.
	reach func(ctx context.Context, old, v *T) (*event.Reach, error)
	// bereave says what a deletion means to others; nil: what reach says.
	bereave  func(ctx context.Context, v T) ([]event.Event, error)
	describe func(v *T) subject
	// redact removes secrets for the record; nil: there are none.
	redact func(v T) T
	// restorable objects come back from the record, with renew's revision.
	restorable bool
	renew      func(v *T, revision int64)
	// admits refuses what would lock out every administrator, of what is right
	// otherwise: v is nil when old is deleted, old when v is new; nil: it cannot.
	admits func(ctx context.Context, old, v *T) error
	// judged says that nothing of the tenant's configuration may change between the
	// judgement of a change and its save.
	judged bool
	// created is when an object came to be, which it keeps when it comes back from
	// the bin; nil: objects of this kind are not kept there.
	created func(v *T) *time.Time
}

// subject is what the room needs to know of an object of any kind.
type subject struct {
	tenant    directory.TenantID
	id        string
	revision  int64
	name      string
	scopeTags []string
}

// Get returns one object, or fault.NotFound.
func (c Collection[T]) Get(ctx context.Context, t directory.TenantID, id string) (T, error) {
	return c.objects.Get(ctx, t, id)
}

// List returns objects in identifier order.
func (c Collection[T]) List(ctx context.Context, t directory.TenantID, q Query) ([]T, error) {
	return c.objects.List(ctx, t, q)
}

// Count returns how many objects there are.
func (c Collection[T]) Count(ctx context.Context, t directory.TenantID) (int, error) {
	return c.objects.Count(ctx, t)
}

// Save creates v (Revision 0) or changes it if it is still at its revision. It
// returns what was stored; fault.Invalid when v breaks a rule, fault.Conflict
// when it moved or a unique name is taken.
func (c Collection[T]) Save(ctx context.Context, v T) (T, error) {
	return c.put(ctx, v, "")
}

// put is Save, on record as an activity unless that is "".
func (c Collection[T]) put(ctx context.Context, v T, activity string) (stored T, err error) {
	save := func(basis int64) error {
		stored = v
		note, err := c.prepare(ctx, &stored)
		if err != nil {
			return err
		}
		if activity != "" {
			note.Entry.Activity = activity
		}
		note.Basis = basis
		stored, err = c.objects.Save(ctx, stored, note)
		return err
	}
	if !c.judged {
		return stored, save(0)
	}
	return stored, c.service.judge(ctx, c.describe(&v).tenant, save)
}

// right checks and completes v, and asks whether an administrator still gets in.
func (c Collection[T]) right(ctx context.Context, old, v *T) error {
	if err := c.check(ctx, old, v); err != nil || c.admits == nil {
		return err
	}
	return c.admits(ctx, old, v)
}

// prepare checks v and returns what is to be kept with the change.
func (c Collection[T]) prepare(ctx context.Context, v *T) (Note, error) {
	about := c.describe(v)
	if about.revision == 0 {
		if err := c.right(ctx, nil, v); err != nil {
			return Note{}, err
		}
		return c.note(audit.Create, nil, v)
	}
	old, err := c.objects.Get(ctx, about.tenant, about.id)
	if err != nil {
		return Note{}, err
	}
	if err := c.right(ctx, &old, v); err != nil {
		return Note{}, err
	}
	note, err := c.note(audit.Change, &old, v)
	if err == nil && c.reach != nil {
		err = c.narrow(ctx, &note, &old, v)
	}
	return note, err
}

// narrow says whom a change of configuration can affect.
func (c Collection[T]) narrow(ctx context.Context, n *Note, old, v *T) error {
	reach, err := c.reach(ctx, old, v)
	if err != nil {
		return err
	}
	for i, e := range n.Events {
		if e, ok := e.(event.ConfigChanged); ok {
			e.Reach = reach
			n.Events[i] = e
		}
	}
	return nil
}

// note is what is kept with a change from old to v, one of which may be nil.
func (c Collection[T]) note(op audit.Operation, old, v *T) (Note, error) {
	there := v
	if v == nil {
		there = old
	}
	about := c.describe(there)
	e := c.service.entry(op, c.kind, about)
	var err error
	if e.Before, err = c.record(old); err != nil {
		return Note{}, err
	}
	if e.After, err = c.record(v); err != nil {
		return Note{}, err
	}
	if v != nil {
		e.Revision = about.revision + 1
	}
	return Note{Events: []event.Event{c.announce(old, there)}, Entry: &e}, nil
}

// record is an object as the record keeps it.
func (c Collection[T]) record(v *T) (json.RawMessage, error) {
	if v == nil {
		return nil, nil
	}
	shown := *v
	if c.redact != nil {
		shown = c.redact(shown)
	}
	doc, err := json.Marshal(shown)
	if err != nil {
		return nil, fmt.Errorf("record of %s: %w", c.kind, err)
	}
	return doc, nil
}

// entry begins an entry of the record in the actor's name.
func (s *Service) entry(op audit.Operation, kind audit.Kind, about subject) audit.Entry {
	e := audit.Entry{
		ID: newID(), Tenant: about.tenant, At: s.now(), Actor: s.actor, Operation: op, Kind: kind, Target: about.id, Name: about.name,
		ScopeTags: about.scopeTags,
	}
	if s.forced {
		e.Activity = "forced, whether an admin still gets in or not"
	}
	return e
}

// Delete removes an object with everything that cannot be without it;
// fault.NotFound when there is none, fault.Invalid when it must stay. Who changes
// it meanwhile is not overlooked: it is judged again, and so it is on record.
func (c Collection[T]) Delete(ctx context.Context, t directory.TenantID, id string) error {
	overtaken := func(basis int64) (err error) {
		for range attempts {
			if err = c.remove(ctx, t, id, basis); fault.KindOf(err) != fault.Conflict || moved(err) {
				return err
			}
		}
		return err
	}
	if !c.judged {
		return overtaken(0)
	}
	return c.service.judge(ctx, t, overtaken)
}

func (c Collection[T]) remove(ctx context.Context, t directory.TenantID, id string, basis int64) error {
	v, err := c.objects.Get(ctx, t, id)
	if err != nil {
		return err
	}
	if c.spare != nil {
		if err := c.spare(ctx, v); err != nil {
			return err
		}
	}
	if c.admits != nil {
		if err := c.admits(ctx, &v, nil); err != nil {
			return err
		}
	}
	note, err := c.note(audit.Delete, &v, nil)
	if err == nil && c.bereave != nil {
		note.Events, err = c.bereave(ctx, v)
	}
	if err != nil {
		return err
	}
	note.Seen, note.Basis = c.describe(&v).revision, basis
	return c.objects.Delete(ctx, t, id, note)
}

// All visits every object of a tenant in identifier order until visit returns
// false.
func (c Collection[T]) All(ctx context.Context, t directory.TenantID, visit func(T) bool) error {
	const size = 200
	after := ""
	for {
		batch, err := c.objects.List(ctx, t, Query{After: after, Limit: size})
		if err != nil {
			return err
		}
		for _, v := range batch {
			if !visit(v) {
				return nil
			}
			after = c.describe(&v).id
		}
		if len(batch) < size {
			return nil
		}
	}
}

// History lists what happened to one object, newest first. It outlives the object.
func (c Collection[T]) History(ctx context.Context, t directory.TenantID, id string, q EntryQuery) ([]audit.Entry, error) {
	q.Kinds, q.Target = []audit.Kind{c.kind}, id
	return c.service.store.Entries(ctx, t, q)
}

// Restore saves what an object was at a revision again, as a new revision, by
// the rules of today. An object that was deleted comes back under its
// identifier, and its revisions are counted anew: of two alike, the later one is
// meant. Each of may can refuse a change from what is there now, zero when
// nothing is, to what was. fault.NotFound when the record has no such revision.
func (c Collection[T]) Restore(ctx context.Context, t directory.TenantID, id string, revision int64, may ...func(now T, v *T) error) (T, error) {
	var v T
	if !c.restorable {
		return v, fault.New(fault.Invalid, "objects of the kind %s cannot be restored", c.kind)
	}
	q := EntryQuery{Limit: 100}
	for revision > 0 {
		entries, err := c.History(ctx, t, id, q)
		if err != nil {
			return v, err
		}
		for _, e := range entries {
			if e.Revision != revision || len(e.After) == 0 {
				continue
			}
			return c.restore(ctx, t, e, may...)
		}
		if len(entries) < q.Limit {
			break
		}
		q.After = entries[len(entries)-1].ID
	}
	return v, fault.New(fault.NotFound, "the record has no revision %d of %s %q", revision, c.kind, id)
}

func (c Collection[T]) restore(ctx context.Context, t directory.TenantID, e audit.Entry, may ...func(now T, v *T) error) (T, error) {
	var v T
	if err := json.Unmarshal(e.After, &v); err != nil {
		return v, fmt.Errorf("restore %s %q: %w", c.kind, e.Target, err)
	}
	now, err := c.objects.Get(ctx, t, e.Target)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		c.renew(&v, 0)
	case err != nil:
		return v, err
	default:
		c.renew(&v, c.describe(&now).revision)
	}
	for _, judge := range may {
		if err := judge(now, &v); err != nil {
			return v, err
		}
	}
	return c.put(ctx, v, fmt.Sprintf("revision %d restored", e.Revision))
}
