package entra

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/httpapi/graph"
	"github.com/postern-mam/postern/internal/odata"
)

type user struct {
	Type              string      `json:"@odata.type"`
	ID                string      `json:"id"`
	AccountEnabled    bool        `json:"accountEnabled"`
	CreatedDateTime   *string     `json:"createdDateTime"`
	DisplayName       string      `json:"displayName"`
	BusinessPhones    []string    `json:"businessPhones"`
	GivenName         *string     `json:"givenName"`
	JobTitle          *string     `json:"jobTitle"`
	Mail              *string     `json:"mail"`
	MailNickname      string      `json:"mailNickname"`
	UserPrincipalName string      `json:"userPrincipalName"`
	UserType          string      `json:"userType"`
	Postern           userPostern `json:"postern"`
}

// userPostern is what Graph keeps in directoryRoles and in identities.
type userPostern struct {
	Roles            []string `json:"roles"`
	ExternalUserType string   `json:"externalUserType"`
	HomeTenantID     *string  `json:"homeTenantId"`
}

// The two types of users that Graph tells apart.
const (
	member = "Member"
	guest  = "Guest"
)

// userType tells members from guests: external members are members.
func userType(u directory.User) string {
	if u.Guest == "" || u.Guest == directory.B2BCollaborationMember {
		return member
	}
	return guest
}

func viewUser(u directory.User) user {
	nickname, _, _ := strings.Cut(u.UserPrincipalName, "@")
	return user{
		Type: "#microsoft.graph.user", ID: string(u.ID), AccountEnabled: u.Enabled, CreatedDateTime: graph.Stamp(u.CreatedAt),
		BusinessPhones: []string{}, DisplayName: u.DisplayName, Mail: graph.Text(u.Mail), MailNickname: nickname, UserPrincipalName: u.UserPrincipalName,
		UserType: userType(u), Postern: userPostern{
			Roles: graph.Texts(u.Roles), ExternalUserType: cmp.Or(string(u.Guest), "none"), HomeTenantID: graph.Text(string(u.HomeTenant)),
		},
	}
}

func (d *Area) users() graph.Set[directory.User] {
	return graph.Set[directory.User]{
		Path:  "users",
		Items: func(c *graph.Call) admin.Collection[directory.User] { return d.as(c).Users() },
		Kind:  "graph.user", Read: directory.UserRead, Write: directory.UserWrite, Directory: true, Name: "userPrincipalName", Patched: http.StatusNoContent,
		ID:       func(u directory.User) string { return string(u.ID) },
		Revision: func(u directory.User) int64 { return u.Revision },
		View:     func(_ *graph.Call, u directory.User) (any, error) { return viewUser(u), nil },
		Find: func(c *graph.Call, key odata.Segment) (directory.User, error) {
			if key.Property != "" && key.Property != "userPrincipalName" {
				return directory.User{}, fault.New(fault.Invalid, "key property %q is not supported on users; use the id or userPrincipalName", key.Property)
			}
			return d.as(c).FindUser(c.Ctx, c.Tenant(), key.Text)
		},
		Take: readUser, Guard: d.guardUser, Save: d.saveUser,
	}
}

func readUser(c *graph.Call, o *odata.Object, u *directory.User) {
	if u.Revision == 0 {
		u.Tenant, u.Enabled = c.Tenant(), true
		if o.Object("passwordProfile") == nil {
			o.Refuse("passwordProfile", "is missing; a new user needs one with a password")
		}
	}
	o.Flag("accountEnabled", &u.Enabled)
	o.Text("displayName", &u.DisplayName)
	o.Text("mail", &u.Mail)
	o.Text("userPrincipalName", &u.UserPrincipalName)
	kind := userType(*u)
	if o.Word("userType", &kind, member, guest); kind != userType(*u) {
		u.Guest = turned(u.Guest, kind)
	}
	if p := o.Object("postern"); p != nil {
		roles, of, home := graph.Texts(u.Roles), cmp.Or(string(u.Guest), "none"), string(u.HomeTenant)
		p.Texts("roles", &roles)
		p.Text("externalUserType", &of)
		p.Text("homeTenantId", &home)
		if of == "none" {
			of = ""
		}
		u.Roles, u.Guest, u.HomeTenant = graph.Typed[directory.Role](roles), directory.GuestKind(of), directory.TenantID(home)
	}
	readPassword(o)
}

// turned is the kind of somebody whose userType is set to the other one. Who is
// external stays so.
func turned(k directory.GuestKind, to string) directory.GuestKind {
	switch {
	case to == guest && k == directory.B2BCollaborationMember:
		return directory.B2BCollaborationGuest
	case to == guest:
		return directory.InternalGuest
	case k.External():
		return directory.B2BCollaborationMember
	default:
		return ""
	}
}

// readPassword returns the password in a body, and whether the person must
// choose another at the next sign-in, which is what Graph assumes.
func readPassword(o *odata.Object) (password string, mustChange, given bool) {
	p := o.Object("passwordProfile")
	if p == nil {
		return "", false, false
	}
	mustChange = true
	p.Secret("password", &password)
	p.Flag("forceChangePasswordNextSignIn", &mustChange)
	if password == "" {
		p.Refuse("password", "is missing")
	}
	return password, mustChange, true
}

func (d *Area) saveUser(c *graph.Call, o *odata.Object, u directory.User) (directory.User, error) {
	password, mustChange, given := readPassword(o)
	if !given {
		return d.as(c).Users().Save(c.Ctx, u)
	}
	return d.as(c).SaveUserWithPassword(c.Ctx, u, password, mustChange)
}

func (d *Area) userRoutes() []graph.Route {
	users := d.users()
	routes := append(users.Routes(), d.memberships("users", directory.UserRead, users.Path, func(c *graph.Call) (string, error) {
		u, err := users.One(c)
		return string(u.ID), err
	})...)
	return append(routes,
		get("me", directory.UserRead, func(c *graph.Call) error { return d.me(c, users) }),
		get("users/{}/registeredDevices", directory.DeviceRead, d.devicesOf),
		get("users/{}/ownedDevices", directory.DeviceRead, d.devicesOf),
		get("users/{}/appRoleAssignments", directory.UserRead, func(c *graph.Call) error {
			if _, err := users.One(c); err != nil {
				return err
			}
			return c.Answer(graph.Rows("users/"+c.Key(0)+"/appRoleAssignments", "graph.appRoleAssignment", nil))
		}),
	)
}

// me is the user who asks.
func (d *Area) me(c *graph.Call, users graph.Set[directory.User]) error {
	if c.Who.User == "" {
		return graph.Coded(http.StatusBadRequest, "BadRequest", fault.New(fault.Invalid, "/me request is only valid with delegated authentication flow."))
	}
	u, err := d.as(c).Users().Get(c.Ctx, c.Tenant(), string(c.Who.User))
	if err != nil {
		return err
	}
	return users.Answer(c, http.StatusOK, u)
}
