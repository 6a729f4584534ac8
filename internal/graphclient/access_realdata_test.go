package graphclient_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/graphclient"
	"github.com/postern-mam/postern/internal/location"
	"github.com/postern-mam/postern/internal/strength"
)

// references are what published policies name in tenants that are not ours, or
// leave open. As documents beside a policy they put objects of ours in its place.
const references = `[
	{"@odata.type":"#microsoft.graph.group","id":"<ExclusionTempGroup>","displayName":"Excluded for now","securityEnabled":true,"mailEnabled":false,"mailNickname":"a"},
	{"@odata.type":"#microsoft.graph.group","id":"<ExclusionPermGroup>","displayName":"Excluded for good","securityEnabled":true,"mailEnabled":false,"mailNickname":"b"},
	{"@odata.type":"#microsoft.graph.group","id":"<EmergencyAccessAccountsGroup>","displayName":"Emergency access","securityEnabled":true,"mailEnabled":false,"mailNickname":"c"},
	{"@odata.type":"#microsoft.graph.group","id":"<SynchronizationServiceAccountsGroup>","displayName":"Synchronization","securityEnabled":true,"mailEnabled":false,"mailNickname":"d"},
	{"@odata.type":"#microsoft.graph.group","id":"<AdministratorGroup>","displayName":"Administrators","securityEnabled":true,"mailEnabled":false,"mailNickname":"e"},
	{"@odata.type":"#microsoft.graph.group","id":"<AADP2Group>","displayName":"Licensed","securityEnabled":true,"mailEnabled":false,"mailNickname":"f"},
	{"@odata.type":"#microsoft.graph.group","id":"f753047e-de31-4c74-a6fb-c38589047723","displayName":"Excluded","securityEnabled":true,"mailEnabled":false,"mailNickname":"g"},
	{"@odata.type":"#microsoft.graph.group","id":"6c96716b-b32b-40b8-9009-49748bb6fcd5","displayName":"Included","securityEnabled":true,"mailEnabled":false,"mailNickname":"h"},
	{"@odata.type":"#microsoft.graph.application","appId":"797f4846-ba00-4fd7-ba43-dac1f8f63013","displayName":"Azure management"},
	{"@odata.type":"#microsoft.graph.application","appId":"00000002-0000-0ff1-ce00-000000000000","displayName":"Mail"},
	{"@odata.type":"#microsoft.graph.application","appId":"00000003-0000-0ff1-ce00-000000000000","displayName":"Files"},
	{"@odata.type":"#microsoft.graph.ipNamedLocation","id":"3d46dbda-8382-466a-856d-eb00cbc6b910","displayName":"All compliant network locations",
		"isTrusted":true,"ipRanges":[{"@odata.type":"#microsoft.graph.iPv4CidrRange","cidrAddress":"203.0.113.0/24"}]},
	{"@odata.type":"#microsoft.graph.agreement","id":"ToU","displayName":"Terms for guests","isViewingBeforeAcceptanceRequired":true,"isPerDeviceAcceptanceRequired":false,
		"files":[{"fileName":"terms.txt","language":"en","isDefault":true,"fileData":{"data":"QmUga2luZC4="}}]}]`

// refusal is why a published policy is not taken as it is, and what it needs;
// nil: it cannot be had here.
type refusal struct {
	why  string
	mend func(o map[string]any)
}

