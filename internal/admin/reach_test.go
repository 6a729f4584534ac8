package admin_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store"
	"github.com/postern-mam/postern/internal/targeting"
)

// reaches is what changes so far reached; see next.
type reaches struct {
	staff
	kept *store.Store
	last int64
}

func newReaches(t *testing.T) *reaches {
	t.Helper()
	room, kept, b := founded(t)
	return &reaches{staff: staff{Service: room, ctx: t.Context(), tenant: b.Tenant}, kept: kept}
}

// next returns what was announced since the last call.
func (r *reaches) next(t *testing.T) (all []event.Event) {
	t.Helper()
	for _, e := range must(r.kept.Outbox().EventsAfter(r.ctx, r.last, 10_000))(t) {
		all, r.last = append(all, e.Event), e.Sequence
	}
	return all
}

// reach returns whom the one change since the last call can affect.
func (r *reaches) reach(t *testing.T) *event.Reach {
	t.Helper()
	all := r.next(t)
	if len(all) != 1 {
		t.Fatalf("announced: %+v", all)
	}
	return all[0].(event.ConfigChanged).Reach
}

func (r *reaches) wantReach(t *testing.T, want event.Reach) {
	t.Helper()
	if got := r.reach(t); got == nil || !reflect.DeepEqual(*got, want) {
		t.Errorf("reaches %+v, want %+v", got, want)
	}
}

func include(g directory.GroupID) targeting.Assignment {
	return targeting.Assignment{Kind: targeting.IncludeGroup, Group: g}
}

func TestAChangedPolicyReachesWhomItWasForAndWhomItIsFor(t *testing.T) {
	r := newReaches(t)
	a, b := r.group(t, "A"), r.group(t, "B")
	r.next(t)
	const mail directory.PackageID = "com.example.mail"
	p := r.protection()
	p.Assignments = []targeting.Assignment{include(a), {Kind: targeting.ExcludeGroup, Group: b}}
	p = must(r.ProtectionPolicies().Save(r.ctx, p))(t)
	r.wantReach(t, event.Reach{Groups: groups(a), Apps: []directory.PackageID{edge}})
	p.Apps, p.Assignments = []directory.PackageID{mail}, []targeting.Assignment{include(b)}
	p = must(r.ProtectionPolicies().Save(r.ctx, p))(t)
	r.wantReach(t, event.Reach{Groups: groups(b, a), Apps: []directory.PackageID{mail, edge}})
	if err := r.ProtectionPolicies().Delete(r.ctx, r.tenant, string(p.ID)); err != nil {
		t.Fatal(err)
	}
	r.wantReach(t, event.Reach{Groups: groups(b), Apps: []directory.PackageID{mail}})

	c := r.configuration()
	c = must(r.Configurations().Save(r.ctx, c))(t)
	r.wantReach(t, event.Reach{Apps: []directory.PackageID{edge}}) // assigned to no one
	c.Assignments = []targeting.Assignment{{Kind: targeting.AllUsers}}
	must(r.Configurations().Save(r.ctx, c))(t)
	r.wantReach(t, event.Reach{AllUsers: true, Apps: []directory.PackageID{edge}})
}

func TestARuleOfAFilterReachesWhereTheFilterIsUsed(t *testing.T) {
	r := newReaches(t)
	a := r.group(t, "A")
	r.next(t)
	none := event.Reach{Apps: []directory.PackageID{}}
	f := must(r.Filters().Save(r.ctx, r.filter(t, `(app.deviceModel -eq "Book")`)))(t)
	r.wantReach(t, event.Reach{})
	f.Rule = r.filter(t, `(app.deviceModel -eq "Pad")`).Rule
	f = must(r.Filters().Save(r.ctx, f))(t)
	r.wantReach(t, none)

	p := r.protection()
	narrowed := include(a)
	narrowed.Filter, narrowed.Mode = f.ID, targeting.Exclude
	p.Assignments = []targeting.Assignment{narrowed}
	must(r.ProtectionPolicies().Save(r.ctx, p))(t)
	r.next(t)
	f.DisplayName = "Renamed"
	f = must(r.Filters().Save(r.ctx, f))(t)
	r.wantReach(t, none)
	f.Rule = r.filter(t, `(app.deviceModel -eq "Desk")`).Rule
	must(r.Filters().Save(r.ctx, f))(t)
	r.wantReach(t, event.Reach{Groups: groups(a), Apps: []directory.PackageID{edge}})
}

