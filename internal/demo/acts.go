package demo

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/postern-mam/postern/sdk"
)

//go:embed data/*.json
var data embed.FS

// What the administrator hands in: an app protection policy in the shape in
// which the portal exports one, a Conditional Access policy, and who and what
// they are about. The identifiers in the files are their own; apply finds or
// makes the objects.
const dataDir = "data"

const (
	// SiteHost is the published host of the intranet. Names under localhost never
	// leave the machine.
	SiteHost   = "intranet.postern.localhost"
	edge       = "com.microsoft.edge"
	edgeNumber = "130.0.2849.80"

	noteName = "castle/plans.txt" // in the sealed store
	noteText = "Plans of the castle: the postern is behind the ivy."
	ownText  = "Nobody's business."

	away = 721 * time.Minute // the policy allows 720
)

// acts is the story.
func (s *story) acts() []act {
	site := s.siteURL()
	return []act{
		{"An administrator publishes the intranet and demands protected apps", "Graph: allow development health in this tenant; postern apply -f DIR, twice", s.setUp},
		{"A threat partner is connected", "Graph: the partner's certificate, a mobileThreatDefenseConnector; token endpoint: private_key_jwt", s.connect},
		{"A plain browser is turned away, with steps", "GET " + site + " with Edge on Windows; sign in and change the password", s.refused},
		{"The PC is enrolled", "SDK: sign in (PKCE, DPoP), register the device, enrol " + edge + ", check in, seal a file", s.enrolled},
		{"The protected browser is in", "GET " + site + "; on the page that refuses, the PC signs the page's nonce", s.admitted},
		{"The threat level rises, and the browser is out", "partner: POST mtd/v1/health activeThreat, while the browser asks for " + site + " without pause", s.endangered},
		{"The PC is healed, and the browser is in again", "partner: POST mtd/v1/health healthy; GET " + site, s.healed},
		{"Offline grace expires, and the app is blocked", "the PC goes offline, and the virtual clock moves on by 721 minutes; GET " + site, s.offline},
		{"A selective wipe is requested while the PC is away", "Graph: POST users/{id}/wipeManagedAppRegistrationsByDeviceTag; GET " + site, s.ordered},
		{"The PC comes back and wipes the organization's data, nothing else", "SDK: fetch the order, verify it, destroy key, files and tokens, sign a receipt", s.wiped},
		{"The receipt is there", "Graph: GET deviceAppManagement/managedAppRegistrations/{id}/operations", s.acknowledged},
		{"Access stays cut", "GET " + site, s.out},
	}
}

func (s *story) personName() string { return "ada.lovell@" + s.domain }

func (s *story) siteURL() string {
	_, port, _ := strings.Cut(s.Service.Addr, ":")
	return "https://" + SiteHost + ":" + port + "/"
}

// in reports whether a page is the intranet's own, seen by our person.
func (s *story) in(p Page) bool {
	return p.Status == http.StatusOK && strings.Contains(p.Body, "Welcome to the intranet, "+s.personName())
}

// setUp applies the administrator's files, twice: the second time must change
// nothing.
func (s *story) setUp(ctx context.Context) (outcome, error) {
	setting := map[string]any{"postern": map[string]any{"allowDevelopmentHealth": true}}
	if err := s.admin.Do(ctx, http.MethodPatch, "/v1.0/organization/"+s.Service.TenantID, setting, nil); err != nil {
		return outcome{}, err
	}
	dir := filepath.Join(s.dir, "admin")
	if err := s.writeData(dir); err != nil {
		return outcome{}, err
	}
	var report, again bytes.Buffer
	if err := s.Apply(ctx, dir, &report); err != nil {
		return outcome{}, err
	}
	if err := s.Apply(ctx, dir, &again); err != nil {
		return outcome{}, err
	}
	return outcome{
		answer:   tidy(report.String(), dir) + " - the second time: " + tidy(again.String(), dir),
		why:      "the policies need a protected browser on Windows; applying what is there already changes nothing",
		observed: strings.Contains(again.String(), "no changes"),
	}, nil
}

func (s *story) writeData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	fill := strings.NewReplacer("{domain}", s.domain, "{password}", s.first, "{externalUrl}", s.siteURL(), "{internalUrl}", s.site.Addr+"/")
	files, err := fs.ReadDir(data, dataDir)
	if err != nil {
		return err
	}
	for _, f := range files {
		doc, err := data.ReadFile(dataDir + "/" + f.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte(fill.Replace(string(doc))), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// tidy is the report of apply without the plan's repetition and without paths.
func tidy(report, dir string) string {
	var lines []string
	for line := range strings.Lines(report) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "done:") {
			lines = append(lines, strings.ReplaceAll(line, dir+string(filepath.Separator), ""))
		}
	}
	return strings.Join(lines, "; ")
}

// refused is the first visit, in a browser that nothing protects.
func (s *story) refused(ctx context.Context) (outcome, error) {
	p, err := s.browser.Open(ctx, s.siteURL())
	return outcome{
		answer:   p.summary(),
		why:      "the policy asks for compliantApplication, and nothing in this browser has shown that it is; the page says how to get there",
		observed: p.Status == http.StatusForbidden && p.code() == "53009" && len(p.steps()) > 0,
	}, err
}

