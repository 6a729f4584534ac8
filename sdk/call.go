package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/wire"
)

// maxAnswer bounds what is read of an answer, in bytes.
const maxAnswer = 1 << 20

// callLimit is how long one call may take, a second try and a refreshed token included.
const callLimit = time.Minute

// ServiceError is a refusal of the service, with its reason and remedy.
type ServiceError struct {
	wire.Problem
	OAuth      string // the OAuth error code, at the token endpoint
	ErrorCodes []int  // Entra error codes, at the token endpoint
}

// Error returns the reason in words.
func (e *ServiceError) Error() string {
	text := e.Detail
	if text == "" {
		text = e.Title
	}
	if len(e.Steps) > 0 {
		text += " (" + strings.Join(e.Steps, " ") + ")"
	}
	return text
}

// call is one request of the device protocol.
type call struct {
	method, path string // path under the base
	in, out      any
	token        bool   // also show an access token
	etag         string // If-None-Match
}

// do makes a call, once more when the service refuses the access token: a
// sign-in that ended there is found out here, not when the token expires. It
// returns the status; an error above 399 is a *ServiceError.
func (c *Client) do(ctx context.Context, q call) (int, error) {
	status, err := c.once(ctx, q)
	if status == http.StatusUnauthorized && q.token {
		c.forgetToken()
		status, err = c.once(ctx, q)
	}
	return status, c.noteEnd(err)
}

func (c *Client) once(ctx context.Context, q call) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	resp, err := c.send(ctx, q)
	if err != nil {
		return 0, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.StatusCode, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return resp.StatusCode, refusal(resp.StatusCode, body)
	}
	if q.out != nil && resp.StatusCode != http.StatusNotModified && len(body) > 0 {
		if err := json.Unmarshal(body, q.out); err != nil {
			return resp.StatusCode, fmt.Errorf("sdk: %s %s answered what is not JSON: %w", q.method, q.path, err)
		}
	}
	return resp.StatusCode, nil
}

// send returns the raw answer; the caller closes its body.
func (c *Client) send(ctx context.Context, q call) (*http.Response, error) {
	var doc []byte
	var body departure
	if q.in != nil {
		var err error
		if doc, err = json.Marshal(q.in); err != nil {
			return nil, err
		}
		if body.body(q.in, doc); body.err != nil {
			return nil, c.depart(body)
		}
	}
	token := ""
	if q.token {
		var err error
		if token, err = c.accessToken(ctx); err != nil {
			return nil, err
		}
	}
	return c.withNonce(func() (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, q.method, c.base+q.path, bytes.NewReader(doc))
		if err != nil {
			return nil, err
		}
		if q.in != nil {
			r.Header.Set("Content-Type", "application/json")
		}
		if q.etag != "" {
			r.Header.Set("If-None-Match", `"`+q.etag+`"`)
		}
		if token != "" {
			r.Header.Set("Authorization", "DPoP "+token)
		}
		proof, err := c.dpop(q.method, c.base+q.path, token)
		if err != nil {
			return nil, err
		}
		r.Header.Set("DPoP", proof)
		out := departure{parcels: slices.Clone(body.parcels)}
		out.request(r, q.path)
		return r, c.depart(out)
	})
}

// withNonce sends what build makes, and once more when the answer only lacks
// the nonce that comes with it (RFC 9449 sections 8 and 9).
func (c *Client) withNonce(build func() (*http.Request, error)) (*http.Response, error) {
	for again := true; ; again = false {
		r, err := build()
		if err != nil {
			return nil, err
		}
		resp, err := c.http.Do(r)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		if n := resp.Header.Get("DPoP-Nonce"); n != "" {
			c.nonce = n
		}
		c.mu.Unlock()
		refused := resp.StatusCode == http.StatusUnauthorized || resp.StatusCode == http.StatusBadRequest
		if !again || !refused || !wantsNonce(resp) {
			return resp, nil
		}
		_ = resp.Body.Close()
	}
}

// wantsNonce reports whether an answer is use_dpop_nonce; it leaves the body readable.
func wantsNonce(resp *http.Response) bool {
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && (bytes.Contains(body, []byte("use_dpop_nonce")) ||
		strings.Contains(strings.Join(resp.Header.Values("WWW-Authenticate"), ","), "use_dpop_nonce"))
}

