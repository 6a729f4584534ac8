package proof_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/agreement"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/proof"
	"github.com/postern-mam/postern/internal/strength"
)

// graphPolicy is a policy as people publish it, as far as the proof reads it.
type graphPolicy struct {
	DisplayName, State string
	Conditions         struct {
		Users struct {
			IncludeUsers, ExcludeUsers   []directory.UserID
			IncludeGroups, ExcludeGroups []directory.GroupID
			IncludeRoles, ExcludeRoles   []directory.RoleTemplateID
		}
		Applications struct {
			IncludeApplications, ExcludeApplications    []directory.AppID
			IncludeUserActions                          []access.UserAction
			IncludeAuthenticationContextClassReferences []access.ContextID
		}
		ClientApplications *struct{ IncludeServicePrincipals []directory.AppID }
		ClientAppTypes     []access.ClientAppType
		Platforms          *struct{ IncludePlatforms, ExcludePlatforms []access.Platform }
		Locations          *struct{ IncludeLocations, ExcludeLocations []location.ID }
		SignInRiskLevels   []access.Risk
		UserRiskLevels     []access.Risk
		InsiderRiskLevels  any
		Devices            *struct {
			DeviceFilter *struct{ Mode, Rule string }
		}
		AuthenticationFlows *struct{ TransferMethods string }
	}
	GrantControls *struct {
		Operator               string
		BuiltInControls        []access.Control
		TermsOfUse             []agreement.ID
		AuthenticationStrength *struct{ ID strength.ID }
	}
	SessionControls *struct {
		SecureSignInSession *struct{ IsEnabled bool }
		SignInFrequency     *struct {
			IsEnabled bool
			Type      string
			Value     int
		}
	}
}

// policy puts an identifier in the place of every variable of a template, which
// is what whoever imports it does.
func (g graphPolicy) policy(id string) access.Policy {
	p := access.Policy{ID: access.PolicyID(id), DisplayName: g.DisplayName, State: access.Enabled}
	c, u := &p.Conditions, g.Conditions.Users
	c.Users = access.Users{IncludeGroups: u.IncludeGroups, ExcludeGroups: u.ExcludeGroups, IncludeRoles: u.IncludeRoles, ExcludeRoles: u.ExcludeRoles}
	for _, w := range u.IncludeUsers {
		switch w {
		case "All":
			c.Users.All = true
		case "None":
			c.Users.None = true
		case "GuestsOrExternalUsers":
			c.Users.AnyGuest = true
		default:
			c.Users.Include = append(c.Users.Include, w)
		}
	}
	for _, w := range u.ExcludeUsers {
		if w == "GuestsOrExternalUsers" {
			c.Users.NoGuest = true
		} else {
			c.Users.Exclude = append(c.Users.Exclude, w)
		}
	}
	a := g.Conditions.Applications
	c.Apps.Actions, c.Apps.Contexts = a.IncludeUserActions, a.IncludeAuthenticationContextClassReferences
	for _, w := range a.IncludeApplications {
		switch w {
		case "All":
			c.Apps.All = true
		case "None":
			c.Apps.None = true
		case "Office365", "MicrosoftAdminPortals":
			c.Apps.IncludeGroups = append(c.Apps.IncludeGroups, access.AppGroup(w))
		default:
			c.Apps.Include = append(c.Apps.Include, w)
		}
	}
	for _, w := range a.ExcludeApplications {
		if w == "Office365" || w == "MicrosoftAdminPortals" {
			c.Apps.ExcludeGroups = append(c.Apps.ExcludeGroups, access.AppGroup(w))
		} else {
			c.Apps.Exclude = append(c.Apps.Exclude, w)
		}
	}
	g.rest(&p)
	return p
}

func (g graphPolicy) rest(p *access.Policy) {
	c, from := &p.Conditions, g.Conditions
	c.ClientAppTypes, c.SignInRisk, c.UserRisk = from.ClientAppTypes, from.SignInRiskLevels, from.UserRiskLevels
	if s, ok := from.InsiderRiskLevels.(string); ok {
		c.InsiderRisk = []access.Risk{access.Risk(s)}
	}
	if w := from.ClientApplications; w != nil && len(w.IncludeServicePrincipals) > 0 {
		c.Workloads = &access.Workloads{All: true}
	}
	if on := from.Platforms; on != nil && len(on.IncludePlatforms) > 0 {
		c.Platforms = &access.Platforms{Include: on.IncludePlatforms, Exclude: on.ExcludePlatforms}
	}
	if l := from.Locations; l != nil && len(l.IncludeLocations) > 0 {
		c.Locations = &access.Locations{}
		for _, w := range l.IncludeLocations {
			switch w {
			case "All":
				c.Locations.All = true
			case "AllTrusted":
				c.Locations.AllTrusted = true
			default:
				c.Locations.Include = append(c.Locations.Include, w)
			}
		}
		for _, w := range l.ExcludeLocations {
			if w == "AllTrusted" {
				c.Locations.ExcludeTrusted = true
			} else {
				c.Locations.Exclude = append(c.Locations.Exclude, w)
			}
		}
	}
	if d := from.Devices; d != nil && d.DeviceFilter != nil {
		c.Device = &access.Filter{Exclude: d.DeviceFilter.Mode == "exclude", Rule: d.DeviceFilter.Rule}
	}
	if f := from.AuthenticationFlows; f != nil && f.TransferMethods != "" {
		for m := range strings.SplitSeq(f.TransferMethods, ",") {
			c.Transfer = append(c.Transfer, access.TransferMethod(m))
		}
	}
	if k := g.GrantControls; k != nil {
		p.Grant = access.Grant{Controls: k.BuiltInControls, Terms: k.TermsOfUse}
		if k.Operator == "OR" {
			p.Grant.Operator = access.Or
		}
		if k.AuthenticationStrength != nil {
			p.Grant.Strength = k.AuthenticationStrength.ID
		}
	}
	if k := g.SessionControls; k != nil {
		p.Session = &access.SessionControls{}
		if k.SecureSignInSession != nil && k.SecureSignInSession.IsEnabled {
			p.Session.TokenProtection = access.On
		}
		if q := k.SignInFrequency; q != nil && q.IsEnabled {
			p.Session.Frequency = &access.Frequency{After: time.Duration(max(q.Value, 1)) * time.Hour}
		}
	}
}

