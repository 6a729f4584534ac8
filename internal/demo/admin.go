package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Administrator is an administrator's script: plain HTTP to the Graph door, with
// a client secret.
type Administrator struct {
	service Service
	http    *http.Client
	now     func() time.Time
	token   string
	until   time.Time
}

// NewAdministrator returns a script that has not signed in yet; now is its clock.
func NewAdministrator(s Service, c *http.Client, now func() time.Time) *Administrator {
	return &Administrator{service: s, http: c, now: now}
}

// Do makes a call with in as its body and reads the answer into out; each may
// be nil.
func (a *Administrator) Do(ctx context.Context, method, path string, in, out any) error {
	if err := a.signIn(ctx); err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		doc, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(doc)
	}
	r, err := http.NewRequestWithContext(ctx, method, a.service.GraphEndpoint+path, body)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+a.token)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return exchange(a.http, r, out)
}

// SignIn gets a token when there is none, or none for long.
func (a *Administrator) signIn(ctx context.Context) error {
	if a.token != "" && a.now().Before(a.until) {
		return nil
	}
	var t token
	err := askToken(ctx, a.http, a.service.Authority, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {a.service.ClientID}, "client_secret": {a.service.ClientSecret},
		"scope": {"https://graph.microsoft.com/.default"},
	}, &t)
	a.token, a.until = t.AccessToken, a.now().Add(time.Duration(t.ExpiresIn)*time.Second/2)
	return err
}

// token is the answer of the token endpoint.
type token struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int    `json:"expires_in"`
}

func askToken(ctx context.Context, c *http.Client, authority string, form url.Values, out *token) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return exchange(c, r, out)
}

// exchange sends r and reads JSON into out, unless that is nil. A refusal is an
// error with what the service said.
func exchange(c *http.Client, r *http.Request, out any) error {
	resp, err := c.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: %d %s", r.Method, r.URL.Path, resp.StatusCode, body)
	}
	if out == nil || len(body) == 0 {
		return nil
	}
	return json.Unmarshal(body, out)
}

// Intranet is the site behind the proxy. It greets whoever the proxy says is there.
type Intranet struct {
	server *http.Server
	Addr   string // http URL without a path
	ended  chan error
}

// OpenIntranet starts the site on a loopback port of its own.
func OpenIntranet() (*Intranet, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := &Intranet{Addr: "http://" + ln.Addr().String(), ended: make(chan error, 1)}
	i.server = &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintf(w, "Welcome to the intranet, %s.\n", r.Header.Get("X-Postern-User"))
		if r.URL.Path == "/stream" { // stays open, like a page of live news
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}
	})}
	go func() { i.ended <- i.server.Serve(ln) }()
	return i, nil
}

// Close stops the site.
func (i *Intranet) Close() {
	_ = i.server.Close()
	<-i.ended
}