// refusal reads an error body: RFC 9457 of the device protocol, or RFC 6749 of
// the token endpoint.
func refusal(status int, body []byte) error {
	e := &ServiceError{}
	var o struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
		Codes       []int  `json:"error_codes"`
	}
	_ = json.Unmarshal(body, &e.Problem) // what is not JSON leaves the status to speak
	_ = json.Unmarshal(body, &o)
	e.Status, e.OAuth, e.ErrorCodes = status, o.Error, o.Codes
	if e.Title == "" {
		e.Title = http.StatusText(status)
	}
	if e.Detail == "" {
		e.Detail = o.Description
	}
	return e
}

// accessToken is a token for the enrolment resource, kept in memory alone.
type accessToken struct {
	value     string
	expiresAt time.Time
}

// tokens is the answer of the token endpoint.
type tokens struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    int    `json:"expires_in"`
}

// forgetToken makes the next call ask for an access token.
func (c *Client) forgetToken() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = accessToken{}
}

// freshToken returns the access token in memory, or "" when it serves no longer.
func (c *Client) freshToken() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cfg.Now().Add(time.Minute).Before(c.token.expiresAt) {
		return c.token.value
	}
	return ""
}

// accessToken returns a token that serves for a while, refreshed when needed. A
// refresh token works once, and showing it twice ends the sign-in: of all
// processes on this directory one refreshes at a time, with the newest.
func (c *Client) accessToken(ctx context.Context) (string, error) {
	if t := c.freshToken(); t != "" {
		return t, nil
	}
	release, err := disk.Lock(c.cfg.Dir, "token.lock")
	if err != nil {
		return "", err
	}
	defer release()
	if t := c.freshToken(); t != "" {
		return t, nil
	}
	if err := c.reload(); err != nil {
		return "", err
	}
	refresh := c.snapshot().RefreshToken
	if refresh == "" {
		return "", &ServiceError{OAuth: "login_required", Problem: wire.Problem{Title: "Sign in", Detail: "nobody is signed in to this app; sign in again"}}
	}
	err = c.askToken(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}, "scope": {wire.EnrollmentScope}})
	if err != nil {
		return "", err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.token.value, nil
}

// askToken asks the token endpoint and keeps what it gives. The rotated refresh
// token is on disk before the access token is used: a crash loses no sign-in.
func (c *Client) askToken(ctx context.Context, form url.Values) error {
	endpoint := c.cfg.Authority + "/oauth2/v2.0/token"
	form.Set("client_id", clientID)
	resp, err := c.withNonce(func() (*http.Request, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		proof, err := c.dpop(http.MethodPost, endpoint, "")
		if err != nil {
			return nil, err
		}
		r.Header.Set("DPoP", proof)
		var out departure
		out.addForm("TokenRequest", form)
		out.request(r, "/oauth2/v2.0/token")
		return r, c.depart(out)
	})
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return c.refusedToken(refusal(resp.StatusCode, body))
	}
	var t tokens
	if err := json.Unmarshal(body, &t); err != nil {
		return fmt.Errorf("sdk: the token endpoint answered what is not JSON: %w", err)
	}
	return c.keep(t, form.Get("refresh_token"))
}

// keep stores what the token endpoint gave for a shown refresh token, or for a
// code when that is empty. When a wipe or another sign-in took the shown token
// away meanwhile, what came of it is theirs no more.
func (c *Client) keep(t tokens, shown string) error {
	gone := false
	err := c.update(func(s *state) {
		if gone = shown != "" && s.RefreshToken != shown; gone {
			return
		}
		s.Disabled = false
		if t.RefreshToken != "" {
			s.RefreshToken = t.RefreshToken
		}
	})
	if gone {
		err = errors.Join(err, &ServiceError{OAuth: "login_required", Problem: wire.Problem{Title: "Sign in", Detail: "the sign-in of this app ended meanwhile"}})
	}
	if err != nil {
		return err
	}
	c.mu.Lock()
	c.token = accessToken{t.AccessToken, c.cfg.Now().Add(time.Duration(t.ExpiresIn) * time.Second)}
	c.mu.Unlock()
	return nil
}
