package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/gate"
	"github.com/postern-mam/postern/internal/geoip"
	"github.com/postern-mam/postern/internal/httpapi/mamapi"
	"github.com/postern-mam/postern/internal/idp"
	"github.com/postern-mam/postern/internal/keystore"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/mtd"
	"github.com/postern-mam/postern/internal/outbox"
	"github.com/postern-mam/postern/internal/prover"
	"github.com/postern-mam/postern/internal/report"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/tunnel"
)

const databaseFile = "postern.db"

// house is the whole service, wired: from the cellar up to the doors.
type house struct {
	base string // public URL, scheme and host
	now  func() time.Time
	log  *slog.Logger
	ops  *operations

	sealer    *keystore.Sealer
	authority *keystore.Authority
	store     *store.Store
	places    *geoip.Database // nil: no file was named

	gate   *gate.Service
	prover *prover.Service
	idp    *idp.Service
	mam    *mam.Service
	mtd    *mtd.Service
	admin  *admin.Service
	tunnel *tunnel.Service
	report *report.Service
	hub    *mamapi.Hub

	trusted []netip.Prefix // proxies whose X-Forwarded-For counts

	cuts        *outbox.Dispatcher // ends what is open
	follows     *outbox.Dispatcher // brings up to date what is for display
	handler     http.Handler
	tls         *tls.Config
	done        chan struct{} // closed when streams must end
	stopStreams func()
}

// build opens the cellar and wires rooms and doors. base is the public URL.
func build(ctx context.Context, c *ServeCmd, base string, log *slog.Logger) (*house, error) {
	h := &house{base: base, now: c.now, log: log, ops: newOperations(), done: make(chan struct{})}
	if h.now == nil {
		h.now = func() time.Time { return time.Now().UTC() }
	}
	h.stopStreams = func() { close(h.done) }
	if err := h.openCellar(ctx, c); err != nil {
		return nil, err
	}
	if err := h.furnish(c); err != nil {
		h.close(log)
		return nil, err
	}
	if err := h.openDoors(ctx, c); err != nil {
		h.close(log)
		return nil, err
	}
	return h, nil
}

// openCellar opens keys and database.
func (h *house) openCellar(ctx context.Context, c *ServeCmd) (err error) {
	if h.sealer, err = keystore.OpenSealer(c.Data); err != nil {
		return err
	}
	// Certificates are judged by the clock on the wall, also in the demonstration.
	if h.authority, err = keystore.OpenAuthority(c.Data, h.sealer, time.Now); err != nil {
		return err
	}
	if h.places, err = openPlaces(c, h.log); err != nil {
		return err
	}
	o := store.Options{Path: filepath.Join(c.Data, databaseFile), DatabaseURL: c.Database, Now: h.now}
	if c.Database != "" {
		o.Path = ""
	}
	h.store, err = store.Open(ctx, o)
	return err
}

// furnish builds the rooms and connects them.
func (h *house) furnish(c *ServeCmd) (err error) {
	if h.gate, err = gate.New(gate.Options{Store: h.store.Gate(), Country: h.country, ProofFor: c.ProofFor, Now: h.now}); err != nil {
		return err
	}
	h.idp, err = idp.New(idp.Config{
		Store: h.store.IDP(), Keys: h.store.Keys(), Gate: h.gate, Sealer: h.sealer, Issuer: h.base, ProofFor: c.ProofFor, Now: h.now,
	})
	if err != nil {
		return err
	}
	h.mam, err = mam.New(mam.Config{
		Store: h.store.MAM(), Signer: h.idp, Issuer: h.base, OrderKeys: h.idp.JWKS, Now: h.now,
	})
	if err != nil {
		return err
	}
	if h.mtd, err = mtd.New(mtd.Config{Store: h.store.MTD(), Now: h.now}); err != nil {
		return err
	}
	issuer, err := url.Parse(h.base)
	if err != nil {
		return err
	}
	if h.prover, err = prover.New(h.store.Prover()); err != nil {
		return err
	}
	h.admin, err = admin.New(admin.Config{Store: h.store.Admin(), Passwords: h.idp, Lockouts: h.prover, IssuerHost: issuer.Hostname(), Now: h.now})
	if err != nil {
		return err
	}
	if h.report, err = report.New(report.Config{Store: h.store.Reports(), Now: h.now}); err != nil {
		return err
	}
	h.tunnel, err = tunnel.New(tunnel.Config{Store: h.store.Tunnel(), Gate: h.gate, SignIns: h.idp, Recorder: h.gate, Now: h.now})
	return err
}

// dispatch connects the rooms that react to events, in two lines: what is open
// is cut in the first, however long the second takes to judge a large tenant
// anew.
func (h *house) dispatch(ctx context.Context) (err error) {
	line := func(handlers ...event.Handler) (*outbox.Dispatcher, error) {
		return outbox.New(ctx, outbox.Config{Store: h.store.Outbox(), Handlers: handlers, Hints: h.store.Hints(), Log: h.log})
	}
	if h.cuts, err = line(h.tunnel.OnEvent, h.hub.OnEvent, h.idp.OnEvent); err != nil {
		return err
	}
	h.follows, err = line(h.mam.OnEvent)
	return err
}

// open founds the first tenant on an empty database and brings bootstrap.json
// up to date. first tells that this was the first start.
func (h *house) open(ctx context.Context, c *ServeCmd, ops net.Addr) (b bootstrap, first bool, err error) {
	b = bootstrap{
		GraphEndpoint: h.base, CACertificate: h.authority.Path(), OpsEndpoint: "http://" + ops.String(),
		path: filepath.Join(c.Data, bootstrapFile),
	}
	address := func(t directory.TenantID) {
		b.TenantID, b.Authority = string(t), h.base+"/"+string(t)
	}
	tenant, err := h.store.FirstTenant(ctx)
	switch {
	case err == nil:
		address(tenant.ID)
		if b, err = refreshed(c.Data, b); err != nil {
			return b, false, err
		}
		return b, false, b.write()
	case fault.KindOf(err) != fault.NotFound:
		return b, false, err
	}
	_, err = h.admin.Found(ctx, admin.FoundRequest{BaseURL: h.base, Keep: func(f admin.Bootstrap) error {
		address(f.Tenant)
		b.ClientID, b.ClientSecret = string(f.ClientID), f.ClientSecret
		b.AdminUserPrincipalName, b.AdminPassword = f.AdminUserPrincipalName, f.AdminPassword
		return b.write()
	}})
	if err != nil {
		return b, false, fmt.Errorf("first start: %w", err)
	}
	return b, true, nil
}

// close shuts the cellar.
func (h *house) close(log *slog.Logger) {
	if err := h.store.Close(); err != nil && !errors.Is(err, context.Canceled) {
		log.Error("closing the database", slog.Any("err", err))
	}
}
