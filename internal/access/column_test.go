package access_test

import (
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/access"
)

func TestAColumnSaysWhatNotMatchedSays(t *testing.T) {
	s := access.Compile(access.Rules{Policies: []access.Policy{
		{ID: "a", State: access.Enabled, Conditions: access.Conditions{Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.Browser}}},
		{ID: "b", State: access.Enabled, Conditions: access.Conditions{Users: access.Users{All: true}, Apps: access.Apps{All: true}, ClientAppTypes: []access.ClientAppType{access.OtherClients}}},
	}})
	d := s.Evaluate(&access.Facts{User: "u", ClientAppType: access.Browser})
	if got := d.Column(access.OfClientAppTypes); len(got) != 1 || got[0] != 1 {
		t.Errorf("client app types let %b through, want the first policy alone", got)
	}
	if d.Column(200) != nil || (&access.Decision{}).Column(access.OfUsers) != nil {
		t.Error("what is no condition, or no decision, has a column")
	}
}

func TestEveryConditionThatAPolicyStatesIsSatisfiedOrNot(t *testing.T) {
	full := access.Conditions{
		ClientAppTypes: []access.ClientAppType{access.Browser}, Platforms: &access.Platforms{}, Locations: &access.Locations{},
		SignInRisk: []access.Risk{access.RiskHigh}, UserRisk: []access.Risk{access.RiskHigh}, InsiderRisk: []access.Risk{"minor"},
		WorkloadRisk: []access.Risk{access.RiskHigh}, Device: &access.Filter{}, Transfer: []access.TransferMethod{access.DeviceCodeFlow},
	}
	forApps, plain := full, access.Conditions{ClientAppTypes: []access.ClientAppType{access.AllClientApps}}
	forApps.Workloads = &access.Workloads{}
	rest := []access.Condition{
		access.OfApplications, access.OfClientAppTypes, access.OfPlatforms, access.OfLocations, access.OfSignInRisk, access.OfUserRisk, access.OfInsiderRisk,
		access.OfWorkloadRisk, access.OfDevices, access.OfTransfer,
	}
	for name, c := range map[string]struct {
		conditions access.Conditions
		want       []access.Condition
	}{
		"all, for people": {full, append([]access.Condition{access.OfUsers}, rest...)}, "none": {plain, []access.Condition{access.OfUsers, access.OfApplications}},
		"all, for apps": {forApps, append([]access.Condition{access.OfWorkloads}, rest...)},
	} {
		got := c.conditions.Stated()
		slices.Sort(got)
		slices.Sort(c.want)
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	// What does not match is not satisfied.
	p := policy("p", access.MFA)
	p.Conditions.Platforms = &access.Platforms{Include: []access.Platform{access.MacOS}}
	f := signIn(func(f *access.Facts) { f.Platform = access.Windows })
	d := set(p).Evaluate(&f)
	if got := d.Applied()[0]; !slices.Equal(got.NotMatched, []access.Condition{access.OfPlatforms}) || !slices.Equal(got.Satisfied, []access.Condition{access.OfUsers, access.OfApplications}) {
		t.Errorf("%+v", got)
	}
}
