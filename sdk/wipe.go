package sdk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-jose/go-jose/v4"

	"github.com/postern-mam/postern/wire"
)

// Orders fetches what waits for this app and carries it out. A wipe is verified
// before anything is deleted, resumed after a crash, and acknowledged with a
// receipt that the device key signs. It reports whether a wipe was completed.
func (c *Client) Orders(ctx context.Context) (wiped bool, err error) {
	if c.snapshot().Wiping != nil {
		return true, c.finishWipe(ctx)
	}
	if c.snapshot().Registration == "" {
		return false, nil
	}
	var ops wire.Operations
	if _, err := c.do(ctx, call{method: http.MethodGet, path: c.path("/operations"), out: &ops}); err != nil {
		return false, err
	}
	for _, op := range ops.Value {
		if err := c.verifyOrder(op); err != nil {
			return false, fmt.Errorf("sdk: order %s is refused, nothing is deleted: %w", op.ID, err)
		}
		if err := c.update(func(s *state) { s.Wiping = &wiping{Operation: op.ID} }); err != nil {
			return false, err
		}
		return true, c.finishWipe(ctx)
	}
	return false, nil
}

// verifyOrder accepts an order of our service for this very registration and key.
func (c *Client) verifyOrder(op wire.Operation) error {
	s := c.snapshot()
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal(s.OrderKeys, &keys); err != nil {
		return errors.New("the keys that verify orders are damaged")
	}
	jws, err := jose.ParseSignedCompact(op.Order, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		return errors.New("it is no JWS signed with ES256")
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != wire.TypeWipeOrder {
		return errors.New("it is not a wipe order")
	}
	var payload []byte
	for _, k := range keys.Key(header.KeyID) {
		if payload, err = jws.Verify(k); err == nil {
			break
		}
	}
	if payload == nil {
		return errors.New("it is not signed by the service that this app enrolled with")
	}
	var o wire.WipeOrder
	if err := json.Unmarshal(payload, &o); err != nil {
		return err
	}
	want := wire.WipeOrder{
		Issuer: c.cfg.Authority, Operation: op.ID, IssuedAt: o.IssuedAt, Tenant: s.Tenant, User: s.User,
		Registration: s.Registration, Device: s.Device, KeyThumb: c.key.jkt, Action: "wipe",
	}
	// The address of the service may have changed since enrolment; who signed it
	// and for whom may not.
	o.Issuer = want.Issuer
	if o != want {
		return errors.New("it is for another account, app or PC")
	}
	return nil
}

// finishWipe carries a verified wipe to its end: key, files, the app's own
// data, receipt, registration. Every step may be repeated.
func (c *Client) finishWipe(ctx context.Context) error {
	s := c.snapshot()
	if s.Wiping.Receipt == "" {
		receipt, items, err := c.wipe(ctx, s)
		if err != nil {
			return err
		}
		if err := c.update(func(s *state) { s.Wiping = &wiping{s.Wiping.Operation, items, receipt} }); err != nil {
			return err
		}
		s = c.snapshot()
	}
	path := c.path("/operations/" + url.PathEscape(s.Wiping.Operation) + "/receipt")
	status, err := c.do(ctx, call{method: http.MethodPost, path: path, in: wire.ReceiptEnvelope{Receipt: s.Wiping.Receipt}})
	if err != nil && status != http.StatusNotFound { // not found: it was acknowledged and forgotten
		return err
	}
	now := c.cfg.Now().UTC()
	return c.update(func(s *state) { *s = state{LatestAt: s.LatestAt, WipedAt: now} })
}

func (c *Client) wipe(ctx context.Context, s state) (receipt string, items []wire.WipeItem, err error) {
	gone := func(name string, err error) {
		item := wire.WipeItem{Name: name, Removed: err == nil}
		if err != nil {
			item.Detail = err.Error()
		}
		items = append(items, item)
	}
	gone("sealed organisation files and their key", c.vault.Wipe())
	gone("tokens", c.update(func(s *state) { s.RefreshToken, s.HasPolicy = "", false }))
	c.mu.Lock()
	c.token = accessToken{}
	c.mu.Unlock()
	if c.cfg.OnWipe != nil {
		items = append(items, c.cfg.OnWipe(ctx)...)
	}
	r := wire.WipeReceipt{
		Operation: s.Wiping.Operation, Registration: s.Registration, FinishedAt: c.cfg.Now().Unix(), Succeeded: true, Items: items,
	}
	for _, i := range items {
		r.Succeeded = r.Succeeded && i.Removed
	}
	receipt, err = c.key.sign(wire.TypeWipeReceipt, false, r)
	return receipt, items, err
}
