package graphclient_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/graphclient"
)

const (
	staff = `{"@odata.type":"#microsoft.graph.group","id":"11111111-1111-4111-8111-111111111111","displayName":"Staff","mailEnabled":false,
		"mailNickname":"staff","securityEnabled":true,"members@odata.bind":["https://elsewhere/v1.0/users/22222222-2222-4222-8222-222222222222"]}`
	ada = `{"id":"22222222-2222-4222-8222-222222222222","displayName":"Ada","accountEnabled":true,"userPrincipalName":"ada@contoso.example","mailNickname":"ada",
		"passwordProfile":{"password":"correct horse","forceChangePasswordNextSignIn":true}}`
	protect = `{"@odata.context":"https://graph.microsoft.com/beta/$metadata#deviceAppManagement/windowsManagedAppProtections/$entity",
		"id":"T_33333333-3333-4333-8333-333333333333","displayName":"Edge","description":null,"version":"\"1\"","createdDateTime":"2020-01-01T00:00:00Z",
		"allowedInboundDataTransferSources":"none","printBlocked":false,"periodOfflineBeforeAccessCheck":"PT720M","periodOfflineBeforeWipeIsEnforced":null,
		"minimumRequiredOsVersion":"22621.2506","minimumRequiredAppVersion":null,"maximumAllowedDeviceThreatLevel":"notConfigured","mobileThreatDefenseRemediationAction":"wipe",
		"pinRequired":true,"roleScopeTagIds":[],"apps@odata.context":"x","apps":[{"mobileAppIdentifier":{"@odata.type":"#microsoft.graph.windowsAppIdentifier","windowsAppId":"com.microsoft.edge"}}],
		"assignments":[{"id":"x_incl","target":{"@odata.type":"#microsoft.graph.groupAssignmentTarget","groupId":"11111111-1111-4111-8111-111111111111"}}]}`
	require = `{"value":[{"displayName":"Require app protection","state":"Enabled","createdDateTime":null,"modifiedDateTime":null,
		"conditions":{"users":{"includeGroups":["11111111-1111-4111-8111-111111111111"],"excludeUsers":[]},"applications":{"includeApplications":["all"]},
			"clientAppTypes@odata.type":"#Collection(graph.conditionalAccessClientApp)","clientAppTypes":["Browser"],"platforms":{"includePlatforms":["Windows"]},"signInRiskLevels":[],"deviceStates":null},
		"grantControls":{"operator":"or","builtInControls":["compliantApplication","compliantDevice"]},"sessionControls":null}]}`
	site = `{"displayName":"Intranet","identifierUris":["api://intranet"],"web":{"redirectUris":["https://app.example/done"]},"signInAudience":"AzureADMyOrg",
		"onPremisesPublishing":{"externalUrl":"https://Intranet.example","internalUrl":"http://10.0.0.5/"}}`
	wsc = `{"windowsMobileApplicationManagementEnabled":true,"partnerState":"enabled","windowsEnabled":true}`
)

func TestApplyMakesTheServiceMatchAndASecondRunChangesNothing(t *testing.T) {
	s := newService(t)
	// In the order of files the policies come first; what they depend on is made before them all the same.
	dir := s.write("a-policy.json", require, "b-protection.json", "["+protect+"]", "c-group.json", staff, "d-user.json", ada, "e.json", wsc, "f.json", site, "notes.txt", "no JSON")
	plan := s.apply(dir)
	if n := plan.Count(graphclient.Create); n != 6 {
		t.Fatalf("%d created, want 6: %+v", n, plan.Changes)
	}
	before := s.writes
	s.unchanged(dir)
	s.apply(dir)
	if s.writes != before {
		t.Errorf("%d requests changed something in the second run", s.writes-before)
	}
	back := s.export()
	s.unchanged(back)
	if _, err := os.Stat(filepath.Join(back, "conditional-access", "require-app-protection.json")); err != nil {
		t.Error(err)
	}
}