// refusals of what is published, by the name of the file. The list is what
// docs/spec/conditional-access-import.md says.
func refusals() map[string]refusal {
	network := refusal{why: "globalSecureAccess is set; there is no network of Global Secure Access here"}
	stateless := refusal{"state is missing", func(o map[string]any) { o["state"] = "disabled" }} // the kit that these belong to adds it
	action := refusal{"a policy about user actions cannot be report-only", func(o map[string]any) { o["state"] = "enabled" }}
	out := map[string]refusal{
		"801 - RING - Global Secure Access - M365 Traffic Require Strong Auth.json": network,
		"802 - RING - Global Secure Access - Specific Websites Block.json":          network,
	}
	for _, name := range []string{
		"Block access for unknown or unsupported device platform", "Block legacy authentication", "No persistent browser session",
		"Require MDM-enrolled and compliant device to access cloud apps for all users (Preview)",
		"Require compliant or hybrid Azure AD joined device for admins",
		"Require compliant or hybrid Azure AD joined device or multifactor authentication for all users",
		"Require multifactor authentication for Azure management", "Require multifactor authentication for Microsoft admin portals",
		"Require multifactor authentication for admins", "Require multifactor authentication for all users",
		"Require multifactor authentication for guest access", "Require phishing-resistant multifactor authentication for admins",
		"Securing security info registration", "Use application enforced restrictions for O365 apps",
	} {
		out[name+".json"] = stateless
	}
	for _, name := range []string{
		"201 - RING - Base protection - Register security information Require MFA or trusted device or trusted location For internal users",
		"211 - RING - Base protection - Register or Join Entra ID Device Require Strong Auth or trusted location For internal users",
		"template-require-mfa-security-info-registration",
	} {
		out[name+".json"] = action
	}
	return out
}

func TestRealConditionalAccessPoliciesComeBackAsTheyWereMeant(t *testing.T) {
	s := newService(t)
	for _, file := range realData(t, "conditional-access")[:1] {
		if _, err := s.plan(file); err == nil || !strings.Contains(err.Error(), `is "<AdministratorGroup>"; neither the service nor the input has such a group`) {
			t.Errorf("%s: what it leaves open was not reported: %v", file, err)
		}
	}
	s.apply(s.write("0-references.json", references))
	known, met := refusals(), map[string]bool{}
	imported, mended, refused := 0, 0, map[string]int{}
	for i, file := range realData(t, "conditional-access") {
		var sent map[string]any
		if err := json.Unmarshal([]byte(read(t, file)), &sent); err != nil {
			t.Fatal(err)
		}
		sent["displayName"] = fmt.Sprintf("%03d %s", i, sent["displayName"]) // many are published more than once
		err := s.tries(sent)
		if r, ok := known[filepath.Base(file)]; ok || err != nil {
			met[filepath.Base(file)] = true
			if err == nil || !ok || !strings.Contains(err.Error(), r.why) {
				t.Errorf("%s: %v", file, err)
				continue
			}
			if refused[r.why]++; r.mend == nil {
				continue
			}
			r.mend(sent)
			if err := s.tries(sent); err != nil {
				t.Errorf("%s: once mended: %v", file, err)
				continue
			}
			mended++
		} else {
			imported++
		}
		s.shows(file, sent)
	}
	for name := range known {
		if !met[name] {
			t.Errorf("%s is not refused any more; take it off the list", name)
		}
	}
	t.Logf("%d are taken as they are, %d once mended; refused: %v", imported, mended, refused)
	s.moves()
	s.decides(imported + mended)
}

// tries applies one policy beside what it refers to.
func (s *service) tries(body map[string]any) error {
	s.Helper()
	doc, err := json.Marshal(body)
	if err != nil {
		s.Fatal(err)
	}
	dir := s.write("0-references.json", references, "policy.json", string(doc))
	plan, err := s.plan(dir)
	if err == nil {
		err = s.client.Apply(s.Context(), plan, func(graphclient.Change) {})
	}
	if err == nil {
		s.unchanged(dir)
	}
	return err
}

