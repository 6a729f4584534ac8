package admin

import (
	"context"

	"github.com/postern-mam/postern/internal/audit"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
)

// Members lists the direct members of a group, in identifier order;
// fault.NotFound without one.
func (s *Service) Members(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error) {
	return s.store.Members(ctx, t, g, q)
}

// TransitiveMembers lists the members of a group, direct and nested, in
// identifier order; fault.NotFound without one.
func (s *Service) TransitiveMembers(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error) {
	return s.store.TransitiveMembers(ctx, t, g, q)
}

// MemberOf lists the groups that id, a user or a group, is a direct member of.
func (s *Service) MemberOf(ctx context.Context, t directory.TenantID, id string, q Query) ([]directory.Group, error) {
	return s.store.MemberOf(ctx, t, id, q)
}

// TransitiveMemberOf lists the groups that id, a user or a group, is a member
// of, direct and nested.
func (s *Service) TransitiveMemberOf(ctx context.Context, t directory.TenantID, id string, q Query) ([]directory.Group, error) {
	return s.store.TransitiveMemberOf(ctx, t, id, q)
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
	note, err := s.membership(ctx, t, g, m, "member added")
	if err != nil {
		return err
	}
	return s.store.AddMember(ctx, t, g, m, note)
}

// RemoveMember takes a direct member out of a group; fault.NotFound when it is none.
func (s *Service) RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	m, err := s.Member(ctx, t, id)
	if err != nil {
		return err
	}
	note, err := s.membership(ctx, t, g, m, "member removed")
	if err != nil {
		return err
	}
	return s.store.RemoveMember(ctx, t, g, id, note)
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

// Owners lists the owners of a group: users, and applications by their object
// identifier. What an owner may do is a matter of roles.
func (s *Service) Owners(ctx context.Context, t directory.TenantID, g directory.GroupID, q Query) ([]directory.Member, error) {
	return s.store.Owners(ctx, t, g, q)
}

// Owner says whether id names a user or an application; fault.NotFound when neither.
func (s *Service) Owner(ctx context.Context, t directory.TenantID, id string) (directory.Member, error) {
	_, err := s.store.Users().Get(ctx, t, id)
	if err == nil {
		return directory.Member{Kind: directory.MemberUser, ID: id}, nil
	}
	if fault.KindOf(err) != fault.NotFound {
		return directory.Member{}, err
	}
	_, err = s.store.AppByObjectID(ctx, t, id)
	return directory.Member{Kind: directory.MemberApp, ID: id}, err
}

// AddOwner makes a user or an application, whichever id names, an owner of a group.
func (s *Service) AddOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	m, err := s.Owner(ctx, t, id)
	if err != nil {
		return err
	}
	note, err := s.ownership(ctx, t, g, id, "owner added")
	if err != nil {
		return err
	}
	return s.store.AddOwner(ctx, t, g, m, note)
}

// RemoveOwner takes an owner from a group; fault.NotFound when it is none.
func (s *Service) RemoveOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	note, err := s.ownership(ctx, t, g, id, "owner removed")
	if err != nil {
		return err
	}
	return s.store.RemoveOwner(ctx, t, g, id, note)
}

// membership announces a change of one person's groups, or of those of a whole
// group that moved.
func (s *Service) membership(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, activity string) (Note, error) {
	note, err := s.ownership(ctx, t, g, m.ID, activity)
	if m.Kind == directory.MemberUser {
		note.Events = []event.Event{event.UserChanged{Tenant: t, User: directory.UserID(m.ID), At: s.now()}}
	} else {
		note.Events = []event.Event{s.changed(t, "group", &event.Reach{Groups: []directory.GroupID{directory.GroupID(m.ID)}})}
	}
	return note, err
}

// ownership is the entry of a relation that a group gains or loses.
func (s *Service) ownership(ctx context.Context, t directory.TenantID, g directory.GroupID, other, activity string) (Note, error) {
	group, err := s.store.Groups().Get(ctx, t, string(g))
	if err != nil {
		return Note{}, err
	}
	e := s.entry(audit.Change, audit.Group, s.Groups().describe(&group))
	e.Activity = activity
	relation := []byte(`{"` + activity + `":"` + other + `"}`)
	e.After = relation
	return Note{Entry: &e}, nil
}
