package store

import (
	"context"
	"fmt"

	"github.com/postern-mam/postern/internal/admin"
	"github.com/postern-mam/postern/internal/directory"
	"github.com/postern-mam/postern/internal/fault"
	"github.com/postern-mam/postern/internal/store/sqldb"
)

// groupsOf are the groups of a user, direct and nested. UNION, rather than
// UNION ALL, ends at a group that was seen: groups may contain each other. SQLite
// takes a CROSS JOIN in its order; by itself it would read every member there is.
const groupsOf = `WITH RECURSIVE mine (id) AS (
	SELECT group_id FROM members WHERE tenant = $1 AND user_id = $2
	UNION
	SELECT m.group_id FROM mine CROSS JOIN members m WHERE m.nested_id = mine.id AND m.tenant = $3
) SELECT id FROM mine ORDER BY id`

// groupsWithout are groupsOf as if one membership, or every one of a group, were
// not.
const groupsWithout = `WITH RECURSIVE mine (id) AS (
	SELECT group_id FROM members WHERE tenant = $1 AND user_id = $2 AND NOT (group_id = $3 AND ($4 = '' OR member_id = $5))
	UNION
	SELECT m.group_id FROM mine CROSS JOIN members m WHERE m.nested_id = mine.id AND m.tenant = $6 AND NOT (m.group_id = $7 AND ($8 = '' OR m.member_id = $9))
) SELECT id FROM mine ORDER BY id`

// groupsAround are the groups that a group is in, direct and nested.
const groupsAround = `WITH RECURSIVE around (id) AS (
	SELECT group_id FROM members WHERE tenant = $1 AND nested_id = $2
	UNION
	SELECT m.group_id FROM around CROSS JOIN members m WHERE m.nested_id = around.id AND m.tenant = $3
) SELECT id FROM around ORDER BY id`

func groups(tx *sqldb.Tx, t directory.TenantID, u directory.UserID) ([]directory.GroupID, error) {
	return groupIDs(tx, groupsOf, string(t), string(u), string(t))
}

func groupIDs(tx *sqldb.Tx, query string, args ...any) ([]directory.GroupID, error) {
	var found []directory.GroupID
	err := tx.Rows(query, args, func(scan func(...any) error) error {
		var id string
		if err := scan(&id); err != nil {
			return err
		}
		found = append(found, directory.GroupID(id))
		return nil
	})
	return found, err
}

func (v adminView) Members(ctx context.Context, t directory.TenantID, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return v.related(ctx, t, g, "SELECT member_id, CASE WHEN user_id IS NULL THEN 'group' ELSE 'user' END FROM members WHERE tenant = $1 AND group_id = $2 AND member_id > $3 ORDER BY member_id LIMIT $4",
		string(t), string(g), q.After, limit(q))
}

// inside are the groups in a group, direct and nested.
const inside = `WITH RECURSIVE inside (id) AS (
	SELECT nested_id FROM members WHERE tenant = $1 AND group_id = $2 AND nested_id IS NOT NULL
	UNION
	SELECT m.nested_id FROM members m JOIN inside ON m.group_id = inside.id WHERE m.tenant = $3 AND m.nested_id IS NOT NULL
) `

func (v adminView) TransitiveMembers(ctx context.Context, t directory.TenantID, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return v.related(ctx, t, g, inside+`SELECT DISTINCT member_id, CASE WHEN user_id IS NULL THEN 'group' ELSE 'user' END FROM members
		WHERE tenant = $4 AND (group_id = $5 OR group_id IN (SELECT id FROM inside)) AND member_id > $6 AND member_id <> $7 ORDER BY member_id LIMIT $8`,
		string(t), string(g), string(t), string(t), string(g), q.After, string(g), limit(q))
}

func (v adminView) Owners(ctx context.Context, t directory.TenantID, g directory.GroupID, q admin.Query) ([]directory.Member, error) {
	return v.related(ctx, t, g, "SELECT owner_id, CASE WHEN user_id IS NULL THEN 'servicePrincipal' ELSE 'user' END FROM owners WHERE tenant = $1 AND group_id = $2 AND owner_id > $3 ORDER BY owner_id LIMIT $4",
		string(t), string(g), q.After, limit(q))
}

func limit(q admin.Query) int64 {
	if q.Limit <= 0 {
		return defaultPage
	}
	return int64(q.Limit)
}

