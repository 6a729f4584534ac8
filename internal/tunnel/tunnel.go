// Package tunnel publishes internal web sites: who may pass, asked again at
// every request, and what is cut when that changes.
//
// A pass opens nothing by itself. Admit asks the gate on live state each time;
// events merely end what is already open, such as a stream or a download.
package tunnel

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/oauth"
)

// passFor is how long a browser may keep a pass. It never outlives the sign-in
// session behind it: that is asked at every request.
const passFor = 8 * time.Hour

// maxCookie is more than any cookie of ours has, in bytes.
const maxCookie = 128

// Pass is a browser's session at one published site. It opens nothing by
// itself: every request is decided on the sign-in session behind it.
type Pass struct {
	Hash      string // base64url SHA-256 of the cookie
	Tenant    directory.TenantID
	Site      directory.AppID
	Session   directory.SessionID
	User      directory.UserID
	UserName  string // user principal name, for the upstream
	CreatedAt time.Time
	ExpiresAt time.Time
}

// opens reports whether p is a pass for site.
func (p Pass) opens(site directory.App) bool { return p.Tenant == site.Tenant && p.Site == site.ID }

// Store keeps passes and finds sites.
type Store interface {
	// SiteByHost finds the application published at host, or fault.NotFound.
	SiteByHost(ctx context.Context, host string) (directory.App, error)
	// Pass returns fault.NotFound when unknown.
	Pass(ctx context.Context, hash string) (Pass, error)
	// SavePass stores a new pass.
	SavePass(ctx context.Context, p Pass) error
	// DeletePass forgets a pass; forgetting none is not an error.
	DeletePass(ctx context.Context, hash string) error
}

// Gate decides. The hall connects it to the gate room.
type Gate interface {
	// Decide returns a ruling, or an error that must be treated as a denial.
	Decide(ctx context.Context, r access.Request) (access.Ruling, error)
}

// SignIns redeems the authorization code a site got back. The hall connects it
// to the idp room, which spends the code and checks client, redirect and PKCE.
type SignIns interface {
	// RedeemForSite returns the sign-in session and user behind code.
	RedeemForSite(ctx context.Context, r oauth.Redemption) (directory.SessionID, directory.User, error)
}

// Recorder keeps the sign-in log. The hall connects it to the gate room.
type Recorder interface {
	// Record appends to the log.
	Record(ctx context.Context, r access.Record) error
}

// Config wires a Service. Everything but Now is required.
type Config struct {
	Store    Store
	Gate     Gate
	SignIns  SignIns
	Recorder Recorder
	Now      func() time.Time // zero: time.Now in UTC
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	cfg Config

	mu     sync.Mutex
	events map[directory.TenantID]uint64 // how many were handled
	open   map[*tracked]struct{}         // requests under way
	last   map[string]*entry             // by pass: what was recorded last
	sites  map[string]published          // by host
}