func TestWhoAdministersReachesNoApp(t *testing.T) {
	r := newReaches(t)
	g := r.group(t, "Admins")
	r.next(t)
	role := r.role(t, "Reader", directory.ManagedAppsRead)
	r.assign(t, directory.RoleAssignment{Role: role.ID, Members: groups(g), ScopeTags: []string{r.tag(t, "Berlin")}})
	for _, e := range r.next(t) {
		if reach := e.(event.ConfigChanged).Reach; !reflect.DeepEqual(reach, &event.Reach{}) {
			t.Errorf("%+v", e)
		}
	}
}

func TestAMemberReachesThemselvesAndANestedGroupItsMembers(t *testing.T) {
	r := newReaches(t)
	outer, inner := r.group(t, "Outer"), r.group(t, "Inner")
	ada := must(r.Users().Save(r.ctx, directory.User{Tenant: r.tenant, DisplayName: "Ada", UserPrincipalName: "ada@contoso.example"}))(t)
	r.next(t)
	if err := r.AddMember(r.ctx, r.tenant, outer, string(inner)); err != nil {
		t.Fatal(err)
	}
	r.wantReach(t, event.Reach{Groups: groups(inner)})
	if err := r.AddMember(r.ctx, r.tenant, outer, string(ada.ID)); err != nil {
		t.Fatal(err)
	}
	if all := r.next(t); len(all) != 1 || all[0].(event.UserChanged).User != ada.ID {
		t.Errorf("%+v", all)
	}
	wantInvalid(t, r.AddMember(r.ctx, r.tenant, outer, string(outer)), "itself")

	t.Run("and the end of a group does, too", func(t *testing.T) {
		if err := r.Groups().Delete(r.ctx, r.tenant, string(outer)); err != nil {
			t.Fatal(err)
		}
		all := r.next(t)
		if len(all) != 2 || !reflect.DeepEqual(all[0].(event.ConfigChanged).Reach, &event.Reach{Groups: groups(inner)}) || all[1].(event.UserChanged).User != ada.ID {
			t.Errorf("%+v", all)
		}
	})
}

func TestTheEndOfABigGroupReachesEveryone(t *testing.T) {
	r := newReaches(t)
	big := r.group(t, "Big")
	for i := range 501 {
		g := r.group(t, fmt.Sprint(i))
		if err := r.AddMember(r.ctx, r.tenant, big, string(g)); err != nil {
			t.Fatal(err)
		}
	}
	r.next(t)
	if err := r.Groups().Delete(r.ctx, r.tenant, string(big)); err != nil {
		t.Fatal(err)
	}
	r.wantReach(t, event.Reach{AllUsers: true})
}

func TestAFilterInUseStaysAndEveryUseIsNamed(t *testing.T) {
	r := newReaches(t)
	f := must(r.Filters().Save(r.ctx, r.filter(t, `(app.deviceModel -eq "Book")`)))(t)
	everyone := targeting.Assignment{Kind: targeting.AllUsers, Filter: f.ID, Mode: targeting.Include}
	p, c := r.protection(), r.configuration()
	p.Assignments, c.Assignments = []targeting.Assignment{everyone}, []targeting.Assignment{everyone}
	p, c = must(r.ProtectionPolicies().Save(r.ctx, p))(t), must(r.Configurations().Save(r.ctx, c))(t)
	uses := must(r.FilterUses(r.ctx, r.tenant, f.ID))(t)
	if len(uses) != 2 || uses[0].Policy != string(p.ID) || uses[0].Kind != audit.ProtectionPolicy || uses[1].Policy != string(c.ID) || uses[1].Kind != audit.Configuration || uses[0].Assignment != everyone {
		t.Errorf("%+v", uses)
	}
	wantInvalid(t, r.Filters().Delete(r.ctx, r.tenant, string(f.ID)), "Books", `"Edge"`, `"Pages"`)
	p.Assignments, c.Assignments = nil, nil
	must(r.ProtectionPolicies().Save(r.ctx, p))(t)
	must(r.Configurations().Save(r.ctx, c))(t)
	if err := r.Filters().Delete(r.ctx, r.tenant, string(f.ID)); err != nil {
		t.Error(err)
	}
}

