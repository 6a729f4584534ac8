package store

import (
	"context"
	"fmt"

	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/event"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// groupsOf are the groups of a user, direct and nested. UNION, rather than
// UNION ALL, ends at a group that was seen: groups may contain each other.
const groupsOf = `WITH RECURSIVE mine (id) AS (
	SELECT group_id FROM members WHERE tenant = $1 AND user_id = $2
	UNION
	SELECT m.group_id FROM members m JOIN mine ON m.nested_id = mine.id WHERE m.tenant = $3
) SELECT id FROM mine ORDER BY id`

func groups(tx *sqldb.Tx, t directory.TenantID, u directory.UserID) ([]directory.GroupID, error) {
	var found []directory.GroupID
	err := tx.Rows(groupsOf, []any{string(t), string(u), string(t)}, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		found = append(found, directory.GroupID(id))
		return nil
	})
	return found, err
}

func (v adminView) Members(ctx context.Context, t directory.TenantID, g directory.GroupID) ([]directory.Member, error) {
	var found []directory.Member
	err := v.read(ctx, func(tx *sqldb.Tx) error {
		found = nil
		if _, err := groupTable.get(tx, string(t), string(g)); err != nil {
			return err
		}
		return tx.Rows("SELECT member_id, user_id IS NOT NULL FROM members WHERE tenant = $1 AND group_id = $2 ORDER BY member_id",
			[]any{string(t), string(g)}, func(scan func(...any) error) error {
				m := directory.Member{Kind: directory.MemberGroup}
				var user bool
				if err := scan(&m.ID, &user); err != nil {
					return err
				}
				if user {
					m.Kind = directory.MemberUser
				}
				found = append(found, m)
				return nil
			})
	})
	return found, err
}

func (v adminView) AddMember(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, events ...event.Event) error {
	column, exists := "user_id", userExists
	switch m.Kind {
	case directory.MemberUser:
	case directory.MemberGroup:
		column, exists = "nested_id", groupExists
	default:
		return fault.New(fault.Invalid, "member kind %q is none of %q, %q", m.Kind, directory.MemberUser, directory.MemberGroup)
	}
	insert := fmt.Sprintf("INSERT INTO members (tenant, group_id, member_id, %s) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, group_id, member_id) DO NOTHING", column)
	return v.write(ctx, events, func(c *change) error {
		if err := c.moveTenant(string(t)); err != nil {
			return err
		}
		if err := groupExists(c.Tx, t, string(g)); err != nil {
			return err
		}
		if err := exists(c.Tx, t, m.ID); err != nil {
			return err
		}
		n, err := c.Exec(insert, string(t), string(g), m.ID, m.ID)
		if err == nil && n == 0 {
			err = fault.New(fault.Conflict, "%s %q is a member of group %q already", m.Kind, m.ID, g)
		}
		return err
	})
}

func userExists(tx *sqldb.Tx, t directory.TenantID, id string) error {
	_, err := userTable.get(tx, string(t), id)
	return err
}

func groupExists(tx *sqldb.Tx, t directory.TenantID, id string) error {
	_, err := groupTable.get(tx, string(t), id)
	return err
}

func (v adminView) RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, events ...event.Event) error {
	return v.write(ctx, events, func(c *change) error {
		if err := c.moveTenant(string(t)); err != nil {
			return err
		}
		n, err := c.Exec("DELETE FROM members WHERE tenant = $1 AND group_id = $2 AND member_id = $3", string(t), string(g), id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "group %q has no direct member %q", g, id)
		}
		return err
	})
}