// shows wants the newest policy to be what was sent: nothing less, and nothing
// more than what Graph takes for granted.
func (s *service) shows(file string, sent map[string]any) {
	s.Helper()
	docs, err := s.client.Documents(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	names := map[string]string{}
	var got map[string]any
	for _, d := range docs {
		names[d.Kind.Identifier(d.Body)] = d.Name()
		if d.Kind.Folder == "conditional-access" && d.Name() == sent["displayName"] {
			got = d.Body
		}
	}
	var refs []map[string]any
	if err := json.Unmarshal([]byte(references), &refs); err != nil {
		s.Fatal(err)
	}
	for _, r := range refs {
		for _, id := range []string{"id", "appId"} {
			if text, ok := r[id].(string); ok {
				names[text], _ = r["displayName"].(string)
			}
		}
	}
	want, have := said("", sent, names), said("", got, names)
	w, _ := json.Marshal(want)
	h, _ := json.Marshal(have)
	if string(w) != string(h) {
		s.Errorf("%s: sent was\n%s\nthere is\n%s", file, w, h)
	}
}

// said is what a value says, nil for nothing: without what is empty, annotations
// and the service's own; identifiers as names, words in one case.
func said(name string, v any, names map[string]string) any {
	switch v := v.(type) {
	case string:
		if n, ok := names[v]; ok {
			return "the " + n
		}
		if slices.Contains([]string{"primaryAndSecondaryAuthentication", "timeBased"}, v) && (name == "authenticationType" || name == "frequencyInterval") || v == "" {
			return nil
		}
		return strings.ToLower(v)
	case []any:
		var out []any
		for _, item := range v {
			out = append(out, said(name, item, names))
		}
		if len(out) == 0 || name == "clientAppTypes" && len(out) == 1 && out[0] == "all" {
			return nil
		}
		return out
	case map[string]any:
		v = maps.Clone(v)
		maps.DeleteFunc(v, func(n string, _ any) bool {
			return strings.Contains(n, "@odata.") || name == "" && slices.Contains([]string{"id", "createdDateTime", "modifiedDateTime"}, n) || name == "authenticationStrength" && n != "id"
		})
		out := map[string]any{}
		for n, member := range v {
			if m := said(n, member, names); m != nil {
				out[n] = m
			}
		}
		if len(out) == 0 || name == "grantControls" && len(out) == 1 && out["operator"] != nil {
			return nil
		}
		return out
	case nil:
		return nil
	}
	return v
}

// moves wants an export to make another tenant alike, which then exports the same.
func (s *service) moves() {
	s.Helper()
	first := s.export()
	s.unchanged(first)
	other := newService(s.T)
	for _, folder := range []string{"groups", "applications"} {
		other.apply(filepath.Join(first, folder))
	}
	other.apply(first)
	second := other.export()
	want, got := normal(s.T, first), normal(s.T, second)
	for name := range want {
		if strings.HasPrefix(name, "conditional-access") || strings.HasPrefix(name, "named-locations") || strings.HasPrefix(name, "terms-of-use") {
			if want[name] != got[name] {
				s.Errorf("%s was\n%s\nand is\n%s", name, want[name], got[name])
			}
		}
	}
}

// decides wants policies that compile, and a sign-in that they decide.
func (s *service) decides(n int) {
	s.Helper()
	rules := access.Rules{Strengths: strength.BuiltIns()}
	if err := s.room.AccessPolicies().All(s.Context(), s.boot.Tenant, func(p access.Policy) bool {
		rules.Policies = append(rules.Policies, p)
		return true
	}); err != nil {
		s.Fatal(err)
	}
	if err := s.room.NamedLocations().All(s.Context(), s.boot.Tenant, func(l location.Location) bool {
		rules.Locations = append(rules.Locations, l)
		return true
	}); err != nil {
		s.Fatal(err)
	}
	set := access.Compile(rules)
	d := set.Evaluate(&access.Facts{
		User: "ada", Roles: []directory.RoleTemplateID{"62e90394-69f5-4237-9190-012177145e10"}, Resources: []access.Resource{{ID: "mail", Groups: []access.AppGroup{access.Office365}}},
		ClientAppType: access.Browser, Platform: access.Windows, Now: time.Now(), AuthAt: time.Now(),
	})
	if set.Len() != n || len(d.Findings) == 0 {
		s.Errorf("%d policies were imported, %d compiled, %d apply", n, set.Len(), len(d.Findings))
	}
}
