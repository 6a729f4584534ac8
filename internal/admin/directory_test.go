package admin_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/threat"
)

func TestTheLastAdministratorStays(t *testing.T) {
	s := newStaff(t)
	all := must(s.Users().List(s.ctx, s.tenant, admin.Query{}))(t)
	i := slices.IndexFunc(all, func(u directory.User) bool { return len(u.Roles) > 0 })
	last := all[i]
	const appoint = "appoint another first"
	disabled, demoted := last, last
	disabled.Enabled, demoted.Roles = false, nil
	for _, u := range []directory.User{disabled, demoted} {
		_, err := s.Users().Save(s.ctx, u)
		wantInvalid(t, err, appoint)
	}
	wantInvalid(t, s.Users().Delete(s.ctx, s.tenant, string(last.ID)), appoint)

	ada := must(s.Users().Get(s.ctx, s.tenant, string(s.ada)))(t)
	ada.Roles = []directory.Role{directory.GlobalAdministrator, "Reader"}
	_, err := s.Users().Save(s.ctx, ada)
	wantInvalid(t, err, `"Reader" does not exist`)
	ada.Roles = ada.Roles[:1]
	must(s.Users().Save(s.ctx, ada))(t)
	if err := s.Users().Delete(s.ctx, s.tenant, string(last.ID)); err != nil {
		t.Error(err)
	}
}

