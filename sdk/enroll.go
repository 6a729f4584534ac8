package sdk

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

// accountDisabled is the Entra code by which the identity service confirms that
// an account is disabled.
const accountDisabled = 50057

// signInLimit is how long a person may take to sign in.
const signInLimit = 10 * time.Minute

// SignIn lets the person sign in: it shows a page through Config.Browser and
// waits for its answer on loopback (RFC 8252), with PKCE and a key-bound code.
func (c *Client) SignIn(ctx context.Context) error {
	if c.cfg.Browser == nil {
		return errors.New("sdk: Config.Browser is required to sign in")
	}
	ctx, cancel := context.WithTimeout(ctx, signInLimit)
	defer cancel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	a := &answer{state: rand.Text(), issuer: c.cfg.Authority + "/v2.0", got: make(chan url.Values, 1)}
	srv := &http.Server{Handler: a, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	defer func() {
		_ = srv.Close()
		<-served
	}()

	verifier := rand.Text() + rand.Text()
	challenge := sha256.Sum256([]byte(verifier))
	redirect := "http://" + ln.Addr().String()
	q := url.Values{
		"client_id": {clientID}, "response_type": {"code"}, "redirect_uri": {redirect}, "state": {a.state},
		"scope":          {wire.EnrollmentScope + " openid offline_access"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
		"dpop_jkt": {c.key.JKT},
	}
	var out departure
	if out.addForm("SignInRequest", q); c.depart(out) != nil {
		return out.err
	}
	if err := c.cfg.Browser(ctx, c.cfg.Authority+"/oauth2/v2.0/authorize?"+q.Encode()); err != nil {
		return fmt.Errorf("sdk: sign-in page: %w", err)
	}
	select {
	case got := <-a.got:
		if code := got.Get("error"); code != "" {
			return &ServiceError{OAuth: code, Problem: wire.Problem{Title: "Sign-in ended", Detail: got.Get("error_description")}}
		}
		return c.askToken(ctx, url.Values{
			"grant_type": {"authorization_code"}, "code": {got.Get("code")}, "code_verifier": {verifier}, "redirect_uri": {redirect},
		})
	case <-ctx.Done():
		return errors.New("sdk: nobody signed in in time")
	}
}

// answer takes the one answer of the sign-in page.
type answer struct {
	state, issuer string
	got           chan url.Values
}

// ServeHTTP accepts the answer to our own request alone.
func (a *answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if r.URL.Path != "/" || subtle.ConstantTimeCompare([]byte(q.Get("state")), []byte(a.state)) != 1 || q.Get("iss") != a.issuer {
		http.Error(w, "This is not the answer that the app waits for.", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, "You are signed in. You can close this page and go back to the app.\n")
	select {
	case a.got <- q:
	default: // the first answer counts
	}
}

// Enroll signs in when nobody is, registers this PC, enrols the app and checks
// in. A wipe or a sign-out under way is finished first, and what another account
// left goes. A refusal is a *ServiceError with reason and steps.
func (c *Client) Enroll(ctx context.Context) error {
	if c.snapshot().Leaving {
		if err := c.SignOut(ctx); err != nil {
			return err
		}
	}
	if c.snapshot().Wiping != nil {
		if _, err := c.Orders(ctx); err != nil {
			return err
		}
	}
	err := c.enroll(ctx)
	if e, ok := errors.AsType[*ServiceError](err); ok && e.Status == http.StatusUnauthorized || ok && e.OAuth != "" {
		if err = c.SignIn(ctx); err == nil {
			err = c.enroll(ctx)
		}
	}
	return err
}

func (c *Client) enroll(ctx context.Context) error {
	m, err := c.cfg.Health.Measure(ctx) // first: nobody signs in for nothing
	if err != nil {
		return fmt.Errorf("sdk: health: %w", err)
	}
	var device wire.Device
	_, err = c.do(ctx, call{method: http.MethodPost, path: wire.PathDevices, token: true, out: &device, in: wire.RegisterDevice{
		DisplayName: m.DisplayName, Platform: "windows", OSVersion: m.OSVersion, Model: m.Model, Manufacturer: m.Manufacturer,
		KeyProtection: c.key.Protection, Management: m.Management,
	}})
	if err != nil {
		return err
	}
	var e struct {
		wire.Enrollment
		OrderKeys json.RawMessage `json:"orderKeys"`
	}
	_, err = c.do(ctx, call{method: http.MethodPost, path: wire.PathRegistrations, token: true, out: &e, in: wire.Enroll{
		DeviceID: device.ID, App: c.cfg.App, AppVersion: c.cfg.AppVersion, SDKVersion: Version,
	}})
	if err != nil {
		return err
	}
	if err := c.makeRoom(ctx, e.TenantID, e.UserID); err != nil {
		return err
	}
	err = c.update(func(s *state) {
		s.Device, s.Registration, s.Tenant, s.User = device.ID, e.RegistrationID, e.TenantID, e.UserID
		s.OrderKeys, s.SignedPolicy, s.Lease = e.OrderKeys, e.Policy.Signed, ""
		s.WipedAt, s.Wiping, s.LastResult, s.LastCheckInAt, s.Ended = time.Time{}, nil, nil, time.Time{}, ""
	})
	if err != nil {
		return err
	}
	_, err = c.CheckIn(ctx)
	return err
}

// makeRoom finishes a removal that was cut short, and removes what belongs to
// another account than the one that enrols now: its files must not open for the
// newcomer.
func (c *Client) makeRoom(ctx context.Context, tenant, user string) error {
	old := c.snapshot()
	if old.Removing {
		if err := c.removeAll(ctx); err != nil {
			return err
		}
	}
	if old.User == "" || old.User == user && old.Tenant == tenant {
		return nil
	}
	if err := c.update(func(s *state) { s.SignedPolicy, s.Lease = "", "" }); err != nil {
		return err
	}
	if old.Tenant == tenant && old.Registration != "" {
		if status, err := c.do(ctx, call{method: http.MethodDelete, path: c.path("")}); err != nil && status != http.StatusNotFound {
			return err
		}
	}
	return c.removeAll(ctx)
}

// noteEnd keeps what the service says of a registration that is no more.
func (c *Client) noteEnd(err error) error {
	e, ok := errors.AsType[*ServiceError](err)
	if !ok || e.Code != "registrationEnded" && e.Code != "wrongKey" || c.snapshot().Wiping != nil {
		return err
	}
	return errors.Join(err, c.update(func(s *state) { s.Ended = e.Detail }))
}

// CheckIn measures, reports, and keeps verdict and policy. It returns the
// verdict of the service.
func (c *Client) CheckIn(ctx context.Context) (wire.CheckInResult, error) {
	var result wire.CheckInResult
	// The service refuses a measurement older than its newest: they go out one
	// after the other, also of several processes.
	release, err := disk.Lock(c.cfg.Dir, "check-in.lock")
	if err != nil {
		return result, err
	}
	defer release()
	if err := c.reload(); err != nil {
		return result, err
	}
	s := c.snapshot()
	if s.Registration == "" {
		return result, errNotEnrolled()
	}
	m, err := c.cfg.Health.Measure(ctx)
	if err != nil {
		return result, fmt.Errorf("sdk: health: %w", err)
	}
	in := wire.CheckIn{
		AppVersion: c.cfg.AppVersion, SDKVersion: Version, OSVersion: m.OSVersion, Management: m.Management, Adapter: m.Adapter,
		Providers: m.Providers, MeasuredAt: c.cfg.Now().UTC(), PolicyETag: s.Policy.ETag, FailedChecks: c.failed(m),
		Controls: c.controls(s),
	}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: c.path("/check-in"), token: true, in: in, out: &result}); err != nil {
		c.note("check-in: " + c.plain(err))
		return result, err
	}
	c.note("check-in: " + result.State + ", " + result.Action)
	signed, fetched := s.SignedPolicy, error(nil)
	if result.PolicyETag != s.Policy.ETag {
		signed, fetched = c.fetchPolicy(ctx, s.Policy.ETag)
	}
	if fetched == nil {
		fetched = c.check(s, signed, result.Lease)
	}
	now := c.cfg.Now().UTC()
	err = c.update(func(s *state) {
		s.LastSent, s.LastResult = &in, &result
		// The service has just met this clock: it counts from here, also when an
		// earlier time was shown in error.
		s.LatestAt, s.Ended = now, ""
		if fetched == nil { // a policy and the lease on it are kept together or not at all
			s.LastCheckInAt, s.SignedPolicy, s.Lease = now, signed, result.Lease
		}
	})
	return result, errors.Join(err, fetched)
}

// check refuses what the service sent when it is not for this installation: what
// was kept before goes on.
func (c *Client) check(s state, policy, lease string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.SignedPolicy, s.Lease = policy, lease
	_, err := c.unseal(s)
	return err
}

// fetchPolicy returns the policy in force, signed, to who has the one of etag.
func (c *Client) fetchPolicy(ctx context.Context, etag string) (signed string, err error) {
	var p wire.Policy
	status, err := c.do(ctx, call{method: http.MethodGet, path: c.path("/policy"), token: true, etag: etag, out: &p})
	if status == http.StatusNotModified && err == nil {
		return c.snapshot().SignedPolicy, nil
	}
	return p.Signed, err
}

// SignOut ends management and every report: the registration, the tokens and
// the organisation's files on this PC are gone afterwards. It needs the service,
// which must stop expecting this PC, and is refused while a wipe waits; nothing
// changed then. Cut short, it goes on with the next Run, and nothing opens until then.
func (c *Client) SignOut(ctx context.Context) error {
	release, err := c.alone()
	if err != nil {
		return err
	}
	defer release()
	if c.snapshot().Wiping != nil {
		return errors.New("sdk: the organization's data is being removed; sign out when that is done")
	}
	if c.snapshot().Registration != "" {
		if err := c.leave(ctx); err != nil {
			return err
		}
	}
	if err := c.removeAll(ctx); err != nil {
		return err
	}
	c.forgetToken()
	if err := c.forgetSent(); err != nil {
		return err
	}
	return c.update(func(s *state) { *s = state{LatestAt: s.LatestAt} })
}

// leave tells the service that this registration ends. That is on disk first:
// whether a call that was cut short arrived, nobody can tell.
func (c *Client) leave(ctx context.Context) error {
	again := c.snapshot().Leaving
	if err := c.update(func(s *state) { s.Leaving = true }); err != nil {
		return err
	}
	status, err := c.do(ctx, call{method: http.MethodDelete, path: c.path("")})
	switch {
	case err == nil || status == http.StatusNotFound:
		return nil
	case ctx.Err() != nil || again && status != http.StatusConflict: // a wipe waits: it goes first
		return err
	}
	return errors.Join(err, c.update(func(s *state) { s.Leaving = false }))
}

// path returns a path of this registration.
func (c *Client) path(rest string) string {
	return wire.PathRegistrations + "/" + url.PathEscape(c.snapshot().Registration) + rest
}

// refusedToken keeps what the identity service confirmed: a disabled account.
func (c *Client) refusedToken(err error) error {
	if e, ok := errors.AsType[*ServiceError](err); ok && slices.Contains(e.ErrorCodes, accountDisabled) {
		return errors.Join(err, c.update(func(s *state) { s.Disabled = true }))
	}
	return err
}

func errNotEnrolled() error {
	return &ServiceError{Problem: wire.Problem{
		Title: "Not enrolled", Code: "notEnrolled", Detail: "this app is not enrolled", Steps: []string{"Enrol it first."},
	}}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