// New returns the room, or every missing dependency joined.
func New(c Config) (*Service, error) {
	var errs []error
	for _, d := range []struct {
		absent bool
		name   string
	}{{c.Store == nil, "Store"}, {c.Gate == nil, "Gate"}, {c.SignIns == nil, "SignIns"}, {c.Recorder == nil, "Recorder"}} {
		if d.absent {
			errs = append(errs, errors.New("tunnel: "+d.name+" is required"))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = func() time.Time { return time.Now().UTC() }
	}
	return &Service{
		cfg: c, events: map[directory.TenantID]uint64{}, open: map[*tracked]struct{}{}, last: map[string]*entry{}, sites: map[string]published{},
	}, nil
}

// Site finds the application published at host (without port), or fault.NotFound.
func (s *Service) Site(ctx context.Context, host string) (directory.App, error) {
	return s.cfg.Store.SiteByHost(ctx, host)
}

// Enter redeems the code that a browser brought back from signing in, and
// returns the value of its pass cookie, which is stored nowhere, and how long
// it serves.
func (s *Service) Enter(ctx context.Context, r oauth.Redemption) (cookie string, expiresAt time.Time, err error) {
	session, user, err := s.cfg.SignIns.RedeemForSite(ctx, r)
	if err != nil {
		return "", time.Time{}, err
	}
	now := s.cfg.Now()
	cookie = rand.Text() + rand.Text()
	p := Pass{
		Hash: oauth.SHA256(cookie), Tenant: r.Tenant, Site: r.Client, Session: session,
		User: user.ID, UserName: user.UserPrincipalName, CreatedAt: now, ExpiresAt: now.Add(passFor),
	}
	return cookie, p.ExpiresAt, s.cfg.Store.SavePass(ctx, p)
}

// Leave forgets the pass of a cookie and cuts what is open by it.
func (s *Service) Leave(ctx context.Context, cookie string) error {
	hash := oauth.SHA256(cookie)
	if err := s.cfg.Store.DeletePass(ctx, hash); err != nil {
		return err
	}
	s.mu.Lock()
	delete(s.last, hash)
	s.mu.Unlock()
	for _, t := range s.find(func(t *tracked) bool { return t.pass.Hash == hash }) {
		t.cut()
	}
	return nil
}

// Visit is one request for a site.
type Visit struct {
	Host          string // without port, in lower case
	Cookie        string // the value of the pass cookie; empty: none came
	UserAgent, IP string
	Background    bool // the browser says that nobody waits for the answer
	CorrelationID string
}

// Admission is what was decided on a visit. Only a granted ruling admits.
type Admission struct {
	Site   directory.App
	Pass   *Pass // nil: nobody is signed in here
	Ruling access.Ruling

	request access.Request
	seen    uint64 // events handled before the decision
}

// Granted reports whether the visit may pass.
func (a Admission) Granted() bool {
	return a.Pass != nil && a.Ruling.Decision.Outcome == access.Granted
}

// Admit decides on a visit from live state. The log gets an entry when a pass
// meets another outcome, or other facts, than the last time in this process. A
// host at which nothing is published is fault.NotFound. An error is a denial.
func (s *Service) Admit(ctx context.Context, v Visit) (Admission, error) {
	known := s.remembered(v.Host)
	p, found, err := s.pass(ctx, v.Cookie)
	if err != nil {
		return Admission{}, err
	}
	if !found || known.site != nil && !p.opens(*known.site) {
		known.site = nil // what only a decision could vouch for
	}
	var site directory.App
	if known.site != nil {
		site = *known.site
	} else if site, err = s.cfg.Store.SiteByHost(ctx, v.Host); err != nil {
		return Admission{}, err
	}
	if !found || !p.opens(site) {
		return Admission{Site: site}, nil
	}
	a := Admission{Pass: &p, request: access.Request{
		Tenant: p.Tenant, Session: p.Session, Client: p.Site, Resources: []directory.AppID{p.Site},
		ClientAppType: access.Browser, UserAgent: v.UserAgent, IP: v.IP, Protocol: "proxy", CorrelationID: v.CorrelationID,
		Background: v.Background, Continues: true,
	}}
	s.mu.Lock()
	a.seen = s.events[p.Tenant]
	s.mu.Unlock()
	if a.Ruling, err = s.cfg.Gate.Decide(ctx, a.request); err != nil {
		return Admission{}, err
	}
	if name := a.Ruling.Record.UserPrincipalName; name != "" {
		p.UserName = name // people are renamed, and names given to others
	}
	if a.Site, err = s.current(ctx, v.Host, known, site, a.Ruling.Basis.Config); err != nil {
		return Admission{}, err
	}
	if !p.opens(a.Site) { // the host is another site's by now
		return Admission{Site: a.Site}, nil
	}
	return a, s.note(ctx, p, a.Ruling)
}

// pass finds the living pass of a cookie.
func (s *Service) pass(ctx context.Context, cookie string) (p Pass, found bool, err error) {
	if cookie == "" || len(cookie) > maxCookie {
		return Pass{}, false, nil
	}
	p, err = s.cfg.Store.Pass(ctx, oauth.SHA256(cookie))
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return Pass{}, false, nil
	}
	return p, err == nil && s.cfg.Now().Before(p.ExpiresAt), err
}