func TestAUserHasANameAndAPasswordThatCanBe(t *testing.T) {
	s := newStaff(t)
	for _, name := range []string{"", "ada", "ada@", "@contoso.example", "ada@contoso", "a da@contoso.example", "ada@con@toso.example", "ada@.", strings.Repeat("x", 113) + "@contoso.example"} {
		_, err := s.Users().Save(s.ctx, directory.User{Tenant: s.tenant, DisplayName: "X", UserPrincipalName: name})
		wantInvalid(t, err, "userPrincipalName")
	}
	ada := must(s.Users().Get(s.ctx, s.tenant, string(s.ada)))(t)
	for _, password := range []string{"", "1234567", strings.Repeat("x", 257)} {
		_, err := s.SaveUserWithPassword(s.ctx, ada, password, false)
		wantInvalid(t, err, "between 8 and 256")
	}
	again := ada
	again.ID, again.Revision, again.UserPrincipalName = "", 0, "ADA@contoso.example"
	if _, err := s.Users().Save(s.ctx, again); fault.KindOf(err) != fault.Conflict {
		t.Errorf("another with the same name: %v", err)
	}
	if found := must(s.FindUser(s.ctx, s.tenant, "Ada@Contoso.example"))(t); found.ID != s.ada {
		t.Errorf("%+v", found)
	}
	if _, err := s.FindUser(s.ctx, s.tenant, "bo@contoso.example"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func (s staff) members(t *testing.T, list func(q admin.Query) ([]directory.Member, error)) (ids []string) {
	t.Helper()
	for _, m := range must(list(admin.Query{}))(t) {
		ids = append(ids, m.ID)
	}
	return ids
}

func TestGroupsAreInGroups(t *testing.T) {
	s := newStaff(t)
	direct := s.members(t, func(q admin.Query) ([]directory.Member, error) { return s.Members(s.ctx, s.tenant, s.everyone, q) })
	nested := s.members(t, func(q admin.Query) ([]directory.Member, error) {
		return s.TransitiveMembers(s.ctx, s.tenant, s.everyone, q)
	})
	if len(direct) != 1 || direct[0] != string(s.helpers) || len(nested) != 2 || !slices.Contains(nested, string(s.ada)) {
		t.Errorf("%v, %v", direct, nested)
	}
	of := must(s.MemberOf(s.ctx, s.tenant, string(s.ada), admin.Query{}))(t)
	in := must(s.TransitiveMemberOf(s.ctx, s.tenant, string(s.ada), admin.Query{}))(t)
	if len(of) != 1 || of[0].ID != s.helpers || len(in) != 2 {
		t.Errorf("%v, %v", of, in)
	}
	if err := s.AddMember(s.ctx, s.tenant, s.helpers, "nobody"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func TestUsersAndAppsOwnGroups(t *testing.T) {
	s := newStaff(t)
	app := must(s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "Sync"}))(t)
	if found := must(s.AppByObjectID(s.ctx, s.tenant, app.ObjectID))(t); found.ID != app.ID {
		t.Errorf("%+v", found)
	}
	for _, id := range []string{app.ObjectID, string(s.ada)} {
		if err := s.AddOwner(s.ctx, s.tenant, s.helpers, id); err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"nobody", string(app.ID), string(s.everyone)} {
		if err := s.AddOwner(s.ctx, s.tenant, s.helpers, id); fault.KindOf(err) != fault.NotFound {
			t.Errorf("%s: %v", id, err)
		}
	}
	list := func(q admin.Query) ([]directory.Member, error) { return s.Owners(s.ctx, s.tenant, s.helpers, q) }
	if got := s.members(t, list); len(got) != 2 {
		t.Errorf("%v", got)
	}
	if err := s.RemoveOwner(s.ctx, s.tenant, s.helpers, app.ObjectID); err != nil {
		t.Fatal(err)
	}
	if got := s.members(t, list); !slices.Equal(got, []string{string(s.ada)}) {
		t.Errorf("%v", got)
	}
}

func TestAnAppIsReachedWhereItMayBe(t *testing.T) {
	s := newStaff(t)
	taken := must(s.Apps().Save(s.ctx, directory.App{
		Tenant: s.tenant, DisplayName: "Taken", IdentifierURIs: []string{"api://taken"}, Site: &directory.Site{Host: "Wiki.Example", Upstream: "http://wiki.lan:8080/"},
	}))(t)
	if taken.Site.Host != "wiki.example" {
		t.Errorf("%+v", taken.Site)
	}
	site := func(host, upstream string) directory.App {
		return directory.App{Site: &directory.Site{Host: host, Upstream: upstream}}
	}
	redirect := func(uri string, public bool) directory.App {
		return directory.App{RedirectURIs: []string{uri}, Public: public}
	}
	names := func(uri string) directory.App { return directory.App{IdentifierURIs: []string{uri}} }
	for name, c := range map[string]struct {
		app directory.App
		ok  bool
	}{
		"https":                         {redirect("https://app.example/done", false), true},
		"http on loopback":              {redirect("http://127.0.0.1", false), true},
		"a private scheme":              {redirect("com.example.app://done", true), true},
		"a private scheme with secrets": {redirect("com.example.app://done", false), false},
		"http elsewhere":                {redirect("http://app.example/", true), false},
		"a script":                      {redirect("javascript:alert(1)", true), false},
		"a fragment":                    {redirect("https://app.example/#x", false), false},
		"a wildcard":                    {redirect("https://*.example/", false), false},
		"no host":                       {redirect("https:///x", false), false},
		"no address":                    {redirect("://", true), false},
		"a name":                        {names("api://other"), true},
		"another's name":                {names("API://taken/"), false},
		"another's identifier":          {names("api:" + string(taken.ID)), true},
		"our own name":                  {names("https://postern.example/x"), false},
		"no name":                       {names("other"), false},
		"a site":                        {site("intranet.example", "https://10.0.0.1/"), true},
		"another's site":                {site("WIKI.example", "http://x/"), false},
		"our own host":                  {site("postern.example", "http://x/"), false},
		"an address":                    {site("192.0.2.1", "http://x/"), false},
		"a port":                        {site("intranet.example:8443", "http://x/"), false},
		"no upstream":                   {site("other.example", "file:///etc/passwd"), false},
		"a password in the upstream":    {site("other.example", "http://u:p@x/"), false},
		"a permission":                  {directory.App{Permissions: []string{directory.UserRead}}, true},
		"no permission that exists":     {directory.App{Permissions: []string{"User.Everything"}}, false},
		"a public client's permission":  {directory.App{Permissions: []string{directory.UserRead}, Public: true}, false},
	} {
		c.app.Tenant, c.app.DisplayName = s.tenant, name
		_, err := s.Apps().Save(s.ctx, c.app)
		if (err == nil) != c.ok || err != nil && fault.KindOf(err) != fault.Invalid && fault.KindOf(err) != fault.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsPartOfTheProductKeepsItsReach(t *testing.T) {
	s := newStaff(t)
	agent := must(s.Apps().Get(s.ctx, s.tenant, string(directory.AgentClient)))(t)
	wantInvalid(t, s.Apps().Delete(s.ctx, s.tenant, string(agent.ID)), "part of the product")
	changed := agent
	changed.RedirectURIs = []string{"https://evil.example/"}
	_, err := s.Apps().Save(s.ctx, changed)
	wantInvalid(t, err, "part of the product")
	if _, _, err := s.AddSecret(s.ctx, agent, "", time.Time{}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a secret of a public client: %v", err)
	}
	partner := must(s.Apps().Get(s.ctx, s.tenant, string(directory.WindowsSecurityCenter)))(t)
	secret, plain, err := s.AddSecret(s.ctx, partner, "key", time.Time{})
	if err != nil || plain == "" || !strings.HasPrefix(plain, secret.Hint) || secret.ExpiresAt.Before(time.Now().AddDate(1, 11, 0)) {
		t.Errorf("%+v %v", secret, err)
	}
	if _, _, err := s.AddSecret(s.ctx, partner, "", time.Now().Add(-time.Hour)); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a secret that ended before it began: %v", err)
	}
	if err := s.RemoveSecret(s.ctx, partner, "none"); fault.KindOf(err) != fault.NotFound {
		t.Error(err)
	}
}

func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	return must(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
}

func TestWeakKeysDoNotSignIn(t *testing.T) {
	s := newStaff(t)
	strong := certificate(t, must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t))
	app := must(s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "Strong", Keys: []directory.Key{{Certificate: strong}}}))(t)
	if k := app.Keys[0]; k.ID == "" || k.ExpiresAt.IsZero() || k.ExpiresAt.After(time.Now().Add(time.Hour)) {
		t.Errorf("%+v", k)
	}
	weak := certificate(t, must(rsa.GenerateKey(rand.Reader, 1024))(t))
	_, err := s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "Weak", Keys: []directory.Key{{Certificate: weak}, {Certificate: []byte("none")}}})
	wantInvalid(t, err, "keyCredentials[0].key holds a key that is too weak", "keyCredentials[1].key is no X.509 certificate")
}