// baselines reads what people published, a set of policies by source.
func baselines(t testing.TB) map[string][]access.Policy {
	root := os.Getenv("POSTERN_REALDATA")
	if root == "" {
		if os.Getenv("POSTERN_REQUIRE_DATA") == "1" {
			t.Fatal("POSTERN_REALDATA is not set")
		}
		t.Skip("POSTERN_REALDATA is not set")
	}
	root = filepath.Join(root, "conditional-access")
	out := map[string][]access.Policy{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		doc, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var g graphPolicy
		if err := json.Unmarshal(objects(doc), &g); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		rest, _ := filepath.Rel(root, path)
		source, _, _ := strings.Cut(filepath.ToSlash(rest), "/")
		out[source] = append(out[source], g.policy(fmt.Sprintf("%04d", len(out[source]))))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// objects turns lists with nothing in them into null, as some exporters write for
// objects that are not there.
func objects(doc []byte) []byte {
	return regexp.MustCompile(`\[\s*\]`).ReplaceAll(bytes.TrimPrefix(doc, []byte("\ufeff")), []byte("null"))
}

// published are named locations that templates refer to, as somebody would make them.
func published(policies []access.Policy) access.Rules {
	r := access.Rules{Policies: policies, Strengths: strength.BuiltIns()}
	seen := map[location.ID]bool{}
	for _, p := range policies {
		if l := p.Conditions.Locations; l != nil {
			for _, id := range append(append([]location.ID{}, l.Include...), l.Exclude...) {
				if !seen[id] {
					seen[id] = true
					r.Locations = append(r.Locations, location.Location{ID: id, DisplayName: string(id), Countries: []string{"DE", "FR"}})
				}
			}
		}
	}
	return r
}

// questions that reviewers of a baseline ask.
func questions() map[string]proof.Question {
	hard := access.ControlsOf(access.CompliantApplication, access.CompliantDevice)
	return map[string]proof.Question{
		"no protection on Windows":             {Apps: []directory.AppID{"x"}, Platforms: []access.Platform{access.Windows}, Without: hard},
		"no protection, not even hybrid":       {Apps: []directory.AppID{"x"}, Platforms: []access.Platform{access.Windows}, Without: hard | access.ControlsOf(access.DomainJoinedDevice)},
		"a password alone":                     {Without: access.ControlsOf(access.MFA, access.AuthenticationStrength, access.CompliantDevice, access.DomainJoinedDevice)},
		"a password alone, nobody is excluded": {Without: access.ControlsOf(access.MFA), NotGroups: []directory.GroupID{"<ExclusionTempGroup>", "<ExclusionPermGroup>", "<EmergencyAccessAccountsGroup>", "<SynchronizationServiceAccountsGroup>"}},
		"legacy":                               {ClientAppTypes: []access.ClientAppType{access.OtherClients}},
		"refused":                              {Refused: true, Apps: []directory.AppID{"x"}},
	}
}

func TestEveryBaselineIsProved(t *testing.T) {
	for source, policies := range baselines(t) {
		set := access.Compile(published(policies))
		for name, q := range questions() {
			a, err := proof.Prove(set, proof.World{}, q)
			if err != nil || a.Verdict == proof.Unknown {
				t.Errorf("%s, %s: %s %s: %v", source, name, a.Verdict, a.Why, err)
			}
			t.Logf("%s (%d policies), %s: %s, %d states", source, set.Len(), name, a.Verdict, a.States)
			if a.Witness != nil {
				t.Logf("    %s: %s; %d policies apply", a.Witness.Who, a.Witness.How, len(a.Witness.Applied))
			}
		}
	}
}

// The largest is the one with the most policies.
func BenchmarkProveTheLargestBaseline(b *testing.B) {
	var largest []access.Policy
	for _, policies := range baselines(b) {
		if len(policies) > len(largest) {
			largest = policies
		}
	}
	set := access.Compile(published(largest))
	for name, q := range questions() {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := proof.Prove(set, proof.World{}, q); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(set.Len()), "policies")
		})
	}
}
