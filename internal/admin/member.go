package admin

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/postern-mam/postern/internal/access"
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
	return s.move(ctx, t, m, access.Membership{Group: g, Member: id}, func(note Note) error { return s.store.AddMember(ctx, t, g, m, note) })
}

// RemoveMember takes a direct member out of a group; fault.NotFound when it is none.
func (s *Service) RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	m, err := s.Member(ctx, t, id)
	if err != nil {
		return err
	}
	return s.move(ctx, t, m, access.Membership{Group: g, Member: id, Leaves: true}, func(note Note) error { return s.store.RemoveMember(ctx, t, g, id, note) })
}

// move judges a change of a group's members, and saves it.
func (s *Service) move(ctx context.Context, t directory.TenantID, m directory.Member, c access.Membership, save func(Note) error) error {
	return s.judge(ctx, t, func(basis int64) error {
		note, err := s.membership(ctx, t, c.Group, m, !c.Leaves)
		if err != nil {
			return err
		}
		if err := s.membershipAdmits(ctx, t, m, c); err != nil {
			return err
		}
		note.Basis = basis
		return save(note)
	})
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
	note, err := s.relation(ctx, t, g, related{"owner", id, true})
	if err != nil {
		return err
	}
	return s.store.AddOwner(ctx, t, g, m, note)
}

// RemoveOwner takes an owner from a group; fault.NotFound when it is none.
func (s *Service) RemoveOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, id string) error {
	note, err := s.relation(ctx, t, g, related{"owner", id, false})
	if err != nil {
		return err
	}
	return s.store.RemoveOwner(ctx, t, g, id, note)
}

// membership announces a change of one person's groups, or of those of a whole
// group that moved.
func (s *Service) membership(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, joins bool) (Note, error) {
	note, err := s.relation(ctx, t, g, related{"member", m.ID, joins})
	if m.Kind == directory.MemberUser {
		note.Events = []event.Event{event.UserChanged{Tenant: t, User: directory.UserID(m.ID), At: s.now()}}
	} else {
		note.Events = []event.Event{s.changed(t, "group", &event.Reach{Groups: []directory.GroupID{directory.GroupID(m.ID)}})}
	}
	return note, err
}

// related is what a group gains or loses.
type related struct {
	as   string // "member" or "owner"
	id   string
	join bool
}

// relation is the entry of a relation: what a group gains is there after the
// change, what it loses was there before.
func (s *Service) relation(ctx context.Context, t directory.TenantID, g directory.GroupID, r related) (Note, error) {
	group, err := s.store.Groups().Get(ctx, t, string(g))
	if err != nil {
		return Note{}, err
	}
	doc, err := json.Marshal(map[string]string{r.as: r.id})
	if err != nil {
		return Note{}, fmt.Errorf("record of %s: %w", r.as, err)
	}
	e := s.entry(audit.Change, audit.Group, s.Groups().describe(&group))
	e.Revision = group.Revision
	if r.join {
		e.Activity, e.After = r.as+" added", doc
	} else {
		e.Activity, e.Before = r.as+" removed", doc
	}
	return Note{Entry: &e}, nil
}

// mostNamed is how many members of a group that goes are announced by name.
const mostNamed = 500

// left says whom the end of a group can affect: its members, who cannot be found
// by it any more. Very many are not named one by one: it can affect everyone then.
func (s *Service) left(ctx context.Context, g directory.Group) ([]event.Event, error) {
	members, err := s.store.Members(ctx, g.Tenant, g.ID, Query{Limit: mostNamed + 1})
	if err != nil {
		return nil, err
	}
	if len(members) > mostNamed {
		return []event.Event{s.changed(g.Tenant, "group", &event.Reach{AllUsers: true})}, nil
	}
	reach := &event.Reach{}
	var people []event.Event
	for _, m := range members {
		if m.Kind == directory.MemberUser {
			people = append(people, event.UserChanged{Tenant: g.Tenant, User: directory.UserID(m.ID), At: s.now()})
		} else {
			reach.Groups = append(reach.Groups, directory.GroupID(m.ID))
		}
	}
	return append([]event.Event{s.changed(g.Tenant, "group", reach)}, people...), nil
}
