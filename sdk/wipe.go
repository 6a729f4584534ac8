package sdk

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

// What an order may ask for (wire.WipeOrder).
const (
	actionWipe        = "wipe"
	actionDiagnostics = "diagnostics"
)

// Orders fetches what waits for this app and carries it out: a wipe first, and
// diagnostics that are asked for. Every order is verified; one whose action is
// not known here is left alone. A wipe is resumed after a crash, and acknowledged
// with a receipt that the device key signs. It reports whether a wipe was
// completed.
func (c *Client) Orders(ctx context.Context) (wiped bool, err error) {
	release, err := c.alone()
	if err != nil {
		return false, err
	}
	defer release()
	switch s := c.snapshot(); {
	case s.Wiping != nil:
		return true, c.finishWipe(ctx)
	case s.Registration == "":
		return !s.WipedAt.IsZero(), nil
	}
	var ops wire.Operations
	if _, err := c.do(ctx, call{method: http.MethodGet, path: c.path("/operations"), out: &ops}); err != nil {
		return false, err
	}
	var errs []error
	var asked []string // for diagnostics
	for _, op := range ops.Value {
		action, err := c.verifyOrder(op)
		switch {
		case err != nil: // it must not stand in the way of a good one
			c.note("order refused: " + c.plain(err))
			errs = append(errs, fmt.Errorf("sdk: order %s is refused, nothing is deleted: %w", op.ID, err))
		case action == actionWipe:
			c.note("order: wipe")
			if err := c.update(func(s *state) { s.Wiping = &wiping{Operation: op.ID} }); err != nil {
				return false, err
			}
			return true, c.finishWipe(ctx)
		case action == actionDiagnostics:
			asked = append(asked, op.ID)
		default: // a newer service
			c.note("order ignored: its action is not known here")
		}
	}
	for _, id := range asked {
		errs = append(errs, c.answerDiagnostics(ctx, id))
	}
	return false, errors.Join(errs...)
}

// alone keeps everyone else, also other processes, from carrying out orders and
// from signing out, and reads what they did.
func (c *Client) alone() (release func(), err error) {
	if release, err = disk.Lock(c.cfg.Dir, "order.lock"); err != nil {
		return nil, err
	}
	if err := c.reload(); err != nil {
		release()
		return nil, err
	}
	return release, nil
}

// verifyOrder accepts an order of our service for this very registration and
// key, and returns what it asks for.
func (c *Client) verifyOrder(op wire.Operation) (action string, err error) {
	s := c.snapshot()
	var o wire.WipeOrder
	if err := c.opens(s, wire.TypeWipeOrder, op.Order, &o); err != nil {
		return "", err
	}
	want := wire.WipeOrder{
		Issuer: c.cfg.Authority, Operation: op.ID, IssuedAt: o.IssuedAt, Tenant: s.Tenant, User: s.User,
		Registration: s.Registration, Device: s.Device, KeyThumb: c.key.JKT, Action: o.Action,
	}
	if o != want {
		return "", errors.New("it is from another service, or for another account, app or PC")
	}
	return o.Action, nil
}

// finishWipe carries a verified wipe to its end: key, files, the app's own
// data, receipt, registration. Every step may be repeated.
func (c *Client) finishWipe(ctx context.Context) error {
	s := c.snapshot()
	again := func(next *state) { next.Wiping = &wiping{Operation: s.Wiping.Operation} }
	if s.Wiping.Receipt == "" {
		done, err := c.wipe(ctx, s)
		if err != nil {
			return err
		}
		if err := c.update(func(s *state) { s.Wiping = &done }); err != nil {
			return err
		}
		s = c.snapshot()
	}
	path := c.path("/operations/" + url.PathEscape(s.Wiping.Operation) + "/receipt")
	status, err := c.do(ctx, call{method: http.MethodPost, path: path, in: wire.ReceiptEnvelope{Receipt: s.Wiping.Receipt}})
	if status == http.StatusBadRequest { // a wrong clock, for example: sign anew next time
		return errors.Join(err, c.update(again))
	}
	if err != nil && status != http.StatusNotFound { // not found: it was acknowledged and forgotten
		return err
	}
	if !s.Wiping.succeeded() { // the service knows; what was in the way is tried again
		if err := c.update(again); err != nil {
			return err
		}
		return errors.New("sdk: not everything could be removed yet; it is tried again")
	}
	if err := c.forgetSent(); err != nil {
		return err
	}
	now := c.cfg.Now().UTC()
	return c.update(func(s *state) { *s = state{LatestAt: s.LatestAt, WipedAt: now} })
}

// wipe removes everything once and signs what became of it.
func (c *Client) wipe(ctx context.Context, s state) (done wiping, err error) {
	done = wiping{Operation: s.Wiping.Operation}
	gone := func(name string, err error) {
		item := wire.WipeItem{Name: name, Removed: err == nil}
		if err != nil {
			item.Detail = err.Error()
		}
		done.Items = append(done.Items, item)
	}
	gone("sealed organisation files and their key", c.vault.Wipe())
	gone("tokens", c.update(func(s *state) { s.RefreshToken, s.SignedPolicy, s.Lease = "", "", "" }))
	c.forgetToken()
	if c.cfg.OnWipe != nil {
		done.Items = append(done.Items, c.cfg.OnWipe(ctx)...)
	}
	if err := ctx.Err(); err != nil && !done.succeeded() {
		return done, err // interrupted, which is not failed: the next start goes on
	}
	done.Receipt, err = c.key.Sign(wire.TypeWipeReceipt, false, wire.WipeReceipt{
		Operation: done.Operation, Registration: s.Registration, FinishedAt: c.cfg.Now().Unix(),
		Succeeded: done.succeeded(), Items: done.Items,
	})
	return done, err
}

// succeeded reports whether everything is gone.
func (w wiping) succeeded() bool {
	return !slices.ContainsFunc(w.Items, func(i wire.WipeItem) bool { return !i.Removed })
}

// enforce carries out a wipe that this device found due by itself, such as at the
// end of the offline grace, and finishes one that was cut short: files and policy
// go, and the registration stays, so that the service hears of it and may order
// the rest. A sign-out that was cut short goes on.
func (c *Client) enforce(ctx context.Context) error {
	if c.snapshot().Leaving {
		return c.SignOut(ctx)
	}
	if c.Decide().Action != "wipe" && !c.snapshot().Removing {
		return nil
	}
	return c.removeAll(ctx)
}

// removeAll removes the organisation's data without an order: nobody waits for a
// receipt. It is remembered until everything is gone, and access is cut until then.
func (c *Client) removeAll(ctx context.Context) error {
	if err := c.update(func(s *state) { s.Removing, s.SignedPolicy, s.Lease = true, "", "" }); err != nil {
		return err
	}
	err := c.vault.Wipe()
	if c.cfg.OnWipe != nil {
		for _, i := range c.cfg.OnWipe(ctx) {
			if !i.Removed {
				err = errors.Join(err, fmt.Errorf("sdk: %s could not be removed: %s", i.Name, i.Detail))
			}
		}
	}
	if err != nil {
		return err
	}
	return c.update(func(s *state) { s.Removing = false })
}
