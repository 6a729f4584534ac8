package admin

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
)

// Passwords are limited above so that hashing one stays cheap to start, and
// below by what Entra ID demands.
const (
	minPassword = 8
	maxPassword = 256
)

// Users administers people. The last enabled Global Administrator can be
// neither disabled, demoted nor deleted.
func (s *Service) Users() Collection[directory.User] {
	return Collection[directory.User]{
		service: s, kind: audit.User, objects: s.store.Users(),
		check: s.checkUser, admits: s.userAdmits,
		spare: func(ctx context.Context, u directory.User) error {
			return s.keepAdministrator(ctx, u, directory.User{})
		},
		announce: func(_, u *directory.User) event.Event {
			return event.UserChanged{Tenant: u.Tenant, User: u.ID, At: s.now()}
		},
		describe: func(u *directory.User) subject {
			return subject{u.Tenant, string(u.ID), u.Revision, u.UserPrincipalName, nil}
		},
	}
}

// SaveUserWithPassword saves u as Users().Save does, together with a password
// in clear. With mustChange the person chooses another at the next sign-in.
func (s *Service) SaveUserWithPassword(ctx context.Context, u directory.User, password string, mustChange bool) (directory.User, error) {
	if err := checkPassword(password); err != nil {
		return u, err
	}
	users := s.Users()
	note, err := users.prepare(ctx, &u)
	if err != nil {
		return u, err
	}
	if note.Entry.Operation == audit.Change {
		note.Entry.Activity = "password set"
	}
	hash, err := s.passwords.HashPassword(ctx, password) // before the transaction: nothing is hashed inside the writer
	if err != nil {
		return u, err
	}
	return s.store.SaveUserWithPassword(ctx, u, Password{Hash: hash, MustChange: mustChange}, note)
}

// FindUser returns a user by identifier or user principal name.
func (s *Service) FindUser(ctx context.Context, t directory.TenantID, idOrName string) (directory.User, error) {
	if !strings.Contains(idOrName, "@") {
		return s.store.Users().Get(ctx, t, idOrName)
	}
	found, err := s.store.Users().List(ctx, t, Query{Name: idOrName, Limit: 1})
	if err == nil && len(found) == 0 {
		err = fault.New(fault.NotFound, "there is no user %q", idOrName)
	}
	if err != nil {
		return directory.User{}, err
	}
	return found[0], nil
}

func (s *Service) checkUser(ctx context.Context, old, u *directory.User) error {
	if old == nil {
		u.ID, u.CreatedAt = cmp.Or(u.ID, directory.UserID(newID())), s.now()
	}
	errs := []error{
		checkPrincipalName(u.UserPrincipalName),
		checkText("displayName", u.DisplayName, 1, 256),
		checkText("mail", u.Mail, 0, 256),
	}
	u.Roles = slices.Clone(u.Roles)
	for i, r := range u.Roles {
		known, ok := directory.RoleNamed(string(r))
		if !ok {
			errs = append(errs, fault.New(fault.Invalid, "role %q does not exist; valid are %s", r, roleNames()))
		}
		u.Roles[i] = known
	}
	errs = append(errs, checkGuest(u))
	if old != nil {
		errs = append(errs, s.keepAdministrator(ctx, *old, *u))
	}
	return together(errs...)
}

// roleNames lists the directory roles that people may hold.
func roleNames() string {
	var names []string
	for _, t := range directory.RoleTemplates() {
		names = append(names, string(t.Role))
	}
	return strings.Join(names, ", ")
}

// checkGuest wants a kind that exists, and another home of those alone who come
// from elsewhere.
func checkGuest(u *directory.User) error {
	kinds := directory.GuestKinds()
	switch {
	case u.Guest != "" && !slices.Contains(kinds, u.Guest):
		names := make([]string, len(kinds))
		for i, k := range kinds {
			names[i] = string(k)
		}
		return fault.New(fault.Invalid, "postern.externalUserType is %q; valid are none, %s", u.Guest, strings.Join(names, ", "))
	case u.HomeTenant != "" && !u.Guest.External():
		return fault.New(fault.Invalid, "postern.homeTenantId is %q; only external users belong elsewhere: set postern.externalUserType as well", u.HomeTenant)
	}
	return checkText("postern.homeTenantId", string(u.HomeTenant), 0, 64)
}

// keepAdministrator refuses a change from old to u that leaves the tenant
// without anyone who could undo it.
func (s *Service) keepAdministrator(ctx context.Context, old, u directory.User) error {
	if !administers(old) || administers(u) {
		return nil
	}
	another := false
	err := s.Users().All(ctx, old.Tenant, func(o directory.User) bool {
		another = o.ID != old.ID && administers(o)
		return !another
	})
	if err == nil && !another {
		err = fault.New(fault.Invalid, "%s is the last enabled Global Administrator; appoint another first", old.UserPrincipalName)
	}
	return err
}

func administers(u directory.User) bool {
	return u.Enabled && slices.Contains(u.Roles, directory.GlobalAdministrator)
}

func checkPrincipalName(name string) error {
	local, domain, ok := strings.Cut(name, "@")
	bad := func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune(`@/\"<>()[]:;,`, r)
	}
	if !ok || local == "" || !strings.Contains(strings.Trim(domain, "."), ".") || strings.ContainsFunc(local, bad) || strings.ContainsFunc(domain, bad) {
		return fault.New(fault.Invalid, "userPrincipalName is %q; it must look like name@domain.example", name)
	}
	return checkText("userPrincipalName", name, 1, 113)
}

func checkPassword(password string) error {
	if err := checkText("password", password, minPassword, maxPassword); err != nil {
		return fault.New(fault.Invalid, "the password must have between %d and %d characters", minPassword, maxPassword)
	}
	return nil
}

// WipeUser orders the wipe of every app on every device of a user, again and
// again until UnwipeUser, new registrations included. Asking again changes nothing.
func (s *Service) WipeUser(ctx context.Context, t directory.TenantID, id directory.UserID, reason string) error {
	if err := checkText("reason", reason, 0, 256); err != nil {
		return err
	}
	by := string(s.actor.User)
	if by == "" {
		by = string(s.actor.Client)
	}
	return s.act(ctx, t, id, "user wipe ordered", func(u *directory.User) bool {
		if u.Wipe != nil {
			return false
		}
		u.Wipe = &directory.UserWipe{RequestedBy: by, Reason: reason, RequestedAt: s.now()}
		return true
	})
}

// UnwipeUser removes the order of WipeUser. Wipes that are under way go on.
func (s *Service) UnwipeUser(ctx context.Context, t directory.TenantID, id directory.UserID) error {
	return s.act(ctx, t, id, "user wipe removed", func(u *directory.User) bool {
		had := u.Wipe != nil
		u.Wipe = nil
		return had
	})
}

// act changes a user as change says, until nobody overtakes it, and records it as
// an action.
func (s *Service) act(ctx context.Context, t directory.TenantID, id directory.UserID, activity string, change func(u *directory.User) bool) error {
	var err error
	for range attempts {
		u, failed := s.store.Users().Get(ctx, t, string(id))
		if failed != nil {
			return failed
		}
		old := u
		if !change(&u) {
			return nil
		}
		note, failed := s.Users().note(audit.Action, &old, &u)
		if failed != nil {
			return failed
		}
		note.Entry.Activity = activity
		if _, err = s.store.Users().Save(ctx, u, note); fault.KindOf(err) != fault.Conflict {
			return err
		}
	}
	return err
}
