package graph

import (
	"net/http"
	"strings"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/mam"
	"github.com/postern-mam/postern/internal/odata"
)

type user struct {
	Type              string      `json:"@odata.type"`
	ID                string      `json:"id"`
	AccountEnabled    bool        `json:"accountEnabled"`
	CreatedDateTime   *string     `json:"createdDateTime"`
	DisplayName       string      `json:"displayName"`
	Mail              *string     `json:"mail"`
	MailNickname      string      `json:"mailNickname"`
	UserPrincipalName string      `json:"userPrincipalName"`
	UserType          string      `json:"userType"`
	Postern           userPostern `json:"postern"`
}

// userPostern is what Graph keeps in directoryRoles.
type userPostern struct {
	Roles []string `json:"roles"`
}

func viewUser(u directory.User) user {
	nickname, _, _ := strings.Cut(u.UserPrincipalName, "@")
	return user{
		Type: "#microsoft.graph.user", ID: string(u.ID), AccountEnabled: u.Enabled, CreatedDateTime: stamp(u.CreatedAt),
		DisplayName: u.DisplayName, Mail: text(u.Mail), MailNickname: nickname, UserPrincipalName: u.UserPrincipalName,
		UserType: "Member", Postern: userPostern{Roles: texts(u.Roles)},
	}
}

func (d *Door) users() resource[directory.User] {
	return resource[directory.User]{
		path: "users", items: d.Admin.Users(), name: "userPrincipalName", patched: http.StatusNoContent,
		id:       func(u directory.User) string { return string(u.ID) },
		revision: func(u directory.User) int64 { return u.Revision },
		view:     func(_ *call, u directory.User) (any, error) { return viewUser(u), nil },
		find: func(c *call, key odata.Segment) (directory.User, error) {
			if key.Property != "" && key.Property != "userPrincipalName" {
				return directory.User{}, fault.New(fault.Invalid, "key property %q is not supported on users; use the id or userPrincipalName", key.Property)
			}
			return d.Admin.FindUser(c.ctx, c.tenant(), key.Text)
		},
		read: readUser, guard: guardUser, save: d.saveUser,
		props: map[string]func(directory.User) string{
			"id":                func(u directory.User) string { return string(u.ID) },
			"displayName":       func(u directory.User) string { return u.DisplayName },
			"userPrincipalName": func(u directory.User) string { return u.UserPrincipalName },
			"mail":              func(u directory.User) string { return u.Mail },
		},
	}
}

func readUser(c *call, o *odata.Object, u *directory.User) {
	if u.Revision == 0 {
		u.Tenant, u.Enabled = c.tenant(), true
		if o.Object("passwordProfile") == nil {
			o.Refuse("passwordProfile", "is missing; a new user needs one with a password")
		}
	}
	o.Flag("accountEnabled", &u.Enabled)
	o.Text("displayName", &u.DisplayName)
	o.Text("mail", &u.Mail)
	o.Text("userPrincipalName", &u.UserPrincipalName)
	if p := o.Object("postern"); p != nil {
		roles := texts(u.Roles)
		p.Texts("roles", &roles)
		u.Roles = typed[directory.Role](roles)
	}
	readPassword(o)
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

// guardUser keeps callers from making themselves, or taking over, someone who
// may do more than they may.
func guardUser(c *call, o *odata.Object, old, u directory.User) error {
	gained := admin.PowersOf(u.Roles)
	if o != nil && !o.Has("passwordProfile") && len(admin.PowersOf(old.Roles)) == len(gained) && old.Enabled == u.Enabled &&
		old.UserPrincipalName == u.UserPrincipalName {
		return nil // neither roles, nor credentials, nor standing change
	}
	if err := admin.MayEmpower(c.who, gained); err != nil {
		return err
	}
	return admin.MayEmpower(c.who, admin.PowersOf(old.Roles))
}

func (d *Door) saveUser(c *call, o *odata.Object, u directory.User) (directory.User, error) {
	password, mustChange, given := readPassword(o)
	if !given {
		return d.Admin.Users().Save(c.ctx, u)
	}
	return d.Admin.SaveUserWithPassword(c.ctx, u, password, mustChange)
}

func (d *Door) userMemberOf(c *call) error {
	u, err := d.users().one(c)
	if err != nil {
		return err
	}
	return d.memberOf(c, "users/"+string(u.ID)+"/memberOf", string(u.ID))
}

// wipe orders a selective wipe of a user's apps on the device that property of
// the body names: organisation data goes, the person's own stays.
func (d *Door) wipe(property string) func(c *call) error {
	return func(c *call) error {
		o, err := c.body()
		if err != nil {
			return err
		}
		var device string
		o.Text(property, &device)
		if device == "" {
			o.Refuse(property, "is missing; it names the device to wipe")
		}
		if err := o.Err(); err != nil {
			return err
		}
		u, err := d.users().one(c)
		if err != nil {
			return err
		}
		_, err = d.Registrations.RequestWipe(c.ctx, mam.WipeRequest{
			Tenant: c.tenant(), User: u.ID, Device: directory.DeviceID(device), RequestedBy: c.actor(),
		})
		if err != nil {
			return err
		}
		return c.noContent()
	}
}
