package access_test

import (
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
