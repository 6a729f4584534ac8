package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/postern-mam/postern/sdk"
	"github.com/postern-mam/postern/wire"
)

//go:embed data/*.json
var data embed.FS

const (
	partnerID  = "c2b688fe-48c0-464b-a89c-67041aa8fcb2" // Windows Security Center
	edgeID     = "com.microsoft.edge"
	edgeNumber = "130.0.2849.80"
	personName = "ada@postern.internal"
	secretNote = "Plans of the castle: the postern is behind the ivy."
)

// made is what the preparations made, as later acts need it.
type made struct {
	user, group, site string
	partner           *partner
	note              string // the person's own file, which nobody may touch
}

// prepare is the administrator's morning: a person, a group, a published site,
// two policies, a threat connector.
func (s *story) prepare(ctx context.Context) error {
	began := time.Now()
	now := s.Now()
	type object struct {
		ID    string `json:"id"`
		AppID string `json:"appId"`
	}
	var user, group, site object
	first := "first-" + rand.Text()
	for _, c := range []struct {
		method, path string
		in           any
		out          *object
	}{
		{http.MethodPatch, "/v1.0/organization/" + s.Service.TenantID, map[string]any{"postern": map[string]any{"allowDevelopmentHealth": true}}, nil},
		{http.MethodPost, "/v1.0/users", map[string]any{
			"displayName": "Ada", "userPrincipalName": personName, "accountEnabled": true, "mailNickname": "ada",
			"passwordProfile": map[string]any{"password": first, "forceChangePasswordNextSignIn": true},
		}, &user},
		{http.MethodPost, "/v1.0/groups", map[string]any{
			"displayName": "People with personal PCs", "mailNickname": "byod", "mailEnabled": false, "securityEnabled": true,
		}, &group},
		{http.MethodPost, "/beta/applications", map[string]any{
			"displayName": "Intranet", "onPremisesPublishing": map[string]any{"externalUrl": "https://" + siteHost + "/", "internalUrl": s.site.addr + "/"},
		}, &site},
	} {
		var out any
		if c.out != nil {
			out = c.out
		}
		if err := s.graph.do(ctx, now, c.method, c.path, c.in, out); err != nil {
			return err
		}
	}
	member := map[string]any{"@odata.id": s.Service.GraphEndpoint + "/v1.0/directoryObjects/" + user.ID}
	if err := s.graph.do(ctx, now, http.MethodPost, "/v1.0/groups/"+group.ID+"/members/$ref", member, nil); err != nil {
		return err
	}
	s.made = made{user: user.ID, group: group.ID, site: site.AppID, note: filepath.Join(s.dir, "my own diary.txt")}
	s.tell(began, Step{
		Name: "the administrator publishes the intranet and names who may use it", Asked: "Graph: user ada, a group, an application with onPremisesPublishing",
		Answer: fmt.Sprintf("user %s, group %s, application %s", user.ID, group.ID, site.AppID), Observed: user.ID != "" && group.ID != "" && site.AppID != "",
		Why: "the site has a host name of its own: https://" + siteHost,
	})
	var err error
	if s.browser, err = NewBrowser(s.transport); err != nil {
		return err
	}
	s.browser.UserName, s.browser.Password, s.browser.NewPassword = personName, first, "chosen-"+rand.Text()
	if err := s.policies(ctx); err != nil {
		return err
	}
	return s.connector(ctx)
}

// policies applies two files, the first in the shape that the portal exports.
func (s *story) policies(ctx context.Context) error {
	began := time.Now()
	dir := filepath.Join(s.dir, "policies")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	files, err := data.ReadDir("data")
	if err != nil {
		return err
	}
	for _, f := range files {
		doc, err := data.ReadFile("data/" + f.Name())
		if err != nil {
			return err
		}
		filled := strings.NewReplacer("{{group}}", s.made.group, "{{site}}", s.made.site).Replace(string(doc))
		if err := os.WriteFile(filepath.Join(dir, f.Name()), []byte(filled), 0o600); err != nil {
			return err
		}
	}
	var report, again bytes.Buffer
	if err := s.Apply(ctx, dir, &report); err != nil {
		return err
	}
	if err := s.Apply(ctx, dir, &again); err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "two policies are applied, and applying them again changes nothing", Asked: "postern apply -f " + strings.Join([]string{files[0].Name(), files[1].Name()}, ", "),
		Answer: short(strings.Join(strings.Fields(report.String()), " ")), Why: "the second time: " + short(strings.Join(strings.Fields(again.String()), " ")),
		Observed: strings.Contains(again.String(), "no change"),
	})
	return nil
}

// connector lets the threat partner in, by its certificate.
func (s *story) connector(ctx context.Context) error {
	began, now := time.Now(), s.Now()
	p, err := newPartner(partnerID, s.Service, &http.Client{Transport: s.transport})
	if err != nil {
		return err
	}
	s.made.partner = p
	if err := s.graph.do(ctx, now, http.MethodPatch, "/v1.0/applications(appId='"+partnerID+"')", p.credential(), nil); err != nil {
		return err
	}
	var c struct {
		ID           string `json:"id"`
		PartnerState string `json:"partnerState"`
	}
	err = s.graph.do(ctx, now, http.MethodPost, "/beta/deviceManagement/mobileThreatDefenseConnectors", map[string]any{
		"id": partnerID, "windowsMobileApplicationManagementEnabled": true, "partnerUnresponsivenessThresholdInDays": 7,
	}, &c)
	if err != nil {
		return err
	}
	if err := p.signIn(ctx, now); err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "the Windows Security Center connector is switched on", Asked: "Graph: mobileThreatDefenseConnectors; token endpoint: private_key_jwt",
		Answer: "connector " + c.ID + ", a token for the threat interface", Observed: c.ID == partnerID && p.token != "",
		Why: "the partner proves its own key; it may report states of this tenant and nothing else",
	})
	return nil
}