// related lists what a query finds for a group that exists.
func (v adminView) related(ctx context.Context, t directory.TenantID, g directory.GroupID, query string, args ...any) ([]directory.Member, error) {
	var found []directory.Member
	err := v.read(ctx, func(tx *sqldb.Tx) error {
		found = nil
		if err := groupExists(tx, t, string(g)); err != nil {
			return err
		}
		return tx.Rows(query, args, func(scan func(...any) error) error {
			var id, kind string
			err := scan(&id, &kind)
			found = append(found, directory.Member{Kind: directory.MemberKind(kind), ID: id})
			return err
		})
	})
	return found, err
}

func (v adminView) MemberOf(ctx context.Context, t directory.TenantID, id string, q admin.Query) ([]directory.Group, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]directory.Group, error) {
		return groupTable.list(tx, `WHERE tenant = $1 AND id IN (SELECT group_id FROM members WHERE tenant = $2 AND member_id = $3) AND id > $4 ORDER BY id LIMIT $5`,
			string(t), string(t), id, q.After, limit(q))
	})
}

func (v adminView) TransitiveMemberOf(ctx context.Context, t directory.TenantID, id string, q admin.Query) ([]directory.Group, error) {
	return one(ctx, v.Store, func(tx *sqldb.Tx) ([]directory.Group, error) {
		return groupTable.list(tx, `WHERE tenant = $1 AND id IN (
			WITH RECURSIVE mine (id) AS (
				SELECT group_id FROM members WHERE tenant = $2 AND member_id = $3
				UNION
				SELECT m.group_id FROM mine CROSS JOIN members m WHERE m.nested_id = mine.id AND m.tenant = $4
			) SELECT id FROM mine
		) AND id > $5 AND id <> $6 ORDER BY id LIMIT $7`, string(t), string(t), id, string(t), q.After, id, limit(q))
	})
}

func (v adminView) AddOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, notes ...admin.Note) error {
	var user any
	if m.Kind == directory.MemberUser {
		user = m.ID
	}
	return v.write(ctx, nil, func(c *change) error {
		if err := groupExists(c.Tx, t, string(g)); err != nil {
			return err
		}
		added, err := c.Exec("INSERT INTO owners (tenant, group_id, owner_id, user_id) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, group_id, owner_id) DO NOTHING",
			string(t), string(g), m.ID, user)
		if err == nil && added == 0 {
			err = fault.New(fault.Conflict, "%s %q owns group %q already", m.Kind, m.ID, g)
		}
		if err != nil {
			return err
		}
		return c.note(notes)
	})
}

func (v adminView) RemoveOwner(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, notes ...admin.Note) error {
	return v.write(ctx, nil, func(c *change) error {
		removed, err := c.Exec("DELETE FROM owners WHERE tenant = $1 AND group_id = $2 AND owner_id = $3", string(t), string(g), id)
		if err == nil && removed == 0 {
			err = fault.New(fault.NotFound, "group %q has no owner %q", g, id)
		}
		if err != nil {
			return err
		}
		return c.note(notes)
	})
}

func (v adminView) AddMember(ctx context.Context, t directory.TenantID, g directory.GroupID, m directory.Member, notes ...admin.Note) error {
	column, exists := "user_id", userExists
	switch m.Kind {
	case directory.MemberUser:
	case directory.MemberGroup:
		column, exists = "nested_id", groupExists
	default:
		return fault.New(fault.Invalid, "member kind %q is none of %q, %q", m.Kind, directory.MemberUser, directory.MemberGroup)
	}
	insert := fmt.Sprintf("INSERT INTO members (tenant, group_id, member_id, %s) VALUES ($1, $2, $3, $4) ON CONFLICT (tenant, group_id, member_id) DO NOTHING", column)
	return v.write(ctx, nil, func(c *change) error {
		if err := c.judgedBy(string(t), notes); err != nil {
			return err
		}
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
		if err != nil {
			return err
		}
		return c.note(notes)
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

func (v adminView) RemoveMember(ctx context.Context, t directory.TenantID, g directory.GroupID, id string, notes ...admin.Note) error {
	return v.write(ctx, nil, func(c *change) error {
		if err := c.judgedBy(string(t), notes); err != nil {
			return err
		}
		if err := c.moveTenant(string(t)); err != nil {
			return err
		}
		n, err := c.Exec("DELETE FROM members WHERE tenant = $1 AND group_id = $2 AND member_id = $3", string(t), string(g), id)
		if err == nil && n == 0 {
			err = fault.New(fault.NotFound, "group %q has no direct member %q", g, id)
		}
		if err != nil {
			return err
		}
		return c.note(notes)
	})
}