func TestAnExportMovesToAnotherService(t *testing.T) {
	s, other := newService(t), newService(t)
	s.apply(s.write("all.json", "["+strings.Join([]string{staff, protect, require, wsc}, ",")+","+ada+"]"))
	back := s.export()
	files, err := filepath.Glob(filepath.Join(back, "users", "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("users: %v %v", files, err)
	}
	if _, err := other.plan(back); err == nil || !strings.Contains(err.Error(), "passwordProfile.password is missing") {
		t.Fatalf("a user without a password: %v", err)
	}
	raw, err := os.ReadFile(filepath.Join(back, "users", "ada-contoso-example.json"))
	if err != nil {
		t.Fatal(err)
	}
	withPassword := strings.Replace(string(raw), "{", `{"passwordProfile":{"password":"correct horse"},`, 1)
	if err := os.WriteFile(filepath.Join(back, "users", "ada-contoso-example.json"), []byte(withPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	other.apply(back) // identifiers are new there; references follow
	other.unchanged(back)
}

func TestDifferencesAreShownPropertyByProperty(t *testing.T) {
	s := newService(t)
	dir := s.write("g.json", staff, "u.json", ada, "p.json", protect, "r.json", require)
	s.apply(dir)
	changed := strings.NewReplacer(`"printBlocked":false`, `"printBlocked":true`, `PT720M`, `PT30M`, "com.microsoft.edge", "com.example.lob",
		`"platforms":{"includePlatforms":["Windows"]},`, "", `"displayName":"Ada"`, `"displayName":"Ada L."`, `"mailNickname":"staff"`, `"mailNickname":"all"`)
	next := s.write("g.json", changed.Replace(staff), "u.json", changed.Replace(ada), "p.json", changed.Replace(protect), "r.json", changed.Replace(require))
	plan := s.apply(next)
	got := map[string]bool{}
	for _, ch := range plan.Changes {
		for _, d := range ch.Differences {
			got[d.Property] = true
		}
	}
	for _, want := range []string{"printBlocked", "periodOfflineBeforeAccessCheck", "apps", "conditions.platforms", "displayName", "mailNickname"} {
		if !got[want] {
			t.Errorf("no difference in %s: %v", want, got)
		}
	}
	if len(got) != 6 || plan.Count(graphclient.Update) != 4 {
		t.Errorf("differences %v in %+v", got, plan.Changes)
	}
	s.unchanged(next)
}

func TestWrongInputIsReportedWholeAndNothingIsSent(t *testing.T) {
	s := newService(t)
	two := strings.Replace(protect, "11111111-1111-4111-8111-111111111111", "$groupid", 1)
	for name, c := range map[string]struct {
		files []string
		words []string
	}{
		"a reference that names nothing": {[]string{"p.json", two}, []string{"p.json", `app protection policy "Edge"`, "assignments[0].target.groupId", "$groupid", "group"}},
		"faults of several files":        {[]string{"a.json", "{", "b.json", `{"displayName":"?"}`, "c.json", `7`}, []string{"a.json", "JSON", "b.json", "@odata.type", "c.json"}},
		"another platform":               {[]string{"i.json", `[{"@odata.type":"#microsoft.graph.iosManagedAppProtection","displayName":"Mobile"}]`}, []string{"i.json[0]", "Mobile", "iOS", "windowsManagedAppProtection"}},
		"an unknown kind":                {[]string{"k.json", `{"@odata.type":"#microsoft.graph.managedDevice","displayName":"Office"}`}, []string{"managedDevice", "not supported"}},
		"one object twice":               {[]string{"a.json", staff, "b.json", strings.Replace(staff, "1111-4111", "9999-4111", 1), "u.json", ada}, []string{"same object", "a.json"}},
		"an object without a name":       {[]string{"a.json", `{"securityEnabled":true}`}, []string{"displayName"}},
		"an empty folder":                {nil, []string{".json"}},
		"a tenant that does not exist":   {[]string{"u.json", strings.Replace(ada, "correct horse", "", 1)}, []string{"passwordProfile"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := s.plan(s.write(c.files...))
			coded, ok := errors.AsType[interface {
				error
				ExitCode() int
			}](err)
			if !ok || coded.ExitCode() != 2 {
				t.Fatalf("%v: no input error", err)
			}
			for _, word := range c.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%v\ndoes not say %q", err, word)
				}
			}
		})
	}
	if s.writes != 0 {
		t.Errorf("%d requests changed something", s.writes)
	}
}

func TestAFailureSaysWhatWasDoneAndWhatWasNot(t *testing.T) {
	s := newService(t)
	bad := strings.Replace(require, `"sessionControls":null`, `"sessionControls":{"signInFrequency":{"isEnabled":true,"type":"hours","value":24}}`, 1)
	last := strings.Replace(require, "Require app protection", "Zzz", 1)
	plan, err := s.plan(s.write("1.json", staff, "2.json", ada, "3.json", bad, "4.json", last))
	if err != nil {
		t.Fatal(err)
	}
	var done []string
	err = s.client.Apply(t.Context(), plan, func(ch graphclient.Change) { done = append(done, ch.Name) })
	refusal, ok := errors.AsType[*graphclient.Error](err)
	if !ok || refusal.ExitCode() != 2 {
		t.Fatalf("%v", err)
	}
	for _, word := range []string{"3.json", "Require app protection", "sessionControls.signInFrequency", "2 of 4 changes were made", "1 were not tried"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%v\ndoes not say %q", err, word)
		}
	}
	if len(done) != 2 {
		t.Errorf("done: %v", done)
	}
}

func TestAPolicyThatWouldLoseAConditionIsRefusedNotWeakened(t *testing.T) {
	s := newService(t)
	s.apply(s.write("g.json", staff, "u.json", ada, "r.json", require))
	stricter := strings.Replace(require, `"deviceStates":null`, `"deviceStates":null,"somethingNew":{"level":3}`, 1)
	plan, err := s.plan(s.write("g.json", staff, "u.json", ada, "r.json", stricter))
	if err != nil || plan.Count(graphclient.Update) != 1 {
		t.Fatalf("%v %+v", err, plan.Changes)
	}
	if err := s.client.Apply(t.Context(), plan, func(graphclient.Change) {}); err == nil || !strings.Contains(err.Error(), "conditions.somethingNew") {
		t.Errorf("%v", err)
	}
}

func TestWrongCredentialsAreExplained(t *testing.T) {
	s := newService(t)
	if _, err := graphclient.New(graphclient.Config{}); err == nil || !strings.Contains(err.Error(), "client secret") {
		t.Errorf("%v", err)
	}
	s.boot.ClientSecret = "rotated"
	if _, err := s.client.Export(t.Context()); err == nil || !strings.Contains(err.Error(), "the client secret is wrong") {
		t.Errorf("%v", err)
	}
}