func TestOnePartnerReports(t *testing.T) {
	s := newStaff(t)
	_, err := s.Connectors().Save(s.ctx, threat.Connector{ID: "nobody", Tenant: s.tenant})
	wantInvalid(t, err, `there is no application "nobody"`)
	c := must(s.Connectors().Save(s.ctx, threat.Connector{ID: directory.WindowsSecurityCenter, Tenant: s.tenant, EnabledForWindows: true}))(t)
	c.UnresponsiveAfter = 91 * 24 * time.Hour
	_, err = s.Connectors().Save(s.ctx, c)
	wantInvalid(t, err, "91", "between 1 and 90")
	other := must(s.Apps().Save(s.ctx, directory.App{Tenant: s.tenant, DisplayName: "Other"}))(t)
	_, err = s.Connectors().Save(s.ctx, threat.Connector{ID: other.ID, Tenant: s.tenant, EnabledForWindows: true})
	wantInvalid(t, err, "only one partner")
}

func TestSettingsOfATenantAreWithinTheirBounds(t *testing.T) {
	s := newStaff(t)
	v := must(s.Tenants().Get(s.ctx, s.tenant, string(s.tenant)))(t)
	v.Settings.EntitledGroup = "gone"
	_, err := s.Tenants().Save(s.ctx, v)
	wantInvalid(t, err, "entitledGroup", `"gone"`)
	v.Settings.EntitledGroup, v.Settings.MaxUsersPerDevice = s.helpers, 101
	_, err = s.Tenants().Save(s.ctx, v)
	wantInvalid(t, err, "maxUsersPerDevice is 101")
	v.Settings.MaxUsersPerDevice, v.Domain = 100, "another.example"
	saved := must(s.Tenants().Save(s.ctx, v))(t)
	if saved.Settings != v.Settings || saved.Domain == v.Domain {
		t.Errorf("%+v", saved)
	}
	if n := fmt.Sprint(must(s.Tenants().Count(s.ctx, s.tenant))(t)); n != "1" {
		t.Error(n)
	}
}