// enrolled protects the app on the PC, which then stays in touch.
func (s *story) enrolled(ctx context.Context) (outcome, error) {
	if err := s.pc.open(s); err != nil {
		return outcome{}, err
	}
	c := s.pc.client
	if err := c.Enroll(ctx); err != nil {
		return outcome{}, err
	}
	if err := c.Vault().Save(noteName, []byte(noteText)); err != nil {
		return outcome{}, err
	}
	inClear, err := holds(s.pc.state, noteText)
	if err != nil {
		return outcome{}, err
	}
	s.browser.Prove = c.ProveDevice
	s.pc.run(ctx)
	st := c.Status()
	print, whyNot := c.May(sdk.Print)
	return outcome{
		answer: fmt.Sprintf("registration %s on device %s; verdict %s; the app may work: %t; may print: %t (%s)",
			st.RegistrationID, st.DeviceID, st.Verdict.State, st.Decision.Allowed(), print, whyNot),
		why:      "enrolment is a bootstrap resource, so a demand for a protected app cannot lock out who wants to protect it; the organization's file is sealed on disk",
		observed: st.Enrolled && st.Decision.Action == "allow" && st.Verdict.State == "compliant" && !print && !inClear,
	}, nil
}

// admitted is the same browser, now with a protected app beside it.
func (s *story) admitted(ctx context.Context) (outcome, error) {
	p, err := s.browser.Open(ctx, s.siteURL())
	return outcome{
		answer:   p.summary(),
		why:      "the device key answered for this sign-in session, and live state says that the app is healthy",
		observed: s.in(p),
	}, err
}

// request is one request of the browser, with its times.
type request struct {
	began, ended time.Time
	page         Page
}

// endangered measures from sending the signal to the first refused request, and
// counts what was let in after the service had confirmed the signal.
func (s *story) endangered(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var sent, confirmed time.Time
	var last request
	var all []request
	warm := make(chan struct{})
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() error {
		for !s.outsider(last.page) {
			began := time.Now()
			p, err := s.browser.load(asking, http.MethodGet, s.siteURL(), nil)
			if err != nil {
				return err
			}
			if last = (request{began, time.Now(), p}); len(all) == 0 {
				close(warm)
			}
			all = append(all, last)
		}
		return nil
	})
	group.Go(func() error {
		select {
		case <-warm:
		case <-asking.Done():
			return asking.Err()
		}
		sent = time.Now()
		err := s.report(asking, "activeThreat")
		confirmed = time.Now()
		return err
	})
	if err := group.Wait(); err != nil {
		return outcome{}, err
	}
	late := 0
	for _, r := range all {
		if s.in(r.page) && r.began.After(confirmed) {
			late++
		}
	}
	told := s.pc.until(ctx, func(d sdk.Decision) bool { return d.Action == "block" })
	return outcome{
		answer: last.page.summary(),
		why: fmt.Sprintf("%.1f ms from sending the signal to the first refused request (the service confirmed it after %.1f ms); requests admitted after that: %d; the PC heard of it on its stream and blocks too: %t",
			milliseconds(last.ended.Sub(sent)), milliseconds(confirmed.Sub(sent)), late, told),
		observed: s.in(all[0].page) && last.page.Status == http.StatusForbidden && late == 0 && told,
	}, nil
}

// outsider reports whether a page was seen, and is not the intranet's.
func (s *story) outsider(p Page) bool { return p.Status != 0 && !s.in(p) }

// healed: the partner takes it back, and the next request is admitted.
func (s *story) healed(ctx context.Context) (outcome, error) {
	if err := s.report(ctx, "healthy"); err != nil {
		return outcome{}, err
	}
	p, err := s.browser.load(ctx, http.MethodGet, s.siteURL(), nil)
	if err != nil {
		return outcome{}, err
	}
	told := s.pc.until(ctx, sdk.Decision.Allowed)
	return outcome{
		answer:   p.summary(),
		why:      fmt.Sprintf("every request is decided on live state: the next one is in without a new sign-in; the PC works again too: %t", told),
		observed: s.in(p) && told,
	}, nil
}

// offline: nobody hears from the PC for longer than the policy allows.
func (s *story) offline(ctx context.Context) (outcome, error) {
	s.pc.stop()
	s.Advance(away)
	d := s.pc.client.Decide()
	if len(d.Reasons) == 0 {
		return outcome{}, errors.New("the PC has no reason to block")
	}
	_, sealed := s.pc.client.Vault().Load(noteName)
	p, err := s.browser.Open(ctx, s.siteURL())
	return outcome{
		answer:   "on the PC: " + d.Action + "; at the proxy: " + p.summary(),
		why:      "PC and service judge by the same rule, each by itself. " + d.Reasons[0].Text,
		observed: d.Action == "block" && d.Reasons[0].Code == "offlineGracePeriod" && sealed != nil && p.Status == http.StatusForbidden && p.names("offlineGracePeriod"),
	}, err
}
