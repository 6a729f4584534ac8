package admin_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/postern-mam/postern/internal/access"
	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/location"
)

func (s staff) office() location.Location {
	return location.Location{Tenant: s.tenant, DisplayName: "Office", Ranges: []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}}
}

func (s staff) lands() location.Location {
	return location.Location{Tenant: s.tenant, DisplayName: "Lands", Countries: []string{"DE"}}
}

// from is a switched-off policy that names locations.
func (s staff) from(l access.Locations) access.Policy {
	p := s.policy("From there", access.Grant{Controls: []access.Control{access.MFA}})
	p.Conditions.Locations = &l
	return p
}

func TestALocationIsJudgedAndStaysOfItsKind(t *testing.T) {
	s := newStaff(t)
	v := must(s.NamedLocations().Save(s.ctx, s.office()))(t)
	created := v.CreatedAt
	if v.ID == "" || created.IsZero() || v.Revision != 1 {
		t.Errorf("%+v", v)
	}
	v.Trusted = true
	if v = must(s.NamedLocations().Save(s.ctx, v))(t); !v.CreatedAt.Equal(created) || v.ModifiedAt.Before(created) || v.Revision != 2 {
		t.Errorf("%+v", v)
	}
	moved := v
	moved.Ranges, moved.Trusted, moved.Countries = nil, false, []string{"DE"}
	_, err := s.NamedLocations().Save(s.ctx, moved)
	wantInvalid(t, err, "stays of the kind")
	wide := s.office()
	wide.Ranges = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	_, err = s.NamedLocations().Save(s.ctx, wide)
	wantInvalid(t, err, "ipRanges", "10.0.0.0/8")
	land := must(s.NamedLocations().Save(s.ctx, s.lands()))(t)
	land.Countries, land.Ranges = nil, v.Ranges
	_, err = s.NamedLocations().Save(s.ctx, land)
	wantInvalid(t, err, "stays of the kind")
}

func TestALocationThatIsTrustedOrNamedByAPolicyCannotBeDeleted(t *testing.T) {
	s := newStaff(t)
	office := s.office()
	office.Trusted = true
	office = must(s.NamedLocations().Save(s.ctx, office))(t)
	wantInvalid(t, s.NamedLocations().Delete(s.ctx, s.tenant, string(office.ID)), "isTrusted", `"Office"`)
	office.Trusted = false
	office = must(s.NamedLocations().Save(s.ctx, office))(t)
	for _, l := range []access.Locations{{Include: []location.ID{office.ID}}, {All: true, Exclude: []location.ID{office.ID}}} {
		p := must(s.AccessPolicies().Save(s.ctx, s.from(l)))(t)
		wantInvalid(t, s.NamedLocations().Delete(s.ctx, s.tenant, string(office.ID)), `"Office"`, `"From there"`)
		if uses := must(s.LocationUses(s.ctx, s.tenant, office.ID))(t); len(uses) != 1 || uses[0].ID != p.ID {
			t.Errorf("used by %v", uses)
		}
		if err := s.AccessPolicies().Delete(s.ctx, s.tenant, string(p.ID)); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.NamedLocations().Delete(s.ctx, s.tenant, string(office.ID)); err != nil {
		t.Error(err)
	}
}

func TestWhatWasDeletedComesBackAsItWas(t *testing.T) {
	s := newStaff(t)
	p := s.policy("Report", access.Grant{Controls: []access.Control{access.MFA}})
	p.State = access.ReportOnly
	p = must(s.AccessPolicies().Save(s.ctx, p))(t)
	p.Description = "changed once"
	p = must(s.AccessPolicies().Save(s.ctx, p))(t)
	if err := s.AccessPolicies().Delete(s.ctx, s.tenant, string(p.ID)); err != nil {
		t.Fatal(err)
	}
	bin := must(s.AccessPolicies().Deleted(s.ctx, s.tenant, admin.Query{}))(t)
	if len(bin) != 1 || bin[0].Object.ID != p.ID || bin[0].At.IsZero() {
		t.Fatalf("%+v", bin)
	}
	back := must(s.AccessPolicies().Undelete(s.ctx, s.tenant, string(p.ID)))(t)
	if back.ID != p.ID || back.State != access.ReportOnly || back.Description != p.Description || !back.CreatedAt.Equal(p.CreatedAt) || back.Revision != 1 {
		t.Errorf("%+v came back as %+v", p, back)
	}
	if _, err := s.AccessPolicies().Undelete(s.ctx, s.tenant, string(p.ID)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("it came back twice: %v", err)
	}
	last := s.recorded(t, audit.AccessPolicy)
	if e := last[len(last)-1]; e.Activity != "restored from what was deleted" || e.Operation != audit.Create || e.Target != string(p.ID) || len(e.After) == 0 {
		t.Errorf("%+v", e)
	}
}

func TestWhatComesBackIsJudgedByTheRulesOfToday(t *testing.T) {
	s := newStaff(t)
	p := s.policy("Group", access.Grant{Controls: []access.Control{access.MFA}})
	gone := s.group(t, "Gone soon")
	p.Conditions.Users = access.Users{IncludeGroups: []directory.GroupID{gone}}
	p = must(s.AccessPolicies().Save(s.ctx, p))(t)
	for _, err := range []error{s.AccessPolicies().Delete(s.ctx, s.tenant, string(p.ID)), s.Groups().Delete(s.ctx, s.tenant, string(gone))} {
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.AccessPolicies().Undelete(s.ctx, s.tenant, string(p.ID))
	wantInvalid(t, err, "includeGroups", string(gone))
	if bin := must(s.AccessPolicies().Deleted(s.ctx, s.tenant, admin.Query{}))(t); len(bin) != 1 {
		t.Error("a refusal emptied the bin")
	}
}

func TestWhatIsDeletedForGoodIsOnRecordAndNowhereElse(t *testing.T) {
	s := newStaff(t)
	l := must(s.NamedLocations().Save(s.ctx, s.lands()))(t)
	if err := s.NamedLocations().Purge(s.ctx, s.tenant, string(l.ID)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("what is there was deleted for good: %v", err)
	}
	if err := s.NamedLocations().Delete(s.ctx, s.tenant, string(l.ID)); err != nil {
		t.Fatal(err)
	}
	if err := s.NamedLocations().Purge(s.ctx, s.tenant, string(l.ID)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.NamedLocations().GetDeleted(s.ctx, s.tenant, string(l.ID)); fault.KindOf(err) != fault.NotFound {
		t.Errorf("%v", err)
	}
	var told []string
	for _, e := range s.recorded(t, audit.NamedLocation) {
		told = append(told, string(e.Operation)+e.Activity)
	}
	if !slices.Equal(told, []string{"create", "delete", "deletedeleted for good"}) {
		t.Errorf("%q", told)
	}
	if again := must(s.NamedLocations().Restore(s.ctx, s.tenant, string(l.ID), 1))(t); again.ID != l.ID {
		t.Errorf("%+v", again)
	}
}
