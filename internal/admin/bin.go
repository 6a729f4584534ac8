package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
)

// KeptDeleted is for how long what was deleted can come back (Graph: soft
// delete of Conditional Access policies and named locations).
const KeptDeleted = 30 * 24 * time.Hour

// DeletedItem is what is kept of a deleted object: itself, as JSON.
type DeletedItem struct {
	ID  string
	At  time.Time // when it was deleted
	Doc json.RawMessage
}

// Bin keeps what was deleted for KeptDeleted. Deleting a Conditional Access
// policy or a named location puts it there, in the same transaction; saving one
// anew under its identifier takes it out.
type Bin interface {
	// DeletedItems lists what is there of a kind, in identifier order.
	// Query.Name does not narrow it.
	DeletedItems(ctx context.Context, t directory.TenantID, kind audit.Kind, q Query) ([]DeletedItem, error)
	// DeletedItem returns one, or fault.NotFound.
	DeletedItem(ctx context.Context, t directory.TenantID, kind audit.Kind, id string) (DeletedItem, error)
	// ForgetDeleted removes one for good, or returns fault.NotFound.
	ForgetDeleted(ctx context.Context, t directory.TenantID, kind audit.Kind, id string, notes ...Note) error
}

// Deleted is an object that was deleted and can come back.
type Deleted[T any] struct {
	Object T
	At     time.Time // when it was deleted
}

// Deleted lists the deleted objects that can come back, in identifier order.
func (c Collection[T]) Deleted(ctx context.Context, t directory.TenantID, q Query) ([]Deleted[T], error) {
	items, err := c.service.store.DeletedItems(ctx, t, c.kind, q)
	if err != nil {
		return nil, err
	}
	out := make([]Deleted[T], len(items))
	for i, item := range items {
		if out[i], err = c.opened(item); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// GetDeleted returns one deleted object, or fault.NotFound.
func (c Collection[T]) GetDeleted(ctx context.Context, t directory.TenantID, id string) (Deleted[T], error) {
	item, err := c.service.store.DeletedItem(ctx, t, c.kind, id)
	if err != nil {
		return Deleted[T]{}, err
	}
	return c.opened(item)
}

func (c Collection[T]) opened(item DeletedItem) (Deleted[T], error) {
	d := Deleted[T]{At: item.At}
	if err := json.Unmarshal(item.Doc, &d.Object); err != nil {
		return d, fmt.Errorf("deleted %s %q: %w", c.kind, item.ID, err)
	}
	return d, nil
}

// Undelete saves a deleted object again, under its identifier and as it was, by
// the rules of today. fault.NotFound when it is not kept any more, fault.Invalid
// when it breaks a rule by now: what it refers to may be gone.
func (c Collection[T]) Undelete(ctx context.Context, t directory.TenantID, id string) (T, error) {
	d, err := c.GetDeleted(ctx, t, id)
	if err != nil {
		return d.Object, err
	}
	v, at := d.Object, *c.created(&d.Object)
	c.renew(&v, 0)
	judge := c.check
	c.check = func(ctx context.Context, old, v *T) error {
		err := judge(ctx, old, v)
		*c.created(v) = at
		return err
	}
	return c.put(ctx, v, "restored from what was deleted")
}

// Purge removes a deleted object for good, or returns fault.NotFound. Its history
// stays on record.
func (c Collection[T]) Purge(ctx context.Context, t directory.TenantID, id string) error {
	d, err := c.GetDeleted(ctx, t, id)
	if err != nil {
		return err
	}
	e := c.service.entry(audit.Delete, c.kind, c.describe(&d.Object))
	e.Activity = "deleted for good"
	if e.Before, err = c.record(&d.Object); err != nil {
		return err
	}
	return c.service.store.ForgetDeleted(ctx, t, c.kind, id, Note{Entry: &e})
}
