// Package demo plays the main job of Postern, end to end, against a real
// service over real HTTPS: set up, be refused with steps, enrol, get in, fall
// ill, be put out, heal, stay away too long, be wiped, and prove it.
//
// The person is a declared test client that fills in the real pages; the PC is
// the real SDK with a declared development adapter; the threat partner signs in
// with its own key; the administrator uses Graph and "postern apply". Nothing
// uses an endpoint or a switch that production lacks. The clock alone is
// virtual: the story jumps over twelve hours.
package demo

import (
	"context"
	"crypto/rand"
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
	AdminUserPrincipalName, AdminPassword string // the password is not used: the story needs no person who may do everything
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
	// Apply runs "postern apply" on a directory and writes its report to out.
	Apply func(ctx context.Context, dir string, out io.Writer) error
}

// Step is one thing that must be seen to happen. With Options.JSON each is one
// line of JSON.
type Step struct {
	Number   int     `json:"number"`
	Step     string  `json:"step"`
	Asked    string  `json:"asked"`
	Answer   string  `json:"answer"`
	Why      string  `json:"why"`
	Took     float64 `json:"tookMs"` // milliseconds on the real clock
	Observed bool    `json:"observed"`
}

// outcome is what came of a step.
type outcome struct {
	answer, why string
	observed    bool
}

// act is one step before it is played.
type act struct {
	step, asked string
	play        func(context.Context) (outcome, error)
}

// limit is how long the whole story may take.
const limit = 2 * time.Minute

// Run plays the story. Its error names the first step that was not observed;
// what comes after it is not played.
func Run(ctx context.Context, o Options) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	dir, err := os.MkdirTemp("", "postern-demo-pc-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	s, err := newStory(o, dir)
	if err != nil {
		return err
	}
	if s.site, err = OpenIntranet(); err != nil {
		return err
	}
	defer s.site.Close()
	defer s.pc.stop()
	acts := s.acts()
	for i, a := range acts {
		if err := s.perform(ctx, fmt.Sprintf("%2d/%d", i+1, len(acts)), Step{Number: i + 1, Step: a.step, Asked: a.asked}, a.play); err != nil {
			return err
		}
	}
	return nil
}

// story is the play with all its parts.
type story struct {
	Options
	dir       string // of the PC
	transport *http.Transport
	admin     *Administrator
	partner   *Partner
	site      *Intranet
	browser   *Browser
	pc        pc
	domain    string // of user names
	first     string // password that the administrator hands out
}

// newStory trusts the service's own certificate authority and finds every
// published host at the service's listener, as DNS would.
func newStory(o Options, dir string) (*story, error) {
	pem, err := os.ReadFile(o.Service.CACertificate)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", o.Service.CACertificate)
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	s := &story{Options: o, dir: dir, first: "first-" + rand.Text(), transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, err := net.SplitHostPort(addr); err == nil && host == SiteHost {
				addr = o.Service.Addr
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}}
	_, s.domain, _ = strings.Cut(o.Service.AdminUserPrincipalName, "@")
	if s.browser, err = NewBrowser(s.transport); err != nil {
		return nil, err
	}
	s.browser.UserName, s.browser.Password, s.browser.NewPassword = s.personName(), s.first, "chosen-"+rand.Text()
	client := &http.Client{Transport: s.transport}
	s.admin = NewAdministrator(o.Service, client, o.Now)
	s.partner, err = NewPartner(o.Service, client)
	return s, err
}

// perform plays one step and tells it, with a dot for every second of waiting.
func (s *story) perform(ctx context.Context, number string, st Step, play func(context.Context) (outcome, error)) error {
	if !s.JSON {
		fmt.Fprintf(s.Out, "%s  %s ", number, st.Step)
	}
	stop := s.progress()
	began := time.Now()
	got, err := play(ctx)
	st.Took = milliseconds(time.Since(began))
	stop()
	st.Answer, st.Why, st.Observed = got.answer, got.why, got.observed && err == nil
	if err != nil {
		st.Answer = strings.TrimSpace(st.Answer + " " + err.Error())
	}
	if err := s.tell(st); err != nil {
		return err
	}
	if !st.Observed {
		return errors.Join(fmt.Errorf("step %d (%s) was not observed", st.Number, st.Step), err)
	}
	return nil
}

// progress prints a dot a second until the function that it returns is called.
func (s *story) progress() (stop func()) {
	if s.JSON {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		t := time.NewTicker(time.Second)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				fmt.Fprint(s.Out, ".")
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// tell writes what became of a step.
func (s *story) tell(st Step) error {
	if s.JSON {
		return json.NewEncoder(s.Out).Encode(st)
	}
	mark := "ok"
	if !st.Observed {
		mark = "NOT OBSERVED"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "[%s, %.0f ms]\n", mark, st.Took)
	paragraph(&b, "asked", st.Asked)
	paragraph(&b, "answer", st.Answer)
	paragraph(&b, "why", st.Why)
	b.WriteString("\n")
	_, err := io.WriteString(s.Out, b.String())
	return err
}

// paragraph writes text in lines of a terminal's width, under a label.
func paragraph(b *strings.Builder, label, text string) {
	const width, indent = 100, 16
	if text == "" {
		return
	}
	fmt.Fprintf(b, "       %-7s ", label)
	column := 0
	for word := range strings.FieldsSeq(text) {
		n := len([]rune(word))
		if column > 0 && column+1+n > width-indent {
			b.WriteString("\n" + strings.Repeat(" ", indent-1))
			column = 0
		} else if column > 0 {
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += n
	}
	b.WriteString("\n")
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