func TestAFilterIsForWhatItWasMadeFor(t *testing.T) {
	r := newReaches(t)
	f := must(r.Filters().Save(r.ctx, r.filter(t, `(app.deviceModel -eq "Book")`)))(t)
	other := f
	other.Platform, other.ForApps = targeting.WindowsDevices, false
	other.Rule = must(targeting.ParseRule(targeting.WindowsDevices, `(device.model -eq "Book")`))(t)
	_, err := r.Filters().Save(r.ctx, other)
	wantInvalid(t, err, "platform", targeting.WindowsApps)

	other.ID, other.Revision = "", 0
	devices := must(r.Filters().Save(r.ctx, other))(t)
	p := r.protection()
	p.Assignments = []targeting.Assignment{{Kind: targeting.AllUsers, Filter: devices.ID, Mode: targeting.Include}}
	_, err = r.ProtectionPolicies().Save(r.ctx, p)
	wantInvalid(t, err, "deviceAndAppManagementAssignmentFilterId", "Books", targeting.WindowsApps)
	p.Assignments[0].Filter = "gone"
	_, err = r.ProtectionPolicies().Save(r.ctx, p)
	wantInvalid(t, err, `there is no assignment filter "gone"`)
}

func TestATenantHasAtMost200Filters(t *testing.T) {
	r := newReaches(t)
	f := r.filter(t, `(app.deviceModel -eq "Book")`)
	for range 200 {
		must(r.Filters().Save(r.ctx, f))(t)
	}
	_, err := r.Filters().Save(r.ctx, f)
	wantInvalid(t, err, "200")
	last := must(r.Filters().List(r.ctx, r.tenant, admin.Query{Limit: 1}))(t)[0]
	last.DisplayName = "still changes"
	must(r.Filters().Save(r.ctx, last))(t)
}

func TestPoliciesReferToWhatExists(t *testing.T) {
	r := newReaches(t)
	g := r.group(t, "Staff")
	p, c := r.protection(), r.configuration()
	p.Assignments, p.ScopeTags = []targeting.Assignment{include("gone"), include(g)}, []string{"77"}
	c.Assignments, c.ScopeTags = p.Assignments, p.ScopeTags
	_, err := r.ProtectionPolicies().Save(r.ctx, p)
	wantInvalid(t, err, `there is no group "gone"`, `there is no scope tag "77"`)
	_, err = r.Configurations().Save(r.ctx, c)
	wantInvalid(t, err, `there is no group "gone"`, `there is no scope tag "77"`)

	p.Assignments, p.ScopeTags = []targeting.Assignment{include(g), include(g)}, nil
	p = must(r.ProtectionPolicies().Save(r.ctx, p))(t)
	if len(p.Assignments) != 1 || !slices.Equal(p.ScopeTags, []string{directory.DefaultScopeTag}) || !strings.HasPrefix(string(p.ID), "T_") {
		t.Errorf("%+v", p)
	}
	if c := must(r.Configurations().Save(r.ctx, r.configuration()))(t); !strings.HasPrefix(string(c.ID), "A_") {
		t.Errorf("%+v", c)
	}
	if err := r.Groups().Delete(r.ctx, r.tenant, string(g)); err != nil {
		t.Fatal(err)
	}
	p.Description = "the group it was for is gone"
	must(r.ProtectionPolicies().Save(r.ctx, p))(t)
}

func TestAUniqueNameIsGivenOnce(t *testing.T) {
	r := newReaches(t)
	g := must(r.Groups().Save(r.ctx, directory.Group{Tenant: r.tenant, DisplayName: "Staff"}))(t)
	g.UniqueName = strings.Repeat("x", 129)
	_, err := r.Groups().Save(r.ctx, g)
	wantInvalid(t, err, "uniqueName")
	g.UniqueName = "staff"
	g = must(r.Groups().Save(r.ctx, g))(t)
	if found := must(r.GroupByUniqueName(r.ctx, r.tenant, "staff"))(t); found != g {
		t.Errorf("%+v", found)
	}
	for _, name := range []string{"", "others"} {
		g.UniqueName = name
		_, err = r.Groups().Save(r.ctx, g)
		wantInvalid(t, err, "uniqueName", `"staff"`)
	}
	if _, err := r.Groups().Save(r.ctx, directory.Group{Tenant: r.tenant, DisplayName: "Others", UniqueName: "staff"}); fault.KindOf(err) != fault.Conflict {
		t.Error(err)
	}
}
