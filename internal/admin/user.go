package admin

import (
	"context"
	"slices"
	"strings"
	"unicode"

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
		objects: s.store.Users(),
		check:   s.checkUser,
		spare: func(ctx context.Context, u directory.User) error {
			return s.keepAdministrator(ctx, u, directory.User{})
		},
		announce: func(u directory.User) event.Event {
			return event.UserChanged{Tenant: u.Tenant, User: u.ID, At: s.now()}
		},
		key: func(u directory.User) (directory.TenantID, string, int64) {
			return u.Tenant, string(u.ID), u.Revision
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
	if err := users.prepare(ctx, &u); err != nil {
		return u, err
	}
	hash, err := s.passwords.HashPassword(ctx, password) // before the transaction: nothing is hashed inside the writer
	if err != nil {
		return u, err
	}
	return s.store.SaveUserWithPassword(ctx, u, Password{Hash: hash, MustChange: mustChange}, users.announce(u))
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
		u.ID, u.CreatedAt = directory.UserID(newID()), s.now()
	}
	errs := []error{
		checkPrincipalName(u.UserPrincipalName),
		checkText("displayName", u.DisplayName, 1, 256),
		checkText("mail", u.Mail, 0, 256),
	}
	for _, r := range u.Roles {
		if r != directory.GlobalAdministrator {
			errs = append(errs, fault.New(fault.Invalid, "role %q does not exist; %q does", r, directory.GlobalAdministrator))
		}
	}
	if old != nil {
		errs = append(errs, s.keepAdministrator(ctx, *old, *u))
	}
	return together(errs...)
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

// Members lists the direct members of a group; fault.NotFound without one.
func (s *Service) Members(ctx context.Context, t directory.TenantID, g directory.GroupID) ([]directory.Member, error) {
	if _, err := s.store.Groups().Get(ctx, t, string(g)); err != nil {
		return nil, err
	}
	return s.store.Members(ctx, t, g)
}

// AddMember puts a user or a group, whichever id names, into a group. Groups
// may contain each other in a circle, but none contains itself.
func (s *Service) AddMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	if id == string(g) {
		return fault.New(fault.Invalid, "group %q cannot be a member of itself", id)
	}
	m, err := s.Member(ctx, t, id)
	if err != nil {
		return err
	}
	return s.store.AddMember(ctx, t, g, m, s.membership(t, m))
}

// RemoveMember takes a direct member out of a group; fault.NotFound when it is none.
func (s *Service) RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	m, err := s.Member(ctx, t, id)
	if err != nil {
		return err
	}
	return s.store.RemoveMember(ctx, t, g, id, s.membership(t, m))
}

// Member says whether id names a user or a group; fault.NotFound when neither.
func (s *Service) Member(ctx context.Context, t directory.TenantID, id string) (directory.Member, error) {
	_, err := s.store.Users().Get(ctx, t, id)
	if err == nil {
		return directory.Member{Kind: directory.MemberUser, ID: id}, nil
	}
	if fault.KindOf(err) != fault.NotFound {
		return directory.Member{}, err
	}
	if _, err = s.store.Groups().Get(ctx, t, id); err == nil {
		return directory.Member{Kind: directory.MemberGroup, ID: id}, nil
	}
	return directory.Member{}, err
}

// GroupsOf lists the groups that id, a user or a group, is a direct member of.
func (s *Service) GroupsOf(ctx context.Context, t directory.TenantID, id string) ([]directory.Group, error) {
	return s.store.MemberOf(ctx, t, id)
}

// membership announces a change of one person's groups, or of everyone's when a
// whole group moved.
func (s *Service) membership(t directory.TenantID, m directory.Member) event.Event {
	if m.Kind == directory.MemberUser {
		return event.UserChanged{Tenant: t, User: directory.UserID(m.ID), At: s.now()}
	}
	return s.changed(t, "group")
}
