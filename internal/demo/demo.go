// Package demo plays the main job of Postern, end to end, against a real
// service over real HTTPS: sign in, be refused with steps, enrol, get in, fall
// ill, be put out, heal, get in, stay away too long, be wiped.
//
// The person is a declared test client that fills in the real pages; the PC is
// the real SDK with a declared development adapter; the threat partner signs in
// with its own key. Nothing uses an endpoint or a switch that production lacks.
// The clock alone is virtual: the story jumps over twelve hours.
package demo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// Service is where the story plays, as bootstrap.json describes it.
type Service struct {
	Authority, GraphEndpoint, TenantID    string
	ClientID, ClientSecret                string
	CACertificate                         string // path of a PEM file
	AdminUserPrincipalName, AdminPassword string
	Addr                                  string // host:port of the listener; published host names are dialled there
}

// Options are what the story needs. All of it is required but JSON.
type Options struct {
	Service Service
	Out     io.Writer
	JSON    bool // one line of JSON a step instead of text
	// Now is the clock that the service and the PC share; Advance moves it on.
	Now     func() time.Time
	Advance func(time.Duration)
	// Apply runs "postern apply" on a directory.
	Apply func(ctx context.Context, dir string, out io.Writer) error
}

// Step is one thing that must be seen to happen.
type Step struct {
	Number   int     `json:"number"`
	Name     string  `json:"name"`
	Asked    string  `json:"asked"`
	Answer   string  `json:"answer"`
	Why      string  `json:"why,omitempty"`
	Millis   float64 `json:"milliseconds"`
	Observed bool    `json:"observed"`
}

// story is the play with all its parts.
type story struct {
	Options
	transport *http.Transport
	graph     *graph
	site      *intranet
	pc        *pc
	browser   *Browser
	dir       string // of the PC
	made      made
	steps     int
	failed    []string
}

// Run plays the story and fails unless every step was observed.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	dir, err := os.MkdirTemp("", "postern-demo-pc-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s := &story{Options: o, dir: dir}
	if err := s.connect(); err != nil {
		return err
	}
	if s.site, err = openIntranet(); err != nil {
		return err
	}
	defer s.site.close()
	s.graph = &graph{service: o.Service, http: &http.Client{Transport: s.transport}}
	for _, act := range []func(context.Context) error{
		s.prepare, s.refused, s.enrolled, s.admitted, s.threatened, s.healed, s.away, s.wiped,
	} {
		if err := act(ctx); err != nil {
			return errors.Join(fmt.Errorf("after step %d: %w", s.steps, err), s.missing())
		}
	}
	return s.missing()
}

func (s *story) missing() error {
	if len(s.failed) == 0 {
		return nil
	}
	return fmt.Errorf("not observed: %s", strings.Join(s.failed, "; "))
}

// connect trusts the service's own certificate authority and finds every
// published host at the service's listener, as DNS would.
func (s *story) connect() error {
	pem, err := os.ReadFile(s.Service.CACertificate)
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", s.Service.CACertificate)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	s.transport = &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			host, _, err := net.SplitHostPort(addr)
			if err == nil && host == siteHost {
				addr = s.Service.Addr
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}
	return nil
}

// tell shows one step. why is what the answer means or what follows.
func (s *story) tell(began time.Time, st Step) {
	s.steps++
	st.Number = s.steps
	if st.Millis == 0 {
		st.Millis = float64(time.Since(began).Microseconds()) / 1000
	}
	if !st.Observed {
		s.failed = append(s.failed, fmt.Sprintf("%d %s", st.Number, st.Name))
	}
	if s.JSON {
		_ = json.NewEncoder(s.Out).Encode(st) // a reader that left is told by the exit code
		return
	}
	mark := "ok"
	if !st.Observed {
		mark = "NOT OBSERVED"
	}
	fmt.Fprintf(s.Out, "\n%2d. %s  [%s, %.1f ms]\n    asked:  %s\n    answer: %s\n", st.Number, st.Name, mark, st.Millis, st.Asked, st.Answer)
	if st.Why != "" {
		fmt.Fprintf(s.Out, "    why:    %s\n", st.Why)
	}
}

// waiting shows that something takes its time, in text alone.
func (s *story) waiting(what string) {
	if !s.JSON {
		fmt.Fprintf(s.Out, "    ... %s\n", what)
	}
}

// short keeps an answer on one line of a terminal, more or less.
func short(text string) string {
	const most = 420
	text = strings.TrimSpace(text)
	if r := []rune(text); len(r) > most {
		return string(r[:most]) + " ..."
	}
	return text
}
