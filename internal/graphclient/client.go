// Package graphclient makes a service match Graph-shaped JSON and gives it back
// in that shape. It speaks Microsoft Graph and nothing else.
//
// Documents are matched to what exists by identifier or name, compared property
// by property, and changed only where they differ: a second run changes nothing.
// What a document does not mention stays as it is. References that resolve
// neither in the service nor among the documents are reported, never guessed.
package graphclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/postern-mam/postern/internal/graphclient/document"
)

const (
	maxAnswer = 32 << 20
	// scope asks for every permission that the client holds.
	scope = "https://graph.microsoft.com/.default"
)

// Config says which service to talk to, and as whom.
type Config struct {
	Endpoint     string // base of /v1.0 and /beta
	Authority    string // https://host/{tenant}
	ClientID     string
	ClientSecret string
	Force        bool             // save policies even if they lock out every admin
	HTTP         *http.Client     // nil: http.DefaultClient; it must trust the service's certificate
	Now          func() time.Time // nil: time.Now
}

// Client talks to one service. It is safe for concurrent use.
type Client struct {
	cfg   Config
	mu    sync.Mutex
	token string
	until time.Time
}

// New returns a client, or everything that is missing joined.
func New(c Config) (*Client, error) {
	var errs []error
	for _, f := range []struct{ name, value string }{
		{"endpoint", c.Endpoint}, {"authority", c.Authority}, {"client id", c.ClientID}, {"client secret", c.ClientSecret},
	} {
		if f.value == "" {
			errs = append(errs, fmt.Errorf("no %s", f.name))
		}
	}
	for _, address := range []string{c.Endpoint, c.Authority} {
		if u, err := url.Parse(address); err != nil || address != "" && u.Host == "" {
			errs = append(errs, fmt.Errorf("%q is no URL", address))
		}
	}
	if len(errs) > 0 {
		return nil, document.InputError{Err: errors.Join(errs...)}
	}
	if c.HTTP == nil {
		c.HTTP = http.DefaultClient
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Endpoint, c.Authority = strings.TrimRight(c.Endpoint, "/"), strings.TrimRight(c.Authority, "/")
	return &Client{cfg: c}, nil
}

// Error is a refusal by the service.
type Error struct {
	Method, Path string
	Status       int
	Code         string
	Message      string
}

// Error says what was asked and what the service answered.
func (e *Error) Error() string {
	return fmt.Sprintf("%s %s: %d %s: %s", e.Method, e.Path, e.Status, e.Code, e.Message)
}

// ExitCode is 2 when the service found the input wrong, else 1.
func (e *Error) ExitCode() int {
	if e.Status == http.StatusBadRequest {
		return 2
	}
	return 1
}

// bearer returns an access token that is good for another minute.
func (c *Client) bearer(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" && c.cfg.Now().Add(time.Minute).Before(c.until) {
		return c.token, nil
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "client_id": {c.cfg.ClientID}, "client_secret": {c.cfg.ClientSecret}, "scope": {scope},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.cfg.Authority+"/oauth2/v2.0/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	status, doc, err := c.send(req)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal(doc, &answer); err != nil || answer.AccessToken == "" {
		return "", fmt.Errorf("token: the service at %s answered %d %s: %s", c.cfg.Authority, status, answer.Error, answer.Description)
	}
	c.token, c.until = answer.AccessToken, c.cfg.Now().Add(time.Duration(answer.ExpiresIn)*time.Second)
	return c.token, nil
}

func (c *Client) send(req *http.Request) (int, []byte, error) {
	resp, err := c.cfg.HTTP.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	doc, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return resp.StatusCode, doc, err
}

// do sends one request. address is a path under the endpoint or, for the next
// page of a list, an absolute URL under it.
func (c *Client) do(ctx context.Context, method, address string, body, into any) error {
	if !strings.HasPrefix(address, c.cfg.Endpoint+"/") {
		if strings.Contains(address, "://") {
			return fmt.Errorf("the service links to %s, outside of %s; no token goes there", address, c.cfg.Endpoint)
		}
		address = c.cfg.Endpoint + address
	}
	var from io.Reader
	if body != nil {
		doc, err := json.Marshal(body)
		if err != nil {
			return err
		}
		from = bytes.NewReader(doc)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, from)
	if err != nil {
		return err
	}
	token, err := c.bearer(ctx)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Force {
		req.Header.Set("Prefer", "postern.force")
	}
	status, doc, err := c.send(req)
	if err != nil {
		return err
	}
	if status >= http.StatusBadRequest {
		return refusal(req, status, doc)
	}
	if into == nil || len(doc) == 0 {
		return nil
	}
	if err := json.Unmarshal(doc, into); err != nil {
		return fmt.Errorf("%s %s: the answer is not JSON: %w", method, req.URL.Path, err)
	}
	return nil
}

func refusal(req *http.Request, status int, doc []byte) error {
	var answer struct {
		Error struct{ Code, Message string }
	}
	e := &Error{Method: req.Method, Path: req.URL.Path, Status: status, Code: http.StatusText(status)}
	if json.Unmarshal(doc, &answer) == nil && answer.Error.Code != "" {
		e.Code, e.Message = answer.Error.Code, answer.Error.Message
	}
	return e
}

// list reads every page of a collection.
func (c *Client) list(ctx context.Context, path string) ([]map[string]any, error) {
	var all []map[string]any
	_, err := c.any(ctx, path, func(o map[string]any) bool {
		all = append(all, o)
		return false
	})
	return all, err
}