func (s *story) open(ctx context.Context) (Page, error) {
	return s.browser.Open(ctx, s.siteURL())
}

func (s *story) siteURL() string {
	_, port, _ := strings.Cut(s.Service.Addr, ":")
	return "https://" + siteHost + ":" + port + "/"
}

// in reports whether a page is the intranet's own, seen by our person.
func in(p Page) bool {
	return p.Status == http.StatusOK && strings.Contains(p.Body, "Welcome to the intranet, "+personName)
}

// refused is the first visit, in a browser that nothing protects.
func (s *story) refused(ctx context.Context) error {
	began := time.Now()
	s.waiting("Ada signs in; passwords are slow to check on purpose")
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "a plain browser is refused, with steps", Asked: "GET " + s.siteURL() + ", sign in as " + personName + ", choose a new password",
		Answer: fmt.Sprintf("%d at %s: %s", p.Status, p.URL.Host, short(Text(p.Body))), Observed: !in(p) && strings.Contains(p.Body, "53009") && strings.Contains(p.Body, "<ol>"),
		Why: "53009: the app must enforce app protection, and nothing proved that it does",
	})
	return nil
}

// enrolled protects the browser's app: the device registers a key, the app
// enrols, gets policy and checks in.
func (s *story) enrolled(ctx context.Context) error {
	began := time.Now()
	if err := os.WriteFile(s.made.note, []byte("Nobody's business."), 0o600); err != nil {
		return err
	}
	c, err := sdk.New(sdk.Config{
		Authority: s.Service.Authority, App: edgeID, AppVersion: edgeNumber, Dir: filepath.Join(s.dir, "agent"), Health: good(),
		HTTP: &http.Client{Transport: s.transport}, Now: s.Now,
		Browser: func(ctx context.Context, url string) error {
			_, err := s.browser.Open(ctx, url)
			return err
		},
	})
	if err != nil {
		return err
	}
	s.pc = &pc{client: c}
	if err := c.Enroll(ctx); err != nil {
		return err
	}
	if err := c.Vault().Save("plans.txt", []byte(secretNote)); err != nil {
		return err
	}
	st := c.Status()
	print, why := c.May(sdk.Print)
	s.tell(began, Step{
		Name: "the app enrols: a key of this PC, a registration, a policy, a check-in", Asked: "agent: sign in with PKCE and DPoP, register the device, enrol " + edgeID,
		Answer: fmt.Sprintf("registration %s, %s, policy %s", st.RegistrationID, st.Decision.Action, st.PolicyETag),
		Why:    fmt.Sprintf("may it print? %v: %s", print, why), Observed: st.Enrolled && st.Decision.Allowed() && !print,
	})
	s.browser.Prove = c.ProveDevice
	s.pc.run(ctx)
	return nil
}

// admitted is the same browser, now with an agent beside it.
func (s *story) admitted(ctx context.Context) error {
	began := time.Now()
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "the protected browser is in", Asked: "GET " + s.siteURL() + "; the agent signs the nonce of the sign-in page",
		Answer: fmt.Sprintf("%d: %s", p.Status, short(Text(p.Body))), Observed: in(p), Why: "the device proved itself in this sign-in session, and its verdict is compliant",
	})
	return nil
}

// threatened: the partner reports, and the next request is refused.
func (s *story) threatened(ctx context.Context) error {
	began := time.Now()
	if err := s.report(ctx, "activeThreat"); err != nil {
		return err
	}
	answered := time.Since(began)
	p, err := s.browser.load(ctx, http.MethodGet, s.siteURL(), nil)
	if err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "the threat level rises, and the browser is out", Asked: "partner: POST mtd/v1/health activeThreat; then GET " + s.siteURL(),
		Answer: fmt.Sprintf("%d: %s", p.Status, short(Text(p.Body))), Observed: p.Status == http.StatusForbidden && !in(p),
		Why: fmt.Sprintf("%.1f ms from sending the signal to the first refused request (the signal's 2xx after %.1f ms); nothing was admitted in between",
			ms(time.Since(began)), ms(answered)),
	})
	return nil
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s *story) report(ctx context.Context, state string) error {
	_, err := s.made.partner.report(ctx, wire.HealthState{
		UserID: s.made.user, App: edgeID, DeviceID: s.pc.client.Status().DeviceID, State: state, UpdatedAt: s.Now(),
	})
	return err
}

// healed: the partner takes it back, and the next request is admitted.
func (s *story) healed(ctx context.Context) error {
	began := time.Now()
	if err := s.report(ctx, "healthy"); err != nil {
		return err
	}
	p, err := s.browser.load(ctx, http.MethodGet, s.siteURL(), nil)
	if err != nil {
		return err
	}
	s.tell(began, Step{
		Name: "the threat is gone, and the browser is in again", Asked: "partner: POST mtd/v1/health healthy; then GET " + s.siteURL(),
		Answer: fmt.Sprintf("%d: %s", p.Status, short(Text(p.Body))), Observed: in(p), Why: "no new sign-in was needed",
	})
	return nil
}
